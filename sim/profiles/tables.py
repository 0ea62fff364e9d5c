"""The sheet as text for a terminal, as CSV and as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rsu.profile import KEYS
from rsu.profile.profile import plain_value
from sim.cli.options import SCHEMA_VERSION, columns
from sim.profiles.between import between_json, between_lines
from sim.profiles.conflicts import ONE_VALUE, Conflict, conflicts
from sim.profiles.process import agreement, documents, place_counts
from sim.profiles.sheet import DIFFER, STATES, UNKNOWN, UNSET, Cell, Row, Sheet
from sim.profiles.words import LETTERS, key_text, value_text, word
from sim.tables import csv_text

MARKS = {"same": "=", "differ": "!", "unset": ".", "unknown": "?"}
"""State -> mark in front of a cell on a terminal."""
WIDEST = 30
"""Columns a cell may take on a terminal; the whole value stands in CSV, JSON and HTML."""


def sheet_lines(sheet: Sheet, only: Sequence[str] = (), language: str = "en") -> Iterator[str]:
    """Everything a reader at a terminal gets: the sheet, the conflicts, the process figures."""
    yield f"{sheet.name}: {title_of(sheet, language)}" if title_of(sheet, language) else sheet.name
    yield ""
    head = (word("key", language), word("unit", language), f"{word('national', language)} {sheet.columns[0].place}",
            *(column.place for column in sheet.places))
    rows = [
        (key_name(row.key, language), KEYS[row.key].unit, *(_short(cell, language) for cell in row.cells))
        for row in sheet.only(only)
    ]
    yield columns(rows, head)
    yield ""
    marks = ", ".join(f"{mark} {word(state, language)}" for state, mark in MARKS.items())
    yield f"{marks}; {word('legend', language)}"
    if is_illustrative(sheet):
        yield word("illustrative", language)
    yield ""
    if sheet.candidate is not None:
        yield from between_lines(sheet.candidate, language)
    yield f"{word('conflicts', language)}:"
    yield from [f"  {line}" for one in conflicts(sheet) for line in conflict_lines(one, language)] or [
        f"  {word('no conflicts', language)}"
    ]
    yield ""
    yield from process_lines(sheet, language)


def conflict_lines(one: Conflict, language: str = "en") -> Iterator[str]:
    """One conflict with both sources."""
    verdict = word(one.kind, language)
    if one.kind == ONE_VALUE:
        verdict += f" {one.common} {KEYS[one.first.key].unit}".rstrip()
    yield f"{' / '.join(key_name(key, language) for key in one.keys())}: {verdict}"
    for side in (one.first, one.second):
        yield f"  {side.text}  {', '.join(side.places)}  [{LETTERS[side.basis]}: {side.source}]"


def process_lines(sheet: Sheet, language: str = "en") -> Iterator[str]:
    """Counts by place, share harmonised, documents cited."""
    yield f"{word('process', language)}:"
    counts = place_counts(sheet)
    head = (word("place", language), *(word(state, language) for state in STATES), word("inherited", language),
            word("own", language), word("added", language))
    rows = [
        (one.place, *(str(one.states[state]) for state in STATES), str(one.inherited), str(one.own), str(one.added))
        for one in counts
    ]
    yield from ("  " + line for line in columns(rows, head).splitlines())
    total = agreement(sheet)
    share = "-" if total.share is None else f"{100 * total.share:.0f} %"
    yield (
        f"  {word('harmonised', language)}: {total.harmonised}; {word('divergent', language)}: {total.divergent} "
        f"({word('in one place', language)}: {total.in_one_place}); {word('unknown', language)}: {total.unknown}; "
        f"{word('unset', language)}: {total.unset}; {word('share', language)}: {share}"
    )
    yield f"{word('documents', language)}:"
    for column in sheet.columns:
        for cited in documents(column.profile):
            year = str(cited.year) if cited.year else word("no year", language)
            yield f"  {column.place}: {cited.name} ({year}), {cited.keys} {word('keys', language)}"


def sheet_csv(sheet: Sheet, only: Sequence[str] = ()) -> str:
    """One row per key; of every column its value, basis, state, where it was set and its source."""
    parts = ("", " basis", " state", " set in", " source")
    head = ["key", "meaning", "unit", "hazard", *(c.place + part for c in sheet.columns for part in parts)]
    rows = []
    for row in sheet.only(only):
        key = KEYS[row.key]
        cells = [
            text for cell in row.cells
            for text in ("" if cell.state in (UNSET, UNKNOWN) else value_text(cell.value), cell.basis, cell.state,
                         cell.set_in, cell.source)
        ]
        rows.append([row.key, key.meaning, key.unit, key.hazard, *cells])
    return csv_text(head, rows)


def sheet_json(sheet: Sheet, only: Sequence[str] = ()) -> dict[str, Any]:
    """The sheet, its conflicts and process figures as plain data."""
    total = agreement(sheet)
    return {
        "schema_version": SCHEMA_VERSION,
        "name": sheet.name,
        "title": sheet.title,
        "title_zh": sheet.title_zh,
        "illustrative": is_illustrative(sheet),
        "national": sheet.columns[0].place,
        "columns": [{"place": c.place, "profile": c.profile.name, "title": c.profile.title} for c in sheet.columns],
        "rows": [_row(sheet, row) for row in sheet.only(only)],
        "between": None if sheet.candidate is None else between_json(sheet.candidate),
        "conflicts": [_conflict(one) for one in conflicts(sheet)],
        "places": [
            {"place": one.place, **one.states, "inherited": one.inherited, "own": one.own, "added": one.added,
             "bases": one.bases}
            for one in place_counts(sheet)
        ],
        "agreement": {
            "harmonised": total.harmonised, "divergent": total.divergent, "in_one_place": total.in_one_place,
            "unknown": total.unknown, "unset": total.unset, "share": total.share,
        },
        "documents": [
            {"place": column.place, "document": one.name, "year": one.year, "keys": one.keys}
            for column in sheet.columns for one in documents(column.profile)
        ],
    }


def title_of(sheet: Sheet, language: str) -> str:
    """Title of the sheet; the Chinese one where there is one."""
    return sheet.title_zh if language == "zh" and sheet.title_zh else sheet.title


def key_name(key: str, language: str = "en") -> str:
    """What a key is called in the sheet: its name in files, or in Chinese words."""
    return key_text(key, language) if language == "zh" else key


def is_illustrative(sheet: Sheet) -> bool:
    """Whether any cell, or anything a candidate says of pairs of places, rests on memory or assumption."""
    if sheet.candidate is not None and sheet.candidate.illustrative_items():
        return True
    return any(cell.basis in ("memory", "assumption") for row in sheet.rows for cell in row.cells)


def cell_text(cell: Cell, language: str = "en") -> str:
    """Value with basis letter; ``^`` for what is inherited, ``+`` for what the national column leaves open."""
    if cell.state in (UNSET, UNKNOWN):
        text = word(cell.state, language)
        return f"{text} {LETTERS[cell.basis]}" if cell.basis else text
    mark = "^" if cell.inherited else "+" if cell.added and cell.state == DIFFER else ""
    return f"{value_text(cell.value, language)} {LETTERS[cell.basis]}{mark}"


def _short(cell: Cell, language: str) -> str:
    text = cell_text(cell, language)
    if len(text) > WIDEST:
        tail = text.rpartition(" ")[2]
        text = f"{text[: WIDEST - len(tail) - 4]}... {tail}"
    return f"{MARKS[cell.state]} {text}"


def _row(sheet: Sheet, row: Row) -> dict[str, Any]:
    key = KEYS[row.key]
    cells = {
        column.place: {
            "state": cell.state, "value": plain_value(cell.value), "basis": cell.basis or None,
            "source": cell.source or None, "set_in": cell.set_in or None, "inherited": cell.inherited,
            "added": cell.added, "hazard": cell.hazard or None,
        }
        for column, cell in zip(sheet.columns, row.cells, strict=True)
    }
    return {
        "key": row.key, "meaning": key.meaning, "meaning_zh": key_text(row.key, "zh"), "unit": key.unit,
        "hazard": key.hazard or None, "default": plain_value(key.default), "cells": cells,
    }


def _conflict(one: Conflict) -> dict[str, Any]:
    def side(statement: Any) -> dict[str, Any]:
        return {"key": statement.key, "text": statement.text, "places": list(statement.places),
                "basis": statement.basis, "source": statement.source}

    return {"kind": one.kind, "keys": list(one.keys()), "only_value": one.common or None, "first": side(one.first),
            "second": side(one.second)}
