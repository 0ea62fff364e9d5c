"""Verdicts as a matrix: applications down, variants and jurisdictions across; a symbol and a colour per state."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.labels import labels
from sim.requirements.intervals import MET, NO_DATA, NOT_MET, UNDECIDED
from sim.requirements.loader import Row
from sim.requirements.report import flags, without_data
from sim.requirements.verdict import Report, VariantVerdicts, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATES = {
    MET: ("verdict_met", style.BLUE, "o"),
    UNDECIDED: ("verdict_undecided", style.ORANGE, "d"),
    NO_DATA: ("verdict_no_data", style.GREY, "_"),
    NOT_MET: ("verdict_not_met", style.VERMILION, "X"),
}
"""State -> word, colour (Okabe and Ito), marker."""
_ROW_IN, _NAME_IN, _LIMITS_IN, _WIDTH_IN = 0.34, 4.6, 0.8, 11.0
_LEGEND_IN, _TITLE_IN, _PLACE_IN, _HEAD_LINE_IN = 0.42, 0.85, 0.34, 0.24


def draw_verdicts(report: Report, path: Path, language: str = "en") -> Path:
    """Write the matrix of a report; the suffix is the format. Applications without any data are counted, not drawn.

    A ValueError names an unknown format or language.
    """
    words = labels(language)
    if path.suffix.lstrip(".") not in style.FORMATS:
        raise ValueError(f"figure format {path.suffix.lstrip('.')!r} is unknown; there are {', '.join(style.FORMATS)}")
    with style.look():
        style.save(verdict_matrix(report, words, language), path)
    return path


def verdict_matrix(report: Report, words: dict[str, str], language: str = "en") -> Figure:
    """The matrix; its height follows from the rows, its width from the columns, its text keeps its size."""
    empty = without_data(report)
    rows = [row for row in report.rows if row.id not in empty] or report.rows
    columns = [(variant, place) for variant in report.variants for place in variant.places]
    cell_in = max(0.95, (_WIDTH_IN - _NAME_IN - _LIMITS_IN) / max(1, len(columns)))
    cell_in = min(cell_in, 1.7)
    width_in = max(_WIDTH_IN, _NAME_IN + _LIMITS_IN + cell_in * len(columns) + 0.1)
    heads = [_head(report, variant, words, cell_in) for variant in report.variants]
    head_in = _HEAD_LINE_IN * max(head.count("\n") + 1 for head in heads) + _PLACE_IN
    caption = _caption(report, rows, words, width_in)
    caption_in = 0.16 * (caption.count("\n") + 1) + 0.15
    height_in = _TITLE_IN + head_in + _ROW_IN * len(rows) + _LEGEND_IN + caption_in
    figure = style.new_figure(width_in, height_in)
    bottom_in = caption_in + _LEGEND_IN
    axes = figure.add_axes((
        _NAME_IN / width_in, bottom_in / height_in, cell_in * len(columns) / width_in, _ROW_IN * len(rows) / height_in
    ))
    _grid(axes, len(rows), len(columns))
    for y, row in enumerate(rows):
        for x, (variant, place) in enumerate(columns):
            _cell(axes, x, y, variant.of(row.id, place))
        _name(axes, y, row, report, language, len(columns), cell_in)
    x = 0
    for head, variant in zip(heads, report.variants, strict=True):
        _column_heads(axes, x, variant.places, head, words)
        x += len(variant.places)
        if x < len(columns):
            axes.axvline(x - 0.5, color=style.INK, linewidth=1.6)
    right_in, top_in = _NAME_IN + cell_in * len(columns) + 0.1, bottom_in + _ROW_IN * len(rows) + 0.08
    figure.text(right_in / width_in, top_in / height_in, words["verdict_numbers"], ha="left", va="bottom",
                fontsize=10.5, color="#555555")
    _legend(figure, words, caption_in + 0.12, width_in, height_in)
    _title(figure, report, words, width_in, height_in)
    figure.text(0.12 / width_in, 0.1 / height_in, caption, ha="left", va="bottom", fontsize=9, color="#555555",
                linespacing=1.25)
    return figure


def _grid(axes: Axes, rows: int, columns: int) -> None:
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    for y in range(rows + 1):
        axes.axhline(y - 0.5, color=style.PALE, linewidth=0.7, clip_on=False)


def _cell(axes: Axes, x: int, y: int, verdict: Verdict) -> None:
    from matplotlib.patches import Rectangle

    _, colour, marker = _STATES[verdict.state]
    if verdict.state != NO_DATA:
        axes.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=colour, alpha=0.18, linewidth=0))
    further = verdict.further_seeds
    text = "" if verdict.state != UNDECIDED else "+?" if further is None else f"+{further}"
    text += "*" if verdict.whole_corridor else ""
    at = x - 0.26 if text else x
    axes.plot([at], [y], marker, color=colour, markersize=11, markeredgewidth=2.4 if marker == "_" else 0.5)
    if text:
        axes.text(x - 0.08, y, text, ha="left", va="center", fontsize=11, color=style.INK)


def _name(axes: Axes, y: int, row: Row, report: Report, language: str, columns: int, cell_in: float) -> None:
    application = row.application
    name = application.name_zh if language == "zh" and application.name_zh else application.name
    room = 30 if language == "zh" and application.name_zh else 54 - len(row.id)
    left = -0.5 - (_NAME_IN - 0.12) / cell_in
    axes.text(left, y, row.id, ha="left", va="center", fontsize=11, fontweight="bold", color=style.INK)
    axes.text(-0.5 - 0.1 / cell_in, y, textwrap.shorten(name, max(12, room), placeholder="…"), ha="right", va="center",
              fontsize=10.5, color=style.INK)
    axes.text(columns - 0.5 + 0.1 / cell_in, y, flags(report.variants[0].of(row.id, report.variants[0].places[0])),
              ha="left", va="center", fontsize=10.5, color="#555555")


def _column_heads(axes: Axes, first: int, places: list[str], head: str, words: dict[str, str]) -> None:
    from matplotlib.transforms import offset_copy

    figure = axes.figure
    at_place = offset_copy(axes.transData, fig=figure, y=0.08, units="inches")  # type: ignore[arg-type]
    at_head = offset_copy(axes.transData, fig=figure, y=_PLACE_IN + 0.02, units="inches")  # type: ignore[arg-type]
    for k, place in enumerate(places):
        axes.text(first + k, -0.5, place or words["verdict_all"], transform=at_place, ha="center", va="bottom",
                  fontsize=12, color=style.INK)
    axes.text(first + (len(places) - 1) / 2, -0.5, head, transform=at_head, ha="center", va="bottom", fontsize=11.5,
              color=style.INK, linespacing=1.2)


def _head(report: Report, variant: VariantVerdicts, words: dict[str, str], cell_in: float) -> str:
    """Labels that vary and the number of seeds, wrapped to the variant's columns."""
    width = max(12, round(cell_in * len(variant.places) * 11))
    lines = [line for axis in report.varying for line in textwrap.wrap(f"{axis}={variant.labels.get(axis, '')}", width)]
    if not report.single:
        lines.append(words["verdict_seeds"].format(count=variant.seeds))
    return "\n".join(lines) or report.name


