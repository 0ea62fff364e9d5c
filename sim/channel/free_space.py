"""Free-space path loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

DB_PER_NEPER = 10.0 / np.log(10.0)
"""10 log10(x) = DB_PER_NEPER * ln(x); the natural logarithm of float32 arrays is the vectorised one."""
MINIMUM_DISTANCE_M = 3.0
"""TR 36.885: the loss below 3 m is the loss at 3 m."""


def as_float(value: np.ndarray | float) -> np.ndarray:
    """The value as float32 if it is float32, else float64."""
    array = np.asarray(value)
    return array if array.dtype == np.float32 else array.astype(np.float64)


def bounded_log(distance_m: np.ndarray | float, minimum_m: float = MINIMUM_DISTANCE_M) -> np.ndarray:
    """10 log10 of the distance in metres, at least ``minimum_m``; keeps float32."""
    distance = as_float(distance_m)
    return np.log(np.maximum(distance, distance.dtype.type(minimum_m))) * distance.dtype.type(DB_PER_NEPER)


def free_space_constant_db(carrier_hz: float) -> float:
    """Loss at 1 m: 46.4 dB at 5 GHz (TR 36.885, WINNER II D1.1.2)."""
    return 46.4 + 20.0 * np.log10(carrier_hz / 5e9)


def free_space(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Loss in dB over a 3-D distance in metres; heights and config play no part."""
    level = bounded_log(distance_m)
    return 2 * level + level.dtype.type(free_space_constant_db(carrier_hz))
