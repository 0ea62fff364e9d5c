"""Security envelope at size level: how many octets signing adds.

**No signature is made here and none is checked.** The number of octets is exact. The envelope of YD/T 3957-2021 (SM2,
SM3; required by GB/T 45315-2025) has the same size as that of IEEE 1609.2 and TS 103 097 with ECDSA P-256: SM2's two
octets of choice and length stand where P-256 has two choices. Certificate lengths are measured ones: 155 and 165
octets for pseudonym certificates of vehicles, 210 for the application certificate of a roadside unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network.identifier import HIGHEST_PSID
from rsu.security.base import Signer

OBU_CERTIFICATE_BYTES = 165
"""Pseudonym certificate with linkage id, five AIDs and a country region, as measured (another has 155)."""
RSU_CERTIFICATE_BYTES = 210
"""Application certificate of a roadside unit with ten AIDs, as measured."""
SMALLEST_CERTIFICATE_BYTES = 146
"""Smallest plausible pseudonym certificate: one AID, no region (computed)."""

PSEUDONYM_LIFE_S = 300.0
"""Longest life of a pseudonym, unless driven less than PSEUDONYM_DISTANCE_M or an event flag is set."""
PSEUDONYM_DISTANCE_M = 2100.0

LOCATION_BYTES = 10
"""Generation location in the header: latitude 4, longitude 4, elevation 2."""

_FIXED_FIELDS_BYTES = {
    "protocol version and content choice": 2,
    "hash identifier": 1,
    "signed payload presence": 1,
    "inner unsecured data: version and choice": 2,
    "header information presence": 1,
    "generation time": 8,
    "signature choice and point choice, or choice and length": 2,
    "signature r and s": 64,
}
_ID_LENGTH_BYTES = 1
_DIGEST_SIGNER_BYTES = 1 + 8
_CERTIFICATE_SIGNER_BYTES = 1 + 2
"""Choice, then the count of the certificate list with its own length octet."""


def unsecured_envelope_bytes(payload_bytes: ArrayLike) -> NDArray[np.int64]:
    """Octets an unsecured envelope adds to such payloads: 3, from 128 octets 4, from 256 octets 5."""
    return 2 + _length_bytes(payload_bytes)


def envelope_bytes(
    payload_bytes: ArrayLike,
    aid: ArrayLike,
    signer: Signer | ArrayLike = "digest",
    certificate_bytes: ArrayLike = OBU_CERTIFICATE_BYTES,
) -> NDArray[np.int64]:
    """Octets the signed envelope of YD/T 3957-2021 adds; arguments broadcast against each other.

    ``signer`` is ``"digest"``, ``"certificate"`` or a bool array (True = full certificate).
    ``certificate_bytes`` is the length of the certificate where one goes along. ValueError for negative
    lengths or an unknown signer.
    """
    if isinstance(signer, str):
        if signer not in ("digest", "certificate"):
            raise ValueError(f"signer: {signer!r} is neither 'digest' nor 'certificate'")
        full: ArrayLike = signer == "certificate"
    else:
        full = signer
    return signed_envelope_bytes(payload_bytes, aid, full, certificate_bytes)


def signed_envelope_bytes(
    payload_bytes: ArrayLike,
    aid: ArrayLike,
    full_certificate: ArrayLike,
    certificate_bytes: ArrayLike,
    location: ArrayLike = False,
) -> NDArray[np.int64]:
    """Octets a signed envelope of the 1609.2 family adds; arguments broadcast against each other.

    ``location`` is True where the header carries the generation location. ValueError for negative lengths, payloads
    beyond 65535 octets and identifiers outside 0..270549119.
    """
    certificate = np.asarray(certificate_bytes, np.int64)
    if certificate.size and certificate.min() < 0:
        raise ValueError(f"certificate_bytes: {certificate.min()} is below 0")
    signer_bytes = np.where(full_certificate, _CERTIFICATE_SIGNER_BYTES + certificate, _DIGEST_SIGNER_BYTES)
    fixed = sum(_FIXED_FIELDS_BYTES.values()) + LOCATION_BYTES * np.asarray(location, np.int64)
    return fixed + _id_bytes(aid) + _length_bytes(payload_bytes) + signer_bytes


def _length_bytes(payload_bytes: ArrayLike) -> NDArray[np.int64]:
    """Octets of a COER length determinant: 1 to 127, 2 to 255, 3 to 65535."""
    payload = np.asarray(payload_bytes, np.int64)
    if payload.size and (payload.min() < 0 or payload.max() > 65_535):
        raise ValueError(f"payload_bytes: {payload.min()}..{payload.max()} is outside 0..65535")
    return 1 + (payload >= 128).astype(np.int64) + (payload >= 256)


def _id_bytes(aid: ArrayLike) -> NDArray[np.int64]:
    """Octets of an application identifier in COER: a count, then as few octets as hold it."""
    number = np.asarray(aid, np.int64)
    if number.size and (number.min() < 0 or number.max() > HIGHEST_PSID):
        raise ValueError(f"aid: {number.min()}..{number.max()} is outside 0..{HIGHEST_PSID}")
    return _ID_LENGTH_BYTES + 1 + (number >= 1 << 8).astype(np.int64) + (number >= 1 << 16) + (number >= 1 << 24)
