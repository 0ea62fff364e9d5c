"""Vehicles in the way of links: boxes on the road against lines of sight, all of one instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.channel.ends import Ends
from sim.channel.rays import Rays
from sim.channel.wedges import wedge, within


@dataclass(frozen=True)
class Bodies:
    """Vehicles as upright boxes, columns of equal length: centre and size in metres, heading clockwise from north.

    ``slot`` is the slot of the vehicle's station in :class:`sim.world.stations.Stations` (-1 without one): a vehicle
    does not block its own antenna.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    heading_deg: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    height_m: np.ndarray
    slot: np.ndarray

    def __len__(self) -> int:
        return len(self.x_m)

    def take(self, rows: np.ndarray) -> Bodies:
        """Some of the vehicles."""
        return Bodies(*(getattr(self, name)[rows] for name in Bodies.__dataclass_fields__))


_NONE = np.empty(0)
NO_BODIES = Bodies(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.empty(0, np.int64))


class Blockers:
    """Bodies sorted along their main axis, so that a group of links meets only those between its ends."""

    def __init__(self, bodies: Bodies, ring_length_m: float | None = None) -> None:
        self.ring_length_m = ring_length_m
        self._axis = (1.0, 0.0)
        along = bodies.x_m
        if len(bodies) and ring_length_m is None:
            dx, dy = bodies.x_m - bodies.x_m.mean(), bodies.y_m - bodies.y_m.mean()
            angle = 0.5 * np.arctan2(2 * float(dx @ dy), float(dx @ dx - dy @ dy))
            self._axis = (float(np.cos(angle)), float(np.sin(angle)))
            along = bodies.x_m * self._axis[0] + bodies.y_m * self._axis[1]
        order = np.argsort(along, kind="stable")
        self.bodies = bodies.take(order)
        self._along = along[order]
        self._margin_m = float(np.hypot(bodies.length_m, bodies.width_m).max(initial=0.0))
        turn = np.radians(self.bodies.heading_deg)
        self._forward = np.sin(turn), np.cos(turn)

    def __len__(self) -> int:
        return len(self.bodies)

    def between(self, tx: Ends, rx: Ends, rays: Rays) -> tuple[np.ndarray, np.ndarray]:
        """(number, greatest height in m) of vehicles that reach into each line of sight: int32 and float32 [tx, rx].

        A vehicle blocks where its box, seen from above, cuts the line and its top lies above the line there.
        """
        shape = rays.shape
        number = np.zeros(shape, np.int32)
        height = np.zeros(shape, np.float32)
        near = self._near(tx, rx)
        if not len(near):
            return number, height
        bodies = self.bodies
        rx_x, rx_y = rays.offset_of(bodies.x_m[near], bodies.y_m[near])
        forward_x, forward_y = (part[near] for part in self._forward)
        low, high = self._wedges(rx_x, rx_y, near, forward_x, forward_y)
        for i, j, k in within(rays.dx_m, rays.dy_m, low, high):
            keep = rays.distance_m[i, j] + self._margin_m > np.hypot(rx_x[i, k], rx_y[i, k])
            keep &= rays.lowest_m(tx, rx, i, j) < bodies.height_m[near[k]]
            slot = bodies.slot[near[k]]
            keep &= (slot < 0) | ((slot != tx.slot[i]) & (slot != rx.slot[j]))
            i, j, k = i[keep], j[keep], near[k[keep]]
            hit = self._hits(tx, rx, rays, i, j, k)
            pair = i[hit] * shape[1] + j[hit]
            number.ravel()[:] += np.bincount(pair, minlength=number.size).astype(np.int32)
            np.maximum.at(height.ravel(), pair, bodies.height_m[k[hit]].astype(np.float32))
        return number, height

    def _near(self, tx: Ends, rx: Ends) -> np.ndarray:
        """Indices of bodies between the outermost ends along the axis."""
        if not len(self.bodies) or not len(tx) or not len(rx):
            return np.empty(0, np.int64)
        if self.ring_length_m is not None:
            return np.arange(len(self.bodies))
        ends = [end.x_m * self._axis[0] + end.y_m * self._axis[1] for end in (tx, rx)]
        low = min(float(end.min()) for end in ends) - self._margin_m
        high = max(float(end.max()) for end in ends) + self._margin_m
        return np.arange(*np.searchsorted(self._along, (low, high)))

    def _wedges(
        self, x: np.ndarray, y: np.ndarray, near: np.ndarray, forward_x: np.ndarray, forward_y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        half_length, half_width = 0.5 * self.bodies.length_m[near], 0.5 * self.bodies.width_m[near]
        corner_x, corner_y = [], []
        for front, side in ((1, 1), (1, -1), (-1, -1), (-1, 1)):
            ahead, right = front * half_length, side * half_width
            corner_x.append(x + ahead * forward_x + right * forward_y)
            corner_y.append(y + ahead * forward_y - right * forward_x)
        return wedge(np.stack(corner_x), np.stack(corner_y))

    def _hits(
        self, tx: Ends, rx: Ends, rays: Rays, i: np.ndarray, j: np.ndarray, k: np.ndarray
    ) -> np.ndarray:
        """Which (link, body) really meet: slabs of the box in double precision, seen from the link's first end."""
        bodies = self.bodies
        line = rays.lines(tx, rx, i, j)
        x, y = line.seen_from_start(bodies.x_m[k], bodies.y_m[k])
        forward_x, forward_y = (part[k] for part in self._forward)
        entry, leaving = np.zeros(len(k)), np.ones(len(k))
        slabs = ((forward_x, forward_y, bodies.length_m[k]), (forward_y, -forward_x, bodies.width_m[k]))
        for ux, uy, size in slabs:
            place, speed = -(x * ux + y * uy), line.dx_m * ux + line.dy_m * uy
            speed = np.where(np.abs(speed) < 1e-12, 1e-12, speed)
            one, other = (-0.5 * size - place) / speed, (0.5 * size - place) / speed
            entry, leaving = np.maximum(entry, np.minimum(one, other)), np.minimum(leaving, np.maximum(one, other))
        lowest = np.minimum(line.height_at(entry), line.height_at(leaving))
        return (entry < leaving) & (lowest < bodies.height_m[k])
