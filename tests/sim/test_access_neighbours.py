"""Pair gains of a traffic tick: windows, tables, symmetry, what stays and what is made anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sim.access import bench
from sim.access.neighbours import LISTENERS, POPULATIONS, PROBE, RSU, Neighbours
from sim.access.sidelink.links import runs_of
from sim.channel.propagation import Propagation
from sim.frames import Kind
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

FLOOR_DBM = -104.9


def scene(ring_m: float, vehicles: int = 150, seed: int = 3, length_m: float = 9000.0) -> Stations:
    """RSUs on masts, probes, cars and trucks on several lanes, all of them (but RSUs and probes) on the move."""
    kind = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], [3, 20, vehicles])
    draws, n, length = np.random.default_rng(seed), vehicles + 23, ring_m or length_m
    stations = bench.place(draws.random(n) * length, draws.choice([-6.0, 2.5, 6.0], n), kind, ring_m=ring_m)
    stations.antenna_height_m[:3], stations.antenna_gain_dbi[:3] = 5.5, 6.0
    stations.antenna_height_m[40:60] = 3.0
    stations.tx_power_dbm[70:90] = 17.0
    moving = slice(23, None)
    stations.x1_m[moving] = stations.x0_m[moving] + draws.choice([-3.3, 2.0, 3.3], vehicles)
    return stations


def neighbours(stations: Stations, radio: Radio | None = None, seed: int = 1) -> Neighbours:
    """Windows and gains of the stations' present tick."""
    radio = radio or Radio.model_validate({"bandwidth_mhz": 10})
    near = Neighbours(Propagation(radio, seed, stations.ring_m or None), FLOOR_DBM, 1.0, stations.ring_m)
    near.update(stations)
    return near


def middle(stations: Stations) -> tuple[np.ndarray, np.ndarray]:
    """Places in the middle of the tick."""
    return 0.5 * (stations.x0_m + stations.x1_m), 0.5 * (stations.y0_m + stations.y1_m)


def separation(stations: Stations, a: np.ndarray | int, b: np.ndarray | int) -> np.ndarray:
    """3-D distance in the middle of the tick, to the nearest image on a ring."""
    x, y = middle(stations)
    dx = x[b] - x[a]
    dx = dx - stations.ring_m * np.rint(dx / stations.ring_m) if stations.ring_m else dx
    return np.sqrt(dx**2 + (y[b] - y[a]) ** 2 + (stations.antenna_height_m[b] - stations.antenna_height_m[a]) ** 2)


@pytest.mark.parametrize("ring_m", [0.0, 700.0, 3000.0, 9000.0])
@pytest.mark.parametrize("v2i", ["winner-b1", "two-ray"])
def test_every_pair_has_the_gain_of_the_propagation_model(ring_m: float, v2i: str) -> None:
    """Independent: every pair in every window, probes included, against Propagation asked for its positions."""
    stations = scene(ring_m)
    near = neighbours(stations, Radio.model_validate({"bandwidth_mhz": 10, "channel": {"v2i": v2i}}))
    model = near.propagation
    features = model.features(*middle(stations))
    height, gain = stations.antenna_height_m, stations.antenna_gain_dbi
    pairs = 0
    for column in range(int(near.offset[PROBE])):
        for b in POPULATIONS:
            columns, ratio = near.run(column, b)
            one, other = np.full(len(columns), near.slots[column]), near.slots[columns]
            distance = separation(stations, one, other)
            is_v2i = (stations.kind[one] == Kind.RSU) | (stations.kind[other] == Kind.RSU) | (b == PROBE)
            latent = model.pairs(features, one, other, distance)
            loss = model.loss_db(distance, latent, height[one], height[other], is_v2i)
            np.testing.assert_allclose(10 * np.log10(ratio), gain[one] + gain[other] - loss, atol=5e-3)
            pairs += len(columns)
    assert pairs > 5000


@pytest.mark.parametrize("ring_m", [0.0, 700.0, 3000.0, 9000.0])
def test_gains_are_symmetric_to_the_bit_and_windows_miss_nobody(ring_m: float) -> None:
    """Property: j is in the window of i if i is in that of j, with the same gain; all within reach are there once."""
    stations = scene(ring_m)
    near = neighbours(stations)
    runs = {(c, b): near.run(c, b) for c in range(int(near.offset[PROBE])) for b in LISTENERS}
    for (column, b), (columns, gains) in runs.items():
        assert len(set(columns.tolist())) == len(columns)
        a = int(near.population(np.array([column]))[0])
        for other, gain in zip(columns.tolist(), gains.tolist(), strict=True):
            back, their = runs[other, a]
            assert their[back == column].tolist() == [gain]
        everyone = np.arange(near.offset[b], near.offset[b + 1])
        distance = separation(stations, int(near.slots[column]), near.slots[everyone])
        assert set(everyone[distance < near.reach_m(a, b)].tolist()) <= set(columns.tolist())


