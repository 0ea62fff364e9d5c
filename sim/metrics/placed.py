"""Delays told apart by place, at little cost per batch: samples wait and go into their histograms in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from sim.metrics.statistics import DelayHistogram

KEPT_SAMPLES = 1 << 17
"""Samples that wait before they go into histograms."""
FEW_GROUPS = 8
"""So few are picked one by one, which is faster than sorting."""
DIRECT_SAMPLES = 1 << 13
"""So many at once do not wait."""


class PlacedDelays:
    """Delays by name and group, one :class:`~sim.metrics.statistics.DelayHistogram` each; what the number of a group
    stands for is up to the caller.

    Memory: 240 kB per name and group that occurs, and at most :data:`KEPT_SAMPLES` samples and one batch.
    """

    def __init__(self) -> None:
        self._histograms: dict[tuple[str, int], DelayHistogram] = {}
        self._waiting: dict[tuple[bool, tuple[str, ...]], list[list[np.ndarray]]] = {}
        self._samples = 0

    def add(self, group: np.ndarray, values_ns: Mapping[str, np.ndarray], count: np.ndarray | None = None) -> None:
        """Add delays of groups by name, non-negative whole ns, each ``count`` times; columns of equal length."""
        if not len(group):
            return
        key = count is not None, tuple(values_ns)
        columns = [group, *values_ns.values(), *([] if count is None else [count])]
        if len(group) >= DIRECT_SAMPLES:
            self._put(*key, columns)
            return
        self._waiting.setdefault(key, []).append(columns)
        self._samples += len(group)
        if self._samples > KEPT_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """Put the samples that wait into their histograms; a ValueError if one is negative."""
        for key, parts in self._waiting.items():
            self._put(*key, [np.concatenate(column) for column in zip(*parts, strict=True)])
        self._waiting.clear()
        self._samples = 0

    @staticmethod
    def _by_group(columns: list[np.ndarray]) -> Iterator[tuple[int, list[np.ndarray]]]:
        """(group, the other columns where it is it) of each group that occurs."""
        group, *rest = columns
        sizes = np.bincount(group)
        used = np.flatnonzero(sizes).tolist()
        if len(used) == 1:
            yield used[0], rest
        elif len(used) <= FEW_GROUPS:
            for one in used:
                here = np.flatnonzero(group == one)
                yield one, [column.take(here) for column in rest]
        else:
            order = np.argsort(group, kind="stable")
            rest = [column.take(order) for column in rest]
            ends = np.cumsum(sizes)
            for one in used:
                yield one, [column[ends[one] - sizes[one] : ends[one]] for column in rest]

    def _put(self, counted: bool, names: tuple[str, ...], columns: list[np.ndarray]) -> None:
        for group, values in self._by_group(columns):
            count = values.pop() if counted else None
            for name, value_ns in zip(names, values, strict=True):
                if (name, group) not in self._histograms:
                    self._histograms[name, group] = DelayHistogram()
                self._histograms[name, group].add(value_ns, count)

    def of(self, name: str, groups: Iterable[int]) -> DelayHistogram:
        """Everything added to these groups so far, in a histogram of its own."""
        self.flush()
        delays = DelayHistogram()
        for group in groups:
            if (name, group) in self._histograms:
                delays.merge(self._histograms[name, group])
        return delays

    def merge(self, other: PlacedDelays) -> None:
        """Add the other's delays."""
        self.flush()
        other.flush()
        for key, histogram in other._histograms.items():
            self._histograms.setdefault(key, DelayHistogram()).merge(histogram)
