"""The tables of a study: tidy rows, deterministic text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sim.fragment.answer import Findings
from sim.fragment.attribution import VIEWS
from sim.fragment.blackouts import BLACKOUT_COLUMNS, blackout_rows
from sim.fragment.decisions import DECISION_COLUMNS, decision_rows
from sim.fragment.losses import UIR, USEFUL, Subject, pairs_of, subjects, supply_subjects, value_of, wrong
from sim.fragment.observe import COUNTERS, Key, Observed, change, fragmentation, mean_of
from sim.fragment.stages import LEFT, dominant, ended, waterfall
from sim.fragment.traceability import TRACE_COLUMNS, trace_rows
from sim.tables import csv_text
from sim.whole import written_whole

_BOUNDS = ("mean", "lower", "upper", "n_seeds")
_CLASS = ("candidate", "link", "class")
Row = tuple[Any, ...]

DEFINED, ZERO, NO_DATA = "defined", "not defined: harmonised is 0", "no data"


def fragmentation_rows(found: Findings) -> Iterator[Row]:
    """FI of every candidate, class and pair, with both values behind it; roadside UIR beside useful coverage."""
    base = found.harmonised
    for name, seen in _others(found):
        for subject in _both_sides(found):
            for pair in ("", *found.pairs(pairs_of(base, subject))):
                frag = value_of(seen, subject, pair, width=found.width)
                harm = value_of(base, subject, pair, width=found.width)
                index = fragmentation(frag, harm)
                state = DEFINED if index.n else ZERO if np.isfinite(harm).any() else NO_DATA
                chosen = subject.measure == (USEFUL if subject.link == "I2V" else UIR)
                yield (
                    name, *_named(subject), subject.measure, chosen, *_pair(pair), *mean_of(frag)[:3],
                    *mean_of(harm)[:3], *index, state, bool(found.illustrative(name)),
                )


def matrix_rows(found: Findings) -> Iterator[Row]:
    """Sender by receiver: x of every candidate and class, and why most of the others are lost."""
    for name in found.candidates:
        seen = found.observed[name]
        for subject in (*supply_subjects(seen), *(one for one in subjects(seen) if one.measure == USEFUL)):
            for pair in found.pairs(pairs_of(seen, subject)):
                counted = subject.measure == UIR
                cause, share = dominant(seen, subject, pair, width=found.width) if counted else ("", math.nan)
                x = mean_of(value_of(seen, subject, pair, width=found.width))
                yield name, *_named(subject), subject.measure, *_pair(pair), *x, cause, share


def waterfall_rows(found: Findings) -> Iterator[Row]:
    """What is left of the opportunities after each stage."""
    for name in found.candidates:
        seen = found.observed[name]
        for subject in supply_subjects(seen):
            left = waterfall(ended(seen, subject, width=found.width), width=found.width)
            prr = mean_of(seen.of("prr_class", subject.link, subject.class_, width=found.width))
            values = [mean_of(one) for one in left.values()]
            yield (
                name, *_named(subject), prr.mean, *(one.mean for one in values),
                *(bound for one in values[-1:] for bound in one[1:]),
            )


def attribution_rows(found: Findings) -> Iterator[Row]:
    """The four views of each hazard's part in the loss of each class, and overall."""
    for one in found.attributions:
        total, shares = one.total(), one.shares()
        for hazard in one.hazards:
            bounds = [cell for view in VIEWS for cell in shares[view][hazard][:3]]
            part = shares["shapley"][hazard].mean / total.mean if total.mean else math.nan
            yield (
                found.study.attributed, *_named(one.subject), one.subject.measure, hazard, _title(hazard), *bounds,
                part, one.harmonised().mean, one.fragmented().mean, *total,
            )


def roadmap_rows(found: Findings) -> Iterator[Row]:
    """Harmonise this next: the greedy order, and the loss and the wrong applications that remain after each step."""
    for one in found.attributions:
        total, at_work = one.total().mean, frozenset(one.hazards)
        for step, (hazard, left, gained) in enumerate(one.roadmap()):
            at_work -= {hazard}
            part = gained.mean / total if total and step else None
            errors = mean_of(wrong(found.subsets[at_work], width=found.width))
            yield (
                found.study.attributed, *_named(one.subject), step, hazard, _title(hazard) if hazard else "", *left[:3],
                *(gained[:3] if step else (None, None, None)), part, left.n, *errors[:3],
            )


