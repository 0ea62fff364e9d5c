"""What the KPI side sees of a run: batches of frames and links, traffic ticks, and rows of
``metrics.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from sim.frames import LAST_RADIO, RADIO_LATER, Kind, Outcome
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.messages import Measure

LINKS = ("V2V", "V2I", "I2V", "P2V", "P2I")
"""Kinds of link in tables: from vehicle (V), roadside unit (I) or pedestrian (P) to vehicle or roadside unit."""

STAGES = ("generate", "encode", "sign", "access", "air", "backhaul", "verify", "decode", "apply")
"""Parts of the application-to-application latency, in order (definitions section 5)."""

CLASSES = ("SPAT+MAP", "RSI", "RSM")
"""Message classes whose coverage is measured by probes (definitions section 6)."""

_LINK_OF = np.full((len(Kind), len(Kind)), -1, np.int8)
_LINK_OF[Kind.VEHICLE, Kind.VEHICLE] = 0
_LINK_OF[Kind.VEHICLE, Kind.RSU] = 1
_LINK_OF[Kind.RSU, Kind.VEHICLE] = 2
_LINK_OF[Kind.PEDESTRIAN, Kind.VEHICLE] = 3
_LINK_OF[Kind.PEDESTRIAN, Kind.RSU] = 4

_BY_RADIO = np.array([outcome <= LAST_RADIO or outcome in RADIO_LATER for outcome in Outcome])
_DENSE = 1 << 20
"""Up to so many combinations, each has a counter of its own."""


class Metric(NamedTuple):
    """One row of ``metrics.csv`` (definitions section 8); ``None`` and NaN are written as empty."""

    metric: str
    unit: str
    link: str = ""
    message: str = ""
    jurisdiction: str = ""
    direction: str = ""
    station_class: str = ""
    distance_m: float | None = None
    chainage_m: float | None = None
    quantile: float | None = None
    value: float | None = None
    n: int | None = None
    lower: float | None = None
    upper: float | None = None


class Rows(NamedTuple):
    """A further small table: column names with units, and its rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass
class ProbeGrid:
    """Where the passive probes stand, one entry each, in the order of their slots."""

    chainage_m: np.ndarray
    direction: np.ndarray
    """+1 up, -1 down."""
    place: np.ndarray
    """Jurisdiction index of the road there."""
    spacing_m: float = 25.0

    def __len__(self) -> int:
        return len(self.chainage_m)


@dataclass(frozen=True)
class RoadsideMessage:
    """A message that roadside units send again and again, and who sends it."""

    message: str
    service: str = ""
    """Service class, empty for messages outside them."""
    senders: tuple[int, ...] = ()
    """Slots of units, ascending."""
    period_ns: Mapping[int, int] = field(default_factory=dict)
    """Period per flow (index) of the message."""


class Border(NamedTuple):
    """A border across the corridor."""

    chainage_m: float
    before: int
    """Jurisdiction (index) below that chainage, -1 = nobody's road."""
    after: int
    """Jurisdiction above it."""


class EventPath(NamedTuple):
    """Where an event or sign of the scenario holds."""

    id: int
    from_m: float
    to_m: float
    direction: int
    """+1 up, -1 down."""
    place: int
    """Jurisdiction (index) where its path begins in driving direction."""


