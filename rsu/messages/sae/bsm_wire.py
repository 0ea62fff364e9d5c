"""BSMs between SI columns and wire integers, and between wire integers and the codec's values.

Members are addressed by path. A path that starts with a type name of PART_II lies in that part of the second part;
:func:`to_value` builds the parts that any member needs, ordered by their number.

Sent: the core data always; VehicleSafetyExtensions with the path prediction always (SAE J2945/1 as reported) and path
history, events and lights where there are any; SpecialVehicleExtensions with the vehicle's alerts where a response
type, siren or lightbar is given. Not sent, because a BSM has no member for it or J2945/1 does not ask: elevation,
height, brake pedal, position confidence, vehicle class.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import EncodeError, Schema
from rsu.messages.sae.framing import PART_II
from rsu.messages.sae.quantities import QUANTITIES
from rsu.messages.vehicle import ABSENT, PathHistory, VehicleColumns

Path = tuple[str, ...]
Wire = dict[Path, NDArray[Any]]
Crumb = tuple[float, float, float]
"""(d_lon_deg, d_lat_deg, age_s)."""

PATH_HISTORY_MAX_POINTS = 23
SAFETY, SPECIAL = PART_II[0], PART_II[1]
_CORE = "coreData"
STRAIGHT = 32767
_LARGEST_RADIUS_M = 3276.6
NO_ELEVATION = -4096
NO_ELEVATION_OFFSET = -2048

PHYSICAL: dict[Path, tuple[str, str]] = {
    (_CORE, "secMark"): ("sec_mark_ms", ""),
    (_CORE, "lat"): ("latitude_deg", "Latitude"),
    (_CORE, "long"): ("longitude_deg", "Longitude"),
    (_CORE, "accuracy", "semiMajor"): ("semi_major_m", "SemiMajorAxisAccuracy"),
    (_CORE, "accuracy", "semiMinor"): ("semi_minor_m", "SemiMinorAxisAccuracy"),
    (_CORE, "accuracy", "orientation"): ("orientation_deg", "SemiMajorAxisOrientation"),
    (_CORE, "speed"): ("speed_mps", "Speed"),
    (_CORE, "heading"): ("heading_deg", "Heading"),
    (_CORE, "angle"): ("steering_angle_deg", "SteeringWheelAngle"),
    (_CORE, "accelSet", "long"): ("accel_long_mps2", "Acceleration"),
    (_CORE, "accelSet", "lat"): ("accel_lat_mps2", "Acceleration"),
    (_CORE, "accelSet", "vert"): ("accel_vert_mps2", "VerticalAcceleration"),
    (_CORE, "accelSet", "yaw"): ("yaw_rate_degps", "YawRate"),
    (_CORE, "size", "width"): ("width_m", "VehicleWidth"),
    (_CORE, "size", "length"): ("length_m", "VehicleLength"),
    (SAFETY, "pathPrediction", "radiusOfCurve"): ("radius_of_curvature_m", "RadiusOfCurvature"),
    (SAFETY, "pathPrediction", "confidence"): ("curvature_confidence_ratio", "Confidence"),
}
"""Members always sent: path -> (column, quantity; empty = the integer itself)."""

CODES: dict[Path, tuple[str, int]] = {
    (_CORE, "msgCnt"): ("msg_count", 127),
    (_CORE, "transmission"): ("transmission", 7),
    (_CORE, "brakes", "wheelBrakes"): ("wheel_brakes", 31),
    (_CORE, "brakes", "traction"): ("traction", 3),
}
"""Enumerations, flags and plain codes always sent: path -> (column, highest)."""

CONSTANTS: dict[Path, int] = {
    (_CORE, "elev"): NO_ELEVATION,
    (_CORE, "brakes", "abs"): 0,
    (_CORE, "brakes", "scs"): 0,
    (_CORE, "brakes", "brakeBoost"): 0,
    (_CORE, "brakes", "auxBrakes"): 0,
}
"""Mandatory members without a column: sent as *unavailable*, ignored when read."""

OPTIONAL: dict[Path, tuple[str, int]] = {
    (SAFETY, "events"): ("event_flags", 0x1FFF),
    (SAFETY, "lights"): ("lights", 0x1FF),
    (SPECIAL, "vehicleAlerts", "responseType"): ("emergency_response", 6),
    (SPECIAL, "vehicleAlerts", "sirenUse"): ("siren", 3),
    (SPECIAL, "vehicleAlerts", "lightsUse"): ("lightbar", 7),
}
"""Members that may be missing: path -> (column, highest); ABSENT in the wire column where not sent. The siren and the
lightbar are mandatory inside the alerts: *unavailable* (0) where only another of the three is given."""

ID: Path = (_CORE, "id")
CRUMBS: Path = (SAFETY, "pathHistory", "crumbData")


def to_wire(columns: VehicleColumns) -> Wire:
    """Wire integers of all members but the crumbs; raises EncodeError naming the quantity out of range."""
    wire: Wire = {ID: columns.temporary_id & np.uint64(0xFFFF_FFFF)}
    try:
        for path, (column, quantity) in PHYSICAL.items():
            values = getattr(columns, column)
            if column == "radius_of_curvature_m":
                values = np.where(np.abs(values) <= _LARGEST_RADIUS_M, values, np.nan)
            wire[path] = QUANTITIES[quantity].to_wire(values) if quantity else values
    except ValueError as error:
        raise EncodeError(f"BSM: {error}") from error
    for path, (column, highest) in CODES.items():
        wire[path] = _checked(column, getattr(columns, column), 0, highest)
    for path, code in CONSTANTS.items():
        wire[path] = np.full(len(columns), code, np.int64)
    for path, (column, highest) in OPTIONAL.items():
        wire[path] = _checked(column, getattr(columns, column), ABSENT, highest)
    events = wire[SAFETY, "events"]
    wire[SAFETY, "events"] = np.where(events == 0, ABSENT, events)
    _complete_alerts(wire)
    _checked("sec_mark_ms", wire[_CORE, "secMark"], 0, 65_535)
    return wire


def crumbs_to_wire(path: PathHistory) -> tuple[NDArray[np.int64], ...]:
    """(lat, lon, time) of every crumb; EncodeError for more than 23 in a message or an offset beyond 0.0131 degree."""
    if path.counts.size and path.counts.max() > PATH_HISTORY_MAX_POINTS:
        raise EncodeError(f"BSM path history: {path.counts.max()} crumbs, at most {PATH_HISTORY_MAX_POINTS}")
    try:
        lat = QUANTITIES["OffsetLL-B18"].to_wire(path.d_lat_deg)
        lon = QUANTITIES["OffsetLL-B18"].to_wire(path.d_lon_deg)
        return lat, lon, QUANTITIES["TimeOffset"].to_wire(path.age_s)
    except ValueError as error:
        raise EncodeError(f"BSM path history: {error}") from error


def from_wire(wire: Wire, path: PathHistory, status: NDArray[np.int8]) -> VehicleColumns:
    """Columns of decoded wire integers; what a BSM does not carry reads as the column's default."""
    values: dict[str, Any] = {
        "temporary_id": wire[ID], "path": path, "status": status, "vehicle_class": np.zeros(len(status), np.int64),
    }
    for member, (column, quantity) in PHYSICAL.items():
        values[column] = QUANTITIES[quantity].from_wire(wire[member]) if quantity else wire[member]
    straight = wire[SAFETY, "pathPrediction", "radiusOfCurve"] == STRAIGHT
    values["radius_of_curvature_m"] = np.where(straight, np.inf, values["radius_of_curvature_m"])
    for member, (column, _) in {**CODES, **OPTIONAL}.items():
        values[column] = wire[member]
    events = wire[SAFETY, "events"]
    values["event_flags"] = np.where(events == ABSENT, 0, events)
    return VehicleColumns(**values)


