"""Rows of SPS processes: one per station, flow and stream, made when its first frame comes."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from sim.access.lte_mode4 import draws
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.sendings import period_subframes
from sim.clock import NEVER, hashed_bits, stream_key
from sim.frames import Flow, Frames
from sim.world.stations import Stations

BUCKETS, BUCKET_MS = 10, 100
"""Largest frames are remembered in so many steps of so long."""


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


COLUMNS = (
    "slot", "station_id", "flow", "stream", "pool", "period", "priority", "budget_ns", "next", "counter", "first",
    "subchannels", "mcs", "last_use", "missed", "cycles", "cause",
    "frame", "sequence", "generated_ns", "size_bytes", "arrived", "gap", "second_first",
)
"""Integer columns of the table."""


class ProcessTable:
    """Columns of all processes of a carrier, and which row is whose."""

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
    gap: np.ndarray
    second_first: np.ndarray

    def __init__(self, flows: list[Flow], grid: Grid, seed: int) -> None:
        self.flows = {flow.index: flow for flow in flows}
        self.grid = grid
        self.count = 0
        self.table = np.zeros((len(COLUMNS), 0), np.int64)
        self.waiting = np.zeros(0, bool)
        self.fitting = np.zeros(0, np.int64)
        """Size of a frame that is known to fit the present grant, 0 for none."""
        self.largest = np.zeros((0, BUCKETS), np.int64)
        self.stamp = np.full((0, BUCKETS), -1, np.int64)
        self.identity = np.zeros(0, np.uint64)
        """Hash of (station, flow, stream): the key of a process's draws."""
        self._bind()
        self._row: dict[tuple[int, int, int], int] = {}
        self._place = np.full(max(self.flows, default=0) + 1, -1, np.int64)
        """Place of each flow among all, by its index."""
        self._place[sorted(self.flows)] = np.arange(len(self.flows))
        self._row_of = np.full((0, len(self.flows) + 1), -1, np.int64)
        """Row of (slot, place of the flow) for stream 0, -1 where there is none."""
        self._process_key = stream_key(seed, "mode4", "process")
        self._draws = draws.Draws(seed)

    def rows_of(self, frames: Frames, stations: Stations) -> np.ndarray:
        """Row of each frame's process, made where there is none."""
        if not len(frames):
            return np.empty(0, np.int64)
        flow = frames.flow
        if np.count_nonzero(frames.stream) or int(flow.max()) >= len(self._place):
            return self._rows_one_by_one(frames, stations)
        if len(self._row_of) < stations.size:
            extra = np.full((stations.size - len(self._row_of), self._row_of.shape[1]), -1, np.int64)
            self._row_of = np.concatenate([self._row_of, extra])
        place = self._place[flow]
        rows = self._row_of[frames.sender, place]
        if np.count_nonzero(rows < 0):
            rows = self._rows_one_by_one(frames, stations)
            known = (place >= 0).nonzero()[0]
            self._row_of[frames.sender[known], place[known]] = rows[known]
        return rows

    def _rows_one_by_one(self, frames: Frames, stations: Stations) -> np.ndarray:
        keys = zip(frames.sender.tolist(), frames.flow.tolist(), frames.stream.tolist(), strict=True)
        return np.array([self._row[key] if key in self._row else self._make(key, stations) for key in keys], np.int64)

    def _make(self, key: tuple[int, int, int], stations: Stations) -> int:
        slot, flow, stream = key
        if flow not in self.flows:
            raise ValueError(f"frames: flow {flow} is not one of the layer's flows {sorted(self.flows)}")
        if self.count == len(self.waiting):
            self._grow(max(64, 2 * self.count))
        row, self.count = self.count, self.count + 1
        self._row[key] = row
        kind = self.flows[flow]
        values = {
            "slot": slot, "station_id": stations.station_id[slot], "flow": flow, "stream": stream,
            "pool": self.grid.pool_of(stations, np.array([slot]))[0], "period": period_subframes(kind.period_ns),
            "priority": kind.priority, "budget_ns": kind.budget_ns, "next": NEVER, "cause": Cause.FIRST,
        }
        for name, value in values.items():
            getattr(self, name)[row] = value
        self._identify(np.array([row]))
        return row

    def _identify(self, rows: np.ndarray) -> None:
        self.identity[rows] = hashed_bits(self._process_key, self.station_id[rows], self.flow[rows], self.stream[rows])
        self._draws.forget(rows)

    def _bind(self) -> None:
        for name, column in zip(COLUMNS, self.table, strict=True):
            setattr(self, name, column)

    def _grow(self, size: int) -> None:
        old = self.table
        self.table = np.zeros((len(COLUMNS), size), np.int64)
        self.table[COLUMNS.index("slot")] = -1
        self.table[COLUMNS.index("next")] = NEVER
        self.table[:, :old.shape[1]] = old
        self._bind()
        for name in ("waiting", "fitting", "largest", "stamp", "identity"):
            before = getattr(self, name)
            new = np.full((size, *before.shape[1:]), -1 if name == "stamp" else 0, before.dtype)
            new[:len(before)] = before
            setattr(self, name, new)
        self._draws.grow(size)
