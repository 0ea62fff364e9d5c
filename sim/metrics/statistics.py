"""Intervals and quantiles from counts, without SciPy."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

_Z = NormalDist().inv_cdf(0.975)

_T_975 = (
    12.7062,
    4.3027,
    3.1824,
    2.7764,
    2.5706,
    2.4469,
    2.3646,
    2.3060,
    2.2622,
    2.2281,
    2.2010,
    2.1788,
    2.1604,
    2.1448,
    2.1314,
    2.1199,
    2.1098,
    2.1009,
    2.0930,
    2.0860,
    2.0796,
    2.0739,
    2.0687,
    2.0639,
    2.0595,
    2.0555,
    2.0518,
    2.0484,
    2.0452,
    2.0423,
)


@lru_cache
def t_quantile_975(degrees_of_freedom: int) -> float:
    """97.5 % quantile of Student's t distribution.

    Printed table up to 30 degrees of freedom, then the Cornish-Fisher expansion to the third order
    (Abramowitz and Stegun 26.7.5), whose error there is below 1e-5. Raises ValueError below 1.
    """
    if degrees_of_freedom < 1:
        raise ValueError(f"degrees_of_freedom = {degrees_of_freedom} must be at least 1")
    if degrees_of_freedom <= len(_T_975):
        return _T_975[degrees_of_freedom - 1]
    z, nu = _Z, float(degrees_of_freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / nu + second / nu**2 + third / nu**3


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % score interval of a share of independent trials (Wilson, JASA 22 (1927) 209)."""
    share, z2 = hits / count, _Z**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def ratio_interval(hits: np.ndarray, counts: np.ndarray) -> tuple[float, float] | None:
    """95 % interval of sum(hits) / sum(counts) by batch means over time.

    ``hits`` and ``counts`` hold one entry per time batch. Linearised ratio estimator with Student's t over
    the batches that hold anything. Independent trials are the least spread that can be claimed: where the
    batches spread less (above all when every batch is 0 or 1), the Wilson interval is taken. ``None`` with
    fewer than two batches.
    """
    hits, counts = np.asarray(hits, float), np.asarray(counts, float)
    used = counts > 0
    batches, total = int(used.sum()), counts.sum()
    if batches < 2:
        return None
    share = hits.sum() / total
    spread = np.sum((hits[used] - share * counts[used]) ** 2) / (batches - 1)
    half = t_quantile_975(batches - 1) * math.sqrt(batches * spread) / total
    low, high = wilson_interval(int(hits.sum()), int(total))
    return max(0.0, min(share - half, low)), min(1.0, max(share + half, high))


class DelayHistogram:
    """Delays in two resolutions: 0.01 ms up to 200 ms, 1 ms up to 10.2 s, and the rest; mean and maximum are
    exact.

    A quantile is the upper edge of its cell, never above the maximum: it is too high by less than one cell
    and never too low. Memory: 240 kB.
    """

    FINE_NS, FINE_COUNT = 10_000, 20_000
    COARSE_NS, COARSE_COUNT = 1_000_000, 10_000

    def __init__(self) -> None:
        self.cells = np.zeros(1 + self.FINE_COUNT + self.COARSE_COUNT + 1, np.int64)
        self.count = 0
        self.sum_ns = 0
        self.max_ns = 0

    def _cell(self, value_ns: np.ndarray) -> np.ndarray:
        cell = (value_ns + (self.FINE_NS - 1)) // self.FINE_NS
        over = np.flatnonzero(cell > self.FINE_COUNT)
        if len(over):
            over_ns = value_ns[over] - self.FINE_NS * self.FINE_COUNT
            coarse = self.FINE_COUNT - (-over_ns // self.COARSE_NS)
            cell[over] = np.minimum(coarse, len(self.cells) - 1)
        return cell

    @classmethod
    def edge_ns(cls, cell: int) -> int | None:
        """Largest delay that falls into a cell; None of the last one, which is open."""
        if cell <= cls.FINE_COUNT:
            return cell * cls.FINE_NS
        if cell > cls.FINE_COUNT + cls.COARSE_COUNT:
            return None
        return cls.FINE_NS * cls.FINE_COUNT + (cell - cls.FINE_COUNT) * cls.COARSE_NS

    def _edge_ms(self, cell: int) -> float:
        edge_ns = self.edge_ns(cell)
        return (self.max_ns if edge_ns is None else min(edge_ns, self.max_ns)) / 1e6

    def add(self, value_ns: np.ndarray, weight: np.ndarray | None = None) -> None:
        """Add non-negative integer delays, each ``weight`` times; a negative one is a ValueError."""
        if not len(value_ns):
            return
        least, most = int(value_ns.min()), int(value_ns.max())
        if least < 0:
            raise ValueError(f"delay {least} ns is negative")
        count = len(value_ns) if weight is None else int(weight.sum())
        if least == most:
            self.cells[self._cell(value_ns[:1])] += count
            self.sum_ns += most * count
        else:
            cell = self._cell(value_ns)
            if weight is None and 4 * len(cell) > len(self.cells):
                self.cells += np.bincount(cell, minlength=len(self.cells))
            else:
                np.add.at(self.cells, cell, 1 if weight is None else weight)
            self.sum_ns += int(value_ns.sum() if weight is None else (value_ns * weight).sum())
        self.count += count
        self.max_ns = max(self.max_ns, most)

    def quantile_ms(self, share: float) -> float:
        """Nearest-rank quantile; NaN when empty."""
        if not self.count:
            return math.nan
        rank = max(1, math.ceil(share * self.count - 1e-9))
        cell = int(np.searchsorted(np.cumsum(self.cells), rank))
        return self._edge_ms(cell)

    def quantiles_ms(self, shares: np.ndarray) -> np.ndarray:
        """Nearest-rank quantiles for many shares at once; NaN when empty."""
        if not self.count:
            return np.full(len(shares), math.nan)
        ranks = np.maximum(1, np.ceil(np.asarray(shares) * self.count - 1e-9))
        cells = np.searchsorted(np.cumsum(self.cells), ranks)
        return np.array([self._edge_ms(int(c)) for c in cells])

    def share_within(self, limit_ms: float) -> float:
        """Share of delays up to a limit; exact for limits on a cell edge (multiples of 0.01 ms up to 200
        ms)."""
        if not self.count:
            return math.nan
        cell = int(self._cell(np.array([int(limit_ms * 1e6)]))[0])
        return int(self.cells[: cell + 1].sum()) / self.count

    def mean_ms(self) -> float:
        """Exact mean; NaN when empty."""
        return self.sum_ns / self.count / 1e6 if self.count else math.nan

    def merge(self, other: DelayHistogram) -> None:
        """Add the other's delays."""
        self.cells += other.cells
        self.count += other.count
        self.sum_ns += other.sum_ns
        self.max_ns = max(self.max_ns, other.max_ns)
