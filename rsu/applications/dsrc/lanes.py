"""Lanes of decoded MapData values (ETSI TS 103 301): the incoming vehicle lanes of intersections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rsu.applications.road_map import RoadLane
from rsu.services.dsrc.map import INGRESS, LANE_DIRECTION
from rsu.services.dsrc.wire import bits_from_wire, nodes_from_wire, position_from_wire, speed_limit_from_wire
from rsu.services.geometry import MANEUVERS

DEFAULT_WIDTH_M = 3.5
"""Where a message states none (assumption)."""


def read_lanes(values: Iterable[dict[str, Any]]) -> list[RoadLane]:
    """Incoming lanes of decoded MapData values, in the order they are stated; key (region, id, 0, 0, LaneID).

    Lanes computed from others, lanes for other than vehicles and outgoing lanes are left out.
    """
    return [
        lane
        for value in values
        for intersection in value.get("intersections", ())
        for lane in lanes_of(intersection)
    ]


def lanes_of(intersection: dict[str, Any]) -> Iterable[RoadLane]:
    """Incoming vehicle lanes of one IntersectionGeometry."""
    reference = intersection["refPoint"]
    node = intersection["id"]
    common_limit_mps = speed_limit_from_wire(intersection.get("speedLimits", ()))
    for lane in intersection["laneSet"]:
        attributes = lane["laneAttributes"]
        incoming = INGRESS in bits_from_wire(LANE_DIRECTION, attributes["directionalUse"])
        form, nodes = lane["nodeList"]
        if not incoming or form != "nodes" or attributes["laneType"][0] != "vehicle":
            continue
        stated = nodes[0].get("attributes") or {}
        own_limit_mps = _own_limit(stated)
        groups = {one["signalGroup"] for one in lane.get("connectsTo", ()) if one.get("signalGroup")}
        yield RoadLane(
            key=(node.get("region", 0), node["id"], 0, 0, lane["laneID"]),
            width_m=_width(intersection, stated),
            points=np.ascontiguousarray(nodes_from_wire(nodes, reference)[::-1]),
            maneuvers=bits_from_wire(MANEUVERS, lane["maneuvers"]) if "maneuvers" in lane else frozenset(),
            phase_ids=tuple(sorted(groups)),
            speed_limit_mps=common_limit_mps if own_limit_mps is None else own_limit_mps,
        )


def node_positions(value: dict[str, Any]) -> dict[tuple[int, int], tuple[float, float]]:
    """(region, node) -> (lon, lat) of the intersections of one decoded MapData."""
    return {
        (one["id"].get("region", 0), one["id"]["id"]): position_from_wire(one["refPoint"])
        for one in value.get("intersections", ())
    }


def _width(intersection: dict[str, Any], stated: dict[str, Any]) -> float:
    """Width at the stop line."""
    if "laneWidth" not in intersection:
        return DEFAULT_WIDTH_M
    return (intersection["laneWidth"] + stated.get("dWidth", 0)) / 100


def _own_limit(stated: dict[str, Any]) -> float | None:
    """The lane's own limit (NaN: it says that there is none), None where it states nothing."""
    for kind, value in stated.get("data", ()):
        if kind == "speedLimits" and any(limit["type"] == "vehicleMaxSpeed" for limit in value):
            return speed_limit_from_wire(value)
    return None
