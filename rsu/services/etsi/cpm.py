"""CPM: the road users a roadside unit perceives (ETSI TS 103 324 v2.1.1).

Each message stands for itself: management container with the unit's place, an originating container of a roadside unit,
objects in metres east and north of that place. Object numbers are the sensor's own; velocity is told by its components,
heading as the angle of the object.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rsu.geodesy import LocalPlane
from rsu.messages.etsi import station_type as types
from rsu.messages.etsi.framing import header
from rsu.messages.etsi.instants import timestamp_its
from rsu.messages.etsi.quantities import QUANTITIES, to_codes
from rsu.services.described import DetectedObjects, ObjectsBatch, UnitDescription
from rsu.services.etsi.wire import position_of, reference_position, station_id
from rsu.services.geometry import metric_offsets

OBJECTS_PER_MESSAGE = 25
"""About 30 octets each: 25 keep a packet, with headers and certificate, below the 1100 octets that ETSI took as limit
in its own simulations (TR 103 562)."""
MOST_SEGMENTS = 8
SENSOR_ID = 1
NOT_KNOWN_LEVEL = 101
SIGMAS_OF_95_PERCENT = 1.96
"""Half width of the interval that holds 95 % of a normal error, per standard deviation."""
UNKNOWN_SPEED = 127
UNKNOWN_ANGLE = 127
UNKNOWN_DIMENSION = 32

SENSOR_TYPES = {
    "unknown": 0, "selfinfo": 0, "v2x": 13, "video": 3, "microwaveRadar": 1, "loop": 8, "lidar": 2, "integrated": 12,
}
"""Source of the objects -> SensorType of TS 102 894-2 v2.3.1."""

CLASS_OF_PARTICIPANT = {"motor": ("vehicleSubClass", 0), "pedestrian": ("vruSubClass", ("pedestrian", 0)),
                        "non-motor": ("vruSubClass", ("bicyclistAndLightVruVehicle", 0))}
"""Participant type -> ObjectClass where no vehicle class is known."""
_VRU = {
    types.PEDESTRIAN: ("pedestrian", 1), types.CYCLIST: ("bicyclistAndLightVruVehicle", 1),
    types.MOPED: ("motorcyclist", 1), types.MOTORCYCLE: ("motorcyclist", 2),
}
"""StationType -> VRU profile and sub-profile."""


def build_cpms(
    unit: UnitDescription,
    objects: DetectedObjects,
    *,
    generated_utc_ns: int,
    junction: tuple[float, float] | None = None,
    max_messages: int | None = None,
    with_sensor_information: bool = False,
) -> ObjectsBatch:
    """CPM values of one cycle, objects in order of distance from ``junction`` (lon, lat), the unit's place by default.

    At most 25 objects in a message and 8 messages; with ``max_messages`` fewer. Objects beyond, and those farther than
    1310 m east or north of the unit, are left out and counted. Without objects there is one message that says so by
    holding none. ValueError: numbers outside 0..65535 or doubled, unknown source or type, or an instant of perception
    more than 2 s from ``generated_utc_ns``.
    """
    _check(objects, max_messages)
    reference = reference_position(unit.lon, unit.lat, unit.height_m)
    x_m, y_m = LocalPlane(*position_of(reference)).to_plane(objects.lon, objects.lat)
    reach_m = QUANTITIES["CartesianCoordinateLarge"].highest * QUANTITIES["CartesianCoordinateLarge"].step
    order = _nearest_first(unit, objects, junction)
    within = order[(np.abs(x_m[order]) <= reach_m) & (np.abs(y_m[order]) <= reach_m)]
    room = OBJECTS_PER_MESSAGE * min(MOST_SEGMENTS, max_messages or MOST_SEGMENTS)
    sent = within[:room]
    rows = [sent[i : i + OBJECTS_PER_MESSAGE] for i in range(0, len(sent), OBJECTS_PER_MESSAGE)] or [sent]
    perceived = _perceived(objects, x_m, y_m, sent, _delta_ms(objects, generated_utc_ns))
    values = []
    for index in range(len(rows)):
        management: dict[str, Any] = {
            "referenceTime": timestamp_its(generated_utc_ns), "referencePosition": reference,
        }
        if len(rows) > 1:
            management["segmentationInfo"] = {"totalMsgNo": len(rows), "thisMsgNo": index + 1}
        part = perceived[index * OBJECTS_PER_MESSAGE : (index + 1) * OBJECTS_PER_MESSAGE]
        values.append({
            "header": header("ETSI-CPM", station_id(unit.unit_id)),
            "payload": {
                "managementContainer": management,
                "cpmContainers": _containers(objects, part, with_sensor_information and index == 0),
            },
        })
    return ObjectsBatch("ETSI-CPM", values, rows, len(objects) - len(sent))


def _check(objects: DetectedObjects, max_messages: int | None) -> None:
    if max_messages is not None and max_messages < 1:
        raise ValueError(f"ETSI-CPM max_messages {max_messages}: must be at least 1")
    if objects.source not in SENSOR_TYPES:
        raise ValueError(f"ETSI-CPM source {objects.source!r} is none of {', '.join(SENSOR_TYPES)}")
    numbers = objects.participant_id
    if len(numbers) and (numbers.min() < 0 or numbers.max() > 65_535 or len(np.unique(numbers)) < len(numbers)):
        raise ValueError(f"ETSI-CPM objectId {sorted(numbers.tolist())}: must differ and lie in 0..65535")


def _delta_ms(objects: DetectedObjects, generated_utc_ns: int) -> int:
    delta = timestamp_its(objects.sampled_utc_ns) - timestamp_its(generated_utc_ns)
    if not -2048 <= delta <= 2047:
        raise ValueError(f"ETSI-CPM measurementDeltaTime {delta} ms: must lie in -2048..2047")
    return delta


def _nearest_first(
    unit: UnitDescription, objects: DetectedObjects, junction: tuple[float, float] | None
) -> np.ndarray:
    lon, lat = junction if junction is not None else (unit.lon, unit.lat)
    distance_m = np.hypot(*metric_offsets(np.column_stack([objects.lon, objects.lat]), lon, lat).T)
    return np.lexsort((objects.participant_id, distance_m))


def _containers(objects: DetectedObjects, part: list[dict[str, Any]], with_sensor: bool) -> list[tuple[str, Any]]:
    containers: list[tuple[str, Any]] = [("originatingRsuContainer", {})]
    if with_sensor:
        sensor = {"sensorId": SENSOR_ID, "sensorType": SENSOR_TYPES[objects.source], "shadowingApplies": True}
        containers.append(("sensorInformationContainer", [sensor]))
    if part:
        count = min(len(objects), 255)
        told = {"numberOfPerceivedObjects": count, "perceivedObjects": part}
        containers.append(("perceivedObjectContainer", told))
    return containers


def _perceived(
    objects: DetectedObjects, x_m: np.ndarray, y_m: np.ndarray, rows: np.ndarray, delta_ms: int
) -> list[dict[str, Any]]:
    """PerceivedObject of each row."""
    speed, heading = objects.speed_mps[rows], objects.heading_deg[rows]
    angle = np.radians(90.0 - heading)
    columns = {
        "number": np.asarray(objects.participant_id)[rows],
        "x": to_codes("CartesianCoordinateLarge", x_m[rows]), "y": to_codes("CartesianCoordinateLarge", y_m[rows]),
        "accuracy": to_codes("CoordinateConfidence", SIGMAS_OF_95_PERCENT * objects.position_sigma_m[rows]),
        "speed": to_codes("SpeedValue", speed),
        "speed_x": to_codes("VelocityComponentValue", speed * np.cos(angle)),
        "speed_y": to_codes("VelocityComponentValue", speed * np.sin(angle)),
        "angle": to_codes("CartesianAngleValue", 90.0 - heading),
        "length": to_codes("ObjectDimensionValue", objects.length_m[rows]),
        "width": to_codes("ObjectDimensionValue", objects.width_m[rows]),
        "height": to_codes("ObjectDimensionValue", objects.height_m[rows]),
        "class": np.asarray(objects.vehicle_class)[rows],
    }
    taken = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [_object(dict(zip(columns, one, strict=True)), delta_ms, objects.participant_type) for one in taken]


def _object(wire: dict[str, int], delta_ms: int, participant_type: str) -> dict[str, Any]:
    return {
        "objectId": wire["number"],
        "measurementDeltaTime": delta_ms,
        "position": {
            "xCoordinate": {"value": wire["x"], "confidence": wire["accuracy"]},
            "yCoordinate": {"value": wire["y"], "confidence": wire["accuracy"]},
        },
        "velocity": _velocity(wire),
        "angles": {"zAngle": {"value": wire["angle"], "confidence": UNKNOWN_ANGLE}},
        "objectDimensionZ": {"value": wire["height"], "confidence": UNKNOWN_DIMENSION},
        "objectDimensionY": {"value": wire["width"], "confidence": UNKNOWN_DIMENSION},
        "objectDimensionX": {"value": wire["length"], "confidence": UNKNOWN_DIMENSION},
        "classification": [
            {"objectClass": object_class(wire["class"], participant_type), "confidence": NOT_KNOWN_LEVEL}
        ],
    }


def _velocity(wire: dict[str, int]) -> tuple[str, Any]:
    """By components, or speed and unknown direction where the direction is not known."""
    if wire["angle"] == QUANTITIES["CartesianAngleValue"].unavailable:
        return "polarVelocity", {
            "velocityMagnitude": {"speedValue": wire["speed"], "speedConfidence": UNKNOWN_SPEED},
            "velocityDirection": {"value": wire["angle"], "confidence": UNKNOWN_ANGLE},
        }
    return "cartesianVelocity", {
        "xVelocity": {"value": wire["speed_x"], "confidence": UNKNOWN_SPEED},
        "yVelocity": {"value": wire["speed_y"], "confidence": UNKNOWN_SPEED},
    }


def object_class(vehicle_class: int, participant_type: str) -> tuple[str, Any]:
    """ObjectClass of a neutral vehicle class, or of the participant type where the class is unknown."""
    station = int(types.STATION_TYPE_OF_CLASS[vehicle_class]) if 0 <= vehicle_class <= 255 else types.UNKNOWN
    if station in _VRU:
        return "vruSubClass", _VRU[station]
    if types.PASSENGER_CAR <= station <= types.TRAM:
        return "vehicleSubClass", station
    return CLASS_OF_PARTICIPANT.get(participant_type, ("otherSubClass", 0))
