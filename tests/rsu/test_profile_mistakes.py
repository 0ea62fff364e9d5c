"""Profiles and candidates that are refused: file, line, field, value and rule; and no content whatever is a crash."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.document import write_document
from rsu.profile import KEYS, Candidate, Profile, ProfileError, load_candidate, load_profile
from tests.rsu.profile_cases import candidate, difference, divided, entry, profile, row, spoken

NONE = {"state": "none", "from": ["SH"], "to": ["JS"]}


def lines_of(content: Any, load: Any = load_candidate) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load(content)
    return str(caught.value).splitlines()


def test_all_mistakes_of_a_candidate_and_its_profiles_come_at_once(tmp_path) -> None:
    """By hand: one mistake per line, each named with its file, line and column."""
    (tmp_path / "nation.yaml").write_text(
        "schema: profile/1\nname: nation\nkeys:\n"
        "  datum: {value: Mars, basis: sourced, source: s}\n"
        "  message_set: {value: csae53, basis: sourced, source: s}\n"
    )
    (tmp_path / "region.yaml").write_text(
        "schema: profile/1\nname: region\nkind: regional\ninherits: nation\nkeys:\n"
        "  region_id: {value: 3101, basis: assumption, source: s}\n"
        "  bounds:\n    rsu_range_m: {value: far, basis: sourced, source: s}\n"
    )
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: candidate/1\nname: mine\nhazards: [H4, H99]\nsites: anywhere\n"
        "profiles: {SH: region, JS: nation, ZJ: natoin}\n"
        "differences:\n"
        "  SH:\n"
        "    - {key: datum, value: WGS84, basis: sourced, source: s}\n"
        "    - {key: datun, value: WGS84, basis: sourced, source: s, hazard: H11}\n"
        "trust:\n"
        "  - {home: [SH], issuer: [], state: none, hazard: H4, basis: sourced, source: s}\n"
        "  - {home: [SH], issuer: [JS], state: never, hazard: H5, basis: guess}\n"
    )
    found = [line.replace(f"{tmp_path}/", "") for line in lines_of(file)]
    expected = [
        "nation.yaml:4:18: keys.datum.value: Mars: must be one of WGS84, CGCS2000, GCJ-02",
        "nation.yaml:5:24: keys.message_set.value: csae53: no such message set: csae53; did you mean 'csae53-2020'?",
        "region.yaml:6:35: keys.region_id.basis: assumption: a regional profile holds sourced and computed values only",
        "region.yaml:8:26: keys.bounds.rsu_range_m.value: far: must be a comparison such as",
        "mine.yaml:5:40: profiles.ZJ: natoin: no such profile; did you mean 'nation'?",
        "mine.yaml:3:15: hazards.1: H99: no such hazard",
        "mine.yaml:4:8: sites: anywhere: must be one of scenario, profiles",
        "mine.yaml:8:7: differences.SH.0.hazard: must say which hazard this exercises",
        "mine.yaml:9:13: differences.SH.1.key: datun: must be the key of a profile; did you mean 'datum'?",
        "mine.yaml:9:69: differences.SH.1.hazard: H11: must be listed in the candidate's hazards",
        "mine.yaml:11:26: trust.0.issuer: must be a list of places",
        "mine.yaml:12:39: trust.1.state: never: must be one of full, none, pending",
        "mine.yaml:12:54: trust.1.hazard: H5: must be listed in the candidate's hazards",
        "mine.yaml:12:65: trust.1.basis: guess: must be one of",
        "mine.yaml:12:5: trust.1.source: must say where the value comes from",
    ]
    missing = [want for want in expected if not any(line.startswith(want) for line in found)]
    assert missing == [], found
    assert len(found) == len(expected)


@pytest.mark.parametrize(("key", "value", "rule"), [
    ("decoders", ["csae53-2017", "csae54"], "no such message set: csae54"),
    ("decoders", "csae53-2017", "must be a list"),
    ("network", "dmsp", "no such network layer: dmsp; did you mean 'dsmp'?"),
    ("security.envelope", "none", "no such security envelope: none"),
    ("channel.listen_obu", [], "list of different words (whole, lower, upper)"),
    ("channel.listen_obu", ["whole", "whole"], "list of different words"),
    ("channel.listen_rsu", ["middle"], "list of different words"),
    ("channel.send_obu", ["lower"], "must be one of whole, lower, upper"),
    ("security.suites", ["rsa"], "(sm2, ecdsa-p256"),
    ("security.cert_region", "somewhere", "must be everywhere or a list"),
    ("security.cert_region", [], "must be everywhere or a list"),
    ("security.permissions", [112, 112], "must be all or a list of different application ids"),
    ("security.permissions", "none", "must be all or a list"),
    ("security.expired_ratio", 1.5, "from 0 to 1"),
    ("region_id", "none", "or the word absent"),
    ("event_codes", {"a": 1}, "must map event codes"),
    ("event_codes", {1: 70000}, "must map event codes"),
    ("datum", "wgs84", "must be one of WGS84"),
    ("siting", {"rule": "no-such-rule"}, "a published rule"),
    ("antenna_height_rsu_m", 0, "from 1 to 40"),
    ("bounds.safety_rate_hz", 10, "must be a comparison"),
])
def test_values_that_no_key_takes(key: str, value: Any, rule: str) -> None:
    """By hand: one mistake each, in a profile and as a difference alike."""
    group, _, leaf = key.rpartition(".")
    (line,) = lines_of(profile(keys={group: {leaf: entry(value)}} if group else {leaf: entry(value)}), load_profile)
    assert f"keys.{key}.value" in line and rule in line
    (line,) = lines_of(candidate(hazards=["H1"], differences={"SH": [difference(key, value, "H1")]}))
    assert "differences.SH.0.value" in line and rule in line


@pytest.mark.parametrize(("content", "field", "rule"), [
    ({"hazards": ["H1", "H1"]}, "hazards.1", "twice"),
    ({"hazards": [3]}, "hazards", "must be a list of words"),
    ({"differences": [1]}, "differences", "must map places"),
    ({"differences": {"SH": 1}}, "differences.SH", "must be a list"),
    ({"differences": {"SH": [1]}}, "differences.SH.0", "must be {key"),
    ({"hazards": ["H1"], "differences": {"SH": [difference("datum", "WGS84", "H1")] * 2}}, "differences.SH.1.key",
     "is set in difference 0 already"),
    ({"profiles": {"SH": spoken()}, "hazards": ["H1"], "differences": {"SHH": [difference("datum", "WGS84", "H1")]}},
     "differences.SHH", "no profile holds in a place of that name; did you mean 'SH'?"),
    ({"trust": {}}, "trust", "must be a list of rows"),
    ({"trust": [3]}, "trust.0", "must be {home"),
    ({"hazards": ["H4"], "trust": [row("H4", home=["SH"], issuer=["SH"], state="none")]}, "trust.0.issuer",
     "must name another place"),
    ({"trust": [row(None, home=["SH"], issuer=["JS"], state="none")]}, "trust.0.hazard", "must say which hazard"),
    ({"hazards": ["H4b"], "trust": [row("H4b", home=["SH"], issuer=["JS"], state="pending")]}, "trust.0.tau_s",
     "above 0"),
    ({"hazards": ["H4"], "trust": [row("H4", home=["SH"], issuer=["JS"], state="none", tau_s=3)]}, "trust.0.tau_s",
     "belongs to state pending only"),
    ({"hazards": ["H4"], "trust": [row("H4", home=["SH"], issuer=["JS"], state="none", since=3)]}, "trust.0.since",
     "unknown key"),
    ({"hazards": ["H14"], "relays": [row("H14", **NONE, delay_ms=3)]}, "relays.0.delay_ms", "belongs to state delay"),
    ({"hazards": ["H14"], "relays": [row("H14", **{**NONE, "state": "delay"})]}, "relays.0.delay_ms", "from 0"),
    ({"hazards": ["H14"], "relays": [row("H14", **{**NONE, "to": ["XX", 3]})]}, "relays.0.to", "list of places"),
    ({"profiles": {"SH": spoken(), "JS": spoken()}, "hazards": ["H14"],
      "relays": [row("H14", **{**NONE, "to": ["XX"]})]}, "relays.0.to.0", "no profile holds"),
    ({"gateway": {"within_m": 3, "basis": "sourced", "source": "s"}}, "gateway", "must name two"),
    ({"gateway": 3}, "gateway", "must be {within_m"),
    ({"profiles": {"*": spoken(), "JS": spoken()}, "gateway": {"within_m": 0, "basis": "sourced", "source": "s"}},
     "gateway.within_m", "above 0"),
    ({"harmonised": 3}, "harmonised", "must be a profile's name"),
    ({"profiles": {"SH": spoken(), "JS": spoken(datum=entry("GCJ-02"))}, "hazards": ["H11"]}, "harmonised",
     "is required"),
    ({"sites": "profiles", "hazards": ["H13"]}, "sites", "has no siting"),
    ({"profiles": {"SH": spoken(security={**spoken()["keys"]["security"], "cert_region": entry(["XX"])})}},
     "profiles.SH", "security.cert_region: XX: no profile holds there"),
])
def test_mistakes_of_candidates(content: dict[str, Any], field: str, rule: str) -> None:
    """By hand: one mistake each."""
    (line,) = lines_of(candidate(**content))
    assert line.startswith(f"candidate: {field}: ") and rule in line


@pytest.mark.parametrize(("key", "value", "hazard"), [
    ("message_set", "ydt3709-2020", "H1"), ("datum", "GCJ-02", "H11"), ("network", "wsmp", "H9"),
    ("region_id", "absent", "H12"), ("node_ids", "own", "H12"), ("bandwidth_mhz", 10, "H7"), ("access", "ideal", "H8"),
    ("decoders", ["csae53-2017"], "H1"),
])
def test_what_differs_must_be_listed(key: str, value: Any, hazard: str) -> None:
    """By hand: else the case to compare with would not be harmonised; the key, the places and the hazard are named."""
    profiles = {"SH": spoken("a"), "JS": spoken("b", **{key: entry(value)})}
    (line,) = lines_of(candidate(profiles=profiles, harmonised=spoken()))
    assert line.startswith(f"candidate: profiles.JS: {key} differs between places (SH ")
    assert f"list hazard {hazard}" in line
    assert not load_candidate(candidate(profiles=profiles, harmonised=spoken(), hazards=[hazard])).harmonised


def test_siting_matters_only_where_units_stand_by_it() -> None:
    """By hand: with the scenario's layout a profile's siting changes nothing."""
    profiles = {"SH": spoken("a"), "*": spoken("b", siting=entry({"arterial_spacing_m": 250}))}
    assert load_candidate(candidate(profiles=profiles)).harmonised
    (line,) = lines_of(candidate(profiles=profiles, sites="profiles"))
    assert "siting differs between places (SH unset" in line and "list hazard H13" in line


def test_the_chain_of_ancestors_ends(tmp_path) -> None:
    """By hand: a circle through three files, a file that is its own parent, and twenty-odd generations."""
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "d")):
        (tmp_path / f"{name}.yaml").write_text(f"schema: profile/1\nname: {name}\ninherits: {parent}\n")
    (line,) = lines_of(tmp_path / "a.yaml", load_profile)
    assert line == f"{tmp_path}/a.yaml:3:11: inherits: b: profiles inherit in a circle: a -> b -> c -> a"
    (line,) = lines_of(tmp_path / "d.yaml", load_profile)
    assert line.endswith("d.yaml:3:11: inherits: d: profiles inherit in a circle: d -> d")
    content = profile("p0")
    for number in range(1, 25):
        content = profile(f"p{number}", inherits=content)
    (line,) = lines_of(content, load_profile)
    assert "more than 20 profiles inherit in a row" in line


def test_a_number_of_thousands_of_digits_is_refused_like_any_other(tmp_path) -> None:
    """By hand: 4000 hexadecimal digits are more than Python writes out in decimal."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "schema: profile/1\nname: p\nkeys:\n"
        f"  bandwidth_mhz: {{value: 0x{'f' * 4000}, basis: sourced, source: s}}\n"
    )
    (line,) = lines_of(file, load_profile)
    assert line.startswith(f"{file}:4:26: keys.bandwidth_mhz.value: 0xfff") and line.endswith("from 5 to 100")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["SH", "*", "H4", "none", "sourced", "WGS84", "lower", "all"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=6) | st.just("value"), inner, max_size=3),
    max_leaves=6,
)
WHOLE = divided(
    gateway={"within_m": 800, "delay_ms": 20, "basis": "assumption", "source": "s"},
    trust=[row("H4", home=["JS"], issuer=["SH"], state="pending", from_s=1, tau_s=2)],
)


