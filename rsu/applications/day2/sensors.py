"""Road users and corrections of decoded SSM and RTCM values."""

from __future__ import annotations

from typing import Any

from rsu.applications.cn.objects import read_objects
from rsu.applications.objects import ObjectColumns
from rsu.services.cn.wire import offsets_from_wire
from rsu.services.day2.described import Correction

Polygons = tuple[Any, ...]


def read_ssm(value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
    """Participants of one decoded SensorSharingMsg, ptcId 0 (the sender itself) left out."""
    participants = [item["ptc"] for item in value.get("participants", ())]
    return read_objects({"refPos": value["sensorPos"], "participants": participants}, near_utc_ns)


def read_detected_areas(value: dict[str, Any]) -> Polygons:
    """Polygons of (lon, lat), shape (n, 2), in which the sender says its sensors see."""
    reference = value["sensorPos"]
    return tuple(offsets_from_wire(polygon, reference) for polygon in value.get("detectedRegion", ()))


def read_rtcm(value: dict[str, Any]) -> list[Correction]:
    """Corrections of one decoded RTCMcorrections, in order."""
    return [
        Correction(bytes(item["payload"]), item.get("rtcmID"), item.get("rev") or "") for item in value["corrections"]
    ]
