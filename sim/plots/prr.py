"""What became of packets by distance: received, or lost to which cause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.prr import CAUSES
from sim.metrics.summary import bin_width_m
from sim.plots import style
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILLS = {
    "half_duplex": (style.PURPLE, "xx"),
    "sensitivity": (style.PALE, ""),
    "control_lost": (style.YELLOW, "++"),
    "propagation": (style.ORANGE, "//"),
    "collision": (style.VERMILION, "\\\\"),
    "receiver_busy": (style.GREEN, "oo"),
    "never_sent": (style.GREY, ".."),
}


def prr_by_distance(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure per link kind and message: bars that fill up to 100 %, with the interval of the received
    share."""
    table = result.select(metric="prr", jurisdiction="")
    for link, message in dict.fromkeys(zip(table["link"].tolist(), table["message"].tolist(), strict=True)):
        yield f"prr_{link}_{message}".lower(), _one(result, link, message, words)


def _one(result: Result, link: str, message: str, words: dict[str, str]) -> Figure:
    group = {"link": link, "message": message, "jurisdiction": ""}
    prr = result.select(metric="prr", **group).sorted_by("distance_m")
    distance_m = prr["distance_m"]
    bin_m = bin_width_m(result)
    figure = style.new_figure()
    axes = figure.add_axes((0.085, 0.22, 0.64, 0.62))
    half_m = bin_m / 2
    bin_ = np.rint((distance_m - half_m) / bin_m).astype(np.int64)
    edges_m = np.arange(bin_[-1] + 2) * bin_m
    bars: dict[str, Any] = {"edges": edges_m, "fill": True, "linewidth": 0.3, "edgecolor": "white"}

    def by_bin(share: np.ndarray) -> np.ndarray:
        """Bins without packets stay empty."""
        column = np.full(len(edges_m) - 1, np.nan)
        column[bin_] = share
        return column

    axes.stairs(by_bin(prr["value"]), baseline=0.0, facecolor=style.SKY, label=words["delivered"], **bars)
    base = prr["value"].copy()
    for cause in CAUSES:
        name = cause.name.lower()
        lost = result.select(metric=f"loss_{name}", **group).sorted_by("distance_m")["value"]
        if len(lost) == len(base) and lost.any():
            colour, hatch = _FILLS[name]
            top = base + lost
            axes.stairs(
                by_bin(top), baseline=by_bin(base), facecolor=colour, hatch=hatch, label=words[name], **bars
            )
            base = top
    axes.hlines(prr["value"], distance_m - half_m, distance_m + half_m, color=style.BLUE, linewidth=2.2)
    known = ~np.isnan(prr["lower"])
    if known.any():
        value, low, high = prr["value"][known], prr["lower"][known], prr["upper"][known]
        spread = np.array([np.maximum(value - low, 0), np.maximum(high - value, 0)])
        axes.errorbar(
            distance_m[known],
            value,
            yerr=spread,
            fmt="none",
            ecolor=style.INK,
            elinewidth=1.1,
            capsize=2,
            label=words["interval"],
        )
    style.percent_axis(axes)
    axes.set_xlim(0, distance_m[-1] + bin_m / 2)
    axes.set_xlabel(words["distance"])
    axes.set_ylabel(words["prr_y"])
    handles, names = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        names[::-1],
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        frameon=False,
        handlelength=1.6,
    )
    count = f"n = {int(prr['n'].sum()):,}"
    return style.finish(
        figure, result, f"{words['prr_title']}: {link} {message}", words, f"{words['tuned_note']}; {count}"
    )
