"""Border blackout of a candidate from the crossings of all its runs together (definitions section 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from sim.fragment.answer import Findings

LEAST_CROSSINGS = 30
"""Fewer crossings of all seeds together have no quantile."""
FRESH = "fresh"
"""End of a crossing whose blackout ended by itself; the others are clipped where they were last seen."""
BLACKOUT_COLUMNS = (
    "candidate", "class", "border_m", "entered", "direction", "home", "n_crossings", "n_seeds", "censored_ratio",
    "distance_p50_m", "distance_p95_m", "duration_p50_s", "duration_p95_s", "distance_p50_change_m",
    "distance_p95_change_m", "duration_p50_change_s", "duration_p95_change_s", "state",
)
_QUANTILES = (0.5, 0.95)


class Group(NamedTuple):
    """What crossings have in common; an empty home is all of them."""

    class_: str
    border_m: float
    entered: str
    direction: str
    home: str


class Pooled(NamedTuple):
    """Crossings of one group over all seeds."""

    crossings: int
    seeds: int
    censored_ratio: float
    distance_m: tuple[float, ...]
    """Median and p95; NaN with too few crossings."""
    duration_s: tuple[float, ...]


def blackout_rows(found: Findings) -> Iterator[tuple[Any, ...]]:
    """Blackout by border, direction and home, and its change to the candidate compared with."""
    base = pooled(crossings_of(found, found.study.against))
    for name in found.candidates:
        mine = base if name == found.study.against else pooled(crossings_of(found, name))
        for group in sorted({*base, *mine}):
            yield (name, *group, *_cells(mine.get(group), base.get(group)))


def pooled(crossings: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[Group, Pooled]:
    """Quantiles by group; ``crossings`` are rows of the table ``crossings`` by seed.

    A clipped crossing counts with what was seen of it, so a quantile is too low where many are (``censored_ratio``).
    """
    groups: dict[Group, list[tuple[int, Mapping[str, Any]]]] = {}
    for seed, rows in crossings.items():
        for row in rows:
            where = str(row["class"]), float(row["border_m"]), str(row["entered"]), str(row["direction"])
            for home in ("", str(row["home"])):
                groups.setdefault(Group(*where, home), []).append((seed, row))
    return {group: _pool(rows) for group, rows in groups.items()}


def _pool(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Pooled:
    enough = len(rows) >= LEAST_CROSSINGS
    quantiles = []
    for column in ("distance_m", "duration_s"):
        values = np.array([float(row[column]) for _, row in rows])
        quantiles.append(tuple(np.quantile(values, _QUANTILES, method="inverted_cdf").tolist()) if enough else
                         (math.nan, math.nan))
    clipped = sum(str(row["end"]) != FRESH for _, row in rows)
    return Pooled(len(rows), len({seed for seed, _ in rows}), clipped / len(rows), quantiles[0], quantiles[1])


def _cells(mine: Pooled | None, base: Pooled | None) -> Iterator[Any]:
    none = Pooled(0, 0, math.nan, (math.nan, math.nan), (math.nan, math.nan))
    mine, base = mine or none, base or none
    yield from mine[:3]
    values, others = (*mine.distance_m, *mine.duration_s), (*base.distance_m, *base.duration_s)
    yield from values
    yield from (one - other for one, other in zip(values, others, strict=True))
    yield "told" if mine.crossings >= LEAST_CROSSINGS else f"no data: fewer than {LEAST_CROSSINGS} crossings"


def crossings_of(found: Findings, name: str) -> dict[int, list[dict[str, Any]]]:
    """Rows of the tables of a candidate's own runs, by replication."""
    results = found.campaign.results(found.study.variant(name).index)
    return {
        run.replication: list(result.table("crossings").rows()) for run, result in results if result.has("crossings")
    }
