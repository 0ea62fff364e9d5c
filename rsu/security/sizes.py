"""Security envelope at size level: how many octets signing adds, and when the full certificate goes along.

**No signature is made here and none is checked.** What is exact is the number of octets of the envelope of
YD/T 3957-2021 (SM2, SM3; required by GB/T 45315-2025), built from its COER fields below, and the cadence of
full certificates. Certificate lengths are measured ones: 155 and 165 octets for pseudonym certificates of
vehicles, 210 for the application certificate of a roadside unit.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Signer = Literal["digest", "certificate"]

OBU_CERTIFICATE_BYTES = 165
"""Pseudonym certificate with linkage id, five AIDs and a country region, as measured (another has 155)."""
RSU_CERTIFICATE_BYTES = 210
"""Application certificate of a roadside unit with ten AIDs, as measured."""
SMALLEST_CERTIFICATE_BYTES = 146
"""Smallest plausible pseudonym certificate: one AID, no region (computed)."""

CERTIFICATE_PERIOD_NS = 450_000_000
"""A full certificate goes along once this much time has passed since the last one (GB/T 45315-2025)."""

PSEUDONYM_LIFE_S = 300.0
"""Longest life of a pseudonym, unless driven less than PSEUDONYM_DISTANCE_M or an event flag is set."""
PSEUDONYM_DISTANCE_M = 2100.0

_FIXED_FIELDS_BYTES = {
    "protocol version and content choice": 2,
    "hash identifier": 1,
    "signed payload presence": 1,
    "inner unsecured data: version and choice": 2,
    "header information presence": 1,
    "generation time": 8,
    "signature choice and point choice": 2,
    "signature r and s": 64,
}
_AID_LENGTH_BYTES = 1
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
    certificate = np.asarray(certificate_bytes, np.int64)
    if certificate.size and certificate.min() < 0:
        raise ValueError(f"certificate_bytes: {certificate.min()} is below 0")
    signer_bytes = np.where(full, _CERTIFICATE_SIGNER_BYTES + certificate, _DIGEST_SIGNER_BYTES)
    fixed = sum(_FIXED_FIELDS_BYTES.values())
    return fixed + _aid_bytes(aid) + _length_bytes(payload_bytes) + signer_bytes


class CertificateCadence:
    """Which messages of many stations carry the full certificate.

    A full certificate goes along in the first message of a station, in the first after a pseudonym change,
    whenever at least ``period_ns`` have passed since the last full one, and in every event message; a digest
    otherwise. Source: GB/T 45315-2025 chapter 7. Stations are rows 0, 1, …; the state grows as higher rows
    appear.
    """

    def __init__(self, stations: int = 0, period_ns: int = CERTIFICATE_PERIOD_NS) -> None:
        if period_ns < 0:
            raise ValueError(f"period_ns: {period_ns} is below 0")
        self.period_ns = period_ns
        self._last_ns = np.full(stations, _NEVER_NS, np.int64)

    def full(self, stations: ArrayLike, now_ns: ArrayLike, event: ArrayLike = False) -> NDArray[np.bool_]:
        """Whether each message carries the full certificate, and take note of those that do.

        ``stations`` are rows, each at most once per call; ``now_ns`` (the generation time) and ``event``
        broadcast.
        """
        rows = np.atleast_1d(np.asarray(stations, np.int64))
        now = np.broadcast_to(np.asarray(now_ns, np.int64), rows.shape)
        if rows.size:
            self._grow(int(rows.max()) + 1)
        last = self._last_ns[rows]
        carried = (last == _NEVER_NS) | (now - last >= self.period_ns) | np.asarray(event, bool)
        self._last_ns[rows[carried]] = now[carried]
        return carried

    def renew(self, stations: ArrayLike) -> None:
        """Forget the last full certificate: the pseudonym changed, or a new station took the row."""
        rows = np.atleast_1d(np.asarray(stations, np.int64))
        if rows.size:
            self._grow(int(rows.max()) + 1)
        self._last_ns[rows] = _NEVER_NS

    def _grow(self, stations: int) -> None:
        if stations > len(self._last_ns):
            wanted = max(stations, 2 * len(self._last_ns))
            more = np.full(wanted - len(self._last_ns), _NEVER_NS, np.int64)
            self._last_ns = np.concatenate([self._last_ns, more])


_NEVER_NS = np.iinfo(np.int64).min


def _length_bytes(payload_bytes: ArrayLike) -> NDArray[np.int64]:
    """Octets of a COER length determinant: 1 to 127, 2 to 255, 3 to 65535."""
    payload = np.asarray(payload_bytes, np.int64)
    if payload.size and (payload.min() < 0 or payload.max() > 65_535):
        raise ValueError(f"payload_bytes: {payload.min()}..{payload.max()} is outside 0..65535")
    return 1 + (payload >= 128).astype(np.int64) + (payload >= 256)


def _aid_bytes(aid: ArrayLike) -> NDArray[np.int64]:
    number = np.asarray(aid, np.int64)
    if number.size and (number.min() < 0 or number.max() > 65_535):
        raise ValueError(f"aid: {number.min()}..{number.max()} is outside 0..65535")
    return _AID_LENGTH_BYTES + 1 + (number >= 256).astype(np.int64)
