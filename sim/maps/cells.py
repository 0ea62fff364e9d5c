"""What a coverage map shows: a share per class, cell and direction, of a run or as the mean over a variant's seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sim.campaign.statistics import mean_interval
from sim.campaign.store import is_campaign, read_campaign_folder
from sim.metrics import CLASSES
from sim.results import Result, ResultError, read

MEASURES = {"useful": "C_useful", "raw": "C_raw"}
"""Word of the command line -> column of ``coverage.csv``."""


_NUMBERS = ("chainage_m", "C_raw", "C_useful")


class Cell(NamedTuple):
    """One cell of one direction; shares are means over ``n_seeds`` runs."""

    class_: str
    direction: str
    jurisdiction: str
    chainage_m: float
    C_raw: float
    C_useful: float
    n_seeds: int
    lower: float
    """95 % interval of the measure over seeds (Student's t), cut at 0 and 1; NaN for a single seed."""
    upper: float


@dataclass
class CoverageMap:
    """The cells of one run, or of one variant of a campaign."""

    cells: list[Cell]
    measure: str
    """``useful`` or ``raw``: what is coloured, and what the interval is of."""
    result: Result
    """The (first) run, for geometry and captions."""
    labels: dict[str, str] = field(default_factory=dict)
    """Axes that vary in the campaign -> label of this variant."""
    seeds: tuple[int, ...] = ()

    @property
    def classes(self) -> list[str]:
        """Classes that have cells, in the usual order."""
        there = {cell.class_ for cell in self.cells}
        return [name for name in CLASSES if name in there]

    def of_class(self, name: str) -> list[Cell]:
        """Cells of one class."""
        return [cell for cell in self.cells if cell.class_ == name]

    def share(self, cell: Cell) -> float:
        """The measure's share of a cell."""
        return cell.C_raw if self.measure == "raw" else cell.C_useful


def read_maps(
    path: str | Path, classes: Sequence[str] = (), measure: str = "useful", where: Mapping[str, str] | None = None
) -> list[CoverageMap]:
    """Maps of a result folder (one) or of a campaign (one per variant with the labels ``where``).

    ``classes``: those to show, all by default. Raises ValueError for a word that is none, and
    :class:`sim.results.ResultError` for a folder without coverage.
    """
    if measure not in MEASURES:
        raise ValueError(f"--measure {measure}: is not one of {', '.join(MEASURES)}")
    unknown = [name for name in classes if name not in CLASSES]
    if unknown:
        raise ValueError(f"--class {unknown[0]}: is not one of {', '.join(CLASSES)}")
    where = dict(where or {})
    if not is_campaign(path):
        if where:
            raise ValueError(f"--where: {path} is a single run; axes are those of a campaign")
        result = read(path)
        return [_of_runs([result], classes, measure, {}, Path(path))]
    return _of_campaign(Path(path), classes, measure, where)


def _of_campaign(path: Path, classes: Sequence[str], measure: str, where: Mapping[str, str]) -> list[CoverageMap]:
    campaign = read_campaign_folder(path)
    for axis, label in where.items():
        if axis not in campaign.axes:
            raise ValueError(f"--where {axis}={label}: no such axis; there are {', '.join(campaign.axes)}")
        if label not in campaign.axes[axis]:
            raise ValueError(f"--where {axis}={label}: not on this axis; there are {', '.join(campaign.axes[axis])}")
    maps = []
    for variant in campaign.variants:
        if any(variant.labels.get(axis) != label for axis, label in where.items()):
            continue
        results = [result for _, result in campaign.results(variant.index)]
        if results:
            labels = {axis: variant.labels[axis] for axis in campaign.varying}
            maps.append(_of_runs(results, classes, measure, labels, path))
    if not maps:
        raise ResultError(f"{path}: no run of these variants is finished")
    return maps


def _of_runs(
    results: Sequence[Result], classes: Sequence[str], measure: str, labels: dict[str, str], path: Path
) -> CoverageMap:
    found: dict[tuple[str, str, str, float], list[tuple[float, float]]] = {}
    for result in results:
        for key, shares in _rows(result):
            if not classes or key[0] in classes:
                found.setdefault(key, []).append(shares)
    if not found:
        what = ", ".join(classes) or "any class"
        raise ResultError(f"{path}: no cell lies in a service zone of {what}: there is nothing to map")
    cells = [_cell(key, shares, measure) for key, shares in found.items()]
    order = {name: number for number, name in enumerate(CLASSES)}
    cells.sort(key=lambda cell: (order.get(cell.class_, len(order)), cell.direction != "up", cell.chainage_m))
    seeds = tuple(int(result.summary.get("seed", 0)) for result in results)
    return CoverageMap(cells, measure, results[0], labels, seeds)


def _rows(result: Result) -> Iterator[tuple[tuple[str, str, str, float], tuple[float, float]]]:
    """((class, direction, jurisdiction, chainage), (C_raw, C_useful)) of every cell of a run."""
    path = result.folder / "coverage.csv"
    if not result.has("coverage"):
        raise ResultError(f"{path}: is missing: the run had no probes (measure.probes)")
    table = result.table("coverage")
    lacking = [name for name in ("class", "direction", "jurisdiction", *_NUMBERS) if name not in table]
    if lacking:
        raise ResultError(f"{path}: has no column {lacking[0]!r}")
    for line, row in enumerate(table.rows(), 2):
        if row["direction"] not in ("up", "down"):
            raise ResultError(f"{path}:{line}: direction {str(row['direction'])!r} is neither up nor down")
        for name in _NUMBERS:
            if isinstance(row[name], str) or not 0.0 <= row[name] <= (math.inf if name == "chainage_m" else 1.0):
                raise ResultError(f"{path}:{line}: {name} {str(row[name])!r} is no number from 0 on (a share: to 1)")
        numbers = [float(row[name]) for name in _NUMBERS]
        yield (str(row["class"]), str(row["direction"]), str(row["jurisdiction"]), numbers[0]), (numbers[1], numbers[2])


def _cell(key: tuple[str, str, str, float], shares: list[tuple[float, float]], measure: str) -> Cell:
    raw, useful = zip(*shares, strict=True)
    interval = mean_interval(raw if measure == "raw" else useful)
    lower, upper = (min(max(bound, 0.0), 1.0) if bound == bound else bound for bound in interval[1:3])
    return Cell(*key, sum(raw) / len(raw), sum(useful) / len(useful), len(shares), lower, upper)
