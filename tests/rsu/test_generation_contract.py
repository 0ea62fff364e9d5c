"""What every generation rule and every rate control keeps, whatever its figures."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rsu.generation import CONGESTION_CONTROLS, VEHICLE_GENERATIONS
from rsu.generation.base import RowTable
from rsu.generation.cam import KinematicGeneration
from rsu.generation.congestion import Channel, CongestionControl, Decision, Motion
from rsu.generation.periodic import PeriodicGeneration

MS = 1_000_000
CARS = 40
LONGEST_MS = {"periodic": 100, "cam": 1000, "vam": 5000}


def scene(seed: int, checks: int) -> dict[str, np.ndarray]:
    """Random motion, events and draws: (checks, cars) each."""
    rng = np.random.default_rng(seed)
    speed = np.clip(rng.uniform(0, 30, CARS) + np.cumsum(rng.normal(0, 0.15, (checks, CARS)), axis=0), 0, None)
    heading = (rng.uniform(0, 360, CARS) + np.cumsum(rng.normal(0, 0.8, (checks, CARS)), axis=0)) % 360
    return {
        "x": np.cumsum(0.1 * speed * np.sin(np.radians(heading)), axis=0),
        "y": np.cumsum(0.1 * speed * np.cos(np.radians(heading)), axis=0),
        "heading": heading, "speed": speed,
        "event": (rng.random((checks, CARS)) < 0.02).astype(np.int64),
        "phase": rng.integers(0, 100, CARS) * MS,
        "cbr": rng.random((checks, CARS)), "neighbours": rng.integers(0, 300, (checks, CARS)).astype(float),
        "loss": 0.4 * rng.random((checks, CARS)), "early": rng.random((checks, CARS)),
        "arrival": rng.random((checks, CARS)),
    }


def answers(name: str, data: dict[str, np.ndarray], calls: list[np.ndarray], events: bool = True) -> np.ndarray:
    """(checks, cars, 4) of one rule when every check is asked in these groups of rows."""
    generation = VEHICLE_GENERATIONS[name](CARS)
    checks = len(data["x"])
    out = np.zeros((checks, CARS, 4), bool)
    for check in range(checks):
        for rows in calls:
            due = generation.due(
                rows, check * 100 * MS + data["phase"][rows], data["x"][check, rows], data["y"][check, rows],
                data["heading"][check, rows], data["speed"][check, rows],
                data["event"][check, rows] if events else None,
            )
            out[check, rows] = np.stack(
                [due.send, due.low_frequency, due.full_certificate_required, due.event], axis=1)
    return out


@pytest.mark.parametrize("name", VEHICLE_GENERATIONS)
def test_rows_do_not_know_each_other(name: str) -> None:
    """Property: in one call, permuted, in two calls or one by one, every row gives the same answers."""
    data = scene(1, 120)
    rows = np.arange(CARS)
    whole = answers(name, data, [rows])
    shuffled = np.random.default_rng(2).permutation(CARS)
    assert np.array_equal(whole, answers(name, data, [shuffled]))
    assert np.array_equal(whole, answers(name, data, [rows[25:], rows[:25]]))
    assert np.array_equal(whole, answers(name, data, [rows[n : n + 1] for n in range(CARS)]))
    assert 0 < whole[:, :, 0].sum() < whole[:, :, 0].size or name == "periodic"
    assert not (whole[:, :, 1:].any(axis=2) & ~whole[:, :, 0]).any(), "marks only on messages that are sent"


@pytest.mark.parametrize("name", VEHICLE_GENERATIONS)
def test_intervals_stay_within_bounds(name: str) -> None:
    """Property: without events, all gaps of all rows lie in [100 ms, longest], and the first check sends."""
    send = answers(name, scene(3, 200), [np.arange(CARS)], events=False)[:, :, 0]
    assert send[0].all()
    gaps = np.concatenate([np.diff(np.flatnonzero(send[:, car])) for car in range(CARS)])
    assert gaps.min() >= 1 and gaps.max() * 100 <= LONGEST_MS[name]


@pytest.mark.parametrize("name", VEHICLE_GENERATIONS)
def test_forgotten_rows_begin_anew_and_grown_ones_too(name: str) -> None:
    """Property: after ``forget`` a row answers like a fresh one at the same instants; its neighbours do not notice;
    rows that come by ``grow`` are fresh and leave the others alone."""
    data, half, rows = scene(4, 80), 40, np.arange(CARS)
    gone, kept = rows[::3], np.setdiff1d(rows, rows[::3])
    one, other, fresh = (VEHICLE_GENERATIONS[name](n) for n in (CARS, CARS, 0))
    fresh.grow(CARS)
    for check in range(80):
        if check == half:
            one.forget(gone)
            one.grow(CARS + 5)
        state = (check * 100 * MS, *(data[key][check] for key in ("x", "y", "heading", "speed", "event")))
        forgotten, untouched = one.due(rows, *state).send, other.due(rows, *state).send
        assert np.array_equal(forgotten[kept], untouched[kept])
        if check >= half:
            assert np.array_equal(forgotten[gone], fresh.due(rows, *state).send[gone])
    assert one.due(np.array([CARS + 4]), 0, *(np.zeros(1) for _ in range(4))).send[0]


@pytest.mark.parametrize("name", VEHICLE_GENERATIONS)
def test_one_answer_per_instant(name: str) -> None:
    """Property: asked again at the same instant nobody sends; ``next_ns`` is later; an empty question is fine."""
    generation, rows, still = VEHICLE_GENERATIONS[name](3), np.arange(3), np.zeros(3)
    assert generation.due(rows, 5 * MS, still, still, still, still).send.all()
    assert not generation.due(rows, 5 * MS, still, still, still, still).send.any()
    assert (generation.next_ns(rows, 5 * MS) == 105 * MS).all()
    assert generation.check_interval_ns == 100 * MS
    none = np.zeros(0)
    assert generation.due(np.zeros(0, np.int64), none, none, none, none, none).send.shape == (0,)


def controlled(name: str, data: dict[str, np.ndarray], calls: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(decisions, sends) of control and periodic generation together: (checks, cars, 3), (checks, cars)."""
    control, generation = CONGESTION_CONTROLS[name](CARS), PeriodicGeneration(CARS)
    checks = len(data["x"])
    decisions, sends = np.zeros((checks, CARS, 3)), np.zeros((checks, CARS), bool)
    for check in range(checks):
        for rows in calls:
            decision, send = step(control, generation, data, check, rows)
            decisions[check, rows] = np.stack([decision.period_ns, decision.early, decision.power_dbm], axis=1)
            sends[check, rows] = send
    return decisions, sends


