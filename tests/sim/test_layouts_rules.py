"""Siting rules in layout files: named rules, own keys, units out of service."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.scenario import ScenarioError, load
from sim.scenario.loader import LoadedScenario, load_mapping
from sim.scenario.schema.layout import SitingRule
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit, build_units, standing_units, units_down


def scenario(layout: dict[str, Any], **corridor: Any) -> dict[str, Any]:
    """Three kilometres of arterial with three signals; A owns the first half, B the second."""
    road = {
        "datum": "WGS84",
        "points": [{"lat": 31.0, "lon": 120.87}, {"lat": 31.0 + 3000 / 110_900, "lon": 120.87}],
        "jurisdictions": [
            {"id": "A", "region_id": 1, "spans": [{"to_m": 1500}]},
            {"id": "B", "region_id": 2, "spans": [{"from_m": 1500}]},
        ],
        "nodes": [{"id": "S1", "at_m": 500}, {"id": "S2", "at_m": 800}, {"id": "S3", "at_m": 2000}],
    }
    return {"schema": "corridor/1", "name": "three", "duration_s": 1, "corridor": road | corridor, "layout": layout}


def units_of(loaded: LoadedScenario) -> list[RoadsideUnit]:
    return build_units(loaded.config.layout, CorridorGeometry(loaded.config.corridor))


def errors_of(layout: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_mapping(scenario(layout), name="s.yaml")
    return str(caught.value).splitlines()


def test_a_named_rule_brings_all_it_publishes() -> None:
    """Printed: Jiangsu 250 m on motorways, masts of 5-6 m."""
    rule = SitingRule(named="jiangsu-expressway", jurisdiction="JS").resolved()
    assert (rule.spacing_m, rule.road_class, rule.side, rule.mast_height_m) == (250, "expressway", "right", 5.5)
    assert (rule.jurisdiction, rule.name, rule.at_nodes) == ("JS", "jiangsu-expressway", True)


def test_own_keys_win_over_the_named_rule() -> None:
    """By hand: every key of the published rule can be replaced, and the class widened to any."""
    own = SitingRule(
        named="deqing-urban", spacing_m=123, side="both", road_class="any", at_nodes=False, mast_height_m=9,
        skip_between_nodes_m=0, units_at_node={"large": 2}, name="mine",
    ).resolved()
    assert (own.spacing_m, own.side, own.road_class, own.at_nodes, own.mast_height_m) == (123, "both", None, False, 9)
    assert (own.skip_between_nodes_m, own.units_at_node, own.name) == (0, {"large": 2}, "mine")


@pytest.mark.parametrize(("choice", "spacing_m"), [("low", 200), ("default", 250), ("high", 300)])
def test_ends_of_the_published_range(choice: Any, spacing_m: float) -> None:
    """Printed: Jiangsu 200-300 m; the default is its middle."""
    assert SitingRule(named="jiangsu-expressway", spacing=choice).resolved().spacing_m == spacing_m


def test_a_rule_without_a_name_is_what_it_was() -> None:
    """By hand: nodes only, right side, everywhere, the layout's mast."""
    rule = SitingRule().resolved()
    assert (rule.at_nodes, rule.spacing_m, rule.side, rule.road_class, rule.mast_height_m) == (
        True, None, "right", None, None,
    )


def test_mast_heights_of_rules_and_of_the_layout() -> None:
    """By hand: A by the operator's rule at 10 m, B by a rule of its own at the layout's 7 m."""
    loaded = load_mapping(scenario({
        "mast_height_m": 7,
        "rules": [{"spacing_m": 500}, {"named": "operator-expressway", "road_class": "any", "jurisdiction": "A"}],
    }))
    heights = {unit.id[0]: unit.mast_height_m for unit in units_of(loaded)}
    assert heights == {"A": 10, "B": 7}


