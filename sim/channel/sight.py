"""Sight between stations: the LOS and NLOSv states of TR 37.885, persistent while the ends move little."""

from __future__ import annotations

import math

import numpy as np

from sim.channel import tr37885

_PHI_LIMIT, _PHI_STEP = 6.0, 1.0 / 64.0
_PHI_POINTS = np.arange(-_PHI_LIMIT, _PHI_LIMIT + 2 * _PHI_STEP, _PHI_STEP)
_PHI = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in _PHI_POINTS], np.float32)


def normal_distribution(z: np.ndarray) -> np.ndarray:
    """Phi(z), float32, within 1e-5 (linear interpolation of a table of erfc)."""
    inside = np.clip(np.asarray(z, np.float32), -_PHI_LIMIT, _PHI_LIMIT)
    place = (inside + np.float32(_PHI_LIMIT)) * np.float32(1 / _PHI_STEP)
    index = place.astype(np.int32)
    below = _PHI[index]
    return below + (_PHI[index + 1] - below) * (place - index)


def sight_probability(distance_m: np.ndarray, urban: np.ndarray | bool) -> np.ndarray:
    """P_LOS by distance in metres: urban law where ``urban`` (scalar or per link), else the highway law."""
    if np.ndim(urban) == 0:
        law = tr37885.urban_sight_probability if urban else tr37885.highway_sight_probability
        return law(distance_m)
    street, highway = tr37885.urban_sight_probability, tr37885.highway_sight_probability
    return np.where(urban, street(distance_m), highway(distance_m))


def blocked_loss_db(
    distance_m: np.ndarray,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    sight_normal: np.ndarray,
    blockage_normal: np.ndarray,
    urban: np.ndarray | bool,
    truck_ratio: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(blocked [L] bool, extra loss in dB float32 [L]) from two standard normal values per link.

    A link has sight if Phi(sight_normal) < P_LOS(distance). For a blocked one the rest of that uniform number
    is again uniform and decides the blocker's kind (truck with ``truck_ratio``). Both values come from
    position-driven fields, so a state lasts while the ends move less than the decorrelation distance.
    """
    distance = np.asarray(distance_m, np.float32)
    probability = sight_probability(distance, urban)
    uniform = normal_distribution(sight_normal)
    blocked = uniform >= probability
    rest = (uniform - probability) / np.maximum(np.float32(1) - probability, np.float32(1e-6))
    height = np.where(rest < truck_ratio, tr37885.TRUCK_HEIGHT_M, tr37885.CAR_HEIGHT_M)
    loss = tr37885.blockage_db(distance, tx_height_m, rx_height_m, height, blockage_normal)
    return blocked, np.where(blocked, loss, 0.0).astype(np.float32)
