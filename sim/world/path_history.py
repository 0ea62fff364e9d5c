"""Where vehicles have been, and the few points that say so (concise path history).

Source: GB/T 45315-2025 chapter 7 (path history of 200 to 400 m, at most 15 points, chord error below 1 m).
The selection is a cone test: from an anchor outwards the directions are kept whose chord passes every sample
within the tolerance (H. Imai and M. Iri, Computer Vision, Graphics, and Image Processing 36 (1986) 31), over
all vehicles at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_POINTS = 15
SHORTEST_SPAN_M = 200.0
LONGEST_SPAN_M = 400.0
CHORD_TOLERANCE_M = 0.6
"""Below the standard's 1 m: the samples themselves cut corners between each other by up to 0.3 m."""
SPACING_M = 4.0
"""Least way between two stored samples."""


@dataclass(frozen=True, eq=False)
class PathPoints:
    """Points behind each vehicle, newest first; rows past ``count`` are NaN."""

    count: np.ndarray
    """[vehicles] points per vehicle, 0..15."""
    dx_m: np.ndarray
    """[vehicles, 15] past minus present position, east."""
    dy_m: np.ndarray
    """[vehicles, 15] north."""
    age_s: np.ndarray
    """[vehicles, 15] seconds since the vehicle was there."""

    def compressed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(count per vehicle, dx_m, dy_m, age_s) with the points of all vehicles one after another."""
        used = np.arange(MOST_POINTS) < self.count[:, None]
        return self.count, self.dx_m[used], self.dy_m[used], self.age_s[used]


class PathHistory:
    """Ring of past positions per vehicle slot, thinned to one sample per 4 m of way.

    Memory holds at least 256 m of way per slot; a vehicle that reports rarely (33 m/s every 500 ms: 16 m
    apart) holds more, and the span is cut at 200 m all the same.
    """

    def __init__(self, capacity: int, samples: int = 64) -> None:
        self._samples = samples
        self._x_m = np.zeros((samples, capacity))
        self._y_m = np.zeros((samples, capacity))
        self._time_ns = np.zeros((samples, capacity), np.int64)
        self._next = np.zeros(capacity, np.int64)
        self._stored = np.zeros(capacity, np.int64)

    def grow(self, capacity: int) -> None:
        """Make room for more slots; existing ones keep their history."""
        extra = capacity - len(self._next)
        if extra <= 0:
            return
        for name in ("_x_m", "_y_m", "_time_ns"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((self._samples, extra), old.dtype)], axis=1))
        self._next = np.concatenate([self._next, np.zeros(extra, np.int64)])
        self._stored = np.concatenate([self._stored, np.zeros(extra, np.int64)])

    def record(self, slots: np.ndarray, time_ns: int, x_m: np.ndarray, y_m: np.ndarray) -> None:
        """Store the positions of ``slots`` at ``time_ns``; a vehicle less than 4 m from its last sample
        stores none.
        """
        last = (self._next[slots] - 1) % self._samples
        moved_m = np.hypot(x_m - self._x_m[last, slots], y_m - self._y_m[last, slots])
        keep = (self._stored[slots] == 0) | (moved_m >= SPACING_M)
        chosen = slots[keep]
        row = self._next[chosen]
        self._x_m[row, chosen] = x_m[keep]
        self._y_m[row, chosen] = y_m[keep]
        self._time_ns[row, chosen] = time_ns
        self._next[chosen] = (row + 1) % self._samples
        self._stored[chosen] = np.minimum(self._stored[chosen] + 1, self._samples)

    def forget(self, slots: np.ndarray) -> None:
        """Another vehicle takes these slots."""
        self._next[slots] = 0
        self._stored[slots] = 0

    def points(
        self, slots: np.ndarray, time_ns: int | np.ndarray, x_m: np.ndarray, y_m: np.ndarray
    ) -> PathPoints:
        """Concise points behind vehicles at (``x_m``, ``y_m``); ``time_ns`` is one for all, or one each.

        They reach back to the first stored sample at least 200 m of way behind (or to the oldest there is)
        and never more than 400 m; where 15 points do not reach that far the newest 15 are given. Every stored
        sample on the way lies within 0.6 m of the polyline through the vehicle and its points
        (0.85 m where it turned back).
        """
        offset_x_m, offset_y_m, stored_ns, valid = self._backwards(slots, x_m, y_m)
        chosen = _cone_selection(offset_x_m, offset_y_m, valid)
        order = np.cumsum(chosen, axis=0) - 1
        chosen &= order < MOST_POINTS
        count = np.minimum(order[-1] + 1, MOST_POINTS) if len(order) else np.zeros(len(slots), np.int64)
        dx_m, dy_m, age_s = (np.full((len(slots), MOST_POINTS), np.nan) for _ in range(3))
        sample, vehicle = np.nonzero(chosen)
        place = order[sample, vehicle]
        dx_m[vehicle, place] = offset_x_m[sample, vehicle]
        dy_m[vehicle, place] = offset_y_m[sample, vehicle]
        age_s[vehicle, place] = (
            np.broadcast_to(time_ns, len(slots))[vehicle] - stored_ns[sample, vehicle]
        ) * 1e-9
        return PathPoints(count, dx_m, dy_m, age_s)

    def _backwards(
        self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(samples, vehicles), newest first: offsets from the present position, times, and which belong to
        the span.
        """
        stored = self._stored[slots]
        depth = int(stored.max(initial=0))
        back = np.arange(depth)[:, None]
        row = (self._next[slots] - 1 - back) % self._samples
        offset_x_m, offset_y_m = self._x_m[row, slots] - x_m, self._y_m[row, slots] - y_m
        step_m = np.hypot(np.diff(offset_x_m, axis=0, prepend=0.0), np.diff(offset_y_m, axis=0, prepend=0.0))
        way_m = np.cumsum(step_m, axis=0)
        before_m = way_m - step_m
        valid = (back < stored) & (before_m < SHORTEST_SPAN_M) & (way_m <= LONGEST_SPAN_M) & (way_m > 0.01)
        used = int(valid.any(axis=1).sum()) + 1
        return offset_x_m[:used], offset_y_m[:used], self._time_ns[row[:used], slots], valid[:used]


