"""What the runs of one layout say, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sim.campaign.store import CampaignResult
from sim.layouts.compare.question import MODEL_KEY
from sim.metrics.base import CLASSES
from sim.results import Result
from sim.tables import Table

QUANTILES = (0.5, 0.99)
SHARES = ("C_raw", "C_useful")


class Key(NamedTuple):
    """One figure of a comparison: the columns that name a row of ``metrics.csv``, where they are used."""

    metric: str
    unit: str
    link: str = ""
    message: str = ""
    jurisdiction: str = ""
    direction: str = ""
    station_class: str = ""
    quantile: float | None = None


class Cell(NamedTuple):
    """One probe of one class."""

    class_: str
    jurisdiction: str
    direction: str
    chainage_m: float


@dataclass
class Observed:
    """All finished runs of one layout under one propagation model and candidate."""

    variant: int
    layout: str
    model: str
    candidate: str
    seeds: list[int]
    """Replications that are finished, in order."""
    values: dict[Key, np.ndarray] = field(default_factory=dict)
    """Per figure, one value per replication; NaN where a run has none."""
    cells: dict[Cell, np.ndarray] = field(default_factory=dict)
    """Per probe: shape (zone seconds, C_raw, C_useful; replications)."""
    lost: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    """Per (class, unit): shape (raw, useful; replications), share of zone time that it alone covers."""
    operators: dict[str, str] = field(default_factory=dict)
    """Who operates each unit."""

    def share(self, metric: str, class_: str) -> np.ndarray:
        """Coverage of a class over all its zones, per replication; NaN where it has no zone."""
        none = np.full(len(self.seeds), math.nan)
        return self.values.get(Key(metric, "ratio", "I2V", class_, station_class="probe"), none)

    def classes(self) -> list[str]:
        """Classes that have a zone."""
        return [name for name in CLASSES if np.isfinite(self.share("C_useful", name)).any()]

    def zone_km(self, classes: Iterable[str], spacing_m: float) -> float:
        """Road, by direction, that lies in a zone of any of the classes."""
        wanted = set(classes)
        places = {(cell.direction, cell.chainage_m) for cell in self.cells if cell.class_ in wanted}
        return len(places) * spacing_m / 1000


def observed(campaign: CampaignResult) -> list[Observed]:
    """Every variant of a comparison with its finished runs; one variant's tables are in memory at a time."""
    return [observe(campaign, variant.index) for variant in campaign.variants]


def observe(campaign: CampaignResult, index: int) -> Observed:
    """One variant."""
    variant = campaign.variants[index]
    found = campaign.results(index)
    labels: Mapping[str, str] = variant.labels
    out = Observed(
        index, labels.get("layout", labels.get("case", "")), labels[MODEL_KEY], labels.get("candidate", ""),
        [run.replication for run, _ in found],
    )
    for column, (_, result) in enumerate(found):
        for key, value in _figures(result):
            out.values.setdefault(key, np.full(len(found), math.nan))[column] = value
        _take_cells(out, column, result)
        _take_suppliers(out, column, result)
    return out


def _figures(result: Result) -> Iterator[tuple[Key, float]]:
    table = result.table("metrics")
    for rows in (
        table.select(metric=list(SHARES), station_class="probe", chainage_m=None),
        table.select(metric="latency", quantile=list(QUANTILES), jurisdiction=None),
        table.select(metric=["vehicle_coverage", "vehicle_coverage_raw"], station_class="vehicle"),
        table.select(metric=["cbr", "cbr_mean"], jurisdiction=None),
    ):
        yield from _keyed(rows)
    if result.has("holes"):
        yield from _gap_figures(result.table("holes"), _zones(result))


def _keyed(rows: Table) -> Iterator[tuple[Key, float]]:
    for row in rows.rows():
        yield key_of(row), float(row["value"])


def key_of(row: Mapping[str, Any]) -> Key:
    """The key in a row of a table."""
    text = {name: str(row[name]) for name in Key._fields[:-1]}
    return Key(**text, quantile=None if math.isnan(row["quantile"]) else float(row["quantile"]))


def _zones(result: Result) -> set[tuple[str, str, str]]:
    """(class, jurisdiction, direction) of every zone there is."""
    cells = result.table("coverage")
    names = (cells[column].tolist() for column in ("class", "jurisdiction", "direction"))
    return set(zip(*names, strict=True))


def _gap_figures(holes: Table, zones: set[tuple[str, str, str]]) -> Iterator[tuple[Key, float]]:
    """How many gaps, how long together, how long the longest: of each class, and by jurisdiction and direction."""
    wholes = sorted({(name, "", "") for name, _, _ in zones} | zones)
    for measure in SHARES:
        of_measure = holes.select(metric=measure)
        for name, place, way in wholes:
            where = {"class": name, **({"jurisdiction": place} if place else {}), **({"direction": way} if way else {})}
            length_m = of_measure.select(**where)["length_m"]
            for metric, unit, value in (
                ("gap_count", "count", float(len(length_m))), ("gap_total", "m", float(np.sum(length_m))),
                ("gap_longest", "m", float(np.max(length_m, initial=0.0))),
            ):
                yield Key(f"{metric}_{measure.removeprefix('C_')}", unit, "I2V", name, place, way, "probe"), value


def _take_cells(out: Observed, column: int, result: Result) -> None:
    if not result.has("coverage"):
        return
    table = result.table("coverage")
    names = [table[name].tolist() for name in ("class", "jurisdiction", "direction", "chainage_m")]
    values = np.stack([table[name] for name in ("zone_s", *SHARES)], axis=1)
    for row, cell in enumerate(zip(*names, strict=True)):
        known = out.cells.setdefault(Cell(*cell), np.full((3, len(out.seeds)), math.nan))
        known[:, column] = values[row]


def _take_suppliers(out: Observed, column: int, result: Result) -> None:
    if not result.has("suppliers"):
        return
    table = result.table("suppliers").select(jurisdiction=None, direction=None)
    for row in table.rows():
        key = str(row["class"]), str(row["unit"])
        known = out.lost.setdefault(key, np.full((2, len(out.seeds)), math.nan))
        known[:, column] = row["C_raw_lost"], row["C_useful_lost"]
        out.operators[key[1]] = str(row["operator"])
