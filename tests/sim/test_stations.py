"""Stations: positions between ticks, growth."""

import numpy as np

from sim.frames import Kind
from sim.scenario import load
from sim.world.build import World
from sim.world.stations import Stations


def test_position_is_linear_between_the_ends_of_a_tick() -> None:
    """By hand: a third of the way from (0, 0) to (3, 6) is (1, 2)."""
    stations = Stations(1, 0, 2)
    stations.tick_start_ns, stations.tick_end_ns = 0, 300
    stations.x1_m[1], stations.y1_m[1] = 3.0, 6.0
    x, y = stations.position(np.array([1, 1]), np.array([100, 300]))
    assert np.allclose(x, [1.0, 3.0]) and np.allclose(y, [2.0, 6.0])


def test_growing_keeps_slots_and_kinds() -> None:
    """Property: slots keep their numbers; new ones are inactive vehicles."""
    stations = Stations(2, 3, 4)
    stations.station_id[:] = np.arange(9)
    stations.grow(10)
    assert stations.size == 15 and stations.first_vehicle == 5
    assert np.array_equal(stations.station_id[:9], np.arange(9)) and (stations.station_id[9:] == -1).all()
    assert (stations.kind[5:] == Kind.VEHICLE).all() and (stations.kind[2:5] == Kind.PROBE).all()


def test_interpolated_position_at_33_mps_is_exact_to_1_cm() -> None:
    """By hand: on a straight road at constant speed, x(t) = x(0) + v t; compared in the middle of ticks."""
    loaded = load("02-short-straight-road", ["traffic.model=constant-speed", "traffic.speed_mps=33.0"])
    world = World(loaded)
    world.start(0)
    tick_ns = 100_000_000
    world.step(0, tick_ns)
    slots = world.vehicle_slots()
    first = world.stations.station_id[slots]
    start_x = {int(i): float(x) for i, x in zip(first, world.stations.x0_m[slots], strict=True)}
    for k in range(1, 20):
        world.step(k * tick_ns, (k + 1) * tick_ns)
        slots = world.vehicle_slots()
        time_ns = k * tick_ns + 37_000_000
        x, _ = world.stations.position(slots, time_ns)
        for identity, value in zip(world.stations.station_id[slots], x, strict=True):
            if int(identity) in start_x:
                slot = slots[list(world.stations.station_id[slots]).index(identity)]
                sign = world.stations.direction[slot]
                assert abs(value - (start_x[int(identity)] + sign * 33.0 * time_ns * 1e-9)) < 0.01
