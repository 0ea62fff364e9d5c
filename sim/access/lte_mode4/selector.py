"""Gathers what a station senses and remembers into the arrays of a resource selection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.draws import COUNTER, PICK, SECOND, TIE
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.heard import HeardReservations
from sim.access.lte_mode4.processes import Processes
from sim.access.lte_mode4.second import GREATEST_GAP
from sim.access.neighbours import Neighbours
from sim.access.sidelink.averages import AveragedPower
from sim.access.sidelink.selection import Choice, blocks, choose, projected
from sim.access.sidelink.sensing import ReservationMemory
from sim.clock import NEVER, ns_from_ms

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode4
    from sim.world.stations import Stations

_AT_ONCE = 48
"""Selections made in one go; more would leave the processor's cache."""


@dataclass(frozen=True)
class Batch:
    """Selections of one pool and width: process rows, their slots, trigger and window in subframes, period.

    ``repetitions`` is C_resel, 10 x the reselection counter (TS 36.213 clause 14.1.1.4B).
    """

    rows: np.ndarray
    slot: np.ndarray
    at: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    period: np.ndarray
    repetitions: np.ndarray
    pool: int
    width: int
    mcs: np.ndarray

    @cached_property
    def span(self) -> int:
        """Subframes of the longest window."""
        return max((self.end - self.begin).tolist()) + 1


