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
    axes = figure.add_axes((0.085, 0.24, 0.66, 0.6))
    line = mean_front(costs_m, {layout: one.mean for layout, one in means.items()})
    axes.plot([costs_m[k] for k in line], [means[k].mean for k in line], color=style.GREY, linestyle="--", zorder=1,
              drawstyle="steps-post", label=words["compare_front_line"])
    front = answer.front(model, candidate)
    for state, face in _FACES.items():
        chosen = [layout for layout in answer.layouts if front[layout] == state]
        if chosen:
            axes.plot([costs_m[k] for k in chosen], [means[k].mean for k in chosen], "o", markersize=13, zorder=3,
                      markerfacecolor=face, markeredgecolor=style.INK, label=words[f"compare_{state}"])
    for layout, one in means.items():
        half = 0.0 if np.isnan(one.lower) else one.upper - one.mean
        axes.errorbar([costs_m[layout]], [one.mean], [[half], [half]], color=style.INK, capsize=5, linewidth=1.3,
                      zorder=2)
    _limits(axes, list(costs_m.values()), [one.lower for one in means.values()], [one.mean for one in means.values()])
    _name_points(axes, costs_m, {layout: one.mean for layout, one in means.items()}, answer, candidate, words)
    style.quiet_grid(axes)
    axes.set_xlabel(words["compare_cost"])
    axes.set_ylabel(words["compare_useful"])
    figure.legend(loc="upper left", bbox_to_anchor=(0.76, 0.84), frameon=False)
    return figure


def _limits(axes: Axes, costs_m: list[float], lower: list[float], means: list[float]) -> None:
    """Room for labels; coverage from the lowest interval up to 100 %."""
    style.percent_axis(axes)
    floor = float(np.nanmin([*lower, *means]))
    span = max(0.05, 1.0 - floor)
    axes.set_ylim(max(-0.02, floor - 0.3 * span), 1.0 + 0.12 * span)
    wide = max(costs_m) - min(costs_m) or max(costs_m) or 1.0
    axes.set_xlim(min(costs_m) - 0.18 * wide, max(costs_m) + 0.3 * wide)


def _name_points(
    axes: Axes, costs_m: dict[str, float], means: dict[str, float], answer: Answer, candidate: str,
    words: dict[str, str],
) -> None:
    """Names beside the points, moved down where two would lie on each other."""
    width, height = axes.get_xlim()[1] - axes.get_xlim()[0], axes.get_ylim()[1] - axes.get_ylim()[0]
    taken: list[tuple[float, float]] = []
    for layout in sorted(costs_m, key=lambda name: (-means[name], costs_m[name])):
        if np.isnan(means[layout]):
            continue
        x, y = costs_m[layout] + 0.016 * width, means[layout] - 0.045 * height
        while any(abs(x - other_x) < 0.24 * width and abs(y - other_y) < 0.06 * height for other_x, other_y in taken):
            y -= 0.02 * height
        taken.append((x, y))
        count = words["compare_units"].format(count=len(answer.sites[layout, candidate].units))
        axes.annotate(f"{layout} ({count})", (costs_m[layout], means[layout]), (x, y), fontsize=12, color=style.INK,
                      va="center", zorder=4)
