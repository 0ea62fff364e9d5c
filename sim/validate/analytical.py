"""Channel busy ratio of the analytical model of C-V2X Mode 4 (Gonzalez-Martin et al., IEEE TVT 68(2) 2019).

DOI 10.1109/TVT.2018.2888704. The CBR decides the tolerance class of a published file; nothing here takes
part in the simulation.
"""

from __future__ import annotations

import math

import numpy as np

from sim.validate.setting import SENSITIVITY_DBM, SHADOWING_SIGMA_DB, Setting, path_loss_db

SPAN_M = 1500
"""Vehicles within this distance on both sides are heard or not by the sensing ratio, on a grid of 1 m."""


def packet_sensing_ratio(tx_power_dbm: float, distance_m: np.ndarray) -> np.ndarray:
    """Probability of arriving above the sensing power, 0.5 (1 + erf((Pt - PL - Psen) / (sigma sqrt 2)))."""
    margin_db = tx_power_dbm - path_loss_db(distance_m) - SENSITIVITY_DBM
    return np.array([0.5 * math.erfc(-m / (SHADOWING_SIGMA_DB * math.sqrt(2.0))) for m in np.ravel(margin_db)])


def channel_busy_ratio(setting: Setting) -> float:
    """CBR = Ne / N: the share of the resources of one period that sensing excludes; at most 1.

    N = 1000 S / lambda resources; s = beta * sum of the sensing ratio over +-1500 m; of the s vehicles
    sensed, half occupy a resource of their own, the rest partly re-use one:
    Ne = s/2 + sum over k = 1 .. s/2 of max(0, 1 - k / (N - s/2)).
    """
    offsets_m = np.abs(np.arange(-SPAN_M, SPAN_M + 1, dtype=np.float64))
    sensed = setting.vehicles_per_m * float(packet_sensing_ratio(setting.tx_power_dbm, offsets_m).sum())
    resources = 1000.0 * setting.subchannels / setting.packets_per_s
    half = sensed / 2.0
    if half >= resources:
        return 1.0
    later = np.arange(1, math.floor(half) + 1)
    occupied = half + float(np.maximum(0.0, 1.0 - later / (resources - half)).sum())
    return min(1.0, occupied / resources)