def places_in(content: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key path of nested data."""
    yield here
    steps = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for step, inner in steps:
        yield from places_in(inner, (*here, step))


WHERE = [path for path in places_in(WHOLE) if path]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WHERE), ANYTHING), min_size=1, max_size=3), st.booleans())
def test_any_content_is_a_candidate_or_a_list_of_clear_lines(tmp_path_factory, changes, by_file: bool) -> None:
    """Property: whatever stands anywhere in a candidate, as data or as a file: problems with a place and a rule."""
    content: Any = copy.deepcopy(WHOLE)
    for path, value in changes:
        inner = content
        try:
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    source: Any = content
    if by_file:
        source = Path(tmp_path_factory.getbasetemp()) / "fuzzed.yaml"
        source.write_text(write_document(content), encoding="utf-8")
    try:
        found = load_candidate(source)
    except ProfileError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.where and problem.rule and "\n" not in str(problem)
            assert not by_file or re.search(r"fuzzed\.yaml(:\d+:\d+)?$", problem.where) or problem.field == ""
    else:
        assert isinstance(found, Candidate) and load_candidate(found.plain()).plain() == found.plain()
        assert found.without(found.exercised).one_speaker


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(KEYS)), ANYTHING)
def test_any_value_of_any_key_is_taken_or_refused(key: str, value: Any) -> None:
    """Property: what is taken reads back to the same, has an effective value and can be compared."""
    group, _, leaf = key.rpartition(".")
    content = profile(keys={group: {leaf: entry(value)}} if group else {leaf: entry(value)})
    try:
        found = load_profile(content)
    except ProfileError as error:
        assert error.problems and f"keys.{key}" in str(error)
        return
    assert isinstance(found, Profile) and load_profile(found.plain()) == found
    assert found.effective(key) is not None and hash(found.spoken()) == hash(load_profile(found.plain()).spoken())


def test_an_assumed_key_of_a_region_cannot_hide(tmp_path) -> None:
    """By hand: neither behind a bad value of the same key, nor behind another profile's name."""
    nation = profile("nation", {"datum": entry("WGS84")})
    hidden = {**entry("GCJ-02", "assumption"), "set_in": "nation"}
    region = profile("region", {"datum": entry("Mars", "assumption"), "feed_datum": hidden}, inherits=nation)
    told = lines_of(region, load_profile)
    assert any("keys.datum.basis: assumption: a regional profile holds" in line for line in told)
    assert any("keys.datum.value: Mars" in line for line in told)
    assert any("keys.feed_datum.set_in: unknown key" in line for line in told)
    written_out = load_profile(profile("region", {"map_datum": entry("WGS84")}, inherits=nation)).plain()
    assert load_profile(written_out).plain() == written_out


def test_a_group_without_keys_and_a_file_that_is_not_there(tmp_path) -> None:
    """By hand: neither is taken for a misspelt name."""
    assert lines_of(profile("p", {"bounds": [1], "security": 3}), load_profile) == [
        "profile: keys.bounds: must be a mapping of keys", "profile: keys.security: 3: must be a mapping of keys",
    ]
    missing = str(tmp_path / "no.yaml")
    assert lines_of(missing, load_profile) == [f"{missing}: no such file of a profile"]
    assert lines_of(missing) == [f"{missing}: no such file of a candidate"]
