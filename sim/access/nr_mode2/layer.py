"""NR-V2X PC5 Mode 2 (3GPP Release 16): sensing without ranking, re-evaluation, pre-emption, blind repetitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.bystanders import dropped_rows
from sim.access.neighbours import PROBE, RSU, Neighbours
from sim.access.nr_mode2.combining import Combiner
from sim.access.nr_mode2.grid import Grid
from sim.access.nr_mode2.known import Known
from sim.access.nr_mode2.processes import Processes
from sim.access.nr_mode2.selector import Selector
from sim.access.nr_mode2.sendings import SELECTION_SLOTS, Cause, Sendings
from sim.access.sidelink.judging import error_rates, judge, uniform
from sim.access.sidelink.links import Sent
from sim.access.sidelink.reception import Batch, Measured, Reception, Settings
from sim.access.sidelink.sensing import Orders, PowerMemory, ReservationMemory
from sim.access.waiting import WaitingFrames
from sim.channel.propagation import Propagation
from sim.clock import NEVER, stream_key
from sim.frames import Flow, Frames, Kind, Receptions
from sim.link import load_table, nr_grid
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Radio

_LINKS_AT_ONCE = 40_000
"""Reported links handled in one go; more would leave the processor's cache."""


class NrMode2:
    """The access layer of NR sidelink without network scheduling.

    Works in blocks of T1 slots (shorter where a period is): a selection triggered in a block acts after it at the
    earliest, so all transmissions of a block are known at its start and all its links are handled together; the result
    is that of a slot-by-slot run. A block is done once its last slot has ended.

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
        scene: Scene | None = None,
        reach_factor: float = 1.0,
        log_selections: bool = False,
    ) -> None:
        mode = radio.mode2
        self.radio, self.mode = radio, mode
        self.slot_ns = nr_grid.SLOT_NS[mode.numerology]
        ring_m = ring_length_m or stations.ring_m
        self.grid = Grid(radio, flows)
        self.propagation = Propagation(radio, seed, ring_m or None, scene)
        noise_dbm = nr_grid.noise_dbm(1, mode.numerology, radio.link.noise_figure_db)
        floor_dbm = noise_dbm + 10 * np.log10(float(self.grid.width_prb.min()))
        self.neighbours = Neighbours(self.propagation, floor_dbm, reach_factor, ring_m)
        self.processes = Processes(flows, self.grid, mode, seed)
        self.block_slots = min([mode.t1_slots, *self.processes.periods.tolist()])
        self.data_table, self.control_table = load_table(mode.pssch_table), load_table(mode.pscch_table).select(0, 0)
        self._data_key = stream_key(seed, "mode2", "data")
        settings = Settings(
            10 ** (noise_dbm / 10), mode.pscch_prb, self.control_table if mode.sci == "table" else None,
            stream_key(seed, "mode2", "control"), report_distance_m,
        )
        self.reception = Reception(settings, self.grid)
        self.orders = Orders(stations.size)
        self.cbr_slots = 100 if mode.cbr_window == "100-slots" else 100 * self.processes.per_ms
        self.power = PowerMemory(self.orders, int(self.grid.subchannels.sum()), self.cbr_slots)
        units = bool((stations.kind == Kind.RSU).any())
        sent = [self.processes.period_of(flow) for flow in flows if flow.sender != Kind.RSU or units]
        longest = max([100 * self.processes.per_ms, *sent]) + 32 + 2 * self.block_slots
        memory = ReservationMemory(self.orders, self.neighbours, self.reception, longest)
        self.known = Known(memory, self.grid, 1 + mode.repetitions, mode.sensitivity_dbm)
        self.selector = Selector(mode, self.grid, self.processes, self.known)
        self.selector.log = [] if log_selections else None
        self.combiner = Combiner(
            self.slot_ns, self.grid, mode.sci_loses_packet, mode.sensitivity_dbm, self._rates, self._draw
        )
        self.report_distance_m = report_distance_m
        self.waiting = WaitingFrames(self.slot_ns)
        self._held: list[tuple[Sendings, Batch, tuple[Batch, np.ndarray] | None]] = []
        self._next: int | None = None
        self._done = 0
        """First slot whose transmissions are not all known yet."""

    # ---- the Protocol

    def submit(self, frames: Frames) -> None:
        """Queue frames; ValueError if one was ready before the slots already done."""
        self.waiting.add(frames, -1 if self._next is None else self._next)

    def next_due_ns(self) -> int:
        """End of the next block while something waits; ``NEVER`` if idle."""
        if self._next is None:
            return NEVER
        busy = self.processes.waiting.any() or self.processes.copies_pending() or self.combiner.open_packets
        first = self._next if busy else self.waiting.first_subframe()
        if first is None:
            return NEVER
        blocks = max(0, first - self._next) // self.block_slots + 1
        return min(self._next + blocks * self.block_slots, self._tick_end) * self.slot_ns

    def stations_changed(self, stations: Stations) -> None:
        """Sort stations of the new tick; forget those that left. The old tick must have been run to its end."""
        start, end = stations.tick_start_ns, stations.tick_end_ns
        if start % self.slot_ns or end % self.slot_ns:
            raise ValueError(f"stations: tick {start} .. {end} ns does not consist of whole slots of {self.slot_ns} ns")
        start, end = start // self.slot_ns, end // self.slot_ns
        if self._next is not None and self._next != start:
            raise RuntimeError(f"access layer stands at slot {self._next}, the new tick starts at slot {start}")
        self._next, self._tick_start, self._tick_end = start, start, end
        memory, tick = self.known.memory, end - start
        self.neighbours.keep(-(-(memory.horizon + 1) // tick) + 1)
        self.orders.deepen(-(-max(memory.horizon, self.power.rows) // tick) + 2)
        self.orders.grow(stations.size)
        self.known.grow(stations.size, len(self.processes.slot))
        if len(stations.changed):
            changed = np.asarray(stations.changed, np.int64)
            self.orders.forget(changed)
            memory.forget(changed)
            self.combiner.forget(changed)
            self.processes.forget(changed, stations.tick_start_ns, stations)
        self.neighbours.update(stations)
        self.orders.new_tick(self.neighbours)
        self.selector.new_tick(self.neighbours)

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Do all blocks that have ended by ``now_ns``; what ended in them."""
        if self._next is None:
            self.stations_changed(stations)
        assert self._next is not None
        parts: list[Receptions] = []
        while self._next < self._tick_end:
            end = min(self._next + self.block_slots, self._tick_end)
            if end * self.slot_ns > now_ns:
                break
            parts += self._block(self._next, end, stations)
            self._next = end
        parts += self._reported()
        return Receptions.joined(parts)

    def largest_frame_bytes(self, sender: Kind) -> int:
        """Longest frame that fits the pool of a station type at some allowed MCS."""
        return self.grid.largest_bytes(int(self.grid.pool_of_kind[sender]))

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots, CBR): share of monitored subchannels of the own pool above the threshold in the last window."""
        near = self.neighbours
        slots = near.slots[:near.offset[PROBE]]
        kinds = np.where(np.arange(len(slots)) < near.offset[RSU], int(Kind.VEHICLE), int(Kind.RSU))
        pool = self.grid.pool_of_kind[kinds]
        known = pool >= 0
        slots, pool, start = slots[known], pool[known], self.grid.row_start
        ratio = np.zeros(len(slots))
        for own in sorted(set(pool.tolist())):
            rows = np.flatnonzero(pool == own)
            subchannels = slice(int(start[own]), int(start[own + 1]))
            threshold_mw = 10 ** (self.mode.cbr_threshold_dbm / 10)
            ratio[rows] = self.power.busy_ratio(slots[rows], subchannels, threshold_mw, self.cbr_slots)
        return slots, ratio

    def provenance(self) -> dict[str, str]:
        """Models and tables in use."""
        m = self.mode
        window = f"{self.cbr_slots} slots" if m.cbr_window == "100-slots" else "100 ms"
        return {
            "access": "NR-V2X PC5 Mode 2, 3GPP TS 38.214 clause 8.1.4, TS 38.321 clause 5.22.1",
            "numerology": f"{15 << m.numerology} kHz, slots of {self.slot_ns / 1e6:g} ms, {self.grid.prb_count} PRB",
            "slot": f"DMRS {self.grid.slot_format.dmrs_elements} elements per PRB, PSCCH {m.pscch_symbols} symbols x "
            f"{m.pscch_prb} PRB, PSFCH every {m.psfch_period} slots, SCI-2 counted "
            f"{'in QPSK' if m.sci2_qpsk else 'by the modulation of the data'}",
            "selection": f"T1 {m.t1_slots} slots, T2 "
            f"{'by delay budget, at most 100 ms' if m.t2_max_slots is None else f'up to {m.t2_max_slots} slots'}, "
            f"sensing {m.sensing_window_ms} ms, keep probability {m.keep_probability}, RSRP threshold "
            f"{_plain(m.rsrp_threshold_dbm)} dBm, X {_plain(m.candidate_ratio)}, no ranking by power, MCS {m.mcs}, "
            f"grants {m.grant_sizing}, re-evaluation {'on' if m.reevaluation else 'off'}, pre-emption "
            f"{'on' if m.preemption else 'off'}, {m.repetitions} repetitions, aperiodic {m.aperiodic or 'none'}",
            "sensitivity": "none" if m.sensitivity_dbm is None else f"{m.sensitivity_dbm} dBm",
            "in_band_emission": "TS 38.101-1 clause 6.4.2.3, WXYZ 0, 0, 0, 0 dB" if m.in_band_emission else "off",
            "pssch_table": self.data_table.source,
            "pscch_table": "always decoded" if m.sci == "ideal" else self.control_table.origin,
            "cbr": f"subchannels of the own pool above {m.cbr_threshold_dbm} dBm in {window} (TS 38.215 clause 5.1.27)",
            "noise": f"k T B at 290 K, noise figure {self.radio.link.noise_figure_db} dB",
            **self.propagation.provenance(),
        }

    @property
    def selection_log(self) -> dict[str, np.ndarray]:
        """Columns of all selections so far (empty without ``log_selections``)."""
        log = self.selector.log or []
        return {name: np.concatenate([part[name] for part in log]) for name in log[0]} if log else {}

    def counts(self) -> dict[str, int]:
        """Selections by cause, and transport blocks that gave way to another of their station."""
        by_cause = {f"select_{c.name.lower()}": int(n) for c, n in zip(Cause, self.processes.selections, strict=True)}
        return {**by_cause, "postponed": self.processes.postponed}

    # ---- one block

    def _block(self, start: int, end: int, stations: Stations) -> list[Receptions]:
        s = self._schedule(start, end, stations)
        self.known.grow(stations.size, len(self.processes.slot))
        sent = self._placed(s, start)
        part = (np.arange(start, end) - self._tick_start) / (self._tick_end - self._tick_start)
        batch, reach = self.reception.listeners(self.neighbours, sent, part)
        memory = self.known.memory
        address = memory.store(end - 1, batch.control_levels(reach), int(reach.count.sum()))
        self.power.record(start, batch.sensed_mw)
        self._commit(s, sent, memory.addresses(sent, reach, address))
        self._select(start, end)
        self._done = end
        self._held.append((s, batch, self.reception.probes(self.neighbours, sent, part)))
        parts = self._reported() if sum(held[1].links for held in self._held) > _LINKS_AT_ONCE else []
        dropped, self.processes.dropped = self.processes.dropped, []
        if dropped:
            parts.append(dropped_rows(dropped, stations, self.neighbours, self.report_distance_m))
        return parts

    def _schedule(self, start: int, end: int, stations: Stations) -> Sendings:
        """Arrivals and transmissions of a block; slot by slot where one process has two events in it."""
        frames, arrived = self.waiting.until(end)
        if len(frames):
            here = stations.active[frames.sender] & (stations.station_id[frames.sender] == frames.sender_id)
            if np.count_nonzero(here) < len(here):
                rows = (~here).nonzero()[0]
                away = np.zeros(len(rows), bool)
                self.processes.dropped.append((frames.frame[rows], frames.sender[rows], frames.ready_ns[rows], away))
                frames, arrived = frames.take(here.nonzero()[0]), arrived[here]
        rows = self.processes.rows_of(frames, stations)
        if len(set(rows.tolist())) == len(rows) and not np.count_nonzero(self.processes.waiting[rows]):
            self.processes.arrive(rows, frames, arrived)
            return self.processes.due(start, end)
        parts = []
        for slot in range(start, end):
            now = np.flatnonzero(arrived == slot)
            while len(now):
                _, first = np.unique(rows[now], return_index=True)
                turn = now[np.sort(first)]
                self.processes.arrive(rows[turn], frames.take(turn), arrived[turn])
                now = now[~np.isin(now, turn)]
            parts.append(self.processes.due(slot, slot + 1))
        return Sendings.joined(parts)

    def _placed(self, s: Sendings, start: int) -> Sent:
        sequence = s.sequence if self.processes.most_copies == 1 else s.sequence * self.processes.most_copies + s.copy
        return Sent(
            self.neighbours.column[s.slot], s.at - start, s.station_id, sequence, self.grid.shapes_of(s),
            s.subchannels * self.grid.width_prb[s.pool],
        )

    def _commit(self, s: Sendings, sent: Sent, level_at: np.ndarray) -> None:
        """What was sent in a block becomes known; a station with several transmissions takes several turns."""
        if not len(s):
            return
        if len(set(s.slot.tolist())) == len(s):
            self.known.commit(s, sent, level_at)
            return
        for at in np.unique(s.at):
            rows = np.flatnonzero(s.at == at)
            self.known.commit(s.take(rows), sent.take(rows), level_at[rows])

    def _select(self, start: int, end: int) -> None:
        """Checks and selections that fall into the block just recorded (each knows nothing from its slot on)."""
        if self.mode.reevaluation or self.mode.preemption:
            rows, at = self.processes.to_check(start, end, SELECTION_SLOTS[self.mode.numerology])
            if len(rows):
                self.selector.check(rows, at)
        triggers, self.processes.triggers = self.processes.triggers, []
        if len(triggers) == 1:
            self.selector.select(*triggers[0])
        elif triggers:
            self.selector.select(np.concatenate([t[0] for t in triggers]), np.concatenate([t[1] for t in triggers]))

    # ---- what is reported

    def _reported(self) -> list[Receptions]:
        """Judge the links of all blocks held back since the last time."""
        held, self._held = [part for part in self._held if len(part[0])], []
        if held:
            s = Sendings.in_order([part[0] for part in held])
            measured = self._measured(held)
            self.reception.clear()
            if self.processes.most_copies == 1:
                return [self._single(s, measured)]
            self.combiner.add(s, measured, self.neighbours)
        self.reception.clear()
        return self.combiner.finished(self._done)

    def _measured(self, held: list[tuple[Sendings, Batch, tuple[Batch, np.ndarray] | None]]) -> Measured:
        """Links of some blocks to vehicles, units and probes, by transmission."""
        measured = self.reception.measure(self.neighbours, [part[1] for part in held])
        shift = np.cumsum([0, *(len(part[0]) for part in held)])
        probes = [
            (part[2][0], part[2][1] + by) for part, by in zip(held, shift[:-1].tolist(), strict=True)
            if part[2] is not None
        ]
        if not probes:
            return measured
        more = self.reception.measure(self.neighbours, [batch for batch, _ in probes])
        more.sending = np.concatenate([rows for _, rows in probes])[more.sending]
        measured = Measured.joined([measured, more])
        return measured.take(np.argsort(measured.sending, kind="stable"))

    def _single(self, s: Sendings, rows: Measured) -> Receptions:
        """Outcomes of packets sent once."""
        near, power_dbm = self.neighbours, rows.power_dbm
        weak = None if self.mode.sensitivity_dbm is None else power_dbm < self.mode.sensitivity_dbm

        def draw(at: np.ndarray) -> np.ndarray:
            return self._draw(s, rows.sending[at], near.station_id[rows.column[at]])

        rates = self._rates(s, rows.sending, rows.snr, rows.sinr)
        outcome, data_outcome = judge(rates, rows.decoded, rows.deaf, weak, self.mode.sci_loses_packet, draw)
        start_ns = s.at * self.slot_ns
        return Receptions(
            s.frame, s.slot, start_ns, start_ns + self.slot_ns, np.ones(len(s), bool), rows.sending,
            near.slots[rows.column], rows.distance_m, outcome, data_outcome, power_dbm, rows.sinr_db,
            {"first_subchannel": s.first, "subchannels": s.subchannels, "mcs": s.mcs}, self.grid.carrier_ratio(s),
        )

    def _rates(
        self, s: Sendings, sending: np.ndarray, snr: np.ndarray, sinr: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Error rates of the transmissions ``sending`` [L] against noise, and against noise and interference."""
        sizes = zip(s.mcs.tolist(), s.size_bytes.tolist(), strict=True)
        return error_rates([self.data_table.select(mcs, size) for mcs, size in sizes], sending, snr, sinr)

    def _draw(self, s: Sendings, sending: np.ndarray, receiver_id: np.ndarray) -> np.ndarray:
        """One uniform number per packet and receiver."""
        return uniform(self._data_key, s.station_id[sending], s.sequence[sending], receiver_id)


def _plain(values: list[float]) -> str:
    """One number where all agree, else the list."""
    return f"{values[0]:g}" if len(set(values)) == 1 else str(values)
