"""The Chinese roadside messages behind the RoadsideServices Protocol."""

from __future__ import annotations

from collections.abc import Sequence

from rsu.services.base import Content, Encode
from rsu.services.cn.map import build_maps
from rsu.services.cn.rsi import build_rsis
from rsu.services.cn.rsm import build_rsms
from rsu.services.cn.spat import build_spat
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    ObjectsBatch,
    UnitDescription,
)
from rsu.services.geometry import NodeGeometry

RSI_RULES = {"static": "RSI", "semi-static": "RSI-SEMI-STATIC", "dynamic": "RSI-DYNAMIC"}
"""Period class of an event -> generation rule."""


class CnServices:
    """MAP, SPAT, RSI and RSM."""

    def maps(
        self, nodes: Sequence[NodeGeometry], *, counter: MessageCounter, encode: Encode, max_bytes: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """MAP; its octets never change, so it carries no time."""
        values = build_maps(nodes, counter=counter, encode=lambda value: encode("MAP", value), max_bytes=max_bytes)
        return [Content("MAP", value) for value in values]

    def signals(
        self, intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """One SPAT."""
        return [Content("SPAT", build_spat(intersections, counter=counter, generated_utc_ns=generated_utc_ns))]

    def event_rule(self, kind: str, period_class: str) -> str:
        """Events and signs both travel as RSI."""
        return RSI_RULES[period_class]

    def events(
        self, unit: UnitDescription, events: Sequence[EventDescription], *, counter: MessageCounter,
        generated_utc_ns: int, encode: Encode, max_bytes: int,
    ) -> list[Content]:
        """RSI without moy, so that repetitions keep their octets."""
        values = build_rsis(
            unit, events, counter=counter, encode=lambda value: encode("RSI", value), max_bytes=max_bytes
        )
        return [Content("RSI", value) for value in values]

    def objects(
        self, unit: UnitDescription, objects: DetectedObjects, *, counter: MessageCounter, generated_utc_ns: int,
        junction: tuple[float, float] | None = None, max_messages: int | None = None,
        with_sensor_information: bool = False,
    ) -> ObjectsBatch:
        """RSM."""
        return build_rsms(
            unit, objects, counter=counter, generated_utc_ns=generated_utc_ns, junction=junction,
            max_messages=max_messages,
        )
