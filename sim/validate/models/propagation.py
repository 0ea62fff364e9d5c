"""Path loss and sensing probability as the analytical papers use them, written apart from the simulator's own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MIN_DISTANCE_M = 3.0
SIGMA_DB = 3.0
"""Log-normal shadowing of both papers."""
SPAN_M = 1500
"""Vehicles within this distance on both sides count, on a grid of 1 m."""


@dataclass(frozen=True)
class Air:
    """Carrier, effective antenna height above the environment, and the one power threshold of a paper."""

    carrier_hz: float
    effective_height_m: float
    threshold_dbm: float

    def path_loss_db(self, distance_m: np.ndarray) -> np.ndarray:
        """WINNER+ B1 LOS, at least 3 m and never below free space (access layers section 2.1)."""
        frequency_ghz = self.carrier_hz / 1e9
        height_m = self.effective_height_m
        log_distance = np.log10(np.maximum(distance_m, MIN_DISTANCE_M))
        breakpoint_m = 4.0 * height_m**2 * self.carrier_hz / 3e8
        near_db = 22.7 * log_distance + 27.0 + 20.0 * math.log10(frequency_ghz)
        far_db = 40.0 * log_distance + 7.56 - 34.6 * math.log10(height_m) + 2.7 * math.log10(frequency_ghz)
        free_space_db = 20.0 * log_distance + 46.4 + 20.0 * math.log10(frequency_ghz / 5.0)
        b1_db = np.where(log_distance < math.log10(breakpoint_m), near_db, far_db)
        return np.maximum(b1_db, free_space_db)

    def sensing_ratio(self, power_dbm: float, distance_m: np.ndarray, threshold_dbm: float | None = None) -> np.ndarray:
        """Probability of arriving above the threshold, 0.5 (1 + erf((Pt - PL - Psen) / (sigma sqrt 2)))."""
        threshold = self.threshold_dbm if threshold_dbm is None else threshold_dbm
        margin_db = power_dbm - self.path_loss_db(distance_m) - threshold
        flat = [0.5 * math.erfc(-m / (SIGMA_DB * math.sqrt(2.0))) for m in np.ravel(margin_db)]
        return np.array(flat).reshape(np.shape(margin_db))

    def range_m(self, power_dbm: float) -> float:
        """Distance beyond which less than 1 % of packets exceed the threshold, shadowing included."""
        budget_db = power_dbm - self.threshold_dbm + 2.3263478740408408 * SIGMA_DB
        distance_m = np.arange(MIN_DISTANCE_M, 20_000.0)
        return float(
            distance_m[min(len(distance_m) - 1, int(np.searchsorted(self.path_loss_db(distance_m), budget_db)))]
        )

    def heard_sum_m(self, power_dbm: float) -> float:
        """Sum of the sensing ratio over +-1500 m in steps of 1 m: metres of road that are heard."""
        offsets_m = np.abs(np.arange(-SPAN_M, SPAN_M + 1, dtype=np.float64))
        return float(self.sensing_ratio(power_dbm, offsets_m).sum())


CV2X_AIR = Air(5.91e9, 1.5, -90.5)
"""Gonzalez-Martin et al., IEEE TVT 68(2) 2019: environment height 0."""
DOT11P_AIR = Air(5.89e9, 1.0, -85.0)
"""Sepulcre et al., IEEE TVT 2021: antennas at 1.5 m over environment height 0.5 m."""


def ring(
    vehicles_per_m: float, range_m: float, measured_m: float, least_m: float, least_count: int
) -> tuple[int, float]:
    """(vehicles, length in metres) of a ring that holds the sensing and measured ranges on both sides."""
    length_m = max(least_m, 2.0 * (range_m + measured_m))
    count = max(least_count, math.ceil(length_m * vehicles_per_m))
    return count, count / vehicles_per_m
