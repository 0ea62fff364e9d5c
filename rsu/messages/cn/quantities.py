"""Quantities of the Chinese Day I set: every wire integer that carries a physical value.

Source of all rows: the type of the same name in T/CSAE 53-2020 (profile ``csae53-2020``); units, saturation
and unavailable codes as stated there. Angles that wrap and NaN for *unavailable* are ours.
"""

from __future__ import annotations

from rsu.messages.base import Quantity

STANDARD_GRAVITY_MPS2 = 9.80665
SOURCE = "T/CSAE 53-2020, type {}"


def _quantity(name: str, unit: str, step: float, lowest: int, highest: int, unavailable: int | None = None,
              saturates: bool = False, wraps: int | None = None) -> Quantity:
    return Quantity(name, unit, step, lowest, highest, SOURCE.format(name), unavailable,
                    saturates=saturates, wraps=wraps)


_DEGREE = 1e-7
_ROWS = (
    _quantity("Latitude", "deg", _DEGREE, -900_000_000, 900_000_000, 900_000_001),
    _quantity("Longitude", "deg", _DEGREE, -1_799_999_999, 1_800_000_000, 1_800_000_001),
    _quantity("Elevation", "m", 0.1, -4095, 61439, -4096),
    _quantity("SemiMajorAxisAccuracy", "m", 0.05, 0, 254, 255, saturates=True),
    _quantity("SemiMinorAxisAccuracy", "m", 0.05, 0, 254, 255, saturates=True),
    _quantity("SemiMajorAxisOrientation", "deg", 360 / 65535, 0, 65534, 65535, wraps=65535),
    _quantity("Speed", "m/s", 0.02, 0, 8190, 8191),
    _quantity("Heading", "deg", 0.0125, 0, 28799, 28800, wraps=28800),
    _quantity("CoarseHeading", "deg", 1.5, 0, 239, 240, wraps=240),
    _quantity("SteeringWheelAngle", "deg", 1.5, -126, 126, 127, saturates=True),
    _quantity("Acceleration", "m/s2", 0.01, -2000, 2000, 2001, saturates=True),
    _quantity("VerticalAcceleration", "m/s2", 0.02 * STANDARD_GRAVITY_MPS2, -126, 127, -127, saturates=True),
    _quantity("YawRate", "deg/s", 0.01, -32767, 32767),
    _quantity("VehicleWidth", "m", 0.01, 0, 1023),
    _quantity("VehicleLength", "m", 0.01, 0, 4095),
    _quantity("VehicleHeight", "m", 0.05, 0, 127),
    _quantity("RadiusOfCurvature", "m", 0.1, -32767, 32766, 32767),
    _quantity("Confidence", "ratio", 0.005, 0, 200),
    _quantity("DSecond", "ms", 1.0, 0, 60_999, 65_535),
    _quantity("TimeOffset", "s", 0.01, 1, 65_534, 65_535, saturates=True),
    _quantity("TimeMark", "s", 0.1, 0, 36_000, 36_001),
    _quantity("MinuteOfTheYear", "min", 1.0, 0, 527_039, 527_040),
    _quantity("LaneWidth", "m", 0.01, 0, 32_767),
    _quantity("Radius", "m", 0.1, 0, 65_535),
    _quantity("OffsetLL-B12", "deg", _DEGREE, -2048, 2047),
    _quantity("OffsetLL-B14", "deg", _DEGREE, -8192, 8191),
    _quantity("OffsetLL-B16", "deg", _DEGREE, -32_768, 32_767),
    _quantity("OffsetLL-B18", "deg", _DEGREE, -131_072, 131_071),
    _quantity("OffsetLL-B22", "deg", _DEGREE, -2_097_152, 2_097_151),
    _quantity("OffsetLL-B24", "deg", _DEGREE, -8_388_608, 8_388_607),
    _quantity("VertOffset-B07", "m", 0.1, -63, 63, -64, saturates=True),
    _quantity("VertOffset-B08", "m", 0.1, -127, 127, -128, saturates=True),
    _quantity("VertOffset-B09", "m", 0.1, -255, 255, -256, saturates=True),
    _quantity("VertOffset-B10", "m", 0.1, -511, 511, -512, saturates=True),
    _quantity("VertOffset-B11", "m", 0.1, -1023, 1023, -1024, saturates=True),
    _quantity("VertOffset-B12", "m", 0.1, -2047, 2047, -2048, saturates=True),
)

QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _ROWS}
"""All quantities by ASN.1 type name."""
