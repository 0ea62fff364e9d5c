"""3GPP TR 37.885 clause 6.2: path loss, sight probability and blockage by vehicles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.channel.free_space import as_float, bounded_log

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

CAR_HEIGHT_M, TRUCK_HEIGHT_M = 1.6, 3.0
"""Heights of a blocking vehicle: types 1 and 2, type 3."""
THREE_STATES_TO_M = 500.0
"""Range of the fitted three-state highway law (from memory)."""


def _sloped(distance_m: np.ndarray | float, constant_db: float, slope: float) -> np.ndarray:
    level = bounded_log(distance_m)
    return level * level.dtype.type(slope) + level.dtype.type(constant_db)


def highway_los(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Highway loss in dB with sight, 3-D distance: 32.4 + 20 log10 d + 20 log10 f (table 6.2.1-1)."""
    return _sloped(distance_m, 32.4 + 20.0 * np.log10(carrier_hz / 1e9), 2.0)


def urban_los(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Urban loss in dB with sight, 3-D distance: 38.77 + 16.7 log10 d + 18.2 log10 f (table 6.2.1-1)."""
    return _sloped(distance_m, 38.77 + 18.2 * np.log10(carrier_hz / 1e9), 1.67)


def nlos(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Loss in dB behind buildings, 3-D distance: 36.85 + 30 log10 d + 18.9 log10 f (table 6.2.1-1)."""
    return _sloped(distance_m, 36.85 + 18.9 * np.log10(carrier_hz / 1e9), 3.0)


def highway_sight_probability(distance_m: np.ndarray | float) -> np.ndarray:
    """Probability of sight on a highway by distance in metres; the rest is blocked by vehicles (NLOSv)."""
    d = as_float(distance_m)
    near = np.minimum(1.0, (2.1013e-6 * d - 0.002) * d + 1.0193)
    return np.where(d <= 475.0, near, np.maximum(0.0, 0.54 - 0.001 * (d - 475.0))).astype(d.dtype)


def urban_sight_probability(distance_m: np.ndarray | float) -> np.ndarray:
    """Probability of sight in a street by distance in metres: min(1, 1.05 exp(-0.0114 d))."""
    d = as_float(distance_m)
    return np.minimum(d.dtype.type(1.0), d.dtype.type(1.05) * np.exp(d.dtype.type(-0.0114) * d))


def highway_three_states(distance_m: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """(P_LOS, P_LOS + P_NLOSv) on a highway with buildings beside it, by distance in metres.

    P_LOS = 2.7e-6 d^2 - 0.0025 d + 1, P_NLOS = -3.7e-7 d^2 + 0.00061 d + 0.015 (extended variant in public code of
    5G vehicle simulators). Beyond ``THREE_STATES_TO_M`` the values there are held: the parabolas turn round.
    """
    d = np.minimum(as_float(distance_m), THREE_STATES_TO_M)
    sight = np.clip((2.7e-6 * d - 0.0025) * d + 1.0, 0.0, 1.0)
    behind = np.clip((-3.7e-7 * d + 0.00061) * d + 0.015, 0.0, 1.0 - sight)
    return sight.astype(d.dtype), (1.0 - behind).astype(d.dtype)


def urban_three_states(distance_m: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """(P_LOS, P_LOS + P_NLOSv) in streets, by distance in metres (extended variant in public code).

    P_LOS = 0.8372 exp(-0.0114 d), P_NLOSv = exp(-(ln d - 5.0063)^2 / 2.4544) / (0.0312 d), the rest NLOS.
    """
    d = np.maximum(as_float(distance_m), 1e-3)
    sight = 0.8372 * np.exp(-0.0114 * d)
    vehicle = np.exp(-((np.log(d) - 5.0063) ** 2) / 2.4544) / (0.0312 * d)
    return sight.astype(d.dtype), np.clip(sight + vehicle, 0.0, 1.0).astype(d.dtype)


def blockage_statistics(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    blocker_height_m: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation in dB of X, where the blockage loss is max(0, X) (clause 6.2.1).

    X is normal *in dB*: the report says log-normal, and reading it as the parameters of ln or log10 of the
    loss gives 2.6 dB where 9 dB is meant.
    """
    low = np.minimum(tx_height_m, rx_height_m)
    high = np.maximum(tx_height_m, rx_height_m)
    far = np.maximum(0.0, 1.5 * bounded_log(distance_m) - 41.0)
    over, under = low > blocker_height_m, high < blocker_height_m
    mean = np.where(over, 0.0, np.where(under, 9.0, 5.0) + far)
    return mean, np.where(over, 0.0, np.where(under, 4.5, 4.0))


def blockage_db(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    blocker_height_m: np.ndarray | float,
    normal: np.ndarray | float,
) -> np.ndarray:
    """Extra loss in dB behind a vehicle, from one standard normal value per link."""
    mean, sigma = blockage_statistics(distance_m, tx_height_m, rx_height_m, blocker_height_m)
    return np.maximum(0.0, mean + sigma * normal)
