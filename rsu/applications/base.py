"""What the readers of every family offer: decoded values to the neutral forms applications work with."""

from __future__ import annotations

from typing import Any, Protocol

from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal


class Readers(Protocol):
    """Registered by family in :data:`rsu.applications.READERS`; values come from a decoder, so nothing is out of range
    that a strict decoder refuses, but reserved codes and absent members occur and read as NaN, None or 0."""

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Lanes of one map message."""

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Phases of one signal message; ``near_utc_ns`` (the receiver's clock) settles what times leave open."""

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """Events and signs of one message."""

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Road users told by one message, the sender itself left out."""
