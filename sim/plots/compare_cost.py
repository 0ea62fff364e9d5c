"""Coverage against cost: each layout with its interval, and the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.campaign.statistics import mean_interval
from sim.layouts.compare.judge import mean_front
from sim.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.layouts.compare import Answer

_FACES = {"on the front": style.BLUE, "undecided": style.SKY, "dominated": "white"}


def coverage_against_cost(answer: Answer, candidate: str, words: dict[str, str]) -> Figure | None:
    """Useful coverage over total cost, under the first propagation model."""
    model = answer.models[0]
    means = {
        layout: mean_interval(answer.coverage(answer.of(layout, model, candidate))) for layout in answer.layouts
    }
    costs_m = {layout: answer.sites[layout, candidate].cost.total_cny / 1e6 for layout in answer.layouts}
    figure = style.new_figure(11.0, 6.2)
    axes = figure.add_axes((0.1, 0.24, 0.64, 0.6))
    line = mean_front(costs_m, {layout: one.mean for layout, one in means.items()})
    axes.plot([costs_m[k] for k in line], [means[k].mean for k in line], color=style.GREY, linestyle="--", zorder=1,
              drawstyle="steps-post", label=words["compare_front_line"])
    front = answer.front(model, candidate)
    for state, face in _FACES.items():
        chosen = [layout for layout in answer.layouts if front[layout] == state]
        if chosen:
            axes.plot([costs_m[k] for k in chosen], [means[k].mean for k in chosen], "o", markersize=17, zorder=3,
                      markerfacecolor=face, markeredgecolor=style.INK, label=words[f"compare_{state}"])
    for layout, one in means.items():
        half = 0.0 if np.isnan(one.lower) else one.upper - one.mean
        axes.errorbar([costs_m[layout]], [one.mean], [[half], [half]], color=style.INK, capsize=8, linewidth=1.3,
                      zorder=2)
    _limits(axes, list(costs_m.values()), [one.lower for one in means.values()], [one.mean for one in means.values()])
    hollow = {layout for layout, state in front.items() if state != "on the front"}
    _number(axes, figure, answer, candidate, words, hollow=hollow, means={k: one.mean for k, one in means.items()})
    style.quiet_grid(axes)
    axes.set_xlabel(words["compare_cost"])
    axes.set_ylabel(words["compare_useful"])
    figure.legend(loc="upper left", bbox_to_anchor=(0.75, 0.85), frameon=False, labelspacing=0.8)
    return figure


def _limits(axes: Axes, costs_m: list[float], lower: list[float], means: list[float]) -> None:
    """Coverage from the lowest interval up to 100 %, in steps that their labels tell exactly."""
    from matplotlib.ticker import MultipleLocator, PercentFormatter

    floor = float(np.nanmin([*lower, *means]))
    span = max(0.05, 1.0 - floor)
    axes.set_ylim(max(-0.08, floor - 0.3 * span), 1.0 + 0.12 * span)
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if step >= 0.25 or span / step <= 6)
    axes.yaxis.set_major_locator(MultipleLocator(step))
    axes.set_yticks([tick for tick in axes.get_yticks() if axes.get_ylim()[0] <= tick <= 1.0 + 1e-9])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    wide = max(costs_m) - min(costs_m) or max(costs_m) or 1.0
    axes.set_xlim(min(costs_m) - 0.15 * wide, max(costs_m) + 0.15 * wide)


def _number(axes: Axes, figure: Figure, answer: Answer, candidate: str, words: dict[str, str], *, hollow: set[str],
            means: dict[str, float]) -> None:
    """A number in every point, and what the numbers stand for beside the figure."""
    lines = []
    for number, layout in enumerate(answer.layouts, 1):
        site = answer.sites[layout, candidate]
        lines.append(f"{number}  {layout} ({_count_text(words, len(site.units))})")
        if not np.isnan(means[layout]):
            axes.text(site.cost.total_cny / 1e6, means[layout], str(number), ha="center", va="center_baseline",
                      fontsize=11, color=style.INK if layout in hollow else "white", zorder=4, fontweight="bold")
    figure.text(0.765, 0.62, "\n".join(lines), ha="left", va="top", fontsize=12, color=style.INK, linespacing=1.5)


def _count_text(words: dict[str, str], count: int) -> str:
    return words["compare_unit" if count == 1 else "compare_units"].format(count=count)
