"""LTE-V2X PC5 Mode 4 (3GPP Release 14): sensing-based SPS, half duplex, SCI and data decoding on one carrier."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim.access.bystanders import dropped_rows
from sim.access.lte_mode4.combining import SLACK_M
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.processes import Cause, Processes, Sendings, period_subframes
from sim.access.lte_mode4.report import Reporter
from sim.access.lte_mode4.selector import Selector
from sim.access.neighbours import PROBE, Neighbours
from sim.access.sidelink.averages import AveragedPower
from sim.access.sidelink.links import Sent
from sim.access.sidelink.reception import Batch, Measured, Reception, Settings
from sim.access.sidelink.sensing import Orders, ReservationMemory
from sim.access.waiting import WaitingFrames
from sim.channel.propagation import Propagation
from sim.clock import MS, NEVER, stream_key
from sim.frames import Flow, Frames, Kind, Receptions
from sim.link import load_table, lte_grid
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Radio

_COPY_BIT = 40
"""Second transmissions draw for their control channel with this bit of the sequence number set."""
_LINKS_AT_ONCE = 16_000
"""Reported links handled in one go; more would leave the processor's cache."""


Beside = Callable[[int, int, Sendings], tuple[np.ndarray, np.ndarray] | None]
"""(first subframe, end, what is sent) -> power in mW [subframe, band, column] at listeners and at probes."""


