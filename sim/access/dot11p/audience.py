"""A group of listeners and the transmissions that are, or were just now, on the air: locks, busy time, interference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.access.dot11p.layout import Layout
from sim.access.dot11p.locks import take_up
from sim.access.dot11p.pairs import Pairs, overlapping

if TYPE_CHECKING:
    from sim.access.dot11p.medium import Air
    from sim.access.dot11p.queues import Waiting
    from sim.scenario.schema.radio.dot11p import Dot11p


@dataclass
class Runs:
    """Transmissions in order of start and, flat, what each means at every rank of its run."""

    started: list[tuple[Air, Waiting | None, int]]
    start_ns: np.ndarray
    end_ns: np.ndarray
    slot: np.ndarray
    place_m: np.ndarray
    own: np.ndarray
    """Rank of the sender among the listeners, -1 if it is none."""
    lo: np.ndarray
    size: np.ndarray
    offset: np.ndarray
    """First flat place of each run."""
    near_step: np.ndarray
    near_size: np.ndarray
    """Part of the run from the first to the last listener that can decode or counts busy."""
    report_step: np.ndarray
    report_size: np.ndarray
    report_offset: np.ndarray
    power_mw: np.ndarray
    """Received power; infinite at the sender itself."""
    locked: np.ndarray
    """Whether the receiver locked on this frame (or is sending it)."""
    left: np.ndarray
    """Whether it left the frame again for a stronger one."""
    busy: np.ndarray
    """1 where the frame makes the channel busy, float32."""
    level_mw: np.ndarray
    """Interference and noise when the frame began, where preambles need an SINR; else empty."""
    distance_m: np.ndarray
    """Flat over the report runs; infinite where nothing is reported."""

    def __len__(self) -> int:
        return len(self.start_ns)


_PER_RUN = ("start_ns", "end_ns", "slot", "place_m", "own", "lo", "size", "near_step", "near_size", "report_step",
            "report_size")
_FLAT = ("power_mw", "locked", "left", "busy", "level_mw")


def empty() -> Runs:
    """No transmissions."""
    columns: dict[str, np.ndarray] = {name: np.empty(0, np.int64) for name in _PER_RUN}
    columns |= {name: np.empty(0, np.float32) for name in (*_FLAT, "distance_m")}
    columns |= {name: np.empty(0, bool) for name in ("locked", "left")}
    return _complete([], columns)


def joined(one: Runs, other: Runs) -> Runs:
    """All transmissions of both, in order of start if all of ``one`` began first."""
    if not len(one):
        return other
    columns = {name: np.concatenate([getattr(one, name), getattr(other, name)])
               for name in (*_PER_RUN, *_FLAT, "distance_m")}
    return _complete(one.started + other.started, columns)


def _complete(started: list[tuple[Air, Waiting | None, int]], columns: dict[str, np.ndarray]) -> Runs:
    offsets = {
        "offset": np.cumsum(columns["size"]) - columns["size"],
        "report_offset": np.cumsum(columns["report_size"]) - columns["report_size"],
    }
    return Runs(started, **columns, **offsets)


def selected(runs: Runs, rows: np.ndarray) -> Runs:
    """Some of the transmissions."""
    columns = {name: getattr(runs, name)[rows] for name in _PER_RUN}
    flat = _flat(runs.offset[rows], runs.size[rows])
    for name in _FLAT:
        values = getattr(runs, name)
        columns[name] = values[flat] if len(values) else values
    columns["distance_m"] = runs.distance_m[_flat(runs.report_offset[rows], runs.report_size[rows])]
    return _complete([runs.started[i] for i in rows.tolist()], columns)


def _flat(offset: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Flat places of several runs one after the other."""
    return np.arange(int(size.sum())) + np.repeat(offset - np.cumsum(size) + size, size)