def test_a_junction_has_one_sensor_and_one_planner_however_many_units() -> None:
    """By hand: four units at a large node: MAP, SPAT and RSI from all, sensor, RSM and RSC from the first."""
    nodes = [{"id": "S1", "at_m": 500, "size": "large"}]
    services = ["MAP", "SPAT", "RSI", "RSM", "RSC"]
    loaded = load_mapping(scenario(
        {"rules": [{"named": "deqing-urban"}], "junction_services": services}, nodes=nodes
    ))
    corners = [unit for unit in units_of(loaded) if unit.node == 0]
    assert [unit.id for unit in corners] == ["A-00500", "A-00500.2", "A-00500.3", "A-00500.4"]
    assert [unit.sensor for unit in corners] == [True, False, False, False]
    assert corners[0].services == tuple(services)
    assert {unit.services for unit in corners[1:]} == {("MAP", "SPAT", "RSI")}
    assert len({(round(unit.x_m, 3), round(unit.y_m, 3)) for unit in corners}) == 4
    assert len({unit.station_id for unit in corners}) == 4


def test_the_expressway_has_the_units_of_each_side() -> None:
    """Independent: ceil(length / spacing) in each jurisdiction of C2, lengths as surveyed."""
    loaded = load("expressway", ["layout=regional"])
    counts = [sum(unit.jurisdiction == owner for unit in units_of(loaded)) for owner in range(3)]
    lengths_m = (14_120, 10_020, 7_870)
    assert counts == [math.ceil(length / at) for length, at in zip(lengths_m, (800, 250, 1500), strict=True)]


@pytest.mark.parametrize("name", [
    "regional", "national", "intersections", "jiangsu-250", "zhejiang-750", "zhejiang-1500", "zhejiang-3500",
    "hang-shao-yong-200", "deqing-urban-200", "deqing-rural-400", "deqing-expressway-200", "guangzhou-300",
    "operator-1500",
])
def test_layouts_to_compare_fit_both_corridors(name: str) -> None:
    """Property: each loads on arterial and expressway, says what it is, and names its source or assumption."""
    for corridor in ("demo-zone", "expressway"):
        loaded = load(corridor, [f"layout={name}"])
        assert loaded.config.layout.name == name and loaded.config.layout.note
        units = units_of(loaded)
        assert bool(units) == (name != "intersections" or corridor == "demo-zone")
    rows = sim.load("demo-zone", [f"layout={name}"]).config.layout.rules
    assert all(row.named or "assumption" in row.name or row.name == "signals only" for row in rows)


def test_a_resolved_scenario_with_named_rules_comes_back() -> None:
    """Property: written out and read again it has the same id and the same units, and spacing still chooses."""
    tunnel = {"named": "deqing-tunnel", "from_m": 900, "to_m": 1200}
    layout = {"rules": [{"named": "deqing-urban", "spacing": "high"}, tunnel]}
    loaded = load_mapping(scenario(layout))
    again = load_mapping(loaded.resolved())
    assert again.run_id() == loaded.run_id() and units_of(again) == units_of(loaded)
    denser = load_mapping(loaded.resolved(), ["layout.rules.0.spacing=low"])
    assert len(units_of(denser)) > len(units_of(loaded))


def test_mistakes_in_rules_name_line_and_rule() -> None:
    """By hand: unknown name, spacing without a range, both spacings, an empty span, places off the road."""
    cases = {
        "layout.rules.0.named: jiangsu-expresway: no such siting rule; did you mean 'jiangsu-expressway'?":
            {"named": "jiangsu-expresway"},
        "layout.rules.0.spacing: low: chooses within a published range: it needs named": {"spacing": "low"},
        "layout.rules.0.spacing: low: give spacing or spacing_m, not both":
            {"named": "deqing-rural", "spacing": "low", "spacing_m": 100},
        "layout.rules.0.named: deqing-tunnel: is for tunnels, which the corridor does not know: give from_m and to_m":
            {"named": "deqing-tunnel"},
        "layout.rules.0.to_m: 100: must lie beyond from_m (100)": {"from_m": 100, "to_m": 100},
        "layout.rules.0.always_at_m.1: 5000: lies beyond the end of the road": {"always_at_m": [10, 5000]},
        "layout.rules.0.always_at_m.0: -3: must be at least 0": {"always_at_m": [-3]},
        "layout.rules.0.side: middle: must be one of 'right', 'left', 'alternating' or 'both'": {"side": "middle"},
        "layout.rules.0.units_at_node.large: 3: must be one of 1, 2 or 4": {"units_at_node": {"large": 3}},
    }
    for expected, rule in cases.items():
        (line,) = errors_of({"rules": [rule]})
        assert line.startswith("s.yaml:") and expected in line


