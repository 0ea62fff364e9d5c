"""TIM: traffic events and signs with the stretch on which they hold (SAE J2735 TravelerInformation).

One data frame per event or sign. J2735 tells content by ITIS codes; no table from the national codes to ITIS was
found, so the code travels as a text item that names its catalogue, followed by the operator's text. A TIM has no
number for an event: it goes into the road segment id of the first region (own convention).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from rsu.services.counter import MessageCounter
from rsu.services.described import EventDescription, UnitDescription
from rsu.services.dsrc.wire import MOST_NODES, nodes_to_wire, position_to_wire
from rsu.services.geometry import metric_offsets, simplified
from rsu.services.instants import MINUTE_NS, SECOND_NS, minute_of_year

Encode = Callable[[dict[str, Any]], bytes]

CATALOGUES = {"event": "GB/T 29100", "sign": "GB 5768"}
"""Kind -> catalogue of its codes, as the first text item says it before the code."""
FRAME_TYPES = {"event": "advisory", "sign": "roadSignage"}
MOST_FRAMES, MOST_REGIONS, MOST_PHRASES = 8, 16, 16
LONGEST_TEXT, LONGEST_PHRASE = 500, 16
FOREVER_MIN, LONGEST_MIN = 32_000, 31_999
LARGEST_WIDTH_CM = 32_767
_SLICES, _SLICE_DEG = 16, 22.5
_ALL_DIRECTIONS = (b"\xff\xff", _SLICES)


def build_tims(
    unit: UnitDescription,
    events: Sequence[EventDescription],
    *,
    counter: MessageCounter,
    generated_utc_ns: int,
    encode: Encode | None = None,
    max_bytes: int | None = None,
    tolerance_m: float = 0.5,
) -> list[dict[str, Any]]:
    """TravelerInformation values that together announce ``events``; none for an empty list.

    Each holds at most 8 frames and, when ``encode`` and ``max_bytes`` are given, encodes within the limit. Paths
    stay within ``tolerance_m`` of the given line, in regions of at most 63 nodes; the way towards an event is a
    further region. An event without a start starts at ``generated_utc_ns``, one without an end holds for ever;
    times are whole minutes, the duration is rounded up. ValueError names the event and the rule.
    """
    head: dict[str, Any] = {"msgCnt": 0, "packetID": unit.unit_id + b"\0"}
    groups: list[list[dict[str, Any]]] = []
    for event in events:
        frame = _frame(event, generated_utc_ns, tolerance_m)
        if groups and _fits({**head, "dataFrames": [*groups[-1], frame]}, encode, max_bytes):
            groups[-1].append(frame)
            continue
        if not _fits({**head, "dataFrames": [frame]}, encode, max_bytes):
            raise ValueError(f"TIM {event.kind} {event.id}: alone longer than {max_bytes} bytes")
        groups.append([frame])
    values = []
    for frames in groups:
        number = counter.next()
        values.append({**head, "msgCnt": number, "packetID": unit.unit_id + bytes([number]), "dataFrames": frames})
    return values


def _fits(value: dict[str, Any], encode: Encode | None, max_bytes: int | None) -> bool:
    if len(value["dataFrames"]) > MOST_FRAMES:
        return False
    return encode is None or max_bytes is None or len(encode(value)) <= max_bytes


def _frame(event: EventDescription, generated_utc_ns: int, tolerance_m: float) -> dict[str, Any]:
    where = f"TIM {event.kind} {event.id}"
    if event.kind not in FRAME_TYPES:
        raise ValueError(f"{where}: kind must be one of {', '.join(FRAME_TYPES)}")
    if not 0 <= event.id <= 255:
        raise ValueError(f"{where}: id must lie in 0..255")
    if not 0 <= event.priority_level <= 7:
        raise ValueError(f"{where}: priority level {event.priority_level} must lie in 0..7")
    start_ns = generated_utc_ns if event.start_utc_ns is None else event.start_utc_ns
    return {
        "doNotUse1": 0, "doNotUse2": 0, "doNotUse3": 0, "doNotUse4": 0,
        "frameType": FRAME_TYPES[event.kind],
        "msgId": ("roadSignID", {
            "position": position_to_wire(event.lon, event.lat), "viewAngle": _ALL_DIRECTIONS,
            "mutcdCode": "warning" if event.kind == "event" else "regulatory",
        }),
        "startYear": datetime.fromtimestamp(start_ns // SECOND_NS, UTC).year,
        "startTime": minute_of_year(start_ns),
        "durationTime": _duration_min(start_ns, event.end_utc_ns, where),
        "priority": event.priority_level,
        "regions": _regions(event, tolerance_m, where),
        "content": _content(event),
    }


def _duration_min(start_ns: int, end_ns: int | None, where: str) -> int:
    if end_ns is None:
        return FOREVER_MIN
    if end_ns < start_ns:
        raise ValueError(f"{where}: ends before it starts")
    return min(-(-(end_ns - start_ns // MINUTE_NS * MINUTE_NS) // MINUTE_NS), LONGEST_MIN)


def _regions(event: EventDescription, tolerance_m: float, where: str) -> list[dict[str, Any]]:
    width_cm = round(event.radius_m * 200)
    if not 0 < width_cm <= LARGEST_WIDTH_CM:
        raise ValueError(f"{where}: half width {event.radius_m} m must lie in 0..{LARGEST_WIDTH_CM / 200}, 0 excluded")
    pieces = _pieces(event.path, tolerance_m, where)
    if event.approach is not None:
        pieces += _pieces(event.approach, tolerance_m, where)
    if len(pieces) > MOST_REGIONS:
        raise ValueError(f"{where}: {len(pieces)} regions, at most {MOST_REGIONS}")
    regions = [_region(piece, width_cm) for piece in pieces]
    regions[0]["id"] = {"id": event.id}
    return regions


def _pieces(path: np.ndarray, tolerance_m: float, where: str) -> list[np.ndarray]:
    """The path in pieces of at most 63 points, each starting where the one before ends."""
    points = simplified(path, tolerance_m)
    if len(points) < 2:
        raise ValueError(f"{where}: a path needs two points")
    step = MOST_NODES - 1
    return [points[i : i + MOST_NODES] for i in range(0, len(points) - 1, step)]


def _region(points: np.ndarray, width_cm: int) -> dict[str, Any]:
    anchor = position_to_wire(float(points[0, 0]), float(points[0, 1]))
    return {
        "anchor": anchor, "laneWidth": width_cm, "directionality": "forward", "closedPath": False,
        "direction": _headings(points),
        "description": ("path", {"offset": ("xy", ("nodes", nodes_to_wire(points, anchor)))}),
    }


def _headings(points: np.ndarray) -> tuple[bytes, int]:
    """HeadingSlice with the sectors of every piece of the line."""
    step = np.diff(metric_offsets(points, points[0, 0], points[0, 1]), axis=0)
    heading_deg = np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360.0
    number = 0
    for sector in (heading_deg // _SLICE_DEG).astype(int) % _SLICES:
        number |= 1 << (_SLICES - 1 - int(sector))
    return number.to_bytes(2, "big"), _SLICES


def _content(event: EventDescription) -> tuple[str, list[dict[str, Any]]]:
    """Events as advisory with free text, signs as generic signage in phrases of 16 characters."""
    code = f"{CATALOGUES[event.kind]} {event.code}"
    text = event.text.encode("ascii", "replace").decode()
    if event.kind == "event":
        return "advisory", [{"item": ("text", item)} for item in (code, text[:LONGEST_TEXT]) if item]
    count = min(math.ceil(len(text) / LONGEST_PHRASE), MOST_PHRASES - 1)
    phrases = [text[i * LONGEST_PHRASE : (i + 1) * LONGEST_PHRASE] for i in range(count)]
    return "genericSign", [{"item": ("text", item)} for item in (code, *phrases)]
