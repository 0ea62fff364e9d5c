"""The point a CAM tells: the middle of the front of the vehicle's bounding box (EN 302 637-2 v1.4.1, not read).

Vehicle columns hold the middle of the box, as the other sets tell it, so half the length lies between. Where heading or
length is not known, or the length beyond what a CAM tells, the middle itself is told and read.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from rsu.messages.etsi.quantities import QUANTITIES
from rsu.messages.vehicle import VehicleColumns

_SHORTEST_M, _LONGEST_M = (QUANTITIES["VehicleLengthValue"].step * bound for bound in (
    QUANTITIES["VehicleLengthValue"].lowest, QUANTITIES["VehicleLengthValue"].highest,
))
_NEAREST_POLE_DEG = 89.9
"""Beyond this latitude metres east are no longer told in degrees."""
_REVERSE_GEARS = 3
_AXIS_M, _ECCENTRICITY_2 = 6_378_137.0, 6.694379990141e-3
"""WGS-84."""


def at_front(columns: VehicleColumns) -> VehicleColumns:
    """Columns with the position moved from the middle to the front of each vehicle; all others shared."""
    return _moved(columns, 0.5)


def at_middle(columns: VehicleColumns) -> VehicleColumns:
    """Inverse of :func:`at_front` for decoded columns, within half a step of the length told: 2.5 cm."""
    return _moved(columns, -0.5)


def _moved(columns: VehicleColumns, lengths: float) -> VehicleColumns:
    """``lengths`` vehicle lengths towards the front, which lies behind the motion of a vehicle that backs up."""
    lon, lat, length_m = columns.longitude_deg, columns.latitude_deg, columns.length_m
    heading = np.radians(columns.heading_deg)
    with np.errstate(invalid="ignore"):
        known = (np.abs(lat) <= _NEAREST_POLE_DEG) & (np.abs(lon) <= 180.0) & np.isfinite(heading)
        known &= length_m <= _LONGEST_M
    ahead_m = np.where(known, lengths * np.maximum(length_m, _SHORTEST_M), 0.0)
    ahead_m = np.where(columns.transmission == _REVERSE_GEARS, -ahead_m, ahead_m)
    north, east = np.cos(np.where(known, heading, 0.0)), np.sin(np.where(known, heading, 0.0))
    phi = np.radians(np.where(known, lat, 0.0))
    root = np.sqrt(1.0 - _ECCENTRICITY_2 * np.sin(phi) ** 2)
    moved = copy.copy(columns)
    moved.latitude_deg = lat + np.degrees(ahead_m * north * root**3 / (_AXIS_M * (1.0 - _ECCENTRICITY_2)))
    moved.longitude_deg = _around(lon + np.degrees(ahead_m * east * root / (_AXIS_M * np.cos(phi))), known)
    return moved


def _around(lon: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Longitudes that were moved across 180 degrees, back in range."""
    return np.where(known & (np.abs(lon) > 180.0), lon - np.copysign(360.0, lon), lon)
