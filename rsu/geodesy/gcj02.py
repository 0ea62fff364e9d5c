"""The shift between WGS 84 and GCJ-02, the datum of public maps in mainland China."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_GCJ_SEMI_MAJOR_M = 6_378_245.0
_GCJ_ECCENTRICITY_SQUARED = 0.00669342162296594323
"""Krasovsky 1940 ellipsoid, on which the published formula is built."""


def _ripples(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shift in metres (east, north) as polynomial and sine terms of the distance from 105 E 35 N."""
    u, v = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(u))
    common = 2 / 3 * (20 * np.sin(6 * np.pi * u) + 20 * np.sin(2 * np.pi * u))
    east = 300 + u + 2 * v + 0.1 * u * u + 0.1 * u * v + 0.1 * root + common
    east += 2 / 3 * (20 * np.sin(np.pi * u) + 40 * np.sin(np.pi * u / 3))
    east += 2 / 3 * (150 * np.sin(np.pi * u / 12) + 300 * np.sin(np.pi * u / 30))
    north = -100 + 2 * u + 3 * v + 0.2 * v * v + 0.1 * u * v + 0.2 * root + common
    north += 2 / 3 * (20 * np.sin(np.pi * v) + 40 * np.sin(np.pi * v / 3))
    north += 2 / 3 * (160 * np.sin(np.pi * v / 12) + 320 * np.sin(np.pi * v / 30))
    return east, north


def wgs84_to_gcj02(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(lon_deg, lat_deg) in GCJ-02 of WGS 84 positions; unchanged outside 72.004-137.8347 E, 0.8293-55.8271 N.

    Formula: the transformation that circulates as *eviltransform* or *coordtransform* (polynomial and sine terms around
    105 E 35 N, turned into degrees by the radii of curvature of the Krasovsky ellipsoid); some copies divide by the
    radii of WGS 84 instead, which moves positions by less than 1 cm. The datum itself is not published: a model of the
    shift, said to be good to about 1 m (unverified). Around the tri-junction 258 m south and 395 m east, 472 m.
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
    east, north = _ripples(lon, lat)
    lat_rad = np.radians(lat)
    w = 1 - _GCJ_ECCENTRICITY_SQUARED * np.sin(lat_rad) ** 2
    meridian_m = _GCJ_SEMI_MAJOR_M * (1 - _GCJ_ECCENTRICITY_SQUARED) / (w * np.sqrt(w))
    parallel_m = _GCJ_SEMI_MAJOR_M / np.sqrt(w) * np.cos(lat_rad)
    inside = (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)
    return lon + inside * np.degrees(east / parallel_m), lat + inside * np.degrees(north / meridian_m)


def gcj02_to_wgs84(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of :func:`wgs84_to_gcj02` by fixed-point iteration; round trip below 1 mm inside the area."""
    target_lon, target_lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
    lon, lat = target_lon.copy(), target_lat.copy()
    for _ in range(8):
        there_lon, there_lat = wgs84_to_gcj02(lon, lat)
        lon, lat = lon + (target_lon - there_lon), lat + (target_lat - there_lat)
    return lon, lat
