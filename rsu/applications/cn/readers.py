"""The readers of the Chinese sets behind the Readers Protocol."""

from __future__ import annotations

from typing import Any

from rsu.applications.cn.events import read_events
from rsu.applications.cn.lanes import read_lanes
from rsu.applications.cn.objects import read_objects
from rsu.applications.cn.signals import read_signals
from rsu.applications.day2.sensors import read_ssm
from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal


class CnReaders:
    """MAP, SPAT, RSI, RSM and C157-SSM."""

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Lanes of one MapData."""
        return read_lanes([value])

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Phases of one SPAT."""
        return read_signals([value], near_utc_ns)

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """Events and signs of one RoadSideInformation."""
        return read_events(value)

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Participants of one RoadsideSafetyMessage or SensorSharingMsg."""
        return read_ssm(value, near_utc_ns) if message == "C157-SSM" else read_objects(value, near_utc_ns)
