"""Lanes of decoded MapData values (T/CSAE 53-2020 MSG_MAP)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rsu.applications.road_map import RoadLane
from rsu.services.cn.map import MANEUVER_BITS
from rsu.services.cn.wire import bits_from_wire, offsets_from_wire, position_from_wire, speed_from_wire


def read_lanes(values: Iterable[dict[str, Any]]) -> list[RoadLane]:
    """Lanes of decoded MapData values, in the order they are stated."""
    return [lane for value in values for node in value["nodes"] for lane in lanes_of(node)]


def lanes_of(node: dict[str, Any]) -> Iterable[RoadLane]:
    """Lanes of one Node."""
    reference = node["refPos"]
    for link in node.get("inLinks", []):
        link_phases = tuple(m["phaseId"] for m in link.get("movements", []) if m.get("phaseId"))
        link_limit_mps = _limit(link)
        for lane in link["lanes"]:
            connections = [c["phaseId"] for c in lane.get("connectsTo", []) if c.get("phaseId")]
            own_limit_mps = _limit(lane)
            yield RoadLane(
                key=(*_node_key(node["id"]), *_node_key(link["upstreamNodeId"]), lane["laneID"]),
                width_m=_width(lane, link),
                points=offsets_from_wire([p["posOffset"] for p in lane.get("points", [])], reference),
                maneuvers=bits_from_wire(MANEUVER_BITS, lane["maneuvers"])
                if "maneuvers" in lane
                else frozenset(),
                phase_ids=tuple(sorted(set(connections or link_phases))),
                speed_limit_mps=link_limit_mps if math.isnan(own_limit_mps) else own_limit_mps,
            )


def _node_key(node_id: dict[str, int]) -> tuple[int, int]:
    return node_id.get("region", 0), node_id["id"]


def _width(lane: dict[str, Any], link: dict[str, Any]) -> float:
    """Lane width; else an equal part of the link's; else 3.5 m (assumption)."""
    if "laneWidth" in lane:
        return lane["laneWidth"] / 100
    if "linkWidth" in link:
        return link["linkWidth"] / 100 / len(link["lanes"])
    return 3.5


def _limit(item: dict[str, Any]) -> float:
    for limit in item.get("speedLimits", []):
        if limit["type"] == "vehicleMaxSpeed":
            return speed_from_wire(limit["speed"])
    return math.nan


def node_positions(value: dict[str, Any]) -> dict[tuple[int, int], tuple[float, float]]:
    """(region, node) -> (lon, lat) of the nodes of one decoded MapData."""
    return {_node_key(node["id"]): position_from_wire(node["refPos"]) for node in value["nodes"]}
