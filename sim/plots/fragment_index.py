"""Fragmentation index of every candidate, a panel per class."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn, error, row_axis
from sim.plots.panels import panels, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.campaign.statistics import Interval

_LOWEST, _HIGHEST = -0.5, 1.25
"""Where intervals of few seeds are cut."""


def index_by_class(ask: Ask) -> Iterator[Drawn]:
    """FI with its interval over candidates; an index that is not defined says so."""
    from sim.fragment.losses import value_of
    from sim.fragment.observe import fragmentation, mean_of

    found, words = ask.found, ask.words
    if not ask.others or not found.classes:
        return
    width = found.width
    base = {one: value_of(found.harmonised, one, width=width) for one in found.classes}
    of = {
        one: {name: fragmentation(value_of(found.observed[name], one, width=width), x) for name in ask.others}
        for one, x in base.items()
    }
    limits = _limits([value for by_name in of.values() for value in by_name.values()])
    rows = len(ask.others)
    figure, every = panels(len(of), len(of), left_in=3.55, gap_in=(0.14, 0), panel_in=0.2 + 0.42 * rows, head_in=1.75,
                           foot_in=1.0)
    cut = False
    for k, (axes, (one, by_name)) in enumerate(zip(every, of.items(), strict=True)):
        cut |= _panel(axes, by_name, limits, ask)
        x = mean_of(base[one]).mean
        axes.text(0.5, 1.0, f"{one.name.replace(' ', chr(10), 1)}\n", transform=axes.transAxes, ha="center",
                  va="bottom", fontsize=12, fontweight="bold", linespacing=1.15)
        axes.text(0.5, 1.01, words["std_inset_x"].format(against=found.study.against, x=x), transform=axes.transAxes,
                  ha="center", va="bottom", fontsize=9, color="#555555")
        axes.set_xlabel(words["std_index_x"])
        if k == 0:
            _names(figure, axes, ask)
    note = words["std_fi_note"].format(against=found.study.against)
    note += f"; {words['std_clipped']}" if cut else ""
    note += f"; {words['std_star']}" if any(found.illustrative(name) for name in ask.others) else ""
    yield Drawn("fragmentation-index", figure, words["std_index"], note, tuple(ask.shown))


def _limits(values: list[Interval]) -> tuple[float, float]:
    bounds = [bound for one in values for bound in one[:3] if not math.isnan(bound)]
    low, high = min([0.0, *bounds]), max([1.0, *bounds])
    means = [one.mean for one in values if not math.isnan(one.mean)]
    low, high = max(low, min([_LOWEST, *means])), min(high, max([_HIGHEST, *means]))
    return low - 0.08 * (high - low), high + 0.08 * (high - low)


def _panel(axes: Axes, by_name: dict[str, Interval], limits: tuple[float, float], ask: Ask) -> bool:
    """Draw one class; whether an interval was cut."""
    cut = False
    axes.set_xlim(*limits)
    row_axis(axes, len(by_name))
    axes.axvline(0, color=style.INK, linewidth=0.9, zorder=1)
    axes.set_xticks([0, 0.5, 1.0], ["0", "0.5", "1"])
    for row, one in enumerate(by_name.values()):
        if not one.n:
            axes.text(sum(limits) / 2, row, ask.words["std_not_defined"], ha="center", va="center", fontsize=9.5,
                      color="#555555")
            continue
        spread = error(one, *limits)
        axes.plot([0, one.mean], [row, row], color=style.SKY, linewidth=5, solid_capstyle="butt", zorder=1.5)
        axes.errorbar([one.mean], [row], xerr=spread[0] if spread else None, fmt="o", color=style.BLUE,
                      ecolor=style.INK, markersize=7, capsize=4, linewidth=1.3, zorder=3)
        cut |= bool(spread and spread[1])
        left = one.mean > sum(limits) / 2
        axes.annotate(f"{one.mean:.2f}", (one.mean, row), (-4 if left else 4, 5), textcoords="offset points",
                      ha="right" if left else "left", va="bottom", fontsize=9.5, color=style.INK, zorder=4)
    return cut


def _names(figure: Figure, axes: Axes, ask: Ask) -> None:
    """Candidates at the left edge of the figure."""
    box = axes.get_position()
    width_in = figure.get_size_inches()[0]
    rows = len(ask.others)
    for row, name in enumerate(ask.others):
        y = box.y1 - (row + 0.5) / rows * box.height
        mark = "" if not ask.found.illustrative(name) else " *"
        figure.text(0.12 / width_in, y, f"{shortened(name, 14)}{mark}", ha="left", va="center", fontsize=12,
                    fontweight="bold", color=style.INK)
        indent_in = 0.55 if max(map(len, ask.others)) < 4 else 1.3
        room = round((3.45 - indent_in) * 13.5)
        figure.text(indent_in / width_in, y, _two_rows(ask.title_of(name), room), ha="left", va="center",
                    fontsize=8.5, color="#555555", linespacing=1.1)


def _two_rows(text: str, room: int) -> str:
    rows = style.wrapped(text, room)
    return "\n".join(rows if len(rows) < 3 else [rows[0], shortened(text[len(rows[0]):].strip(), room)])
