"""Listeners of one traffic tick in one order along the road, and the received powers of any transmission at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.neighbours import LISTENERS, PROBE, RSU, Neighbours, run_within
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.access.dot11p.medium import Air

_MARGIN_M = 1.0
"""More than rounding can move the ends of the neighbours' own windows."""


class Layout:
    """Ranks of listeners along the sorting line; a transmission reaches one contiguous run of them.

    On a ring a run may wrap around: rank r stands for r modulo ``count``. ``lo``, ``size`` (by column of the sender)
    bound what can be received at all, ``report`` what is reported.
    """

    def __init__(
        self, near: Neighbours, stations: Stations, place: np.ndarray, report_m: float, probes: bool,
    ) -> None:
        self.near, self.probes = near, probes
        self.ring_m = near.ring_m
        first = int(near.offset[PROBE])
        columns = np.arange(first, len(near.slots)) if probes else np.arange(first)
        at = place[columns]
        populations = [PROBE] if probes else [b for b in LISTENERS if near.size[b]]
        self._only = populations[0] if len(populations) == 1 else None
        """The only population of listeners, whose order is then the neighbours' own."""
        order = np.arange(len(columns)) if self._only is not None else np.argsort(at, kind="stable")
        self.columns, self.place = columns[order], at[order]
        self.count = len(columns)
        self.slots = near.slots[self.columns]
        self.station_id = near.station_id[self.columns]
        self.rank = np.full(len(near.slots), -1)
        """Rank of every column, -1 for those that do not listen here."""
        self.rank[self.columns] = np.arange(self.count)
        self.rank_of_slot = np.full(stations.size, -1)
        self.rank_of_slot[self.slots] = np.arange(self.count)
        self.sender_place = place[:first]
        self._bounds(report_m)
        slots = self.slots
        self._origin = (0.0 if near.ring_m else _mean(stations.x0_m[slots])), _mean(stations.y0_m[slots])
        self._x0 = (stations.x0_m[slots] - self._origin[0]).astype(np.float32)
        self._y0 = (stations.y0_m[slots] - self._origin[1]).astype(np.float32)
        self._dx = (stations.x1_m[slots] - stations.x0_m[slots]).astype(np.float32)
        self._dy = (stations.y1_m[slots] - stations.y0_m[slots]).astype(np.float32)
        self._z = stations.antenna_height_m[slots].astype(np.float32)
        self.stations = stations
        self.tick = stations.tick_start_ns, stations.tick_end_ns - stations.tick_start_ns

    def _bounds(self, report_m: float) -> None:
        near = self.near
        if self._only is not None and not self.probes:
            self.lo, self.size = near.lo[self._only], near.count[self._only]
        else:
            targets = [PROBE] if self.probes else [b for b in LISTENERS if near.size[b]]
            firsts, sizes = [], []
            for a in LISTENERS:
                reach = max((near.windows[a, b].reach_m for b in targets), default=0.0) + near.slack_m + _MARGIN_M
                rows = slice(int(near.offset[a]), int(near.offset[a + 1]))
                one = run_within(self.sender_place[rows], self.place, reach, self.ring_m)
                firsts.append(one[0])
                sizes.append(one[1])
            self.lo, self.size = np.concatenate(firsts), np.concatenate(sizes)
        reach_m = max((w.reach_m for w in near.windows.values()), default=0.0)
        self.reach_m = reach_m + near.slack_m
        lo, size = run_within(self.sender_place, self.place, report_m + near.slack_m, self.ring_m)
        if self.ring_m:
            skip = (lo - self.lo) % max(1, self.count)
            inside = skip < self.size
            whole = ~inside | (skip + size > self.size)
            skip = np.where(whole, 0, skip)
            size = np.where(whole, self.size, size)
        else:
            skip = np.clip(lo - self.lo, 0, self.size)
            size = np.clip(lo + size - self.lo, skip, self.size) - skip
        self.report = skip, size
        """(first step of the run, number) of listeners within the report distance; the whole run where in doubt."""

    def powers(self, airs: list[Air]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(flat received powers in mW, offset, lo, size) of transmissions that began in this tick."""
        column = np.array([air.column for air in airs], np.int64)
        sent_mw = np.array([air.power_mw for air in airs], np.float32)
        lo, size = self.lo[column], self.size[column]
        offset = np.cumsum(size) - size
        flat = np.zeros(int(size.sum()), np.float32)
        if not len(flat):
            return flat, offset, lo, size
        if self.probes:
            self._at_probes(flat, column, offset, lo, size)
        elif self._only is not None:
            base, gains = self.near.base[self._only][column].tolist(), self.near.gains()
            runs = [gains[b:b + n] for b, n in zip(base, size.tolist(), strict=True)]
            np.concatenate(runs, out=flat)
        else:
            for b in LISTENERS:
                if self.near.size[b]:
                    self._scatter(flat, column, b, self.near.gains(), self.near.base[b], offset, lo)
        flat *= sent_mw[0] if np.all(sent_mw == sent_mw[0]) else np.repeat(sent_mw, size)
        return flat, offset, lo, size

    def _scatter(
        self, flat: np.ndarray, column: np.ndarray, b: int, gains: np.ndarray, base: np.ndarray, offset: np.ndarray,
        lo: np.ndarray,
    ) -> None:
        """Gains of one population, put in their places in the runs."""
        near = self.near
        some = np.flatnonzero((near.count[b][column] > 0) & (base[column] >= 0))
        column, offset, lo = column[some], offset[some], lo[some]
        count = near.count[b][column]
        if not self.ring_m and len(some):
            first = int(near.offset[b])
            ends = zip((first + near.lo[b][column]).tolist(), count.tolist(), base[column].tolist(), strict=True)
            ranks, runs = [], []
            for at, n, begin in ends:
                ranks.append(self.rank[at:at + n])
                runs.append(gains[begin:begin + n])
            where = np.concatenate(ranks)
            where += np.repeat(offset - lo, count)
            flat[where] = np.concatenate(runs)
            return
        step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        place = step + np.repeat(near.lo[b][column], count)
        if self.ring_m:
            place %= int(near.size[b])
        rank = self.rank[int(near.offset[b]) + place]
        rank -= np.repeat(lo, count)
        if self.ring_m:
            rank %= self.count
        rank += np.repeat(offset, count)
        flat[rank] = gains[step + np.repeat(base[column], count)]

    def _at_probes(
        self, flat: np.ndarray, column: np.ndarray, offset: np.ndarray, lo: np.ndarray, size: np.ndarray
    ) -> None:
        """RSUs by the neighbours' gains, vehicles made here (the neighbours keep none of them)."""
        near = self.near
        rsu = column >= int(near.offset[RSU])
        rows = np.flatnonzero(rsu)
        if len(rows):
            self._scatter(flat, column[rows], PROBE, near.gains(), near.base[PROBE], offset[rows], lo[rows])
        rows = np.flatnonzero(~rsu & (size > 0))
        own = near.count[PROBE][column[rows]]
        skip = near.lo[PROBE][column[rows]] - lo[rows]
        if self.ring_m:
            skip %= max(1, self.count)
        for c, at, n, k in zip(*(v.tolist() for v in (column[rows], offset[rows] + skip, own, skip)), strict=True):
            gains = near.towards_probes(c)
            fits = min(n, self.count - k) if self.ring_m and n == self.count else n
            flat[at:at + fits] = gains[:fits]
            if fits < n:
                flat[at - k:at - k + n - fits] = gains[fits:]

    def distances(self, airs: list[Air]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(flat 3-D distances at the start of each transmission, offset, size) over the report runs, float32."""
        column = np.array([air.column for air in airs], np.int64)
        start_ns = np.array([air.start_ns for air in airs], np.int64)
        slot = self.near.slots[column]
        skip, size = self.report[0][column], self.report[1][column]
        offset = np.cumsum(size) - size
        rank = np.arange(int(size.sum())) + np.repeat(self.lo[column] + skip - offset, size)
        if self.ring_m or len(rank) and rank[-1] >= self.count:
            rank %= max(1, self.count)
        part = np.repeat(((start_ns - self.tick[0]) / self.tick[1]).astype(np.float32), size)
        x, y = self.stations.position(slot, start_ns)
        dx = self._dx.take(rank)
        dx *= part
        dx += self._x0.take(rank)
        dx -= np.repeat((x - self._origin[0]).astype(np.float32), size)
        if self.ring_m:
            dx -= np.float32(self.ring_m) * np.rint(dx * np.float32(1 / self.ring_m))
        dy = self._dy.take(rank)
        dy *= part
        dy += self._y0.take(rank)
        dy -= np.repeat((y - self._origin[1]).astype(np.float32), size)
        dx *= dx
        dy *= dy
        dx += dy
        height = self.stations.antenna_height_m[slot].astype(np.float32)
        if len(height) and (np.any(self._z != height[0]) or np.any(height != height[0])):
            dz = self._z.take(rank)
            dz -= np.repeat(height, size)
            dz *= dz
            dx += dz
        return np.sqrt(dx, out=dx), offset, size


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
