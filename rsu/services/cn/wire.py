"""Both directions between SI values and the integers of the Chinese message set, where services and readers
need them.

Source: T/CSAE 53-2020 data elements (units, ranges and "unavailable" values); positions are 1e-7 degree,
offsets are true minus reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rsu.messages.base import Quantity
from rsu.messages.cn.quantities import QUANTITIES

_SPEED, _HEADING, _ELEVATION = QUANTITIES["Speed"], QUANTITIES["Heading"], QUANTITIES["Elevation"]
_LONGITUDE, _LATITUDE = QUANTITIES["Longitude"], QUANTITIES["Latitude"]
DEGREE_STEP = _LONGITUDE.step
MINUTE_UNAVAILABLE = QUANTITIES["MinuteOfTheYear"].unavailable or 527_040
MILLISECOND_UNAVAILABLE = QUANTITIES["DSecond"].unavailable or 65_535

_OFFSETS = tuple(
    (f"position-LL{index}", QUANTITIES[f"OffsetLL-B{bits}"].lowest, QUANTITIES[f"OffsetLL-B{bits}"].highest)
    for index, bits in enumerate((12, 14, 16, 18, 22, 24), start=1)
)
ACCURACY_M = {
    f"a{name}": metres
    for name, metres in (
        *((f"{cm}cm", cm / 100) for cm in (1, 2, 5, 10, 20, 50)),
        *((f"{m}m", float(m)) for m in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    )
}
RADIUS_95_PER_SIGMA = math.sqrt(-2.0 * math.log(0.05))
"""Radius holding 95 % of a circular normal error, per sigma of one axis (Rayleigh): 2.448."""


def degrees_to_wire(degrees: float) -> int:
    """Latitude or longitude in 1e-7 degree."""
    return round(float(degrees) / DEGREE_STEP)


def position_to_wire(lon: float, lat: float, height_m: float | None = None) -> dict[str, int]:
    """Position3D; ``height_m`` above the reference ellipsoid, None: left out. ValueError off the globe."""
    if not (-180 < lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"position lon {lon}, lat {lat}: lon must lie in (-180, 180], lat in [-90, 90]")
    value = {"lat": degrees_to_wire(lat), "long": degrees_to_wire(lon)}
    if height_m is not None:
        value["elevation"] = _saturated(height_m, _ELEVATION)
    return value


def _saturated(value: float, quantity: Quantity) -> int:
    return min(max(round(value / quantity.step), quantity.lowest), quantity.highest)


def position_from_wire(position: dict[str, int]) -> tuple[float, float]:
    """(lon, lat) in degrees of a Position3D; NaN where unavailable."""
    return _from_wire(position["long"], _LONGITUDE), _from_wire(position["lat"], _LATITUDE)


def _from_wire(wire: int, quantity: Quantity) -> float:
    return wire * quantity.step if quantity.lowest <= wire <= quantity.highest else math.nan


def offset_to_wire(lon: float, lat: float, reference: dict[str, int]) -> dict[str, Any]:
    """PositionOffsetLLV of a point from the Position3D ``reference``, in the smallest sufficient type."""
    lon_wire, lat_wire = degrees_to_wire(lon), degrees_to_wire(lat)
    east, north = lon_wire - reference["long"], lat_wire - reference["lat"]
    for name, lowest, highest in _OFFSETS:
        if lowest <= east <= highest and lowest <= north <= highest:
            return {"offsetLL": (name, {"lon": east, "lat": north})}
    return {"offsetLL": ("position-LatLon", {"lon": lon_wire, "lat": lat_wire})}


def offset_from_wire(offset: dict[str, Any], reference: dict[str, int]) -> tuple[float, float]:
    """(lon, lat) in degrees of a PositionOffsetLLV from the Position3D ``reference``."""
    name, value = offset["offsetLL"]
    if name == "position-LatLon":
        return value["lon"] * DEGREE_STEP, value["lat"] * DEGREE_STEP
    return (reference["long"] + value["lon"]) * DEGREE_STEP, (reference["lat"] + value["lat"]) * DEGREE_STEP


def offsets_from_wire(offsets: Sequence[dict[str, Any]], reference: dict[str, int]) -> np.ndarray:
    """(n, 2) array of (lon, lat) in degrees."""
    return np.array([offset_from_wire(offset, reference) for offset in offsets], np.float64).reshape(-1, 2)


def speed_to_wire(speed_mps: float) -> int:
    """Speed in 0.02 m/s, saturated; NaN becomes "unavailable"."""
    return int(_SPEED.unavailable or 0) if math.isnan(speed_mps) else _saturated(speed_mps, _SPEED)


def speed_from_wire(value: int) -> float:
    """Speed in m/s, NaN when unavailable."""
    return _from_wire(value, _SPEED)


def heading_to_wire(heading_deg: float) -> int:
    """Heading in 0.0125 degree clockwise from north; NaN becomes "unavailable"."""
    if math.isnan(heading_deg):
        return int(_HEADING.unavailable or 0)
    return round((heading_deg % 360.0) / _HEADING.step) % int(_HEADING.wraps or 1)


def heading_from_wire(value: int) -> float:
    """Heading in degrees, NaN when unavailable."""
    return _from_wire(value, _HEADING)


def accuracy_to_wire(sigma_m: float) -> str:
    """PositionConfidence: the smallest class that holds 95 % of a circular error of ``sigma_m`` per axis.

    NaN, or more than 500 m, is "unavailable".
    """
    radius_m = RADIUS_95_PER_SIGMA * sigma_m
    return next((name for name, bound_m in ACCURACY_M.items() if radius_m <= bound_m), "unavailable")


def accuracy_from_wire(name: str) -> float:
    """Radius in metres said to hold the position at 95 %, NaN when unavailable."""
    return ACCURACY_M.get(name, math.nan)


def bits_to_wire(
    names: Sequence[str], chosen: Sequence[str] | frozenset[str], size: int
) -> tuple[bytes, int]:
    """A bit string of ``size`` bits with the bits of ``chosen`` set; ``names`` are bits 0, 1, …"""
    number = sum(1 << (size - 1 - index) for index, name in enumerate(names) if name in chosen)
    octets = (size + 7) // 8
    return (number << (octets * 8 - size)).to_bytes(octets, "big"), size


def bits_from_wire(names: Sequence[str], value: tuple[bytes, int]) -> frozenset[str]:
    """Names of the bits set in a decoded bit string."""
    octets, size = value
    return frozenset(
        name for index, name in enumerate(names) if index < size and octets[index // 8] >> (7 - index % 8) & 1
    )
