"""Verdicts: every application against the runs of one variant, per jurisdiction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sim.campaign.store import is_campaign, read_campaign_folder
from sim.metrics.summary import messages_line, radio_line, settings_line
from sim.requirements.evidence import Evidence
from sim.requirements.intervals import MET, NO_DATA, NOT_MET, STATES, UNDECIDED, Judgement, judge, worst
from sim.requirements.loader import Row
from sim.requirements.measures import MEASURES, Ask, Item
from sim.requirements.schema import Check
from sim.results import Result, ResultError, read

EVERYWHERE = ""
"""Stands for the whole corridor among jurisdictions."""


@dataclass(frozen=True)
class Finding:
    """One figure of a check: what it is of, and how it stands."""

    item: Item
    judgement: Judgement
    op: str
    limit: float

    @property
    def state(self) -> str:
        """One of :data:`~sim.requirements.intervals.STATES`."""
        return self.judgement.state


@dataclass(frozen=True)
class CheckVerdict:
    """One check with all its figures; the worst decides."""

    check: Check
    ask: Ask | None
    """None where the bench has no such figure."""
    findings: list[Finding]
    state: str
    range_provenance: str
    """Where the distance comes from; empty where there is none."""
    reason: str = ""

    @property
    def deciding(self) -> Finding | None:
        """The figure that makes the state; of several the one nearest to (or farthest beyond) its limit."""
        same = [one for one in self.findings if one.state == self.state]
        return min(same, key=_margin, default=None)

    @property
    def further_seeds(self) -> int | None:
        """Seeds still missing for a decision of every undecided figure; none where there is no need or no hope."""
        return _most(one.judgement.further_seeds for one in self.findings if one.state == UNDECIDED)

    @property
    def value_provenance(self) -> str:
        """Where the limit comes from; a threshold of the bench is its own choice."""
        return self.check.value_provenance or "P"


@dataclass(frozen=True)
class Verdict:
    """One application in one place."""

    row: Row
    jurisdiction: str
    checks: list[CheckVerdict]
    state: str

    @property
    def reason(self) -> str:
        """Why, in a few words: the check that makes the state."""
        if not self.checks:
            return self.row.application.note
        if self.state == MET:
            return ""
        first = next(one for one in self.checks if one.state == self.state)
        place = f"{first.deciding.item.what}: " if first.deciding is not None and first.deciding.item.what else ""
        return f"{first.check.metric}: {place}{first.reason}".rstrip(": ")

    @property
    def whole_corridor(self) -> bool:
        """Whether the state rests on a figure of the whole corridor that is not measured apart for the place."""
        findings = [one for check in self.checks for one in check.findings if one.state == self.state]
        inherited = [one.item.whole_corridor for one in findings]
        lacking = any(check.state == self.state and not check.findings for check in self.checks)
        return any(inherited) if self.state == MET else bool(inherited) and all(inherited) and not lacking

    @property
    def further_seeds(self) -> int | None:
        """Seeds still missing where the application is undecided."""
        if self.state != UNDECIDED:
            return None
        return _most(one.further_seeds for one in self.checks if one.state == UNDECIDED)


@dataclass
class VariantVerdicts:
    """All verdicts on one variant of a campaign, or on one run."""

    index: int
    labels: dict[str, str]
    seeds: int
    places: list[str]
    """Jurisdictions judged, the whole corridor (empty) first."""
    known: list[str]
    """All jurisdictions of the scenario."""
    verdicts: list[Verdict]
    illustrative: bool = False
    """The runs rest on assumptions."""

    def of(self, row: str, jurisdiction: str = EVERYWHERE) -> Verdict:
        """The verdict on one application in one place; a KeyError if it was not asked for."""
        for one in self.verdicts:
            if one.row.id == row and one.jurisdiction == jurisdiction:
                return one
        raise KeyError(f"no verdict on {row!r} in {jurisdiction or 'the whole corridor'!r}")


@dataclass
class Report:
    """Verdicts on a campaign or a run."""

    name: str
    single: bool
    """One run: nothing can be met or not met."""
    rows: list[Row]
    varying: list[str]
    variants: list[VariantVerdicts] = field(default_factory=list)
    settings: tuple[str, ...] = ()
    """Messages, radio and its settings, a line each; what differs between variants is a line per value, with names."""

    def verdicts(self) -> Iterator[tuple[VariantVerdicts, Verdict]]:
        """Every verdict with its variant."""
        for variant in self.variants:
            for verdict in variant.verdicts:
                yield variant, verdict

    def counts(self) -> dict[str, int]:
        """Verdicts per state."""
        states = [verdict.state for _, verdict in self.verdicts()]
        return {state: states.count(state) for state in STATES}

    @property
    def passed(self) -> bool:
        """Whether everything asked for is met; undecided and without data are not."""
        return all(verdict.state == MET for _, verdict in self.verdicts())


def verdicts(path: str | Path, rows: Sequence[Row], jurisdiction: str | None = None) -> Report:
    """Judge a campaign's folder, or a run's, by ``rows``; one variant is in memory at a time.

    ``jurisdiction`` restricts to one place; none = the whole corridor and each jurisdiction. Raises ResultError for a
    folder that is neither, a campaign without a finished run, or a jurisdiction that is not there.
    """
    if not is_campaign(path):
        result = read(path)
        name = str(result.summary.get("name") or result.folder.name)
        report = Report(name, True, list(rows), [])
        report.variants.append(judged(0, {}, [result], rows, jurisdiction))
        report.settings = _shared([("", _settings(result))])
        return _with_place(report, path, jurisdiction)
    campaign = read_campaign_folder(path)
    report = Report(campaign.name, False, list(rows), campaign.varying)
    told: list[tuple[str, tuple[str, ...]]] = []
    for variant in campaign.variants:
        results = [result for _, result in campaign.results(variant.index)]
        if results:
            name = ", ".join(variant.labels[axis] for axis in campaign.varying)
            told.append((name, _settings(results[0])))
        report.variants.append(judged(variant.index, variant.labels, results, rows, jurisdiction))
    report.settings = _shared(told)
    if not any(variant.seeds for variant in report.variants):
        raise ResultError(f"{path}: no run of this campaign is finished")
    return _with_place(report, path, jurisdiction)


def _with_place(report: Report, path: str | Path, jurisdiction: str | None) -> Report:
    """The report, if the jurisdiction asked for is anywhere in it."""
    known = list(dict.fromkeys(name for variant in report.variants for name in variant.known))
    if jurisdiction is not None and jurisdiction not in known:
        raise ResultError(f"{path}: no jurisdiction {jurisdiction!r}; there are {', '.join(known) or 'none'}")
    return report


def _settings(result: Result) -> tuple[str, ...]:
    return messages_line(result), radio_line(result), settings_line(result)


def _shared(told: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """Settings of several variants (name, lines): a line they share once, others once per value with their names."""
    lines: list[str] = []
    for texts in zip(*(lines for _, lines in told), strict=True):
        names: dict[str, list[str]] = {}
        for (name, _), text in zip(told, texts, strict=True):
            names.setdefault(text, []).append(name)
        lines += [text if len(names) == 1 else f"{', '.join(who)}: {text}" for text, who in names.items() if text]
    return tuple(lines)


def judged(
    index: int, labels: dict[str, str], results: Sequence[Result], rows: Sequence[Row], jurisdiction: str | None = None
) -> VariantVerdicts:
    """Judge the finished runs of one variant, one per seed."""
    evidence = Evidence(results)
    there = evidence.jurisdictions
    places = [EVERYWHERE, *there] if jurisdiction is None else [jurisdiction]
    found = [judged_row(evidence, row, place) for row in rows for place in places]
    illustrative = any(result.summary.get("illustrative") for result in results)
    return VariantVerdicts(index, dict(labels), evidence.seeds, places, there, found, illustrative)


def judged_row(evidence: Evidence, row: Row, jurisdiction: str) -> Verdict:
    """One application in one place: the worst of its checks; without checks there is no data."""
    checks = [_checked(evidence, row, check, jurisdiction) for check in row.application.checks]
    return Verdict(row, jurisdiction, checks, worst([one.state for one in checks]))


def _checked(evidence: Evidence, row: Row, check: Check, jurisdiction: str) -> CheckVerdict:
    range_from = (check.range_provenance or row.source.provenance) if check.at_range_m else ""
    if check.not_measured:
        return CheckVerdict(check, None, [], NO_DATA, range_from, f"not measured: {check.not_measured}")
    measure = MEASURES[check.metric]
    where = row.application.applies_to
    ask = measure.ask(check, where.links, where.messages, jurisdiction, row.defaults)
    if not evidence.seeds:
        return CheckVerdict(check, ask, [], NO_DATA, range_from, "no run of this variant is finished")
    findings = [_found(evidence, item, ask) for item in measure.items(evidence, ask)]
    verdict = CheckVerdict(check, ask, findings, worst([one.state for one in findings]), range_from)
    return replace(verdict, reason=_reason(verdict, evidence))


def _found(evidence: Evidence, item: Item, ask: Ask) -> Finding:
    limit = ask.limit if item.limit is None else item.limit
    judgement = judge(item.values, ask.op, limit, ask.defaults, centre=item.centre, trials=item.trials)
    if item.reason or item.n < item.least_n:
        reason = item.reason or f"{item.n} values, fewer than {item.least_n}"
        judgement = Judgement(
            NO_DATA, judgement.value, judgement.lower, judgement.upper, judgement.seeds, None, reason, judgement.how
        )
    return Finding(item, judgement, ask.op, limit)


def _reason(verdict: CheckVerdict, evidence: Evidence) -> str:
    deciding = verdict.deciding
    if deciding is None:
        return "nothing to be judged"
    text = deciding.judgement.reason
    if verdict.state == UNDECIDED and evidence.seeds == 1:
        text = f"one run decides nothing: {text}"
    if verdict.state == NOT_MET and not text:
        text = "the whole interval is on the wrong side"
    return text


def _margin(finding: Finding) -> float:
    """How far the interval's near end lies beyond the limit, relative to it; negative on the wrong side."""
    judgement, limit = finding.judgement, finding.limit
    if math.isnan(judgement.value):
        return math.inf
    lower, upper = (judgement.value if math.isnan(end) else end for end in (judgement.lower, judgement.upper))
    beyond = lower - limit if finding.op in (">=", ">") else limit - upper
    return beyond / (abs(limit) or 1.0)


def _most(numbers: Iterable[int | None]) -> int | None:
    listed = list(numbers)
    return None if not listed or any(one is None for one in listed) else max(one for one in listed if one is not None)
