"""Derives the tables at the top of a campaign's folder from its finished runs; always the same bytes for the same runs.

``runs.csv``: one line per planned run with its state and key figures, from the summaries alone. ``means.csv``: every
row of ``metrics.csv`` per variant over its seeds. ``cells.csv``: coverage by cell of the road. ``differences.csv``:
each value of each varying axis against the baseline's, paired over seeds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from sim.campaign.plan import PlannedRun
from sim.campaign.store import CampaignResult, cut_table
from sim.campaign.tables import (
    CELL_COLUMNS,
    DIFFERENCE_COLUMNS,
    MEAN_COLUMNS,
    Reader,
    axis_columns,
    comparisons,
    difference_lines,
    labels_of,
    line,
    mean_lines,
)
from sim.results import SCHEMA_VERSION, json_value
from sim.whole import written_whole

TABLES = ("runs.csv", "means.csv", "cells.csv", "differences.csv")
"""Files that :func:`collect` writes at the top of the folder."""
MARKER = ".collected"
"""Says which runs the tables were derived from; gone while that is not known."""
Report = Callable[[float, str], None]
_AGAIN = "the run counts as missing; the same sweep command does it again"


@dataclass
class Collected:
    """What was found in a campaign's folder."""

    states: dict[str, str] = field(default_factory=dict)
    """Run id -> ``done``, ``missing`` or ``failed``, in the order of the plan."""
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Run id -> attempts and error, of runs that were given up."""
    remarks: list[str] = field(default_factory=list)
    """A line for each folder that holds something unusable; nothing in it was touched."""

    def count(self, state: str) -> int:
        """Runs in a state."""
        return sum(one == state for one in self.states.values())


def collect(campaign: CampaignResult, *, progress: Report | None = None, full: bool = True) -> Collected:
    """Write :data:`TABLES` anew, each whole or not at all; only ``runs.csv`` unless ``full``.

    A run whose summary or tables cannot be used is left out and told in ``remarks``. OSError where the folder cannot be
    written.
    """
    (campaign.folder.out / MARKER).unlink(missing_ok=True)
    report = progress or (lambda fraction, text: None)
    share = 0.2 if full else 1.0
    found = write_runs(campaign, lambda fraction, text: report(share * fraction, text))
    campaign.know(run_id for run_id, state in found.states.items() if state == "done")
    if full:
        found.remarks += write_metrics(campaign, lambda fraction, text: report(share + 0.8 * fraction, text))
    return found


def write_runs(campaign: CampaignResult, progress: Report | None = None) -> Collected:
    """``runs.csv`` from the summaries; what was found."""
    given_up = campaign.failed()
    found, rows, names = Collected(), [], _Names()
    total = len(campaign.runs)
    for number, run in enumerate(campaign.runs):
        summary, problem = read_summary(campaign, run)
        if problem:
            found.remarks.append(problem)
        if summary is not None:
            state = "done"
            rows.append(names.add(summary.get("key_figures")))
        else:
            state = "failed" if run.run_id in given_up else "missing"
            rows.append(((), ""))
        found.states[run.run_id] = state
        if progress is not None and number % 100 == 0:
            progress(number / total, f"{number}/{total} summaries")
    found.failed = {run_id: told for run_id, told in given_up.items() if found.states[run_id] == "failed"}
    labels = [labels_of(campaign, variant) for variant in campaign.variants]
    columns = names.order()
    with _table(campaign, "runs.csv") as file:
        file.write(line(["run_id", *axis_columns(campaign), "replication", "seed", "state", *columns]) + "\n")
        for run, figures in zip(campaign.runs, rows, strict=True):
            head = f"{run.run_id},{labels[run.variant]},{run.replication},{run.seed},{found.states[run.run_id]}"
            file.write(f"{head}{_spread(figures, columns)}\n")
    return found


def write_metrics(campaign: CampaignResult, progress: Report | None = None) -> list[str]:
    """``means.csv``, ``cells.csv`` and ``differences.csv`` from the runs' tables; a line per run without."""
    report = progress or (lambda fraction, text: None)
    reader, axes = Reader(campaign), axis_columns(campaign)
    pairs = list(comparisons(campaign))
    steps = len(campaign.variants) + len(pairs)
    with ExitStack() as stack:
        means, cells, differences = (stack.enter_context(_table(campaign, name)) for name in TABLES[1:])
        means.write(line([*axes, *MEAN_COLUMNS]) + "\n")
        cells.write(line([*axes, *CELL_COLUMNS]) + "\n")
        differences.write(line(["axis", "against", *axes, *DIFFERENCE_COLUMNS]) + "\n")
        for number, variant in enumerate(campaign.variants):
            report(number / steps, f"means of variant {number + 1}/{len(campaign.variants)}")
            of_rows, of_cells = mean_lines(campaign, variant, reader.values(variant.index))
            means.writelines(of_rows)
            cells.writelines(of_cells)
        for number, (axis, variant, base) in enumerate(pairs):
            report((len(campaign.variants) + number) / steps, f"differences {number + 1}/{len(pairs)}")
            differences.writelines(difference_lines(campaign, axis, variant, base, reader))
    return list(reader.unreadable)


