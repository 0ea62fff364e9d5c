"""Frames, receptions and outcomes: the rows that pass between run, access layer and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np


class Outcome(IntEnum):
    """How one opportunity ended; the first failing stage names it (fragmentation model section 1)."""

    DELIVERED = 0
    """Received by the radio and, after the pipeline, applied."""
    HALF_DUPLEX = 1
    SENSITIVITY = 2
    CONTROL_LOST = 3
    """The control channel (SCI, preamble) was lost."""
    PROPAGATION = 4
    COLLISION = 5
    NEVER_SENT = 6
    """The frame left no queue: no grant in time, dropped or replaced."""
    NOT_TUNED = 7
    NET_UNKNOWN = 8
    """The receiver does not know the network header, or the application identifier or port in it."""
    DEC_SKIP = 9
    """A kind of message that the receiver's set lets it skip."""
    DEC_ERROR = 10
    """The receiver's decoder refused the octets."""
    NOT_INTERPRETED = 11
    """Understood, but not believed, or of no use to the application where the receiver is."""
    STALE = 12
    NOT_APPLICABLE = 13
    """Received and understood, but the application had no use for it (e.g. outside its service zone)."""
    DUPLICATE = 14
    """Usable, but the receiver had already applied the same content from another unit."""
    RECEIVER_BUSY = 15
    """Said by the radio: the receiver was locked on another frame (carrier-sense radios)."""
    SEC_ROOT = 16
    """The root above the sender's certificate is not in the receiver's trust list."""
    SEC_REGION = 17
    """The certificate does not hold where the message was signed."""
    SEC_PERM = 18
    """The certificate does not permit the application."""
    SEC_TIME = 19
    """The certificate's time is over, or has not begun."""
    SEC_REVOKED = 20
    SEC_ALG = 21
    """The receiver does not know the signature algorithm."""
    SEC_CERT_WAIT = 22
    """Signed with a digest of a certificate that the receiver has not heard yet."""
    SEC_QUEUE = 23
    """The receiver's verification queue was full."""
    DEC_SILENT = 24
    """Decoded to other values than were sent, and found out."""
    SEM_DATUM = 25
    """Positions in another datum than the receiver takes them for, and found out or of no use."""
    SEM_ID = 26
    """Identifiers that mean something else to the receiver, and found out or of no use."""
    SEM_CODE = 27
    """An event code that the receiver does not know."""
    APPLIED_WRONG = 28
    """Applied, though a stage before had gone wrong unnoticed: the mask names it."""


class Stage(IntEnum):
    """The ordered stages of the pipeline (fragmentation model section 1)."""

    TUNED = 0
    RECEIVED = 1
    HEADER = 2
    VERIFIED = 3
    DECODED = 4
    INTERPRETED = 5
    TIMELY = 6
    APPLIED = 7


_STAGES: dict[Stage, tuple[Outcome, ...]] = {
    Stage.TUNED: (Outcome.NOT_TUNED,),
    Stage.RECEIVED: (
        Outcome.HALF_DUPLEX, Outcome.SENSITIVITY, Outcome.CONTROL_LOST, Outcome.PROPAGATION, Outcome.COLLISION,
        Outcome.RECEIVER_BUSY, Outcome.NEVER_SENT,
    ),
    Stage.HEADER: (Outcome.NET_UNKNOWN,),
    Stage.VERIFIED: (
        Outcome.SEC_ROOT, Outcome.SEC_REGION, Outcome.SEC_PERM, Outcome.SEC_TIME, Outcome.SEC_REVOKED,
        Outcome.SEC_ALG, Outcome.SEC_CERT_WAIT, Outcome.SEC_QUEUE,
    ),
    Stage.DECODED: (Outcome.DEC_ERROR, Outcome.DEC_SKIP, Outcome.DEC_SILENT),
    Stage.INTERPRETED: (Outcome.SEM_DATUM, Outcome.SEM_ID, Outcome.SEM_CODE, Outcome.NOT_INTERPRETED),
    Stage.TIMELY: (Outcome.STALE,),
    Stage.APPLIED: (Outcome.NOT_APPLICABLE, Outcome.APPLIED_WRONG, Outcome.DUPLICATE, Outcome.DELIVERED),
}
STAGE_OF: dict[Outcome, Stage] = {outcome: stage for stage, outcomes in _STAGES.items() for outcome in outcomes}
"""Stage at which an opportunity ended; the order of the keys is that of the stages, and within one that of checks."""


def bit(outcome: Outcome) -> int:
    """Bit of an outcome in the mask of all stages that failed or would have failed."""
    return 1 << int(outcome)


LAST_RADIO = Outcome.NOT_TUNED
"""Outcomes up to this one, and :data:`RADIO_LATER`, are said by radios; the others come after them."""
RADIO_LATER = (Outcome.RECEIVER_BUSY,)


class Kind(IntEnum):
    """What a station is."""

    RSU = 0
    VEHICLE = 1
    PROBE = 2
    """Passive: receives frames of roadside units, never transmits."""
    PEDESTRIAN = 3
    """Transmits like a vehicle; what it receives is not judged."""


@dataclass(frozen=True)
class Flow:
    """One (message, station type) stream: what the access layer must know of it."""

    index: int
    message: str
    """Name of the message in its set: BSM, CAM, MAP, MAPEM, DENM ..."""
    sender: Kind
    period_ns: int
    budget_ns: int
    """Packet delay budget (PDB)."""
    priority: int
    """PPPP, 1 most urgent .. 8 least."""
    service: str = ""
    """Service class (:data:`rsu.messages.base.SERVICE_CLASSES`), empty for messages outside them."""


