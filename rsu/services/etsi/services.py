"""The ETSI roadside messages behind the RoadsideServices Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsu.messages.etsi.framing import header
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
from rsu.services.etsi.cpm import build_cpms
from rsu.services.etsi.denm import build_denm
from rsu.services.etsi.ivim import build_ivim
from rsu.services.etsi.wire import station_id
from rsu.services.geometry import NodeGeometry

EVENT_RULES = {"static": "DENM", "semi-static": "DENM-SEMI-STATIC", "dynamic": "DENM-DYNAMIC"}
SIGN_RULES = {"static": "IVIM", "semi-static": "IVIM-SEMI-STATIC", "dynamic": "IVIM-DYNAMIC"}
"""Period class -> generation rule."""


class EtsiServices:
    """MAPEM, SPATEM, one DENM per event, one IVIM per sign, CPM.

    Where MAPEM and SPATEM are made without the unit that sends them, their stationID is that of the first node they
    describe (region * 65536 + node).
    """

    def maps(
        self, nodes: Sequence[NodeGeometry], *, counter: MessageCounter, encode: Encode, max_bytes: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """MAPEM; its octets never change, so it carries no time."""
        head = header("MAPEM", _sender(unit, nodes[0].region, nodes[0].node) if nodes else 0)

        def octets(value: dict[str, Any]) -> bytes:
            return encode("MAPEM", {"header": head, "map": value})

        values = build_maps(nodes, counter=counter, encode=octets, max_bytes=max_bytes)
        return [Content("MAPEM", {"header": dict(head), "map": value}) for value in values]

    def signals(
        self, intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """One SPATEM."""
        value = build_spat(intersections, counter=counter, generated_utc_ns=generated_utc_ns)
        head = header("SPATEM", _sender(unit, intersections[0].region, intersections[0].node))
        return [Content("SPATEM", {"header": head, "spat": value})]

    def event_rule(self, kind: str, period_class: str) -> str:
        """Events travel as DENM, signs as IVIM."""
        return (SIGN_RULES if kind == "sign" else EVENT_RULES)[period_class]

    def events(
        self, unit: UnitDescription, events: Sequence[EventDescription], *, counter: MessageCounter,
        generated_utc_ns: int, encode: Encode, max_bytes: int,
    ) -> list[Content]:
        """One message per event or sign; neither is ever split."""
        contents = []
        for event in events:
            if event.kind == "sign":
                content = Content("IVIM", build_ivim(unit, event, generated_utc_ns=generated_utc_ns))
            else:
                content = Content("DENM", build_denm(unit, event, generated_utc_ns=generated_utc_ns))
            needed = len(encode(content.message, content.value))
            if needed > max_bytes:
                raise ValueError(
                    f"{content.message} of {event.kind} {event.id}: {needed} bytes, limit {max_bytes} bytes"
                )
            contents.append(content)
        return contents

    def objects(
        self, unit: UnitDescription, objects: DetectedObjects, *, counter: MessageCounter, generated_utc_ns: int,
        junction: tuple[float, float] | None = None, max_messages: int | None = None,
        with_sensor_information: bool = False,
    ) -> ObjectsBatch:
        """CPM."""
        return build_cpms(
            unit, objects, generated_utc_ns=generated_utc_ns, junction=junction, max_messages=max_messages,
            with_sensor_information=with_sensor_information,
        )


def _sender(unit: UnitDescription | None, region: int, node: int) -> int:
    return (region & 0xFFFF) << 16 | node & 0xFFFF if unit is None else station_id(unit.unit_id)
