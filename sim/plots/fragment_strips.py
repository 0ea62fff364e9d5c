"""Coverage along the road of a candidate: received, useful, useful when harmonised; borders and blackout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.metrics.base import CLASSES
from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Strip = tuple[str, str]
"""Class and direction."""
_LEFT, _WIDE = 0.175, 0.59


def strips(ask: Ask) -> Iterator[Drawn]:
    """A figure per candidate; blackout is shaded where enough vehicles crossed."""
    from sim.fragment.blackouts import LEAST_CROSSINGS

    words, against = ask.words, ask.found.study.against
    base = coverage_of(ask, against)
    for name in ask.others:
        mine = coverage_of(ask, name)
        order = [(class_, way) for class_ in CLASSES for way in ("up", "down") if (class_, way) in mine]
        if not order:
            continue
        shades, untold, total = blackouts_of(ask, name)
        figure = _figure(ask, name, order, mine, base, shades)
        note = words["std_coverage_note"]
        if untold:
            note += f"; {words['std_blackout_untold'].format(count=untold, total=total, least=LEAST_CROSSINGS)}"
        yield Drawn(f"corridor.{name}", figure, words["std_coverage"].format(candidate=name), note, (name, against))


def coverage_of(ask: Ask, name: str) -> dict[Strip, np.ndarray]:
    """(class, direction) -> rows of chainage_m, C_raw, C_useful by chainage: means over seeds that know the cell."""
    cells: dict[Strip, dict[float, list[tuple[float, float]]]] = {}
    for _, result in ask.found.campaign.results(ask.found.study.variant(name).index):
        if not result.has("coverage"):
            continue
        table = result.table("coverage")
        columns = (table[one].tolist() for one in ("class", "direction", "chainage_m", "C_raw", "C_useful"))
        for class_, way, chainage_m, raw, useful in zip(*columns, strict=True):
            cells.setdefault((class_, way), {}).setdefault(chainage_m, []).append((raw, useful))
    return {
        strip: np.array([(at_m, *np.mean(values, axis=0)) for at_m, values in sorted(by_m.items())])
        for strip, by_m in cells.items()
    }


def blackouts_of(ask: Ask, name: str) -> tuple[dict[Strip, list[tuple[float, float]]], int, int]:
    """((class, direction) -> spans of the road from a border to the median end of its blackout, groups without enough
    crossings, all groups)."""
    from sim.fragment.blackouts import LEAST_CROSSINGS, crossings_of, pooled

    spans: dict[Strip, list[tuple[float, float]]] = {}
    untold, total = 0, 0
    for group, one in pooled(crossings_of(ask.found, name)).items():
        if group.home:
            continue
        total += 1
        if one.crossings < LEAST_CROSSINGS:
            untold += 1
        elif one.distance_m[0] > 0:
            end_m = group.border_m + (1 if group.direction == "up" else -1) * one.distance_m[0]
            spans.setdefault((group.class_, group.direction), []).append(
                (min(group.border_m, end_m), max(group.border_m, end_m))
            )
    return spans, untold, total


def _figure(
    ask: Ask, name: str, order: list[Strip], mine: dict[Strip, np.ndarray], base: dict[Strip, np.ndarray],
    shades: dict[Strip, list[tuple[float, float]]],
) -> Figure:
    words = ask.words
    geometry = ask.run_of(name).corridor
    length_m = float(geometry.get("length_m") or max(rows[-1, 0] for rows in mine.values()))
    height_in = 2.9 + 0.85 * len(order)
    figure = style.new_figure(11.0, height_in)
    top, bottom = 1 - 1.4 / height_in, 1.25 / height_in
    slot = (top - bottom) / len(order)
    for k, strip in enumerate(order):
        axes = figure.add_axes((_LEFT, top - (k + 1) * slot + 0.14 * slot, _WIDE, 0.78 * slot))
        for from_m, to_m in shades.get(strip, ()):
            axes.axvspan(from_m, to_m, facecolor="none", edgecolor=style.VERMILION, hatch="////", linewidth=0, zorder=0)
        _curves(axes, mine[strip], base.get(strip))
        for border in geometry.get("borders", ()):
            axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle=":", zorder=4)
        style.percent_axis(axes, 1.12)
        axes.set_yticks([0, 0.5, 1.0])
        axes.tick_params(axis="y", labelsize=10)
        axes.tick_params(labelbottom=k == len(order) - 1)
        axes.set_xlim(0, length_m)
        told = f"{words[f'class_{strip[0]}']}\n{words[f'direction_{strip[1]}']}"
        figure.text(0.012, top - (k + 0.46) * slot, told, ha="left", va="center", fontsize=11.5, color=style.INK)
    figure.axes[-1].set_xlabel(words["chainage"])
    _places(figure, geometry, top, height_in, length_m)
    _legend(figure, ask, name, top, shaded=bool(shades))
    return figure


def _curves(axes: Axes, mine: np.ndarray, base: np.ndarray | None) -> None:
    for first, last, step_m in _stretches(mine):
        edges_m = np.append(mine[first:last, 0] - step_m / 2, mine[last - 1, 0] + step_m / 2)
        axes.stairs(mine[first:last, 2], edges_m, fill=True, color=style.SKY, linewidth=0, zorder=2)
        axes.stairs(mine[first:last, 1], edges_m, color=style.INK, linewidth=1.3, baseline=None, zorder=3)
    for first, last, step_m in _stretches(base) if base is not None else ():
        edges_m = np.append(base[first:last, 0] - step_m / 2, base[last - 1, 0] + step_m / 2)  # type: ignore[index]
        axes.stairs(base[first:last, 2], edges_m, color=style.VERMILION, linewidth=1.5,  # type: ignore[index]
                    linestyle="--", baseline=None, zorder=3.5)


def _stretches(rows: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """(first, last + 1, spacing) of stretches of neighbouring cells."""
    gaps_m = np.diff(rows[:, 0])
    step_m = float(np.median(gaps_m)) if len(gaps_m) else 25.0
    breaks = (np.flatnonzero(gaps_m > 1.5 * step_m) + 1).tolist()
    for first, last in zip([0, *breaks], [*breaks, len(rows)], strict=True):
        yield first, last, step_m


def _places(figure: Figure, geometry: dict[str, Any], top: float, height_in: float, length_m: float) -> None:
    """Jurisdictions, and units of this candidate, above the strips."""
    axes = figure.add_axes((_LEFT, top, _WIDE, 0.42 / height_in))
    axes.set_xlim(0, length_m)
    axes.set_ylim(0, 1)
    axes.axis("off")
    for place in geometry.get("jurisdictions", ()):
        for from_m, to_m in place.get("spans", ()):
            axes.text((from_m + to_m) / 2, 0.75, place["id"], ha="center", va="center", fontsize=13, fontweight="bold")
    for border in geometry.get("borders", ()):
        axes.axvline(border["chainage_m"], color=style.INK, linewidth=1.4, linestyle=":")
    units_m = [unit["chainage_m"] for unit in geometry.get("rsus", ())]
    axes.plot(units_m, [0.2] * len(units_m), "^", color=style.ORANGE, markeredgecolor=style.INK, markersize=7,
              clip_on=False)


def _legend(figure: Figure, ask: Ask, name: str, top: float, *, shaded: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    words, against = ask.words, ask.found.study.against
    unit = Line2D([], [], marker="^", color="none", markerfacecolor=style.ORANGE, markeredgecolor=style.INK)
    unit.set_markersize(8)
    made: list[tuple[Any, str]] = [
        (Line2D([], [], color=style.INK, linewidth=1.3), f"{words['std_raw']}, {name}"),
        (Patch(color=style.SKY), words["std_useful_of"].format(name=name)),
        (Line2D([], [], color=style.VERMILION, linestyle="--", linewidth=1.5),
         words["std_useful_of"].format(name=against)),
        (Line2D([], [], color=style.INK, linestyle=":", linewidth=1.4), words["border"]),
        (unit, words["rsu"]),
    ]
    if shaded:
        made.append((Patch(facecolor="none", edgecolor=style.VERMILION, hatch="////"), words["std_blackout_shade"]))
    figure.legend(*zip(*made, strict=True), loc="upper left", bbox_to_anchor=(0.775, top), frameon=False,
                  fontsize=11.5, handlelength=1.5)
