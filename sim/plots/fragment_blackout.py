"""Blackout behind borders, in metres and seconds, of a candidate beside the one it is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn, row_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fragment.blackouts import Group, Pooled

_ROW_IN = 0.36
_MARKS = ("o", "^")
"""Median and 95th percentile."""


def blackouts(ask: Ask) -> Iterator[Drawn]:
    """A figure per candidate and class in which any group has crossings enough."""
    from sim.fragment.blackouts import LEAST_CROSSINGS, crossings_of, pooled

    words, against = ask.words, ask.found.study.against
    base = pooled(crossings_of(ask.found, against))
    for name in ask.others:
        mine = pooled(crossings_of(ask.found, name))
        for class_ in sorted({group.class_ for group in (*base, *mine)}):
            groups = sorted(group for group in {*base, *mine} if group.class_ == class_)
            if not any(one.crossings >= LEAST_CROSSINGS for g in groups for one in (mine.get(g), base.get(g)) if one):
                continue
            stem = f"blackout-{class_.lower().replace('+', '-')}.{name}"
            title = words["std_blackout"].format(class_=class_) + f": {name}"
            figure = _figure(ask, name, groups, mine, base)
            yield Drawn(stem, figure, title, words["std_blackout_note"], (name, against))


def _figure(
    ask: Ask, name: str, groups: list[Group], mine: Mapping[Group, Pooled], base: Mapping[Group, Pooled]
) -> Figure:
    words = ask.words
    lines = _lines(groups)
    height_in = 2.95 + _ROW_IN * len(lines)
    figure = style.new_figure(11.0, height_in)
    bottom, tall = 1.45 / height_in, _ROW_IN * len(lines) / height_in
    every = [figure.add_axes((x, bottom, wide, tall)) for x, wide in ((0.3, 0.25), (0.58, 0.25))]
    for k, axes in enumerate(every):
        row_axis(axes, len(lines))
        axes.axvline(0, color=style.INK, linewidth=1.2, zorder=1)
        axes.set_xlabel(words["std_blackout_s" if k else "std_blackout_m"])
        axes.locator_params(axis="x", nbins=5)
        for row, group in enumerate(lines):
            if group is not None:
                _row(axes, row, group, (mine.get(group), base.get(group)), k, words)
        _room(axes)
    for row, group in enumerate(lines):
        y = bottom + tall * (1 - (row + 0.5) / len(lines))
        if group is None:
            head = lines[row + 1]
            assert head is not None
            told = words["std_border_of"].format(
                km=head.border_m / 1000, place=head.entered, direction=words[f"std_{head.direction}"]
            )
            figure.text(0.012, y, told, ha="left", va="center", fontsize=11.5, fontweight="bold", color=style.INK)
            continue
        figure.text(0.29, y, group.home or words["std_all_homes"], ha="right", va="center", fontsize=11)
        one = mine.get(group)
        if one:
            told = words["std_censored"].format(n=one.crossings, clipped=100 * one.censored_ratio)
            figure.text(0.84, y, told, ha="left", va="center", fontsize=9.5, color="#555555")
    _legend(figure, ask, name, height_in)
    return figure


def _lines(groups: list[Group]) -> list[Group | None]:
    """Groups with an empty line before each border and direction, which carries its name."""
    lines: list[Group | None] = []
    for before, group in zip([None, *groups], groups, strict=False):
        if before is None or before[:4] != group[:4]:
            lines.append(None)
        lines.append(group)
    return lines


def _row(
    axes: Axes, row: int, group: Group, both: tuple[Pooled | None, Pooled | None], k: int, words: dict[str, str]
) -> None:
    """One group: candidate above, the other one below; in metres (0) or seconds (1)."""
    from sim.fragment.blackouts import LEAST_CROSSINGS

    for which, one in enumerate(both):
        y = row + (0.2 if which else -0.2)
        values = (one.duration_s if k else one.distance_m) if one else (math.nan, math.nan)
        if math.isnan(values[0]):
            if not which:
                told = words["std_too_few"].format(n=one.crossings if one else 0, least=LEAST_CROSSINGS)
                axes.text(0.5, row, told, transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=9,
                          color="#555555", bbox={"fc": "white", "ec": "none", "pad": 0.5})
            continue
        colour = style.GREY if which else style.BLUE
        axes.plot(values, [y, y], color=colour, linewidth=1.6, linestyle="--" if which else "-", zorder=2)
        for value, marker in zip(values, _MARKS, strict=True):
            axes.plot([value], [y], marker, color=colour, markerfacecolor="white" if which else colour, markersize=6.5,
                      zorder=3)


def _room(axes: Axes) -> None:
    low, high = axes.get_xlim()
    low, high = min(low, -0.04 * (high - low)), max(high, 0.04 * (high - low))
    axes.set_xlim(low, high)


def _legend(figure: Figure, ask: Ask, name: str, height_in: float) -> None:
    from matplotlib.lines import Line2D

    words, against = ask.words, ask.found.study.against
    made, names = [], []
    for which, who in enumerate((name, words["std_harmonised"].format(name=against))):
        colour = style.GREY if which else style.BLUE
        for marker, quantile in zip(_MARKS, ("p50", "p95"), strict=True):
            made.append(Line2D([], [], color=colour, linestyle="--" if which else "-", marker=marker, markersize=7,
                               markerfacecolor="white" if which else colour))
            names.append(f"{who}, {words[quantile]}")
    figure.legend(made, names, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.76 / height_in), ncol=4, frameon=False,
                  fontsize=10.5, handlelength=2.2, columnspacing=1.2)
