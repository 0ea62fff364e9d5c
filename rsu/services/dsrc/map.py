"""MapData: intersections with their incoming lanes, in as many messages as the byte limit asks (ETSI TS 103 301,
MAPEM).

Lanes of all links of a node are numbered 1, 2, … in the order given, because LaneID is unique per intersection. A
connection names the receiving lane by its LaneID at the remote intersection, 0 (not known) where the same call does not
describe that lane. Nodes of an incoming lane run from the stop line against the driving direction, as the standard
has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rsu.services.counter import MessageCounter
from rsu.services.dsrc.wire import (
    MOST_NODES,
    bits_to_wire,
    name_to_wire,
    nodes_to_wire,
    position_to_wire,
    speed_limits_to_wire,
)
from rsu.services.geometry import MANEUVERS, LaneGeometry, LinkGeometry, NodeGeometry, node_reference, simplified

Encode = Callable[[dict[str, Any]], bytes]
"""MapData value to the octets that count against the limit (with frame or header)."""

RemoteLanes = Mapping[tuple[int, int], Mapping[tuple[int, int, int], int]]
"""(region, node) -> what :func:`lane_numbers` says of it."""

LOOSEST_TOLERANCE_M = 0.8
"""A lane that needs more than 63 nodes is told more coarsely, down to this."""
MOST_INTERSECTIONS, MOST_LANES, MOST_CONNECTIONS = 32, 254, 16
LARGEST_WIDTH_STEP_CM = 511
INGRESS = "ingressPath"
LANE_DIRECTION = (INGRESS, "egressPath")
_MANEUVER_SIZE = 12


def build_maps(
    nodes: Sequence[NodeGeometry],
    *,
    counter: MessageCounter,
    encode: Encode | None = None,
    max_bytes: int | None = None,
    tolerance_m: float = 0.1,
) -> list[dict[str, Any]]:
    """MapData values that together describe ``nodes``; all carry the same new revision from ``counter``.

    Without ``encode`` and ``max_bytes`` there is one value per 32 nodes. With both, nodes are packed in order as
    long as ``encode(value)`` stays within ``max_bytes``; a node that does not fit alone is split by lane, each part
    carrying the node's head. Of several parts, layerID tells number and count: ten times the count plus the number
    up to nine parts, the number alone beyond (assumption). Points stay within ``tolerance_m`` of the given polyline
    (coarser, up to 0.8 m, where 63 nodes would not do). No time is carried, so the same content keeps its octets.

    Nodes without lanes are left out: the set cannot tell them.

    ValueError: no node, more than 254 lanes at a node, more than 63 nodes needed, a
    single lane longer than ``max_bytes``, more than 100 parts, or a figure out of range; the text names the node.
    """
    if not nodes:
        raise ValueError("MAP: at least one node is required")
    revision = counter.next()
    told = [node for node in nodes if any(link.lanes for link in node.links)]
    numbers: RemoteLanes = {(node.region, node.node): lane_numbers(node) for node in told}
    intersections = [intersection_value(node, revision, tolerance_m, numbers) for node in told]
    head = {"msgIssueRevision": revision, "layerType": "intersectionData", "layerID": 0}
    if encode is None or max_bytes is None:
        step = MOST_INTERSECTIONS
        groups = [intersections[i : i + step] for i in range(0, len(intersections), step)]
    else:
        groups = _packed(intersections, head, encode, max_bytes)
    if len(groups) > 100:
        raise ValueError(f"MAP: {len(groups)} parts, at most 100")
    return [{**_numbered(head, number, len(groups)), "intersections": group} for number, group in enumerate(groups, 1)]


def lane_numbers(node: NodeGeometry) -> dict[tuple[int, int, int], int]:
    """(upstream region, upstream node, lane id) -> LaneID in the messages."""
    return {
        (link.upstream_region, link.upstream_node, lane.lane_id): number for number, link, lane in _numbered_lanes(node)
    }


def intersection_value(
    node: NodeGeometry, revision: int, tolerance_m: float = 0.1, remote: RemoteLanes | None = None
) -> dict[str, Any]:
    """IntersectionGeometry; width and speed limit of the first lane hold for all that state no other.

    ``remote``: lane numbers of the intersections that connections may lead to.
    """
    where = f"MAP of node {node.name or node.node}"
    reference = position_to_wire(node.lon, node.lat, node.height_m)
    rows = list(_numbered_lanes(node))
    if not 1 <= len(rows) <= MOST_LANES:
        raise ValueError(f"{where}: {len(rows)} lanes, must be 1..{MOST_LANES}")
    width_cm, limit_mps = _width_cm(rows[0][2], where), _limit(rows[0][1], rows[0][2])
    value: dict[str, Any] = {
        "id": node_id(node.region, node.node), "revision": revision, "refPoint": reference, "laneWidth": width_cm,
        "laneSet": [
            _lane_value(number, link, lane, reference, (width_cm, limit_mps), tolerance_m, where)
            | _connected(node, link, lane, remote or {}, where)
            for number, link, lane in rows
        ],
    }
    if node.name:
        value["name"] = name_to_wire(node.name)
    if limit_mps is not None:
        value["speedLimits"] = speed_limits_to_wire(limit_mps)
    return value


def node_id(region: int, node: int) -> dict[str, int]:
    """IntersectionReferenceID; ValueError outside 0..65535."""
    return node_reference(region, node)


def _numbered(head: dict[str, Any], number: int, count: int) -> dict[str, Any]:
    if count == 1:
        return {name: value for name, value in head.items() if name != "layerID"}
    return {**head, "layerID": 10 * count + number if count <= 9 else number}


def _packed(
    intersections: list[dict[str, Any]], head: dict[str, Any], encode: Encode, max_bytes: int
) -> list[list[dict[str, Any]]]:
    """Groups of (possibly partial) intersections, each of which fits ``max_bytes``."""

    def size(group: list[dict[str, Any]]) -> int:
        return len(encode({**head, "intersections": group}))

    groups: list[list[dict[str, Any]]] = []
    for one in intersections:
        if groups and len(groups[-1]) < MOST_INTERSECTIONS and size([*groups[-1], one]) <= max_bytes:
            groups[-1].append(one)
        elif size([one]) <= max_bytes:
            groups.append([one])
        else:
            groups += [[part] for part in _split_by_lane(one, size, max_bytes)]
    return groups


def _split_by_lane(
    one: dict[str, Any], size: Callable[[list[dict[str, Any]]], int], max_bytes: int
) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for lane in one["laneSet"]:
        if parts:
            longer = {**parts[-1], "laneSet": [*parts[-1]["laneSet"], lane]}
            if size([longer]) <= max_bytes:
                parts[-1] = longer
                continue
        alone = {**one, "laneSet": [lane]}
        if (needed := size([alone])) > max_bytes:
            raise ValueError(
                f"MAP of node {one.get('name', one['id']['id'])}, lane {lane['laneID']}: {needed} bytes, "
                f"limit {max_bytes} bytes, and a single lane cannot be split"
            )
        parts.append(alone)
    return parts


def _numbered_lanes(node: NodeGeometry) -> Iterator[tuple[int, LinkGeometry, LaneGeometry]]:
    number = 0
    for link in node.links:
        for lane in link.lanes:
            number += 1
            yield number, link, lane


def _lane_value(
    number: int, link: LinkGeometry, lane: LaneGeometry, reference: dict[str, int],
    common: tuple[int, float | None], tolerance_m: float, where: str,
) -> dict[str, Any]:
    where = f"{where}, link {link.name or link.upstream_node}, lane {lane.lane_id}"
    unknown = sorted(set(lane.maneuvers) - set(MANEUVERS))
    if unknown:
        raise ValueError(f"{where}: maneuver {unknown[0]!r} is none of {', '.join(MANEUVERS)}")
    nodes = _nodes(lane, reference, tolerance_m, where)
    if attributes := _attributes(_width_cm(lane, where), _limit(link, lane), common, where):
        nodes[0]["attributes"] = attributes
    value: dict[str, Any] = {
        "laneID": number,
        "laneAttributes": {
            "directionalUse": bits_to_wire(LANE_DIRECTION, (INGRESS,), 2), "sharedWith": bits_to_wire((), (), 10),
            "laneType": ("vehicle", ("size8", (b"\0", 8))),
        },
        "maneuvers": bits_to_wire(MANEUVERS, lane.maneuvers, _MANEUVER_SIZE),
        "nodeList": ("nodes", nodes),
    }
    return value


def _nodes(
    lane: LaneGeometry, reference: dict[str, int], tolerance_m: float, where: str
) -> list[dict[str, Any]]:
    chosen = simplified(lane.points, tolerance_m)
    while len(chosen) > MOST_NODES and tolerance_m * 2 <= LOOSEST_TOLERANCE_M:
        tolerance_m *= 2
        chosen = simplified(lane.points, tolerance_m)
    try:
        return nodes_to_wire(chosen[::-1], reference)
    except ValueError as error:
        raise ValueError(f"{where}: {error} (line kept within {tolerance_m} m)") from error


def _attributes(
    width_cm: int, limit_mps: float | None, common: tuple[int, float | None], where: str
) -> dict[str, Any]:
    """What the lane's first node says where the lane differs from the intersection's width and limit."""
    step_cm = width_cm - common[0]
    if abs(step_cm) > LARGEST_WIDTH_STEP_CM:
        raise ValueError(
            f"{where}: width differs by {step_cm} cm from the first lane's, at most {LARGEST_WIDTH_STEP_CM}"
        )
    value: dict[str, Any] = {"dWidth": step_cm} if step_cm else {}
    if limit_mps != common[1]:
        stated = limit_mps if limit_mps is not None else math.nan
        value["data"] = [("speedLimits", speed_limits_to_wire(stated))]
    return value


def _connected(
    node: NodeGeometry, link: LinkGeometry, lane: LaneGeometry, remote: RemoteLanes, where: str
) -> dict[str, Any]:
    """connectsTo with the connections of the lane, else the movements of its link; nothing without either."""
    rows = lane.connections or tuple((region, other, 0, phase) for region, other, phase in link.movements)
    if len(rows) > MOST_CONNECTIONS:
        raise ValueError(f"{where}, lane {lane.lane_id}: {len(rows)} connections, at most {MOST_CONNECTIONS}")
    connections = [
        {
            "connectingLane": {"lane": remote.get((region, other), {}).get((node.region, node.node, remote_lane), 0)},
            "remoteIntersection": node_id(region, other), **({"signalGroup": phase} if phase else {}),
        }
        for region, other, remote_lane, phase in rows
    ]
    return {"connectsTo": connections} if connections else {}


def _limit(link: LinkGeometry, lane: LaneGeometry) -> float | None:
    return link.speed_limit_mps if lane.speed_limit_mps is None else lane.speed_limit_mps


def _width_cm(lane: LaneGeometry, where: str) -> int:
    width_cm = round(lane.width_m * 100)
    if not 0 <= width_cm <= 32767:
        raise ValueError(f"{where}: width {lane.width_m} m must lie in 0..327.67")
    return width_cm
