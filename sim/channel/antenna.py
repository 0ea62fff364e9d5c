"""Antenna patterns: omnidirectional, or a sector with parabolic main lobe, front-to-back limit and downtilt."""

from __future__ import annotations

import numpy as np

COLUMNS = 6
"""Numbers of one pattern: azimuth, downtilt, horizontal and vertical beam width (degrees), front-to-back ratio and
vertical side-lobe limit (dB). A horizontal beam width of 0 stands for an omnidirectional antenna."""
OMNI = (0.0,) * COLUMNS
_DEGREES = np.float32(180 / np.pi)


def is_directional(pattern: np.ndarray | None) -> bool:
    """Whether any of the patterns, float32 [n, COLUMNS], is not omnidirectional."""
    return pattern is not None and bool(np.any(pattern[:, 2] > 0))


def attenuation_db(pattern: np.ndarray, dx_m: np.ndarray, dy_m: np.ndarray, dz_m: np.ndarray) -> np.ndarray:
    """Loss against the main direction in dB, float32 [n, m], at or above 0, towards offsets seen from the antennas.

    ``pattern`` is [n, COLUMNS]; offsets are [n, m], x east, y north, z up. 3GPP TR 36.814 table A.2.1.1-2 (the same
    form in TR 38.901 table 7.3-1): horizontally min(12 (azimuth / width)^2, front-to-back), vertically
    min(12 ((elevation angle + tilt) / width)^2, side-lobe limit), their sum again limited by the front-to-back ratio.
    """
    azimuth, tilt, width, height, front_to_back, side_lobe = (pattern[:, [i]] for i in range(COLUMNS))
    bearing = np.arctan2(dx_m, dy_m) * _DEGREES
    off = (bearing - azimuth + np.float32(180)) % np.float32(360) - np.float32(180)
    down = np.arctan2(-dz_m, np.sqrt(dx_m * dx_m + dy_m * dy_m)) * _DEGREES - tilt
    one, other = np.where(width > 0, width, 1), np.where(height > 0, height, 1)
    across = np.minimum(np.float32(12) * (off / one) ** 2, front_to_back)
    along = np.minimum(np.float32(12) * (down / other) ** 2, side_lobe)
    return np.where(width > 0, np.minimum(across + along, front_to_back), np.float32(0)).astype(np.float32)


def off_beam_db(
    tx_pattern: np.ndarray | None, rx_pattern: np.ndarray | None, dx_m: np.ndarray, dy_m: np.ndarray, dz_m: np.ndarray
) -> np.ndarray:
    """Loss by both antennas of links against their main directions, float32 [tx, rx]; the same both ways.

    Offsets lead from the transmitters to the receivers; no pattern stands for omnidirectional antennas.
    """
    one = np.zeros((), np.float32) if tx_pattern is None else attenuation_db(tx_pattern, dx_m, dy_m, dz_m)
    if rx_pattern is None:
        return one
    return one + attenuation_db(rx_pattern, -dx_m.T, -dy_m.T, -dz_m.T).T
