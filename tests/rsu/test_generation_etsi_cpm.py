"""CPM generation and object inclusion, by hand (TS 103 324 v2.1.1 6.1.2)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rsu.generation.etsi_cpm import EtsiCpmFigures, EtsiCpmGeneration, PerceivedObjects

STEP_NS = 100_000_000
UNIT = np.array([0])


def objects(*rows: tuple[int, bool, float, float, float], unit: int | list[int] = 0,
            quality: list[int] | None = None) -> PerceivedObjects:
    """Rows of (track, vehicle, x, speed, direction)."""
    table = np.array(rows, np.float64).reshape(-1, 5)
    return PerceivedObjects(
        np.broadcast_to(np.asarray(unit), len(table)), table[:, 0].astype(np.int64), table[:, 1].astype(bool),
        table[:, 2], np.zeros(len(table)), table[:, 3], table[:, 4], None if quality is None else np.array(quality),
    )


def test_a_vehicle_is_included_by_the_four_metre_rule() -> None:
    """By hand: 15 m/s is 1.5 m per check: new at 0, then more than 4 m every third check; checks between send nothing;
    the sensor information comes with the first CPM and the first one at or after 1 s."""
    generation = EtsiCpmGeneration(1)
    sent, sensor = [], []
    for check in range(21):
        due = generation.due(UNIT, check * STEP_NS, objects((7, True, 1.5 * check, 15.0, 90.0)))
        if due.send[0]:
            sent.append(check)
        if due.sensor_information[0]:
            sensor.append(check)
        assert due.include[0] == (check % 3 == 0)
    assert sent == [0, 3, 6, 9, 10, 12, 15, 18, 20]
    assert sensor == [0, 10, 20]


@pytest.mark.parametrize(
    ("changed", "included"),
    [
        ((1, True, 4.0, 10.0, 0.0), False), ((1, True, 4.01, 10.0, 0.0), True),
        ((1, True, 0.0, 10.5, 0.0), False), ((1, True, 0.0, 9.49, 0.0), True),
        ((1, True, 0.0, 10.0, 4.0), False), ((1, True, 0.0, 10.0, 355.9), True),
        ((1, True, 0.0, 10.0, 356.0), False), ((2, True, 0.0, 10.0, 0.0), True),
    ],
)
def test_thresholds(changed: tuple[int, bool, float, float, float], included: bool) -> None:
    """By hand: more than 4 m, 0.5 m/s, 4 deg against the last inclusion, or another track; equal is not more."""
    generation = EtsiCpmGeneration(1)
    assert generation.due(UNIT, 0, objects((1, True, 0.0, 10.0, 0.0))).include.tolist() == [True]
    due = generation.due(UNIT, STEP_NS, objects(changed))
    assert due.include.tolist() == [included] and due.send.tolist() == [included]


def test_a_standing_vehicle_once_a_second() -> None:
    """By hand: T_GenCpmMax since its last inclusion, so 0, 1.0, 2.0 s."""
    generation = EtsiCpmGeneration(1)
    included = [generation.due(UNIT, k * STEP_NS, objects((1, True, 3.0, 0.0, 0.0))).include[0] for k in range(21)]
    assert np.flatnonzero(included).tolist() == [0, 10, 20]


def test_pedestrians_come_together() -> None:
    """By hand: A new at 0; B new at 0.2 s, alone; A is 0.5 s old at 0.5 s, so both; then both at 1.0 s; A runs far but
    moving triggers nothing for pedestrians. A vehicle beside them keeps its own rule (new at 0, 1 s)."""
    generation = EtsiCpmGeneration(1)
    included: dict[int, list[int]] = {1: [], 2: [], 9: []}
    for check in range(16):
        rows = [(1, False, 3.0 * check, 30.0, 0.0), (9, True, 0.0, 0.0, 0.0)]
        if check >= 2:
            rows.append((2, False, 0.0, 1.0, 0.0))
        seen = objects(*rows)
        due = generation.due(UNIT, check * STEP_NS, seen)
        for track in seen.track[due.include]:
            included[int(track)].append(check)
    assert included == {1: [0, 5, 10, 15], 2: [2, 5, 10, 15], 9: [0, 10]}


def test_nothing_perceived_still_tells_of_the_sensors() -> None:
    """By hand: no objects: one CPM per second with sensor information."""
    generation = EtsiCpmGeneration(1)
    due = [generation.due(UNIT, k * STEP_NS, objects()) for k in range(21)]
    assert [k for k, answer in enumerate(due) if answer.send[0]] == [0, 10, 20]
    assert all(answer.send[0] == answer.sensor_information[0] for answer in due)


def test_new_objects_wait_for_the_interval() -> None:
    """By hand: T_GenCpm 300 ms: an object new at 0.1 s is included at 0.3 s; bounds clamp 10 to 100 ms."""
    generation = EtsiCpmGeneration(1)
    generation.set_interval(UNIT, np.array([300.0]))
    sent = [generation.due(UNIT, k * STEP_NS, objects((k, True, 0.0, 0.0, 0.0))).send[0] for k in range(10)]
    assert np.flatnonzero(sent).tolist() == [0, 3, 6, 9]
    generation.set_interval(UNIT, np.array([10.0]))
    assert generation.due(UNIT, 1000 * 10**6, objects((99, True, 0.0, 0.0, 0.0))).send[0]
    assert not generation.due(UNIT, 1050 * 10**6, objects((98, True, 0.0, 0.0, 0.0))).send[0]
    with pytest.raises(ValueError, match="interval_ms"):
        generation.set_interval(UNIT, np.array([math.nan]))


def test_poor_objects_stay_out() -> None:
    """By hand: quality 2 is below the threshold 3; once it reaches 3 the object is new."""
    generation = EtsiCpmGeneration(1)
    row = (1, True, 0.0, 0.0, 0.0)
    include = [generation.due(UNIT, k * STEP_NS, objects(row, quality=[q])).include[0] for k, q in enumerate((2, 2, 3))]
    assert include == [False, False, True]


def test_units_are_apart() -> None:
    """By hand: the same track number at two units is two tracks; unit 1 starts later and does not disturb unit 0."""
    generation = EtsiCpmGeneration(2)
    row = (5, True, 0.0, 0.0, 0.0)
    assert generation.due(np.array([0]), 0, objects(row)).include.tolist() == [True]
    due = generation.due(np.array([1, 0]), STEP_NS, objects(row, row, unit=[0, 1]))
    assert due.include.tolist() == [False, True] and due.send.tolist() == [True, False]
    assert generation.tracks_count == 2
    generation.forget(np.array([0]))
    assert generation.tracks_count == 1
    due = generation.due(np.array([0, 1]), 2 * STEP_NS, objects(row, row, unit=[0, 1]))
    assert due.include.tolist() == [True, False], "unit 0 begins anew, unit 1 keeps its memory"
    generation.grow(3)
    assert generation.due(np.array([2]), 2 * STEP_NS, objects(row, unit=2)).include.tolist() == [True]


def test_lost_tracks_are_forgotten() -> None:
    """By hand: forgotten 2 s after the last report, so the table shrinks and the track is new again."""
    generation = EtsiCpmGeneration(1)
    generation.due(UNIT, 0, objects((1, True, 0.0, 0.0, 0.0)))
    generation.due(UNIT, 19 * STEP_NS, objects())
    assert generation.tracks_count == 1
    generation.due(UNIT, 20 * STEP_NS, objects())
    assert generation.tracks_count == 0
    assert generation.due(UNIT, 21 * STEP_NS, objects((1, True, 0.0, 0.0, 0.0))).include.tolist() == [True]


def test_memory_is_bounded() -> None:
    """Property: 100 fresh tracks every second check never leave more than the bound, and the latest stay."""
    generation = EtsiCpmGeneration(2, EtsiCpmFigures(most_tracks_count=150))
    units = np.arange(2)
    for check in range(0, 40, 2):
        rows = [(1000 * (40 - check) + n, True, 0.0, 0.0, 0.0) for n in range(100)]
        due = generation.due(units, check * STEP_NS, objects(*rows, unit=1))
        assert due.include.all()
        assert generation.tracks_count <= 150
        again = generation.due(units, (check + 1) * STEP_NS, objects(*rows, unit=1))
        assert not again.include.any(), "the latest tracks stay"
    assert generation.tracks_count == 150


def test_order_of_objects_and_units_does_not_matter() -> None:
    """Property: the same objects in another order, or units asked one by one, give the same answers."""
    rng = np.random.default_rng(11)
    count, units = 60, np.arange(4)
    unit, track, vehicle = rng.integers(0, 4, count), 3 * np.arange(count) + 7, rng.random(count) < 0.6
    x, speed, direction = rng.uniform(0, 100, count), rng.uniform(0, 20, count), rng.uniform(0, 360, count)
    together, shuffled, apart = (EtsiCpmGeneration(4) for _ in range(3))
    included = 0
    for check in range(60):
        x = x + 0.1 * speed
        speed = np.abs(speed + rng.normal(0, 0.1, count))
        seen = rng.random(count) < 0.9
        table = PerceivedObjects(unit, track, vehicle, x, np.zeros(count), speed, direction)
        part = at(table, np.flatnonzero(seen))
        order = rng.permutation(len(part.unit))
        due = together.due(units, check * STEP_NS, part)
        mixed = shuffled.due(units[::-1], check * STEP_NS, at(part, order))
        assert np.array_equal(due.include[order], mixed.include)
        assert np.array_equal(due.send, mixed.send[::-1])
        for one in units:
            own = np.flatnonzero(part.unit == one)
            single = apart.due(np.array([one]), check * STEP_NS, at(part, own))
            assert np.array_equal(due.include[own], single.include) and due.send[one] == single.send[0]
        included += int(due.include.sum())
    assert 0.1 < included / (60 * count * 0.9) < 0.9


def at(table: PerceivedObjects, rows: np.ndarray) -> PerceivedObjects:
    return replace(table, **{name: getattr(table, name)[rows] for name in
                             ("unit", "track", "vehicle", "x_m", "y_m", "speed_mps", "direction_deg")})


def test_refusals() -> None:
    """By hand: a track twice, out of range, or of a unit not asked is one clear error."""
    row = (5, True, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="track: 5 is there twice in unit 0"):
        EtsiCpmGeneration(1).due(UNIT, 0, objects(row, row))
    with pytest.raises(ValueError, match="outside 0..4294967295"):
        EtsiCpmGeneration(1).due(UNIT, 0, objects((2**32, True, 0.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match="unit: 1 has objects but is not asked"):
        EtsiCpmGeneration(2).due(UNIT, 0, objects(row, unit=1))
