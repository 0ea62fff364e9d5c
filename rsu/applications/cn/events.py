"""Events and signs of decoded RoadSideInformation values (T/CSAE 53-2020 MSG_RSI)."""

from __future__ import annotations

from typing import Any

from rsu.applications.events import RoadEvent
from rsu.services.cn.wire import offset_from_wire, offsets_from_wire


def read_events(value: dict[str, Any]) -> list[RoadEvent]:
    """Events, then signs, of one decoded RoadSideInformation."""
    reference = value["refPos"]
    unit_id = bytes(value["id"])
    events = [
        _read(unit_id, "event", item, item["rteId"], item["eventType"], item.get("eventPos"), reference)
        for item in value.get("rtes", [])
    ]
    signs = [
        _read(unit_id, "sign", item, item["rtsId"], item["signType"], item.get("signPos"), reference)
        for item in value.get("rtss", [])
    ]
    return events + signs


def _read(
    unit_id: bytes,
    kind: str,
    item: dict[str, Any],
    number: int,
    code: int,
    offset: dict[str, Any] | None,
    reference: dict[str, int],
) -> RoadEvent:
    paths = item.get("referencePaths", [])
    return RoadEvent(
        unit_id,
        number,
        kind,
        code,
        offset_from_wire(offset, reference) if offset is not None else None,
        tuple(offsets_from_wire(path["activePath"], reference) for path in paths),
        tuple(path["pathRadius"] / 10 for path in paths),
        item["priority"][0] >> 5 if item.get("priority") else 0,
        _text(item.get("description")),
    )


def _text(description: tuple[str, Any] | None) -> str:
    if not description or not description[1]:
        return ""
    kind, text = description
    return bytes(text).decode("gb2312", "replace") if kind == "textGB2312" else str(text)


