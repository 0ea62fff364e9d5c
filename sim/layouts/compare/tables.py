"""The tables of a comparison: tidy rows, deterministic text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.campaign.statistics import Interval, mean_interval, paired_difference
from sim.layouts.compare.answer import BY_COST, BY_COVERAGE, Answer
from sim.layouts.compare.failures import Failure
from sim.layouts.compare.observe import Key, Observed
from sim.tables import csv_text
from sim.whole import written_whole

SUBJECT = ("layout", "candidate", "propagation")
TABLES: dict[str, tuple[str, ...]] = {
    "compare": (
        *SUBJECT, *Key._fields, "mean", "lower", "upper", "n_seeds", "difference", "difference_lower",
        "difference_upper",
    ),
    "ranking": (
        "by", "candidate", "propagation", "rank", "layout", "mean", "lower", "upper", "n_seeds", "not_decided_against",
        "cost_total_cny", "front",
    ),
    "pairs": (
        "by", "candidate", "propagation", "first", "second", "difference", "lower", "upper", "n_seeds", "verdict",
    ),
    "gaps": (
        *SUBJECT, "metric", "class", "jurisdiction", "direction", "from_m", "to_m", "length_m", "share", "lower",
        "upper", "n_seeds",
    ),
    "failures": (
        *SUBJECT, "class", "metric", "case", "unit", "operator", "intact", "intact_lower", "intact_upper", "lost",
        "lost_lower", "lost_upper", "simulated_lost", "simulated_lower", "simulated_upper", "n_seeds",
    ),
}
"""Name of each CSV table and its columns."""
BY_KEYS = {
    BY_COVERAGE: Key("coverage", "ratio", "I2V", "deciding classes", station_class="probe"),
    BY_COST: Key("cost_per_covered_km", "CNY/km", "I2V", "deciding classes"),
}


def rows_of(answer: Answer) -> dict[str, list[tuple[Any, ...]]]:
    """All tables of an answer."""
    return {
        "compare": [row for one in answer.observed for row in _figures(answer, one)],
        "ranking": list(_rankings(answer)),
        "pairs": list(_pairs(answer)),
        "gaps": [
            (*_subject(one), *gap[:-1], *_bounded(gap.share)) for one in answer.observed for gap in answer.gaps(one)
        ],
        "failures": [
            (*_subject(one), *_failure(failure)) for one in answer.observed for failure in answer.failures(one)
        ],
    }


def write_tables(answer: Answer, out: Path) -> list[Path]:
    """Every table as ``<name>.csv`` in ``out``; returns the paths."""
    written = []
    for name, rows in rows_of(answer).items():
        path = out / f"{name}.csv"
        with written_whole(path) as partial:
            partial.write_text(csv_text(TABLES[name], rows), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def derived(answer: Answer, one: Observed) -> dict[Key, np.ndarray]:
    """Figures that the comparison itself makes, one value per replication."""
    return {BY_KEYS[BY_COVERAGE]: answer.coverage(one), BY_KEYS[BY_COST]: answer.cost_per_covered_km(one)}


def fixed(answer: Answer, one: Observed) -> dict[Key, float]:
    """What a layout has whatever the seed: units, zone, cost."""
    site = answer.sites[one.layout, one.candidate]
    found = {Key("units", "count"): float(len(site.units))}
    found |= {Key("units", "count", jurisdiction=name): float(n) for name, n in site.by_jurisdiction.items() if name}
    found[Key("zone", "km", "I2V", "deciding classes")] = answer.zone_km(one)
    found[Key("cost_capital", "CNY")] = site.cost.capital_cny
    found[Key("cost_per_year", "CNY/year")] = site.cost.per_year_cny
    found[Key("cost_total", "CNY")] = site.cost.total_cny
    found |= {Key("cost_total", "CNY", jurisdiction=k): v for k, v in site.cost.by_jurisdiction_cny.items() if k}
    return found


def figure(answer: Answer, one: Observed, key: Key) -> tuple[Interval, Interval]:
    """(mean over seeds, paired difference to the baseline) of one figure; a quantile is not merged here."""
    base = answer.baseline(one)
    values, others = ({**of.values, **derived(answer, of)}.get(key) for of in (one, base))
    mine = _by_seed(answer, values, one)
    return mean_interval(mine), paired_difference(mine, _by_seed(answer, others, base))


def _figures(answer: Answer, one: Observed) -> Iterator[tuple[Any, ...]]:
    base, subject = answer.baseline(one), _subject(one)
    others = fixed(answer, base)
    for key, value in fixed(answer, one).items():
        more = value - others.get(key, math.nan)
        yield (*subject, *key, value, value, value, None, more, more, more)
    merged = answer.quantiles(one)
    for key in [*one.values, *derived(answer, one)]:
        mean, difference = figure(answer, one, key)
        mean = merged.get(key, mean)
        yield (*subject, *key, *mean, *difference[:3])


def _rankings(answer: Answer) -> Iterator[tuple[Any, ...]]:
    for by in BY_KEYS:
        for candidate in answer.candidates:
            for ranking in answer.rankings(candidate, by):
                front = answer.front(ranking.model, candidate)
                for rank, layout in enumerate(ranking.order, 1):
                    cost_cny = answer.sites[layout, candidate].cost.total_cny
                    tied = "; ".join(ranking.undecided_with(layout))
                    yield (
                        by, candidate, ranking.model, rank, layout, *ranking.means[layout], tied, cost_cny,
                        front[layout],
                    )


def _pairs(answer: Answer) -> Iterator[tuple[Any, ...]]:
    for by in BY_KEYS:
        for candidate in answer.candidates:
            turned = {frozenset((one.first, one.second)): one for one in answer.flips(candidate, by)}
            for ranking in answer.rankings(candidate, by):
                for pair in ranking.pairs:
                    flip = turned.get(frozenset((pair.first, pair.second)))
                    verdict = "not decided" if not pair.decided else str(flip) if flip else "decided"
                    yield by, candidate, ranking.model, pair.first, pair.second, *pair.difference, verdict


def _failure(failure: Failure) -> tuple[Any, ...]:
    simulated = failure.simulated or Interval(math.nan, math.nan, math.nan, 0)
    return (
        failure.class_, failure.measure, failure.case, failure.unit, failure.operator, *failure.intact[:3],
        *failure.estimate[:3], *simulated[:3], failure.intact.n,
    )


def _subject(one: Observed) -> tuple[str, str, str]:
    return one.layout, one.candidate, one.model


def _bounded(share: Interval) -> tuple[Any, ...]:
    return share.mean, share.lower, share.upper, share.n


def _by_seed(answer: Answer, values: np.ndarray | None, one: Observed) -> np.ndarray:
    return answer.by_seed(np.full(len(one.seeds), math.nan) if values is None else values, one)
