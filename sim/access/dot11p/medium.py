"""The medium as stations sense it: frames on the air by place, powers looked up only where somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sim.access.neighbours import LISTENERS, PROBE, Neighbours

HISTORY_NS = 20_000_000
"""How long frames are remembered for the backoff after a station's own transmission."""


class View:
    """Gains of one traffic tick as plain Python lists, for single look-ups (about half a microsecond each)."""

    def __init__(self, near: Neighbours) -> None:
        self.slots = near.slots
        self.column: list[int] = near.column.tolist()
        sizes = [int(near.size[b]) for b in LISTENERS]
        self.size = sizes
        population: list[int] = []
        place: list[int] = []
        for b in LISTENERS:
            population += [b] * sizes[b]
            place += range(sizes[b])
        self.population = population + [PROBE] * int(near.size[PROBE])
        self.place = place
        self.lo = [near.lo[b].tolist() for b in LISTENERS]
        self.count = [near.count[b].tolist() for b in LISTENERS]
        self.base = [near.base[b].tolist() for b in LISTENERS]
        self.gains = memoryview(near.gains().data)

    def gain(self, column: int, slot: int) -> float:
        """Power ratio from a sender's column to a listening slot, 0 out of reach."""
        at = self.column[slot]
        if at < 0:
            return 0.0
        b = self.population[at]
        step = (self.place[at] - self.lo[b][column]) % self.size[b]
        return self.gains[self.base[b][column] + step] if step < self.count[b][column] else 0.0


class Air:
    """One transmission."""

    __slots__ = (
        "cell", "column", "copies", "end_ns", "foreign", "power_mw", "sensed_gain", "slot", "start_ns",
        "undetected", "view",
    )

    def __init__(
        self, slot: int, view: View, start_ns: int, end_ns: int, power_mw: float, sensed_gain: float
    ) -> None:
        self.slot, self.view = slot, view
        self.column = view.column[slot]
        self.start_ns, self.end_ns, self.power_mw = start_ns, end_ns, power_mw
        self.sensed_gain = sensed_gain
        """Gain from which a station senses its preamble."""
        self.cell = 0
        self.foreign = False
        """Another radio's: energy without a preamble."""
        self.copies = 1
        """Transmissions of the frame within start and end (blind repetitions of 802.11bd)."""
        self.undetected: Iterable[Air] = ()
        """Frames on the air when it began, where preambles need an SINR."""


    @staticmethod
    def of_another_radio(slot: int, start_ns: int, end_ns: int, power_mw: float) -> Air:
        """Energy without a preamble; view and column follow when it begins."""
        air = Air.__new__(Air)
        air.slot, air.column, air.cell, air.copies = slot, -1, 0, 1
        air.start_ns, air.end_ns, air.power_mw, air.sensed_gain = start_ns, end_ns, power_mw, float("inf")
        air.foreign, air.undetected = True, ()
        return air


