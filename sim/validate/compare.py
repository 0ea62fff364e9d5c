"""One file: the simulated setting against its curve, with the tolerance of its class."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sim.validate.analytical import channel_busy_ratio
from sim.validate.curves import SIMULATED, Curve
from sim.validate.setting import MEASURED_RANGE_M
from sim.validate.statistics import Tally, bin_edges_m, half_width, pooled, sample

BUSY_CLASS = 0.75
"""Analytical CBR above which a setting counts as saturated."""
PDR_TOLERANCE_POINTS = 3.0
PDR_TOLERANCE_SATURATED_POINTS = 4.0
CAUSE_TOLERANCE_POINTS = {"hd": 0.5, "sen": 0.5, "pro": 0.5, "col": 3.0}


@dataclass(frozen=True)
class Verdict:
    """What came out for one file; deviations in percentage points over the distances of the file."""

    curve: Curve
    analytical_cbr: float
    simulated_cbr: float
    expected_pdr_mean: float
    simulated_pdr_mean: float
    pdr_with_sci_mean: float
    """Mean PDR in this project's convention (a lost SCI loses the packet)."""
    half_width_points: float | None
    """95 % half-width of the simulated mean PDR; none for a single replication."""
    pdr_mean_deviation_points: float
    """Mean over distance of |simulated - expected|."""
    pdr_max_deviation_points: float
    pdr_bias_points: float
    """Mean over distance of simulated - expected, with sign."""
    cause_deviation_points: dict[str, float | None]
    """Mean |deviation| of hd, sen, pro, col, sci; none where the file holds no such column."""
    tolerance_points: float
    passed: bool
    failures: tuple[str, ...]
    """What was out of tolerance."""
    replications: int
    unsent_ratio: float
    pdr: np.ndarray = field(repr=False)
    pdr_half_width: np.ndarray = field(repr=False)
    """Per distance; NaN for a single replication."""
    causes: dict[str, np.ndarray] = field(repr=False)
    present: np.ndarray = field(repr=False)


def edges_of(curve: Curve) -> np.ndarray:
    """(bins, 2) edges: centred on the curve's distances.

    The published simulation counts to 500 m, so its last bin is half; the analytical model states the value
    at its last distance, so that bin is whole.
    """
    return bin_edges_m(curve.distance_m, curve.family == SIMULATED, MEASURED_RANGE_M)


def mean_pdr(curve: Curve, tally: Tally) -> float:
    """Mean over the curve's distances of the simulated PDR, empty bins left out."""
    return float(np.nanmean(sample(tally, edges_of(curve)).pdr))


def compare(curve: Curve, tallies: list[Tally]) -> Verdict:
    """Judge one curve by the replications of its setting.

    Counts of all replications are pooled; bins in which no replication had a receiver are left out of the
    means.
    """
    edges = edges_of(curve)
    total = pooled(tallies)
    each = [sample(tally, edges) for tally in tallies]
    ours = sample(total, edges)
    means = np.array([np.nanmean(one.pdr) for one in each])
    width = float(half_width(means[:, None])[0]) * 100.0
    deviation = (ours.pdr - curve.pdr) * 100.0
    causes = {name: _mean_deviation(ours.causes[name], curve.causes.get(name)) for name in ours.causes}
    cbr = channel_busy_ratio(curve.setting)
    tolerance = PDR_TOLERANCE_SATURATED_POINTS if cbr > BUSY_CLASS else PDR_TOLERANCE_POINTS
    mean_deviation = float(np.nanmean(np.abs(deviation)))
    failures = _failures(mean_deviation, tolerance, causes)
    return Verdict(
        curve=curve,
        analytical_cbr=cbr,
        simulated_cbr=total.busy_ratio,
        expected_pdr_mean=float(np.mean(curve.pdr)),
        simulated_pdr_mean=float(np.nanmean(ours.pdr)),
        pdr_with_sci_mean=float(np.nanmean(ours.pdr_with_sci)),
        half_width_points=None if math.isnan(width) else width,
        pdr_mean_deviation_points=mean_deviation,
        pdr_max_deviation_points=float(np.nanmax(np.abs(deviation))),
        pdr_bias_points=float(np.nanmean(deviation)),
        cause_deviation_points=causes,
        tolerance_points=tolerance,
        passed=not failures,
        failures=failures,
        replications=len(tallies),
        unsent_ratio=total.unsent_frames / max(1, total.frames),
        pdr=ours.pdr,
        pdr_half_width=half_width(np.array([one.pdr for one in each])),
        causes=ours.causes,
        present=ours.present,
    )


def _mean_deviation(ours: np.ndarray, expected: np.ndarray | None) -> float | None:
    return None if expected is None else float(np.nanmean(np.abs(ours - expected))) * 100.0


def _failures(mean_deviation: float, tolerance: float, causes: dict[str, float | None]) -> tuple[str, ...]:
    found = []
    if not mean_deviation <= tolerance:
        found.append(f"PDR {mean_deviation:.2f} > {tolerance:g}")
    for name, limit in CAUSE_TOLERANCE_POINTS.items():
        value = causes.get(name)
        if value is not None and not value <= limit:
            found.append(f"{name.upper()} {value:.2f} > {limit:g}")
    return tuple(found)