def _legend(figure: Figure, words: dict[str, str], bottom_in: float, width_in: float, height_in: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=10,
               markeredgewidth=2.4 if marker == "_" else 0.5, label=words[word])
        for word, colour, marker in _STATES.values()
    ]
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.06 / width_in, (bottom_in - 0.12) / height_in),
                  ncols=len(handles), frameon=False, fontsize=12, handletextpad=0.3, borderpad=0.1)


def _title(figure: Figure, report: Report, words: dict[str, str], width_in: float, height_in: float) -> None:
    left, top = 0.12 / width_in, 1 - 0.12 / height_in
    figure.text(left, top, words["verdict_title"], ha="left", va="top", fontsize=17, fontweight="bold", color=style.INK)
    line = f"{report.name}; {words['verdict_one_run']}" if report.single else report.name
    figure.text(left, 1 - 0.46 / height_in, line, ha="left", va="top", fontsize=12.5, color="#555555")
    if any(variant.illustrative for variant in report.variants):
        figure.text(1 - 0.12 / width_in, top, words["illustrative"], ha="right", va="top", fontsize=14,
                    style="italic", color=style.INK,
                    bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": style.INK, "lw": 0.8})


def _caption(report: Report, rows: list[Row], words: dict[str, str], width_in: float) -> str:
    """How to read it, what was left out, and the settings of the runs."""
    least = max((row.defaults.min_seeds for row in rows), default=5)
    lines = [words["verdict_rule"].format(seeds=least), words["verdict_provenance"]]
    if len(rows) < len(report.rows):
        count, total = len(report.rows) - len(rows), len(report.rows)
        lines.append(words["verdict_left_out"].format(count=count, total=total))
    lines += report.settings
    return "\n".join(part for line in lines for part in textwrap.wrap(line, round(14 * width_in)))
