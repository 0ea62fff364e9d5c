"""Coverage along the road: received and useful share of time, per class and direction, with borders and
units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.base import CLASSES
from sim.metrics.coverage import HOLE_BELOW
from sim.plots import style
from sim.results import Result
from sim.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def coverage_strip(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure: a strip per class and direction over chainage."""
    if not result.has("coverage"):
        return
    table = result.table("coverage")
    strips = [
        (name, direction)
        for name in CLASSES
        for direction in ("up", "down")
        if table.select(**{"class": name, "direction": direction}).row_count
    ]
    if not strips:
        return
    geometry = result.corridor
    length_m = float(geometry.get("length_m") or table["chainage_m"].max())
    height_in = 2.9 + 0.78 * len(strips)
    figure = style.new_figure(11.0, height_in)
    top, bottom = 1 - 1.5 / height_in, 1.25 / height_in
    slot = (top - bottom) / len(strips)
    for k, (name, direction) in enumerate(strips):
        axes = figure.add_axes((0.17, top - (k + 1) * slot + 0.16 * slot, 0.63, 0.76 * slot))
        _strip(axes, table.select(**{"class": name, "direction": direction}), length_m, words)
        name_text = f"{words[f'class_{name}']}\n{words[f'direction_{direction}']}"
        figure.text(
            0.012, top - (k + 0.46) * slot, name_text, ha="left", va="center", fontsize=12, color=style.INK
        )
        for border in geometry.get("borders", ()):
            axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle="--")
        if k < len(strips) - 1:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel(words["chainage"])
            handles, names = axes.get_legend_handles_labels()
            figure.legend(
                handles,
                names,
                loc="upper left",
                bbox_to_anchor=(0.805, top),
                frameon=False,
                fontsize=11.5,
                handlelength=1.5,
            )
    _header(figure, geometry, (0.17, top, 0.63, 0.42 / height_in), length_m, words)
    yield "coverage", style.finish(figure, result, words["coverage_title"], words, words["coverage_note"])


def _strip(axes: Axes, cells: Table, length_m: float, words: dict[str, str]) -> None:
    chainage_m = cells["chainage_m"]
    step_m = float(np.median(np.diff(chainage_m))) if len(chainage_m) > 1 else 25.0
    hole_m = chainage_m[cells["C_useful"] < HOLE_BELOW]
    hatched: Any = {"color": "none", "edgecolor": style.VERMILION, "hatch": "////", "linewidth": 0}
    for first, last in _runs(hole_m, step_m) if len(hole_m) else ():
        axes.stairs(np.ones(last - first), _edges(hole_m[first:last], step_m), fill=True, zorder=0.5, **hatched)
    for first, last in _runs(chainage_m, step_m):
        edges_m = _edges(chainage_m[first:last], step_m)
        raw, useful = cells["C_raw"][first:last], cells["C_useful"][first:last]
        label = words["useful"] if first == 0 else None
        axes.stairs(useful, edges_m, fill=True, color=style.SKY, linewidth=0, label=label)
        axes.stairs(
            raw,
            edges_m,
            color=style.INK,
            linewidth=1.3,
            baseline=None,
            label=words["raw"] if first == 0 else None,
        )
    axes.bar([-1e9], [0], label=f"{words['useful']} < {HOLE_BELOW:.0%}", **hatched)
    style.percent_axis(axes, 1.06)
    axes.set_yticks([0, 0.5, 1.0])
    axes.tick_params(axis="y", labelsize=10)
    axes.set_xlim(0, length_m)


def _edges(chainage_m: np.ndarray, step_m: float) -> np.ndarray:
    """Borders of neighbouring cells."""
    return np.append(chainage_m - step_m / 2, chainage_m[-1] + step_m / 2)


def _runs(chainage_m: np.ndarray, step_m: float) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of stretches of neighbouring cells."""
    breaks = np.flatnonzero(np.diff(chainage_m) > 1.5 * step_m) + 1
    yield from zip([0, *breaks.tolist()], [*breaks.tolist(), len(chainage_m)], strict=True)


def _header(
    figure: Figure,
    geometry: dict[str, Any],
    box: tuple[float, float, float, float],
    length_m: float,
    words: dict[str, str],
) -> None:
    """Names of jurisdictions, and where units and signals stand, above the strips."""
    axes = figure.add_axes(box)
    axes.set_xlim(0, length_m)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for place in geometry.get("jurisdictions", ()):
        for from_m, to_m in place.get("spans", ()):
            axes.text(
                (from_m + to_m) / 2,
                0.78,
                place["id"],
                ha="center",
                va="center",
                fontsize=13,
                fontweight="bold",
            )
    for border in geometry.get("borders", ()):
        axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle="--")
    units_m = [u["chainage_m"] for u in geometry.get("rsus", ())]
    signals_m = [s["chainage_m"] for s in geometry.get("nodes", ())]
    axes.plot(
        units_m,
        [0.22] * len(units_m),
        "^",
        color=style.VERMILION,
        markeredgecolor=style.INK,
        markersize=8,
        clip_on=False,
    )
    axes.plot(
        signals_m,
        [0.22] * len(signals_m),
        "s",
        color="none",
        markeredgecolor=style.INK,
        markersize=12,
        clip_on=False,
    )
    keys = [k for k, there in ((f"▲ {words['rsu']}", units_m), (f"□ {words['signal']}", signals_m)) if there]
    figure.text(
        0.815, box[1] + 0.1 * box[3], "\n".join(keys), ha="left", va="bottom", fontsize=10.5, color=style.INK
    )
