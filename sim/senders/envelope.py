"""From message octets to octets at the top of the access layer, and when a frame is ready."""

from __future__ import annotations

import numpy as np

from rsu.messages.base import Rule
from rsu.network import Network
from rsu.profile import Profile
from rsu.security import CERTIFICATE_PERIOD_NS, CertificateCadence, envelope_bytes
from sim.clock import ns_from_ms
from sim.scenario.schema import Scenario


class Envelope:
    """Security envelope, network header and L2 header of one kind of sender, as sizes.

    The sizes are exact (:mod:`rsu.security`, :mod:`rsu.network`); signatures themselves are never made in a run.
    """

    def __init__(self, config: Scenario, profile: Profile, network: Network, *, certificate_key: str) -> None:
        period_ms = config.security.certificate_period_ms
        if period_ms is None:
            period_ms = profile.get("security.certificate_period_ms")
        self._signed = config.security.enabled
        self._cadence = CertificateCadence(
            period_ns=CERTIFICATE_PERIOD_NS if period_ms is None else ns_from_ms(period_ms)
        )
        self._certificate_bytes = int(profile.value(f"security.{certificate_key}"))
        self._network = network
        self._l2_bytes = config.processing.l2_overhead_bytes
        self.encode_ns = ns_from_ms(config.processing.encode_ms)
        self.sign_ns = ns_from_ms(config.processing.sign_ms) if self._signed else 0

    def frame_bytes(
        self, message_bytes: np.ndarray, rule: Rule, senders: np.ndarray, generated_ns: np.ndarray
    ) -> np.ndarray:
        """Octets on the air per message: message, envelope (full certificate by cadence), header, L2.

        ``senders`` are slots, each at most once per call.
        """
        total = message_bytes + self._network.overhead_bytes(rule.application_id) + self._l2_bytes
        if self._signed:
            full = self._cadence.full(senders, generated_ns)
            total = total + envelope_bytes(message_bytes, rule.application_id, full, self._certificate_bytes)
        return total

    def message_limit(self, rule: Rule, frame_limit_bytes: int, data_limit_bytes: int) -> int:
        """Longest message that fits a frame and the network layer's data field, certificate included."""
        around = self._network.overhead_bytes(rule.application_id) + self._l2_bytes
        envelope = 0
        if self._signed:
            envelope = int(envelope_bytes(60_000, rule.application_id, "certificate", self._certificate_bytes))
        return min(data_limit_bytes, frame_limit_bytes - around) - envelope

    def renew(self, senders: np.ndarray) -> None:
        """Other stations stand in these slots now: their first message carries the certificate."""
        self._cadence.renew(senders)