def test_a_pair_has_the_same_gain_whoever_else_is_there() -> None:
    """Property: gains are functions of the two stations alone, to the bit, however blocks fall."""
    stations = scene(0.0, vehicles=260, length_m=4000.0)
    some = scene(0.0, vehicles=260, length_m=4000.0)
    some.active[30::3] = False
    whole, part = neighbours(stations), neighbours(some)
    compared = 0
    for column in range(int(part.offset[PROBE])):
        slot = part.slots[column]
        for b in LISTENERS:
            columns, gains = part.run(column, b)
            theirs = dict(zip(*(v.tolist() for v in whole.run(int(whole.column[slot]), b)), strict=True))
            assert gains.tolist() == [theirs[int(c)] for c in whole.column[part.slots[columns]]]
            compared += len(columns)
    assert compared > 5000


@pytest.mark.parametrize("ring_m", [0.0, 700.0, 3000.0, 9000.0])
def test_parts_within_a_distance_leave_nobody_out(ring_m: float) -> None:
    """Property: all that come within 400 m during the tick are in the part, its places point at the same gains."""
    stations = scene(ring_m)
    near = neighbours(stations)
    table = near.gains()
    senders = np.arange(int(near.offset[PROBE]))
    for b in (*LISTENERS, PROBE):
        runs = runs_of(near, senders, (b,), 400.0)
        found: dict[int, dict[int, float]] = {int(c): {} for c in senders}
        for sending, first, count, base in zip(runs.sending, runs.first, runs.count, runs.base, strict=True):
            assert near.offset[b] <= first <= first + count - 1 < near.offset[b + 1]
            if base >= 0:
                new = dict(zip(range(first, first + count), table[base:base + count].tolist(), strict=True))
                assert not new.keys() & found[int(sending)].keys()
                found[int(sending)].update(new)
        for column in senders.tolist():
            if b == PROBE and column < near.offset[RSU]:
                continue
            columns, gains = near.run(column, b)
            expected = dict(zip(columns.tolist(), gains.tolist(), strict=True))
            assert found[column].items() <= expected.items()
            distance = separation(stations, int(near.slots[column]), near.slots[columns])
            assert set(columns[distance < 400.0].tolist()) <= found[column].keys()


def test_a_table_stays_while_nothing_changes() -> None:
    """By hand: equal ticks share a table; one station's power, position or presence makes a new one."""
    stations = scene(0.0)
    near = neighbours(stations)
    first = near.gains()
    near.update(stations)
    assert near.turn == 0
    assert near.gains() is first or np.shares_memory(near.gains(), first)
    for turn, (name, slot, value) in enumerate(
        [("x1_m", 30, 1.0), ("tx_power_dbm", 31, 9.0), ("active", 32, False), ("antenna_height_m", 33, 2.5)], start=1
    ):
        getattr(stations, name)[slot] = value
        near.update(stations)
        assert near.turn == turn
    stations.changed = np.array([34])
    near.update(stations)
    assert near.turn == 5


def test_earlier_tables_are_kept_as_long_as_asked() -> None:
    """By hand: with three tables kept, the gains of the last three ticks lie in the store at their turns' rows."""
    stations = scene(0.0)
    near = neighbours(stations)
    tables = []
    for tick in range(5):
        if tick:
            bench.move(stations, np.full(stations.size, 20.0 + tick))
            near.update(stations)
        if tick == 2:
            near.keep(3)
        tables.append(near.gains().copy())
    for turn in (2, 3, 4):
        assert np.array_equal(near.store[turn % 3, :len(tables[turn])], tables[turn])
    assert not any(np.array_equal(a, b) for a, b in pairwise(tables))


def test_power_and_geometry_are_those_of_the_middle_of_the_tick() -> None:
    """By hand: 100 m apart at the start, 106 m at the end: the gain is that of 103 m, 40 dB per decade."""
    radio = Radio.model_validate({"bandwidth_mhz": 10, "channel": {"shadowing_sigma_db": 0.0}})
    stations = bench.place(np.array([0.0, 100.0]), np.zeros(2))
    still = neighbours(stations, radio).run(0, 0)[1][1]
    stations.x1_m[1] = 106.0
    moving = neighbours(stations, radio).run(0, 0)[1][1]
    assert 10 * np.log10(still / moving) == pytest.approx(40 * np.log10(1.03), abs=1e-3)


def test_nobody_and_one_station() -> None:
    """By hand: an empty scene has no pairs; a lone station has only itself."""
    stations = bench.place(np.array([5.0]), np.zeros(1))
    near = neighbours(stations)
    assert near.run(0, 0)[0].tolist() == [0]
    stations.active[0] = False
    near.update(stations)
    assert near.gains().size == 0
    assert len(runs_of(near, np.empty(0, np.int64), LISTENERS)) == 0