@dataclass
class Context:
    """What every KPI must know before the run begins."""

    messages: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    start_ns: int
    """Begin of the measured time; warm-ups lie before it."""
    end_ns: int
    measure: Measure
    period_ns: Mapping[str, int] = field(default_factory=dict)
    """Generation period per message, where it has one; the longest interval where motion triggers it (CAM: 1 s)."""
    awareness: str = "BSM"
    """Message that every vehicle sends of itself."""
    probes: ProbeGrid | None = None
    home_share: np.ndarray | None = None
    """Share of the equipped fleet per home jurisdiction; none = equal shares."""
    roadside: tuple[RoadsideMessage, ...] = ()
    units: tuple[str, ...] = ()
    """Ids of the roadside units, in the order of their slots."""
    unit_operators: tuple[str, ...] = ()
    """Who operates each of them: a jurisdiction, or empty."""
    services: Mapping[str, str] = field(default_factory=dict)
    """Service class of each message that has one (:data:`rsu.messages.base.SERVICE_CLASSES`)."""
    borders: tuple[Border, ...] = ()
    """Where the road passes from one jurisdiction to another, in direction up."""
    events: tuple[EventPath, ...] = ()
    """The scenario's events and signs, in its order."""
    told: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Slot of a unit -> events (indices) that it tells of while they last; empty = unknown."""

    @property
    def shares(self) -> np.ndarray:
        """Home shares, summing to 1; shape (jurisdictions,)."""
        count = max(1, len(self.jurisdictions))
        raw = np.full(count, 1.0) if self.home_share is None else np.asarray(self.home_share, float)
        return raw / raw.sum()

    def batch_of(self, time_ns: np.ndarray) -> np.ndarray:
        """Index of the time batch of each instant, clipped to 0 .. measure.batches - 1."""
        length_ns = max(1, self.end_ns - self.start_ns)
        index = ((time_ns - self.start_ns) * self.measure.batches) // length_ns
        return np.clip(index, 0, self.measure.batches - 1)


@dataclass
class LinkCounts:
    """How many links of a batch share kind of sender and receiver, message, place, distance bin and outcome.

    Columns of equal length, one entry per combination that occurs; built by :meth:`Batch.counts`.
    """

    time_batch: np.ndarray
    link: np.ndarray
    """Index into :data:`LINKS`; links of no kind (to probes, from unit to unit) are not here."""
    message: np.ndarray
    place: np.ndarray
    """Jurisdiction of the receiver + 1."""
    bin: np.ndarray
    outcome: np.ndarray
    radio_outcome: np.ndarray
    count: np.ndarray


@dataclass
class Batch:
    """Frames that ended and their links, after the pipeline; only batches of the measured time reach a KPI.

    Frame columns have length n, link columns length m; ``row`` points from a link to its frame. Slots index
    ``stations``; jurisdiction columns hold indices, -1 = none. For each link with final ``outcome`` DELIVERED,
    ``applied_ns - generated_ns[row]`` is exactly the sum of ``stage_ns`` of the frame plus ``verify_wait_ns`` and
    ``air_extra_ns`` of the link.
    """

    messages: tuple[str, ...]
    frame: np.ndarray
    flow: np.ndarray
    message: np.ndarray
    """Index into ``messages``."""
    sender: np.ndarray
    sender_kind: np.ndarray
    sender_place: np.ndarray
    sender_home: np.ndarray
    generated_ns: np.ndarray
    ready_ns: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    sent: np.ndarray
    size_bytes: np.ndarray
    sense_ns: np.ndarray
    """Sample to sender application; 0 for most messages."""
    stage_ns: dict[str, np.ndarray]
    """Stage name (see :data:`STAGES`) -> int64 array over frames; an absent stage is 0."""
    after_ns: np.ndarray
    """When an application has the frame whose link adds nothing of its own."""
    row: np.ndarray
    receiver: np.ndarray
    stations: Stations
    """What the receivers are; columns by slot, as they are in the batch's tick."""
    distance_m: np.ndarray
    outcome: np.ndarray
    """Final :class:`sim.frames.Outcome`, int8."""
    radio_outcome: np.ndarray
    """What the radio said: DELIVERED .. NEVER_SENT, RECEIVER_BUSY, or NOT_TUNED. ``outcome`` is the same unless
    the radio delivered."""
    clock_error_ns: np.ndarray | None = None
    """Clock of the receiver minus that of the sender, per link: what a receiver adds to the age it sees."""
    carrier_ratio: np.ndarray | None = None
    """Frame column: part of the carrier each transmission fills; none = all of it."""
    verify_wait_ns: np.ndarray | None = None
    """Wait in the receiver's verification queue, on top of the frame's ``verify`` stage."""
    air_extra_ns: np.ndarray | None = None
    """What a link took on the air beyond the frame's ``air`` stage; below 0 where a copy before the last sufficed."""
    mask: np.ndarray | None = None
    """int32 per link: :func:`sim.frames.bit` of every stage that failed or would have failed; none = the outcome says
    it all."""
    relevant: np.ndarray | None = None
    """Bool per link: whether the receiver is where the message is wanted, by truth; none = everywhere."""
    subject: np.ndarray | None = None
    """Frame column: index of the first event an RSI tells of (:attr:`Context.events`), -1 for other messages."""
    _counted: tuple[np.ndarray | None] | None = field(default=None, repr=False)
    _counts: LinkCounts | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.frame)

    def applied_ns(self, links: np.ndarray) -> np.ndarray:
        """When the receivers' applications had it; meaningful where ``outcome`` is DELIVERED."""
        at_ns = self.after_ns.take(self.row[links])
        for extra_ns in (self.verify_wait_ns, self.air_extra_ns):
            if extra_ns is not None:
                at_ns += extra_ns[links]
        return at_ns

    @property
    def links_alike(self) -> bool:
        """Whether all links of a frame are applied at the same instant."""
        return self.verify_wait_ns is None and self.air_extra_ns is None

    def counted(self, measure: Measure) -> np.ndarray | None:
        """Links that stand in PRR and latency tables, if they are of a kind in :data:`LINKS`: within the last
        distance, inner section only. None = all."""
        if self._counted is None:
            inner = measure.inner_from_m is not None or measure.inner_to_m is not None
            if not inner and float(self.distance_m.max(initial=0.0)) < measure.max_distance_m:
                self._counted = (None,)
            else:
                keep = self.distance_m < measure.max_distance_m
                if inner:
                    from_m, to_m = measure.inner_from_m, measure.inner_to_m
                    chainage_m = self.stations.chainage_m
                    inside = chainage_m >= (-np.inf if from_m is None else from_m)
                    inside &= chainage_m <= (np.inf if to_m is None else to_m)
                    keep &= inside[self.receiver]
                self._counted = (np.flatnonzero(keep),)
        return self._counted[0]

    def counts(self, context: Context) -> LinkCounts:
        """Counts of the links that :meth:`counted` names; made once per batch."""
        if self._counts is None:
            self._counts = _count_links(self, context)
        return self._counts


