"""The legacy set T/CSAE 53-2017 (unverified) behind the MessageSet Protocol."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rsu.codec import Policy, Schema
from rsu.messages.batch.block import Path as Member
from rsu.messages.batch.block import Rows
from rsu.messages.batch.engine import Batch
from rsu.messages.batch.sheet import VOID, Sheet
from rsu.messages.cn import bsm_batch, bsm_wire
from rsu.messages.cn.framing import DAY_ONE_MESSAGES, ProfileCodec
from rsu.messages.cn.legacy import (
    CLASS_BOUNDS_M,
    RADIUS_95_M_PER_STEP,
    SEMI_AXIS_UNAVAILABLE,
    legacy_bsm,
    modern_bsm,
)
from rsu.messages.cn.message_set import CnMessageSet
from rsu.messages.vehicle import ABSENT, STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, VehicleColumns

_MODERN_FOLDERS = ("shared", "day1", "day1_frame", "ydt3709_2020")
_CONFIDENCE: Member = ("posConfidence", "pos")
_ACCURACY: Member = ("accuracy", "pos")
_SEMI_MAJOR: Member = ("posAccuracy", "semiMajor")
_DROPPED = ("posAccuracy", "emergencyExt")


class LegacyBsmBatch(bsm_batch.BsmBatch):
    """Batch coder of BSMs of 2017: the columns of 2020 under the older names."""

    def encode(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        return self.engine.encode(_legacy_sheet(bsm_batch.to_sheet(columns)))

    def decode(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; equal to decoding each with the general codec."""
        batch = self.engine.decode(messages, policy, why=False)
        kinds = [tuple(_CONFIDENCE if path == _ACCURACY else path for path in kind) for kind in batch.sheet.kinds]
        return bsm_batch.from_batch(Batch(batch.status, replace(batch.sheet, kinds=kinds), batch.refused))


def _legacy_sheet(sheet: Sheet) -> Sheet:
    """The sheet with accuracy, always sent, in place of posConfidence, and without what the set does not have."""
    confidence = bsm_batch.ROWS.index(_CONFIDENCE)
    sent = sheet.matrix[confidence]
    derived = _class_codes(sheet.matrix[bsm_batch.ROWS.index(_SEMI_MAJOR)])
    sheet.matrix[confidence] = np.where(sent == ABSENT, derived, sent)
    kinds = []
    for kind in sheet.kinds:
        paths = [VOID if path[0] in _DROPPED else path for path in kind]
        paths[confidence] = _ACCURACY
        kinds.append(tuple(paths))
    return replace(sheet, kinds=kinds)


def _class_codes(semi_major: Rows) -> Rows:
    """PositionConfidence codes that hold 95 % of a circular error, 0 = unavailable."""
    radius_m = RADIUS_95_M_PER_STEP * semi_major
    codes = (radius_m[:, None] <= np.array(CLASS_BOUNDS_M)).sum(axis=1)
    return np.where(semi_major == SEMI_AXIS_UNAVAILABLE, 0, codes)


class Cn2017MessageSet(CnMessageSet):
    """T/CSAE 53-2017."""

    family = "cn-2017"

    @cached_property
    def _modern(self) -> ProfileCodec:
        root = Path(__file__).parent / "asn1"
        return ProfileCodec(tuple(root / folder for folder in _MODERN_FOLDERS), DAY_ONE_MESSAGES)

    @cached_property
    def _batch(self) -> LegacyBsmBatch:
        return LegacyBsmBatch(self.codec)

    def encode_vehicles_general(self, columns: VehicleColumns) -> list[bytes]:
        """The same as :meth:`encode_vehicles` through the general codec, message by message (reference)."""
        if not len(columns):
            return []
        wire = bsm_wire.to_wire(columns)
        assert columns.path is not None
        crumbs = list(zip(*(c.tolist() for c in bsm_wire.crumbs_to_wire(columns.path)), strict=True))
        ends = np.cumsum(columns.path.counts).tolist()
        schema = self._modern.schema
        rows = enumerate(zip(ends, columns.path.counts.tolist(), strict=True))
        return [
            self.codec.encode("BSM", legacy_bsm(bsm_wire.to_value(schema, wire, row, crumbs[end - count : end])))
            for row, (end, count) in rows
        ]

    def decode_one_bsm(self, data: bytes, policy: Policy) -> tuple[int, dict[bsm_wire.Path, int], list[Any]]:
        """(status, wire integers, crumbs) of one input."""
        decoded = self.decode(data, policy)
        if decoded.usable and decoded.message == "BSM" and decoded.value is not None:
            schema: Schema = self._modern.schema
            codes, crumbs = bsm_wire.from_value(schema, modern_bsm(decoded.value))
            return STATUS_OK, codes, crumbs
        return (STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED), {}, []
