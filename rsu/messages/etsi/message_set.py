"""The ETSI message set behind the MessageSet Protocol."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rsu.codec import Codec, Policy
from rsu.messages.base import Native, Rule
from rsu.messages.coded import CodedSet
from rsu.messages.etsi.cam_batch import CamBatch
from rsu.messages.etsi.cam_value import cam_columns, cam_values
from rsu.messages.etsi.framing import EtsiCodec
from rsu.messages.etsi.reference_point import at_front, at_middle
from rsu.messages.etsi.rules import RULES
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, VehicleColumns

NATIVE = Native(
    "geonetworking", "ts103097", 1000.0, 148, 167,
    "TS 103 097 v2.1.1 7.1 (certificate once per second); vehicle ticket as long as in a recording, roadside ticket "
    "with four more permissions and a region",
)


class EtsiMessageSet(CodedSet):
    """CAM, DENM, SPATEM, MAPEM and IVIM of release 1, CPM of release 2; compiled message by message on first use."""

    family = "etsi"
    awareness = "CAM"
    generation = "cam"
    native = NATIVE

    def __init__(self, name: str, title: str, status: str, source: str) -> None:
        self.name, self.title, self.status, self.source = name, title, status, source
        self.messages: dict[str, Rule] = RULES
        self.codec: Codec = EtsiCodec()

    @cached_property
    def _batch(self) -> CamBatch:
        return CamBatch(self.codec)

    def encode_vehicles(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one CAM per row; raises EncodeError naming the column out of range."""
        return self._batch.encode(at_front(columns)) if len(columns) else []

    def decode_vehicles(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; rows that are no CAM carry a status other than 0."""
        return at_middle(self._batch.decode(messages, policy))

    def encode_vehicles_general(self, columns: VehicleColumns) -> list[bytes]:
        """The same as :meth:`encode_vehicles` through the general codec, message by message (reference)."""
        return [self.codec.encode("CAM", value) for value in cam_values(at_front(columns))]

    def decode_vehicles_general(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """The same as :meth:`decode_vehicles` through the general codec, message by message (reference)."""
        values: list[dict[str, Any] | None] = []
        status: list[int] = []
        for data in messages:
            mark, value = self.decode_one_cam(data, policy)
            values.append(value)
            status.append(mark)
        return at_middle(cam_columns(values, status))

    def decode_one_cam(self, data: bytes, policy: Policy) -> tuple[int, dict[str, Any] | None]:
        """(status, value) of one input; None where it is no CAM."""
        decoded = self.codec.decode(data, policy)
        if decoded.usable and decoded.message == "CAM":
            return STATUS_OK, decoded.value
        return (STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED), None
