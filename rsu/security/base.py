"""What every security envelope offers: exact sizes, octets out, octets in, the rule for full certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Signer = Literal["digest", "certificate"]
"""How a signed message names its signer."""
OpenedSigner = Literal["digest", "certificate", "none"]
"""The same for a received message; ``none`` is an unsecured one."""


class SecurityError(ValueError):
    """Octets that are no envelope of this kind, or data that none can be built around."""


@dataclass(frozen=True)
class Opened:
    """What an envelope holds. **Its signature was not checked.**

    ``application_id`` and ``generated_utc_ns`` (Unix time; whole microseconds) are None where the envelope names
    none; an unsecured one names neither.
    """

    payload: bytes
    application_id: int | None
    generated_utc_ns: int | None
    signer: OpenedSigner


@dataclass(frozen=True)
class CertificateRule:
    """When the full certificate goes along instead of its digest."""

    period_ns: int
    """In the first message, and once this much time has passed since the last full one."""
    always: frozenset[int]
    """Application identifiers whose messages always carry it."""
    source: str


@dataclass(frozen=True)
class CertificateSize:
    """Length of one certificate as found on the air or in test data."""

    size_bytes: int
    source: str


class Envelope(Protocol):
    """One kind of envelope; registered by name in :data:`rsu.security.ENVELOPES`."""

    @property
    def name(self) -> str:
        """Name in a profile."""

    @property
    def certificate_rule(self) -> CertificateRule:
        """When the full certificate goes along."""

    @property
    def certificate_sizes(self) -> Mapping[str, CertificateSize]:
        """``obu`` and ``rsu`` -> typical certificate."""

    def overhead_bytes(
        self,
        payload_bytes: ArrayLike,
        application_id: ArrayLike,
        full_certificate: ArrayLike = False,
        certificate_bytes: ArrayLike = 0,
    ) -> NDArray[np.int64]:
        """Exact octets the signed envelope adds; arguments broadcast. ValueError for impossible lengths."""

    def certificate(self, size_bytes: int, station_id: int = 0) -> bytes:
        """A placeholder certificate of this length, or of the nearest one possible. Nobody issued it."""

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
        """The envelope's octets with a placeholder where the signature stands. **Nothing is signed.**"""

    def unwrap(self, octets: bytes) -> Opened:
        """What any octets hold, or SecurityError. **Nothing is verified.**"""
