"""Analytical model of IEEE 802.11p broadcast (Sepulcre et al., IEEE TVT 2021, DOI 10.1109/TVT.2021.3124708)."""

from __future__ import annotations

import math

import numpy as np

from sim.link import load_table
from sim.validate.models.errors import MeanErrors
from sim.validate.models.propagation import DOT11P_AIR, SPAN_M

HEADER_BYTES = 30
PREAMBLE_S = 40e-6
SLOT_S = 13e-6
NOISE_DBM = -95.0


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


def delivery(
    distance_m: np.ndarray,
    vehicles_per_m: float,
    packets_per_s: float,
    power_dbm: float,
    size_bytes: int,
    rate_mbps: float,
) -> dict[str, np.ndarray]:
    """``pdr`` and joint probabilities ``sen``, ``rxb``, ``pro``, ``col`` of the model by distance (its section IV).

    For interferer i: den = 1 - CBR R(d_ti) / R(0); same slot s_CT = 13 us lambda PSR(d_ti) / den, hidden
    s_HT = T lambda (1 - PSR(d_ti)) / den; busy or colliding as the distance of the interferer to the receiver has it.
    """
    table = load_table("11p-ebno").select(0, 0)
    shift_db = 10 * math.log10(10.0 / rate_mbps)
    errors = MeanErrors(DOT11P_AIR, power_dbm, NOISE_DBM, lambda sinr_db: table.exact(sinr_db + shift_db))
    cbr = channel_busy_ratio(vehicles_per_m, packets_per_s, power_dbm, size_bytes, rate_mbps)
    offsets_m = np.arange(1, int(SPAN_M * vehicles_per_m) + 1) / vehicles_per_m
    places_m = np.concatenate([-offsets_m[::-1], offsets_m])
    heard = DOT11P_AIR.sensing_ratio(power_dbm, np.abs(places_m))
    waiting = 1.0 - cbr * _overlap(np.abs(places_m), power_dbm)
    same_slot = SLOT_S * packets_per_s * heard / waiting
    hidden = airtime_s(size_bytes, rate_mbps) * packets_per_s * (1.0 - heard) / waiting
    found: dict[str, list[float]] = {name: [] for name in ("pdr", "sen", "rxb", "pro", "col")}
    for at_m in distance_m:
        reach_m = np.abs(places_m - at_m)
        others = DOT11P_AIR.sensing_ratio(power_dbm, reach_m)
        sen = 1.0 - float(DOT11P_AIR.sensing_ratio(power_dbm, np.array([at_m]))[0])
        pro = errors.alone(float(at_m))
        harm = np.clip((errors.disturbed(float(at_m), reach_m) - pro) / max(1e-12, 1.0 - pro), 0.0, 1.0)
        nearer = reach_m < at_m
        rxb = 1.0 - float(np.prod(1.0 - np.where(nearer, same_slot * others, 0.0) - hidden * others))
        col = 1.0 - float(np.prod(1.0 - np.where(nearer, 0.0, same_slot * harm) - hidden * harm * (2.0 - others)))
        found["pdr"].append((1 - sen) * (1 - rxb) * (1 - pro) * (1 - col))
        found["sen"].append(sen)
        found["rxb"].append((1 - sen) * rxb)
        found["pro"].append((1 - sen) * (1 - rxb) * pro)
        found["col"].append((1 - sen) * (1 - rxb) * (1 - pro) * col)
    return {name: np.array(values) for name, values in found.items()}


def _overlap(distance_m: np.ndarray, power_dbm: float) -> np.ndarray:
    """R(d) / R(0): autocorrelation of the sensing ratio over 1 m."""
    grid = np.abs(np.arange(-SPAN_M, SPAN_M + 1, dtype=np.float64))
    ratio = DOT11P_AIR.sensing_ratio(power_dbm, grid)
    whole = np.correlate(ratio, ratio, "full")[len(ratio) - 1 :]
    return np.asarray(np.interp(distance_m, np.arange(len(whole)), whole / whole[0]))
