"""Buildings and thin walls in the way of links: outlines on the plane against lines of sight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.channel.ends import Ends
from sim.channel.rays import Rays
from sim.channel.wedges import wedge, within
from sim.frames import Kind

_CELL_M = 200.0
_DIRECTIONS = np.pi * np.arange(8) / 8
_CACHED_PAIRS = 2_000_000
"""Links between stations that never move are looked up again; this bounds how many are kept."""


@dataclass(frozen=True)
class Outline:
    """One building or wall: corners [n, 2] in metres on the plane, height (inf = blocks everything), losses."""

    name: str
    corners_m: np.ndarray
    thin: bool
    height_m: float
    wall_loss_db: float
    inside_loss_per_metre_db: float

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """First and second corner of every wall, [walls, 2], counter-clockwise round an area."""
        corners = self.corners_m
        if self.thin:
            return corners[:-1], corners[1:]
        x, y = corners.T
        if float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) < 0:
            corners = corners[::-1]
        return corners, np.roll(corners, -1, axis=0)


def outline(
    name: str, corners_m: np.ndarray, thin: bool, height_m: float | None, wall_loss_db: float,
    inside_loss_per_metre_db: float,
) -> Outline:
    """An outline from checked corners; ValueError naming the building for too few or meeting corners."""
    corners = np.asarray(corners_m, np.float64)
    if not thin and len(corners) > 1 and np.array_equal(corners[0], corners[-1]):
        corners = corners[:-1]
    if not np.isfinite(corners).all():
        raise ValueError(f"buildings: {name}: corners must be finite numbers")
    least = 2 if thin else 3
    if len(np.unique(corners, axis=0)) < least:
        what = "a wall" if thin else "an area"
        raise ValueError(f"buildings: {name}: {what} needs at least {least} corners that differ")
    height = math.inf if height_m is None else height_m
    return Outline(name, corners, thin, height, wall_loss_db, 0.0 if thin else inside_loss_per_metre_db)


@dataclass(frozen=True)
class Walled:
    """What buildings do to links, [tx, rx]: loss on top of the path loss in dB, and whether any is crossed."""

    loss_db: np.ndarray
    behind: np.ndarray


class Buildings:
    """Walls of all outlines, looked up by cells of the plane."""

    def __init__(self, outlines: Sequence[Outline], ring_length_m: float | None = None) -> None:
        self.outlines = tuple(outlines)
        self.ring_length_m = ring_length_m
        parts = [one.edges() for one in outlines]
        number = [len(first) for first, _ in parts]
        empty = np.empty((0, 2))
        self._first = np.concatenate([empty, *(first for first, _ in parts)])
        self._second = np.concatenate([empty, *(second for _, second in parts)])
        self._owner = np.repeat(np.arange(len(parts)), number)
        self._height_m = np.repeat([one.height_m for one in outlines], number)
        self._thin = np.repeat(np.array([one.thin for one in outlines], bool), number)
        self._wall_db = np.repeat([one.wall_loss_db for one in outlines], number)
        self._inside_db_per_m = np.repeat([one.inside_loss_per_metre_db for one in outlines], number)
        self._supports = _supports(self._first, self._second)
        self._cells: dict[tuple[int, int], list[int]] = {}
        for index in range(len(self._first)):
            for cell in _cells(self._first[index], self._second[index]):
                self._cells.setdefault(cell, []).append(index)
        self._known: dict[bytes, Walled | None] = {}
        self._known_pairs = 0

    def __len__(self) -> int:
        return len(self.outlines)

    def between(self, tx: Ends, rx: Ends, rays: Rays) -> Walled | None:
        """Losses of the links of a block; none where no wall can be between any two of them."""
        fixed = bool(np.all(tx.kind != Kind.VEHICLE) and np.all(tx.kind != Kind.PEDESTRIAN))
        fixed = fixed and bool(np.all(rx.kind != Kind.VEHICLE) and np.all(rx.kind != Kind.PEDESTRIAN))
        if not fixed:
            return self._between(tx, rx, rays)
        columns = (tx.x_m, tx.y_m, tx.height_m, rx.x_m, rx.y_m, rx.height_m)
        name = b"|".join(np.ascontiguousarray(column).tobytes() for column in columns)
        if name not in self._known:
            pairs = len(tx) * len(rx)
            if self._known_pairs + pairs > _CACHED_PAIRS:
                self._known, self._known_pairs = {}, 0
            self._known_pairs += pairs
            self._known[name] = self._between(tx, rx, rays)
        return self._known[name]

    def _between(self, tx: Ends, rx: Ends, rays: Rays) -> Walled | None:
        near = self._near(tx, rx)
        if not len(near):
            return None
        first_x, first_y = rays.offset_of(*self._first[near].T)
        step = self._second[near] - self._first[near]
        second_x, second_y = first_x + step[:, 0], first_y + step[:, 1]
        low, high = wedge(np.stack([first_x, second_x]), np.stack([first_y, second_y]))
        found = [self._crossed(tx, rx, rays, i, j, near[k]) for i, j, k in within(rays.dx_m, rays.dy_m, low, high)]
        if not sum(len(pair) for pair, *_ in found):
            return None
        pair, wall, part, entering, below = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.lexsort((wall, pair))
        return self._losses(pair[order], wall[order], part[order], entering[order], below[order], rays)

    def _near(self, tx: Ends, rx: Ends) -> np.ndarray:
        """Walls that meet the hull of all ends, by cells and then by eight directions; conservative."""
        if not len(self._first) or not len(tx) or not len(rx):
            return np.empty(0, np.int64)
        if self.ring_length_m is not None:
            return np.arange(len(self._first))
        points = np.concatenate([np.stack([end.x_m, end.y_m], axis=1) for end in (tx, rx)])
        west, south = np.floor(points.min(axis=0) / _CELL_M).astype(int).tolist()
        east, north = np.floor(points.max(axis=0) / _CELL_M).astype(int).tolist()
        if (east - west + 1) * (north - south + 1) < len(self._cells):
            cells = ((x, y) for x in range(west, east + 1) for y in range(south, north + 1))
            walls = [self._cells[cell] for cell in cells if cell in self._cells]
        else:
            walls = [at for (x, y), at in self._cells.items() if west <= x <= east and south <= y <= north]
        near = np.unique(np.concatenate([np.empty(0, np.int64), *walls])).astype(np.int64)
        hull_low, hull_high = _supports(points, points)
        low, high = (support[near] for support in self._supports)
        apart = (low > hull_high.max(axis=0) + 1e-6) | (high < hull_low.min(axis=0) - 1e-6)
        return near[~apart.any(axis=1)]

    def _crossed(
        self, tx: Ends, rx: Ends, rays: Rays, i: np.ndarray, j: np.ndarray, wall: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(link, wall, part of the way, entering, below the wall's top) of crossings, in double precision."""
        line = rays.lines(tx, rx, i, j)
        x, y = line.seen_from_start(*self._first[wall].T)
        along_x, along_y = (self._second[wall] - self._first[wall]).T
        turn = line.dx_m * along_y - line.dy_m * along_x
        safe = np.where(turn == 0, 1.0, turn)
        part = (x * along_y - y * along_x) / safe
        place = (x * line.dy_m - y * line.dx_m) / safe
        hit = (turn != 0) & (part > 0) & (part < 1) & (place >= 0) & (place < 1)
        pair = i[hit] * rays.shape[1] + j[hit]
        below = line.height_at(part)[hit] < self._height_m[wall[hit]]
        return pair, wall[hit], part[hit], turn[hit] < 0, below

    def _losses(
        self, pair: np.ndarray, wall: np.ndarray, part: np.ndarray, entering: np.ndarray, below: np.ndarray, rays: Rays
    ) -> Walled:
        """Sum of wall losses and of the way inside; crossings are sorted by (link, wall).

        A link counts as through a building if it is below the roof at one of the walls, then with all of them.
        """
        size = rays.dx_m.size
        visit, index = np.unique(pair * len(self.outlines) + self._owner[wall], return_inverse=True)
        low = np.bincount(index, below, minlength=len(visit)) > 0
        counts = np.where(self._thin[wall], below, low[index])
        loss = np.bincount(pair, self._wall_db[wall] * counts, minlength=size)
        sign = np.where(entering, 1.0, -1.0)
        inside = np.bincount(index, sign * (1.0 - part), minlength=len(visit))
        began_inside = np.bincount(index, sign, minlength=len(visit)) < 0
        inside = np.maximum(inside + began_inside, 0.0)
        of_visit = np.zeros(len(visit))
        of_visit[index] = self._inside_db_per_m[wall] * counts
        link = visit // len(self.outlines)
        loss += np.bincount(link, inside * of_visit * rays.distance_m.ravel()[link], minlength=size)
        behind = np.zeros(size, bool)
        behind[pair[counts]] = True
        return Walled(loss.astype(np.float32).reshape(rays.shape), behind.reshape(rays.shape))


def _supports(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest extent of segments [n, 2] in each direction, [n, directions]."""
    axes = np.stack([np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)])
    one, other = first @ axes, second @ axes
    return np.minimum(one, other), np.maximum(one, other)


def _cells(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Cells that the bounding box of one wall meets."""
    west, south = np.floor(np.minimum(first, second) / _CELL_M).astype(int).tolist()
    east, north = np.floor(np.maximum(first, second) / _CELL_M).astype(int).tolist()
    return [(x, y) for x in range(west, east + 1) for y in range(south, north + 1)]
