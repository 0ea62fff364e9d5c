"""Many BSMs of a Chinese set at once: SI columns to wire integers by whole matrices, then the batch engine.

The octets are those of the general codec, see :mod:`rsu.messages.batch`; errors are those of :mod:`bsm_wire`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import ChoiceCodec, EncodeError, Policy
from rsu.messages.batch import frames
from rsu.messages.batch.block import COUNT, Path, Rows
from rsu.messages.batch.engine import Batch, Engine
from rsu.messages.batch.sheet import VOID, Paths, Sheet
from rsu.messages.batch.si import QuantityRows
from rsu.messages.cn import bsm_wire
from rsu.messages.cn.bsm_wire import CODES, CRUMBS, OPTIONAL, PHYSICAL
from rsu.messages.cn.quantities import QUANTITIES
from rsu.messages.vehicle import ABSENT, PathHistory, VehicleColumns

_SCALED = {path: entry for path, entry in PHYSICAL.items() if entry[1]}
_PLAIN = {("secMark",): ("sec_mark_ms", 65_535), **CODES}
_SWITCHED = tuple(OPTIONAL)
_QUANTITIES = QuantityRows([QUANTITIES[quantity] for _, quantity in _SCALED.values()])
_CRUMB_QUANTITIES = QuantityRows([QUANTITIES[name] for name in ("OffsetLL-B18", "OffsetLL-B18", "TimeOffset")])
_AGE = QUANTITIES["TimeOffset"]
_HIGHEST = np.array([highest for _, highest in _PLAIN.values()])[:, None]
_HIGHEST_OPTIONAL = np.array([highest for _, highest in OPTIONAL.values()])[:, None]

ROWS: Paths = (("id",), *_SCALED, *_PLAIN, *_SWITCHED, (*CRUMBS, COUNT))
"""Rows of the wire matrix of a BSM."""

_FIRST_PLAIN = 1 + len(_SCALED)
_FIRST_SWITCHED = _FIRST_PLAIN + len(_PLAIN)
_HEIGHT, _EVENTS = (_FIRST_SWITCHED + _SWITCHED.index(path) for path in (("size", "height"), ("safetyExt", "events")))
_RADIUS = 1 + list(_SCALED).index(("safetyExt", "pathPrediction", "radiusOfCurve"))
_BITS = (1 << np.arange(len(_SWITCHED) + 1))[:, None]

_OFFSET = ("llvOffset", "offsetLL")
OFFSET_TYPES = (*(f"position-LL{kind}" for kind in range(1, 7)), "position-LatLon")
CRUMB_KINDS: list[Paths] = [
    ((*_OFFSET, kind, "lon"), (*_OFFSET, kind, "lat"), ("timeOffset",)) for kind in OFFSET_TYPES[:4]
]
"""Columns of a crumb that is sent, by offset type LL1 to LL4."""


class BsmBatch:
    """Batch encoder and decoder of BSMs over one codec."""

    def __init__(self, codec: ChoiceCodec) -> None:
        self.codec = codec
        frame = frames.alternative(codec.schema, codec.frame, codec.alternatives["BSM"])
        self.engine = Engine(codec, "BSM", frame)

    def encode(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        return self.engine.encode(to_sheet(columns))

    def decode(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; equal to decoding each with the general codec."""
        return from_batch(self.engine.decode(messages, policy, why=False))


def to_sheet(columns: VehicleColumns) -> Sheet:
    """Wire integers of BSMs; raises EncodeError as :func:`bsm_wire.to_wire` and :func:`bsm_wire.crumbs_to_wire`."""
    path = columns.path
    assert path is not None
    matrix = _matrix(columns)
    crumbs = crumb_sheet(path)
    matrix[-1] = path.counts
    switched = matrix[_FIRST_SWITCHED:] != ABSENT
    switched[-1] = path.counts > 0
    key = (switched * _BITS).sum(axis=0) if len(columns) else np.zeros(0, np.int64)
    kinds, kind = _grouped(key)
    return Sheet([_kind_paths(one) for one in kinds], kind, matrix, {CRUMBS: crumbs})


def _matrix(columns: VehicleColumns) -> Rows:
    rows = len(columns)
    matrix = np.empty((len(ROWS), rows), np.int64)
    matrix[0] = columns.temporary_id.view(np.int64)
    si = np.empty((len(_SCALED), rows))
    for index, (column, _) in enumerate(_SCALED.values()):
        si[index] = getattr(columns, column)
    curve = si[_RADIUS - 1]
    curve[~(np.abs(curve) <= bsm_wire.LARGEST_RADIUS_M)] = np.nan
    for index, (column, _) in enumerate(_PLAIN.values(), _FIRST_PLAIN):
        matrix[index] = getattr(columns, column)
    for index, (column, _) in enumerate(OPTIONAL.values(), _FIRST_SWITCHED):
        if index != _HEIGHT:
            matrix[index] = getattr(columns, column)
    height = columns.height_m
    assert height is not None
    missing = np.isnan(height)
    try:
        matrix[1:_FIRST_PLAIN] = _QUANTITIES.to_wire(si)
        if missing.all():
            matrix[_HEIGHT] = ABSENT
        else:
            sent = QUANTITIES["VehicleHeight"].to_wire(np.where(missing, 0.0, height))
            matrix[_HEIGHT] = np.where(missing, ABSENT, sent)
    except ValueError as error:
        raise EncodeError(f"BSM: {error}") from error
    plain, switched = matrix[_FIRST_PLAIN:_FIRST_SWITCHED], matrix[_FIRST_SWITCHED:-1]
    if ((plain < 0) | (plain > _HIGHEST)).any() or ((switched < ABSENT) | (switched > _HIGHEST_OPTIONAL)).any():
        bsm_wire.to_wire(columns)
    events = matrix[_EVENTS]
    events[events == 0] = ABSENT
    return matrix


