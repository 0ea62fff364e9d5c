"""Sizes of messages others have found: what typical sizes are put beside. Data only, nothing here is computed.

All are measured: values encoded with modules others published by two codecs that are not this project's (``public
modules``), or recorded and test messages others published (``public message``). No standard prints sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

_CN = "measured: public modules"
_VECTOR = "measured: public message"
_ETSI = "measured: public modules"
_ETSI_AIR = "measured: public message"
_SAE = "measured: public message"


@dataclass(frozen=True)
class ReferenceSize:
    """Octets of one message, its frame or header included, network layer and envelope not."""

    message: str
    content: str
    message_bytes: int
    source: str


_DAY_ONE = (
    ReferenceSize("BSM", "typical, no path history", 47, _CN),
    ReferenceSize("BSM", "typical, 5 path points", 83, _CN),
    ReferenceSize("BSM", "public vectors", 53, _VECTOR),
    ReferenceSize("BSM", "public vectors", 86, _VECTOR),
    ReferenceSize("RSM", "4 participants", 98, _CN),
    ReferenceSize("RSM", "16 participants", 338, _CN),
    ReferenceSize("SPAT", "4 phases x 3 states", 138, _CN),
    ReferenceSize("SPAT", "8 phases x 3 states", 261, _CN),
    ReferenceSize("RSI", "1 event + 1 sign, path of 4 points", 81, _CN),
    ReferenceSize("MAP", "1 node, 4 links x 4 lanes, offsets", 869, _CN),
    ReferenceSize("MAP", "public vector", 529, _VECTOR),
)
_DSRC_MAP = "16 lanes, 44 nodes, 16 connections"

REFERENCE_SIZES: dict[str, tuple[ReferenceSize, ...]] = {
    "csae53-2020": _DAY_ONE,
    "etsi-its": (
        ReferenceSize("CAM", "vehicle, as real cars send", 46, _ETSI_AIR),
        ReferenceSize("CAM", "low-frequency container, 0 path points", 48, _ETSI),
        ReferenceSize("CAM", "low-frequency container, 5 path points", 91, _ETSI),
        ReferenceSize("CAM", "low-frequency container, 23 path points", 246, _ETSI),
        ReferenceSize("DENM", "management only", 43, _ETSI),
        ReferenceSize("DENM", "roadside, one trace of 2 points", 60, _ETSI_AIR),
        ReferenceSize("DENM", "location, one trace of 5 points", 85, _ETSI),
        ReferenceSize("SPATEM", "1 intersection, 4 groups, 1 event each", 53, _ETSI),
        ReferenceSize("SPATEM", "7 groups with names", 107, _ETSI_AIR),
        ReferenceSize("MAPEM", _DSRC_MAP, 551, _ETSI_AIR),
        ReferenceSize("IVIM", "one sign zone, polygons of 30 points, text", 391, _ETSI_AIR),
        ReferenceSize("ETSI-CPM", "roadside unit, 0 objects", 31, _ETSI),
        ReferenceSize("ETSI-CPM", "roadside unit, 5 objects with speed, size and class", 184, _ETSI),
    ),
    "sae-j2735": (
        ReferenceSize("BSM", "part I only", 40, _SAE),
        ReferenceSize("BSM", "15 path points and prediction", 177, _SAE),
        ReferenceSize("SPAT", "6 groups, 1 intersection", 59, _SAE),
        ReferenceSize("MAP", _DSRC_MAP, 549, _SAE),
        ReferenceSize("TIM", "short advisory", 85, _SAE),
        ReferenceSize("PSM", "test message", 29, _SAE),
        ReferenceSize("SDSM", "test message", 40, _SAE),
    ),
}
"""Message set -> sizes; sets that are not named have none of their own."""
