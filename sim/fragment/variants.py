"""The runs of a study: candidates, and for attribution one with every subset of its hazards harmonised.

Candidates that differ only in what receivers accept hear the same radio: one run judges all of them. The run has one as
its own candidate and the others as its *views* (``standards.views``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.fragment.question import NONE, Question
from sim.fragment.shapley import MAX_PLAYERS, natural, subsets

if TYPE_CHECKING:
    from rsu.profile import Candidate
    from sim.campaign.plan import Plan, Variant
    from sim.scenario.loader import LoadedScenario

AXIS = "standards"
"""Axis of the campaign; its labels are names of candidates."""
RECEIVERS = "receivers"
"""What a hazard acts on if it changes only what receivers accept."""
_HEAD = ("schema", "name", "title", "title_zh", "note", "hazards")


@dataclass(frozen=True)
class Place:
    """Where the figures of a candidate are found."""

    variant: str
    """Label on the axis."""
    view: str = ""
    """Name of the view; empty = the run's own candidate."""


@dataclass
class Study:
    """What a study runs, before any of it is run."""

    question: Question
    plan: Plan
    candidates: dict[str, Candidate]
    """By name; the one compared with first."""
    places: dict[str, Place]
    """Of every candidate, those of the attribution too."""
    removed: dict[str, frozenset[str]] = field(default_factory=dict)
    """Candidates of the attribution -> hazards harmonised in them; the whole one has none."""
    hazards: tuple[str, ...] = ()
    """Hazards that share the loss, in natural order."""
    remarks: list[str] = field(default_factory=list)

    @property
    def against(self) -> str:
        """Name of the candidate the others are compared with."""
        return next(iter(self.candidates))

    @property
    def attributed(self) -> str:
        """Name of the candidate whose loss is attributed; empty without."""
        return next((name for name, gone in self.removed.items() if not gone), "")

    @property
    def scenario(self) -> str:
        """What tables call the scenario."""
        return self.plan.axes["scenario"][0]

    def variant(self, name: str) -> Variant:
        """The variant of the plan that runs a candidate, as its own or as a view."""
        label = self.places[name].variant
        return next(one for one in self.plan.variants if one.labels[AXIS] == label)


def study_of(question: Question) -> Study:
    """Plan a study. Raises as scenarios do, ValueError for hazards that cannot be attributed, DocumentError for a
    file of weights that cannot be used: before anything is run."""
    from sim.fragment.decisions import read_weights

    read_weights(question.decision_weights)
    loaded = {name: _load(question, name) for name in question.wanted}
    candidates: dict[str, Candidate] = {}
    for wanted, one in loaded.items():
        if one.candidate.name in candidates:
            raise ValueError(f"{wanted}: candidate {one.candidate.name!r} stands more than once")
        candidates[one.candidate.name] = one.candidate
    runs = {one.candidate.name: one for one in loaded.values()}
    remarks: list[str] = []
    places = {name: Place(name) for name in candidates}
    removed: dict[str, frozenset[str]] = {}
    hazards: tuple[str, ...] = ()
    if question.attribute != NONE:
        whole = loaded[question.attribute].candidate
        hazards = _players(whole, question.hazards, remarks)
        further = {gone: whole.without(gone) if gone else whole for gone in subsets(hazards)}
        removed = {one.name: gone for gone, one in further.items()}
        for first, *views in radio_groups(further.values(), removed):
            runs[first.name] = _load(question, first, views)
            places |= {first.name: Place(first.name)} | {one.name: Place(first.name, one.name) for one in views}
    return Study(question, _plan(question, runs), candidates, places, removed, hazards, remarks)


def radio_groups(
    candidates: Iterable[Candidate], removed: Mapping[str, frozenset[str]], acts_on: Mapping[str, str] | None = None
) -> list[list[Candidate]]:
    """Candidates that one radio run serves, the one with most at work first in each group.

    ``removed`` tells, by name, which hazards are harmonised; ``acts_on`` what each acts on (default: the table).
    """
    what = _acts_on() if acts_on is None else acts_on
    groups: dict[frozenset[str], list[Candidate]] = {}
    for one in candidates:
        heard = frozenset(name for name in removed[one.name] if what.get(name) != RECEIVERS)
        groups.setdefault(heard, []).append(one)
    return [sorted(group, key=lambda one: len(removed[one.name])) for group in groups.values()]


