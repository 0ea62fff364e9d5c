"""The Intelligent Driver Model as pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.scenario.schema.traffic import CarFollowing

HARDEST_BRAKING_MPS2 = 8.0
"""No vehicle brakes harder (assumption: dry road)."""
_LEAST_GAP_M = 0.1


@dataclass(frozen=True)
class Driver:
    """The parameters all classes share (Treiber, Hennecke, Helbing, Phys. Rev. E 62 (2000) 1805)."""

    time_gap_s: float
    minimum_gap_m: float
    comfortable_decel_mps2: float
    exponent: float

    @staticmethod
    def of(config: CarFollowing) -> Driver:
        """From the scenario."""
        return Driver(config.time_gap_s, config.minimum_gap_m, config.comfortable_decel_mps2, config.exponent)


def free_acceleration(
    driver: Driver, speed_mps: np.ndarray, desired_mps: np.ndarray, max_accel_mps2: np.ndarray
) -> np.ndarray:
    """Acceleration on an empty road, m/s2, any common shape.

    Above the desired speed braking is bounded by the comfortable deceleration b: -b (1 - (v0/v)^(a delta / b)).
    Source: Treiber and Kesting, Traffic Flow Dynamics (2013), section 11.3.7 (improved IDM), from memory.
    """
    ratio = speed_mps / desired_mps
    below = 1 - np.minimum(ratio, 1.0) ** driver.exponent
    b = driver.comfortable_decel_mps2
    above = 1 - np.maximum(ratio, 1.0) ** (-max_accel_mps2 * driver.exponent / b)
    return np.where(ratio <= 1, max_accel_mps2 * below, -b * above)


def interaction(
    driver: Driver,
    speed_mps: np.ndarray,
    gap_m: np.ndarray,
    leader_speed_mps: np.ndarray,
    max_accel_mps2: np.ndarray,
) -> np.ndarray:
    """The braking term a (s*/s)^2 of the IDM, m/s2, never negative; ``gap_m`` is bumper to bumper."""
    closing = speed_mps * (speed_mps - leader_speed_mps)
    closing = closing / (2 * np.sqrt(max_accel_mps2 * driver.comfortable_decel_mps2))
    desired_gap = driver.minimum_gap_m + np.maximum(speed_mps * driver.time_gap_s + closing, 0.0)
    return max_accel_mps2 * (desired_gap / np.maximum(gap_m, _LEAST_GAP_M)) ** 2


def equilibrium_gap_m(driver: Driver, speed_mps: np.ndarray, desired_mps: np.ndarray | float) -> np.ndarray:
    """Bumper-to-bumper gap at which a platoon keeps ``speed_mps`` below the desired speed."""
    free = np.sqrt(np.maximum(1 - (speed_mps / desired_mps) ** driver.exponent, 1e-12))
    return (driver.minimum_gap_m + speed_mps * driver.time_gap_s) / free


def equilibrium_speed_mps(driver: Driver, gap_m: np.ndarray, desired_mps: np.ndarray | float) -> np.ndarray:
    """Inverse of :func:`equilibrium_gap_m` by bisection; 0 at gaps up to the minimum gap."""
    gap, desired = np.broadcast_arrays(np.asarray(gap_m, float), np.asarray(desired_mps, float))
    low, high = np.zeros(gap.shape), desired.copy()
    for _ in range(40):
        middle = (low + high) / 2
        fits = equilibrium_gap_m(driver, middle, desired) <= gap
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def speed_of_flow_mps(driver: Driver, flow_veh_s: float, desired_mps: float, length_m: float) -> float:
    """Free-branch speed of one lane carrying ``flow_veh_s``; the speed at capacity if it cannot."""
    speeds = np.linspace(0.01, 0.9999, 2000) * desired_mps
    flows = speeds / (equilibrium_gap_m(driver, speeds, desired_mps) + length_m)
    enough = np.flatnonzero(flows >= flow_veh_s)
    return float(speeds[enough[-1]] if len(enough) else speeds[np.argmax(flows)])


def capacity_veh_s(driver: Driver, desired_mps: float, length_m: float) -> float:
    """Largest equilibrium flow of one lane."""
    speeds = np.linspace(0.01, 0.9999, 2000) * desired_mps
    return float(np.max(speeds / (equilibrium_gap_m(driver, speeds, desired_mps) + length_m)))
