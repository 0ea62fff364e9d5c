"""Vehicles in the way of links: boxes on the road against lines of sight, all of one instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.channel.ends import Ends
from sim.channel.rays import Rays
from sim.channel.sections import Section, Sections
from sim.channel.wedges import Links, View, Views


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
    """Bodies sorted along their main axis, so that a group of links meets only those between its ends.

    Every body is a wedge of bearings and a pair of distances as each transmitter sees it. Links clearly inside are
    blocked, links clearly outside are not, in single precision; the few in between are worked out exactly, from the
    same end for both directions. A vehicle blocks where its box, seen from above, cuts the line of sight and its top
    lies above the line there.
    """

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

    def between(
        self, tx: Ends, rx: Ends, rays: Rays, within_m: float = np.inf
    ) -> tuple[np.ndarray, np.ndarray]:
        """(number, greatest height in m) of vehicles that reach into each line of sight: int32 and float32 [tx, rx].

        Links longer than ``within_m`` may be left out (0): the caller does not look at them.
        """
        near = self._near(tx, rx)
        if not len(near):
            return np.zeros(rays.shape, np.int32), np.zeros(rays.shape, np.float32)
        near = near[np.argsort(self.bodies.height_m[near], kind="stable")]
        views = self._views(tx, near, *rays.offset_of(self.bodies.x_m[near], self.bodies.y_m[near])).single()
        if self.ring_length_m is not None:
            again, images = self._images(tx, rays, near)
            near, views = np.concatenate([near, again]), views + images
            order = np.argsort(self.bodies.height_m[near], kind="stable")
            near, views = near[order], [views[k] for k in order.tolist()]
        links = Links(tx, rx, rays, self._axis)
        own = _columns_of(rx, self.bodies.slot[near])
        tally = _Tally(rays.shape, len(near))
        unsure: list[tuple[np.ndarray, np.ndarray]] = []
        for k, section in self._sections(tx, rx, near, within_m):
            top_m = float(self.bodies.height_m[near[k]])
            rows, columns = section.rows, section.columns
            sure, maybe = links.shadow(views[k], top_m, rows, columns)
            if columns.start <= own[k] < columns.stop:
                place = own[k] - columns.start
                sure[:, place] = maybe[:, place] = False
            tally.add(sure, top_m, rows, columns)
            some = np.flatnonzero(maybe)
            if len(some):
                row, column = np.divmod(some, columns.stop - columns.start)
                pair = (row + rows.start) * rays.shape[1] + column + columns.start
                unsure.append((pair, np.full(len(some), near[k])))
        number, height = tally.totals()
        if unsure:
            pair, body = (np.concatenate(column) for column in zip(*unsure, strict=True))
            hit = self._hits(tx, rx, rays, *np.divmod(pair, rays.shape[1]), body)
            number += np.bincount(pair[hit], minlength=number.size).astype(np.int32).reshape(rays.shape)
            np.maximum.at(height.ravel(), pair[hit], self.bodies.height_m[body[hit]].astype(np.float32))
        return number, height

    def _near(self, tx: Ends, rx: Ends) -> np.ndarray:
        """Indices of bodies between the outermost ends along the axis that are higher than the lowest end."""
        if not len(self.bodies) or not len(tx) or not len(rx):
            return np.empty(0, np.int64)
        near = np.arange(len(self.bodies))
        if self.ring_length_m is None:
            ends = [end.x_m * self._axis[0] + end.y_m * self._axis[1] for end in (tx, rx)]
            low = min(float(end.min()) for end in ends) - self._margin_m
            high = max(float(end.max()) for end in ends) + self._margin_m
            near = np.arange(*np.searchsorted(self._along, (low, high)))
        lowest_m = min(float(tx.height_m.min()), float(rx.height_m.min()))
        return near[self.bodies.height_m[near] > lowest_m]

    def _sections(self, tx: Ends, rx: Ends, near: np.ndarray, within_m: float) -> Iterator[tuple[int, Section]]:
        """Every body (its place in ``near``) with the links that it can block."""
        if self.ring_length_m is not None:
            yield from ((k, Section(slice(0, len(tx)), slice(0, len(rx)))) for k in range(len(near)))
            return
        row_m, column_m = (end.x_m * self._axis[0] + end.y_m * self._axis[1] for end in (tx, rx))
        sections = Sections(row_m, column_m, self._margin_m, within_m)
        yield from sections.of(self._along[near])

    def _images(self, tx: Ends, rays: Rays, near: np.ndarray) -> tuple[np.ndarray, list[View]]:
        """Bodies half way round the ring once more, as seen the other way round: they reach into both halves."""
        ring_m = self.ring_length_m or 0.0
        x, y = rays.offset_of(self.bodies.x_m[near], self.bodies.y_m[near])
        across = np.abs(x) > 0.5 * ring_m - self._margin_m
        some = np.flatnonzero(across.any(axis=0))
        views = self._views(tx, near[some], (x - np.copysign(ring_m, x))[:, some], y[:, some])
        return near[some], views.hide(~across[:, some]).single()

    def _views(self, tx: Ends, near: np.ndarray, x: np.ndarray, y: np.ndarray) -> Views:
        """Bodies at offsets x and y as every transmitter sees them; its own is nowhere."""
        bodies = self.bodies
        forward_x, forward_y = (part[near] for part in self._forward)
        corner_x, corner_y = [], []
        for front, side in ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5)):
            ahead, right = front * bodies.length_m[near], side * bodies.width_m[near]
            corner_x.append(x + ahead * forward_x + right * forward_y)
            corner_y.append(y + ahead * forward_y - right * forward_x)
        views = Views.of(np.stack(corner_x), np.stack(corner_y), self._axis)
        own = (bodies.slot[near][None, :] == tx.slot[:, None]) & (bodies.slot[near] >= 0)[None, :]
        return views.hide(own) if own.any() else views

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


def _columns_of(rx: Ends, slots: np.ndarray) -> list[int]:
    """Place among the receivers of the vehicle whose body it is, -1 = none of them."""
    places = {int(slot): place for place, slot in enumerate(rx.slot.tolist())}
    return [places.get(slot, -1) if slot >= 0 else -1 for slot in slots.tolist()]


class _Tally:
    """Number of blocking vehicles per link and the height of the highest, entered by ascending height."""

    def __init__(self, shape: tuple[int, int], most: int) -> None:
        self._kind = np.uint8 if most < 256 else np.uint16
        self._number = np.zeros(shape, self._kind)
        self._before = self._number.copy()
        self._height_m = np.zeros(shape, np.float32)
        self._top_m = 0.0

    def add(self, blocked: np.ndarray, top_m: float, rows: slice, columns: slice) -> None:
        """Enter one vehicle's links, bool [rows, columns]."""
        if top_m != self._top_m:
            self._settle()
            self._top_m = top_m
        self._number[rows, columns] += blocked.view(np.uint8)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """(number int32, height in m float32) of all links."""
        self._settle()
        return self._number.astype(np.int32), self._height_m

    def _settle(self) -> None:
        np.copyto(self._height_m, np.float32(self._top_m), where=self._number != self._before)
        self._before = self._number.copy()
