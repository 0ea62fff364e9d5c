"""Recorded trajectories: how positions, headings and speeds of a file are read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim
from sim.clock import MS
from sim.scenario import ScenarioError
from sim.scenario.schema import Scenario
from sim.traffic import TRAFFIC
from sim.traffic.tables import InputError
from sim.traffic.trajectories import TrajectoryTraffic
from sim.world.corridor import CorridorGeometry
from sim.world.network import RoadNetwork
from sim.world.signals import Signals

TICK = 100 * MS
PLANE, DEGREES = "time,id,x,y,speed,heading", "time,id,lon,lat,speed,heading"
Row = tuple[float, str, float, float, float, float]
"""Time, id, x or lon, y or lat, speed, heading."""
SCENARIO = """\
schema: corridor/1
name: replay
duration_s: {duration_s}
traffic_warmup_s: {warmup_s}
radio_warmup_s: 1
corridor:
  datum: WGS84
  length_m: 600
  jurisdictions: [{{id: A, region_id: 1, spans: [{{}}]}}]
traffic: {{model: trajectories, file: {file}, equipped_ratio: 1}}
layout:
  name: two
  sites: [{{id: A-1, at_m: 150}}, {{id: A-2, at_m: 450}}]
"""


def csv_file(folder: Path, rows: list[Row], header: str = PLANE) -> Path:
    path = folder / "moves.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def fcd_file(folder: Path, rows: list[Row], kind: str = "") -> Path:
    path = folder / "moves.xml"
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<fcd-export>"]
    for time_s in dict.fromkeys(row[0] for row in rows):
        lines.append(f'<timestep time="{time_s}">')
        for _, name, x, y, speed, angle in (row for row in rows if row[0] == time_s):
            place = f'x="{x}" y="{y}" speed="{speed}" angle="{angle}"'
            lines.append(f'<vehicle id="{name}" {place} type="{kind}" pos="1" lane="e_0"/>')
        lines.append("</timestep>")
    path.write_text("\n".join([*lines, "</fcd-export>"]) + "\n")
    return path


def build(path: Path, **corridor: object) -> TrajectoryTraffic:
    values = {"datum": "WGS84", "length_m": 5000, "jurisdictions": [{"id": "A"}], **corridor}
    traffic = {"model": "trajectories", "file": str(path), "classes": [{"name": "car", "share": 1, "length_m": 4}]}
    config = Scenario(schema="corridor/1", name="test", corridor=values, traffic=traffic)
    network = RoadNetwork(CorridorGeometry(config.corridor))
    model = TRAFFIC["trajectories"](config, network, Signals(network), 1)
    assert isinstance(model, TrajectoryTraffic)
    return model


def places(traffic: TrajectoryTraffic, ticks: int) -> list[tuple[float, float, float]]:
    """(x, y, heading) of the only vehicle at the start and after every tick."""
    traffic.start(0)
    fleet, seen = traffic.fleet, []
    for tick in range(ticks + 1):
        (slot,) = fleet.slots()
        seen.append((float(fleet.x_m[slot]), float(fleet.y_m[slot]), float(fleet.heading_deg[slot])))
        traffic.step(tick * TICK, TICK)
    return seen


def straight(count: int, x_m: float, y_m: float, step_m: float = 1.0) -> list[Row]:
    """One vehicle going east, a sample every 0.1 s."""
    return [(k / 10, "a", round(x_m + step_m * k, 3), y_m, 10 * step_m, 90) for k in range(count)]


def write_scenario(folder: Path, file: Path, duration_s: float = 2, warmup_s: str = "0") -> Path:
    path = folder / "replay.yaml"
    path.write_text(SCENARIO.format(file=file.name, duration_s=duration_s, warmup_s=warmup_s))
    return path


# -- plane or degrees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first_m", [100.88, 120.88])
def test_header_of_a_csv_decides_even_beside_the_numbers_of_the_origin(tmp_path: Path, first_m: float) -> None:
    """By hand: x, y that pass or begin at (120.88, 31.04), longitude and latitude of the road's origin, stay metres."""
    seen = places(build(csv_file(tmp_path, straight(50, first_m, 31.04))), 40)
    assert np.allclose([x for x, _, _ in seen], first_m + np.arange(41), atol=1e-9)
    assert {y for _, y, _ in seen} == {31.04}


