"""The readers of T/CSAE 53-2017 (unverified): values in the members of 2020 first, then as those."""

from __future__ import annotations

from typing import Any

from rsu.applications.cn.readers import CnReaders
from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal
from rsu.messages.cn.legacy import modern_value


class LegacyCnReaders:
    """MAP, SPAT, RSI and RSM of 2017."""

    def __init__(self) -> None:
        self._modern = CnReaders()

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Lanes of one MapData; the set knows no width of a lane."""
        return self._modern.lanes(modern_value("MAP", value))

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Phases of one SPAT."""
        return self._modern.signals(modern_value("SPAT", value), near_utc_ns)

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """The alert of one RoadSideInformation, an event or a sign."""
        return self._modern.events(message, modern_value("RSI", value))

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Participants of one RoadsideSafetyMessage."""
        return self._modern.objects(message, modern_value("RSM", value), near_utc_ns)
