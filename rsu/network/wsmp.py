"""WSMP version 3 (IEEE 1609.3): network header, transport identifier 0 with a PSID, length, message.

Octets: subtype (4 bits), extension indicator (1), version (3); extension elements where indicated; transport
identifier; PSID of 1 to 4 octets; length of 1 octet, from 128 on 2. Packets are sent without extension elements;
received ones may carry them in either header. Source of the form: public descriptions and a dissector; the text of
the standard was not read.
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
from rsu.network.identifier import decode_identifier, encode_identifier

WSMP_VERSION = 3
WSM_MAX_LENGTH_BYTES = 1400
"""Default longest WSM data; devices support up to 2302 (CTI 4501 v01.01)."""

_EXTENDED = 0x08
_TWO_OCTET_LENGTH = 128
_HIGHEST_LENGTH = 0x3FFF
_MOST_EXTENSIONS = 64
"""Far above the handful that is defined; bounds the time a packet can take."""


@dataclass(frozen=True)
class Wsmp:
    """WSMP over Ethernet type 0x88DC; data is the secured message, or the plain one where security is off."""

    max_data_bytes: int = WSM_MAX_LENGTH_BYTES
    name: str = "wsmp"

    def wrap(self, psid: int, payload: bytes) -> bytes:
        """Header and payload; NetworkError: PSID outside 0..270549119, more data than ``max_data_bytes``."""
        if len(payload) > min(self.max_data_bytes, _HIGHEST_LENGTH):
            raise NetworkError(f"payload: {len(payload)} octets are more than {self.max_data_bytes}")
        return bytes([WSMP_VERSION, 0]) + encode_identifier(psid) + _length(len(payload)) + payload

    def unwrap(self, data: bytes) -> tuple[int, bytes]:
        """(PSID, payload) of any octets; NetworkError says which field is wrong.

        Refused: another version or subtype, a transport identifier that carries no PSID, a length that does not
        match the octets present, more data than ``max_data_bytes``.
        """
        if len(data) < 2:
            raise NetworkError(f"{len(data)} octets are no packet")
        subtype, version = data[0] >> 4, data[0] & 0x07
        if version != WSMP_VERSION or subtype:
            raise NetworkError(f"version {version}, subtype {subtype}: only version 3, subtype 0 is read")
        start = _skip_extensions(data, 1) if data[0] & _EXTENDED else 1
        if start >= len(data):
            raise NetworkError("packet ends before its transport identifier")
        transport = data[start]
        if transport > 1:
            raise NetworkError(f"transport identifier {transport} carries no PSID")
        psid, start = decode_identifier(data, start + 1, name="PSID")
        start = _skip_extensions(data, start) if transport else start
        length, start = _read_length(data, start)
        if length > self.max_data_bytes:
            raise NetworkError(f"length {length} is more than {self.max_data_bytes}")
        if length != len(data) - start:
            raise NetworkError(f"length says {length} octets, {len(data) - start} are there")
        return psid, bytes(data[start:])

    def overhead_bytes(self, aid: int) -> int:
        """Octets of the header with the two-octet length: 5 to 8."""
        return 4 + len(encode_identifier(aid))

    def added_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """Envelope, and 4 to 8 octets around it."""
        message = lengths(message_bytes)
        sealed = (envelope or none_added)(message)
        return sealed + self.overhead_bytes(to.application_id) - (message + sealed < _TWO_OCTET_LENGTH)

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
        """Message and PSID of any octets, or NetworkError."""
        psid, payload = self.unwrap(octets)
        return Received((opener or untouched)(payload), psid, None)


def _length(length: int) -> bytes:
    return bytes([length]) if length < _TWO_OCTET_LENGTH else (0x8000 | length).to_bytes(2, "big")


def _read_length(data: bytes, start: int) -> tuple[int, int]:
    """(count or length, index behind it): one octet below 128, two with leading bits 10."""
    if start >= len(data):
        raise NetworkError("packet ends before a length")
    first = data[start]
    if first < 0x80:
        return first, start + 1
    if first >= 0xC0:
        raise NetworkError(f"length starts with {first:#04x}: longer than two octets")
    if start + 2 > len(data):
        raise NetworkError("packet ends inside a length")
    return int.from_bytes(data[start : start + 2], "big") & _HIGHEST_LENGTH, start + 2


def _skip_extensions(data: bytes, start: int) -> int:
    """Index behind the extension elements (count, then id, length, content each) at ``start``."""
    count, position = _read_length(data, start)
    if count > _MOST_EXTENSIONS:
        raise NetworkError(f"{count} extension elements are more than {_MOST_EXTENSIONS}")
    for _ in range(count):
        if position >= len(data):
            raise NetworkError("packet ends inside an extension element")
        length, position = _read_length(data, position + 1)
        position += length
    return position