@pytest.mark.parametrize("first_m", [100.88, 120.68, 121.58])
def test_fcd_on_the_plane_passes_the_numbers_of_the_origin(tmp_path: Path, first_m: float) -> None:
    """By hand: the same in SUMO's format, where nothing but the numbers tells; also when it begins right there."""
    seen = places(build(fcd_file(tmp_path, straight(50, first_m, 31.04))), 40)
    assert np.allclose([x for x, _, _ in seen], first_m - 2 + np.arange(41), atol=1e-9)


def test_fcd_in_degrees(tmp_path: Path) -> None:
    """By hand: at 31.04 deg north 0.001 deg of longitude are 95.5 m (WGS 84); the vehicle stays beside the road."""
    rows = [(k / 10, "a", 120.881 + 1e-5 * k, 31.03998, 9.55, 90.0) for k in range(20)]
    traffic = build(fcd_file(tmp_path, rows))
    seen = places(traffic, 10)
    assert seen[0][0] == pytest.approx(95.5 - 2, abs=0.1) and seen[10][0] == pytest.approx(105.0 - 2, abs=0.1)
    assert seen[0][1] == pytest.approx(-2.2, abs=0.1)
    assert traffic.warnings() == []


def test_degrees_in_a_csv_may_not_lie_far_off(tmp_path: Path) -> None:
    """Property: a column called lon is never taken for metres."""
    with pytest.raises(InputError, match="m off the road, at most 2000 m"):
        build(csv_file(tmp_path, straight(5, 100, -2), DEGREES))


# -- front and centre ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle, dx_m, dy_m", [(0, 0, -2), (90, -2, 0), (180, 0, 2), (270, 2, 0), (-90, 2, 0)])
def test_fcd_gives_the_front_bumper_and_csv_the_centre(tmp_path: Path, angle: int, dx_m: float, dy_m: float) -> None:
    """By hand: a car of 4 m has its centre 2 m behind its front (SUMO's FCD output gives the front bumper)."""
    rows: list[Row] = [(k / 10, "a", 300, -3, 0, angle) for k in range(5)]
    x, y, heading = places(build(fcd_file(tmp_path, rows)), 2)[2]
    assert (x, y) == (pytest.approx(300 + dx_m), pytest.approx(-3 + dy_m)) and heading == angle % 360
    x, y, heading = places(build(csv_file(tmp_path, rows)), 2)[2]
    assert (x, y) == (300, -3) and heading == angle % 360


def test_fcd_takes_off_the_length_of_the_class(tmp_path: Path) -> None:
    """By hand: type truck is 12 m long by default, so the centre is 6 m behind; chainage and lane follow the centre."""
    config = {"datum": "WGS84", "length_m": 5000, "jurisdictions": [{"id": "A"}]}
    file = fcd_file(tmp_path, straight(5, 300, -2.75), kind="truck")
    scenario = Scenario(
        schema="corridor/1", name="t", corridor=config, traffic={"model": "trajectories", "file": str(file)}
    )
    network = RoadNetwork(CorridorGeometry(scenario.corridor))
    traffic = TrajectoryTraffic(scenario, network, Signals(network), 1)
    traffic.start(0)
    fleet = traffic.fleet
    assert (fleet.x_m[0], fleet.chainage_m[0]) == (pytest.approx(294), pytest.approx(294))
    assert (fleet.length_m[0], fleet.lane[0]) == (12, 0)


