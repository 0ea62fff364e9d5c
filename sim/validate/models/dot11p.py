"""Analytical model of IEEE 802.11p broadcast (Sepulcre et al., IEEE TVT 2021, DOI 10.1109/TVT.2021.3124708)."""

from __future__ import annotations

from sim.validate.models.propagation import DOT11P_AIR

HEADER_BYTES = 30
PREAMBLE_S = 40e-6


def airtime_s(size_bytes: int, rate_mbps: float) -> float:
    """T = 40 us + 8 (B + 30) / R, not rounded to symbols."""
    return PREAMBLE_S + 8.0 * (size_bytes + HEADER_BYTES) / (rate_mbps * 1e6)


def channel_busy_ratio(
    vehicles_per_m: float, packets_per_s: float, power_dbm: float, size_bytes: int, rate_mbps: float
) -> float:
    """CBR = -0.2481 u^2 + 0.913 u + 0.003844 with u = beta lambda T sum PSR (a fit of the authors), within 0 .. 1."""
    heard = DOT11P_AIR.heard_sum_m(power_dbm)
    offered = vehicles_per_m * packets_per_s * airtime_s(size_bytes, rate_mbps) * heard
    # The fit turns down beyond u = 1.84, far above the loads it was made for.
    offered = min(offered, 0.913 / (2 * 0.2481))
    return min(1.0, max(0.0, -0.2481 * offered**2 + 0.913 * offered + 0.003844))
