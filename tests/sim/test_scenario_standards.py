"""Section ``standards`` of a scenario: what stages need of profiles, regions, views, and what a candidate changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rsu.document import write_document
from sim.scenario import LoadedScenario, ScenarioError, load
from sim.scenario.loader import load_mapping
from tests.rsu.profile_cases import candidate, difference, entry, profile, row, spoken, unknown
from tests.sim.cli_cases import outcome

SHIPPED = Path(__file__).resolve().parents[2] / "scenarios"
SITES = entry({"at_nodes": True, "arterial_spacing_m": 300})


def scenario(**standards: Any) -> dict[str, Any]:
    """Two jurisdictions on two kilometres of road."""
    return {
        "schema": "corridor/1", "name": "two", "duration_s": 5,
        "corridor": {
            "datum": "WGS84",
            "points": [
                {"lat": 31.00, "lon": 120.87, "name": "start"}, {"lat": 31.01, "lon": 120.87, "name": "border"},
                {"lat": 31.02, "lon": 120.87, "name": "end"},
            ],
            "jurisdictions": [
                {"id": "A", "region_id": 1, "spans": [{"to_point": "border"}]},
                {"id": "B", "region_id": 2, "spans": [{"from_point": "border"}]},
            ],
        },
        "layout": {"rules": [{"spacing_m": 400}]},
        "standards": standards,
    }


def lines_of(**standards: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_mapping(scenario(**standards))
    return str(caught.value).splitlines()


def pair(one: dict[str, Any], other: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A candidate of two profiles; the second is what both fall back to."""
    return candidate(profiles={"A": one, "*": other}, **rest)


@pytest.mark.parametrize(("key", "stage"), [
    ("message_set", "decoded"), ("network", "header"), ("security.envelope", "verified"),
    ("security.certificate_bytes_obu", "verified"), ("security.certificate_bytes_rsu", "verified"),
])
@pytest.mark.parametrize("known", [False, True])
def test_a_key_that_a_stage_needs_is_named_with_the_stage(key: str, stage: str, known: bool) -> None:
    """By hand: left open and fixed but not known are two different things; both stop the run before it begins."""
    bare = spoken("bare")
    keys: dict[str, Any] = bare["keys"]
    *group, leaf = key.split(".")
    inner = keys[group[0]] if group else keys
    if known:
        inner[leaf] = unknown()
    else:
        del inner[leaf]
    (line,) = lines_of(candidate=candidate(profiles={"A": spoken(), "B": bare}, harmonised=spoken(),
                                           hazards=["H1", "H6", "H9", "H15"]))
    state = "not known in" if known else "left open by"
    assert line.startswith("scenario:") and f"standards.candidate: c: {key}: {state} profile bare" in line
    assert line.endswith(f"in force in B; stage {stage} needs it")


def test_a_message_set_for_everybody_brings_what_profiles_leave_open() -> None:
    """By hand: the set's own network layer, envelope and certificates stand in for those that are missing."""
    loaded = load_mapping(scenario(candidate=candidate(profiles={"*": profile("bare")}), message_set="etsi-its"))
    assert loaded.candidate.profile("A").get("network") is None
    assert len(lines_of(candidate=candidate(profiles={"*": profile("bare")}))) == 5


def test_the_profile_that_all_fall_back_to_must_be_whole_as_well() -> None:
    """By hand: harmonising part of a candidate would else end in a profile that cannot run."""
    content = candidate(profiles={"A": spoken(), "B": spoken()}, harmonised=profile("bare"))
    lines = lines_of(candidate=content)
    assert len(lines) == 5 and all("profile bare, to which all places fall back; stage" in line for line in lines)


def test_sites_by_profiles_need_a_siting_that_is_known() -> None:
    """By hand: an unknown rule is no rule, and the entry's own line is named where it stands in a file."""
    content = pair(spoken("sh", siting=unknown()), spoken("n", siting=SITES), sites="profiles", hazards=["H13"])
    (line,) = lines_of(candidate=content)
    assert "siting: not known in profile sh, in force in A; stage received needs it" in line
    assert load_mapping(scenario(candidate={**content, "sites": "scenario"})).config.layout.rules[0].spacing_m == 400


def test_the_line_of_an_unknown_key_is_told(tmp_path) -> None:
    """By hand: scenario, candidate and profile in three files."""
    region = {**spoken("region"), "keys": {**spoken()["keys"], "network": unknown()}}
    (tmp_path / "region.yaml").write_text(write_document(region))
    (tmp_path / "mine.yaml").write_text("schema: candidate/1\nname: mine\nprofiles: {'*': region}\n")
    file = tmp_path / "s.yaml"
    file.write_text(write_document(scenario(candidate="mine.yaml")))
    with pytest.raises(ScenarioError) as caught:
        load(file)
    text = (tmp_path / "region.yaml").read_text().splitlines()
    number = next(index for index, line in enumerate(text, 1) if "network" in line) + 1
    first = str(caught.value).splitlines()[0]
    own = next(index for index, line in enumerate(file.read_text().splitlines(), 1) if "candidate" in line)
    assert first.startswith(f"{file}:{own}:14: standards.candidate: mine: network: not known in profile region (")
    assert f"region.yaml:{number}:" in first


