"""Scenarios that cannot be used: every refusal with file, line, column, field, value and rule."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioError, load
from sim.scenario.loader import load_mapping

BASE = """\
schema: corridor/1
name: base
duration_s: 5
corridor:
  datum: WGS84
  points:
    - {lat: 31.00, lon: 120.87, name: start}
    - {lat: 31.01, lon: 120.87, name: border}
    - {lat: 31.02, lon: 120.87, name: end}
  jurisdictions:
    - {id: A, region_id: 1, spans: [{to_point: border}]}
    - {id: B, region_id: 2, spans: [{from_point: border}]}
  nodes:
    - {id: S1, at_m: 500}
traffic:
  equipped_ratio: 0.5
layout:
  rules: [{spacing_m: 400}]
  sites:
    - {id: X, lat: 31.005, lon: 120.871, jurisdiction: A}
events:
  - {id: 1, code: 501, from_m: 100, to_m: 200}
"""


def lines_of(tmp_path: Path, text: str, overrides: tuple[str, ...] = ()) -> list[str]:
    """The error lines of a scenario, without the folder."""
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(file, overrides)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_the_base_is_fine(tmp_path) -> None:
    """By hand: what the other tests break is whole."""
    file = tmp_path / "s.yaml"
    file.write_text(BASE)
    assert load(file).name == "base"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("duration_s: 5", "duration_s: '5'", "s.yaml:3:13: duration_s: 5: must be a number"),
        ("duration_s: 5", "duration_s: true", "s.yaml:3:13: duration_s: true: must be a number"),
        ("duration_s: 5", "duration_s: 1:30", "s.yaml:3:13: duration_s: 1:30: must be a number"),
        ("duration_s: 5", "duration_s: .inf", "s.yaml:3:13: duration_s: inf: must be a finite number"),
        ("duration_s: 5", "duration_s: -1", "s.yaml:3:13: duration_s: -1: must be above 0"),
        ("duration_s: 5", "duration_s: 1e9", "s.yaml:3:13: duration_s: 1000000000.0: must be at most 86400"),
        ("duration_s: 5", "seed: 1.5", "s.yaml:3:7: seed: 1.5: must be a whole number"),
        ("duration_s: 5", "start: yesterday", "s.yaml:3:8: start: yesterday: must be an ISO 8601 time"),
        ("duration_s: 5", "start: 2026-06-01T08:00:00", "must be an ISO 8601 time with its zone"),
        ("duration_s: 5", "duration: 5", "s.yaml:3:1: duration: unknown key; did you mean 'duration_s'?"),
        ("duration_s: 5", "spacing_m: 5", "spacing_m: unknown key; it belongs in layout.rules[].spacing_m"),
        ("name: base", "name: 'a/b'", "s.yaml:2:7: name: a/b: "),
        ("datum: WGS84", "datum: wgs", "s.yaml:5:10: corridor.datum: wgs: must be one of"),
        ("  datum: WGS84\n", "", "s.yaml:5:3: corridor.datum: is required"),
        ("lat: 31.00", "lat: 95", "s.yaml:7:13: corridor.points.0.lat: 95: must be at most 84"),
        (
            "jurisdictions:\n",
            "jurisdictions: none\n  other:\n",
            "corridor.jurisdictions: none: must be a list",
        ),
        ("corridor:\n", "corridor: 3\nx:\n", "s.yaml:4:11: corridor: 3: must be a mapping of keys"),
        ("equipped_ratio: 0.5", "homes: [{jurisdiction: A, share: 0.4}]", "shares sum to 0.4"),
        (
            "equipped_ratio: 0.5",
            "homes: [{jurisdiction: C, share: 1}]",
            "homes.0.jurisdiction: C: no such juris",
        ),
        ("equipped_ratio: 0.5", "model: trajectories", "traffic.file: is required by model trajectories"),
        (
            "equipped_ratio: 0.5",
            "model: trajectories\n  file: gone.csv",
            "s.yaml:17:9: traffic.file: gone.csv: no such file",
        ),
        ("equipped_ratio: 0.5", "model: static", "traffic.model: static: static needs stations"),
        ("equipped_ratio: 0.5", "model: idn", "s.yaml:16:10: traffic.model: idn: no such traffic model"),
        ("equipped_ratio: 0.5", 'model: "no.such:Model"', "traffic.model: no.such:Model: cannot be imported"),
        (
            "jurisdiction: A}",
            "jurisdiction: A}\n    - {id: Y, lat: 31.005, lon: 120.871}",
            "s.yaml:21:7: layout.sites.1: stands where unit X stands",
        ),
        ("lat: 31.005, lon: 120.871, jurisdiction: A", "at_m: 500", "layout.sites.0: stands where unit A-00500 stands"),
        ("equipped_ratio: 0.5", "classes: [{name: car, share: 0.9}]", "traffic.classes: shares sum to 0.9"),
        ("lon: 120.871,", "lon: 120.90,", "s.yaml:20:33: layout.sites.0.lon: 120.9: stands 28"),
        (
            "lat: 31.005, lon: 120.871",
            "at_m: 99999",
            "layout.sites.0.at_m: 99999: lies beyond the end of the road",
        ),
        ("lat: 31.005, lon", "at_m: 5, lon", "layout.sites.0: give at_m, or both lon and lat"),
        ("jurisdiction: A}", "jurisdiction: Q}", "layout.sites.0.jurisdiction: Q: no such jurisdiction"),
        ("jurisdiction: A}", "node: S2}", "layout.sites.0.node: S2: no such node; known: S1"),
        ("rules: [{spacing_m: 400}]", "tx_power_dbm: 24", "EIRP of roadside units is 30 dBm"),
        (
            "rules: [{spacing_m: 400}]",
            "rules: [{spacing_m: 400, jurisdiction: C}]",
            "layout.rules.0.jurisdiction",
        ),
        ("to_m: 200", "to_m: 50", "s.yaml:22:43: events.0.to_m: 50: must lie beyond from_m (100)"),
        ("to_m: 200", "to_m: 99999", "events.0.to_m: 99999: lies beyond the end of the road"),
        ("at_m: 500", "at_point: nowhere", "corridor.nodes.0.at_point: nowhere: no point is named"),
        (
            "region_id: 2",
            "region_id: 1",
            "s.yaml:12:26: corridor.jurisdictions.1.region_id: 1: is also that of A",
        ),
        ("id: B", "id: A", "corridor.jurisdictions.1.id: A: "),
        ("to_point: border", "to_m: 1500", "overlaps A"),
    ],
)
def test_one_mistake_one_line(tmp_path, old: str, new: str, expected: str) -> None:
    """By hand: each mistake is reported where it stands, with its value and the rule."""
    assert old in BASE
    lines = lines_of(tmp_path, BASE.replace(old, new, 1))
    assert any(expected in line for line in lines), lines
    assert all(line.startswith("s.yaml:") for line in lines)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "radio: {link: {tx_power_dbm: 23.5}}",
            "radio.link.tx_power_dbm: 23.5: EIRP of on-board units is 26.5 dBm",
        ),
        ("radio: {bandwidth_mhz: 10}", "pool rsu takes PRB 50 to 99; a carrier of 10 MHz has PRB 0 to 49"),
        (
            "radio: {pools: [{name: a, senders: [vehicle]}, {name: b, senders: [rsu], start_prb: 40}]}",
            "radio.pools.1: pool b overlaps pool a",
        ),
        ("radio: {pools: [{name: a, senders: [vehicle]}]}", "radio.pools: no pool for rsu"),
        (
            "radio: {pools: [{name: a, senders: [vehicle, rsu]}, {name: b, senders: [rsu], start_prb: 50}]}",
            "rsu sends in 2 pools",
        ),
        ("bsm: {period_ms: 10}", "bsm.period_ms: 10: must be at least 20"),
        (
            "radio: {access: nr-v2x-mode2, mode2: {t2_max_slots: 400}}",
            "radio.mode2.t2_max_slots: 400: 400 ms lie beyond the packet delay budget of 100 ms",
        ),
        (
            "radio: {mode4: {channel_plans: [{jurisdictions: [XX]}]}}",
            "radio.mode4.channel_plans.0.jurisdictions.0: XX: no such jurisdiction",
        ),
        ("radio: {mode4: {channel_plans: [{}, {}]}}", "2 plans name no jurisdiction"),
        (
            "radio: {bandwidth_mhz: 10, pools: [{name: a, senders: [vehicle, rsu], subchannels: 2}],"
            " mode4: {channel_plans: [{vehicle: {send: lower, listen: [lower]}}]}}",
            "halves of 10 MHz are no LTE carriers",
        ),
        (
            "radio: {mode4: {channel_plans: [{vehicle: {send: upper, listen: [upper]}}]}}",
            "radio.pools: no pool for vehicle on channel upper",
        ),
        ("radio: {mode4: {rsrp_thresholds_dbm: [[-110]]}}", "must have 8 rows of 8 numbers, has rows of 1"),
        ("radio: {mode4: {cr_action: drop, cr_limits: []}}", "must have at least one level"),
        (
            "radio: {mode4: {cr_action: drop, cr_limits: [{cbr_up_to: 1, limits: [2, 1, 1, 1, 1, 1, 1, 1]}]}}",
            "radio.mode4.cr_limits.0.limits: limits must lie in 0 .. 1",
        ),
        ("radio: {mode4: {mcs: [29]}}", "radio.mode4.mcs.0: 29: must be from 0 to 28"),
        ("radio: {mode4: {packet_subchannels: 6}}", "pool vehicle has only 5 subchannels"),
        ("bsm: {fixed_size_bytes: 3000}", "a BSM of 3000 bytes does not fit pool vehicle"),
        ("bsm: {synthetic: true}", "bsm.synthetic: true: needs fixed_size_bytes"),
        ("radio: {link: {pssch_table: wilab-highway}}", "no such table; did you mean 'wilab-highway-los'?"),
        ("radio: {link: {pssch_table: 11p-awgn}}", "11p-awgn: is not a table of the LTE data channel; there are"),
        ("radio: {link: {pscch_table: awgn}}", "is not a table of the LTE control channel; there are pscch-awgn"),
        ("radio: {access: 'a b:c'}", "must be a registered name or module:Class"),
        ("radio: {access: 'no_such_module:C'}", "cannot be imported (ModuleNotFoundError: No module named"),
        ("radio: {access: 'json:NoSuchClass'}", "cannot be imported (AttributeError: module 'json' has no"),
        ("radio: {access: 'json:dumps'}", "radio.access: json:dumps: is no class but function"),
        ("radio: {access: 'json:JSONDecoder'}", "is no AccessLayer: it lacks submit, next_due_ns"),
        ("radio: {mode4: {mcs: [7, 11, 7]}}", "radio.mode4.mcs.2: 7: stands in the list twice"),
        ("measure: {bin_m: 400, max_distance_m: 300}", "measure.bin_m: 400: must be at most max_distance_m (300)"),
        ("measure: {tau_s: {MAP: 5, RSI: 3, BSM: 1}}", "measure.tau_s: names no limit for SPAT, RSM"),
        ("standards: {candidate: harmonized-day1}", "no such candidate; did you mean 'harmonised-day1'?"),
        ("standards: {message_set: csae53}", "no such message set; did you mean 'csae53-2020'?"),
        ("measure: {inner_from_m: 500, inner_to_m: 400}", "measure.inner_to_m: 400: must lie beyond"),
        ("measure: {tau_s: {SPATS: 1}}", "measure.tau_s.SPATS: 1: unknown class; did you mean 'SPAT'?"),
        ("gnss: {outages: [{from_m: 10, to_m: 5}]}", "gnss.outages.0.to_m: 5: must lie beyond from_m (10)"),
        ("clock: [1]", "clock: must be a mapping of keys"),
    ],
)
def test_one_section_one_mistake(tmp_path, section: str, expected: str) -> None:
    """By hand: each section breaks one cross-check."""
    lines = lines_of(tmp_path, BASE + section + "\n")
    assert any(expected in line for line in lines), lines
    assert all(line.startswith("s.yaml:23:") for line in lines), lines


def test_largest_packet_that_fits(tmp_path) -> None:
    """Printed: TS 36.213 table 7.1.7.2.1-1, I_TBS 7 (MCS 7) with 48 PRB: 5992 bits = 749 octets."""
    text = BASE + "radio: {mode4: {mcs: [7]}}\n"
    assert "749 bytes at MCS 7" in lines_of(tmp_path, text + "bsm: {fixed_size_bytes: 750}\n")[0]
    (tmp_path / "s.yaml").write_text(text + "bsm: {fixed_size_bytes: 749}\n")
    load(tmp_path / "s.yaml")


def test_all_mistakes_come_at_once(tmp_path) -> None:
    """By hand: schema mistakes in three sections and an override, each placed where it was made."""
    text = (
        BASE.replace("duration_s: 5", "duration_s: x").replace("datum: WGS84", "datum: X").replace("id: X,", "ID: X,")
    )
    lines = lines_of(tmp_path, text, ("traffic.equipped_ratio=2", "nonsense"))
    assert lines[0] == "--set nonsense: must be key.path=value"
    assert "s.yaml:3:13: duration_s: x: must be a number" in lines
    assert any(line.startswith("s.yaml:5:10: corridor.datum: X: must be one of") for line in lines)
    assert "s.yaml:20:8: layout.sites.0.ID: unknown key; did you mean 'id'?" in lines
    assert "s.yaml:20:7: layout.sites.0.id: is required" in lines
    assert "--set traffic.equipped_ratio=2: traffic.equipped_ratio: 2: must be at most 1" in lines


def test_all_cross_checks_come_at_once(tmp_path) -> None:
    """By hand: three independent cross-checks fail together."""
    text = BASE.replace("region_id: 2", "region_id: 1").replace("to_m: 200", "to_m: 50")
    lines = lines_of(tmp_path, text + "bsm: {synthetic: true}\n")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("radoi.access=ideal", "radoi: unknown key; did you mean 'radio'?"),
        ("traffic.classes.0.share=2", "traffic.classes.0.share: 2: must be at most 1"),
        ("traffic.classes.3.share=1", "traffic.classes.3: the list has 3 items, index 0 to 2"),
        ("traffic.flows.0.flow_veh_h=1", "traffic.flows.0: the list is empty"),
        ("traffic.stations.0=1", "traffic.stations: stands neither in the file nor among the defaults"),
        ("corridor.points.7.lat=1", "corridor.points.7: the list has 3 items, index 0 to 2"),
        ("name.first=x", "name.first: name is a single value and has no parts"),
        ("traffic.flow_veh_h=[1", "traffic.flow_veh_h: not valid YAML"),
        ("traffic.flow=1", "traffic.flow: unknown key; did you mean 'flow_veh_h'?"),
        ("layout=nowhere", "layout: nowhere: no such layout"),
        ("=3", "must be key.path=value"),
    ],
)
def test_wrong_overrides_name_themselves(tmp_path, override: str, expected: str) -> None:
    """By hand: the line begins with the override as it was typed."""
    (line,) = lines_of(tmp_path, BASE, (override,))
    assert line.startswith(f"--set {override}: ") and expected in line


def test_overrides_reach_into_defaults(tmp_path) -> None:
    """By hand: one item of a list and one of a mapping that the file leaves at their defaults; the others stay."""
    file = tmp_path / "s.yaml"
    file.write_text(BASE)
    overrides = ("traffic.classes.0.length_m=5", "radio.pools.1.subchannels=4", "measure.tau_s.BSM=0.2")
    config, plain = load(file, overrides).config, load(file).config
    assert [one.length_m for one in config.traffic.classes] == [5, 12, 11]
    assert [pool.subchannels for pool in config.radio.pools] == [5, 4]
    assert config.measure.tau_s == {**plain.measure.tau_s, "BSM": 0.2}
    assert config.traffic.classes[1:] == plain.traffic.classes[1:]


def test_a_stored_scenario_with_a_density_loads_again(tmp_path) -> None:
    """Property: the flows that a stored scenario writes out as defaults are not taken for given ones."""
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace("equipped_ratio: 0.5", "density_veh_km: 20"))
    loaded = load(file)
    file.write_text(loaded.resolved_yaml(), encoding="utf-8")
    assert load(file).run_id() == loaded.run_id()


def test_equal_points_are_one_mistake(tmp_path) -> None:
    """By hand: the second of two equal points is reported, and nothing that follows from it."""
    (line,) = lines_of(tmp_path, BASE.replace("lat: 31.01,", "lat: 31.00,"))
    assert line == "s.yaml:8:7: corridor.points.1: lies 0.00 m from the point before it, at least 1 m is needed"


def test_a_default_at_fault_is_shown(tmp_path) -> None:
    """By hand: nobody wrote the bandwidth, so the line gives the default it breaks the rule with."""
    (line,) = lines_of(tmp_path, BASE, ("radio.access=ieee80211p",))
    rule = "must be 10: IEEE 802.11p uses channels of 10 MHz"
    assert line == f"s.yaml:1:1: radio.bandwidth_mhz: 20 (default): {rule}"
    overrides = ("radio.access=ieee80211p", "radio.bandwidth_mhz=10", "radio.dot11p.standard=802.11bd")
    (line,) = lines_of(tmp_path, BASE, overrides)
    assert "radio.dot11p.per_table: 11p-highway-los (default): is not a table of 802.11bd; there are 11bd-" in line


def test_a_mistake_in_a_layout_file_is_placed_there(tmp_path) -> None:
    """By hand: file and line of the layout, field as the scenario sees it."""
    (tmp_path / "mine.yaml").write_text("schema: layout/1\nmast_height_m: 5\nrules:\n  - {spacing_metres: 5}\n")
    head, _, _ = BASE.partition("layout:")
    lines = lines_of(tmp_path, head + "layout: mine.yaml\n")
    assert lines == ["mine.yaml:4:6: layout.rules.0.spacing_metres: unknown key; did you mean 'spacing_m'?"]
    (tmp_path / "mine.yaml").write_text("name: x\n")
    assert "must be a mapping that begins 'schema: layout/1'" in lines_of(tmp_path, head + "layout: mine.yaml\n")[0]


def test_a_mistake_in_a_candidate_file_is_placed_there(tmp_path) -> None:
    """By hand: file and line of the candidate."""
    (tmp_path / "mine.yaml").write_text("schema: candidate/1\nname: mine\nprofile: {}\n")
    lines = lines_of(tmp_path, BASE + "standards: {candidate: mine.yaml}\n")
    assert lines[0].startswith("mine.yaml:3:1: profile: unknown key")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s.yaml: must be a mapping"),
        ("- 1\n", "s.yaml:1:1: must be a mapping"),
        ("schema: corridor/2\n", "schema: corridor/2: newer than this program"),
        ("schema: corridor/0\n", "schema: corridor/0: must be corridor/1"),
        ("name: x\n", "schema: must be corridor/1"),
        ("schema: corridor/1\nname: [\n", "not valid YAML"),
        ("schema: corridor/1\nname: a\nname: b\n", "s.yaml:3:1: name: duplicate key; first set in line 2"),
    ],
)
def test_files_that_are_no_scenario(tmp_path, text: str, expected: str) -> None:
    """By hand: one line, nothing else."""
    (line,) = lines_of(tmp_path, text)
    assert expected in line


def test_names_and_files_that_do_not_exist(tmp_path) -> None:
    """By hand: a shipped name misspelt, a path, a folder."""
    with pytest.raises(ScenarioError, match="demo-zon: no such file and no shipped .* did you mean 'demo-zone'"):
        load("demo-zon")
    with pytest.raises(ScenarioError, match="gone.yaml: no such file$"):
        load(tmp_path / "gone.yaml")
    with pytest.raises(ScenarioError, match="is a folder"):
        load(tmp_path)


def test_two_jurisdictions_may_share_a_region_where_the_candidate_says_so(tmp_path) -> None:
    """By hand: hazard H12 permits it."""
    (tmp_path / "h12.yaml").write_text(
        "schema: candidate/1\nname: h12\nhazards: [H12]\nprofiles: {'*': cn-lte-v2x-day1}\n"
    )
    text = BASE.replace("region_id: 2", "region_id: 1")
    (tmp_path / "s.yaml").write_text(text + "standards: {candidate: h12.yaml}\n")
    assert load(tmp_path / "s.yaml").candidate.hazards == ("H12",)


def test_every_jurisdiction_needs_a_profile(tmp_path) -> None:
    """By hand: a candidate for A only."""
    (tmp_path / "a.yaml").write_text("schema: candidate/1\nname: a\nprofiles: {A: cn-lte-v2x-day1}\n")
    lines = lines_of(tmp_path, BASE + "standards: {candidate: a.yaml}\n")
    assert lines == ["s.yaml:12:12: corridor.jurisdictions.1.id: B: candidate a names no profile for it and has no '*'"]


def key_paths(data: Any, above: tuple = ()) -> Iterator[tuple]:
    """Every key path of nested data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from key_paths(inner, (*above, key))


WHOLE = load("tripoint").resolved()
JUNK: list[Any] = [None, -1, 0, 3, 1e308, "", "x", [], {}, True, float("inf"), [None], {"a": 1}, 10**18, 0.5]


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(list(key_paths(WHOLE))), st.sampled_from(JUNK))
def test_no_damage_makes_the_loader_fail_otherwise(path: tuple, junk: Any) -> None:
    """Property: a scenario with one value replaced loads, or is refused with at least one placed problem."""
    data: Any = copy.deepcopy(WHOLE)
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = junk
    try:
        load_mapping(data, name="damaged")
    except ScenarioError as error:
        assert error.problems
        assert all(problem.where.startswith("damaged") and problem.rule for problem in error.problems)
