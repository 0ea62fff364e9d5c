"""Network headers: real octets around a secured message.

DSMP follows YD/T 3707-2020; the length limit is the default of the tests in YD/T 3708-2020. A header is
checked completely on receipt, and any octets give either (AID, payload) or one :class:`NetworkError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

DSMP_PROTOCOL_TYPE = 4
"""Adaptation-layer protocol type of DSMP; 0 is IPv6 and 5 IPv4 (YD/T 3707-2020)."""

DSM_MAX_LENGTH_BYTES = 1400
"""DsmMaxLength: longest data a DSMP packet carries (YD/T 3708-2020, default of its tests)."""

HIGHEST_AID = 16_511
"""Largest AID of the two-octet p-encoding."""

_ONE_OCTET_AIDS = 128
_TWO_OCTET_OFFSET = 0x7F80


class NetworkError(ValueError):
    """Octets that are no packet of this network layer, or data it must refuse."""


class Network(Protocol):
    """One network layer; registered by name in :data:`NETWORKS`."""

    @property
    def name(self) -> str:
        """Name in a profile."""

    def wrap(self, aid: int, payload: bytes) -> bytes:
        """Header and payload; NetworkError for an application identifier or a length it cannot carry."""

    def unwrap(self, data: bytes) -> tuple[int, bytes]:
        """(application identifier, payload) of any octets, or NetworkError."""

    def overhead_bytes(self, aid: int) -> int:
        """Octets the header adds."""


def encode_aid(aid: int) -> bytes:
    """p-encoding: one octet to 127, then value + 0x7F80 in two (3618 -> 8D A2); NetworkError beyond 16511."""
    if not 0 <= aid <= HIGHEST_AID:
        raise NetworkError(f"aid: {aid} is outside 0..{HIGHEST_AID}")
    return bytes([aid]) if aid < _ONE_OCTET_AIDS else (aid + _TWO_OCTET_OFFSET).to_bytes(2, "big")


def decode_aid(data: bytes, start: int) -> tuple[int, int]:
    """(AID, index behind it) of a p-encoded AID at ``start``; NetworkError if cut or over two octets."""
    if start >= len(data):
        raise NetworkError("packet ends before its AID")
    first = data[start]
    if first < 0x80:
        return first, start + 1
    if first >= 0xC0:
        raise NetworkError(f"AID starts with {first:#04x}: longer than two octets")
    if start + 2 > len(data):
        raise NetworkError("packet ends inside its AID")
    return int.from_bytes(data[start : start + 2], "big") - _TWO_OCTET_OFFSET, start + 2


@dataclass(frozen=True)
class Dsmp:
    """DSMP over PC5 (YD/T 3707-2020): protocol type, version octet, extension elements, AID, length, data.

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


NETWORKS: dict[str, Network] = {"dsmp": Dsmp()}
"""Name in a profile -> network layer with its default limits."""