def test_an_access_layer_that_does_not_exist() -> None:
    """By hand: only the bench knows the names."""
    lines = lines_of(candidate=candidate(profiles={"*": spoken("n", access=entry("lte-v2x"))}))
    assert all("access: lte-v2x: no such access layer (profile n); did you mean 'lte-v2x-mode4'?" in x for x in lines)


@pytest.mark.parametrize(("rows", "expected"), [
    ({"B": [difference("region_id", 1, "H11")]}, "region_id: 1 of profile national, in force in B, is also that of A"),
    ({"A": [difference("region_id", 2, "H11")]}, "corridor.jurisdictions.1.region_id: 2: is also that of A"),
    ({"A": [difference("region_id", "absent", "H11")], "B": [difference("region_id", "absent", "H11")]},
     "region_id: absent of profile national, in force in B, is also that of A"),
])
def test_two_places_with_one_region_need_the_hazard_for_it(rows: dict[str, Any], expected: str) -> None:
    """By hand: by a profile and the scenario, the other way round, and none at all in both."""
    (line,) = lines_of(candidate=candidate(hazards=["H11"], differences=rows))
    assert expected in line and "H12" in line
    assert load_mapping(scenario(candidate=candidate(hazards=["H11", "H12"], differences=rows)))


def test_mistakes_inside_a_scenario_are_placed_there(tmp_path) -> None:
    """By hand: the candidate stands in the scenario's own file; field and line are those of the file."""
    text = write_document(scenario()).replace("standards: {}\n", "")
    text += (
        "standards:\n  candidate:\n    schema: candidate/1\n    name: c\n    hazards: [H99]\n    profiles:\n"
        "      '*': {schema: profile/1, name: p, keys: {datum: {value: Mars, basis: sourced, source: s}}}\n"
        "  views: [S99, 3]\n"
    )
    file = tmp_path / "s.yaml"
    file.write_text(text)
    first = text[: text.index("standards:")].count("\n") + 1
    with pytest.raises(ScenarioError) as caught:
        load(file)
    lines = [line.replace(f"{file}:", "") for line in str(caught.value).splitlines()]
    assert [line.split(": ")[:3] for line in lines] == [
        [f"{first + 6}:63", "standards.candidate.profiles.*.keys.datum.value", "Mars"],
        [f"{first + 4}:15", "standards.candidate.hazards.0", "H99"],
        [f"{first + 7}:11", "standards.views.0", "S99"],
        [f"{first + 7}:16", "standards.views.1", "3"],
    ]


def test_a_bad_profile_ends_the_command_with_2(capsys, tmp_path) -> None:
    """By hand: exit code, one line per mistake on standard error."""
    (tmp_path / "s.yaml").write_text(write_document(scenario(candidate=candidate(profiles={"*": profile("bare")}))))
    code, text, errors = outcome(capsys, "check", str(tmp_path / "s.yaml"))
    assert code == 2 and text == "" and errors.count("left open by profile bare") == 5 and "Traceback" not in errors


def views_of(*views: Any) -> LoadedScenario:
    base = candidate("base", hazards=["H4"], differences={"A": [difference("security.root", "own", "H4")]})
    return load_mapping(scenario(candidate=base, views=list(views)))


def test_views_are_candidates_and_stay_in_the_stored_scenario() -> None:
    """By hand: by name, by content and made from the candidate; what is stored loads to the same run."""
    found = views_of()
    repaired = found.candidate.without(["H4"]).plain()
    trusting = {**found.candidate.plain(), "name": "trusting",
                "trust": [row("H4", home=["A"], issuer=["B"], state="full")]}
    found = views_of(repaired, trusting)
    assert [view.name for view in found.views] == ["base - H4", "trusting"]
    assert found.config.standards.views == ["base - H4", "trusting"]
    assert found.views[1].trust.state("A", "B", "own", "national").kind == "full"
    again = load_mapping(found.resolved())
    assert again.views == found.views and again.run_id() == found.run_id() != views_of(repaired).run_id()
    assert again.candidate == found.candidate and again.resolved() == found.resolved()


@pytest.mark.parametrize(("change", "expected"), [
    ({"hazards": ["H11"], "differences": {"B": [difference("datum", "GCJ-02", "H11")]}}, "in datum (B)"),
    ({"hazards": ["H7"], "differences": {"B": [difference("channel.send_obu", "lower", "H7")]}}, "in channel.send_obu"),
    ({"hazards": ["H14"], "relays": [row("H14", **{"from": ["A"], "to": ["B"], "state": "none"})]}, "in relays"),
    ({"sites": "profiles", "profiles": {"*": spoken(siting=SITES)}}, "in siting (A, B)"),
])
def test_a_view_may_not_change_what_is_sent(change: dict[str, Any], expected: str) -> None:
    """By hand: it is judged on the radio run of the candidate."""
    with pytest.raises(ScenarioError) as caught:
        views_of(candidate("other", **change))
    lines = str(caught.value).splitlines()
    assert any("standards.views.0: other: differs from candidate base" in one and expected in one for one in lines)
    assert all("a view may differ only in what receivers accept" in one for one in lines)


