"""From shares of how opportunities ended to what is left after each stage (the waterfall), and why most are lost."""

from __future__ import annotations

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


def ended(observed: Observed, subject: Subject, pair: str = "", *, width: int) -> dict[Outcome, np.ndarray]:
    """Share of the opportunities of a class (of one pair) that ended so, per replication; 0 where a run tells none.

    NaN for runs that tell of no opportunity at all (no UIR).
    """
    kind = "pair" if pair else "class"
    names = subject.link, subject.class_, "", pair
    there = np.isfinite(observed.of(f"uir_{kind}", *names, width=width))
    found = {}
    for outcome in Outcome:
        values = observed.of(f"end_{kind}_{outcome.name.lower()}", *names, width=width)
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


def dominant(observed: Observed, subject: Subject, pair: str, *, width: int) -> tuple[str, float]:
    """(how most opportunities of a pair ``sender>receiver`` were lost, its share of all), by the mean over seeds.

    Empty and 0 where none was lost, empty and NaN where there is none. Equal shares go to the earlier stage.
    """
    if not np.isfinite(observed.of("uir_pair", subject.link, subject.class_, station_class=pair, width=width)).any():
        return "", np.nan
    shares = ended(observed, subject, pair, width=width)
    lost = {one: float(np.nanmean(shares[one])) for one in STAGE_OF if one in shares and one not in APPLIED}
    worst = max(lost, key=lambda one: lost[one], default=None)
    return ("", 0.0) if worst is None or not lost[worst] else (worst.name.lower(), lost[worst])
