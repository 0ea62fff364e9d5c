"""Both directions between SI values and what several ETSI messages share: places, chains of points, station ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rsu.messages.etsi.quantities import QUANTITIES, from_code, to_code
from rsu.services.geometry import simplified

STATION_TYPE_ROADSIDE = 15
MOST_DELTA = 131_071
"""Longest offset between neighbouring points, 1e-7 degree (DeltaLatitude, DeltaLongitude)."""
LOOSEST_TOLERANCE_M = 4.0
"""A line that needs more points than a message takes is told more coarsely, down to this."""
NO_ALTITUDE = {"altitudeValue": 800_001, "altitudeConfidence": "unavailable"}
NO_DELTA_ALTITUDE = 12_800
PER_DEGREE = 1e7

CAUSE_OF_CODE: dict[int, int] = {406: 10, 501: 3, 707: 1}
"""Event code (GB/T 29100-2012 as used in practice, not verified) -> CauseCodeType of EN 302 637-3: debris -> obstacle
on the road, works -> roadworks, congestion -> traffic condition."""
CAUSE_OF_HUNDRED: dict[int, int] = {1: 2, 3: 17, 4: 9, 5: 3, 7: 1}
"""Unverified mapping of the other codes by their hundreds: accidents, weather, surface, works, traffic."""
OTHER_CAUSE = 99
"""Unverified mapping of all the rest: dangerous situation."""
CODE_OF_CAUSE: dict[int, int] = {10: 406, 3: 501, 1: 707, 2: 100, 17: 300, 9: 400}
"""CauseCodeType -> a code that leads to it; others read as 0."""


def cause_of_code(code: int) -> int:
    """CauseCodeType of a neutral event code."""
    return CAUSE_OF_CODE.get(code, CAUSE_OF_HUNDRED.get(code // 100, OTHER_CAUSE))


def station_id(unit_id: bytes) -> int:
    """StationID of a unit: the low 32 bits of its 8 octets."""
    return int.from_bytes(unit_id[-4:], "big")


def unit_id_of(station: int) -> bytes:
    """Eight octets that stand for a StationID where units are told apart."""
    return station.to_bytes(8, "big")


def reference_position(lon: float, lat: float, height_m: float | None = None) -> dict[str, Any]:
    """ReferencePosition without a statement about its accuracy; ValueError off the globe."""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"position lon {lon}, lat {lat}: lon must lie in [-180, 180], lat in [-90, 90]")
    altitude = dict(NO_ALTITUDE)
    if height_m is not None:
        altitude["altitudeValue"] = to_code("AltitudeValue", height_m)
    return {
        "latitude": to_code("Latitude", lat), "longitude": to_code("Longitude", lon),
        "positionConfidenceEllipse": {
            "semiMajorConfidence": 4095, "semiMinorConfidence": 4095, "semiMajorOrientation": 3601,
        },
        "altitude": altitude,
    }


def position_of(reference: dict[str, Any]) -> tuple[float, float]:
    """(lon, lat) of a ReferencePosition, NaN where unavailable."""
    return from_code("Longitude", reference["longitude"]), from_code("Latitude", reference["latitude"])


def fitted_line(points: np.ndarray, most: int, tolerance_m: float, where: str) -> np.ndarray:
    """Selection of a polyline's points, so many that :func:`steps` tells it in at most ``most`` steps.

    ``points`` (n, 2) of (lon, lat). The line keeps within ``tolerance_m``, or up to 4 m where that asks for too many
    points; ValueError beyond, and for a line of fewer than two points.
    """
    while True:
        chosen = simplified(points, tolerance_m)
        if len(chosen) < 2:
            raise ValueError(f"{where}: path of {len(chosen)} points, must be at least 2")
        needed = 1 + len(steps(chosen[1:], wire_point(chosen[0])))
        if needed <= most:
            return chosen
        if tolerance_m * 2 > LOOSEST_TOLERANCE_M:
            raise ValueError(f"{where}: {needed} points within {tolerance_m} m of the true line, at most {most}")
        tolerance_m *= 2


def wire_point(point: np.ndarray | Sequence[float]) -> tuple[int, int]:
    """(latitude, longitude) in 1e-7 degree of a (lon, lat)."""
    return round(float(point[1]) * PER_DEGREE), round(float(point[0]) * PER_DEGREE)


def steps(points: np.ndarray, origin: tuple[int, int]) -> list[tuple[int, int]]:
    """(delta latitude, delta longitude) from point to point in 1e-7 degree, the first from ``origin``.

    A step longer than the wire's is told as several equal ones.
    """
    told = []
    latitude, longitude = origin
    for point in points:
        north, east = wire_point(point)
        parts = max(1, math.ceil(max(abs(north - latitude), abs(east - longitude)) / MOST_DELTA))
        for part in range(parts, 0, -1):
            step = round((north - latitude) / part), round((east - longitude) / part)
            latitude, longitude = latitude + step[0], longitude + step[1]
            told.append(step)
    return told


def delta_value(step: tuple[int, int]) -> dict[str, int]:
    """DeltaReferencePosition without altitude."""
    return {"deltaLatitude": step[0], "deltaLongitude": step[1], "deltaAltitude": NO_DELTA_ALTITUDE}


def points_of(origin: dict[str, Any], deltas: Iterable[dict[str, int]]) -> np.ndarray:
    """(n, 2) of (lon, lat) of a chain of delta positions from a ReferencePosition; ends at an unavailable one."""
    if not all(math.isfinite(degrees) for degrees in position_of(origin)):
        return np.empty((0, 2))
    latitude, longitude = origin["latitude"], origin["longitude"]
    low, high = QUANTITIES["DeltaLatitude"].lowest, QUANTITIES["DeltaLatitude"].highest
    points = []
    for delta in deltas:
        north, east = delta["deltaLatitude"], delta["deltaLongitude"]
        if not (low <= north <= high and low <= east <= high):
            break
        latitude, longitude = latitude + north, longitude + east
        points.append((longitude / PER_DEGREE, latitude / PER_DEGREE))
    return np.array(points, np.float64).reshape(-1, 2)


def heading_of_line(points: np.ndarray) -> float:
    """Heading in degrees of a line's first segment."""
    east = (points[1, 0] - points[0, 0]) * math.cos(math.radians(points[0, 1]))
    return math.degrees(math.atan2(east, points[1, 1] - points[0, 1])) % 360.0


def checked_event(kind: str, number: int, code: int, priority_level: int, radius_m: float, text: str) -> None:
    """ValueError naming the member of an event or sign that no message can hold."""
    rules = (
        (kind in ("event", "sign"), "kind must be event or sign"),
        (0 <= number <= 255, "id must lie in 0..255"),
        (0 <= code <= 65535, f"code {code} must lie in 0..65535"),
        (0 <= priority_level <= 7, f"priority level {priority_level} must lie in 0..7"),
        (0 <= radius_m <= 6553.5, f"radius {radius_m} m must lie in 0..6553.5"),
        (len(text) <= 512, "text must be at most 512 characters"),
    )
    for holds, rule in rules:
        if not holds:
            raise ValueError(f"{kind} {number}: {rule}")
