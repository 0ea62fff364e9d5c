"""The order of layouts under each propagation model: lines that cross are orders that flip, or are not decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.layouts.compare import Answer
    from sim.layouts.compare.judge import Ranking


def ranking_slopes(answer: Answer, candidate: str, words: dict[str, str]) -> Figure | None:
    """Rank over propagation model; the value beside each point, a band between neighbours that are not decided."""
    rankings = answer.rankings(candidate)
    if len(rankings) < 2 or len(answer.layouts) < 2:
        return None
    count = len(answer.layouts)
    height_in = 3.0 + 0.62 * count
    figure = style.new_figure(11.0, height_in)
    axes = figure.add_axes((0.2, 1.15 / height_in, 0.6, 1 - 2.35 / height_in))
    for number, layout in enumerate(answer.layouts):
        ranks = [one.order.index(layout) + 1 for one in rankings]
        axes.plot(range(len(rankings)), ranks, linewidth=2.4, markersize=11, zorder=3, **style.series(number))
        axes.text(-0.07, ranks[0], f"{ranks[0]}  {layout}", ha="right", va="center", color=style.INK)
        axes.text(len(rankings) - 0.93, ranks[-1], f"{ranks[-1]}  {layout}", ha="left", va="center", color=style.INK)
    for place, one in enumerate(rankings):
        _values(axes, place, len(rankings) - 1, one)
        _undecided(axes, place, one)
    axes.plot([], [], color=style.PALE, linewidth=15, solid_capstyle="butt", label=words["compare_not_decided"])
    axes.set_ylim(count + 0.6, 0.4)
    axes.set_xlim(-0.06, len(rankings) - 0.94)
    axes.set_yticks([])
    axes.set_xticks(range(len(rankings)), [one.model for one in rankings])
    axes.tick_params(axis="x", length=0, pad=8)
    axes.spines[["left", "bottom"]].set_visible(False)
    figure.legend(loc="upper right", bbox_to_anchor=(0.99, 1 - 0.62 / height_in), frameon=False, handlelength=1.2)
    return figure


def _values(axes: Axes, place: int, last: int, ranking: Ranking) -> None:
    """Useful coverage with its interval, above each point."""
    aside = "left" if place == 0 else "right" if place == last else "center"
    for rank, layout in enumerate(ranking.order, 1):
        one = ranking.means[layout]
        if np.isnan(one.mean):
            continue
        half = "" if np.isnan(one.upper) else f" ± {100 * (one.upper - one.mean):.1f}"
        axes.text(place, rank - 0.22, f"{100 * one.mean:.1f}{half} %", ha=aside, va="bottom", fontsize=11.5,
                  color="#555555", zorder=4, bbox={"fc": "white", "ec": "none", "pad": 0.8, "alpha": 0.85})


def _undecided(axes: Axes, place: int, ranking: Ranking) -> None:
    """A pale band from rank to rank where the seeds do not decide neighbours."""
    open_pairs = {frozenset((pair.first, pair.second)) for pair in ranking.pairs if not pair.decided}
    for rank, both in enumerate(zip(ranking.order, ranking.order[1:], strict=False), 1):
        if frozenset(both) in open_pairs:
            axes.plot([place, place], [rank, rank + 1], color=style.PALE, linewidth=15, solid_capstyle="butt", zorder=1)
