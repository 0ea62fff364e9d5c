"""A line on the plane with rounded corners, walked by arc length, with offsets to its left."""

from __future__ import annotations

import numpy as np

CORNER_DEVIATION_M = 5.0
"""A corner is rounded so that the line passes its vertex at this distance (assumption)."""
LEAST_RADIUS_M = 30.0
"""No corner is rounded more tightly than this where its neighbours leave room (assumption)."""
SAGITTA_M = 0.005
"""Arcs are sampled so finely that a chord leaves its arc by no more than this."""


class Polyline:
    """Vertices with headings; position, heading and offset are interpolated by arc length ``s``.

    x_m, y_m : [vertex] plane coordinates.  heading_deg : [vertex] direction of travel, clockwise from north,
    unwrapped (no jumps of 360).  mark : [vertex] any growing label carried along (chainage), default ``s``.
    Beyond its ends the line goes on straight.
    """

    def __init__(
        self, x_m: np.ndarray, y_m: np.ndarray, heading_deg: np.ndarray, mark: np.ndarray | None = None
    ) -> None:
        self.x_m, self.y_m = np.asarray(x_m, float), np.asarray(y_m, float)
        self.heading_deg = np.degrees(np.unwrap(np.radians(np.asarray(heading_deg, float))))
        steps = np.hypot(np.diff(self.x_m), np.diff(self.y_m))
        self.s_m = np.concatenate([[0.0], np.cumsum(steps)])
        self.mark = self.s_m if mark is None else np.asarray(mark, float)
        turn = np.radians(self.heading_deg)
        self.left_x, self.left_y = -np.cos(turn), np.sin(turn)

    @property
    def length_m(self) -> float:
        """Arc length."""
        return float(self.s_m[-1])

    def s_of_mark(self, mark: np.ndarray | float) -> np.ndarray:
        """Arc length of a label (label must grow along the line)."""
        return np.interp(mark, self.mark, self.s_m)

    def mark_of_s(self, s_m: np.ndarray | float) -> np.ndarray:
        """Label at an arc length, continued beyond the ends."""
        s = np.asarray(s_m, float)
        inside = np.interp(s, self.s_m, self.mark)
        sign = 1.0 if self.mark[-1] >= self.mark[0] else -1.0
        return inside + sign * (np.minimum(s, 0.0) + np.maximum(s - self.length_m, 0.0))

    def at(self, s_m: np.ndarray | float, left_m: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """(x_m, y_m) at arc length ``s_m``, ``left_m`` metres to the left."""
        s = np.asarray(s_m, float)
        beyond = np.minimum(s, 0.0) + np.maximum(s - self.length_m, 0.0)
        left_x, left_y = np.interp(s, self.s_m, self.left_x), np.interp(s, self.s_m, self.left_y)
        x = np.interp(s, self.s_m, self.x_m) + left_m * left_x + beyond * left_y
        y = np.interp(s, self.s_m, self.y_m) + left_m * left_y - beyond * left_x
        return x, y

    def heading_at(self, s_m: np.ndarray | float) -> np.ndarray:
        """Heading in degrees, 0 <= h < 360."""
        return np.interp(s_m, self.s_m, self.heading_deg) % 360.0

    def offset(self, left_m: float) -> Polyline:
        """The parallel line ``left_m`` to the left, with the same labels."""
        x, y = self.x_m + left_m * self.left_x, self.y_m + left_m * self.left_y
        return Polyline(x, y, self.heading_deg, self.mark)

    def reversed(self) -> Polyline:
        """The same line walked the other way, labels kept (falling)."""
        return Polyline(self.x_m[::-1], self.y_m[::-1], self.heading_deg[::-1] + 180.0, self.mark[::-1])

    def project(self, x_m: np.ndarray | float, y_m: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(s_m, left_m) of the nearest point of the line, for coordinates of any common shape."""
        x, y = np.broadcast_arrays(np.asarray(x_m, float), np.asarray(y_m, float))
        flat_x, flat_y = x.ravel(), y.ravel()
        s, left = np.empty(flat_x.shape), np.empty(flat_x.shape)
        rows = max(1, 2_000_000 // len(self.x_m))
        for first in range(0, len(flat_x), rows):
            part = slice(first, first + rows)
            s[part], left[part] = self._project_rows(flat_x[part], flat_y[part])
        return s.reshape(x.shape), left.reshape(x.shape)

    def _project_rows(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        steps = np.diff(self.s_m)
        ux, uy = np.diff(self.x_m) / steps, np.diff(self.y_m) / steps
        dx, dy = x[:, None] - self.x_m[:-1], y[:, None] - self.y_m[:-1]
        along = np.clip(dx * ux + dy * uy, 0.0, steps)
        across_x, across_y = dx - along * ux, dy - along * uy
        nearest = np.argmin(across_x**2 + across_y**2, axis=1)
        rows = np.arange(len(x))
        along, across_x, across_y = (a[rows, nearest] for a in (along, across_x, across_y))
        side = np.sign(ux[nearest] * across_y - uy[nearest] * across_x)
        return self.s_m[nearest] + along, np.where(side == 0, 1.0, side) * np.hypot(across_x, across_y)


def heading_deg(dx_m: np.ndarray | float, dy_m: np.ndarray | float) -> np.ndarray:
    """Heading of a plane vector, degrees clockwise from north (+y)."""
    return np.degrees(np.arctan2(dx_m, dy_m))


def rounded(x_m: np.ndarray, y_m: np.ndarray) -> Polyline:
    """A line through the points with each inner corner replaced by an arc; its mark is the length along the points.

    The arc passes the corner at ``CORNER_DEVIATION_M`` or is of radius ``LEAST_RADIUS_M`` if that is wider, but takes
    at most 45 % of the shorter neighbouring piece. Source: project choice.
    """
    x, y = np.asarray(x_m, float), np.asarray(y_m, float)
    steps = np.hypot(np.diff(x), np.diff(y))
    marks = np.concatenate([[0.0], np.cumsum(steps)])
    ux, uy = np.diff(x) / steps, np.diff(y) / steps
    heading = np.degrees(np.unwrap(np.arctan2(ux, uy)))
    rows: list[tuple[float, float, float, float]] = [(x[0], y[0], heading[0], 0.0)]
    for i in range(1, len(x) - 1):
        turn = np.radians(heading[i] - heading[i - 1])
        if abs(turn) < 1e-9:
            rows.append((x[i], y[i], heading[i], marks[i]))
            continue
        half = abs(turn) / 2
        radius = max(CORNER_DEVIATION_M / (1 / np.cos(half) - 1), LEAST_RADIUS_M)
        tangent = min(radius * np.tan(half), 0.45 * steps[i - 1], 0.45 * steps[i])
        radius = tangent / np.tan(half)
        count = max(2, int(np.ceil(abs(turn) / (2 * np.arccos(max(1 - SAGITTA_M / radius, 0.0))))) + 1)
        for part in np.linspace(0.0, 1.0, count):
            angle = np.radians(heading[i - 1]) + part * turn
            side = np.sign(turn)
            start_x, start_y = x[i] - tangent * ux[i - 1], y[i] - tangent * uy[i - 1]
            centre_x, centre_y = start_x + side * radius * uy[i - 1], start_y - side * radius * ux[i - 1]
            rows.append(
                (
                    centre_x - side * radius * np.cos(angle),
                    centre_y + side * radius * np.sin(angle),
                    np.degrees(angle),
                    marks[i] - tangent + 2 * tangent * part,
                )
            )
    rows.append((x[-1], y[-1], heading[-1], marks[-1]))
    table = np.array(rows)
    return Polyline(table[:, 0], table[:, 1], table[:, 2], table[:, 3])
