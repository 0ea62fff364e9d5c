"""A waterfall: what is left of all opportunities after each stage, of one candidate or of two side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.frames import Outcome
from sim.plots import style
from sim.plots.panels import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FILLS = ((style.BLUE, ""), (style.PALE, ""))
"""Of what is left: the candidate, and what it is compared with."""
_LEAST_TOLD = 0.005
"""Smaller losses carry no number."""
_APPLIED = frozenset(one.name.lower() for one in (Outcome.DELIVERED, Outcome.DUPLICATE))


class Fall(NamedTuple):
    """One waterfall."""

    left: Mapping[str, float]
    """Share left after each stage, in order; the last one is the UIR."""
    prr: float
    """Received of tuned."""
    ends: Mapping[str, float]
    """Share of all opportunities by how they ended (outcome in lower case)."""

    @property
    def uir(self) -> float:
        """Share left after the last stage."""
        return list(self.left.values())[-1]

    @property
    def worst(self) -> tuple[str, float]:
        """What most were lost by, and its share; empty and 0 where nothing was lost."""
        lost = {name: share for name, share in self.ends.items() if name not in _APPLIED and share > 0}
        name = max(lost, key=lambda one: lost[one], default="")
        return name, lost.get(name, 0.0)


def fall_panel(
    axes: Axes, name: str, falls: Sequence[Fall], words: dict[str, str], *, first: bool, last: bool,
    names: Sequence[str] = (),
) -> None:
    """Bars of what is left, above them hatched what the stage lost; ``falls``: the candidate, then what it is beside;
    ``names`` theirs.

    ``first``: the panel stands at the left edge, ``last``: at the lower one.
    """
    wide = 0.78 / len(falls)
    stages = list(falls[0].left)
    for k, fall in enumerate(falls):
        # What is compared with stands at the left of the candidate.
        shift = (0.5 * (len(falls) - 1) - k) * wide
        _bars(axes, fall, shift, wide, _FILLS[k], told=k == 0)
    style.percent_axis(axes, 1.16)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    style.quiet_grid(axes)
    axes.set_xlim(-0.55, len(stages) - 0.45)
    axes.set_xticks(range(len(stages)))
    axes.tick_params(axis="x", length=0)
    axes.set_xticklabels(
        [words[f"stage_left_{one}"] for one in stages] if last else [], rotation=28, ha="right", fontsize=11,
        rotation_mode="anchor",
    )
    if first:
        axes.set_ylabel(words["std_stage_share"], fontsize=11)
    else:
        axes.tick_params(labelleft=False)
    beside = f" ({names[1]} {percent(falls[1].uir)})" if len(falls) > 1 else ""
    axes.set_title(f"{name}   {_figures(falls[0])}{beside}", loc="left", fontsize=12, fontweight="bold", pad=18)
    cause, share = falls[0].worst
    told = words["std_worst"].format(cause=words[f"end_{cause}"], share=100 * share) if cause else words["std_no_loss"]
    axes.text(0, 1.02, shortened(told, 60), transform=axes.transAxes, ha="left", va="bottom", fontsize=10.5,
              color="#555555")


def fall_legend(figure: Figure, words: dict[str, str], names: Sequence[str]) -> None:
    """What fills and hatches stand for, below the title; ``names`` as the falls of a panel."""
    from matplotlib.patches import Patch

    made: list[Any] = []
    texts = []
    for (colour, _), name in zip(_FILLS, names or [words["std_stage_share"]], strict=False):
        made.append(Patch(facecolor=colour, edgecolor=style.INK, linewidth=0.5))
        texts.append(name)
    made.append(Patch(facecolor="white", edgecolor=style.VERMILION, hatch="////", linewidth=0.5))
    texts.append(words["std_lost"])
    height_in = figure.get_size_inches()[1]
    figure.legend(made, texts, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.78 / height_in), ncol=3, frameon=False,
                  handlelength=1.6)


def _figures(fall: Fall) -> str:
    prr = "" if math.isnan(fall.prr) else f"PRR {percent(fall.prr)}, "
    return f"{prr}UIR {percent(fall.uir)}"


def percent(share: float) -> str:
    """A share in percent with one digit; never rounded up to 100 or down to 0."""
    if math.isnan(share):
        return "-"
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def _bars(axes: Axes, fall: Fall, shift: float, wide: float, fill: tuple[str, str], *, told: bool) -> None:
    before = 1.0
    for k, left in enumerate(fall.left.values()):
        left = max(left, 0.0)
        axes.bar([k + shift], [left], wide, color=fill[0], edgecolor=style.INK, linewidth=0.5, zorder=2)
        lost = before - left
        if lost > 1e-12:
            axes.bar([k + shift], [lost], wide, bottom=left, facecolor="white", edgecolor=style.VERMILION,
                     hatch="////", linewidth=0.5, zorder=2)
        if told and lost >= _LEAST_TOLD:
            axes.text(k + shift, before + 0.015, f"-{100 * lost:.0f}" if lost >= 0.095 else f"-{100 * lost:.1f}",
                      ha="center", va="bottom", fontsize=9.5, color=style.INK, zorder=4,
                      bbox={"fc": "white", "ec": "none", "pad": 0.1, "alpha": 0.7})
        before = left
