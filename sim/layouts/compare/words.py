"""A comparison in words and tables for a terminal, and as one JSON document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from sim.campaign.statistics import Interval, mean_interval
from sim.cli.options import SCHEMA_VERSION, columns
from sim.layouts.compare.answer import BY_COST, BY_COVERAGE, Answer
from sim.layouts.compare.failures import MEAN, WORST, Failure
from sim.layouts.compare.judge import Ranking
from sim.layouts.compare.observe import QUANTILES, SHARES, Key, Observed
from sim.layouts.compare.tables import BY_KEYS, TABLES, figure, rows_of
from sim.metrics.base import CLASSES
from sim.tables import finite_or_none

BY_HEADS = {BY_COVERAGE: "useful coverage", BY_COST: "cost per covered km"}


def summary_lines(answer: Answer) -> Iterator[str]:
    """Everything a planner reads first."""
    for candidate in answer.candidates:
        if candidate:
            yield f"candidate {candidate}"
        yield from _main_table(answer, candidate)
        yield ""
        yield from _differences(answer, candidate)
        yield ""
        yield from _place_lines(answer, candidate)
        for by in BY_KEYS:
            yield ""
            yield from _ranking_lines(answer, candidate, by)
        if answer.question.failures != "none":
            yield ""
            yield from _failure_lines(answer, candidate)
        yield ""
    yield from _notes(answer)


def plus_minus(value: Interval, digits: int = 3, scale: float = 1.0) -> str:
    """A mean with the half width of its interval; ``-`` where there is none."""
    if math.isnan(value.mean):
        return "-"
    text = f"{value.mean * scale:.{digits}f}"
    half = (value.upper - value.lower) / 2
    return text if math.isnan(half) else f"{text} ± {half * scale:.{digits}f}"


def class_words(answer: Answer) -> str:
    """The deciding classes in words."""
    if len(answer.classes) == 1:
        return answer.classes[0]
    return f"lowest of {', '.join(answer.classes)}"


def _main_table(answer: Answer, candidate: str) -> Iterator[str]:
    model = answer.models[0]
    seen = [answer.of(layout, model, candidate) for layout in answer.layouts]
    classes = list(dict.fromkeys(name for one in seen for name in one.classes()))
    front = answer.front(model, candidate)
    header = ["layout", "units", "cost [M CNY]", *(f"useful {name}" for name in classes), "deciding",
              "gaps: m, count, longest", "latency p50; p99 [ms]", "CBR", "M CNY per covered km", "cost and coverage"]
    rows = []
    for one in seen:
        site = answer.sites[one.layout, candidate]
        owners = ", ".join(f"{name} {count}" for name, count in site.by_jurisdiction.items() if name)
        by_class = [plus_minus(mean_interval(one.share("C_useful", name))) for name in classes]
        rows.append([
            one.layout, f"{len(site.units)} ({owners})" if owners else str(len(site.units)),
            f"{site.cost.total_cny / 1e6:.2f}", *by_class, plus_minus(mean_interval(answer.coverage(one))),
            _gap_text(answer, one), _latency_text(answer, one), _load_text(one),
            plus_minus(mean_interval(answer.cost_per_covered_km(one)), 2, 1e-6), front[one.layout],
        ])
    yield f"{answer.question.scenario}, propagation {model}, deciding: {class_words(answer)}; mean ± half of the 95 % "\
        f"interval over {_seed_text(seen)}"
    yield columns(rows, header)


def _seed_text(seen: Sequence[Observed]) -> str:
    counts = sorted({len(one.seeds) for one in seen})
    if counts == [1]:
        return "one seed, no interval"
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _gap_text(answer: Answer, one: Observed) -> str:
    found = [gap for gap in answer.gaps(one) if gap.measure == "C_useful" and gap.class_ in answer.classes]
    if not found:
        return "none"
    lengths = [gap.length_m for gap in found]
    return f"{sum(lengths):.0f}, {len(lengths)}, {max(lengths):.0f}"


def _latency_text(answer: Answer, one: Observed) -> str:
    """Of SPAT, or of the first roadside message there is where none is sent."""
    found = {
        (key.message, key.quantile): value for key, value in answer.quantiles(one).items()
        if key.link == "I2V" and not math.isnan(value.mean)
    }
    messages = list(dict.fromkeys(message for message, _ in found))
    if not messages:
        return "-"
    name = next((message for message in messages if message.startswith("SPAT")), messages[0])
    return f"{name} " + "; ".join(plus_minus(found[name, q], 1) for q in QUANTILES if (name, q) in found)


def _load_text(one: Observed) -> str:
    values = next((v for key, v in one.values.items() if key.metric == "cbr_mean" and "vehicle" in key.station_class),
                  None)
    return "-" if values is None else plus_minus(mean_interval(values))


def _differences(answer: Answer, candidate: str) -> Iterator[str]:
    model, base = answer.models[0], answer.layouts[0]
    for layout in answer.layouts[1:]:
        one = answer.of(layout, model, candidate)
        _, difference = figure(answer, one, BY_KEYS[BY_COVERAGE])
        decided = difference.lower > 0 or difference.upper < 0
        yield (
            f"{layout} minus {base}, paired over seeds: useful coverage {plus_minus(difference)}"
            f" ({'decided' if decided else 'not decided'})"
        )


def _place_lines(answer: Answer, candidate: str) -> Iterator[str]:
    """Coverage of each class by jurisdiction and direction, a column per layout."""
    seen = [answer.of(layout, answer.models[0], candidate) for layout in answer.layouts]
    places = sorted(
        {key[3:6] for one in seen for key in one.values if key.metric in SHARES and key.jurisdiction and key.direction},
        key=lambda place: (CLASSES.index(place[0]), place[1], place[2] != "up"),
    )
    if places:
        rows = [[f"  {' '.join(place)}", *(_raw_and_useful(one, *place) for one in seen)] for place in places]
        yield "coverage by class, jurisdiction and direction, received; useful (intervals: compare.csv):"
        yield columns(rows, ["  zone", *answer.layouts])


def _raw_and_useful(one: Observed, class_: str, jurisdiction: str, direction: str) -> str:
    keys = [Key(metric, "ratio", "I2V", class_, jurisdiction, direction, "probe") for metric in SHARES]
    means = [mean_interval(one.values[key]).mean if key in one.values else math.nan for key in keys]
    return "; ".join("-" if math.isnan(mean) else f"{mean:.3f}" for mean in means)


def _ranking_lines(answer: Answer, candidate: str, by: str) -> Iterator[str]:
    yield f"ranking by {BY_HEADS[by]}, under each propagation model:"
    rankings = answer.rankings(candidate, by)
    yield columns(
        [[f"  {one.model}", _order_text(one), _undecided_text(one)] for one in rankings],
        ["  propagation", "best to worst", "not decided"],
    )
    found = answer.flips(candidate, by)
    if found:
        yield from (f"  {flip}" for flip in found)
    elif len(rankings) > 1:
        yield "  no decided order flips between these models"
    else:
        yield "  one model only: whether the order holds under another is not known (--propagation)"


def _order_text(ranking: Ranking) -> str:
    known = [layout for layout in ranking.order if not math.isnan(ranking.means[layout].mean)]
    without = [layout for layout in ranking.order if layout not in known]
    return "; ".join([*([" > ".join(known)] if known else []), *([f"none: {', '.join(without)}"] if without else [])])


def _undecided_text(ranking: Ranking) -> str:
    return "; ".join(f"{pair.first} / {pair.second}" for pair in ranking.pairs if not pair.decided) or "-"


def _failure_lines(answer: Answer, candidate: str) -> Iterator[str]:
    yield "a unit out of service, useful coverage lost (estimated from the intact runs; simulated where it was run):"
    rows = []
    for layout in answer.layouts:
        worst = ""
        for failure in answer.failures(answer.of(layout, answer.models[0], candidate)):
            if failure.measure != "C_useful":
                continue
            worst = failure.unit if failure.case == WORST else worst
            ran = failure.simulated is not None and answer.question.failures == "estimate" and failure.unit != worst
            if failure.case in (MEAN, WORST) or ran:
                row = [f"  {layout}", failure.class_, _case_text(failure), plus_minus(failure.estimate), _real(failure)]
                rows.append(row)
    yield columns(rows, ["  layout", "class", "case", "estimated", "simulated"])


def _case_text(failure: Failure) -> str:
    if failure.case == WORST:
        return f"worst: {failure.unit}" if failure.estimate.mean > 0 else "worst: no unit is alone"
    return MEAN if failure.case == MEAN else failure.unit


def _real(failure: Failure) -> str:
    return plus_minus(failure.simulated) if failure.simulated else "-"


def _notes(answer: Answer) -> Iterator[str]:
    years = answer.sites[answer.layouts[0], answer.candidates[0]].cost.lifetime_years
    yield (
        f"cost: orders of magnitude, capital and {years:g} years, unit prices in the scenario (section cost); "
        "covered km: road in the zones of the deciding classes, by direction, times useful coverage"
    )
    yield "gaps: stretches of zone cells below 95 % in the mean over seeds (gaps.csv says where); illustrative"


def document(answer: Answer) -> dict[str, Any]:
    """The answer as plain data, keys stable."""
    tables = {
        name: [dict(zip(TABLES[name], (_plain(value) for value in row), strict=True)) for row in rows]
        for name, rows in rows_of(answer).items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "scenario": answer.question.scenario,
        "folder": str(answer.campaign.folder.out),
        "layouts": answer.layouts,
        "candidates": [name for name in answer.candidates if name],
        "propagation": answer.models,
        "deciding_classes": list(answer.classes),
        "baseline": answer.layouts[0],
        "flips": [
            {"by": by, "candidate": candidate, "propagation": flip.model, "against": flip.against,
             "first": flip.first, "second": flip.second}
            for by in BY_KEYS for candidate in answer.candidates for flip in answer.flips(candidate, by)
        ],
        "assumptions": list(dict.fromkeys(key for site in answer.sites.values() for key in site.cost.assumptions)),
        **tables,
    }


def _plain(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return finite_or_none(plain) if isinstance(plain, float) else plain
