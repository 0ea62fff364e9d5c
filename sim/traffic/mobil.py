"""Lane changes: MOBIL, and changes that a turn or the end of a lane demands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.scenario.schema.traffic import LaneChange
from sim.traffic.following import Driver, interaction
from sim.traffic.order import LaneOrder

MANDATORY_REACH_M = 400.0
"""Within this distance of a turn or the end of a lane a vehicle works its way to the lane it needs (assumption)."""
_MANDATORY_BIAS_MPS2 = 2.0
_MANDATORY_SAFE_MPS2 = 5.0
_LEAST_FREE_SPEED_MPS = 2.0
_ABREAST_M = 1e-6
"""Someone exactly abreast counts as ahead, not as nobody."""


@dataclass
class Rows:
    """The vehicles of one tick as equal columns; ``lane_number`` counts lanes through all roads."""

    number: np.ndarray
    lane: np.ndarray
    lane_number: np.ndarray
    s_m: np.ndarray
    speed_mps: np.ndarray
    half_m: np.ndarray
    max_accel_mps2: np.ndarray
    free_mps2: np.ndarray
    """Acceleration on an empty road."""
    bound_mps2: np.ndarray
    """Highest acceleration that signals, turns and ends of lanes allow."""
    accel_mps2: np.ndarray
    """Acceleration in the present lane, everything included."""
    lead_row: np.ndarray
    """Row of the vehicle ahead in the present lane, -1 if none."""
    lead_s_m: np.ndarray


def wanted_changes(
    rows: Rows,
    candidates: np.ndarray,
    side: int,
    needed: np.ndarray,
    urgency: np.ndarray,
    order: LaneOrder,
    driver: Driver,
    config: LaneChange,
) -> np.ndarray:
    """Which of the ``candidates`` (row indices, all with a lane on that ``side``) change now; returns row indices.

    side : -1 to the left, +1 to the right.  needed : [row] side a vehicle must go to, 0 if free.  urgency : [row] 0..1.
    A change needs: nobody beside, the new follower and the vehicle itself brake no harder than ``safe_decel_mps2``,
    and the incentive a' - a + p (changes of both followers) above the threshold (Kesting, Treiber, Helbing, TRR 1999
    (2007) 86, equations 2 and 3, symmetric rules). A needed change has a bonus and a wider safety limit.
    """
    c = candidates
    lane = rows.lane_number[c] + side
    s, v, half, a = rows.s_m[c], rows.speed_mps[c], rows.half_m[c], rows.max_accel_mps2[c]
    new_lead, new_lead_s = order.ahead(lane, s - _ABREAST_M)
    new_follow, new_follow_s = order.behind(lane, s)
    gap_ahead = new_lead_s - s - half - rows.half_m[new_lead]
    gap_behind = s - new_follow_s - half - rows.half_m[new_follow]
    own_new = rows.free_mps2[c] - interaction(driver, v, gap_ahead, rows.speed_mps[new_lead], a)
    own_new = np.minimum(own_new, rows.bound_mps2[c])
    follower_new = _following(rows, driver, new_follow, gap_behind, v)
    follower_change = np.where(new_follow >= 0, follower_new - rows.accel_mps2[new_follow], 0.0)
    old_follow, old_follow_s = order.behind(rows.lane_number[c], s)
    gap_closed = rows.lead_s_m[c] - old_follow_s - rows.half_m[rows.lead_row[c]] - rows.half_m[old_follow]
    left_behind = _following(rows, driver, old_follow, gap_closed, rows.speed_mps[rows.lead_row[c]])
    left_change = np.where(old_follow >= 0, left_behind - rows.accel_mps2[old_follow], 0.0)
    must = needed[c] == side
    safe = np.where(must, _MANDATORY_SAFE_MPS2, config.safe_decel_mps2)
    incentive = own_new - rows.accel_mps2[c] + np.where(must, 0.0, config.politeness) * (follower_change + left_change)
    bonus = np.where(must, _MANDATORY_BIAS_MPS2 + 20.0 * urgency[c], 0.0)
    apart = (gap_ahead > driver.minimum_gap_m / 2) & (gap_behind > driver.minimum_gap_m / 2)
    unhurt = (own_new > -safe) & ((new_follow < 0) | (follower_new > -safe))
    free = (v > _LEAST_FREE_SPEED_MPS) & (needed[c] != -side)
    return c[apart & unhurt & (must | free) & (incentive + bonus > config.threshold_mps2)]


def _following(
    rows: Rows, driver: Driver, follower: np.ndarray, gap_m: np.ndarray, lead_speed: np.ndarray
) -> np.ndarray:
    brake = interaction(driver, rows.speed_mps[follower], gap_m, lead_speed, rows.max_accel_mps2[follower])
    return np.minimum(rows.free_mps2[follower] - brake, rows.bound_mps2[follower])
