"""The roadside sensor: what it sees, what it misses, what it invents."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.scenario.schema.layout import Sensor
from sim.world.sensor import RoadsideSensor, VehicleColumns

IDEAL = Sensor(detection_ratio=1.0, position_sigma_m=0.0, speed_sigma_mps=0.0, false_alarms_per_h=0.0)
CYCLE_NS = 100 * MS


def fleet(x_m, y_m, height_m=1.6, length_m=4.6, width_m=1.8, heading_deg=0.0, first=100) -> VehicleColumns:
    x_m = np.atleast_1d(np.asarray(x_m, float))
    columns = (x_m, np.asarray(y_m, float), heading_deg, 12.0, length_m, width_m, height_m)
    x_m, y_m, heading, speed, length, width, height = (
        np.array(np.broadcast_to(c, x_m.shape), float) for c in columns
    )
    return VehicleColumns(np.arange(first, first + len(x_m)), x_m, y_m, heading, speed, length, width, height)


def sensor(settings: Sensor = IDEAL, name: str = "W1", x_m: float = 0.0, y_m: float = 0.0) -> RoadsideSensor:
    return RoadsideSensor(settings, x_m, y_m, seed=1, name=name)


def test_range_and_field_of_view() -> None:
    """By hand: range 150 m; a field of 90 degrees about east (90) holds bearings 45..135 only."""
    angle = np.radians([0.0, 44.0, 46.0, 90.0, 134.0, 136.0, 270.0])
    cars = fleet(100 * np.sin(angle), 100 * np.cos(angle))
    settings = IDEAL.model_copy(update={"field_of_view_deg": 90.0, "axis_deg": 90.0})
    assert sensor(settings).sense(0, cars).vehicle.tolist() == [2, 3, 4]
    assert sensor().sense(0, fleet([149.9, 150.1], [0.0, 0.0])).vehicle.tolist() == [0]
    north = IDEAL.model_copy(update={"field_of_view_deg": 90.0, "axis_deg": 0.0})
    assert sensor(north).sense(0, fleet([-50.0, 50.0, 0.0], [60.0, 60.0, -60.0])).vehicle.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("truck_x_m", "truck_heading_deg", "truck_height_m", "seen"),
    [
        (50.0, 0.0, 2.80, True),
        (50.0, 0.0, 2.85, False),
        (62.0, 0.0, 2.30, True),
        (62.0, 0.0, 2.35, False),
        (44.0, 90.0, 2.85, True),
        (44.0, 90.0, 2.90, False),
        (-44.0, 90.0, 4.0, True),
        (95.0, 90.0, 4.0, True),
    ],
)
def test_occlusion_by_hand(
    truck_x_m: float, truck_heading_deg: float, truck_height_m: float, seen: bool
) -> None:
    """By hand: sensor 5 m up, car roof 1.6 m at 80 m, so the line falls 3.4 m / 80 m = 0.0425 per metre.

    A truck of 12 x 2.5 m across the line (heading north) is left at x + 1.25 m: at 50 m the line is 2.82 m
    high there, at 62 m 2.31 m; lengthways (heading east) at x + 6 m: at 44 m 2.875 m. Behind sensor or car it
    hides nothing.
    """
    cars = fleet(
        [80.0, truck_x_m],
        [0.0, 0.0],
        [1.6, truck_height_m],
        [4.6, 12.0],
        [1.8, 2.5],
        [90.0, truck_heading_deg],
    )
    assert sensor().sense(0, cars).vehicle.tolist() == ([0, 1] if seen else [1])
    open_air = IDEAL.model_copy(update={"occlusion": False})
    assert sensor(open_air).sense(0, cars).vehicle.tolist() == [0, 1]


def test_occlusion_against_ray_marching() -> None:
    """Independent: every line of sight walked in steps of 2 cm, each point tested against every box."""
    rng = np.random.default_rng(8)
    compared = hidden = 0
    for scene in range(12):
        count = 40
        kind = rng.random(count) < 0.4
        cars = fleet(
            rng.uniform(-120, 120, count),
            rng.uniform(-120, 120, count),
            np.where(kind, 3.5, 1.6),
            np.where(kind, 12.0, 4.6),
            np.where(kind, 2.5, 1.8),
            rng.uniform(0, 360, count),
        )
        one = sensor(IDEAL.model_copy(update={"height_m": (5.0, 2.0)[scene % 2], "range_m": 200.0}))
        seen = set(one.sense(0, cars).vehicle.tolist())
        for target in range(count):
            expected, margin_m = march(cars, target, one.settings.height_m)
            if abs(margin_m) < 0.05:
                continue
            compared += 1
            hidden += not expected
            assert (target in seen) == expected
    assert compared > 350 and hidden > 40


def march(cars: VehicleColumns, target: int, height_m: float) -> tuple[bool, float]:
    """Is the roof middle of ``target`` seen from (0, 0, height), and by how much (or not)."""
    steps = int(np.hypot(cars.x_m[target], cars.y_m[target]) / 0.02)
    share = (np.arange(steps) + 0.5) / steps
    x_m, y_m = cars.x_m[target] * share, cars.y_m[target] * share
    z_m = height_m + (cars.height_m[target] - height_m) * share
    margin_m = np.inf
    for other in range(len(cars.x_m)):
        if other == target:
            continue
        ahead = np.radians(cars.heading_deg[other])
        east_m, north_m = x_m - cars.x_m[other], y_m - cars.y_m[other]
        along_m, across_m = (
            east_m * np.sin(ahead) + north_m * np.cos(ahead),
            east_m * np.cos(ahead) - north_m * np.sin(ahead),
        )
        gap_m = np.maximum(
            np.abs(along_m) - cars.length_m[other] / 2, np.abs(across_m) - cars.width_m[other] / 2
        )
        margin_m = min(margin_m, float(np.maximum(gap_m, z_m - cars.height_m[other]).min()))
    return margin_m > 0, margin_m


def test_errors_have_their_sigma() -> None:
    """Distribution: position per axis and speed within 2 % of their sigma over 60,000 detections, independent
    in time.
    """
    settings = IDEAL.model_copy(update={"position_sigma_m": 0.5, "speed_sigma_mps": 0.7, "occlusion": False})
    rng = np.random.default_rng(1)
    cars = fleet(rng.uniform(-80, 80, 200), rng.uniform(-80, 80, 200))
    one = sensor(settings)
    cycles = [one.sense(i * CYCLE_NS, cars) for i in range(300)]
    error = np.stack(
        [(c.x_m - cars.x_m[c.vehicle], c.y_m - cars.y_m[c.vehicle], c.speed_mps - 12.0) for c in cycles]
    )
    assert error.std(axis=(0, 2)) == pytest.approx([0.5, 0.5, 0.7], rel=0.02)
    assert np.abs(error.mean(axis=(0, 2))).max() < 4 * 0.7 / np.sqrt(60_000)
    assert abs((error[1:] * error[:-1]).mean() / error.var()) < 0.02


@pytest.mark.parametrize("persistence_s", [0.0, 0.5])
def test_misses_persist(persistence_s: float) -> None:
    """Distribution: share of detections 0.8 within 0.01; autocorrelation of the state exp(-dt / tau) within
    0.03.
    """
    settings = IDEAL.model_copy(
        update={"detection_ratio": 0.8, "persistence_s": persistence_s, "occlusion": False}
    )
    cars = fleet(np.linspace(-100, 100, 200), np.full(200, 5.0))
    one = sensor(settings)
    state = np.zeros((800, 200))
    for cycle in range(800):
        state[cycle, one.sense(cycle * CYCLE_NS, cars).vehicle] = 1.0
    assert state.mean() == pytest.approx(0.8, abs=0.01)
    assert state[0].mean() == pytest.approx(0.8, abs=0.11), "stationary from the first frame"
    centred = state - state.mean()
    for lag in (1, 3, 10):
        expected = np.exp(-lag * 0.1 / persistence_s) if persistence_s else 0.0
        assert (centred[lag:] * centred[:-lag]).mean() / state.var() == pytest.approx(expected, abs=0.03)


def test_false_alarms_are_poisson_and_inside_the_field() -> None:
    """Distribution: 3600 per hour over 800 s of 0.1 s cycles: count within 4 sqrt(n), variance = mean, in the
    sector.
    """
    settings = IDEAL.model_copy(
        update={"false_alarms_per_h": 3600.0, "field_of_view_deg": 120.0, "axis_deg": 300.0}
    )
    one, nobody = sensor(settings, x_m=10.0, y_m=-20.0), fleet(np.empty(0), np.empty(0))
    cycles = [one.sense(i * CYCLE_NS, nobody) for i in range(8_000)]
    counts = np.array([len(c) for c in cycles])
    assert abs(counts.sum() - 800) < 4 * 800**0.5
    windows = counts.reshape(-1, 50).sum(axis=1)
    assert windows.var() / windows.mean() == pytest.approx(1.0, abs=4 * (2 / len(windows)) ** 0.5)
    x_m, y_m = (np.concatenate([getattr(c, name) for c in cycles]) for name in ("x_m", "y_m"))
    assert len(one.in_field(x_m, y_m)) == len(x_m)
    distance_m = np.hypot(x_m - 10, y_m + 20)
    assert (distance_m < 75).mean() == pytest.approx(0.25, abs=0.06), "uniform over the area"
    assert all((c.vehicle == -1).all() for c in cycles)


def test_delay_and_tracks() -> None:
    """Property: available = sampled + delay; a track stays with its vehicle, is unique and lies in 1..255."""
    one = sensor(Sensor(false_alarms_per_h=3600.0, detection_ratio=0.7))
    rng = np.random.default_rng(3)
    cars = fleet(rng.uniform(-90, 90, 120), rng.uniform(-90, 90, 120))
    tracks: dict[int, int] = {}
    for cycle in range(50):
        seen = one.sense(cycle * CYCLE_NS, cars)
        assert seen.available_ns == seen.sampled_ns + 100 * MS
        assert len(np.unique(seen.track)) == len(seen) and seen.track.min() >= 1 and seen.track.max() <= 255
        for vehicle, track in zip(seen.vehicle.tolist(), seen.track.tolist(), strict=True):
            if vehicle >= 0:
                assert tracks.setdefault(vehicle, track) == track
    assert len(tracks) > 80


def test_more_than_255_vehicles_lose_the_surplus() -> None:
    """Property: 300 vehicles in the field, 255 numbers: 255 objects with different tracks, no error."""
    cars = fleet(np.linspace(-100, 100, 300), np.zeros(300))
    seen = sensor(IDEAL.model_copy(update={"occlusion": False})).sense(0, cars)
    assert len(seen) == 255 and len(np.unique(seen.track)) == 255


def test_another_vehicle_or_sensor_changes_no_draw() -> None:
    """Property: the same vehicle gives the same rows alone and among others, whatever other sensors do."""
    settings = Sensor(detection_ratio=0.6, occlusion=False, false_alarms_per_h=0.0)
    many = fleet(np.linspace(-60, 60, 30), np.full(30, 8.0))
    single = replace(many, **{name: getattr(many, name)[17:18] for name in vars(many)})
    first, second, other = sensor(settings), sensor(settings), sensor(settings, name="W2", x_m=50.0)
    differs = 0
    for cycle in range(60):
        other.sense(cycle * CYCLE_NS, many)
        a, b = first.sense(cycle * CYCLE_NS, many), second.sense(cycle * CYCLE_NS, single)
        row = np.nonzero(a.vehicle == 17)[0]
        assert a.x_m[row].tolist() == b.x_m.tolist() and a.speed_mps[row].tolist() == b.speed_mps.tolist()
        differs += len(b) == 0
    assert 5 < differs < 50
    w1, w2 = sensor(settings).sense(0, many), sensor(settings, name="W2").sense(0, many)
    assert w1.x_m.tolist() != w2.x_m.tolist()


def test_a_cycle_is_cheap() -> None:
    """Property: 120 vehicles in the field, 1,000 in all, take below 20 ms a cycle even on a busy machine."""
    rng = np.random.default_rng(6)
    cars = fleet(
        rng.uniform(-1200, 1200, 1000),
        rng.uniform(-90, 90, 1000),
        np.where(rng.random(1000) < 0.15, 3.5, 1.6),
    )
    one, costs = sensor(Sensor()), []
    for cycle in range(10):
        start = time.process_time()
        one.sense(SECOND + cycle * CYCLE_NS, cars)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.02
