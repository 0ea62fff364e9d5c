"""WINNER+ B1 (D5.3, as used by 3GPP TR 36.885 annex A.1.4): street-level links with and without sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.channel.free_space import as_float, bounded_log, free_space_constant_db

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

NLOS_CONSTANT_DB = 17.9
"""WINNER II D1.1.2 gives 20 - 12.5 n + 3 log10(f / 5); 17.9 = 20 - 3 log10(5)."""


def effective_height_m(height_m: np.ndarray | float, environment_height_m: float, side: str) -> np.ndarray:
    """Antenna height above the environment height (traffic); ValueError unless positive everywhere."""
    height = as_float(height_m)
    effective = height - height.dtype.type(environment_height_m)
    if effective.size and effective.min() <= 0:
        raise ValueError(
            f"channel.environment_height_m: {environment_height_m} m is not below the {side} antenna height "
            f"({float(height.min())} m): WINNER+ B1 needs antennas above the environment height"
        )
    return effective


def winner_b1(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel,
) -> np.ndarray:
    """Loss in dB with sight, not below free space, constant below 3 m.

    Shapes broadcast; float32 distances give float32. ``config.environment_height_m`` decides more than any
    other parameter (16.5 dB at 300 m between 1 m and 0 m for antennas of 1.5 m). ValueError for an antenna
    not above it. Two slopes with the breakpoint 4 h't h'r f / c, c = 3e8 as in TR 36.885.
    """
    frequency_ghz = carrier_hz / 1e9
    distance = as_float(distance_m)
    kind = distance.dtype.type
    tx = effective_height_m(tx_height_m, config.environment_height_m, "transmit")
    rx = effective_height_m(rx_height_m, config.environment_height_m, "receive")
    heights = (tx * rx).astype(distance.dtype)
    level = bounded_log(distance)
    near = kind(2.27) * level
    near += kind(27.0 + 20.0 * np.log10(frequency_ghz))
    far = 4 * level
    far += kind(7.56 + 2.7 * np.log10(frequency_ghz)) - kind(1.73) * bounded_log(heights, 1e-6)
    loss = np.where(distance < heights * kind(4.0 * carrier_hz / 3e8), near, far)
    level *= 2
    level += kind(free_space_constant_db(carrier_hz))
    return np.maximum(loss, level)


def winner_b1_manhattan(
    along_tx_street_m: np.ndarray | float,
    along_rx_street_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel,
) -> np.ndarray:
    """Loss in dB round a street corner: transmitter to crossing, crossing to receiver (both in metres)."""

    def round_the_corner(first_m: np.ndarray, second_m: np.ndarray) -> np.ndarray:
        exponent = np.maximum(2.8 - 0.0024 * first_m, 1.84)
        seen = winner_b1(first_m, tx_height_m, rx_height_m, carrier_hz, config)
        bend = NLOS_CONSTANT_DB - 12.5 * exponent + 3.0 * np.log10(carrier_hz / 1e9)
        return seen + bend + exponent * bounded_log(second_m)

    one, other = as_float(along_tx_street_m), as_float(along_rx_street_m)
    return np.minimum(round_the_corner(one, other), round_the_corner(other, one))


def winner_b1_nlos(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Loss in dB without sight outside a street grid, constant below 3 m (WINNER+ D5.3, B1 NLOS).

    (44.9 - 6.55 log10 h) log10 d + 5.83 log10 h + 18.38 + 23 log10 f with the higher antenna's true height h as that of
    the base station, so that the law is symmetric. ValueError for a height that is not positive.
    """
    height = as_float(np.maximum(tx_height_m, rx_height_m))
    if height.size and height.min() <= 0:
        raise ValueError("antenna_height_m: winner-b1-nlos needs an antenna above 0 m")
    distance = as_float(distance_m)
    kind = distance.dtype.type
    level = bounded_log(distance)
    high = bounded_log(height, 1e-6).astype(distance.dtype)
    slope = kind(4.49) - kind(0.0655) * high
    return slope * level + kind(0.583) * high + kind(18.38 + 23.0 * np.log10(carrier_hz / 1e9))
