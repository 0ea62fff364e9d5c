"""IEEE 802.11p / ITS-G5 and 802.11bd on one channel of 10 MHz, outside the context of a BSS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.access.bystanders import dropped_rows
from sim.access.dot11p import CATEGORIES, DCC
from sim.access.dot11p.audience import Audience
from sim.access.dot11p.contention import Contention
from sim.access.dot11p.dcc import Control
from sim.access.dot11p.layout import Layout
from sim.access.dot11p.medium import Air, Medium
from sim.access.dot11p.outcomes import Judge
from sim.access.neighbours import PROBE, RSU, Neighbours
from sim.channel.propagation import Propagation
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Receptions
from sim.link.dot11p_rates import BANDWIDTH_MHZ, NOISE_DBM, Waveform, longest_bytes
from sim.plugin import resolve
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Radio


_PAIRS_NS = 800_000 * 100 * MS
"""Pairs in reach times duration of one step, to bound memory; results do not depend on it."""

KEPT_NS = 50 * MS
"""How long own transmissions are kept for another radio on the channel."""


class Dot11p:
    """The access layer of IEEE 802.11p: EDCA, carrier sense, reception, channel busy ratio, DCC.

    Transmissions are decided event by event; what receivers make of them is computed for all transmissions of a call
    together, up to the ends of busy-ratio windows. The split of calls does not matter.

    ``report_distance_m`` bounds the links that are reported; interference and carrier sense reach as far as power does
    (times ``reach_factor``).
    """

    def __init__(
        self,
        radio: Radio,
        flows: list[Flow],
        stations: Stations,
        seed: int,
        ring_length_m: float | None = None,
        report_distance_m: float = 500.0,
        scene: Scene | None = None,
        reach_factor: float = 1.0,
    ) -> None:
        settings = self.settings = radio.dot11p
        self.radio = radio
        ring_m = ring_length_m or stations.ring_m
        more: dict[str, Any] = {} if scene is None else {"scene": scene}
        self.propagation = Propagation(radio, seed, ring_m or None, **more)
        self.noise_dbm = NOISE_DBM + radio.link.noise_figure_db
        noise_mw = 10 ** (self.noise_dbm / 10)
        self.neighbours = Neighbours(self.propagation, self.noise_dbm, reach_factor, ring_m)
        self.neighbours.keep(2)
        self.waveform = Waveform.of(settings)
        self.medium = Medium(
            settings.carrier_sense_dbm, settings.energy_detection_dbm, settings.preamble_sinr_db, noise_mw
        )
        self.control = self._control(stations.size)
        self.contention = Contention(settings, self.waveform, flows, self.medium, seed, self.control)
        self.listeners = Audience(settings, noise_mw, probes=False)
        self.probes = Audience(settings, noise_mw, probes=True)
        self.judge = Judge(settings, self.waveform, noise_mw, seed, report_distance_m)
        self.report_distance_m = report_distance_m
        self.window_ns = settings.cbr_window_ms * MS
        self._now: int | None = None
        self._ratio = np.zeros(stations.size)
        self._emitted: list[Air] = []
        self._keep_emissions = False

    def _control(self, size: int) -> Control | None:
        name = self.settings.dcc
        if name == "none":
            return None
        made: Control = resolve(DCC[name], {}, "radio.dot11p.dcc")(
            size, *((self.settings.dcc_table,) if name == "reactive" else ())
        )
        return made

    # ---- the Protocol

    def submit(self, frames: Frames) -> None:
        """Queue frames; ValueError if one was ready before the time already done."""
        if self._now is not None and len(frames) and int(frames.ready_ns.min()) < self._now:
            at = int(frames.ready_ns.min())
            raise ValueError(f"frames: ready_ns {at} lies before {self._now}, to which the access layer has advanced")
        self.contention.submit(frames)

    def next_due_ns(self) -> int:
        """Next arrival, contention event or end of a frame; ``NEVER`` if idle."""
        ends = self.listeners.runs.end_ns
        return min(self.contention.next_ns(), int(ends.min()) if len(ends) else 2**62)

    def stations_changed(self, stations: Stations) -> None:
        """Sort stations of the new tick; forget those that left. The old tick must have been run to its end."""
        start = stations.tick_start_ns
        if self._now is not None and self._now != start:
            raise RuntimeError(f"access layer stands at {self._now} ns, the new tick starts at {start} ns")
        first = self._now is None
        if first:
            self._window_end = (start // self.window_ns + 1) * self.window_ns
        self._now, self._tick_end = start, stations.tick_end_ns
        if len(self._ratio) < stations.size:
            self._ratio = np.concatenate([self._ratio, np.zeros(stations.size - len(self._ratio))])
        changed = np.asarray(stations.changed, np.int64)
        if len(changed):
            self.contention.forget(changed, start)
            self._ratio[changed] = 0.0
            if self.control is not None:
                self.control.forget(changed)
            if not first:
                for slot in changed.tolist():
                    if slot < len(self.medium.view.column):
                        self.medium.view.column[slot] = -1
        self.neighbours.update(stations)
        near = self.neighbours
        place = np.concatenate(near.place_m)
        self.medium.new_tick(near, place, start)
        self.contention.new_tick(stations, self._ratio)
        layout = Layout(near, stations, place, self.report_distance_m, probes=False)
        self.listeners.new_tick(layout, changed)
        self._step_ns = max(MS, _PAIRS_NS // max(1, int(layout.size.sum())))
        if near.size[PROBE] and near.size[RSU]:
            self.probes.new_tick(Layout(near, stations, place, self.report_distance_m, probes=True), changed)

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Everything before ``now_ns``, and the frames that have ended by then."""
        if self._now is None:
            self.stations_changed(stations)
        assert self._now is not None
        until = min(now_ns, self._tick_end)
        parts: list[Receptions] = []
        while self._now < until:
            step_end = min(until, self._window_end, self._now + self._step_ns)
            self.contention.run(step_end)
            parts += self._judged(step_end, stations)
            self._now = step_end
            if step_end == self._window_end:
                self._close_window()
        return Receptions.joined(parts)

    def largest_frame_bytes(self, sender: Kind) -> int:
        """Longest frame body of the standard beside the configured headers."""
        return longest_bytes(self.settings)

    def counts(self) -> dict[str, int]:
        """Transmissions, backoffs and dropped frames so far."""
        return self.contention.counts()

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots, CBR) of vehicles and roadside units over the last complete window."""
        slots = self.neighbours.slots[:self.neighbours.offset[PROBE]]
        return slots, self._ratio[slots]

    def provenance(self) -> dict[str, str]:
        """Models, tables and thresholds in use."""
        s = self.settings
        edca = self.contention.edca
        size = "by power alone" if s.preamble_sinr_db is None else f"and SINR from {s.preamble_sinr_db:g} dB"
        floor = "none" if s.sensitivity_dbm is None else f"{s.sensitivity_dbm:g} dBm"
        own = "counted" if s.cbr_own_transmissions else "not counted"
        categories = ", ".join(
            f"{name} AIFS {ns / 1000:g} us CW {cw}"
            for name, ns, cw in zip(CATEGORIES, edca.aifs_ns, edca.window, strict=True)
        )
        return {
            "access": f"IEEE {s.standard} (clauses 10.23.2, 17), 10 MHz, {self.waveform.rate_mbps:g} Mbit/s, "
            f"{s.header_bytes} B of headers, airtime by {s.airtime_rounding}; "
            f"category {s.access_category}: {categories}; "
            f"idle access {s.idle_access}; vulnerable {s.vulnerable_us:g} us; broadcast: no retry, CW not doubled",
            "carrier_sense": f"preamble from {s.carrier_sense_dbm:g} dBm {size}, or energy from "
            f"{s.energy_detection_dbm:g} dBm",
            "reception": f"preamble from {s.preamble_detection_dbm:g} dBm {size}; sensitivity {floor}; capture "
            f"{s.capture}; SINR {s.sinr}; causes SENSITIVITY, HALF_DUPLEX (own transmission), RECEIVER_BUSY, "
            "CONTROL_LOST (only with preamble_sinr_db), PROPAGATION, COLLISION",
            "per_table": f"{s.per_table}: {self.waveform.table.source}; "
            f"{'fading included' if self.judge.curve(300).includes_fading else 'no fading'}",
            "noise": f"k T B of {BANDWIDTH_MHZ} MHz at 290 K and noise figure {self.radio.link.noise_figure_db:g} dB: "
            f"{self.noise_dbm:.2f} dBm",
            "cbr": f"time with a frame from {s.cbr_threshold_dbm:g} dBm on the air over {s.cbr_window_ms} ms, overlaps "
            f"counted once, own transmissions {own} (ETSI TS 102 687)",
            "dcc": "none" if s.dcc == "none" else f"{s.dcc}, ETSI TS 102 687 v1.2.1"
            + (f", table {s.dcc_table}" if s.dcc == "reactive" else ""),
            "pair_geometry": "received power of a pair at the middle of the traffic tick in which the frame begins",
            **self.propagation.provenance(),
        }

    # ---- two radios on one channel

    def emissions(self, start_ns: int, end_ns: int) -> dict[str, np.ndarray]:
        """Own transmissions that began in [start_ns, end_ns): slot, start_ns, end_ns, power_mw.

        Kept from the first call on, for :data:`KEPT_NS`.
        """
        self._keep_emissions = True
        found = [air for air in self._emitted if start_ns <= air.start_ns < end_ns]
        return {
            "slot": np.array([air.slot for air in found], np.int64),
            "start_ns": np.array([air.start_ns for air in found], np.int64),
            "end_ns": np.array([air.end_ns for air in found], np.int64),
            "power_mw": np.array([air.power_mw for air in found]),
        }

    def foreign(self, slot: np.ndarray, start_ns: np.ndarray, end_ns: np.ndarray, power_mw: np.ndarray) -> None:
        """Transmissions of another radio on this channel, one row each, none before the time already done.

        They are energy: carrier sense by total power, busy time, interference; no receiver locks on them, and their
        station neither sends nor receives meanwhile. ValueError for a start in the past.
        """
        now = -(2**62) if self._now is None else self._now
        for row in zip(slot.tolist(), start_ns.tolist(), end_ns.tolist(), power_mw.tolist(), strict=True):
            if row[1] < now:
                raise ValueError(f"start_ns: {row[1]} lies before {now}, to which the access layer has advanced")
            self.contention.foreign(Air.of_another_radio(*row))

    # ---- one step

    def _judged(self, until_ns: int, stations: Stations) -> list[Receptions]:
        """Receptions of frames that have ended, and frames that ended unsent."""
        parts = []
        started, self.contention.started = self.contention.started, []
        if self._keep_emissions:
            self._emitted = [air for air in self._emitted if air.end_ns > until_ns - KEPT_NS]
            self._emitted += [air for air, frame, _ in started if frame is not None]
        heard: Receptions | None = None
        if started or len(self.listeners.runs):
            pairs = self.listeners.begin(started)
            heard = self.judge.ended(self.listeners, pairs, until_ns)
            self.listeners.forget_ended(until_ns)
        if self.probes.layout is not None and (started or len(self.probes.runs)):
            heard = self._with_probes(heard, started, until_ns)
        if heard is not None:
            parts.append(heard)
        dropped = self.contention.dropped
        if dropped.rows:
            columns = zip(*dropped.rows, strict=True)
            types = (np.int64, np.int64, np.int64, bool)
            rows = tuple(np.array(column, kind) for column, kind in zip(columns, types, strict=True))
            dropped.rows = []
            unsent = dropped_rows([rows], stations, self.neighbours, self.report_distance_m)
            minus = np.full(len(unsent.frame), -1, np.int64)
            unsent.resource = {"access_category": minus, "mcs": minus.copy()}
            parts.append(unsent)
        return parts

    def _with_probes(self, heard: Receptions | None, started: list[Any], until_ns: int) -> Receptions | None:
        """Links from roadside units to probes, added to the frames that the listeners' report holds."""
        pairs = self.probes.begin([entry for entry in started if entry[0].column >= 0])
        at_probes = self.judge.ended(self.probes, pairs, until_ns)
        self.probes.forget_ended(until_ns)
        if at_probes is None or heard is None:
            return heard
        order = np.argsort(heard.frame, kind="stable")
        row = order[np.searchsorted(heard.frame[order], at_probes.frame)][at_probes.row]
        for name in ("receiver", "distance_m", "outcome", "data_outcome", "power_dbm", "sinr_db"):
            setattr(heard, name, np.concatenate([getattr(heard, name), getattr(at_probes, name)]))
        heard.row = np.concatenate([heard.row, row])
        return heard

    def _close_window(self) -> None:
        """The busy ratio of the window that has just ended; congestion control follows it."""
        busy_ns = self.listeners.close_window(self._window_end)
        self._ratio = np.minimum(busy_ns / self.window_ns, 1.0)
        self.contention.busy_ratio = self._ratio
        if self.control is not None and self.control.update(self._ratio):
            self.contention.rates_changed(self._window_end)
        self._window_end += self.window_ns
