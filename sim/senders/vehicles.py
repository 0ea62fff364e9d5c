"""The message every vehicle sends of itself (BSM, CAM): content at the exact generation instant, real octets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rsu.generation import VEHICLE_GENERATIONS, PeriodicGeneration
from rsu.generation.base import Due, VehicleGeneration
from rsu.generation.periodic import PeriodicFigures
from rsu.messages.vehicle import PathHistory as WirePath
from sim.clock import MS, NEVER, hashed_bits, hashed_uniform, ns_from_ms, stream_key
from sim.frames import Frames
from sim.ledger import Ledger
from sim.senders.flows import MessageFlow
from sim.senders.rate_control import RateControl
from sim.senders.speakers import Speaker
from sim.senders.vehicle_state import VehicleStates, vehicle_columns, vehicle_states
from sim.senders.written import Written
from sim.world.build import World
from sim.world.path_history import PathHistory


class VehicleSender:
    """On-board units of one speaker: one phase, one rolling count, one generation rule, columns down to the octets."""

    def __init__(
        self, world: World, speaker: Speaker, ledger: Ledger, control: RateControl | None = None,
        speaker_of_home: np.ndarray | None = None,
    ) -> None:
        """``speaker_of_home``: speaker by home jurisdiction, the last entry of vehicles without one; none = all are
        this one's."""
        message_set, flows = speaker.message_set, speaker.flows
        self.world, self.speaker, self.message_set = world, speaker, message_set
        self._speaker_of_home = speaker_of_home
        self._written = Written(speaker.profile, world)
        self.flow = flows[message_set.awareness]
        self.event_flow = flows.get(f"{message_set.awareness}-EVENT")
        self.envelope, self.ledger, self.control = speaker.vehicle_envelope, ledger, control
        self.settings = world.config.bsm
        self.generation = self._generation_rule(world.stations.size)
        self.check_ns = self.generation.check_interval_ns
        self._phase_key = stream_key(world.seed, "bsm", "phase")
        self._jitter_key = stream_key(world.seed, "bsm", "jitter")
        self._jitter_ns = ns_from_ms(self.settings.jitter_ms)
        self._id_key = stream_key(world.seed, "bsm", "temporary id")
        self._count_key = stream_key(world.seed, "bsm", "count")
        self._sequence = np.zeros(world.stations.size, np.int64)
        self._history = PathHistory(world.fleet.capacity) if self.settings.path_history else None
        self.sent_path_histories = 0

    def _generation_rule(self, rows: int) -> VehicleGeneration:
        if self.message_set.generation != "periodic":
            return VEHICLE_GENERATIONS[self.message_set.generation](rows)
        period_ms = self.flow.flow.period_ns // MS
        controlled = self.control is not None
        return PeriodicGeneration(rows, PeriodicFigures(
            period_ms=period_ms, check_interval_ms=100 if controlled else period_ms,
            event_period_ms=100 if self.event_flow is not None else None, least_interval_ms=min(100, period_ms),
        ))

    def slots(self) -> np.ndarray:
        """Slots of the equipped vehicles present that speak so."""
        slots = self.world.vehicle_slots()
        if self._speaker_of_home is None:
            return slots
        return slots[self._speaker_of_home[self.world.stations.home[slots]] == self.speaker.index]

    def stations_changed(self) -> None:
        """Other vehicles stand in ``stations.changed``: their counts, certificates and histories begin anew."""
        stations = self.world.stations
        if len(self._sequence) < stations.size:
            extra = np.zeros(stations.size - len(self._sequence), np.int64)
            self._sequence = np.concatenate([self._sequence, extra])
        self._sequence[stations.changed] = 0
        self.generation.grow(stations.size)
        self.generation.forget(stations.changed)
        if self.control is not None:
            self.control.grow(stations.size)
            self.control.forget(stations.changed)
        self.envelope.renew(stations.changed)
        if self._history is not None:
            self._history.grow(self.world.fleet.capacity)
            self._history.forget(stations.changed - stations.first_vehicle)

    def record_paths(self, now_ns: int) -> None:
        """Note where every vehicle is at the start of the tick."""
        if self._history is not None:
            slots = self.slots()
            stations = self.world.stations
            self._history.record(slots - stations.first_vehicle, now_ns, stations.x0_m[slots], stations.y0_m[slots])

    def frames(self, start_ns: int, end_ns: int, measured_from_ns: int, measured_to_ns: int) -> Iterator[Frames]:
        """Frames generated in [start, end), at most one per vehicle in each table."""
        slots = self.slots()
        if not len(slots) or not self.settings.enabled:
            return
        identity = self.world.stations.station_id[slots]
        phase_ns = np.zeros(len(slots), np.int64)
        if self.settings.phase == "random":
            phase_ns = (hashed_uniform(self._phase_key, identity) * self.check_ns).astype(np.int64)
        grid_ns = start_ns + (phase_ns - start_ns) % self.check_ns
        after_ns = np.full(len(slots), start_ns - 1)
        while True:
            next_ns = np.minimum(grid_ns, self._planned_ns(slots, after_ns))
            asked = np.flatnonzero(next_ns < end_ns)
            if not len(asked):
                return
            on_grid = next_ns[asked] == grid_ns[asked]
            states = vehicle_states(self.world, slots[asked], next_ns[asked])
            event, due = self._due(states, on_grid)
            rows = np.flatnonzero(due.send)
            if len(rows):
                yield from self._generate(states.take(rows), event[rows], due, rows, measured_from_ns, measured_to_ns)
            after_ns[asked] = next_ns[asked]
            grid_ns[asked[on_grid]] += self.check_ns

    def _planned_ns(self, slots: np.ndarray, after_ns: np.ndarray) -> np.ndarray:
        """Planned instants, also off the grid of checks: a controlled period need not be whole tenths of a second."""
        if self.control is None or not isinstance(self.generation, PeriodicGeneration):
            return np.full(len(slots), NEVER)
        planned_ns = self.generation.planned_ns(slots)
        return np.where(planned_ns > after_ns, planned_ns, NEVER)

    def _due(self, states: VehicleStates, on_grid: np.ndarray) -> tuple[np.ndarray, Due]:
        event = states.events() if self.event_flow is not None else np.zeros(len(states), np.int64)
        if self.control is not None and isinstance(self.generation, PeriodicGeneration) and on_grid.any():
            decision = self.control.decide(states.take(on_grid))
            self.generation.plan(states.slots[on_grid], decision.period_ns, decision.early)
        due = self.generation.due(
            states.slots, states.time_ns, states.believed_x_m, states.believed_y_m, states.believed_heading_deg,
            states.believed_speed_mps, event,
        )
        if self.control is not None and due.send.any():
            self.control.sent(states.take(due.send), due.event[due.send])
        return event, due

    def _generate(
        self, states: VehicleStates, event: np.ndarray, due: Due, rows: np.ndarray, from_ns: int, to_ns: int
    ) -> Iterator[Frames]:
        """Octets of all rows at once, frames of the routine and of the event flow apart."""
        octets = self._octets(states, event, due.low_frequency[rows])
        urgent = due.event[rows]
        for flow, chosen in ((self.flow, ~urgent), (self.event_flow, urgent)):
            if flow is not None and chosen.any():
                part = np.flatnonzero(chosen)
                yield self._enter(
                    flow, states.take(part), [octets[k] for k in part.tolist()],
                    due.full_certificate_required[rows][part], from_ns, to_ns,
                )

    def _octets(self, states: VehicleStates, event: np.ndarray, slow: np.ndarray) -> list[bytes | None]:
        if self.settings.synthetic:
            return [None] * len(states)
        identity = self.world.stations.station_id[states.slots]
        count = (hashed_bits(self._count_key, identity).astype(np.int64) + self._sequence[states.slots]) & 127
        columns = vehicle_columns(
            self.world, states, self.temporary_ids(states.slots), count, events=event, low_frequency=slow,
            path=self._path(states, slow), written=self._written,
        )
        return list(self.message_set.encode_vehicles(columns))

    def temporary_ids(self, slots: np.ndarray) -> np.ndarray:
        """Temporary ids (uint64) of the stations in these slots, as their messages carry them."""
        return hashed_bits(self._id_key, self.world.stations.station_id[slots])

    def _enter(
        self, flow: MessageFlow, states: VehicleStates, octets: list[bytes | None], certificate: np.ndarray,
        from_ns: int, to_ns: int,
    ) -> Frames:
        stations, envelope = self.world.stations, self.envelope
        slots, generated_ns, count = states.slots, states.time_ns, len(states)
        length = np.fromiter((len(one or b"") for one in octets), np.int64, count)
        full = envelope.full_certificates(slots, generated_ns, flow.rule, certificate)
        size = envelope.frame_bytes(length, flow.rule, full)
        if self.settings.fixed_size_bytes is not None:
            size = np.full(count, self.settings.fixed_size_bytes)
        sequence = self._sequence[slots]
        self._sequence[slots] += 1
        encode_ns = envelope.encode_ns + self._jitter_of(slots, sequence)
        ready_ns = generated_ns + encode_ns + envelope.sign_ns
        frame = self.ledger.add(
            count, octets, flow=flow.flow.index, sender=slots, sender_place=stations.place[slots],
            sender_home=stations.home[slots], generated_ns=generated_ns, ready_ns=ready_ns,
            encode_ns=encode_ns, sign_ns=envelope.sign_ns, backhaul_ns=0, sense_ns=0, size_bytes=size,
            measured=(generated_ns >= from_ns) & (generated_ns < to_ns), sequence=sequence, certificate=full,
            voice=self.speaker.index,
        )
        return Frames(
            frame, slots, stations.station_id[slots], sequence, np.full(count, flow.flow.index),
            np.zeros(count, np.int64), generated_ns, ready_ns, size,
        )

    def _jitter_of(self, slots: np.ndarray, sequence: np.ndarray) -> np.ndarray | int:
        """How much later than planned each message is ready, keyed by station and message."""
        if not self._jitter_ns:
            return 0
        identity = self.world.stations.station_id[slots]
        return (hashed_uniform(self._jitter_key, identity, sequence) * self._jitter_ns).astype(np.int64)

    def _path(self, states: VehicleStates, slow: np.ndarray) -> WirePath | None:
        """Path history in the slow part of the message (BSM: every 500 ms, GB/T 45315-2025 7.3)."""
        if self._history is None:
            return None
        rows = np.flatnonzero(slow)
        slots, x, y = states.slots[rows], states.x_m[rows], states.y_m[rows]
        points = self._history.points(slots - self.world.stations.first_vehicle, states.time_ns[rows], x, y)
        count, dx_m, dy_m, age_s = points.compressed()
        counts = np.zeros(len(states), np.int64)
        counts[rows] = count
        of = np.repeat(np.arange(len(rows)), count)
        lon, lat = self.world.lonlat(x[of], y[of])
        past_lon, past_lat = self.world.lonlat(x[of] + dx_m, y[of] + dy_m)
        self.sent_path_histories += int((count > 0).sum())
        return WirePath(counts, past_lon - lon, past_lat - lat, np.maximum(age_s, 0.01))
