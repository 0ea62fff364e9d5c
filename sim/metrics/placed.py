"""Delays told apart by place, at little cost per batch: samples wait and go into their histograms in one go."""

from __future__ import annotations

import numpy as np

from sim.metrics.statistics import DelayHistogram

KEPT_SAMPLES = 1 << 17
"""Samples that wait before they go into histograms."""


class PlacedDelays:
    """One :class:`~sim.metrics.statistics.DelayHistogram` per group that occurs; what a number of a group stands for
    is up to the caller.

    Memory: 240 kB per group, and at most :data:`KEPT_SAMPLES` samples of 24 bytes and one batch.
    """

    def __init__(self) -> None:
        self._histograms: dict[int, DelayHistogram] = {}
        self._counted: list[tuple[np.ndarray, ...]] = []
        self._single: list[tuple[np.ndarray, ...]] = []
        self._waiting = 0

    def add(self, group: np.ndarray, value_ns: np.ndarray, count: np.ndarray | None = None) -> None:
        """Add non-negative integer delays of groups, each ``count`` times; columns of equal length."""
        if not len(group):
            return
        if count is None:
            self._single.append((group, value_ns))
        else:
            self._counted.append((group, value_ns, count))
        self._waiting += len(group)
        if self._waiting > KEPT_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """Put the samples that wait into their histograms; a ValueError if one is negative."""
        for parts in (self._counted, self._single):
            if parts:
                group, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
                self._put(group, columns)
                parts.clear()
        self._waiting = 0

    def _put(self, group: np.ndarray, columns: list[np.ndarray]) -> None:
        if int(group.max()) <= np.iinfo(np.int16).max:
            group = group.astype(np.int16)  # NumPy sorts 16 bits in linear time
        order = np.argsort(group, kind="stable")
        columns = [column[order] for column in columns]
        sizes = np.bincount(group)
        ends = np.cumsum(sizes)
        for one in np.flatnonzero(sizes).tolist():
            here = slice(ends[one] - sizes[one], ends[one])
            self._histograms.setdefault(one, DelayHistogram()).add(*(column[here] for column in columns))

    def of(self, group: int) -> DelayHistogram | None:
        """Everything added to a group so far; none where there was nothing."""
        if self._waiting:
            self.flush()
        return self._histograms.get(group)

    def merge(self, other: PlacedDelays) -> None:
        """Add the other's delays."""
        self.flush()
        other.flush()
        for group, histogram in other._histograms.items():
            self._histograms.setdefault(group, DelayHistogram()).merge(histogram)