@dataclass
class Audience:
    """Listeners in rank order, transmissions under way among them, and busy time by rank."""

    settings: Dot11p
    noise_mw: float
    probes: bool
    runs: Runs = field(default_factory=empty)
    layout: Layout | None = None
    busy_ns: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Busy time of the present window by slot."""
    counted: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Places in the newest runs, from the first of them on, where they make the channel busy."""
    done_ns: int = -(2**62)
    """Transmissions that ended up to here have been reported."""

    def __post_init__(self) -> None:
        s = self.settings
        self.preamble_mw = np.float32(10 ** (s.preamble_detection_dbm / 10))
        self.busy_mw = np.float32(10 ** (s.cbr_threshold_dbm / 10))
        self.decode_mw = min(self.preamble_mw, self.busy_mw)
        self.preamble_ratio = None if s.preamble_sinr_db is None else 10 ** (s.preamble_sinr_db / 10)

    def new_tick(self, layout: Layout, changed: np.ndarray) -> None:
        """Listeners have moved on; transmissions under way keep their powers, by station."""
        old, self.layout = self.layout, layout
        if len(self.busy_ns) < len(layout.rank_of_slot):
            self.busy_ns = np.concatenate([self.busy_ns, np.zeros(len(layout.rank_of_slot) - len(self.busy_ns))])
        self.busy_ns[changed] = 0.0
        if old is None or not len(self.runs):
            return
        self.runs = _moved(self.runs, old, layout, changed)

    def begin(self, started: list[tuple[Air, Waiting | None, int]]) -> Pairs:
        """Take up new transmissions: who locks on them, who counts the channel busy; all pairs on the air together."""
        assert self.layout is not None
        known = len(self.runs)
        new = self._new(started)
        self.runs = runs = joined(self.runs, new)
        reach_m = self.layout.reach_m
        pairs = overlapping(runs.start_ns, runs.end_ns, runs.place_m, reach_m, self.layout.ring_m)
        fresh = pairs.take(np.flatnonzero(pairs.later >= known))
        take_up(self, runs, fresh, known)
        return pairs

    def preamble_clear(self, power_mw: np.ndarray, level_mw: np.ndarray) -> np.ndarray:
        """Whether preambles stand out of interference and noise; a sender's own always does."""
        assert self.preamble_ratio is not None
        return (power_mw >= np.float32(self.preamble_ratio) * level_mw) | np.isinf(power_mw)

    def close_window(self, boundary_ns: int) -> np.ndarray:
        """Busy time by slot of the window that ends now; what reaches beyond it counts in the next one."""
        beyond = np.zeros(len(self.busy_ns))
        runs = self.runs
        assert self.layout is not None
        for i in np.flatnonzero(runs.end_ns > boundary_ns).tolist():
            at = slice(int(runs.offset[i]), int(runs.offset[i] + runs.size[i]))
            ranks = (runs.lo[i] + np.arange(runs.size[i])) % self.layout.count
            slots = self.layout.slots[ranks]
            over = runs.busy[at] * float(runs.end_ns[i] - boundary_ns)
            beyond[slots] = np.maximum(beyond[slots], over)
        closed, self.busy_ns = self.busy_ns - beyond, beyond
        return closed

    def forget_ended(self, until_ns: int) -> None:
        """Drop transmissions that have ended and overlap none that goes on."""
        going = self.runs.end_ns > until_ns
        since_ns = int(self.runs.start_ns[going].min(initial=until_ns))
        rows = np.flatnonzero(self.runs.end_ns > since_ns)
        self.done_ns = until_ns
        self.runs = selected(self.runs, rows) if len(rows) else empty()

    def _new(self, started: list[tuple[Air, Waiting | None, int]]) -> Runs:
        assert self.layout is not None
        layout = self.layout
        airs = [air for air, _, _ in started]
        column = np.array([air.column for air in airs], np.int64)
        power, offset, lo, size = layout.powers(airs)
        own = layout.rank[column]
        distance, report_offset, report_size = layout.distances(airs)
        report_step = layout.report[0][column]
        self._mark_senders(power, distance, own, (offset, lo, size), (report_offset, report_step, report_size))
        foreign = np.array([air.foreign for air in airs], bool)
        locked = power >= self.preamble_mw
        heard = locked if self.busy_mw >= self.preamble_mw else power >= self.busy_mw
        audible = np.flatnonzero(heard)
        bounds = np.searchsorted(audible, np.append(offset, len(power)))
        some = bounds[1:] > bounds[:-1]
        first, last = np.zeros(len(airs), np.int64), np.full(len(airs), -1)
        first[some] = audible[bounds[:-1][some]] - offset[some]
        last[some] = audible[bounds[1:][some] - 1] - offset[some]
        if foreign.any():
            locked &= ~np.repeat(foreign, size) | np.isinf(power)
        counted = audible if self.busy_mw <= self.preamble_mw else audible[power.take(audible) >= self.busy_mw]
        if not self.settings.cbr_own_transmissions:
            counted = counted[np.isfinite(power.take(counted))]
        busy = np.zeros(len(power), np.float32)
        busy[counted] = 1.0
        self.counted = counted
        level = np.full(len(power), self.noise_mw, np.float32) if self.preamble_ratio is not None else power[:0]
        start = np.array([air.start_ns for air in airs], np.int64)
        end = np.array([air.end_ns for air in airs], np.int64)
        columns = {
            "start_ns": start, "end_ns": end, "slot": layout.near.slots[column],
            "place_m": layout.sender_place[column], "own": own, "lo": lo, "size": size, "near_step": first,
            "near_size": last - first + 1, "report_step": report_step, "report_size": report_size,
            "power_mw": power, "locked": locked, "left": np.zeros(len(power), bool), "busy": busy, "level_mw": level,
            "distance_m": distance,
        }
        return _complete(list(started), columns)

    def _mark_senders(
        self, power: np.ndarray, distance: np.ndarray, own: np.ndarray,
        whole: tuple[np.ndarray, np.ndarray, np.ndarray], report: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> None:
        """A sender hears nothing but itself and is no receiver of its own frame."""
        offset, lo, size = whole
        rows = np.flatnonzero((own >= 0) & (size > 0))
        step = own[rows] - lo[rows]
        if self.layout is not None and self.layout.ring_m:
            step %= max(1, self.layout.count)
        power[offset[rows] + step] = np.inf
        step -= report[1][rows]
        inside = (step >= 0) & (step < report[2][rows])
        distance[report[0][rows][inside] + step[inside]] = np.inf


def _moved(runs: Runs, old: Layout, new: Layout, changed: np.ndarray) -> Runs:
    """The same transmissions in the ranks of a new tick; listeners that left are gone."""
    parts = []
    gone = np.zeros(len(new.rank_of_slot), bool)
    gone[changed] = True
    for i in range(len(runs)):
        steps = np.arange(int(runs.size[i]))
        slots = old.slots[(runs.lo[i] + steps) % max(1, old.count)]
        rank = np.where(gone[slots], -1, new.rank_of_slot[slots])
        keep = np.flatnonzero(rank >= 0)
        rank = rank[keep]
        low, high = (int(rank.min()), int(rank.max()) + 1) if len(rank) else (0, 0)
        columns: dict[str, np.ndarray] = {}
        for name in _FLAT:
            values = getattr(runs, name)
            row = np.zeros(high - low if len(values) else 0, values.dtype)
            if len(values):
                row[rank - low] = values[runs.offset[i]:runs.offset[i] + runs.size[i]][keep]
            columns[name] = row
        distance = np.full(int(runs.size[i]), np.inf, np.float32)
        first = int(runs.report_step[i])
        at = int(runs.report_offset[i])
        distance[first:first + int(runs.report_size[i])] = runs.distance_m[at:at + int(runs.report_size[i])]
        columns["distance_m"] = np.full(high - low, np.inf, np.float32)
        columns["distance_m"][rank - low] = distance[keep]
        slot = int(runs.slot[i])
        own = -1 if gone[slot] else int(new.rank_of_slot[slot])
        for name in ("start_ns", "end_ns", "slot", "place_m"):
            columns[name] = getattr(runs, name)[i:i + 1]
        numbers = {"own": own, "lo": low, "size": high - low, "near_step": 0, "near_size": high - low,
                   "report_step": 0, "report_size": high - low}
        columns |= {name: np.array([value], np.int64) for name, value in numbers.items()}
        parts.append(_complete([runs.started[i]], columns))
    whole = parts[0]
    for part in parts[1:]:
        whole = joined(whole, part)
    return whole
