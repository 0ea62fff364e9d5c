"""What was usable of what was received, of one run: by distance within and across homes, and stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.metrics.home_pairs import CROSS, SAME
from sim.metrics.summary import bin_width_m
from sim.plots import style
from sim.plots.panels import panels
from sim.plots.waterfalls import Fall, fall_legend, fall_panel
from sim.results import Result
from sim.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_LINES: dict[str, tuple[str, str, Any, str]] = {
    SAME: ("std_same", style.BLUE, "-", "o"), CROSS: ("std_cross", style.VERMILION, "--", "s"),
}


class Group(NamedTuple):
    """One class of use on one kind of link."""

    link: str
    class_: str


def refused(result: Result) -> bool:
    """Whether the run has several jurisdictions and something failed that no radio failed: then figures are drawn."""
    from sim.frames import Outcome, Stage

    count = len(result.corridor.get("jurisdictions", ()))
    if count < 2:
        return False
    after = range(Stage.HEADER, Stage.APPLIED)
    return any(
        _ended(result, group, outcome) > 0 for group in groups(result) for outcome in Outcome
        if outcome in (Outcome.NOT_TUNED, Outcome.APPLIED_WRONG) or _stage(outcome) in after
    )


def groups(result: Result) -> list[Group]:
    """Classes with opportunities, in the order of the file."""
    table = result.select(metric="uir_class")
    return [Group(*one) for one in dict.fromkeys(
        zip(table["link"].tolist(), table["message"].tolist(), strict=True)
    )]


def usable_by_distance(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure: PRR, and UIR of pairs of one home and of two, over the same distances; a panel per class."""
    if not refused(result):
        return
    chosen = [one for one in groups(result) if result.select(metric="uir_home", link=one.link,
                                                             message=one.class_).row_count]
    if not chosen:
        return
    figure, every = panels(len(chosen), _COLUMNS, panel_in=2.1, left_in=0.95, gap_in=(0.45, 0.8), foot_in=1.05,
                           head_in=1.65)
    for k, (axes, group) in enumerate(zip(every, chosen, strict=True)):
        _distance_panel(axes, result, group, words)
        axes.set_title(f"{group.link} {group.class_}", loc="left", fontsize=13, fontweight="bold", pad=6)
        if k % _COLUMNS == 0:
            axes.set_ylabel(words["std_usable_y"])
        else:
            axes.tick_params(labelleft=False)
        if k + _COLUMNS >= len(chosen):
            axes.set_xlabel(words["distance"])
    _distance_legend(figure, words)
    yield "usable", style.finish(figure, result, words["std_usable"], words, words["std_usable_note"])


def usable_waterfall(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure: what is left of all opportunities after each stage; a panel per class."""
    from sim.fragment.stages import waterfall
    from sim.frames import Outcome

    if not refused(result):
        return
    chosen = groups(result)
    figure, every = panels(len(chosen), 2, panel_in=1.75, left_in=0.95, gap_in=(0.45, 0.95), foot_in=1.15, head_in=1.75)
    for k, (axes, group) in enumerate(zip(every, chosen, strict=True)):
        shares = {one: np.array([_ended(result, group, one)]) for one in Outcome}
        left = {name: float(value[0]) for name, value in waterfall(shares, width=1).items()}
        prr = result.value(metric="prr_class", link=group.link, message=group.class_)
        ends = {one.name.lower(): float(value[0]) for one, value in shares.items()}
        fall_panel(axes, f"{group.link} {group.class_}", [Fall(left, prr, ends)], words, first=k % 2 == 0,
                   last=k + 2 >= len(chosen))
    fall_legend(figure, words, [])
    yield "usable_waterfall", style.finish(figure, result, words["std_waterfall"], words, words["std_waterfall_note"])


def _distance_panel(axes: Axes, result: Result, group: Group, words: dict[str, str]) -> None:
    far_m = 0.0
    prr_m, prr = _pooled_prr(result, group)
    if len(prr_m):
        axes.plot(prr_m, prr, color=style.INK, linewidth=1.6, zorder=2)
    for home, (_, colour, dash, marker) in _LINES.items():
        rows = result.select(metric="uir_home", link=group.link, message=group.class_, station_class=home)
        rows = rows.sorted_by("distance_m")
        if not rows.row_count:
            continue
        at_m, value, lower, upper = _broken(rows, bin_width_m(result))
        low, high = (np.where(np.isnan(bound), value, bound) for bound in (lower, upper))
        axes.fill_between(at_m, low, high, color=colour, alpha=0.18, linewidth=0, zorder=1)
        axes.plot(at_m, value, color=colour, linestyle=dash, marker=marker, markersize=5, linewidth=1.8,
                  markevery=max(1, len(at_m) // 8), zorder=3)
        far_m = max(far_m, float(rows["distance_m"][-1]))
    style.percent_axis(axes, 1.05)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    style.quiet_grid(axes)
    axes.set_xlim(0, far_m + bin_width_m(result) / 2)
    axes.locator_params(axis="x", nbins=5)


def _broken(rows: Table, bin_m: float) -> tuple[np.ndarray, ...]:
    """(distance_m, value, lower, upper) with NaN in between where bins are missing, so that no line spans them."""
    at_m = rows["distance_m"]
    gaps = np.flatnonzero(np.diff(at_m) > 1.5 * bin_m) + 1
    columns = (at_m, rows["value"], rows["lower"], rows["upper"])
    return tuple(np.insert(column.astype(float), gaps, np.nan) for column in columns)


def _pooled_prr(result: Result, group: Group) -> tuple[np.ndarray, np.ndarray]:
    """(distance_m, received of tuned) of the messages of a class together."""
    rows = result.select(metric="prr", link=group.link, jurisdiction="")
    rows = rows.take(np.isin(rows["message"], group.class_.split("+")))
    at_m, bin_ = np.unique(rows["distance_m"], return_inverse=True)
    hits, count = (np.bincount(bin_, weights, len(at_m)) for weights in (rows["value"] * rows["n"], rows["n"]))
    return at_m, hits / np.maximum(count, 1)


def _distance_legend(figure: Figure, words: dict[str, str]) -> None:
    from matplotlib.lines import Line2D

    made: list[Any] = [Line2D([], [], color=style.INK, linewidth=1.6)]
    names = [words["std_prr"]]
    for name, colour, dash, marker in _LINES.values():
        made.append(Line2D([], [], color=colour, linestyle=dash, marker=marker, markersize=6, linewidth=1.8))
        names.append(f"{words[name]} ({words['interval']})")
    height_in = figure.get_size_inches()[1]
    figure.legend(made, names, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.78 / height_in), ncol=3, frameon=False,
                  handlelength=2.4, columnspacing=1.6)


def _ended(result: Result, group: Group, outcome: Any) -> float:
    value = result.value(metric=f"end_class_{outcome.name.lower()}", link=group.link, message=group.class_)
    return 0.0 if np.isnan(value) else value


def _stage(outcome: Any) -> int:
    from sim.frames import STAGE_OF

    return int(STAGE_OF[outcome])
