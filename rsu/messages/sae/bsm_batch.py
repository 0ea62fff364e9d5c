"""Many J2735 BSMs at once: wire columns of :mod:`rsu.messages.sae.bsm_wire` through the batch engine.

The second part is a list of open types; a BSM sent here has the safety extensions, and the special ones where a vehicle
says that it responds to an emergency.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import Policy
from rsu.messages.batch import frames
from rsu.messages.batch.block import COUNT, Path, Rows
from rsu.messages.batch.engine import Batch, Engine
from rsu.messages.batch.node import OpenType
from rsu.messages.batch.sheet import VOID, Paths, Sheet, closure
from rsu.messages.sae import bsm_wire
from rsu.messages.sae.bsm_wire import (
    CODES,
    CONSTANTS,
    CRUMBS,
    ID,
    NO_ELEVATION_OFFSET,
    OPTIONAL,
    PHYSICAL,
    SAFETY,
    SPECIAL,
)
from rsu.messages.sae.framing import MESSAGES, PART_II, FrameCodec
from rsu.messages.sae.quantities import QUANTITIES
from rsu.messages.vehicle import ABSENT, PathHistory, VehicleColumns

_NUMBER_OF = {name: number for number, name in PART_II.items()}
_PARTS: Path = ("partII",)
_SELECTOR: Path = ("partII-Id",)
_VALUE = "partII-Value"
_MEMBERS: tuple[tuple[str, ...], ...] = (ID, *PHYSICAL, *CODES, *OPTIONAL)
_CORE: Paths = tuple(member for member in (ID, *PHYSICAL, *CODES, *CONSTANTS) if member[0] not in _NUMBER_OF)
_HISTORY: Path = (_VALUE, *CRUMBS)
_SAFETY: Paths = ((SAFETY, "pathPrediction", "radiusOfCurve"), (SAFETY, "pathPrediction", "confidence"))
_EVENTS, _LIGHTS = (SAFETY, "events"), (SAFETY, "lights")
_ALERTS = (SPECIAL, "vehicleAlerts")
_RESPONSE, _SIREN, _LIGHTBAR = ((*_ALERTS, name) for name in ("responseType", "sirenUse", "lightsUse"))
CRUMB: Paths = (("latOffset",), ("lonOffset",), ("elevationOffset",), ("timeOffset",))
"""Columns of a crumb."""


def bsm_engine(codec: FrameCodec) -> Engine:
    """Batch coder of the BSMs of a codec."""
    opens = {("PartIIcontent", _VALUE): OpenType("partII-Id", PART_II)}
    frame = frames.numbered(codec.schema, "MessageFrame", "messageId", MESSAGES["BSM"][0])
    return Engine(codec, "BSM", frame, opens)


class BsmBatch:
    """Batch encoder and decoder of BSMs over one codec."""

    def __init__(self, codec: FrameCodec) -> None:
        self.engine = bsm_engine(codec)

    def encode(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        return self.engine.encode(to_sheet(columns))

    def decode(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; equal to decoding each with the general codec."""
        return from_batch(self.engine.decode(messages, policy))


def to_sheet(columns: VehicleColumns) -> Sheet:
    """Wire integers of BSMs; raises EncodeError as :func:`bsm_wire.to_wire` and :func:`bsm_wire.crumbs_to_wire`."""
    wire = bsm_wire.to_wire(columns)
    path = columns.path
    assert path is not None
    rows = len(columns)
    special = wire[_SIREN] != ABSENT
    core = np.empty((len(_CORE) + 1, rows), np.int64)
    for index, member in enumerate(_CORE):
        core[index] = wire[member]  # type: ignore[index]
    core[-1] = 1 + special
    crumbs = np.empty((4, len(path.age_s)), np.int64)
    crumbs[0], crumbs[1], crumbs[3] = bsm_wire.crumbs_to_wire(path)
    crumbs[2] = NO_ELEVATION_OFFSET
    parts = _parts(wire, path.counts, special)
    parts.lists[_HISTORY] = Sheet.uniform(CRUMB, crumbs)
    return Sheet.uniform((*_CORE, (*_PARTS, COUNT)), core, {_PARTS: parts})


