"""Signed envelopes of the IEEE 1609.2 family as real octets. **Nothing is signed, nothing is verified.**

Every field is canonical OER in its place and of its length; what stands where a signature, a digest, a key or a
certificate would stand is a placeholder, derived from payload and station. Such a message proves nothing about its
sender and no real receiver would accept it. It is there for sizes on the air, for captures, and for the reading side.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network.identifier import HIGHEST_PSID
from rsu.network.tai import tai_2004_ns, utc_from_tai_2004_ns
from rsu.security import coer
from rsu.security.base import CertificateRule, CertificateSize, Opened, OpenedSigner, SecurityError
from rsu.security.certificate import (
    Algorithm,
    Composition,
    placeholder_certificate,
    placeholder_octets,
    placeholder_signature,
)
from rsu.security.reading import read_certificate, read_signature
from rsu.security.sizes import LOCATION_BYTES, signed_envelope_bytes

_VERSION = 3
_UNSECURED, _SIGNED = 0x80, 0x81
_HASH = {"p256": 0, "sm2": 2}
"""SHA-256; SM3, the second value behind the extension marker."""
_DATA_PRESENT = 0x40
_EXTENDED, _TIME, _EXPIRY, _LOCATION, _LEARNING, _MISSING_CRL, _KEY = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02
_DIGEST, _CERTIFICATE = 0x80, 0x81
_SM2_SIGNATURE = 0x84
_NO_ELEVATION = 4096
"""0 m in steps of 0.1 m from -409.6 m."""
_LATEST_NS = 2**63 - 1


@dataclass(frozen=True)
class Envelope1609:
    """One member of the family, as data: algorithm, certificates, and whose messages carry their location."""

    name: str
    algorithm: Algorithm
    compositions: tuple[Composition, ...]
    certificate_rule: CertificateRule
    certificate_sizes: Mapping[str, CertificateSize]
    located: frozenset[int] = frozenset()
    """Application identifiers whose header carries the generation location."""

    def overhead_bytes(
        self,
        payload_bytes: ArrayLike,
        application_id: ArrayLike,
        full_certificate: ArrayLike = False,
        certificate_bytes: ArrayLike = 0,
    ) -> NDArray[np.int64]:
        """Exact octets :meth:`wrap` adds; arguments broadcast. ValueError for impossible lengths."""
        located = np.isin(np.asarray(application_id), list(self.located))
        return signed_envelope_bytes(payload_bytes, application_id, full_certificate, certificate_bytes, located)

    def certificate(self, size_bytes: int, station_id: int = 0) -> bytes:
        """A placeholder certificate of this length, or of the nearest one possible (no shorter one exists)."""
        return placeholder_certificate(size_bytes, self.algorithm, self.compositions, station_id)

    def wrap(
        self,
        payload: bytes,
        application_id: int,
        generated_utc_ns: int,
        certificate: bytes | None = None,
        *,
        station_id: int = 0,
        lat_deg: float = 0.0,
        lon_deg: float = 0.0,
    ) -> bytes:
        """The envelope's octets around ``payload``. **Nothing is signed**: the signature is a placeholder.

        The signer is the certificate where one is given, else a placeholder digest. ``generated_utc_ns`` is Unix
        time and travels in whole microseconds. SecurityError: payload beyond 65535 octets, identifier outside
        0..270549119, a time before 2004 or after 2262, a position off the globe where the header carries it.
        """
        content = bytes([_VERSION, _UNSECURED]) + coer.string(payload)
        header = self._header(application_id, generated_utc_ns, lat_deg, lon_deg)
        if certificate is None:
            signer = bytes([_DIGEST]) + placeholder_octets(8, b"digest", station_id)
        else:
            signer = bytes([_CERTIFICATE]) + coer.natural(1) + certificate
        opening = bytes([_VERSION, _SIGNED, _HASH[self.algorithm], _DATA_PRESENT])
        signature = placeholder_signature(self.algorithm, payload, station_id)
        return opening + content + header + signer + signature

    def unwrap(self, octets: bytes) -> Opened:
        """What any octets hold, or SecurityError. **Neither signature nor certificate is verified.**

        Read: an unsecured envelope, or a signed one with data inside, any header fields but a missing-CRL notice
        and an encryption key, and as signer a digest or exactly one certificate. Octets behind the end are refused.
        """
        reader = coer.Reader(octets)
        reader.expect(_VERSION, "protocol version")
        content = reader.octet("content choice")
        if content == _UNSECURED:
            payload = reader.string("unsecured data")
            reader.end("unsecured data")
            return Opened(payload, None, None, "none")
        if content != _SIGNED:
            raise SecurityError(f"content choice {content:#04x} is neither unsecured nor signed data")
        reader.expect(_HASH[self.algorithm], "hash identifier")
        reader.expect(_DATA_PRESENT, "presence of signed data")
        reader.expect(_VERSION, "protocol version of the data")
        reader.expect(_UNSECURED, "content choice of the data")
        payload = reader.string("data")
        application_id, generated_utc_ns = _read_header(reader)
        return Opened(payload, application_id, generated_utc_ns, self._read_signer(reader))

    def _header(self, application_id: int, generated_utc_ns: int, lat_deg: float, lon_deg: float) -> bytes:
        if not 0 <= application_id <= HIGHEST_PSID:
            raise SecurityError(f"application_id: {application_id} is outside 0..{HIGHEST_PSID}")
        since_2004_ns = tai_2004_ns(generated_utc_ns)
        if since_2004_ns < 0 or generated_utc_ns > _LATEST_NS:
            raise SecurityError(f"generated_utc_ns: {generated_utc_ns} is not between 2004 and 2262")
        located = application_id in self.located
        location = _location(lat_deg, lon_deg) if located else b""
        present = bytes([_TIME | (_LOCATION if located else 0)])
        return present + coer.natural(application_id) + struct.pack(">Q", since_2004_ns // 1000) + location

    def _read_signer(self, reader: coer.Reader) -> OpenedSigner:
        """Signer and signature, up to the end of the octets."""
        choice = reader.octet("signer")
        if choice == _DIGEST:
            reader.take(8, "signer digest")
        elif choice == _CERTIFICATE:
            count = reader.natural("count of certificates")
            if count != 1:
                raise SecurityError(f"{count} certificates, expected 1")
            read_certificate(reader)
        else:
            raise SecurityError(f"signer {choice:#04x} is neither digest nor certificate")
        signature = read_signature(reader, "signature")
        if (signature == _SM2_SIGNATURE) != (self.algorithm == "sm2"):
            raise SecurityError(f"signature choice {signature:#04x} is not of {self.algorithm}")
        reader.end("signature")
        return "digest" if choice == _DIGEST else "certificate"


def _read_header(reader: coer.Reader) -> tuple[int, int | None]:
    """(application identifier, generation time as Unix ns or None)."""
    present = reader.octet("header presence")
    if present & (_MISSING_CRL | _KEY | 0x01):
        raise SecurityError(f"header presence {present:#04x} names fields that are not read")
    application_id = reader.natural("application identifier")
    if application_id > HIGHEST_PSID:
        raise SecurityError(f"application identifier {application_id} is more than {HIGHEST_PSID}")
    generated_utc_ns = _utc_ns(reader.take(8, "generation time")) if present & _TIME else None
    reader.take(8 if present & _EXPIRY else 0, "expiry time")
    reader.take(LOCATION_BYTES if present & _LOCATION else 0, "generation location")
    reader.take(3 if present & _LEARNING else 0, "certificate request")
    if present & _EXTENDED:
        reader.skip_extensions("header extensions")
    return application_id, generated_utc_ns


def _utc_ns(octets: bytes) -> int:
    utc_ns = utc_from_tai_2004_ns(int.from_bytes(octets, "big") * 1000)
    if utc_ns > _LATEST_NS:
        raise SecurityError("generation time is after 2262")
    return utc_ns


def _location(lat_deg: float, lon_deg: float) -> bytes:
    """Latitude and longitude in 1e-7 degrees and an elevation of 0 m."""
    for name, value, highest in (("lat_deg", lat_deg, 90.0), ("lon_deg", lon_deg, 180.0)):
        if not math.isfinite(value) or abs(value) > highest:
            raise SecurityError(f"{name}: {value} is outside {-highest:g}..{highest:g}")
    longitude = max(round(lon_deg * 1e7), -1_799_999_999)
    return struct.pack(">iiH", round(lat_deg * 1e7), longitude, _NO_ELEVATION)
