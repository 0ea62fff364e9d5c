"""Placeholder certificates: valid COER of a wanted length, issued by nobody and verifiable by nothing.

The structure is that of IEEE 1609.2 (used by TS 103 097 and, with SM2 and SM3 alternatives, by YD/T 3957-2021):
version, type, issuer digest, what is signed (identity, validity, region, permissions, key), signature. Keys, digests
and signatures are octets of a hash over the station id. The wanted length is met by the first composition below that
is short enough, and the rest by its identity, one octet of assurance and one opaque permission.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rsu.security import coer
from rsu.security.base import SecurityError

Algorithm = Literal["p256", "sm2"]

_REGION, _ASSURANCE, _PERMISSIONS = 0x40, 0x20, 0x10
_VALID_FROM_S = 694_310_400
"""Validity starts 8036 days after the beginning of 2004 and lasts a year of hours. Both are inventions."""
_VALID_HOURS = 8766
_MOST_IDENTITY_FILLER = 65
"""Octets a binary identity of 64 takes more than no identity."""


@dataclass(frozen=True)
class Composition:
    """What a placeholder holds besides its filler: (identifier, permission bits or None) pairs, a linkage
    id, a country region (ISO 3166-1 numeric)."""

    permissions: tuple[tuple[int, bytes | None], ...]
    linkage: bool = False
    country: int | None = None
    implicit: bool = False


VEHICLE_ETSI = Composition(((36, bytes.fromhex("01fffc")), (37, bytes.fromhex("01ffffff"))))
"""Ticket with permission bits for CAM and DENM: 148 octets, the length found in a recording."""
ROADSIDE_ETSI = Composition((*VEHICLE_ETSI.permissions, *((aid, None) for aid in (137, 138, 139, 639))), country=276)
"""The same and four roadside services and a country region: 167 octets."""
ONE_SERVICE_ETSI = Composition(((36, None),))
"""Shortest explicit certificate: one permission without bits, no identity: 132 octets with P-256."""
PSEUDONYM_CN = Composition(tuple((aid, None) for aid in (111, 112, 113, 114, 3617)), linkage=True, country=156)
"""Linkage id, five AIDs, country region: 165 octets with SM2, as measured."""
ROADSIDE_CN = Composition(tuple((aid, None) for aid in range(3617, 3627)), country=156)
"""Ten AIDs, country region; with a binary id of 32 octets 210 with SM2, as measured."""
SMALL_CN = Composition(((111, None),), linkage=True)
"""Linkage id, one AID, no region: 146 octets with SM2, as computed."""
ONE_SERVICE_CN = Composition(((111, None),))
ONE_SERVICE_SAE = Composition(((32, None),))
IMPLICIT_SAE = Composition(((32, None),), linkage=True, implicit=True)
"""Implicit certificate (ECQV: a reconstruction value instead of key and signature), linkage id, BSM: 77 octets."""
SMALL_SAE = Composition(((32, None),), implicit=True)


@lru_cache(maxsize=4096)
def placeholder_certificate(
    size_bytes: int, algorithm: Algorithm, compositions: tuple[Composition, ...], station_id: int = 0
) -> bytes:
    """A certificate of ``size_bytes`` octets, or the shortest one where that is longer.

    ``compositions`` are tried in order; the first not longer than wanted is filled up. SecurityError beyond 60000.
    """
    if not 0 <= size_bytes <= 60_000:
        raise SecurityError(f"size_bytes: {size_bytes} is outside 0..60000")
    lengths = [len(_certificate(one, algorithm, station_id, 0)) for one in compositions]
    fitting = [index for index, length in enumerate(lengths) if length <= size_bytes]
    if not fitting:
        return _certificate(compositions[lengths.index(min(lengths))], algorithm, station_id, 0)
    return _certificate(compositions[fitting[0]], algorithm, station_id, size_bytes - lengths[fitting[0]])


def placeholder_octets(count: int, *seeds: bytes | int) -> bytes:
    """``count`` octets that follow from the seeds alone; they stand where a key or a signature would."""
    text = b"|".join(seed if isinstance(seed, bytes) else str(seed).encode() for seed in seeds)
    return hashlib.shake_256(b"placeholder|" + text).digest(count)


def placeholder_signature(algorithm: Algorithm, *seeds: bytes | int) -> bytes:
    """66 octets in the form of a signature. **It signs nothing.**"""
    numbers = placeholder_octets(64, b"signature", *seeds)
    return (b"\x80\x80" if algorithm == "p256" else b"\x84\x40") + numbers


def _certificate(composition: Composition, algorithm: Algorithm, station_id: int, filler: int) -> bytes:
    """Certificate with ``filler`` octets more than its composition needs."""
    issuer = placeholder_octets(8, b"issuer", station_id % 16)
    implicit = composition.implicit
    head = bytes([0x00 if implicit else 0x80, 3, int(implicit)])
    named = b"\x80" + issuer if algorithm == "p256" else b"\x83" + coer.string(issuer)
    signed = _to_be_signed(composition, algorithm, station_id, filler)
    return head + named + signed + (b"" if implicit else placeholder_signature(algorithm, b"certificate", station_id))


def _to_be_signed(composition: Composition, algorithm: Algorithm, station_id: int, filler: int) -> bytes:
    identity_filler, assurance, opaque = _split(filler, composition.linkage)
    present = _PERMISSIONS | (0 if composition.country is None else _REGION) | (_ASSURANCE if assurance else 0)
    identity = b"\x83"
    if composition.linkage:
        identity = b"\x80\x00" + struct.pack(">H", 1) + placeholder_octets(9, b"linkage", station_id)
    elif identity_filler:
        identity = b"\x82" + coer.string(placeholder_octets(identity_filler - 1, b"identity", station_id))
    validity = struct.pack(">IBH", _VALID_FROM_S, 0x84, _VALID_HOURS)
    region = b"" if composition.country is None else b"\x83\x01\x01\x80" + struct.pack(">H", composition.country)
    level = b"\x00" if assurance else b""
    permissions = [_permission(*one) for one in composition.permissions]
    if opaque is not None:
        number = composition.permissions[-1][0]
        permissions[-1] = b"\x80" + coer.natural(number) + b"\x80" + coer.string(bytes(opaque))
    listed = coer.natural(len(permissions)) + b"".join(permissions)
    key = _key(algorithm, station_id, implicit=composition.implicit)
    return bytes([present]) + identity + bytes(5) + validity + region + level + listed + key


def _permission(number: int, bits: bytes | None) -> bytes:
    """Identifier with or without bits (a bitmap, an alternative behind the extension marker)."""
    if bits is None:
        return b"\x00" + coer.natural(number)
    return b"\x80" + coer.natural(number) + b"\x81" + coer.string(coer.string(bits))


def _key(algorithm: Algorithm, station_id: int, *, implicit: bool) -> bytes:
    point = b"\x82" + placeholder_octets(32, b"key", station_id)
    if implicit:
        return b"\x81" + point
    return b"\x80\x80" + point if algorithm == "p256" else b"\x80\x84" + coer.string(point)


def _split(filler: int, linkage: bool) -> tuple[int, bool, int | None]:
    """(octets for a binary identity, whether assurance goes in, octets of an opaque permission or None)."""
    if filler < 2:
        return 0, filler == 1, None
    if not linkage and filler <= _MOST_IDENTITY_FILLER:
        return filler, False, None
    identity = 0 if linkage else _MOST_IDENTITY_FILLER // 2
    for assurance in (False, True):
        rest = filler - identity - assurance - 1
        for opaque in range(max(0, rest - 3), rest):
            if len(coer.length_octets(opaque)) + opaque == rest:
                return identity, assurance, opaque
    raise AssertionError("every filler from 2 on splits")
