"""Pairs of vehicles of one home and of two: names of their rows, and the mean age of what they know of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.metrics.base import Metric
from sim.metrics.gap_rows import GapRows

SAME, CROSS = "same home", "cross home"
"""Sender and receiver belong to one jurisdiction, or to two: a vehicle to its home, a unit to its place."""


@dataclass
class HomeAge:
    """The age over time of pairs whose homes differ, a part of that of all pairs."""

    age_ns2: int = 0
    """Integral over time and pairs."""
    time_ns: int = 0
    """Time it is over, of all those pairs."""

    def sample(self, cross: np.ndarray, age_ns: np.ndarray, count: np.ndarray | None, length_ns: int) -> None:
        """Ages at a tick, one entry for ``count`` pairs (none = one each); ``age_ns`` is that of all of them together.

        ``cross`` says whose homes differ; all grow older until the next tick.
        """
        known = int(np.count_nonzero(cross)) if count is None else int(count[cross].sum())
        self.age_ns2 += int(age_ns[cross].sum()) * length_ns + known * length_ns**2 // 2
        self.time_ns += known * length_ns

    def merge(self, other: HomeAge) -> None:
        """Add the other's time."""
        self.age_ns2 += other.age_ns2
        self.time_ns += other.time_ns

    def mean(self, rows: GapRows, n: int, whole_ns2: int, whole_ns: int) -> Iterator[Metric]:
        """The mean age of the pairs that ``rows`` are about, from that of all pairs."""
        age_ns2, time_ns = self.age_ns2, self.time_ns
        if rows.station_class == SAME:
            age_ns2, time_ns = whole_ns2 - age_ns2, whole_ns - time_ns
        if time_ns:
            yield rows.row("aoi_mean", "ms", age_ns2 / time_ns / 1e6, n)