def read_summary(campaign: CampaignResult, run: PlannedRun) -> tuple[dict[str, Any] | None, str | None]:
    """(summary of a finished run, what is wrong with its folder); a run that is simply not there has neither."""
    folder = campaign.folder.run_path(run.run_id)
    where = folder.relative_to(campaign.folder.out)
    try:
        summary = json_value((folder / "summary.json").read_bytes())
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError) as error:
        return None, f"{where}/summary.json: is broken ({' '.join(str(error).split())}); {_AGAIN}"
    if not isinstance(summary, dict) or not isinstance(summary.get("schema_version"), int) or "run_id" not in summary:
        return None, f"{where}/summary.json: is no summary of a run; {_AGAIN}"
    if summary["schema_version"] != SCHEMA_VERSION:
        version = summary.get("version", "unknown")
        what = f"has schema_version {summary['schema_version']} (program {version}), not {SCHEMA_VERSION}"
        return None, f"{where}/summary.json: {what}; {_AGAIN}"
    if summary["run_id"] != run.run_id:
        return None, f"{where}/summary.json: is of run {summary['run_id']}; {_AGAIN}"
    if not os.path.isfile(folder / "metrics.csv"):
        return None, f"{where}/metrics.csv: is missing; {_AGAIN}"
    cut = cut_table(folder, summary)
    return (summary, None) if cut is None else (None, f"{where}/{cut}; {_AGAIN}")


class _Names:
    """Names of key figures over all runs: nearly always the same ones, stored once."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, figures: Any) -> tuple[tuple[str, ...], str]:
        """(names, values as CSV) of one run."""
        figures = figures if isinstance(figures, dict) else {}
        names = tuple(figures)
        values = ",".join(
            format(v + 0.0, ".10g") if isinstance(v, float) else str(v) if isinstance(v, int) else ""
            for v in figures.values()
        )
        return self._seen.setdefault(names, names), values

    def order(self) -> tuple[str, ...]:
        """All names; one that an earlier run lacks stands behind the one it followed."""
        following: dict[str, str | None] = {}
        first: str | None = None
        for names in self._seen:
            before: str | None = None
            for name in names:
                if name not in following:
                    if before is None:
                        following[name], first = first, name
                    else:
                        following[name], following[before] = following[before], name
                before = name
        order, at = [], first
        while at is not None:
            order.append(at)
            at = following[at]
        return tuple(order)


def _spread(figures: tuple[tuple[str, ...], str], columns: tuple[str, ...]) -> str:
    """Values under their columns, with a comma before each."""
    names, values = figures
    if names == columns:
        return f",{values}" if names else ""
    known = dict(zip(names, values.split(","), strict=True)) if names else {}
    return "".join(f",{known.get(name, '')}" for name in columns)


@contextmanager
def _table(campaign: CampaignResult, name: str) -> Iterator[TextIO]:
    """A file at the top of the folder, whole or not at all; errors name it, not its hidden sibling."""
    path: Path = campaign.folder.out / name
    try:
        with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is not None and Path(str(error.filename)).name.startswith(f".{name}.partial-"):
            error.filename = str(path)
        raise
