"""When a decoded message is *applied* (definitions of coverage: one rule per class), over many receivers at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rsu.applications.events import EventZones
from rsu.applications.lane_match import LaneMatch
from rsu.applications.objects import ObjectColumns, separation
from rsu.applications.road_map import RoadMap
from rsu.applications.signals import PhaseKey, PhaseSignal

NEAR_M = 1.5
"""An RSM object counts as a true vehicle within this distance + the sensor's sigma."""


@dataclass(frozen=True, eq=False)
class SignalAdvice:
    """One row per receiver."""

    applied: np.ndarray
    lane: np.ndarray
    """Index into ``RoadMap.lanes``, -1 without a match."""
    to_stop_m: np.ndarray
    next_change_utc_ns: np.ndarray
    """Earliest change among the lane's phases; -1 where unknown or not applied."""


def spat_map_applies(
    road_map: RoadMap,
    signals: Mapping[PhaseKey, PhaseSignal],
    match: LaneMatch,
    *,
    true_lane: np.ndarray | None = None,
    map_age_s: np.ndarray | float = 0.0,
    spat_age_s: np.ndarray | float = 0.0,
    map_tau_s: float = 5.0,
    spat_tau_s: float = 1.0,
) -> SignalAdvice:
    """Applied: matched to a lane of the MAP, the true one when given, with every phase of it in a SPAT, both
    fresh.

    ``match`` comes from :func:`rsu.applications.lane_match.match_lanes` of the receivers; ``true_lane`` are
    indices into ``road_map.lanes`` (-1: on none of them, so never applied). Ages are per receiver or one for
    all. A lane without any phase is never applied: there is no signal to show.
    """
    change_ns = np.full(len(road_map.lanes) + 1, -1, np.int64)
    served = np.zeros(len(road_map.lanes) + 1, bool)
    for index, lane in enumerate(road_map.lanes):
        keys = [(lane.key[0], lane.key[1], phase) for phase in lane.phase_ids]
        served[index] = bool(keys) and all(key in signals for key in keys)
        changes = [signals[key].next_change_utc_ns for key in keys if key in signals]
        known = [change for change in changes if change is not None]
        change_ns[index] = min(known) if served[index] and known else -1
    applied = (match.lane >= 0) & served[match.lane]
    applied &= (np.asarray(map_age_s) <= map_tau_s) & (np.asarray(spat_age_s) <= spat_tau_s)
    if true_lane is not None:
        applied &= match.lane == true_lane
    return SignalAdvice(applied, match.lane, match.to_stop_m, np.where(applied, change_ns[match.lane], -1))


def rsi_applies(
    zones: EventZones,
    lon: np.ndarray,
    lat: np.ndarray,
    heading_deg: np.ndarray,
    *,
    age_s: np.ndarray | float = 0.0,
    tau_s: float = 3.0,
) -> np.ndarray:
    """[receivers] bool: on the path, or the way to it, of at least one event; and fresh."""
    return zones.holds(lon, lat, heading_deg).any(axis=1) & (np.asarray(age_s) <= tau_s)


@dataclass(frozen=True, eq=False)
class ObjectAdvice:
    """``applied`` has one row per receiver, the others one per object."""

    applied: np.ndarray
    vehicle: np.ndarray
    """Row of the true vehicle nearest to each object, -1 if none is near enough."""
    error_m: np.ndarray
    """Distance to it; NaN without one."""


def rsm_applies(
    objects: ObjectColumns,
    true_lon: np.ndarray,
    true_lat: np.ndarray,
    *,
    sensor_sigma_m: float,
    at_utc_ns: int | None = None,
    receiver_lon: np.ndarray | None = None,
    receiver_lat: np.ndarray | None = None,
    receiver_vehicle: np.ndarray | None = None,
    within_m: float = 150.0,
    age_s: np.ndarray | float = 0.0,
    tau_s: float = 0.5,
) -> ObjectAdvice:
    """Applied: the message tells at least one true vehicle within 1.5 m + ``sensor_sigma_m``, and is fresh.

    True positions hold at ``at_utc_ns``; objects are moved there by their own speed and heading (None: as
    sampled). With receivers given, the object must lie within ``within_m`` of the receiver and not be the
    receiver itself (``receiver_vehicle``: its row among the true vehicles, -1 for a probe). Without receivers
    ``applied`` has one row.
    """
    lon, lat = (objects.lon, objects.lat) if at_utc_ns is None else objects.moved_to(at_utc_ns)
    vehicle, error_m = _nearest(lon, lat, np.asarray(true_lon, float), np.asarray(true_lat, float))
    near = error_m <= NEAR_M + sensor_sigma_m
    vehicle = np.where(near, vehicle, -1)
    fresh = np.asarray(age_s) <= tau_s
    if receiver_lon is None or receiver_lat is None:
        return ObjectAdvice(np.atleast_1d(near.any() & fresh), vehicle, np.where(near, error_m, np.nan))
    useful = near & (separation(receiver_lon[:, None], receiver_lat[:, None], lon, lat) <= within_m)
    if receiver_vehicle is not None:
        useful &= (receiver_vehicle[:, None] != vehicle) | (receiver_vehicle[:, None] < 0)
    return ObjectAdvice(useful.any(axis=1) & fresh, vehicle, np.where(near, error_m, np.nan))


def _nearest(
    lon: np.ndarray, lat: np.ndarray, true_lon: np.ndarray, true_lat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Row of and distance to the nearest true vehicle per object; unavailable ones are infinitely far."""
    if not len(lon) or not len(true_lon):
        return np.full(len(lon), -1, np.int64), np.full(len(lon), np.inf)
    distance_m = separation(lon[:, None], lat[:, None], true_lon, true_lat)
    distance_m = np.where(np.isnan(distance_m), np.inf, distance_m)
    nearest = np.argmin(distance_m, axis=1)
    return nearest, distance_m[np.arange(len(lon)), nearest]


def bsm_plausible(
    speed_mps: np.ndarray,
    heading_deg: np.ndarray,
    lon: np.ndarray,
    lat: np.ndarray,
    *,
    receiver_lon: np.ndarray | None = None,
    receiver_lat: np.ndarray | None = None,
    previous_lon: np.ndarray | None = None,
    previous_lat: np.ndarray | None = None,
    elapsed_s: np.ndarray | float = 0.1,
    age_s: np.ndarray | float = 0.0,
    max_speed_mps: float = 70.0,
    max_distance_m: float = 3000.0,
    position_slack_m: float = 10.0,
    tau_s: float = 0.3,
) -> np.ndarray:
    """[messages] bool: decoded content a receiver can believe (limits are assumptions).

    Position, speed and heading are available, speed is at most ``max_speed_mps``, the message is fresh and
    not from the future by more than ``tau_s``; with a receiver, the sender is within ``max_distance_m``; with
    its previous position (NaN = none), it moved no farther than ``max_speed_mps`` allows in ``elapsed_s`` +
    ``position_slack_m``.
    """
    good = (
        np.isfinite(lon)
        & np.isfinite(lat)
        & np.isfinite(heading_deg)
        & (np.asarray(speed_mps) <= max_speed_mps)
    )
    good &= np.abs(age_s) <= tau_s
    if receiver_lon is not None and receiver_lat is not None:
        good &= separation(lon, lat, receiver_lon, receiver_lat) <= max_distance_m
    if previous_lon is not None and previous_lat is not None:
        moved_m = separation(lon, lat, previous_lon, previous_lat)
        good &= np.isnan(moved_m) | (moved_m <= max_speed_mps * np.asarray(elapsed_s) + position_slack_m)
    return good
