"""Coverage along the road, one layout below the other, with borders and each layout's units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.coverage import HOLE_BELOW
from sim.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.layouts.compare import Answer
    from sim.layouts.compare.observe import Observed

_PALE_VERMILION = "#f6d5c2"
_LEAST_SHOWN = 1 / 500
"""Cells are drawn at least this part of the axis wide, so that a hole of 25 m is seen on a long road;
holes lie over what is covered."""


def layout_strips(answer: Answer, candidate: str, words: dict[str, str]) -> Figure | None:
    """Useful coverage of each cell, the lowest of the deciding classes there; up above, down below the units."""
    seen = [answer.of(layout, answer.models[0], candidate) for layout in answer.layouts]
    if not any(cell.class_ in answer.classes for one in seen for cell in one.cells):
        return None
    geometry = answer.campaign.results(seen[0].variant)[0][1].corridor
    length_m = float(geometry.get("length_m") or max(cell.chainage_m for one in seen for cell in one.cells))
    height_in = 2.6 + 1.05 * len(seen)
    figure = style.new_figure(11.0, height_in)
    top, bottom = 1 - 1.3 / height_in, 1.1 / height_in
    slot = (top - bottom) / len(seen)
    for number, one in enumerate(seen):
        axes = figure.add_axes((0.2, top - (number + 1) * slot + 0.08 * slot, 0.61, 0.84 * slot))
        _strip(axes, one, answer, candidate, length_m)
        _frame(axes, geometry, length_m, last=number == len(seen) - 1, words=words)
        figure.text(0.012, top - (number + 0.5) * slot, one.layout, ha="left", va="center", fontsize=12.5)
    _names(figure, geometry, (0.2, top, 0.61, 0.3 / height_in), length_m)
    _legend(figure, axes, top, words)
    return figure


def lowest_by_cell(one: Observed, classes: tuple[str, ...], direction: str) -> tuple[np.ndarray, np.ndarray]:
    """(chainage_m, mean useful coverage over seeds, the lowest of the classes) of zone cells, by chainage."""
    lowest: dict[float, float] = {}
    for cell, values in one.cells.items():
        if cell.class_ in classes and cell.direction == direction and np.isfinite(values[2]).any():
            share = float(np.nanmean(values[2]))
            lowest[cell.chainage_m] = min(share, lowest.get(cell.chainage_m, 1.0))
    chainage_m = np.array(sorted(lowest))
    return chainage_m, np.array([lowest[one_m] for one_m in chainage_m.tolist()])


def _strip(axes: Axes, one: Observed, answer: Answer, candidate: str, length_m: float) -> None:
    width_m = max(answer.spacing_m, _LEAST_SHOWN * length_m)
    for direction, sign in (("up", 1.0), ("down", -1.0)):
        chainage_m, share = lowest_by_cell(one, answer.classes, direction)
        low = share < HOLE_BELOW
        base = np.full(len(chainage_m), 0.18 * sign)
        whole: Any = {"width": width_m, "linewidth": 0}
        axes.bar(chainage_m, np.full(len(chainage_m), sign), bottom=base, color=style.PALE, zorder=1, **whole)
        lost = np.full(int(low.sum()), sign)
        axes.bar(chainage_m[low], lost, bottom=base[low], color=_PALE_VERMILION, zorder=2.2, **whole)
        for mask, color, order in ((~low, style.BLUE, 2.0), (low, style.VERMILION, 2.4)):
            axes.bar(chainage_m[mask], sign * share[mask], bottom=base[mask], color=color, zorder=order, **whole)
    units_m = [unit.chainage_m for unit in answer.sites[one.layout, candidate].units]
    axes.plot(units_m, np.zeros(len(units_m)), "^", color=style.ORANGE, markeredgecolor=style.INK, markersize=6.5,
              zorder=4, clip_on=False)


def _frame(axes: Axes, geometry: dict[str, Any], length_m: float, *, last: bool, words: dict[str, str]) -> None:
    axes.set_xlim(0, length_m)
    axes.set_ylim(-1.25, 1.25)
    axes.set_yticks([-0.68, 0.68], [words["compare_down"], words["compare_up"]], fontsize=10.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    for border in geometry.get("borders", ()):
        axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle="--", zorder=3)
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel(words["chainage"])


def _names(figure: Figure, geometry: dict[str, Any], box: tuple[float, float, float, float], length_m: float) -> None:
    """Jurisdictions above the first strip."""
    axes = figure.add_axes(box)
    axes.set_xlim(0, length_m)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for place in geometry.get("jurisdictions", ()):
        for from_m, to_m in place.get("spans", ()):
            axes.text((from_m + to_m) / 2, 0.5, place["id"], ha="center", va="center", fontsize=13, fontweight="bold")
    for border in geometry.get("borders", ()):
        axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle="--")


def _legend(figure: Figure, axes: Axes, top: float, words: dict[str, str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    unit = Line2D([], [], marker="^", color="none", markerfacecolor=style.ORANGE, markeredgecolor=style.INK)
    unit.set_markersize(8)
    handles = [
        Patch(color=style.BLUE), Patch(color=style.VERMILION), Patch(color=_PALE_VERMILION), unit,
        Line2D([], [], color=style.INK, linestyle="--"),
    ]
    names = [
        f"{words['useful']} ≥ {HOLE_BELOW:.0%}", f"{words['useful']} < {HOLE_BELOW:.0%}", words["compare_uncovered"],
        words["rsu"], words["border"],
    ]
    figure.legend(handles, names, loc="upper left", bbox_to_anchor=(0.82, top), frameon=False, fontsize=11.5,
                  handlelength=1.4)
