"""Profiles and candidates: values with provenance, inheritance, errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsu.profile import KEYS, ProfileError, load_candidate, load_profile

SHIPPED = Path(__file__).resolve().parents[2] / "scenarios"


def entry(value, basis="sourced", source="a document"):
    return {"value": value, "basis": basis, "source": source}


def profile(name="p", **rest):
    return {"schema": "profile/1", "name": name, **rest}


def errors_of(source, **options) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load_profile(source, **options)
    return str(caught.value).splitlines()


def test_the_national_profile_holds_the_published_numbers() -> None:
    """Printed: GB/T 45315-2025 (BSM 100 ms, certificate 450 ms), T/CSAE 159-2020 (MAP, SPAT, RSI)."""
    national = load_profile(SHIPPED / "profiles" / "cn-lte-v2x-day1.yaml")
    assert national.value("rates.bsm_period_ms") == 100
    assert national.value("rates.map_period_ms") == 1000
    assert national.value("rates.spat_period_ms") == 500
    assert national.value("rates.rsi_static_period_ms") == 1000
    assert national.value("rates.rsi_semi_static_period_ms") == 500
    assert national.value("rates.rsi_dynamic_period_ms") == 100
    assert national.value("security.certificate_period_ms") == 450
    assert (national.value("eirp_limit_rsu_dbm"), national.value("eirp_limit_obu_dbm")) == (29, 26)
    assert national.value("band") == "5905-5925"


def test_what_rests_on_memory_or_assumption_is_said() -> None:
    """By hand: the marks given to these keys in the profile's own sources."""
    national = load_profile(SHIPPED / "profiles" / "cn-lte-v2x-day1.yaml")
    assert set(national.illustrative_keys()) == {"eirp_limit_obu_dbm", "datum", "siting", "decode_policy"}
    assert national.entry("eirp_limit_obu_dbm").basis == "memory"


def test_every_key_set_in_the_national_profile_has_a_source() -> None:
    """Property: provenance is never empty; a key left open has no value."""
    national = load_profile(SHIPPED / "profiles" / "cn-lte-v2x-day1.yaml")
    assert all(one.source.strip() for one in national.entries.values())
    assert set(national.entries) < set(KEYS)
    assert national.get("region_id") is None
    with pytest.raises(ValueError, match="region_id: left open"):
        national.value("region_id")


def test_a_child_changes_what_it_names_and_inherits_the_rest(tmp_path) -> None:
    """By hand: one key changed, provenance tells who set what."""
    (tmp_path / "child.yaml").write_text(
        "schema: profile/1\nname: child\nkind: national\ninherits: cn-lte-v2x-day1\nkeys:\n"
        "  rates:\n    spat_period_ms: {value: 100, basis: assumption, source: test}\n"
    )
    child = load_profile("child", [tmp_path, SHIPPED / "profiles"])
    assert child.value("rates.spat_period_ms") == 100
    assert child.value("rates.map_period_ms") == 1000
    assert child.entry("rates.spat_period_ms").set_in == "child"
    assert child.entry("rates.map_period_ms").set_in == "cn-lte-v2x-day1"


def test_inheritance_in_a_circle_is_refused(tmp_path) -> None:
    """By hand: a -> b -> a."""
    (tmp_path / "a.yaml").write_text("schema: profile/1\nname: a\ninherits: b\n")
    (tmp_path / "b.yaml").write_text("schema: profile/1\nname: b\ninherits: a\n")
    assert "profiles inherit in a circle: a -> b -> a" in errors_of(tmp_path / "a.yaml")[0]


def test_a_missing_parent_is_named_with_the_nearest(tmp_path) -> None:
    """By hand: line and column of the name, and what it should have been."""
    file = tmp_path / "child.yaml"
    file.write_text("schema: profile/1\nname: child\ninherits: cn-lte-v2x-dya1\n")
    (line,) = errors_of(file, folders=[SHIPPED / "profiles"])
    assert line.startswith(f"{file}:3:11: inherits: cn-lte-v2x-dya1: no such profile")
    assert "did you mean 'cn-lte-v2x-day1'?" in line


