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
TOLD = "told"
"""State of a row with quantiles begins so."""
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
    at_least: tuple[str, ...] = ()
    """Quantiles (``median``, ``p95``) that would be larger if clipped crossings had been seen to their end."""


def blackout_rows(found: Findings) -> Iterator[tuple[Any, ...]]:
    """Blackout by border, direction and home, and its change to the candidate compared with."""
    base = pooled(crossings_of(found, found.study.against))
    for name in found.candidates:
        mine = base if name == found.study.against else pooled(crossings_of(found, name))
        for group in sorted({*base, *mine}):
            yield (name, *group, *_cells(mine.get(group), base.get(group)))


def pooled(crossings: Mapping[int, Sequence[Mapping[str, Any]]]) -> dict[Group, Pooled]:
    """Quantiles by group; ``crossings`` are rows of the table ``crossings`` by seed.

    A clipped crossing counts with what was seen of it, so a quantile can be too low: where it would change if blackouts
    that were clipped never ended, it is a lower bound.
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
    clipped = np.array([str(row["end"]) != FRESH for _, row in rows])
    quantiles: dict[str, tuple[float, ...]] = {}
    larger = np.zeros(len(_QUANTILES), bool)
    for column in ("distance_m", "duration_s"):
        values = np.array([float(row[column]) for _, row in rows])
        told, most = (_quantiles(one) for one in (values, np.where(clipped, math.inf, values)))
        larger |= told != most
        quantiles[column] = tuple(told.tolist()) if enough else (math.nan, math.nan)
    at_least = tuple(name for name, one in zip(("median", "p95"), larger, strict=True) if one and enough)
    seeds = len({seed for seed, _ in rows})
    return Pooled(len(rows), seeds, float(clipped.mean()), **quantiles, at_least=at_least)


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Those of :data:`_QUANTILES`, each one of the values."""
    place = np.quantile(np.arange(len(values)), _QUANTILES, method="inverted_cdf").astype(np.int64)
    return np.asarray(np.sort(values)[place])


def _cells(mine: Pooled | None, base: Pooled | None) -> Iterator[Any]:
    none = Pooled(0, 0, math.nan, (math.nan, math.nan), (math.nan, math.nan))
    mine, base = mine or none, base or none
    yield from mine[:3]
    values, others = (*mine.distance_m, *mine.duration_s), (*base.distance_m, *base.duration_s)
    yield from values
    yield from (one - other for one, other in zip(values, others, strict=True))
    if mine.crossings < LEAST_CROSSINGS:
        yield f"no data: fewer than {LEAST_CROSSINGS} crossings"
    else:
        yield f"{TOLD}: {' and '.join(mine.at_least)} at least this (clipped)" if mine.at_least else TOLD


def crossings_of(found: Findings, name: str) -> dict[int, list[dict[str, Any]]]:
    """Rows of the tables of a candidate's own runs, by replication."""
    results = found.campaign.results(found.study.variant(name).index)
    return {
        run.replication: list(result.table("crossings").rows()) for run, result in results if result.has("crossings")
    }
