"""Road users of decoded RSM and BSM values (T/CSAE 53-2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rsu.applications.objects import NO_TIME, ObjectColumns
from rsu.services.cn.wire import (
    accuracy_from_wire,
    heading_from_wire,
    offset_from_wire,
    position_from_wire,
    speed_from_wire,
)
from rsu.services.instants import utc_from_millisecond


def read_objects(value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
    """Participants of one decoded RoadsideSafetyMessage except the unit itself (ptcId 0)."""
    reference = value["refPos"]
    rows = [
        (
            *offset_from_wire(item["pos"], reference),
            *_common(item, item["posConfidence"], near_utc_ns),
            item["ptcId"],
            item.get("vehicleClass", {}).get("classification", 0),
        )
        for item in value["participants"]
        if item["ptcId"] != 0
    ]
    return _columns(rows)


def read_bsms(values: Sequence[dict[str, Any]], near_utc_ns: int) -> ObjectColumns:
    """One row per decoded BasicSafetyMessage."""
    rows = [
        (
            *position_from_wire(value["pos"]),
            *_common(value, value.get("posConfidence", {}), near_utc_ns),
            -1,
            value["vehicleClass"]["classification"],
        )
        for value in values
    ]
    return _columns(rows)


def _common(item: dict[str, Any], confidence: dict[str, Any], near_utc_ns: int) -> tuple[float, ...]:
    mark = item["secMark"]
    return (
        speed_from_wire(item["speed"]),
        heading_from_wire(item["heading"]),
        accuracy_from_wire(confidence.get("pos", "unavailable")),
        utc_from_millisecond(mark, near_utc_ns) if mark < 61_000 else NO_TIME,
        item["size"]["length"] / 100,
        item["size"]["width"] / 100,
    )


def _columns(rows: list[tuple[float, ...]]) -> ObjectColumns:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 10
    lon, lat, speed, heading, accuracy, sampled, length, width, number, vehicle_class = columns
    return ObjectColumns(
        lon=np.array(lon, np.float64),
        lat=np.array(lat, np.float64),
        speed_mps=np.array(speed, np.float64),
        heading_deg=np.array(heading, np.float64),
        accuracy_m=np.array(accuracy, np.float64),
        participant_id=np.array(number, np.int64),
        sampled_utc_ns=np.array(sampled, np.int64),
        length_m=np.array(length, np.float64),
        width_m=np.array(width, np.float64),
        vehicle_class=np.array(vehicle_class, np.int64),
    )
