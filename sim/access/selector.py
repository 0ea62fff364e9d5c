"""Gathers what a station senses and remembers into the arrays of a resource selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.grid import Grid
from sim.access.neighbours import RSU, VEHICLE, Neighbours
from sim.access.processes import Processes
from sim.access.selection import FREE_DBM, Choice, blocks, choose, projected
from sim.access.sensing import PowerMemory, ReservationMemory
from sim.clock import NEVER, hashed_uniform, ns_from_ms, stream_key

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode4


class Selector:
    """Selects resources for processes whose packet has just arrived (3GPP TS 36.213 clause 14.1.1.6)."""

    def __init__(
        self, mode: Mode4, grid: Grid, processes: Processes, power: PowerMemory, reservations: ReservationMemory, seed: int
    ) -> None:
        self.mode, self.grid, self.processes = mode, grid, processes
        self.power, self.reservations = power, reservations
        self._key = stream_key(seed, "mode4", "selection")
        self.log: list[dict[str, np.ndarray]] | None = None
        """One record per batch of selections if a list is put here (for tests and studies)."""

    def new_tick(self, neighbours: Neighbours) -> None:
        """Stations stand in a new order."""
        self.near = neighbours
        self._known = -1

    def select(self, rows: np.ndarray, subframe: int) -> None:
        """Grants for the processes ``rows`` triggered at ``subframe``; those of one station one after the other."""
        p = self.processes
        rows = rows[np.lexsort((rows, p.priority[rows], p.slot[rows]))]
        while len(rows):
            first = np.concatenate([[True], p.slot[rows][1:] != p.slot[rows][:-1]])
            self._select_apart(rows[first], subframe)
            rows = rows[~first]

    def _select_apart(self, rows: np.ndarray, subframe: int) -> None:
        """At most one process per station."""
        p = self.processes
        at = np.full(len(rows), subframe, np.int64)
        begin, end = p.windows(rows, at, ns_from_ms(self.mode.processing_budget_ms))
        late = end < begin
        if late.any():
            p.give_up(rows[late], at[late])
            rows, begin, end = rows[~late], begin[~late], end[~late]
        sizes = [self.grid.sized(p.grant_size(r, subframe), int(p.pool[r])) for r in rows.tolist()]
        mcs, width = (np.array([s[i] for s in sizes], np.int64) for i in (0, 1))
        kinds = p.pool[rows] * 1000 + width
        for kind in np.unique(kinds):
            same = np.flatnonzero(kinds == kind)
            self._select_alike(rows[same], subframe, begin[same], end[same], int(width[same[0]]), mcs[same])

    def _select_alike(
        self, rows: np.ndarray, subframe: int, begin: np.ndarray, end: np.ndarray, width: int, mcs: np.ndarray
    ) -> None:
        """Processes of one pool that need equally many subchannels."""
        p, mode = self.processes, self.mode
        p.cycles[rows] += 1
        counter = p.new_counter(rows)
        span = int((end - begin).max()) + 1
        pool = int(p.pool[rows[0]])
        reserved = self._reserved(rows, subframe, begin, end, span, counter, pool)
        barred = self._barred(rows, subframe, begin, end, span, counter)
        power = self._power(rows, begin, span, pool, width)
        draws = np.stack([self._draws(rows, kind) for kind in (0, 1)], axis=1)
        choice = choose(
            blocks(reserved, width, np.maximum), barred, power, end - begin + 1, draws,
            mode.rsrp_threshold_dbm, mode.threshold_step_db, mode.candidate_ratio,
        )
        p.take_grant(rows, begin + choice.subframe, choice.first, np.full(len(rows), width), mcs, counter)
        if self.log is not None:
            self._record(rows, subframe, counter, choice, begin)

    def _draws(self, rows: np.ndarray, kind: int) -> np.ndarray:
        p = self.processes
        return hashed_uniform(self._key, p.station_id[rows], p.flow[rows], p.stream[rows], p.cycles[rows], np.int64(kind))

    # ---- step 2: subframes that were not monitored, and the station's own other reservations

    def _barred(
        self, rows: np.ndarray, subframe: int, begin: np.ndarray, end: np.ndarray, span: int, counter: np.ndarray
    ) -> np.ndarray:
        p = self.processes
        barred = np.zeros((len(rows), span), bool)
        own = self.reservations.own[p.slot[rows]]
        row, column = np.nonzero((own >= subframe - self.mode.sensing_window_ms) & (own < subframe))
        sent = own[row, column]
        for period in p.periods.tolist():
            for ahead in range(1, max(1, 100 // period) + 1):
                near = slice(None) if ahead == 1 else np.flatnonzero(subframe - sent <= period)
                self._bar(barred, row[near], sent[near] + ahead * period, rows, begin, end, counter)
        self._bar_own(barred, rows, begin, end)
        return barred

    def _bar(
        self, barred: np.ndarray, row: np.ndarray, target: np.ndarray, rows: np.ndarray, begin: np.ndarray, end: np.ndarray,
        counter: np.ndarray,
    ) -> None:
        if not len(row):
            return
        period = self.processes.period[rows]
        for found, y in projected(target, begin[row], end[row], period[row], 10 * counter[row]):
            barred[row[found], y - begin[row[found]]] = True

    def _bar_own(self, barred: np.ndarray, rows: np.ndarray, begin: np.ndarray, end: np.ndarray) -> None:
        """A station sends one transport block per subframe: keep off its other processes' reservations."""
        p = self.processes
        order, starts = self._process_order()
        column = self.near.column[p.slot[rows]]
        for i in np.flatnonzero(starts[column + 1] - starts[column] > 1).tolist():
            for other in order[starts[column[i]]:starts[column[i] + 1]].tolist():
                if other == rows[i] or p.next[other] == NEVER:
                    continue
                step = int(np.gcd(p.period[other], p.period[rows[i]]))
                first = int((p.next[other] - begin[i]) % step)
                barred[i, first:int(end[i] - begin[i]) + 1:step] = True

    # ---- step 3: reservations of others

    def _process_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Process rows sorted by their station's column, and where each column's begin."""
        p = self.processes
        if self._known != p.count:
            columns = self.near.column[p.slot[:p.count]]
            order = np.argsort(columns, kind="stable")
            self._order = order
            self._starts = np.searchsorted(columns[order], np.arange(len(self.near.slots) + 1))
            self._known = p.count
        return self._order, self._starts

    def _audible(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pairs (index of row, process of a station within reach), and the population of each row's station."""
        near = self.near
        order, starts = self._process_order()
        column = near.column[self.processes.slot[rows]]
        mine = near.population(column)
        index, found = [], []
        for a in (VEHICLE, RSU):
            of_a = np.flatnonzero(mine == a)
            place = column[of_a] - near.offset[a]
            for b in (VEHICLE, RSU):
                n = int(near.size[b])
                if not len(of_a) or not n:
                    continue
                windows = near.windows.get((a, b)) or near.windows[b, a]
                if (a, b) not in near.windows:
                    continue
                lo, count = windows.lo[place], windows.count[place]
                for first, last in ((lo, np.minimum(lo + count, n)), (np.zeros_like(lo), np.maximum(lo + count - n, 0))):
                    begin, stop = starts[near.offset[b] + first], starts[near.offset[b] + last]
                    number = np.maximum(stop - begin, 0)
                    total = int(number.sum())
                    if total:
                        at = np.arange(total) + np.repeat(begin - np.cumsum(number) + number, number)
                        index.append(np.repeat(of_a, number))
                        found.append(order[at])
        if not index:
            return np.empty(0, np.int64), np.empty(0, np.int64), mine
        return np.concatenate(index), np.concatenate(found), mine

    def _reserved(
        self, rows: np.ndarray, subframe: int, begin: np.ndarray, end: np.ndarray, span: int, counter: np.ndarray, pool: int
    ) -> np.ndarray:
        """Highest RSRP in dBm of a decoded reservation per candidate subframe and subchannel, [b, span, subchannels]."""
        p, memory, grid = self.processes, self.reservations, self.grid
        count = int(grid.subchannels[pool])
        level = np.full((len(rows), span, count), FREE_DBM, np.float32)
        index, process, mine = self._audible(rows)
        index, process = self._still_ahead(index, process, begin, subframe)
        rsrp = memory.heard(process, p.slot[rows[index]], mine[index])
        heard = np.flatnonzero(~np.isnan(rsrp))
        index, process, rsrp = index[heard], process[heard], rsrp[heard]
        width = int(grid.width_prb[pool])
        low = np.maximum((memory.prb_from[process] - int(grid.start_prb[pool])) // width, 0)
        high = np.minimum(-((int(grid.start_prb[pool]) - memory.prb_to[process]) // width), count)
        flat, period = level.ravel(), p.period[rows]
        most = max(1, 100 // int(memory.announced[process].min(initial=100)))
        for ahead in range(1, most + 1):
            each = memory.announced[process]
            use = slice(None) if ahead == 1 else np.flatnonzero(
                (ahead <= 100 // np.maximum(each, 1)) & (subframe - memory.subframe[process] <= each)
            )
            i, target = index[use], (memory.subframe[process] + ahead * each)[use]
            for found, y in projected(target, begin[i], end[i], period[i], 10 * counter[i]):
                row = i[found]
                cell = (row * span + y - begin[row]) * count
                for s in range(int((high - low).max(initial=0))):
                    at = low[use][found] + s
                    inside = at < high[use][found]
                    np.maximum.at(flat, cell[inside] + at[inside], rsrp[use][found][inside])
        return level

    def _still_ahead(
        self, index: np.ndarray, process: np.ndarray, begin: np.ndarray, subframe: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs whose announced reservations reach into the window; not the station's own."""
        memory, p = self.reservations, self.processes
        announced = memory.announced[process]
        until = memory.subframe[process] + announced * np.maximum(1, 100 // np.maximum(announced, 1))
        keep = (announced > 0) & (until >= begin[index]) & (memory.subframe[process] < subframe)
        return index[keep], process[keep]

    # ---- steps 5 to 7: averaged S-RSSI

    def _power(self, rows: np.ndarray, begin: np.ndarray, span: int, pool: int, width: int) -> np.ndarray:
        """Averaged S-RSSI in mW per candidate, float32 [b, span, starts]."""
        p, memory = self.processes, self.power
        slot = p.slot[rows][:, None]
        subframes = begin[:, None] + np.arange(span)
        total = np.zeros((len(rows), span, memory.sums.shape[2]))
        counts = np.zeros((len(rows), span), np.int64)
        shortest = int(p.period[rows].min())
        for shift in range(0, 100, min(100, shortest)):
            lags = shift % np.minimum(p.period[rows], 100) == 0
            phase = (subframes + shift) % 100
            total += memory.sums[phase, slot] * lags[:, None, None]
            counts += memory.counts[phase, slot] * lags[:, None]
        mean = (total / np.maximum(counts, 1)[:, :, None]).astype(np.float32)
        return blocks(mean[:, :, :int(self.grid.subchannels[pool])], width, np.add)

    def _record(self, rows: np.ndarray, subframe: int, counter: np.ndarray, choice: Choice, begin: np.ndarray) -> None:
        p = self.processes
        assert self.log is not None
        self.log.append({
            "subframe": np.full(len(rows), subframe), "slot": p.slot[rows].copy(), "flow": p.flow[rows].copy(),
            "cause": p.cause[rows].copy(), "counter": counter, "delay_subframes": begin + choice.subframe - subframe,
            "first_subchannel": choice.first, "raises": choice.raises, "candidates": choice.candidates,
            "remaining": choice.remaining, "kept": choice.kept,
        })


