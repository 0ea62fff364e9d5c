"""Network layer and security envelope together: exact sizes, octets out, octets in.

DSMP and WSMP put their header around the envelope, GeoNetworking puts the envelope between its basic and its common
header. **Nothing is signed and nothing is verified** (:mod:`rsu.security`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network import NETWORKS, Addressed, Network, NetworkError, Source
from rsu.network.base import EnvelopeSizes, Seal
from rsu.security import ENVELOPES, Envelope, Opened, SecurityError
from rsu.security.base import OpenedSigner


class StackError(ValueError):
    """Octets that are no packet of this stack, or a message it cannot carry."""


@dataclass(frozen=True)
class Unwrapped:
    """What a packet carries. **Its signature was not checked.**

    ``application_id`` is None for an unsecured GeoNetworking packet, ``btp_port`` for other networks,
    ``generated_utc_ns`` (Unix time, whole microseconds) where nothing is secured.
    """

    message: bytes
    application_id: int | None
    btp_port: int | None
    signer: OpenedSigner
    generated_utc_ns: int | None


@dataclass(frozen=True)
class Stack:
    """One network layer with one envelope, or with security off (``envelope`` None)."""

    network: Network
    envelope: Envelope | None = None

    def overhead_bytes(
        self,
        message_bytes: ArrayLike,
        rule: Addressed,
        full_certificate: ArrayLike = False,
        certificate_bytes: ArrayLike = 0,
    ) -> NDArray[np.int64]:
        """Exact octets that :meth:`wrap` adds to messages of these lengths.

        ``message_bytes``, ``full_certificate`` (True: certificate, False: digest) and ``certificate_bytes`` (its
        length, where one goes along) broadcast; the shape is theirs. The last two say nothing where security is off.
        A length beyond the network's limit is still summed up. ValueError for impossible lengths.
        """
        shape = np.broadcast_shapes(*(np.shape(one) for one in (message_bytes, full_certificate, certificate_bytes)))
        message = np.broadcast_to(np.asarray(message_bytes, np.int64), shape)
        return self.network.added_bytes(message, rule, self._sizes(rule, full_certificate, certificate_bytes))

    def longest_message_bytes(
        self, rule: Addressed, limit_bytes: int, full_certificate: bool = False, certificate_bytes: int = 0
    ) -> int:
        """Longest message whose packet stays within ``limit_bytes`` and the network's own limit; -1 if none does."""
        lengths = np.arange(max(0, min(limit_bytes, 65_000)) + 1)
        total = lengths + self.overhead_bytes(lengths, rule, full_certificate, certificate_bytes)
        data = self.network.data_bytes(lengths, rule, self._sizes(rule, full_certificate, certificate_bytes))
        return int(np.count_nonzero((total <= limit_bytes) & (data <= self.network.max_data_bytes))) - 1

    def wrap(self, message: bytes, rule: Addressed, source: Source, certificate_bytes: int | None = None) -> bytes:
        """The packet, of ``len(message)`` + :meth:`overhead_bytes` octets. **Nothing is signed.**

        ``certificate_bytes`` is the length of the certificate that goes along, None for a digest. A length that no
        certificate has becomes the nearest possible one. StackError names what cannot be carried.
        """
        seal = None if self.envelope is None else self._seal(self.envelope, rule, source, certificate_bytes)
        try:
            return self.network.pack(message, rule, source, seal)
        except (NetworkError, SecurityError) as error:
            raise StackError(str(error)) from error

    def unwrap(self, octets: bytes) -> Unwrapped:
        """What any octets carry, or StackError. **No signature is checked.**

        Refused: what network layer or envelope refuse; a signed identifier other than the header's. A plain
        packet is read whatever the envelope (GeoNetworking says so itself; DSMP and WSMP need the unsecured
        envelope where security is on); ``signer`` is ``none`` then, and whether to use it is the receiver's choice.
        """
        envelope = self.envelope
        opened: list[Opened] = []

        def opener(inside: bytes) -> bytes:
            assert envelope is not None
            opened.append(envelope.unwrap(inside))
            return opened[0].payload

        try:
            received = self.network.unpack(octets, None if envelope is None else opener)
        except (NetworkError, SecurityError) as error:
            raise StackError(str(error)) from error
        inside = opened[0] if opened else Opened(received.message, None, None, "none")
        header_id, signed_id = received.application_id, inside.application_id
        if header_id is not None and signed_id is not None and header_id != signed_id:
            raise StackError(f"application identifier {header_id} in the header, {signed_id} in the envelope")
        application_id = header_id if signed_id is None else signed_id
        return Unwrapped(received.message, application_id, received.btp_port, inside.signer, inside.generated_utc_ns)

    def _sizes(
        self, rule: Addressed, full_certificate: ArrayLike, certificate_bytes: ArrayLike
    ) -> EnvelopeSizes | None:
        envelope = self.envelope
        if envelope is None:
            return None
        return lambda contents: envelope.overhead_bytes(
            contents, rule.application_id, full_certificate, certificate_bytes
        )

    @staticmethod
    def _seal(envelope: Envelope, rule: Addressed, source: Source, certificate_bytes: int | None) -> Seal:
        def seal(octets: bytes) -> bytes:
            certificate = None
            if certificate_bytes is not None:
                certificate = envelope.certificate(certificate_bytes, source.station_id)
            return envelope.wrap(
                octets,
                rule.application_id,
                source.utc_ns,
                certificate,
                station_id=source.station_id,
                lat_deg=source.lat_deg,
                lon_deg=source.lon_deg,
            )

        return seal


def stack_for(network: str, envelope: str | None = None) -> Stack:
    """The stack of these names (None: security off); StackError for a name that is in neither table."""
    if network not in NETWORKS:
        raise StackError(f"network: {network!r} is none of {', '.join(NETWORKS)}")
    if envelope is not None and envelope not in ENVELOPES:
        raise StackError(f"envelope: {envelope!r} is none of {', '.join(ENVELOPES)}")
    return Stack(NETWORKS[network], None if envelope is None else ENVELOPES[envelope])
