"""Gathers what a station senses and remembers into the arrays of a resource selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.draws import PICK, TIE
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.processes import Processes
from sim.access.neighbours import LISTENERS, Neighbours
from sim.access.sidelink.selection import FREE_DBM, Choice, blocks, choose, projected
from sim.access.sidelink.sensing import PowerMemory, ReservationMemory
from sim.clock import NEVER, ns_from_ms

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode4


_HEARD_DBM = np.float32(-1e8)
_AT_ONCE = 16
"""Selections made in one go; more would leave the processor's cache."""


@dataclass(frozen=True)
class _Batch:
    """Selections of one pool and width: process rows, their slots, trigger and window in subframes, period."""

    rows: np.ndarray
    slot: np.ndarray
    at: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    period: np.ndarray
    pool: int
    width: int
    mcs: np.ndarray

    @property
    def span(self) -> int:
        """Subframes of the longest window."""
        return int((self.end - self.begin).max()) + 1


class Selector:
    """Selects resources for processes whose packet has just arrived (3GPP TS 36.213 clause 14.1.1.6)."""

    def __init__(
        self, mode: Mode4, grid: Grid, processes: Processes, power: PowerMemory, reservations: ReservationMemory,
        quiet_prb_mw: float,
    ) -> None:
        self.mode, self.grid, self.processes = mode, grid, processes
        self.power, self.reservations = power, reservations
        self.quiet_prb_mw = quiet_prb_mw
        self.log: list[dict[str, np.ndarray]] | None = None
        """One record per batch of selections if a list is put here (for tests and studies)."""

    def new_tick(self, neighbours: Neighbours) -> None:
        """Stations stand in a new order."""
        self.near = neighbours
        self._known = -1

    def select(self, rows: np.ndarray, at: np.ndarray) -> None:
        """Grants for the processes ``rows`` triggered at subframes ``at`` of the block just recorded.

        Those of one station are decided one after the other, in order of time and priority.
        """
        p = self.processes
        order = np.lexsort((rows, p.priority[rows], at, p.slot[rows]))
        rows, at = rows[order], at[order]
        while len(rows):
            first = np.concatenate([[True], p.slot[rows][1:] != p.slot[rows][:-1]])
            self._select_apart(rows[first], at[first])
            rows, at = rows[~first], at[~first]

    def _select_apart(self, rows: np.ndarray, at: np.ndarray) -> None:
        """At most one process per station."""
        p = self.processes
        begin, end = p.windows(rows, at, ns_from_ms(self.mode.processing_budget_ms))
        late = end < begin
        if late.any():
            p.give_up(rows[late], at[late])
            rows, at, begin, end = rows[~late], at[~late], begin[~late], end[~late]
        wanted = zip(p.grant_sizes(rows, at).tolist(), p.pool[rows].tolist(), strict=True)
        sizes = [self.grid.sized(size, pool) for size, pool in wanted]
        mcs, width = (np.array([s[i] for s in sizes], np.int64) for i in (0, 1))
        kinds = p.pool[rows] * 1000 + width
        for kind in sorted(set(kinds.tolist())):
            same = np.flatnonzero(kinds == kind)
            for part in range(0, len(same), _AT_ONCE):
                some = same[part:part + _AT_ONCE]
                self._select_alike(_Batch(
                    rows[some], p.slot[rows[some]], at[some], begin[some], end[some], p.period[rows[some]],
                    int(p.pool[rows[some[0]]]), int(width[some[0]]), mcs[some],
                ))

    def _select_alike(self, batch: _Batch) -> None:
        """Processes of one pool that need equally many subchannels."""
        p, mode, rows = self.processes, self.mode, batch.rows
        p.cycles[rows] += 1
        counter = p.new_counter(rows)
        reserved = self._reserved(batch, counter)
        barred = self._barred(batch, counter)
        power = self._power(batch)
        draws = np.stack([p.draw(PICK, rows), p.draw(TIE, rows)], axis=1)
        choice = choose(
            blocks(reserved, batch.width, np.maximum), barred, power, batch.end - batch.begin + 1, draws,
            mode.rsrp_threshold_dbm, mode.threshold_step_db, mode.candidate_ratio,
        )
        width = np.full(len(rows), batch.width)
        if self.log is not None:
            self._record(batch, counter, choice)
        p.take_grant(rows, batch.begin + choice.subframe, choice.first, width, batch.mcs, counter)

    # ---- step 2: subframes that were not monitored, and the station's own other reservations

    def _barred(self, batch: _Batch, counter: np.ndarray) -> np.ndarray:
        barred = np.zeros((len(batch.rows), batch.span), bool)
        own = self.reservations.own[batch.slot]
        since = batch.at[:, None]
        row, column = np.nonzero((own >= since - self.mode.sensing_window_ms) & (own < since))
        sent = own[row, column].astype(np.int64)
        for period in self.processes.periods.tolist():
            for ahead in range(1, max(1, 100 // period) + 1):
                use = sent + ahead * period >= batch.begin[row]
                if ahead > 1:
                    use &= batch.at[row] - sent <= period
                some = row[use]
                target, last = sent[use] + ahead * period, batch.end[some]
                for found, y in projected(target, batch.begin[some], last, batch.period[some], 10 * counter[some]):
                    barred[some[found], y - batch.begin[some[found]]] = True
        self._bar_own(barred, batch)
        return barred

    def _bar_own(self, barred: np.ndarray, batch: _Batch) -> None:
        """A station sends one transport block per subframe: keep off its other processes' reservations."""
        p = self.processes
        order, starts = self._process_order()
        column = self.near.column[batch.slot]
        for i in np.flatnonzero(starts[column + 1] - starts[column] > 1).tolist():
            for other in order[starts[column[i]]:starts[column[i] + 1]].tolist():
                if other == batch.rows[i] or p.next[other] == NEVER:
                    continue
                step = int(np.gcd(p.period[other], batch.period[i]))
                first = int((p.next[other] - batch.begin[i]) % step)
                barred[i, first:int(batch.end[i] - batch.begin[i]) + 1:step] = True

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
        index, found = [], []
        for b in LISTENERS:
            n = int(near.size[b])
            if not n:
                continue
            lo, end = near.lo[b][column], near.lo[b][column] + near.count[b][column]
            whole = [(lo, np.minimum(end, n))]
            if near.ring_m:
                whole.append((np.zeros_like(lo), np.maximum(end - n, 0)))
            for first, last in whole:
                begin, stop = starts[near.offset[b] + first], starts[near.offset[b] + last]
                number = np.maximum(stop - begin, 0)
                total = int(number.sum())
                if total:
                    at = np.arange(total) + np.repeat(begin - np.cumsum(number) + number, number)
                    index.append(np.repeat(np.arange(len(rows)), number))
                    found.append(order[at])
        mine = near.population(column)
        if not index:
            return np.empty(0, np.int64), np.empty(0, np.int64), mine
        return np.concatenate(index), np.concatenate(found), mine

    def _reserved(self, batch: _Batch, counter: np.ndarray) -> np.ndarray:
        """Highest RSRP in dBm of a decoded reservation per subframe and subchannel, [b, span, subchannels]."""
        memory, grid = self.reservations, self.grid
        count = int(grid.subchannels[batch.pool])
        level = np.full((len(batch.rows), batch.span, count), FREE_DBM, np.float32)
        index, process, mine = self._audible(batch.rows)
        record = memory.latest(process, batch.at[index])
        announced = memory.announced[record]
        times = np.maximum(1, 100 // np.maximum(announced, 1))
        ahead = np.flatnonzero((announced > 0) & (memory.subframe[record] + announced * times >= batch.begin[index]))
        index, record = index[ahead], record[ahead]
        rsrp = memory.heard(record, batch.slot[index], mine[index])
        heard = np.flatnonzero(rsrp > _HEARD_DBM)
        index, record, rsrp = index[heard], record[heard], rsrp[heard]
        self._mark(level, batch, counter, index, record, rsrp)
        return level

    def _mark(
        self, level: np.ndarray, batch: _Batch, counter: np.ndarray, index: np.ndarray, record: np.ndarray,
        rsrp: np.ndarray,
    ) -> None:
        """Enter decoded reservations: one period ahead, or up to 100 ms ahead for shorter periods heard just now."""
        memory, grid, pool = self.reservations, self.grid, batch.pool
        count, width, start = level.shape[2], int(grid.width_prb[pool]), int(grid.start_prb[pool])
        low = np.maximum((memory.prb_from[record] - start) // width, 0)
        high = np.minimum(-((start - memory.prb_to[record]) // width), count)
        announced, since = memory.announced[record], memory.subframe[record]
        flat = level.ravel()
        for ahead in range(1, max(1, 100 // int(announced.min(initial=100))) + 1):
            use = np.arange(len(record))
            if ahead > 1:
                use = np.flatnonzero((ahead <= 100 // announced) & (batch.at[index] - since <= announced))
            i = index[use]
            target = since[use] + ahead * announced[use]
            for found, y in projected(target, batch.begin[i], batch.end[i], batch.period[i], 10 * counter[i]):
                row, link = i[found], use[found]
                cell = (row * batch.span + y - batch.begin[row]) * count + low[link]
                wide = high[link] - low[link]
                for s in range(int(wide.max(initial=0))):
                    inside = slice(None) if s == 0 and wide.min() > 0 else np.flatnonzero(s < wide)
                    np.maximum.at(flat, cell[inside] + s, rsrp[link][inside])

    # ---- steps 5 to 7: averaged S-RSSI

    def _power(self, batch: _Batch) -> np.ndarray:
        """Averaged S-RSSI in mW per candidate, float32 [b, span, starts]; what was never monitored counts as noise."""
        memory = self.power
        slot = batch.slot[:, None]
        subframes = batch.begin[:, None] + np.arange(batch.span)
        lag = np.minimum(batch.period, 100)
        if lag.min() == 100:
            phase = subframes % 100
            total, counts = memory.sums[phase, slot], memory.counts[phase, slot]
        else:
            total = np.zeros((len(batch.rows), batch.span, memory.sums.shape[2]))
            counts = np.zeros((len(batch.rows), batch.span), np.int64)
            for shift in range(0, 100, int(np.gcd.reduce(lag))):
                used = shift % lag == 0
                phase = (subframes + shift) % 100
                total += memory.sums[phase, slot] * used[:, None, None]
                counts += memory.counts[phase, slot] * used[:, None]
        full = np.flatnonzero(batch.end - batch.at >= 100)
        if len(full):
            change, gained = memory.gained(batch.at[full], batch.slot[full])
            column = (batch.at + 100 - batch.begin)[full]
            total[full, column] -= change
            counts[full, column] -= gained
        mean = (total / np.maximum(counts, 1)[:, :, None]).astype(np.float32)
        mean[counts == 0] = np.float32(self.quiet_prb_mw * float(self.grid.width_prb[batch.pool]))
        return blocks(mean[:, :, :int(self.grid.subchannels[batch.pool])], batch.width, np.add)

    def _record(self, batch: _Batch, counter: np.ndarray, choice: Choice) -> None:
        p = self.processes
        assert self.log is not None
        self.log.append({
            "subframe": batch.at, "slot": batch.slot, "flow": p.flow[batch.rows],
            "cause": p.cause[batch.rows], "counter": counter,
            "delay_subframes": batch.begin + choice.subframe - batch.at, "last_subframe": batch.end - batch.at,
            "first_subchannel": choice.first, "raises": choice.raises, "candidates": choice.candidates,
            "remaining": choice.remaining, "kept": choice.kept,
        })
