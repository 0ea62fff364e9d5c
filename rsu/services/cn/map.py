"""MAP: road geometry around nodes, in as many messages as the byte limit asks (T/CSAE 53-2020 MSG_MAP)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rsu.services.cn.wire import bits_to_wire, offset_to_wire, position_to_wire, speed_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.geometry import MANEUVERS, LaneGeometry, LinkGeometry, NodeGeometry, node_reference, simplified
from rsu.services.instants import minute_of_year

MOST_POINTS = 31
LOOSEST_TOLERANCE_M = 0.8
"""A lane that needs more than 31 points is told more coarsely, down to this."""
MOST_NODES = 32
"""The smaller of the two Day I families' list sizes (63 and 32), so that both can encode the value."""
MANEUVER_BITS = MANEUVERS
_MANEUVER_SIZE = 12

Encode = Callable[[dict[str, Any]], bytes]


def build_maps(
    nodes: Sequence[NodeGeometry],
    *,
    counter: MessageCounter,
    generated_utc_ns: int | None = None,
    encode: Encode | None = None,
    max_bytes: int | None = None,
    tolerance_m: float = 0.1,
) -> list[dict[str, Any]]:
    """MapData values that together describe ``nodes``.

    Without ``encode`` and ``max_bytes`` there is one value. With both, nodes are packed in order as long as
    ``encode(value)`` stays within ``max_bytes``; a node that does not fit alone is split by link, each part
    carrying the node's head. Points stay within ``tolerance_m`` of the given polyline (coarser, up to 0.8 m,
    where 31 points would not do).
    ``generated_utc_ns`` (since 1970) sets timeStamp; None leaves it out, so that repeated content keeps its
    bytes. Every part takes a number of its own from ``counter``. ValueError: no node, more than 31 points
    needed, or a single link longer than ``max_bytes``.
    """
    if not nodes:
        raise ValueError("MAP: at least one node is required")
    head: dict[str, Any] = {"msgCnt": 0}
    if generated_utc_ns is not None:
        head["timeStamp"] = minute_of_year(generated_utc_ns)
    wire_nodes = [node_value(node, tolerance_m) for node in nodes]
    if encode is None or max_bytes is None:
        groups = [wire_nodes[i : i + MOST_NODES] for i in range(0, len(wire_nodes), MOST_NODES)]
    else:
        groups = _packed(wire_nodes, head, encode, max_bytes)
    return [{**head, "msgCnt": counter.next(), "nodes": group} for group in groups]


def _packed(
    nodes: list[dict[str, Any]], head: dict[str, Any], encode: Encode, max_bytes: int
) -> list[list[dict[str, Any]]]:
    """Groups of (possibly partial) nodes, each of which fits ``max_bytes``."""

    def size(group: list[dict[str, Any]]) -> int:
        return len(encode({**head, "nodes": group}))

    groups: list[list[dict[str, Any]]] = []
    for node in nodes:
        if groups and len(groups[-1]) < MOST_NODES and size([*groups[-1], node]) <= max_bytes:
            groups[-1].append(node)
        elif size([node]) <= max_bytes:
            groups.append([node])
        else:
            groups += [[part] for part in _split_by_link(node, size, max_bytes)]
    return groups


def _split_by_link(
    node: dict[str, Any], size: Callable[[list[dict[str, Any]]], int], max_bytes: int
) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for link in node.get("inLinks", []):
        if parts:
            longer = {**parts[-1], "inLinks": [*parts[-1]["inLinks"], link]}
            if size([longer]) <= max_bytes:
                parts[-1] = longer
                continue
        alone = {**node, "inLinks": [link]}
        needed = size([alone])
        if needed > max_bytes:
            raise ValueError(
                f"MAP of node {node.get('name', node['id']['id'])}, link {link.get('name', '?')}: "
                f"{needed} bytes, limit {max_bytes} bytes, and a single link cannot be split"
            )
        parts.append(alone)
    if not parts:
        raise ValueError(
            f"MAP of node {node.get('name', node['id']['id'])}: {size([node])} bytes, limit {max_bytes} bytes"
        )
    return parts


