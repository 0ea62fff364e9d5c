"""The decision matrix: for each item to harmonise what it wins, what it costs as far as known, and who decides it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsu.document import DocumentError, read_document
from sim.campaign.statistics import Interval
from sim.fragment.attribution import FACTORS, wrong_with_and_without
from sim.fragment.observe import LIMIT_METRIC, Observed, change

if TYPE_CHECKING:
    from sim.campaign.plan import Variant
    from sim.fragment.answer import Findings

LEVELS = ("project", "joint", "national")
CRITERIA = ("gain", "wrong", "latency", "ease")
_FOLDER = Path(__file__).parent
DECISION_COLUMNS = (
    "candidate", "hazard", "item", "item_zh", "gain", "gain_lower", "gain_upper", "gain_share", "shapley",
    "wrong_change", "wrong_change_lower", "wrong_change_upper", "latency_change", "latency_change_lower",
    "latency_change_upper", "legal_level", "legal_basis", "one_off_cny", "one_off_reason", "per_year_cny",
    "per_year_reason", "months", "months_reason", "reversible", "score", "score_low", "score_high", "rank", "rank_best",
    "rank_worst", "n_seeds",
)


@dataclass(frozen=True)
class Weights:
    """How much each criterion counts, and how easy each legal level is."""

    weights: Mapping[str, float]
    ease: Mapping[str, float]


@dataclass
class Decision:
    """One item."""

    hazard: str
    gain: Interval
    """x won back if only this item is harmonised, overall."""
    gain_share: float
    """The same as a share of the total loss."""
    shapley: float
    wrong: Interval
    """Change of wrong applications per vehicle-hour; below 0 is fewer."""
    latency: Interval
    """Change of the share of applied vehicle messages within 100 ms."""
    costs_cny: tuple[float, float] | None
    """(one-off, per year) where the units or the fee differ; none = not known."""
    scaled: dict[str, float]
    """Criterion -> -1 .. 1."""
    score: float = math.nan
    band: tuple[float, float] = (math.nan, math.nan)
    rank: int = 0
    ranks: tuple[int, int] = (0, 0)


@cache
def items() -> dict[str, Any]:
    """The file with what is known of each item."""
    return dict(read_document(_FOLDER / "items.yaml").data)


def read_weights(path: Path | None = None) -> Weights:
    """Weights of the matrix from a file (``decision-weights/1``); none = the one shipped.

    DocumentError with everything wrong with it.
    """
    document = read_document(path or _FOLDER / "weights.yaml")
    data = document.data if isinstance(document.data, dict) else {}
    problems = []
    if data.get("schema") != "decision-weights/1":
        problems.append(document.problem(("schema",), "must be decision-weights/1"))
    for key, names in (("weights", CRITERIA), ("ease", LEVELS)):
        given = data.get(key)
        if not isinstance(given, dict) or set(given) != set(names):
            problems.append(document.problem((key,), "must be a mapping of " + ", ".join(names)))
            continue
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                problems.append(document.problem((key, name), "must be a number of 0 or more"))
    if not problems and not any(data["weights"].values()):
        problems.append(document.problem(("weights",), "one of them must be above 0"))
    if problems:
        raise DocumentError(problems)
    return Weights(data["weights"], data["ease"])


def decisions(found: Findings) -> list[Decision]:
    """Every hazard of the attribution, best score first; empty without attribution."""
    overall = found.overall
    if overall is None:
        return []
    hazards, everything = overall.hazards, frozenset(overall.hazards)
    fixed, shares, total = overall.shares()["only_fixed"], overall.shares()["shapley"], overall.total().mean
    errors = wrong_with_and_without(found.subsets, hazards, width=found.width)
    whole = found.subsets[everything]
    within = {
        name: change(_within(found.subsets[everything - {name}], found.width), _within(whole, found.width))
        for name in hazards
    }
    most = max((abs(one.mean) for one in errors.values() if not math.isnan(one.mean)), default=0.0)
    weights, costs = read_weights(found.study.question.decision_weights), _costs(found)
    made = []
    for name in hazards:
        share = fixed[name].mean / total if total else math.nan
        scaled = {
            "gain": share, "wrong": -errors[name].mean / most if most else 0.0, "latency": within[name].mean,
            "ease": weights.ease[_item(name)["legal_level"]],
        }
        scaled = {key: 0.0 if math.isnan(value) else max(-1.0, min(1.0, value)) for key, value in scaled.items()}
        numbers = fixed[name], share, shares[name].mean, errors[name], within[name], costs[name]
        made.append(Decision(name, *numbers, scaled))
    return scored(made, weights)


def scored(made: list[Decision], weights: Weights) -> list[Decision]:
    """The same with scores, ranks and their bands over weights halved and doubled one by one; best first."""
    cases = [dict(weights.weights)]
    cases += [{**weights.weights, one: factor * weights.weights[one]} for one in CRITERIA for factor in FACTORS]
    scores = [[_score(one.scaled, case) for one in made] for case in cases]
    for place, one in enumerate(made):
        values = [row[place] for row in scores]
        ranks = [1 + sum(other > row[place] for other in row) for row in scores]
        one.score, one.band = values[0], (min(values), max(values))
        one.rank, one.ranks = ranks[0], (min(ranks), max(ranks))
    return sorted(made, key=lambda one: (one.rank, made.index(one)))


def decision_rows(found: Findings) -> Iterator[tuple[Any, ...]]:
    """The matrix as rows of :data:`DECISION_COLUMNS`."""
    known = items()
    why = known["reasons"]
    for one in decisions(found):
        item = _item(one.hazard)
        one_off, per_year = one.costs_cny or (None, None)
        yield (
            found.study.attributed, one.hazard, item["item"], item["item_zh"], *one.gain[:3], one.gain_share,
            one.shapley, *one.wrong[:3], *one.latency[:3], item["legal_level"], known["basis"],
            one_off, "" if one.costs_cny else why["one_off_cny"], per_year,
            "" if one.costs_cny else why["per_year_cny"], None, why["months"], item["reversible"],
            one.score, *one.band, one.rank, *one.ranks, one.gain.n,
        )


def _score(scaled: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return math.fsum(weights[name] * scaled[name] for name in CRITERIA) / math.fsum(weights.values())


def _item(hazard: str) -> dict[str, Any]:
    return dict(items()["items"][hazard])


def _within(seen: Observed, width: int) -> Any:
    """Share of applied vehicle messages within the limit: of the message that vehicles send of themselves."""
    keys = [key for key in seen.having(LIMIT_METRIC) if key.link == "V2V" and not key.jurisdiction]
    keys.sort(key=lambda key: -seen.counts.get(key, 0.0))
    return seen.of(keys[0].metric, "V2V", keys[0].message, width=width) if keys else seen.of("", width=width)


def _costs(found: Findings) -> dict[str, tuple[float, float] | None]:
    """What harmonising only this item adds to the cost of the units that stand, where that differs at all."""
    study = found.study
    of = {gone: name for name, gone in study.removed.items()}
    before = _cost(study.variant(of[frozenset()]))
    told = {}
    for name in study.hazards:
        after = _cost(study.variant(of[frozenset((name,))]))
        differ = tuple(b - a for a, b in zip(before, after, strict=True))
        told[name] = (differ[0], differ[1]) if any(differ) else None
    return told


def _cost(variant: Variant) -> tuple[float, float]:
    """(capital, per year) of all units that stand, CNY, orders of magnitude (:mod:`sim.layouts.cost`)."""
    from sim.layouts.cost import layout_cost
    from sim.world.corridor import CorridorGeometry
    from sim.world.sites import standing_units

    assert variant.loaded is not None
    config = variant.loaded.config
    cost = layout_cost(config, list(standing_units(config.layout, CorridorGeometry(config.corridor))))
    return cost.capital_cny, cost.per_year_cny

