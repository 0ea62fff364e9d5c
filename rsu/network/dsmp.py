"""DSMP over PC5 (YD/T 3707-2020); the length limit is the default of the tests in YD/T 3708-2020.

A header is checked completely on receipt, and any octets give either (AID, payload) or one
:class:`~rsu.network.base.NetworkError`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network.base import (
    Addressed,
    EnvelopeSizes,
    NetworkError,
    Opener,
    Received,
    Seal,
    Source,
    lengths,
    none_added,
    untouched,
)
from rsu.network.identifier import decode_aid, encode_aid

DSMP_PROTOCOL_TYPE = 4
"""Adaptation-layer protocol type of DSMP; 0 is IPv6 and 5 IPv4 (YD/T 3707-2020)."""

DSM_MAX_LENGTH_BYTES = 1400
"""DsmMaxLength: longest data a DSMP packet carries (YD/T 3708-2020, default of its tests)."""


@dataclass(frozen=True)
class Dsmp:
    """DSMP: protocol type, version octet, extension elements, AID, length, data (secured message or plain one).

    Packets are sent without extension elements; received ones may carry them.
    """

    max_data_bytes: int = DSM_MAX_LENGTH_BYTES
    name: str = "dsmp"

    def wrap(self, aid: int, payload: bytes) -> bytes:
        """Header and payload; NetworkError: AID outside 0..16511, more data than ``max_data_bytes``."""
        if len(payload) > self.max_data_bytes:
            raise NetworkError(f"payload: {len(payload)} octets are more than {self.max_data_bytes}")
        return bytes([DSMP_PROTOCOL_TYPE, 0]) + encode_aid(aid) + len(payload).to_bytes(2, "big") + payload

    def unwrap(self, data: bytes) -> tuple[int, bytes]:
        """(AID, payload) of any octets; NetworkError says which field is wrong.

        Refused: another protocol type or version, reserved bits set, a length that does not match the octets
        present, more data than ``max_data_bytes``.
        """
        if len(data) < 2:
            raise NetworkError(f"{len(data)} octets are no packet")
        if data[0] != DSMP_PROTOCOL_TYPE:
            raise NetworkError(f"protocol type {data[0]} is not DSMP ({DSMP_PROTOCOL_TYPE})")
        version, extended, reserved = data[1] >> 5, data[1] >> 4 & 1, data[1] & 0x0F
        if version or reserved:
            raise NetworkError(f"version {version}, reserved bits {reserved:#x}: both must be 0")
        aid, start = decode_aid(data, _skip_extensions(data, 2) if extended else 2)
        length = int.from_bytes(data[start : start + 2], "big")
        payload = bytes(data[start + 2 :])
        if len(data) < start + 2:
            raise NetworkError("packet ends inside its length field")
        if length > self.max_data_bytes:
            raise NetworkError(f"length {length} is more than {self.max_data_bytes}")
        if length != len(payload):
            raise NetworkError(f"length says {length} octets, {len(payload)} are there")
        return aid, payload

    def overhead_bytes(self, aid: int) -> int:
        """5 octets for an AID up to 127, else 6."""
        return 4 + len(encode_aid(aid))

    def added_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """Envelope, and 5 or 6 octets around it."""
        return (envelope or none_added)(lengths(message_bytes)) + self.overhead_bytes(to.application_id)

    def data_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """Message and envelope."""
        message = lengths(message_bytes)
        return message + (envelope or none_added)(message)

    def pack(self, message: bytes, to: Addressed, source: Source, seal: Seal | None = None) -> bytes:
        """Header around the sealed message; the source travels inside the message alone."""
        return self.wrap(to.application_id, (seal or untouched)(message))

    def unpack(self, octets: bytes, opener: Opener | None = None) -> Received:
        """Message and AID of any octets, or NetworkError."""
        aid, payload = self.unwrap(octets)
        return Received((opener or untouched)(payload), aid, None)


def _skip_extensions(data: bytes, start: int) -> int:
    """Index behind the extension elements (count, then id, length, content each) at ``start``."""
    if start >= len(data):
        raise NetworkError("packet ends before its extension count")
    position = start + 1
    for _ in range(data[start]):
        if position + 2 > len(data):
            raise NetworkError("packet ends inside an extension element")
        position += 2 + data[position + 1]
    if position > len(data):
        raise NetworkError("packet ends inside an extension element")
    return position