def test_units_out_of_service_leave_the_others_as_they_are() -> None:
    """Property: ids, station ids and places of the rest stay; only the count of slots moves up."""
    layout = {"rules": [{"spacing_m": 300, "side": "alternating"}]}
    whole = units_of(load_mapping(scenario(layout)))
    down = [whole[2].id, whole[5].id]
    loaded = load_mapping(scenario(layout | {"down": down}))
    corridor = CorridorGeometry(loaded.config.corridor)
    rest = build_units(loaded.config.layout, corridor)

    def but_index(unit: RoadsideUnit) -> dict[str, Any]:
        return {key: value for key, value in vars(unit).items() if key != "index"}

    assert [but_index(unit) for unit in rest] == [but_index(unit) for unit in whole if unit.id not in down]
    assert [unit.index for unit in rest] == list(range(len(rest)))
    assert [unit.id for unit in standing_units(loaded.config.layout, corridor)] == [unit.id for unit in whole]
    assert [unit.id for unit in units_down(loaded.config.layout, corridor)] == down


def test_unknown_and_repeated_units_down() -> None:
    """By hand: the nearest id is offered; a unit is named once; the geometry refuses what the checks missed."""
    layout: dict[str, Any] = {"rules": [{"spacing_m": 300}]}
    (line,) = errors_of(layout | {"down": ["A-00501"]})
    assert "layout.down.0: A-00501: no such unit; did you mean 'A-00500'?" in line
    (line,) = errors_of(layout | {"down": ["A-00500", "A-00500"]})
    assert "layout.down.1: A-00500: stands in the list twice" in line
    loaded = load_mapping(scenario(layout))
    broken = loaded.config.layout.model_copy(update={"down": ["nobody"]})
    with pytest.raises(ValueError, match="layout.down: nobody: no such unit"):
        build_units(broken, CorridorGeometry(loaded.config.corridor))


SMALL = ("duration_s=1", "radio_warmup_s=1", "traffic_warmup_s=5")


def csv_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.csv"))}


def test_a_unit_without_a_sensor_that_is_down_is_as_good_as_absent(tmp_path: Path) -> None:
    """Property: every table of the run equals that of a layout in which the unit never stood."""
    loaded = load("03-one-border", SMALL)
    corridor = CorridorGeometry(loaded.config.corridor)
    from sim.layouts.files import layout_yaml

    listed = tmp_path / "listed.yaml"
    text = layout_yaml(loaded.config.layout, corridor)
    head, first, *rest = text.split("- id: ")
    assert first.startswith("A-00185")
    listed.write_text("- id: ".join([head, *rest]), encoding="utf-8")
    down = sim.run(load("03-one-border", [*SMALL, "layout.down=[A-00185]"]), tmp_path / "down", plots=False)
    absent = sim.run(load("03-one-border", [*SMALL, f"layout={listed}"]), tmp_path / "absent", plots=False)
    assert csv_of(down.folder) == csv_of(absent.folder)
    assert len(down.corridor["rsus"]) == 5


def test_the_field_of_a_sensor_that_is_down_stays_wanted(tmp_path: Path) -> None:
    """By hand: the only unit with a sensor is down: nothing of its field is covered, and the field still counts."""
    result = sim.run(load("03-one-border", [*SMALL, "layout.down=[A-00554]"]), tmp_path / "down", plots=False)
    rows = result.select(metric="C_useful", message="RSM", jurisdiction=None)
    assert rows["value"][0] == 0 and rows["n"][0] > 0
