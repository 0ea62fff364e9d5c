"""JSON documents of messages as users give them to ``corridor encode``: as arguments, in files, on stdin.

A document stands on one line, or begins with a line ``{`` alone and ends with a line ``}`` alone; blank lines and lines
that begin with ``#`` are passed over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from sim.cli.octets import Given, text_lines

MAX_DOCUMENT_CHARACTERS = 1 << 22
"""Longest document over several lines; the longest message is some 100 times shorter in octets."""
MAX_LINE_CHARACTERS = MAX_DOCUMENT_CHARACTERS


class Written(NamedTuple):
    """One document, or what is wrong in this place."""

    where: str
    document: dict[str, Any] | None
    problem: str = ""


def read_documents(inputs: list[str]) -> Iterator[Written]:
    """Every document the arguments name, in order; stdin if there are none. Never raises for content."""
    if not inputs:
        yield from _stdin()
    for number, text in enumerate(inputs, 1):
        if text.lstrip().startswith("{"):
            yield _parsed(f"document {number}", text)
        elif text == "-":
            yield from _stdin()
        else:
            yield from _file(text)


def _stdin() -> Iterator[Written]:
    yield from _documents(getattr(sys.stdin, "buffer", sys.stdin), "", "no document on stdin")


def _file(name: str) -> Iterator[Written]:
    try:
        with open(name, "rb") as stream:
            yield from _documents(stream, f"{name}, ", f"no document in {name}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        yield Written(name, None, f"{reason or type(error).__name__} (JSON begins with '{{')")


def _documents(stream: Any, prefix: str, none: str) -> Iterator[Written]:
    nothing = True
    lines = text_lines(stream, prefix, MAX_LINE_CHARACTERS)
    for where, line in lines:
        if isinstance(line, Given):
            nothing = False
            yield Written(where, None, line.problem)
        elif line.strip() and not line.startswith("#"):
            nothing = False
            yield _over_lines(where, lines) if line.rstrip() == "{" else _parsed(where, line)
    if nothing:
        yield Written("", None, none)


def _over_lines(where: str, lines: Iterator[tuple[str, str | Given]]) -> Written:
    """The document that began with ``{`` at ``where``; its end is looked for even when it is too long."""
    parts, length = ["{\n"], 0
    for _, line in lines:
        text = "" if isinstance(line, Given) else line
        length += MAX_DOCUMENT_CHARACTERS if isinstance(line, Given) else len(line)
        if length < MAX_DOCUMENT_CHARACTERS:
            parts.append(text)
        if text.rstrip() == "}":
            break
    else:
        return Written(where, None, "the document that begins here has no line '}' that ends it")
    if length >= MAX_DOCUMENT_CHARACTERS:
        return Written(where, None, f"longer than {MAX_DOCUMENT_CHARACTERS} characters")
    return _parsed(where, "".join(parts))


def _parsed(where: str, text: str) -> Written:
    try:
        document = json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} of it, " * (error.lineno > 1)
        return Written(where, None, f"not JSON: {error.msg} ({place}column {error.colno})")
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Written(where, None, f"not JSON: {reason}")
    if not isinstance(document, dict):
        return Written(where, None, 'must be an object like {"message": "BSM", "value": {...}}')
    return Written(where, document)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"member {twin!r} stands twice in one object")
    return members
