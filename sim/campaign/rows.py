"""Rows of ``metrics.csv`` of one variant over its seeds: read once, as arrays keyed by row.

- A row that is no quantile: mean over seeds with its t-interval.
- A quantile: that of the merged histograms of all seeds, never a mean of quantiles. Its interval is that value
  +- t s / sqrt(n), s being the standard deviation of the seeds' own quantiles.
- ``..._max``: the largest of all seeds, without an interval.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.campaign.histograms import Histograms, read_histograms
from sim.campaign.statistics import mean_intervals
from sim.campaign.store import CampaignResult
from sim.metrics.histograms import Histogram, merged
from sim.tables import METRIC_COLUMNS, ResultError, Table

KEY_COLUMNS = METRIC_COLUMNS[:10]
"""metric .. station_class, distance_m, chainage_m, quantile: what names a row."""
_TEXT_COLUMNS = 7
_HEADER = ",".join(METRIC_COLUMNS)


@dataclass
class RowKeys:
    """What the rows of a variant are: one entry per row, in the order of ``metrics.csv``."""

    text: list[str]
    """The ten key cells as CSV."""
    head: list[str]
    """The first eight of them, which a row shares with its histogram."""
    quantile: np.ndarray
    """NaN where the row is none."""
    is_cell: np.ndarray
    """Whether the row is about one cell of the road (``chainage_m``)."""
    is_max: np.ndarray
    """Whether the row tells a maximum."""

    @staticmethod
    def of(text: list[str]) -> RowKeys:
        """From the key cells as CSV; a ValueError where a quantile is no number."""
        parts = [one.rsplit(",", 2) for one in text]
        heads = [part[0] for part in parts]
        return RowKeys(
            text, heads, np.array([float(part[2]) if part[2] else math.nan for part in parts]),
            np.array([part[1] != "" for part in parts], bool),
            np.array([head.partition(",")[0].endswith("_max") for head in heads], bool),
        )

    def columns(self) -> dict[str, np.ndarray]:
        """The ten key columns: text as str, numbers as float with NaN for empty cells."""
        cells = list(zip(*csv.reader(self.text), strict=True)) or [()] * len(KEY_COLUMNS)
        found: dict[str, np.ndarray] = {}
        for place, (name, column) in enumerate(zip(KEY_COLUMNS, cells, strict=True)):
            if place < _TEXT_COLUMNS:
                found[name] = np.array(column, dtype=np.str_)
            else:
                found[name] = np.array([float(cell) if cell else math.nan for cell in column])
        return found


@dataclass
class VariantValues:
    """Every row of every finished run of a variant."""

    keys: RowKeys
    replications: list[int]
    """Of the runs, in growing order."""
    value: np.ndarray
    """Shape (rows, runs); NaN where a run does not have the row, or has it without a value."""
    n: np.ndarray
    """Trials behind each value, same shape; NaN where a row tells none."""
    histograms: list[Histograms]
    """By run: head of the key -> histogram."""
    unreadable: list[str]
    """A line for each run whose tables could not be read; it is not among ``replications``."""

    @property
    def byte_count(self) -> int:
        """Memory of the arrays."""
        cells = sum(one.cell.nbytes + one.count.nbytes for run in self.histograms for one in run.values())
        return self.value.nbytes + self.n.nbytes + cells + 100 * len(self.keys.text)

    def centre(self, there: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """What each row says of the runs marked in ``there`` (shape (rows, runs)): mean, merged quantile or maximum.

        ``rows`` chooses rows (indices) of this variant, in the order of ``there``; none = all.
        """
        rows = np.arange(len(self.keys.text)) if rows is None else rows
        value = np.where(there, self.value[rows], math.nan)
        centre = mean_intervals(value).mean
        for k in np.flatnonzero(self.keys.is_max[rows] & there.any(1)):
            centre[k] = np.nanmax(value[k])
        cache: dict[tuple[str, bytes], Histogram] = {}
        for k in np.flatnonzero(~np.isnan(self.keys.quantile[rows])):
            head, runs = self.keys.head[rows[k]], there[k].tobytes()
            if (head, runs) not in cache:
                cache[head, runs] = self._merged(head, np.flatnonzero(there[k]).tolist())
            centre[k] = cache[head, runs].quantile(float(self.keys.quantile[rows[k]]))
        return centre

    def _merged(self, head: str, runs: Sequence[int]) -> Histogram:
        """Of those runs together; empty where one of them tells no histogram: the quantile is then unknown."""
        parts = [self.histograms[run].get(head) for run in runs]
        known = [part for part in parts if part is not None]
        return merged(known if len(known) == len(parts) else [])


@dataclass
class OverSeeds:
    """Statistics of rows over the runs of a variant: arrays of equal length."""

    mean: np.ndarray
    half_width: np.ndarray
    """NaN without an interval."""
    n_seeds: np.ndarray
    n: np.ndarray
    """Sum over seeds; NaN where rows tell none."""


def over_seeds(values: VariantValues) -> OverSeeds:
    """Each row of a variant over its seeds."""
    there = ~np.isnan(values.value)
    found = mean_intervals(values.value)
    half = np.where(values.keys.is_max, math.nan, found.half_width)
    told = ~np.isnan(values.n) & there
    n = np.where(told.any(1), np.where(told, values.n, 0).sum(1), math.nan)
    return OverSeeds(values.centre(there), half, found.n, n)


def variant_rows(campaign: CampaignResult, variant: int) -> Table:
    """Every row of ``metrics.csv`` of a variant over its finished seeds, cells of the road included.

    Columns: the ten of :data:`KEY_COLUMNS`, then ``mean``, ``lower``, ``upper``, ``n_seeds``, ``n``. ``mean`` is the
    merged quantile where ``quantile`` is set and the maximum of ``..._max`` rows. Bounds are NaN with fewer than two
    seeds; they are not clipped to what the metric can be. A row that some runs do not have says so by ``n_seeds``.
    ``n`` sums trials over seeds. :class:`ResultError` where a run cannot be read.
    """
    values = read_values(campaign, variant)
    if values.unreadable:
        raise ResultError(values.unreadable[0])
    found = over_seeds(values)
    columns = values.keys.columns()
    columns["mean"], columns["n_seeds"], columns["n"] = found.mean, found.n_seeds.astype(float), found.n
    columns["lower"], columns["upper"] = found.mean - found.half_width, found.mean + found.half_width
    return Table({name: columns[name] for name in (*KEY_COLUMNS, "mean", "lower", "upper", "n_seeds", "n")})


def read_values(campaign: CampaignResult, variant: int) -> VariantValues:
    """All rows of the finished runs of a variant; runs that cannot be read are told in ``unreadable``."""
    reading = _Reading()
    replications, histograms, unreadable = [], [], []
    runs = sorted((run.replication, run.run_id) for run in campaign.runs if run.variant == variant and
                  campaign.finished(run))
    for replication, run_id in runs:
        folder = campaign.folder.run_path(run_id)
        try:
            found = read_histograms(folder)
            reading.add(folder / "metrics.csv")
        except ResultError as error:
            unreadable.append(f"{error}; remove that folder, and the same sweep command does the run again")
            continue
        replications.append(replication)
        histograms.append(found)
    keys, value, n = reading.finished()
    return VariantValues(keys, replications, value, n, histograms, unreadable)


class _Reading:
    """Gathers the rows of several runs under one order of keys."""

    def __init__(self) -> None:
        self._row: dict[str, int] = {}
        self._next: dict[int, int] = {}
        self._runs: list[tuple[list[int], list[float], list[float]]] = []

    def add(self, path: Path) -> None:
        """One run's ``metrics.csv``; a ResultError if it is broken, and then nothing is taken from it."""
        keys, values, counts = [], [], []
        for key, value, count in _lines(path):
            keys.append(key)
            values.append(value)
            counts.append(count)
        places, before = [], -1
        for key in keys:
            place = self._row.get(key)
            if place is None:
                place = self._row[sys.intern(key)] = len(self._row)
                self._next[place], self._next[before] = self._next.get(before, -1), place
            places.append(place)
            before = place
        self._runs.append((places, values, counts))

    def finished(self) -> tuple[RowKeys, np.ndarray, np.ndarray]:
        """(keys in the order of the files, values, counts); a row of a later run stands behind the one it followed."""
        shape = len(self._row), len(self._runs)
        value, n = np.full(shape, math.nan), np.full(shape, math.nan)
        for run, (places, values, counts) in enumerate(self._runs):
            value[places, run], n[places, run] = values, counts
        order, at = [], self._next.get(-1, -1)
        while at >= 0:
            order.append(at)
            at = self._next[at]
        texts = list(self._row)
        return RowKeys.of([texts[place] for place in order]), value[order], n[order]


def _lines(path: Path) -> Iterator[tuple[str, float, float]]:
    """(key as CSV, value, n) of each row; the last four columns never hold a quote or comma."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: cannot be read: {error}") from None
    if lines[0] != _HEADER:
        raise ResultError(f"{path}:1: does not begin with the columns {_HEADER}")
    if lines[-1] != "":
        raise ResultError(f"{path}:{len(lines)}: ends in mid-line")
    for number, line in enumerate(lines[1:-1], 2):
        try:
            key, value, count, _, _ = line.rsplit(",", 4)
            if key.count(",") != len(KEY_COLUMNS) - 1 and '"' not in key:
                raise ValueError
            yield key, float(value) if value else math.nan, float(count) if count else math.nan
        except ValueError:
            rule = f"is no row of {len(METRIC_COLUMNS)} cells with numbers in the last"
            raise ResultError(f"{path}:{number}: {rule}") from None
