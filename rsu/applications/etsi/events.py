"""Events of decoded DENMs and signs of decoded IVIMs (EN 302 637-3 v1.3.1, ISO TS 19321)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rsu.applications.events import RoadEvent
from rsu.services.etsi.wire import CODE_OF_CAUSE, points_of, position_of, unit_id_of

ASSUMED_HALF_WIDTH_M = 10.0
"""Half width of a line whose message states none (assumption: a carriageway from its middle)."""


def read_denm(value: dict[str, Any]) -> list[RoadEvent]:
    """The event of one DENM, none where it is cancelled or negated.

    Paths: the event's own points, then each trace turned into driving direction. An event without points of its own is
    a path of no length at its position, reached by its traces. Priority and text are not told.
    """
    denm = value["denm"]
    management = denm["management"]
    if "termination" in management:
        return []
    reference = management["eventPosition"]
    situation = denm.get("situation") or {}
    history = points_of(reference, [point["eventPosition"] for point in situation.get("eventHistory", [])])
    traces = [
        points_of(reference, [point["pathPosition"] for point in trace])[::-1]
        for trace in (denm.get("location") or {}).get("traces", [])
    ]
    place = position_of(reference)
    if not len(history):
        traces = [np.concatenate([trace, [place]]) for trace in traces if len(trace)]
    paths = tuple(line for line in (history, *traces) if len(line))
    cause = (situation.get("eventType") or {}).get("causeCode", 0)
    action = management["actionID"]
    return [RoadEvent(
        unit_id_of(action["originatingStationID"]), action["sequenceNumber"], "event", CODE_OF_CAUSE.get(cause, 0),
        place if np.isfinite(place).all() else None, paths, (ASSUMED_HALF_WIDTH_M,) * len(paths), 0, "",
    )]


def read_ivim(value: dict[str, Any]) -> list[RoadEvent]:
    """Signs of one IVIM, one per part of its general containers; none of a message that takes a sign back.

    Paths: the relevance zones, then the detection zones. The number is that of the message less one; the code is the
    pictogram of a provider's catalogue, 0 for other catalogues.
    """
    mandatory = value["ivi"]["mandatory"]
    if mandatory["iviStatus"] >= 2:
        return []
    containers = [container for container in value["ivi"].get("optional", ()) if container[0] is not None]
    zones: dict[int, tuple[np.ndarray, float]] = {}
    place: tuple[float, float] | None = None
    for name, content in containers:
        if name == "glc":
            place = position_of(content["referencePosition"])
            zones |= _zones(content)
    unit_id = unit_id_of(value["header"]["stationID"])
    number = mandatory["iviIdentificationNumber"] - 1
    where = place if place is not None and np.isfinite(place).all() else None
    return [
        _sign(unit_id, number, where, part, zones)
        for name, content in containers if name == "giv" for part in content
    ]


def _sign(
    unit_id: bytes, number: int, place: tuple[float, float] | None, part: dict[str, Any],
    zones: dict[int, tuple[np.ndarray, float]],
) -> RoadEvent:
    named = [*part.get("relevanceZoneIds", ()), *part.get("detectionZoneIds", ())]
    lines = [zones[zone] for zone in named if zone in zones]
    text = part.get("extraText") or [{"textContent": ""}]
    return RoadEvent(
        unit_id, number, "sign", _code(part["roadSignCodes"]), place, tuple(line for line, _ in lines),
        tuple(radius_m for _, radius_m in lines), 0, str(text[0]["textContent"]),
    )


def _code(codes: list[dict[str, Any]]) -> int:
    kind, content = codes[0]["code"] if codes else (None, None)
    return int(content["pictogramCode"]) if kind == "anyCatalogue" and content else 0


def _zones(container: dict[str, Any]) -> dict[int, tuple[np.ndarray, float]]:
    """Zone number -> (line, half width) of the zones that are segments."""
    zones = {}
    for part in container["parts"]:
        kind, zone = part.get("zone") or (None, None)
        if kind != "segment" or zone is None:
            continue
        line = _line(container["referencePosition"], *zone["line"])
        if len(line):
            width_cm = zone.get("laneWidth")
            zones[part["zoneId"]] = (line, ASSUMED_HALF_WIDTH_M if width_cm is None else width_cm / 200)
    return zones


def _line(reference: dict[str, Any], kind: str | None, points: Any) -> np.ndarray:
    if kind in ("deltaPositions", "deltaPositionsWithAltitude"):
        return points_of(reference, points)
    if kind in ("absolutePositions", "absolutePositionsWithAltitude"):
        line = np.array([position_of(point) for point in points], np.float64).reshape(-1, 2)
        return line[np.isfinite(line).all(axis=1)]
    return np.empty((0, 2))