class LteMode4:
    """The access layer of LTE-V2X without network control.

    Works in blocks of T1 subframes: a selection triggered in a block acts after it at the earliest, so all
    transmissions of a block are known at its start and all its links are handled together; the result is that of a
    subframe-by-subframe run. A block is done once its last subframe has ended.

    ``report_distance_m`` bounds the links that are reported; interference and sensing always reach as far as power
    does (times ``reach_factor``). ``log_selections`` keeps a record of every selection in ``selection_log``.
    """

    def __init__(
        self,
        radio: Radio,
        flows: list[Flow],
        stations: Stations,
        seed: int,
        ring_length_m: float | None = None,
        report_distance_m: float = 500.0,
        reach_factor: float = 1.0,
        log_selections: bool = False,
        scene: Scene | None = None,
    ) -> None:
        mode = radio.mode4
        self.radio, self.mode = radio, mode
        self.grid = Grid(radio, flows)
        self.propagation = Propagation(radio, seed, ring_length_m or stations.ring_m or None, scene)
        floor_dbm = lte_grid.noise_dbm(int(self.grid.width_prb.min()), radio.link.noise_figure_db)
        self.neighbours = Neighbours(self.propagation, floor_dbm, reach_factor, ring_length_m or stations.ring_m)
        self.processes = Processes(flows, self.grid, mode, seed)
        slots = stations.size
        units = bool((stations.kind == Kind.RSU).any())
        senders = [flow for flow in flows if flow.sender != Kind.RSU or units]
        longest = max([100, *(period_subframes(flow.period_ns) for flow in senders)])
        self.orders = Orders(slots)
        self.reporter = Reporter(radio, self.grid, seed, report_distance_m)
        self.control_table = load_table(radio.link.pscch_table).select(0, 0)
        self.reception = Reception(
            Settings(
                10 ** (lte_grid.noise_dbm(1, radio.link.noise_figure_db) / 10), lte_grid.PSCCH_PRB,
                self.control_table if mode.sci == "table" else None, stream_key(seed, "mode4", "control"),
                report_distance_m + (SLACK_M if mode.blind_retransmission else 0.0),
            ),
            self.grid,
        )
        self.power = AveragedPower(self.orders, int(self.grid.subchannels.sum()), mode.sensing_window_ms)
        self.reservations = ReservationMemory(self.orders, self.neighbours, self.reception, longest + 20)
        self._held: list[tuple[Sendings, Batch, tuple[Batch, np.ndarray] | None]] = []
        self.selector = Selector(
            mode, self.grid, self.processes, self.power, self.reservations, self.reception.settings.noise_prb_mw
        )
        self.selector.log = [] if log_selections else None
        self.report_distance_m = report_distance_m
        self._class = np.empty(0, np.int64)
        self.beside: Beside | None = None
        """Another radio on the same channel: asked once per block for the power it leaves there."""
        self.waiting = WaitingFrames()
        self._next: int | None = None

    # ---- the Protocol

    def submit(self, frames: Frames) -> None:
        """Queue frames; ValueError if one was ready before the subframes already done."""
        self.waiting.add(frames, -1 if self._next is None else self._next)

    def next_due_ns(self) -> int:
        """End of the next block while something waits; ``NEVER`` if idle."""
        if self._next is None:
            return NEVER
        first = self._next if self.processes.waiting.any() else self.waiting.first_subframe()
        if first is None:
            return NEVER
        step = self.mode.t1_ms
        blocks = max(0, first - self._next) // step + 1
        return min(self._next + blocks * step, self._tick_end) * MS

    def stations_changed(self, stations: Stations) -> None:
        """Sort stations of the new tick; forget those that left. The old tick must have been run to its end."""
        start, end = stations.tick_start_ns, stations.tick_end_ns
        if start % MS or end % MS:
            raise ValueError(f"stations: tick {start} .. {end} ns does not consist of whole subframes of 1 ms")
        if self._next is not None and self._next != start // MS:
            raise RuntimeError(f"access layer stands at {self._next} ms, the new tick starts at {start // MS} ms")
        self._next, self._tick_end, self._tick_start = start // MS, end // MS, start // MS
        tick = self._tick_end - self._tick_start
        self.neighbours.keep(-(-(self.reservations.horizon + 1) // tick) + 1)
        self.orders.deepen(-(-max(self.reservations.horizon, self.power.rows) // tick) + 2)
        self.orders.grow(stations.size)
        self.power.grow(stations.size)
        self.processes.new_tick(stations.size)
        self.reservations.grow(stations.size, self.processes.copies * len(self.processes.slot))
        if len(stations.changed):
            changed = np.asarray(stations.changed, np.int64)
            self.power.forget(changed)
            self.orders.forget(changed)
            self.reservations.forget(changed)
            self.processes.forget(changed, start, stations)
        classes = self.grid.plans.class_of(stations, np.arange(stations.size))
        if stations.tuning is not None and not self.grid.plans.trivial:
            self._retune(classes, stations)
        self._class = classes
        self.neighbours.update(stations)
        self.orders.new_tick(self.neighbours)
        self.reporter.new_tick(stations, np.asarray(stations.changed, np.int64))
        self.selector.new_tick(self.neighbours, stations)
        if self.processes.occupancy.limited:
            slots, ratio = self.busy_ratio()
            self.processes.occupancy.busy_ratio[slots] = ratio

    def _retune(self, classes: np.ndarray, stations: Stations) -> None:
        """Stations that change their channels have monitored nothing on the new ones, and their reservations lapse."""
        known = len(self._class)
        other = self.grid.plans.differ(self._class, classes[:known]) & stations.active[:known]
        other[stations.changed[stations.changed < known]] = False
        slots = other.nonzero()[0]
        if not len(slots):
            return
        self.power.forget(slots)
        self.orders.forget(slots)
        self.reservations.forget(slots)
        process = self.processes.retune(slots, stations.tick_start_ns, stations)
        self.reservations.lapse(np.add.outer(process * self.processes.copies, np.arange(self.processes.copies)).ravel())

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Do all blocks that have ended by ``now_ns``; what ended in them."""
        if self._next is None:
            self.stations_changed(stations)
        parts: list[Receptions] = []
        assert self._next is not None
        while self._next < self._tick_end:
            end = min(self._next + self.mode.t1_ms, self._tick_end)
            if end * MS > now_ns:
                break
            parts += self._block(self._next, end, stations)
            self._next = end
        parts += self._reported(self._next)
        return joined(parts)

    def largest_frame_bytes(self, sender: Kind) -> int:
        """Longest frame that fits the pool of a station type at some allowed MCS."""
        pools = self.grid.pools_of_device(int(sender == Kind.RSU))
        return min((self.grid.largest_bytes(pool) for pool in pools), default=0)

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots, CBR): share of monitored subchannels of the own pool above a threshold in the last 100 subframes.

        The own subframes are not monitored (TS 36.214 clause 5.1.30; ETSI TS 103 574: -94 dBm).
        """
        near = self.neighbours
        slots = near.slots[:near.offset[PROBE]]
        pool = self.grid.pool_of_class[self._class[slots]]
        known = pool >= 0
        slots, pool, start = slots[known], pool[known], self.grid.row_start
        ratio = np.zeros(len(slots))
        for own in sorted(set(pool.tolist())):
            rows = np.flatnonzero(pool == own)
            subchannels = slice(int(start[own]), int(start[own + 1]))
            ratio[rows] = self.power.busy_ratio(slots[rows], subchannels, 10 ** (self.mode.cbr_threshold_dbm / 10))
        return slots, ratio

    def provenance(self) -> dict[str, str]:
        """Models and tables in use."""
        m = self.mode
        return {
            "access": "LTE-V2X PC5 Mode 4, 3GPP TS 36.213 clause 14.1.1, TS 36.321 clause 5.14.1",
            "selection": f"T1 {m.t1_ms} ms, T2 up to {m.t2_max_ms} ms, keep probability {m.keep_probability}, "
            f"RSRP threshold {self._thresholds()}, step {m.threshold_step_db} dB, MCS {m.mcs}, grants {m.grant_sizing}",
            "retransmission": "blind, within 15 subframes, chase combining (TS 36.213 clause 14.1.1.7)"
            if m.blind_retransmission else "none",
            "occupancy_limits": "off" if m.cr_action == "off" else f"{m.cr_action}, {self._limits()}",
            "channels": self.grid.plans.described(),
            "in_band_emission": "TS 36.101 table 6.5.2.3.1-1, WXYZ 3, 6, 3, 3 dB" if m.in_band_emission else "off",
            "pssch_table": self.reporter.table.source,
            "pscch_table": self.control_table.origin,
            "cbr": f"subchannels of the own pool above {m.cbr_threshold_dbm} dBm in 100 subframes (ETSI TS 103 574)",
            "noise": f"k T B at 290 K, noise figure {self.radio.link.noise_figure_db} dB",
            **self.propagation.provenance(),
        }

    def _thresholds(self) -> str:
        table = self.mode.rsrp_thresholds_dbm
        if table is None:
            return f"{self.mode.rsrp_threshold_dbm} dBm"
        return f"by priority, {min(map(min, table))} to {max(map(max, table))} dBm"

    def _limits(self) -> str:
        limits = self.mode.cr_limits
        levels = len(self.mode.cr_levels())
        return f"table {limits} (unverified)" if isinstance(limits, str) else f"{levels} levels of the scenario"

    @property
    def selection_log(self) -> dict[str, np.ndarray]:
        """Columns of all selections so far (empty without ``log_selections``)."""
        log = self.selector.log or []
        return {name: np.concatenate([part[name] for part in log]) for name in log[0]} if log else {}

    def counts(self) -> dict[str, int]:
        """Selections by cause, and transport blocks that gave way to another of their station."""
        by_cause = {f"select_{c.name.lower()}": int(n) for c, n in zip(Cause, self.processes.selections, strict=True)}
        p = self.processes
        return {
            **by_cause, "postponed": p.postponed, "second_sent": p.second.sent, "cr_dropped": p.limited,
            "cr_second_dropped": p.limited_copies, "cr_narrowed": p.shrunk,
        }

    # ---- one block

    def _block(self, start: int, end: int, stations: Stations) -> list[Receptions]:
        sendings = self._schedule(start, end, stations)
        self.reservations.grow(stations.size, self.processes.copies * len(self.processes.slot))
        sent = self._placed(sendings, start)
        part = (np.arange(start, end) - self._tick_start) / (self._tick_end - self._tick_start)
        foreign = None if self.beside is None else self.beside(start, end, sendings)
        at_listeners, at_probes = (None, None) if foreign is None else foreign
        batch, reach = self.reception.listeners(self.neighbours, sent, part, at_listeners)
        levels = batch.control_levels(reach)
        address = self.reservations.store(end - 1, levels, int(reach.count.sum()))
        self.power.record(start, batch.sensed_mw)
        self._commit(sendings, sent, self.reservations.addresses(sent, reach, address))
        self._select()
        self._held.append((sendings, batch, self.reception.probes(self.neighbours, sent, part, at_probes)))
        parts = self._reported(end) if sum(held[1].links for held in self._held) > _LINKS_AT_ONCE else []
        dropped, self.processes.dropped = self.processes.dropped, []
        if dropped:
            never = dropped_rows(dropped, stations, self.neighbours, self.report_distance_m)
            parts.append(self.reporter.untuned(never))
        return parts

    def _schedule(self, start: int, end: int, stations: Stations) -> Sendings:
        """Arrivals and transmissions of a block; subframe by subframe where one process has two events in it."""
        frames, arrived = self.waiting.until(end)
        if len(frames):
            here = stations.active[frames.sender] & (stations.station_id[frames.sender] == frames.sender_id)
            if np.count_nonzero(here) < len(here):
                rows = (~here).nonzero()[0]
                away = np.zeros(len(rows), bool)
                self.processes.dropped.append((frames.frame[rows], frames.sender[rows], frames.ready_ns[rows], away))
                frames, arrived = frames.take(here.nonzero()[0]), arrived[here]
        rows = self.processes.rows_of(frames, stations)
        alone = len(set(rows.tolist())) == len(rows) and not np.count_nonzero(self.processes.waiting[rows])
        if alone and not self.processes.one_by_one:
            self.processes.arrive(rows, frames, arrived)
            return self.processes.due(start, end)
        parts = []
        for subframe in range(start, end):
            self._arrive_singly(frames, arrived, np.flatnonzero(arrived == subframe), rows)
            parts.append(self.processes.due(subframe, subframe + 1))
        return Sendings.joined(parts)

    def _arrive_singly(self, frames: Frames, arrived: np.ndarray, now: np.ndarray, rows: np.ndarray) -> None:
        """Arrivals of one subframe, in turns of at most one per process."""
        while len(now):
            _, first = np.unique(rows[now], return_index=True)
            turn = now[np.sort(first)]
            self.processes.arrive(rows[turn], frames.take(turn), arrived[turn])
            now = now[~np.isin(now, turn)]

    def _placed(self, sendings: Sendings, start: int) -> Sent:
        grid = self.grid
        data_prb = grid.data_prb(sendings.size_bytes, sendings.mcs)
        return Sent(
            self.neighbours.column[sendings.slot], sendings.subframe - start, sendings.station_id,
            sendings.sequence if self.processes.copies == 1 else sendings.sequence + (sendings.copy << _COPY_BIT),
            grid.shapes_of(sendings, data_prb), data_prb,
        )

    def _commit(self, s: Sendings, sent: Sent, level_at: np.ndarray) -> None:
        """What was sent in a block becomes known; a station with several transmissions takes several turns."""
        if not len(s):
            return
        width_prb = self.grid.width_prb[s.pool]
        start_prb = self.grid.start_prb[s.pool] + s.first * width_prb
        end_prb = start_prb + s.subchannels * width_prb
        if len(set(s.slot.tolist())) == len(s):
            self.reservations.commit(s.process, s.slot, s.subframe, s.announced, (start_prb, end_prb), sent, level_at)
            if self.processes.copies > 1:
                self.selector.heard.note_gaps(s)
            return
        for turn in [np.flatnonzero(s.subframe == n) for n in np.unique(s.subframe)]:
            self.reservations.commit(
                s.process[turn], s.slot[turn], s.subframe[turn], s.announced[turn], (start_prb[turn], end_prb[turn]),
                sent.take(turn), level_at[turn],
            )
            if self.processes.copies > 1:
                self.selector.heard.note_gaps(s.take(turn))

    def _select(self) -> None:
        """Selections triggered in the block just recorded (each knows nothing from its subframe on)."""
        triggers, self.processes.triggers = self.processes.triggers, []
        if len(triggers) == 1:
            self.selector.select(*triggers[0])
        elif triggers:
            self.selector.select(np.concatenate([t[0] for t in triggers]), np.concatenate([t[1] for t in triggers]))

    # ---- what is reported

    def _reported(self, now: int) -> list[Receptions]:
        """Judge the links of all blocks held back since the last time; all subframes before ``now`` are done."""
        held, self._held = [part for part in self._held if len(part[0])], []
        if not held:
            self.reception.clear()
            return self.reporter.ended(now)
        s = Sendings.joined([part[0] for part in held])
        measured = self.reception.measure(self.neighbours, [part[1] for part in held])
        shift = np.cumsum([0, *(len(part[0]) for part in held)])
        probes = [
            (part[2][0], part[2][1] + by) for part, by in zip(held, shift[:-1].tolist(), strict=True)
            if part[2] is not None
        ]
        if probes:
            more = self.reception.measure(self.neighbours, [batch for batch, _ in probes])
            more.sending = np.concatenate([rows for _, rows in probes])[more.sending]
            measured = Measured.joined([measured, more])
            measured = measured.take(np.argsort(measured.sending, kind="stable"))
        self.reception.clear()
        return self.reporter.receptions(s, measured, self.neighbours, now)


def joined(parts: list[Receptions]) -> Receptions:
    """One batch from several, rows renumbered."""
    return Receptions.joined(parts)
