"""What stations remember: S-RSSI of their pool, decoded reservations with their RSRP, own transmissions."""

from __future__ import annotations

from collections import deque

import numpy as np

from sim.access.neighbours import LISTENERS, Neighbours

_PHASES = 100
"""Averages of S-RSSI run over subframes 100 ms apart (TS 36.213 clause 14.1.1.6 step 7)."""
_OWN = 256
"""Own transmissions remembered per station; none is lost below 256 per second."""
_LONG_AGO = -(10**9)
_POPULATIONS = len(LISTENERS)
UNHEARD_DBM = np.float32(-1e9)
"""Stands for the RSRP of a transmission whose SCI was not decoded."""


class PowerMemory:
    """S-RSSI per station slot and subchannel of its own pool over the sensing window, in mW.

    ``sums`` [100, slots, subchannels] and ``counts`` [100, slots] hold, per subframe number modulo 100, the sum over
    the monitored subframes of the window: what a selection reads. Subframes of own transmissions are not monitored.
    """

    def __init__(self, slots: int, subchannels: int, window: int) -> None:
        self.rows = -(-window // _PHASES) * _PHASES
        self.ring = np.zeros((self.rows, slots, subchannels), np.float32)
        self.monitored = np.zeros((self.rows, slots), bool)
        self.sums = np.zeros((_PHASES, slots, subchannels))
        self.counts = np.zeros((_PHASES, slots), np.int16)
        self.last = -1
        self._replaced: tuple[int, list[np.ndarray], list[np.ndarray]] = (0, [], [])

    def record(self, subframe: int, power_mw: np.ndarray, monitored: np.ndarray) -> None:
        """Store subframes from ``subframe`` on: [n, slots, subchannels], 0 where not monitored, and [n, slots]."""
        done, n = 0, len(power_mw)
        self._replaced = (subframe, [], [])
        while done < n:
            row = (subframe + done) % self.rows
            step = min(n - done, self.rows - row, _PHASES - row % _PHASES)
            rows, phases = slice(row, row + step), slice(row % _PHASES, row % _PHASES + step)
            new, seen = power_mw[done:done + step], monitored[done:done + step]
            change = new - self.ring[rows].astype(np.float64)
            gained = seen.astype(np.int16) - self.monitored[rows]
            self.sums[phases] += change
            self.counts[phases] += gained
            self._replaced[1].append(change)
            self._replaced[2].append(gained)
            self.ring[rows], self.monitored[rows] = new, seen
            done += step
        self.last = subframe + n - 1

    def gained(self, subframe: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By how much these subframes of the latest record changed sums [n, subchannels] and counts [n] of slots."""
        first, changes, counts = self._replaced
        row = subframe - first
        change = np.concatenate(changes) if len(changes) > 1 else changes[0]
        count = np.concatenate(counts) if len(counts) > 1 else counts[0]
        return change[row, slots], count[row, slots]

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots."""
        self.ring[:, slots], self.monitored[:, slots] = 0, False
        self.sums[:, slots], self.counts[:, slots] = 0, 0

    def grow(self, slots: int) -> None:
        """Make room for more slots."""
        for name, axis in (("ring", 1), ("monitored", 1), ("sums", 1), ("counts", 1)):
            old = getattr(self, name)
            if old.shape[axis] < slots:
                new = np.zeros((old.shape[0], slots, *old.shape[2:]), old.dtype)
                new[:, :old.shape[1]] = old
                setattr(self, name, new)

    def busy_ratio(self, slots: np.ndarray, subchannels: np.ndarray, threshold_mw: float) -> np.ndarray:
        """Share of monitored (subframe, subchannel) of the last 100 subframes above the threshold, per slot."""
        if self.last < 0:
            return np.zeros(len(slots))
        rows = np.arange(max(0, self.last - 99), self.last + 1) % self.rows
        busy = (self.ring[rows] > np.float32(threshold_mw)).sum(axis=(0, 2))[slots]
        total = self.monitored[rows].sum(axis=0)[slots] * subchannels
        return np.divide(busy, total, out=np.zeros(len(slots)), where=total > 0)


class ReservationMemory:
    """The two latest transmissions of every process and the RSRP at which each listener decoded their SCI.

    Two, so that a selection at n inside a block of subframes can leave out what is sent from n on. Record
    2 x process + generation; ``generation`` is the newer one. RSRP values of a transmission lie one after the other in
    one circular array, in the order of the listeners in the tick of the transmission; ``rank`` keeps those orders for
    as long as reservations last.
    """

    def __init__(self, slots: int, horizon: int, ticks: int) -> None:
        self.horizon = horizon
        self.rsrp_dbm = np.full(1 << 16, UNHEARD_DBM, np.float32)
        self.head = 0
        self._written: deque[tuple[int, int]] = deque()
        self.rank = np.full((ticks, slots), -1, np.int32)
        self.population_size = np.zeros((ticks, _POPULATIONS), np.int64)
        self.tick = -1
        self.own = np.full((slots, _OWN), _LONG_AGO, np.int32)
        self.own_count = np.zeros(slots, np.int64)
        self._columns(0)

    def _columns(self, size: int) -> None:
        self.generation = np.zeros(size, np.int64)
        size *= 2
        self.subframe = np.full(size, _LONG_AGO, np.int64)
        self.announced = np.zeros(size, np.int64)
        self.prb_from, self.prb_to = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.tick_at = np.zeros(size, np.int64)
        self.lo = np.zeros((size, _POPULATIONS), np.int64)
        self.count = np.zeros((size, _POPULATIONS), np.int64)
        self.base = np.full((size, _POPULATIONS), -(2**62), np.int64)

    def grow(self, slots: int, processes: int) -> None:
        """Make room for more slots and processes."""
        if self.rank.shape[1] < slots:
            extra = slots - self.rank.shape[1]
            self.rank = np.concatenate([self.rank, np.full((len(self.rank), extra), -1, np.int32)], axis=1)
            self.own = np.concatenate([self.own, np.full((extra, _OWN), _LONG_AGO, np.int32)])
            self.own_count = np.concatenate([self.own_count, np.zeros(extra, np.int64)])
        if len(self.generation) < processes:
            old = {k: getattr(self, k) for k in _PROCESS_COLUMNS}
            self._columns(processes)
            for name, value in old.items():
                getattr(self, name)[:len(value)] = value

    def deepen(self, ticks: int) -> None:
        """Keep the orders of at least so many ticks."""
        if ticks > len(self.rank):
            order = np.arange(max(0, self.tick + 1 - len(self.rank)), self.tick + 1)
            old_rank, old_size = self.rank, self.population_size
            self.rank = np.full((ticks, old_rank.shape[1]), -1, np.int32)
            self.population_size = np.zeros((ticks, _POPULATIONS), np.int64)
            self.rank[order % ticks] = old_rank[order % len(old_rank)]
            self.population_size[order % ticks] = old_size[order % len(old_rank)]

    def new_tick(self, neighbours: Neighbours) -> None:
        """Remember the order of listeners of a new tick."""
        self.tick += 1
        row = self.tick % len(self.rank)
        self.rank[row] = -1
        for population in LISTENERS:
            slots = neighbours.slots[neighbours.offset[population]:neighbours.offset[population + 1]]
            self.rank[row, slots] = np.arange(len(slots))
            self.population_size[row, population] = len(slots)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots: it has heard and sent nothing."""
        self.rank[:, slots] = -1
        self.own[slots] = _LONG_AGO
        self.own_count[slots] = 0

    def store(self, subframe: int, rsrp_dbm: np.ndarray) -> int:
        """Append values of a batch sent up to ``subframe``; the address of the first."""
        n = len(rsrp_dbm)
        self._make_room(subframe, n)
        if self.head % len(self.rsrp_dbm) + n > len(self.rsrp_dbm):
            self.head += -self.head % len(self.rsrp_dbm)
        start = self.head % len(self.rsrp_dbm)
        self.rsrp_dbm[start:start + n] = rsrp_dbm
        address, self.head = self.head, self.head + n
        self._written.append((subframe, address))
        return address

    def _make_room(self, subframe: int, n: int) -> None:
        while self._written and self._written[0][0] < subframe - self.horizon:
            self._written.popleft()
        oldest = self._written[0][1] if self._written else self.head
        size = len(self.rsrp_dbm)
        while self.head + 2 * n - oldest > size:
            size *= 2
        if size > len(self.rsrp_dbm):
            before = len(self.rsrp_dbm)
            grown = np.full(size, UNHEARD_DBM, np.float32)
            at = max(0, self.head - before)
            while at < self.head:
                piece = min(self.head - at, before - at % before, size - at % size)
                grown[at % size:at % size + piece] = self.rsrp_dbm[at % before:at % before + piece]
                at += piece
            self.rsrp_dbm = grown

    def commit(
        self, process: np.ndarray, slot: np.ndarray, subframe: np.ndarray, announced: np.ndarray,
        prb: tuple[np.ndarray, np.ndarray], lo: np.ndarray, count: np.ndarray, base: np.ndarray,
    ) -> None:
        """Transmissions of the current tick become the newest of their processes (one row per process and slot)."""
        self.generation[process] ^= 1
        record = 2 * process + self.generation[process]
        self.subframe[record], self.announced[record] = subframe, announced
        self.prb_from[record], self.prb_to[record] = prb
        self.tick_at[record] = self.tick
        self.lo[record], self.count[record], self.base[record] = lo, count, base
        self.own[slot, self.own_count[slot] % _OWN] = subframe
        self.own_count[slot] += 1

    def latest(self, process: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Records of the latest transmissions of these processes before these subframes."""
        record = 2 * process + self.generation[process]
        return np.where(self.subframe[record] < before, record, record ^ 1)

    def heard(self, record: np.ndarray, slot: np.ndarray, population: np.ndarray) -> np.ndarray:
        """RSRP in dBm at which the station in ``slot`` decoded the SCI of a record; below -1e8 if it did not."""
        tick_row = self.tick_at[record] % len(self.rank)
        rank = self.rank.ravel()[tick_row * self.rank.shape[1] + slot]
        pair = _POPULATIONS * record + population
        place = rank - self.lo.ravel()[pair]
        place = np.where(place < 0, place + self.population_size.ravel()[_POPULATIONS * tick_row + population], place)
        base = self.base.ravel()[pair]
        valid = (rank >= 0) & (place < self.count.ravel()[pair]) & (base >= self.head - len(self.rsrp_dbm))
        return np.where(valid, self.rsrp_dbm[(base + place) & (len(self.rsrp_dbm) - 1)], UNHEARD_DBM)


_PROCESS_COLUMNS = ("generation", "subframe", "announced", "prb_from", "prb_to", "tick_at", "lo", "count", "base")