def _parts(wire: bsm_wire.Wire, counts: Rows, special: NDArray[np.bool_]) -> Sheet:
    """The second parts: safety extensions of every row, special ones behind those of some."""
    safety_row = np.arange(len(counts)) + np.cumsum(special) - special
    special_row = safety_row[special] + 1
    total = len(counts) + len(special_row)
    matrix = np.zeros((6, total), np.int64)
    events, lights = wire[_EVENTS], wire[_LIGHTS]
    columns: tuple[Any, ...] = (
        _NUMBER_OF[SAFETY], events, counts, *(wire[member] for member in _SAFETY), lights,  # type: ignore[index]
    )
    for index, column in enumerate(columns):
        matrix[index, safety_row] = column
    alerts: tuple[Any, ...] = (_NUMBER_OF[SPECIAL], 0, wire[_SIREN], wire[_LIGHTBAR], 0, wire[_RESPONSE])
    for index, column in enumerate(alerts):
        matrix[index, special_row] = column[special] if isinstance(column, np.ndarray) else column
    key = np.empty(total, np.intp)
    key[safety_row] = (events != ABSENT) + 2 * (counts > 0) + 4 * (lights != ABSENT)
    key[special_row] = 8 + (wire[_RESPONSE][special] != ABSENT)
    used, kind = np.unique(key, return_inverse=True)
    return Sheet([_KINDS[one] for one in used.tolist()], kind, matrix)


def _kind(key: int) -> Paths:
    if key < 8:
        switched = [(_VALUE, *_EVENTS), (*_HISTORY, COUNT), (_VALUE, *_LIGHTS)]
        events, history, lights = (path if key >> bit & 1 else VOID for bit, path in enumerate(switched))
        return (_SELECTOR, events, history, *((_VALUE, *member) for member in _SAFETY), lights)
    alerts: list[Path] = [(_VALUE, *_ALERTS, name) for name in ("doNotUse", "sirenUse", "lightsUse", "multi")]
    return (_SELECTOR, *alerts, (_VALUE, *_RESPONSE) if key & 1 else VOID)


_KINDS = [_kind(key) for key in range(10)]
_MISSING = np.array([bsm_wire.missing_code(member) for member in _MEMBERS])


def from_batch(batch: Batch) -> VehicleColumns:
    """Columns of decoded BSMs, as :func:`bsm_wire.from_value` and :func:`bsm_wire.from_wire` make them of each one."""
    sheet = batch.sheet
    matrix = sheet.columns(_MEMBERS, _MISSING)
    parts = sheet.lists.get(_PARTS)
    counts, crumbs = np.zeros(len(sheet), np.int64), np.empty((3, 0), np.int64)
    if parts is not None and len(parts):
        owner = np.repeat(np.arange(len(sheet)), sheet.counts(_PARTS))
        for name in (SAFETY, SPECIAL):
            element = _first_part(parts, owner, name, len(sheet))
            found = np.flatnonzero(element >= 0)
            numbers = [index for index, member in enumerate(_MEMBERS) if member[0] == name]
            inner = parts.columns([(_VALUE, *_MEMBERS[index]) for index in numbers], _MISSING[numbers])
            matrix[np.array(numbers)[:, None], found] = inner[:, element[found]]
            if name == SAFETY:
                counts, crumbs = _crumbs(parts, element)
    wire: bsm_wire.Wire = {member: matrix[index] for index, member in enumerate(_MEMBERS)}
    wire[ID] = matrix[0].view(np.uint64)
    offset = QUANTITIES["OffsetLL-B18"]
    path = PathHistory(
        counts, offset.from_wire(crumbs[1]), offset.from_wire(crumbs[0]), QUANTITIES["TimeOffset"].from_wire(crumbs[2])
    )
    return bsm_wire.from_wire(wire, path, batch.status)


def _first_part(parts: Sheet, owner: Rows, name: str, rows: int) -> Rows:
    """The first second part of a type per message, -1 where there is none."""
    holds = np.array([(_VALUE, name) in closure(paths) for paths in parts.kinds], bool)[parts.kind]
    chosen = np.flatnonzero(holds)[::-1]
    first = np.full(rows, -1, np.intp)
    first[owner[chosen]] = chosen
    return first


def _crumbs(parts: Sheet, element: Rows) -> tuple[Rows, Rows]:
    """(crumbs per message, (lat, lon, time) of each) of the chosen parts."""
    held = parts.counts(_HISTORY)
    counts = np.where(element >= 0, held[element], 0)
    crumbs = parts.lists.get(_HISTORY)
    if crumbs is None:
        return counts, np.empty((3, 0), np.int64)
    wanted = np.zeros(len(parts), bool)
    wanted[element[element >= 0]] = True
    codes = crumbs.columns((CRUMB[0], CRUMB[1], CRUMB[3]), np.zeros(3, np.int64))
    return counts, codes[:, np.repeat(wanted, held)]
