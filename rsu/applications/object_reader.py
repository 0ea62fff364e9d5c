"""From decoded RSM and BSM values: road users as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsu.services.wire import (
    accuracy_from_wire,
    heading_from_wire,
    offset_from_wire,
    position_from_wire,
    speed_from_wire,
    utc_from_millisecond,
)

_NO_TIME = -1


@dataclass(frozen=True, eq=False)
class ObjectColumns:
    """Road users as told by a message, columns of equal length; NaN where unavailable."""

    lon: np.ndarray
    lat: np.ndarray
    speed_mps: np.ndarray
    heading_deg: np.ndarray
    accuracy_m: np.ndarray
    """Radius said to hold the true position at 95 %."""
    participant_id: np.ndarray
    """ptcId (RSM) or -1 (BSM)."""
    sampled_utc_ns: np.ndarray
    """When the position held; -1 = not said."""
    length_m: np.ndarray
    width_m: np.ndarray
    vehicle_class: np.ndarray
    """BasicVehicleClass code, 0 unknown."""

    def __len__(self) -> int:
        return len(self.lon)

    def moved_to(self, utc_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """(lon, lat) at ``utc_ns`` if speed and heading stay; as sampled where either is unavailable."""
        known = (
            (self.sampled_utc_ns != _NO_TIME) & np.isfinite(self.speed_mps) & np.isfinite(self.heading_deg)
        )
        age_s = np.where(known, (utc_ns - self.sampled_utc_ns) * 1e-9, 0.0)
        way_m = np.where(known, self.speed_mps, 0.0) * age_s
        angle = np.radians(np.where(known, self.heading_deg, 0.0))
        return shifted(self.lon, self.lat, way_m * np.sin(angle), way_m * np.cos(angle))


def shifted(
    lon: np.ndarray, lat: np.ndarray, east_m: np.ndarray, north_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points moved by at most a few hundred metres, by the radii of curvature of WGS-84."""
    east_per_rad, north_per_rad = _radii(lat)
    return lon + np.degrees(east_m / east_per_rad), lat + np.degrees(north_m / north_per_rad)


def separation(lon_a: np.ndarray, lat_a: np.ndarray, lon_b: np.ndarray, lat_b: np.ndarray) -> np.ndarray:
    """Distance in metres of neighbouring points, broadcast; 1e-4 of it for a few kilometres."""
    east_per_rad, north_per_rad = _radii((np.asarray(lat_a) + lat_b) / 2)
    return np.hypot(
        np.radians(np.subtract(lon_a, lon_b)) * east_per_rad,
        np.radians(np.subtract(lat_a, lat_b)) * north_per_rad,
    )


def _radii(lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Metres per radian of longitude and of latitude on the WGS-84 ellipsoid."""
    axis_m, eccentricity_2 = 6_378_137.0, 6.694379990141e-3
    phi = np.radians(lat)
    root = np.sqrt(1.0 - eccentricity_2 * np.sin(phi) ** 2)
    return axis_m / root * np.cos(phi), axis_m * (1.0 - eccentricity_2) / root**3


def read_objects(value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
    """Participants of one decoded RoadsideSafetyMessage except the unit itself (ptcId 0)."""
    reference = value["refPos"]
    rows = [
        (
            *offset_from_wire(item["pos"], reference),
            *_common(item, item["posConfidence"], near_utc_ns),
            item["ptcId"],
            item.get("vehicleClass", {}).get("classification", 0),
        )
        for item in value["participants"]
        if item["ptcId"] != 0
    ]
    return _columns(rows)


def read_bsms(values: Sequence[dict[str, Any]], near_utc_ns: int) -> ObjectColumns:
    """One row per decoded BasicSafetyMessage."""
    rows = [
        (
            *position_from_wire(value["pos"]),
            *_common(value, value.get("posConfidence", {}), near_utc_ns),
            -1,
            value["vehicleClass"]["classification"],
        )
        for value in values
    ]
    return _columns(rows)


def _common(item: dict[str, Any], confidence: dict[str, Any], near_utc_ns: int) -> tuple[float, ...]:
    mark = item["secMark"]
    return (
        speed_from_wire(item["speed"]),
        heading_from_wire(item["heading"]),
        accuracy_from_wire(confidence.get("pos", "unavailable")),
        utc_from_millisecond(mark, near_utc_ns) if mark < 61_000 else _NO_TIME,
        item["size"]["length"] / 100,
        item["size"]["width"] / 100,
    )


def _columns(rows: list[tuple[float, ...]]) -> ObjectColumns:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    lon, lat, speed, heading, accuracy, sampled, length, width, number, vehicle_class = columns
    return ObjectColumns(
        lon=np.array(lon, np.float64),
        lat=np.array(lat, np.float64),
        speed_mps=np.array(speed, np.float64),
        heading_deg=np.array(heading, np.float64),
        accuracy_m=np.array(accuracy, np.float64),
        participant_id=np.array(number, np.int64),
        sampled_utc_ns=np.array(sampled, np.int64),
        length_m=np.array(length, np.float64),
        width_m=np.array(width, np.float64),
        vehicle_class=np.array(vehicle_class, np.int64),
    )
