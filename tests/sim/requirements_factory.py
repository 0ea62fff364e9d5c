"""Campaigns written by hand, for verdicts whose answer is known: folders of runs that were never simulated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sim.campaign.store import SWEEP_SCHEMA
from sim.metrics.histograms import COLUMNS
from sim.tables import METRIC_COLUMNS, csv_text

BINS_TO_150 = tuple(25 * k + 12.5 for k in range(7))
"""Middles of the bins up to the one that contains 150 m."""
COVERAGE_COLUMNS = ("class", "jurisdiction", "direction", "chainage_m", "zone_s", "C_raw", "C_useful")


def metric(name: str, value: float, n: int | None = None, **names: Any) -> tuple[Any, ...]:
    """One row of metrics.csv."""
    row = {"metric": name, "value": value, "n": n, **names}
    return tuple(row.get(column) if column in row else None for column in METRIC_COLUMNS)


def prr_rows(
    value: float, n: int = 100, link: str = "V2V", message: str = "BSM", middles_m: Iterable[float] = BINS_TO_150,
    **names: Any,
) -> list[tuple[Any, ...]]:
    """The same reception in every bin."""
    return [
        metric("prr", value, n, unit="ratio", link=link, message=message, distance_m=at, **names) for at in middles_m
    ]


def latency_rows(p99_ms: float, n: int = 1000, link: str = "V2V", message: str = "BSM") -> list[tuple[Any, ...]]:
    """Latency with its maximum."""
    where = {"unit": "ms", "link": link, "message": message}
    return [metric("latency", p99_ms, n, quantile=0.99, **where), metric("latency_max", p99_ms + 1, n, **where)]


def latency_histogram(cells: str, largest_ms: float, link: str = "V2V", message: str = "BSM") -> tuple[Any, ...]:
    """One row of histograms.csv; a cell is 0.01 ms up to 200 ms."""
    row = {"metric": "latency", "unit": "ms", "link": link, "message": message, "largest": largest_ms, "cells": cells}
    return tuple(row.get(column) for column in COLUMNS)


def write_run(
    folder: Path, rows: Sequence[tuple[Any, ...]], *, run_id: str = "0123456789abcdef",
    histograms: Sequence[tuple[Any, ...]] = (), coverage: Sequence[tuple[Any, ...]] = (),
    corridor: Mapping[str, Any] | None = None, scenario: Mapping[str, Any] | None = None, illustrative: bool = False,
) -> Path:
    """A result folder as a run leaves it."""
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(csv_text(METRIC_COLUMNS, rows), encoding="utf-8")
    if histograms:
        (folder / "histograms.csv").write_text(csv_text(COLUMNS, histograms), encoding="utf-8")
    if coverage:
        (folder / "coverage.csv").write_text(csv_text(COVERAGE_COLUMNS, coverage), encoding="utf-8")
    if corridor is not None:
        (folder / "corridor.json").write_text(json.dumps(corridor), encoding="utf-8")
    text = scenario or {"name": "by-hand", "corridor": {"jurisdictions": [{"id": "A"}, {"id": "B"}]}}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(dict(text)), encoding="utf-8")
    summary = {
        "schema_version": 1, "run_id": run_id, "name": "by-hand", "illustrative": ["one"] if illustrative else [],
    }
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return folder


def write_campaign(out: Path, variants: Mapping[str, Sequence[Mapping[str, Any]]], axis: str = "layout") -> Path:
    """A campaign's folder: per label of one axis the arguments of :func:`write_run`, one per seed; None = not done."""
    runs = []
    for v, seeds in enumerate(variants.values()):
        for r, given in enumerate(seeds):
            run_id = f"{v:08x}{r:08x}"
            runs.append([run_id, v, r, 1000 + r])
            if given is not None:
                write_run(out / "runs" / run_id, run_id=run_id, **given)
    out.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": SWEEP_SCHEMA, "version": "0", "name": "by-hand", "campaign": {}, "fan_out": False,
        "axes": {"scenario": ["by-hand"], axis: list(variants)}, "baseline": {axis: next(iter(variants))},
        "variants": [
            {"labels": {"scenario": "by-hand", axis: label}, "source": "by-hand.yaml", "overrides": []}
            for label in variants
        ],
        "runs": runs,
    }
    (out / "sweep.json").write_text(json.dumps(document), encoding="utf-8")
    return out


def requirements(path: Path, checks: Sequence[str], links: str = "V2V", messages: str = "BSM", more: str = "") -> Path:
    """A file with one application X-1 and these checks, each as YAML in one line."""
    lines = [
        "schema: requirements/1", "name: own", "source: {doc: by hand, provenance: P}", "applications:",
        "- id: X-1", "  name: by hand", f"  applies_to: {{links: [{links}], messages: [{messages}]}}", "  checks:",
        *(f"  - {check}" for check in checks), more,
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