def _grouped(key: Rows) -> tuple[list[int], NDArray[np.intp]]:
    """(distinct keys, which of them each row has)."""
    if not len(key) or (key == key[0]).all():
        return [int(key[0])] if len(key) else [0], np.zeros(len(key), np.intp)
    used = np.flatnonzero(np.bincount(key))
    number = np.zeros(int(used[-1]) + 1, np.intp)
    number[used] = np.arange(len(used))
    return used.tolist(), number[key]


@lru_cache(maxsize=1 << (len(_SWITCHED) + 1))
def _kind_paths(key: int) -> Paths:
    """Columns of the BSMs with some of the optional members: bit i of ``key`` for the i-th, the last for crumbs."""
    switched = [path if key >> bit & 1 else VOID for bit, path in enumerate(ROWS[_FIRST_SWITCHED:])]
    return (*ROWS[:_FIRST_SWITCHED], *switched)


def crumb_sheet(path: PathHistory) -> Sheet:
    """Wire integers of crumbs, each of the smallest sufficient offset type; errors as bsm_wire.crumbs_to_wire."""
    if not len(path.age_s):
        return Sheet(CRUMB_KINDS, np.zeros(0, np.intp), np.empty((3, 0), np.int64))
    if path.counts.max() > bsm_wire.PATH_HISTORY_MAX_POINTS:
        bsm_wire.crumbs_to_wire(path)
    try:
        matrix = _CRUMB_QUANTITIES.to_wire(np.stack([path.d_lon_deg, path.d_lat_deg, path.age_s]))
    except ValueError as error:
        raise EncodeError(f"BSM path history: {error}") from error
    reach = np.maximum(matrix[:2], ~matrix[:2]).max(axis=0)
    kind = np.zeros(len(reach), np.intp)
    for limit in (2048, 8192, 32_768):
        kind += reach >= limit
    return Sheet(CRUMB_KINDS, kind, matrix)


def from_batch(batch: Batch) -> VehicleColumns:
    """Columns of decoded BSMs, as :func:`bsm_wire.from_wire` makes them of each one."""
    paths = ROWS[:-1]
    matrix = batch.sheet.columns(paths, _MISSING)
    si = _QUANTITIES.from_wire(matrix[1:_FIRST_PLAIN])
    curve = si[_RADIUS - 1]
    curve[matrix[_RADIUS] == bsm_wire.STRAIGHT] = np.inf
    values: dict[str, Any] = {
        "temporary_id": matrix[0].view(np.uint64), "path": crumbs_of(batch.sheet), "status": batch.status,
    }
    values |= {column: si[index] for index, (column, _) in enumerate(_SCALED.values())}
    others = (*_PLAIN.values(), *OPTIONAL.values())
    values |= {column: matrix[index] for index, (column, _) in enumerate(others, _FIRST_PLAIN)}
    height = matrix[_HEIGHT]
    values["height_m"] = np.where(height == ABSENT, np.nan, QUANTITIES["VehicleHeight"].from_wire(height))
    values["event_flags"] = np.where(matrix[_EVENTS] == ABSENT, 0, matrix[_EVENTS])
    return VehicleColumns(**values)


_MISSING = np.array([bsm_wire.missing_code(path) for path in ROWS[:-1]])  # type: ignore[arg-type]


def crumbs_of(sheet: Sheet) -> PathHistory:
    """Crumbs of decoded BSMs; absolute positions become differences to the own position."""
    counts = sheet.counts(CRUMBS)
    elements = sheet.lists.get(CRUMBS)
    if elements is None or not len(elements):
        empty = np.empty(0)
        return PathHistory(np.zeros(len(sheet), np.int64), empty, empty, empty)
    offsets = np.empty((3, len(elements)), np.int64)
    absolute = np.zeros(len(elements), bool)
    for number, paths in enumerate(elements.kinds):
        name = next((one for one in OFFSET_TYPES if (*_OFFSET, one, "lon") in paths), None)
        if name is None:
            continue
        rows = elements.rows_of(number)
        wanted: list[Path] = [(*_OFFSET, name, "lon"), (*_OFFSET, name, "lat"), ("timeOffset",)]
        for target, path in enumerate(wanted):
            source = elements.matrix[paths.index(path)]
            offsets[target, slice(None) if rows is None else rows] = source if rows is None else source[rows]
        if name == OFFSET_TYPES[-1]:
            absolute[slice(None) if rows is None else rows] = True
    degrees = offsets[:2] * 1e-7
    if absolute.any():
        for target, name, quantity in ((0, "long", "Longitude"), (1, "lat", "Latitude")):
            own = np.repeat(sheet.column(("pos", name), 0), counts)[absolute]
            degrees[target, absolute] = _difference(quantity, offsets[target, absolute], own) * 1e-7
    return PathHistory(counts, degrees[0], degrees[1], _AGE.from_wire(offsets[2]))


def _difference(quantity: str, code: Rows, own: Rows) -> NDArray[np.float64]:
    bounds = QUANTITIES[quantity]
    known = (np.minimum(code, own) >= bounds.lowest) & (np.maximum(code, own) <= bounds.highest)
    return np.where(known, (code - own).astype(np.float64), math.nan)
