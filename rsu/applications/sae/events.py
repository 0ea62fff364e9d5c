"""Events and signs of decoded TravelerInformation values (SAE J2735)."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from rsu.applications.events import RoadEvent
from rsu.messages.dsrc.quantities import DEGREE
from rsu.services.dsrc.wire import nodes_from_wire, position_from_wire
from rsu.services.sae.tim import CATALOGUES

UNIT_ID_BYTES = 8
DEFAULT_HALF_WIDTH_M = 1.75
"""Where a region states no width (assumption)."""
_CODE = re.compile(rf"({'|'.join(map(re.escape, CATALOGUES.values()))}) ([0-9]{{1,5}})")
_KINDS = {catalogue: kind for kind, catalogue in CATALOGUES.items()}


def read_events(value: dict[str, Any]) -> list[RoadEvent]:
    """One event or sign per data frame.

    Code and kind come from the sender's first text where it names a national catalogue; else the code is the first ITIS
    code (0 = none) and the kind follows the frame's type. Only regions told as a path have one here.
    """
    unit_id = bytes(value.get("packetID", b""))[:UNIT_ID_BYTES]
    return [_read(unit_id, frame) for frame in value["dataFrames"]]


def _read(unit_id: bytes, frame: dict[str, Any]) -> RoadEvent:
    kind, code, text = _told(frame)
    paths, radii_m = [], []
    for region in frame["regions"]:
        points = _path(region)
        if len(points) >= 2:
            paths.append(points)
            radii_m.append(region["laneWidth"] / 200 if "laneWidth" in region else DEFAULT_HALF_WIDTH_M)
    form, sign = frame["msgId"]
    return RoadEvent(
        unit_id,
        frame["regions"][0].get("id", {}).get("id", 0),
        kind,
        code,
        _position(sign["position"]) if form == "roadSignID" else None,
        tuple(paths),
        tuple(radii_m),
        frame["priority"],
        text,
    )


def _position(position: dict[str, int]) -> tuple[float, float] | None:
    lon, lat = position_from_wire(position)
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None


def _told(frame: dict[str, Any]) -> tuple[str, int, str]:
    """(kind, code, text) of a frame's content."""
    form, items = frame["content"]
    kind = "sign" if frame["frameType"] == "roadSignage" else "event"
    codes = [item["item"][1] for item in items if item["item"][0] == "itis"]
    texts = [item["item"][1] for item in items if item["item"][0] == "text"]
    named = _CODE.fullmatch(texts[0]) if texts else None
    between = " " if form == "advisory" else ""
    if named is not None:
        return _KINDS[named[1]], int(named[2]), between.join(texts[1:])
    return kind, codes[0] if codes else 0, between.join(texts)


def _path(region: dict[str, Any]) -> np.ndarray:
    """(n, 2) points of a region told as a path from its anchor, empty for any other form."""
    nothing = np.empty((0, 2))
    description: tuple[str, dict[str, Any]] = region.get("description") or ("", {})
    form, value = description
    if form != "path" or "anchor" not in region:
        return nothing
    system, (kind, nodes) = value["offset"]
    if kind != "nodes":
        return nothing
    zoom = value.get("scale", 0)
    if system == "xy":
        return nodes_from_wire(nodes, region["anchor"], zoom)
    return _degree_nodes(nodes, region["anchor"], zoom)


def _degree_nodes(nodes: list[dict[str, Any]], anchor: dict[str, int], zoom: int) -> np.ndarray:
    """Points of a NodeSetLL; the list ends before a node of a form nobody knows."""
    lon, lat = anchor["long"], anchor["lat"]
    places = []
    for node in nodes:
        kind, value = node["delta"]
        if kind == "node-LatLon":
            lon, lat = value["lon"], value["lat"]
        elif kind is not None and kind.startswith("node-LL"):
            lon, lat = lon + (value["lon"] << zoom), lat + (value["lat"] << zoom)
        else:
            break
        places.append((lon * DEGREE, lat * DEGREE))
    return np.array(places, np.float64).reshape(-1, 2)
