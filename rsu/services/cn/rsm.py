"""RSM: the road users a roadside unit perceives (T/CSAE 53-2020 MSG_RSM)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsu.services.cn.wire import (
    accuracy_to_wire,
    heading_to_wire,
    offset_to_wire,
    position_to_wire,
    speed_to_wire,
)
from rsu.services.counter import MessageCounter
from rsu.services.described import DetectedObjects, ObjectsBatch, UnitDescription
from rsu.services.geometry import metric_offsets
from rsu.services.instants import millisecond_of_minute

OBJECTS_PER_MESSAGE = 15
PARTICIPANT_TYPES = ("unknown", "motor", "non-motor", "pedestrian", "rsu")
SOURCES = ("unknown", "selfinfo", "v2x", "video", "microwaveRadar", "loop", "lidar", "integrated")


def build_rsms(
    unit: UnitDescription,
    objects: DetectedObjects,
    *,
    counter: MessageCounter,
    generated_utc_ns: int,
    junction: tuple[float, float] | None = None,
    max_messages: int | None = None,
) -> ObjectsBatch:
    """RoadsideSafetyMessage values of one cycle, objects in order of distance from ``junction``.

    ``junction`` is (lon, lat), the unit's own place by default. Each message holds the unit itself first
    (ptcId 0) and up to 15 objects; with no object there is one message with the unit alone. With
    ``max_messages`` the farthest objects are left out and counted. ValueError: ptcId outside 1..255 or
    doubled, unknown type or source.
    """
    _check(objects, max_messages)
    reference = position_to_wire(unit.lon, unit.lat, unit.height_m)
    lon, lat = junction if junction is not None else (unit.lon, unit.lat)
    distance_m = np.hypot(*metric_offsets(np.column_stack([objects.lon, objects.lat]), lon, lat).T)
    order = np.lexsort((objects.participant_id, distance_m))
    room = len(order) if max_messages is None else max_messages * OBJECTS_PER_MESSAGE
    sent, left_out = order[:room], order[room:]
    rows = [sent[i : i + OBJECTS_PER_MESSAGE] for i in range(0, len(sent), OBJECTS_PER_MESSAGE)] or [sent]
    itself = _unit_itself(unit, reference, generated_utc_ns)
    participants = participants_to_wire(objects, reference, sent)
    values = [
        {
            "msgCnt": counter.next(),
            "id": unit.unit_id,
            "refPos": reference,
            "participants": [itself, *participants[i * OBJECTS_PER_MESSAGE : (i + 1) * OBJECTS_PER_MESSAGE]],
        }
        for i in range(len(rows))
    ]
    return ObjectsBatch("RSM", values, rows, len(left_out))


def _check(objects: DetectedObjects, max_messages: int | None) -> None:
    if max_messages is not None and max_messages < 1:
        raise ValueError(f"RSM max_messages {max_messages}: must be at least 1")
    if objects.participant_type not in PARTICIPANT_TYPES:
        raise ValueError(
            f"RSM participant type {objects.participant_type!r} is none of {', '.join(PARTICIPANT_TYPES)}"
        )
    if objects.source not in SOURCES:
        raise ValueError(f"RSM source {objects.source!r} is none of {', '.join(SOURCES)}")
    numbers = objects.participant_id
    if len(numbers) and (numbers.min() < 1 or numbers.max() > 255 or len(np.unique(numbers)) < len(numbers)):
        raise ValueError(
            f"RSM ptcId {sorted(numbers.tolist())}: must differ and lie in 1..255 (0 is the unit itself)"
        )


def _unit_itself(unit: UnitDescription, reference: dict[str, int], generated_utc_ns: int) -> dict[str, Any]:
    return {
        "ptcType": "rsu",
        "ptcId": 0,
        "source": "selfinfo",
        "secMark": millisecond_of_minute(generated_utc_ns),
        "pos": offset_to_wire(unit.lon, unit.lat, reference),
        "posConfidence": {"pos": "unavailable"},
        "speed": 0,
        "heading": heading_to_wire(float("nan")),
        "size": {"width": 0, "length": 0},
    }


def participants_to_wire(
    objects: DetectedObjects, reference: dict[str, int], rows: np.ndarray
) -> list[dict[str, Any]]:
    """ParticipantData of the given rows, offsets from the Position3D ``reference``."""
    second_mark = millisecond_of_minute(objects.sampled_utc_ns)
    columns = (
        objects.lon,
        objects.lat,
        objects.speed_mps,
        objects.heading_deg,
        objects.length_m,
        objects.width_m,
        objects.height_m,
        objects.participant_id,
        objects.vehicle_class,
        objects.position_sigma_m,
    )
    taken = zip(rows.tolist(), *(np.asarray(column)[rows].tolist() for column in columns), strict=True)
    participants = []
    for row, lon, lat, speed, heading, length, width, height, number, vehicle_class, sigma in taken:
        value: dict[str, Any] = {
            "ptcType": objects.participant_type,
            "ptcId": int(number),
            "source": objects.source,
            "secMark": second_mark,
            "pos": offset_to_wire(lon, lat, reference),
            "posConfidence": {"pos": accuracy_to_wire(sigma)},
            "speed": speed_to_wire(speed),
            "heading": heading_to_wire(heading),
            "size": _size(length, width, height),
            "vehicleClass": {"classification": int(vehicle_class)},
        }
        bsm_id = objects.bsm_ids[row] if objects.bsm_ids is not None else None
        if bsm_id is not None:
            value["id"] = bsm_id
        participants.append(value)
    return participants


def _size(length_m: float, width_m: float, height_m: float) -> dict[str, int]:
    """VehicleSize: width and length in 0.01 m, height in 0.05 m, saturated."""
    return {
        "width": min(max(round(width_m * 100), 0), 1023),
        "length": min(max(round(length_m * 100), 0), 4095),
        "height": min(max(round(height_m * 20), 0), 127),
    }
