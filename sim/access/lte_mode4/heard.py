"""Reservations that a station has heard of, laid out over the candidates of its selection (step 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.processes import Processes, Sendings
from sim.access.neighbours import LISTENERS, RSU, Neighbours, run_within
from sim.access.sidelink.selection import projected
from sim.access.sidelink.sensing import ReservationMemory

if TYPE_CHECKING:
    from sim.access.lte_mode4.selector import Batch
    from sim.scenario.schema.radio import Mode4
    from sim.world.stations import Stations

_PRIORITIES = 8
_SIGMAS = 5.0
"""Reservations are looked up as far as they can pass the threshold with shadowing of so many standard deviations."""


class HeardReservations:
    """Highest RSRP of a decoded reservation per candidate subframe and subchannel.

    An SCI reserves its own PRBs one period ahead (up to 100 ms ahead for shorter periods) and, with a second
    transmission of the same block, those of the other one too, in this period and the next (TS 36.213 clauses
    14.1.1.4C and 14.1.1.6 step 5). With thresholds by priority, levels are ratios to the threshold of the pair.
    Levels below the (lowest) threshold exclude nothing and are left out.
    """

    def __init__(self, mode: Mode4, grid: Grid, processes: Processes, memory: ReservationMemory) -> None:
        self.grid, self.processes, self.memory = grid, processes, memory
        self.threshold_mw = self._least_mw = 10 ** (mode.rsrp_threshold_dbm / 10)
        self._thresholds: np.ndarray | None = None
        if mode.rsrp_thresholds_dbm is not None:
            table = np.asarray(mode.rsrp_thresholds_dbm, np.float64)
            if table.shape != (_PRIORITIES, _PRIORITIES):
                rule = f"needs {_PRIORITIES} rows of {_PRIORITIES}, has shape {table.shape}"
                raise ValueError(f"radio.mode4.rsrp_thresholds_dbm: {rule}")
            self._thresholds = (10 ** (-table / 10)).astype(np.float32)
            self.threshold_mw = 1.0
            self._least_mw = float((10 ** (table / 10)).min())
        self._windows_prb = 0
        self._loudest_dbm: dict[int, float] = {}
        """Highest EIRP of each population so far: power may have been higher when a reservation was made."""
        self._reach: dict[tuple[float, ...], float] = {}
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
        self._windows: list[tuple[int, int, np.ndarray, np.ndarray]] | None = None
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
        record = self._latest(row, batch.at.take(index))
        announced = memory.announced.take(record)
        reach = announced * np.maximum(1, 100 // np.maximum(announced, 1)) if self._short else announced
        ahead = (announced > 0) & (memory.subframe.take(record) + reach >= batch.begin.take(index))
        if self.processes.copies > 1:
            self._fit()
            gap = self._gap[record]
            ahead |= memory.subframe[record] + np.maximum(gap, 0) >= batch.begin[index]
            ahead |= (announced > 0) & (memory.subframe[record] + reach + gap >= batch.begin[index])
        some = ahead.nonzero()[0]
        index, record = index[some], record[some]
        rsrp = memory.heard_mw(record, batch.slot.take(index), population.take(index), self._least_mw)
        decoded = rsrp
        if not self.grid.plans.trivial:
            channel = self.grid.channel[self.processes.pool[process[some]]]
            decoded = (rsrp > 0) & self._listen[batch.slot[index], channel]
        heard = decoded.nonzero()[0]
        index, record, rsrp = index[heard], record[heard], rsrp[heard]
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
        record = 2 * row + memory.generation.take(row)
        newer = memory.subframe.take(record) >= before
        if np.count_nonzero(newer):
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

    def _loud(self) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
        """Per population that sends: its first column, its size, and the run of it that may pass the threshold at each
        listening column."""
        if self._windows is None or self._windows_prb != self.grid.least_data_prb:
            near, self._windows = self.near, []
            self._windows_prb = self.grid.least_data_prb
            ticks = 2 + self.memory.horizon // 100
            for b in LISTENERS:
                if not near.size[b]:
                    continue
                runs = [
                    run_within(near.place_m[a], near.place_m[b], self._reach_m(a, b) + 2 * near.slack_m * ticks,
                               near.ring_m)
                    for a in LISTENERS
                ]
                lo, count = (np.concatenate([run[i] for run in runs]) for i in (0, 1))
                self._windows.append((int(near.offset[b]), int(near.size[b]), lo, count))
        return self._windows

    def _reach_m(self, a: int, b: int) -> float:
        """Distance up to which a reservation of population ``b`` may pass the threshold at ``a``."""
        near = self.near
        if not near.size[a]:
            return 0.0
        tx, rx = (slice(int(near.offset[p]), int(near.offset[p + 1])) for p in (b, a))
        eirp_dbm = float((near.power_dbm[tx] + near.gain_dbi[tx]).max())
        self._loudest_dbm[b] = eirp_dbm = max(eirp_dbm, self._loudest_dbm.get(b, -np.inf))
        prb = self.grid.least_data_prb
        key = (eirp_dbm, float(near.gain_dbi[rx].max()), float(near.height_m[tx].max()),
               float(near.height_m[rx].max()), float(RSU in (a, b)), prb)
        if key not in self._reach:
            channel = near.propagation
            sigma_db = channel.sigma_db()
            margin_db = channel.config.reach_margin_db + 2 * sigma_db - _SIGMAS * sigma_db
            element_db = 10 * np.log10(self.grid.power_share(prb)[0] / (12 * prb))
            floor_dbm = 10 * np.log10(self._least_mw) - element_db + margin_db
            self._reach[key] = channel.reach_m(*key[:2], floor_dbm, *key[2:4], is_v2i=bool(key[4]))
        return min(self._reach[key] * near.reach_factor, near.reach_m(a, b))

    def _audible(self, slot: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs (index of slot, process of a station within reach), and the population of each slot's station."""
        self._update_order()
        near, order, starts = self.near, self._order, self._starts
        column = near.column[slot]
        ranges = [(first, size, lo[column].tolist(), count[column].tolist())
                  for first, size, lo, count in self._loud()]
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
            prb = memory.prb_from.take(record), memory.prb_to.take(record)
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
        begin = batch.begin.take(row)
        flat = level.ravel()
        columns = (values.take(row) for values in (batch.end, batch.period, batch.repetitions))
        for found, y in projected(target, begin, *columns):
            cell = (row[found] * batch.span + y - begin[found]) * count + low[found]
            value = rsrp[found]
            for s in range(most):
                if s < least:
                    np.maximum.at(flat, cell + s, value)
                else:
                    inside = (s < wide[found]).nonzero()[0]
                    np.maximum.at(flat, cell[inside] + s, value[inside])
