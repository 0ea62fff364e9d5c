"""S-RSSI averaged over subframes 100 ms apart: what ranks the candidates of an LTE selection."""

from __future__ import annotations

import numpy as np

from sim.access.sidelink.sensing import Orders


class AveragedPower:
    """S-RSSI per station slot and subchannel of all pools over the sensing window, in mW.

    ``ring`` [slots, subchannels + 1, subframes] float32 keeps subframe n in place n modulo its length; the last plane
    is 1 where the station listened, all are 0 where it sent itself. ``total`` [slots, subchannels + 1, phases] holds the sums
    over the window per subframe number modulo ``phases`` (100: TS 36.213 clause 14.1.1.6 step 7), float64, so that what
    is added comes off again without a trace. Slots come first because selections read few stations whole. Subframes
    since ``filed`` lie apart in ``recent`` [subchannels + 1, subframes, columns], in the order of columns of the tick.
    """

    def __init__(self, orders: Orders, subchannels: int, window: int, phases: int = 100) -> None:
        self.orders, self.phases = orders, phases
        self.rows = -(-window // phases) * phases
        slots = orders.column.shape[1]
        self.ring = np.zeros((slots, subchannels + 1, self.rows), np.float32)
        self.total = np.zeros((slots, subchannels + 1, phases))
        self.recent = np.zeros((subchannels + 1, phases, 0), np.float32)
        self.filed = self._count = self._kept = 0
        self._turn = -1
        self._later = np.arange(phases)

    @property
    def last(self) -> int:
        """The latest subframe recorded."""
        return self.filed + self._count - 1

    def grow(self, slots: int) -> None:
        """Make room for more slots."""
        extra = slots - len(self.ring)
        if extra > 0:
            self.ring = np.concatenate([self.ring, np.zeros((extra, *self.ring.shape[1:]), np.float32)])
            self.total = np.concatenate([self.total, np.zeros((extra, *self.total.shape[1:]))])

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these slots: it has monitored nothing."""
        self._file()
        self.ring[slots], self.total[slots] = 0, 0

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
        np.maximum(sensed_mw, 0, out=self.recent[:-1, rows])
        np.greater(sensed_mw[0], 0, out=self.recent[-1, rows])
        self._count += n

    def _file(self) -> None:
        """Enter recent subframes into ring and sums, by slots."""
        done, count = 0, self._count
        order = self.orders.column[self._turn % len(self.orders.column)]
        # Slots without a listener read some other column; they are forgotten before anybody asks.
        empty = not self.recent.shape[2]
        while done < count:
            place = (self.filed + done) % self.rows
            step = min(count - done, self.phases - place % self.phases)
            if empty:
                new = np.zeros((*self.ring.shape[:2], step), np.float32)
            else:
                new = self.recent[:, done:done + step].take(order, axis=2, mode="clip").transpose(2, 0, 1)
            old = self.ring[:, :, place:place + step]
            total = self.total[:, :, place % self.phases:place % self.phases + step]
            total -= old
            old[...] = new
            total += old
            done += step
        if count:
            self.filed, self._count, self._kept = self.filed + count, 0, count

    def mean(
        self, slot: np.ndarray, at: np.ndarray, first: np.ndarray, span: int, lag: int, subchannels: slice,
        quiet_mw: float,
    ) -> np.ndarray:
        """Mean S-RSSI in mW, float32 [b, span, subchannels], for candidate subframes ``first`` [b] + 0 .. span - 1.

        The mean runs over the monitored subframes ``lag`` apart from the candidate within the window before each
        selection's own subframe ``at`` [b]; ``quiet_mw`` where there are none. ``lag`` divides ``phases``; candidates
        lie at most ``phases`` after ``at``.
        """
        sums = self.total[slot]
        start = self.filed % self.phases
        number = min(self._count, int(at.max()) - self.filed)
        if number > 0 and self.recent.shape[2]:
            self._add_recent(sums, slot, at, start, number)
        if lag < self.phases:
            sums = sums.reshape(len(slot), sums.shape[1], -1, lag).sum(axis=2)
        place = (first[:, None] + np.arange(span)) % lag
        values = sums[np.arange(len(slot))[:, None], :, place]
        power, count = values[:, :, subchannels], values[:, :, -1:]
        if count.min(initial=1) < 1:
            return np.where(count < 1, quiet_mw, power / np.maximum(count, 1)).astype(np.float32)
        return np.divide(power, count, dtype=np.float32, casting="same_kind")

    def _add_recent(self, sums: np.ndarray, slot: np.ndarray, at: np.ndarray, start: int, number: int) -> None:
        """Replace what left the window by what came since the sums were filed, up to each selection's subframe."""
        column = self.orders.column[self._turn % len(self.orders.column), slot]
        change = self.recent[:, :number, column].transpose(2, 0, 1).astype(np.float64)
        place = self.filed % self.rows
        ring = self.ring[slot]
        if place + number <= self.rows:
            change -= ring[:, :, place:place + number]
        else:
            change -= ring[:, :, (place + np.arange(number)) % self.rows]
        beyond = at - self.filed
        if int(beyond.min()) < number:
            change *= (self._later[:number] < beyond[:, None])[:, None, :]
        if start + number <= self.phases:
            sums[:, :, start:start + number] += change
        else:
            sums[:, :, (start + self._later[:number]) % self.phases] += change

    def busy_ratio(self, slots: np.ndarray, subchannels: slice, threshold_mw: float, over: int = 100) -> np.ndarray:
        """Share of monitored (subframe, subchannel) of the last ``over`` subframes above the threshold, per slot."""
        self._file()
        seen_in = subchannels.stop - subchannels.start
        if self._kept >= over:
            # The latest filing still lies in columns, where it is read at a stretch.
            column = self.orders.column[self._turn % len(self.orders.column), slots]
            latest = self.recent[:, self._kept - over:self._kept]
            busy = np.count_nonzero(latest[subchannels] > np.float32(threshold_mw), axis=(0, 1))[column]
            seen = np.count_nonzero(latest[-1], axis=0)[column] * (column >= 0) * seen_in
            return np.divide(busy, seen, out=np.zeros(len(slots)), where=seen > 0)
        rows = np.arange(max(0, self.filed - over), self.filed) % self.rows
        busy, seen = np.zeros(len(slots)), np.zeros(len(slots))
        for part in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []:
            stretch = self.ring[:, :, part[0]:part[-1] + 1]
            busy += np.count_nonzero(stretch[:, subchannels] > np.float32(threshold_mw), axis=(1, 2))[slots]
            seen += np.count_nonzero(stretch[:, -1], axis=1)[slots]
        seen *= seen_in
        return np.divide(busy, seen, out=np.zeros(len(slots)), where=seen > 0)
