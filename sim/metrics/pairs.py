"""Which pairs of stations are near each other, kept up to date at little cost while they move."""

from __future__ import annotations

import numpy as np

MARGIN_M = 100.0
"""Pairs up to this much farther than the reach are listed when the list is made."""
DRIFT_M = 30.0
"""The list is made anew once some station has moved this far, so that it always holds every pair up to
``MARGIN_M - 2 * DRIFT_M`` beyond the reach: a pair that comes near has been watched for a while."""
_AWAY = -(2**30)
"""Rank of a station that is not in the list: no stretch begins so far down."""


class PairWindow:
    """Every ordered pair (sender, receiver) whose distance may be within ``reach_m``, as rows of a flat
    table.

    Stations are ranked along the longer side of their bounding box; the receivers of a sender are then one
    stretch of ranks (on a road closed to a ring of ``ring_m`` along x it may run across the seam), and the row of a
    pair is ``start[sender] + rank[receiver] - first[sender]``: no search, no sorting of pairs. The ranking is renewed
    only when some station has moved by ``DRIFT_M``, or when stations came or went.
    """

    def __init__(self, reach_m: float) -> None:
        self.reach_m = reach_m
        self.size = 0
        self.slots = np.empty(0, np.int64)
        self.ranked = np.empty(0, np.int64)
        """Slots by rank."""
        self.width = np.empty(0, np.int64)
        """Rows of each sender, by rank; they follow one another."""
        self.receiver_rank = np.empty(0, np.int64)
        """Rank of the receiver, one per row."""
        self.own_rows = np.empty(0, np.int64)
        """Rows that pair a station with itself."""
        self._rank = np.empty(0, np.int32)
        self._first = np.empty(0, np.int32)
        self._width = np.empty(0, np.uint32)
        self._start = np.empty(0, np.int32)
        self._x_m, self._y_m = np.empty(0), np.empty(0)
        self._ring = 0

    @property
    def sender(self) -> np.ndarray:
        """Slot of the sender, one per row."""
        return np.repeat(self.ranked, self.width)

    @property
    def receiver(self) -> np.ndarray:
        """Slot of the receiver, one per row."""
        return self.ranked[self.receiver_rank]

    def is_stale(self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray) -> bool:
        """Whether the list of rows must be renewed for stations at these places."""
        if len(slots) != len(self.slots) or not np.array_equal(slots, self.slots):
            return True
        moved_m2 = (x_m - self._x_m) ** 2 + (y_m - self._y_m) ** 2
        return bool(len(slots)) and float(moved_m2.max()) > DRIFT_M**2

    def renew(
        self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray, slot_count: int, ring_m: float = 0.0
    ) -> np.ndarray:
        """Rank anew; returns, for each new row, the old row of the same pair of slots, or -1."""
        along_m = x_m % ring_m if ring_m else x_m if np.ptp(x_m) >= np.ptp(y_m) else y_m
        order = np.argsort(along_m, kind="stable")
        ranked, place_m, count = slots[order], along_m[order], len(slots)
        window_m = self.reach_m + MARGIN_M
        around_m = np.concatenate([place_m - ring_m, place_m, place_m + ring_m]) if ring_m else place_m
        low = np.searchsorted(around_m, place_m - window_m, "left")
        width = np.minimum(np.searchsorted(around_m, place_m + window_m, "right") - low, count)
        low = low % max(count, 1)
        ends = np.cumsum(width)
        start = ends - width
        size = int(ends[-1]) if count else 0
        receiver_rank = np.arange(size)
        receiver_rank -= np.repeat(start - low, width)
        if ring_m:
            receiver_rank[receiver_rank >= count] -= count
        old = PairWindow(self.reach_m)
        old.__dict__.update(self.__dict__)
        self.slots, self._x_m, self._y_m, self.size = slots.copy(), x_m.copy(), y_m.copy(), size
        self.ranked, self.width, self.receiver_rank = ranked, width, receiver_rank
        self._ring = count if ring_m else 0
        self._rank = np.full(slot_count, _AWAY, np.int32)
        self._first, self._start = np.zeros(slot_count, np.int32), np.zeros(slot_count, np.int32)
        self._width = np.zeros(slot_count, np.uint32)
        self._rank[ranked] = np.arange(count)
        self._first[ranked], self._width[ranked], self._start[ranked] = low, width, start
        step = np.arange(count) - low
        self.own_rows = start + (step + count * (step < 0) if ring_m else step)
        return old._rows_of_ranks(ranked, width, receiver_rank)

    def distance_m2(self, x_m: np.ndarray, y_m: np.ndarray, ring_m: float) -> np.ndarray:
        """Squared distance of every pair from places by slot, in plan view; infinite to oneself."""
        out = None
        for place_m, ring in ((x_m[self.ranked], ring_m), (y_m[self.ranked], 0.0)):
            across_m = np.repeat(place_m, self.width)
            across_m -= place_m.take(self.receiver_rank)
            if ring:
                across_m -= ring * np.rint(across_m / ring)
            across_m *= across_m
            out = across_m if out is None else np.add(out, across_m, out=out)
        assert out is not None
        out[self.own_rows] = np.inf
        return out

    def _rows_of_ranks(self, ranked: np.ndarray, width: np.ndarray, receiver_rank: np.ndarray) -> np.ndarray:
        """Rows of pairs given as stretches: ``width`` pairs of each station of ``ranked``, with these others."""
        if not self.size:
            return np.full(len(receiver_rank), -1, np.int64)
        tables = [np.repeat(values, width) for values in self._of_senders(ranked)]
        rank = self._ranks(ranked)[receiver_rank]
        row, inside = self._rows(rank, *tables)
        return np.where(inside, row, -1)

    def row_of(self, sender: np.ndarray, receiver: np.ndarray) -> np.ndarray:
        """Row of each pair of slots, -1 for a pair that is not watched."""
        row, inside = self.rows_of_links(sender, np.arange(len(sender)), receiver)
        return np.where(inside, row, -1)

    def rows_of_links(
        self, sender: np.ndarray, row: np.ndarray, receiver: np.ndarray, without: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(rows of pairs, whether they are watched) of links: ``row`` points from a link into ``sender``, of which
        those in ``without`` (a mask) are taken to watch nobody."""
        if not self.size:
            return np.zeros(len(row), np.int32), np.zeros(len(row), bool)
        first, width, start = self._of_senders(sender)
        if without is not None:
            width = np.where(without, np.uint32(0), width)
        return self._rows(self._ranks(receiver), first.take(row), width.take(row), start.take(row))

    def _of_senders(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        known = slots < len(self._rank)
        if not known.all():
            at = np.where(known, slots, 0)
            return self._first[at], np.where(known, self._width[at], 0).astype(np.uint32), self._start[at]
        return self._first[slots], self._width[slots], self._start[slots]

    def _ranks(self, slots: np.ndarray) -> np.ndarray:
        if len(slots) and int(slots.max()) >= len(self._rank):
            return np.where(slots < len(self._rank), self._rank.take(slots, mode="clip"), np.int32(_AWAY))
        return self._rank.take(slots)

    def _rows(
        self, rank: np.ndarray, first: np.ndarray, width: np.ndarray, start: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        step = rank - first
        if self._ring:
            step[step < 0] += self._ring
        inside = step.view(np.uint32) < width
        step += start
        return step, inside
