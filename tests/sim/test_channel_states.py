"""Sight states: two and three states by distance, their shares, their shadowing and how long they last."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.channel import tr37885
from sim.channel.propagation import Latent, Propagation
from sim.channel.scene import Obstacles, Scene
from sim.channel.sight import states_by_distance
from sim.clock import stream
from sim.scenario.schema.radio import Channel, Radio

COUNT = 200_000


def normals(name: str) -> np.ndarray:
    """Independent standard normal values, float32."""
    return stream(7, "test", "states", name).standard_normal(COUNT).astype(np.float32)


@pytest.mark.parametrize(
    ("law", "distance_m", "sight", "behind"),
    [
        (tr37885.highway_three_states, 100.0, 0.777, 0.0723),
        (tr37885.highway_three_states, 300.0, 0.493, 0.1647),
        (tr37885.highway_three_states, 500.0, 0.425, 0.2275),
        (tr37885.urban_three_states, 50.0, 0.47345, 0.13300),
        (tr37885.urban_three_states, 100.0, 0.26775, 0.43207),
        (tr37885.urban_three_states, 300.0, 0.02739, 0.88498),
    ],
)
def test_three_state_laws(law, distance_m, sight, behind):
    """By hand: the printed polynomials and exponentials (2.7e-6 d^2 - 0.0025 d + 1 and so on) by pocket calculator."""
    los, with_vehicle = law(np.array([distance_m]))
    assert los[0] == pytest.approx(sight, abs=5e-5)
    assert 1 - with_vehicle[0] == pytest.approx(behind, abs=5e-5)


def test_three_state_laws_stay_probabilities():
    """Property: shares lie in 0 .. 1 and sum to 1 at any distance; beyond 500 m the highway's are held."""
    d = np.geomspace(0.1, 20_000, 2000)
    for law in (tr37885.highway_three_states, tr37885.urban_three_states):
        los, upper = law(d)
        assert np.all((los >= 0) & (los <= upper) & (upper <= 1))
        assert np.all(np.diff(los) <= 1e-12) or law is tr37885.highway_three_states
    assert np.ptp(tr37885.highway_three_states(np.array([500.0, 900.0, 5000.0]))[0]) == 0


@pytest.mark.parametrize("urban", [False, True])
@pytest.mark.parametrize("distance_m", [60.0, 250.0, 450.0])
def test_shares_of_three_states(urban, distance_m):
    """Distribution: states drawn from normal values have the law's shares within 0.004, a fifth of blockers is high."""
    distance = np.full(COUNT, distance_m, np.float32)
    found = states_by_distance(distance, 2.0, 2.0, normals("a"), normals("b"), urban, 0.2, extended=True)
    law = tr37885.urban_three_states if urban else tr37885.highway_three_states
    los, upper = (float(part[0]) for part in law(distance[:1]))
    assert found.blocked is not None and found.behind is not None
    assert found.blocked.mean() == pytest.approx(upper - los, abs=0.004)
    assert found.behind.mean() == pytest.approx(1 - upper, abs=0.004)
    assert not np.any(found.blocked & found.behind)
    extra = np.asarray(found.loss_db)
    assert not extra[~found.blocked].any()
    lossy = 0.2 * 0.5 * math.erfc(-2.0 / math.sqrt(2))
    assert (extra[found.blocked] > 0).mean() == pytest.approx(lossy, abs=0.02)


def extended(**more) -> Radio:
    """Three states with different figures in each."""
    settings = {
        "line_of_sight": "tr37885-extended", "shadowing_sigma_db": 3.0, "shadowing_sigma_nlosv_db": 5.0,
        "shadowing_sigma_nlos_db": 4.0,
    }
    return Radio(channel=Channel(**(settings | more)))


def forced(state: str, shadow: np.ndarray) -> Latent:
    """Latent values that put every link at 300 m on a highway into one state."""
    level = {"los": -3.0, "nlosv": 0.3, "nlos": 3.0}[state]
    same = np.full(len(shadow), level, np.float32)
    return Latent(shadow, same, np.zeros_like(same))


@pytest.mark.parametrize(("state", "sigma_db"), [("los", 3.0), ("nlosv", 5.0), ("nlos", 4.0)])
def test_sigma_of_every_state(state, sigma_db):
    """Distribution: E1, sample sigma within 2 % in each state."""
    distance = np.full(COUNT, 300.0, np.float32)
    loss = Propagation(extended(), 1).loss_db(distance, forced(state, normals("shadow")), 1.5, 1.5)
    assert loss.std() == pytest.approx(sigma_db, rel=0.02)


