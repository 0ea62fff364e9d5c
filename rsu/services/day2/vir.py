"""VIR: what a vehicle intends and asks for (T/CSAE 157-2020, VehIntentionAndRequest)."""

from __future__ import annotations

from typing import Any

from rsu.services.cn.wire import position_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import (
    STATUSES,
    TURNS,
    Corridor,
    Intention,
    LaneTarget,
    SharingTarget,
    SignalTarget,
    Target,
    VehicleRequest,
)
from rsu.services.day2.wire import (
    behaviour_to_wire,
    check_identifier,
    check_names,
    corridor_to_wire,
    duration_to_wire,
    node_to_wire,
    plan_to_wire,
    point_to_wire,
)
from rsu.services.instants import millisecond_of_minute

MOST_REQUESTS = 8
KINDS: dict[str, tuple[type | None, str]] = {
    "lane-change": (LaneTarget, "laneChange"),
    "clear-the-way": (LaneTarget, "clearTheWay"),
    "signal-priority": (SignalTarget, "signalPriority"),
    "sensor-sharing": (SharingTarget, "sensorSharing"),
    "guidance": (None, ""),
}
"""Kind of a request -> (its target, alternative of ReqInfo)."""

WIRE_STATUSES = ("unknown", "request", "comfirmed", "cancel", "complete")
"""Names of the set, in the order of :data:`rsu.services.day2.described.STATUSES`."""
WIRE_TURNS = ("maneuverStraight", "maneuverLeftTurn", "maneuverRightTurn", "maneuverUTurn")
_MOST_DISTANCE_M = 1000.0


def build_vir(intention: Intention, *, counter: MessageCounter) -> dict[str, Any]:
    """VehIntentionAndRequest of one vehicle; positions are offsets from the vehicle's own.

    ValueError: identifier not of 8 octets, more than 8 requests or 100 points, a target that does not fit its kind, or
    a number out of range; the text names member and rule.
    """
    vehicle = intention.vehicle
    reference = position_to_wire(vehicle.lon, vehicle.lat, vehicle.height_m)
    here = (vehicle.lon, vehicle.lat, vehicle.speed_mps, vehicle.heading_deg, float("nan"))
    data: dict[str, Any] = {"currentPos": point_to_wire(*here, reference)}
    if intention.plan is not None:
        data["path-Planning"] = plan_to_wire(intention.plan, reference)
    if intention.behaviour:
        data["currentBehavior"] = behaviour_to_wire(intention.behaviour)
    if intention.requests:
        if len(intention.requests) > MOST_REQUESTS:
            raise ValueError(f"VIR: {len(intention.requests)} requests, at most {MOST_REQUESTS}")
        data["reqs"] = [_request(request, reference) for request in intention.requests]
    return {
        "msgCnt": counter.next(),
        "id": check_identifier("VIR vehicle id", vehicle.vehicle_id),
        "secMark": millisecond_of_minute(vehicle.sampled_utc_ns),
        "refPos": reference,
        "intAndReq": data,
    }


def _request(request: VehicleRequest, reference: dict[str, int]) -> dict[str, Any]:
    where = f"VIR request {request.id}"
    if not 0 <= request.id <= 255:
        raise ValueError(f"{where}: id must lie in 0..255")
    check_names(f"{where}: status", (request.status,), STATUSES)
    check_names(f"{where}: kind", (request.kind,), tuple(KINDS))
    wanted, alternative = KINDS[request.kind]
    if not (request.target is None if wanted is None else isinstance(request.target, wanted)):
        name = "no target" if wanted is None else wanted.__name__
        raise ValueError(f"{where}: {request.kind} takes {name}, not {type(request.target).__name__}")
    value: dict[str, Any] = {"reqID": request.id, "status": WIRE_STATUSES[STATUSES.index(request.status)]}
    if request.priority_level is not None:
        if not 0 <= request.priority_level <= 7:
            raise ValueError(f"{where}: priority level {request.priority_level} must lie in 0..7")
        value["reqPriority"] = bytes([request.priority_level << 5])
    if request.to_vehicle is not None:
        value["targetVeh"] = check_identifier(f"{where}: vehicle", request.to_vehicle)
    if request.to_unit is not None:
        value["targetRSU"] = check_identifier(f"{where}: unit", request.to_unit)
    if request.target is not None:
        value["info"] = (alternative, _target(request.target, reference, where))
    if request.life_s is not None:
        value["lifeTime"] = duration_to_wire(request.life_s)
    return value


def _target(target: Target, reference: dict[str, int], where: str) -> dict[str, Any]:
    if isinstance(target, LaneTarget):
        if not 0 <= target.lane <= 255:
            raise ValueError(f"{where}: lane {target.lane} must lie in 0..255")
        nodes = {"upstreamNode": node_to_wire(target.upstream), "downstreamNode": node_to_wire(target.downstream)}
        return {**nodes, "targetLane": target.lane}
    if isinstance(target, SharingTarget):
        if not 1 <= len(target.lines) <= 8:
            raise ValueError(f"{where}: {len(target.lines)} lines, must be 1 to 8")
        corridors = (Corridor(line, target.half_width_m) for line in target.lines)
        return {"detectArea": [corridor_to_wire(corridor, reference) for corridor in corridors]}
    movement: dict[str, Any] = {"remoteIntersection": node_to_wire(target.exit)}
    if target.phase_id:
        movement["phaseId"] = target.phase_id
    if target.turn:
        check_names(f"{where}: turn", (target.turn,), TURNS)
        movement["turn-direction"] = WIRE_TURNS[TURNS.index(target.turn)]
    value: dict[str, Any] = {"intersectionId": node_to_wire(target.node), "requiredMov": movement}
    if target.arrival_s is not None:
        value["estimatedArrivalTime"] = duration_to_wire(target.arrival_s)
    if target.distance_m is not None:
        if not 0 <= target.distance_m <= _MOST_DISTANCE_M:
            raise ValueError(f"{where}: distance {target.distance_m} m must lie in 0..{_MOST_DISTANCE_M:g}")
        value["distance2Intersection"] = round(target.distance_m * 10)
    return value
