"""The run's propagation: what is added up, for which links, and that nothing but positions decides."""

from __future__ import annotations

import numpy as np
import pytest

from sim.channel import PATH_LOSS
from sim.channel.propagation import Propagation
from sim.clock import stream
from sim.link.lte_grid import noise_dbm
from sim.scenario.schema.radio import Channel, Radio


def radio(**channel) -> Radio:
    """Default radio with other propagation keys."""
    return Radio(channel=Channel(**channel))


def links(count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stations on a road, pairs of rows and their distances."""
    draws = stream(3, "test", "links")
    x, y = draws.random(count) * 3000.0, draws.random(count) * 30.0
    a, b = draws.integers(0, count, 5000), draws.integers(0, count, 5000)
    keep = a != b
    a, b = a[keep], b[keep]
    return x, y, a, b, np.hypot(x[a] - x[b], y[a] - y[b]).astype(np.float32)


def test_loss_is_path_loss_plus_shadowing():
    """By hand: +1 standard deviation adds sigma, and the default is WINNER+ B1 with henv 1 m (119.16 dB at
    300 m).
    """
    propagation = Propagation(radio(shadowing_sigma_db=3.0), 1)
    plain = propagation.loss_db(np.array([300.0]), np.zeros(1, np.float32), 1.5, 1.5)
    assert plain[0] == pytest.approx(119.14 + 2.7 * np.log10(5.915 / 5.9), abs=0.01)
    shadowed = propagation.loss_db(np.array([300.0]), np.ones(1, np.float32), 1.5, 1.5)
    assert shadowed[0] - plain[0] == pytest.approx(3.0, abs=1e-4)


def test_models_by_kind_of_link():
    """Independent: links with a roadside unit follow ``v2i``, the others ``v2v``, in one batch."""
    propagation = Propagation(radio(v2i="two-ray"), 1)
    distance = np.array([200.0, 200.0, 900.0], np.float32)
    tx, kind = np.array([1.5, 5.0, 5.0], np.float32), np.array([False, True, True])
    loss = propagation.path_loss_db(distance, tx, 1.5, kind)
    for i, name in enumerate(("winner-b1", "two-ray", "two-ray")):
        model = PATH_LOSS[name]
        assert loss[i] == model(distance[i : i + 1], tx[i], 1.5, 5.915e9, propagation.config)[0]
    assert propagation.path_loss_db(distance[:1], 5.0, 1.5, True)[0] == loss[1]


@pytest.mark.parametrize("sight", ["always", "tr37885"])
@pytest.mark.parametrize("v2i", ["winner-b1", "tr37885-urban"])
def test_only_positions_decide(sight, v2i):
    """Property: asked again, from the other end, in pieces or one by one, a link's loss has the same bytes.

    So there is no fading per packet beside what the error tables average over (mistake 12).
    """
    propagation = Propagation(radio(line_of_sight=sight, v2i=v2i), 9)
    x, y, a, b, distance = links()
    features = propagation.features(x, y)
    is_v2i = (a < 20) | (b < 20)

    def loss(one: np.ndarray, other: np.ndarray, rows: slice) -> np.ndarray:
        latent = propagation.pairs(features, one[rows], other[rows], distance[rows])
        return propagation.loss_db(distance[rows], latent, 1.5, 1.5, is_v2i[rows])

    whole = loss(a, b, slice(None))
    assert whole.dtype == np.float32
    assert whole.tobytes() == loss(a, b, slice(None)).tobytes() == loss(b, a, slice(None)).tobytes()
    parts = [loss(a, b, slice(start, start + 37)) for start in range(0, len(a), 37)]
    assert whole.tobytes() == np.concatenate(parts).tobytes()
    again = Propagation(radio(line_of_sight=sight, v2i=v2i), 9).features(x, y)
    assert all(np.array_equal(p[0], q[0]) for p, q in zip(features.rows, again.rows, strict=True))


def test_band_equals_pairs():
    """Property: senders against a window of sorted receivers give the bytes of the single links."""
    propagation = Propagation(radio(line_of_sight="tr37885"), 2)
    x = np.sort(links()[0])
    features = propagation.features(x, np.zeros_like(x))
    senders = np.arange(0, len(x), 7)
    lo, hi = np.searchsorted(x, x[senders] - 400.0), np.searchsorted(x, x[senders] + 400.0)
    row = np.repeat(senders, hi - lo)
    column = np.concatenate([np.arange(p, q) for p, q in zip(lo, hi, strict=True)])
    distance = np.abs(x[row] - x[column]).astype(np.float32)
    band = propagation.band(features.take(senders), features, lo, hi, distance)
    pairs = propagation.pairs(features, row, column, distance)
    for name in ("shadow", "sight", "blockage"):
        assert getattr(band, name).tobytes() == getattr(pairs, name).tobytes()
    loss = [propagation.loss_db(distance, v, 1.5, 1.5).tobytes() for v in (band, pairs)]
    assert loss[0] == loss[1]


def test_moved_stations_are_put_in_place():
    """Property: replacing some rows of features equals computing all of them anew."""
    propagation = Propagation(radio(), 2)
    x, y, *_ = links()
    features = propagation.features(x, y)
    moved = np.arange(0, len(x), 3)
    x[moved] += 10.0
    features.put(moved, propagation.features(x[moved], y[moved]))
    assert len(features) == len(x)
    for old, new in zip(features.rows, propagation.features(x, y).rows, strict=True):
        assert np.array_equal(old[0], new[0]) and np.array_equal(old[1], new[1])


def test_blocked_links_lose_more():
    """Property: states only add loss; with sigma 0 a link with sight has exactly the path loss."""
    x, y, a, b, distance = links()
    propagation = Propagation(
        radio(line_of_sight="tr37885", shadowing_sigma_db=0.0, shadowing_sigma_nlosv_db=0.0), 4
    )
    latent = propagation.pairs(propagation.features(x, y), a, b, distance)
    extra = propagation.loss_db(distance, latent, 1.5, 1.5) - propagation.path_loss_db(distance, 1.5, 1.5)
    assert extra.min() == 0.0
    assert 0.2 < (extra == 0).mean() < 0.9
    assert extra.max() > 9.0


@pytest.mark.parametrize(("is_v2i", "tx_height_m", "expected_m"), [(False, 1.5, 404.0), (True, 5.0, 992.0)])
def test_reach(is_v2i, tx_height_m, expected_m):
    """Printed: E12, 404 m / 992 m, here as the reach to a floor 4.1 dB above noise without margin or
    shadowing.
    """
    settings = radio(reach_margin_db=0.0, shadowing_sigma_db=0.0).model_copy(update={"carrier_hz": 5.9e9})
    propagation = Propagation(settings, 1)
    floor = noise_dbm(20, 9.0) + 4.1
    assert abs(propagation.reach_m(26.0, 3.0, floor, tx_height_m, 1.5, is_v2i) - expected_m) < 25.0


def test_reach_follows_power_and_margin():
    """By hand: beyond the breakpoint 12.04 dB double the reach; margin and 2 sigma count like power."""
    small = Propagation(radio(reach_margin_db=0.0, shadowing_sigma_db=0.0), 1)
    wide = Propagation(radio(reach_margin_db=6.04, shadowing_sigma_db=3.0), 1)
    base = small.reach_m(26.0, 3.0, -95.0, 1.5, 1.5)
    double = 10 ** (12.04 / 40)
    assert small.reach_m(38.04, 3.0, -95.0, 1.5, 1.5) == pytest.approx(double * base, rel=1e-6)
    assert wide.reach_m(26.0, 3.0, -95.0, 1.5, 1.5) == pytest.approx(double * base, rel=1e-6)
    assert small.reach_m(-60.0, 0.0, -95.0, 1.5, 1.5) == 0.0


def test_provenance_names_the_environment_height():
    """By hand: henv stands in the record of a run (mistake 1)."""
    words = Propagation(radio(environment_height_m=0.5), 1).provenance()
    assert "0.5 m" in words["path_loss_v2v"]
    assert "sinusoids" in words["shadowing"]