def test_views_have_different_names() -> None:
    """By hand: rows of the table of views are told apart by them."""
    with pytest.raises(ScenarioError, match="standards.views.1: same: a candidate of this name stands in the list"):
        views_of(candidate("same"), candidate("same"))


@pytest.mark.parametrize(("scenario", "candidate"), [
    ("demo-zone", "S0"), ("demo-zone", "S6"), ("tripoint", "S6"), ("03-one-border", "eu-itsg5"), ("expressway", "G"),
])
def test_what_a_candidate_puts_in_place_reads_back_to_the_same_run(scenario: str, candidate: str, tmp_path) -> None:
    """Property: sites, channels and access layers of the candidate are in the stored scenario, once."""
    loaded = load(scenario, [f"standards.candidate={candidate}"])
    (tmp_path / "stored.yaml").write_text(loaded.resolved_yaml())
    again = load(tmp_path / "stored.yaml")
    assert again.config == loaded.config and again.candidate == loaded.candidate and again.run_id() == loaded.run_id()


def test_candidates_that_ask_for_nothing_leave_the_scenario_as_it_is() -> None:
    """By hand: units of the layout, one radio, no channel plans, no remarks."""
    loaded = load("demo-zone")
    assert loaded.remarks == () and loaded.views == ()
    assert loaded.config.layout.rules == load("demo-zone", ["standards.candidate=harmonised-day2"]).config.layout.rules
    assert loaded.config.second_radio is None and loaded.config.radio.mode4.channel_plans == []


def test_what_of_a_candidate_does_not_take_effect_is_said() -> None:
    """By hand: the scenario sets the access layer itself."""
    loaded = load("demo-zone", ["standards.candidate=eu-itsg5", "radio.access=lte-v2x-mode4"])
    assert loaded.config.radio.access == "lte-v2x-mode4"
    assert loaded.remarks == (
        "candidate eu-itsg5 has ieee80211p; radio.access lte-v2x-mode4 of the scenario stands",
    )


def test_three_access_layers_are_one_too_many() -> None:
    """By hand: the line says which place has which."""
    accesses = ("lte-v2x-mode4", "ieee80211p", "nr-v2x-mode2")
    content = candidate(
        hazards=["H8"], harmonised=spoken(),
        profiles={place: spoken(place, access=entry(name)) for place, name in zip("ABC", accesses, strict=True)},
    )
    data = scenario(candidate=content)
    data["corridor"]["jurisdictions"].append({"id": "C", "region_id": 3})
    with pytest.raises(ScenarioError) as caught:
        load_mapping(data)
    assert "3 access layers (A lte-v2x-mode4, B ieee80211p, C nr-v2x-mode2); a run has at most two" in str(caught.value)


@pytest.mark.parametrize("standards", [
    3, [], "S0", {"candidate": 3}, {"candidate": []}, {"candidate": {}}, {"candidate": ""}, {"candidate": "\0"},
    {"candidate": "x" * 5000}, {"candidate": "../.."}, {"views": 3}, {"views": {"a": "S0"}}, {"views": [[]]},
    {"views": [{}]}, {"views": [None]}, {"candidate": {"schema": "candidate/1"}}, {"candidate": {"schema": ["x"]}},
])
def test_no_content_of_the_section_is_a_crash(standards: Any) -> None:
    """Property: clear lines, whatever stands there."""
    with pytest.raises(ScenarioError) as caught:
        load_mapping({**scenario(), "standards": standards})
    assert all(problem.rule and "\n" not in str(problem) for problem in caught.value.problems)
    assert any(problem.field.startswith("standards") for problem in caught.value.problems)


def test_a_candidate_of_an_override_is_placed_there() -> None:
    """By hand: the command line is named, with the field inside the content."""
    content = candidate(hazards=["H99"])
    with pytest.raises(ScenarioError) as caught:
        load("demo-zone", [f"standards.candidate={json.dumps(content)}"])
    (line,) = str(caught.value).splitlines()
    assert line.startswith("--set standards.candidate=")
    assert ": standards.candidate.hazards.0: H99: no such hazard" in line


def test_a_hazard_for_which_nothing_differs_is_told() -> None:
    """By hand: H17 has no key; H11 is exercised by a feed; those of the shipped family all are."""
    rows = {"B": [difference("feed_datum", "GCJ-02", "H11")]}
    loaded = load_mapping(scenario(candidate=candidate(hazards=["H11", "H17"], differences=rows)))
    assert loaded.remarks == ("candidate c: hazard H17 is listed, but nothing in it differs for that",)
    for name in ("S1", "S6", "R1", "R5", "G"):
        assert not any("is listed" in line for line in load("demo-zone", [f"standards.candidate={name}"]).remarks)
