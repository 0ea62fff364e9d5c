"""Road users as read from any set, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_TIME = -1
"""Stands in ``sampled_utc_ns`` where a message does not say when a position held."""


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
            (self.sampled_utc_ns != NO_TIME) & np.isfinite(self.speed_mps) & np.isfinite(self.heading_deg)
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


