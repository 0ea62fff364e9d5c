"""S-RSSI averaged over subframes 100 ms apart: what ranks the candidates of an LTE selection."""

from __future__ import annotations

import numpy as np

from sim.access.sidelink.sensing import Orders

_SLOTS_AT_ONCE = 64
"""Stations entered in one go; more would leave the processor's cache."""


class AveragedPower:
    """S-RSSI per station slot and subchannel of all pools over the sensing window, in mW.

    ``ring`` [slots, stretches, subchannels, phases] float32 keeps subframe n in stretch n // ``phases`` modulo their
    number, phase n modulo ``phases`` (100: averages run over subframes 100 ms apart, TS 36.213 clause 14.1.1.6 step 7).
    0 marks subframes that were not monitored, since what a station listens to holds noise at least. Slots come first
    because a selection reads few stations whole. Subframes since ``filed`` lie apart in ``recent`` [subchannels,
    subframes, columns], in the order of columns of the tick.
    """

    def __init__(self, orders: Orders, subchannels: int, window: int, phases: int = 100) -> None:
        self.orders, self.phases = orders, phases
        self.stretches = -(-window // phases)
        self.rows = self.stretches * phases
        slots = orders.column.shape[1]
        self.ring = np.zeros((slots, self.stretches, subchannels, phases), np.float32)
        self.recent = np.zeros((subchannels, phases, 0), np.float32)
        self.filed = self._count = self._kept = 0
        self._turn = -1
        self._later = np.arange(phases)

    @property
    def last(self) -> int:
        """The latest subframe recorded."""
        return self.filed + self._count - 1

    def grow(self, slots: int) -> None:
        """Make room for more slots."""
        if slots > len(self.ring):
            # In place: a copy would hold twice the memory for a moment.
            self.ring.resize((slots, *self.ring.shape[1:]), refcheck=False)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots: it has monitored nothing."""
        self._file()
        self.ring[slots] = 0

    def record(self, subframe: int, sensed_mw: np.ndarray) -> None:
        """Store subframes from ``subframe`` on, at most ``phases``: [subchannels, n, columns] in the present order of
        columns, below 0 where the station was sending."""
        n, width = sensed_mw.shape[1:]
        if self._count + n > self.phases or self.orders.turn != self._turn:
            self._file()
            self._turn = self.orders.turn
            if width != self.recent.shape[2]:
                self.recent = np.zeros((len(self.recent), self.phases, width), np.float32)
        if not self._count:
            self.filed = subframe
        rows = slice(self._count, self._count + n)
        np.maximum(sensed_mw, 0, out=self.recent[:, rows])
        self._count += n

    def _file(self) -> None:
        """Enter recent subframes into the ring, by slots."""
        count, width = self._count, self.recent.shape[2]
        if not count:
            return
        # Slots without a listener read some other column; they are forgotten before anybody asks.
        order = self.orders.column[self._turn % len(self.orders.column)]
        recent = np.ascontiguousarray(self.recent[:, :count].transpose(2, 0, 1))
        for first in range(0, len(order), _SLOTS_AT_ONCE):
            slots, done = slice(first, first + _SLOTS_AT_ONCE), 0
            new = recent.take(order[slots], axis=0, mode="clip") if width else None
            while done < count:
                stretch, phase = self._place(self.filed + done)
                step = min(count - done, self.phases - phase)
                to = self.ring[slots, stretch, :, phase:phase + step]
                to[...] = 0 if new is None else new[:, :, done:done + step]
                done += step
        self.filed, self._count, self._kept = self.filed + count, 0, count

    def _place(self, subframe: int) -> tuple[int, int]:
        return subframe // self.phases % self.stretches, subframe % self.phases

    def mean(
        self, slot: np.ndarray, at: np.ndarray, first: np.ndarray, span: int, lag: int, subchannels: slice,
        quiet_mw: float,
    ) -> np.ndarray:
        """Mean S-RSSI in mW, float32 [b, span, subchannels], for candidate subframes ``first`` [b] + 0 .. span - 1.

        The mean runs over the monitored subframes ``lag`` apart from the candidate within the window before each
        selection's own subframe ``at`` [b]; ``quiet_mw`` where there are none. ``lag`` divides ``phases``; candidates
        lie at most ``phases`` after ``at``.
        """
        window = self.ring[slot]
        number = min(self._count, int(at.max()) - self.filed)
        if number > 0 and self.recent.shape[2]:
            self._add_recent(window, slot, at, number)
        sums = window[:, :, subchannels].sum(axis=1)
        listened = np.count_nonzero(window[:, :, 0], axis=1)
        if lag < self.phases:
            sums = sums.reshape(len(slot), sums.shape[1], -1, lag).sum(axis=2)
            listened = listened.reshape(len(slot), -1, lag).sum(axis=1)
        row, place = np.arange(len(slot))[:, None], (first[:, None] + np.arange(span)) % lag
        power, count = sums[row, :, place], listened[row, place].astype(np.float32)[:, :, None]
        if count.min(initial=1) < 1:
            return np.where(count < 1, np.float32(quiet_mw), power / np.maximum(count, 1))
        return power / count

    def _add_recent(self, window: np.ndarray, slot: np.ndarray, at: np.ndarray, number: int) -> None:
        """Replace what left the window by what came since filing, up to each selection's own subframe."""
        column = self.orders.column[self._turn % len(self.orders.column), slot]
        new = self.recent[:, :number, column].transpose(2, 0, 1)
        known = (self._later[:number] < (at - self.filed)[:, None])[:, None, :]
        done = 0
        while done < number:
            stretch, phase = self._place(self.filed + done)
            step = min(number - done, self.phases - phase)
            old = window[:, stretch, :, phase:phase + step]
            np.copyto(old, new[:, :, done:done + step], where=known[:, :, done:done + step])
            done += step

    def busy_ratio(self, slots: np.ndarray, subchannels: slice, threshold_mw: float, over: int = 100) -> np.ndarray:
        """Share of monitored (subframe, subchannel) of the last ``over`` subframes above the threshold, per slot."""
        self._file()
        seen_in = subchannels.stop - subchannels.start
        if self._kept >= over:
            # The latest filing still lies in columns, where it is read at a stretch.
            column = self.orders.column[self._turn % len(self.orders.column), slots]
            latest = self.recent[:, self._kept - over:self._kept]
            busy = np.count_nonzero(latest[subchannels] > np.float32(threshold_mw), axis=(0, 1))[column]
            seen = np.count_nonzero(latest[0], axis=0)[column] * (column >= 0) * seen_in
            return np.divide(busy, seen, out=np.zeros(len(slots)), where=seen > 0)
        busy, seen = np.zeros(len(slots)), np.zeros(len(slots))
        begin = max(0, self.filed - over)
        while begin < self.filed:
            stretch, phase = self._place(begin)
            step = min(self.filed - begin, self.phases - phase)
            part = self.ring[:, stretch, :, phase:phase + step]
            busy += np.count_nonzero(part[:, subchannels] > np.float32(threshold_mw), axis=(1, 2))[slots]
            seen += np.count_nonzero(part[:, 0], axis=1)[slots]
            begin += step
        seen *= seen_in
        return np.divide(busy, seen, out=np.zeros(len(slots)), where=seen > 0)
