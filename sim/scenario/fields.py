"""The scenario's keys as a table, read from the schema itself, so that manuals cannot drift."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rsu.document import KeyPath
from sim.scenario.schema import Scenario


@dataclass(frozen=True)
class FieldRow:
    """One key of a scenario file."""

    path: str
    """Dotted path; ``[]`` stands for an item of a list."""
    kind: str
    unit: str
    default: str
    bounds: str
    meaning: str
    source: str

    def remark(self) -> str:
        """Meaning, bounds, choices and source in one line."""
        text = "; ".join(part for part in (self.meaning, self.choices(), self.bounds) if part)
        return f"{text} [{self.source}]" if self.source not in ("", "project choice") else text

    def choices(self) -> str:
        """The allowed words, if there is a list of them."""
        return self.kind if " / " in self.kind else ""


@cache
def field_rows() -> tuple[FieldRow, ...]:
    """Every key of ``corridor/1`` in the order of the schema."""
    return rows_of(Scenario)


def rows_of(section: type[BaseModel]) -> tuple[FieldRow, ...]:
    """Every key of another kind of file, in the order of its schema."""
    return tuple(_rows(section, ""))


def reference_page(rows: Sequence[FieldRow], kind: str = "scenario", schema: str = "corridor/1") -> str:
    """The rows as a Markdown page, one table per section of the file."""
    command = "corridor fields --markdown" if kind == "scenario" else f"corridor fields --of {kind} --markdown"
    lines = [
        f"# {kind.capitalize()} keys",
        "",
        f"Every key of a {kind} file (`schema: {schema}`), written by `{command}` from",
        "the schema itself. `[]` stands for an item of a list; no source means a project choice.",
    ]
    section = None
    for row in rows:
        parent, _, name = row.path.rpartition(".")
        if parent != section:
            section = parent
            heading = f"`{parent}`" if parent else "Top level"
            lines += ["", f"## {heading}", "", "| key | kind | unit | default | bounds | meaning | source |"]
            lines += ["|---|---|---|---|---|---|---|"]
        source = "" if row.source == "project choice" else row.source
        cells = (f"`{name}`", row.kind, row.unit, row.default, row.bounds, row.meaning, source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def keys_at(path: KeyPath) -> list[str]:
    """Valid keys of the section at ``path`` (keys and list indices), empty where no section stands."""
    section = _section_at(path)
    return [field.alias or name for name, field in section.model_fields.items()] if section else []


def default_items(path: KeyPath) -> Any:
    """The list or mapping that stands at ``path`` where a file says nothing, as plain data; else ``None``."""
    section = _section_at(path[:-1])
    for name, field in section.model_fields.items() if section else ():
        if (field.alias or name) == path[-1]:
            value = field.get_default(call_default_factory=True)
            if isinstance(value, list):
                return [_plain(one) for one in value]
            return dict(value) if isinstance(value, dict) else None
    return None


def _plain(item: Any) -> Any:
    return item.model_dump(mode="json", by_alias=True) if isinstance(item, BaseModel) else item


def places_of_key(word: str) -> list[str]:
    """Dotted paths of every key called ``word``."""
    return [row.path for row in field_rows() if row.path.rpartition(".")[2] == word]


def _section_at(path: KeyPath) -> type[BaseModel] | None:
    section: type[BaseModel] | None = Scenario
    for part in path:
        if isinstance(part, int):
            continue
        by_alias = (
            {field.alias or name: field for name, field in section.model_fields.items()} if section else {}
        )
        section = _inner(by_alias[part].annotation) if part in by_alias else None
    return section


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The section inside an annotation such as ``list[Section]`` or ``Section | None``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    for argument in typing.get_args(annotation):
        found = _inner(argument)
        if found:
            return found
    return None


_AS_ELSEWHERE = {"second_radio.radio": "every key as under `radio`"}
"""Sections whose keys stand under another heading already."""


def _rows(section: type[BaseModel], prefix: str) -> Iterator[FieldRow]:
    """The section's own keys, then those of the sections inside it."""
    nested: list[tuple[type[BaseModel], str]] = []
    for name, field in section.model_fields.items():
        path = prefix + (field.alias or name)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        inner, is_list = _inner(field.annotation), typing.get_origin(field.annotation) is list
        default = _default(field, inner is not None)
        yield FieldRow(
            path,
            _kind(field.annotation),
            str(extra.get("unit", "")),
            default,
            _bounds(field.metadata),
            "; ".join(text for text in (field.description or "", _AS_ELSEWHERE.get(path, "")) if text),
            str(extra.get("source", "")),
        )
        if inner and path not in _AS_ELSEWHERE:
            nested.append((inner, f"{path}[]." if is_list else f"{path}."))
    for inner, inside in nested:
        yield from _rows(inner, inside)


def _default(field: Any, is_section: bool) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined and field.default_factory is not None:
        value = field.default_factory()
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, list) and is_section:
        return f"{len(value)} items" if value else "empty"
    if isinstance(value, dict):
        words = (f"{inner:g}" if isinstance(inner, float) else str(inner) for inner in value.values())
        return ", ".join(f"{key} {word}" for key, word in zip(value, words, strict=True))
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "none" if value is None else str(value) or '""'


def _bounds(metadata: list[Any]) -> str:
    words = {
        Ge: (">=", "ge"),
        Gt: (">", "gt"),
        Le: ("<=", "le"),
        Lt: ("<", "lt"),
        MinLen: ("length >=", "min_length"),
        MaxLen: ("length <=", "max_length"),
    }
    found = [
        f"{sign} {getattr(one, name)!r}"
        for one in metadata
        for kind, (sign, name) in words.items()
        if isinstance(one, kind)
    ]
    return ", ".join(found)


_NAMES = {
    float: "number",
    int: "whole number",
    str: "text",
    bool: "true/false",
    dict: "mapping",
    type(None): "none",
}


def _kind(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " / ".join(str(choice) for choice in arguments)
    if origin is typing.Annotated:
        return _kind(arguments[0])
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one) for one in arguments)
    if origin is dict:
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return _NAMES.get(annotation, str(annotation))