# -- headings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", [361, 720, -361, 3600])
@pytest.mark.parametrize("write, word", [(csv_file, "heading"), (fcd_file, "angle")])
def test_headings_outside_one_turn_are_refused(tmp_path: Path, write, word: str, heading: int) -> None:  # type: ignore[no-untyped-def]
    """Property: one line with the field, the value and the range."""
    rows = [*straight(3, 100, -2), (0.3, "a", 103, -2, 10, heading)]
    with pytest.raises(InputError, match=f"{word}: '{heading}' must lie in -360..360"):
        build(write(tmp_path, rows))


def test_headings_are_normalised_and_turn_the_shorter_way(tmp_path: Path) -> None:
    """By hand: 360 is 0, -180 is 180; between -10 and 10 lies 0, not 180."""
    headings = [360, -180, -10, 10]
    rows: list[Row] = [(k / 5, "a", 300, -3, 0, heading) for k, heading in enumerate(headings)]
    seen = [heading for _, _, heading in places(build(csv_file(tmp_path, rows)), 6)]
    assert seen[::2] == [0, 180, 350, 10]
    assert seen[5] % 360 == pytest.approx(0, abs=1e-9)
    assert all(0 <= heading < 360 for heading in seen)


# -- motion --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [csv_file, fcd_file])
def test_a_jump_is_refused(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    """By hand: 401 m in 0.1 s; the line of the first sample after the jump is named, once."""
    rows = straight(10, 100, -2) + [(k / 10, "a", 500.0 + k, -2, 10, 90) for k in range(10, 20)]
    with pytest.raises(InputError, match=r"position: '510, -2' moves 401 m in 0.1 s; at most 100 m/s") as caught:
        build(write(tmp_path, rows))
    assert len(str(caught.value).splitlines()) == 1


def test_a_jump_in_degrees_is_measured_in_metres(tmp_path: Path) -> None:
    """By hand: 0.001 deg of longitude is 95.5 m here, too far for 0.1 s, not for 1 s."""
    for step_s, refused in ((0.1, True), (1.0, False)):
        rows: list[Row] = [(round(k * step_s, 1), "a", 120.89 + 0.001 * k, 31.04, 90, 90) for k in range(3)]
        path = csv_file(tmp_path, rows, DEGREES)
        if refused:
            with pytest.raises(InputError, match="moves 95 m in 0.1 s"):
                build(path)
        else:
            build(path)


def test_the_time_between_samples_counts_not_the_step_of_the_file(tmp_path: Path) -> None:
    """By hand: 19 m within two steps of 0.1 s (one sample is missing) are 95 m/s, 19 m within one are 190 m/s."""
    others: list[Row] = [(k / 10, "b", 50.0, -2, 0, 90) for k in range(6)]

    def rows(second_s: float) -> list[Row]:
        return sorted([*others, (0.0, "a", 100.0, -2, 95, 90), (second_s, "a", 119.0, -2, 95, 90)])

    build(csv_file(tmp_path, rows(0.2)))
    with pytest.raises(InputError, match="moves 19 m in 0.1 s"):
        build(csv_file(tmp_path, rows(0.1)))


@pytest.mark.parametrize(
    "written_mps, warns",
    [(36.0, True), (31.0, True), (29.0, False), (10.0, False), (3.5, False), (3.0, True), (0.0, True)],
)
def test_speeds_that_do_not_fit_the_motion_are_warned_of(tmp_path: Path, written_mps: float, warns: bool) -> None:
    """By hand: a vehicle drives 10 m/s; the column may say 3.33 to 30 m/s, and 36 (km/h) is too much."""
    rows = [(*row[:4], written_mps, row[5]) for row in straight(30, 100, -2)]
    warnings = build(csv_file(tmp_path, rows)).warnings()
    assert len(warnings) == warns
    if warns:
        assert f"move by 10.0 m/s on average, their speeds say {written_mps:.1f} m/s" in warnings[0]


def test_standing_vehicles_with_noise_are_not_warned_of(tmp_path: Path) -> None:
    """By hand: 5 cm to and fro every 0.1 s is 0.5 m/s of noise at speed 0, no reason to warn."""
    rows: list[Row] = [(k / 10, "a", 100 + 0.05 * (k % 2), -2, 0, 90) for k in range(30)]
    assert build(csv_file(tmp_path, rows)).warnings() == []


# -- whole scenarios -----------------------------------------------------------------------------------------------


def test_a_file_must_last_as_long_as_the_run(tmp_path: Path) -> None:
    """By hand: 50 samples each 0.1 s hold 4.9 s; 1 s of radio warm-up, then what is measured and traffic only."""
    file = csv_file(tmp_path, straight(50, 100, -2))
    sim.load(write_scenario(tmp_path, file, 3.9))
    sim.load(write_scenario(tmp_path, file, 2.9, "1"))
    for duration_s, warmup_s, needed in ((4.0, "0", "5 s"), (3.0, "1", "5 s"), (10, "0", "11 s")):
        with pytest.raises(ScenarioError) as caught:
            sim.load(write_scenario(tmp_path, file, duration_s, warmup_s))
        (line,) = str(caught.value).splitlines()
        assert "traffic.file" in line and f"holds 4.9 s, the run needs {needed}" in line


def test_the_warm_up_by_signals_counts(tmp_path: Path) -> None:
    """By hand: a node without plan has a cycle of 90 s, three of which are warm-up unless the file says otherwise."""
    file = csv_file(tmp_path, straight(50, 100, -2))
    path = write_scenario(tmp_path, file, 2, "null")
    sim.load(path)
    with pytest.raises(ScenarioError, match="holds 4.9 s, the run needs 273 s"):
        sim.load(path, ["corridor.nodes=[{id: N, at_m: 300}]"])


def test_check_finds_what_the_run_would_refuse(tmp_path: Path) -> None:
    """Property: the file's own problems are the scenario's, each with line, field and rule."""
    rows = straight(50, 100, -2)
    rows[7], rows[9] = (*rows[7][:5], 400), (*rows[9][:4], -1, 90)
    with pytest.raises(ScenarioError) as caught:
        sim.load(write_scenario(tmp_path, csv_file(tmp_path, rows)))
    first, second = str(caught.value).splitlines()
    assert "traffic.file" in first and "moves.csv:9: heading: '400' must lie in -360..360" in first
    assert "moves.csv:11: speed: '-1' must lie in 0..100" in second


def wild_rows() -> list[Row]:
    """5 s of three vehicles: one turns round between two samples, one's heading twitches by 40 degrees, one is calm."""
    rows: list[Row] = []
    for k in range(51):
        t, back = k / 10, k > 20
        x = round(200 + 1.2 * (40 - k if back else k), 2)
        rows.append((t, "turns", x, 2 if back else -2, 12, 270 if back else 90))
        rows.append((t, "twitches", round(150 + 1.5 * k, 2), -2, 15, 130 if k == 25 else 90))
        rows.append((t, "calm", round(100 + 1.0 * k, 2), -6, 10, 90))
    return rows


@pytest.mark.parametrize("write", [csv_file, fcd_file])
def test_a_run_over_wild_headings_ends_well(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    """By hand: each of three vehicles sends 10 BSM per second to the two others for 3 s, U-turn and twitch included;
    within 150 m in the open nearly everything arrives."""
    path = write_scenario(tmp_path, write(tmp_path, wild_rows()), 3)
    result = sim.run(sim.load(path), tmp_path / "out", plots=False)
    assert result.summary["vehicles"] == {"total": 3, "equipped": 3}
    assert result.summary["warnings"] == []
    rows = result.select(metric="prr", message="BSM", link="V2V", jurisdiction="")
    count = np.nansum(rows["n"])
    assert count == 3 * 10 * 2 * 3
    assert np.nansum(rows["value"] * rows["n"]) / count > 0.9
