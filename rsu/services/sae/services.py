"""The SAE roadside messages behind the RoadsideServices Protocol."""

from __future__ import annotations

from collections.abc import Sequence

from rsu.services.base import Content, Encode
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    ObjectsBatch,
    UnitDescription,
)
from rsu.services.dsrc.map import build_maps
from rsu.services.dsrc.spat import build_spat
from rsu.services.geometry import NodeGeometry
from rsu.services.sae.sdsm import build_sdsms
from rsu.services.sae.tim import build_tims


class SaeServices:
    """MAP, SPAT, TIM and SDSM."""

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
        """Events and signs of every period class travel as TIM."""
        return "TIM"

    def events(
        self, unit: UnitDescription, events: Sequence[EventDescription], *, counter: MessageCounter,
        generated_utc_ns: int, encode: Encode, max_bytes: int,
    ) -> list[Content]:
        """TIM without a time stamp of its own, so that repetitions keep their octets."""
        values = build_tims(
            unit, events, counter=counter, generated_utc_ns=generated_utc_ns,
            encode=lambda value: encode("TIM", value), max_bytes=max_bytes,
        )
        return [Content("TIM", value) for value in values]

    def objects(
        self, unit: UnitDescription, objects: DetectedObjects, *, counter: MessageCounter, generated_utc_ns: int,
        junction: tuple[float, float] | None = None, max_messages: int | None = None,
        with_sensor_information: bool = False,
    ) -> ObjectsBatch:
        """SDSM; the set has no part that describes a sensor."""
        return build_sdsms(
            unit, objects, counter=counter, generated_utc_ns=generated_utc_ns, junction=junction,
            max_messages=max_messages,
        )
