"""Histograms behind the quantile rows of ``metrics.csv``, so that quantiles of several runs come from their merger.

Cells per unit: ``ms`` those of :class:`~sim.metrics.statistics.DelayHistogram`; ``ratio`` steps of 0.001; ``m`` steps
of 0.01 m up to 200 m, and the rest; ``m signed`` steps of 0.1 m and ``s signed`` of 0.01 s around 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.metrics.base import Metric, Rows
from sim.metrics.statistics import DelayHistogram
from sim.tables import METRIC_COLUMNS, Table

if TYPE_CHECKING:
    from sim.metrics.base import Kpi

KEY_COLUMNS = METRIC_COLUMNS[:8]
"""What a histogram shares with its quantile rows: metric .. distance_m."""
COLUMNS = (*KEY_COLUMNS, "largest", "cells")
"""Of ``histograms.csv``: ``cells`` holds ``cell:count`` of cells that are not empty, separated by spaces."""
CELLS_PER_ROW = 2000
"""Longer histograms continue in further rows of the same names: readers of CSV limit the length of a cell."""
RATIO_CELLS = 1000
"""Cells per 1 of a ratio."""
METRE_CELL_M, METRE_CELLS = 0.01, 20_000
"""Cells of lengths; the last one is open."""

SIGNED_METRES, SIGNED_SECONDS = "m signed", "s signed"
"""Units of lengths and times that may be below 0."""
SIGNED_STEPS = {SIGNED_METRES: 0.1, SIGNED_SECONDS: 0.01}
SIGNED_CELLS = 200_000
"""Half of them below 0; the first and the last one are open."""


class Named(NamedTuple):
    """One histogram of a run with the names of its rows in ``metrics.csv``."""

    names: Metric
    """Quantile, value and n are empty."""
    cells: np.ndarray
    """Counts by cell."""
    largest: float
    """The largest value, exact where the accumulator kept it, in the unit of ``names``."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Cells that are not empty, in growing order; what merging and quantiles need."""

    unit: str
    cell: np.ndarray
    count: np.ndarray
    largest: float

    @property
    def n(self) -> int:
        """Values in it."""
        return int(self.count.sum())

    def quantile(self, share: float) -> float:
        """Nearest-rank quantile in the histogram's unit, as the run itself takes it; NaN when empty."""
        if not len(self.cell):
            return math.nan
        rank = max(1, math.ceil(share * self.n - 1e-9))
        cell = int(self.cell[np.searchsorted(np.cumsum(self.count), rank)])
        return min(upper_edge(self.unit, cell, self.largest), self.largest)


def of_delays(names: Metric, delays: DelayHistogram) -> Named:
    """A delay histogram under the names of its rows."""
    return Named(names, delays.cells, delays.max_ns / 1e6)


def of_signed(names: Metric, values: Sequence[float]) -> Named:
    """Values in a signed unit under the names of their rows; at least one."""
    cells = np.bincount(_signed_cell(names.unit, values), minlength=1)
    return Named(names, cells, max(values))


def signed_quantile(unit: str, values: Sequence[float], share: float) -> float:
    """Nearest-rank quantile as the histogram of the values gives it; at least one value."""
    cell = np.sort(_signed_cell(unit, values))
    rank = max(1, math.ceil(share * len(cell) - 1e-9))
    return min(upper_edge(unit, int(cell[rank - 1]), max(values)), max(values))


def _signed_cell(unit: str, values: Sequence[float]) -> np.ndarray:
    steps = np.ceil(np.round(np.asarray(values, float) / SIGNED_STEPS[unit], 6)).astype(np.int64)
    return np.clip(steps + SIGNED_CELLS // 2, 0, SIGNED_CELLS)


def collected(kpis: Mapping[str, Kpi]) -> Rows:
    """``histograms.csv`` of a run: every histogram of every KPI that tells them.

    A KPI with quantile rows has a method ``distributions() -> Iterable[Named]`` with one for each set of quantile rows;
    quantiles of one without it are not merged over seeds.
    """
    found = (one for kpi in kpis.values() if hasattr(kpi, "distributions") for one in kpi.distributions())
    return Rows(COLUMNS, [row for one in found for row in _rows(one)])


def _rows(one: Named) -> Iterator[Sequence[Any]]:
    used = np.flatnonzero(one.cells)
    texts = [f"{cell}:{count}" for cell, count in zip(used.tolist(), one.cells[used].tolist(), strict=True)]
    for first in range(0, len(texts), CELLS_PER_ROW):
        yield (*one.names[: len(KEY_COLUMNS)], one.largest, " ".join(texts[first : first + CELLS_PER_ROW]))


def upper_edge(unit: str, cell: int, largest: float) -> float:
    """Largest value that falls into a cell, in the unit; of the last, open one: ``largest``."""
    if unit == "ratio":
        return cell / RATIO_CELLS
    if unit == "m":
        return cell * METRE_CELL_M if cell < METRE_CELLS else largest
    if unit in SIGNED_STEPS:
        return (cell - SIGNED_CELLS // 2) * SIGNED_STEPS[unit] if cell < SIGNED_CELLS else largest
    edge_ns = DelayHistogram.edge_ns(cell)
    return largest if edge_ns is None else edge_ns / 1e6


def cells_of(text: str) -> tuple[np.ndarray, np.ndarray]:
    """(cells, counts) of one row's ``cells``; a ValueError if it is none."""
    flat = np.array([int(word) for word in text.replace(":", " ").split()], np.int64)
    if len(flat) % 2 or (flat < 0).any():
        raise ValueError("must hold pairs 'cell:count'")
    return flat[::2], flat[1::2]


def merged(parts: Iterable[Histogram]) -> Histogram:
    """All values of several histograms of one unit together; an empty one of no parts. ValueError: units differ."""
    parts = list(parts)
    units = sorted({one.unit for one in parts})
    if len(units) > 1:
        raise ValueError(f"histograms in {' and '.join(units)} cannot be merged")
    if len(parts) == 1:
        return parts[0]
    cells = np.concatenate([np.empty(0, np.int64), *(one.cell for one in parts)])
    counts = np.concatenate([np.empty(0, np.int64), *(one.count for one in parts)])
    dense = np.zeros(int(cells.max(initial=-1)) + 1, np.int64)
    np.add.at(dense, cells, counts)
    used = np.flatnonzero(dense)
    return Histogram("".join(units), used, dense[used], max((one.largest for one in parts), default=math.nan))


def histograms_of(table: Table) -> dict[tuple[Any, ...], Histogram]:
    """Histograms of a run's table ``histograms`` by (metric .. station_class, distance_m; None where empty)."""
    parts: dict[tuple[Any, ...], list[Histogram]] = {}
    for row in table.rows():
        *names, distance_m = (row[name] for name in KEY_COLUMNS)
        key = (*map(str, names), None if math.isnan(distance_m) else float(distance_m))
        parts.setdefault(key, []).append(Histogram(str(row["unit"]), *cells_of(str(row["cells"])), row["largest"]))
    return {key: merged(found) for key, found in parts.items()}
