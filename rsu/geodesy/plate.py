"""CGCS2000, which stands still at epoch 2000.0 on a moving plate, against WGS 84 of the present.

What is fixed to the ground in Eurasia keeps its CGCS2000 coordinates, while its WGS 84 (ITRF) coordinates drift with
the plate: near the tri-junction 26.9 mm a year east and 10.7 mm a year south, 0.72 m by 2025.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike

from rsu.geodesy.plane import FLATTENING, SEMI_MAJOR_M

CGCS2000_EPOCH_YEAR = 2000.0
"""Epoch at which CGCS2000 and WGS 84 positions are taken as one. CGCS2000 is ITRF97 at this epoch; centimetres between
ITRF97 and the ITRF2014 of the pole below are left out."""

EURASIA_MAS_PER_YEAR = (-0.085, -0.531, 0.770)
"""Rotation of the Eurasian plate about the geocentric axes, milliarcseconds a year. Source: Z. Altamimi, L. Metivier,
P. Rebischung, H. Rouby, X. Collilieux, ITRF2014 plate motion model, Geophys. J. Int. 209 (2017) 1906, table 1 (EURA);
PROJ carries the same numbers as ITRF2014:EURA."""

_RAD_PER_YEAR = np.radians(np.array(EURASIA_MAS_PER_YEAR) / 3_600_000.0)
_SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)
_ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING)
_SECOND_ECCENTRICITY_2 = _ECCENTRICITY_2 / (1 - _ECCENTRICITY_2)


def epoch_year(utc_ns: int) -> float:
    """Decimal year of an instant (ns since 1970), as epochs of coordinates are told: 2026.5 in the middle of 2026."""
    when = datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC)
    begin = datetime(when.year, 1, 1, tzinfo=UTC)
    days = 366 if calendar.isleap(when.year) else 365
    return when.year + (when - begin).total_seconds() / (86_400.0 * days)


def cgcs2000_to_wgs84(
    lon_deg: ArrayLike, lat_deg: ArrayLike, epoch_year: float
) -> tuple[np.ndarray, np.ndarray]:
    """(lon_deg, lat_deg) in WGS 84 at ``epoch_year`` of ground that stands at these CGCS2000 positions (degrees).

    Rigid rotation of the whole plate by ``EURASIA_MAS_PER_YEAR`` since 2000.0, heights on the ellipsoid. Left out: what
    the South China block does beyond that (some mm a year, unverified), earthquakes, subsidence. At 2000.0 exactly the
    positions come back unchanged.
    """
    return _turned(lon_deg, lat_deg, epoch_year - CGCS2000_EPOCH_YEAR)


def wgs84_to_cgcs2000(
    lon_deg: ArrayLike, lat_deg: ArrayLike, epoch_year: float
) -> tuple[np.ndarray, np.ndarray]:
    """The other direction of :func:`cgcs2000_to_wgs84`; round trip below 0.01 mm for a century."""
    return _turned(lon_deg, lat_deg, CGCS2000_EPOCH_YEAR - epoch_year)


def _turned(lon_deg: ArrayLike, lat_deg: ArrayLike, years: float) -> tuple[np.ndarray, np.ndarray]:
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
    if years == 0:
        return lon, lat
    lon_rad, lat_rad = np.radians(lon), np.radians(lat)
    sin_lat = np.sin(lat_rad)
    across_m = SEMI_MAJOR_M / np.sqrt(1 - _ECCENTRICITY_2 * sin_lat**2)
    x, y = across_m * np.cos(lat_rad) * np.cos(lon_rad), across_m * np.cos(lat_rad) * np.sin(lon_rad)
    z = across_m * (1 - _ECCENTRICITY_2) * sin_lat
    turn_x, turn_y, turn_z = _RAD_PER_YEAR * years
    return _geodetic(x + turn_y * z - turn_z * y, y + turn_z * x - turn_x * z, z + turn_x * y - turn_y * x)


def _geodetic(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (degrees) of geocentric metres near the ellipsoid.

    One step of B. R. Bowring, Transformation from spatial to geographical coordinates, Survey Review 23 (1976) 323.
    """
    from_axis = np.hypot(x, y)
    reduced = np.arctan2(z * SEMI_MAJOR_M, from_axis * _SEMI_MINOR_M)
    above = z + _SECOND_ECCENTRICITY_2 * _SEMI_MINOR_M * np.sin(reduced) ** 3
    beside = from_axis - _ECCENTRICITY_2 * SEMI_MAJOR_M * np.cos(reduced) ** 3
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(above, beside))
