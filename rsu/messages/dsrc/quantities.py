"""Wire integers of SPAT and MapData that carry a physical value; same for ETSI and SAE.

Source of all rows: the type of the same name in ETSI TS 103 301's DSRC module. Offsets are metres east and north.
Longitude's lowest code differs between the families by one that means no place anybody measures.
"""

from __future__ import annotations

from rsu.messages.base import Quantity

SOURCE = "ETSI TS 103 301, module DSRC, type {}"
DEGREE = 1e-7


def _quantity(name: str, unit: str, step: float, lowest: int, highest: int, unavailable: int | None = None,
              saturates: bool = False, wraps: int | None = None) -> Quantity:
    return Quantity(name, unit, step, lowest, highest, SOURCE.format(name), unavailable,
                    saturates=saturates, wraps=wraps)


_ROWS = (
    _quantity("Latitude", "deg", DEGREE, -900_000_000, 900_000_000, 900_000_001),
    _quantity("Longitude", "deg", DEGREE, -1_799_999_999, 1_800_000_000, 1_800_000_001),
    _quantity("Elevation", "m", 0.1, -4095, 61_439, -4096, saturates=True),
    _quantity("LaneWidth", "m", 0.01, 0, 32_767),
    _quantity("Velocity", "m/s", 0.02, 0, 8190, 8191, saturates=True),
    _quantity("DSecond", "ms", 1.0, 0, 60_999, 65_535),
    _quantity("MinuteOfTheYear", "min", 1.0, 0, 527_039, 527_040),
    _quantity("TimeMark", "s", 0.1, 0, 36_000, 36_001),
    *(
        _quantity(f"Offset-B{bits}", "m", 0.01, -(1 << bits - 1), (1 << bits - 1) - 1)
        for bits in (10, 11, 12, 13, 14, 16)
    ),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ROWS}
"""All quantities by ASN.1 type name."""
