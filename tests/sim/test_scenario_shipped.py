"""The shipped corridors against the facts they are built from, and every shipped file loads."""

from __future__ import annotations

import pytest

from sim.scenario import load
from sim.scenario.facts import facts_of
from sim.scenario.shipped import shipped_files, shipped_folder, shipped_scenarios
from sim.timeline import traffic_warmup_s
from sim.world.corridor import CorridorGeometry
from sim.world.sites import build_units


def geometry_of(name: str) -> CorridorGeometry:
    return CorridorGeometry(load(name).config.corridor)


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
def test_every_shipped_scenario_loads_and_comes_back(name: str, tmp_path) -> None:
    """Property: it passes all checks, and its resolved form has the same id."""
    loaded = load(name)
    stored = tmp_path / "scenario.yaml"
    stored.write_text(loaded.resolved_yaml(), encoding="utf-8")
    assert load(stored).run_id() == loaded.run_id()
    assert loaded.name == name


@pytest.mark.parametrize("name", sorted(shipped_files("layouts")))
def test_every_shipped_layout_is_used_by_some_shipped_scenario_or_fits_one(name: str) -> None:
    """Property: each layout loads on the scenario whose name it begins with, any other on the arterial."""
    scenario = next((one for one in shipped_scenarios() if name.startswith(one)), "demo-zone")
    assert load(scenario, [f"layout={name}"]).config.layout.name == name


def test_the_arterial_stands_where_it_was_surveyed() -> None:
    """Independent: chainages in km worked out from the coordinates elsewhere (other formula)."""
    geometry = geometry_of("demo-zone")
    expected_km = {
        "start": 0.00,
        "J1": 1.86,
        "J2": 3.33,
        "border-ZJ-JS": 4.82,
        "W1": 6.33,
        "W2": 7.67,
        "W3": 9.77,
        "W4": 11.77,
        "border-JS-SH": 13.98,
        "Q1": 16.39,
        "Q2": 19.33,
        "end": 22.40,
    }
    assert list(geometry.point_chainage_m) == list(expected_km)
    for name, chainage_km in expected_km.items():
        assert geometry.point_chainage_m[name] / 1000 == pytest.approx(chainage_km, abs=0.0101), name


def test_the_sourced_piece_of_the_arterial_has_its_length() -> None:
    """Printed: Donghang Road - Kangli Avenue, 4.54 km, border about 2.27 km from its west end."""
    at = geometry_of("demo-zone").point_chainage_m
    assert at["Q1"] - at["W4"] == pytest.approx(4540, rel=0.025)
    assert at["border-JS-SH"] - at["W4"] == pytest.approx(2270, rel=0.035)


def test_shares_of_the_arterial() -> None:
    """Independent: 21.5 %, 40.9 % and 37.6 % of the length, from the same survey."""
    geometry = geometry_of("demo-zone")
    lengths = [span.to_m - span.from_m for span in geometry.spans]
    assert [round(100 * length / geometry.length_m, 1) for length in lengths] == [21.5, 40.9, 37.6]
    assert geometry.jurisdiction_ids == ["ZJ", "JS", "SH"]


def test_the_arterial_has_eight_signals_and_about_thirty_units() -> None:
    """By hand: J1 J2 W1-W4 Q1 Q2, a unit at each; neighbours at most 900 m apart."""
    loaded = load("demo-zone")
    geometry = CorridorGeometry(loaded.config.corridor)
    units = build_units(loaded.config.layout, geometry)
    assert [node.id for node in loaded.config.corridor.nodes] == [
        "J1",
        "J2",
        "W1",
        "W2",
        "W3",
        "W4",
        "Q1",
        "Q2",
    ]
    assert {unit.node for unit in units if unit.node is not None} == set(range(8))
    assert 28 <= len(units) <= 32
    chainages = sorted(unit.chainage_m for unit in units)
    assert max(b - a for a, b in zip(chainages, chainages[1:], strict=False)) <= 900.001


def test_invented_points_are_marked() -> None:
    """By hand: of the arterial only the two borders are computed; nothing else claims a source."""
    points = load("demo-zone").config.corridor.points
    assert [point.name for point in points if point.basis == "computed"] == ["border-ZJ-JS", "border-JS-SH"]
    assert all(point.basis == "invented" for point in points if not str(point.name).startswith("border"))


def test_the_expressway_stands_where_it_was_surveyed() -> None:
    """Independent: chainages in km and shares worked out elsewhere on a sphere (0.25 % off)."""
    geometry = geometry_of("expressway")
    expected_km = [0.0, 7.23, 14.12, 20.28, 23.09, 24.14, 32.01]
    for chainage_m, chainage_km in zip(geometry.point_chainage_m.values(), expected_km, strict=True):
        assert chainage_m / 1000 == pytest.approx(chainage_km, rel=0.0025, abs=0.005)
    lengths = [span.to_m - span.from_m for span in geometry.spans]
    assert [100 * length / geometry.length_m for length in lengths] == pytest.approx(
        [44.1, 31.3, 24.6], abs=0.1
    )
    assert not load("expressway").config.corridor.nodes
    assert [section.lanes for section in geometry.sections] == [3, 2]