class Medium:
    """Frames on the air, sorted into cells along the road as long as the largest reach."""

    def __init__(self, sense_dbm: float, energy_dbm: float, preamble_sinr_db: float | None, noise_mw: float) -> None:
        self.sense_mw, self.energy_mw = 10 ** (sense_dbm / 10), 10 ** (energy_dbm / 10)
        self.noise_mw = noise_mw
        self.preamble_ratio = None if preamble_sinr_db is None else 10 ** (preamble_sinr_db / 10)
        self.energy_matters = sense_dbm > energy_dbm - 20 or preamble_sinr_db is not None
        """Otherwise a hundred unsensed frames at one place would be needed to reach the energy threshold."""
        self.keep_ns = 0
        """How long a frame is kept after its end: the longest AIFS."""
        self.ring = False
        self.view: View
        self.near: Neighbours
        self.cell_of: list[int] = []
        self.recent: list[list[Air]] = [[]]
        self.past: list[list[Air]] = [[]]
        self.around: list[tuple[int, ...]] = [(0,)]

    def new_tick(self, near: Neighbours, place: np.ndarray, start_ns: int) -> None:
        """Lay out cells for a new tick; frames still on the air or remembered move along with their senders."""
        reach = max((w.reach_m for w in near.windows.values()), default=0.0) + near.slack_m + 1.0
        listeners = int(near.offset[PROBE])
        at = place[:listeners]
        low = 0.0 if near.ring_m else float(at.min(initial=0.0))
        length = near.ring_m or float(at.max(initial=0.0)) - low
        count = max(1, int(length // reach))
        width = length / count if count > 1 else max(length, 1.0) * 2
        old_past = [air for cell in self.past for air in cell if air.end_ns > start_ns - HISTORY_NS]
        old_recent = [air for cell in self.recent for air in cell if air.end_ns > start_ns - self.keep_ns]
        cells = np.minimum(((at - low) // width).astype(np.int64), count - 1)
        by_slot = np.zeros(len(near.column), np.int64)
        by_slot[near.slots[:listeners]] = cells
        self.cell_of = by_slot.tolist()
        self.around = [_around(i, count, bool(near.ring_m)) for i in range(count)]
        self.recent, self.past = [[] for _ in range(count)], [[] for _ in range(count)]
        self.view, self.near = View(near), near
        for airs, cells_of in ((old_recent, self.recent), (old_past, self.past)):
            for air in airs:
                air.cell = self.cell_of[air.slot]
                cells_of[air.cell].append(air)

    def add(self, air: Air) -> None:
        """A transmission begins."""
        cell = air.cell = self.cell_of[air.slot]
        here = self.recent[cell]
        horizon = air.start_ns - self.keep_ns
        if len(here) > 5:
            here[:] = [other for other in here if other.end_ns > horizon]
        if self.preamble_ratio is not None:
            now = air.start_ns
            air.undetected = [o for c in self.around[cell] for o in self.recent[c] if o.end_ns > now]
        here.append(air)
        past = self.past[cell]
        if len(past) > 64 and past[0].end_ns < air.start_ns - HISTORY_NS:
            limit = air.start_ns - HISTORY_NS
            past[:] = [other for other in past if other.end_ns > limit]
        past.append(air)

    def senses(self, air: Air, slot: int) -> bool:
        """Whether a station senses this frame by its preamble, or all power on the air when it began."""
        gain = air.view.gain(air.column, slot)
        if gain >= air.sensed_gain and not air.foreign and self._detected(air, slot, gain):
            return True
        return self.energy_matters and self._energy_mw(slot, air.start_ns, air.start_ns) >= self.energy_mw

    def state(self, slot: int, now_ns: int, since_ns: int, until_ns: int) -> tuple[int, int]:
        """(busy until, last busy end) at a station: 0 where idle, 0 where nothing ended after ``since_ns``.

        Frames that began after ``until_ns`` are not seen yet. Own transmissions do not count here.
        """
        busy, last = 0, 0
        view = self.view
        at = view.column[slot]
        b, place = view.population[at], view.place[at]
        lo, count, base, size, gains = view.lo[b], view.count[b], view.base[b], view.size[b], view.gains
        for cell in self.around[self.cell_of[slot]]:
            for air in self.recent[cell]:
                end = air.end_ns
                if end <= since_ns or air.start_ns > until_ns:
                    continue
                if air.view is view:
                    column = air.column
                    step = (place - lo[column]) % size
                    if step >= count[column]:
                        continue
                    gain = gains[base[column] + step]
                else:
                    gain = air.view.gain(air.column, slot)
                if gain < air.sensed_gain or air.slot == slot or not self._detected(air, slot, gain):
                    continue
                if end > now_ns:
                    if end > busy:
                        busy = end
                elif end > last:
                    last = end
        if not self.energy_matters:
            return busy, last
        return self._with_energy(slot, now_ns, since_ns, until_ns, busy, last)

    def on_air(self, cell: int, now_ns: int) -> bool:
        """Whether any frame at all is on the air in a cell and its neighbours."""
        return any(air.end_ns > now_ns for other in self.around[cell] for air in self.recent[other])

    def sensed_by_all(self, air: Air) -> bytes | None:
        """By slot, 1 where a frame of the present tick is sensed by its preamble; None where power decides too."""
        if self.energy_matters or air.foreign or air.view is not self.view:
            return None
        sensed = np.zeros(len(self.near.column), bool)
        for b in LISTENERS:
            if self.near.size[b]:
                columns, gains = self.near.run(air.column, b)
                sensed[self.near.slots[columns]] = gains >= air.sensed_gain
        return sensed.tobytes()

    def intervals(self, slot: int, since_ns: int, now_ns: int) -> list[tuple[int, int]]:
        """When a station sensed others since then: (start, end) in order of start; at most 20 ms back."""
        found = []
        for cell in self.around[self.cell_of[slot]]:
            for air in self.past[cell]:
                if air.end_ns > since_ns and air.start_ns < now_ns and air.slot != slot and self.senses(air, slot):
                    found.append((air.start_ns, air.end_ns))
        return sorted(found)

    def _detected(self, air: Air, slot: int, gain: float) -> bool:
        if self.preamble_ratio is None:
            return True
        level = self.noise_mw
        for other in air.undetected:
            level += other.view.gain(other.column, slot) * other.power_mw
        return gain * air.power_mw >= self.preamble_ratio * level

    def _on_air(self, slot: int, now_ns: int, until_ns: int) -> list[tuple[int, float]]:
        """(end, power) of frames on the air, those that end first first."""
        found = []
        for cell in self.around[self.cell_of[slot]]:
            for air in self.recent[cell]:
                if air.end_ns > now_ns and air.start_ns <= until_ns and air.slot != slot:
                    found.append((air.end_ns, air.view.gain(air.column, slot) * air.power_mw))
        return sorted(found)

    def _energy_mw(self, slot: int, now_ns: int, until_ns: int) -> float:
        return sum(power for _, power in self._on_air(slot, now_ns, until_ns))

    def _with_energy(
        self, slot: int, now_ns: int, since_ns: int, until_ns: int, busy: int, last: int
    ) -> tuple[int, int]:
        """Longer busy, or busy later, where total power is above the threshold."""
        on_air = self._on_air(slot, now_ns, until_ns)
        total = sum(power for _, power in on_air)
        for end, power in on_air:
            if total < self.energy_mw:
                break
            busy = max(busy, end)
            total -= power
        for cell in self.around[self.cell_of[slot]]:
            for air in self.recent[cell]:
                if since_ns < air.end_ns <= now_ns and air.end_ns > last and air.slot != slot:
                    just_before = air.end_ns - 1
                    if self._energy_mw(slot, just_before, just_before) >= self.energy_mw:
                        last = air.end_ns
        return busy, last


def _around(cell: int, count: int, ring: bool) -> tuple[int, ...]:
    """A cell and its neighbours."""
    if ring:
        return tuple(dict.fromkeys((other % count) for other in (cell - 1, cell, cell + 1)))
    return tuple(other for other in (cell - 1, cell, cell + 1) if 0 <= other < count)