def bsm_value(schema: Schema, wire: Wire, row: int, crumbs: list[tuple[int, int, int]]) -> dict[str, Any]:
    """One BSM in asn1tools form from row ``row`` of the table; ``crumbs`` as (lat, lon, time)."""
    tree: dict[str, Any] = {}
    for member, column in wire.items():
        code = int(column[row])
        if member in OPTIONAL and code == ABSENT:
            continue
        branch = tree
        for name in member[:-1]:
            branch = branch.setdefault(name, {})
        branch[member[-1]] = _wrap(leaf_type(schema, member), code)
    if crumbs:
        tree[SAFETY]["pathHistory"] = {"crumbData": [
            {"latOffset": lat, "lonOffset": lon, "elevationOffset": NO_ELEVATION_OFFSET, "timeOffset": age}
            for lat, lon, age in crumbs
        ]}
    if SPECIAL in tree:
        tree[SPECIAL]["vehicleAlerts"] |= {"doNotUse": 0, "multi": "unavailable"}
    parts = [
        {"partII-Id": number, "partII-Value": tree[name]} for number, name in PART_II.items() if name in tree
    ]
    return {_CORE: tree[_CORE], "partII": parts}


def from_value(schema: Schema, value: dict[str, Any]) -> tuple[dict[Path, int], list[Crumb]]:
    """Wire integers of one decoded BSM (an absent member reads as unavailable or ABSENT) and its crumbs."""
    tree = {_CORE: value[_CORE]}
    for part in value.get("partII", ()):
        name, inner = PART_II.get(part["partII-Id"]), part["partII-Value"]
        if name is not None and isinstance(inner, dict):
            tree.setdefault(name, inner)
    wire: dict[Path, int] = {}
    for member in (ID, *PHYSICAL, *CODES, *OPTIONAL):
        leaf: Any = tree
        for name in member:
            leaf = leaf.get(name) if isinstance(leaf, dict) else None
        wire[member] = missing_code(member) if leaf is None else _unwrap(leaf_type(schema, member), leaf)
    history = (tree.get(SAFETY) or {}).get("pathHistory") or {"crumbData": []}
    return wire, [_crumb(point) for point in history["crumbData"]]


