"""The decision matrix as a figure: what each item wins, who decides it, and its score with the band over weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.campaign.statistics import Interval
    from sim.fragment.decisions import Decision

_ROW_IN = 0.52
_ITEM_LETTERS = 37
_COLUMNS = (
    ("std_rank", 0.012, "left"), ("std_item", 0.085, "left"), ("std_gain", 0.425, "right"),
    ("std_wrong", 0.535, "right"), ("std_latency", 0.645, "right"), ("std_level", 0.66, "left"),
    ("std_cost", 0.815, "right"),
)
"""Word above a column, where it stands across the figure, and how its cells are set."""


def decision_matrix(ask: Ask) -> Iterator[Drawn]:
    """One figure; nothing without attribution."""
    from sim.fragment.decisions import decisions

    made = decisions(ask.found)
    if not made:
        return
    words, name = ask.words, ask.found.study.attributed
    height_in = 2.8 + _ROW_IN * len(made)
    figure = style.new_figure(11.0, height_in)
    bottom, tall = 1.35 / height_in, _ROW_IN * len(made) / height_in
    axes = figure.add_axes((0.84, bottom, 0.145, tall))
    lines = figure.add_axes((0.012, bottom, 0.976, tall), zorder=-1)
    lines.axis("off")
    lines.set_xlim(0, 1)
    lines.set_ylim(0, len(made))
    for row in range(len(made) + 1):
        lines.plot([0, 1], [row, row], color=style.PALE, linewidth=0.7, clip_on=False)
    _scores(axes, made)
    axes.set_xlabel(words["std_score"], fontsize=10.5)
    for word, x, aside in _COLUMNS:
        figure.text(x, bottom + tall + 0.08 / height_in, words[word].replace(" [", "\n["), ha=aside, va="bottom",
                    fontsize=10, color="#555555", linespacing=1.1)
    for row, one in enumerate(made):
        y = bottom + tall * (1 - (row + 0.5) / len(made))
        for (_, x, aside), text in zip(_COLUMNS, _cells(ask, one), strict=True):
            figure.text(x, y, text, ha=aside, va="center", fontsize=10, color=style.INK, linespacing=1.1)
    title = words["std_decisions"].format(candidate=name)
    yield Drawn("decisions", figure, title, words["std_decisions_note"], (name,))


def _cells(ask: Ask, one: Decision) -> tuple[str, ...]:
    from sim.fragment.decisions import items

    item = items()["items"][one.hazard]
    name = item["item_zh"] if ask.language == "zh" else item["item"]
    told = "\n".join(style.wrapped(f"{one.hazard}: {name}", _ITEM_LETTERS)[:3])
    ranks = f"{one.rank}" if one.ranks[0] == one.ranks[1] else f"{one.rank} ({one.ranks[0]}-{one.ranks[1]})"
    cost = "?" if one.costs_cny is None else f"{one.costs_cny[0] / 1e4:+.0f}"
    level = ask.words[f"level_{item['legal_level']}"]
    return ranks, told, _text(one.gain, 3), _text(one.wrong, 1), _text(one.latency, 3), level, cost


def _text(value: Interval, digits: int) -> str:
    """A change with half of its interval below it."""
    if math.isnan(value.mean):
        return "-"
    half = "" if math.isnan(value.half_width) else f"\n± {value.half_width:.{digits}f}"
    return f"{value.mean:+.{digits}f}{half}"


def _scores(axes: Axes, made: list[Decision]) -> None:
    axes.patch.set_visible(False)
    axes.set_ylim(len(made) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=style.INK, linewidth=0.9)
    for row, one in enumerate(made):
        axes.plot(one.band, [row, row], color=style.SKY, linewidth=7, solid_capstyle="butt", zorder=2)
        axes.plot([one.score], [row], "D", color=style.BLUE, markeredgecolor="white", markersize=7.5, zorder=3)
        axes.annotate(f"{one.score:.2f}", (max(one.score, *one.band, 0.0), row), (7, 0), textcoords="offset points",
                      ha="left", va="center", fontsize=9.5)
    low, high = min(0.0, *(one.band[0] for one in made)), max(0.0, *(one.band[1] for one in made))
    wide = high - low or 1.0
    axes.set_xlim(low - 0.12 * wide, high + 0.4 * wide)
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="x", labelsize=10)
