"""What a study rests on: versions, seeds, hashes of candidates and profiles, and everything that is not sourced."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sim
from sim.fragment.variants import digest

if TYPE_CHECKING:
    from sim.fragment.answer import Findings

TRACE_COLUMNS = ("kind", "candidate", "item", "value")


def trace_rows(found: Findings) -> Iterator[tuple[Any, ...]]:
    """Rows (kind, candidate, item, value); nothing of the machine or the clock."""
    study = found.study
    yield "program", "", "version", sim.__version__
    yield "scenario", "", study.scenario, ""
    for key, value in study.question.changes.items():
        yield "scenario", "", key, json.dumps(value, ensure_ascii=False)
    yield "compared with", study.against, "", ""
    for replication, seed in sorted({(run.replication, run.seed) for run in found.campaign.runs}):
        yield "seed", "", f"replication {replication}", str(seed)
    for name, candidate in study.candidates.items():
        yield "candidate", name, candidate.title, digest(candidate)
        for place, profile in candidate.profiles.items():
            text = json.dumps(profile.plain(), sort_keys=True, ensure_ascii=False)
            yield "profile", name, f"{place}: {profile.name}", hashlib.sha256(text.encode()).hexdigest()[:16]
        yield "runs", name, "finished", str(len(found.observed[name].replications))
    for name, gone in study.removed.items():
        if gone:
            yield "attribution", name, f"without {', '.join(sorted(gone))}", study.places[name].view or "own run"
    for name in study.candidates:
        for line in found.illustrative(name):
            yield "illustrative", name, line, ""
    for line in illustrative_scenario(found):
        yield "illustrative", "", line, ""


def illustrative_scenario(found: Findings) -> list[str]:
    """Keys of the scenario whose values are assumptions, as the runs' summaries tell them."""
    variant = found.study.plan.variants[0].index
    runs = found.campaign.results(variant)
    told = runs[0][1].summary.get("illustrative", []) if runs else []
    return [line for line in told if isinstance(line, str) and line.startswith("scenario")]
