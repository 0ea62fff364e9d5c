"""A study in words and tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.campaign.statistics import Interval
from sim.cli.options import columns
from sim.fragment.answer import Findings
from sim.fragment.attribution import Attribution, wrong_with_and_without
from sim.fragment.decisions import decisions
from sim.fragment.losses import value_of, wrong
from sim.fragment.observe import fragmentation, mean_of
from sim.fragment.shapley import natural

ILLUSTRATIVE = "illustrative"
ZH = "zh"
_LONGEST = 36


def summary_lines(found: Findings, language: str = "en") -> Iterator[str]:
    """Everything a planner reads first; ``language`` chooses the titles of candidates and hazards."""
    yield from _index_table(found, language)
    yield ""
    if found.attributions:
        yield from _attribution_table(found, language)
        yield ""
        yield from _roadmap_lines(found, language)
        yield ""
        yield from _decision_lines(found, language)
        yield ""
        yield verdict(found, language)
        yield from _sensitivity_lines(found)
        yield ""
    yield from notes(found)


def verdict(found: Findings, language: str = "en") -> str:
    """The sentence: what to harmonise next, and what it wins back."""
    overall = found.overall
    if overall is None:
        return "nothing is attributed: no verdict"
    total = overall.total()
    road = overall.roadmap()
    if not overall.complete or not total.mean > 0:
        return f"{found.study.attributed} loses nothing against its harmonised self: nothing to harmonise"
    hazard, _, gained = road[1]
    word = f" ({ILLUSTRATIVE})" if found.illustrative(found.study.attributed) else ""
    part = gained.mean / total.mean
    if math.isnan(gained.lower):
        sure = "one seed, no interval"
    else:
        sure = f"95 % interval {gained.lower:.3f} to {gained.upper:.3f}"
        if gained.lower <= 0 <= gained.upper:
            sure += ", not decided by these seeds"
    errors = wrong_with_and_without(found.subsets, overall.hazards, width=found.width)[hazard].mean
    warning = f"; alone it adds {errors:.3g} wrong applications per vehicle-hour" if errors > 0 else ""
    return (
        f"harmonise {hazard} next ({title(hazard, language)}): it recovers {gained.mean:.3f} of the overall loss of "
        f"{total.mean:.3f}, {100 * part:.0f} %; {sure}{warning}{word}"
    )


def title(hazard: str, language: str = "en") -> str:
    """What a hazard is called."""
    from rsu.profile import HAZARDS

    return HAZARDS[hazard].title_zh if language == ZH else HAZARDS[hazard].title


def plus_minus(value: Interval, digits: int = 3) -> str:
    """A mean with the half width of its interval; ``-`` where there is none."""
    if math.isnan(value.mean):
        return "-"
    half = value.half_width
    return f"{value.mean:.{digits}f}" if math.isnan(half) else f"{value.mean:.{digits}f} ± {half:.{digits}f}"


def _index_table(found: Findings, language: str) -> Iterator[str]:
    base, width = found.harmonised, found.width
    yield (
        f"{found.study.scenario}: fragmentation index FI = 1 - x / x of {found.study.against} (x below it); "
        f"mean ± half of the 95 % interval over {_seeds(found)}"
    )
    header = ["candidate", "", *(f"{one.name} [{one.measure}]" for one in found.classes), "wrong [1/(veh h)]"]
    rows = []
    for name, candidate in found.candidates.items():
        seen = found.observed[name]
        x = {one: value_of(seen, one, width=width) for one in found.classes}
        words = ILLUSTRATIVE if found.illustrative(name) else ""
        call = (getattr(candidate, "title_zh", "") if language == ZH else "") or candidate.title
        errors = plus_minus(mean_of(wrong(seen, width=width)), 2)
        if name == found.study.against:
            rows.append([name, "compared with", *(f"x {plus_minus(mean_of(one))}" for one in x.values()), errors])
            continue
        index = [plus_minus(fragmentation(x[one], value_of(base, one, width=width))) for one in found.classes]
        rows.append([name, words, *index, errors])
        call = call if len(call) <= _LONGEST else f"{call[:_LONGEST].rstrip()} ..."
        rows.append(["", call, *(f"x {plus_minus(mean_of(one))}" for one in x.values()), ""])
    yield columns(rows, header)
    if not found.classes:
        yield "no class has any use in the harmonised case: no index is defined"


def _attribution_table(found: Findings, language: str) -> Iterator[str]:
    name = found.study.attributed
    yield f"{name}: whose share of the loss is whose (Shapley; of the loss 1 - x that its hazards add)"
    header = ["hazard", *(one.subject.name for one in found.attributions), "overall: alone", "only fixed", "blame", ""]
    shares = [one.shares() for one in found.attributions]
    last = shares[-1]
    rows = []
    for hazard in found.study.hazards:
        cells = [plus_minus(one["shapley"][hazard]) for one in shares]
        views = [f"{last[view][hazard].mean:.3f}" for view in ("alone", "only_fixed", "blame")]
        rows.append([hazard, *cells, *views, title(hazard, language)])
    rows.append(["sum", *(plus_minus(one.total()) for one in found.attributions), "", "", "", ""])
    yield columns(rows, header)


def _roadmap_lines(found: Findings, language: str) -> Iterator[str]:
    overall = found.attributions[-1]
    yield "road map, each time what leaves the least overall loss"
    rows = []
    at_work = frozenset(overall.hazards)
    for step, (hazard, left, gained) in enumerate(overall.roadmap()):
        at_work -= {hazard}
        errors = plus_minus(mean_of(wrong(found.subsets[at_work], width=found.width)), 2)
        what = title(hazard, language) if hazard else f"{found.study.attributed} as it is"
        rows.append([str(step), hazard, plus_minus(left), plus_minus(gained) if step else "", errors, what])
    yield columns(rows, ["step", "harmonise", "loss left", "recovered", "wrong [1/(veh h)]", ""])


def _decision_lines(found: Findings, language: str) -> Iterator[str]:
    yield "decision matrix (weights are assumptions; band: every weight halved and doubled)"
    rows = [
        [
            str(one.rank), one.hazard, plus_minus(one.gain), plus_minus(one.wrong, 2), plus_minus(one.latency),
            f"{one.score:.2f} ({one.band[0]:.2f} to {one.band[1]:.2f})", f"{one.ranks[0]} to {one.ranks[1]}",
            title(one.hazard, language),
        ]
        for one in decisions(found)
    ]
    yield columns(rows, ["rank", "item", "x won back", "wrong [1/(veh h)]", "BSM in 100 ms", "score", "ranks", ""])


def _sensitivity_lines(found: Findings) -> Iterator[str]:
    known = found.sensitivity
    if known is None:
        return
    if known.stable:
        yield "the same item comes first with the weight of every class halved or doubled"
    else:
        told = "; ".join(f"{name} under {len(cases)}" for name, cases in known.first.items())
        yield f"which item comes first depends on the weights of the classes: {told} of the weightings tried"
    bands = []
    for name in natural(known.share):
        low, high = known.share[name]
        bands.append(f"{name} {100 * low:.0f} to {100 * high:.0f} %")
    yield f"share of the overall loss over these weights (Shapley): {', '.join(bands)}"


def notes(found: Findings) -> Iterator[str]:
    """What must be said beside the figures."""
    yield from found.study.remarks
    marked = [name for name in found.candidates if found.illustrative(name)]
    if marked:
        yield f"{ILLUSTRATIVE}: {', '.join(marked)} rest on assumptions or memory, see traceability.csv"
    yield from _gap_note(found)
    if missing := found.failed_runs():
        yield f"{missing} runs are missing or failed: figures are of the others"
    yield "a wrong application is worse than a missing one: it is counted apart and in no index"


def _gap_note(found: Findings) -> Iterator[str]:
    """How far the harmonised end of the attribution is from the candidate compared with."""
    overall: Attribution | None = found.overall
    if overall is None:
        return
    ends = found.subsets[frozenset()]
    gaps = []
    for one in found.classes:
        a, b = (value_of(seen, one, width=found.width) for seen in (ends, found.harmonised))
        if not np.array_equal(a, b, equal_nan=True):
            gaps.append(f"{one.name} {plus_minus(mean_of(a - b))}")
    if gaps:
        yield (
            f"{found.study.attributed} with {', '.join(found.study.hazards)} harmonised is not {found.study.against}; "
            f"x differs by {', '.join(gaps)}"
        )


def _seeds(found: Findings) -> str:
    counts = sorted({len(found.observed[name].replications) for name in found.candidates})
    if counts == [1]:
        return "one seed (no interval)"
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
