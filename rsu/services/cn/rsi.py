"""RSI: traffic events and signs with the path on which they hold (T/CSAE 53-2020 MSG_RSI)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rsu.services.cn.map import Encode
from rsu.services.cn.wire import offset_to_wire, position_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.described import EventDescription, UnitDescription
from rsu.services.geometry import simplified
from rsu.services.instants import minute_of_year

MOST_EVENTS = 8
MOST_SIGNS = 16
MOST_PATH_POINTS = 32
MOST_PATHS = 8
SOURCES = ("unknown", "police", "government", "meteorological", "internet", "detection")


def build_rsis(
    unit: UnitDescription,
    events: Sequence[EventDescription],
    *,
    counter: MessageCounter,
    generated_utc_ns: int | None = None,
    encode: Encode | None = None,
    max_bytes: int | None = None,
    tolerance_m: float = 0.5,
) -> list[dict[str, Any]]:
    """RoadSideInformation values that together announce ``events``; none for an empty list.

    Each holds at most 8 events and 16 signs and, when ``encode`` and ``max_bytes`` are given, encodes within
    the limit. Paths stay within ``tolerance_m`` of the given line. ``generated_utc_ns`` sets moy; None leaves
    it out. ValueError names the event and the rule.
    """
    reference = position_to_wire(unit.lon, unit.lat, unit.height_m)
    head: dict[str, Any] = {"msgCnt": 0, "id": unit.unit_id, "refPos": reference}
    if generated_utc_ns is not None:
        head["moy"] = minute_of_year(generated_utc_ns)
    groups: list[dict[str, list[dict[str, Any]]]] = []
    for event in events:
        member, value = _item(event, reference, tolerance_m)
        longer = _with_item(groups[-1], member, value) if groups else None
        if longer is not None and _fits({**head, **longer}, encode, max_bytes):
            groups[-1] = longer
            continue
        alone = {member: [value]}
        if not _fits({**head, **alone}, encode, max_bytes) and encode is not None:
            needed = len(encode({**head, **alone}))
            raise ValueError(f"RSI {event.kind} {event.id}: {needed} bytes, limit {max_bytes} bytes")
        groups.append(alone)
    return [{**head, "msgCnt": counter.next(), **group} for group in groups]


def _with_item(
    group: dict[str, list[dict[str, Any]]], member: str, value: dict[str, Any]
) -> dict[str, list[dict[str, Any]]] | None:
    """The group with one more item, None when its list is full."""
    present = group.get(member, [])
    if len(present) >= (MOST_EVENTS if member == "rtes" else MOST_SIGNS):
        return None
    return {**group, member: [*present, value]}


def _fits(value: dict[str, Any], encode: Encode | None, max_bytes: int | None) -> bool:
    return encode is None or max_bytes is None or len(encode(value)) <= max_bytes


def _item(
    event: EventDescription, reference: dict[str, int], tolerance_m: float
) -> tuple[str, dict[str, Any]]:
    _check(event)
    position = offset_to_wire(event.lon, event.lat, reference)
    value: dict[str, Any] = {
        "priority": bytes([event.priority_level << 5]),
        "referencePaths": _paths(event, reference, tolerance_m),
    }
    if event.text:
        value["description"] = ("textString", event.text)
    times = {
        name: minute_of_year(utc_ns)
        for name, utc_ns in (("startTime", event.start_utc_ns), ("endTime", event.end_utc_ns))
        if utc_ns is not None
    }
    if times:
        value["timeDetails"] = times
    if event.kind == "sign":
        return "rtss", {"rtsId": event.id, "signType": event.code, "signPos": position, **value}
    return "rtes", {
        "rteId": event.id,
        "eventType": event.code,
        "eventSource": event.source,
        "eventPos": position,
        "eventRadius": round(event.radius_m * 10),
        **value,
    }


def _check(event: EventDescription) -> None:
    where = f"RSI {event.kind} {event.id}"
    rules = (
        (event.kind in ("event", "sign"), "kind must be event or sign"),
        (0 <= event.id <= 255, "id must lie in 0..255"),
        (0 <= event.code <= 65535, f"code {event.code} must lie in 0..65535"),
        (0 <= event.priority_level <= 7, f"priority level {event.priority_level} must lie in 0..7"),
        (0 <= event.radius_m <= 6553.5, f"radius {event.radius_m} m must lie in 0..6553.5"),
        (len(event.text) <= 512 and event.text.isascii(), "text must be ASCII, at most 512 characters"),
        (event.source in SOURCES, f"source {event.source!r} is none of {', '.join(SOURCES)}"),
    )
    for holds, rule in rules:
        if not holds:
            raise ValueError(f"{where}: {rule}")


def _paths(event: EventDescription, reference: dict[str, int], tolerance_m: float) -> list[dict[str, Any]]:
    """The event's own path, then the approach, each in pieces of 32 points that share their ends."""
    pieces: list[np.ndarray] = []
    for points in (event.path, event.approach):
        if points is None:
            continue
        chosen = simplified(points, tolerance_m)
        if len(chosen) < 2:
            raise ValueError(f"RSI {event.kind} {event.id}: path of {len(chosen)} points, must be at least 2")
        step = MOST_PATH_POINTS - 1
        pieces += [chosen[first : first + MOST_PATH_POINTS] for first in range(0, len(chosen) - 1, step)]
    if len(pieces) > MOST_PATHS:
        raise ValueError(
            f"RSI {event.kind} {event.id}: {len(pieces)} pieces of {MOST_PATH_POINTS} points within "
            f"{tolerance_m} m of the true path, at most {MOST_PATHS}"
        )
    return [
        {
            "activePath": [offset_to_wire(lon, lat, reference) for lon, lat in piece],
            "pathRadius": round(event.radius_m * 10),
        }
        for piece in pieces
    ]
