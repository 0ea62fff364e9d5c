"""Quantities of the ETSI sets: every wire integer that carries a physical value, by ASN.1 type.

Source of all rows: the type of the same name in ETSI TS 102 894-2 v1.3.1, for the CPM v2.3.1. A code that says
*beyond the range* reads as NaN, like *unavailable*. Wire signs follow ISO 8855: left, up and counter-clockwise
positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.messages.base import Quantity

RELEASE_1 = "ETSI TS 102 894-2 v1.3.1, type {}"
RELEASE_2 = "ETSI TS 102 894-2 v2.3.1, type {}"


def _quantity(name: str, unit: str, step: float, lowest: int, highest: int, unavailable: int | None = None,
              saturates: bool = False, wraps: int | None = None, source: str = RELEASE_1) -> Quantity:
    return Quantity(name, unit, step, lowest, highest, source.format(name), unavailable,
                    saturates=saturates, wraps=wraps)


_DEGREE = 1e-7
_ROWS = (
    _quantity("Latitude", "deg", _DEGREE, -900_000_000, 900_000_000, 900_000_001),
    _quantity("Longitude", "deg", _DEGREE, -1_800_000_000, 1_800_000_000, 1_800_000_001),
    _quantity("AltitudeValue", "m", 0.01, -100_000, 800_000, 800_001, saturates=True),
    _quantity("SemiAxisLength", "m", 0.01, 1, 4093, 4095, saturates=True),
    _quantity("HeadingValue", "deg", 0.1, 0, 3599, 3601, wraps=3600),
    _quantity("HeadingConfidence", "deg", 0.1, 1, 125, 127, saturates=True),
    _quantity("SpeedValue", "m/s", 0.01, 0, 16_382, 16_383, saturates=True),
    _quantity("SpeedConfidence", "m/s", 0.01, 1, 125, 127, saturates=True),
    _quantity("VehicleLengthValue", "m", 0.1, 1, 1021, 1023, saturates=True),
    _quantity("VehicleWidth", "m", 0.1, 1, 60, 62, saturates=True),
    _quantity("LongitudinalAccelerationValue", "m/s2", 0.1, -160, 160, 161, saturates=True),
    _quantity("LateralAccelerationValue", "m/s2", 0.1, -160, 160, 161, saturates=True),
    _quantity("VerticalAccelerationValue", "m/s2", 0.1, -160, 160, 161, saturates=True),
    _quantity("AccelerationConfidence", "m/s2", 0.1, 0, 100, 102, saturates=True),
    _quantity("CurvatureValue", "1/m", 1e-4, -1023, 1022, 1023, saturates=True),
    _quantity("YawRateValue", "deg/s", 0.01, -32_766, 32_766, 32_767, saturates=True),
    _quantity("SteeringWheelAngleValue", "deg", 1.5, -511, 511, 512, saturates=True),
    _quantity("DeltaLatitude", "deg", _DEGREE, -131_071, 131_071, 131_072),
    _quantity("DeltaLongitude", "deg", _DEGREE, -131_071, 131_071, 131_072),
    _quantity("DeltaAltitude", "m", 0.01, -12_700, 12_799, 12_800, saturates=True),
    _quantity("PathDeltaTime", "s", 0.01, 1, 65_535, saturates=True),
    _quantity("TimestampIts", "ms", 1.0, 0, 4_398_046_511_103),
    _quantity("GenerationDeltaTime", "ms", 1.0, 0, 65_535, wraps=65_536),
    _quantity("ValidityDuration", "s", 1.0, 0, 86_400, saturates=True),
    _quantity("TransmissionInterval", "ms", 1.0, 1, 10_000, saturates=True),
    _quantity("SpeedLimit", "km/h", 1.0, 1, 255),
    _quantity("CartesianCoordinateLarge", "m", 0.01, -131_071, 131_070, source=RELEASE_2),
    _quantity("CoordinateConfidence", "m", 0.01, 1, 4094, 4096, saturates=True, source=RELEASE_2),
    _quantity("VelocityComponentValue", "m/s", 0.01, -16_382, 16_381, 16_383, saturates=True, source=RELEASE_2),
    _quantity("CartesianAngleValue", "deg", 0.1, 0, 3599, 3601, wraps=3600, source=RELEASE_2),
    _quantity("ObjectDimensionValue", "m", 0.1, 1, 254, 256, saturates=True, source=RELEASE_2),
    _quantity("ObjectDimensionConfidence", "m", 0.1, 1, 30, 32, saturates=True, source=RELEASE_2),
    _quantity("DeltaTimeMilliSecondSigned", "ms", 1.0, -2048, 2047, source=RELEASE_2),
    _quantity("StandardLength12b", "m", 0.1, 0, 4095, saturates=True, source=RELEASE_2),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ROWS}
"""All quantities by ASN.1 type name."""

BEYOND: dict[str, int] = {
    "SemiAxisLength": 4094, "VehicleLengthValue": 1022, "VehicleWidth": 61, "HeadingConfidence": 126,
    "SpeedConfidence": 126, "AccelerationConfidence": 101, "CoordinateConfidence": 4095, "ObjectDimensionValue": 255,
    "ObjectDimensionConfidence": 31,
}
"""Types with a code for *more than the highest value*."""


def to_codes(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Wire integers of SI values, same shape: nearest step, NaN unavailable, more than the highest its own code.

    Raises ValueError for a value out of range of a quantity that does not saturate.
    """
    quantity = QUANTITIES[name]
    codes = quantity.to_wire(value)
    if name in BEYOND:
        too_much = np.asarray(value, np.float64) > (quantity.highest + 0.5) * quantity.step
        codes = np.where(too_much, BEYOND[name], codes)
    return codes


def to_code(name: str, value: float) -> int:
    """The same for one value."""
    return int(to_codes(name, value))


def from_code(name: str, code: int) -> float:
    """SI value of one wire integer; NaN where it carries none."""
    return float(QUANTITIES[name].from_wire(code))
