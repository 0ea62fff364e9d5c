"""Arguments and output that several verbs share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

SCHEMA_VERSION = 1
"""Version of the JSON documents the verbs print."""


def add_verb(verbs: Any, name: str, help_text: str, examples: str) -> argparse.ArgumentParser:
    """A parser for one verb; ``examples`` are runnable command lines, one per line."""
    lines = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """SCENARIO, ``--set`` and ``--seed``."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a YAML file, or a shipped name (corridor list)")
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change one key, e.g. --set traffic.equipped_ratio=0.5; may be repeated",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="seed in place of the file's")


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_loudness(parser: argparse.ArgumentParser, more: str = "") -> None:
    """``-q`` and, where there is more to say, ``-v``."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, no remarks")
    if more:
        group.add_argument("-v", "--verbose", action="store_true", help=more)


def seed(text: str) -> int:
    """A seed: a whole number from 0 to 2^63 - 1."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0 to 2^63 - 1")
    return value


def print_json(document: Any) -> None:
    """One JSON document on stdout; NaN is an error, never written."""
    print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def print_line(document: Any) -> None:
    """One JSON document on one line of stdout, in letters its encoding has; NaN is an error, never written."""
    has_all_letters = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    print(json.dumps(document, ensure_ascii=not has_all_letters, allow_nan=False))


def remark(text: str, *, quiet: bool = False) -> None:
    """A line for the person at the terminal, on stderr."""
    if not quiet:
        print(text, file=sys.stderr)


def columns(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """A table in aligned columns; the last column is left ragged."""
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(_width(row[column]) for row in table) for column in range(len(header))]
    lines = []
    for row in table:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns a text takes on a terminal: wide characters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
