"""BSM of every equipped vehicle: content at the exact generation instant, real octets, envelope, header."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rsu.messages.base import MessageSet
from rsu.messages.cn.rules import PATH_HISTORY_PERIOD_MS
from rsu.messages.vehicle import BRAKE_PEDAL_OFF, BRAKE_PEDAL_ON, VehicleColumns
from rsu.messages.vehicle import PathHistory as WirePath
from rsu.services.cn.wire import ACCURACY_M, RADIUS_95_PER_SIGMA
from sim.clock import MS, hashed_bits, hashed_uniform, ns_from_ms, stream_key
from sim.frames import Frames
from sim.ledger import Ledger
from sim.senders.envelope import Envelope
from sim.senders.flows import MessageFlow
from sim.world.build import World
from sim.world.path_history import PathHistory

MINUTE_NS = 60_000 * MS
WEAK_BRAKING_MPS2 = -0.5
"""A vehicle that slows down harder than this presses its brake pedal (assumption)."""
MOST_YAW_DEGPS = 327.67
"""Limit of YawRate on the wire; recorded headings may jump."""
STRAIGHT_DEGPS = 0.05
"""Below this yaw rate a path counts as straight."""


def position_confidence(sigma_m: np.ndarray) -> np.ndarray:
    """PositionConfidence of each message: the smallest class that holds 95 % of the error, 0 where unavailable."""
    radius_m = RADIUS_95_PER_SIGMA * np.where(np.isnan(sigma_m), np.inf, sigma_m)
    bounds_m = np.array(sorted(ACCURACY_M.values()))
    place = np.searchsorted(bounds_m, radius_m)
    return np.where(place < len(bounds_m), len(bounds_m) - place, 0)


class VehicleSender:
    """All on-board units: one phase and one rolling count per vehicle, columns all the way to the octets."""

    def __init__(self, world: World, flow: MessageFlow, message_set: MessageSet, envelope: Envelope,
                 ledger: Ledger) -> None:
        self.world, self.flow, self.message_set = world, flow, message_set
        self.envelope, self.ledger = envelope, ledger
        self.settings = world.config.bsm
        self._phase_key = stream_key(world.seed, "bsm", "phase")
        self._id_key = stream_key(world.seed, "bsm", "temporary id")
        self._count_key = stream_key(world.seed, "bsm", "count")
        self._sequence = np.zeros(world.stations.size, np.int64)
        self._path_due_ns = np.zeros(world.stations.size, np.int64)
        self._history = PathHistory(world.fleet.capacity) if self.settings.path_history else None
        self._history_period_ns = ns_from_ms(PATH_HISTORY_PERIOD_MS)
        self.sent_path_histories = 0

    def stations_changed(self) -> None:
        """Other vehicles stand in ``stations.changed``: their counts, certificates and histories begin anew."""
        stations = self.world.stations
        if len(self._sequence) < stations.size:
            extra = np.zeros(stations.size - len(self._sequence), np.int64)
            self._sequence = np.concatenate([self._sequence, extra])
            self._path_due_ns = np.concatenate([self._path_due_ns, extra])
        self._sequence[stations.changed] = 0
        self._path_due_ns[stations.changed] = 0
        self.envelope.renew(stations.changed)
        if self._history is not None:
            self._history.grow(self.world.fleet.capacity)
            self._history.forget(stations.changed - stations.first_vehicle)

    def record_paths(self, now_ns: int) -> None:
        """Note where every vehicle is at the start of the tick."""
        if self._history is not None:
            slots = self.world.vehicle_slots()
            stations = self.world.stations
            self._history.record(slots - stations.first_vehicle, now_ns, stations.x0_m[slots], stations.y0_m[slots])

    def frames(self, start_ns: int, end_ns: int, measured_from_ns: int, measured_to_ns: int) -> Iterator[Frames]:
        """Frames generated in [start, end), at most one per vehicle in each table."""
        slots = self.world.vehicle_slots()
        if not len(slots) or not self.settings.enabled:
            return
        identity = self.world.stations.station_id[slots]
        period_ns = self.flow.flow.period_ns
        phase_ns = np.zeros(len(slots), np.int64)
        if self.settings.phase == "random":
            phase_ns = (hashed_uniform(self._phase_key, identity) * period_ns).astype(np.int64)
        first_ns = start_ns + (phase_ns - start_ns) % period_ns
        while True:
            due = first_ns < end_ns
            if not due.any():
                return
            yield self._generate(slots[due], first_ns[due], measured_from_ns, measured_to_ns)
            first_ns = first_ns + period_ns

    def _generate(self, slots: np.ndarray, generated_ns: np.ndarray, from_ns: int, to_ns: int) -> Frames:
        stations, envelope = self.world.stations, self.envelope
        if self.settings.synthetic and self.settings.fixed_size_bytes is not None:
            octets: list[bytes | None] = [None] * len(slots)
            size = np.full(len(slots), self.settings.fixed_size_bytes)
        else:
            messages = self.message_set.encode_vehicles(self._columns(slots, generated_ns))
            octets = list(messages)
            length = np.fromiter(map(len, messages), np.int64, len(messages))
            size = envelope.frame_bytes(length, self.flow.rule, slots, generated_ns)
            if self.settings.fixed_size_bytes is not None:
                size = np.full(len(slots), self.settings.fixed_size_bytes)
        sequence = self._sequence[slots]
        self._sequence[slots] += 1
        ready_ns = generated_ns + envelope.encode_ns + envelope.sign_ns
        count, index = len(slots), self.flow.flow.index
        frame = self.ledger.add(
            count, octets, flow=index, sender=slots, sender_place=stations.place[slots],
            sender_home=stations.home[slots], generated_ns=generated_ns, ready_ns=ready_ns,
            encode_ns=envelope.encode_ns, sign_ns=envelope.sign_ns, backhaul_ns=0, sense_ns=0, size_bytes=size,
            measured=(generated_ns >= from_ns) & (generated_ns < to_ns),
        )
        return Frames(
            frame, slots, stations.station_id[slots], sequence, np.full(count, index), np.zeros(count, np.int64),
            generated_ns, ready_ns, size,
        )

    def _columns(self, slots: np.ndarray, time_ns: np.ndarray) -> VehicleColumns:
        world, stations, fleet = self.world, self.world.stations, self.world.fleet
        vehicle = slots - stations.first_vehicle
        part = (time_ns - stations.tick_start_ns) / (stations.tick_end_ns - stations.tick_start_ns)
        x, y = stations.position(slots, time_ns)
        speed = fleet.speed_prev_mps[vehicle] + (fleet.speed_mps[vehicle] - fleet.speed_prev_mps[vehicle]) * part
        turn = (fleet.heading_deg[vehicle] - fleet.heading_prev_deg[vehicle] + 180.0) % 360.0 - 180.0
        heading = (fleet.heading_prev_deg[vehicle] + turn * part) % 360.0
        believed = world.gnss.believed(slots, time_ns, x, y, speed, heading)
        lon, lat = world.lonlat(believed.x_m, believed.y_m)
        accuracy = np.where(believed.available, believed.sigma_m, np.nan)
        identity = stations.station_id[slots]
        clock_ns = world.utc0_ns + time_ns + world.clock_offset_ns[slots]
        yaw = np.clip(fleet.yaw_rate_degps[vehicle], -MOST_YAW_DEGPS, MOST_YAW_DEGPS)
        accel = fleet.accel_mps2[vehicle]
        curved = np.abs(yaw) >= STRAIGHT_DEGPS
        radius = np.where(curved, speed / np.radians(np.where(curved, yaw, 1.0)), np.inf)
        return VehicleColumns(
            temporary_id=hashed_bits(self._id_key, identity),
            msg_count=(hashed_bits(self._count_key, identity).astype(np.int64) + self._sequence[slots]) & 127,
            sec_mark_ms=clock_ns % MINUTE_NS // MS,
            longitude_deg=lon, latitude_deg=lat, speed_mps=believed.speed_mps, heading_deg=believed.heading_deg,
            width_m=fleet.width_m[vehicle], length_m=fleet.length_m[vehicle],
            vehicle_class=fleet.basic_vehicle_class[vehicle],
            semi_major_m=accuracy, semi_minor_m=accuracy, orientation_deg=np.zeros(len(slots)),
            accel_long_mps2=accel, accel_lat_mps2=speed * np.radians(yaw), accel_vert_mps2=np.zeros(len(slots)),
            yaw_rate_degps=yaw,
            height_m=fleet.height_m[vehicle],
            position_confidence=position_confidence(accuracy),
            brake_pedal=np.where(accel < WEAK_BRAKING_MPS2, BRAKE_PEDAL_ON, BRAKE_PEDAL_OFF),
            radius_of_curvature_m=radius,
            path=self._path(slots, time_ns, x, y),
        )

    def _path(self, slots: np.ndarray, time_ns: np.ndarray, x: np.ndarray, y: np.ndarray) -> WirePath | None:
        """Path history in the first message and then every 500 ms (GB/T 45315-2025 7.3)."""
        if self._history is None:
            return None
        rows = np.flatnonzero(time_ns >= self._path_due_ns[slots])
        self._path_due_ns[slots[rows]] = time_ns[rows] + self._history_period_ns
        first = self.world.stations.first_vehicle
        points = self._history.points(slots[rows] - first, time_ns[rows], x[rows], y[rows])
        count, dx_m, dy_m, age_s = points.compressed()
        counts = np.zeros(len(slots), np.int64)
        counts[rows] = count
        of = np.repeat(rows, count)
        lon, lat = self.world.lonlat(x[of], y[of])
        past_lon, past_lat = self.world.lonlat(x[of] + dx_m, y[of] + dy_m)
        self.sent_path_histories += int((count > 0).sum())
        return WirePath(counts, past_lon - lon, past_lat - lat, np.maximum(age_s, 0.01))
