"""Shadowing: statistics over many seeds, symmetry, and byte identity however the work is split."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.channel.shadowing import MAXIMUM_TERMS, ShadowField
from sim.clock import stream

DECORRELATION_M = 25.0
SEEDS = range(30)
LINKS = 3000


def values(field: ShadowField, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Standard normal values of links between rows of two [n, 2] position arrays."""
    left, _ = field.features(*one.T)
    _, right = field.features(*other.T)
    rows = np.arange(len(one))
    return field.pairs(left, right, rows, rows, np.hypot(*(one - other).T))


def road(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random links on a road of 5 km: both ends' positions, up to 500 m apart."""
    draws = stream(seed, "test", "shadowing")
    one = draws.random((LINKS, 2)) * [5000.0, 30.0]
    return one, one + np.stack([draws.uniform(-500, 500, LINKS), draws.uniform(-15, 15, LINKS)], axis=1)


@pytest.fixture(scope="module")
def links() -> list[tuple[ShadowField, np.ndarray, np.ndarray, np.ndarray]]:
    """One field and its values on a road per seed."""
    made = []
    for seed in SEEDS:
        field = ShadowField(seed, DECORRELATION_M)
        one, other = road(seed)
        made.append((field, one, other, values(field, one, other)))
    return made


def test_sigma(links):
    """Distribution: E1, standard deviation 1 within 2 % over all links, also of links shorter than 25 m; mean
    near 0.
    """
    pooled = np.concatenate([v for *_, v in links])
    assert abs(pooled.std() - 1) < 0.02
    assert abs(pooled.mean()) < 0.03
    close = np.concatenate([v[np.hypot(*(a - b).T) < 25.0] for _, a, b, v in links])
    assert abs(close.std() - 1) < 0.04


def test_every_seed_alone(links):
    """Distribution: no single seed's standard deviation on 5 km is more than 6 % off."""
    assert max(abs(v.std() - 1) for *_, v in links) < 0.06


@pytest.mark.parametrize("moved_m", [5.0, 12.5, 25.0, 50.0, 75.0, 100.0])
def test_autocorrelation_when_one_end_moves(links, moved_m):
    """Distribution: E1, correlation exp(-D / 25 m) within 0.03 when one end moves D along the road."""
    step = np.array([moved_m, 0.0])
    found = np.mean([np.mean(v * values(field, one, other + step)) for field, one, other, v in links])
    assert abs(found - math.exp(-moved_m / DECORRELATION_M)) < 0.03


@pytest.mark.parametrize("moved_m", [5.0, 12.5, 25.0])
def test_autocorrelation_when_both_ends_move(links, moved_m):
    """Distribution: exp(-(D_a + D_b) / 25 m) within 0.05 when the ends move apart by D each."""
    step = np.array([moved_m, 0.0])
    far = [np.hypot(*(a - b).T) > 100.0 for _, a, b, _ in links]
    products = [
        np.mean((v * values(field, one - step, other + step))[keep])
        for (field, one, other, v), keep in zip(links, far, strict=True)
    ]
    assert abs(np.mean(products) - math.exp(-2 * moved_m / DECORRELATION_M)) < 0.05


def test_marginals_are_nearly_normal(links):
    """Distribution: Kolmogorov-Smirnov distance of all links to the normal law below 0.01."""
    pooled = np.sort(np.concatenate([v for *_, v in links]).astype(float))
    law = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in pooled])
    ranks = np.arange(len(pooled) + 1) / len(pooled)
    assert max(np.abs(law - ranks[1:]).max(), np.abs(law - ranks[:-1]).max()) < 0.01


def test_seeds_and_names_are_independent(links):
    """Distribution: fields of two seeds, or of two names under one seed, correlate below 0.06 on the same
    links.
    """
    _, one, other, first = links[0]
    for field in (ShadowField(1, DECORRELATION_M), ShadowField(0, DECORRELATION_M, name="sight")):
        assert abs(np.mean(first * values(field, one, other))) < 0.06


def test_symmetric_to_the_bit(links):
    """Property: S(a, b) and S(b, a) are the same float32."""
    field, one, other, forward = links[3]
    assert forward.tobytes() == values(field, other, one).tobytes()


def fleet(seed: int, count: int) -> tuple[ShadowField, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sorted stations of a 4 km road with the bounds of a 600 m window."""
    draws = stream(seed, "test", "fleet")
    x, y = np.sort(draws.random(count) * 4000.0), draws.random(count) * 30.0
    field = ShadowField(seed, DECORRELATION_M)
    return field, x, y, np.searchsorted(x, x - 600.0), np.searchsorted(x, x + 600.0, "right")


def flat_pairs(lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every entry of a band."""
    row = np.repeat(np.arange(len(lo)), hi - lo)
    return row, np.concatenate([np.arange(a, b) for a, b in zip(lo, hi, strict=True)])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300), cut=st.integers(0, 300))
