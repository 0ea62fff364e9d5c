"""The messages of T/CSAE 53-2017 (unverified) behind the RoadsideServices Protocol: built as those of 2020, then said
in the older members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rsu.messages.cn.legacy import legacy_values
from rsu.services.base import Content, Encode
from rsu.services.cn.services import CnServices
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    ObjectsBatch,
    UnitDescription,
)
from rsu.services.geometry import NodeGeometry


class LegacyCnServices:
    """MAP, SPAT, RSI and RSM of 2017."""

    def __init__(self) -> None:
        self._modern = CnServices()

    def maps(
        self, nodes: Sequence[NodeGeometry], *, counter: MessageCounter, encode: Encode, max_bytes: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """MAP without lane widths."""
        def encode_legacy(message: str, value: dict[str, Any]) -> bytes:
            return encode(message, *legacy_values(message, value))

        return _legacy(self._modern.maps(nodes, counter=counter, encode=encode_legacy, max_bytes=max_bytes))

    def signals(
        self, intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """One SPAT; the millisecond stands in its intersections."""
        return _legacy(self._modern.signals(intersections, counter=counter, generated_utc_ns=generated_utc_ns))

    def event_rule(self, kind: str, period_class: str) -> str:
        """Events and signs both travel as RSI."""
        return self._modern.event_rule(kind, period_class)

    def events(
        self, unit: UnitDescription, events: Sequence[EventDescription], *, counter: MessageCounter,
        generated_utc_ns: int, encode: Encode, max_bytes: int,
    ) -> list[Content]:
        """One RSI per event and path, as the set holds a single alert; ValueError for one beyond ``max_bytes``."""
        def unlimited(message: str, value: dict[str, Any]) -> bytes:
            return b""

        modern = self._modern.events(
            unit, events, counter=MessageCounter(0), generated_utc_ns=generated_utc_ns, encode=unlimited,
            max_bytes=max_bytes,
        )
        contents = [Content(c.message, {**c.value, "msgCnt": counter.next()}) for c in _legacy(modern)]
        for message, value in contents:
            needed = len(encode(message, value))
            if needed > max_bytes:
                raise ValueError(f"RSI {value['rsiId']}: {needed} bytes, limit {max_bytes} bytes")
        return contents

    def objects(
        self, unit: UnitDescription, objects: DetectedObjects, *, counter: MessageCounter, generated_utc_ns: int,
        junction: tuple[float, float] | None = None, max_messages: int | None = None,
        with_sensor_information: bool = False,
    ) -> ObjectsBatch:
        """RSM."""
        batch = self._modern.objects(
            unit, objects, counter=counter, generated_utc_ns=generated_utc_ns, junction=junction,
            max_messages=max_messages,
        )
        return replace(batch, values=[old for value in batch.values for old in legacy_values("RSM", value)])


def _legacy(contents: list[Content]) -> list[Content]:
    return [Content(c.message, value) for c in contents for value in legacy_values(c.message, c.value)]
