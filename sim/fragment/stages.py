"""From shares of how opportunities ended to what is left after each stage (the waterfall), and why most are lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from sim.fragment.losses import Subject
from sim.fragment.observe import Observed
from sim.frames import STAGE_OF, Outcome, Stage

APPLIED = (Outcome.DELIVERED, Outcome.DUPLICATE)
LEFT = {
    Stage.TUNED: "reach", Stage.RECEIVED: "received", Stage.HEADER: "header", Stage.VERIFIED: "verified",
    Stage.DECODED: "decoded", Stage.INTERPRETED: "interpreted", Stage.TIMELY: "timely", Stage.APPLIED: "applied",
}
"""What a share is called that is left after a stage; ``applied`` is the UIR."""
PREFIX = "end_class_"


def ended(observed: Observed, subject: Subject, *, width: int) -> dict[Outcome, np.ndarray]:
    """Share of the opportunities of a class that ended so, per replication; 0 where a run has no such row.

    NaN for runs that tell of no opportunity at all (no ``uir_class``).
    """
    there = np.isfinite(observed.of("uir_class", subject.link, subject.class_, width=width))
    found = {}
    for outcome in Outcome:
        name = f"{PREFIX}{outcome.name.lower()}"
        values = observed.of(name, subject.link, subject.class_, width=width)
        if np.isfinite(values).any():
            found[outcome] = np.where(np.isfinite(values), values, np.where(there, 0.0, np.nan))
    return found


def waterfall(shares: Mapping[Outcome, np.ndarray], *, width: int) -> dict[str, np.ndarray]:
    """Share of the opportunities left after each stage, from ``reach`` to ``applied``, per replication.

    An opportunity that ends at a stage is lost there; those applied are left to the end. Shares of one replication sum
    to 1, so ``applied`` equals the UIR.
    """
    left = np.sum(list(shares.values()), axis=0) if shares else np.full(width, np.nan)
    found = {}
    for stage, name in LEFT.items():
        for outcome, share in shares.items():
            if STAGE_OF[outcome] == stage and outcome not in APPLIED:
                left = left - share
        found[name] = left
    return found


def dominant(counts: Mapping[str, int]) -> tuple[str, float]:
    """(the most frequent way in which opportunities were lost, its share of all of them); empty and 0 without loss."""
    total = sum(counts.values())
    applied = {outcome.name.lower() for outcome in APPLIED}
    lost = {name: count for name, count in counts.items() if name.lower() not in applied and count}
    if not lost:
        return "", 0.0
    order = {outcome.name.lower(): place for place, outcome in enumerate(STAGE_OF)}
    name = min(lost, key=lambda one: (-lost[one], order.get(one.lower(), len(order))))
    return name, lost[name] / total


def by_pair(counts: Mapping[tuple[str, str, str, str, str], int]) -> dict[tuple[str, str, str], Counter[str]]:
    """(link, class, ``sender>receiver``) -> outcome -> opportunities."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for (link, class_, sender, receiver, outcome), count in counts.items():
        found.setdefault((link, class_, f"{sender}>{receiver}"), Counter())[outcome] += count
    return found
