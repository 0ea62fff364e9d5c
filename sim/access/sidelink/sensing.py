"""What stations remember: S-RSSI of their pool, decoded reservations with their RSRP, own transmissions."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from sim.access.neighbours import LISTENERS, Neighbours
from sim.access.sidelink.judging import hashed_bits_on
from sim.access.sidelink.links import Runs, Sent
from sim.access.sidelink.reception import NOT_MONITORED, Reception

_OWN = 256
"""Own transmissions remembered per station; none is lost below 256 per second."""
_LONG_AGO = -(10**9)
_POPULATIONS = len(LISTENERS)
UNHEARD_DBM = np.float32(-1e9)
"""Stands for the RSRP of a transmission whose SCI was not decoded."""
_DB = np.float32(10 / np.log(10))
_SPARE_ROWS = 32
"""Subframes kept beyond the sensing window: a selection in the middle of a block looks back from its own subframe."""


class Orders:
    """Columns of stations in the latest tables of :class:`sim.access.neighbours.Neighbours`, by their ``turn``."""

    def __init__(self, slots: int, turns: int = 1) -> None:
        self.column = np.full((turns, slots), -1, np.int32)
        """Column of every slot, -1 = no station, or another one than today."""
        self.offset = np.zeros((turns, _POPULATIONS + 1), np.int64)
        self.turn = -1

    def row(self, turn: np.ndarray) -> np.ndarray:
        """Rows of turns; those too long ago have been overwritten."""
        return turn % len(self.column)

    def grow(self, slots: int) -> None:
        """Make room for more slots."""
        extra = slots - self.column.shape[1]
        if extra > 0:
            more = ((len(self.column), extra))
            self.column = np.concatenate([self.column, np.full(more, -1, np.int32)], axis=1)

    def deepen(self, turns: int) -> None:
        """Keep at least so many turns."""
        if turns > len(self.column):
            known = np.arange(max(0, self.turn + 1 - len(self.column)), self.turn + 1)
            old_column, old_offset = self.column, self.offset
            self.column = np.full((turns, old_column.shape[1]), -1, np.int32)
            self.offset = np.zeros((turns, old_offset.shape[1]), np.int64)
            self.column[known % turns] = old_column[known % len(old_column)]
            self.offset[known % turns] = old_offset[known % len(old_offset)]

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots: it has heard nothing."""
        self.column[:, slots] = -1

    def new_tick(self, near: Neighbours) -> None:
        """Remember the columns of the present table."""
        if near.turn != self.turn:
            self.turn = near.turn
            row = self.turn % len(self.column)
            self.column[row, :len(near.column)] = near.column
            self.offset[row] = near.offset[:_POPULATIONS + 1]


