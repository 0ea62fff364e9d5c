"""The unsecured envelope: version, choice, length, payload. It is what a WSM carries where security is off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.security import coer
from rsu.security.base import CertificateRule, CertificateSize, Opened, SecurityError
from rsu.security.sizes import unsecured_envelope_bytes

_OPENING = b"\x03\x80"


@dataclass(frozen=True)
class Unsecured:
    """3 octets around payloads to 127 octets, 4 to 255, 5 beyond (the same in IEEE 1609.2 and YD/T 3957-2021)."""

    name: str = "unsecured"
    certificate_rule: CertificateRule = CertificateRule(0, frozenset(), "no certificate exists")
    certificate_sizes: Mapping[str, CertificateSize] = field(default_factory=dict)

    def overhead_bytes(
        self,
        payload_bytes: ArrayLike,
        application_id: ArrayLike,
        full_certificate: ArrayLike = False,
        certificate_bytes: ArrayLike = 0,
    ) -> NDArray[np.int64]:
        """Exact octets :meth:`wrap` adds; the other arguments count for the shape alone."""
        shapes = (np.shape(one) for one in (payload_bytes, application_id, full_certificate, certificate_bytes))
        return np.broadcast_to(unsecured_envelope_bytes(payload_bytes), np.broadcast_shapes(*shapes))

    def certificate(self, size_bytes: int, station_id: int = 0) -> bytes:
        """Nothing: an unsecured message has no signer."""
        return b""

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
        """The envelope's octets; every argument but the payload is without effect. SecurityError beyond 65535."""
        return _OPENING + coer.string(payload)

    def unwrap(self, octets: bytes) -> Opened:
        """The payload of any octets, or SecurityError: no unsecured envelope, octets behind its end."""
        reader = coer.Reader(octets)
        if reader.take(2, "unsecured envelope") != _OPENING:
            raise SecurityError(f"octets start with {bytes(octets[:2]).hex()}, expected 0380")
        payload = reader.string("unsecured data")
        reader.end("unsecured data")
        return Opened(payload, None, None, "none")
