"""Security envelopes: one table, name in a profile -> envelope. **No signature is made and none is checked.**

Sizes are exact and octets are real OER, but keys, digests, certificates and signatures are placeholders.
"""

from __future__ import annotations

from rsu.security import certificate as _certificate
from rsu.security.base import CertificateRule, CertificateSize, Envelope, Opened, SecurityError, Signer
from rsu.security.cadence import CERTIFICATE_PERIOD_NS, CertificateCadence
from rsu.security.envelope import Envelope1609
from rsu.security.sizes import (
    OBU_CERTIFICATE_BYTES,
    PSEUDONYM_DISTANCE_M,
    PSEUDONYM_LIFE_S,
    RSU_CERTIFICATE_BYTES,
    SMALLEST_CERTIFICATE_BYTES,
    envelope_bytes,
    unsecured_envelope_bytes,
)
from rsu.security.unsecured import Unsecured

_DENM = 37

YDT3957 = Envelope1609(
    "ydt3957-2021",
    "sm2",
    (_certificate.ROADSIDE_CN, _certificate.PSEUDONYM_CN, _certificate.SMALL_CN, _certificate.ONE_SERVICE_CN),
    CertificateRule(CERTIFICATE_PERIOD_NS, frozenset({112, 114}), "GB/T 45315-2025 chapter 7; event BSMs always"),
    {
        "obu": CertificateSize(OBU_CERTIFICATE_BYTES, "measured: public pseudonym certificate, five AIDs, region"),
        "rsu": CertificateSize(RSU_CERTIFICATE_BYTES, "measured: public application certificate, ten AIDs, region"),
    },
)

TS103097 = Envelope1609(
    "ts103097",
    "p256",
    (_certificate.ROADSIDE_ETSI, _certificate.VEHICLE_ETSI, _certificate.ONE_SERVICE_ETSI),
    CertificateRule(1_000_000_000, frozenset({_DENM}), "TS 103 097 v2.1.1 7.1.1 (CAM), 7.1.2 (DENM: always)"),
    {
        "obu": CertificateSize(148, "measured: recording, vehicle ticket for CAM and DENM, +142 over a digest"),
        "rsu": CertificateSize(199, "derived: public test packet of a roadside unit, envelope of 287 octets"),
    },
    located=frozenset({_DENM}),
)

IEEE1609 = Envelope1609(
    "ieee1609.2",
    "p256",
    (_certificate.ONE_SERVICE_SAE, _certificate.IMPLICIT_SAE, _certificate.SMALL_SAE),
    CertificateRule(450_000_000, frozenset(), "Rostami, Krishnan, Gruteser 2018; NDSS 2024 paper: every 500 ms"),
    {
        "obu": CertificateSize(80, "derived: implicit certificate, 76 to 117 reported"),
        "rsu": CertificateSize(117, "unverified: upper end of what is reported for implicit certificates"),
    },
)

ENVELOPES: dict[str, Envelope] = {one.name: one for one in (YDT3957, TS103097, IEEE1609, Unsecured())}
"""Name in a profile -> envelope."""

__all__ = [
    "CERTIFICATE_PERIOD_NS",
    "ENVELOPES",
    "IEEE1609",
    "OBU_CERTIFICATE_BYTES",
    "PSEUDONYM_DISTANCE_M",
    "PSEUDONYM_LIFE_S",
    "RSU_CERTIFICATE_BYTES",
    "SMALLEST_CERTIFICATE_BYTES",
    "TS103097",
    "YDT3957",
    "CertificateCadence",
    "CertificateRule",
    "CertificateSize",
    "Envelope",
    "Envelope1609",
    "Opened",
    "SecurityError",
    "Signer",
    "Unsecured",
    "envelope_bytes",
    "unsecured_envelope_bytes",
]
