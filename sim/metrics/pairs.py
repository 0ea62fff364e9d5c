"""Which pairs of stations are near each other, kept up to date at little cost while they move."""

from __future__ import annotations

import numpy as np

MARGIN_M = 100.0
"""Pairs up to this much farther than the reach are listed when the list is made."""
DRIFT_M = 30.0
"""The list is made anew once some station has moved this far, so that it always holds every pair up to
``MARGIN_M - 2 * DRIFT_M`` beyond the reach: a pair that comes near has been watched for a while."""


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
        self._rank = np.empty(0, np.int64)
        self._first = np.empty(0, np.int64)
        self._width = np.empty(0, np.int64)
        self._count = 0
        self._start = np.empty(0, np.int64)
        self._x_m, self._y_m = np.empty(0), np.empty(0)
        self.sender = np.empty(0, np.int64)
        """Slot of the sender, one per row."""
        self.receiver = np.empty(0, np.int64)

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
        ranked, place_m = slots[order], along_m[order]
        window_m = self.reach_m + MARGIN_M
        around_m = np.concatenate([place_m - ring_m, place_m, place_m + ring_m]) if ring_m else place_m
        low = np.searchsorted(around_m, place_m - window_m, "left")
        width = np.minimum(np.searchsorted(around_m, place_m + window_m, "right") - low, len(slots))
        low = low % max(len(slots), 1)
        start = np.concatenate([[0], np.cumsum(width)])
        sender_rank = np.repeat(np.arange(len(slots)), width)
        receiver_rank = (np.arange(start[-1]) - np.repeat(start[:-1] - low, width)) % max(len(slots), 1)
        old = PairWindow(self.reach_m)
        old.__dict__.update(self.__dict__)
        self.slots, self._x_m, self._y_m, self.size = slots.copy(), x_m.copy(), y_m.copy(), int(start[-1])
        self.sender, self.receiver = ranked[sender_rank], ranked[receiver_rank]
        self._rank, self._first = np.full(slot_count, -1, np.int64), np.zeros(slot_count, np.int64)
        self._width, self._start = np.zeros(slot_count, np.int64), np.zeros(slot_count, np.int64)
        self._rank[ranked] = np.arange(len(slots))
        self._first[ranked], self._width[ranked], self._start[ranked] = low, width, start[:-1]
        self._count = len(slots)
        return old.row_of(self.sender, self.receiver)

    def row_of(self, sender: np.ndarray, receiver: np.ndarray) -> np.ndarray:
        """Row of each pair of slots, -1 for a pair that is not watched."""
        if not self.size:
            return np.full(len(sender), -1, np.int64)
        known = (sender < len(self._rank)) & (receiver < len(self._rank))
        if not known.all():
            sender, receiver = np.where(known, sender, 0), np.where(known, receiver, 0)
        rank = self._rank[receiver]
        step = (rank - self._first[sender]) % self._count
        inside = known & (rank >= 0) & (self._rank[sender] >= 0) & (step < self._width[sender])
        return np.where(inside, self._start[sender] + step, -1)
