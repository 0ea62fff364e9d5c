"""A study in words and tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.campaign.statistics import Interval
from sim.cli.options import columns
from sim.fragment.answer import Findings
from sim.fragment.attribution import Attribution, wrong_with_and_without
from sim.fragment.blackouts import LEAST_CROSSINGS, TOLD, blackout_rows
from sim.fragment.decisions import decisions
from sim.fragment.losses import value_of, weight_of, wrong
from sim.fragment.observe import fragmentation, mean_of
from sim.fragment.phrases import ZH, say
from sim.fragment.shapley import natural

_LONGEST = 36


def summary_lines(found: Findings, language: str = "en") -> Iterator[str]:
    """Everything a planner reads first, in one language."""
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
        yield from _sensitivity_lines(found, language)
        yield ""
    yield from notes(found, language)


def verdict(found: Findings, language: str = "en") -> str:
    """The sentence: what to harmonise next, what it wins back, and how sure that is."""
    overall = found.overall
    if overall is None:
        return say("nothing_attributed", language)
    total = overall.total()
    if not overall.complete or not total.mean > 0:
        return say("no_loss", language, name=found.study.attributed)
    hazard, _, gained = overall.roadmap()[1]
    rests = found.illustrative(found.study.attributed)
    told = {
        "hazard": hazard, "title": title(hazard, language), "total": f"{total.mean:.3f}",
        "word": _in_brackets(say("illustrative", language), language) if rests else "",
    }
    if gained.mean <= 0:
        return say("none_alone", language, **told, change=f"{-gained.mean:+.3f}")
    errors = wrong_with_and_without(found.subsets, overall.hazards, width=found.width)[hazard].mean
    return say(
        "verdict", language, **told, gained=f"{gained.mean:.3f}", part=f"{100 * gained.mean / total.mean:.0f}",
        sure=_sure(gained, language), second=_second(overall, language),
        warning=say("adds_wrong", language, count=f"{errors:.3g}") if errors > 0 else "",
    )


def _sure(gained: Interval, language: str) -> str:
    if math.isnan(gained.lower):
        return say("no_interval", language)
    sure = say("interval", language, low=f"{gained.lower:.3f}", high=f"{gained.upper:.3f}")
    return sure + (say("undecided", language) if gained.lower <= 0 <= gained.upper else "")


def _second(overall: Attribution, language: str) -> str:
    """That the item which comes second might be the better one, where the seeds do not exclude it."""
    second = overall.runner_up()
    if second is None or not second[1].lower <= 0:
        return ""
    return say("second", language, hazard=second[0], title=title(second[0], language))


def _in_brackets(word: str, language: str) -> str:
    return f"（{word}）" if language == ZH else f" ({word})"


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
    yield say(
        "index", language, scenario=found.study.scenario, against=found.study.against, seeds=_seeds(found, language)
    )
    classes = (f"{one.name} [{one.measure}]" for one in found.classes)
    header = [say("candidate", language), "", *classes, say("wrong", language)]
    rows = []
    for name, candidate in found.candidates.items():
        seen = found.observed[name]
        x = {one: value_of(seen, one, width=width) for one in found.classes}
        words = say("illustrative", language) if found.illustrative(name) else ""
        call = (candidate.title_zh if language == ZH else "") or candidate.title
        errors = plus_minus(mean_of(wrong(seen, width=width)), 2)
        own = [f"x {plus_minus(mean_of(one))}" for one in x.values()]
        if name == found.study.against:
            rows.append([name, say("compared", language), *own, errors])
            continue
        index = [plus_minus(fragmentation(x[one], value_of(base, one, width=width))) for one in found.classes]
        rows.append([name, words, *index, errors])
        rows.append(["", call if len(call) <= _LONGEST else f"{call[:_LONGEST].rstrip()} ...", *own, ""])
    yield columns(rows, header)
    yield say("x" if found.classes else "no_class", language)


def _attribution_table(found: Findings, language: str) -> Iterator[str]:
    yield say("attribution", language, name=found.study.attributed)
    views = [say(key, language) for key in ("alone", "only_fixed", "blame")]
    classes = [one.subject.name for one in found.attributions[:-1]]
    header = [say("hazard", language), *classes, say("overall", language), *views, ""]
    shares = [one.shares() for one in found.attributions]
    last = shares[-1]
    rows = []
    for hazard in found.study.hazards:
        cells = [plus_minus(one["shapley"][hazard]) for one in shares]
        told = [f"{last[view][hazard].mean:.3f}" for view in ("alone", "only_fixed", "blame")]
        rows.append([hazard, *cells, *told, title(hazard, language)])
    rows.append([say("sum", language), *(plus_minus(one.total()) for one in found.attributions), "", "", "", ""])
    yield columns(rows, header)
    weights = found.study.question.weights
    weighed = [(one.name, weight_of(one, weights)) for one in found.classes if weight_of(one, weights)]
    yield say("overall_is", language, classes=", ".join(f"{name} x {weight:g}" for name, weight in weighed))


def _roadmap_lines(found: Findings, language: str) -> Iterator[str]:
    overall = found.attributions[-1]
    yield say("roadmap", language)
    rows = []
    at_work = frozenset(overall.hazards)
    for step, (hazard, left, gained) in enumerate(overall.roadmap()):
        at_work -= {hazard}
        errors = plus_minus(mean_of(wrong(found.subsets[at_work], width=found.width)), 2)
        what = title(hazard, language) if hazard else say("as_it_is", language, name=found.study.attributed)
        rows.append([str(step), hazard, plus_minus(left), plus_minus(gained) if step else "", errors, what])
    yield columns(rows, [*(say(key, language) for key in ("step", "harmonise", "left", "recovered", "wrong")), ""])


def _decision_lines(found: Findings, language: str) -> Iterator[str]:
    yield say("decisions", language)
    rows = []
    for one in decisions(found):
        band = say("to", language, low=f"{one.band[0]:.2f}", high=f"{one.band[1]:.2f}")
        rows.append([
            str(one.rank), one.hazard, plus_minus(one.gain), plus_minus(one.wrong, 2), plus_minus(one.latency),
            f"{one.score:.2f} ({band})", say("to", language, low=one.ranks[0], high=one.ranks[1]),
            title(one.hazard, language),
        ])
    heads = ("rank", "hazard", "won_back", "wrong_change", "latency_change", "score", "ranks")
    yield columns(rows, [*(say(key, language) for key in heads), ""])
    following = found.attributions[-1].roadmap()[1][0]
    if rows and rows[0][1] != following:
        yield say("otherwise", language, hazard=rows[0][1], next=following)


def _sensitivity_lines(found: Findings, language: str) -> Iterator[str]:
    known = found.sensitivity
    if known is None:
        return
    if known.stable:
        yield say("stable", language)
    else:
        told = [say("under", language, name=name, count=len(cases)) for name, cases in known.first.items()]
        yield say("unstable", language, told="; ".join(told))
    bands = []
    for name in natural(known.share):
        low, high = known.share[name]
        bands.append(f"{name} {say('to', language, low=f'{100 * low:.0f}', high=f'{100 * high:.0f}')} %")
    yield say("shares", language, bands=", ".join(bands))


def notes(found: Findings, language: str = "en") -> Iterator[str]:
    """What must be said beside the figures."""
    yield from found.study.remarks
    known = [one.name for one in found.classes]
    for name in found.study.question.weights:
        if name not in known:
            yield say("idle_weight", language, name=name, classes=", ".join(known))
    marked = [name for name in found.candidates if found.illustrative(name)]
    if marked:
        yield say("rest_on", language, names=", ".join(marked))
    yield from _gap_note(found, language)
    if len(found.jurisdictions) == 1:
        yield say("one_place", language)
    elif all(not row[-1].startswith(TOLD) for row in blackout_rows(found)):
        yield say("no_crossing", language, least=LEAST_CROSSINGS)
    if missing := found.failed_runs():
        yield say("missing", language, count=missing)
    yield say("worse", language)


def _gap_note(found: Findings, language: str) -> Iterator[str]:
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
        names = {"attributed": found.study.attributed, "against": found.study.against}
        yield say("gap", language, **names, hazards=", ".join(found.study.hazards), gaps=", ".join(gaps))


def _seeds(found: Findings, language: str) -> str:
    counts = sorted({len(found.observed[name].replications) for name in found.candidates})
    if counts == [1]:
        return say("one_seed", language)
    many = str(counts[0]) if len(counts) == 1 else say("to", language, low=counts[0], high=counts[-1])
    return say("seeds", language, count=many)
