"""Sight states and blockage by vehicles (TR 37.885): shares, means, persistence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.channel.propagation import Latent, Propagation
from sim.channel.sight import blocked_loss_db, normal_distribution, sight_probability
from sim.channel.tr37885 import CAR_HEIGHT_M, TRUCK_HEIGHT_M, blockage_db
from sim.clock import stream
from sim.scenario.schema.radio import Channel, Radio

COUNT = 200_000


def normals(*name: str) -> np.ndarray:
    """Independent standard normal values, float32."""
    return stream(7, "test", "sight", *name).standard_normal(COUNT).astype(np.float32)


def test_normal_distribution():
    """Independent: Phi within 1e-5 of the error function of the standard library."""
    z = np.linspace(-5.5, 5.5, 5001)
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z.astype(np.float32).astype(float)])
    assert np.abs(normal_distribution(z) - exact).max() < 1e-5
    assert normal_distribution(np.array([-50.0, 50.0])) == pytest.approx([0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    ("tx_height_m", "blocker_m", "mean_db"),
    [
        (5.0, TRUCK_HEIGHT_M, 5.20),
        (1.5, TRUCK_HEIGHT_M, 9.04),
        (1.5, CAR_HEIGHT_M, 9.04),
        (5.0, CAR_HEIGHT_M, 5.20),
    ],
)
def test_mean_blockage(tx_height_m, blocker_m, mean_db):
    """Printed: E1, mean blockage at 100 m after truncation 5.20 / 9.04 dB.

    Reading the two parameters as those of log10 of the loss gives 2.0 / 2.6 dB (mistake 2).
    """
    loss = blockage_db(np.full(COUNT, 100.0), tx_height_m, 1.5, blocker_m, normals("mean"))
    assert loss.mean() == pytest.approx(mean_db, abs=0.04)
    assert loss.min() == 0.0


@pytest.mark.parametrize(("urban", "shares"), [(False, (0.840, 0.608, 0.515)), (True, (0.336, 0.034, 0.004))])
def test_shares_with_sight(urban, shares):
    """Printed: E1, share of links with sight at 100 / 300 / 500 m, drawn from normal values, within 0.004."""
    for distance_m, share in zip((100.0, 300.0, 500.0), shares, strict=True):
        distance = np.full(COUNT, distance_m, np.float32)
        blocked, extra = blocked_loss_db(distance, 1.5, 1.5, normals("a"), normals("b"), urban, 0.2)
        assert 1 - blocked.mean() == pytest.approx(share, abs=0.004)
        assert not extra[~blocked].any()


@pytest.mark.parametrize("truck_ratio", [0.0, 0.2, 1.0])
def test_kind_of_the_blocker(truck_ratio):
    """By hand: two antennas of 2 m see over cars (no loss) and are below trucks, so the lossy share is the
    trucks'.
    """
    distance = np.full(COUNT, 300.0, np.float32)
    blocked, extra = blocked_loss_db(distance, 2.0, 2.0, normals("a"), normals("b"), False, truck_ratio)
    positive = 0.5 * math.erfc(-2.0 / math.sqrt(2))
    assert (extra[blocked] > 0).mean() == pytest.approx(truck_ratio * positive, abs=0.006)


def test_law_per_link():
    """By hand: links of one batch follow their own law."""
    distance = np.array([300.0, 300.0], np.float32)
    assert sight_probability(distance, np.array([False, True])) == pytest.approx([0.608, 0.034], abs=6e-4)


def states(propagation: Propagation, x_m: np.ndarray, distance_m: float) -> np.ndarray:
    """Blocked state of links of one length along a road."""
    ends = np.concatenate([x_m, x_m + distance_m])
    features = propagation.features(ends, np.zeros(len(ends)))
    rows = np.arange(len(x_m))
    distance = np.full(len(x_m), distance_m, np.float32)
    latent = propagation.pairs(features, rows, rows + len(x_m), distance)
    assert latent.sight is not None and latent.blockage is not None
    return blocked_loss_db(distance, 1.5, 1.5, latent.sight, latent.blockage, False, 0.2)[0]


def test_states_persist():
    """Distribution: a pair keeps its state while it moves 0.5 m, and has a new one after 100 m (mistake 13).

    The share with sight at 300 m (0.608, printed) holds over positions of many seeds.
    """
    x = np.arange(0.0, 40_000.0, 10.0)
    radio = Radio(channel=Channel(line_of_sight="tr37885"))
    found = [states(Propagation(radio, seed), x, 300.0) for seed in range(12)]
    assert 1 - np.mean(found) == pytest.approx(0.608, abs=0.02)
    moved = [states(Propagation(radio, seed), x + 0.5, 300.0) for seed in range(12)]
    assert np.mean(np.array(found) == np.array(moved)) > 0.88
    far = [states(Propagation(radio, seed), x + 100.0, 300.0) for seed in range(12)]
    assert np.mean(np.array(found) == np.array(far)) == pytest.approx(0.608**2 + 0.392**2, abs=0.02)


def test_states_need_their_values():
    """By hand: with states modelled an array of shadowing alone is refused."""
    propagation = Propagation(Radio(channel=Channel(line_of_sight="tr37885")), 1)
    with pytest.raises(ValueError, match="latent"):
        propagation.loss_db(np.array([100.0]), Latent(np.zeros(1, np.float32)), 1.5, 1.5)