def _cone_selection(x_m: np.ndarray, y_m: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Which samples (rows, newest first; one column per vehicle) become points of the polyline from the
    origin, the first 15 of each.

    Each pass finds one point per vehicle: away from the anchor the cone of admissible directions shrinks
    with every sample, and the sample before the first one that lies outside it, or comes back towards the
    anchor, is the point and the next anchor.
    """
    depth, vehicles = x_m.shape
    chosen = np.zeros((depth, vehicles), bool)
    last = np.where(valid, np.arange(depth)[:, None], -1).max(axis=0, initial=-1)
    open_ = np.nonzero(last >= 0)[0]
    anchor = np.full(len(open_), -1)
    anchor_x_m, anchor_y_m = np.zeros(len(open_)), np.zeros(len(open_))
    for _ in range(MOST_POINTS):
        if not len(open_):
            break
        first = int(anchor.min()) + 1
        after = valid[first:, open_] & (np.arange(first, depth)[:, None] > anchor)
        end = _chord_end(x_m[first:, open_] - anchor_x_m, y_m[first:, open_] - anchor_y_m, after)
        point = np.where(end >= 0, end + first, last[open_])
        chosen[point, open_] = True
        more = end >= 0
        open_, anchor = open_[more], point[more]
        anchor_x_m, anchor_y_m = x_m[anchor, open_], y_m[anchor, open_]
    return chosen


def _chord_end(dx_m: np.ndarray, dy_m: np.ndarray, after: np.ndarray) -> np.ndarray:
    """[vehicles] last row a chord from the anchor may reach, -1 = all of them.

    ``dx_m``, ``dy_m`` are offsets from the anchor, ``after`` says which rows lie behind it.
    """
    distance_m = np.hypot(dx_m, dy_m)
    direction = np.arctan2(dy_m, dx_m)
    far = after & (distance_m > CHORD_TOLERANCE_M)
    every = np.arange(dx_m.shape[1])
    turn = _wrapped(direction - direction[far.argmax(axis=0), every])
    width = np.arcsin(CHORD_TOLERANCE_M / np.maximum(distance_m, CHORD_TOLERANCE_M))
    low = np.maximum.accumulate(np.where(far, turn - width, -np.inf), axis=0)[:-1]
    high = np.minimum.accumulate(np.where(far, turn + width, np.inf), axis=0)[:-1]
    farthest_m = np.maximum.accumulate(np.where(after, distance_m, 0.0), axis=0)[:-1]
    outside = (turn[1:] < low) | (turn[1:] > high) | (distance_m[1:] < farthest_m - CHORD_TOLERANCE_M)
    outside &= after[1:]
    return (
        np.where(outside.any(axis=0), outside.argmax(axis=0), -1) if len(outside) else np.full(len(every), -1)
    )


def _wrapped(angle: np.ndarray) -> np.ndarray:
    return (angle + np.pi) % (2.0 * np.pi) - np.pi
