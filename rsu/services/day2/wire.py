"""Both directions between SI values and what several second-phase messages share (T/CSAE 157-2020).

Reading lives with whatever a lenient decoder lets through: unknown enumerations, numbers out of range, empty parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from rsu.messages.cn.quantities import QUANTITIES
from rsu.services.cn.wire import (
    bits_from_wire,
    bits_to_wire,
    heading_from_wire,
    heading_to_wire,
    offset_from_wire,
    offset_to_wire,
    offsets_from_wire,
    speed_from_wire,
    speed_to_wire,
)
from rsu.services.day2.described import BEHAVIOURS, PURPOSES, Corridor, LinkSpan, Node, PathPlan
from rsu.services.instants import MINUTE_NS, SECOND_NS, millisecond_of_minute

Value = dict[str, Any]
MOST_PLAN_POINTS = 100
FEWEST_LINE_POINTS, MOST_LINE_POINTS = 2, 32
_TIME = QUANTITIES["TimeOffset"]
_RADIUS_STEP_M, _MOST_RADIUS = 0.1, 65_535
_LANE_BITS = 16


def check_identifier(what: str, identifier: bytes) -> bytes:
    """The identifier, which must have 8 octets; ValueError otherwise."""
    if len(identifier) != 8:
        raise ValueError(f"{what} {identifier.hex()}: must be 8 octets")
    return identifier


def check_names(what: str, names: Iterable[str], allowed: tuple[str, ...]) -> None:
    """ValueError naming the first of ``names`` that is not allowed."""
    for name in names:
        if name not in allowed:
            raise ValueError(f"{what} {name!r} is none of {', '.join(allowed)}")


def duration_to_wire(seconds: float) -> int:
    """TimeOffset of a duration in s, 0.01 s steps, saturated at 0.01 s and 655.34 s; NaN becomes "unavailable"."""
    return int(_TIME.to_wire(seconds))


def duration_from_wire(code: int) -> float:
    """Seconds, NaN when unavailable."""
    return float(_TIME.from_wire(code))


def node_to_wire(node: Node) -> Value:
    """NodeReferenceID of (region, node)."""
    region, number = node
    if not (0 <= region <= 65_535 and 0 <= number <= 65_535):
        raise ValueError(f"node {node}: region and number must lie in 0..65535")
    return {"region": region, "id": number}


def node_from_wire(value: Value) -> Node:
    """(region, node); region 0 where left out."""
    return value.get("region", 0), value["id"]


def behaviour_to_wire(names: frozenset[str]) -> tuple[bytes, int]:
    """DriveBehavior of neutral names."""
    check_names("behaviour", names, BEHAVIOURS)
    return bits_to_wire(BEHAVIOURS, names, len(BEHAVIOURS))


def behaviour_from_wire(value: tuple[bytes, int] | None) -> frozenset[str]:
    """Neutral names of a DriveBehavior; empty where left out."""
    return frozenset() if value is None else bits_from_wire(BEHAVIOURS, value)


def purposes_to_wire(names: frozenset[str]) -> tuple[bytes, int]:
    """CoordinationInfo of neutral names."""
    check_names("purpose", names, PURPOSES)
    return bits_to_wire(PURPOSES, names, len(PURPOSES))


def purposes_from_wire(value: tuple[bytes, int] | None) -> frozenset[str]:
    """Neutral names of a CoordinationInfo; empty where left out."""
    return frozenset() if value is None else bits_from_wire(PURPOSES, value)


def plan_to_wire(plan: PathPlan, reference: Value) -> list[Value]:
    """PathPlanning: offsets from the Position3D ``reference``; what is NaN is left out."""
    if not 1 <= len(plan) <= MOST_PLAN_POINTS:
        raise ValueError(f"path plan: {len(plan)} points, must be 1 to {MOST_PLAN_POINTS}")
    columns = [np.asarray(c).tolist() for c in (plan.lon, plan.lat, plan.speed_mps, plan.heading_deg, plan.after_s)]
    return [
        point_to_wire(lon, lat, speed, heading, after, reference)
        for lon, lat, speed, heading, after in zip(*columns, strict=True)
    ]


def point_to_wire(lon: float, lat: float, speed_mps: float, heading_deg: float, after_s: float,
                  reference: Value) -> Value:
    """PathPlanningPoint; what is NaN is left out, but the place must be there."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise ValueError(f"path plan: point at lon {lon}, lat {lat}: must be finite")
    point: Value = {"pos": offset_to_wire(lon, lat, reference)}
    if not math.isnan(speed_mps):
        point["speed"] = speed_to_wire(speed_mps)
    if not math.isnan(heading_deg):
        point["heading"] = heading_to_wire(heading_deg)
    if not math.isnan(after_s):
        point["estimatedTime"] = duration_to_wire(after_s)
    return point


