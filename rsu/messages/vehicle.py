"""What vehicles say of themselves, as NumPy columns in SI units: one row per message, the same for every set.

A set sends what its standard asks for and leaves the rest out. Flags and codes follow T/CSAE 53-2020, which took them
from SAE J2735. The Chinese content rule is GB/T 45315-2025 chapter 7: posAccuracy, angle, the four accelerations, brake
pedal, wheel brakes, traction, width, length, class and path prediction always; elevation and initialPosition never.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatColumn = NDArray[np.float64]
IntColumn = NDArray[np.int64]

STATUS_OK, STATUS_SKIPPED, STATUS_ERROR = 0, 1, 2
ABSENT = -1
"""Code in optional integer columns for *member not sent*."""

FORWARD_GEARS = 2
BRAKE_PEDAL_OFF, BRAKE_PEDAL_ON = 1, 2
TRACTION_OFF, TRACTION_ON, TRACTION_ENGAGED = 1, 2, 3

_EVENT_NAMES = (
    "eventHazardLights", "eventStopLineViolation", "eventABSactivated", "eventTractionControlLoss",
    "eventStabilityControlactivated", "eventHazardousMaterials", "eventReserved1", "eventHardBraking",
    "eventLightsChanged", "eventWipersChanged", "eventFlatTire", "eventDisabledVehicle",
    "eventAirBagDeployment",
)
EVENT_BITS: dict[str, int] = {name: 1 << (12 - bit) for bit, name in enumerate(_EVENT_NAMES)}
"""Value of each flag in ``event_flags``; the first named bit is the most significant of 13."""

WHEEL_BRAKE_BITS: dict[str, int] = {
    "unavailable": 16, "leftFront": 8, "leftRear": 4, "rightFront": 2, "rightRear": 1,
}
"""Value of each flag in ``wheel_brakes`` (5 bits)."""


@dataclass
class PathHistory:
    """Path histories of many messages, one after another (compressed rows).

    ``counts`` (one per message, 0 = none sent) says how many consecutive crumbs belong to each; the crumb
    columns have ``counts.sum()`` entries. Offsets are true minus the message's own position, degrees;
    ``age_s`` is how long ago.
    """

    counts: IntColumn
    d_lon_deg: FloatColumn
    d_lat_deg: FloatColumn
    age_s: FloatColumn

    @staticmethod
    def from_rows(rows: list[np.ndarray | list[tuple[float, float, float]] | None]) -> PathHistory:
        """From one array of shape (k, 3) (d_lon_deg, d_lat_deg, age_s) per message; None or empty = none."""
        arrays = [np.asarray(row if row is not None else [], np.float64).reshape(-1, 3) for row in rows]
        counts = np.array([len(a) for a in arrays], np.int64)
        flat = np.concatenate(arrays) if arrays else np.empty((0, 3))
        return PathHistory(counts, flat[:, 0].copy(), flat[:, 1].copy(), flat[:, 2].copy())

    def rows(self) -> list[np.ndarray]:
        """One (k, 3) array per message."""
        flat = np.column_stack([self.d_lon_deg, self.d_lat_deg, self.age_s])
        return np.split(flat, np.cumsum(self.counts)[:-1]) if len(self.counts) else []

    def check(self, n: int) -> None:
        """ValueError unless the shapes fit ``n`` messages."""
        if len(self.counts) != n:
            raise ValueError(f"path: {len(self.counts)} histories for {n} messages")
        total = int(self.counts.sum())
        if not total == len(self.d_lon_deg) == len(self.d_lat_deg) == len(self.age_s):
            raise ValueError(f"path: counts add to {total}, crumb columns hold {len(self.d_lon_deg)} rows")
        if n and self.counts.min() < 0:
            raise ValueError(f"path: {self.counts.min()} crumbs in a history")


@dataclass
class VehicleColumns:
    """Content in SI units; all columns have one entry per message. None means the column's default.

    Axes: x forward, y right, z down, so lateral is positive right, vertical positive down, yaw positive
    clockwise. NaN is *unavailable* where the set has such a code. Default of optional members (height,
    position confidence, lights, emergency): not sent.
    """

    temporary_id: NDArray[np.uint64]
    msg_count: IntColumn
    sec_mark_ms: IntColumn
    """Millisecond in the UTC minute of the position sample; 65535 = unknown."""
    longitude_deg: FloatColumn
    latitude_deg: FloatColumn
    speed_mps: FloatColumn
    heading_deg: FloatColumn
    width_m: FloatColumn
    length_m: FloatColumn
    vehicle_class: IntColumn
    semi_major_m: FloatColumn | None = None
    semi_minor_m: FloatColumn | None = None
    orientation_deg: FloatColumn | None = None
    transmission: IntColumn | None = None
    """Index into TransmissionState; default forward gears."""
    steering_angle_deg: FloatColumn | None = None
    accel_long_mps2: FloatColumn | None = None
    accel_lat_mps2: FloatColumn | None = None
    accel_vert_mps2: FloatColumn | None = None
    yaw_rate_degps: FloatColumn | None = None
    """No code for unavailable: default 0."""
    brake_pedal: IntColumn | None = None
    wheel_brakes: IntColumn | None = None
    """Five flags, see WHEEL_BRAKE_BITS; default *unavailable*."""
    traction: IntColumn | None = None
    height_m: FloatColumn | None = None
    radius_of_curvature_m: FloatColumn | None = None
    """Right-hand curves positive; NaN, infinite or beyond 3276.6 m is sent as straight and reads infinite."""
    curvature_confidence_ratio: FloatColumn | None = None
    event_flags: IntColumn | None = None
    """Thirteen flags, see EVENT_BITS; 0 = member not sent."""
    position_confidence: IntColumn | None = None
    """Index into PositionConfidence or ABSENT."""
    lights: IntColumn | None = None
    """Nine ExteriorLights flags, first named bit most significant, or ABSENT."""
    emergency_response: IntColumn | None = None
    """Index into ResponseType or ABSENT (no emergencyExt)."""
    siren: IntColumn | None = None
    lightbar: IntColumn | None = None
    path: PathHistory | None = None
    generated_utc_ns: IntColumn | None = None
    """Instant of the content in ns since 1970, for sets whose messages carry more than the millisecond of the minute;
    -1 = unknown (a decoded message says only what it carries)."""
    low_frequency: IntColumn | None = None
    """1 = with the low-frequency container (ETSI CAM), 0 = without."""
    status: NDArray[np.int8] | None = None
    """Of decoding: STATUS_OK, STATUS_SKIPPED (no BSM), STATUS_ERROR; only OK rows mean anything."""

    def __post_init__(self) -> None:
        n = len(self.temporary_id)
        for column in fields(self):
            name, value = column.name, getattr(self, column.name)
            if name == "path":
                continue
            if value is None:
                value = np.full(n, _DEFAULTS[name])
            array = np.asarray(value)
            wanted = _SPECIAL_TYPES.get(name, np.float64 if name in FLOAT_COLUMNS else np.int64)
            setattr(self, name, array.astype(wanted, copy=False))
            if array.shape != (n,):
                raise ValueError(f"{name}: shape {array.shape}, expected ({n},)")
        if self.path is None:
            empty = np.empty(0)
            self.path = PathHistory(np.zeros(n, np.int64), empty, empty, empty)
        self.path.check(n)

    def __len__(self) -> int:
        return len(self.temporary_id)


FLOAT_COLUMNS = frozenset(
    column.name for column in fields(VehicleColumns)
    if column.name.endswith(("_deg", "_m", "_mps", "_mps2", "_degps", "_ratio"))
)

_SPECIAL_TYPES: dict[str, type] = {"temporary_id": np.uint64, "status": np.int8}

_DEFAULTS: dict[str, float | int] = {
    "semi_major_m": np.nan, "semi_minor_m": np.nan, "orientation_deg": np.nan, "transmission": FORWARD_GEARS,
    "steering_angle_deg": np.nan,
    "accel_long_mps2": np.nan, "accel_lat_mps2": np.nan, "accel_vert_mps2": np.nan,
    "yaw_rate_degps": 0.0, "brake_pedal": 0, "wheel_brakes": WHEEL_BRAKE_BITS["unavailable"], "traction": 0,
    "height_m": np.nan, "radius_of_curvature_m": np.inf, "curvature_confidence_ratio": 0.0, "event_flags": 0,
    "position_confidence": ABSENT, "lights": ABSENT, "emergency_response": ABSENT, "siren": ABSENT,
    "lightbar": ABSENT, "generated_utc_ns": -1, "low_frequency": 0, "status": STATUS_OK,
}
