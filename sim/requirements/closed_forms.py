"""Three formulas that a measured figure can be held against; nothing is simulated.

The printed tables they reproduce stand in ``tests/sim/test_requirements_closed_forms.py``.
"""

from __future__ import annotations

import math


def long_gap_ratio(prr: float, periods: float) -> float:
    """Share of gaps longer than ``periods`` periods if losses were independent: (1 - prr)^floor(periods).

    A gap of m periods holds m - 1 losses in a row; longer than k periods means at least floor(k) losses after a
    reception. ``prr`` 0..1, ``periods`` >= 0; ValueError outside.
    """
    _ratio("prr", prr)
    if periods < 0:
        raise ValueError(f"periods = {periods} must not be negative")
    return (1.0 - prr) ** math.floor(periods)


def effective_loss_ratio(loss: float, copies: int) -> float:
    """Share of contents lost with all of ``copies`` copies if their losses were independent: loss^copies.

    Copies that share shadowing or an obstacle lose together: a measured share above this one says so. ``loss`` 0..1,
    ``copies`` >= 1; ValueError outside.
    """
    _ratio("loss", loss)
    if copies < 1:
        raise ValueError(f"copies = {copies} must be at least 1")
    return loss**copies


def warning_distance_m(
    speed_mps: float, latency_s: float, driver_s: float = 1.5, deceleration_mps2: float = 4.0
) -> float:
    """Distance to stop after a warning: v (t_driver + L) + v^2 / (2 a), in m.

    Reaction time 1.5 s and deceleration 4 m/s2 are project choices. ValueError for negative times or speeds, or a
    deceleration that is not positive.
    """
    if min(speed_mps, latency_s, driver_s) < 0 or deceleration_mps2 <= 0:
        raise ValueError("speed and times must not be negative, and the deceleration must be positive")
    return speed_mps * (driver_s + latency_s) + speed_mps**2 / (2.0 * deceleration_mps2)


def _ratio(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} = {value} must lie within 0..1")
