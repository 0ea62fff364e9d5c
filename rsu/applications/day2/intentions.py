"""Intentions and requests of decoded VIR values."""

from __future__ import annotations

import math
from typing import Any

from rsu.applications.objects import NO_TIME
from rsu.messages.cn.quantities import QUANTITIES
from rsu.services.cn.wire import heading_from_wire, position_from_wire, speed_from_wire
from rsu.services.day2.described import (
    STATUSES,
    TURNS,
    Intention,
    LaneTarget,
    SharingTarget,
    SignalTarget,
    Target,
    VehicleRequest,
    VehicleState,
)
from rsu.services.day2.vir import WIRE_STATUSES, WIRE_TURNS
from rsu.services.day2.wire import (
    behaviour_from_wire,
    corridor_from_wire,
    duration_from_wire,
    node_from_wire,
    plan_from_wire,
)
from rsu.services.instants import utc_from_millisecond

_LAST_MILLISECOND = 60_999


def read_vir(value: dict[str, Any], near_utc_ns: int) -> Intention:
    """Content of one decoded VehIntentionAndRequest; ``near_utc_ns`` is the receiver's clock.

    Requests of a kind these readers do not know (parking, later additions) read as kind ``unknown`` without a target.
    ``sampled_utc_ns`` is -1 where the message does not say when.
    """
    reference, data = value["refPos"], value["intAndReq"]
    lon, lat = position_from_wire(reference)
    here = data.get("currentPos", {})
    vehicle = VehicleState(
        bytes(value["id"]), lon, lat,
        speed_from_wire(here["speed"]) if "speed" in here else math.nan,
        heading_from_wire(here["heading"]) if "heading" in here else math.nan,
        sampled_instant(value["secMark"], near_utc_ns),
        height_from_wire(reference),
    )
    points = data.get("path-Planning")
    return Intention(
        vehicle,
        plan_from_wire(points, reference) if points else None,
        behaviour_from_wire(data.get("currentBehavior")),
        tuple(_request(item, reference) for item in data.get("reqs", ())),
    )


def sampled_instant(millisecond: int, near_utc_ns: int) -> int:
    """Instant of a secMark, -1 where it says none."""
    return utc_from_millisecond(millisecond, near_utc_ns) if millisecond <= _LAST_MILLISECOND else NO_TIME


def height_from_wire(position: dict[str, int]) -> float | None:
    """Height of a Position3D in m, None where left out or unavailable."""
    if "elevation" not in position:
        return None
    height_m = float(QUANTITIES["Elevation"].from_wire(position["elevation"]))
    return None if math.isnan(height_m) else height_m


def _request(item: dict[str, Any], reference: dict[str, int]) -> VehicleRequest:
    kind, target = _target(item.get("info"), reference)
    status, life = item["status"], item.get("lifeTime")
    life_s = duration_from_wire(life) if life is not None else math.nan
    priority = item.get("reqPriority")
    return VehicleRequest(
        item["reqID"], kind, target,
        STATUSES[WIRE_STATUSES.index(status)] if status in WIRE_STATUSES else "unknown",
        priority[0] >> 5 if priority else None,
        bytes(item["targetVeh"]) if "targetVeh" in item else None,
        bytes(item["targetRSU"]) if "targetRSU" in item else None,
        None if math.isnan(life_s) else life_s,
    )


def _target(info: tuple[Any, Any] | None, reference: dict[str, int]) -> tuple[str, Target | None]:
    """(kind, target) of a ReqInfo."""
    if info is None:
        return "guidance", None
    alternative, value = info
    if alternative in ("laneChange", "clearTheWay"):
        nodes = node_from_wire(value["upstreamNode"]), node_from_wire(value["downstreamNode"])
        kind = "lane-change" if alternative == "laneChange" else "clear-the-way"
        return kind, LaneTarget(*nodes, value["targetLane"])
    if alternative == "signalPriority":
        return "signal-priority", _signal(value)
    if alternative == "sensorSharing":
        corridors = [corridor_from_wire(path, reference) for path in value["detectArea"]]
        lines = tuple(corridor.points for corridor in corridors)
        return "sensor-sharing", SharingTarget(lines, max((c.half_width_m for c in corridors), default=0.0))
    return "unknown", None


def _signal(value: dict[str, Any]) -> SignalTarget:
    movement, distance = value["requiredMov"], value.get("distance2Intersection")
    turn = movement.get("turn-direction")
    arrival_s = duration_from_wire(value["estimatedArrivalTime"]) if "estimatedArrivalTime" in value else math.nan
    return SignalTarget(
        node_from_wire(value["intersectionId"]), node_from_wire(movement["remoteIntersection"]),
        movement.get("phaseId", 0), TURNS[WIRE_TURNS.index(turn)] if turn in WIRE_TURNS else "",
        None if math.isnan(arrival_s) else arrival_s, None if distance is None else distance / 10,
    )
