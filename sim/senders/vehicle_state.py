"""What on-board units know of their vehicles at an instant, and the columns of messages made from it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from rsu.messages.vehicle import BRAKE_PEDAL_OFF, BRAKE_PEDAL_ON, EVENT_BITS, PathHistory, VehicleColumns
from rsu.services.cn.wire import ACCURACY_M, RADIUS_95_PER_SIGMA
from sim.clock import MS
from sim.senders.written import Written
from sim.world.build import World

MINUTE_NS = 60_000 * MS
WEAK_BRAKING_MPS2 = -0.5
"""A vehicle that slows down harder than this presses its brake pedal (assumption)."""
HARD_BRAKING_MPS2 = -0.4 * 9.80665
"""eventHardBraking: deceleration above 0.4 g (SAE J2735 event flag as commonly described, unverified)."""
MOST_YAW_DEGPS = 327.67
"""Limit of YawRate on the wire; recorded headings may jump."""
STRAIGHT_DEGPS = 0.05
"""Below this yaw rate a path counts as straight."""


@dataclass(frozen=True, eq=False)
class VehicleStates:
    """Columns of equal length; ``x_m``, ``y_m`` are true, everything ``believed_`` carries the positioning error."""

    slots: np.ndarray
    time_ns: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    believed_x_m: np.ndarray
    believed_y_m: np.ndarray
    believed_speed_mps: np.ndarray
    believed_heading_deg: np.ndarray
    accuracy_m: np.ndarray
    """Sigma per horizontal axis; NaN without positioning."""
    speed_mps: np.ndarray
    accel_mps2: np.ndarray

    def __len__(self) -> int:
        return len(self.slots)

    def take(self, rows: np.ndarray) -> VehicleStates:
        """A selection of rows."""
        return VehicleStates(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def events(self) -> np.ndarray:
        """Flags of :data:`rsu.messages.vehicle.EVENT_BITS` that hold."""
        return np.where(self.accel_mps2 < HARD_BRAKING_MPS2, EVENT_BITS["eventHardBraking"], 0)


def vehicle_states(world: World, slots: np.ndarray, time_ns: np.ndarray) -> VehicleStates:
    """States of vehicles at one instant each inside the present tick, by interpolation."""
    stations, fleet = world.stations, world.fleet
    vehicle = slots - stations.first_vehicle
    part = (time_ns - stations.tick_start_ns) / (stations.tick_end_ns - stations.tick_start_ns)
    x, y = stations.position(slots, time_ns)
    speed = fleet.speed_prev_mps[vehicle] + (fleet.speed_mps[vehicle] - fleet.speed_prev_mps[vehicle]) * part
    turn = (fleet.heading_deg[vehicle] - fleet.heading_prev_deg[vehicle] + 180.0) % 360.0 - 180.0
    heading = (fleet.heading_prev_deg[vehicle] + turn * part) % 360.0
    believed = world.gnss.believed(slots, time_ns, x, y, speed, heading)
    return VehicleStates(
        slots, time_ns, x, y, believed.x_m, believed.y_m, believed.speed_mps, believed.heading_deg,
        np.where(believed.available, believed.sigma_m, np.nan), speed, fleet.accel_mps2[vehicle],
    )


def position_confidence(sigma_m: np.ndarray) -> np.ndarray:
    """PositionConfidence of each message: the smallest class that holds 95 % of the error, 0 where unavailable."""
    radius_m = RADIUS_95_PER_SIGMA * np.where(np.isnan(sigma_m), np.inf, sigma_m)
    bounds_m = np.array(sorted(ACCURACY_M.values()))
    place = np.searchsorted(bounds_m, radius_m)
    return np.where(place < len(bounds_m), len(bounds_m) - place, 0)


def vehicle_columns(
    world: World, states: VehicleStates, temporary_id: np.ndarray, msg_count: np.ndarray, *,
    events: np.ndarray | None = None, low_frequency: np.ndarray | None = None, path: PathHistory | None = None,
    written: Written | None = None,
) -> VehicleColumns:
    """Message content; ``events`` are flags to be told, ``low_frequency`` rows carry the slow part of their message.
    ``written``: the datum they write, WGS 84 where none is given."""
    vehicle, fleet = states.slots - world.stations.first_vehicle, world.fleet
    lon, lat = world.lonlat(states.believed_x_m, states.believed_y_m)
    if written is not None:
        lon, lat = written.points(lon, lat)
    clock_ns = world.utc0_ns + states.time_ns + world.clock_offset_ns[states.slots]
    yaw = np.clip(fleet.yaw_rate_degps[vehicle], -MOST_YAW_DEGPS, MOST_YAW_DEGPS)
    curved = np.abs(yaw) >= STRAIGHT_DEGPS
    radius = np.where(curved, states.speed_mps / np.radians(np.where(curved, yaw, 1.0)), np.inf)
    return VehicleColumns(
        temporary_id=temporary_id, msg_count=msg_count, sec_mark_ms=clock_ns % MINUTE_NS // MS,
        longitude_deg=lon, latitude_deg=lat, speed_mps=states.believed_speed_mps,
        heading_deg=states.believed_heading_deg, width_m=fleet.width_m[vehicle], length_m=fleet.length_m[vehicle],
        vehicle_class=fleet.basic_vehicle_class[vehicle],
        semi_major_m=states.accuracy_m, semi_minor_m=states.accuracy_m, orientation_deg=np.zeros(len(states)),
        accel_long_mps2=states.accel_mps2, accel_lat_mps2=states.speed_mps * np.radians(yaw),
        accel_vert_mps2=np.zeros(len(states)), yaw_rate_degps=yaw, height_m=fleet.height_m[vehicle],
        position_confidence=position_confidence(states.accuracy_m),
        brake_pedal=np.where(states.accel_mps2 < WEAK_BRAKING_MPS2, BRAKE_PEDAL_ON, BRAKE_PEDAL_OFF),
        radius_of_curvature_m=radius, event_flags=events, path=path, generated_utc_ns=clock_ns,
        low_frequency=None if low_frequency is None else low_frequency.astype(np.int64),
    )
