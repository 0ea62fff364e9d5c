"""Vehicle classes of the neutral columns (BasicVehicleClass of T/CSAE 53-2020) and StationType of ETSI, both ways.

The mapping is ours and loses detail: ETSI has thirteen types. Codes 40 to 48 are taken as motorcycles (J2735 names),
not as the special vehicles of GB/T 45315-2025 annex D; 50 to 58 and 70 to 78 are buses in either reading.
"""

from __future__ import annotations

import numpy as np

(UNKNOWN, PEDESTRIAN, CYCLIST, MOPED, MOTORCYCLE, PASSENGER_CAR, BUS, LIGHT_TRUCK, HEAVY_TRUCK, TRAILER, SPECIAL,
 TRAM) = range(12)
ROADSIDE_UNIT = 15

_RANGES = (
    (1, 1, SPECIAL), (9, 19, PASSENGER_CAR), (20, 21, LIGHT_TRUCK), (22, 39, HEAVY_TRUCK), (40, 48, MOTORCYCLE),
    (50, 58, BUS), (56, 56, TRAM), (60, 69, SPECIAL), (70, 78, BUS), (80, 86, PEDESTRIAN), (84, 84, CYCLIST),
    (90, 90, ROADSIDE_UNIT), (91, 93, TRAILER),
)


def _table() -> np.ndarray:
    types = np.full(256, UNKNOWN)
    for first, last, station_type in _RANGES:
        types[first : last + 1] = station_type
    return types


STATION_TYPE_OF_CLASS = _table()
"""StationType of each of the 256 class codes."""

CLASS_OF_STATION_TYPE = np.zeros(256, np.int64)
"""A class code of each StationType, 0 (unknown) where there is none; types that came from a class return to it."""
for _type, _class in {
    PEDESTRIAN: 81, CYCLIST: 84, MOPED: 40, MOTORCYCLE: 40, PASSENGER_CAR: 10, BUS: 50, LIGHT_TRUCK: 20,
    HEAVY_TRUCK: 25, TRAILER: 91, SPECIAL: 60, TRAM: 56, ROADSIDE_UNIT: 90,
}.items():
    CLASS_OF_STATION_TYPE[_type] = _class

ROLES = (
    "default", "publicTransport", "specialTransport", "dangerousGoods", "roadWork", "rescue", "emergency", "safetyCar",
    "agriculture", "commercial", "military", "roadOperator", "taxi", "reserved1", "reserved2", "reserved3",
)
"""VehicleRole of ETSI TS 102 894-2 by code."""

ROLE_OF_CLASS = np.zeros(256, np.int64)
"""VehicleRole of each class code: buses public transport, 60 to 69 emergency, the rest default."""
ROLE_OF_CLASS[STATION_TYPE_OF_CLASS == BUS] = ROLES.index("publicTransport")
ROLE_OF_CLASS[60:70] = ROLES.index("emergency")
