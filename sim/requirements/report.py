"""Verdicts in words and as one JSON document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from sim.cli.options import columns
from sim.requirements.intervals import MET, NO_DATA, NOT_MET, STATES, UNDECIDED
from sim.requirements.measures import MEASURES
from sim.requirements.schema import PROVENANCE
from sim.requirements.verdict import CheckVerdict, Finding, Report, VariantVerdicts, Verdict
from sim.tables import finite_or_none

SCHEMA_VERSION = 1
WHOLE = "all"
"""How the whole corridor is called beside its jurisdictions."""
_SHOWN = {MET: "met", NOT_MET: "NOT MET", UNDECIDED: "undecided", NO_DATA: "no data"}


def text(report: Report, verbose: bool = False) -> str:
    """The matrix of every variant; with ``verbose`` every check below it, and rows that have no data anywhere."""
    return "\n".join(_lines(report, verbose)) + "\n"


def _lines(report: Report, verbose: bool) -> Iterator[str]:
    empty = set() if verbose else without_data(report)
    for variant in report.variants:
        yield _head(report, variant)
        shown = [row for row in report.rows if row.id not in empty]
        if shown:
            places = [place or WHOLE for place in variant.places]
            rows = [
                [row.id, *(_cell(variant.of(row.id, place)) for place in variant.places), flags(variant.of(
                    row.id, variant.places[0])), row.application.name]
                for row in shown
            ]
            yield columns(rows, ["application", *places, "numbers", "name"])
        if verbose:
            for verdict in variant.verdicts:
                yield from _details(verdict)
        yield ""
    if empty:
        yield f"{len(empty)} of {len(report.rows)} applications have no data anywhere (-v shows why)"
    counts = report.counts()
    told = "; ".join(f"{counts[state]} {state}" for state in (MET, NOT_MET, UNDECIDED, NO_DATA))
    yield f"{told} (application x place)"
    yield _legend(report)


def _head(report: Report, variant: VariantVerdicts) -> str:
    if report.single:
        return f"{report.name}: one run, so nothing is met or not met"
    labels = ", ".join(f"{axis}={label}" for axis, label in variant.labels.items() if axis in report.varying)
    seeds = f"{variant.seeds} seed{'' if variant.seeds == 1 else 's'}"
    return f"{report.name}: {labels + ', ' if labels else ''}{seeds}{' (illustrative)' if variant.illustrative else ''}"


def without_data(report: Report) -> set[str]:
    """Ids of applications that have no data in any variant and place."""
    with_data = {verdict.row.id for _, verdict in report.verdicts() if verdict.state != NO_DATA}
    return {row.id for row in report.rows} - with_data


def _cell(verdict: Verdict) -> str:
    """State, with the seeds missing for a decision, and a star where a figure is of the whole corridor."""
    words = _SHOWN[verdict.state]
    if verdict.state == UNDECIDED:
        further = verdict.further_seeds
        words += " (+?)" if further is None else f" (+{further})"
    return words + ("*" if verdict.whole_corridor else "")


def flags(verdict: Verdict) -> str:
    """Provenance of the limits behind a verdict, the best first."""
    flags = {flag for check in verdict.checks for flag in (check.value_provenance, check.range_provenance)}
    flags = flags or {verdict.row.source.provenance}
    return "/".join(flag for flag in PROVENANCE if flag in flags)


def _legend(report: Report) -> str:
    flags = "; ".join(f"{flag}: {meaning}" for flag, meaning in PROVENANCE.items())
    lines = [f"Limits: {flags}.", "(+n): seeds still missing for a decision, (+?): none would settle it."]
    if any(verdict.whole_corridor for _, verdict in report.verdicts()):
        lines.append("*: rests on a figure that is measured for the whole corridor only.")
    return "\n".join(lines)


def _details(verdict: Verdict) -> Iterator[str]:
    place = verdict.jurisdiction or WHOLE
    source = verdict.row.source
    clause = f", {source.clause}" if source.clause else ""
    head = f"{verdict.row.id} [{place}] {_SHOWN[verdict.state]}: {verdict.row.application.name}"
    yield f"\n{head} ({source.doc}{clause}; {source.provenance})"
    for check in verdict.checks:
        yield f"  {_SHOWN[check.state]:<9} {_demand(check)}"
        for finding in _worth_telling(check):
            yield f"            {_figure(check, finding)}"
        if not check.findings:
            yield f"            {check.reason}"
        if check.check.note:
            yield f"            note: {check.check.note}"
    if verdict.row.application.note:
        yield f"  note: {verdict.row.application.note}"


def _worth_telling(check: CheckVerdict) -> Iterable[Finding]:
    """Every figure, but of the bins of a reception check only those that make the state and the one at the range."""
    if check.check.metric not in ("prr", "uir"):
        return check.findings
    groups = [_group(finding) for finding in check.findings]
    return [
        finding for k, finding in enumerate(check.findings)
        if finding is check.deciding or groups[k] not in groups[k + 1:]
    ]


def _group(finding: Finding) -> str:
    """Link and message of a figure of one distance bin."""
    return " ".join(finding.item.what.split(" ")[:2])


def _demand(check: CheckVerdict) -> str:
    """``latency p99 <= 100 ms [limit R2, statistic P]``."""
    one, ask = check.check, check.ask
    at = f" at {one.at_range_m:g} m [{check.range_provenance}]" if one.at_range_m else ""
    if ask is None:
        limit = "" if one.value is None else f" {one.op or ''} {one.value:g} {one.unit}".rstrip()
        return f"{one.metric}{at}{limit} [limit {check.value_provenance}]"
    unit = MEASURES[one.metric].unit
    stat = "" if ask.stat == "share" else f" {ask.stat}"
    limit = f"{ask.limit:g}" + (f" {unit}" if unit != "ratio" else "")
    return f"{one.metric}{stat}{at} {ask.op} {limit} [limit {check.value_provenance}, statistic {one.stat_provenance}]"


def _figure(check: CheckVerdict, finding: Finding) -> str:
    judgement, item = finding.judgement, finding.item
    unit = MEASURES[check.check.metric].unit
    if math.isnan(judgement.value):
        return f"{item.what}: {judgement.reason}"
    words = [f"{item.what}: {judgement.value:.4g}" + (f" {unit}" if unit != "ratio" else "")]
    if not math.isnan(judgement.lower):
        words.append(f"[{judgement.lower:.4g}, {judgement.upper:.4g}]")
    words.append(f"n {item.n:,}, {judgement.seeds} seed{'' if judgement.seeds == 1 else 's'}, {judgement.how}")
    words += [f"{name} {value:.4g}" for name, value in item.beside.items()]
    if correlated(finding):
        words.append("longer than independent losses would give")
    if item.whole_corridor:
        words.append("whole corridor")
    words += [note for note in (item.note, judgement.reason) if note]
    if finding.state == UNDECIDED and judgement.further_seeds is not None:
        words.append(f"{judgement.further_seeds} more seeds")
    return f"{words[0]} {'; '.join(words[1:])}"


def correlated(finding: Finding) -> bool:
    """Whether gaps are longer than independent losses would make them, beyond doubt: losses come in rows."""
    predicted = finding.item.beside.get("predicted_ratio")
    return predicted is not None and finding.judgement.lower > predicted


def document(report: Report) -> dict[str, Any]:
    """Everything, as plain data; NaN is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": report.name,
        "single_run": report.single,
        "states": list(STATES),
        "provenance": PROVENANCE,
        "counts": report.counts(),
        "passed": report.passed,
        "thresholds": {row.file: row.defaults.model_dump() for row in report.rows},
        "variants": [_variant(report, variant) for variant in report.variants],
    }


