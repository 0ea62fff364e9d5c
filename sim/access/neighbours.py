"""Who can hear whom in one traffic tick: stations sorted along a line, windows of reach, gains of all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.bands import BLOCK_ROWS, Band, along, mutual, run_within
from sim.channel.antenna import is_directional
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
__all__ = ["HIGH", "LISTENERS", "LOW", "POPULATIONS", "PROBE", "RSU", "Neighbours", "Windows", "along", "run_within"]
_COMPARED = (
    "active", "station_id", "kind", "x0_m", "y0_m", "x1_m", "y1_m", "antenna_height_m", "antenna_gain_dbi",
    "antenna_pattern", "tx_power_dbm",
)


@dataclass
class Windows:
    """For every station of one population the run of stations of another that lie within ``reach_m``.

    ``lo`` is a place in the target population, ``count`` the length of the run, which wraps around on a ring.
    ``base`` is the place of the run's first pair in :meth:`Neighbours.gains`, -1 where no table is kept.
    """

    reach_m: float
    lo: np.ndarray
    count: np.ndarray
    base: np.ndarray


class Neighbours:
    """Columns, windows and pair gains of one traffic tick.

    Sorting is by the projection on the main axis of the stations (the place on the ring if there is one); it never
    exceeds the true distance, so a window of reach misses nobody; the distance decides afterwards. Gains are those of
    the middle of the tick. The tables of the latest ``tables`` ticks stay in ``store``; while no station changes in
    any way the tick's table stays as it is and ``turn`` does not advance.
    """

    def __init__(self, propagation: Propagation, floor_dbm: float, reach_factor: float, ring_m: float) -> None:
        self.propagation = propagation
        self.floor_dbm = floor_dbm
        self.reach_factor = reach_factor
        self.ring_m = ring_m
        self.turn = -1
        """Number of the present table; it does not advance while nothing changes."""
        self.store = np.zeros((1, 0), np.float32)
        """Gains of the latest tables: row ``turn`` modulo its length, place as in ``base``."""
        self._reach: dict[tuple[float, ...], float] = {}
        self._seen: tuple[np.ndarray, ...] = ()

    def keep(self, tables: int) -> None:
        """Hold the gains of at least so many tables."""
        old, size = self.store, len(self.store)
        if tables > size:
            self.store = np.zeros((tables, old.shape[1]), np.float32)
            turns = np.arange(max(0, self.turn + 1 - size), self.turn + 1)
            self.store[turns % tables] = old[turns % size]

    def update(self, stations: Stations) -> None:
        """Sort the active stations of a new tick and lay out windows; nothing to do where no station changed.

        With vehicles in the way of links everything is done anew: unequipped ones drive past standing stations.
        """
        seen = tuple(getattr(stations, name) for name in _COMPARED)
        standing = self._seen and not len(stations.changed) and not self.propagation.geometric
        if standing and all(map(np.array_equal, seen, self._seen)):
            return
        self._seen = tuple(column.copy() for column in seen)
        self.turn += 1
        high = stations.antenna_height_m > HIGH_ANTENNA_M
        vehicle = stations.active & ((stations.kind == Kind.VEHICLE) | (stations.kind == Kind.PEDESTRIAN))
        others = [stations.active & (stations.kind == kind) for kind in (Kind.RSU, Kind.PROBE)]
        members = [vehicle & ~high, vehicle & high, *others]
        parts = [np.flatnonzero(member) for member in members]
        place = [along(stations, part, np.concatenate(parts), self.ring_m) for part in parts]
        order = [np.argsort(at, kind="stable") for at in place]
        parts = [part[rows] for part, rows in zip(parts, order, strict=True)]
        self.place_m = [at[rows] for at, rows in zip(place, order, strict=True)]
        """Places along the line of each population, sorted."""
        self.slots = np.concatenate(parts)
        self.size = np.array([len(part) for part in parts])
        self.offset = np.concatenate([[0], np.cumsum(self.size)])
        self.column = np.full(stations.size, -1, np.int64)
        self.column[self.slots] = np.arange(len(self.slots))
        self._geometry(stations)
        self._features: Features | None = None
        self._has_gains = False
        self._to_probes: dict[int, _ToProbes] = {}
        self._within: dict[float, dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        self._packed: np.ndarray | None = None
        self._run_tables: dict[tuple[int, float | None], np.ndarray] = {}
        self._all_runs: dict[tuple[tuple[int, ...], float], np.ndarray] = {}
        self.inhabited = tuple(b for b in POPULATIONS if self.size[b])
        """Populations with any station."""
        self._layout()

    def _layout(self) -> None:
        """Windows of all pairs of populations and their places in the table."""
        self.windows: dict[tuple[int, int], Windows] = {}
        self._bands: dict[tuple[int, int], Band] = {}
        self.whole: dict[tuple[int, int], bool] = {}
        """Pairs of populations on a ring that are all in reach of one another: runs begin at place 0."""
        size = 0
        pairs = [(a, b) for a in LISTENERS for b in POPULATIONS if a <= b]
        for a, b in pairs:
            if not (self.size[a] and self.size[b]):
                for one, other in ((a, b), (b, a)):
                    nobody = np.zeros(int(self.size[one]), np.int64)
                    self.windows[one, other] = Windows(0.0, nobody, nobody.copy(), nobody - 1)
                    self.whole[one, other] = False
                continue
            reach = self.reach_m(a, b)
            forth, back = mutual(
                self.place_m[a], None if a == b else self.place_m[b], reach + self.slack_m, self.ring_m
            )
            for one, other, (lo, end) in ((a, b, forth), (b, a, back)):
                if one == PROBE or (one, other) in self.windows:
                    continue
                base = np.full(len(lo), -1, np.int64)
                if (other != PROBE or one == RSU) and (end > lo).any():
                    band = self._bands[one, other] = Band.of(lo, end, size)
                    base, size = band.base, int(band.place[-1])
                self.whole[one, other] = bool(self.ring_m) and 2 * (reach + self.slack_m) >= self.ring_m
                self.windows[one, other] = Windows(reach, lo % max(1, int(self.size[other])), end - lo, base)
        self.pairs = size
        """Pairs in the table, those of the blocks' corners included."""
        by_column = {b: [self.windows[a, b] for a in LISTENERS] for b in POPULATIONS}
        self.lo = {b: np.concatenate([w.lo for w in some]) for b, some in by_column.items()}
        """First place of the run of every listening column in each target population; likewise the next two."""
        self.count = {b: np.concatenate([w.count for w in some]) for b, some in by_column.items()}
        self.base = {b: np.concatenate([w.base for w in some]) for b, some in by_column.items()}

    def packed(self) -> np.ndarray:
        """(lo, count, size of the target population, base) towards each population that listens, int64 [columns that
        listen, 3, 4]."""
        if self._packed is None:
            sizes = [np.full(len(self.lo[b]), self.size[b]) for b in LISTENERS]
            parts = [[self.lo[b], self.count[b], sizes[b], self.base[b]] for b in LISTENERS]
            self._packed = np.ascontiguousarray(np.array(parts).transpose(2, 0, 1))
        return self._packed

    def run_table(self, b: int, within_m: float | None = None) -> np.ndarray:
        """(first column, count, base) of the run of population b around every listening column, int64 [columns, 3].

        With ``within_m`` of the part that may lie so close (:meth:`within`), else of all within reach.
        """
        key = (b, within_m)
        if key not in self._run_tables:
            lo, count, base = self.within(within_m)[b] if within_m is not None else (
                self.lo[b], self.count[b], self.base[b])
            self._run_tables[key] = np.ascontiguousarray(np.array([lo + self.offset[b], count, base]).T)
        return self._run_tables[key]

    def links_within(self, targets: tuple[int, ...], distance_m: float) -> np.ndarray:
        """Stations of some populations that may lie so close to every listening column, int64 [columns]."""
        key = (targets, distance_m)
        if key not in self._all_runs:
            counts = [self.run_table(b, distance_m)[:, 1] for b in targets if b in self.inhabited]
            self._all_runs[key] = np.sum(counts, axis=0) if counts else np.zeros(int(self.offset[PROBE]), np.int64)
        return self._all_runs[key]

    def within(self, distance_m: float) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(lo, count, base) as in :attr:`lo` and so on, of the part of each run that may lie within ``distance_m``.

        A pair left out lies further apart at every instant of the tick, or beyond reach. Kept for the tick.
        """
        if distance_m not in self._within:
            parts = {b: [self._part_within(a, b, distance_m) for a in LISTENERS] for b in POPULATIONS}
            self._within[distance_m] = {
                b: (np.concatenate([p[0] for p in some]), np.concatenate([p[1] for p in some]),
                    np.concatenate([p[2] for p in some])) for b, some in parts.items()
            }
        return self._within[distance_m]

    def _part_within(self, a: int, b: int, distance_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, windows, band = int(self.size[b]), self.windows[a, b], self._bands.get((a, b))
        reach, ring_m, from_m = distance_m + self.slack_m, self.ring_m, self.place_m[a]
        if band is None or (ring_m and 2 * reach >= ring_m):
            return windows.lo, windows.count, windows.base
        turns = (-1, 0, 1) if ring_m else (0,)
        around = np.concatenate([self.place_m[b] + turn * ring_m for turn in turns])
        before = n if ring_m else 0
        lo = np.searchsorted(around, from_m - reach) - before
        end = np.searchsorted(around, from_m + reach, side="right") - before
        if self.whole[a, b]:
            return lo % n, end - lo, windows.base + lo % n
        lo, end = np.maximum(lo, band.lo), np.minimum(end, band.end)
        return lo % n, np.maximum(end - lo, 0), windows.base + lo - band.lo

    def positions(self, part: np.ndarray, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y of these columns, float32 [len(part), columns], at these parts of the tick, from a local origin.

        y is [1, columns] in a tick in which no station moves that way.
        """
        columns = slice(first, end)
        x = self._x0[columns] + self._dx[columns] * part[:, None]
        if self._straight:
            return x.astype(np.float32), self._y0[None, columns].astype(np.float32)
        y = self._y0[columns] + self._dy[columns] * part[:, None]
        return x.astype(np.float32), y.astype(np.float32)

    def positions_of(self, column: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`positions`, of one column at a time: float32 [n]."""
        x, y = self._x0[column] + self._dx[column] * part, self._y0[column] + self._dy[column] * part
        return x.astype(np.float32), y.astype(np.float32)

    def gains(self) -> np.ndarray:
        """Power ratios received / transmitted of all pairs in windows, float32, in the layout of ``base``.

        Geometry and shadowing are those of the middle of the tick; both directions of a pair have the same value,
        which is worked out once. Made on the first call of a tick.
        """
        if self.store.shape[1] < self.pairs:
            grown = np.zeros((len(self.store), self.pairs + self.pairs // 8), np.float32)
            grown[:, :self.store.shape[1]] = self.store
            self.store = grown
        table = self.store[self.turn % len(self.store), :self.pairs]
        if not self._has_gains:
            for a, b in self._bands:
                if a <= b:
                    self._fill(table, a, b)
            self._has_gains = True
        return table

    def run(self, column: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns of population b within reach of a station, and its gains towards them (a sender's own included).

        Vehicles towards probes are worked out when first asked for in a tick.
        """
        count, base = int(self.count[b][column]), int(self.base[b][column])
        columns = (int(self.lo[b][column]) + np.arange(count)) % max(1, int(self.size[b])) + int(self.offset[b])
        if base < 0:
            return columns, self.towards_probes(column)
        return columns, self.gains()[base:base + count]

    def towards_probes(self, column: int) -> np.ndarray:
        """Gains of a vehicle towards the probes of its window, made for a block of vehicles at a time."""
        a = int(self.population(np.array([column]))[0])
        if a not in self._to_probes:
            w = self.windows[a, PROBE]
            lo = w.lo if not self.ring_m else np.zeros_like(w.lo)
            end = w.lo + w.count if not self.ring_m else np.full_like(w.lo, self.size[PROBE])
            self._to_probes[a] = _ToProbes(Band.of(lo, end, 0), {})
        held = self._to_probes[a]
        row = column - int(self.offset[a])
        block = row // BLOCK_ROWS
        if block not in held.made:
            columns = np.arange(held.band.first[block], held.band.first[block] + held.band.width[block])
            rows = slice(int(held.band.start[block]), int(held.band.start[block + 1]))
            held.made[block] = self._pairs(a, rows, PROBE, columns)
        windows = self.windows[a, PROBE]
        number = int(windows.lo[row]) + np.arange(int(windows.count[row]))
        if self.ring_m:
            number %= int(self.size[PROBE])
        gains: np.ndarray = held.made[block][row - int(held.band.start[block]), number - held.band.first[block]]
        return gains

    def population(self, column: np.ndarray) -> np.ndarray:
        """Population of columns."""
        return np.searchsorted(self.offset[1:-1], column, side="right")

    # ---- pairs

    def _fill(self, table: np.ndarray, a: int, b: int) -> None:
        """All pairs of populations a and b, and the same values the other way round."""
        band, back = self._bands[a, b], self._bands.get((b, a))
        for block, width in enumerate(band.width.tolist()):
            if not width:
                continue
            start, stop, first = int(band.start[block]), int(band.start[block + 1]), int(band.first[block])
            begin = start if a == b else first
            gain = self._pairs(a, slice(start, stop), b, np.arange(begin, first + width))
            band.matrix(table, block)[:, begin - first:] = gain
            if back is not None:
                self._mirror(table, back, gain, (start, begin), (int(self.size[a]), int(self.size[b])), a == b)

    def _mirror(
        self, table: np.ndarray, back: Band, gain: np.ndarray, corner: tuple[int, int], sizes: tuple[int, int],
        same: bool,
    ) -> None:
        """Enter ``gain`` [rows, columns], whose first row and column are ``corner``, with both exchanged."""
        row, column = corner
        rows, last = len(gain), column + gain.shape[1]
        n, m = sizes
        for turn in range(column // m, (last - 1) // m + 1) if self.ring_m else (0,):
            low, high = max(column - turn * m, 0), min(last - turn * m, m)
            at = row - turn * n
            for block in range(low // BLOCK_ROWS, -(-high // BLOCK_ROWS)):
                if same and turn == 0 and block == row // BLOCK_ROWS:
                    continue
                start, stop = max(low, int(back.start[block])), min(high, int(back.start[block + 1]))
                first = int(back.first[block])
                begin, end = max(at, first), min(at + rows, first + int(back.width[block]))
                if begin >= end or start >= stop:
                    continue
                shift = turn * m - column
                back.matrix(table, block)[
                    start - int(back.start[block]):stop - int(back.start[block]), begin - first:end - first
                ] = gain[begin - at:end - at, start + shift:stop + shift].T

    def _pairs(self, a: int, rows: slice, b: int, columns: np.ndarray) -> np.ndarray:
        """Gains of some rows of population a towards columns of b (on a ring counted through), [rows, columns]."""
        if self._features is None:
            self._features = self.propagation.features(*self._absolute)
        left = slice(rows.start + int(self.offset[a]), rows.stop + int(self.offset[a]))
        n, offset = int(self.size[b]), int(self.offset[b])
        whole = not len(columns) or (columns[0] >= 0 and columns[-1] < n)
        right: slice | np.ndarray = columns % n + offset
        if whole and len(columns):
            right = slice(int(columns[0]) + offset, int(columns[-1]) + 1 + offset)
        fields = tuple(one[left] @ other[right].T for one, other in self._features.rows)
        ends = self._ends
        v2i = a >= RSU or b >= RSU
        within_m = self.windows[a, b].reach_m + self.slack_m
        return self.propagation.block_gain(ends.take(left), ends.take(right), fields, v2i, self.ring_m, within_m)

    def _geometry(self, stations: Stations) -> None:
        slots = self.slots
        origin_x = float(stations.x0_m[slots].mean()) if len(slots) and not self.ring_m else 0.0
        origin_y = float(stations.y0_m[slots].mean()) if len(slots) else 0.0
        self._x0, self._y0 = stations.x0_m[slots] - origin_x, stations.y0_m[slots] - origin_y
        self._dx, self._dy = stations.x1_m[slots] - stations.x0_m[slots], stations.y1_m[slots] - stations.y0_m[slots]
        self._straight = not self._dy.any()
        self._absolute = stations.x0_m[slots] + 0.5 * self._dx, stations.y0_m[slots] + 0.5 * self._dy
        self.slack_m = float(np.hypot(self._dx, self._dy).max(initial=0.0))
        self.station_id = stations.station_id[slots]
        self.kind = stations.kind[slots]
        self.height_m = stations.antenna_height_m[slots].astype(np.float32)
        self.gain_dbi = stations.antenna_gain_dbi[slots].astype(np.float32)
        self.power_dbm = stations.tx_power_dbm[slots].astype(np.float32)
        self.one_height = bool((self.height_m == self.height_m[:1]).all())
        """All antennas stand equally high."""
        self.power_mw = np.exp(self.power_dbm * np.float32(np.log(10) / 10))
        self.strongest_mw = float(self.power_mw.max(initial=0.0))
        self.factor = self.power_mw / np.float32(self.strongest_mw) if self.strongest_mw else self.power_mw
        """Power of every column in units of the strongest station's."""
        pattern = stations.antenna_pattern[slots]
        directional = pattern if is_directional(pattern) else None
        self._ends = Ends(slots, self.kind, *self._absolute, self.height_m, self.gain_dbi, directional)

    def reach_m(self, a: int, b: int, floor_dbm: float | None = None) -> float:
        """Reach between two populations: the larger of both directions at the strongest station of each.

        ``floor_dbm`` stands for the noise floor; another one than :attr:`floor_dbm` tells how far stronger signals go.
        """
        if not (self.size[a] and self.size[b]):
            return 0.0
        rows_a, rows_b = (slice(self.offset[p], self.offset[p + 1]) for p in (a, b))
        ways = [(rows_a, rows_b)] if b == PROBE else [(rows_a, rows_b), (rows_b, rows_a)]
        reach = 0.0
        for tx, rx in ways:
            key = (
                float((self.power_dbm[tx] + self.gain_dbi[tx]).max()), float(self.gain_dbi[rx].max()),
                self.floor_dbm if floor_dbm is None else floor_dbm, float(self.height_m[tx].max()),
                float(self.height_m[rx].max()),
            )
            extended = (*key, float(RSU in (a, b) or b == PROBE))
            if extended not in self._reach:
                self._reach[extended] = self.propagation.reach_m(*key, is_v2i=bool(extended[-1]))
            reach = max(reach, self._reach[extended])
        return reach * self.reach_factor


@dataclass
class _ToProbes:
    """Gains of vehicles towards probes, by block of vehicles, as far as they were asked for."""

    band: Band
    made: dict[int, np.ndarray]
