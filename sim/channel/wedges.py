"""Which links may pass which obstacles: obstacles as intervals of bearing and distance, seen by every transmitter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.channel.ends import Ends
from sim.channel.rays import Rays

MARGIN_RAD = 1e-5
"""Widens every interval, so that rounding of bearings loses nothing; the exact test follows."""
_TURN = 2 * np.pi
_ROW = 16.0
"""Distance of one row's bearings from the next row's; more than two turns."""
_TRIPLES_AT_ONCE = 400_000
_INNER_RAD = 3e-5
_DISTANCE_MARGIN_M = np.float32(0.02)
_HEIGHT_MARGIN_M = 0.01
"""Several times the rounding of float32 bearings, of distances to 20 km and of heights at their ends."""


def wedge(corner_x_m: np.ndarray, corner_y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest bearing (rad, mathematical sense, least in -2 pi .. pi) of obstacles seen from the origin.

    Corners are [corners, rows, obstacles]. An obstacle around the origin itself gets the whole turn.
    """
    middle = np.arctan2(corner_y_m.mean(axis=0), corner_x_m.mean(axis=0))
    cos, sin = np.cos(middle), np.sin(middle)
    off = np.arctan2(corner_y_m * cos - corner_x_m * sin, corner_x_m * cos + corner_y_m * sin)
    low, high = off.min(axis=0), off.max(axis=0)
    around = high - low > 0.999 * np.pi
    low, high = np.where(around, -np.pi, low), np.where(around, np.pi, high)
    return middle + low - MARGIN_RAD, middle + high + MARGIN_RAD


