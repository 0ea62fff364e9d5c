"""Gathers what a station knows of others' reservations into the candidate sets of Mode 2 (TS 38.214 clause 8.1.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.access.neighbours import LISTENERS, Neighbours
from sim.access.nr_mode2.grid import Grid
from sim.access.nr_mode2.known import Known
from sim.access.nr_mode2.processes import Processes
from sim.access.nr_mode2.selection import Candidates, candidates, drawn, meeting
from sim.access.nr_mode2.sendings import PROCESSING_SLOTS, SELECTION_SLOTS, Cause
from sim.clock import NEVER

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode2

@dataclass(frozen=True)
class Batch:
    """Selections of one pool and width: process rows, station slots, trigger and window in slots, period, uses."""

    rows: np.ndarray
    slot: np.ndarray
    at: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    period: np.ndarray
    uses: np.ndarray
    """Periods that the grant looks ahead, C_resel = 10 x counter; 1 for an aperiodic packet."""
    priority: np.ndarray
    draws: np.ndarray
    """Uniform numbers for the choice, one per copy."""
    pool: int
    width: int
    scale: int
    """Slots of the longest selection window: how far short periods are projected."""

    @property
    def span(self) -> int:
        """Slots of the longest window."""
        return int((self.end - self.begin).max()) + 1

    def take(self, some: np.ndarray) -> Batch:
        """A selection of rows."""
        names = ("rows", "slot", "at", "begin", "end", "period", "uses", "priority", "draws")
        return replace(self, **{name: getattr(self, name)[some] for name in names})

    def only_at(self, slot: np.ndarray) -> Batch:
        """The same selections with one slot each as their window."""
        return replace(self, begin=slot, end=slot)


class Selector:
    """Selects resources for waiting packets, and looks at selected ones again before their use."""

    def __init__(self, mode: Mode2, grid: Grid, processes: Processes, known: Known) -> None:
        _check(mode)
        self.mode, self.grid, self.processes, self.known = mode, grid, processes, known
        self.unknown_slots = PROCESSING_SLOTS[mode.numerology]
        self.window_slots = mode.sensing_window_ms * processes.per_ms
        self.step = float(10 ** (mode.threshold_step_db / 10))
        thresholds = 10 ** (np.resize(np.array(mode.rsrp_threshold_dbm), 64) / 10)
        self.threshold_mw = thresholds.reshape(8, 8).astype(np.float32)
        """By own priority and priority heard."""
        self.least_mw = float(self.threshold_mw.min())
        """Reservations weaker than this exclude nothing, whatever the priorities."""
        self.share = np.resize(np.array(mode.candidate_ratio), 8)
        self.log: list[dict[str, np.ndarray]] | None = None
        """One record per batch of selections if a list is put here (for tests and studies)."""

    def new_tick(self, neighbours: Neighbours) -> None:
        """Stations stand in a new order."""
        self.near = neighbours
        least_dbm = 10 * np.log10(self.least_mw * 12 * int(self.grid.width_prb.min()))
        matter_m = max(neighbours.reach_m(a, b, least_dbm) for a in LISTENERS for b in LISTENERS)
        self._runs = neighbours.within(matter_m)
        """Runs of stations whose reservations may be strong enough to exclude something."""
        self.known.reorder(neighbours, self.processes)

    # ---- new selections

    def select(self, rows: np.ndarray, at: np.ndarray) -> None:
        """Grants for the processes ``rows`` triggered at slots ``at`` of the block just recorded.

        Those of one station are decided one after the other, in order of time and priority.
        """
        p = self.processes
        if p.count != self.known.ordered:
            self.known.reorder(self.near, p)
        slot = p.slot[rows]
        if len(set(slot.tolist())) == len(rows):
            order = slot.argsort()
            self._select_apart(rows[order], at[order])
            return
        order = np.lexsort((rows, p.priority[rows], at, slot))
        rows, at = rows[order], at[order]
        while len(rows):
            first = np.ones(len(rows), bool)
            first[1:] = p.slot[rows][1:] != p.slot[rows][:-1]
            self._select_apart(rows[first], at[first])
            rows, at = rows[~first], at[~first]

    def _select_apart(self, rows: np.ndarray, at: np.ndarray) -> None:
        """At most one process per station."""
        p = self.processes
        begin, end = p.windows(rows, at)
        late = end < begin
        if np.count_nonzero(late):
            p.give_up(rows[late], at[late])
            rows, at, begin, end = rows[~late], at[~late], begin[~late], end[~late]
            if not len(rows):
                return
        wanted = zip(p.grant_sizes(rows, at), p.pool[rows].tolist(), strict=True)
        sizes = [self.grid.sized(size, pool) for size, pool in wanted]
        p.mcs[rows], p.subchannels[rows] = [s[0] for s in sizes], [s[1] for s in sizes]
        p.cycles[rows] += 1
        draws = p.draws("selection", rows, p.most_copies + 1)
        p.counter[rows] = p.new_counter(rows, draws[:, -1])
        p.missed[rows], p.last_use[rows] = 0, at
        for batch in self._batches(rows, at, begin, end, draws):
            self._room(batch)
            found = self._candidates(batch)
            self._grant(batch, found)
            if self.log is not None:
                self._record(batch, found)

    def _batches(
        self, rows: np.ndarray, at: np.ndarray, begin: np.ndarray, end: np.ndarray, draws: np.ndarray
    ) -> list[Batch]:
        """Rows of equal pool and width together."""
        p = self.processes
        kinds = p.pool[rows] * 1000 + p.subchannels[rows]
        batches = []
        distinct = sorted(set(kinds.tolist()))
        for kind in distinct:
            s = slice(None) if len(distinct) == 1 else (kinds == kind).nonzero()[0]
            some, period = rows[s], p.period[rows[s]]
            uses = np.where(period > 0, 10 * p.counter[some], 1)
            batches.append(Batch(
                some, p.slot[some], at[s], begin[s], end[s], period, uses, p.priority[some], draws[s], kind // 1000,
                kind % 1000,
                int((end[s] - begin[s]).max()) + 1,
            ))
        return batches

    def _room(self, batch: Batch) -> None:
        p = self.processes
        mcs = p.mcs[batch.rows].tolist()
        p.room[batch.rows] = [self.grid.capacity_bytes(batch.pool, batch.width, m) for m in mcs]

    def _grant(self, batch: Batch, found: Candidates) -> None:
        p = self.processes
        slots, first, number = drawn(found, batch.draws[:, :p.most_copies])
        p.take_grant(batch.rows, batch.at, batch.begin[:, None] + slots, first, number)

    def _candidates(self, batch: Batch) -> Candidates:
        level = blocks_of(self._reserved(batch), batch.width)
        return candidates(
            level, self._unmonitored(batch), self._own(batch), batch.end - batch.begin + 1,
            self.share[batch.priority - 1], self.step,
        )

    # ---- re-evaluation and pre-emption

    def check(self, rows: np.ndarray, at: np.ndarray) -> None:
        """Look at the resources of these processes again with what was decoded until ``at``; draw anew if lost.

        Only what meets the selected resources is gathered first; the candidate set is made where something does.
        """
        p = self.processes
        if p.count != self.known.ordered:
            self.known.reorder(self.near, p)
        begin, end = p.windows(rows, at)
        begin = np.minimum(begin, p.next[rows])
        end = np.maximum(end, p.next[rows] + p.offset[rows, :].max(axis=1))
        for batch in self._batches(rows, at, begin, end, np.zeros((len(rows), p.most_copies))):
            suspect = np.flatnonzero(self._touched(batch))
            if len(suspect):
                self._check_closely(batch.take(suspect))

    def _touched(self, batch: Batch) -> np.ndarray:
        """Whether a reservation above its threshold, or a slot not monitored, meets a selected resource."""
        p = self.processes
        touched = np.zeros(len(batch.rows), bool)
        for copy in range(p.most_copies):
            at = p.next[batch.rows] + p.offset[batch.rows, copy]
            one = batch.only_at(at)
            level = blocks_of(self._reserved(one, only=at), batch.width)[:, 0]
            touched |= level[np.arange(len(at)), p.first[batch.rows, copy]] > 1.0
            if len(p.periods) > 1:
                touched |= self._unmonitored(one)[:, 0]
        return touched

    def _check_closely(self, batch: Batch) -> None:
        p = self.processes
        announced = p.announced[batch.rows]
        found = self._candidates(batch)
        row = np.arange(len(batch.rows))
        lost = np.zeros(len(row), bool)
        for copy in range(p.most_copies):
            slot = p.next[batch.rows] + p.offset[batch.rows, copy]
            gone = ~found.holds(row, slot - batch.begin, p.first[batch.rows, copy])
            if announced.any():
                gone &= ~announced | self._taken_by_urgent(batch, slot, p.first[batch.rows, copy], found.raises)
            lost |= gone
        # A new resource must be far enough ahead to be prepared; the old one need not.
        early = np.arange(found.allowed.shape[1]) // found.starts + batch.begin[:, None] < (
            batch.at + self.mode.t1_slots
        )[:, None]
        allowed = found.allowed & ~early
        remaining = allowed.sum(axis=1)
        lost &= remaining > 0
        some = lost.nonzero()[0]
        if not len(some):
            return
        left = Candidates(
            allowed[some], found.starts, found.raises[some], found.total[some], remaining[some]
        )
        causes = np.where(announced[some], int(Cause.PREEMPTION), int(Cause.REEVALUATION))
        np.add.at(p.selections, causes, 1)
        p.cycles[batch.rows[some]] += 1
        draws = p.draws("selection", batch.rows[some], p.most_copies)
        self._grant(replace(batch.take(some), draws=draws), left)

    def _taken_by_urgent(self, batch: Batch, slot: np.ndarray, first: np.ndarray, raises: np.ndarray) -> np.ndarray:
        """Whether a more urgent reservation above the raised threshold meets these resources."""
        level = blocks_of(self._reserved(batch.only_at(slot), only=slot, urgent=True), batch.width)[:, 0]
        return level[np.arange(len(slot)), first] > self.step**raises

    # ---- reservations of others

    def _reserved(self, batch: Batch, only: np.ndarray | None = None, urgent: bool = False) -> np.ndarray:
        """Highest RSRP over threshold of a decoded reservation per slot and subchannel, [b, span, subchannels].

        ``only`` limits reservations to those that name one of these slots, ``urgent`` to those that may pre-empt.
        """
        known, count = self.known, int(self.grid.subchannels[batch.pool])
        level = np.zeros((len(batch.rows), batch.span, count), np.float32)
        if only is None:
            index, record = self._within_reach(batch)
            some = (known.until.take(record) >= min(batch.begin.tolist())).nonzero()[0]
            index, record = index[some], record[some]
        else:
            index, record = self._audible(batch, known.alive(int(batch.begin.min()), int(batch.end.max()), only))
        if not len(index):
            return level
        age = batch.at.take(index) - known.memory.subframe.take(record)
        usable = (age > self.unknown_slots) & (age <= self.window_slots)
        if urgent:
            most = self.mode.preemption_priority or 9
            usable &= known.priority[record] < np.minimum(batch.priority[index], most)
        some = usable.nonzero()[0]
        index, record = index[some], record[some]
        population = self.near.population(self.near.column[batch.slot])
        rsrp = known.heard_mw(record, batch.slot.take(index), population.take(index), self.least_mw)
        some = rsrp.nonzero()[0]
        index, record = index[some], record[some]
        ratio = rsrp[some] / self.threshold_mw[batch.priority[index] - 1, known.priority[record] - 1]
        self._mark(level, batch, index, record, ratio)
        return level

    def _within_reach(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (index of row, record of a station within reach)."""
        near, ids, starts = self.near, self.known.ids, self.known.start_list
        column = near.column[batch.slot]
        ranges = [
            (int(near.offset[b]), int(near.size[b]), *(values[column].tolist() for values in self._runs[b][:2]))
            for b in LISTENERS if near.size[b]
        ]
        found: list[np.ndarray] = []
        number = []
        for i in range(len(column)):
            total = 0
            for offset, size, first, count in ranges:
                end = first[i] + count[i]
                parts = [ids[starts[offset + first[i]]:starts[offset + min(end, size)]]] if count[i] else []
                if near.ring_m and end > size:
                    parts.append(ids[starts[offset]:starts[offset + end - size]])
                found += parts
                total += sum(map(len, parts))
            number.append(total)
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.arange(len(column)).repeat(number), np.concatenate(found)

    def _audible(self, batch: Batch, alive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (index of row, record of a station within reach) among the records marked ``alive``."""
        near, known = self.near, self.known
        before = np.zeros(len(alive) + 1, np.int64)
        np.cumsum(alive, out=before[1:])
        records = known.ids[alive]
        starts = before[known.starts]
        column = near.column[batch.slot]
        index, found = [], []
        for b in LISTENERS:
            n = int(near.size[b])
            if not n:
                continue
            lo, count = (values[column] for values in self._runs[b][:2])
            end = lo + count
            runs = [(lo, np.minimum(end, n))]
            if near.ring_m:
                runs.append((np.zeros_like(lo), np.maximum(end - n, 0)))
            for first, last in runs:
                begin, stop = starts[near.offset[b] + first], starts[near.offset[b] + last]
                number = np.maximum(stop - begin, 0)
                total = int(number.sum())
                if total:
                    found.append(records[np.arange(total) + np.repeat(begin - np.cumsum(number) + number, number)])
                    index.append(np.repeat(np.arange(len(column)), number))
        if not index:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return (index[0], found[0]) if len(index) == 1 else (np.concatenate(index), np.concatenate(found))

    def _mark(
        self, level: np.ndarray, batch: Batch, index: np.ndarray, record: np.ndarray, ratio: np.ndarray
    ) -> None:
        """Enter decoded reservations into the grid of subchannels."""
        pool = batch.pool
        count, width, start = level.shape[2], int(self.grid.width_prb[pool]), int(self.grid.start_prb[pool])
        span, flat = level.shape[1], level.ravel()
        for use, target, prb_from, prb_to in self.known.targets(record, batch.at[index], batch.scale):
            if not len(use):
                continue
            i, value = index[use], ratio[use]
            low = np.maximum((prb_from - start) // width, 0)
            wide = np.minimum(-((start - prb_to) // width), count) - low
            least, most = int(wide.min()), int(wide.max())
            begin = batch.begin.take(i)
            columns = (values.take(i) for values in (batch.end, batch.period, batch.uses))
            for row, y in meeting(target, begin, *columns):
                cell = (i[row] * span + y - begin[row]) * count + low[row]
                for s in range(most):
                    if s < least:
                        np.maximum.at(flat, cell + s, value[row])
                    else:
                        inside = (s < wide[row]).nonzero()[0]
                        np.maximum.at(flat, cell[inside] + s, value[row[inside]])

    # ---- slots that cannot be used or were not monitored

    def _unmonitored(self, batch: Batch) -> np.ndarray:
        """Slots that a reservation announced while the station itself transmitted could meet, [b, span]."""
        barred = np.zeros((len(batch.rows), batch.span), bool)
        if not len(self.processes.periods):
            return barred
        own = self.known.memory.own[batch.slot]
        since = batch.at[:, None]
        oldest = since - min(self.window_slots, int(self.processes.periods[-1]))
        row, place = ((own >= oldest) & (own < since - self.unknown_slots)).nonzero()
        if not len(row):
            return barred
        sent = own[row, place].astype(np.int64)
        for period in self.processes.periods.tolist():
            for ahead in range(1, max(1, -(-batch.scale // period)) + 1):
                target = sent + ahead * period
                use = target >= batch.begin[row]
                if ahead > 1:
                    use &= batch.at[row] - sent <= period
                some = row[use]
                for found, y in meeting(
                    target[use], batch.begin[some], batch.end[some], batch.period[some], batch.uses[some]
                ):
                    barred[some[found], y - batch.begin[some[found]]] = True
        return barred

    def _own(self, batch: Batch) -> np.ndarray:
        """Slots of the station's other reservations: it sends one transport block per slot, [b, span]."""
        barred = np.zeros((len(batch.rows), batch.span), bool)
        p, known = self.processes, self.known
        column = self.near.column[batch.slot]
        several = known.processes_at[column + 1] - known.processes_at[column] > 1
        for i in several.nonzero()[0].tolist():
            for other in known.order[known.processes_at[column[i]]:known.processes_at[column[i] + 1]].tolist():
                if other == batch.rows[i] or p.next[other] == NEVER:
                    continue
                step = int(np.gcd(p.period[other], batch.period[i])) or 2**40
                length = int(batch.end[i] - batch.begin[i]) + 1
                for copy in range(int(p.copies[other])):
                    first = int((p.next[other] + p.offset[other, copy] - batch.begin[i]) % step)
                    barred[i, first:length:step] = True
        return barred

    def _record(self, batch: Batch, found: Candidates) -> None:
        p = self.processes
        assert self.log is not None
        self.log.append({
            "at": batch.at, "slot": batch.slot, "flow": p.flow[batch.rows], "cause": p.cause[batch.rows],
            "counter": p.counter[batch.rows], "delay_slots": p.next[batch.rows] - batch.at,
            "last_slot": batch.end - batch.at, "first_subchannel": p.first[batch.rows, 0],
            "copies": p.copies[batch.rows], "raises": found.raises, "candidates": found.total,
            "remaining": found.remaining,
        })


def _check(mode: Mode2) -> None:
    """ValueError for lists of a wrong length, or a window that starts later than the standard lets it."""
    for name, values, whole in (
        ("rsrp_threshold_dbm", mode.rsrp_threshold_dbm, 64), ("candidate_ratio", mode.candidate_ratio, 8),
        ("t2_min_slots", mode.t2_min_slots, 8),
    ):
        if len(values) not in (1, whole):
            raise ValueError(f"radio.mode2.{name}: {len(values)} values, 1 or {whole} are needed")
    most = SELECTION_SLOTS[mode.numerology]
    if mode.t1_slots > most:
        kilohertz = 15 << mode.numerology
        raise ValueError(f"radio.mode2.t1_slots: {mode.t1_slots} is above {most} (T_proc1) at {kilohertz} kHz")


def blocks_of(level: np.ndarray, width: int) -> np.ndarray:
    """[b, t, s] -> [b, t, s - width + 1]: the highest value over every run of ``width`` subchannels."""
    count = level.shape[2] - width + 1
    result = level[:, :, :count]
    for shift in range(1, width):
        result = np.maximum(result, level[:, :, shift:shift + count])
    return result
