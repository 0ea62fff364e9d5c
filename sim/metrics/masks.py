"""Counts by bit mask: few masks occur, so that every one has an array of counters of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_HALF = 16


class MaskCounts:
    """Counts of combinations (indices into ``shape``) by int32 mask, without sorting links.

    Memory: one entry per combination and mask that occur.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._counts: dict[int, dict[int, int]] = {}

    def add(self, index: tuple[np.ndarray, ...], mask: np.ndarray) -> None:
        """Count links: one index array per dimension and one mask each, all of equal length."""
        size = int(np.prod(self.shape))
        number, masks = _numbered(mask)
        key = np.ravel_multi_index(index, self.shape) + number * size
        if len(masks) * size > 1 << 20:
            used, count = np.unique(key, return_counts=True)
        else:
            count = np.bincount(key)
            used = np.flatnonzero(count)
            count = count[used]
        which, cell = np.divmod(used, size)
        self._enter(masks[which], cell, count)

    def add_counted(self, index: tuple[np.ndarray, ...], mask: np.ndarray, count: np.ndarray) -> None:
        """Add ``count`` links each; may name a combination and mask again."""
        self._enter(mask, np.ravel_multi_index(index, self.shape), count)

    def _enter(self, masks: np.ndarray, cells: np.ndarray, count: np.ndarray) -> None:
        for one, at, many in zip(masks.tolist(), cells.tolist(), count.tolist(), strict=True):
            of_mask = self._counts.setdefault(one, {})
            of_mask[at] = of_mask.get(at, 0) + many

    def merge(self, other: MaskCounts) -> None:
        """Add the other's counts."""
        for mask, cells in other._counts.items():
            of_mask = self._counts.setdefault(mask, {})
            for at, many in cells.items():
                of_mask[at] = of_mask.get(at, 0) + many

    def arrays(self) -> Iterator[tuple[int, np.ndarray]]:
        """(mask, counts of ``shape``) of every mask that occurs, ascending."""
        for mask in sorted(self._counts):
            total = np.zeros(int(np.prod(self.shape)), np.int64)
            total[list(self._counts[mask])] = list(self._counts[mask].values())
            yield mask, total.reshape(self.shape)


def _numbered(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(number of each mask, masks by number): halves are ranked by counting, which needs no sorting."""
    low, high = mask & ((1 << _HALF) - 1), mask >> _HALF
    parts = []
    for half in (low, high):
        used = np.flatnonzero(np.bincount(half))
        rank = np.zeros(int(used[-1]) + 1, np.int64)
        rank[used] = np.arange(len(used))
        parts.append((used, rank.take(half)))
    (lows, of_low), (highs, of_high) = parts
    masks = (highs[:, None] << _HALF | lows).ravel()
    return of_high * len(lows) + of_low, masks
