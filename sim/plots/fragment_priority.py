"""What to harmonise next: the loss shared among hazards, and what is left of it step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn, error, row_axis
from sim.plots.panels import panels, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.campaign.statistics import Interval
    from sim.fragment.attribution import Attribution

_ASIDE = (("only_fixed", "std_only_fixed", "D"), ("alone", "std_alone", "v"))
"""Further views drawn as marks beside the bar."""


def priority(ask: Ask) -> Iterator[Drawn]:
    """Shapley bars of the overall loss beside the road map."""
    from sim.fragment.losses import weight_of

    found, words = ask.found, ask.words
    overall = found.overall
    if overall is None or not overall.complete:
        return
    name = found.study.attributed
    shares = overall.shares()
    order = _by_share(overall, shares["shapley"])
    height_in = 3.6 + 0.5 * len(order)
    figure = style.new_figure(11.0, height_in)
    bottom, tall = 1.55 / height_in, (height_in - 3.05) / height_in
    bars = figure.add_axes((0.325, bottom, 0.235, tall))
    steps = figure.add_axes((0.745, bottom, 0.135, tall))
    _bars(bars, ask, shares, order)
    for row, hazard in enumerate(order):
        y = bottom + tall * (1 - (row + 0.5) / len(order))
        figure.text(0.012, y, hazard, ha="left", va="center", fontsize=12.5, fontweight="bold", color=style.INK)
        rows = style.wrapped(ask.hazard(hazard), 38)
        figure.text(0.055, y, "\n".join(rows[:2]), ha="left", va="center", fontsize=9.5, color=style.INK,
                    linespacing=1.1)
    _road(steps, ask, overall)
    top = bottom + tall + 0.1 / height_in
    figure.text(0.325, top, words["std_loss_share"], ha="left", va="bottom", fontsize=12, fontweight="bold")
    figure.text(0.70, top, words["std_remaining"], ha="left", va="bottom", fontsize=12, fontweight="bold")
    handles, names = bars.get_legend_handles_labels()
    figure.legend(handles[::-1], names[::-1], loc="upper left", bbox_to_anchor=(0.005, 1 - 0.76 / height_in),
                  ncol=4, frameon=False, fontsize=10.5, columnspacing=1.2, handlelength=1.4)
    note = words["std_priority_note"].format(classes=", ".join(
        one.name for one in found.classes if weight_of(one, found.study.question.weights)
    ))
    yield Drawn("priority", figure, words["std_priority"].format(candidate=name), note, (name,))


def priority_by_class(ask: Ask) -> Iterator[Drawn]:
    """Shapley bars, a panel per class."""
    found, words = ask.found, ask.words
    chosen = [one for one in found.attributions[:-1] if one.complete]
    if not chosen:
        return
    name = found.study.attributed
    order = found.study.hazards
    shares = {one.subject: one.shares()["shapley"] for one in chosen}
    limits = _limits([value for by in shares.values() for value in by.values()])
    figure, every = panels(len(chosen), len(chosen), left_in=3.3, gap_in=(0.2, 0), panel_in=0.52 * len(order) + 0.1,
                           head_in=1.6, foot_in=1.05)
    cut = False
    for axes, one in zip(every, chosen, strict=True):
        axes.set_xlim(*limits)
        row_axis(axes, len(order))
        axes.axvline(0, color=style.INK, linewidth=0.9)
        for row, hazard in enumerate(order):
            value = shares[one.subject][hazard]
            cut |= _bar(axes, row, value, limits)
            axes.text(0.99, row - 0.25, f"{value.mean:.3f}", transform=axes.get_yaxis_transform(), ha="right",
                      va="bottom", fontsize=9.5, color=style.INK)
        axes.locator_params(axis="x", nbins=2)
        axes.tick_params(axis="x", labelsize=10.5)
        axes.set_xlabel("1 - x")
        axes.text(0.5, 1.02, one.subject.name.replace(" ", "\n", 1), transform=axes.transAxes, ha="center",
                  va="bottom", fontsize=12, fontweight="bold", linespacing=1.15)
    box = every[0].get_position()
    for row, hazard in enumerate(order):
        y = box.y1 - (row + 0.5) / len(order) * box.height
        figure.text(0.012, y, hazard, ha="left", va="center", fontsize=12.5, fontweight="bold", color=style.INK)
        figure.text(0.055, y, "\n".join(style.wrapped(ask.hazard(hazard), 36)[:2]), ha="left", va="center",
                    fontsize=9.5, linespacing=1.1)
    note = f"{words['std_loss_share']}; {words['std_interval_seeds']}" + (f"; {words['std_clipped']}" if cut else "")
    yield Drawn("priority-by-class", figure, words["std_classes_priority"].format(candidate=name), note, (name,))


def _by_share(overall: Attribution, shapley: dict[str, Interval]) -> list[str]:
    """Hazards, the largest share first; equal ones in their natural order."""
    return sorted(overall.hazards, key=lambda one: (-shapley[one].mean, overall.hazards.index(one)))


def _bars(axes: Axes, ask: Ask, shares: dict[str, dict[str, Interval]], order: list[str]) -> None:
    from sim.fragment.words import plus_minus

    words, shapley = ask.words, shares["shapley"]
    others = [value.mean for view, _, _ in _ASIDE for value in shares[view].values()]
    limits = _limits(list(shapley.values()), others)
    axes.set_xlim(*limits)
    row_axis(axes, len(order))
    axes.axvline(0, color=style.INK, linewidth=0.9)
    for row, hazard in enumerate(order):
        _bar(axes, row, shapley[hazard], limits, words["std_shapley"] if row == 0 else "_")
        axes.text(1.02, row, plus_minus(shapley[hazard]), transform=axes.get_yaxis_transform(), ha="left", va="center",
                  fontsize=10)
    for view, name, marker in _ASIDE:
        means = [shares[view][hazard].mean for hazard in order]
        axes.plot(means, range(len(order)), marker, color="none", markerfacecolor="white", markersize=8,
                  markeredgecolor=style.VERMILION, markeredgewidth=1.5, zorder=5, label=words[name])
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel(words["std_loss"])


def _bar(axes: Axes, row: int, value: Interval, limits: tuple[float, float], label: str = "_") -> bool:
    """One bar with its interval and its number; whether the interval was cut."""
    axes.barh([row], [value.mean], 0.46, color=style.BLUE, zorder=2, label=label)
    spread = error(value, *limits)
    if spread and sum(map(sum, spread[0])) > 0:
        axes.errorbar([value.mean], [row], xerr=spread[0], fmt="none", ecolor=style.INK, capsize=4, linewidth=1.3,
                      zorder=4)
    return bool(spread and spread[1])


def _road(axes: Axes, ask: Ask, overall: Attribution) -> None:
    """Loss left after each step, with its interval; what each step harmonises stands at the left of its bar."""
    road = overall.roadmap()
    lefts = [left for _, left, _ in road]
    limits = _limits(lefts)
    axes.set_xlim(*limits)
    row_axis(axes, len(road))
    axes.axvline(0, color=style.INK, linewidth=0.9)
    for step, (hazard, left, gained) in enumerate(road):
        axes.barh([step], [left.mean], 0.5, color=style.PALE if step else style.BLUE, edgecolor=style.INK,
                  linewidth=0.6, zorder=2)
        spread = error(left, *limits)
        if spread:
            axes.errorbar([left.mean], [step], xerr=spread[0], fmt="none", ecolor=style.INK, capsize=4, linewidth=1.2,
                          zorder=4)
        told = f"{left.mean:.3f}" + (f" ({0.0 - round(gained.mean, 3):+.3f})" if step else "")
        axes.text(1.02, step, told, transform=axes.get_yaxis_transform(), ha="left", va="center", fontsize=10)
        name = f"{step}  {hazard}" if step else ask.words["std_start"]
        axes.text(-0.02, step, shortened(name, 12), transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=11, fontweight="bold" if step else "normal")
    axes.locator_params(axis="x", nbins=3)
    axes.set_xlabel(ask.words["std_greedy"])


def _limits(values: list[Interval], others: list[float] | None = None) -> tuple[float, float]:
    means = [one.mean for one in values] + (others or [])
    bounds = [bound for one in values for bound in (one.lower, one.upper) if not math.isnan(bound)]
    wide = max([abs(one) for one in means] + [0.01])
    low = max(min([0.0, *means, *bounds]), min([0.0, *means]) - 0.35 * wide)
    high = min(max([0.0, *means, *bounds]), max([0.0, *means]) + 0.5 * wide)
    return low - 0.06 * (high - low), high + 0.12 * (high - low)
