"""YAML read with the place of every value: 1.2 core schema, bounded, every error with line and column."""

from __future__ import annotations

import copy
import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[int, int]
"""Line and column, both counted from 1."""
KeyPath = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the top."""

MAX_FILE_BYTES = 4_000_000
MAX_DEPTH = 60
MAX_NODES = 200_000
"""Bounds of one document; aliases count as often as they are used."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NOT_A_NUMBER = {".nan", ".NaN", ".NAN"}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: printed as ``where: field: value: rule``."""

    where: str
    """``file:line:column``, or ``file``, or the override that is wrong."""
    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.field, self.value, self.rule) if part)


class DocumentError(ValueError):
    """Everything wrong with a file, all at once; ``str()`` gives one line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Document:
    """Plain data of one YAML file and the place of every value and key in it."""

    data: Any
    name: str
    values: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath, *, of_key: bool = False) -> Place | None:
        """Place of the value (or key) at ``path``; of the nearest enclosing value where there is none."""
        if of_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return None

    def where(self, path: KeyPath, *, of_key: bool = False) -> str:
        """``file:line:column`` of ``path``."""
        place = self.place(path, of_key=of_key)
        return self.name if place is None else f"{self.name}:{place[0]}:{place[1]}"

    def problem(self, path: KeyPath, rule: str, *, of_key: bool = False) -> Problem:
        """A problem with the value (or key) at ``path``."""
        value = "" if of_key else shown(value_at(self.data, path))
        return Problem(self.where(path, of_key=of_key), dotted(path), value, rule)


def dotted(path: KeyPath) -> str:
    """``corridor.nodes.2.id`` from a key path."""
    return ".".join(str(part) for part in path)


def value_at(data: Any, path: KeyPath) -> Any:
    """The value at ``path``, or ``None`` where nothing stands there."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def shown(value: Any, width: int = 60) -> str:
    """A value as it appears in an error line; containers and missing values give the empty string."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, int) and value.bit_length() > 13_000:
        value = hex(value)
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= width else text[: width - 3] + "..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, if any is like it."""
    by_case = {name.lower(): name for name in known}
    starts = [name for name in by_case if name.startswith(word.lower() + "_")]
    if len(starts) == 1:
        return by_case[starts[0]]
    found = difflib.get_close_matches(word.lower(), sorted(by_case), n=1, cutoff=0.6)
    return by_case[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` with the nearest known word, else the list of known words (cut after 12)."""
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return f"did you mean '{near}'?"
    return "known: " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def resolve(text: str) -> Any:
    """A plain scalar by the YAML 1.2 core schema: ``no`` and ``1:30`` are text, ``1e3`` is a number."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2])
        return int(text[2:], base) if base else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    infinite = _INFINITE.fullmatch(text)
    if infinite:
        return -math.inf if infinite[1] == "-" else math.inf
    return math.nan if text in _NOT_A_NUMBER else text


def read_document(path: Path, name: str | None = None) -> Document:
    """Read the YAML file ``path``; ``name`` is what errors call it. Raises :class:`DocumentError`."""
    name = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(name, "", "", f"cannot be read: {error.strerror or error}")]) from None
    if len(raw) > MAX_FILE_BYTES:
        raise DocumentError([Problem(name, "", "", f"larger than {MAX_FILE_BYTES} bytes")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError([Problem(f"{name}:{line}:1", "", "", "not UTF-8 text")]) from None
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """Parse YAML ``text``; ``name`` is what errors call it. Raises :class:`DocumentError`."""
    document = Document(None, name)
    builder = _Builder(document)
    try:
        builder.build(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        rule = f"not valid YAML: {error.problem or error.context}"
        raise DocumentError([*builder.problems, Problem(where, "", "", rule)]) from None
    except yaml.YAMLError as error:
        rule = f"not valid YAML: {str(error).splitlines()[0]}"
        raise DocumentError([*builder.problems, Problem(name, "", "", rule)]) from None
    if builder.problems:
        raise DocumentError(builder.problems)
    return document


class _Stop(Exception):
    """Ends the reading of a document that is broken beyond going on."""


class _Builder:
    """Turns the parser's events into plain data and places."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open_anchors: set[str] = set()
        self.nodes = 0

    def build(self, events: Iterator[Any]) -> None:
        documents = 0
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self.stop(event, (), "a second document in the file; one is allowed")
                elif isinstance(event, yaml.NodeEvent):
                    self.document.data = self.node(event, events, ())
        except _Stop:
            pass

    def report(self, event: Any, path: KeyPath, rule: str, value: str = "") -> None:
        mark = event.start_mark
        where = f"{self.document.name}:{mark.line + 1}:{mark.column + 1}"
        self.problems.append(Problem(where, dotted(path), value, rule))

    def stop(self, event: Any, path: KeyPath, rule: str) -> None:
        self.report(event, path, rule)
        raise _Stop

    def count(self, event: Any, path: KeyPath, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.stop(event, path, f"more than {MAX_NODES} values (aliases counted as often as used)")

    def node(self, event: Any, events: Iterator[Any], path: KeyPath) -> Any:
        mark = event.start_mark
        self.document.values[path] = (mark.line + 1, mark.column + 1)
        if len(path) > MAX_DEPTH:
            self.stop(event, (), f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path)
        before = self.nodes
        self.count(event, path, 1)
        if event.anchor:
            self.open_anchors.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(events, path)
        else:
            value = self.mapping(events, path)
        if event.anchor:
            self.open_anchors.discard(event.anchor)
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def alias(self, event: Any, path: KeyPath) -> Any:
        if event.anchor not in self.anchors or event.anchor in self.open_anchors:
            self.stop(event, path, f"alias *{event.anchor} stands inside its own anchor or has none")
        value, size = self.anchors[event.anchor]
        self.count(event, path, size)
        return copy.deepcopy(value)

    def scalar(self, event: Any, path: KeyPath) -> Any:
        if event.tag == "tag:yaml.org,2002:str":
            return event.value
        if event.tag not in (None, "!"):
            self.report(event, path, f"tag {event.tag} is not supported", shown(event.value))
        plain = event.style in (None, "") and event.tag is None
        return resolve(event.value) if plain else event.value

    def sequence(self, events: Iterator[Any], path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, events, (*path, len(items))))
        return items

    def mapping(self, events: Iterator[Any], path: KeyPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self.stop(event, path, "a key must be a word")
            key, here = event.value, (*path, event.value)
            mark = event.start_mark
            duplicate = key in items
            if duplicate:
                first = self.document.keys[here][0]
                self.report(event, here, f"duplicate key; first set in line {first}")
                here = (*here, "(duplicate)")
            else:
                self.document.keys[here] = (mark.line + 1, mark.column + 1)
            value = self.node(next(events), events, here)
            if not duplicate:
                items[key] = value
        return items


class _Dumper(yaml.SafeDumper):
    """Writes what :func:`parse_document` reads back unchanged."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: Any, value: str) -> Any:
    """Quote whatever YAML 1.2, or the older 1.1 of other readers, would not take for text."""
    old = yaml.SafeLoader.yaml_implicit_resolvers.get(value[:1], [])
    ambiguous = not isinstance(resolve(value), str) or any(pattern.match(value) for _, pattern in old)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if ambiguous else None)


def _write_plain(tag: str, text: str) -> Any:
    return yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", text)


def _write_float(_dumper: Any, value: float) -> Any:
    text = repr(value) if math.isfinite(value) else {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return _write_plain("float", text)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(float, _write_float)


def _implicit(tag: str, pattern: str) -> None:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), None)


_implicit("bool", "true|True|TRUE|false|False|FALSE")
_implicit("null", "~|null|Null|NULL|")
_implicit("int", _INTEGER.pattern)
_implicit("float", _FLOAT.pattern + r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def write_document(data: Any) -> str:
    """YAML text of plain data; :func:`parse_document` gives the same data back."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
