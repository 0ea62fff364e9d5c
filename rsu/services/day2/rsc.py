"""RSC: how a roadside unit coordinates vehicles and lanes (T/CSAE 157-2020, RoadsideCoordination)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rsu.services.cn.wire import position_to_wire, speed_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import LaneAdvice, VehicleAdvice
from rsu.services.day2.wire import (
    behaviour_to_wire,
    check_identifier,
    corridor_to_wire,
    duration_to_wire,
    instant_to_wire,
    link_to_wire,
    plan_to_wire,
    purposes_to_wire,
)
from rsu.services.described import UnitDescription
from rsu.services.instants import millisecond_of_minute

Encode = Callable[[dict[str, Any]], bytes]
MOST_VEHICLES = 16
MOST_LANES = 8
MOST_POINTS = 120
"""Planned points per message: the set has no such limit, but decoders bound their effort (:mod:`rsu.bounded`)."""


def build_rsc(
    unit: UnitDescription,
    vehicles: Sequence[VehicleAdvice] = (),
    lanes: Sequence[LaneAdvice] = (),
    *,
    counter: MessageCounter,
    generated_utc_ns: int,
    encode: Encode | None = None,
    max_bytes: int | None = None,
) -> list[dict[str, Any]]:
    """RoadsideCoordination values that together carry all advice; none for none.

    Each holds at most 16 vehicles, 8 lanes and 120 planned points and, when ``encode`` and ``max_bytes`` are given,
    encodes within the limit. ValueError names the advice and the rule.
    """
    reference = position_to_wire(unit.lon, unit.lat, unit.height_m)
    head: dict[str, Any] = {
        "msgCnt": 0, "id": unit.unit_id, "secMark": millisecond_of_minute(generated_utc_ns), "refPos": reference,
    }
    items = [("coordinates", _vehicle(advice, reference)) for advice in vehicles]
    items += [("laneCoordinates", _lane(advice, reference)) for advice in lanes]
    groups: list[dict[str, list[dict[str, Any]]]] = []
    for member, item in items:
        longer = _with_item(groups[-1], member, item) if groups else None
        if longer is not None and _fits({**head, **longer}, encode, max_bytes):
            groups[-1] = longer
            continue
        alone = {member: [item]}
        if not _fits({**head, **alone}, encode, max_bytes):
            raise ValueError(f"RSC: one item of {member} alone is longer than {max_bytes} bytes")
        groups.append(alone)
    return [{**head, "msgCnt": counter.next(), **group} for group in groups]


def _with_item(
    group: dict[str, list[dict[str, Any]]], member: str, item: dict[str, Any]
) -> dict[str, list[dict[str, Any]]] | None:
    present = group.get(member, [])
    longer = [*present, item]
    if len(longer) > (MOST_VEHICLES if member == "coordinates" else MOST_LANES):
        return None
    if sum(len(one.get("pathGuidance", ())) for one in longer) > MOST_POINTS:
        return None
    return {**group, member: longer}


def _fits(value: dict[str, Any], encode: Encode | None, max_bytes: int | None) -> bool:
    return encode is None or max_bytes is None or len(encode(value)) <= max_bytes


def _vehicle(advice: VehicleAdvice, reference: dict[str, int]) -> dict[str, Any]:
    value: dict[str, Any] = {"vehId": check_identifier("RSC vehicle id", advice.vehicle_id)}
    if advice.behaviour:
        suggestion: dict[str, Any] = {"suggestion": behaviour_to_wire(advice.behaviour)}
        if advice.life_s is not None:
            suggestion["lifeTime"] = duration_to_wire(advice.life_s)
        if advice.link is not None:
            suggestion["relatedLink"] = link_to_wire(advice.link)
        if advice.corridor is not None:
            suggestion["relatedPath"] = corridor_to_wire(advice.corridor, reference)
        value["driveSuggestion"] = suggestion
    elif advice.life_s is not None or advice.link is not None or advice.corridor is not None:
        raise ValueError(f"RSC vehicle {advice.vehicle_id.hex()}: life, link and corridor belong to a behaviour")
    if advice.guidance is not None:
        value["pathGuidance"] = plan_to_wire(advice.guidance, reference)
    if advice.purposes:
        value["info"] = purposes_to_wire(advice.purposes)
    return value


def _lane(advice: LaneAdvice, reference: dict[str, int]) -> dict[str, Any]:
    value: dict[str, Any] = {"targetLane": link_to_wire(advice.link)}
    if advice.corridor is not None:
        value["relatedPath"] = corridor_to_wire(advice.corridor, reference)
    for member, utc_ns in (("tBegin", advice.begin_utc_ns), ("tEnd", advice.end_utc_ns)):
        if utc_ns is not None:
            value[member] = instant_to_wire(utc_ns)
    if advice.speed_mps is not None:
        value["recommendedSpeed"] = speed_to_wire(advice.speed_mps)
    if advice.behaviour:
        value["recommendedBehavior"] = behaviour_to_wire(advice.behaviour)
    if advice.purposes:
        value["info"] = purposes_to_wire(advice.purposes)
    if advice.text:
        if len(advice.text) > 512 or not advice.text.isascii():
            raise ValueError("RSC lane: text must be ASCII, at most 512 characters")
        value["description"] = ("textString", advice.text)
    return value