@dataclass
class Frames:
    """Frames handed to an access layer; one row each, all columns of equal length.

    ``frame`` grows over the run; ``sequence`` counts per sender (key of reception draws); ``sender`` is a slot of
    :class:`sim.world.stations.Stations`, ``sender_id`` the station's lasting identity; ``stream`` tells apart several
    periodic streams of one flow at one station (parts of a split MAP).
    """

    frame: np.ndarray
    sender: np.ndarray
    sender_id: np.ndarray
    sequence: np.ndarray
    flow: np.ndarray
    stream: np.ndarray
    generated_ns: np.ndarray
    ready_ns: np.ndarray
    size_bytes: np.ndarray
    """Octets at the top of the access layer's transport block: message + security + network + L2."""

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray) -> Frames:
        """A selection of rows."""
        return Frames(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @staticmethod
    def concatenate(parts: list[Frames]) -> Frames:
        """All rows of several tables in order; an empty table for an empty list."""
        if not parts:
            empty = np.empty(0, np.int64)
            return Frames(*(empty.copy() for _ in fields(Frames)))
        return Frames(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Frames)})


FRAME_COLUMNS = ("frame", "sender", "start_ns", "end_ns", "sent")
LINK_COLUMNS = ("row", "receiver", "distance_m", "outcome", "data_outcome", "power_dbm", "sinr_db")
"""Columns of :class:`Receptions` that are always there."""


@dataclass
class Receptions:
    """What became of frames: one row per (frame, receiver in reach), lost ones with a cause.

    Frame columns (length = frames that ended in this batch): ``frame``, ``sender``, ``start_ns``, ``end_ns`` (of the
    transmission; for a frame that was never sent both are the time it was dropped), ``sent``.
    Link columns (length = links): ``row`` points into the frame columns; ``receiver`` is a slot; ``outcome`` holds
    :class:`Outcome` values (int8) in the radio's fixed order; ``data_outcome`` the same as if the control channel
    could not be lost (published Mode 4 convention); ``power_dbm`` of the wanted signal in its data PRBs (or bandwidth),
    ``sinr_db`` in the same.
    """

    frame: np.ndarray
    sender: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    sent: np.ndarray
    row: np.ndarray
    receiver: np.ndarray
    distance_m: np.ndarray
    outcome: np.ndarray
    data_outcome: np.ndarray
    power_dbm: np.ndarray
    sinr_db: np.ndarray
    resource: dict[str, np.ndarray] = field(default_factory=dict)
    """Further frame columns of the access layer (first subchannel, subchannel count, MCS …), for traces."""
    carrier_ratio: np.ndarray | None = None
    """Frame column: part of the carrier that the transmission fills; none = all of it."""
    received_ns: np.ndarray | None = None
    """Link column, int64: when this link's receiver has the frame, where links of one frame differ (one downlink per
    receiver, a copy that sufficed before the last one); meaningful where delivered. None = ``end_ns[row]``."""

    def carrier(self) -> np.ndarray:
        """``carrier_ratio``, 1 where the access layer does not say."""
        return np.ones(len(self.frame)) if self.carrier_ratio is None else self.carrier_ratio

    def arrived_ns(self, links: np.ndarray) -> np.ndarray:
        """When the receivers of these links have the frame."""
        return self.end_ns[self.row[links]] if self.received_ns is None else self.received_ns[links]

    def keep_links(self, keep: np.ndarray) -> Receptions:
        """The same frames with a selection of links."""
        received_ns = None if self.received_ns is None else self.received_ns[keep]
        return replace(self, received_ns=received_ns, **{name: getattr(self, name)[keep] for name in LINK_COLUMNS})

    def keep_frames(self, frames: np.ndarray) -> Receptions:
        """Some of the frames (a mask) with all their links."""
        keep = frames[self.row]
        columns: dict[str, Any] = {name: getattr(self, name)[frames] for name in FRAME_COLUMNS}
        columns |= {name: getattr(self, name)[keep] for name in LINK_COLUMNS}
        columns["row"] = (np.cumsum(frames) - 1)[columns["row"]]
        columns["resource"] = {name: values[frames] for name, values in self.resource.items()}
        columns["carrier_ratio"] = None if self.carrier_ratio is None else self.carrier_ratio[frames]
        columns["received_ns"] = None if self.received_ns is None else self.received_ns[keep]
        return Receptions(**columns)

    @staticmethod
    def joined(parts: list[Receptions]) -> Receptions:
        """One batch from several, rows renumbered; columns that only some parts have are completed."""
        parts = [part for part in parts if len(part.frame)]
        if len(parts) < 2:
            return parts[0] if parts else Receptions.empty()
        shift = np.cumsum([0, *(len(part.frame) for part in parts[:-1])])
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (*FRAME_COLUMNS, *LINK_COLUMNS[1:])
        }
        columns["row"] = np.concatenate([part.row + by for part, by in zip(parts, shift, strict=True)])
        names = parts[0].resource.keys()
        columns["resource"] = {name: np.concatenate([part.resource[name] for part in parts]) for name in names}
        if any(part.carrier_ratio is not None for part in parts):
            columns["carrier_ratio"] = np.concatenate([part.carrier() for part in parts])
        if any(part.received_ns is not None for part in parts):
            columns["received_ns"] = np.concatenate([
                part.end_ns[part.row] if part.received_ns is None else part.received_ns for part in parts
            ])
        return Receptions(**columns)

    @staticmethod
    def empty() -> Receptions:
        """A batch without rows."""
        i, f = np.empty(0, np.int64), np.empty(0, np.float32)
        return Receptions(i, i, i, i, np.empty(0, bool), i, i, f, np.empty(0, np.int8), np.empty(0, np.int8), f, f)
