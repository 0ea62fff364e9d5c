"""Reservations that a station has heard of, laid out over the candidates of its selection (step 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.processes import Processes, Sendings
from sim.access.neighbours import LISTENERS, Neighbours
from sim.access.sidelink.selection import projected
from sim.access.sidelink.sensing import ReservationMemory

if TYPE_CHECKING:
    from sim.access.lte_mode4.selector import Batch
    from sim.scenario.schema.radio import Mode4
    from sim.world.stations import Stations

_MW = np.float32(np.log(10) / 10)
_PRIORITIES = 8


class HeardReservations:
    """Highest RSRP of a decoded reservation per candidate subframe and subchannel.

    An SCI reserves its own PRBs one period ahead (up to 100 ms ahead for shorter periods) and, with a second
    transmission of the same block, those of the other one too, in this period and the next (TS 36.213 clauses
    14.1.1.4C and 14.1.1.6 step 5). With thresholds by priority, levels are ratios to the threshold of the pair.
    """

    def __init__(self, mode: Mode4, grid: Grid, processes: Processes, memory: ReservationMemory) -> None:
        self.grid, self.processes, self.memory = grid, processes, memory
        self.threshold_mw = 10 ** (mode.rsrp_threshold_dbm / 10)
        self._thresholds: np.ndarray | None = None
        if mode.rsrp_thresholds_dbm is not None:
            table = np.asarray(mode.rsrp_thresholds_dbm, np.float64)
            if table.shape != (_PRIORITIES, _PRIORITIES):
                rule = f"needs {_PRIORITIES} rows of {_PRIORITIES}, has shape {table.shape}"
                raise ValueError(f"radio.mode4.rsrp_thresholds_dbm: {rule}")
            self._thresholds = (10 ** (-table / 10)).astype(np.float32)
            self.threshold_mw = 1.0
        self._gap = np.zeros(0, np.int64)
        self._other_prb = np.zeros(0, np.int64)
        self._short = len(processes.periods) > 0 and int(processes.periods[0]) < 100
        """Whether periods below 100 ms are in use, which are reserved several times ahead."""
        self._known = -1
        self._listen = np.empty((0, 3), bool)
        """Whether each slot can decode each channel."""

    def new_tick(self, neighbours: Neighbours, stations: Stations) -> None:
        """Stations stand in a new order."""
        self.near = neighbours
        self._known = -1
        plans = self.grid.plans
        if not plans.trivial:
            self._listen = plans.listen[plans.class_of(stations, np.arange(stations.size))]

    def note_gaps(self, sent: Sendings) -> None:
        """After these transmissions were remembered: where the other one of the same block lies."""
        self._fit()
        record = 2 * sent.process + self.memory.generation[sent.process]
        self._gap[record] = sent.gap
        self._other_prb[record] = self.grid.start_prb[sent.pool] + sent.other_first * self.grid.width_prb[sent.pool]

    def _fit(self) -> None:
        size = 2 * len(self.memory.generation)
        if len(self._gap) < size:
            extra = np.zeros(size - len(self._gap), np.int64)
            self._gap, self._other_prb = np.concatenate([self._gap, extra]), np.concatenate([self._other_prb, extra])

    def siblings(self, slot: np.ndarray) -> list[tuple[int, list[int]]]:
        """(index, process rows) of the stations that have more than one process."""
        self._update_order()
        starts, found = self._starts, []
        for i, column in enumerate(self.near.column[slot].tolist()):
            if starts[column + 1] - starts[column] > 1:
                found.append((i, self._order[starts[column]:starts[column + 1]].tolist()))
        return found

    def reserved(self, batch: Batch) -> np.ndarray:
        """Highest RSRP in mW, or its ratio to the threshold, float32 [b, span, subchannels]."""
        memory, count = self.memory, int(self.grid.subchannels[batch.pool])
        level = np.zeros((len(batch.rows), batch.span, count), np.float32)
        index, process, population = self._audible(batch.slot)
        if not len(process):
            return level
        row = self._copies(process)
        if row is not process:
            index, process = np.tile(index, 2), np.tile(process, 2)
        record = self._latest(row, batch.at[index])
        announced = memory.announced[record]
        reach = announced * np.maximum(1, 100 // np.maximum(announced, 1)) if self._short else announced
        ahead = (announced > 0) & (memory.subframe[record] + reach >= batch.begin[index])
        if self.processes.copies > 1:
            self._fit()
            gap = self._gap[record]
            ahead |= memory.subframe[record] + np.maximum(gap, 0) >= batch.begin[index]
            ahead |= (announced > 0) & (memory.subframe[record] + reach + gap >= batch.begin[index])
        some = ahead.nonzero()[0]
        index, record = index[some], record[some]
        rsrp = memory.heard(record, batch.slot[index], population[index])
        decoded = rsrp > -1e8
        if not self.grid.plans.trivial:
            decoded &= self._listen[batch.slot[index], self.grid.channel[self.processes.pool[process[some]]]]
        heard = decoded.nonzero()[0]
        index, record, rsrp = index[heard], record[heard], np.exp(rsrp[heard] * _MW)
        if self._thresholds is not None:
            of = self.processes.priority
            rsrp *= self._thresholds[of[process[some][heard]] - 1, of[batch.rows[index]] - 1]
        self._mark(level, batch, index, record, rsrp)
        return level

    def _copies(self, process: np.ndarray) -> np.ndarray:
        """Rows of the memory of these processes."""
        if self.processes.copies == 1:
            return process
        return np.concatenate([2 * process, 2 * process + 1])

    def _latest(self, row: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Records of the latest transmissions before these subframes."""
        memory = self.memory
        record = 2 * row + memory.generation[row]
        newer = memory.subframe[record] >= before
        if newer.any():
            record ^= newer
        return record

    def _update_order(self) -> None:
        """Process rows sorted by their station's column, and where each column's begin."""
        p = self.processes
        if self._known != p.count:
            columns = self.near.column[p.slot[:p.count]]
            self._order = np.argsort(columns, kind="stable")
            self._starts = np.searchsorted(columns[self._order], np.arange(len(self.near.slots) + 1)).tolist()
            self._known = p.count

    def _audible(self, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs (index of slot, process of a station within reach), and the population of each slot's station."""
        self._update_order()
        near, order, starts = self.near, self._order, self._starts
        column = near.column[slot]
        ranges = [
            (int(near.offset[b]), int(near.size[b]), near.lo[b][column].tolist(), near.count[b][column].tolist())
            for b in LISTENERS if near.size[b]
        ]
        found, number = [], []
        for i in range(len(slot)):
            total = 0
            for offset, size, lo, count in ranges:
                end = lo[i] + count[i]
                parts = [order[starts[offset + lo[i]]:starts[offset + min(end, size)]]]
                if end > size:
                    parts.append(order[starts[offset]:starts[offset + end - size]])
                found += parts
                total += sum(map(len, parts))
            number.append(total)
        return np.repeat(np.arange(len(slot)), number), np.concatenate(found), near.population(column)

    def _mark(
        self, level: np.ndarray, batch: Batch, index: np.ndarray, record: np.ndarray, rsrp: np.ndarray
    ) -> None:
        """Enter decoded reservations: one period ahead, or up to 100 ms ahead for shorter periods heard just now."""
        memory = self.memory
        announced, since = memory.announced[record], memory.subframe[record]
        if not self._short and self.processes.copies == 1:
            prb = memory.prb_from[record], memory.prb_to[record]
            self._enter(level, batch, index, since + announced, prb, rsrp)
            return
        times = 1 if not self._short else max(1, 100 // int(announced.min(initial=100) or 100))
        wide = memory.prb_to[record] - memory.prb_from[record]
        targets = [(memory.prb_from[record], np.zeros(1, np.int64), 1)]
        if self.processes.copies > 1:
            targets.append((self._other_prb[record], self._gap[record], 0))
        for prb, gap, first in targets:
            for ahead in range(first, times + 1):
                use = announced > 0 if ahead else gap > 0
                if ahead > 1:
                    use &= (ahead * announced <= 100) & (batch.at[index] - since <= announced)
                if first == 0:
                    use &= gap != 0
                    use &= since + gap + ahead * announced >= batch.begin[index]
                use = slice(None) if use.all() else use.nonzero()[0]
                shift = gap if first else gap[use]
                self._enter(level, batch, index[use], since[use] + shift + ahead * announced[use],
                            (prb[use], prb[use] + wide[use]), rsrp[use])

    def _enter(
        self, level: np.ndarray, batch: Batch, row: np.ndarray, target: np.ndarray,
        prb: tuple[np.ndarray, np.ndarray], rsrp: np.ndarray,
    ) -> None:
        """Write levels at the candidates whose repetitions meet ``target`` on these PRBs."""
        if not len(row):
            return
        count, width = level.shape[2], int(self.grid.width_prb[batch.pool])
        start = int(self.grid.start_prb[batch.pool])
        low = np.maximum((prb[0] - start) // width, 0)
        wide = np.minimum(-((start - prb[1]) // width), count) - low
        least, most = int(wide.min()), int(wide.max())
        begin = batch.begin[row]
        flat = level.ravel()
        for found, y in projected(target, begin, batch.end[row], batch.period[row], batch.repetitions[row]):
            cell = (row[found] * batch.span + y - begin[found]) * count + low[found]
            value = rsrp[found]
            for s in range(most):
                if s < least:
                    np.maximum.at(flat, cell + s, value)
                else:
                    inside = (s < wide[found]).nonzero()[0]
                    np.maximum.at(flat, cell[inside] + s, value[inside])
