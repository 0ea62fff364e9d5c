"""The readers of the ETSI messages behind the Readers Protocol."""

from __future__ import annotations

from typing import Any

from rsu.applications.dsrc.lanes import read_lanes
from rsu.applications.dsrc.signals import read_signals
from rsu.applications.etsi.events import read_denm, read_ivim
from rsu.applications.etsi.objects import read_cpm
from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal


class EtsiReaders:
    """MAPEM, SPATEM, DENM, IVIM and CPM."""

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Incoming lanes of one MAPEM."""
        return read_lanes([value["map"]])

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Signal groups of one SPATEM."""
        return read_signals([value["spat"]], near_utc_ns)

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """The event of one DENM or the signs of one IVIM."""
        return read_ivim(value) if message == "IVIM" else read_denm(value)

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Perceived objects of one CPM."""
        return read_cpm(value)
