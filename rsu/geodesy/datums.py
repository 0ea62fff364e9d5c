"""Positions between the datums that scenario files and messages may use."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rsu.geodesy.gcj02 import gcj02_to_wgs84, wgs84_to_gcj02
from rsu.geodesy.plane import FLATTENING, SEMI_MAJOR_M
from rsu.geodesy.plate import CGCS2000_EPOCH_YEAR, cgcs2000_to_wgs84, wgs84_to_cgcs2000

DATUMS = ("WGS84", "CGCS2000", "GCJ-02")


def to_wgs84(
    datum: str, lon_deg: ArrayLike, lat_deg: ArrayLike, epoch_year: float = CGCS2000_EPOCH_YEAR
) -> tuple[np.ndarray, np.ndarray]:
    """WGS 84 positions (degrees) at ``epoch_year`` of positions in ``datum``.

    With the default epoch CGCS2000 counts as WGS 84, which is how scenario files are read: one datum describes the
    whole file, so that nothing in it is displaced against anything else. ValueError for an unknown datum.
    """
    _check(datum)
    if datum == "GCJ-02":
        return gcj02_to_wgs84(lon_deg, lat_deg)
    if datum == "CGCS2000" and epoch_year != CGCS2000_EPOCH_YEAR:
        return cgcs2000_to_wgs84(lon_deg, lat_deg, epoch_year)
    return np.asarray(lon_deg, float), np.asarray(lat_deg, float)


def from_wgs84(
    datum: str, lon_deg: ArrayLike, lat_deg: ArrayLike, epoch_year: float = CGCS2000_EPOCH_YEAR
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in ``datum`` of WGS 84 positions (degrees) at ``epoch_year``; :func:`to_wgs84` the other way."""
    _check(datum)
    if datum == "GCJ-02":
        return wgs84_to_gcj02(lon_deg, lat_deg)
    if datum == "CGCS2000" and epoch_year != CGCS2000_EPOCH_YEAR:
        return wgs84_to_cgcs2000(lon_deg, lat_deg, epoch_year)
    return np.asarray(lon_deg, float), np.asarray(lat_deg, float)


def datum_shift_m(
    datum: str, lon_deg: ArrayLike, lat_deg: ArrayLike, epoch_year: float = CGCS2000_EPOCH_YEAR
) -> tuple[np.ndarray, np.ndarray]:
    """(east_m, north_m) from where WGS 84 positions are to where a reader finds them who takes ``datum`` for WGS 84.

    Distance formula: differences of longitude and latitude times the ellipsoid's radii of curvature (prime vertical and
    meridian) at the middle latitude; below 1 mm from the geodesic at 500 m.
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
    there_lon, there_lat = from_wgs84(datum, lon, lat, epoch_year)
    middle_rad = np.radians((lat + there_lat) / 2)
    square = FLATTENING * (2 - FLATTENING)
    w = 1 - square * np.sin(middle_rad) ** 2
    across_m, along_m = SEMI_MAJOR_M / np.sqrt(w), SEMI_MAJOR_M * (1 - square) / (w * np.sqrt(w))
    return np.radians(there_lon - lon) * across_m * np.cos(middle_rad), np.radians(there_lat - lat) * along_m


def _check(datum: str) -> None:
    if datum not in DATUMS:
        raise ValueError(f"datum: {datum!r} is not one of {', '.join(DATUMS)}")
