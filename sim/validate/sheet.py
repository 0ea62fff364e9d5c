"""A CSV file with ``#`` comments, read once for whichever family recognises it; every defect is one clear line."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class CurveError(ValueError):
    """A file that cannot be used; the message names file, line, value and rule."""


@dataclass(frozen=True)
class Sheet:
    """Comment lines, column names and cells of one file; ``lines`` holds the line number of each row."""

    path: Path
    comments: tuple[str, ...]
    header_line: int
    header: tuple[str, ...]
    lines: tuple[int, ...]
    cells: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """All comment lines, joined by line ends."""
        return "\n".join(self.comments)

    def says(self, *words: str) -> bool:
        """Whether some comment line holds all ``words``, whatever the case."""
        return any(all(word in line.lower() for word in words) for line in self.comments)

    def has(self, *names: str) -> bool:
        """Whether all these columns exist."""
        return all(name in self.header for name in names)

    def check_rows(self, *required: str, least: int = 1) -> None:
        """CurveError unless ``required`` columns exist, names are unique, rows are complete and numerous enough."""
        if not self.header:
            raise CurveError(f"{self.path}: no column header and no rows")
        for name in required:
            if name not in self.header:
                raise CurveError(f"{self.path}:{self.header_line}: column '{name}' is missing")
        if len(set(self.header)) != len(self.header):
            raise CurveError(f"{self.path}:{self.header_line}: a column name stands twice")
        if len(self.cells) < least:
            raise CurveError(f"{self.path}: {len(self.cells)} rows, at least {least} needed")
        for line, row in zip(self.lines, self.cells, strict=True):
            if len(row) != len(self.header):
                raise CurveError(f"{self.path}:{line}: {len(row)} cells, the header has {len(self.header)} columns")

    def words(self, name: str) -> list[str]:
        """One column as text."""
        place = self.header.index(name)
        return [row[place].strip() for row in self.cells]

    def numbers(self, name: str, least: float = -math.inf, most: float = math.inf) -> np.ndarray:
        """One column as float64; CurveError for what is no finite number within ``least`` .. ``most``."""
        values = np.empty(len(self.cells))
        for place, (line, word) in enumerate(zip(self.lines, self.words(name), strict=True)):
            try:
                value = float(word)
            except ValueError:
                raise CurveError(f"{self.path}:{line}: {name} is '{word}', must be a number") from None
            if not math.isfinite(value):
                raise CurveError(f"{self.path}:{line}: {name} is '{word}', must be finite")
            if not least - 1e-9 <= value <= most + 1e-9:
                raise CurveError(f"{self.path}:{line}: {name} is {value:g}, must lie in {least:g} .. {most:g}")
            values[place] = value
        return values

    def rising(self, name: str, least: float = -math.inf, most: float = math.inf) -> np.ndarray:
        """As :meth:`numbers`; CurveError also where a value does not exceed the one before."""
        values = self.numbers(name, least, most)
        for place in np.flatnonzero(np.diff(values) <= 0) + 1:
            raise CurveError(f"{self.path}:{self.lines[place]}: {name} is {values[place]:g}, must grow from row to row")
        return values


def read_sheet(path: Path) -> Sheet:
    """The file as it stands; CurveError if it is no UTF-8 text."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CurveError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    comments = tuple(line.lstrip("#").strip() for line in lines if line.startswith("#"))
    rows = [
        (number, tuple(next(csv.reader([line]))))
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]
    header = tuple(cell.strip() for cell in rows[0][1]) if rows else ()
    return Sheet(
        path,
        comments,
        rows[0][0] if rows else 0,
        header,
        tuple(number for number, _ in rows[1:]),
        tuple(row for _, row in rows[1:]),
    )