def node_value(node: NodeGeometry, tolerance_m: float = 0.1) -> dict[str, Any]:
    """Node: reference position is the node's own; offsets are true minus reference."""
    reference = position_to_wire(node.lon, node.lat, node.height_m)
    value: dict[str, Any] = {"id": node_reference(node.region, node.node), "refPos": reference}
    if node.name:
        value["name"] = _name(node.name)
    if node.links:
        value["inLinks"] = [_link_value(node, link, reference, tolerance_m) for link in node.links]
    return value


def _link_value(
    node: NodeGeometry, link: LinkGeometry, reference: dict[str, int], tolerance_m: float
) -> dict[str, Any]:
    where = f"MAP of node {node.name or node.node}, link {link.name or link.upstream_node}"
    if not 1 <= len(link.lanes) <= 32:
        raise ValueError(f"{where}: {len(link.lanes)} lanes, must be 1..32")
    value: dict[str, Any] = {
        "upstreamNodeId": node_reference(link.upstream_region, link.upstream_node),
        "linkWidth": _width(link.width_m, where),
        "lanes": [_lane_value(lane, reference, tolerance_m, where) for lane in link.lanes],
    }
    if link.name:
        value["name"] = _name(link.name)
    if link.speed_limit_mps is not None:
        value["speedLimits"] = _speed_limits(link.speed_limit_mps)
    if len(link.points):
        value["points"] = _point_list(link.points, reference, tolerance_m, where)
    if link.movements:
        value["movements"] = [
            _with_phase(_remote(region, remote), phase) for region, remote, phase in link.movements
        ]
    return value


def _lane_value(
    lane: LaneGeometry, reference: dict[str, int], tolerance_m: float, where: str
) -> dict[str, Any]:
    where = f"{where}, lane {lane.lane_id}"
    if not 1 <= lane.lane_id <= 254:
        raise ValueError(f"{where}: lane id must lie in 1..254")
    unknown = sorted(set(lane.maneuvers) - set(MANEUVERS))
    if unknown:
        raise ValueError(f"{where}: maneuver {unknown[0]!r} is none of {', '.join(MANEUVERS)}")
    value: dict[str, Any] = {
        "laneID": lane.lane_id,
        "laneWidth": _width(lane.width_m, where),
        "maneuvers": bits_to_wire(MANEUVER_BITS, lane.maneuvers, _MANEUVER_SIZE),
        "points": _point_list(lane.points, reference, tolerance_m, where),
    }
    if lane.connections:
        value["connectsTo"] = [
            _with_phase(
                {
                    **_remote(region, node),
                    **({"connectingLane": {"lane": remote_lane}} if remote_lane else {}),
                },
                phase,
            )
            for region, node, remote_lane, phase in lane.connections
        ]
    if lane.speed_limit_mps is not None:
        value["speedLimits"] = _speed_limits(lane.speed_limit_mps)
    return value


def _point_list(
    points: np.ndarray, reference: dict[str, int], tolerance_m: float, where: str
) -> list[dict[str, Any]]:
    chosen = simplified(points, tolerance_m)
    while len(chosen) > MOST_POINTS and tolerance_m * 2 <= LOOSEST_TOLERANCE_M:
        tolerance_m *= 2
        chosen = simplified(points, tolerance_m)
    if not 2 <= len(chosen) <= MOST_POINTS:
        raise ValueError(
            f"{where}: {len(chosen)} points within {tolerance_m} m of the true line, must be 2..{MOST_POINTS}"
        )
    return [{"posOffset": offset_to_wire(lon, lat, reference)} for lon, lat in chosen]


def _remote(region: int, node: int) -> dict[str, Any]:
    return {"remoteIntersection": node_reference(region, node)}


def _with_phase(value: dict[str, Any], phase_id: int) -> dict[str, Any]:
    return {**value, "phaseId": phase_id} if phase_id else value


def _width(width_m: float, where: str) -> int:
    width_cm = round(width_m * 100)
    if not 0 <= width_cm <= 32767:
        raise ValueError(f"{where}: width {width_m} m must lie in 0..327.67")
    return width_cm


def _speed_limits(speed_mps: float) -> list[dict[str, Any]]:
    return [{"type": "vehicleMaxSpeed", "speed": speed_to_wire(speed_mps)}]


def _name(name: str) -> str:
    return name.encode("ascii", "replace").decode()[:63]
