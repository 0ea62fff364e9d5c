"""Who is ahead of whom: all lanes of all roads in one sorted key."""

from __future__ import annotations

import numpy as np

LANE_STRIDE_M = 1.0e6
_OFFSET_M = 5_000.0


class LaneOrder:
    """Vehicles (and stand-ins of vehicles in lanes they also occupy) sorted by lane and arc length.

    row : [entry] which vehicle an entry stands for.  lane : [entry] lane number counted through all roads.
    s_m : [entry] arc length of the vehicle's centre in that lane.  On a ring, lanes close after ``ring_m``.
    """

    def __init__(self, row: np.ndarray, lane: np.ndarray, s_m: np.ndarray, ring_m: float | None) -> None:
        key = self._key(lane, s_m)
        order = np.argsort(key, kind="stable")
        self._sorted_key = key[order]
        self._row, self._lane, self._s = row[order], lane[order], s_m[order]
        self._ring_m = ring_m

    @staticmethod
    def _key(lane: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        return lane * LANE_STRIDE_M + s_m + _OFFSET_M

    def ahead(self, lane: np.ndarray, s_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, s_m) of the next entry strictly ahead in a lane; row -1 and s infinite if there is none."""
        position = self._sorted_key.searchsorted(self._key(lane, s_m), side="right")
        return self._pick(position, lane, 1.0)

    def behind(self, lane: np.ndarray, s_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(row, s_m) of the next entry strictly behind in a lane; row -1 and s minus infinite if there is none."""
        position = self._sorted_key.searchsorted(self._key(lane, s_m), side="left") - 1
        return self._pick(position, lane, -1.0)

    def _pick(self, position: np.ndarray, lane: np.ndarray, sign: float) -> tuple[np.ndarray, np.ndarray]:
        count = len(self._row)
        if count == 0:
            return np.full(lane.shape, -1), np.full(lane.shape, sign * np.inf)
        inside = np.minimum(np.maximum(position, 0), count - 1)
        valid = (position == inside) & (self._lane[inside] == lane)
        row, s = np.where(valid, self._row[inside], -1), np.where(valid, self._s[inside], sign * np.inf)
        if self._ring_m is not None and not valid.all():
            self._wrap(row, s, (~valid).nonzero()[0], lane, sign)
        return row, s

    def _wrap(self, row: np.ndarray, s: np.ndarray, open_: np.ndarray, lane: np.ndarray, sign: float) -> None:
        assert self._ring_m is not None
        edge = self._key(lane[open_], np.full(len(open_), -_OFFSET_M if sign > 0 else LANE_STRIDE_M / 2))
        position = self._sorted_key.searchsorted(edge, side="left") - (0 if sign > 0 else 1)
        inside = np.clip(position, 0, len(self._row) - 1)
        valid = (position == inside) & (self._lane[inside] == lane[open_])
        row[open_[valid]] = self._row[inside[valid]]
        s[open_[valid]] = self._s[inside[valid]] + sign * self._ring_m
