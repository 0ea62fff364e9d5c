"""Sight between stations: LOS, NLOSv and NLOS by distance, persistent while the ends move little."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.channel import tr37885

_PHI_LIMIT, _PHI_STEP = 6.0, 1.0 / 64.0
_PHI_POINTS = np.arange(-_PHI_LIMIT, _PHI_LIMIT + 2 * _PHI_STEP, _PHI_STEP)
_PHI = np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in _PHI_POINTS], np.float32)


@dataclass(frozen=True)
class States:
    """States of links: ``blocked`` by a vehicle (NLOSv), ``behind`` a building (NLOS), else LOS; one shape."""

    blocked: np.ndarray | None = None
    """bool; None = no link is."""
    behind: np.ndarray | None = None
    loss_db: np.ndarray | float = 0.0
    """Loss by blocking vehicles, float32, 0 with sight and behind buildings."""


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


def extended_probabilities(distance_m: np.ndarray, urban: np.ndarray | bool) -> tuple[np.ndarray, np.ndarray]:
    """(P_LOS, P_LOS + P_NLOSv) of the three-state laws by distance in metres; the rest is behind buildings."""
    if np.ndim(urban) == 0:
        return (tr37885.urban_three_states if urban else tr37885.highway_three_states)(distance_m)
    street, highway = tr37885.urban_three_states(distance_m), tr37885.highway_three_states(distance_m)
    return np.where(urban, street[0], highway[0]), np.where(urban, street[1], highway[1])


def states_by_distance(
    distance_m: np.ndarray,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    sight_normal: np.ndarray,
    blockage_normal: np.ndarray,
    urban: np.ndarray | bool,
    truck_ratio: float,
    extended: bool = False,
) -> States:
    """States and blockage from two standard normal values per link.

    With u = Phi(sight_normal) a link has sight if u < P_LOS(distance), is blocked by a vehicle up to
    P_LOS + P_NLOSv (two states: 1) and behind a building above that. For a blocked one the place of u between the
    two is again uniform and decides the blocker's kind (truck with ``truck_ratio``). Both values come from
    position-driven fields, so a state lasts while the ends move less than the decorrelation distance.
    """
    distance = np.asarray(distance_m, np.float32)
    uniform = normal_distribution(sight_normal)
    if extended:
        probability, upper = extended_probabilities(distance, urban)
        behind: np.ndarray | None = uniform >= upper
        blocked = (uniform >= probability) & (uniform < upper)
    else:
        probability, upper, behind = sight_probability(distance, urban), np.ones((), np.float32), None
        blocked = uniform >= probability
    rest = (uniform - probability) / np.maximum(upper - probability, np.float32(1e-6))
    height = np.where(rest < truck_ratio, np.float32(tr37885.TRUCK_HEIGHT_M), np.float32(tr37885.CAR_HEIGHT_M))
    loss = tr37885.blockage_db(distance, tx_height_m, rx_height_m, height, blockage_normal)
    return States(blocked, behind, np.where(blocked, loss, 0.0).astype(np.float32))


def blocked_loss_db(
    distance_m: np.ndarray,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    sight_normal: np.ndarray,
    blockage_normal: np.ndarray,
    urban: np.ndarray | bool,
    truck_ratio: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(blocked bool, extra loss in dB float32) of the two-state law of TR 37.885."""
    found = states_by_distance(
        distance_m, tx_height_m, rx_height_m, sight_normal, blockage_normal, urban, truck_ratio
    )
    assert found.blocked is not None
    return found.blocked, np.asarray(found.loss_db)


def states_by_vehicles(
    distance_m: np.ndarray,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    blocker_count: np.ndarray,
    blocker_height_m: np.ndarray,
    blockage_normal: np.ndarray | None,
    blocker_loss_db: float,
) -> States:
    """States and blockage by the vehicles in the way.

    With a normal value per link one draw by the heights of both antennas and of the highest vehicle (TR 37.885 clause
    6.2.1), without one ``blocker_loss_db`` for each vehicle (ETSI TR 103 257).
    """
    blocked = blocker_count > 0
    if blockage_normal is None:
        return States(blocked, None, blocker_count.astype(np.float32) * np.float32(blocker_loss_db))
    if not blocked.any():
        return States(blocked)
    loss = tr37885.blockage_db(distance_m, tx_height_m, rx_height_m, blocker_height_m, blockage_normal)
    return States(blocked, None, np.where(blocked, loss, 0.0).astype(np.float32))
