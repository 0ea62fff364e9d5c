"""Road users of decoded CPMs (ETSI TS 103 324 v2.1.1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rsu.applications.objects import ObjectColumns
from rsu.geodesy import LocalPlane, on_plane
from rsu.messages.etsi.instants import MS_NS, utc_from_timestamp_its
from rsu.messages.etsi.quantities import from_code
from rsu.messages.etsi.station_type import (
    CLASS_OF_STATION_TYPE,
    CYCLIST,
    MOPED,
    MOTORCYCLE,
    PEDESTRIAN,
)
from rsu.services.etsi.cpm import SIGMAS_OF_95_PERCENT
from rsu.services.etsi.wire import position_of

RADIUS_PER_SIGMA = math.sqrt(-2.0 * math.log(0.05))
"""Radius that holds 95 % of a circular normal error, per standard deviation of one axis: 2.448."""
_VRU = {"pedestrian": PEDESTRIAN, "bicyclistAndLightVruVehicle": CYCLIST}


def read_cpm(value: dict[str, Any]) -> ObjectColumns:
    """Perceived objects of one CPM; accuracy is the radius that holds 95 %, from the larger of the two axes."""
    payload = value["payload"]
    management = payload["managementContainer"]
    reference_ns = utc_from_timestamp_its(management["referenceTime"])
    place = position_of(management["referencePosition"])
    objects = [
        item for name, content in payload["cpmContainers"] if name == "perceivedObjectContainer"
        for item in content["perceivedObjects"]
    ]
    rows = [_row(item) for item in objects]
    table = np.array(rows, np.float64).reshape(-1, 8)
    if on_plane(np.array([place])):
        lon, lat = LocalPlane(*place).to_lonlat(table[:, 0], table[:, 1])
    else:
        lon = lat = np.full(len(rows), np.nan)
    return ObjectColumns(
        np.asarray(lon), np.asarray(lat), table[:, 2], table[:, 3], table[:, 4],
        np.array([item.get("objectId", -1) for item in objects], np.int64),
        np.array([reference_ns + item["measurementDeltaTime"] * MS_NS for item in objects], np.int64),
        table[:, 5], table[:, 6], table[:, 7].astype(np.int64),
    )


def _row(item: dict[str, Any]) -> tuple[float, ...]:
    x, y = (item["position"][axis] for axis in ("xCoordinate", "yCoordinate"))
    speed, direction = _velocity(item.get("velocity"))
    angle = from_code("CartesianAngleValue", (item.get("angles") or {}).get("zAngle", {}).get("value", 3601))
    heading = (90.0 - angle) % 360.0 if not math.isnan(angle) else direction
    interval_m = max(from_code("CoordinateConfidence", axis["confidence"]) for axis in (x, y))
    return (
        from_code("CartesianCoordinateLarge", x["value"]), from_code("CartesianCoordinateLarge", y["value"]),
        speed, heading, interval_m / SIGMAS_OF_95_PERCENT * RADIUS_PER_SIGMA,
        _dimension(item, "objectDimensionX"), _dimension(item, "objectDimensionY"), _vehicle_class(item),
    )


def _velocity(velocity: tuple[str | None, Any] | None) -> tuple[float, float]:
    """(speed, heading in degrees) of a velocity in either form, NaN where it is not told."""
    kind, content = velocity or (None, None)
    if kind == "polarVelocity" and content is not None:
        angle = from_code("CartesianAngleValue", content["velocityDirection"]["value"])
        return from_code("SpeedValue", content["velocityMagnitude"]["speedValue"]), (90.0 - angle) % 360.0
    if kind == "cartesianVelocity" and content is not None:
        east = from_code("VelocityComponentValue", content["xVelocity"]["value"])
        north = from_code("VelocityComponentValue", content["yVelocity"]["value"])
        moving = east != 0 or north != 0
        return math.hypot(east, north), math.degrees(math.atan2(east, north)) % 360.0 if moving else math.nan
    return math.nan, math.nan


def _dimension(item: dict[str, Any], member: str) -> float:
    return from_code("ObjectDimensionValue", item[member]["value"]) if member in item else math.nan


def _vehicle_class(item: dict[str, Any]) -> int:
    """Class code of the most likely statement, 0 where none is told."""
    classes = item.get("classification") or ()
    if not classes:
        return 0
    best = max(classes, key=lambda one: one["confidence"] if one["confidence"] <= 100 else 0)
    kind, content = best["objectClass"]
    if kind == "vehicleSubClass":
        return int(CLASS_OF_STATION_TYPE[content & 0xFF])
    if kind == "vruSubClass" and content[0] in _VRU:
        return int(CLASS_OF_STATION_TYPE[_VRU[content[0]]])
    if kind == "vruSubClass" and content[0] == "motorcyclist":
        return int(CLASS_OF_STATION_TYPE[MOPED if content[1] == 1 else MOTORCYCLE])
    return 0