def step(control: CongestionControl, generation: PeriodicGeneration, data: dict[str, np.ndarray], check: int,
         rows: np.ndarray) -> tuple[Decision, np.ndarray]:
    now_ns = check * 100 * MS
    motion = Motion(data["x"][check, rows], data["y"][check, rows], data["heading"][check, rows],
                    data["speed"][check, rows], np.full(len(rows), now_ns))
    channel = Channel(data["cbr"][check, rows], data["neighbours"][check, rows], data["loss"][check, rows])
    decision = control.decide(rows, now_ns, channel, motion, data["early"][check, rows])
    generation.plan(rows, decision.period_ns, decision.early)
    due = generation.due(rows, now_ns, motion.x_m, motion.y_m, motion.heading_deg, motion.speed_mps)
    sent = due.send
    control.sent(rows[sent], motion.at(sent), data["arrival"][check, rows][sent], due.event[sent])
    return decision, sent


@pytest.mark.parametrize("name", CONGESTION_CONTROLS)
def test_controls_keep_rows_apart_and_bounds(name: str) -> None:
    """Property: any grouping of rows gives the same decisions and messages; periods and gaps lie in 100..1000 ms
    (600 ms for the density rules), powers in 10..20 dBm."""
    data, rows = scene(6, 300), np.arange(CARS)
    decisions, sends = controlled(name, data, [rows])
    shuffled = np.random.default_rng(7).permutation(CARS)
    for calls in ([shuffled], [rows[7:], rows[:7]]):
        again = controlled(name, data, calls)
        assert np.array_equal(decisions, again[0], equal_nan=True) and np.array_equal(sends, again[1])
    longest_ms = {"none": 100, "gbt45315-cbr": 1000}.get(name, 600)
    period_ms = decisions[:, :, 0] / MS
    assert period_ms.min() >= 100 and period_ms.max() <= longest_ms
    gaps = np.concatenate([np.diff(np.flatnonzero(sends[:, car])) for car in range(CARS)]) * 100
    assert gaps.min() >= 100 and gaps.max() <= longest_ms
    if name != "none":
        assert len(np.unique(gaps)) > 2
    if name == "j2945-1":
        assert decisions[:, :, 2].min() >= 10 and decisions[:, :, 2].max() <= 20
    else:
        assert np.isnan(decisions[:, :, 2]).all()


