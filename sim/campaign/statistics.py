"""Intervals over seeds: of a mean, of paired and of unpaired differences; how many seeds a width takes.

Student's t throughout, 95 %. Sums run in the order given, so that equal input gives equal bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

MAX_SEEDS = 10**9
"""Above this many seeds a wanted width is called out of reach."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


class Interval(NamedTuple):
    """A mean with its 95 % interval; bounds are NaN where too few values say nothing of spread."""

    mean: float
    lower: float
    upper: float
    n: int
    """Values behind it; NaN values are not among them."""

    @property
    def half_width(self) -> float:
        """Half of the interval; NaN without one."""
        return (self.upper - self.lower) / 2


class Intervals(NamedTuple):
    """The same for many rows at once: arrays of equal length."""

    mean: np.ndarray
    half_width: np.ndarray
    n: np.ndarray
    variance: np.ndarray
    """Of single values, with n - 1; NaN for n < 2."""


def mean_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """Mean over seeds with its t-interval; NaN bounds for fewer than two values, a NaN mean for none."""
    return _single(mean_intervals(np.asarray(values, float)[None, :]))


def paired_difference(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Interval:
    """Mean of ``a - b`` over common seeds (equal places); pairs with a NaN are left out. ValueError: unequal length."""
    one, two = np.asarray(a, float), np.asarray(b, float)
    if one.shape != two.shape:
        raise ValueError(f"paired values must be equally many: {len(one)} and {len(two)}")
    return mean_interval(one - two)


def unpaired_difference(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Interval:
    """Difference of the means of ``a`` and ``b`` as if their seeds had nothing in common.

    Unequal variances with the degrees of freedom of Welch and Satterthwaite; ``n`` is the smaller number of values.
    """
    one, two = (mean_intervals(np.asarray(v, float)[None, :]) for v in (a, b))
    half, n = unpaired_half_widths(one, two), min(int(one.n[0]), int(two.n[0]))
    return _single(Intervals(one.mean - two.mean, half, np.array([n]), half))


def mean_intervals(values: np.ndarray) -> Intervals:
    """Means and half widths of rows; ``values`` has shape (rows, seeds), NaN where a seed has no value.

    Sums are of differences to the first value of the row, seed by seed: a row of equal values has exactly that mean
    and no width.
    """
    there = ~np.isnan(values)
    n = there.sum(1)
    rows = np.arange(len(values))
    start = values[rows, there.argmax(1)] if values.shape[1] else np.full(len(values), math.nan)
    count = np.where(n > 0, n, 1)
    shift = _sums(values - start[:, None], there) / count
    mean = np.where(n > 0, start + shift, math.nan)
    squares = _sums((values - start[:, None] - shift[:, None]) ** 2, there)
    variance = np.where(n > 1, squares / np.where(n > 1, n - 1, 1), math.nan)
    factor = np.full(len(values), math.nan)
    for one in np.unique(n[n > 1]).tolist():
        factor[n == one] = t_quantile(one - 1)
    return Intervals(mean, factor * np.sqrt(variance / count), n, variance)


def unpaired_half_widths(a: Intervals, b: Intervals) -> np.ndarray:
    """Half widths of the unpaired difference of each row (see :func:`unpaired_difference`)."""
    of_a, of_b = a.variance / np.maximum(a.n, 1), b.variance / np.maximum(b.n, 1)
    both = of_a + of_b
    half = np.where(np.isnan(both), math.nan, 0.0)
    used = np.flatnonzero(both > 0)
    if len(used):
        share_a, share_b = of_a[used] / both[used], of_b[used] / both[used]
        freedom = 1 / (share_a**2 / (a.n[used] - 1) + share_b**2 / (b.n[used] - 1))
        half[used] = t_quantiles(np.maximum(freedom, 1.0)) * np.sqrt(both[used])
    return half


def seeds_for_half_width(values: Sequence[float] | np.ndarray, half_width: float) -> int:
    """Seeds after which the interval of the mean is expected to be this narrow, the spread being that of ``values``.

    The smallest n >= 2 with t(n - 1) s / sqrt(n) <= half_width; an estimate, s itself being uncertain. ValueError for
    fewer than two values, a width that is not positive, or more than :data:`MAX_SEEDS`.
    """
    if not half_width > 0:
        raise ValueError(f"half width {half_width} must be above 0")
    found = mean_intervals(np.asarray(values, float)[None, :])
    if found.n[0] < 2:
        raise ValueError(f"{found.n[0]} values say nothing of spread; at least 2 are needed")
    deviation = math.sqrt(float(found.variance[0]))

    def narrow(n: int) -> bool:
        return t_quantile(n - 1) * deviation <= half_width * math.sqrt(n)

    low, high = 1, 2
    while not narrow(high):
        low, high = high, 2 * high
        if high > 2 * MAX_SEEDS:
            raise ValueError(f"half width {half_width} would take more than {MAX_SEEDS} seeds")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high


@lru_cache(maxsize=4096)
def t_quantile(degrees_of_freedom: float, share: float = 0.975) -> float:
    """Quantile of Student's t distribution for any degrees of freedom >= 1; see :func:`t_quantiles`."""
    return float(t_quantiles(np.array([degrees_of_freedom], float), share)[0])


def t_quantiles(degrees_of_freedom: np.ndarray, share: float = 0.975) -> np.ndarray:
    """Quantiles of Student's t distribution, also for fractional degrees of freedom; relative error below 1e-8.

    With t = sqrt(v) tan(x) the distribution function is 1/2 + C integral of cos(x)^(v - 1) from 0 to
    atan(t / sqrt(v)), C = Gamma((v + 1)/2) / (sqrt(pi) Gamma(v/2)); the integral is taken by Gauss and Legendre, the
    inverse by Newton from the normal quantile, which lies below it on the concave side. ``share`` in (0.5, 1).
    Raises ValueError for a share outside, and below 1 degree of freedom.
    """
    v = np.asarray(degrees_of_freedom, float)
    if not 0.5 < share < 1:
        raise ValueError(f"share {share} must lie between 0.5 and 1")
    if not (v >= 1).all():
        raise ValueError(f"degrees of freedom {v.min()} must be at least 1")
    constant = np.array([math.exp(math.lgamma((one + 1) / 2) - math.lgamma(one / 2)) for one in v.tolist()])
    constant /= math.sqrt(math.pi)
    t = np.full(len(v), NormalDist().inv_cdf(share))
    for _ in range(60):
        angle = np.arctan(t / np.sqrt(v))
        cosine = np.cos(angle[:, None] * _NODES) ** (v[:, None] - 1)
        below = 0.5 + constant * angle * (cosine @ _WEIGHTS)
        density = constant / np.sqrt(v) * np.cos(angle) ** (v + 1)
        step = (share - below) / density
        t = t + step
        if (np.abs(step) <= 1e-13 * t).all():
            break
    return t


def _sums(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Row sums, column after column: the order of addition is that of the seeds."""
    total = np.zeros(len(values))
    for seed in range(values.shape[1]):
        total += np.where(there[:, seed], values[:, seed], 0.0)
    return total


def _single(found: Intervals) -> Interval:
    mean, half = float(found.mean[0]), float(found.half_width[0])
    return Interval(mean, mean - half, mean + half, int(found.n[0]))
