"""Which transmissions overlap in time, and where along the road both can be received."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Pairs:
    """Pairs (earlier, later) of transmissions in order of start, sorted by the later one; indices into a buffer."""

    earlier: np.ndarray
    later: np.ndarray

    def take(self, rows: np.ndarray) -> Pairs:
        """A selection."""
        return Pairs(self.earlier[rows], self.later[rows])


@dataclass
class Common:
    """Runs of ranks that two transmissions have in common: steps into both runs, and length.

    On a ring a pair can have two of them.
    """

    pair: np.ndarray
    earlier_step: np.ndarray
    later_step: np.ndarray
    count: np.ndarray


def overlapping(
    start_ns: np.ndarray, end_ns: np.ndarray, place_m: np.ndarray, reach_m: float, ring_m: float
) -> Pairs:
    """All pairs on the air together within twice the reach; ``start_ns`` must be sorted."""
    n = len(start_ns)
    if n < 2:
        nothing = np.empty(0, np.int64)
        return Pairs(nothing, nothing.copy())
    cell, cells = _cells(place_m, 2 * reach_m, ring_m)
    since = start_ns - start_ns[0]
    longest = int((end_ns - start_ns).max())
    span = int(since[-1]) + longest + 2
    key = cell * span + since
    order = np.argsort(key, kind="stable")
    key = key[order]
    offsets = (0,) if cells == 1 else (-1, 0, 1)
    parts = []
    for offset in offsets:
        target = cell + offset
        if ring_m:
            target = target % cells
        at = target * span + since
        lo, hi = np.searchsorted(key, np.maximum(at - longest, target * span)), np.searchsorted(key, at, side="right")
        count = hi - lo
        later = np.repeat(np.arange(n), count)
        step = np.arange(len(later)) - np.repeat(np.cumsum(count) - count, count)
        earlier = order[step + np.repeat(lo, count)]
        keep = (earlier < later) & (end_ns[earlier] > start_ns[later])
        parts.append((earlier[keep], later[keep]))
    earlier = np.concatenate([part[0] for part in parts])
    later = np.concatenate([part[1] for part in parts])
    order = np.lexsort((earlier, later))
    return Pairs(earlier[order], later[order])


def _cells(place_m: np.ndarray, width_m: float, ring_m: float) -> tuple[np.ndarray, int]:
    """Cell of every place and their number; neighbouring cells hold all places within ``width_m``."""
    low = 0.0 if ring_m else float(place_m.min())
    length = ring_m or float(place_m.max()) - low
    cells = int(length // max(width_m, 1.0))
    if cells < (4 if ring_m else 2):
        return np.zeros(len(place_m), np.int64), 1
    cell = ((place_m - low) // (length / cells)).astype(np.int64)
    return np.clip(cell, 0, cells - 1), cells


def common(
    pairs: Pairs, lo: np.ndarray, size: np.ndarray, around: int, skip: np.ndarray | None = None
) -> Common:
    """Where the runs of both of each pair meet; ``around`` is the number of ranks on a ring, 0 on an open road.

    ``skip`` shifts the steps that are returned: those of a run's part that begins ``skip`` steps after the whole.
    """
    parts = []
    lo_a, lo_b = lo[pairs.earlier], lo[pairs.later]
    hi_a, hi_b = lo_a + size[pairs.earlier], lo_b + size[pairs.later]
    for shift in ((0, -around, around) if around else (0,)):
        first = np.maximum(lo_a + shift, lo_b)
        count = np.minimum(hi_a + shift, hi_b) - first
        some = np.flatnonzero(count > 0)
        parts.append((some, (first - lo_a - shift)[some], (first - lo_b)[some], count[some]))
    if len(parts) == 1:
        pair, at_a, at_b, count = parts[0]
    else:
        pair, at_a, at_b, count = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(pair, kind="stable")
        pair, at_a, at_b, count = pair[order], at_a[order], at_b[order], count[order]
    if skip is not None:
        at_a, at_b = at_a + skip[pairs.earlier[pair]], at_b + skip[pairs.later[pair]]
    return Common(pair, at_a, at_b, count)