def test_all_errors_of_a_profile_come_at_once(tmp_path) -> None:
    """By hand: five mistakes, each with its line."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "schema: profile/1\nname: bad\nkeys:\n"
        "  acces: {value: x, basis: sourced, source: s}\n"
        "  bandwidth_mhz: {value: wide, basis: sourced, source: s}\n"
        "  datum: {value: WGS84, basis: guess, source: s}\n"
        "  rates:\n    map_period_ms: {value: 1000, basis: sourced}\n"
        "  region_id: {value: 310118, basis: sourced, source: s}\n"
    )
    lines = errors_of(file)
    assert len(lines) == 5
    assert lines[0] == f"{file}:4:3: keys.acces: unknown key; did you mean 'access'?"
    assert lines[1].startswith(f"{file}:5:26: keys.bandwidth_mhz.value: wide: must be a number")
    assert lines[2].startswith(f"{file}:6:32: keys.datum.basis: guess: must be one of")
    assert lines[3].startswith(f"{file}:8:20: keys.rates.map_period_ms.source: must say")
    assert lines[4].startswith(
        f"{file}:9:22: keys.region_id.value: 310118: must be a whole number from 0 to 65535"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bandwidth_mhz", True),
        ("decode_policy", "loose"),
        ("siting", {"arterial_spacing_m": 5}),
        ("siting", {"spacing_m": 400}),
        ("access", ""),
        ("eirp_limit_rsu_dbm", float("nan")),
    ],
)
def test_values_out_of_range_are_refused(key: str, value) -> None:
    """By hand: each breaks its key's rule."""
    (line,) = errors_of(profile(keys={key: entry(value)}))
    assert f"keys.{key}.value" in line and "must be" in line


def test_a_profile_reads_back_from_its_plain_form() -> None:
    """Property: plain data of a profile loads to the same plain data, provenance included."""
    national = load_profile(SHIPPED / "profiles" / "cn-lte-v2x-day1.yaml")
    assert load_profile(national.plain()) == national


def test_a_candidate_says_which_profile_holds_where() -> None:
    """By hand: a named jurisdiction, the star, and none."""
    content = {
        "schema": "candidate/1",
        "name": "two",
        "profiles": {"SH": profile("shanghai", keys={"region_id": entry(3101)}), "*": profile("rest")},
    }
    two = load_candidate(content)
    assert two.profile("SH").value("region_id") == 3101
    assert two.profile("JS").name == "rest"
    assert two.harmonised, "numbers of regions tell places apart: they harmonise nothing away"
    only = load_candidate({**content, "profiles": {"SH": profile("shanghai")}})
    assert not only.holds_in("JS")
    with pytest.raises(ValueError, match="no profile holds in 'JS'"):
        only.profile("JS")


def test_the_harmonised_candidate_is_the_national_profile_everywhere() -> None:
    """By hand: one profile for any jurisdiction; the plain form reads back."""
    candidate = load_candidate("harmonised-day1", [SHIPPED / "candidates"])
    assert candidate.harmonised
    assert candidate.profile("SH") == candidate.profile("ZJ")
    assert candidate.profile("ZJ").name == "cn-lte-v2x-day1"
    assert load_candidate(candidate.plain()) == candidate


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ({"schema": "candidate/2", "name": "x"}, "must be candidate/1"),
        ({"schema": "candidate/1", "name": "x"}, "must map jurisdictions"),
        ({"schema": "candidate/1", "name": "x", "profiles": {"*": 3}}, "must be a profile's name"),
        ({"schema": "candidate/1", "name": "x", "profiles": {"*": "nowhere"}}, "no such profile"),
        ({"schema": "candidate/1", "name": "x", "profile": {}}, "did you mean 'profiles'?"),
        ({"schema": "candidate/1", "name": "x", "hazards": "H12", "profiles": {}}, "must be a list of words"),
    ],
)
def test_candidates_that_are_refused(content, rule: str) -> None:
    """By hand: one mistake each."""
    with pytest.raises(ProfileError, match=rule.replace("?", r"\?")):
        load_candidate(content)
