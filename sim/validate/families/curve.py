"""What the files with PDR and loss causes against distance have in common: name, columns, judging, pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.validate.result import Check, Line, Panel
from sim.validate.sheet import CurveError, Sheet
from sim.validate.statistics import Causes, Sample, Tally, bin_edges_m, half_width, pooled, sample

MAX_DISTANCE_M = 2000.0
MEASURED_RANGE_M = 500.0
"""The published simulations count receivers up to here, so their last bin is half a bin."""
OVERSHOOT = 5e-4
"""Published curves read off figures leave 0 .. 1 by up to this."""
NUMBER = r"(\d+(?:\.\d+)?)"
SIGNED = r"(-?\d+(?:\.\d+)?)"
COLOURS = {
    "hd": "#7a5195",
    "sen": "#1f78b4",
    "pro": "#33a02c",
    "col": "#d95f02",
    "sci": "#666666",
    "rxb": "#7a5195",
}
CAUSE_NAMES = {
    "hd": "half duplex",
    "sen": "below sensitivity",
    "pro": "propagation",
    "col": "collision",
    "sci": "SCI lost (apart)",
    "rxb": "receiver busy",
}


@dataclass(frozen=True)
class Curve:
    """One reference curve: columns of equal length over ``distance_m``; probabilities 0 .. 1."""

    distance_m: np.ndarray
    pdr: np.ndarray
    causes: dict[str, np.ndarray]
    """Cause -> joint probability; causes the file does not hold are absent."""


def read_curve(sheet: Sheet, columns: Mapping[str, str]) -> Curve:
    """The curve of a sheet; ``columns``: cause -> name of its column. CurveError for every defect."""
    sheet.check_rows("distance_m", "pdr", least=2)
    distance_m = sheet.rising("distance_m", 0.0, MAX_DISTANCE_M)
    pdr = _shares(sheet, "pdr")
    causes = {cause: _shares(sheet, name) for cause, name in columns.items() if sheet.has(name)}
    return Curve(distance_m, pdr, causes)


def absent(curve: Curve, columns: Mapping[str, str]) -> list[str]:
    """A note on the causes whose columns the file does not hold, empty if it holds all (SCI losses apart)."""
    missing = [name for cause, name in columns.items() if cause not in curve.causes and cause != "sci"]
    return [f"no column {', '.join(missing)}: not judged"] if missing else []


def _shares(sheet: Sheet, name: str) -> np.ndarray:
    """A column of shares; what curves read off figures overshoot is cut."""
    return np.clip(sheet.numbers(name, -OVERSHOOT, 1.0 + OVERSHOOT), 0.0, 1.0)


def compare_header(sheet: Sheet, stated: Mapping[str, tuple[str, float]]) -> None:
    """CurveError where header and file name differ; ``stated``: label -> (pattern with one group, value of the
    name)."""
    for label, (pattern, value) in stated.items():
        found = re.search(pattern, sheet.text)
        if found and not math.isclose(float(found[1]), value, rel_tol=1e-9):
            raise CurveError(f"{sheet.path}: header says {label}={found[1]}, file name says {value:g}")


def kind_of(sheet: Sheet, analytical: str, simulated: str) -> str:
    """The family by the first comment line, else by the folder's name; CurveError if neither tells."""
    first = sheet.comments[0].lower() if sheet.comments else ""
    if "analytical" in first:
        return analytical
    if "simulat" in first:
        return simulated
    if sheet.path.parent.name in (analytical, simulated):
        return sheet.path.parent.name
    raise CurveError(f"{sheet.path}: the first header line says neither 'analytical' nor 'simulation'")


def edges_of(curve: Curve, last_is_half: bool) -> np.ndarray:
    """(bins, 2) edges centred on the curve's distances.

    The published simulations count to 500 m, so their last bin is half; the analytical models state the value at their
    last distance, so that bin is whole.
    """
    return bin_edges_m(curve.distance_m, last_is_half, MEASURED_RANGE_M)


@dataclass(frozen=True)
class Limits:
    """Tolerances of one file; None = printed, not judged."""

    pdr_points: float | None
    causes_points: Mapping[str, float | None]


