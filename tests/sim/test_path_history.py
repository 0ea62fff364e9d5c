"""Concise path history: the standard's span, count and chord error, at the speed a run needs."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.clock import MS
from sim.world.path_history import PathHistory, PathPoints

STEP_NS = 100 * MS


def drive(
    bends: np.ndarray, speed_mps: np.ndarray, steps: int, history: PathHistory
) -> tuple[np.ndarray, PathPoints]:
    """True fine track [steps * 10, vehicles, 2] of vehicles whose curvature is bends[vehicle, step], and the
    points.
    """
    vehicles = len(speed_mps)
    slots = np.arange(vehicles)
    xy, heading = np.zeros((vehicles, 2)), np.zeros(vehicles)
    track = []
    for step in range(steps):
        for _ in range(10):
            way_m = speed_mps * 0.01
            heading = heading + bends[:, step] * way_m
            xy = xy + way_m[:, None] * np.column_stack([np.sin(heading), np.cos(heading)])
            track.append(xy)
        history.record(slots, (step + 1) * STEP_NS, xy[:, 0], xy[:, 1])
    return np.array(track), history.points(slots, steps * STEP_NS, xy[:, 0], xy[:, 1])


def chord_error_m(track: np.ndarray, points: np.ndarray) -> float:
    """Greatest distance of the track between its ends from the polyline; brute force."""
    start, step = points[:-1], np.diff(points, axis=0)
    share = np.einsum("psk,sk->ps", track[:, None] - start, step) / np.maximum((step**2).sum(axis=1), 1e-12)
    foot = start + np.clip(share, 0, 1)[..., None] * step
    return float(np.linalg.norm(track[:, None] - foot, axis=2).min(axis=1).max())


def check(track: np.ndarray, points: PathPoints, vehicle: int, speed_mps: float) -> None:
    count = int(points.count[vehicle])
    assert 0 <= count <= 15 and np.isnan(points.dx_m[vehicle, count:]).all()
    age_s = points.age_s[vehicle, :count]
    assert np.all(np.diff(age_s) > 0) and np.all(age_s >= 0)
    if not count:
        return
    here = track[-1, vehicle]
    shape = here + np.concatenate(
        [np.zeros((1, 2)), np.column_stack([points.dx_m[vehicle, :count], points.dy_m[vehicle, :count]])]
    )
    behind = track[len(track) - 1 - int(round(age_s[-1] * 100)) :, vehicle]
    span_m = np.hypot(*np.diff(behind, axis=0).T).sum()
    driven_m = speed_mps * (len(track) - 1) / 100
    assert span_m <= 400 and (count == 15 or span_m >= min(200.0, driven_m - 2 * max(4.0, speed_mps * 0.1)))
    assert chord_error_m(behind, shape) < 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_standard_limits_on_random_roads(seed: int) -> None:
    """Printed limits (GB/T 45315-2025 ch. 7): 200..400 m, <= 15 points, chord error < 1 m against the true
    fine track.
    """
    rng = np.random.default_rng(seed)
    speed_mps = rng.uniform(3, 33, 6)
    steps = int(rng.integers(5, 400))
    tightest = np.array([0.0, 1 / 1000, 1 / 300, 1 / 100, 1 / 40, 1 / 12])
    bends = np.repeat(rng.uniform(-1, 1, (6, steps // 20 + 1)), 20, axis=1)[:, :steps] * tightest[:, None]
    track, points = drive(bends, speed_mps, steps, PathHistory(6))
    for vehicle in range(6):
        check(track, points, vehicle, speed_mps[vehicle])


def test_straight_road_needs_one_point() -> None:
    """By hand: on a straight road the only point is the first sample 200 m behind; at 20 m/s that is 10 s
    old.
    """
    _, points = drive(np.zeros((1, 300)), np.array([20.0]), 300, PathHistory(1))
    assert points.count.tolist() == [1]
    assert points.dy_m[0, 0] == pytest.approx(-202.0, abs=2.1) and points.dx_m[0, 0] == pytest.approx(
        0.0, abs=1e-9
    )
    assert points.age_s[0, 0] == pytest.approx(-points.dy_m[0, 0] / 20, abs=1e-6)


def test_corner_is_kept() -> None:
    """By hand: 60 m after a right-angle turn of 12 m radius (18.8 m long) the points hold the corner."""
    bends = np.zeros((1, 300))
    bends[0, 250:269] = np.pi / 2 / 19
    track, points = drive(bends, np.array([10.0]), 300, PathHistory(1))
    assert 3 <= points.count[0] <= 8
    check(track, points, 0, 10.0)


def test_curved_motorway_stays_within_five_points() -> None:
    """By hand: chords of 1.2 m sagitta-width at radius 1000 m are ~ 90 m long, so 200 m need at most 4
    points.
    """
    _, points = drive(np.full((1, 300), 1 / 1000), np.array([30.0]), 300, PathHistory(1))
    assert 2 <= points.count[0] <= 4


def test_standing_and_new_vehicles() -> None:
    """Property: nothing recorded gives no point; a standing vehicle gains none; a forgotten slot starts
    empty.
    """
    history = PathHistory(3)
    slots = np.arange(3)
    assert history.points(slots, 0, np.zeros(3), np.zeros(3)).count.tolist() == [0, 0, 0]
    for step in range(100):
        history.record(slots, step * STEP_NS, np.array([0.0, step * 1.0, step * 2.0]), np.zeros(3))
    counts = history.points(slots, 100 * STEP_NS, np.array([0.0, 99.0, 198.0]), np.zeros(3)).count
    assert counts.tolist() == [0, 1, 1]
    history.forget(np.array([1]))
    assert history.points(slots, 100 * STEP_NS, np.array([0.0, 99.0, 198.0]), np.zeros(3)).count.tolist() == [
        0,
        0,
        1,
    ]
    history.grow(5)
    assert history.points(np.arange(5), 0, np.full(5, 198.0), np.zeros(5)).count.tolist() == [1, 0, 1, 0, 0]


def test_rows_do_not_influence_each_other() -> None:
    """Property: a vehicle's points are the same alone and among others."""
    rng = np.random.default_rng(2)
    bends = np.repeat(rng.uniform(-1 / 60, 1 / 60, (8, 15)), 20, axis=1)
    speed_mps = rng.uniform(5, 30, 8)
    _, together = drive(bends, speed_mps, 300, PathHistory(8))
    for vehicle in range(8):
        _, alone = drive(bends[[vehicle]], speed_mps[[vehicle]], 300, PathHistory(1))
        for name in ("dx_m", "dy_m", "age_s"):
            assert np.array_equal(getattr(alone, name)[0], getattr(together, name)[vehicle], equal_nan=True)
    count, dx_m, _, age_s = together.compressed()
    assert len(dx_m) == len(age_s) == count.sum() and not np.isnan(dx_m).any()
    assert dx_m[: count[0]].tolist() == together.dx_m[0, : count[0]].tolist()


def test_a_thousand_vehicles_are_cheap() -> None:
    """Property: 1,000 vehicles cost at most 20 us of processor time each (best of nine)."""
    rng = np.random.default_rng(4)
    history = PathHistory(1000)
    bends = np.repeat(rng.uniform(-1 / 200, 1 / 200, (1000, 5)), 20, axis=1)
    track, _ = drive(bends, rng.uniform(15, 30, 1000), 100, history)
    slots = np.arange(1000)
    costs = []
    for _ in range(9):
        start = time.process_time()
        history.points(slots, 100 * STEP_NS, track[-1, :, 0], track[-1, :, 1])
        costs.append(time.process_time() - start)
    assert min(costs) / 1000 < 20e-6
