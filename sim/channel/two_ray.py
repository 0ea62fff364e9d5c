"""Free space up to the crossover distance, plane-earth loss beyond: open bridges and gantries (V2I)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.channel.free_space import as_float, bounded_log, free_space_constant_db

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel


def two_ray(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Loss in dB: the larger of free space and 40 log10 d - 20 log10(ht hr).

    The two meet at 4 pi ht hr / wavelength (Rappaport, Wireless Communications, section 4.6); the ripple
    before it is left out, so the loss never falls with distance. ValueError for a height that is not
    positive.
    """
    heights = as_float(np.asarray(tx_height_m) * np.asarray(rx_height_m))
    if heights.size and heights.min() <= 0:
        raise ValueError("antenna_height_m: two-ray needs heights above 0 m at both ends")
    level = bounded_log(distance_m)
    kind = level.dtype.type
    plane_earth = 4 * level - (2 * bounded_log(heights, 1e-6)).astype(level.dtype)
    return np.maximum(2 * level + kind(free_space_constant_db(carrier_hz)), plane_earth)
