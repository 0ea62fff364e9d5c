"""Which links may pass which obstacles: receivers sorted by bearing, obstacles as intervals of bearing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MARGIN_RAD = 1e-5
"""Widens every interval, so that rounding of bearings loses nothing; the exact test follows."""
_TURN = 2 * np.pi
_ROW = 16.0
"""Distance of one row's bearings from the next row's; more than two turns."""
_TRIPLES_AT_ONCE = 400_000


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