@dataclass(frozen=True)
class Compared:
    """A curve beside the run of its setting; deviations in percentage points."""

    ours: Sample
    total: Tally
    checks: tuple[Check, ...]
    pdr_half_width: np.ndarray
    max_deviation: float
    bias: float


def compare(curve: Curve, tallies: list[Tally], edges_m: np.ndarray, causes: Causes, limits: Limits) -> Compared:
    """Counts of all replications pooled; bins in which no replication had a receiver are left out of the means."""
    total = pooled(tallies)
    each = [sample(tally, edges_m, causes) for tally in tallies]
    ours = sample(total, edges_m, causes)
    means = np.array([np.nanmean(one.pdr) for one in each])
    width = float(half_width(means[:, None])[0]) * 100.0
    deviation = (ours.pdr - curve.pdr) * 100.0
    checks = [
        Check(
            "PDR",
            float(np.mean(curve.pdr)) * 100.0,
            float(np.nanmean(ours.pdr)) * 100.0,
            float(np.nanmean(np.abs(deviation))),
            limits.pdr_points,
            "points",
            None if math.isnan(width) else width,
        )
    ]
    for name, expected in curve.causes.items():
        if name not in ours.causes:
            continue
        checks.append(
            Check(
                name.upper(),
                float(np.mean(expected)) * 100.0,
                float(np.nanmean(ours.causes[name])) * 100.0,
                float(np.nanmean(np.abs(ours.causes[name] - expected))) * 100.0,
                limits.causes_points.get(name),
                "points",
            )
        )
    return Compared(
        ours,
        total,
        tuple(checks),
        half_width(np.array([one.pdr for one in each])),
        float(np.nanmax(np.abs(deviation))),
        float(np.nanmean(deviation)),
    )


def panels(curve: Curve, found: Compared, expected_name: str, groups: tuple[tuple[str, ...], ...]) -> tuple[Panel, ...]:
    """PDR with its tolerance above, the loss causes of ``groups`` below."""
    x = curve.distance_m
    width = found.pdr_half_width * 100.0
    band = found.checks[0].tolerance
    top = Panel(
        "distance between sender and receiver, m",
        "packet delivery ratio, %",
        (
            Line(expected_name, x, curve.pdr * 100.0, True, "black", band=band),
            Line("ours", x, found.ours.pdr * 100.0, False, "#d62728", None if np.isnan(width).all() else width),
        ),
        (0.0, 102.0),
    )
    below = []
    for group in groups:
        lines = []
        for cause in group:
            if cause in found.ours.causes:
                y = found.ours.causes[cause] * 100.0
                lines.append(Line(CAUSE_NAMES[cause], x, y, False, COLOURS[cause]))
            if cause in curve.causes:
                lines.append(
                    Line(f"{CAUSE_NAMES[cause]}, expected", x, curve.causes[cause] * 100.0, True, COLOURS[cause])
                )
        below.append(Panel("distance between sender and receiver, m", "packets lost by cause, %", tuple(lines)))
    return (top, *below)


def record_of(curve: Curve, found: Compared, cbr: float) -> dict[str, object]:
    """Values of a curve file for the JSON document; a value that does not exist is None."""
    by_name = {check.name.lower(): check for check in found.checks}
    total = found.total
    return {
        "pdr_mean_deviation_points": rounded(found.checks[0].deviation),
        "pdr_max_deviation_points": rounded(found.max_deviation),
        "pdr_bias_points": rounded(found.bias),
        "pdr_mean_expected": rounded(float(np.mean(curve.pdr))),
        "pdr_mean": rounded(float(np.nanmean(found.ours.pdr))),
        "tolerance_points": found.checks[0].tolerance,
        "half_width_points": rounded(found.checks[0].half_width),
        "causes": {
            name: rounded(by_name[name].deviation) if name in by_name else None
            for name in found.ours.causes
            if name != "sci"
        },
        "cbr": rounded(cbr),
        "cbr_simulated": rounded(total.busy_ratio),
        "never_sent_ratio": rounded(total.unsent_frames / max(1, total.frames)),
        "distance_m": curve.distance_m.tolist(),
        "pdr": [rounded(value) for value in found.ours.pdr],
    }


def rounded(value: float | None) -> float | None:
    """Five decimals; None for what does not exist."""
    return None if value is None or math.isnan(value) else round(float(value), 5)
