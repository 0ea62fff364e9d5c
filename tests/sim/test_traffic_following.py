"""Car following against closed forms."""

import numpy as np
import pytest

from sim.clock import MS
from sim.scenario.schema import Scenario
from sim.scenario.schema.traffic import VehicleClass
from sim.traffic import TRAFFIC
from sim.traffic.following import (
    Driver,
    equilibrium_gap_m,
    equilibrium_speed_mps,
    free_acceleration,
    interaction,
)
from sim.traffic.order import LaneOrder
from sim.world.corridor import CorridorGeometry
from sim.world.network import RoadNetwork
from sim.world.signals import Signals

DRIVER = Driver(1.5, 2.0, 2.0, 4.0)
LIMIT, LENGTH, RING = 20.0, 5.0, 2000.0


def ring(vehicles, **traffic):
    values = {
        "density_veh_km": vehicles / RING * 1000,
        "spacing": "uniform",
        "lane_change": {"enabled": False},
        "classes": [VehicleClass(name="car", share=1, length_m=LENGTH)],
        "car_following": {"desired_speed_sigma_ratio": 0.0},
        **traffic,
    }
    config = Scenario(
        schema="corridor/1",
        name="ring",
        traffic=values,
        corridor={
            "datum": "WGS84",
            "topology": "ring",
            "length_m": RING,
            "directions": ["up"],
            "jurisdictions": [{"id": "A"}],
            "sections": [{"lanes": 1, "speed_limit_mps": LIMIT}],
        },
    )
    network = RoadNetwork(CorridorGeometry(config.corridor))
    return TRAFFIC["idm"](config, network, Signals(network), 1)


def closed_form_speed(gap_m):
    """Speed at which (s0 + v T) / sqrt(1 - (v / v0)^4) equals the gap, by scanning."""
    v = np.linspace(0, LIMIT, 2_000_001)[:-1]
    return v[np.argmin(np.abs((2.0 + 1.5 * v) / np.sqrt(1 - (v / LIMIT) ** 4) - gap_m))]


def test_acceleration_by_hand():
    """By hand: v = 10 of 20 m/s, a = 1.4: free 1.4 (1 - 1/16) = 1.3125; gap 34 m, equal speeds: s* = 17, 1.4 / 4."""
    v, a = np.array([10.0]), np.array([1.4])
    assert free_acceleration(DRIVER, v, np.array([20.0]), a) == pytest.approx(1.3125)
    assert interaction(DRIVER, v, np.array([34.0]), v, a) == pytest.approx(0.35)
    # closing at 10 m/s: s* = 17 + 10 x 10 / (2 sqrt(2.8)) = 46.88
    assert interaction(DRIVER, v, np.array([34.0]), 0 * v, a) == pytest.approx(
        1.4 * (46.881 / 34) ** 2, rel=1e-4
    )


def test_above_the_desired_speed_braking_is_comfortable():
    """Property: continuous at v0, never harder than b, even after a large drop of the limit."""
    v = np.array([10.0, 10.001, 20.0, 60.0])
    accel = free_acceleration(DRIVER, v, np.full(4, 10.0), np.full(4, 1.4))
    assert accel[0] == 0 and -0.01 < accel[1] < 0
    assert np.all(accel >= -DRIVER.comfortable_decel_mps2) and accel[3] < -1.9


def test_equilibrium_speed_inverts_the_gap():
    """Property."""
    v = np.linspace(0.5, 19.5, 30)
    assert np.allclose(equilibrium_speed_mps(DRIVER, equilibrium_gap_m(DRIVER, v, 20.0), 20.0), v, atol=1e-6)
    assert equilibrium_speed_mps(DRIVER, np.array(1.0), 20.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("vehicles", [10, 30, 50, 100, 180, 250])
def test_fundamental_diagram_on_a_ring(vehicles):
    """Independent: closed form of the IDM equilibrium, free and congested branch, reached from standing still."""
    traffic = ring(vehicles)
    traffic.start(0)
    fleet = traffic.fleet
    fleet.speed_mps[fleet.slots()] = 0.0
    for tick in range(1800):
        traffic.step(tick * 100 * MS, 100 * MS)
    want = closed_form_speed(RING / vehicles - LENGTH)
    assert fleet.count == vehicles
    assert fleet.speed_mps[fleet.slots()].mean() == pytest.approx(want, rel=0.01, abs=0.02)


def test_ring_motion_is_continuous_and_order_is_kept():
    """Property: x never jumps within a step although vehicles pass the ring's end; nobody overtakes in one lane."""
    traffic = ring(60, car_following={"desired_speed_sigma_ratio": 0.2}, spacing="poisson")
    traffic.start(0)
    fleet = traffic.fleet
    travelled = fleet.s_m[fleet.slots()].copy()
    order = np.argsort(travelled)
    for tick in range(900):
        traffic.step(tick * 100 * MS, 100 * MS)
        slots = fleet.slots()
        step = fleet.x_m[slots] - fleet.x_prev_m[slots]
        assert step.min() >= 0 and step.max() < 3
        travelled += step
        gaps = np.diff(np.append(travelled[order], travelled[order[0]] + RING))
        assert gaps.min() > LENGTH
        assert np.allclose(travelled % RING, fleet.s_m[slots], atol=1e-6)
    assert travelled.max() > RING


def test_long_ticks_are_driven_in_parts():
    """Property: a tick of 1 s drives like ticks of 0.25 s."""
    coarse, fine = ring(40, spacing="poisson"), ring(40, spacing="poisson")
    coarse.start(0)
    fine.start(0)
    for second in range(60):
        coarse.step(second * 1000 * MS, 1000 * MS)
        for quarter in range(4):
            fine.step((second * 4 + quarter) * 250 * MS, 250 * MS)
    assert np.allclose(coarse.fleet.s_m, fine.fleet.s_m) and np.allclose(
        coarse.fleet.speed_mps, fine.fleet.speed_mps
    )


@pytest.mark.parametrize("ring_m", [None, 1000.0])
def test_lane_order_against_brute_force(ring_m):
    """Independent: neighbours by exhaustive search."""
    random = np.random.default_rng(7)
    lane, s = random.integers(0, 5, 60), random.uniform(0, 1000, 60)
    order = LaneOrder(np.arange(60), lane, s, ring_m)
    ask_lane, ask_s = random.integers(0, 6, 80), random.uniform(0, 1000, 80)
    ahead, ahead_s = order.ahead(ask_lane, ask_s)
    behind, behind_s = order.behind(ask_lane, ask_s)
    for k in range(80):
        places = [
            (s[i] + turn * (ring_m or 0), i)
            for i in np.flatnonzero(lane == ask_lane[k])
            for turn in ((-1, 0, 1) if ring_m else (0,))
        ]
        best = min(((p, i) for p, i in places if p > ask_s[k]), default=(np.inf, -1))
        worst = max(((p, i) for p, i in places if p < ask_s[k]), default=(-np.inf, -1))
        assert (ahead_s[k], ahead[k]) == (pytest.approx(best[0]), best[1])
        assert (behind_s[k], behind[k]) == (pytest.approx(worst[0]), worst[1])


def test_too_many_vehicles_for_a_ring_are_refused():
    """Property."""
    traffic = ring(300, spacing="poisson")
    with pytest.raises(ValueError, match="density_veh_km: 300 vehicles need"):
        traffic.start(0)