def test_zhejiang_reaches_the_tripoint_by_radio_only() -> None:
    """Independent: border at 4.05 km of 5.7; Zhejiang owns no road and its unit stands within 2 km of it."""
    loaded = load("tripoint")
    geometry = CorridorGeometry(loaded.config.corridor)
    assert geometry.length_m == pytest.approx(5700, abs=100)
    assert [border.chainage_m for border in geometry.borders] == [pytest.approx(4050, abs=15)]
    assert {span.owner for span in geometry.spans} == {0, 1}
    (unit,) = [one for one in build_units(loaded.config.layout, geometry) if one.id == "ZJ-A"]
    assert geometry.jurisdiction_ids[unit.jurisdiction] == "ZJ"
    x, y = geometry.xy_at(unit.chainage_m)
    off_m = ((unit.x_m - float(x)) ** 2 + (unit.y_m - float(y)) ** 2) ** 0.5
    assert 400 < off_m < 2000
    lon, lat = next((site.lon, site.lat) for site in loaded.config.layout.sites if site.id == "ZJ-A")
    assert lat < 31.0198 and abs(lon - 120.8972) < 0.002


def test_an_event_lies_just_beyond_each_border_in_both_directions() -> None:
    """By hand: within 800 m after the border, for traffic in either direction."""
    for name in ("demo-zone", "expressway", "tripoint"):
        loaded = load(name)
        first, *_ = borders = [one.chainage_m for one in CorridorGeometry(loaded.config.corridor).borders]
        ups = [event.from_m for event in loaded.config.events if event.direction == "up"]
        downs = [event.to_m for event in loaded.config.events if event.direction == "down"]
        assert all(any(0 < at - border < 800 for at in ups) for border in borders), name
        assert any(0 < first - at < 800 for at in downs), name


def test_green_times_leave_room_for_the_flow() -> None:
    """By hand: two lanes of 1800 veh/h over green / cycle carry the flow of each approach of the arterial."""
    config = load("demo-zone").config
    for node in config.corridor.nodes:
        cycle_s = sum(one.green_s + one.yellow_s + one.all_red_s for one in node.phases)
        green_s = {name: one.green_s for one in node.phases for name in one.approaches}
        assert cycle_s == 90
        assert 2 * 1800 * green_s["up"] / cycle_s > 1.3 * config.traffic.flow_veh_h
        assert 1 * 1800 * green_s["arm_left"] / cycle_s > 1.5 * node.arms.flow_veh_h


def test_facts_of_the_arterial() -> None:
    """By hand: EIRP is power plus gain; warm-up is three cycles of 90 s; what is illustrative is said."""
    loaded = load("demo-zone")
    facts = facts_of(loaded)
    assert facts["EIRP"] == "roadside units 29 dBm, on-board units 26 dBm"
    assert traffic_warmup_s(loaded.config) == 270
    assert any(": datum (*): assumption" in line for line in facts["illustrative"])
    assert traffic_warmup_s(load("expressway").config) == 60


def test_examples_come_in_order_and_say_what_they_cover() -> None:
    """Property: numbered from 01, each opens with a line on what it covers, each is short."""
    files = sorted((shipped_folder() / "examples").glob("*.yaml"))
    assert [file.name[:3] for file in files] == [f"{number:02d}-" for number in range(1, len(files) + 1)]
    for file in files:
        assert file.read_text(encoding="utf-8").startswith("# covers: ")
        assert load(file).config.duration_s <= 10


def test_facts_tell_what_the_candidate_makes_of_a_scenario() -> None:
    """By hand: channel halves, message sets and roots of S6 on the arterial; units as its page lists them."""
    facts = facts_of(load("demo-zone", ["standards.candidate=S6"]))
    assert facts["roadside units"].endswith("(ZJ 14, JS 39, SH 23)")
    assert "JS: vehicles send lower, listen lower + upper; units send upper, listen lower + upper" in facts["radio"]
    by_place = dict(line.split(": ", 1) for line in facts["profiles"])
    assert "csae53-2017" in by_place["ZJ"] and "csae53-2020" in by_place["JS"]
    assert by_place["SH"].endswith("under root shanghai") and by_place["ZJ"].endswith("under root national")
    assert [line.split()[0] for line in facts["hazards"]] == ["H1", "H4", "H7", "H11", "H12", "H13", "H14"]


def test_facts_tell_the_radio_and_the_fleet() -> None:
    """By hand: another access layer comes with its channel; shares of homes are those of the file."""
    facts = facts_of(load("expressway", ["standards.candidate=eu-itsg5"]))
    assert facts["radio"] == ["ieee80211p, 10 MHz around 5900 MHz"] and facts["hazards"] == []
    assert facts["homes"] == ["SH 45%", "JS 35%", "ZJ 20%"]


def test_facts_count_the_radios_of_gateways() -> None:
    """By hand: units of both sides within 800 m of the one border, each a second time."""
    loaded = load("border", ["standards.candidate=G"])
    facts = facts_of(loaded)
    assert facts["gateway"].startswith("within 800 m of a border, 20 ms later: ")
    added = int(facts["gateway"].split(": ")[1].split()[0])
    corridor = CorridorGeometry(loaded.config.corridor)
    units = build_units(loaded.config.layout, corridor)
    border_m = corridor.borders[0].chainage_m
    near = [unit for unit in units if abs(unit.chainage_m - border_m) <= 800]
    places = {unit.jurisdiction for unit in near} | {0, 1}
    assert added == len(near) * (len(places) - 1) and added > 0