def test_loss_behind_buildings():
    """By hand: NLOS is 36.85 + 30 log10 d + 18.9 log10 f without blockage, but never less than with sight."""
    propagation = Propagation(extended(), 1)
    zero = np.zeros(2, np.float32)
    loss = propagation.loss_db(np.array([300.0, 3000.0]), forced("nlos", zero), 1.5, 1.5)
    assert loss[0] == pytest.approx(36.85 + 30 * np.log10(300.0) + 18.9 * np.log10(5.915), abs=0.01)
    assert loss[1] == pytest.approx(float(propagation.path_loss_db(np.array([3000.0]), 1.5, 1.5)[0]), abs=0.01)
    assert loss[1] > 36.85 + 30 * np.log10(3000.0) + 18.9 * np.log10(5.915)


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        ("los", {}),
        ("nlosv", {"decorrelation_nlosv_m": 13.0}),
        ("nlos", {"decorrelation_nlos_m": 13.0}),
        ("nlos", {"decorrelation_nlosv_m": 10.0, "decorrelation_nlos_m": 50.0}),
    ],
)
def test_autocorrelation_of_every_state(state, keys):
    """Distribution: E1, exp(-D / Dc) within 0.03 with the distance of the state, when one end moves 10 m; 14 seeds."""
    wanted_m = keys.get(f"decorrelation_{state}_m", 25.0)
    products, squares = [], []
    for seed in range(14):
        propagation = Propagation(extended(**keys), seed)
        draws = stream(seed, "test", "autocorrelation")
        x = draws.random(2000) * 20_000.0
        y = draws.random(2000) * 30.0
        features = propagation.features(np.concatenate([x, x + 10.0, x + 300.0]), np.concatenate([y, y, y]))
        rows, distance = np.arange(2000), np.full(2000, 300.0, np.float32)
        shadows = []
        for moved in (0, 2000):
            latent = propagation.pairs(features, rows + moved, rows + 4000, distance)
            level = forced(state, latent.shadow)
            level = Latent(latent.shadow, level.sight, level.blockage, latent.shadow_nlosv, latent.shadow_nlos)
            shadows.append(propagation.loss_db(distance, level, 1.5, 1.5))
        one, other = (value - np.mean(value) for value in shadows)
        products.append(np.mean(one * other))
        squares.append(np.mean(one * one))
    assert np.mean(products) / np.mean(squares) == pytest.approx(math.exp(-10.0 / wanted_m), abs=0.03)


@pytest.mark.parametrize("mode", ["tr37885", "tr37885-extended"])
def test_states_last(mode):
    """Distribution: a pair keeps its state while it moves 1 m with states of 100 m, loses it with states of 1 m."""
    x = np.arange(0.0, 30_000.0, 60.0)

    def kept(decorrelation_m: float) -> float:
        same = []
        for seed in range(6):
            settings = Channel(
                line_of_sight=mode, state_decorrelation_m=decorrelation_m, shadowing_sigma_db=0, nlos="tr37885-nlos",
                shadowing_sigma_nlosv_db=0, shadowing_sigma_nlos_db=0, blocker_truck_ratio=1.0,
            )
            propagation = Propagation(Radio(channel=settings), seed)
            rows, distance = np.arange(len(x)), np.full(len(x), 300.0, np.float32)
            found = []
            for moved_m in (0.0, 1.0):
                ends = np.concatenate([x + moved_m, x + 300.0 + moved_m])
                features = propagation.features(ends, np.zeros(len(ends)))
                latent = propagation.pairs(features, rows, rows + len(x), distance)
                loss = propagation.loss_db(distance, Latent(latent.shadow, latent.sight, np.zeros(len(x))), 1.5, 1.5)
                found.append(np.rint(loss * 100))
            same.append(np.mean(found[0] == found[1]))
        return float(np.mean(same))

    assert kept(100.0) > 0.88
    assert kept(1.0) < 0.75


def test_area_of_the_law():
    """By hand: WINNER+ B1 in a street can take the urban law of sight: 0.034 against 0.608 with sight at 300 m."""
    distance = np.full(COUNT, 300.0, np.float32)
    shares = []
    for area in ("by-path-loss", "urban"):
        settings = Channel(line_of_sight="tr37885", sight_area=area, shadowing_sigma_nlosv_db=0.0)
        propagation = Propagation(Radio(channel=settings), 1)
        latent = Latent(np.ones(COUNT, np.float32), normals("area"), np.full(COUNT, -9.0, np.float32))
        loss = propagation.loss_db(distance, latent, 1.5, 1.5)
        shares.append(np.mean(loss > loss.min() + 1.0))
    assert shares == pytest.approx([0.608, 0.034], abs=0.004)


def test_vehicles_and_walls_add_up():
    """By hand: behind a truck and through two walls of 9 dB the losses add; with the law without sight only that
    counts.
    """
    one = np.ones((1, 1))
    seen = Obstacles((one * 0).astype(np.int32), (one * 0).astype(np.float32), one * 0, one < 0)
    there = Obstacles(one.astype(np.int32), (one * 3.5).astype(np.float32), one * 18.0, one > 0)
    zero = np.zeros((1, 1), np.float32)
    distance = np.full((1, 1), 100.0, np.float32)
    for law, expected_db in (("walls", 18.0 + 9.0), ("nlos", 11.36)):
        settings = Channel(
            line_of_sight="geometric", building_law=law, buildings=[{"metres": [[0, 0], [1, 0], [1, 1]]}],
        )
        propagation = Propagation(Radio(channel=settings, carrier_hz=5.9e9), 1, scene=Scene())
        latent = Latent(zero, blockage=zero)
        clear = propagation.loss_db(distance, latent, 1.5, 1.5, obstacles=seen)
        behind = propagation.loss_db(distance, latent, 1.5, 1.5, obstacles=there)
        assert float((behind - clear)[0, 0]) == pytest.approx(expected_db, abs=0.01)
    with pytest.raises(ValueError, match="obstacles"):
        propagation.loss_db(distance, latent, 1.5, 1.5)
