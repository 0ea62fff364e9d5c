"""BSM columns to wire integers and back, and single BSM values in asn1tools form.

Wire integers stand in a table keyed by member path, so the general codec and the batch templates share them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import EncodeError, Schema
from rsu.messages.cn.quantities import QUANTITIES
from rsu.messages.cn.rules import PATH_HISTORY_MAX_POINTS
from rsu.messages.vehicle import ABSENT, PathHistory, VehicleColumns

Path = tuple[str, ...]
Wire = dict[Path, NDArray[Any]]
Crumb = tuple[float, float, float]
"""d_lon_deg, d_lat_deg, age_s."""

PHYSICAL: dict[Path, tuple[str, str]] = {
    ("secMark",): ("sec_mark_ms", ""),
    ("pos", "lat"): ("latitude_deg", "Latitude"),
    ("pos", "long"): ("longitude_deg", "Longitude"),
    ("posAccuracy", "semiMajor"): ("semi_major_m", "SemiMajorAxisAccuracy"),
    ("posAccuracy", "semiMinor"): ("semi_minor_m", "SemiMinorAxisAccuracy"),
    ("posAccuracy", "orientation"): ("orientation_deg", "SemiMajorAxisOrientation"),
    ("speed",): ("speed_mps", "Speed"),
    ("heading",): ("heading_deg", "Heading"),
    ("angle",): ("steering_angle_deg", "SteeringWheelAngle"),
    ("accelSet", "long"): ("accel_long_mps2", "Acceleration"),
    ("accelSet", "lat"): ("accel_lat_mps2", "Acceleration"),
    ("accelSet", "vert"): ("accel_vert_mps2", "VerticalAcceleration"),
    ("accelSet", "yaw"): ("yaw_rate_degps", "YawRate"),
    ("size", "width"): ("width_m", "VehicleWidth"),
    ("size", "length"): ("length_m", "VehicleLength"),
    ("safetyExt", "pathPrediction", "radiusOfCurve"): ("radius_of_curvature_m", "RadiusOfCurvature"),
    ("safetyExt", "pathPrediction", "confidence"): ("curvature_confidence_ratio", "Confidence"),
}
"""Members always sent: path -> (column, quantity; empty = the integer itself)."""

CODES: dict[Path, tuple[str, int]] = {
    ("msgCnt",): ("msg_count", 127),
    ("transmission",): ("transmission", 7),
    ("brakes", "brakePadel"): ("brake_pedal", 2),
    ("brakes", "wheelBrakes"): ("wheel_brakes", 31),
    ("brakes", "traction"): ("traction", 3),
    ("vehicleClass", "classification"): ("vehicle_class", 255),
}
"""Enumerations, flags and plain codes always sent: path -> (column, highest)."""

OPTIONAL: dict[Path, tuple[str, int]] = {
    ("posConfidence", "pos"): ("position_confidence", 15),
    ("size", "height"): ("height_m", 127),
    ("safetyExt", "events"): ("event_flags", 0x1FFF),
    ("safetyExt", "lights"): ("lights", 0x1FF),
    ("emergencyExt", "responseType"): ("emergency_response", 6),
    ("emergencyExt", "sirenUse"): ("siren", 3),
    ("emergencyExt", "lightsUse"): ("lightbar", 7),
}
"""Members that may be missing: path -> (column, highest); ABSENT in the wire column where not sent."""

CRUMBS: Path = ("safetyExt", "pathHistory", "crumbData")
STRAIGHT = 32767
_LL_LIMITS = np.array([2048, 8192, 32_768, 131_072])
"""Offset of type LL1..LL4 is below its limit and not below minus its limit."""
LARGEST_RADIUS_M = 3276.6


def to_wire(columns: VehicleColumns) -> Wire:
    """Wire integers of all members but the crumbs; raises EncodeError naming the quantity out of range."""
    wire: Wire = {("id",): columns.temporary_id}
    try:
        for path, (column, quantity) in PHYSICAL.items():
            values = getattr(columns, column)
            if column == "radius_of_curvature_m":
                values = np.where(np.abs(values) <= LARGEST_RADIUS_M, values, np.nan)
            wire[path] = QUANTITIES[quantity].to_wire(values) if quantity else values
        height_m = columns.height_m
        assert height_m is not None
        missing = np.isnan(height_m)
        height = QUANTITIES["VehicleHeight"].to_wire(np.where(missing, 0.0, height_m))
    except ValueError as error:
        raise EncodeError(f"BSM: {error}") from error
    for path, (column, highest) in CODES.items():
        wire[path] = _checked(column, getattr(columns, column), 0, highest)
    for path, (column, highest) in OPTIONAL.items():
        if column != "height_m":
            wire[path] = _checked(column, getattr(columns, column), ABSENT, highest)
    wire["size", "height"] = np.where(missing, ABSENT, height)
    events = wire["safetyExt", "events"]
    wire["safetyExt", "events"] = np.where(events == 0, ABSENT, events)
    _checked("sec_mark_ms", wire["secMark",], 0, 65_535)
    return wire


def crumbs_to_wire(path: PathHistory) -> tuple[NDArray[np.int64], ...]:
    """(offset type 0..3, lon, lat, time) of every crumb; the smallest sufficient type LL1..LL4.

    Raises EncodeError for more than 15 crumbs in a message and for an offset beyond LL4 (0.0131 degree):
    GB/T 45315-2025 7.3 allows neither.
    """
    if path.counts.size and path.counts.max() > PATH_HISTORY_MAX_POINTS:
        raise EncodeError(f"BSM path history: {path.counts.max()} crumbs, at most {PATH_HISTORY_MAX_POINTS}")
    try:
        lon = QUANTITIES["OffsetLL-B18"].to_wire(path.d_lon_deg)
        lat = QUANTITIES["OffsetLL-B18"].to_wire(path.d_lat_deg)
        age = QUANTITIES["TimeOffset"].to_wire(path.age_s)
    except ValueError as error:
        raise EncodeError(f"BSM path history: {error}") from error
    reach = np.maximum(np.maximum(lon, -lon - 1), np.maximum(lat, -lat - 1))
    return np.searchsorted(_LL_LIMITS, reach, side="right"), lon, lat, age


def from_wire(wire: Wire, path: PathHistory, status: NDArray[np.int8]) -> VehicleColumns:
    """Columns of decoded wire integers; an absent member (ABSENT where allowed) reads as its default."""
    values: dict[str, Any] = {"temporary_id": wire["id",], "path": path, "status": status}
    for member, (column, quantity) in PHYSICAL.items():
        values[column] = QUANTITIES[quantity].from_wire(wire[member]) if quantity else wire[member]
    straight = wire["safetyExt", "pathPrediction", "radiusOfCurve"] == STRAIGHT
    values["radius_of_curvature_m"] = np.where(straight, np.inf, values["radius_of_curvature_m"])
    for member, (column, _) in {**CODES, **OPTIONAL}.items():
        values[column] = wire[member]
    height = wire["size", "height"]
    values["height_m"] = np.where(height == ABSENT, np.nan, QUANTITIES["VehicleHeight"].from_wire(height))
    events = wire["safetyExt", "events"]
    values["event_flags"] = np.where(events == ABSENT, 0, events)
    return VehicleColumns(**values)


def _checked(column: str, values: NDArray[np.int64], lowest: int, highest: int) -> NDArray[np.int64]:
    if values.size and (values.min() < lowest or values.max() > highest):
        bad = values[(values < lowest) | (values > highest)][0]
        raise EncodeError(f"BSM: {column}: {bad} is outside {lowest}..{highest}")
    return values


def leaf_type(schema: Schema, member: Path) -> dict[str, Any]:
    """Built-in type of a BSM member given by path."""
    definition: dict[str, Any] = {"type": "BasicSafetyMessage"}
    for name in member:
        definition = next(m for m in schema.resolve(definition)["members"] if m and m["name"] == name)
    return schema.resolve(definition)


def to_value(schema: Schema, wire: Wire, row: int, crumbs: list[tuple[int, int, int, int]]) -> dict[str, Any]:
    """One BSM in asn1tools form from row ``row`` of the table; ``crumbs`` as (type, lon, lat, time)."""
    value: dict[str, Any] = {}
    for member, column in wire.items():
        code = int(column[row])
        if member in OPTIONAL and code == ABSENT:
            continue
        branch = value
        for name in member[:-1]:
            branch = branch.setdefault(name, {})
        branch[member[-1]] = _wrap(leaf_type(schema, member), code)
    if crumbs:
        points = []
        for kind, lon, lat, age in crumbs:
            offset = (f"position-LL{kind + 1}", {"lon": lon, "lat": lat})
            points.append({"llvOffset": {"offsetLL": offset}, "timeOffset": age})
        value["safetyExt"]["pathHistory"] = {"crumbData": points}
    return value


def from_value(schema: Schema, value: dict[str, Any]) -> tuple[dict[Path, int], list[Crumb]]:
    """Wire integers of one decoded BSM (an absent member reads as unavailable or ABSENT) and its crumbs."""
    wire: dict[Path, int] = {}
    for member in (("id",), *PHYSICAL, *CODES, *OPTIONAL):
        leaf: Any = value
        for name in member:
            leaf = leaf.get(name) if isinstance(leaf, dict) else None
        wire[member] = missing_code(member) if leaf is None else _unwrap(leaf_type(schema, member), leaf)
    history = (value.get("safetyExt") or {}).get("pathHistory") or {"crumbData": []}
    return wire, [_crumb(value, point) for point in history["crumbData"]]


def missing_code(member: Path) -> int:
    """Wire integer that stands for a member that was not received."""
    if member in OPTIONAL:
        return ABSENT
    if member == ("brakes", "wheelBrakes"):
        return 16
    if member in PHYSICAL and PHYSICAL[member][1]:
        return QUANTITIES[PHYSICAL[member][1]].unavailable or 0
    return 0


def _crumb(value: dict[str, Any], point: dict[str, Any]) -> Crumb:
    kind, offset = point["llvOffset"]["offsetLL"]
    lon, lat = offset["lon"], offset["lat"]
    if kind == "position-LatLon":
        own = value["pos"]
        lon, lat = _difference("Longitude", lon, own["long"]), _difference("Latitude", lat, own["lat"])
    return lon * 1e-7, lat * 1e-7, float(QUANTITIES["TimeOffset"].from_wire(point["timeOffset"]))


def _difference(quantity: str, code: int, own: int) -> float:
    """Difference of two position codes; NaN where one of them is no position."""
    known = QUANTITIES[quantity].lowest <= min(code, own) and max(code, own) <= QUANTITIES[quantity].highest
    return float(code - own) if known else math.nan


def _wrap(definition: dict[str, Any], code: int) -> Any:
    kind = definition["type"]
    if kind == "ENUMERATED":
        return definition["values"][code][0]
    if kind == "BIT STRING":
        bits = definition["size"][0]
        return (code << (-bits % 8)).to_bytes((bits + 7) // 8, "big"), bits
    return code.to_bytes(8, "big") if kind == "OCTET STRING" else code


def _unwrap(definition: dict[str, Any], leaf: Any) -> int:
    kind = definition["type"]
    if kind == "ENUMERATED":
        return next(v[1] for v in definition["values"] if v and v[0] == leaf)
    if kind == "BIT STRING":
        octets, bits = leaf
        root = definition["size"][0]
        return int.from_bytes(octets, "big") >> (len(octets) * 8 - bits) & ((1 << root) - 1)
    return int.from_bytes(leaf, "big") if kind == "OCTET STRING" else int(leaf)
