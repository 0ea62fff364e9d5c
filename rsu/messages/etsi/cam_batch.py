"""Many CAMs at once: wire columns of :mod:`rsu.messages.etsi.cam_wire` through the batch engine."""

from __future__ import annotations

import numpy as np

from rsu.codec import Codec, Policy
from rsu.messages.batch.block import COUNT, Path, Rows
from rsu.messages.batch.engine import Batch, Engine
from rsu.messages.batch.sheet import VOID, Paths, Sheet
from rsu.messages.etsi import cam_wire
from rsu.messages.etsi.cam_value import LONGEST_STEP, NO_ALTITUDE
from rsu.messages.etsi.cam_wire import CONSTANT, CONTROL, HISTORY, LIGHT_BAR_SIREN, LIGHTS, MEMBERS, ROLE
from rsu.messages.etsi.framing import PDUS, PROTOCOL_VERSION
from rsu.messages.vehicle import ABSENT, PathHistory, VehicleColumns

_VERSION, _NUMBER = ("header", "protocolVersion"), ("header", "messageID")
_POSITION = "pathPosition"
CRUMB: Paths = (
    (_POSITION, "deltaLatitude"), (_POSITION, "deltaLongitude"), (_POSITION, "deltaAltitude"), ("pathDeltaTime",),
)
"""Columns of a point of the path history."""

_SLOW: Paths = (ROLE, LIGHTS, (*HISTORY, COUNT))
_LARGEST_DELTA = 131_071


def cam_engine(codec: Codec) -> Engine:
    """Batch coder of the CAMs of a codec."""
    pdu = PDUS["CAM"]
    return Engine(codec, "CAM", only={_VERSION: pdu.versions, _NUMBER: (pdu.message_id,)})


class CamBatch:
    """Batch encoder and decoder of CAMs over one codec."""

    def __init__(self, codec: Codec) -> None:
        self.engine = cam_engine(codec)
        self._constants = {
            _VERSION: PROTOCOL_VERSION, _NUMBER: PDUS["CAM"].message_id, **_constants(self.engine),
        }

    def encode(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one CAM per row; raises EncodeError naming the column out of range."""
        return self.engine.encode(self.to_sheet(columns))

    def decode(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; equal to decoding each with the general codec."""
        return from_batch(self.engine.decode(messages, policy))

    def to_sheet(self, columns: VehicleColumns) -> Sheet:
        """Wire integers of CAMs; raises EncodeError as :func:`cam_wire.to_wire` and :func:`cam_wire.crumbs_to_wire`."""
        wire = cam_wire.to_wire(columns)
        path = columns.path
        assert path is not None
        always = [member for member in wire if member not in (CONTROL, ROLE, LIGHTS, LIGHT_BAR_SIREN)]
        rows: Paths = (*self._constants, *always, CONTROL, *_SLOW, LIGHT_BAR_SIREN)
        matrix = np.empty((len(rows), len(columns)), np.int64)
        matrix[: len(self._constants)] = np.array(list(self._constants.values()))[:, None]
        slow = wire[ROLE] != ABSENT
        counts = np.where(slow, path.counts, 0)
        wire[*HISTORY, COUNT] = counts
        for index, member in enumerate(rows[len(self._constants) :], len(self._constants)):
            matrix[index] = wire[member]  # type: ignore[index]
        steps = np.empty((4, len(path.age_s)), np.int64)
        steps[0], steps[1], steps[3] = cam_wire.crumbs_to_wire(columns)
        steps[2] = NO_ALTITUDE
        if not slow.all():
            steps = steps[:, np.repeat(slow, path.counts)]
        key = (wire[CONTROL] != ABSENT) + 2 * slow + 4 * (wire[LIGHT_BAR_SIREN] != ABSENT)
        used, kind = np.unique(key, return_inverse=True)
        kinds = [_kind(rows, int(one)) for one in used]
        return Sheet(kinds, kind, matrix, {HISTORY: Sheet.uniform(CRUMB, steps)})


def _kind(rows: Paths, key: int) -> Paths:
    missing: set[Path] = {CONTROL} if not key & 1 else set()
    missing |= set(_SLOW) if not key & 2 else set()
    missing |= {LIGHT_BAR_SIREN} if not key & 4 else set()
    return tuple(VOID if path in missing else path for path in rows)


def _constants(engine: Engine) -> dict[Path, int]:
    """Codes of the members that are always sent with the same content."""
    codes: dict[Path, int] = {}
    for path, content in CONSTANT.items():
        inner = content.items() if isinstance(content, dict) else [(None, content)]
        for name, value in inner:
            member = (*path, name) if name else path
            node = engine.node
            for part in member:
                node = node.by_name[str(part)].node
            codes[member] = node.code_of[value] if isinstance(value, str) else int(value)
    return codes


_MISSING = np.array([cam_wire.missing_code(member) for member in MEMBERS])


def from_batch(batch: Batch) -> VehicleColumns:
    """Columns of decoded CAMs, as :func:`rsu.messages.etsi.cam_value.cam_columns` makes them."""
    matrix = batch.sheet.columns(MEMBERS, _MISSING)
    wire = {member: matrix[index] for index, member in enumerate(MEMBERS)}
    return cam_wire.from_wire(wire, crumbs_of(batch.sheet), batch.status)


def crumbs_of(sheet: Sheet) -> PathHistory:
    """Offsets from the own position; NaN from a point on whose place or time is not told."""
    counts = sheet.counts(HISTORY)
    elements = sheet.lists.get(HISTORY)
    if elements is None or not len(elements):
        empty = np.empty(0)
        return PathHistory(np.zeros(len(sheet), np.int64), empty, empty, empty)
    latitude, longitude, time = elements.columns((CRUMB[0], CRUMB[1], CRUMB[3]), np.array([0, 0, ABSENT]))
    lost = (time < 1) | (time > LONGEST_STEP)
    return PathHistory(
        counts, _summed(longitude, np.abs(longitude) > _LARGEST_DELTA, counts) * 1e-7,
        _summed(latitude, np.abs(latitude) > _LARGEST_DELTA, counts) * 1e-7, _summed(time, lost, counts) * 0.01,
    )


def _summed(steps: Rows, unknown: np.ndarray, counts: Rows) -> np.ndarray:
    """Running sums per row, NaN from the first unknown step on."""
    steps = np.where(unknown, 0, steps)
    first = np.cumsum(counts) - counts
    ends, lost = np.cumsum(steps), np.cumsum(unknown)
    sent = counts > 0
    base = np.repeat((ends - steps)[first[sent]], counts[sent])
    lost_base = np.repeat((lost - unknown)[first[sent]], counts[sent])
    return np.where(lost > lost_base, np.nan, (ends - base).astype(np.float64))