def plan_from_wire(points: list[Value], reference: Value) -> PathPlan:
    """The plan with NaN where a member is left out or unavailable."""
    places = offsets_from_wire([point["pos"] for point in points], reference)
    return PathPlan(
        places[:, 0], places[:, 1],
        np.array([speed_from_wire(point["speed"]) if "speed" in point else math.nan for point in points]),
        np.array([heading_from_wire(point["heading"]) if "heading" in point else math.nan for point in points]),
        np.array([duration_from_wire(p["estimatedTime"]) if "estimatedTime" in p else math.nan for p in points]),
    )


def point_from_wire(point: Value, reference: Value) -> tuple[float, float]:
    """(lon, lat) of a PathPlanningPoint."""
    return offset_from_wire(point["pos"], reference)


def link_to_wire(link: LinkSpan) -> Value:
    """ReferenceLink; lanes are bits 1..15."""
    value: Value = {
        "upstreamNodeId": node_to_wire(link.upstream),
        "downstreamNodeId": node_to_wire(link.downstream),
    }
    if link.lanes:
        if not all(1 <= lane < _LANE_BITS for lane in link.lanes):
            raise ValueError(f"lanes {sorted(link.lanes)}: must lie in 1..{_LANE_BITS - 1}")
        number = sum(1 << (_LANE_BITS - 1 - lane) for lane in link.lanes)
        value["referenceLanes"] = (number.to_bytes(2, "big"), _LANE_BITS)
    return value


def link_from_wire(value: Value) -> LinkSpan:
    """The link with the lanes named."""
    octets, size = value.get("referenceLanes", (b"", 0))
    lanes = frozenset(lane for lane in range(1, size) if octets[lane // 8] >> (7 - lane % 8) & 1)
    return LinkSpan(node_from_wire(value["upstreamNodeId"]), node_from_wire(value["downstreamNodeId"]), lanes)


def corridor_to_wire(corridor: Corridor, reference: Value) -> Value:
    """ReferencePath."""
    points = np.asarray(corridor.points, np.float64).reshape(-1, 2)
    if not FEWEST_LINE_POINTS <= len(points) <= MOST_LINE_POINTS:
        raise ValueError(f"line of {len(points)} points: must have {FEWEST_LINE_POINTS} to {MOST_LINE_POINTS}")
    radius = round(corridor.half_width_m / _RADIUS_STEP_M)
    if not 0 <= radius <= _MOST_RADIUS:
        raise ValueError(f"half width {corridor.half_width_m} m: must lie in 0..6553.5")
    return {"activePath": [offset_to_wire(lon, lat, reference) for lon, lat in points], "pathRadius": radius}


def corridor_from_wire(value: Value, reference: Value) -> Corridor:
    """Line and half width."""
    return Corridor(offsets_from_wire(value["activePath"], reference), value["pathRadius"] * _RADIUS_STEP_M)


def instant_to_wire(utc_ns: int) -> Value:
    """DDateTime in UTC, offset 0."""
    when = datetime.fromtimestamp(utc_ns // SECOND_NS, UTC)
    return {
        "year": when.year, "month": when.month, "day": when.day, "hour": when.hour, "minute": when.minute,
        "second": millisecond_of_minute(utc_ns), "offset": 0,
    }


def instant_from_wire(value: Value, near_utc_ns: int) -> int | None:
    """Instant of a DDateTime; members left out are those of ``near_utc_ns``; None where they make no date."""
    minutes = value.get("offset", 0)
    near = datetime.fromtimestamp(near_utc_ns // SECOND_NS, UTC) + timedelta(minutes=minutes)
    parts = {name: value.get(name, getattr(near, name)) for name in ("year", "month", "day", "hour", "minute")}
    milliseconds = value.get("second", 0)
    if milliseconds > 60_999:
        return None
    try:
        start = datetime(**parts, tzinfo=UTC)
    except ValueError:
        return None
    return round(start.timestamp()) * SECOND_NS - minutes * MINUTE_NS + milliseconds * 1_000_000