def _variant(report: Report, variant: VariantVerdicts) -> dict[str, Any]:
    return {
        "variant": variant.index, "labels": variant.labels, "seeds": variant.seeds,
        "illustrative": variant.illustrative,
        "verdicts": [_verdict(one) for one in variant.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    application, source = verdict.row.application, verdict.row.source
    return {
        "application": application.id, "name": application.name, "name_zh": application.name_zh,
        "kind": application.kind, "file": verdict.row.file,
        "source": {"doc": source.doc, "clause": source.clause, "provenance": source.provenance},
        "applies_to": application.applies_to.model_dump(),
        "jurisdiction": verdict.jurisdiction or None, "state": verdict.state, "reason": verdict.reason,
        "whole_corridor": verdict.whole_corridor,
        "further_seeds": verdict.further_seeds, "note": application.note,
        "checks": [_check(one) for one in verdict.checks],
    }


_OF_DECIDING = (
    "what", "value", "lower", "upper", "n", "seeds", "interval", "whole_corridor", "correlated_losses", "beside",
)
"""What a check repeats of the figure that decides it."""


def _check(check: CheckVerdict) -> dict[str, Any]:
    one, ask, deciding = check.check, check.ask, check.deciding
    unit = one.unit or (MEASURES[one.metric].unit if one.metric in MEASURES else "")
    limit = one.value if ask is None else ask.limit
    found: dict[str, Any] = dict.fromkeys(_OF_DECIDING)
    if deciding is not None:
        found |= {name: value for name, value in _finding(deciding).items() if name in _OF_DECIDING}
    return {
        "metric": one.metric, "stat": one.stat if ask is None else ask.stat, "op": one.op if ask is None else ask.op,
        "at_range_m": one.at_range_m, "range_provenance": check.range_provenance or None, "unit": unit,
        "value_provenance": check.value_provenance, "stat_provenance": one.stat_provenance, **found, "limit": limit,
        "state": check.state, "reason": check.reason, "note": one.note, "further_seeds": check.further_seeds,
        "findings": [_finding(finding) for finding in check.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    judgement, item = finding.judgement, finding.item
    return {
        "what": item.what, "state": finding.state, "value": finite_or_none(judgement.value),
        "lower": finite_or_none(judgement.lower), "upper": finite_or_none(judgement.upper),
        "limit": finite_or_none(finding.limit), "n": item.n, "seeds": judgement.seeds,
        "further_seeds": judgement.further_seeds, "interval": judgement.how, "reason": judgement.reason,
        "whole_corridor": item.whole_corridor, "note": item.note, "correlated_losses": correlated(finding),
        "beside": {name: finite_or_none(value) for name, value in item.beside.items()},
    }
