"""The sheet as one self-contained HTML page with coloured cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from rsu.profile import KEYS, Key
from sim.profiles.between import between_head, between_rows, ground_text, grounds
from sim.profiles.conflicts import ONE_VALUE, conflicts
from sim.profiles.process import agreement, documents, place_counts
from sim.profiles.sheet import STATES, Cell, Sheet
from sim.profiles.tables import cell_text, is_illustrative, key_name, title_of
from sim.profiles.words import LETTERS, key_text, value_text, word

COLOURS = {"same": "#d9efd9", "differ": "#f9d5c8", "unset": "#f2f2f2", "unknown": "#fff0b8"}
"""State -> background of its cells."""
_STYLE = """
body{font:14px/1.4 sans-serif;margin:2em;color:#222}
table{border-collapse:collapse;margin:1em 0}
th,td{border:1px solid #bbb;padding:.25em .5em;text-align:left;vertical-align:top}
th{background:#e8ecf2}
td small{color:#555}
.inherited{font-style:italic}
.mark{font-weight:bold;color:#a33}
"""


def sheet_html(sheet: Sheet, only: Sequence[str] = (), language: str = "en") -> str:
    """The page; nothing is fetched from elsewhere, sources stand in the cells' tooltips and in the tables below."""
    title = f"{sheet.name}: {title_of(sheet, language)}"
    styles = _STYLE + "".join(f".{state}{{background:{colour}}}\n" for state, colour in COLOURS.items())
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="mark">{escape(word("illustrative", language))}</p>' if is_illustrative(sheet) else "",
        *_legend(language),
        *_main(sheet, only, language),
        *_between(sheet, language),
        *_conflicts(sheet, language),
        *_process(sheet, language),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{styles}</style></head>\n<body>\n" + "\n".join(line for line in body if line) + "\n</body>\n</html>\n"
    )


def _legend(language: str) -> Iterator[str]:
    swatches = " ".join(f'<td class="{state}">{escape(word(state, language))}</td>' for state in STATES)
    yield f"<table><tr>{swatches}</tr></table><p>{escape(word('legend', language))}</p>"


def _main(sheet: Sheet, only: Sequence[str], language: str) -> Iterator[str]:
    national, *places = [column.place for column in sheet.columns]
    head = [word("key", language), "", word("unit", language), word("hazard", language),
            f"{word('national', language)} {national}", *places]
    yield from _open(head)
    for row in sheet.only(only):
        key = KEYS[row.key]
        cells = "".join(_cell(cell, language) for cell in row.cells)
        yield (
            f"<tr><td>{escape(row.key)}</td><td>{escape(key_text(row.key, language))}{_otherwise(key, language)}</td>"
            f"<td>{escape(key.unit)}</td>"
            f"<td>{escape(key.hazard)}</td>{cells}</tr>"
        )
    yield "</table>"


def _otherwise(key: Key, language: str) -> str:
    """What holds where nobody sets a key."""
    if key.default in (None, (), {}):
        return ""
    return f"<br><small>{escape(word('default', language))}: {escape(value_text(key.default, language))}</small>"


def _cell(cell: Cell, language: str) -> str:
    told = ": ".join(part for part in (cell.set_in, cell.source) if part)
    inherited = f" <small>{escape(word('inherited', language))}</small>" if cell.inherited else ""
    classes = f"{cell.state} inherited" if cell.inherited else cell.state
    return f'<td class="{classes}" title="{escape(told)}">{escape(cell_text(cell, language))}{inherited}</td>'


def _between(sheet: Sheet, language: str) -> Iterator[str]:
    """Trust, platform interfaces and gateway of a candidate, with their sources."""
    rows = [] if sheet.candidate is None else between_rows(sheet.candidate, language)
    rests_on = () if sheet.candidate is None else grounds(sheet.candidate)
    if not rows and not rests_on:
        return
    yield f"<h2>{escape(word('between', language))}</h2>"
    if rows:
        yield from _open(between_head(language))
        yield from (_line(row) for row in rows)
        yield "</table>"
    if rests_on:
        yield "<table>"
        yield from (_line([ground_text(one, language), LETTERS[one.basis], one.source]) for one in rests_on)
        yield "</table>"


def _conflicts(sheet: Sheet, language: str) -> Iterator[str]:
    yield f"<h2>{escape(word('conflicts', language))}</h2>"
    found = conflicts(sheet)
    if not found:
        yield f"<p>{escape(word('no conflicts', language))}</p>"
        return
    yield "<table>"
    for one in found:
        verdict = word(one.kind, language)
        if one.kind == ONE_VALUE:
            verdict += f" {one.common} {KEYS[one.first.key].unit}".rstrip()
        sides = "".join(
            f"<td>{escape(side.text)}<br><small>{escape(', '.join(side.places))}: "
            f"{LETTERS[side.basis]}, {escape(side.source)}</small></td>"
            for side in (one.first, one.second)
        )
        named = " / ".join(key_name(key, language) for key in one.keys())
        yield f"<tr><td>{escape(named)}</td><td>{escape(verdict)}</td>{sides}</tr>"
    yield "</table>"


def _process(sheet: Sheet, language: str) -> Iterator[str]:
    yield f"<h2>{escape(word('process', language))}</h2>"
    yield from _open([word("place", language), *(word(state, language) for state in STATES),
                      word("inherited", language), word("own", language), word("added", language)])
    for one in place_counts(sheet):
        yield _line([one.place, *(one.states[state] for state in STATES), one.inherited, one.own, one.added])
    yield "</table>"
    total = agreement(sheet)
    yield from _open([word("harmonised", language), word("divergent", language), word("in one place", language),
                      word("unknown", language), word("unset", language), word("share", language)])
    share = "-" if total.share is None else f"{100 * total.share:.0f} %"
    yield _line([total.harmonised, total.divergent, total.in_one_place, total.unknown, total.unset, share])
    yield "</table>"
    yield f"<h2>{escape(word('documents', language))}</h2>"
    yield "<table>"
    for column in sheet.columns:
        for cited in documents(column.profile):
            yield _line([column.place, cited.name, cited.year or word("no year", language), cited.keys])
    yield "</table>"


def _open(head: Iterable[str]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{escape(text)}</th>" for text in head) + "</tr>"


def _line(cells: Iterable[object]) -> str:
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"
