"""SPS processes of Mode 4 (3GPP TS 36.321 clause 5.14.1): grants, counters, waiting frames, reasons to reselect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.grid import Grid
from sim.clock import MS, NEVER, hashed_bits, hashed_uniform, stream_key
from sim.frames import Flow, Frames, Kind
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode4

_BUCKETS, _BUCKET_MS = 10, 100
_COUNTER_RANGE = np.zeros((2, 101), np.int64)
_COUNTER_RANGE[:, [20, 50, 100]] = [[25, 10, 5], [75, 30, 15]]
"""Least and largest reselection counter by period in ms, 100 for all from 100 on (TS 36.321 clause 5.14.1.1)."""


class Cause(IntEnum):
    """Why a resource is selected."""

    FIRST = 0
    COUNTER = 1
    SIZE = 2
    BUDGET = 3
    MISSED = 4
    """Too many reserved opportunities stayed unused."""
    CONFLICT = 5
    """Another transport block of the station took the subframe and the next opportunity is too late."""


def period_subframes(period_ns: int) -> int:
    """Reservation period: the largest of 20, 50, 100, 200 .. 1000 ms not above the flow's (20 if it is shorter)."""
    ms = period_ns // MS
    return 20 if ms < 50 else 50 if ms < 100 else min(1000, int(ms // 100) * 100)


@dataclass
class Sendings:
    """Transmissions of some subframes, one row each, in order of subframe and sender."""

    process: np.ndarray
    slot: np.ndarray
    subframe: np.ndarray
    announced: np.ndarray
    first: np.ndarray
    subchannels: np.ndarray
    mcs: np.ndarray
    frame: np.ndarray
    sequence: np.ndarray
    station_id: np.ndarray
    size_bytes: np.ndarray
    pool: np.ndarray

    def __len__(self) -> int:
        return len(self.process)


_INTEGERS = (
    "slot", "station_id", "flow", "stream", "pool", "period", "priority", "budget_ns", "next", "counter", "first",
    "subchannels", "mcs", "last_use", "missed", "cycles", "cause",
    "frame", "sequence", "generated_ns", "size_bytes", "arrived",
)


class Processes:
    """All SPS processes of a carrier as columns; a row belongs to (station slot, flow, stream).

    A frame waits for the next reserved subframe of its process; a newer one replaces it. ``next`` is the next reserved
    subframe, :data:`NEVER` without a grant. Rows to select for collect in ``triggers`` as (row, subframe); frames that
    will not be sent in ``dropped`` as (frame, slot, time_ns).
    """

    slot: np.ndarray
    station_id: np.ndarray
    flow: np.ndarray
    stream: np.ndarray
    pool: np.ndarray
    period: np.ndarray
    priority: np.ndarray
    budget_ns: np.ndarray
    next: np.ndarray
    counter: np.ndarray
    first: np.ndarray
    subchannels: np.ndarray
    mcs: np.ndarray
    last_use: np.ndarray
    missed: np.ndarray
    cycles: np.ndarray
    cause: np.ndarray
    frame: np.ndarray
    sequence: np.ndarray
    generated_ns: np.ndarray
    size_bytes: np.ndarray
    arrived: np.ndarray

    def __init__(self, flows: list[Flow], grid: Grid, mode: Mode4, seed: int) -> None:
        self.flows = {flow.index: flow for flow in flows}
        self.grid, self.mode = grid, mode
        self.count = 0
        for name in _INTEGERS:
            setattr(self, name, np.zeros(0, np.int64))
        self.waiting = np.zeros(0, bool)
        self.largest = np.zeros((0, _BUCKETS), np.int64)
        self.stamp = np.full((0, _BUCKETS), -1, np.int64)
        self.identity = np.zeros(0, np.uint64)
        """Hash of (station, flow, stream): the key of a process's draws."""
        self._row: dict[tuple[int, int, int], int] = {}
        self._keys = {name: stream_key(seed, "mode4", name) for name in ("counter", "keep", "selection", "process")}
        self.triggers: list[tuple[np.ndarray, np.ndarray]] = []
        self.dropped: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.selections = np.zeros(len(Cause), np.int64)
        self.postponed = 0
        """Transport blocks that gave way to another one of their station in the same subframe."""
        lengths = {period_subframes(flow.period_ns) for flow in flows}
        self.periods = np.array(sorted(lengths), np.int64)
        """Reservation periods in use: the allowed ones of step 2."""

    def rows_of(self, frames: Frames, stations: Stations) -> np.ndarray:
        """Row of each frame's process, made where there is none."""
        keys = zip(frames.sender.tolist(), frames.flow.tolist(), frames.stream.tolist(), strict=True)
        rows = np.array([self._row.get(key, -1) for key in keys], np.int64)
        for i in np.flatnonzero(rows < 0).tolist():
            rows[i] = self._make(int(frames.sender[i]), int(frames.flow[i]), int(frames.stream[i]), stations)
        return rows

    def _make(self, slot: int, flow: int, stream: int, stations: Stations) -> int:
        key = (slot, flow, stream)
        if key in self._row:
            return self._row[key]
        if flow not in self.flows:
            raise ValueError(f"frames: flow {flow} is not one of the layer's flows {sorted(self.flows)}")
        if self.count == len(self.waiting):
            self._grow(max(64, 2 * self.count))
        row, self.count = self.count, self.count + 1
        self._row[key] = row
        kind = self.flows[flow]
        values = {
            "slot": slot, "station_id": stations.station_id[slot], "flow": flow, "stream": stream,
            "pool": self.grid.pool_of_kind[Kind(int(stations.kind[slot]))], "period": period_subframes(kind.period_ns),
            "priority": kind.priority, "budget_ns": kind.budget_ns, "next": NEVER, "cause": Cause.FIRST,
        }
        for name, value in values.items():
            getattr(self, name)[row] = value
        self._identify(np.array([row]))
        return row

    def _identify(self, rows: np.ndarray) -> None:
        self.identity[rows] = hashed_bits(
            self._keys["process"], self.station_id[rows], self.flow[rows], self.stream[rows]
        )

    def _grow(self, size: int) -> None:
        for name in (*_INTEGERS, "waiting", "largest", "stamp", "identity"):
            old = getattr(self, name)
            fill = -1 if name in ("stamp", "slot") else NEVER if name == "next" else 0
            new = np.full((size, *old.shape[1:]), fill, old.dtype)
            new[:len(old)] = old
            setattr(self, name, new)

    def forget(self, slots: np.ndarray, time_ns: int, stations: Stations) -> None:
        """Other stations stand in these slots: their processes start anew, waiting frames end unsent."""
        rows = np.flatnonzero(np.isin(self.slot[:self.count], slots))
        waiting = rows[self.waiting[rows]]
        self._drop(waiting, np.full(len(waiting), time_ns, np.int64), present=False)
        self.next[rows], self.cause[rows] = NEVER, Cause.FIRST
        self.counter[rows] = self.missed[rows] = self.cycles[rows] = 0
        self.stamp[rows] = -1
        self.station_id[rows] = stations.station_id[self.slot[rows]]
        self._identify(rows)

    def arrive(self, rows: np.ndarray, frames: Frames, arrived: np.ndarray) -> None:
        """Frames reach their processes ``rows`` at these subframes (at most one per process in one call)."""
        old = self.waiting[rows]
        if old.any():
            self._drop(rows[old], frames.ready_ns[old])
        self.waiting[rows] = True
        self.frame[rows], self.sequence[rows] = frames.frame, frames.sequence
        self.generated_ns[rows], self.size_bytes[rows] = frames.generated_ns, frames.size_bytes
        self.arrived[rows] = arrived
        self._remember_size(rows, frames.size_bytes, arrived)
        self._skip(rows, arrived)
        cause = self._judge(rows, arrived)
        again = cause >= 0
        self._reselect(rows[again], arrived[again], cause[again])

    def _remember_size(self, rows: np.ndarray, size: np.ndarray, arrived: np.ndarray) -> None:
        stamp = arrived // _BUCKET_MS
        bucket = stamp % _BUCKETS
        fresh = self.stamp[rows, bucket] == stamp
        self.largest[rows, bucket] = np.where(fresh, np.maximum(self.largest[rows, bucket], size), size)
        self.stamp[rows, bucket] = stamp

    def _skip(self, rows: np.ndarray, until: np.ndarray) -> None:
        """Reserved opportunities before ``until`` have passed unused."""
        behind = self.next[rows] < until
        if behind.any():
            rows, until = rows[behind], until[behind]
            steps = -((self.next[rows] - until) // self.period[rows])
            self.next[rows] += steps * self.period[rows]
            self.missed[rows] += steps

    def _judge(self, rows: np.ndarray, arrived: np.ndarray) -> np.ndarray:
        """Cause for a new selection per row, -1 where the grant serves the waiting frame."""
        granted = self.next[rows] < NEVER
        cause = np.where(granted, -1, self.cause[rows])
        idle = arrived - self.last_use[rows] > np.maximum(1000, self.period[rows])
        if self.mode.reselect_after is not None:
            idle |= self.missed[rows] >= self.mode.reselect_after
        late = (self.next[rows] + 1) * MS > self.generated_ns[rows] + self.budget_ns[rows]
        for problem, reason in ((late, Cause.BUDGET), (~self._fits(rows), Cause.SIZE), (idle, Cause.MISSED)):
            cause = np.where(granted & problem, int(reason), cause)
        return cause

    def _fits(self, rows: np.ndarray) -> np.ndarray:
        """Whether the waiting frame fits the grant; ``adapt_mcs`` moves to another allowed MCS first."""
        room = self.grid.capacity_prb(self.pool[rows], self.subchannels[rows])
        fits = self.grid.data_prb(self.size_bytes[rows], self.mcs[rows]) <= room
        if self.mode.grant_sizing == "adapt_mcs":
            for mcs in sorted(self.mode.mcs):
                other = np.full(len(rows), mcs, np.int64)
                better = ~fits & (self.grid.data_prb(self.size_bytes[rows], other) <= room)
                self.mcs[rows[better]] = mcs
                fits |= better
        return fits

    def _reselect(self, rows: np.ndarray, subframe: np.ndarray, cause: np.ndarray) -> None:
        if not len(rows):
            return
        self.next[rows] = NEVER
        np.add.at(self.selections, cause, 1)
        self.triggers.append((rows, subframe))

    def due(self, start: int, end: int) -> Sendings:
        """Use the reserved subframes in ``start`` .. ``end`` - 1; what is sent, and the grants moved on."""
        rows = np.flatnonzero((self.next[:self.count] >= start) & (self.next[:self.count] < end))
        ready = self.waiting[rows] & (self.arrived[rows] <= self.next[rows])
        idle = rows[~ready]
        self.next[idle] += self.period[idle]
        self.missed[idle] += 1
        rows = rows[ready]
        rows = rows[np.lexsort((rows, self.priority[rows], self.slot[rows], self.next[rows]))]
        if len(rows) > 1:
            taken = (self.next[rows][1:] == self.next[rows][:-1]) & (self.slot[rows][1:] == self.slot[rows][:-1])
            if taken.any():
                second = np.concatenate([[False], taken])
                self._give_way(rows[second])
                rows = rows[~second]
        return self._send(rows)

    def _give_way(self, rows: np.ndarray) -> None:
        """The station's more urgent block goes first: wait for the next turn, or reselect if that is late."""
        self.postponed += len(rows)
        lost = self.next[rows]
        self.next[rows] += self.period[rows]
        self.missed[rows] += 1
        late = (self.next[rows] + 1) * MS > self.generated_ns[rows] + self.budget_ns[rows]
        self._reselect(rows[late], lost[late], np.full(int(late.sum()), int(Cause.CONFLICT)))

    def _send(self, rows: np.ndarray) -> Sendings:
        sent = Sendings(
            rows, self.slot[rows], self.next[rows], self.period[rows], self.first[rows], self.subchannels[rows],
            self.mcs[rows], self.frame[rows], self.sequence[rows], self.station_id[rows], self.size_bytes[rows],
            self.pool[rows],
        )
        self.waiting[rows] = False
        self.missed[rows] = 0
        self.last_use[rows] = sent.subframe
        self.counter[rows] -= 1
        self.next[rows] += self.period[rows]
        last = self.counter[rows] == 0
        if last.any():
            self._last_use_of_cycle(rows[last], sent, np.flatnonzero(last))
        return sent

    def _last_use_of_cycle(self, rows: np.ndarray, sent: Sendings, at: np.ndarray) -> None:
        """Keep or give up the resource; decided before the SCI is sent, so that it announces the truth."""
        draw = self.draw("keep", rows)
        self.cycles[rows] += 1
        keep = draw < self.mode.keep_probability
        self.counter[rows[keep]] = self.new_counter(rows[keep])
        gone = rows[~keep]
        self.next[gone], self.cause[gone] = NEVER, Cause.COUNTER
        sent.announced[at[~keep]] = 0

    def draw(self, name: str, rows: np.ndarray) -> np.ndarray:
        """One uniform number per row, keyed by station, flow, stream and cycle."""
        return hashed_uniform(self._keys[name], self.identity[rows], self.cycles[rows])

    def draw_pairs(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Two uniform numbers per row, [n, 2]."""
        identity, cycles = self.identity[rows][:, None], self.cycles[rows][:, None]
        return hashed_uniform(self._keys[name], identity, cycles, np.arange(2))

    def new_counter(self, rows: np.ndarray) -> np.ndarray:
        """Reselection counters, uniform in the range that the period sets."""
        low, high = _COUNTER_RANGE[:, np.minimum(self.period[rows], 100)]
        return low + (self.draw("counter", rows) * (high - low + 1)).astype(np.int64)

    def grant_sizes(self, rows: np.ndarray, subframe: np.ndarray) -> np.ndarray:
        """Bytes new grants are made for: the largest frame of the last second, or the one that waits."""
        size = self.size_bytes[rows]
        if self.mode.grant_sizing != "largest":
            return size
        recent = self.stamp[rows] > (subframe // _BUCKET_MS - _BUCKETS)[:, None]
        return np.maximum(size, np.where(recent, self.largest[rows], 0).max(axis=1))

    def windows(self, rows: np.ndarray, subframe: np.ndarray, processing_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """First and last candidate subframe for the waiting frames; last < first where the budget leaves none.

        T2 is the delay budget less ``processing_ns``; a budget too short for that may be used up to its end.
        """
        first = subframe + self.mode.t1_ms
        end_ns = self.generated_ns[rows] + self.budget_ns[rows]
        wanted, latest = -((processing_ns - end_ns) // MS), end_ns // MS - 1
        last = np.where(wanted < first, latest, np.minimum(wanted, latest))
        return first, np.minimum(last, subframe + self.mode.t2_max_ms)

    def give_up(self, rows: np.ndarray, subframe: np.ndarray) -> None:
        """No resource in time: the waiting frames end unsent."""
        self._drop(rows, subframe * MS)

    def take_grant(
        self, rows: np.ndarray, next_subframe: np.ndarray, first: np.ndarray, subchannels: np.ndarray, mcs: np.ndarray,
        counter: np.ndarray,
    ) -> None:
        """Write selected resources."""
        self.next[rows], self.first[rows], self.subchannels[rows] = next_subframe, first, subchannels
        self.mcs[rows] = mcs
        self.counter[rows], self.missed[rows], self.last_use[rows] = counter, 0, next_subframe

    def _drop(self, rows: np.ndarray, time_ns: np.ndarray, present: bool = True) -> None:
        if len(rows):
            self.waiting[rows] = False
            self.dropped.append((self.frame[rows], self.slot[rows], time_ns, np.full(len(rows), present)))
