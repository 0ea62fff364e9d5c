"""What roadside services are told, in SI units and degrees, free of any message set (roads: ``geometry``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LIGHT_NAMES = (
    "dark", "red", "flashing-red", "green", "permissive-green", "flashing-green", "yellow", "flashing-yellow",
)
"""Neutral names of what a signal shows; ``green`` is a protected movement."""


@dataclass(frozen=True)
class UnitDescription:
    """The roadside unit that speaks."""

    unit_id: bytes
    """8 octets."""
    lon: float
    lat: float
    height_m: float | None = None

    def __post_init__(self) -> None:
        if len(self.unit_id) != 8:
            raise ValueError(f"unit id {self.unit_id.hex()}: must be 8 octets")


@dataclass(frozen=True, eq=False)
class EventDescription:
    """An event or a sign as its operator knows it."""

    id: int
    """Number at its unit, 0..255 (rteId, rtsId, sequence number of an action ...)."""
    kind: str
    """``event`` (code of GB/T 29100-2012) or ``sign`` (code of GB 5768.2)."""
    code: int
    lon: float
    lat: float
    path: np.ndarray
    """(n, 2) array of (lon, lat), n >= 2, in driving direction over the stretch where it holds."""
    radius_m: float
    """Half width of the path."""
    priority_level: int = 4
    """0 lowest .. 7 highest."""
    start_utc_ns: int | None = None
    end_utc_ns: int | None = None
    text: str = ""
    source: str = "government"
    approach: np.ndarray | None = None
    """(n, 2) array of (lon, lat) of the way towards the path, in driving direction; sent as further paths."""


@dataclass(frozen=True)
class PhaseForecast:
    """What one phase shows from now on: the first interval is the present one."""

    phase_id: int
    lights: tuple[str, ...]
    """Names of :data:`LIGHT_NAMES`, at most 16."""
    ends_s: tuple[float, ...]
    """Seconds from generation to the end of each interval, ascending; inf = not known."""


@dataclass(frozen=True)
class IntersectionForecast:
    """All phases of one node."""

    region: int
    node: int
    phases: tuple[PhaseForecast, ...]
    status: frozenset[str] = frozenset({"fixed-time"})


@dataclass(frozen=True, eq=False)
class DetectedObjects:
    """Objects of one sensing cycle as columns of equal length."""

    lon: np.ndarray
    lat: np.ndarray
    speed_mps: np.ndarray
    heading_deg: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    height_m: np.ndarray
    participant_id: np.ndarray
    """1..255, stable while the object is followed, unique within the unit."""
    vehicle_class: np.ndarray
    """BasicVehicleClass code of T/CSAE 53-2020, 0 unknown."""
    position_sigma_m: np.ndarray
    """Standard deviation per horizontal axis."""
    sampled_utc_ns: int
    """When the sensor saw them."""
    participant_type: str = "motor"
    source: str = "integrated"
    bsm_ids: tuple[bytes | None, ...] | None = None
    """8-octet BSM id of objects known from their own message, None for the others."""

    def __len__(self) -> int:
        return len(self.lon)


@dataclass(frozen=True)
class ObjectsBatch:
    """Messages of one cycle."""

    message: str
    values: list[dict[str, Any]]
    rows: list[np.ndarray]
    """Per message the rows of the object columns it carries, nearest first."""
    left_out_count: int
    """Objects for which no message was left."""
