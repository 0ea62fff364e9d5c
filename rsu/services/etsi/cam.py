"""CAM of a roadside unit (ETSI EN 302 637-2 v1.4.1): that it is there, and where."""

from __future__ import annotations

from typing import Any

from rsu.messages.etsi.framing import header
from rsu.messages.etsi.instants import DELTA_MODULUS, timestamp_its
from rsu.services.described import UnitDescription
from rsu.services.etsi.wire import STATION_TYPE_ROADSIDE, reference_position, station_id


def build_roadside_cam(unit: UnitDescription, *, generated_utc_ns: int) -> dict[str, Any]:
    """A CAM value with the basic container and an empty high-frequency container of a roadside unit."""
    return {
        "header": header("CAM", station_id(unit.unit_id)),
        "cam": {
            "generationDeltaTime": timestamp_its(generated_utc_ns) % DELTA_MODULUS,
            "camParameters": {
                "basicContainer": {
                    "stationType": STATION_TYPE_ROADSIDE,
                    "referencePosition": reference_position(unit.lon, unit.lat, unit.height_m),
                },
                "highFrequencyContainer": ("rsuContainerHighFrequency", {}),
            },
        },
    }
