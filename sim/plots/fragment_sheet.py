"""Which place fixes what: the comparison sheet of a candidate as a figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn
from sim.plots.panels import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.profiles.sheet import Cell, Row, Sheet

_ROWS = 28
"""Rows of one figure."""
_ROW_IN, _LINE_IN, _KEY_IN, _HAZARD_IN, _WIDTH_IN = 0.28, 0.145, 3.0, 0.55, 11.0
_LINES = 4
"""Lines of a cell."""
_FACES: dict[str, dict[str, Any]] = {
    "same": {"facecolor": "white"},
    "differ": {"facecolor": "#f9d7b9"},
    "unset": {"facecolor": "#eeeeee"},
    "unknown": {"facecolor": "white", "hatch": "////"},
}
"""State -> look of a cell; a mark in it says the same."""


def sheets(ask: Ask) -> Iterator[Drawn]:
    """A figure per candidate (several where it is long): keys that differ or are not known in some place."""
    from sim.profiles.sheet import DIFFER, UNKNOWN, UNSET, sheet_of_candidate

    words = ask.words
    for name in ask.others:
        sheet = sheet_of_candidate(ask.found.candidates[name])
        rows = sheet.only((DIFFER, UNKNOWN))
        if not rows:
            continue
        unset = sum(row.states == {UNSET} for row in sheet.rows)
        left_out = words["std_left_out"].format(same=len(sheet.rows) - len(rows) - unset, unset=unset)
        parts = [rows[k : k + _ROWS] for k in range(0, len(rows), _ROWS)]
        for page, part in enumerate(parts, 1):
            title = words["std_sheet"].format(candidate=name)
            if len(parts) > 1:
                title = words["std_page"].format(title=title, page=page, pages=len(parts))
            stem = f"profiles.{name}" if page == 1 else f"profiles-{page}.{name}"
            yield Drawn(stem, _figure(ask, sheet, part), title, f"{words['std_legend_bases']}; {left_out}", (name,))


def _figure(ask: Ask, sheet: Sheet, rows: tuple[Row, ...]) -> Figure:
    from sim.profiles.words import key_text, word

    count = len(sheet.columns)
    wide_in = _WIDTH_IN - _KEY_IN - _HAZARD_IN - 0.15
    letters = int((wide_in / count - 0.62) * 15.5)
    told = [[_lines(cell, letters, ask.language) for cell in row.cells] for row in rows]
    high_in = [_ROW_IN + _LINE_IN * (max(map(len, texts)) - 1) for texts in told]
    height_in = 2.75 + sum(high_in)
    figure = style.new_figure(_WIDTH_IN, height_in)
    axes = figure.add_axes((
        _KEY_IN / _WIDTH_IN, 1.05 / height_in, wide_in / _WIDTH_IN, sum(high_in) / height_in
    ))
    axes.set_xlim(0, count)
    axes.set_ylim(sum(high_in), 0)
    axes.axis("off")
    y_in = 0.0
    for row, texts, tall_in in zip(rows, told, high_in, strict=True):
        key = row.key if ask.language == "en" else key_text(row.key, ask.language)
        middle_in = y_in + tall_in / 2
        axes.text(-0.1 / (wide_in / count), middle_in, shortened(key, 36), ha="right", va="center", fontsize=9.5)
        for x, (cell, lines) in enumerate(zip(row.cells, texts, strict=True)):
            _cell(axes, x, (y_in, tall_in), cell, "\n".join(lines))
        hazards = list(dict.fromkeys(cell.hazard for cell in row.cells if cell.hazard))
        axes.text(count + 0.04, middle_in, shortened(" ".join(hazards), 7), ha="left", va="center", fontsize=9.5,
                  fontweight="bold")
        y_in += tall_in
    for x, column in enumerate(sheet.columns):
        head = f"{word('national', ask.language)}\n{column.place}" if x == 0 else column.place
        axes.text(x + 0.5, -0.05, head, ha="center", va="bottom", fontsize=11.5 if x else 9.5,
                  fontweight="bold" if x else "normal", linespacing=1.15)
    axes.text(count + 0.04, -0.05, word("hazard", ask.language), ha="left", va="bottom", fontsize=9.5)
    _legend(figure, ask, height_in)
    return figure


def _lines(cell: Cell, letters: int, language: str) -> list[str]:
    """A value on as many lines as it takes, four at most."""
    from sim.profiles.words import value_text, word

    if cell.state in ("unset", "unknown"):
        return [word(cell.state, language)]
    rows = style.wrapped(value_text(cell.value, language), letters) or ["-"]
    return rows if len(rows) <= _LINES else [*rows[: _LINES - 1], "…"]


def _cell(axes: Axes, x: int, span_in: tuple[float, float], cell: Cell, text: str) -> None:
    from matplotlib.patches import Rectangle

    from sim.profiles.tables import MARKS
    from sim.profiles.words import LETTERS

    y_in, tall_in = span_in
    axes.add_patch(
        Rectangle((x, y_in), 1, tall_in, edgecolor=style.GREY, linewidth=0.5, clip_on=False, **_FACES[cell.state])
    )
    look: dict[str, Any] = {"va": "center", "fontsize": 8.5}
    if cell.state == "unknown":
        look["bbox"] = {"fc": "white", "ec": "none", "pad": 0.6}
    middle_in = y_in + tall_in / 2
    axes.text(x + 0.02, middle_in, MARKS[cell.state], ha="left", fontweight="bold", **look)
    ink = "#555555" if cell.state == "unset" else style.INK
    axes.text(x + 0.1, middle_in, text, ha="left", color=ink, linespacing=1.1, **look)
    letter = LETTERS.get(cell.basis, "") + ("+" if cell.added else "")
    if letter:
        axes.text(x + 0.98, middle_in, letter, ha="right", fontweight="bold", **look)


def _legend(figure: Figure, ask: Ask, height_in: float) -> None:
    from matplotlib.patches import Patch

    from sim.profiles.tables import MARKS
    from sim.profiles.words import word

    made = [Patch(edgecolor=style.GREY, linewidth=0.5, **look) for look in _FACES.values()]
    names = [f"{MARKS[state]} {word(state, ask.language)}" for state in _FACES]
    figure.legend(made, names, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.76 / height_in), ncol=4, frameon=False,
                  fontsize=11, handlelength=1.6)