def link_kind(sender_kind: np.ndarray, receiver_kind: np.ndarray) -> np.ndarray:
    """Index into :data:`LINKS`, -1 for probes, unit to unit, and to pedestrians."""
    return _LINK_OF[sender_kind, receiver_kind]


def _count_links(batch: Batch, context: Context) -> LinkCounts:
    """One number per link names its combination; numbers are counted, then taken apart."""
    measure, kinds, ends = context.measure, len(Kind), len(Outcome)
    places, messages = len(context.jurisdictions) + 1, len(context.messages)
    bins = int(np.ceil(measure.max_distance_m / measure.bin_m))
    time_batch = context.batch_of(batch.generated_ns)
    frames = (time_batch * kinds + batch.sender_kind) * messages + batch.message
    groups, group = np.unique(frames, return_inverse=True)
    size = len(groups) * kinds * places * bins * ends
    dtype: Any = np.int32 if size < 2**31 else np.int64
    stations = batch.stations
    of_receiver = (stations.kind.astype(dtype) * places + (stations.place + 1)) * (bins * ends)
    keep = batch.counted(measure)
    row, receiver, distance_m, outcome = batch.row, batch.receiver, batch.distance_m, batch.outcome
    if keep is not None:
        row, receiver, distance_m, outcome = row[keep], receiver[keep], distance_m[keep], outcome[keep]
    cell = (distance_m / measure.bin_m).astype(dtype)
    cell *= ends
    cell += outcome
    if len(groups) > 1:
        cell += (group * (kinds * places * bins * ends)).astype(dtype).take(row)
    present = of_receiver[stations.active]
    if len(present) and (present == present[0]).all() and stations.active[receiver[:1]].all():
        cell += present[0]
    else:
        cell += of_receiver.take(receiver)
    used, count = _occurring(cell, size)
    used, end = np.divmod(used, ends)
    used, bin_ = np.divmod(used, bins)
    used, place = np.divmod(used, places)
    used, kind = np.divmod(used, kinds)
    rest, message = np.divmod(groups[used], messages)
    time_batch, sender_kind = np.divmod(rest, kinds)
    link = link_kind(sender_kind, kind)
    columns = (time_batch, link, message, place, bin_, end, np.where(_BY_RADIO[end], end, Outcome.DELIVERED), count)
    return LinkCounts(*(column[link >= 0] for column in columns))


def _occurring(cell: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(numbers that occur, how often); ``size`` bounds the numbers."""
    if size > _DENSE:
        return np.unique(cell, return_counts=True)
    count = np.bincount(cell, minlength=1)
    used = np.flatnonzero(count)
    return used, count[used]


@dataclass
class Tick:
    """The world at one traffic tick of the measured time; KPIs that follow state over time read it.

    Called at the *start* of each tick: positions of ``stations`` are those of ``now_ns``; batches that end
    before the next tick are observed afterwards.
    """

    now_ns: int
    length_ns: int
    """Time until the next tick."""
    stations: Stations
    zone: np.ndarray | None = None
    """Service zone of probes now, bool, shape (classes, probes)."""
    vehicle_zone: np.ndarray | None = None
    """Active equipped vehicles inside the zone now, bool, shape (classes, slots from ``first_vehicle``
    on)."""
    busy: tuple[np.ndarray, np.ndarray] | None = None
    """(slots, channel busy ratio) over the last 100 ms."""
    position_error_m: tuple[np.ndarray, np.ndarray] | None = None
    """(slots of equipped vehicles, horizontal error of the place they believe to be at); none = no error model."""


Self = TypeVar("Self", bound="Kpi")


class Kpi(Protocol):
    """A small accumulator; built with a :class:`Context`, memory bounded by fleet, bins and seconds."""

    def observe(self, batch: Batch) -> None:
        """Take in frames that ended."""

    def tick(self, tick: Tick) -> None:
        """Take in the state of the world at a traffic tick."""

    def rows(self) -> Iterable[Metric]:
        """Rows of ``metrics.csv`` in a stable order."""

    def tables(self) -> dict[str, Rows]:
        """Further CSV tables by name (without suffix), for plots."""

    def merge(self: Self, other: Self) -> None:
        """Add the counts of another accumulator of the same context."""


def direction_name(sign: int) -> str:
    """``up``, ``down`` or empty."""
    return {1: "up", -1: "down"}.get(int(sign), "")
