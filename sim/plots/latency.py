"""Where the time goes, and how it is spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.metrics.base import STAGES
from sim.plots import style
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latency_by_stage(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure per link kind and message: median and 95th percentile of each stage and of the total."""
    table = result.select(metric="latency", quantile=0.5, jurisdiction=None)
    for link, message in zip(table["link"].tolist(), table["message"].tolist(), strict=True):
        yield f"latency_stages_{link}_{message}".lower(), _stages(result, link, message, words)


def _stages(result: Result, link: str, message: str, words: dict[str, str]) -> Figure:
    group = {"link": link, "message": message, "jurisdiction": None}
    bars = []
    for name, metric in [*((words[f"stage_{s}"], f"stage_{s}") for s in STAGES), (words["total"], "latency")]:
        p50, p95 = (result.value(metric=metric, quantile=q, **group) for q in (0.5, 0.95))
        if not np.isnan(p50) and (p95 > 0 or metric == "latency"):
            bars.append((name, p50, p95))
    figure = style.new_figure()
    axes = figure.add_axes((0.16, 0.22, 0.78, 0.62))
    place = np.arange(len(bars))[::-1]
    p50_ms, p95_ms = np.array([b[1] for b in bars]), np.array([b[2] for b in bars])
    axes.barh(place + 0.2, p50_ms, height=0.36, color=style.BLUE, label=words["p50"])
    axes.barh(
        place - 0.2,
        p95_ms,
        height=0.36,
        color="white",
        edgecolor=style.VERMILION,
        hatch="///",
        label=words["p95"],
    )
    for y, value in [*zip(place + 0.2, p50_ms, strict=True), *zip(place - 0.2, p95_ms, strict=True)]:
        axes.annotate(
            f"{value:.2f}" if value < 10 else f"{value:.1f}",
            (value, y),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
            color=style.INK,
        )
    axes.axhline(0.5, color=style.GREY, linewidth=0.8)
    axes.set_yticks(place, [b[0] for b in bars])
    axes.set_ylim(-0.6, len(bars) - 0.4)
    axes.set_xlim(0, max(1e-3, float(p95_ms.max())) * 1.1)
    axes.set_xlabel(words["milliseconds"])
    axes.tick_params(axis="y", length=0)
    style.quiet_grid(axes, "x")
    axes.legend(loc="upper right", frameon=True, facecolor="white", edgecolor="none", framealpha=0.9)
    delivered = result.value(metric="latency_delivered", **group)
    sent = result.value(metric="latency_sent", **group)
    count = words["of_opportunities"].format(delivered=f"{delivered:,.0f}", sent=f"{sent:,.0f}")
    return style.finish(
        figure,
        result,
        f"{words['latency_title']}: {link} {message}",
        words,
        f"{words['latency_note']}; {count}",
    )


def latency_distribution(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure: the distribution of total latency, a line per link kind and message."""
    if not result.has("latency_cdf"):
        return
    table = result.table("latency_cdf").select(metric="latency")
    groups = list(dict.fromkeys(zip(table["link"].tolist(), table["message"].tolist(), strict=True)))
    if not groups:
        return
    figure = style.new_figure()
    axes = figure.add_axes((0.085, 0.22, 0.68, 0.62))
    longest_ms = 1.0
    for k, (link, message) in enumerate(groups):
        part = table.select(link=link, message=message)
        value_ms, share = part["value_ms"], part["share"]
        longest_ms = max(longest_ms, float(np.interp(0.995, share, value_ms)))
        axes.plot(
            np.concatenate([[value_ms[0]], value_ms]),
            np.concatenate([[0.0], share]),
            **style.series(k),
            markevery=(5 + 2 * k, 20),
            markersize=7,
            linewidth=2,
            label=f"{link} {message}",
        )
    axes.axhline(0.95, color=style.GREY, linewidth=1, linestyle=":")
    axes.annotate(
        words["limit_95"],
        (0.0, 0.95),
        (6, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left",
        fontsize=11,
        color="#555555",
    )
    style.percent_axis(axes, 1.02)
    style.quiet_grid(axes, "both")
    axes.set_xlim(0, longest_ms * 1.05)
    axes.set_xlabel(words["milliseconds"])
    axes.set_ylabel(words["cdf_y"])
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, handlelength=3)
    yield "latency_cdf", style.finish(figure, result, words["cdf_title"], words)
