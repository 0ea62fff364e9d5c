"""p-encoding of application identifiers (IEEE 1609.12; the same one- and two-octet forms in YD/T 3707-2020).

The leading ones of the first octet count the octets behind it, and each form continues where the shorter one ends:
0..127, 128..16511, 16512..2113663, 2113664..270549119.
"""

from __future__ import annotations

from rsu.network.base import NetworkError

HIGHEST_AID = 16_511
"""Largest identifier of the two-octet form."""

HIGHEST_PSID = 270_549_119
"""Largest identifier of the four-octet form."""

_OFFSETS = (0, 0x8000 - 128, 0xC0_0000 - 16_512, 0xE000_0000 - 2_113_664)
_HIGHEST = (127, HIGHEST_AID, 2_113_663, HIGHEST_PSID)


def encode_identifier(number: int, most_octets: int = 4) -> bytes:
    """One to ``most_octets`` octets (3618 -> 8D A2); NetworkError beyond their range."""
    highest = _HIGHEST[most_octets - 1]
    if not 0 <= number <= highest:
        raise NetworkError(f"aid: {number} is outside 0..{highest}")
    octets = next(index for index, bound in enumerate(_HIGHEST) if number <= bound)
    return (number + _OFFSETS[octets]).to_bytes(octets + 1, "big")


def decode_identifier(data: bytes, start: int, most_octets: int = 4, name: str = "AID") -> tuple[int, int]:
    """(identifier, index behind it) at ``start``; NetworkError if cut or longer than ``most_octets``."""
    if start >= len(data):
        raise NetworkError(f"packet ends before its {name}")
    first = data[start]
    octets = 1 + (first >= 0x80) + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
    if octets > most_octets:
        words = ("one octet", "two octets", "three octets", "four octets")
        raise NetworkError(f"{name} starts with {first:#04x}: longer than {words[most_octets - 1]}")
    if start + octets > len(data):
        raise NetworkError(f"packet ends inside its {name}")
    return int.from_bytes(data[start : start + octets], "big") - _OFFSETS[octets - 1], start + octets


def encode_aid(aid: int) -> bytes:
    """One or two octets of DSMP: value + 0x7F80 in two from 128 on; NetworkError beyond 16511."""
    return encode_identifier(aid, 2)


def decode_aid(data: bytes, start: int) -> tuple[int, int]:
    """(AID, index behind it) of one or two octets at ``start``; NetworkError if cut or over two octets."""
    return decode_identifier(data, start, 2)
