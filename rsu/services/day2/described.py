"""What the services of the second phase are told and their readers give back: SI units, degrees, no message set."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Node = tuple[int, int]
"""(region, node) of a map."""

BEHAVIOURS = (
    "straight", "change-left", "change-right", "ramp-in", "ramp-out", "cross-straight", "cross-left", "cross-right",
    "cross-uturn", "stop-and-go", "stop", "slow-down", "speed-up", "park",
)
"""What a vehicle does or is told to do; ``cross-``: at a junction."""

PURPOSES = (
    "lane-change", "merge", "lane-change-at-junction", "unsignalled-junction", "dynamic-lane", "lane-reservation",
    "lane-restriction", "signal-priority",
)
"""Why a roadside unit coordinates."""

STATUSES = ("unknown", "request", "confirmed", "cancel", "complete")
"""State of a request."""

TURNS = ("straight", "left", "right", "uturn")

PERSON_KINDS = ("unknown", "pedestrian", "cyclist", "road-worker", "animal")
CROSSINGS = ("unknown", "request", "crossing", "finished")


def _no_points() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class PathPlan:
    """A planned way as columns of equal length, 1 to 100 points; NaN = not said."""

    lon: np.ndarray
    lat: np.ndarray
    speed_mps: np.ndarray
    heading_deg: np.ndarray
    after_s: np.ndarray
    """Seconds from the instant of the message to each point, at least 0.01."""

    def __post_init__(self) -> None:
        sizes = {len(column) for column in (self.lon, self.lat, self.speed_mps, self.heading_deg, self.after_s)}
        if len(sizes) != 1:
            raise ValueError(f"path plan: columns of {sorted(sizes)} points, must be equally long")

    def __len__(self) -> int:
        return len(self.lon)


@dataclass(frozen=True)
class VehicleState:
    """Who speaks, and where it is."""

    vehicle_id: bytes
    """8 octets, as in its BSM."""
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float
    sampled_utc_ns: int
    height_m: float | None = None


@dataclass(frozen=True)
class LaneTarget:
    """A lane of a link, by the nodes at its ends."""

    upstream: Node
    downstream: Node
    lane: int
    """1..254; 0 = not known."""


@dataclass(frozen=True)
class SignalTarget:
    """A movement through a signalled node."""

    node: Node
    exit: Node
    phase_id: int = 0
    """0 = not known."""
    turn: str = ""
    """One of :data:`TURNS`, or empty."""
    arrival_s: float | None = None
    distance_m: float | None = None
    """At most 1000 m."""


@dataclass(frozen=True, eq=False)
class SharingTarget:
    """Where a vehicle wants the sensors of others: half widths around lines of (lon, lat), 1 to 8 of 2 to 32 points."""

    lines: tuple[np.ndarray, ...]
    half_width_m: float


Target = LaneTarget | SignalTarget | SharingTarget


@dataclass(frozen=True, eq=False)
class VehicleRequest:
    """What a vehicle asks for.

    ``kind``: ``lane-change`` and ``clear-the-way`` with a LaneTarget, ``signal-priority`` with a SignalTarget,
    ``sensor-sharing`` with a SharingTarget, ``guidance`` (how to pass the node ahead) without a target.
    """

    id: int
    """0..255, chosen by the vehicle; repetitions keep it."""
    kind: str
    target: Target | None = None
    status: str = "request"
    priority_level: int | None = None
    """0 lowest .. 7 highest."""
    to_vehicle: bytes | None = None
    to_unit: bytes | None = None
    life_s: float | None = None
    """How long the request stands."""


@dataclass(frozen=True, eq=False)
class Intention:
    """Content of one VIR."""

    vehicle: VehicleState
    plan: PathPlan | None = None
    behaviour: frozenset[str] = frozenset()
    requests: tuple[VehicleRequest, ...] = ()


@dataclass(frozen=True)
class LinkSpan:
    """A link by the nodes at its ends, or some of its lanes 1..15."""

    upstream: Node
    downstream: Node
    lanes: frozenset[int] = frozenset()
    """Empty = the whole link."""


@dataclass(frozen=True, eq=False)
class Corridor:
    """A line of (lon, lat), shape (n, 2) with 2 to 32 points, and its half width."""

    points: np.ndarray
    half_width_m: float


@dataclass(frozen=True, eq=False)
class VehicleAdvice:
    """What one vehicle is told."""

    vehicle_id: bytes
    behaviour: frozenset[str] = frozenset()
    """Empty = no suggestion."""
    life_s: float | None = None
    link: LinkSpan | None = None
    corridor: Corridor | None = None
    guidance: PathPlan | None = None
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class LaneAdvice:
    """What all vehicles of a lane are told."""

    link: LinkSpan
    corridor: Corridor | None = None
    begin_utc_ns: int | None = None
    end_utc_ns: int | None = None
    speed_mps: float | None = None
    behaviour: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True, eq=False)
class Coordination:
    """Content of one RSC as received."""

    unit_id: bytes
    generated_utc_ns: int
    vehicles: tuple[VehicleAdvice, ...]
    lanes: tuple[LaneAdvice, ...]

    def advice_for(self, vehicle_id: bytes) -> VehicleAdvice | None:
        """What the vehicle is told, None if it is not addressed."""
        return next((advice for advice in self.vehicles if advice.vehicle_id == vehicle_id), None)


@dataclass(frozen=True)
class Correction:
    """One message of a differential correction service, as octets."""

    payload: bytes
    """1..2047 octets."""
    number: int | None = None
    """RTCM message number, 0..32767."""
    revision: str = "rtcmRev3-2"
    """Name of an RTCM-Revision of the set, empty = not said."""


@dataclass(frozen=True, eq=False)
class PersonDescription:
    """A person on or beside the road, as a PSM tells it."""

    person_id: bytes
    """8 octets."""
    kind: str
    """One of :data:`PERSON_KINDS`."""
    lon: float
    lat: float
    speed_mps: float
    heading_deg: float
    sampled_utc_ns: int
    height_m: float | None = None
    position_sigma_m: float = float("nan")
    """Standard deviation per horizontal axis."""
    radius_m: float = 0.5
    """Around the person or group, at most 20 m."""
    crossing: str = ""
    """One of :data:`CROSSINGS`, empty = not said."""
    trail: np.ndarray = field(default_factory=_no_points)
    """(n, 3) of (lon, lat, age_s), n <= 23, newest first; empty = none."""
    plan: PathPlan | None = None
