"""Lines of sight of a block of links, on the open plane or on a ring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.channel.ends import Ends


def wrapped(dx_m: np.ndarray, ring_length_m: float | None) -> np.ndarray:
    """Differences of x to the nearest image on a ring; unchanged on the open plane."""
    return dx_m if not ring_length_m else dx_m - ring_length_m * np.rint(dx_m / ring_length_m)


@dataclass(frozen=True)
class Lines:
    """Chosen lines, each seen from the end that comes first by position, so that both directions are one line."""

    x_m: np.ndarray
    y_m: np.ndarray
    dx_m: np.ndarray
    dy_m: np.ndarray
    height_m: np.ndarray
    rise_m: np.ndarray
    ring_length_m: float | None

    def seen_from_start(self, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in metres of one point per line from its first end; on a ring the image nearest to its middle."""
        half_m = 0.5 * self.dx_m
        x = x_m - self.x_m
        return (wrapped(x - half_m, self.ring_length_m) + half_m if self.ring_length_m else x), y_m - self.y_m

    def height_at(self, part: np.ndarray) -> np.ndarray:
        """Height in metres at a part 0 .. 1 of the way."""
        return self.height_m + part * self.rise_m


class Rays:
    """All lines between two groups of ends: offsets [tx, rx] in metres, float64, made when first asked for."""

    def __init__(self, tx: Ends, rx: Ends, ring_length_m: float | None = None) -> None:
        self.ring_length_m = ring_length_m or None
        self._tx, self._rx = tx, rx

    @property
    def shape(self) -> tuple[int, int]:
        """Number of transmitters and receivers."""
        return len(self._tx), len(self._rx)

    @cached_property
    def dx_m(self) -> np.ndarray:
        """Offsets along x from transmitters to receivers."""
        return wrapped(self._rx.x_m[None, :] - self._tx.x_m[:, None], self.ring_length_m)

    @cached_property
    def dy_m(self) -> np.ndarray:
        """Offsets along y."""
        offset: np.ndarray = self._rx.y_m[None, :] - self._tx.y_m[:, None]
        return offset

    @cached_property
    def distance_m(self) -> np.ndarray:
        """Horizontal distances."""
        return np.hypot(self.dx_m, self.dy_m)

    def offset_of(self, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in metres, [tx, points], of points from every transmitter."""
        dx = wrapped(x_m[None, :] - self._tx.x_m[:, None], self.ring_length_m)
        return dx, y_m[None, :] - self._tx.y_m[:, None]

    @staticmethod
    def lowest_m(tx: Ends, rx: Ends, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Height of the lower end of lines (i, j)."""
        return np.minimum(tx.height_m[i], rx.height_m[j])

    def lines(self, tx: Ends, rx: Ends, i: np.ndarray, j: np.ndarray) -> Lines:
        """Lines (i, j) from the end further left (or, straight above one another, further down)."""
        dx, dy = self.dx_m[i, j], self.dy_m[i, j]
        forward = (dx > 0) | ((dx == 0) & (dy >= 0))
        x = np.where(forward, tx.x_m[i], rx.x_m[j])
        y = np.where(forward, tx.y_m[i], rx.y_m[j])
        sign = np.where(forward, 1.0, -1.0)
        one, other = tx.height_m[i].astype(np.float64), rx.height_m[j].astype(np.float64)
        start = np.where(forward, one, other)
        return Lines(x, y, dx * sign, dy * sign, start, (other - one) * sign, self.ring_length_m)
