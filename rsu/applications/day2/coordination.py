"""What decoded RSC values tell vehicles and lanes."""

from __future__ import annotations

import math
from typing import Any

from rsu.applications.day2.intentions import sampled_instant
from rsu.services.cn.wire import speed_from_wire
from rsu.services.day2.described import Coordination, Corridor, LaneAdvice, VehicleAdvice
from rsu.services.day2.wire import (
    behaviour_from_wire,
    corridor_from_wire,
    duration_from_wire,
    instant_from_wire,
    link_from_wire,
    plan_from_wire,
    purposes_from_wire,
)

Value = dict[str, Any]


def read_rsc(value: Value, near_utc_ns: int) -> Coordination:
    """Content of one decoded RoadsideCoordination; ``Coordination.advice_for`` finds a vehicle's own part."""
    reference = value["refPos"]
    return Coordination(
        bytes(value["id"]), sampled_instant(value["secMark"], near_utc_ns),
        tuple(_vehicle(item, reference) for item in value.get("coordinates", ())),
        tuple(_lane(item, reference, near_utc_ns) for item in value.get("laneCoordinates", ())),
    )


def _vehicle(item: Value, reference: Value) -> VehicleAdvice:
    suggestion, points = item.get("driveSuggestion", {}), item.get("pathGuidance")
    life_s = duration_from_wire(suggestion["lifeTime"]) if "lifeTime" in suggestion else math.nan
    return VehicleAdvice(
        bytes(item["vehId"]),
        behaviour_from_wire(suggestion.get("suggestion")),
        None if math.isnan(life_s) else life_s,
        link_from_wire(suggestion["relatedLink"]) if "relatedLink" in suggestion else None,
        _corridor(suggestion, reference),
        plan_from_wire(points, reference) if points else None,
        purposes_from_wire(item.get("info")),
    )


def _lane(item: Value, reference: Value, near_utc_ns: int) -> LaneAdvice:
    speed_mps = speed_from_wire(item["recommendedSpeed"]) if "recommendedSpeed" in item else math.nan
    return LaneAdvice(
        link_from_wire(item["targetLane"]),
        _corridor(item, reference),
        instant_from_wire(item["tBegin"], near_utc_ns) if "tBegin" in item else None,
        instant_from_wire(item["tEnd"], near_utc_ns) if "tEnd" in item else None,
        None if math.isnan(speed_mps) else speed_mps,
        behaviour_from_wire(item.get("recommendedBehavior")),
        purposes_from_wire(item.get("info")),
        _text(item.get("description")),
    )


def _text(description: tuple[Any, Any] | None) -> str:
    if not description or not description[1]:
        return ""
    kind, text = description
    return bytes(text).decode("gb2312", "replace") if kind == "textGB2312" else str(text)


def _corridor(item: Value, reference: Value) -> Corridor | None:
    return corridor_from_wire(item["relatedPath"], reference) if "relatedPath" in item else None