class PowerMemory:
    """S-RSSI per column and subchannel of all pools over the sensing window, float32 in mW.

    ``ring`` [subchannels of all pools, subframes, columns] keeps subframe n in row n modulo its length, in the order of
    columns of that time; :data:`NOT_MONITORED` marks subframes of own transmissions.
    """

    def __init__(self, orders: Orders, subchannels: int, window: int, phases: int = 100) -> None:
        self.orders = orders
        self.window = -(-window // phases) * phases
        self.rows = self.window + _SPARE_ROWS
        self.ring = np.zeros((subchannels, self.rows, 0), np.float32)
        self.turn = np.full(self.rows, -1, np.int64)
        """Turn of the order of columns of every row; -1 = not recorded."""
        self.last = -1

    def record(self, subframe: int, sensed_mw: np.ndarray) -> None:
        """Store subframes from ``subframe`` on: [subchannels, n, columns]; at most 32 in one go."""
        n, width = sensed_mw.shape[1:]
        if width > self.ring.shape[2]:
            grown = np.zeros((*self.ring.shape[:2], width + width // 8), np.float32)
            grown[:, :, :self.ring.shape[2]] = self.ring
            self.ring = grown
        row = subframe % self.rows
        before = min(n, self.rows - row)
        self.ring[:, row:row + before, :width] = sensed_mw[:, :before]
        self.turn[row:row + before] = self.orders.turn
        if before < n:
            self.ring[:, :n - before, :width] = sensed_mw[:, before:]
            self.turn[:n - before] = self.orders.turn
        self.last = subframe + n - 1

    def busy_ratio(self, slots: np.ndarray, subchannels: slice, threshold_mw: float, over: int = 100) -> np.ndarray:
        """Share of monitored (subframe, subchannel) of the last ``over`` subframes above the threshold, per slot."""
        busy, total = np.zeros(len(slots)), np.zeros(len(slots))
        rows = np.arange(max(0, self.last + 1 - over), self.last + 1) % self.rows
        part = self.ring[subchannels]
        while len(rows):
            turn = self.turn[rows[0]]
            alike = (self.turn[rows] == turn) & (np.diff(rows, prepend=rows[0] - 1) == 1)
            same = len(rows) if alike.all() else int(np.argmin(alike))
            power = part[:, rows[0]:rows[0] + same]
            column = self.orders.column[turn % len(self.orders.column), slots]
            known = column >= 0
            used = np.where(known, column, 0)
            above = (power > np.float32(threshold_mw)).sum(axis=(0, 1), dtype=np.int32)
            seen = (power[0] != NOT_MONITORED).sum(axis=0, dtype=np.int32) * len(part)
            busy += known * above[used]
            total += known * seen[used]
            rows = rows[same:]
        return np.divide(busy, total, out=np.zeros(len(slots)), where=total > 0)


class ReservationMemory:
    """The two latest transmissions of every process and what each listener needs to tell whether it heard their SCI.

    Two, so that a selection at n inside a block of subframes can leave out what is sent from n on. Record
    2 x process + generation; ``generation`` is the newer one. Levels on the control PRBs of a transmission lie one
    after the other in one circular array, in the order of the listeners at its time; whether a station decoded the SCI
    is worked out when somebody asks (:meth:`heard`), from the gains that :class:`Neighbours` keeps.
    """

    def __init__(self, orders: Orders, near: Neighbours, reception: Reception, horizon: int) -> None:
        self.orders, self.near, self.reception, self.horizon = orders, near, reception, horizon
        self.level_mw = np.zeros(1 << 16, np.float32)
        self.head = 0
        self._written: deque[tuple[int, int]] = deque()
        slots = orders.column.shape[1]
        self.own = np.full((slots, _OWN), _LONG_AGO, np.int32)
        self.own_count = np.zeros(slots, np.int64)
        self._columns(0)

    def _columns(self, size: int) -> None:
        self.generation = np.zeros(size, np.int64)
        size *= 2
        self.subframe = np.full(size, _LONG_AGO, np.int64)
        self.announced = np.zeros(size, np.int64)
        self.prb_from, self.prb_to = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.turn = np.full(size, -1, np.int64)
        self.sequence, self.bits = np.zeros(size, np.int64), np.zeros(size, np.uint64)
        """``bits`` of (control key, station): with the sequence number the key of draws on the control channel."""
        self.share_mw = np.zeros((size, 2), np.float32)
        """Transmit power in the control PRBs, and in one resource element of the data PRBs."""
        self.runs = np.zeros((size, _POPULATIONS, 5), np.int64)
        """Of the listeners of each population: as in :meth:`Neighbours.packed`, then where their levels begin."""

    def grow(self, slots: int, processes: int) -> None:
        """Make room for more slots and processes."""
        extra = slots - len(self.own)
        if extra > 0:
            self.own = np.concatenate([self.own, np.full((extra, _OWN), _LONG_AGO, np.int32)])
            self.own_count = np.concatenate([self.own_count, np.zeros(extra, np.int64)])
        if len(self.generation) < processes:
            old = {k: getattr(self, k) for k in _PROCESS_COLUMNS}
            self._columns(processes)
            for name, value in old.items():
                getattr(self, name)[:len(value)] = value

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots: it has sent nothing."""
        self.own[slots] = _LONG_AGO
        self.own_count[slots] = 0

    def lapse(self, process: np.ndarray) -> None:
        """What these processes announced is not used any more, and nobody reckons with it."""
        self.announced[2 * process] = self.announced[2 * process + 1] = 0

    def store(self, subframe: int, levels: Sequence[np.ndarray], links: int) -> int:
        """Append levels (``links`` in all) of a batch sent up to ``subframe``; the address of the first."""
        self._make_room(subframe, links)
        if self.head % len(self.level_mw) + links > len(self.level_mw):
            self.head += -self.head % len(self.level_mw)
        start = self.head % len(self.level_mw)
        if links:
            np.concatenate(levels, out=self.level_mw[start:start + links])
        address, self.head = self.head, self.head + links
        self._written.append((subframe, address))
        return address

    def _make_room(self, subframe: int, n: int) -> None:
        while self._written and self._written[0][0] < subframe - self.horizon:
            self._written.popleft()
        oldest = self._written[0][1] if self._written else self.head
        size = len(self.level_mw)
        while self.head + 2 * n - oldest > size:
            size *= 2
        if size > len(self.level_mw):
            before = len(self.level_mw)
            grown = np.zeros(size, np.float32)
            at = max(0, self.head - before)
            while at < self.head:
                piece = min(self.head - at, before - at % before, size - at % size)
                grown[at % size:at % size + piece] = self.level_mw[at % before:at % before + piece]
                at += piece
            self.level_mw = grown

    def addresses(self, sent: Sent, reach: Runs, address: int) -> np.ndarray:
        """Where the levels of each transmission towards each population begin, [n, populations], stored by run."""
        start = address + np.cumsum(reach.count) - reach.count
        at = np.full((len(sent), _POPULATIONS), -(2**62), np.int64)
        if len(reach) == len(sent) and self.near.size[0] == self.near.offset[_POPULATIONS]:
            at[:, 0] = start
            return at
        population = self.near.population(reach.first)
        # Of a run that a seam divides the part before the seam counts: the other follows it.
        at[reach.sending[::-1], population[::-1]] = start[::-1]
        return at

    def commit(
        self, process: np.ndarray, slot: np.ndarray, subframe: np.ndarray, announced: np.ndarray,
        prb: tuple[np.ndarray, np.ndarray], sent: Sent, level_at: np.ndarray,
    ) -> None:
        """Transmissions of the current tick become the newest of their processes (one row per process and slot).

        ``prb`` bounds the PRBs that count as reserved; ``level_at`` comes from :meth:`addresses`.
        """
        self.generation[process] ^= 1
        record = 2 * process + self.generation[process]
        near, reception = self.near, self.reception
        self.subframe[record], self.announced[record] = subframe, announced
        self.prb_from[record], self.prb_to[record] = prb
        self.turn[record] = near.turn
        self.sequence[record], self.bits[record] = sent.sequence, reception.sender_bits(near)[sent.column]
        power = near.power_mw[sent.column]
        self.share_mw[record, 0] = power * reception.control_share[sent.data_prb]
        self.share_mw[record, 1] = power * reception.element_share[sent.data_prb]
        self.runs[record, :, :4] = near.packed().take(sent.column, axis=0)
        self.runs[record, :, 4] = level_at
        self.own[slot, self.own_count[slot] % _OWN] = subframe
        self.own_count[slot] += 1

    def latest(self, process: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Records of the latest transmissions of these processes before these subframes."""
        record = 2 * process + self.generation[process]
        return np.where(self.subframe[record] < before, record, record ^ 1)

    def _bits(self, record: np.ndarray) -> np.ndarray:
        return hashed_bits_on(self.bits.take(record), self.sequence.take(record))

    def heard(self, record: np.ndarray, slot: np.ndarray, population: np.ndarray) -> np.ndarray:
        """RSRP in dBm at which the station in ``slot`` decoded the SCI of a record; below -1e8 if it did not.

        ``population`` is that of the listener now and at the time of the transmission.
        """
        level = self.heard_mw(record, slot, population)
        rsrp = np.full(len(record), UNHEARD_DBM, np.float32)
        some = np.flatnonzero(level)
        rsrp[some] = np.log(level[some]) * _DB
        return rsrp

    def heard_mw(
        self, record: np.ndarray, slot: np.ndarray, population: np.ndarray, least_mw: float = 0.0
    ) -> np.ndarray:
        """As :meth:`heard`, in mW per resource element; 0 where the SCI was not decoded, or weaker than ``least_mw``.

        What is too weak to matter is told apart before anything is decoded.
        """
        near, turn = self.near, self.turn[record]
        row = turn % len(self.orders.column)
        column = self.orders.column[row, slot]
        lo, count, size, gain_at, level_at = self.runs.reshape(-1, 5).take(_POPULATIONS * record + population, axis=0).T
        place = column - self.orders.offset[row, population] - lo
        if near.ring_m:
            place += (place < 0) * size
        valid = (column >= 0) & (place >= 0) & (place < count) & (level_at >= self.head - len(self.level_mw))
        oldest = self.orders.turn - min(len(self.orders.column), len(near.store))
        valid &= turn > oldest
        rsrp = np.zeros(len(record), np.float32)
        some = valid.nonzero()[0]
        if not len(some):
            return rsrp
        gain_at = (gain_at + place + turn % len(near.store) * near.store.shape[1])[some]
        level_at = (level_at + place)[some] & (len(self.level_mw) - 1)
        record, slot = record[some], slot[some]
        gain, share = near.store.ravel().take(gain_at), self.share_mw.take(record, axis=0)
        if least_mw:
            loud = (gain * share[:, 1] >= np.float32(least_mw)).nonzero()[0]
            some, record, slot, gain, share = some[loud], record[loud], slot[loud], gain[loud], share[loud]
            level_at = level_at[loud]
        decoded = self.reception.decode(
            gain * share[:, 0], self.level_mw.take(level_at), self._bits, record, near.station_id, near.column[slot]
        ).nonzero()[0]
        rsrp[some[decoded]] = gain[decoded] * share[decoded, 1]
        return rsrp


_PROCESS_COLUMNS = (
    "generation", "subframe", "announced", "prb_from", "prb_to", "turn", "sequence", "bits", "share_mw", "runs",
)
