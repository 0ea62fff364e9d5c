"""Channel occupancy ratio and its limits (3GPP TS 36.214 clause 5.1.31, TS 36.213 clause 14.1.1.4B)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.grid import Grid
from sim.clock import MS

if TYPE_CHECKING:
    from sim.access.lte_mode4.processes import Processes
    from sim.scenario.schema.radio import Mode4

SUBFRAMES = 1000
"""a + b + 1 of TS 36.214; this device takes a = 999 subframes of the past and b = 0 of the future."""
PRIORITIES = 8
_REMEMBERED = 256
_LONG_AGO = -(10**9)


class Occupancy:
    """What every station has sent in the last second, by priority, against limits that follow the channel busy ratio.

    For every priority k the ratio summed over k and all less urgent ones (greater numbers) stays at or below the limit
    of k. ``busy_ratio`` per slot is that of the start of the traffic tick (devices measure every 100 ms).
    """

    def __init__(self, mode: Mode4, grid: Grid) -> None:
        self.limited = mode.cr_action != "off"
        levels = sorted(mode.cr_levels(), key=lambda level: level.cbr_up_to)
        self._bounds = np.array([level.cbr_up_to for level in levels])
        self._limits = np.array([*(level.limits for level in levels), levels[-1].limits]) if levels else np.ones((1, 8))
        self._subchannels = grid.subchannels
        self.busy_ratio = np.zeros(0)
        self._subframe = np.zeros((0, _REMEMBERED), np.int32)
        self._used = np.zeros((0, _REMEMBERED), np.int16)
        self._priority = np.zeros((0, _REMEMBERED), np.int8)
        self._count = np.zeros(0, np.int64)

    def grow(self, slots: int) -> None:
        """Have at least ``slots`` rows."""
        extra = slots - len(self._count)
        if extra > 0 and self.limited:
            self.busy_ratio = np.concatenate([self.busy_ratio, np.zeros(extra)])
            self._subframe = np.concatenate([self._subframe, np.full((extra, _REMEMBERED), _LONG_AGO, np.int32)])
            self._used = np.concatenate([self._used, np.zeros((extra, _REMEMBERED), np.int16)])
            self._priority = np.concatenate([self._priority, np.zeros((extra, _REMEMBERED), np.int8)])
            self._count = np.concatenate([self._count, np.zeros(extra, np.int64)])

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots."""
        if self.limited:
            slots = slots[slots < len(self._count)]
            self._subframe[slots], self.busy_ratio[slots] = _LONG_AGO, 0.0

    def ratio(self, slot: np.ndarray, subframe: np.ndarray, least_priority: int, pool: np.ndarray) -> np.ndarray:
        """Ratio of each station at its subframe, summed over priorities from ``least_priority`` on."""
        since = subframe[:, None] - (SUBFRAMES - 1)
        counted = (self._subframe[slot] >= since) & (self._priority[slot] >= least_priority)
        used = np.where(counted, self._used[slot], 0).sum(axis=1)
        return used / (SUBFRAMES * self._subchannels[pool])

    def allows(
        self, slot: np.ndarray, subframe: np.ndarray, priority: np.ndarray, pool: np.ndarray, subchannels: np.ndarray
    ) -> np.ndarray:
        """Whether transmissions of so many subchannels keep all limits that they count towards."""
        level = np.searchsorted(self._bounds, self.busy_ratio[slot])
        fits = np.ones(len(slot), bool)
        own = subchannels / (SUBFRAMES * self._subchannels[pool])
        for k in range(1, PRIORITIES + 1):
            limit = self._limits[level, k - 1]
            some = np.flatnonzero((priority >= k) & (limit < 1.0))
            if len(some):
                total = self.ratio(slot[some], subframe[some], k, pool[some]) + own[some]
                fits[some] &= total <= limit[some] * (1 + 1e-12)
        return fits

    def note(self, slot: np.ndarray, subframe: np.ndarray, priority: np.ndarray, subchannels: np.ndarray) -> None:
        """These transmissions are made (at most one per station in one call)."""
        place = self._count[slot] % _REMEMBERED
        self._subframe[slot, place], self._used[slot, place] = subframe, subchannels
        self._priority[slot, place] = priority
        self._count[slot] += 1


def within_limits(p: Processes, rows: np.ndarray, again: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second transmissions of one subframe that the limits allow; the others are not sent."""
    of = p.occupancy
    fits = of.allows(p.slot[rows], p.next[rows], p.priority[rows], p.pool[rows], p.subchannels[rows])
    if p.mode.cr_action == "reduce":
        for i in np.flatnonzero(~fits).tolist():
            fits[i] = _shrunk(p, rows[[i]])
    if not fits.all():
        over = rows[~fits]
        p.limited += len(over)
        p.drop(over, p.next[over] * MS)
        p.next[over] += p.period[over]
        rows = rows[fits]
    of.note(p.slot[rows], p.next[rows], p.priority[rows], p.subchannels[rows])
    if len(again):
        at, wide = p.second.at[again], p.second.subchannels[again]
        fits = of.allows(p.slot[again], at, p.priority[again], p.pool[again], wide)
        p.limited_copies += int((~fits).sum())
        p.second.forget(again[~fits])
        again, at, wide = again[fits], at[fits], wide[fits]
        of.note(p.slot[again], at, p.priority[again], wide)
    return rows, again


def _shrunk(p: Processes, row: np.ndarray) -> bool:
    """Move the grant of one process to the first higher MCS that needs few enough subchannels, if there is one."""
    size, pool, wide = int(p.size_bytes[row[0]]), int(p.pool[row[0]]), int(p.subchannels[row[0]])
    for mcs, fewer in p.grid.narrower(size, pool, wide):
        if p.occupancy.allows(p.slot[row], p.next[row], p.priority[row], p.pool[row], np.array([fewer]))[0]:
            p.mcs[row], p.subchannels[row], p.fitting[row] = mcs, fewer, 0
            p.shrunk += 1
            return True
    return False
