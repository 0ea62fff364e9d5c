"""What the runs of one variant say, indexed: rows of ``metrics.csv`` and merged histograms, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sim.metrics.histograms import Histogram, histograms_of, merged
from sim.requirements.classes import messages_of
from sim.results import Result, ResultError
from sim.tables import Table

METRICS = (
    "prr", "uir", "latency", "age_at_apply", "update_delay", "aoi", "gap_over_2.5T", "generation_rate",
    "position_error", "C_useful", "decoded_ratio", "verified_ratio", "pair_latency_mean", "warning_m",
)
"""Metrics that checks read; those with a distribution have rows ``_mean`` and ``_max`` beside."""
_DISTRIBUTED = ("latency", "age_at_apply", "update_delay", "aoi", "position_error")
_READ = frozenset([*METRICS, *(f"{name}{end}" for name in _DISTRIBUTED for end in ("_mean", "_max"))])
_Made = TypeVar("_Made")
Key = tuple[str, str, str, str, str]
"""metric, link, message, jurisdiction, station class."""


@dataclass(frozen=True)
class Series:
    """One figure over the seeds: NaN and 0 where a seed has no such row."""

    values: np.ndarray
    n: np.ndarray


class Evidence:
    """Everything measured in the runs of one variant; each file is read once and only what checks need is kept."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = list(results)
        self._rows = [_used(result, "metrics.csv", _indexed) for result in self.results]
        self._histograms = [_used(result, "histograms.csv", _histograms) for result in self.results]
        self._coverage: list[Table | None] | None = None

    @property
    def seeds(self) -> int:
        """Finished runs."""
        return len(self.results)

    @property
    def jurisdictions(self) -> list[str]:
        """Ids in the order of the scenario."""
        if not self.results:
            return []
        corridor: Any = self.results[0].scenario.get("corridor") or {}
        listed = [str(one["id"]) for one in corridor.get("jurisdictions") or [] if "id" in one]
        return listed or sorted({key[3] for rows in self._rows for key in rows if key[3]})

    @property
    def bin_m(self) -> float:
        """Distance bin of the runs."""
        return self._setting("bin_m", 25.0)

    @property
    def probe_spacing_m(self) -> float:
        """Length of a coverage cell."""
        return self._setting("probe_spacing_m", 25.0)

    def _setting(self, name: str, default: float) -> float:
        measure: Any = self.results[0].scenario.get("measure") if self.results else None
        return float((measure or {}).get(name, default))

    def messages(self, wanted: str) -> list[str]:
        """Messages of the runs that a requirement on a class of use, or on one message, speaks of.

        Rows of zones name classes, not messages: an ETSI run has coverage of RSI and sends DENM.
        """
        present = {key[2] for rows in self._rows for key in rows if key[2] and key[:2] != ("C_useful", "I2V")}
        return messages_of(wanted, sorted(present))

    def has(self, *key: str) -> bool:
        """Whether any seed has a row of this key."""
        return any(key in rows for rows in self._rows)

    def told_by_place(self, key: Key) -> bool:
        """Whether any seed has a row of this figure for any jurisdiction, whichever the key names."""
        return any(self.has(*key[:3], place, key[4]) for place in self.jurisdictions)

    def series(self, key: Key, distance_m: float | None = None, quantile: float | None = None) -> Series:
        """Values and counts of one row over the seeds; without a distance, the nearest one there is."""
        found = [_one(rows.get(key, ()), distance_m, quantile) for rows in self._rows]
        return Series(np.array([value for value, _ in found]), np.array([n for _, n in found]))

    def distances(self, key: Key) -> list[float]:
        """Distances at which any seed has a row of this key, growing."""
        found = {row[0] for rows in self._rows for row in rows.get(key, ())}
        return sorted(one for one in found if not math.isnan(one))

    def merged_quantile(self, key: Key, share: float) -> float:
        """Quantile of the merged histograms of all seeds; NaN where a seed that has the figure has no histogram."""
        parts = [found[key] for found in self._histograms if key in found]
        if not parts or len(parts) < sum(key in rows for rows in self._rows):
            return math.nan
        return merged(parts).quantile(share)

    def coverage(self) -> list[Table | None]:
        """The table of coverage cells of each run, none where it has none."""
        if self._coverage is None:
            self._coverage = [_used(result, "coverage.csv", _coverage) for result in self.results]
        return self._coverage


Rows = dict[Key, list[tuple[float, float, float, float]]]


def _used(result: Result, file: str, reader: Callable[[Result], _Made]) -> _Made:
    """What a reader makes of a run; a ResultError naming the file where it is broken."""
    try:
        return reader(result)
    except ResultError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        text = error.args[0] if error.args else type(error).__name__
        raise ResultError(f"{result.folder / file}: cannot be used: {text}") from None


def _indexed(result: Result) -> Rows:
    """(distance, quantile, value, n) by key, of the metrics that checks read; rows of cells and directions stay out."""
    table = Table.from_csv(result.folder / "metrics.csv")
    keep = np.isin(table["metric"], sorted(_READ)) & (table["direction"] == "") & np.isnan(table["chainage_m"])
    used = table.take(keep)
    names = ("metric", "link", "message", "jurisdiction", "station_class")
    keys = zip(*(used[name].tolist() for name in names), strict=True)
    numbers = zip(*(used[name].tolist() for name in ("distance_m", "quantile", "value", "n")), strict=True)
    rows: Rows = {}
    for key, row in zip(keys, numbers, strict=True):
        rows.setdefault(key, []).append(row)
    return rows


def _one(
    rows: Sequence[tuple[float, float, float, float]], distance_m: float | None, quantile: float | None
) -> tuple[float, float]:
    for at_m, share, value, n in rows:
        same_place = distance_m is None or abs(at_m - distance_m) < 1e-6
        same_share = math.isnan(share) if quantile is None else abs(share - quantile) < 1e-9
        if same_place and same_share:
            return value, 0.0 if math.isnan(n) else n
    return math.nan, 0.0


def _coverage(result: Result) -> Table | None:
    return Table.from_csv(result.folder / "coverage.csv") if result.has("coverage") else None


def _histograms(result: Result) -> dict[Key, Histogram]:
    """Histograms by key; of several at different distances the first."""
    if not result.has("histograms"):
        return {}
    table = Table.from_csv(result.folder / "histograms.csv")
    found: dict[Key, Histogram] = {}
    for names, histogram in histograms_of(table.select(metric=list(_DISTRIBUTED), direction=None)).items():
        metric, _unit, link, message, jurisdiction, _direction, station_class, _distance = names
        found.setdefault((metric, link, message, jurisdiction, station_class), histogram)
    return found
