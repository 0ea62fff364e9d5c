"""Mean error rate over shadowing, with and without one interferer, as the analytical papers take it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.validate.models.propagation import SIGMA_DB, Air

POINTS = 61
SPREAD_SIGMAS = 4.5

ErrorRate = Callable[[np.ndarray], np.ndarray]
"""Error rate by SINR in dB."""


class MeanErrors:
    """Averages over the wanted power, truncated below the threshold, and a log-normal interferer plus noise."""

    def __init__(self, air: Air, power_dbm: float, noise_dbm: float, rate: ErrorRate) -> None:
        self.air, self.power_dbm, self.noise_dbm, self.rate = air, power_dbm, noise_dbm, rate
        offsets = np.linspace(-SPREAD_SIGMAS, SPREAD_SIGMAS, POINTS)
        weights = np.exp(-0.5 * offsets**2)
        self.offsets_db, self.weights = offsets * SIGMA_DB, weights / weights.sum()

    def _wanted(self, distance_m: float) -> tuple[np.ndarray, np.ndarray]:
        """Powers above the threshold and their weights; the mean power alone where nearly nothing is above."""
        mean_dbm = self.power_dbm - float(self.air.path_loss_db(np.array([distance_m]))[0])
        # Wanted powers on a fine grid above the threshold, so that truncation is sharp.
        low = max(self.air.threshold_dbm, mean_dbm - SPREAD_SIGMAS * SIGMA_DB)
        high = max(mean_dbm, low) + SPREAD_SIGMAS * SIGMA_DB
        edges = np.linspace(low, high, 2 * POINTS + 1)
        power = 0.5 * (edges[:-1] + edges[1:])
        logarithm = -0.5 * ((power - mean_dbm) / SIGMA_DB) ** 2
        weight = np.exp(logarithm - logarithm.max())
        return power, weight / weight.sum()

    def alone(self, distance_m: float) -> float:
        """Mean error rate against noise."""
        power, weight = self._wanted(distance_m)
        return float(weight @ self.rate(power - self.noise_dbm))

    def disturbed(self, distance_m: float, interferers_m: np.ndarray) -> np.ndarray:
        """Mean error rate with one interferer at each of these distances from the receiver."""
        power, weight = self._wanted(distance_m)
        mean_dbm = self.power_dbm - self.air.path_loss_db(interferers_m)
        noise_mw = 10 ** (self.noise_dbm / 10)
        level_dbm = 10 * np.log10(10 ** ((mean_dbm[:, None] + self.offsets_db[None, :]) / 10) + noise_mw)
        # By SINR on a fine grid of levels, then looked up: levels only matter through their difference.
        grid = np.linspace(self.noise_dbm, max(level_dbm.max(), self.noise_dbm + 1.0), 400)
        by_level = self.rate(power[None, :] - grid[:, None]) @ weight
        return np.asarray(np.interp(level_dbm, grid, by_level) @ self.weights)
