"""Who can hear whom in one traffic tick: stations sorted along a line, windows of reach, shadowing of all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.channel.ends import Ends
from sim.channel.propagation import Features, Propagation
from sim.frames import Kind
from sim.world.stations import Stations

LOW, HIGH, RSU, PROBE = range(4)
"""Populations, in the order of the columns: vehicles with low and with high antennas, RSUs, probes; within each by
position along the line. High antennas reach several times as far, so they have windows of their own."""
POPULATIONS = range(4)
LISTENERS = (LOW, HIGH, RSU)
"""Populations that send and sense."""
KIND_OF = {LOW: Kind.VEHICLE, HIGH: Kind.VEHICLE, RSU: Kind.RSU}
HIGH_ANTENNA_M = 2.0
"""Vehicles with antennas above this count as high (trucks and buses: 3 m in TR 37.885)."""
_BLOCK_ROWS = 64


@dataclass
class Windows:
    """For every station of one population the run of stations of another that lie within ``reach_m``.

    ``lo`` is a place in the target population, ``count`` the length of the run, which wraps around on a ring.
    ``base`` is the place of the run's first pair in :attr:`Neighbours.shadow`, -1 where no band is made.
    """

    reach_m: float
    lo: np.ndarray
    count: np.ndarray
    base: np.ndarray


def along(stations: Stations, slots: np.ndarray, everyone: np.ndarray, ring_m: float) -> np.ndarray:
    """Place in metres of ``slots`` at the middle of the tick on the line that stations are sorted by.

    On a ring the place on it, else the projection on the main axis of ``everyone``; two places never lie further apart
    than the stations.
    """
    x, y = 0.5 * (stations.x0_m + stations.x1_m), 0.5 * (stations.y0_m + stations.y1_m)
    if ring_m:
        return x[slots] % ring_m
    if not len(everyone):
        return x[slots]
    dx, dy = x[everyone] - x[everyone].mean(), y[everyone] - y[everyone].mean()
    angle = 0.5 * np.arctan2(2 * float(dx @ dy), float(dx @ dx - dy @ dy))
    return x[slots] * np.cos(angle) + y[slots] * np.sin(angle)


def run_within(from_m: np.ndarray, to_m: np.ndarray, reach_m: float, ring_m: float) -> tuple[np.ndarray, np.ndarray]:
    """First place and length of the run of sorted ``to_m`` within ``reach_m`` of each ``from_m``; wraps on a ring."""
    n = len(to_m)
    if not n:
        return np.zeros(len(from_m), np.int64), np.zeros(len(from_m), np.int64)
    if not ring_m:
        lo = np.searchsorted(to_m, from_m - reach_m)
        return lo, np.searchsorted(to_m, from_m + reach_m, side="right") - lo
    around = np.concatenate([to_m - ring_m, to_m, to_m + ring_m])
    reach = min(reach_m, ring_m)
    lo = np.searchsorted(around, from_m - reach)
    hi = np.searchsorted(around, from_m + reach, side="right")
    return lo % n, np.minimum(hi - lo, n)


class Neighbours:
    """Columns and windows of one traffic tick.

    Sorting is by the projection on the main axis of the stations (the place on the ring if there is one); it never
    exceeds the true distance, so a window of reach misses nobody; the distance decides afterwards.
    """

    def __init__(self, propagation: Propagation, floor_dbm: float, reach_factor: float, ring_m: float) -> None:
        self.propagation = propagation
        self.floor_dbm = floor_dbm
        self.reach_factor = reach_factor
        self.ring_m = ring_m
        self._reach: dict[tuple[float, ...], float] = {}

    def update(self, stations: Stations) -> None:
        """Sort the active stations of a new tick and lay out windows and shadowing."""
        high = stations.antenna_height_m > HIGH_ANTENNA_M
        vehicle = stations.active & ((stations.kind == Kind.VEHICLE) | (stations.kind == Kind.PEDESTRIAN))
        others = [stations.active & (stations.kind == kind) for kind in (Kind.RSU, Kind.PROBE)]
        members = [vehicle & ~high, vehicle & high, *others]
        parts = [np.flatnonzero(member) for member in members]
        place = [along(stations, part, np.concatenate(parts), self.ring_m) for part in parts]
        parts = [part[np.argsort(at, kind="stable")] for part, at in zip(parts, place, strict=True)]
        place = [np.sort(at, kind="stable") for at in place]
        self.slots = np.concatenate(parts)
        self.size = np.array([len(part) for part in parts])
        self.offset = np.concatenate([[0], np.cumsum(self.size)])
        self.column = np.full(stations.size, -1, np.int64)
        self.column[self.slots] = np.arange(len(self.slots))
        self._geometry(stations)
        self._gains: np.ndarray | None = None
        self._blocks: list[tuple[slice, np.ndarray, slice]] = []
        self._uniform(stations)
        features = self.propagation.features(*self._absolute)
        self.features = features
        self.windows: dict[tuple[int, int], Windows] = {}
        bands: list[tuple[np.ndarray, ...]] = []
        size = 0
        for a, b in [*((a, b) for a in LISTENERS for b in LISTENERS), *((a, PROBE) for a in LISTENERS)]:
            windows = self._pair(a, b, place)
            if b == PROBE and a != RSU:
                windows.base[:] = -1
            elif windows.count.any():
                bands.append(self._band(a, b, windows, features, size))
                windows.base += size
                size += len(bands[-1][0])
            self.windows[a, b] = windows
        by_column = {b: [self.windows[a, b] for a in LISTENERS] for b in POPULATIONS}
        self.lo = {b: np.concatenate([w.lo for w in some]) for b, some in by_column.items()}
        """First place of the run of every listening column in each target population; likewise the next two."""
        self.count = {b: np.concatenate([w.count for w in some]) for b, some in by_column.items()}
        self.base = {b: np.concatenate([w.base for w in some]) for b, some in by_column.items()}
        nothing = np.empty(0, np.float32)
        self.shadow = bands[0] if len(bands) == 1 else tuple(
            np.concatenate([nothing, *(band[field] for band in bands)]) for field in range(len(features.rows))
        )
        """Unscaled field values of all pairs in windows, one flat float32 array per field."""

    def positions(self, part: np.ndarray, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y of these columns, float32 [len(part), columns], at these parts of the tick, from a local origin."""
        columns = slice(first, end)
        x = self._x0[columns] + self._dx[columns] * part[:, None]
        y = self._y0[columns] + self._dy[columns] * part[:, None]
        return x.astype(np.float32), y.astype(np.float32)

    def gains(self) -> np.ndarray:
        """Power ratios received / transmitted of all pairs in windows, float32, in the layout of ``base``.

        Geometry is that of the middle of the tick. Made on the first call of a tick.
        """
        if self._gains is None:
            x, y = self._x0 + 0.5 * self._dx, self._y0 + 0.5 * self._dy
            ends = Ends(self.slots, self.kind, x, y, self.height_m, self.gain_dbi)
            parts = [np.empty(0, np.float32)]
            parts += [self._block_gains(ends, *block) for block in self._blocks]
            self._gains = np.concatenate(parts)
        return self._gains

    def run(self, column: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns of population b within reach of a station, and its gains towards them (a sender's own included).

        ValueError for vehicles towards probes, for which no pairs are kept.
        """
        count, base = int(self.count[b][column]), int(self.base[b][column])
        if base < 0:
            raise ValueError("no gains are kept between vehicles and probes")
        columns = (int(self.lo[b][column]) + np.arange(count)) % max(1, int(self.size[b])) + int(self.offset[b])
        return columns, self.gains()[base:base + count]

    def _block_gains(self, ends: Ends, rows: slice, columns: np.ndarray, place: slice) -> np.ndarray:
        shape = (rows.stop - rows.start, len(columns))
        fields = tuple(field[place].reshape(shape) for field in self.shadow)
        v2i = rows.start >= self.offset[RSU] or bool(len(columns) and columns[0] >= self.offset[RSU])
        return self.propagation.block_gain(ends.take(rows), ends.take(columns), fields, v2i, self.ring_m).ravel()

    def population(self, column: np.ndarray) -> np.ndarray:
        """Population of columns."""
        return np.searchsorted(self.offset[1:-1], column, side="right")

    def _geometry(self, stations: Stations) -> None:
        slots = self.slots
        origin_x = float(stations.x0_m[slots].mean()) if len(slots) and not self.ring_m else 0.0
        origin_y = float(stations.y0_m[slots].mean()) if len(slots) else 0.0
        self._x0, self._y0 = stations.x0_m[slots] - origin_x, stations.y0_m[slots] - origin_y
        self._dx, self._dy = stations.x1_m[slots] - stations.x0_m[slots], stations.y1_m[slots] - stations.y0_m[slots]
        self._absolute = stations.x0_m[slots], stations.y0_m[slots]
        self.slack_m = float(np.hypot(self._dx, self._dy).max(initial=0.0))
        self.station_id = stations.station_id[slots]
        self.kind = stations.kind[slots]
        self.height_m = stations.antenna_height_m[slots].astype(np.float32)
        self.gain_dbi = stations.antenna_gain_dbi[slots].astype(np.float32)
        self.power_dbm = stations.tx_power_dbm[slots].astype(np.float32)

    def _uniform(self, stations: Stations) -> None:
        """Height and gain of each population where all its stations agree (then links need no arrays of them)."""
        self.same_height: list[float | None] = []
        self.same_gain: list[float | None] = []
        for b in range(len(POPULATIONS)):
            rows = slice(self.offset[b], self.offset[b + 1])
            for values, same in ((self.height_m[rows], self.same_height), (self.gain_dbi[rows], self.same_gain)):
                same.append(float(values[0]) if len(values) and np.all(values == values[0]) else None)

    def reach_m(self, a: int, b: int) -> float:
        """Reach between two populations: the larger of both directions at the strongest station of each."""
        if not (self.size[a] and self.size[b]):
            return 0.0
        rows_a, rows_b = (slice(self.offset[p], self.offset[p + 1]) for p in (a, b))
        ways = [(rows_a, rows_b)] if b == PROBE else [(rows_a, rows_b), (rows_b, rows_a)]
        reach = 0.0
        for tx, rx in ways:
            key = (
                float((self.power_dbm[tx] + self.gain_dbi[tx]).max()), float(self.gain_dbi[rx].max()),
                self.floor_dbm, float(self.height_m[tx].max()), float(self.height_m[rx].max()),
            )
            extended = (*key, float(RSU in (a, b) or b == PROBE))
            if extended not in self._reach:
                self._reach[extended] = self.propagation.reach_m(*key, is_v2i=bool(extended[-1]))
            reach = max(reach, self._reach[extended])
        return reach * self.reach_factor

    def _pair(self, a: int, b: int, place: list[np.ndarray]) -> Windows:
        reach = self.reach_m(a, b)
        lo, count = run_within(place[a], place[b], reach + self.slack_m, self.ring_m)
        return Windows(reach, lo, count, np.zeros(len(lo), np.int64))

    def _band(self, a: int, b: int, windows: Windows, features: Features, before: int) -> tuple[np.ndarray, ...]:
        """Unscaled field values of all pairs, by matrix products of blocks of neighbouring rows."""
        n = int(self.size[b])
        lo, count, base = windows.lo, windows.count, windows.base
        unrolled = lo.copy()
        if self.ring_m:
            unrolled += n * np.cumsum(np.concatenate([[0], np.diff(lo) < -n // 2]))
        starts = np.arange(0, len(lo), _BLOCK_ROWS)
        first = np.minimum.reduceat(unrolled, starts)
        width = np.maximum.reduceat(unrolled + count, starts) - first
        rows = np.diff(np.append(starts, len(lo)))
        places = np.concatenate([[0], np.cumsum(rows * width)])
        block = np.arange(len(lo)) // _BLOCK_ROWS
        base[:] = places[block] + (np.arange(len(lo)) - starts[block]) * width[block] + unrolled - first[block]
        shadow = tuple(np.empty(int(places[-1]), np.float32) for _ in features.rows)
        for i, start in enumerate(starts):
            left_rows = slice(int(self.offset[a] + start), int(self.offset[a] + start + rows[i]))
            columns = np.arange(first[i], first[i] + width[i])
            place = slice(before + int(places[i]), before + int(places[i + 1]))
            self._blocks.append((left_rows, columns % max(1, n) + int(self.offset[b]), place))
            wraps = self.ring_m and (first[i] < 0 or columns[-1] >= n) if len(columns) else False
            for field, (left, right) in enumerate(features.rows):
                of_b = right[self.offset[b]:self.offset[b + 1]]
                targets = of_b[columns % n] if wraps else of_b[first[i]:first[i] + width[i]]
                out = shadow[field][places[i]:places[i + 1]].reshape(rows[i], width[i])
                np.matmul(left[left_rows], targets.T, out=out)
        return shadow