def content(candidate: Candidate) -> str:
    """Everything a candidate says but its name and its words, as text to compare or to hash."""
    plain = {key: value for key, value in candidate.plain().items() if key not in _HEAD}
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


def digest(candidate: Candidate) -> str:
    """First 16 hex digits of SHA-256 over :func:`content`."""
    return hashlib.sha256(content(candidate).encode()).hexdigest()[:16]


def _players(whole: Candidate, chosen: Sequence[str], remarks: list[str]) -> tuple[str, ...]:
    """Hazards that change something: those chosen, else all the candidate lists."""
    unknown = [name for name in chosen if name not in whole.hazards]
    if unknown:
        raise ValueError(f"--hazards {unknown[0]}: candidate {whole.name} lists {', '.join(whole.hazards) or 'none'}")
    listed = natural(chosen or whole.hazards)
    told = content(whole)
    active = tuple(name for name in listed if content(whole.without((name,))) != told)
    if len(active) > MAX_PLAYERS:
        rule = f"has {len(active)} hazards at work, {2 ** len(active)} subsets; choose at most {MAX_PLAYERS}"
        raise ValueError(f"candidate {whole.name}: {rule} with --hazards")
    if not active:
        raise ValueError(f"candidate {whole.name}: no hazard of it changes anything: nothing to attribute")
    inert = [name for name in listed if name not in active]
    if inert:
        remarks.append(f"candidate {whole.name}: {', '.join(inert)} change nothing here and take no part")
    return active


def _acts_on() -> dict[str, str]:
    from rsu.profile import HAZARDS

    return {name: hazard.acts_on for name, hazard in HAZARDS.items()}


def _load(question: Question, candidate: str | Candidate, views: Sequence[Candidate] = ()) -> LoadedScenario:
    """The scenario under a candidate: a file or shipped name, or one made here."""
    from rsu.document import Problem
    from sim.campaign.plan import outer_first
    from sim.scenario.errors import ScenarioError
    from sim.scenario.loader import load

    if isinstance(candidate, str):
        name = str(Path(candidate).resolve()) if Path(candidate).is_file() else candidate
        wanted: Any = name
    else:
        wanted, name = candidate.plain(), candidate.name
    standards = {"standards.candidate": wanted, "standards.views": [one.plain() for one in views]}
    changes: dict[str, Any] = {**question.changes, **standards}
    try:
        return load(question.scenario, outer_first(_override(key, value) for key, value in changes.items()))
    except ScenarioError as error:
        where = f"candidate {name}"
        inside = [Problem(where, one.field, "", one.rule) if one.where.startswith("--set standards.") else one
                  for one in error.problems]
        raise ScenarioError(inside) from None


def _override(key: str, value: Any) -> str:
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _plan(question: Question, runs: Mapping[str, LoadedScenario]) -> Plan:
    """The campaign: one axis with a label per run; what a label stands for is told by name and digest.

    Candidates made here are not written into the plan: every result folder holds its own, resolved.
    """
    from sim.campaign.plan import Plan, Variant
    from sim.campaign.schema import Campaign

    named = {
        name: {"standards.candidate": f"{name} ({digest(one.candidate)})", "standards.views": _view_names(one)}
        for name, one in runs.items()
    }
    campaign = Campaign.model_validate({
        "schema": "campaign/1", "name": question.name, "scenarios": [question.scenario],
        "set": dict(question.changes), "vary": {AXIS: named}, "seeds": question.seeds, "seed": question.seed,
    })
    scenario = Path(question.scenario).stem
    changed = tuple(_override(key, value) for key, value in question.changes.items())
    variants = [
        Variant(index, {"scenario": scenario, AXIS: name}, question.scenario, changed, one)
        for index, (name, one) in enumerate(runs.items())
    ]
    axes = {"scenario": [scenario], AXIS: list(runs)}
    plan = Plan(campaign, variants, axes, {"scenario": scenario, AXIS: next(iter(runs))})
    plan.extend(question.seeds)
    return plan


def _view_names(loaded: LoadedScenario) -> list[str]:
    return [one.name for one in loaded.views]