def within(
    dx_m: np.ndarray, dy_m: np.ndarray, low_rad: np.ndarray, high_rad: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(row, receiver, obstacle) of receivers inside obstacles' intervals, in pieces of bounded size.

    Offsets [n, m] lead from row i to receiver j; intervals [n, k] are those of :func:`wedge`. No triple comes twice.
    The cost is that of sorting n x m bearings and of the triples found, not n x m x k.
    """
    rows, columns = dx_m.shape
    bearing = np.arctan2(dy_m, dx_m)
    order = np.argsort(bearing, axis=1)
    shift = _ROW * np.arange(rows)[:, None]
    keys = (np.take_along_axis(bearing, order, axis=1) + shift).ravel()
    for low, high in _unwrapped(low_rad, high_rad):
        first = np.searchsorted(keys, (low + shift).ravel())
        count = np.maximum(np.searchsorted(keys, (high + shift).ravel(), side="right") - first, 0)
        for part in _pieces(count):
            number = count[part]
            which = np.repeat(np.arange(part.start, part.stop), number)
            step = np.arange(len(which)) - np.repeat(np.cumsum(number) - number, number)
            row, obstacle = np.divmod(which, low_rad.shape[1])
            receiver = order.ravel()[np.repeat(first[part], number) + step]
            yield row, receiver, obstacle


def _unwrapped(low: np.ndarray, high: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The part of each interval within -pi .. pi, then what reaches over either end; empty ones have high < low."""
    yield np.maximum(low, -np.pi), np.minimum(high, np.pi)
    for over, turn in ((high > np.pi, -_TURN), (low < -np.pi, _TURN)):
        if over.any():
            one, other = low + turn, high + turn
            if turn < 0:
                clear = np.minimum(other, low)
                yield np.where(over, -np.pi, 1.0), np.where(over, np.nextafter(clear, -np.inf), 0.0)
            else:
                clear = np.maximum(one, high)
                yield np.where(over, np.nextafter(clear, np.inf), 1.0), np.where(over, np.pi, 0.0)


def _pieces(count: np.ndarray) -> Iterator[slice]:
    """Runs of entries with about ``_TRIPLES_AT_ONCE`` triples."""
    ends = np.cumsum(count)
    if not len(ends) or not ends[-1]:
        return
    cuts = np.searchsorted(ends, np.arange(_TRIPLES_AT_ONCE, int(ends[-1]), _TRIPLES_AT_ONCE))
    edges = np.unique(np.concatenate([[0], cuts, [len(count)]]))
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield slice(start, stop)


@dataclass(frozen=True)
class View:
    """One obstacle as every transmitter sees it, float32 [n, 1]: bearings and horizontal distances."""

    low: np.ndarray
    high: np.ndarray
    inner_low: np.ndarray
    inner_high: np.ndarray
    near_m: np.ndarray
    far_m: np.ndarray
    over_high: bool
    """Some interval reaches over the end of the turn; likewise the next."""
    over_low: bool

    def of(self, rows: slice) -> View:
        """As some of the transmitters see it."""
        return View(
            self.low[rows], self.high[rows], self.inner_low[rows], self.inner_high[rows], self.near_m[rows],
            self.far_m[rows], self.over_high, self.over_low,
        )


@dataclass(frozen=True)
class Views:
    """Obstacles as transmitters see them, [n, k]: at most from ``low`` to ``high``, at least from ``inner_low`` to
    ``inner_high``. Bearings count from the left of ``axis``, so that few obstacles lie across the ends of the turn."""

    low: np.ndarray
    high: np.ndarray
    inner_low: np.ndarray
    inner_high: np.ndarray
    near_m: np.ndarray
    far_m: np.ndarray

    @classmethod
    def of(cls, corner_x_m: np.ndarray, corner_y_m: np.ndarray, axis: tuple[float, float]) -> Views:
        """From offsets of the corners, [corners, n, k], of convex obstacles."""
        along = corner_x_m * axis[0] + corner_y_m * axis[1]
        left = corner_y_m * axis[0] - corner_x_m * axis[1]
        low, high = wedge(left, along)
        inner_low, inner_high = low + _INNER_RAD, high - _INNER_RAD
        wide = high - low > 3.0
        none = wide | (inner_low >= inner_high)
        inner_low, inner_high = np.where(none, np.inf, inner_low), np.where(none, -np.inf, inner_high)
        middle_x, middle_y = corner_x_m.mean(axis=0), corner_y_m.mean(axis=0)
        radius = np.hypot(corner_x_m - middle_x, corner_y_m - middle_y).max(axis=0)
        near = np.maximum(np.hypot(middle_x, middle_y) - radius, 0.0)
        far = np.hypot(corner_x_m, corner_y_m).max(axis=0)
        return cls(low, high, inner_low, inner_high, near, far)

    def hide(self, hidden: np.ndarray) -> Views:
        """The same without the obstacles that are marked, [n, k]."""
        low, inner_low = (np.where(hidden, np.inf, part) for part in (self.low, self.inner_low))
        high, inner_high = (np.where(hidden, -np.inf, part) for part in (self.high, self.inner_high))
        return Views(low, high, inner_low, inner_high, self.near_m, self.far_m)

    def single(self) -> list[View]:
        """One view per obstacle."""
        parts = (self.low, self.high, self.inner_low, self.inner_high, self.near_m, self.far_m)
        columns = np.ascontiguousarray(np.stack(parts).astype(np.float32).transpose(0, 2, 1))[..., None]
        over_high = [bool(np.any(column > np.pi)) for column in self.high.T]
        over_low = [bool(np.any(column < -np.pi)) for column in self.low.T]
        return [
            View(one[0], one[1], one[2], one[3], one[4], one[5], high, low)
            for one, high, low in zip(columns.swapaxes(0, 1), over_high, over_low, strict=True)
        ]


class Links:
    """Bearing, distance and rise of all links of a block, float32 [n, m]."""

    def __init__(self, tx: Ends, rx: Ends, rays: Rays, axis: tuple[float, float]) -> None:
        dx, dy = rays.dx_m.astype(np.float32), rays.dy_m.astype(np.float32)
        cos, sin = np.float32(axis[0]), np.float32(axis[1])
        self.bearing = np.arctan2(dx * cos + dy * sin, dy * cos - dx * sin)
        self.distance_m = rays.distance_m.astype(np.float32)
        self._start_m = tx.height_m.astype(np.float32)[:, None]
        end_m = rx.height_m.astype(np.float32)[None, :]
        self.highest_m = max(float(self._start_m.max(initial=0.0)), float(end_m.max(initial=0.0)))
        self._slope = (end_m - self._start_m) / np.maximum(self.distance_m, np.float32(0.01))

    def shadow(self, view: View, top_m: float, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """(surely, perhaps) in the shadow of an obstacle with its top at ``top_m``, never both; bool."""
        bearing, distance = self.bearing[rows, columns], self.distance_m[rows, columns]
        view = view.of(rows)
        sure = _inside(bearing, view.inner_low, view.inner_high, view)
        sure &= distance > view.far_m + _DISTANCE_MARGIN_M
        maybe = _inside(bearing, view.low, view.high, view)
        maybe &= distance > view.near_m - _DISTANCE_MARGIN_M
        if self.highest_m > top_m - _HEIGHT_MARGIN_M:
            slope, start = self._slope[rows, columns], self._start_m[rows]
            one, other = (start + slope * part for part in (view.near_m, view.far_m))
            sure &= np.maximum(one, other) < np.float32(top_m - _HEIGHT_MARGIN_M)
            maybe &= np.minimum(one, other) < np.float32(top_m + _HEIGHT_MARGIN_M)
        maybe &= ~sure
        return sure, maybe


def _inside(bearing: np.ndarray, low: np.ndarray, high: np.ndarray, view: View) -> np.ndarray:
    inside = bearing >= low
    inside &= bearing <= high
    if view.over_high:
        inside |= bearing <= high - np.float32(_TURN)
    if view.over_low:
        inside |= bearing >= low + np.float32(_TURN)
    return inside