def wrong_rows(found: Findings) -> Iterator[Row]:
    """Wrong applications per equipped vehicle-hour by class and cause; never part of an index."""
    base = found.harmonised
    every = [(key.message, key.station_class) for seen in found.observed.values() for key in seen.having("war")]
    for name in found.candidates:
        for class_, cause in dict.fromkeys([("", ""), *every]):
            mine = wrong(found.observed[name], class_, cause, width=found.width)
            others = wrong(base, class_, cause, width=found.width)
            yield name, class_, cause, *mean_of(mine), *change(mine, others)[:3]


def overhead_rows(found: Findings) -> Iterator[Row]:
    """What it costs the channel and the receivers: busy ratio, octets, frames, verifications; age and latency."""
    heads = ("cbr", "air_bytes", "frames_sent", "size_bytes", "aoi", "awareness", "warning_m", "latency_within_",
             "pair_latency_mean", "vehicle_coverage", *COUNTERS)
    yield from _figures(found, lambda key: key.metric.startswith(heads))


def _figures(found: Findings, wanted: Callable[[Key], bool]) -> Iterator[Row]:
    keys = dict.fromkeys(key for name in found.candidates for key in found.observed[name].values if wanted(key))
    for name in found.candidates:
        for key in keys:
            mine = _values(found.observed[name], key, found.width)
            yield name, *key, *mean_of(mine), *change(mine, _values(found.harmonised, key, found.width))[:3]


def _values(seen: Observed, key: Key, width: int) -> np.ndarray:
    return seen.values.get(key, np.full(width, math.nan))


_CHANGE = ("change", "change_lower", "change_upper")
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Findings], Iterator[Row]]]] = {
    "fragmentation": ((
        *_CLASS, "measure", "defines_fi", "sender", "receiver", "x_frag", "x_frag_lower", "x_frag_upper", "x_harm",
        "x_harm_lower", "x_harm_upper", "fi", "fi_lower", "fi_upper", "n_seeds", "state", "illustrative",
    ), fragmentation_rows),
    "matrices": (
        (*_CLASS, "measure", "sender", "receiver", *_BOUNDS, "dominant_loss", "dominant_share"), matrix_rows,
    ),
    "waterfall": ((*_CLASS, "prr", *LEFT.values(), "applied_lower", "applied_upper", "n_seeds"), waterfall_rows),
    "attribution": ((
        *_CLASS, "measure", "hazard", "title",
        *(f"{view}{bound}" for view in VIEWS for bound in ("", "_lower", "_upper")), "shapley_share",
        "loss_harmonised", "loss_fragmented", "total", "total_lower", "total_upper", "n_seeds",
    ), attribution_rows),
    "roadmap": ((
        *_CLASS, "step", "hazard", "title", "loss", "loss_lower", "loss_upper", "recovered", "recovered_lower",
        "recovered_upper", "recovered_share", "n_seeds", "wrong", "wrong_lower", "wrong_upper",
    ), roadmap_rows),
    "wrong": (("candidate", "class", "cause", *_BOUNDS, *_CHANGE), wrong_rows),
    "blackout": (BLACKOUT_COLUMNS, blackout_rows),
    "overheads": (("candidate", *Key._fields, *_BOUNDS, *_CHANGE), overhead_rows),
    "decisions": (DECISION_COLUMNS, decision_rows),
    "traceability": (TRACE_COLUMNS, trace_rows),
}
"""Name of each CSV table, its columns, and what makes its rows."""


def rows_of(found: Findings) -> dict[str, list[Row]]:
    """All tables of a study."""
    return {name: list(make(found)) for name, (_, make) in TABLES.items()}


def write_tables(found: Findings, out: Path) -> list[Path]:
    """Every table as ``<name>.csv`` in ``out``; returns the paths."""
    written = []
    for name, rows in rows_of(found).items():
        path = out / f"{name}.csv"
        with written_whole(path) as partial:
            partial.write_text(csv_text(TABLES[name][0], rows), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def _others(found: Findings) -> Iterator[tuple[str, Observed]]:
    for name in found.candidates:
        if name != found.study.against:
            yield name, found.observed[name]


def _both_sides(found: Findings) -> list[Subject]:
    """Classes of the index, then roadside messages by UIR: the supply side of the same."""
    chosen = subjects(found.harmonised)
    return chosen + [one for one in supply_subjects(found.harmonised) if one not in chosen]


def _named(subject: Subject) -> tuple[str, str]:
    return subject.link, subject.class_


def _pair(pair: str) -> tuple[str, str]:
    sender, _, receiver = pair.partition(">")
    return sender, receiver


def _title(hazard: str) -> str:
    from rsu.profile import HAZARDS

    return HAZARDS[hazard].title
