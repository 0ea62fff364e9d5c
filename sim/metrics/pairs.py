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
    stretch of ranks, and the row of a pair is ``start[sender] + rank[receiver] - first[sender]``: no search,
    no sorting of pairs. The ranking is renewed only when some station has moved by ``DRIFT_M``, or when
    stations came or went.
    """

    def __init__(self, reach_m: float) -> None:
        self.reach_m = reach_m
        self.size = 0
        self.slots = np.empty(0, np.int64)
        self._rank = np.empty(0, np.int64)
        self._first = np.empty(0, np.int64)
        self._last = np.empty(0, np.int64)
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

    def renew(self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray, slot_count: int) -> np.ndarray:
        """Rank anew; returns, for each new row, the old row of the same pair of slots, or -1."""
        along_m = x_m if np.ptp(x_m) >= np.ptp(y_m) else y_m
        order = np.argsort(along_m, kind="stable")
        ranked, place_m = slots[order], along_m[order]
        window_m = self.reach_m + MARGIN_M
        low = np.searchsorted(place_m, place_m - window_m, "left")
        high = np.searchsorted(place_m, place_m + window_m, "right")
        width = high - low
        start = np.concatenate([[0], np.cumsum(width)])
        sender_rank = np.repeat(np.arange(len(slots)), width)
        receiver_rank = np.arange(start[-1]) - np.repeat(start[:-1] - low, width)
        old = PairWindow(self.reach_m)
        old.__dict__.update(self.__dict__)
        self.slots, self._x_m, self._y_m, self.size = slots.copy(), x_m.copy(), y_m.copy(), int(start[-1])
        self.sender, self.receiver = ranked[sender_rank], ranked[receiver_rank]
        self._rank, self._first = np.full(slot_count, -1, np.int64), np.zeros(slot_count, np.int64)
        self._last, self._start = np.zeros(slot_count, np.int64), np.zeros(slot_count, np.int64)
        self._rank[ranked] = np.arange(len(slots))
        self._first[ranked], self._last[ranked], self._start[ranked] = low, high, start[:-1]
        return old.row_of(self.sender, self.receiver)

    def row_of(self, sender: np.ndarray, receiver: np.ndarray) -> np.ndarray:
        """Row of each pair of slots, -1 for a pair that is not watched."""
        if not self.size:
            return np.full(len(sender), -1, np.int64)
        known = (sender < len(self._rank)) & (receiver < len(self._rank))
        if not known.all():
            sender, receiver = np.where(known, sender, 0), np.where(known, receiver, 0)
        rank, first = self._rank[receiver], self._first[sender]
        inside = known & (rank >= first) & (rank < self._last[sender])
        return np.where(inside, self._start[sender] + rank - first, -1)
