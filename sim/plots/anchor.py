"""The Changzhou field test and the model on one distance axis, the deviation written at each published number."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from sim.plots import style

if TYPE_CHECKING:
    from sim.validate.anchor import Anchor

NAME = "field_anchor"


def draw(anchor: Anchor, folder: Path, suffix: str = "png") -> Path:
    """Write ``<folder>/field_anchor.<suffix>`` and return its path; makes ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.{suffix}"
    with style.look():
        figure = style.new_figure()
        axes = figure.add_axes((0.075, 0.235, 0.9, 0.665))
        axes.axvspan(*anchor.knee_m, color=style.PALE, zorder=0, label="published fall to nothing")
        for number, curve in enumerate(anchor.curves):
            look: dict[str, Any] = style.series(number)
            own = number == 0
            axes.plot(curve.distance_m, curve.ratio, **look, label=curve.label, markevery=4, markersize=5,
                      linewidth=2.4 if own else 1.3, zorder=4 if own else 3)
        _published(axes, anchor)
        style.percent_axis(axes, 1.02)
        axes.set_xlim(0, anchor.curves[0].distance_m[-1])
        axes.set_xlabel("Distance, antenna to antenna (m)")
        axes.set_ylabel("Packets received")
        axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none", fontsize=10)
        width_in = figure.get_size_inches()[0]
        lines = [
            f"Published: {anchor.source}. 5,000 packets a point. Model: {anchor.curves[0].packets:,} packets a "
            f"distance. No setting was adjusted. {anchor.setting}"
        ]
        text = "\n".join(row for line in lines for row in wrap(line, round(14 * width_in)))
        figure.text(0.012, 0.016, text, ha="left", va="bottom", fontsize=9, color="#555555", linespacing=1.25)
        figure.text(0.012, 0.98, "A roadside unit over a motorway: field test and model", ha="left", va="top",
                    fontsize=17, fontweight="bold", color=style.INK)
        style.save(figure, path)
    return path


def _published(axes: Any, anchor: Anchor) -> None:
    """Published numbers as black marks with a line to the model, and a table of the deviations in points."""
    rows = [f"{'':24}published   model   deviation"]
    for i, (value, ours, deviation) in enumerate(anchor.deviations()):
        at_m = (value.from_m + value.to_m) / 2
        if value.to_m > value.from_m:
            axes.hlines(value.value, value.from_m, value.to_m, color=style.INK, linewidth=3, zorder=5)
        axes.plot([at_m], [value.value], "X", color=style.INK, markersize=9, zorder=6, linestyle="none", clip_on=False,
                  label="published" if i == 0 else None)
        axes.plot([at_m, at_m], [value.value, ours], ":", color=style.INK, linewidth=1.2, zorder=5)
        rows.append(f"{value.name:24}{100 * value.value:7.2f} %{100 * ours:7.2f} %{100 * deviation:+9.2f} pt")
    axes.text(0.015, 0.86, "\n".join(rows), transform=axes.transAxes, ha="left", va="top", family="monospace",
              fontsize=9.5, color=style.INK)
