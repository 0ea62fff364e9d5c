"""A study as one JSON document: ``study.json``, and what ``--json`` prints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import sim
from sim.fragment.answer import Findings
from sim.fragment.losses import weight_of
from sim.fragment.tables import TABLES, rows_of
from sim.fragment.variants import digest
from sim.fragment.words import notes, verdict
from sim.results import json_text
from sim.whole import written_whole

SCHEMA_VERSION = 1


def document(found: Findings) -> dict[str, Any]:
    """Everything a study says; NaN is null. Deterministic: nothing of the machine or the clock."""
    study, question = found.study, found.study.question
    told: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION, "version": sim.__version__, "name": question.name, "scenario": study.scenario,
        "against": study.against, "attributed": study.attributed or None,
        "hazards": list(study.hazards), "weights": dict(question.weights), "changes": dict(question.changes),
        "classes": [
            {"link": one.link, "class": one.class_, "measure": one.measure, "weight": weight_of(one, question.weights)}
            for one in found.classes
        ],
        "candidates": [
            {
                "name": name, "title": one.title, "title_zh": getattr(one, "title_zh", ""), "digest": digest(one),
                "hazards": list(one.hazards), "illustrative": found.illustrative(name),
                "seeds": len(found.observed[name].replications),
            }
            for name, one in study.candidates.items()
        ],
        "seeds": sorted({run.seed for run in found.campaign.runs}),
        "runs": found.campaign.states(),
        "verdict": verdict(found), "verdict_zh": verdict(found, "zh"), "notes": list(notes(found)),
        "notes_zh": list(notes(found, "zh")),
        "sensitivity": None if found.sensitivity is None else {
            "first": found.sensitivity.first,
            "share": {name: [_plain(cell) for cell in band] for name, band in found.sensitivity.share.items()},
        },
    }
    for name, rows in rows_of(found).items():
        head = TABLES[name][0]
        told[name] = [{key: _plain(cell) for key, cell in zip(head, row, strict=True)} for row in rows]
    return told


def write_document(found: Findings, out: Path) -> Path:
    """``study.json`` in ``out``."""
    path = out / "study.json"
    with written_whole(path) as partial:
        partial.write_text(json_text(document(found)), encoding="utf-8", newline="\n")
    return path


def _plain(cell: Any) -> Any:
    if isinstance(cell, bool) or cell is None or isinstance(cell, (str, int)):
        return cell
    value = float(cell)
    return value if math.isfinite(value) else None
