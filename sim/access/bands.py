"""Stations sorted along a line: runs within reach, and the layout of a table of their pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.world.stations import Stations

BLOCK_ROWS = 96
"""Rows of pairs worked out in one go: fewer cost more calls, more leave the processor's cache."""


def along(stations: Stations, slots: np.ndarray, everyone: np.ndarray, ring_m: float) -> np.ndarray:
    """Place in metres of ``slots`` at the middle of the tick on the line that stations are sorted by.

    On a ring the place on it, else the projection on the main axis of ``everyone``; two places never lie further apart
    than the stations.
    """
    x, y = 0.5 * (stations.x0_m + stations.x1_m), 0.5 * (stations.y0_m + stations.y1_m)
    if ring_m:
        return x[slots] % ring_m
    if not len(everyone):
        return x[slots]
    dx, dy = x[everyone] - x[everyone].mean(), y[everyone] - y[everyone].mean()
    angle = 0.5 * np.arctan2(2 * float(dx @ dy), float(dx @ dx - dy @ dy))
    return x[slots] * np.cos(angle) + y[slots] * np.sin(angle)


def run_within(from_m: np.ndarray, to_m: np.ndarray, reach_m: float, ring_m: float) -> tuple[np.ndarray, np.ndarray]:
    """First place and length of the run of sorted ``to_m`` within ``reach_m`` of each ``from_m``; wraps on a ring."""
    n = len(to_m)
    if not n:
        return np.zeros(len(from_m), np.int64), np.zeros(len(from_m), np.int64)
    if not ring_m:
        lo = np.searchsorted(to_m, from_m - reach_m)
        return lo, np.searchsorted(to_m, from_m + reach_m, side="right") - lo
    around = np.concatenate([to_m - ring_m, to_m, to_m + ring_m])
    reach = min(reach_m, ring_m)
    lo = np.searchsorted(around, from_m - reach)
    hi = np.searchsorted(around, from_m + reach, side="right")
    return lo % n, np.minimum(hi - lo, n)


@dataclass
class Band:
    """Pairs of the rows of one population with runs of another, in blocks of rows over a common run of columns.

    ``lo`` and ``end`` bound each row's run; on a ring they may lie outside 0 .. n and mean the station a turn away.
    """

    lo: np.ndarray
    end: np.ndarray
    start: np.ndarray
    """First row of each block, then the number of rows."""
    first: np.ndarray
    """First column of each block."""
    width: np.ndarray
    place: np.ndarray
    """Where each block begins in the table, then where the band ends."""
    base: np.ndarray
    """Place of every row's first pair."""

    @staticmethod
    def of(lo: np.ndarray, end: np.ndarray, place: int) -> Band:
        """Layout of the runs ``lo`` .. ``end`` - 1 from ``place`` on."""
        n = len(lo)
        starts = np.arange(0, n, BLOCK_ROWS)
        first = np.minimum.reduceat(lo, starts)
        width = np.maximum.reduceat(end, starts) - first
        rows = np.diff(np.append(starts, n))
        places = place + np.concatenate([[0], np.cumsum(rows * width)])
        block = np.arange(n) // BLOCK_ROWS
        base = places[block] + (np.arange(n) - starts[block]) * width[block] + lo - first[block]
        return Band(lo, end, np.append(starts, n), first, width, places, base)

    def matrix(self, table: np.ndarray, block: int) -> np.ndarray:
        """The part of the flat ``table`` that holds a block, [rows, columns]."""
        return table[self.place[block]:self.place[block + 1]].reshape(-1, int(self.width[block]))


def mutual(
    a_m: np.ndarray, b_m: np.ndarray | None, reach_m: float, ring_m: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Runs (lo, end) of b around each a and of a around each b, of exactly the same pairs; b none = a itself.

    On a ring counted through, from before the first to behind the last; all, where the reach goes half round.
    """
    to_m = a_m if b_m is None else b_m
    n, m = len(a_m), len(to_m)
    if ring_m and 2 * reach_m >= ring_m:
        return (np.zeros(n, np.int64), np.full(n, m)), (np.zeros(m, np.int64), np.full(m, n))
    turns = (-1, 0, 1) if ring_m else (0,)
    around = np.concatenate([to_m + turn * ring_m for turn in turns])
    before = m if ring_m else 0
    end = np.searchsorted(around, a_m + reach_m, side="right") - before
    if b_m is None:
        ends = np.concatenate([end + turn * n for turn in turns])
        lo = np.searchsorted(ends, np.arange(n), side="right") - before
        return (lo, end), (lo, end)
    lo = np.searchsorted(around, a_m - reach_m) - before
    back = n if ring_m else 0
    los, ends = (np.concatenate([edge + turn * m for turn in turns]) for edge in (lo, end))
    of_b = np.searchsorted(ends, np.arange(m), side="right") - back, np.searchsorted(los, np.arange(m), "right") - back
    return (lo, end), of_b
