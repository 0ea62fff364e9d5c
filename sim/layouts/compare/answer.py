"""Does a comparison: runs its campaigns, then judges what they say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.campaign.plan import Plan
from sim.campaign.statistics import Interval
from sim.campaign.store import CampaignResult
from sim.layouts.compare.failures import Failure, failures, worst_for
from sim.layouts.compare.gaps import Gap, gaps
from sim.layouts.compare.judge import Flip, Front, Ranking, flips, pareto, ranking
from sim.layouts.compare.merged import merged_quantiles
from sim.layouts.compare.observe import Key, Observed, observed
from sim.layouts.compare.question import (
    CASE_AXIS,
    LOWEST,
    MODEL_KEY,
    Case,
    Question,
    comparison_plan,
    failure_plan,
)

if TYPE_CHECKING:
    from sim.layouts.cost import Cost
    from sim.world.sites import RoadsideUnit

DOWN_FOLDER = "down"
BY_COVERAGE, BY_COST = "coverage", "cost per covered km"
Doing = Callable[[Plan, Path], CampaignResult]


@dataclass(frozen=True)
class Site:
    """A layout as it stands under one candidate: what there is to pay for."""

    units: tuple[RoadsideUnit, ...]
    """All that stand and are paid for, those out of service too."""
    cost: Cost
    by_jurisdiction: dict[str, int]


@dataclass
class Answer:
    """A comparison that has been made."""

    question: Question
    campaign: CampaignResult
    plan: Plan
    observed: list[Observed]
    sites: dict[tuple[str, str], Site]
    """By (layout, candidate)."""
    classes: tuple[str, ...]
    """Classes that decide."""
    spacing_m: float
    without: dict[tuple[str, str], dict[str, Observed]] = field(default_factory=dict)
    """Runs with a unit down, by (layout, candidate) and unit."""
    down: CampaignResult | None = None
    """The campaign of those runs."""
    _merged: dict[int, dict[Key, Interval]] = field(default_factory=dict, repr=False)

    @property
    def layouts(self) -> list[str]:
        """Labels, the baseline first."""
        return self.campaign.axes["layout"]

    @property
    def models(self) -> list[str]:
        """Propagation models; the first is the one that tables and figures are about."""
        return list(dict.fromkeys(one.model for one in self.observed))

    @property
    def candidates(self) -> list[str]:
        """Candidates; one empty name where none was chosen."""
        return list(dict.fromkeys(one.candidate for one in self.observed))

    def quantiles(self, one: Observed) -> dict[Key, Interval]:
        """Latency quantiles of a variant from the merged histograms of its runs; read once."""
        if one.variant not in self._merged:
            self._merged[one.variant] = merged_quantiles(self.campaign, one.variant)
        return self._merged[one.variant]

    def failed_runs(self) -> int:
        """Runs that were given up or are not there."""
        return sum(len(one.missing()) for one in (self.campaign, self.down) if one is not None)

    def of(self, layout: str, model: str, candidate: str) -> Observed:
        """The runs of one variant."""
        return next(
            one for one in self.observed if (one.layout, one.model, one.candidate) == (layout, model, candidate)
        )

    def baseline(self, one: Observed) -> Observed:
        """What a variant is compared with: the first layout under the same model and candidate."""
        return self.of(self.layouts[0], one.model, one.candidate)

    def by_seed(self, values: np.ndarray, one: Observed) -> np.ndarray:
        """Values by replication number, NaN for those that are missing, so that layouts pair by seed."""
        out = np.full(1 + max(run.replication for run in self.campaign.runs), math.nan)
        out[one.seeds] = values
        return out

    def coverage(self, one: Observed) -> np.ndarray:
        """C_useful that decides, per replication: the chosen class, or the lowest of the deciding ones."""
        shares = np.array([one.share("C_useful", name) for name in self.classes]).reshape(-1, len(one.seeds))
        return np.min(shares, axis=0) if len(shares) else np.full(len(one.seeds), math.nan)

    def zone_km(self, one: Observed) -> float:
        """Road, by direction, in the zones of the deciding classes."""
        return one.zone_km(self.classes, self.spacing_m)

    def cost_per_covered_km(self, one: Observed) -> np.ndarray:
        """Total cost over the lifetime per kilometre of zone that is covered, CNY, per replication.

        NaN throughout where a replication covers nothing: without it the mean would be that of the lucky ones.
        """
        covered_km = self.zone_km(one) * self.coverage(one)
        if not (covered_km > 0).all():
            covered_km = np.full(len(covered_km), math.nan)
        return self.sites[one.layout, one.candidate].cost.total_cny / covered_km

    def rankings(self, candidate: str, by: str = BY_COVERAGE) -> list[Ranking]:
        """The order of layouts under each propagation model."""
        of, more = (self.coverage, True) if by == BY_COVERAGE else (self.cost_per_covered_km, False)
        return [
            ranking(
                model, {
                    layout: self.by_seed(of(one), one) for layout in self.layouts
                    if (one := self.of(layout, model, candidate))
                }, more_is_better=more,
            )
            for model in self.models
        ]

    def flips(self, candidate: str, by: str = BY_COVERAGE) -> list[Flip]:
        """Orders that the propagation model turns round."""
        return flips(self.rankings(candidate, by))

    def front(self, model: str, candidate: str) -> dict[str, Front]:
        """Where each layout stands to the Pareto front of cost and coverage."""
        costs = {layout: self.sites[layout, candidate].cost.total_cny for layout in self.layouts}
        values = {
            layout: self.by_seed(self.coverage(one), one) for layout in self.layouts
            if (one := self.of(layout, model, candidate))
        }
        return pareto(costs, values)

    def gaps(self, one: Observed) -> list[Gap]:
        """Gaps by road metre in the mean over seeds."""
        return gaps(one.cells, self.spacing_m)

    def failures(self, one: Observed) -> list[Failure]:
        """What is lost with a unit down; empty when nobody asked."""
        if self.question.failures == "none":
            return []
        without = self.without.get((one.layout, one.candidate), {}) if one.model == self.models[0] else {}
        return failures(one, without)


def compare(question: Question, out: Path, do: Doing) -> Answer:
    """Run what the question takes and judge it; ``do(plan, folder)`` runs a campaign (and resumes it).

    Raises as campaigns do, and ValueError where no run of a layout was finished.
    """
    plan = comparison_plan(question)
    answer = judged(question, plan, do(plan, out))
    cases = _cases(answer)
    if cases:
        campaign = do(failure_plan(question, cases), out / DOWN_FOLDER)
        take_failures(answer, campaign, cases)
    return answer


def judged(question: Question, plan: Plan, campaign: CampaignResult) -> Answer:
    """What the finished runs of a comparison say."""
    found = observed(campaign)
    empty = [campaign.variants[one.variant].name for one in found if not one.seeds]
    if empty:
        raise ValueError(f"{campaign.folder.out}: no finished run of {empty[0]}: nothing to compare")
    config = plan.variants[0].loaded.config if plan.variants[0].loaded else None
    assert config is not None
    sites: dict[tuple[str, str], Site] = {}
    for variant, one in zip(plan.variants, found, strict=True):
        sites.setdefault((one.layout, one.candidate), _site(variant))
    return Answer(question, campaign, plan, found, sites, _deciding(question, found), config.measure.probe_spacing_m)


def take_failures(answer: Answer, campaign: CampaignResult, cases: Sequence[Case]) -> None:
    """Put runs with a unit down beside the intact ones."""
    answer.down = campaign
    by_name = {case.name: case for case in cases}
    for variant, one in zip(campaign.variants, observed(campaign), strict=True):
        case = by_name[variant.labels[CASE_AXIS]]
        answer.without.setdefault((case.label, one.candidate), {})[case.unit] = one


def _cases(answer: Answer) -> list[Case]:
    """Which units are taken down in runs of their own."""
    kind = answer.question.failures
    named = dict(zip(answer.layouts, answer.question.layouts, strict=True))
    units: dict[str, list[str]] = {layout: [] for layout in named}
    for one in answer.observed:
        if kind == "none" or one.model != answer.models[0]:
            continue
        worst = worst_for(one, answer.classes)
        chosen = list(one.operators) if kind == "simulate" else [worst] if worst else []
        units[one.layout] += [unit for unit in chosen if unit not in units[one.layout]]
    return [Case(named[layout], layout, unit) for layout, several in units.items() for unit in several]


def _deciding(question: Question, found: Sequence[Observed]) -> tuple[str, ...]:
    """The chosen class; else all whose zone exists in every layout and is the same in all of them."""
    if question.class_ != LOWEST:
        if not any(question.class_ in one.classes() for one in found):
            raise ValueError(f"--class {question.class_}: no layout has a service zone of this class")
        return (question.class_,)
    zones = [{name: _zone(one, name) for name in one.classes()} for one in found]
    same = [name for name in zones[0] if all(zone.get(name) == zones[0][name] for zone in zones)]
    if not same:
        raise ValueError("compare: no message class has the same service zone in all layouts; choose one with --class")
    return tuple(same)


def _zone(one: Observed, class_: str) -> frozenset[Any]:
    return frozenset(cell[2:] for cell in one.cells if cell.class_ == class_)


def _site(variant: Any) -> Site:
    from collections import Counter

    from sim.layouts.cost import layout_cost
    from sim.world.corridor import CorridorGeometry
    from sim.world.sites import standing_units

    config = variant.loaded.config
    corridor = CorridorGeometry(config.corridor)
    units = tuple(standing_units(config.layout, corridor))
    owned = Counter(corridor.jurisdiction_ids[u.jurisdiction] if u.jurisdiction >= 0 else "" for u in units)
    return Site(units, layout_cost(config, units), dict(sorted(owned.items())))


def further_runs(question: Question, plan: Plan) -> int:
    """Runs with a unit out of service that follow the comparison."""
    if question.failures == "none":
        return 0
    first = plan.axes[MODEL_KEY][0]
    variants = [one for one in plan.variants if one.labels[MODEL_KEY] == first]
    if question.failures == "estimate":
        return len(variants) * plan.replications()
    serving = sum(len(_site(one).units) - len(one.loaded.config.layout.down) for one in variants if one.loaded)
    return serving * plan.replications()
