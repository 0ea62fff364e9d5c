"""Re-tuning at a border: when the plan of the place holds, what it does on the air, and that it is off by default."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS, SECOND
from sim.frames import Flow, Kind, Outcome
from sim.scenario import load
from sim.scenario.schema.radio import Radio
from sim.world.build import World
from sim.world.crossing import Retuning
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)
SPLIT = {"vehicle": {"send": "lower", "listen": ["lower", "upper"]},
         "rsu": {"send": "upper", "listen": ["lower", "upper"]}}
PLANS: list[dict[str, Any]] = [{"jurisdictions": ["A"]}, {"jurisdictions": ["B"], **SPLIT}]
A, B = 0, 1


def ticks(stations: Stations, retuning: Retuning, places: list[list[int]], changed: list[int]) -> list[list[int]]:
    """Tuning of the vehicles after each tick of 100 ms, all of them new in the first."""
    found = []
    for tick, place in enumerate(places):
        stations.tick_start_ns = tick * 100 * MS
        stations.place[stations.first_vehicle:] = place
        slots = np.arange(len(place)) if tick == 0 else np.array(changed if tick == 3 else [], np.int64)
        retuning.update(stations.first_vehicle + slots)
        assert stations.tuning is not None
        found.append(stations.tuning[stations.first_vehicle:].tolist())
    return found


def test_the_plan_of_the_place_holds_that_long_after_the_border() -> None:
    """By hand, 200 ms: the first crosses in tick 2 and re-tunes in tick 4; the second comes back before it would have;
    the third has no road under it and keeps what it had; what appears in tick 3 drives by the plan of its place."""
    stations = Stations(0, 0, 4)
    stations.home[:] = A
    retuning = Retuning(stations, 200 * MS)
    places = [[A, A, A, A], [A, A, A, A], [B, B, -1, A], [B, A, -1, B], [B, A, -1, B], [B, A, -1, B], [A, A, A, B]]
    found = ticks(stations, retuning, places, changed=[3])
    assert [row[0] for row in found] == [A, A, A, A, B, B, B]
    assert [row[1] for row in found] == [A] * 7
    assert [row[2] for row in found] == [A] * 7
    assert [row[3] for row in found] == [A, A, A, B, B, B, B]


def test_at_once_and_for_vehicles_from_elsewhere() -> None:
    """By hand: with 0 s the plan changes in the tick of the crossing; a visitor that appears follows the place."""
    stations = Stations(0, 0, 2)
    stations.home[:] = [A, B]
    found = ticks(stations, Retuning(stations, 0), [[A, A], [B, A], [B, -1], [A, B]], changed=[])
    assert found == [[A, A], [B, A], [B, A], [A, B]]


def radio(plans: list[dict[str, Any]], **mode: Any) -> Radio:
    return Radio.model_validate({
        "mode4": {"mcs": [7], "channel_plans": plans, **mode}, "channel": {"shadowing_sigma_db": 0.0},
    })


def scene(config: Radio, homes: list[int]) -> tuple[LteMode4, Stations]:
    """Vehicles 20 m apart, re-tuned by the test itself."""
    stations = bench.place(np.arange(len(homes)) * 20.0, np.zeros(len(homes)))
    stations.jurisdictions = ("A", "B")
    stations.home[:] = stations.place[:] = homes
    stations.tuning = stations.home.copy()
    return LteMode4(config, [BSM], stations, 1), stations


def heard(
    layer: LteMode4, stations: Stations, switch: dict[int, tuple[int, int]], count: int
) -> list[dict[tuple[int, int], int]]:
    """Outcomes by (sender, receiver) of each tick; ``switch``: tick -> (slot, tuning from then on)."""
    traffic = bench.Traffic([BSM], {0: 190}, 1)
    found: list[dict[tuple[int, int], int]] = []
    for tick in range(count):
        if tick:
            bench.move(stations, np.zeros(stations.size))
        if tick in switch:
            slot, tuning = switch[tick]
            assert stations.tuning is not None
            stations.tuning[slot] = tuning
        layer.stations_changed(stations)
        layer.submit(traffic.frames(stations))
        b = layer.advance(stations.tick_end_ns, stations)
        links = zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.outcome.tolist(), strict=True)
        found.append({(s, r): o for s, r, o in links})
    return found


@pytest.mark.parametrize("twice", [False, True])
def test_on_the_air_the_station_belongs_to_the_other_plan(twice: bool) -> None:
    """By hand: of two vehicles of each plan one of A re-tunes; soon after it hears B and B hears it, and A is as deaf
    to it as it is to A; it sends in the pool of the others."""
    layer, stations = scene(radio(PLANS, blind_retransmission=twice), [A, A, B, B])
    found = heard(layer, stations, {6: (0, B)}, 14)
    before, after = found[2:6], found[8:]
    assert all(tick[0, 1] != Outcome.NOT_TUNED for tick in before if (0, 1) in tick)
    assert {tick.get((2, 0), Outcome.NOT_TUNED) for tick in before} == {Outcome.NOT_TUNED}
    for tick in after:
        for other in (2, 3):
            assert tick.get((0, other)) != Outcome.NOT_TUNED
            assert tick.get((other, 0)) != Outcome.NOT_TUNED
        assert tick.get((0, 1), Outcome.NOT_TUNED) == Outcome.NOT_TUNED
        assert tick.get((1, 0), Outcome.NOT_TUNED) == Outcome.NOT_TUNED
    delivered = sum(tick.get(link) == Outcome.DELIVERED for tick in after for link in ((0, 2), (2, 0), (3, 0)))
    assert delivered > 12
    p = layer.processes
    pools = dict(zip(p.slot[:p.count].tolist(), p.pool[:p.count].tolist(), strict=True))
    assert pools[0] == pools[2] == pools[3] != pools[1]


def test_a_frame_that_waits_while_the_channel_changes_ends_unsent() -> None:
    """By hand: one frame waits for its reserved subframe in the next tick; the station re-tunes before it: the frame
    ends as never sent at the receivers that were in range, exactly once, and its process belongs to the new pool."""
    layer, stations = scene(radio(PLANS), [A, A, B])
    found = heard(layer, stations, {}, 5)
    assert found
    row = int(np.flatnonzero(layer.processes.slot[:layer.processes.count] == 0)[0])
    layer.processes.waiting[row], layer.processes.next[row] = True, 10**6
    layer.processes.frame[row] = 999
    bench.move(stations, np.zeros(3))
    assert stations.tuning is not None
    stations.tuning[0] = B
    layer.stations_changed(stations)
    b = layer.advance(stations.tick_end_ns, stations)
    ended = np.flatnonzero(b.frame == 999)
    assert len(ended) == 1 and not b.sent[ended[0]]
    outcome = dict(zip(b.receiver[b.row == ended[0]].tolist(), b.outcome[b.row == ended[0]].tolist(), strict=True))
    assert outcome[2] == Outcome.NEVER_SENT
    assert not layer.processes.waiting[row]
    assert layer.processes.pool[row] == layer.grid.pool_of(stations, np.array([2]))[0]


def test_what_was_sensed_on_the_old_channel_is_forgotten() -> None:
    """Property: of 20 busy vehicles one re-tunes: the sensing window of that one is empty, that of another is not."""
    layer, stations = scene(radio(PLANS), [A] * 20 + [B])
    heard(layer, stations, {}, 8)
    bench.move(stations, np.zeros(21))
    assert stations.tuning is not None
    stations.tuning[3] = B
    layer.stations_changed(stations)
    assert not layer.power.ring[3].any()
    assert layer.power.ring[4].any()
    rows = layer.processes.slot[:layer.processes.count] == 3
    record = 2 * np.flatnonzero(rows)
    assert not layer.reservations.announced[record].any()


def test_plans_that_are_alike_change_nothing() -> None:
    """Property: re-tuning between places of one plan, or without plans, leaves every outcome as it is."""
    for plans in ([], [{"jurisdictions": ["A"], **SPLIT}, {"jurisdictions": ["B"], **SPLIT}]):
        still = heard(*scene(radio(plans), [A, A, B, B]), {}, 10)
        moved = heard(*scene(radio(plans), [A, A, B, B]), {3: (0, B), 5: (2, A)}, 10)
        assert still == moved


def test_in_a_world_the_column_follows_place_and_time() -> None:
    """Property: vehicles that drive over a border of a real scenario; none re-tunes unless the key is set. With it,
    a vehicle's tuning is a place it has been in, and after the time it is the place it is in."""
    overrides = ["traffic.model=constant-speed", "traffic.flow_veh_h=1500", "traffic.equipped_ratio=1.0"]
    off = World(load("03-one-border", overrides))
    assert off.stations.tuning is None
    world = World(load("03-one-border", [*overrides, "crossing.retune_s=2"]))
    world.start(0)
    since: dict[int, tuple[int, float]] = {}
    late = {False: 0, True: 0}
    for tick in range(150):
        world.step(tick * 100 * MS, (tick + 1) * 100 * MS)
        stations, now_s = world.stations, tick * 100 * MS / SECOND
        assert stations.tuning is not None
        for slot in world.vehicle_slots().tolist():
            number, place = int(stations.station_id[slot]), int(stations.place[slot])
            if number not in since:
                since[number] = (place, -100.0)
            elif since[number][0] != place:
                since[number] = (place, now_s)
            due = now_s - since[number][1] >= 2.0 - 1e-9
            assert (stations.tuning[slot] == place) == due
            late[due] += 1
    assert late[False] > 20 and late[True] > 1000
    fixed = slice(0, world.stations.first_vehicle)
    assert world.stations.tuning is not None
    assert (world.stations.tuning[fixed] == world.stations.home[fixed]).all()
