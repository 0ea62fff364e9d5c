"""What stations have decoded of others' SCIs: where, for how long and how strongly resources are reserved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.access.neighbours import Neighbours
from sim.access.nr_mode2.grid import Grid
from sim.access.nr_mode2.processes import Processes
from sim.access.nr_mode2.sendings import Sendings
from sim.access.sidelink.links import Sent
from sim.access.sidelink.sensing import ReservationMemory

_NOTHING = -(2**40)
"""Stands for the last slot of an SCI that reserves nothing."""


class Known:
    """The two latest SCIs of every process and copy, with the RSRP at which each listener decoded them.

    Record 2 x (process x copies + copy) + generation in ``memory``; the columns here hold what Mode 2 adds to it.
    ``ids`` lists all records by their station's column, ``starts`` where each column's begin.
    """

    def __init__(
        self, memory: ReservationMemory, grid: Grid, copies: int, sensitivity_dbm: float | None = None
    ) -> None:
        self.memory, self.grid, self.copies = memory, grid, copies
        self.sensitivity_mw = None if sensitivity_dbm is None else np.float32(10 ** (sensitivity_dbm / 10))
        self.longest = 100 << grid.numerology
        """Slots of 100 ms: selection windows are not longer."""
        self.ordered = -1
        self._columns(0)

    def _columns(self, size: int) -> None:
        self.priority = np.ones(size, np.int64)
        self.until = np.full(size, _NOTHING, np.int64)
        """Last slot that the SCI reserves."""
        self.ahead_at = np.full((size, self.copies - 1), -1, np.int64)
        self.ahead_from = np.zeros((size, self.copies - 1), np.int64)
        self.width = np.zeros(size, np.int64)
        """PRBs of a resource."""

    def grow(self, slots: int, processes: int) -> None:
        """Make room for more station slots and processes."""
        self.memory.grow(slots, processes * self.copies)
        if len(self.until) < 2 * processes * self.copies:
            old = (self.priority, self.until, self.ahead_at, self.ahead_from, self.width)
            self._columns(2 * processes * self.copies)
            new = (self.priority, self.until, self.ahead_at, self.ahead_from, self.width)
            for before, after in zip(old, new, strict=True):
                after[:len(before)] = before

    def reorder(self, near: Neighbours, processes: Processes) -> None:
        """Stations stand in a new order, or there are new processes."""
        columns = near.column[processes.slot[:processes.count]]
        self.order = np.argsort(columns, kind="stable")
        self.processes_at = np.searchsorted(columns[self.order], np.arange(len(near.slots) + 1))
        """Place in ``order`` of the first process of every column."""
        several = 2 * self.copies
        self.ids = (several * self.order[:, None] + np.arange(several)).ravel()
        self.starts = several * self.processes_at
        self.start_list = self.starts.tolist()
        self.ordered = processes.count

    def commit(self, s: Sendings, sent: Sent, level_at: np.ndarray) -> None:
        """Transmissions become known, at most one per process and copy and one per station in a call."""
        start = self.grid.start_prb[s.pool]
        width = self.grid.width_prb[s.pool]
        first = start + s.first * width
        key = s.process * self.copies + s.copy
        size = s.subchannels * width
        self.memory.commit(key, s.slot, s.at, s.announced, (first, first + size), sent, level_at)
        record = 2 * key + self.memory.generation[key]
        self.priority[record], self.width[record] = s.priority, size
        # A period below 100 ms counts several times where it was heard within it.
        reserved = s.announced * np.maximum(1, -(-self.longest // np.maximum(s.announced, 1)))
        if self.copies == 1:
            self.until[record] = np.where(s.announced > 0, s.at + reserved, _NOTHING)
            return
        self.ahead_at[record], self.ahead_from[record] = s.ahead_at, start[:, None] + s.ahead_first * width[:, None]
        last = s.ahead_at.max(axis=1)
        silent = (s.announced == 0) & (last < 0)
        self.until[record] = np.where(silent, _NOTHING, np.maximum(s.at, last) + reserved)

    def alive(self, begin: int, end: int, only: np.ndarray | None) -> np.ndarray:
        """Which of ``ids`` still reserve something from ``begin`` on, or one of the slots ``only``."""
        mask = self.until[self.ids] >= begin
        if only is None:
            return mask
        wanted = np.zeros(end - begin + 2, bool)
        wanted[only - begin] = True
        rows = mask.nonzero()[0]
        record = self.ids[rows]
        hit = np.zeros(len(rows), bool)
        for use, target, _, _ in self.targets(record, self.memory.subframe[record], self.longest):
            inside = (target >= begin) & (target <= end)
            hit[use] |= wanted[np.where(inside, target - begin, -1)]
        mask[rows] = hit
        return mask

    def targets(
        self, record: np.ndarray, at: np.ndarray, scale: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Every resource that these SCIs reserve, as (rows, slot, first PRB, PRB behind the last).

        The same resources one period on, further periods only within ``scale`` slots (the selection window) and where
        the SCI was heard less than a period before ``at`` (Q of TS 38.214 clause 8.1.4).
        """
        memory = self.memory
        sent, period = memory.subframe[record], memory.announced[record]
        shortest = int(period[period > 0].min(initial=2**40))
        for times in range(1, max(1, -(-scale // shortest)) + 1):
            use = period > 0
            if times > 1:
                use &= (at - sent <= period) & (times <= -(-scale // np.maximum(period, 1)))
            rows = use.nonzero()[0]
            shift = times * period[rows]
            yield rows, sent[rows] + shift, memory.prb_from[record[rows]], memory.prb_to[record[rows]]
            for copy in range(self.copies - 1):
                yield from self._ahead(record, rows, copy, shift)
        for copy in range(self.copies - 1):
            yield from self._ahead(record, np.arange(len(record)), copy, np.zeros(len(record), np.int64))

    def _ahead(
        self, record: np.ndarray, rows: np.ndarray, copy: int, shift: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """The further resource ``copy`` that SCIs name, some periods on."""
        there = np.flatnonzero(self.ahead_at[record[rows], copy] >= 0)
        if len(there):
            some = record[rows[there]]
            first = self.ahead_from[some, copy]
            yield rows[there], self.ahead_at[some, copy] + shift[there], first, first + self.width[some]

    def heard_mw(
        self, record: np.ndarray, slot: np.ndarray, population: np.ndarray, least_mw: float = 0.0
    ) -> np.ndarray:
        """RSRP per resource element in mW at which the station in ``slot`` decoded a record's SCI; 0 if it did not, or
        below ``least_mw``."""
        power = self.memory.heard_mw(record, slot, population, least_mw)
        if self.sensitivity_mw is not None:
            power[power * (12 * self.width[record]) < self.sensitivity_mw] = 0
        return power
