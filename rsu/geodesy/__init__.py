"""Longitude, latitude and height: a local plane in metres, and the datums positions may stand in."""

from rsu.geodesy.datums import DATUMS, datum_shift_m, from_wgs84, to_wgs84
from rsu.geodesy.gcj02 import gcj02_to_wgs84, wgs84_to_gcj02
from rsu.geodesy.heights import height_from_ellipsoid, height_to_ellipsoid, undulation_m
from rsu.geodesy.plane import FLATTENING, SEMI_MAJOR_M, LocalPlane, on_plane
from rsu.geodesy.plate import CGCS2000_EPOCH_YEAR, cgcs2000_to_wgs84, epoch_year, wgs84_to_cgcs2000

__all__ = [
    "CGCS2000_EPOCH_YEAR", "DATUMS", "FLATTENING", "SEMI_MAJOR_M", "LocalPlane", "cgcs2000_to_wgs84", "datum_shift_m",
    "epoch_year", "from_wgs84", "gcj02_to_wgs84", "height_from_ellipsoid", "height_to_ellipsoid", "on_plane",
    "to_wgs84", "undulation_m", "wgs84_to_cgcs2000", "wgs84_to_gcj02",
]