class Selector:
    """Selects resources for processes whose packet has just arrived (3GPP TS 36.213 clause 14.1.1.6)."""

    def __init__(
        self, mode: Mode4, grid: Grid, processes: Processes, power: AveragedPower, reservations: ReservationMemory,
        quiet_prb_mw: float,
    ) -> None:
        self.mode, self.grid, self.processes = mode, grid, processes
        self.power, self.reservations = power, reservations
        self.quiet_prb_mw = quiet_prb_mw
        self.heard = HeardReservations(mode, grid, processes, reservations)
        self._processing_ns = ns_from_ms(mode.processing_budget_ms)
        self.log: list[dict[str, np.ndarray]] | None = None
        """One record per batch of selections if a list is put here (for tests and studies)."""

    def new_tick(self, neighbours: Neighbours, stations: Stations) -> None:
        """Stations stand in a new order."""
        self.heard.new_tick(neighbours, stations)

    def select(self, rows: np.ndarray, at: np.ndarray) -> None:
        """Grants for the processes ``rows`` triggered at subframes ``at`` of the block just recorded.

        Those of one station are decided one after the other, in order of time and priority.
        """
        p = self.processes
        slot = p.slot[rows]
        if len(set(slot.tolist())) == len(rows):
            self._select_apart(rows, at)
            return
        order = np.lexsort((rows, p.priority[rows], at, slot))
        rows, at = rows[order], at[order]
        while len(rows):
            first = np.concatenate([[True], p.slot[rows][1:] != p.slot[rows][:-1]])
            self._select_apart(rows[first], at[first])
            rows, at = rows[~first], at[~first]

    def _select_apart(self, rows: np.ndarray, at: np.ndarray) -> None:
        """At most one process per station."""
        p = self.processes
        begin, end = p.windows(rows, at, self._processing_ns)
        late = end < begin
        if np.count_nonzero(late):
            p.give_up(rows[late], at[late])
            rows, at, begin, end = rows[~late], at[~late], begin[~late], end[~late]
        wanted = zip(p.grant_sizes(rows, at), p.pool[rows].tolist(), strict=True)
        kinds = [(pool, *self.grid.sized(size, pool)) for size, pool in wanted]
        if len(kinds) == 1:
            pool, one, width = kinds[0]
            self._select_alike(rows, at, begin, end, pool, width, np.array([one], np.int64))
            return
        for pool, width in sorted({(pool, width) for pool, _, width in kinds}):
            same = [i for i, kind in enumerate(kinds) if kind[0] == pool and kind[2] == width]
            mcs = np.array([kinds[i][1] for i in same], np.int64)
            if len(same) == len(rows) <= _AT_ONCE:
                self._select_alike(rows, at, begin, end, pool, width, mcs)
                break
            for part in range(0, len(same), _AT_ONCE):
                some = same[part:part + _AT_ONCE]
                self._select_alike(rows[some], at[some], begin[some], end[some], pool, width,
                                   mcs[part:part + _AT_ONCE])

    def _select_alike(
        self, rows: np.ndarray, at: np.ndarray, begin: np.ndarray, end: np.ndarray, pool: int, width: int,
        mcs: np.ndarray,
    ) -> None:
        """Processes of one pool that need equally many subchannels."""
        p, mode = self.processes, self.mode
        p.cycles[rows] += 1
        draws = p.draw_all(rows)
        counter = p.counter_from(rows, draws[:, COUNTER])
        batch = Batch(rows, p.slot[rows], at, begin, end, p.period[rows], 10 * counter, pool, width, mcs)
        choice = choose(
            blocks(self.heard.reserved(batch), width, np.maximum), self._barred(batch), self._power(batch),
            end - begin + 1, draws[:, PICK:TIE + 1], self.heard.threshold_mw, mode.threshold_step_db,
            mode.candidate_ratio, draws[:, SECOND] if p.copies > 1 else None, GREATEST_GAP,
        )
        if self.log is not None:
            self._record(batch, counter, choice)
        p.take_grant(rows, begin + choice.subframe, choice.first, width, mcs, counter, choice.gap, choice.second_first)

    # ---- step 2: subframes that were not monitored, and the station's own other reservations

    def _barred(self, batch: Batch) -> np.ndarray:
        barred = np.zeros((len(batch.rows), batch.span), bool)
        own = self.reservations.own[batch.slot]
        since = batch.at[:, None]
        periods = self.processes.periods
        longest = int(periods[-1]) if int(periods[0]) >= 100 else self.mode.sensing_window_ms
        oldest = np.maximum(since - self.mode.sensing_window_ms, batch.begin[:, None] - longest)
        found = ((own >= oldest) & (own < since)).ravel().nonzero()[0]
        if len(found):
            row, sent = found // own.shape[1], own.ravel()[found].astype(np.int64)
            if len(periods) == 1 and longest == int(periods[0]):
                # Nothing that old is left whose repetition would lie before the window.
                self._bar(barred, batch, row, sent + longest)
                self._bar_own(barred, batch)
                return barred
            for period in periods.tolist():
                for ahead in range(1, max(1, 100 // period) + 1):
                    use = sent + ahead * period >= batch.begin[row]
                    if ahead > 1:
                        use &= batch.at[row] - sent <= period
                    some = row[use]
                    if len(some):
                        self._bar(barred, batch, some, sent[use] + ahead * period)
        self._bar_own(barred, batch)
        return barred

    @staticmethod
    def _bar(barred: np.ndarray, batch: Batch, row: np.ndarray, target: np.ndarray) -> None:
        begin = batch.begin.take(row)
        columns = (values.take(row) for values in (batch.end, batch.period, batch.repetitions))
        for found, y in projected(target, begin, *columns):
            barred[row[found], y - begin[found]] = True

    def _bar_own(self, barred: np.ndarray, batch: Batch) -> None:
        """A station sends one transport block per subframe: keep off its other processes' reservations."""
        p = self.processes
        for i, others in self.heard.siblings(batch.slot):
            for other in others:
                if other == batch.rows[i]:
                    continue
                step = int(np.gcd(p.period[other], batch.period[i]))
                stop = int(batch.end[i] - batch.begin[i]) + 1
                if p.next[other] != NEVER:
                    for at in {int(p.next[other]), int(p.next[other] + p.gap[other])}:
                        barred[i, (at - int(batch.begin[i])) % step:stop:step] = True
                if p.copies > 1 and batch.begin[i] <= p.second.at[other] <= batch.end[i]:
                    barred[i, int(p.second.at[other] - batch.begin[i])] = True

    # ---- steps 5 to 7: averaged S-RSSI

    def _power(self, batch: Batch) -> np.ndarray:
        """Averaged S-RSSI in mW per candidate, float32 [b, span, starts]; what was never monitored counts as noise."""
        grid = self.grid
        own = slice(int(grid.row_start[batch.pool]), int(grid.row_start[batch.pool + 1]))
        quiet_mw = self.quiet_prb_mw * float(grid.width_prb[batch.pool])
        lags = [100] if int(self.processes.periods[0]) >= 100 else np.minimum(batch.period, 100).tolist()
        if len(set(lags)) == 1:
            mean = self.power.mean(batch.slot, batch.at, batch.begin, batch.span, lags[0], own, quiet_mw)
            return blocks(mean, batch.width, np.add)
        mean = np.empty((len(batch.rows), batch.span, own.stop - own.start), np.float32)
        for lag in sorted(set(lags)):
            rows = (np.array(lags) == lag).nonzero()[0]
            mean[rows] = self.power.mean(
                batch.slot[rows], batch.at[rows], batch.begin[rows], batch.span, lag, own, quiet_mw)
        return blocks(mean, batch.width, np.add)

    def _record(self, batch: Batch, counter: np.ndarray, choice: Choice) -> None:
        p = self.processes
        assert self.log is not None
        self.log.append({
            "subframe": batch.at, "slot": batch.slot, "flow": p.flow[batch.rows],
            "cause": p.cause[batch.rows], "counter": counter,
            "delay_subframes": batch.begin + choice.subframe - batch.at, "last_subframe": batch.end - batch.at,
            "first_subchannel": choice.first, "raises": choice.raises, "candidates": choice.candidates,
            "remaining": choice.remaining, "kept": choice.kept, "gap": choice.gap,
        })
