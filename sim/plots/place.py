"""Coverage against number of roadside units: what the model says, what no layout exceeds, what was simulated."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.plots.labels import labels
from sim.plots.style import GREY, INK, look, new_figure, percent_axis, quiet_grid, save, series

LEFT = 0.085
"""Room for the label of the first panel."""

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.layouts.place.propose import Proposal


def save_curve(proposal: Proposal, path: Path, language: str = "en") -> Path:
    """Draw :func:`curve_figure` into a file; its suffix is the format."""
    with look():
        save(curve_figure(proposal, labels(language)), path)
    return path


def curve_figure(proposal: Proposal, words: dict[str, str]) -> Figure:
    """One panel per target."""
    targets = proposal.question.targets
    figure = new_figure(11.0, 6.2)
    width = (0.985 - LEFT) / len(targets)
    for k in range(len(targets)):
        axes = figure.add_axes((LEFT + k * width, 0.32, width - 0.03, 0.51))
        _panel(axes, proposal, k, words, first=k == 0)
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="lower center", bbox_to_anchor=(0.5, 0.105), ncol=3, frameon=False)
    loaded = proposal.question.loaded
    figure.text(0.012, 0.98, words["place_title"], ha="left", va="top", fontsize=17, fontweight="bold", color=INK)
    title = (loaded.config.title_zh if words is labels("zh") else "") or loaded.config.title or loaded.name
    figure.text(0.012, 0.925, title, ha="left", va="top", fontsize=12.5, color="#555555")
    figure.text(
        0.988, 0.98, words["illustrative"], ha="right", va="top", fontsize=14, style="italic", color=INK,
        bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": INK, "lw": 0.8},
    )
    figure.text(
        0.012, 0.016, _caption(proposal, words), ha="left", va="bottom", fontsize=9, color="#555555", linespacing=1.25
    )
    return figure


def _panel(axes: Axes, proposal: Proposal, k: int, words: dict[str, str], *, first: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    target, curve = proposal.question.targets[k], proposal.greedy
    counts = list(range(len(curve.shares)))
    blue, red = series(0), series(1)
    axes.plot(counts, curve.bound.shares[: len(counts), k], color=GREY, linewidth=1.2, label=words["place_bound"])
    axes.plot(counts, curve.shares[:, k], color=blue["color"], marker=blue["marker"], markersize=5, linewidth=1.8,
              label=words["place_model"])
    axes.plot([len(proposal.choice.units)], [proposal.chosen_shares()[k]], linestyle="none", color=blue["color"],
              marker="*", markersize=15, markeredgecolor="white", zorder=4, label=words["place_chosen"])
    axes.axhline(target.share, color=INK, linewidth=1.0, linestyle=":", label=words["place_wanted"])
    points = [(len(one.units), one.intervals[k]) for one in proposal.rounds]
    if points:
        means = [interval.mean for _, interval in points]
        errors = [
            [max(0.0, mean - low) if math.isfinite(low) else 0.0 for mean, low in
             zip(means, (i.lower for _, i in points), strict=True)],
            [max(0.0, high - mean) if math.isfinite(high) else 0.0 for mean, high in
             zip(means, (i.upper for _, i in points), strict=True)],
        ]
        axes.errorbar([count for count, _ in points], means, yerr=errors, color=red["color"], marker=red["marker"],
                      linestyle="none", markersize=8, capsize=4, linewidth=1.8, zorder=5,
                      label=words["place_simulated"])
    percent_axis(axes, 1.05)
    quiet_grid(axes)
    wide = 90 // len(proposal.question.targets)
    axes.set_title("\n".join(textwrap.wrap(str(target), wide)), fontsize=12, color=INK)
    axes.set_xlabel(words["place_units"])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(-0.3, max([len(counts) - 1, 1, *(count for count, _ in points)]) + 0.3)
    if first:
        axes.set_ylabel(words["place_share"])
    else:
        axes.tick_params(labelleft=False)


def _caption(proposal: Proposal, words: dict[str, str]) -> str:
    from sim.layouts.place.report import bound_text

    question, channel = proposal.question, proposal.question.loaded.config.radio.channel
    facts: list[Any] = [
        words["place_note"],
        f"{bound_text(proposal)}; {len(proposal.seeds)} seeds, {len(proposal.poles)} poles",
        f"{proposal.radio}; path loss {channel.v2i}, shadowing {channel.shadowing_sigma_db:g} dB, "
        f"{question.loaded.config.layout.tx_power_dbm:g} dBm + {question.loaded.config.layout.antenna_gain_dbi:g} dBi, "
        f"masts {question.loaded.config.layout.mast_height_m:g} m",
    ]
    return "\n".join(line for fact in facts for line in textwrap.wrap(str(fact), 165))
