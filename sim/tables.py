"""Tables as CSV text and as columns: what the files of a result folder are made of."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

METRIC_COLUMNS = (
    "metric",
    "unit",
    "link",
    "message",
    "jurisdiction",
    "direction",
    "station_class",
    "distance_m",
    "chainage_m",
    "quantile",
    "value",
    "n",
    "lower",
    "upper",
)
_TEXT = frozenset(METRIC_COLUMNS[:7]) | {"class", "home", "name"}


class ResultError(ValueError):
    """A result folder cannot be written or read; one line that names folder and rule."""


def cell_text(value: Any) -> str:
    """One CSV cell: integers in full, floats with ten significant digits, ``None`` and NaN empty."""
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            return ""
        return format(float(value) + 0.0, ".10g")
    return str(value)


def finite_or_none(value: float) -> float | None:
    """A number as JSON can hold it: NaN and infinity are null."""
    return float(value) if math.isfinite(value) else None


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A CSV table with LF line ends; equal rows give equal bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell_text(v) for v in row] for row in rows)
    return out.getvalue()


class Table(Mapping[str, np.ndarray]):
    """A table as columns: text columns of str, the rest float with NaN for empty cells."""

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self._columns = dict(columns)
        self.row_count = len(next(iter(self._columns.values()))) if self._columns else 0

    @staticmethod
    def from_csv(path: Path) -> Table:
        """Read a CSV table with one header line."""
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        if not lines:
            raise ResultError(f"{path}: is empty, a header line is needed")
        header, body = lines[0], lines[1:]
        short = next((i for i, line in enumerate(body, 2) if len(line) != len(header)), None)
        if short is not None:
            raise ResultError(
                f"{path}:{short}: has {len(body[short - 2])} cells, the header has {len(header)}"
            )
        return Table({name: _column(name, [line[k] for line in body]) for k, name in enumerate(header)})

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}; there are {', '.join(self._columns)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def take(self, where: np.ndarray) -> Table:
        """Rows by mask or index."""
        return Table({name: column[where] for name, column in self._columns.items()})

    def select(self, **where: Any) -> Table:
        """Rows where each named column equals the value (or one of a list of values); ``None`` = empty
        cell."""
        keep = np.ones(self.row_count, bool)
        for name, wanted in where.items():
            column = self[name]
            if wanted is None:
                keep &= column == "" if column.dtype.kind == "U" else np.isnan(column)
            else:
                several = isinstance(wanted, (list, tuple, set, frozenset))
                keep &= np.isin(column, np.array(sorted(wanted) if several else [wanted]))
        return self.take(keep)

    def sorted_by(self, name: str) -> Table:
        """Rows in growing order of a column; equal ones keep their order."""
        return self.take(np.argsort(self[name], kind="stable"))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows as dictionaries."""
        for values in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, values, strict=True))


def _column(name: str, cells: list[str]) -> np.ndarray:
    if name not in _TEXT:
        try:
            return np.array([float(c) if c else math.nan for c in cells])
        except ValueError:
            pass
    return np.array(cells, dtype=np.str_)
