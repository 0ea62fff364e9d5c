"""The readers of the SAE messages behind the Readers Protocol."""

from __future__ import annotations

from typing import Any

from rsu.applications.dsrc.lanes import read_lanes
from rsu.applications.dsrc.signals import read_signals
from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.sae.events import read_events
from rsu.applications.sae.objects import read_objects
from rsu.applications.signals import PhaseKey, PhaseSignal


class SaeReaders:
    """MAP, SPAT, TIM and SDSM."""

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Incoming lanes of one MapData."""
        return read_lanes([value])

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Signal groups of one SPAT."""
        return read_signals([value], near_utc_ns)

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """Events and signs of one TravelerInformation."""
        return read_events(value)

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Objects of one SensorDataSharingMessage."""
        return read_objects(value, near_utc_ns)
