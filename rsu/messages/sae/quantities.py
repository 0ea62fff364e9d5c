"""Wire integers of the J2735 messages that carry a physical value, beyond those of SPAT and MapData.

Source of all rows: the type of the same name in SAE J2735 as public descriptions and decoded public messages give it;
the standard itself was not read. Angles that wrap, saturation and NaN for *unavailable* are ours.
"""

from __future__ import annotations

from rsu.messages.base import Quantity
from rsu.messages.dsrc.quantities import DEGREE
from rsu.messages.dsrc.quantities import QUANTITIES as DSRC_QUANTITIES

STANDARD_GRAVITY_MPS2 = 9.80665
SOURCE = "SAE J2735 (public descriptions), type {}"


def _quantity(name: str, unit: str, step: float, lowest: int, highest: int, unavailable: int | None = None,
              saturates: bool = False, wraps: int | None = None) -> Quantity:
    return Quantity(name, unit, step, lowest, highest, SOURCE.format(name), unavailable,
                    saturates=saturates, wraps=wraps)


_ROWS = (
    _quantity("Speed", "m/s", 0.02, 0, 8190, 8191),
    _quantity("Heading", "deg", 0.0125, 0, 28_799, 28_800, wraps=28_800),
    _quantity("SemiMajorAxisAccuracy", "m", 0.05, 0, 254, 255, saturates=True),
    _quantity("SemiMinorAxisAccuracy", "m", 0.05, 0, 254, 255, saturates=True),
    _quantity("SemiMajorAxisOrientation", "deg", 360 / 65535, 0, 65_534, 65_535, wraps=65_535),
    _quantity("SteeringWheelAngle", "deg", 1.5, -126, 126, 127, saturates=True),
    _quantity("Acceleration", "m/s2", 0.01, -2000, 2000, 2001, saturates=True),
    _quantity("VerticalAcceleration", "m/s2", 0.02 * STANDARD_GRAVITY_MPS2, -126, 127, -127, saturates=True),
    _quantity("YawRate", "deg/s", 0.01, -32_767, 32_767),
    _quantity("VehicleWidth", "m", 0.01, 0, 1023, saturates=True),
    _quantity("VehicleLength", "m", 0.01, 0, 4095, saturates=True),
    _quantity("VehicleHeight", "m", 0.05, 0, 127, saturates=True),
    _quantity("RadiusOfCurvature", "m", 0.1, -32_767, 32_766, 32_767),
    _quantity("Confidence", "ratio", 0.005, 0, 200),
    _quantity("TimeOffset", "s", 0.01, 1, 65_534, 65_535, saturates=True),
    _quantity("OffsetLL-B12", "deg", DEGREE, -2048, 2047),
    _quantity("OffsetLL-B14", "deg", DEGREE, -8192, 8191),
    _quantity("OffsetLL-B16", "deg", DEGREE, -32_768, 32_767),
    _quantity("OffsetLL-B18", "deg", DEGREE, -131_071, 131_071, -131_072),
    _quantity("OffsetLL-B22", "deg", DEGREE, -2_097_152, 2_097_151),
    _quantity("OffsetLL-B24", "deg", DEGREE, -8_388_608, 8_388_607),
    _quantity("VertOffset-B12", "m", 0.1, -2047, 2047, -2048, saturates=True),
    _quantity("ObjectDistance", "m", 0.1, -32_767, 32_767),
    _quantity("MeasurementTimeOffset", "ms", 1.0, -1500, 1500),
)

QUANTITIES: dict[str, Quantity] = {**DSRC_QUANTITIES, **{quantity.name: quantity for quantity in _ROWS}}
"""All quantities by ASN.1 type name, those of SPAT and MapData among them."""
