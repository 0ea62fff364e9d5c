"""Reading rows of user files: problems are collected, each one line with file, line, field, value and rule."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

MOST_PROBLEMS = 20
LONGEST_FIELD = 1024
LONGEST_LINE = 65_536
_RANGES = {
    "lon": (-180.0, 180.0),
    "lat": (-84.0, 84.0),
    "speed": (0.0, 100.0),
    "heading": (-360.0, 360.0),
    "angle": (-360.0, 360.0),
    "time": (-1e9, 1e9),
    "x": (-1e7, 1e7),
    "y": (-1e7, 1e7),
    "chainage": (0.0, 1e6),
    "lateral": (-1e4, 1e4),
}


class InputError(ValueError):
    """A user's file cannot be used; one line per problem."""


class InputProblems:
    """Collects problems of one file and raises them together, at most ``MOST_PROBLEMS``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []

    def add(self, line: int, field: str, value: str, rule: str) -> None:
        """One more problem; raises at once when there are enough."""
        shown = value if len(value) <= 40 else value[:37] + "..."
        self.lines.append(f"{self.path}:{line}: {field}: {shown!r} {rule}")
        if len(self.lines) >= MOST_PROBLEMS:
            self.lines.append(f"{self.path}: more problems may follow; the first {MOST_PROBLEMS} are shown")
            self.raise_if_any()

    def number(self, line: int, field: str, text: str | None) -> float:
        """A finite number inside the field's range; NaN after noting a problem."""
        try:
            value = float(text or "")
        except ValueError:
            self.add(line, field, text or "", "is not a number")
            return math.nan
        low, high = _RANGES.get(field, (-math.inf, math.inf))
        if not math.isfinite(value):
            self.add(line, field, text or "", "must be finite")
        elif not low <= value <= high:
            self.add(line, field, text or "", f"must lie in {low:g}..{high:g}")
        else:
            return value
        return math.nan

    def raise_if_any(self) -> None:
        """InputError with all lines, if there is a problem."""
        if self.lines:
            raise InputError("\n".join(self.lines))


def read_rows(
    path: Path,
    problems: InputProblems,
    allowed: tuple[str, ...],
    needed: tuple[tuple[str, ...], ...],
    always: tuple[str, ...] = (),
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, {column: text}) of a CSV file with a header, streamed; ``#`` lines before the header are comments.

    ``needed`` lists alternatives, one of which must be complete; ``always`` must be there too. Raises InputError for
    an unreadable file or a bad header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _bounded_lines(file, problems)
            skipped = 0
            for first in lines:
                if first.strip() and not first.startswith("#"):
                    break
                skipped += 1
            else:
                problems.add(1, "file", "", "is empty")
                problems.raise_if_any()
            header = [name.strip() for name in next(csv.reader([first]))]
            _check_header(header, skipped + 1, problems, allowed, needed, always)
            reader = csv.reader(lines)
            for fields in reader:
                line = skipped + 1 + reader.line_num
                if not fields:
                    continue
                if len(fields) != len(header):
                    problems.add(
                        line,
                        "row",
                        ",".join(fields),
                        f"has {len(fields)} fields, the header has {len(header)}",
                    )
                elif max(map(len, fields)) > LONGEST_FIELD:
                    problems.add(line, "row", fields[0], f"has a field of more than {LONGEST_FIELD} characters")
                else:
                    yield line, dict(zip(header, fields, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _bounded_lines(file: TextIO, problems: InputProblems) -> Iterator[str]:
    count = 0
    while text := file.readline(LONGEST_LINE):
        count += 1
        if len(text) >= LONGEST_LINE:
            problems.add(count, "line", text[:40], f"is longer than {LONGEST_LINE} characters")
            problems.raise_if_any()
        yield text


def _check_header(
    header: list[str],
    line: int,
    problems: InputProblems,
    allowed: tuple[str, ...],
    needed: tuple[tuple[str, ...], ...],
    always: tuple[str, ...],
) -> None:
    for name in header:
        if name not in allowed:
            problems.add(line, "header", name, f"is not a known column ({', '.join(allowed)})")
    for name in sorted(set(header)):
        if header.count(name) > 1:
            problems.add(line, "header", name, "stands twice")
    for name in always:
        if name not in header:
            problems.add(line, "header", name, "is missing")
    if not any(all(name in header for name in group) for group in needed):
        problems.add(line, "header", ",".join(header), "needs " + " or ".join(", ".join(g) for g in needed))
    problems.raise_if_any()