def missing_code(member: Path) -> int:
    """Wire integer that stands for a member that was not received."""
    if member in OPTIONAL:
        return ABSENT
    if member in PHYSICAL and PHYSICAL[member][1]:
        return QUANTITIES[PHYSICAL[member][1]].unavailable or 0
    return 0


@cache
def leaf_type(schema: Schema, member: Path) -> dict[str, Any]:
    """Built-in type of a BSM member given by path."""
    definition: dict[str, Any] = {"type": "BSMcoreData" if member[0] == _CORE else member[0]}
    for name in member[1:]:
        definition = next(m for m in schema.resolve(definition)["members"] if m and m["name"] == name)
    return schema.resolve(definition)


def _complete_alerts(wire: Wire) -> None:
    """Siren and lightbar as *unavailable* wherever one of the three members of the alerts is given."""
    members = [member for member in OPTIONAL if member[0] == SPECIAL]
    given = np.any([wire[member] != ABSENT for member in members], axis=0)
    for member in members[1:]:
        wire[member] = np.where(given & (wire[member] == ABSENT), 0, wire[member])


def _checked(column: str, values: NDArray[np.int64], lowest: int, highest: int) -> NDArray[np.int64]:
    if values.size and (values.min() < lowest or values.max() > highest):
        bad = values[(values < lowest) | (values > highest)][0]
        raise EncodeError(f"BSM: {column}: {bad} is outside {lowest}..{highest}")
    return values


def _crumb(point: dict[str, int]) -> Crumb:
    offset, age = QUANTITIES["OffsetLL-B18"], QUANTITIES["TimeOffset"]
    return (
        float(offset.from_wire(point["lonOffset"])), float(offset.from_wire(point["latOffset"])),
        float(age.from_wire(point["timeOffset"])),
    )


def _wrap(definition: dict[str, Any], code: int) -> Any:
    kind = definition["type"]
    if kind == "ENUMERATED":
        return definition["values"][code][0]
    if kind == "BIT STRING":
        bits = definition["size"][0]
        return (code << (-bits % 8)).to_bytes((bits + 7) // 8, "big"), bits
    return code.to_bytes(4, "big") if kind == "OCTET STRING" else code


def _unwrap(definition: dict[str, Any], leaf: Any) -> int:
    kind = definition["type"]
    if kind == "ENUMERATED":
        return next((v[1] for v in definition["values"] if v and v[0] == leaf), ABSENT)
    if kind == "BIT STRING":
        octets, bits = leaf
        return int.from_bytes(octets, "big") >> (len(octets) * 8 - bits) & ((1 << definition["size"][0]) - 1)
    return int.from_bytes(leaf, "big") if kind == "OCTET STRING" else int(leaf)