def test_any_split_gives_the_same_bytes(seed, count, cut):
    """Property: the whole band, a band cut in two, and single pairs agree to the bit (definitions section
    3).
    """
    field, x, y, lo, hi = fleet(seed, count)
    cut = min(cut, count)
    left, right = field.features(x, y)
    a, b = flat_pairs(lo, hi)
    distance = np.hypot(x[a] - x[b], y[a] - y[b]).astype(np.float32)
    whole = field.band(left, right, lo, hi, distance)
    split = int((hi - lo)[:cut].sum())
    parts = [
        field.band(left[:cut], right, lo[:cut], hi[:cut], distance[:split]),
        field.band(left[cut:], right, lo[cut:], hi[cut:], distance[split:]),
    ]
    assert whole.tobytes() == np.concatenate(parts).tobytes()
    assert whole.tobytes() == field.pairs(left, right, a, b, distance).tobytes()
    single = [field.features(x[i : i + 1], y[i : i + 1])[0] for i in range(min(count, 5))]
    assert np.concatenate(single).tobytes() == left[: min(count, 5)].tobytes()


def test_other_stations_change_nothing():
    """Property: a further station (a new roadside unit) leaves every other pair's value as it was."""
    field, x, y, *_ = fleet(5, 100)
    left, right = field.features(x, y)
    more_left, more_right = field.features(np.append(x, 1234.5), np.append(y, -6.0))
    a, b = np.meshgrid(np.arange(100), np.arange(100), indexing="ij")
    distance = np.full(10000, 50.0)
    before = field.pairs(left, right, a.ravel(), b.ravel(), distance)
    assert before.tobytes() == field.pairs(more_left, more_right, a.ravel(), b.ravel(), distance).tobytes()


def test_sums_are_exact():
    """Property: with the most terms allowed float32 sums equal float64 sums, so order cannot matter."""
    field = ShadowField(11, DECORRELATION_M, terms=MAXIMUM_TERMS)
    draws = stream(0, "test", "exact")
    left, right = field.features(draws.random(400) * 3000.0, draws.random(400) * 30.0)
    exact = left.astype(np.float64) @ right.astype(np.float64).T
    assert np.array_equal((left @ right.T).astype(np.float64), exact)
    assert np.array_equal((left[:, ::-1] @ right[:, ::-1].T).astype(np.float64), exact)


def test_ring_has_no_seam():
    """Property: on a ring the value just before and just behind the seam is the same, on a line it is not."""
    other = np.stack([np.full(200, 700.0), np.linspace(0, 30, 200)], axis=1)
    before, behind = (np.stack([np.full(200, x), np.full(200, 3.0)], axis=1) for x in (2000.0 - 0.01, 0.01))
    ring = ShadowField(4, DECORRELATION_M, ring_length_m=2000.0)
    line = ShadowField(4, DECORRELATION_M)
    distance = np.full(200, 700.0)
    rows = np.arange(200)

    def jump(field: ShadowField) -> float:
        _, right = field.features(*other.T)
        ends = [field.pairs(field.features(*p.T)[0], right, rows, rows, distance) for p in (before, behind)]
        return float(np.abs(ends[0] - ends[1]).max())

    assert jump(ring) < 0.1 < jump(line)


def test_ring_keeps_the_correlation():
    """Distribution: on a ring of 2 km the correlation stays exp(-D / 25 m) within 0.05 and sigma 1 within 4
    %.
    """
    found, spread = [], []
    for seed in SEEDS:
        field = ShadowField(seed, DECORRELATION_M, ring_length_m=2000.0)
        draws = stream(seed, "test", "ring")
        x, y = draws.random(LINKS) * 2000.0, draws.random(LINKS) * 20.0
        one, other = np.stack([x, y], 1), np.stack([x + draws.uniform(50, 500, LINKS), y], 1)
        v = values(field, one, other)
        found.append(np.mean(v * values(field, one, other + [25.0, 0.0])))
        spread.append(np.mean(v * v))
    assert abs(np.mean(found) - math.exp(-1)) < 0.05
    assert abs(math.sqrt(np.mean(spread)) - 1) < 0.04


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"terms": 0}, "terms"),
        ({"terms": 121}, "terms"),
        ({"decorrelation_m": 0.0}, "decorrelation_m"),
        ({"ring_length_m": -1.0}, "ring"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    """By hand: each bad setting is named."""
    with pytest.raises(ValueError, match=message):
        ShadowField(**{"seed": 1, "decorrelation_m": 25.0, **arguments})
