"""CAM of a vehicle: SI columns to wire integers and back, and single values in asn1tools form.

Every CAM sent has the basic container, the vehicle's high-frequency container with acceleration control, steering
wheel angle and lateral acceleration (what recorded cars send), and, where ``low_frequency`` is 1, the low-frequency
container with the path history; where such a row also has an ``emergency_response``, the emergency container. Never
sent: altitude, confidences that no column holds (*unavailable*), vertical acceleration, lane, performance class,
tolling zones.

Ours where the standard leaves a choice: the columns' accuracy is one standard deviation, the ellipse on the wire holds
95 % of a circular normal error (factor 2.448); no trailer; curvature from the radius, calculation mode *yaw rate used*.
Columns count right, down and clockwise positive, the wire left, up and counter-clockwise (ISO 8855).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import EncodeError
from rsu.messages.etsi.instants import generation_delta_times
from rsu.messages.etsi.quantities import QUANTITIES, to_codes
from rsu.messages.etsi.rules import PATH_HISTORY_MAX_POINTS
from rsu.messages.etsi.station_type import CLASS_OF_STATION_TYPE, ROLE_OF_CLASS, ROLES, STATION_TYPE_OF_CLASS
from rsu.messages.vehicle import ABSENT, BRAKE_PEDAL_OFF, BRAKE_PEDAL_ON, EVENT_BITS, PathHistory, VehicleColumns

Path = tuple[str, ...]
Wire = dict[Path, NDArray[np.int64]]
Crumb = tuple[int, int, int]
"""deltaLatitude, deltaLongitude, pathDeltaTime."""

ELLIPSE_PER_SIGMA = math.sqrt(-2.0 * math.log(0.05))
"""Half axis holding 95 % of a two-dimensional normal error, per standard deviation: 2.448."""

_PARAMETERS = ("cam", "camParameters")
_BASIC = (*_PARAMETERS, "basicContainer")
_ELLIPSE = (*_BASIC, "referencePosition", "positionConfidenceEllipse")
_HIGH = (*_PARAMETERS, "highFrequencyContainer", "basicVehicleContainerHighFrequency")
_LOW = (*_PARAMETERS, "lowFrequencyContainer", "basicVehicleContainerLowFrequency")
_SPECIAL = (*_PARAMETERS, "specialVehicleContainer", "emergencyContainer")

PHYSICAL: dict[Path, tuple[str, str, float]] = {
    (*_BASIC, "referencePosition", "latitude"): ("latitude_deg", "Latitude", 1.0),
    (*_BASIC, "referencePosition", "longitude"): ("longitude_deg", "Longitude", 1.0),
    (*_ELLIPSE, "semiMajorConfidence"): ("semi_major_m", "SemiAxisLength", ELLIPSE_PER_SIGMA),
    (*_ELLIPSE, "semiMinorConfidence"): ("semi_minor_m", "SemiAxisLength", ELLIPSE_PER_SIGMA),
    (*_ELLIPSE, "semiMajorOrientation"): ("orientation_deg", "HeadingValue", 1.0),
    (*_HIGH, "heading", "headingValue"): ("heading_deg", "HeadingValue", 1.0),
    (*_HIGH, "speed", "speedValue"): ("speed_mps", "SpeedValue", 1.0),
    (*_HIGH, "vehicleLength", "vehicleLengthValue"): ("length_m", "VehicleLengthValue", 1.0),
    (*_HIGH, "vehicleWidth"): ("width_m", "VehicleWidth", 1.0),
    (*_HIGH, "longitudinalAcceleration", "longitudinalAccelerationValue"):
        ("accel_long_mps2", "LongitudinalAccelerationValue", 1.0),
    (*_HIGH, "yawRate", "yawRateValue"): ("yaw_rate_degps", "YawRateValue", -1.0),
    (*_HIGH, "steeringWheelAngle", "steeringWheelAngleValue"): ("steering_angle_deg", "SteeringWheelAngleValue", -1.0),
    (*_HIGH, "lateralAcceleration", "lateralAccelerationValue"):
        ("accel_lat_mps2", "LateralAccelerationValue", -1.0),
}
"""Members with a physical value, always sent: path -> (column, quantity, wire value per column value)."""

STATION_ID: Path = ("header", "stationID")
DELTA_TIME: Path = ("cam", "generationDeltaTime")
STATION_TYPE: Path = (*_BASIC, "stationType")
CURVATURE: Path = (*_HIGH, "curvature", "curvatureValue")
DIRECTION: Path = (*_HIGH, "driveDirection")
CONTROL: Path = (*_HIGH, "accelerationControl")
ROLE: Path = (*_LOW, "vehicleRole")
LIGHTS: Path = (*_LOW, "exteriorLights")
HISTORY: Path = (*_LOW, "pathHistory")
LIGHT_BAR_SIREN: Path = (*_SPECIAL, "lightBarSirenInUse")

VERTICAL: Path = (*_HIGH, "verticalAcceleration", "verticalAccelerationValue")
"""Never sent, read where present."""

ENUMERATIONS: dict[Path, tuple[str, ...]] = {
    DIRECTION: ("forward", "backward", "unavailable"),
    ROLE: ROLES,
}
FLAGS: dict[Path, int] = {CONTROL: 7, LIGHTS: 8, LIGHT_BAR_SIREN: 2}
"""Bit strings and their lengths."""

CONSTANT: dict[Path, Any] = {
    (*_BASIC, "referencePosition", "altitude"): {"altitudeValue": 800_001, "altitudeConfidence": "unavailable"},
    (*_HIGH, "heading", "headingConfidence"): 127,
    (*_HIGH, "speed", "speedConfidence"): 127,
    (*_HIGH, "vehicleLength", "vehicleLengthConfidenceIndication"): "noTrailerPresent",
    (*_HIGH, "longitudinalAcceleration", "longitudinalAccelerationConfidence"): 102,
    (*_HIGH, "curvature", "curvatureConfidence"): "unavailable",
    (*_HIGH, "curvatureCalculationMode"): "yawRateUsed",
    (*_HIGH, "yawRate", "yawRateConfidence"): "unavailable",
    (*_HIGH, "steeringWheelAngle", "steeringWheelAngleConfidence"): 127,
    (*_HIGH, "lateralAcceleration", "lateralAccelerationConfidence"): 102,
}
"""Members always sent with the same content."""

_NO_DIRECTION = 2
_DIRECTION_OF_TRANSMISSION = np.array([2, 2, 0, 1, 2, 2, 2, 2])
_TRANSMISSION_OF_DIRECTION = np.array([2, 3, 7])
_BRAKE, _EMERGENCY_BRAKE = 1 << 6, 1 << 4
_IN_USE = 2
"""Code of SirenInUse and LightbarInUse that says so."""

_NOT_IN_USE = 1
_LIGHT_PAIRS = ((8, 7), (7, 6), (6, 5), (5, 4), (2, 3), (1, 1), (0, 0))
"""(bit of the column, bit on the wire), both counted from the least significant: low beam, high beam, left, right,
daytime running, fog, parking; hazard lights are left and right together."""
_HAZARD, _BOTH_TURNS = 1 << 4, 1 << 5 | 1 << 4


def to_wire(columns: VehicleColumns) -> Wire:
    """Wire integers of all members but the crumbs; ABSENT in the members of a container that is not sent.

    Raises EncodeError naming the column that has no place on the wire.
    """
    instants = _given(columns.generated_utc_ns)
    unknown = instants < 0
    if unknown.any():
        raise EncodeError(f"CAM: generated_utc_ns: {int(unknown.sum())} rows without the instant of the content")
    wire: Wire = {
        STATION_ID: (columns.temporary_id & np.uint64(0xFFFF_FFFF)).astype(np.int64),
        DELTA_TIME: generation_delta_times(instants),
        STATION_TYPE: STATION_TYPE_OF_CLASS[_checked("vehicle_class", columns.vehicle_class, 0, 255)],
        CURVATURE: _curvature(_given(columns.radius_of_curvature_m)),
        DIRECTION: _DIRECTION_OF_TRANSMISSION[_checked("transmission", columns.transmission, 0, 7)],
        CONTROL: _control(columns),
    }
    try:
        for member, (column, quantity, factor) in PHYSICAL.items():
            wire[member] = to_codes(quantity, getattr(columns, column) * factor)
    except ValueError as error:
        raise EncodeError(f"CAM: {error}") from error
    slow = _checked("low_frequency", columns.low_frequency, 0, 1) == 1
    wire[ROLE] = np.where(slow, ROLE_OF_CLASS[columns.vehicle_class], ABSENT)
    wire[LIGHTS] = np.where(slow, _lights_to_wire(_checked("lights", columns.lights, ABSENT, 0x1FF)), ABSENT)
    on_duty = slow & (_checked("emergency_response", columns.emergency_response, ABSENT, 6) != ABSENT)
    bar_siren = (columns.lightbar == _IN_USE) * 2 + (columns.siren == _IN_USE)
    wire[LIGHT_BAR_SIREN] = np.where(on_duty, bar_siren, ABSENT)
    return wire


def crumbs_to_wire(columns: VehicleColumns) -> tuple[NDArray[np.int64], ...]:
    """(deltaLatitude, deltaLongitude, pathDeltaTime) of every crumb of the columns, each relative to the one before it.

    The first crumb of a message is relative to the message's own position and instant. Differences of rounded
    offsets, so that errors do not add up. Rows without the low-frequency container must have no crumbs.
    """
    path = columns.path
    assert path is not None
    if path.counts.size and path.counts.max() > PATH_HISTORY_MAX_POINTS:
        raise EncodeError(f"CAM path history: {path.counts.max()} points, at most {PATH_HISTORY_MAX_POINTS}")
    first = np.cumsum(path.counts)[path.counts > 0] - path.counts[path.counts > 0]
    steps = []
    for name, offsets, scale in (
        ("DeltaLatitude", path.d_lat_deg, 1e7), ("DeltaLongitude", path.d_lon_deg, 1e7), ("", path.age_s, 100.0),
    ):
        if not np.isfinite(offsets).all():
            raise EncodeError("CAM path history: offset or age is not finite")
        codes = np.rint(offsets * scale).astype(np.int64)
        before = np.concatenate([[0], codes[:-1]]) if len(codes) else codes
        before[first] = 0
        step = codes - before
        if name and step.size and np.abs(step).max() > QUANTITIES[name].highest:
            raise EncodeError(f"CAM path history: {name} {np.abs(step).max() * 1e-7:g} deg is more than 0.0131071 deg")
        steps.append(step if name else np.clip(step, 1, 65_535))
    return tuple(steps)


def _curvature(radius_m: NDArray[np.float64]) -> NDArray[np.int64]:
    bent = np.isfinite(radius_m) & (radius_m != 0)
    return to_codes("CurvatureValue", np.where(bent, -1.0 / np.where(bent, radius_m, 1.0), 0.0))


def _control(columns: VehicleColumns) -> NDArray[np.int64]:
    braking = _checked("brake_pedal", columns.brake_pedal, 0, 2) == BRAKE_PEDAL_ON
    events = _checked("event_flags", columns.event_flags, 0, 0x1FFF)
    hard = (events & EVENT_BITS["eventHardBraking"]) != 0
    known = (_given(columns.brake_pedal) != 0) | hard
    return np.where(known, braking * _BRAKE + hard * _EMERGENCY_BRAKE, ABSENT)


def _lights_to_wire(lights: NDArray[np.int64]) -> NDArray[np.int64]:
    lit = np.maximum(lights, 0)
    wire = np.zeros_like(lit)
    for column_bit, wire_bit in _LIGHT_PAIRS:
        wire |= (lit >> column_bit & 1) << wire_bit
    return np.where(lit & _HAZARD, wire | _BOTH_TURNS, wire)


def _lights_from_wire(wire: NDArray[np.int64]) -> NDArray[np.int64]:
    lights = np.zeros_like(wire)
    for column_bit, wire_bit in _LIGHT_PAIRS:
        lights |= (wire >> wire_bit & 1) << column_bit
    hazard = (wire & _BOTH_TURNS) == _BOTH_TURNS
    both = 1 << 6 | 1 << 5
    return np.where(wire == ABSENT, ABSENT, np.where(hazard, lights & ~both | _HAZARD, lights))


def _given(column: NDArray[Any] | None) -> NDArray[Any]:
    assert column is not None
    return column


def _checked(column: str, values: NDArray[np.int64] | None, lowest: int, highest: int) -> NDArray[np.int64]:
    values = _given(values)
    if values.size and (values.min() < lowest or values.max() > highest):
        bad = values[(values < lowest) | (values > highest)][0]
        raise EncodeError(f"CAM: {column}: {bad} is outside {lowest}..{highest}")
    return values


def from_wire(wire: Wire, path: PathHistory, status: NDArray[np.int8]) -> VehicleColumns:
    """Columns of decoded wire integers; ABSENT where a member was not received.

    The instant stays unknown: a CAM carries it modulo 65.536 s only (:mod:`rsu.messages.etsi.instants` resolves it
    against a receiver's clock). No message count either.
    """
    count = len(status)
    values: dict[str, Any] = {
        "temporary_id": wire[STATION_ID].astype(np.uint64), "msg_count": np.zeros(count, np.int64),
        "sec_mark_ms": np.full(count, 65_535), "path": path, "status": status,
        "vehicle_class": CLASS_OF_STATION_TYPE[wire[STATION_TYPE] & 0xFF],
    }
    for member, (column, quantity, factor) in PHYSICAL.items():
        values[column] = QUANTITIES[quantity].from_wire(_unavailable(wire[member], quantity)) / factor
    vertical = _unavailable(wire[VERTICAL], "VerticalAccelerationValue")
    values["accel_vert_mps2"] = -QUANTITIES["VerticalAccelerationValue"].from_wire(vertical)
    values["yaw_rate_degps"] = np.nan_to_num(values["yaw_rate_degps"])
    bend = QUANTITIES["CurvatureValue"].from_wire(wire[CURVATURE])
    curved = np.isfinite(bend) & (bend != 0)
    values["radius_of_curvature_m"] = np.where(curved, -1.0 / np.where(curved, bend, 1.0), np.inf)
    values["transmission"] = _TRANSMISSION_OF_DIRECTION[np.clip(wire[DIRECTION], 0, _NO_DIRECTION)]
    control = wire[CONTROL]
    known = control != ABSENT
    values["brake_pedal"] = np.where(known, np.where(control & _BRAKE, BRAKE_PEDAL_ON, BRAKE_PEDAL_OFF), 0)
    values["event_flags"] = np.where(known & ((control & _EMERGENCY_BRAKE) != 0), EVENT_BITS["eventHardBraking"], 0)
    values["low_frequency"] = (wire[ROLE] != ABSENT).astype(np.int64)
    values["lights"] = _lights_from_wire(wire[LIGHTS])
    special = wire[LIGHT_BAR_SIREN]
    there = special != ABSENT
    values["emergency_response"] = np.where(there, 0, ABSENT)
    values["lightbar"] = np.where(there, np.where(special & 2, _IN_USE, _NOT_IN_USE), ABSENT)
    values["siren"] = np.where(there, np.where(special & 1, _IN_USE, _NOT_IN_USE), ABSENT)
    return VehicleColumns(**values)


def _unavailable(codes: NDArray[np.int64], quantity: str) -> NDArray[np.int64]:
    """ABSENT only stands for a missing member where it is no value; here it becomes *unavailable*."""
    return np.where(codes == MISSING, QUANTITIES[quantity].unavailable or 0, codes)


MISSING = -(1 << 40)
"""Stands for a physical member that was not received; no wire value equals it."""


_MISSING_CODES = {CURVATURE: 1023, DIRECTION: _NO_DIRECTION, STATION_TYPE: 0, STATION_ID: 0, DELTA_TIME: 0}


def missing_code(member: Path) -> int:
    """What a wire column holds where a member was not received."""
    if member in PHYSICAL or member == VERTICAL:
        return MISSING
    return _MISSING_CODES.get(member, ABSENT)


MEMBERS: tuple[Path, ...] = (
    STATION_ID, DELTA_TIME, STATION_TYPE, *PHYSICAL, CURVATURE, DIRECTION, CONTROL, VERTICAL, ROLE, LIGHTS,
    LIGHT_BAR_SIREN,
)
"""Every member that a wire table of decoding has."""
