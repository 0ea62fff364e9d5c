"""SDSM: road users a roadside unit perceives (SAE J3224 SensorDataSharingMessage).

Offsets are told east (x) and north (y) of the unit; no source says which axes J3224 means (assumption).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rsu.geodesy import LocalPlane
from rsu.messages.sae.quantities import QUANTITIES
from rsu.services.counter import MessageCounter
from rsu.services.described import DetectedObjects, ObjectsBatch, UnitDescription
from rsu.services.dsrc.wire import position_from_wire, position_to_wire
from rsu.services.geometry import metric_offsets
from rsu.services.instants import MINUTE_NS, SECOND_NS

OBJECTS_PER_MESSAGE = 32
"""Of 256 that the type allows; about 750 octets (assumption)."""
OBJECT_TYPES = {"unknown": "unknown", "motor": "vehicle", "non-motor": "vru", "pedestrian": "vru", "rsu": "unknown"}
"""Neutral participant type -> ObjectType."""
USER_TYPES = {"non-motor": "aPEDALCYCLIST", "pedestrian": "aPEDESTRIAN"}
"""Neutral type of a vulnerable road user -> PersonalDeviceUserType."""
ACCURACY_M = {
    f"a{name}": metres
    for name, metres in (
        *((f"{cm}cm", cm / 100) for cm in (1, 2, 5, 10, 20, 50)),
        *((f"{m}m", float(m)) for m in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    )
}
"""PositionConfidence -> bound of the error in metres, ascending."""
RADIUS_95_PER_SIGMA = math.sqrt(-2.0 * math.log(0.05))
"""Radius holding 95 % of a circular normal error, per sigma of one axis (Rayleigh); that the class means 95 % is an
assumption."""
_UNKNOWN_CONFIDENCE, _MOST_OFFSET_MS = 101, 1500


def build_sdsms(
    unit: UnitDescription,
    objects: DetectedObjects,
    *,
    counter: MessageCounter,
    generated_utc_ns: int,
    junction: tuple[float, float] | None = None,
    max_messages: int | None = None,
) -> ObjectsBatch:
    """SensorDataSharingMessage values of one cycle, objects in order of distance from ``junction``.

    ``junction`` is (lon, lat), the unit's own place by default. Each message holds up to 32 objects; without an
    object there is no message, because the set cannot tell an empty list. With ``max_messages`` the farthest
    objects are left out and counted. ValueError: an unknown type, an object farther than 3276.7 m, or a sample more
    than 1.5 s from generation.
    """
    if max_messages is not None and max_messages < 1:
        raise ValueError(f"SDSM max_messages {max_messages}: must be at least 1")
    if objects.participant_type not in OBJECT_TYPES:
        raise ValueError(f"SDSM participant type {objects.participant_type!r} is none of {', '.join(OBJECT_TYPES)}")
    lon, lat = junction if junction is not None else (unit.lon, unit.lat)
    distance_m = np.hypot(*metric_offsets(np.column_stack([objects.lon, objects.lat]), lon, lat).T)
    order = np.lexsort((objects.participant_id, distance_m))
    room = len(order) if max_messages is None else max_messages * OBJECTS_PER_MESSAGE
    sent, left_out = order[:room], order[room:]
    rows = [sent[i : i + OBJECTS_PER_MESSAGE] for i in range(0, len(sent), OBJECTS_PER_MESSAGE)]
    reference = position_to_wire(unit.lon, unit.lat, unit.height_m)
    told = _objects(objects, reference, sent, generated_utc_ns)
    values = []
    for index in range(len(rows)):
        first = index * OBJECTS_PER_MESSAGE
        values.append({
            "msgCnt": counter.next(), "sourceID": unit.unit_id[:4], "equipmentType": "rsu",
            "sDSMTimeStamp": _time_stamp(generated_utc_ns), "refPos": reference,
            "refPosXYConf": {"semiMajor": 255, "semiMinor": 255, "orientation": 65_535},
            "objects": told[first : first + OBJECTS_PER_MESSAGE],
        })
    return ObjectsBatch("SDSM", values, rows, len(left_out))


def accuracy_to_wire(sigma_m: float) -> str:
    """The smallest class that holds 95 % of a circular error of ``sigma_m`` per axis; else ``unavailable``."""
    radius_m = RADIUS_95_PER_SIGMA * sigma_m
    return next((name for name, bound_m in ACCURACY_M.items() if radius_m <= bound_m), "unavailable")


def _time_stamp(utc_ns: int) -> dict[str, int]:
    """DDateTime to the millisecond, rounded down; its second counts milliseconds of the minute."""
    moment = datetime.fromtimestamp(utc_ns // SECOND_NS, UTC)
    return {
        "year": moment.year, "month": moment.month, "day": moment.day, "hour": moment.hour, "minute": moment.minute,
        "second": utc_ns % MINUTE_NS // 1_000_000, "offset": 0,
    }


def _objects(
    objects: DetectedObjects, reference: dict[str, int], rows: np.ndarray, generated_utc_ns: int
) -> list[dict[str, Any]]:
    age_ms = round((objects.sampled_utc_ns - generated_utc_ns) / 1e6)
    if abs(age_ms) > _MOST_OFFSET_MS:
        raise ValueError(f"SDSM: sampled {age_ms} ms from generation, at most {_MOST_OFFSET_MS}")
    plane = LocalPlane(*position_from_wire(reference))
    x_m, y_m = plane.to_plane(objects.lon[rows], objects.lat[rows])
    columns = (
        QUANTITIES["ObjectDistance"].to_wire(x_m), QUANTITIES["ObjectDistance"].to_wire(y_m),
        QUANTITIES["Velocity"].to_wire(objects.speed_mps[rows]),
        QUANTITIES["Heading"].to_wire(objects.heading_deg[rows]),
        QUANTITIES["VehicleWidth"].to_wire(objects.width_m[rows]),
        QUANTITIES["VehicleLength"].to_wire(objects.length_m[rows]),
        QUANTITIES["VehicleHeight"].to_wire(objects.height_m[rows]),
        objects.participant_id[rows], objects.vehicle_class[rows], objects.position_sigma_m[rows],
    )
    return [
        {
            "detObjCommon": {
                "objType": OBJECT_TYPES[objects.participant_type], "objTypeCfd": _UNKNOWN_CONFIDENCE,
                "objectID": int(number), "measurementTime": age_ms, "timeConfidence": "unavailable",
                "pos": {"offsetX": x, "offsetY": y},
                "posConfidence": {"pos": accuracy_to_wire(sigma), "elevation": "unavailable"},
                "speed": speed, "speedConfidence": "unavailable", "heading": heading, "headingConf": "unavailable",
            },
            **_optional(objects.participant_type, width, length, height, int(vehicle_class)),
        }
        for x, y, speed, heading, width, length, height, number, vehicle_class, sigma in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _optional(kind: str, width: int, length: int, height: int, vehicle_class: int) -> dict[str, Any]:
    if kind in USER_TYPES:
        return {"detObjOptData": ("detVRU", {"basicType": USER_TYPES[kind]})}
    if kind != "motor":
        return {}
    value: dict[str, Any] = {"size": {"width": width, "length": length}, "height": height}
    if vehicle_class:
        value["vehicleClass"] = vehicle_class
    return {"detObjOptData": ("detVeh", value)}
