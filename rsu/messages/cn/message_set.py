"""The Chinese message sets behind the MessageSet Protocol."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rsu.codec import ChoiceCodec, Policy
from rsu.messages.base import Native, Rule
from rsu.messages.cn import bsm_wire
from rsu.messages.cn.bsm_batch import BsmBatch
from rsu.messages.cn.framing import DAY_ONE_MESSAGES, DAY_TWO_MESSAGES, ExtendedCodec, ProfileCodec
from rsu.messages.cn.rules import DAY_TWO_RULES, RULES
from rsu.messages.coded import CodedSet
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns

NATIVE = Native(
    "dsmp", "ydt3957-2021", 450.0, 165, 210,
    "YD/T 3707-2020 (DSMP); YD/T 3957-2021; GB/T 45315-2025 (certificate every 450 ms); lengths of public certificates",
)


class CnMessageSet(CodedSet):
    """One profile: folders of ASN.1 modules and generation rules; compiled on first use.

    ``folders`` are those of ``asn1/`` that make up the set, ``day_two`` adds the messages of the extension frame.
    """

    family = "cn"
    awareness = "BSM"
    generation = "periodic"
    native = NATIVE

    def __init__(self, name: str, folders: tuple[str, ...], title: str, status: str, source: str,
                 day_two: bool = False) -> None:
        self.name, self.title, self.status, self.source = name, title, status, source
        self.messages: dict[str, Rule] = {**RULES, **DAY_TWO_RULES} if day_two else RULES
        directories = tuple(Path(__file__).parent / "asn1" / folder for folder in folders)
        self.codec: ChoiceCodec = (
            ExtendedCodec(directories, DAY_ONE_MESSAGES, DAY_TWO_MESSAGES) if day_two
            else ProfileCodec(directories, DAY_ONE_MESSAGES)
        )

    @cached_property
    def _batch(self) -> BsmBatch:
        return BsmBatch(self.codec)

    def encode_vehicles(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        return self._batch.encode(columns) if len(columns) else []

    def decode_vehicles(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; rows that are no BSM of this set carry a status other than 0."""
        return self._batch.decode(messages, policy)

    def encode_vehicles_general(self, columns: VehicleColumns) -> list[bytes]:
        """The same as :meth:`encode_vehicles` through the general codec, message by message (reference)."""
        wire = bsm_wire.to_wire(columns)
        assert columns.path is not None
        crumbs = list(zip(*(c.tolist() for c in bsm_wire.crumbs_to_wire(columns.path)), strict=True))
        ends = np.cumsum(columns.path.counts).tolist()
        schema = self.codec.schema
        return [
            self.codec.encode("BSM", bsm_wire.to_value(schema, wire, row, crumbs[end - count:end]))
            for row, (end, count) in enumerate(zip(ends, columns.path.counts.tolist(), strict=True))
        ]

    def decode_vehicles_general(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """The same as :meth:`decode_vehicles` through the general codec, message by message (reference)."""
        status = np.zeros(len(messages), np.int8)
        members = (("id",), *bsm_wire.PHYSICAL, *bsm_wire.CODES, *bsm_wire.OPTIONAL)
        wire: bsm_wire.Wire = {
            m: np.full(len(messages), bsm_wire.missing_code(m), np.uint64 if m == ("id",) else np.int64)
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
