"""Analytical model of C-V2X Mode 4 (Gonzalez-Martin et al., IEEE TVT 68(2) 2019, DOI 10.1109/TVT.2018.2888704)."""

from __future__ import annotations

import math

import numpy as np

from sim.validate.models.propagation import CV2X_AIR


def channel_busy_ratio(vehicles_per_m: float, packets_per_s: float, power_dbm: float, subchannels: int) -> float:
    """CBR = Ne / N: the share of the resources of one period that sensing excludes; at most 1.

    N = 1000 S / lambda resources; s = beta * sum of the sensing ratio over +-1500 m; of the s vehicles
    sensed, half occupy a resource of their own, the rest partly re-use one:
    Ne = s/2 + sum over k = 1 .. s/2 of max(0, 1 - k / (N - s/2)).
    """
    sensed = vehicles_per_m * CV2X_AIR.heard_sum_m(power_dbm)
    resources = 1000.0 * subchannels / packets_per_s
    half = sensed / 2.0
    if half >= resources:
        return 1.0
    later = np.arange(1, math.floor(half) + 1)
    occupied = half + float(np.maximum(0.0, 1.0 - later / (resources - half)).sum())
    return min(1.0, occupied / resources)
