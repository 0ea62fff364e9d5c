"""SAE J2735 behind the MessageSet Protocol."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from rsu.codec import Policy
from rsu.messages.base import Native, Rule
from rsu.messages.coded import CodedSet
from rsu.messages.sae import bsm_wire
from rsu.messages.sae.bsm_batch import BsmBatch
from rsu.messages.sae.framing import FrameCodec
from rsu.messages.sae.rules import RULES
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns

NATIVE = Native(
    "wsmp", "ieee1609.2", 450.0, 80, 117,
    "IEEE 1609.3 and 1609.2; certificate every 450 ms (Rostami, Krishnan, Gruteser 2018); lengths of implicit "
    "certificates: about 80 bytes (derived), 117 the longest reported (unverified)",
    "j2945-1",
)


class SaeMessageSet(CodedSet):
    """J2735: BSM, MAP, SPAT, TIM, PSM and SDSM; compiled on first use."""

    family = "sae"
    awareness = "BSM"
    generation = "periodic"
    native = NATIVE

    def __init__(self, name: str, title: str, status: str, source: str) -> None:
        self.name, self.title, self.status, self.source = name, title, status, source
        self.messages: dict[str, Rule] = RULES
        self.codec: FrameCodec = FrameCodec()

    @cached_property
    def _batch(self) -> BsmBatch:
        return BsmBatch(self.codec)

    def encode_vehicles(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        return self._batch.encode(columns) if len(columns) else []

    def decode_vehicles(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; rows that are no BSM carry a status other than 0."""
        return self._batch.decode(messages, policy)

    def encode_vehicles_general(self, columns: VehicleColumns) -> list[bytes]:
        """The same as :meth:`encode_vehicles` through the general codec, message by message (reference)."""
        wire = bsm_wire.to_wire(columns)
        assert columns.path is not None
        crumbs = list(zip(*(c.tolist() for c in bsm_wire.crumbs_to_wire(columns.path)), strict=True))
        ends = np.cumsum(columns.path.counts).tolist()
        schema = self.codec.schema
        return [
            self.codec.encode("BSM", bsm_wire.bsm_value(schema, wire, row, crumbs[end - count:end]))
            for row, (end, count) in enumerate(zip(ends, columns.path.counts.tolist(), strict=True))
        ]

    def decode_vehicles_general(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """The same as :meth:`decode_vehicles` through the general codec, message by message (reference)."""
        status = np.zeros(len(messages), np.int8)
        members = (bsm_wire.ID, *bsm_wire.PHYSICAL, *bsm_wire.CODES, *bsm_wire.OPTIONAL)
        wire: bsm_wire.Wire = {
            m: np.full(len(messages), bsm_wire.missing_code(m), np.uint64 if m == bsm_wire.ID else np.int64)
            for m in members
        }
        crumbs: list[Any] = []
        for row, data in enumerate(messages):
            status[row], codes, path = self.decode_one_bsm(data, policy)
            crumbs.append(path)
            for member, code in codes.items():
                wire[member][row] = code
        return bsm_wire.from_wire(wire, PathHistory.from_rows(crumbs), status)

    def decode_one_bsm(self, data: bytes, policy: Policy) -> tuple[int, dict[bsm_wire.Path, int], list[Any]]:
        """(status, wire integers, crumbs) of one input through the general codec."""
        decoded = self.decode(data, policy)
        if decoded.usable and decoded.message == "BSM" and decoded.value is not None:
            codes, crumbs = bsm_wire.from_value(self.codec.schema, decoded.value)
            return STATUS_OK, codes, crumbs
        return (STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED), {}, []
