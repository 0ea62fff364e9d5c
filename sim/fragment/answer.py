"""Does a study: runs its campaign, then reads what the runs say of each candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sim.fragment.attribution import Attribution, Sensitivity, attribute, sensitivity
from sim.fragment.losses import Subject, judged
from sim.fragment.observe import Observed, observed, ordered_pairs
from sim.fragment.variants import Study, study_of
from sim.frames import Stage

if TYPE_CHECKING:
    from rsu.profile import Candidate
    from sim.campaign.plan import Plan
    from sim.campaign.store import CampaignResult
    from sim.fragment.question import Question

STAGES = ("sent", *(stage.name.lower() for stage in Stage))
"""Where a hazard shows, in the order in which a message passes."""
Doing = Callable[["Plan", Path], "CampaignResult"]


@dataclass
class Findings:
    """A study whose runs are there, all or most of them."""

    study: Study
    campaign: CampaignResult
    observed: dict[str, Observed]
    """By name of the candidate, those of the attribution too."""
    width: int
    """Replications of the study."""
    attributions: list[Attribution] = field(default_factory=list)
    """By class, the overall one last; empty where nothing is attributed."""
    sensitivity: Sensitivity | None = None

    @property
    def candidates(self) -> dict[str, Candidate]:
        """Those the tables are about, the one compared with first."""
        return self.study.candidates

    @property
    def harmonised(self) -> Observed:
        """What the others are compared with."""
        return self.observed[self.study.against]

    @cached_property
    def classes(self) -> list[Subject]:
        """Classes with a fragmentation index."""
        return judged(self.harmonised, width=self.width)

    @cached_property
    def jurisdictions(self) -> dict[str, int]:
        """Jurisdiction -> index, in the order of the road."""
        loaded = self.study.plan.variants[0].loaded
        assert loaded is not None
        return {one.id: k for k, one in enumerate(loaded.config.corridor.jurisdictions)}

    @property
    def overall(self) -> Attribution | None:
        """Attribution of the loss over all classes."""
        return self.attributions[-1] if self.attributions else None

    @cached_property
    def subsets(self) -> dict[frozenset[str], Observed]:
        """Hazards at work -> what was observed."""
        everything = frozenset(self.study.hazards)
        return {everything - gone: self.observed[name] for name, gone in self.study.removed.items()}

    def pairs(self, labels: list[str]) -> list[str]:
        """Pairs ``A>B`` in the order of the road."""
        return ordered_pairs(labels, self.jurisdictions)

    def failed_runs(self) -> int:
        """Runs that were given up or are not there."""
        return len(self.campaign.missing())

    def illustrative(self, name: str) -> list[str]:
        """What of a candidate rests on memory or assumption, a line each."""
        return list(self.candidates[name].illustrative_items())


def fragment(question: Question, out: Path, do: Doing) -> Findings:
    """Run what the question takes and read it; ``do(plan, folder)`` runs a campaign (and resumes it).

    Raises as campaigns do, and ValueError where no run of the candidate compared with was finished.
    """
    study = study_of(question)
    return findings(study, do(study.plan, out))


def findings(study: Study, campaign: CampaignResult) -> Findings:
    """What the finished runs of a study say; a candidate without any has no figures, the others have theirs."""
    seen = observed(study, campaign)
    if not seen[study.against].replications:
        raise ValueError(f"{campaign.folder.out}: no finished run of {study.against}: nothing to compare with")
    width = 1 + max(run.replication for run in campaign.runs)
    found = Findings(study, campaign, seen, width)
    if study.hazards and all(one.replications for one in found.subsets.values()):
        order, weights = stage_order(study.hazards), study.question.weights
        found.attributions = attribute(found.subsets, study.hazards, order, weights, width=width)
        if found.attributions:
            found.sensitivity = sensitivity(found.subsets, study.hazards, order, weights, width=width)
    return found


def stage_order(hazards: tuple[str, ...]) -> tuple[str, ...]:
    """Hazards in the order of the stages they act at; within a stage by number."""
    from rsu.profile import HAZARDS

    return tuple(sorted(hazards, key=lambda name: (STAGES.index(HAZARDS[name].stage), hazards.index(name))))
