"""SPS processes of Mode 4 (3GPP TS 36.321 clause 5.14.1): grants, counters, waiting frames, reasons to reselect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4 import draws
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.occupancy import Occupancy, within_limits
from sim.access.lte_mode4.second import SecondCopies
from sim.access.lte_mode4.sendings import Sendings, period_subframes
from sim.access.lte_mode4.table import BUCKET_MS, BUCKETS, COLUMNS, Cause, ProcessTable
from sim.clock import MS, NEVER
from sim.frames import Flow, Frames
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode4

__all__ = ["Cause", "Processes", "Sendings", "period_subframes"]

_COUNTER_RANGE = {20: (25, 75), 50: (10, 30), 100: (5, 15)}
"""Least and largest reselection counter by period in ms, 100 for all from 100 on (TS 36.321 clause 5.14.1.1)."""


_SENT = {
    "slot": "slot", "subframe": "next", "announced": "period", "first": "first", "subchannels": "subchannels",
    "mcs": "mcs", "frame": "frame", "sequence": "sequence", "station_id": "station_id", "size_bytes": "size_bytes",
    "pool": "pool", "gap": "gap", "other_first": "second_first",
}
"""Columns of what is sent -> columns of its process, in the order of :class:`Sendings` between ``process`` and
``copy``."""
_SENT_ROWS = np.array([COLUMNS.index(own) for own in _SENT.values()], np.int64)

LEAST_T2 = 20
"""Subframes (TS 36.213 clause 14.1.1.6)."""


class Processes(ProcessTable):
    """All SPS processes of a carrier as columns; a row belongs to (station slot, flow, stream).

    A frame waits for the next reserved subframe of its process; a newer one replaces it. ``next`` is the next reserved
    subframe, :data:`NEVER` without a grant; ``gap`` subframes later follows the second transmission of the block, 0 if
    there is none. Rows to select for collect in ``triggers`` as (row, subframe); frames that will not be sent in
    ``dropped`` as (frame, slot, time_ns).
    """

    def __init__(self, flows: list[Flow], grid: Grid, mode: Mode4, seed: int) -> None:
        super().__init__(flows, grid, seed)
        self.mode = mode
        self.copies = 2 if mode.blind_retransmission else 1
        self.one_by_one = self.copies > 1 or mode.cr_action != "off"
        """Subframes must be scheduled one at a time: what is sent in one bears on the next."""
        self.second = SecondCopies()
        self.occupancy = Occupancy(mode, grid)
        self.triggers: list[tuple[np.ndarray, np.ndarray]] = []
        self.dropped: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.selections = np.zeros(len(Cause), np.int64)
        self.postponed = 0
        """Transport blocks that gave way to another one of their station in the same subframe."""
        self.limited = 0
        """Transport blocks dropped because the channel occupancy ratio would have passed its limit."""
        self.limited_copies = 0
        """Second transmissions left out for the same reason."""
        self.shrunk = 0
        """Transport blocks sent at a higher MCS in fewer subchannels for the same reason."""
        lengths = {period_subframes(flow.period_ns) for flow in flows}
        self.periods = np.array(sorted(lengths), np.int64)
        """Reservation periods in use: the allowed ones of step 2."""

    def _grow(self, size: int) -> None:
        super()._grow(size)
        self.second.grow(size)

    def forget(self, slots: np.ndarray, time_ns: int, stations: Stations) -> None:
        """Other stations stand in these slots: their processes start anew, waiting frames end unsent."""
        rows = np.flatnonzero(np.isin(self.slot[:self.count], slots))
        waiting = rows[self.waiting[rows]]
        self.drop(waiting, np.full(len(waiting), time_ns, np.int64), present=False)
        self.next[rows], self.cause[rows] = NEVER, Cause.FIRST
        self.counter[rows] = self.missed[rows] = self.cycles[rows] = self.gap[rows] = 0
        self.stamp[rows] = -1
        self.station_id[rows] = stations.station_id[self.slot[rows]]
        self.pool[rows] = self.grid.pool_of(stations, self.slot[rows])
        self._identify(rows)
        self.second.forget(rows)
        self.occupancy.forget(slots)

    def retune(self, slots: np.ndarray, time_ns: int, stations: Stations) -> np.ndarray:
        """The stations in these slots change their channel: waiting frames end unsent, grants lapse; rows concerned."""
        rows = np.flatnonzero(np.isin(self.slot[:self.count], slots))
        waiting = rows[self.waiting[rows]]
        self.drop(waiting, np.full(len(waiting), time_ns, np.int64))
        self.next[rows], self.cause[rows] = NEVER, Cause.FIRST
        self.counter[rows] = self.missed[rows] = self.gap[rows] = 0
        self.pool[rows] = self.grid.pool_of(stations, self.slot[rows])
        self.second.forget(rows)
        self.occupancy.forget(slots)
        return rows

    def new_tick(self, slots: int) -> None:
        """A traffic tick begins: draws that will be needed soon are made in bulk; room for more stations."""
        n = self.count
        self._draws.refresh(self.identity[:n], self.cycles[:n])
        self.occupancy.grow(slots)

    # ---- frames arrive

    def arrive(self, rows: np.ndarray, frames: Frames, arrived: np.ndarray) -> None:
        """Frames reach their processes ``rows`` at these subframes (at most one per process in one call)."""
        if not len(rows):
            return
        old = self.waiting[rows]
        if np.count_nonzero(old):
            self.drop(rows[old], frames.ready_ns[old])
        self.waiting[rows] = True
        self.frame[rows], self.sequence[rows] = frames.frame, frames.sequence
        self.generated_ns[rows], self.size_bytes[rows] = frames.generated_ns, frames.size_bytes
        self.arrived[rows] = arrived
        if self.mode.grant_sizing == "largest":
            self._remember_size(rows, frames.size_bytes, arrived)
        self._skip(rows, arrived)
        again, cause = self._judge(rows, arrived)
        if cause:
            self._reselect(rows[again], arrived[again], cause)

    def _remember_size(self, rows: np.ndarray, size: np.ndarray, arrived: np.ndarray) -> None:
        stamp = int(arrived[0]) // BUCKET_MS
        if int(arrived[-1]) // BUCKET_MS == stamp:
            # Arrivals come in order of time: all of them belong to one step.
            largest, stamps = self.largest[:, stamp % BUCKETS], self.stamp[:, stamp % BUCKETS]
            largest[rows] = np.maximum(largest[rows] * (stamps[rows] == stamp), size)
            stamps[rows] = stamp
            return
        self._remember_size_apart(rows, size, arrived // BUCKET_MS)

    def _remember_size_apart(self, rows: np.ndarray, size: np.ndarray, stamp: np.ndarray) -> None:
        bucket = stamp % BUCKETS
        before = self.largest[rows, bucket]
        before *= self.stamp[rows, bucket] == stamp
        self.largest[rows, bucket] = np.maximum(before, size)
        self.stamp[rows, bucket] = stamp

    def _skip(self, rows: np.ndarray, until: np.ndarray) -> None:
        """Reserved opportunities before ``until`` have passed unused."""
        behind = self.next[rows] < until
        if np.count_nonzero(behind):
            rows, until = rows[behind], until[behind]
            steps = -((self.next[rows] - until) // self.period[rows])
            self.next[rows] += steps * self.period[rows]
            self.missed[rows] += steps

    def _judge(self, rows: np.ndarray, arrived: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Places of the rows whose grant does not serve the waiting frame (or that have none), and why."""
        following = self.next[rows]
        # No period is longer than 1000 subframes.
        idle = arrived - self.last_use[rows] > 1000
        if self.mode.reselect_after is not None:
            idle |= self.missed[rows] >= self.mode.reselect_after
        # Without a grant the next subframe never comes: that is late too.
        problem = following + self.gap[rows] >= (self.generated_ns[rows] + self.budget_ns[rows]) // MS
        problem |= idle
        unfit = self._unfit(rows)
        if unfit is not None:
            problem |= unfit
        places = problem.nonzero()[0]
        causes = []
        for i in places.tolist():
            if following[i] == NEVER:
                causes.append(int(self.cause[rows[i]]))
            elif idle[i]:
                causes.append(int(Cause.MISSED))
            else:
                causes.append(int(Cause.SIZE if unfit is not None and unfit[i] else Cause.BUDGET))
        return places, causes

    def _unfit(self, rows: np.ndarray) -> np.ndarray | None:
        """Which waiting frames are too long for their grant; none where each is as long as one that is known to fit."""
        size = self.size_bytes[rows]
        if np.count_nonzero(self.fitting[rows] == size) == len(rows):
            return None
        room = self.grid.capacity_prb(self.pool[rows], self.subchannels[rows])
        unfit = self.grid.data_prb(size, self.mcs[rows]) > room
        if self.mode.grant_sizing == "adapt_mcs" and np.count_nonzero(unfit):
            unfit = ~self._adapted(rows)
        self.fitting[rows] = np.where(unfit, 0, size)
        return unfit

    def _adapted(self, rows: np.ndarray) -> np.ndarray:
        """Move grants to another allowed MCS where the waiting frame does not fit; whether it fits then."""
        room = self.grid.capacity_prb(self.pool[rows], self.subchannels[rows])
        fits = self.grid.data_prb(self.size_bytes[rows], self.mcs[rows]) <= room
        for mcs in sorted(self.mode.mcs):
            other = np.full(len(rows), mcs, np.int64)
            better = ~fits & (self.grid.data_prb(self.size_bytes[rows], other) <= room)
            self.mcs[rows[better]] = mcs
            fits |= better
        return fits

    def _reselect(self, rows: np.ndarray, subframe: np.ndarray, causes: list[int]) -> None:
        if not causes:
            return
        self.next[rows] = NEVER
        for cause in causes:
            self.selections[cause] += 1
        self.triggers.append((rows, subframe))

    # ---- reserved subframes come up

    def due(self, start: int, end: int) -> Sendings:
        """Use the reserved subframes in ``start`` .. ``end`` - 1; what is sent, and the grants moved on.

        With second transmissions, one subframe at a time: a block's two can lie in neighbouring subframes.
        """
        following = self.next[:self.count]
        rows = ((following >= start) & (following < end)).nonzero()[0]
        ready = self.waiting[rows] & (self.arrived[rows] <= following[rows])
        using = rows[ready]
        if len(using) < len(rows):
            idle = rows[~ready]
            self.next[idle] += self.period[idle]
            self.missed[idle] += 1
            rows = using
        again = self.second.due(start, end) if self.copies > 1 else rows[:0]
        rows = self._one_per_station(rows, again)
        if self.occupancy.limited:
            rows, again = within_limits(self, rows, again)
        sent = self._send(rows)
        return self.second.joined(sent, again, self.slot, self.station_id, self.pool) if len(again) else sent

    def _one_per_station(self, rows: np.ndarray, again: np.ndarray) -> np.ndarray:
        """First transmissions in order of subframe, station and priority, less those that must give way.

        A second transmission goes before first ones: its block is half sent, and it cannot be put off.
        """
        if len(rows) + len(again) < 2:
            return rows
        key = self.next[rows] << 40 | self.slot[rows] << 8 | self.priority[rows]
        order = np.argsort(key, kind="stable")
        rows, place = rows[order], key[order] >> 8
        taken = np.zeros(len(rows), bool)
        np.equal(place[1:], place[:-1], out=taken[1:])
        if len(again):
            taken |= np.isin(place, self.second.at[again] << 32 | self.slot[again])
        if np.count_nonzero(taken):
            self._give_way(rows[taken])
            rows = rows[~taken]
        return rows

    def _give_way(self, rows: np.ndarray) -> None:
        """The station's more urgent block goes first: wait for the next turn, or reselect if that is late."""
        self.postponed += len(rows)
        lost = self.next[rows]
        self.next[rows] += self.period[rows]
        self.missed[rows] += 1
        late = (self.next[rows] + self.gap[rows] + 1) * MS > self.generated_ns[rows] + self.budget_ns[rows]
        self._reselect(rows[late], lost[late], [int(Cause.CONFLICT)] * int(np.count_nonzero(late)))

    def _send(self, rows: np.ndarray) -> Sendings:
        process = rows if self.copies == 1 else rows * self.copies
        columns = self.table[:, rows].take(_SENT_ROWS, axis=0)
        sent = Sendings(*[process, *columns, np.zeros(len(rows), np.int64)])
        at, announced = sent.subframe, sent.announced
        if not len(rows):
            return sent
        self.waiting[rows] = False
        self.missed[rows] = 0
        self.last_use[rows] = at
        counter = self.counter[rows] - 1
        self.counter[rows] = counter
        self.next[rows] = at + announced
        last = (counter == 0).nonzero()[0]
        if len(last):
            self._last_use_of_cycle(rows[last], sent, last)
        if self.copies > 1:
            self.second.hold(rows, sent)
        return sent

    def _last_use_of_cycle(self, rows: np.ndarray, sent: Sendings, at: np.ndarray) -> None:
        """Keep or give up the resource; decided before the SCI is sent, so that it announces the truth."""
        probability = self.mode.keep_probability
        keep = self.draw(draws.KEEP, rows) < probability if probability > 0 else None
        self.cycles[rows] += 1
        if keep is not None and np.count_nonzero(keep):
            self.counter[rows[keep]] = self.new_counter(rows[keep])
            rows, at = rows[~keep], at[~keep]
        self.next[rows], self.cause[rows] = NEVER, Cause.COUNTER
        sent.announced[at] = 0

    # ---- draws, windows, grants

    def draw(self, which: int, rows: np.ndarray) -> np.ndarray:
        """One uniform number per row (:mod:`draws` names which), keyed by station, flow, stream and cycle."""
        return self._draws.take(which, rows, self.identity, self.cycles)

    def draw_all(self, rows: np.ndarray) -> np.ndarray:
        """All numbers of each row's present cycle, [n, 5] in the order of :mod:`draws`."""
        return self._draws.take(slice(None), rows, self.identity, self.cycles)

    def new_counter(self, rows: np.ndarray) -> np.ndarray:
        """Reselection counters, uniform in the range that the period sets."""
        return self.counter_from(rows, self.draw(draws.COUNTER, rows))

    def counter_from(self, rows: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """The counters that these draws give."""
        ranges = [_COUNTER_RANGE[min(period, 100)] for period in self.period[rows].tolist()]
        pairs = zip(ranges, draw.tolist(), strict=True)
        return np.array([low + int(number * (high - low + 1)) for (low, high), number in pairs], np.int64)

    def grant_sizes(self, rows: np.ndarray, subframe: np.ndarray) -> list[int]:
        """Bytes new grants are made for: the largest frame of the last second, or the one that waits."""
        sizes: list[int] = self.size_bytes[rows].tolist()
        if self.mode.grant_sizing != "largest":
            return sizes
        known = zip(subframe.tolist(), self.stamp[rows].tolist(), self.largest[rows].tolist(), strict=True)
        for i, (at, stamps, largest) in enumerate(known):
            before = at // BUCKET_MS - BUCKETS
            sizes[i] = max(sizes[i], *(b if s > before else 0 for s, b in zip(stamps, largest, strict=True)))
        return sizes

    def windows(self, rows: np.ndarray, subframe: np.ndarray, processing_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """First and last candidate subframe for the waiting frames; last < first where the budget leaves none.

        T2 is the delay budget less ``processing_ns``, but not below 20 subframes where the budget allows them; a budget
        too short for that may be used up to its end.
        """
        first = subframe + self.mode.t1_ms
        end_ns = self.generated_ns[rows] + self.budget_ns[rows]
        wanted = -((processing_ns - end_ns) // MS)
        latest = end_ns // MS - 1
        last = np.minimum(np.maximum(wanted, subframe + LEAST_T2), latest)
        short = wanted < first
        if np.count_nonzero(short):
            last[short] = latest[short]
        return first, np.minimum(last, subframe + self.mode.t2_max_ms)

    def give_up(self, rows: np.ndarray, subframe: np.ndarray) -> None:
        """No resource in time: the waiting frames end unsent."""
        self.drop(rows, subframe * MS)

    def take_grant(
        self, rows: np.ndarray, next_subframe: np.ndarray, first: np.ndarray, subchannels: np.ndarray | int,
        mcs: np.ndarray, counter: np.ndarray, gap: np.ndarray | int = 0, second_first: np.ndarray | int = 0,
    ) -> None:
        """Write selected resources; ``gap`` > 0 adds a second transmission so many subframes after the first."""
        self.next[rows], self.first[rows], self.subchannels[rows] = next_subframe, first, subchannels
        self.mcs[rows], self.fitting[rows] = mcs, 0
        self.counter[rows], self.missed[rows], self.last_use[rows] = counter, 0, next_subframe
        self.gap[rows], self.second_first[rows] = gap, second_first

    def drop(self, rows: np.ndarray, time_ns: np.ndarray, present: bool = True) -> None:
        """The waiting frames of these processes end unsent."""
        if len(rows):
            self.waiting[rows] = False
            self.dropped.append((self.frame[rows], self.slot[rows], time_ns, np.full(len(rows), present)))
