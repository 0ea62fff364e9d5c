"""From message octets to octets at the top of the access layer, and when a frame is ready."""

from __future__ import annotations

import numpy as np

from rsu.messages.base import Rule
from rsu.network import Source
from rsu.profile import Profile
from rsu.security import ENVELOPES, CertificateCadence
from rsu.stack import Stack, stack_for
from sim.clock import ns_from_ms
from sim.scenario.schema import Scenario

FEW = 8
"""Up to so many messages, sizes are looked up one by one."""

SIDELINK_L2_BYTES = 10
"""PDCP, RLC and MAC headers (assumption)."""
L2_BYTES = {"ieee80211p": 0}
"""Access layers that add their own headers (`radio.dot11p.header_bytes`)."""


class Envelope:
    """Security envelope, network header and L2 header of one kind of sender (``obu`` or ``rsu``).

    With security off a WSMP message still stands in an unsecured envelope, as that layer wants it. A run needs their
    sizes only, which are exact (:mod:`rsu.stack`); captures need :meth:`octets`. Signatures are never
    made.
    """

    def __init__(self, config: Scenario, profile: Profile, kind: str) -> None:
        signed = config.security.enabled
        name = profile.value("security.envelope")
        rule = ENVELOPES[name].certificate_rule
        period_ms = config.security.certificate_period_ms
        if period_ms is None:
            period_ms = profile.get("security.certificate_period_ms")
        network = profile.value("network")
        unsigned = "unsecured" if network == "wsmp" else None
        self.stack: Stack = stack_for(network, name if signed else unsigned)
        self._plain = stack_for(network)
        self._signed = signed
        self._always = rule.always
        self._cadence = CertificateCadence(period_ns=rule.period_ns if period_ms is None else ns_from_ms(period_ms))
        wanted_bytes = int(profile.value(f"security.certificate_bytes_{kind}"))
        self.certificate_bytes = len(ENVELOPES[name].certificate(wanted_bytes))
        asked = config.processing.l2_overhead_bytes
        self._l2_bytes = L2_BYTES.get(config.radio.access, SIDELINK_L2_BYTES) if asked is None else asked
        self._known: dict[tuple[int, str, bool], int] = {}
        self.encode_ns = ns_from_ms(config.processing.encode_ms)
        self.sign_ns = ns_from_ms(config.processing.sign_ms) if signed else 0

    def full_certificates(
        self, senders: np.ndarray, generated_ns: np.ndarray, rule: Rule, required: np.ndarray | bool = False
    ) -> np.ndarray:
        """Which messages carry the full certificate (bool); taken note of.

        ``senders`` are slots, each at most once per call; ``required``: where the generation rule demands it.
        """
        if not self._signed:
            return np.zeros(len(senders), bool)
        return self._cadence.full(senders, generated_ns, required | (rule.application_id in self._always))

    def full_certificate(self, sender: int, generated_ns: int, rule: Rule) -> bool:
        """The same for one message of one sender."""
        return self._signed and self._cadence.full_of(sender, generated_ns, rule.application_id in self._always)

    def frame_bytes(self, message_bytes: np.ndarray, rule: Rule, full: np.ndarray) -> np.ndarray:
        """Octets on the air per message: message, envelope, network header, L2."""
        if len(message_bytes) <= FEW:
            pairs = zip(message_bytes.tolist(), full.tolist(), strict=True)
            return np.array([self._one_frame_bytes(length, rule, one) for length, one in pairs], np.int64)
        return self._frame_bytes(message_bytes, rule, full)

    def _one_frame_bytes(self, length: int, rule: Rule, certificate: bool) -> int:
        """The same for one message; units send the same few lengths over and over."""
        key = length, rule.name, certificate
        if key not in self._known:
            size = self._frame_bytes(np.array([length], np.int64), rule, np.array([certificate]))
            self._known[key] = int(size[0])
        return self._known[key]

    def _frame_bytes(self, message_bytes: np.ndarray, rule: Rule, full: np.ndarray) -> np.ndarray:
        overhead = self.stack.overhead_bytes(message_bytes, rule, full, self.certificate_bytes)
        return message_bytes + overhead + self._l2_bytes

    def message_limit(self, rule: Rule, frame_limit_bytes: int, data_limit_bytes: int) -> int:
        """Longest message that fits a frame and the network layer's data field, certificate included."""
        by_frame = self.stack.longest_message_bytes(
            rule, frame_limit_bytes - self._l2_bytes, True, self.certificate_bytes
        )
        secured = self.stack.overhead_bytes(data_limit_bytes, rule, True, self.certificate_bytes)
        plain = self._plain.overhead_bytes(data_limit_bytes, rule)
        return min(by_frame, data_limit_bytes - int(secured - plain))

    def octets(self, message: bytes, rule: Rule, source: Source, full: bool) -> bytes:
        """The packet as the network layer hands it to the access layer; certificate and signature are placeholders."""
        return self.stack.wrap(message, rule, source, self.certificate_bytes if full else None)

    def renew(self, senders: np.ndarray) -> None:
        """Other stations stand in these slots now: their first message carries the certificate."""
        self._cadence.renew(senders)
