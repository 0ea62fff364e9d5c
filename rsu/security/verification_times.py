"""How long one signature verification takes, by suite: one table, name in a scenario -> times.

A run makes no signature: it charges these times instead. Real hardware states a rate; software was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class VerificationTimes:
    """Times of one piece of software or hardware."""

    verify_ns: Mapping[str, int]
    """Suite -> one signature verification of a message of about 300 octets, on one core or one accelerator."""
    basis: str
    """``measured`` or ``assumption``."""
    source: str

    def of(self, suite: str) -> int:
        """Nanoseconds for one verification; ValueError where the row has no figure for the suite."""
        if suite not in self.verify_ns:
            known = ", ".join(sorted(self.verify_ns))
            raise ValueError(f"no verification time for suite {suite!r}; this row has {known}")
        return self.verify_ns[suite]


def _rate(per_s: int) -> dict[str, int]:
    time_ns = 1_000_000_000 // per_s
    return {"ecdsa-p256": time_ns, "ecdsa-brainpool-p256r1": time_ns, "sm2": time_ns}


VERIFICATION_TIMES: dict[str, VerificationTimes] = {
    "software": VerificationTimes(
        {"ecdsa-p256": 73_000, "ecdsa-brainpool-p256r1": 383_000, "sm2": 350_000},
        "measured",
        "cryptography 50.0.2 (OpenSSL 4.0.3) for ECDSA, tongsuopy 1.0.1 for SM2; 300 octets, one x86-64 core",
    ),
    "software-openssl": VerificationTimes(
        {"ecdsa-p256": 63_000, "sm2": 320_000},
        "measured",
        "openssl speed of OpenSSL 3.0.19, one x86-64 core",
    ),
    "software-python": VerificationTimes(
        {"sm2": 33_500_000}, "measured", "gmalg 1.1.2 (pure Python); 300 octets, one x86-64 core",
    ),
    "accelerator-2000": VerificationTimes(
        _rate(2000), "assumption", "assumption: an accelerator of 2000 verifications/s, the same for every suite",
    ),
    "accelerator-400": VerificationTimes(
        _rate(400), "assumption", "assumption: a small security chip of 400 verifications/s, the same for every suite",
    ),
}
"""Name in a scenario (``security.verification.times``) -> times."""
