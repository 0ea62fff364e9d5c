"""What the roadside services of every family offer: from neutral descriptions to values for ``MessageSet.encode``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    ObjectsBatch,
    UnitDescription,
)
from rsu.services.geometry import NodeGeometry

Encode = Callable[[str, dict[str, Any]], bytes]
"""``MessageSet.encode``: message name and value to octets, where content is split by length."""


class Content(NamedTuple):
    """One message to send."""

    message: str
    value: dict[str, Any]


class RoadsideServices(Protocol):
    """Registered by family in :data:`rsu.services.SERVICES`; every method raises ValueError naming field and rule."""

    def maps(
        self, nodes: Sequence[NodeGeometry], *, counter: MessageCounter, encode: Encode, max_bytes: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """Messages that together describe ``nodes``, each at most ``max_bytes`` long; ``unit`` sends them, where the
        set says who does."""

    def signals(
        self, intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int,
        unit: UnitDescription | None = None,
    ) -> list[Content]:
        """Messages that tell the state of all ``intersections`` at an instant (ns since 1970)."""

    def event_rule(self, kind: str, period_class: str) -> str:
        """Name of the generation rule for an ``event`` or ``sign`` of class static, semi-static or dynamic."""

    def events(
        self, unit: UnitDescription, events: Sequence[EventDescription], *, counter: MessageCounter,
        generated_utc_ns: int, encode: Encode, max_bytes: int,
    ) -> list[Content]:
        """Messages that announce events and signs of one rule; none for an empty sequence.

        Called anew when the set of events changes; repetitions in between send the same octets.
        """

    def objects(
        self, unit: UnitDescription, objects: DetectedObjects, *, counter: MessageCounter, generated_utc_ns: int,
        junction: tuple[float, float] | None = None, max_messages: int | None = None,
        with_sensor_information: bool = False,
    ) -> ObjectsBatch:
        """Messages that tell of perceived road users, nearest to ``junction`` (lon, lat) first.

        ``with_sensor_information``: also describe the sensor, where the set has such a part (ETSI CPM, every second).
        """