@pytest.mark.parametrize("name", CONGESTION_CONTROLS)
def test_controls_forget_and_grow(name: str) -> None:
    """Property: forgotten rows decide like fresh ones, others do not notice."""
    data, rows = scene(8, 160), np.arange(CARS)
    gone, kept = rows[::4], np.setdiff1d(rows, rows[::4])
    pairs = [(CONGESTION_CONTROLS[name](n), PeriodicGeneration(n)) for n in (CARS, CARS, 1)]
    pairs[2][0].grow(CARS)
    pairs[2][1].grow(CARS)
    for check in range(160):
        if check == 80:
            for part in pairs[0]:
                part.forget(gone)
        found, untouched = (step(*pairs[n], data, check, rows) for n in (0, 1))
        assert np.array_equal(found[0].period_ns[kept], untouched[0].period_ns[kept])
        assert np.array_equal(found[1][kept], untouched[1][kept])
        if check >= 80:
            fresh = step(*pairs[2], data, check, rows)
            assert np.array_equal(found[0].period_ns[gone], fresh[0].period_ns[gone])
            assert np.array_equal(found[1][gone], fresh[1][gone])


def test_tables_name_themselves() -> None:
    """By hand: the rows asked for are there, and a control answers to its name."""
    assert set(VEHICLE_GENERATIONS) == {"periodic", "cam", "vam"}
    assert list(CONGESTION_CONTROLS) == ["none", "gbt45315-cbr", "gbt45315-density", "j2945-1", "j3161-1"]
    assert all(CONGESTION_CONTROLS[name](0).name == name for name in CONGESTION_CONTROLS)
    assert isinstance(VEHICLE_GENERATIONS["cam"](0), KinematicGeneration)


def test_row_table() -> None:
    """By hand: columns keep their type, fresh rows have the first value, shrinking is no growth."""
    table = RowTable(1, {"count": 3, "share": 0.5, "up": False})
    table["count"][0] = 9
    table.grow(3)
    table.grow(2)
    assert table["count"].tolist() == [9, 3, 3] and table["up"].dtype == bool and table["share"].dtype == np.float64
    table.forget(np.array([0]))
    assert table["count"].tolist() == [3, 3, 3]
    with pytest.raises(ValueError, match="rows: -1"):
        RowTable(-1, {})


@pytest.mark.parametrize("name", VEHICLE_GENERATIONS)
def test_cost_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: 1,000 standing rows over 10 s send the number of messages their longest interval says; the processor
    time of a check is printed, not judged."""
    rows, still, checks = np.arange(1000), np.zeros(1000), 101
    generation, event = VEHICLE_GENERATIONS[name](1000), np.zeros(1000, bool)
    begun = time.process_time()
    sent = sum(int(generation.due(rows, k * 100 * MS, still, still, still, still, event).send.sum())
               for k in range(checks))
    spent_ms = (time.process_time() - begun) / checks * 1e3
    with capsys.disabled():
        print(f"\n[bench] {name}: due() over 1,000 rows {spent_ms:.3f} ms of processor time")
    assert sent == 1000 * (10_000 // LONGEST_MS[name] + 1)
