"""Channel load over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.plots import style
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def busy_over_time(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure: mean and 95th percentile of the busy ratio of stations, per second."""
    if not result.has("cbr"):
        return
    table = result.table("cbr").select(jurisdiction="")
    kinds = [k for k in ("vehicle", "rsu") if table.select(station_class=k).row_count]
    if not kinds:
        return
    figure = style.new_figure()
    axes = figure.add_axes((0.085, 0.26, 0.6, 0.58))
    top, first_s, last_s = 0.1, np.inf, 0.0
    for kind, colour, marker in zip(kinds, style.SERIES, style.MARKERS, strict=False):
        part = table.select(station_class=kind).sorted_by("time_s")
        middle_s = part["time_s"] + 0.5
        first_s, last_s = min(first_s, float(part["time_s"][0])), max(last_s, float(middle_s[-1]) + 0.5)
        top = max(top, float(part["p95"].max()))
        name = words[f"at_{kind}"]
        every = max(1, len(middle_s) // 15)
        axes.plot(
            middle_s,
            part["mean"],
            color=colour,
            linewidth=2.2,
            marker=marker,
            markevery=every,
            markersize=6,
            label=f"{name}, {words['mean']}",
        )
        axes.plot(
            middle_s,
            part["p95"],
            color=colour,
            linewidth=1.6,
            linestyle="--",
            marker=marker,
            markevery=every,
            markersize=6,
            markerfacecolor="white",
            label=f"{name}, {words['p95_stations']}",
        )
    style.percent_axis(axes, min(1.0, np.ceil(top * 12) / 10))
    style.quiet_grid(axes)
    axes.set_xlim(first_s, last_s)
    axes.set_xlabel(words["time"])
    axes.set_ylabel(words["busy"])
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, handlelength=2.6)
    definition = result.summary.get("cbr_definition")
    note = words["cbr_note"] + (f"; {definition}" if definition else "")
    yield "cbr", style.finish(figure, result, words["cbr_title"], words, note)
