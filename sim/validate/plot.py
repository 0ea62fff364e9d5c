"""Pictures: simulated against expected PDR of one file, and its loss causes below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.validate.curves import SIMULATED

if TYPE_CHECKING:
    from sim.validate.compare import Verdict

_COLOURS = {"hd": "#7a5195", "sen": "#1f78b4", "pro": "#33a02c", "col": "#d95f02", "sci": "#666666"}
_NAMES = {
    "hd": "half duplex",
    "sen": "below sensitivity",
    "pro": "propagation",
    "col": "collision",
    "sci": "SCI lost (apart)",
}


def plot_file(verdict: Verdict, folder: Path, name: str) -> Path:
    """Write ``<folder>/<name>.png`` and return its path; makes ``folder``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 9.5), layout="constrained")
    FigureCanvasAgg(figure)
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
    figure.suptitle(_title(verdict), fontsize=11)
    _draw_pdr(top, verdict)
    _draw_causes(middle, verdict, ("col", "sen"))
    _draw_causes(bottom, verdict, ("hd", "pro", "sci"))
    bottom.set_xlabel("distance between sender and receiver, m")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def _title(verdict: Verdict) -> str:
    setting = verdict.curve.setting
    result = "within tolerance" if verdict.passed else "OUT OF TOLERANCE: " + ", ".join(verdict.failures)
    return (
        f"C-V2X Mode 4: {setting.vehicles_per_m * 1000:g} veh/km, {setting.packets_per_s:g} Hz, "
        f"{setting.tx_power_dbm:g} dBm, S = {setting.subchannels}, {setting.size_bytes} B\n"
        f"analytical CBR {verdict.analytical_cbr:.2f}; PDR deviation mean "
        f"{verdict.pdr_mean_deviation_points:.2f}, max {verdict.pdr_max_deviation_points:.2f} points: "
        f"{result}"
    )


def _draw_pdr(axes: Any, verdict: Verdict) -> None:
    curve = verdict.curve
    expected = "published simulation" if curve.family == SIMULATED else "analytical model"
    band = verdict.tolerance_points
    pdr, distance_m = curve.pdr * 100.0, curve.distance_m
    axes.fill_between(distance_m, pdr - band, pdr + band, color="0.9", lw=0, label=f"expected +- {band:g} points")
    axes.plot(distance_m, pdr, color="black", ls="--", marker="s", ms=3.5, lw=1.2, label=expected)
    ours = verdict.pdr * 100.0
    width = np.nan_to_num(verdict.pdr_half_width * 100.0)
    repeated = verdict.replications > 1
    label = f"ours, {verdict.replications} replications, 95 % interval" if repeated else "ours, one replication"
    axes.errorbar(
        distance_m,
        ours,
        yerr=width if repeated else None,
        color="#d62728",
        marker="o",
        ms=3.5,
        lw=1.2,
        capsize=2.5,
        label=label,
    )
    axes.set_ylabel("packet delivery ratio, %")
    axes.set_ylim(0, 102)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize=9)


def _draw_causes(axes: Any, verdict: Verdict, causes: tuple[str, ...]) -> None:
    curve = verdict.curve
    for cause in causes:
        colour, ours = _COLOURS[cause], verdict.causes[cause] * 100.0
        axes.plot(curve.distance_m, ours, color=colour, marker="o", ms=3, lw=1.2, label=_NAMES[cause])
        if cause in curve.causes:
            expected = curve.causes[cause] * 100.0
            axes.plot(curve.distance_m, expected, color=colour, ls="--", marker="s", ms=3, lw=1.0)
    axes.plot([], [], color="black", ls="--", marker="s", ms=3, lw=1.0, label="expected (dashed)")
    axes.set_ylabel("packets lost by cause, %")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)
    axes.set_xlim(0, float(curve.distance_m[-1]) * 1.01)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=9, ncols=4)
