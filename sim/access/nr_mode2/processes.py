"""Sidelink processes of Mode 2 (3GPP TS 38.321 clause 5.22.1): grants, counters, waiting frames, reasons to select."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.nr_mode2.grid import Grid
from sim.access.nr_mode2.sendings import (
    PROCESSING_SLOTS,
    Cause,
    Sendings,
    counter_range,
    reservation_period_ms,
)
from sim.clock import MS, NEVER, hashed_bits, hashed_uniform, stream_key
from sim.frames import Flow, Frames, Kind
from sim.link.nr_grid import SLOT_NS
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode2

_BUCKETS, _BUCKET_NS = 10, 100 * MS
_PURPOSE = {"keep": 0, "selection": 16}
"""Counters that keep draws for different purposes apart."""

_INTEGERS = (
    "slot", "station_id", "flow", "stream", "pool", "period", "priority", "budget_ns", "next", "counter",
    "counter_low", "counter_span", "subchannels", "mcs", "room", "last_use", "missed", "cycles", "cause", "copies",
    "chosen_at",
    "frame", "sequence", "generated_ns", "size_bytes", "arrived",
)

LONGEST_WINDOW_NS = 100 * MS
"""T2 at most where the scenario does not say: what Mode 4 allows (TS 36.213 clause 14.1.1.6)."""


class Processes:
    """All sidelink processes of a carrier as columns; a row belongs to (station slot, flow, stream).

    ``next`` is the slot of the next packet's first copy, :data:`NEVER` without a grant; copy k follows ``offset`` [n,
    k] slots later on subchannel ``first`` [n, k]. ``announced`` tells whether an own SCI has named those resources.
    A frame waits for ``next``; a newer one replaces it. Rows to select for collect in ``triggers`` as (row, slot);
    frames that will not be sent in ``dropped`` as (frame, station slot, time_ns, station present).
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
    counter_low: np.ndarray
    """Least reselection counter of the process's period, and how many values there are."""
    counter_span: np.ndarray
    subchannels: np.ndarray
    mcs: np.ndarray
    last_use: np.ndarray
    missed: np.ndarray
    cycles: np.ndarray
    cause: np.ndarray
    copies: np.ndarray
    room: np.ndarray
    """Octets that the grant holds."""
    chosen_at: np.ndarray
    """Slot in which the grant was selected or last looked at again."""
    frame: np.ndarray
    sequence: np.ndarray
    generated_ns: np.ndarray
    size_bytes: np.ndarray
    arrived: np.ndarray

    def __init__(self, flows: list[Flow], grid: Grid, mode: Mode2, seed: int) -> None:
        self.flows = {flow.index: flow for flow in flows}
        self.grid, self.mode = grid, mode
        self.slot_ns = SLOT_NS[mode.numerology]
        self.per_ms = MS // self.slot_ns
        """Slots per millisecond."""
        self.most_copies = 1 + mode.repetitions
        self.count = 0
        for name in _INTEGERS:
            setattr(self, name, np.zeros(0, np.int64))
        self.waiting, self.announced = np.zeros(0, bool), np.zeros(0, bool)
        self.offset = np.zeros((0, self.most_copies), np.int64)
        self.first = np.zeros((0, self.most_copies), np.int64)
        self.largest = np.zeros((0, _BUCKETS), np.int64)
        self.stamp = np.full((0, _BUCKETS), -1, np.int64)
        self.identity = np.zeros(0, np.uint64)
        """Hash of (station, flow, stream): the key of a process's draws."""
        self._row: dict[tuple[int, int, int], int] = {}
        self._key = stream_key(seed, "mode2", "process")
        self._later: list[Sendings] = []
        self.triggers: list[tuple[np.ndarray, np.ndarray]] = []
        self.dropped: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.selections = np.zeros(len(Cause), np.int64)
        self.postponed = 0
        """Transport blocks that gave way to another one of their station in the same slot."""
        self._periods = {f.index: 0 if self._is_aperiodic(f) else reservation_period_ms(f.period_ns) for f in flows}
        self._most_urgent = min((min(8, max(1, flow.priority)) for flow in flows), default=1)
        self._singles = 0 in self._periods.values()
        """Whether some flow reserves no period."""
        self._least_slots = np.resize(np.array(mode.t2_min_slots, np.int64) * self.per_ms, 8)
        """T2min by priority, 1 first."""
        self.periods = np.array(sorted({p * self.per_ms for p in self._periods.values() if p}), np.int64)
        """Reservation periods in use, in slots: the allowed ones of the step on slots not monitored."""

    def period_of(self, flow: Flow) -> int:
        """Reservation period of a flow in slots, 0 if it reserves none."""
        return self._periods[flow.index] * self.per_ms

    def _is_aperiodic(self, flow: Flow) -> bool:
        return "*" in self.mode.aperiodic or flow.message in self.mode.aperiodic

    # ---- rows

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
        low, high = counter_range(self._periods[flow]) if self._periods[flow] else (1, 1)
        values = {
            "counter_low": low, "counter_span": high - low + 1,
            "slot": slot, "station_id": stations.station_id[slot], "flow": flow, "stream": stream,
            "pool": self.grid.pool_of_kind[Kind(int(stations.kind[slot]))],
            "period": self._periods[flow] * self.per_ms, "priority": min(8, max(1, kind.priority)),
            "budget_ns": kind.budget_ns, "next": NEVER, "cause": Cause.FIRST,
        }
        for name, value in values.items():
            getattr(self, name)[row] = value
        self._identify(np.array([row]))
        return row

    def _identify(self, rows: np.ndarray) -> None:
        self.identity[rows] = hashed_bits(self._key, self.station_id[rows], self.flow[rows], self.stream[rows])

    def _grow(self, size: int) -> None:
        for name in (*_INTEGERS, "waiting", "announced", "offset", "first", "largest", "stamp", "identity"):
            old = getattr(self, name)
            fill = -1 if name in ("stamp", "slot") else NEVER if name == "next" else 0
            new = np.full((size, *old.shape[1:]), fill, old.dtype)
            new[:len(old)] = old
            setattr(self, name, new)

    def forget(self, slots: np.ndarray, time_ns: int, stations: Stations) -> None:
        """Other stations stand in these slots: their processes start anew, waiting frames end unsent.

        A packet of which some copies went out already ends with those: its later copies are not sent.
        """
        rows = np.flatnonzero(np.isin(self.slot[:self.count], slots))
        waiting = rows[self.waiting[rows]]
        self._drop(waiting, np.full(len(waiting), time_ns, np.int64), present=False)
        self.next[rows], self.cause[rows] = NEVER, Cause.FIRST
        self.counter[rows] = self.missed[rows] = self.cycles[rows] = 0
        self.stamp[rows] = -1
        self.station_id[rows] = stations.station_id[self.slot[rows]]
        self._identify(rows)
        self._later = [part.take(np.flatnonzero(~np.isin(part.slot, slots))) for part in self._later]

    # ---- arrival

    def arrive(self, rows: np.ndarray, frames: Frames, arrived: np.ndarray) -> None:
        """Frames reach their processes ``rows`` at these slots (at most one per process in one call)."""
        if not len(rows):
            return
        old = self.waiting[rows]
        if np.count_nonzero(old):
            self._drop(rows[old], frames.ready_ns[old])
        self.waiting[rows] = True
        self.frame[rows], self.sequence[rows] = frames.frame, frames.sequence
        self.generated_ns[rows], self.size_bytes[rows] = frames.generated_ns, frames.size_bytes
        self.arrived[rows] = arrived
        self._remember_size(rows, frames.size_bytes, arrived)
        self._skip(rows, arrived)
        again, causes = self._judge(rows, arrived)
        if causes:
            self._reselect(rows[again], arrived[again], causes)

    def _remember_size(self, rows: np.ndarray, size: np.ndarray, arrived: np.ndarray) -> None:
        stamp = int(arrived[0]) * self.slot_ns // _BUCKET_NS
        if int(arrived[-1]) * self.slot_ns // _BUCKET_NS == stamp:
            # Arrivals come in order of time: all of them belong to one step.
            largest, stamps = self.largest[:, stamp % _BUCKETS], self.stamp[:, stamp % _BUCKETS]
            largest[rows] = np.maximum(largest[rows] * (stamps[rows] == stamp), size)
            stamps[rows] = stamp
            return
        self._remember_size_apart(rows, size, arrived * self.slot_ns // _BUCKET_NS)

    def _remember_size_apart(self, rows: np.ndarray, size: np.ndarray, stamp: np.ndarray) -> None:
        bucket = stamp % _BUCKETS
        fresh = self.stamp[rows, bucket] == stamp
        self.largest[rows, bucket] = np.where(fresh, np.maximum(self.largest[rows, bucket], size), size)
        self.stamp[rows, bucket] = stamp

    def _skip(self, rows: np.ndarray, until: np.ndarray) -> None:
        """Reserved opportunities before ``until`` have passed unused; an aperiodic grant is used up by then."""
        behind = self.next[rows] < until
        if not np.count_nonzero(behind):
            return
        rows, until = rows[behind], until[behind]
        single = self.period[rows] == 0
        self.next[rows[single]] = NEVER
        rows, until = rows[~single], until[~single]
        steps = -((self.next[rows] - until) // self.period[rows])
        self.next[rows] += steps * self.period[rows]
        self.missed[rows] += steps

    def _judge(self, rows: np.ndarray, arrived: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Places of the rows whose grant does not serve the waiting frame (or that have none), and why."""
        following = self.next[rows]
        # No period is longer than 1000 ms.
        idle = arrived - self.last_use[rows] > 1000 * self.per_ms
        if self.mode.reselect_after is not None:
            idle |= self.missed[rows] >= self.mode.reselect_after
        large = self.size_bytes[rows] > self.room[rows]
        # Without a grant the next slot never comes: that is late too.
        late = following >= (self.generated_ns[rows] + self.budget_ns[rows]) // self.slot_ns
        places = (late | large | idle).nonzero()[0]
        causes = []
        for i in places.tolist():
            if following[i] == NEVER:
                causes.append(int(self.cause[rows[i]]))
            elif idle[i]:
                causes.append(int(Cause.MISSED))
            else:
                causes.append(int(Cause.SIZE if large[i] else Cause.BUDGET))
        return places, causes

    def _ends_ns(self, rows: np.ndarray) -> np.ndarray:
        """End of the next packet's first copy."""
        return (np.minimum(self.next[rows], NEVER // self.slot_ns - 1) + 1) * self.slot_ns

    def _reselect(self, rows: np.ndarray, at: np.ndarray, causes: list[int]) -> None:
        if not causes:
            return
        self.next[rows] = NEVER
        for cause in causes:
            self.selections[cause] += 1
        self.triggers.append((rows, at))

    # ---- transmission

    def due(self, start: int, end: int) -> Sendings:
        """Use the reserved slots in ``start`` .. ``end`` - 1; what is sent, and the grants moved on."""
        following = self.next[:self.count]
        rows = ((following >= start) & (following < end)).nonzero()[0]
        ready = self.waiting[rows] & (self.arrived[rows] <= following[rows])
        if np.count_nonzero(ready) < len(rows):
            self._pass(rows[~ready])
            rows = rows[ready]
        key = (following[rows] - start) << 40 | self.slot[rows] << 8 | self.priority[rows]
        rows = rows[key.argsort(kind="stable")]
        later = self._due_copies(start, end) if self._later else None
        rows = self._one_per_slot(rows, later)
        sent = self._send(rows)
        return sent if later is None else Sendings.joined([sent, later])

    def _due_copies(self, start: int, end: int) -> Sendings:
        """Further copies in these slots; of two in one slot of a station the less urgent one is left out."""
        waiting = Sendings.joined(self._later)
        self._later = [waiting.take(np.flatnonzero(waiting.at >= end))]
        now = waiting.take(np.flatnonzero((waiting.at >= start) & (waiting.at < end)))
        order = np.lexsort((now.process, now.priority, now.slot, now.at))
        now = now.take(order)
        first = np.ones(len(now), bool)
        first[1:] = (now.at[1:] != now.at[:-1]) | (now.slot[1:] != now.slot[:-1])
        self.postponed += int(len(first) - first.sum())
        return now.take(first.nonzero()[0])

    def _one_per_slot(self, rows: np.ndarray, later: Sendings | None) -> np.ndarray:
        """A station sends one transport block per slot: copies under way first, then the most urgent packet."""
        busy = np.zeros(len(rows), bool)
        if len(rows) > 1:
            place = self.next[rows] << 32 | self.slot[rows]
            busy[1:] = place[1:] == place[:-1]
        if later is not None and len(later):
            taken = set(zip(later.at.tolist(), later.slot.tolist(), strict=True))
            places = zip(self.next[rows].tolist(), self.slot[rows].tolist(), strict=True)
            busy |= np.array([place in taken for place in places], bool)
        if np.count_nonzero(busy):
            self._give_way(rows[busy])
            rows = rows[~busy]
        return rows

    def _pass(self, rows: np.ndarray) -> None:
        """The opportunity goes by unused."""
        single = self.period[rows] == 0
        self.next[rows[single]] = NEVER
        rows = rows[~single]
        self.next[rows] += self.period[rows]
        self.missed[rows] += 1

    def _give_way(self, rows: np.ndarray) -> None:
        """Wait for the next turn, or select again if that is late (or there is none)."""
        self.postponed += len(rows)
        lost = self.next[rows]
        self.missed[rows] += 1
        single = self.period[rows] == 0
        self.next[rows] = np.where(single, NEVER, lost + self.period[rows])
        late = self._ends_ns(rows) > self.generated_ns[rows] + self.budget_ns[rows]
        self._reselect(rows[late], lost[late], [int(Cause.CONFLICT)] * int(np.count_nonzero(late)))

    def _send(self, rows: np.ndarray) -> Sendings:
        """First copies go out, further ones are put down for their slots."""
        at = self.next[rows]
        if self.most_copies == 1:
            ahead = ahead_first = np.empty((len(rows), 0), np.int64)
        else:
            ahead, ahead_first = at[:, None] + self.offset[rows, 1:], self.first[rows, 1:]
            ahead[np.arange(1, self.most_copies) >= self.copies[rows][:, None]] = -1
        sent = Sendings(
            rows, np.zeros(len(rows), np.int64), self.slot[rows], at, self.period[rows], self.first[rows, 0],
            self.subchannels[rows], self.mcs[rows], self.frame[rows], self.sequence[rows], self.station_id[rows],
            self.size_bytes[rows], self.pool[rows], self.priority[rows], ahead, ahead_first,
        )
        self.waiting[rows] = False
        self.announced[rows] = True
        self.missed[rows] = 0
        self.last_use[rows] = at
        self._count_down(rows, sent)
        for copy in range(1, self.most_copies):
            some = np.flatnonzero(sent.ahead_at[:, copy - 1] >= 0)
            if len(some):
                self._later.append(self._copy_of(sent.take(some), copy))
        return sent

    @staticmethod
    def _copy_of(sent: Sendings, copy: int) -> Sendings:
        """The packet's copy of this number: its SCI announces only those behind it."""
        ahead = sent.ahead_at.copy()
        ahead[:, :copy] = -1
        values = {name: getattr(sent, name) for name in Sendings.__dataclass_fields__}
        values |= {
            "copy": np.full(len(sent), copy), "at": sent.ahead_at[:, copy - 1], "first": sent.ahead_first[:, copy - 1],
            "ahead_at": ahead,
        }
        return Sendings(**values)

    def _count_down(self, rows: np.ndarray, sent: Sendings) -> None:
        """Keep or give up a used-up grant; decided before the SCI is sent, so that it announces the truth."""
        counter = self.counter[rows] - 1
        self.counter[rows] = counter
        self.next[rows] = sent.at + sent.announced
        used_up = counter <= 0
        if self._singles:
            single = sent.announced == 0
            gone = rows[single]
            self.next[gone], self.cause[gone] = NEVER, Cause.APERIODIC
            used_up &= ~single
        at = used_up.nonzero()[0]
        if not len(at):
            return
        used = rows[at]
        if self.mode.keep_probability:
            self.cycles[used] += 1
            draw = self.draws("keep", used, 2)
            keep = draw[:, 0] < self.mode.keep_probability
            self.counter[used[keep]] = self.new_counter(used[keep], draw[keep, 1])
            used, at = used[~keep], at[~keep]
        self.next[used], self.cause[used] = NEVER, Cause.COUNTER
        sent.announced[at] = 0

    def to_check(self, start: int, end: int, ahead: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows to look at again ``ahead`` slots before their use, if that is in ``start`` .. ``end`` - 1, and when.

        Resources not yet announced (re-evaluation), and announced ones where pre-emption is on.
        """
        following = self.next[:self.count]
        rows = ((following >= start + ahead) & (following < end + ahead)).nonzero()[0]
        when = following[rows] - ahead
        wanted = self.waiting[rows] & (self.arrived[rows] <= when) & (self.chosen_at[rows] < when)
        if np.count_nonzero(wanted) < len(rows):
            rows, when = rows[wanted], when[wanted]
        if not len(rows):
            return rows, when
        announced = self.announced[rows]
        urgent = self.mode.preemption & (self.priority[rows] > self._most_urgent)
        wanted = np.where(announced, urgent, self.mode.reevaluation & (announced | self._may_change(rows)))
        return rows[wanted], when[wanted]

    def _may_change(self, rows: np.ndarray) -> np.ndarray:
        """Whether an SCI sent after the selection can name the selected slots at all.

        One that announces only its period reserves nothing sooner than the shortest period in use.
        """
        if self.mode.repetitions or not len(self.periods):
            return np.full(len(rows), bool(self.mode.repetitions))
        soonest = self.chosen_at[rows] - PROCESSING_SLOTS[self.mode.numerology] + int(self.periods[0])
        return self.next[rows] >= soonest

    def copies_pending(self) -> bool:
        """Whether further copies of packets wait for their slots."""
        return any(len(part) for part in self._later)

    # ---- selection

    def draws(self, name: str, rows: np.ndarray, number: int) -> np.ndarray:
        """``number`` uniform numbers per row, [n, number], keyed by station, flow, stream and cycle."""
        purpose = _PURPOSE[name] + np.arange(number)
        return hashed_uniform(self.identity[rows][:, None], self.cycles[rows][:, None], purpose)

    def new_counter(self, rows: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """Reselection counters, uniform in the range that the period sets; 1 for aperiodic packets."""
        return self.counter_low[rows] + (draw * self.counter_span[rows]).astype(np.int64)

    def grant_sizes(self, rows: np.ndarray, at: np.ndarray) -> list[int]:
        """Bytes new grants are made for: the largest frame of the last second, or the one that waits."""
        sizes: list[int] = self.size_bytes[rows].tolist()
        if self.mode.grant_sizing != "largest":
            return sizes
        known = zip(at.tolist(), self.stamp[rows].tolist(), self.largest[rows].tolist(), strict=True)
        for i, (slot, stamps, largest) in enumerate(known):
            before = slot * self.slot_ns // _BUCKET_NS - _BUCKETS
            sizes[i] = max(sizes[i], *(b if s > before else 0 for s, b in zip(stamps, largest, strict=True)))
        return sizes

    def windows(self, rows: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last candidate slot for the waiting frames; last < first where the budget leaves none.

        T2 is the delay budget less the processing budget, at most ``t2_max_slots`` (100 ms), not below T2min where the
        budget allows that; a budget too short for the processing budget may be used up to its end.
        """
        mode = self.mode
        first = at + mode.t1_slots
        end_ns = self.generated_ns[rows] + self.budget_ns[rows]
        wanted, latest = (end_ns - mode.processing_budget_ms * MS) // self.slot_ns - 1, end_ns // self.slot_ns - 1
        last = np.where(wanted < first, latest, np.minimum(wanted, latest))
        longest = LONGEST_WINDOW_NS // self.slot_ns if mode.t2_max_slots is None else mode.t2_max_slots
        last = np.minimum(last, at + longest)
        least = self._least_slots[self.priority[rows] - 1]
        return first, np.maximum(last, np.minimum(at + least, latest))

    def give_up(self, rows: np.ndarray, at: np.ndarray) -> None:
        """No resource in time: the waiting frames end unsent."""
        self._drop(rows, at * self.slot_ns)

    def take_grant(
        self, rows: np.ndarray, at: np.ndarray, times: np.ndarray, first: np.ndarray, copies: np.ndarray
    ) -> None:
        """Write selected resources: slots ``times`` and subchannels ``first`` [n, copies], in order of time."""
        self.next[rows], self.first[rows] = times[:, 0], first
        self.offset[rows] = times - times[:, :1]
        self.copies[rows], self.announced[rows] = copies, False
        self.chosen_at[rows] = at

    def _drop(self, rows: np.ndarray, time_ns: np.ndarray, present: bool = True) -> None:
        if len(rows):
            self.waiting[rows] = False
            self.dropped.append((self.frame[rows], self.slot[rows], time_ns, np.full(len(rows), present)))
