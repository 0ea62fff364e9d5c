"""The validate verb: folder in, table or JSON or page out, exit code."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sim.validate.closed_form import EXPERIMENTS, Row
from sim.validate.families import FAMILIES, read_folder
from sim.validate.result import Case, FileResult, Skipped
from sim.validate.sheet import CurveError

ALL_PASS, BAD_INPUT, SOME_FAIL, INTERRUPTED = 0, 2, 3, 130


@dataclass
class Request:
    """What one call asks for."""

    folder: Path | None
    family: str | None = None
    closed_form: bool = False
    experiments: list[str] = field(default_factory=list)
    precision: float = 0.5
    quick: bool = False
    jobs: int = 1
    as_json: bool = False
    plot: Path | None = None
    report: Path | None = None
    settings: bool = False
    anchor: bool = False


def main(
    folder: Path | None,
    plot: Path | None = None,
    as_json: bool = False,
    precision: float = 0.5,
    quick: bool = False,
    jobs: int = 1,
    progress: Callable[[str], None] | None = None,
    *,
    family: str | None = None,
    closed_form: bool = False,
    experiments: list[str] | None = None,
    report: Path | None = None,
    settings: bool = False,
    anchor: bool = False,
) -> int:
    """Validate against every published file under ``folder``; print to standard output, progress to ``progress``.

    ``precision``: wanted 95 % half-width of each file's mean ratio, percentage points; ``quick``: one short
    replication per setting instead; ``plot``: folder for one PNG per file; ``report``: an HTML or Markdown page, or a
    folder for one; ``family``: only families whose name starts so; ``closed_form``: the experiments with a known answer
    too (``experiments``: only these), without a folder only they; ``settings``: print each file's setting as a
    scenario instead; ``anchor``: the field test beside the model instead, with its deviations and no verdict;
    ``jobs``: processes. Returns 0 when everything is within tolerance, 3 when something is not, 2 on
    bad input (one line each on standard error), 130 when interrupted.
    """
    say = progress or _to_stderr
    request = Request(
        None if folder is None else Path(folder),
        family,
        closed_form or bool(experiments),
        experiments or [],
        precision,
        quick,
        jobs,
        as_json,
        plot,
        report,
        settings,
        anchor,
    )
    cases: list[Case] = []
    skipped: list[Skipped] = []
    errors = _argument_errors(request)
    if request.folder is not None and not errors:
        try:
            cases, skipped, found = read_folder(request.folder, family)
            errors += found
            if not cases and not found:
                errors.append(f"{request.folder}: no published curve of a known family found")
                errors += [f"{one.path}: skipped, {one.reason}" for one in skipped]
        except CurveError as error:
            errors.append(str(error))
    if errors:
        for line in errors:
            print(f"error: {line}", file=sys.stderr)
        return BAD_INPUT
    try:
        if anchor:
            return _anchor(request, say)
        if settings:
            return _print_settings(cases)
        return _validate(request, cases, skipped, say)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


def _validate(request: Request, cases: list[Case], skipped: list[Skipped], say: Callable[[str], None]) -> int:
    from sim.validate.report import table
    from sim.validate.study import Effort, quick_effort

    effort = quick_effort() if request.quick else Effort(precision_points=request.precision)
    results = _judged(cases, skipped, effort, request.jobs, say) if cases else []
    rows = _closed_forms(request, say) if request.closed_form else []
    if request.as_json:
        print(table.as_json(results, rows, skipped, request.folder))
    else:
        print(table.as_table(results, rows, skipped, request.folder, effort.said))
    _write(request, results, rows, skipped, effort.said, say)
    return ALL_PASS if table.all_passed(results, rows) else SOME_FAIL


def _judged(
    cases: list[Case], skipped: list[Skipped], effort: object, jobs: int, say: Callable[[str], None]
) -> list[FileResult]:
    from sim.validate.study import Effort, study_all, tasks_of

    assert isinstance(effort, Effort)
    tasks = tasks_of(cases, effort)
    say(f"{len(cases)} files, {len(tasks)} settings to simulate, {len(skipped)} files skipped")
    tallies = study_all(tasks, effort, jobs, say)
    return [case.judge(tallies.get(case.key, [])) for case in cases]


def _closed_forms(request: Request, say: Callable[[str], None]) -> list[Row]:
    rows: list[Row] = []
    for name, experiment in EXPERIMENTS.items():
        if not request.experiments or name in request.experiments:
            say(f"{name}: {experiment.title}")
            rows += experiment.run(request.quick)
    return rows


def _write(
    request: Request,
    results: list[FileResult],
    rows: list[Row],
    skipped: list[Skipped],
    effort: str,
    say: Callable[[str], None],
) -> None:
    if request.plot is not None:
        from sim.validate.report.figures import plot_file
        from sim.validate.report.table import picture_name

        assert request.folder is not None
        for result in results:
            if result.panels:
                say(f"wrote {plot_file(result, Path(request.plot), picture_name(result, request.folder))}")
    if request.report is not None:
        from sim.validate.report.page import write_page

        say(f"wrote {write_page(Path(request.report), results, rows, skipped, request.folder, effort)}")


def _print_settings(cases: list[Case]) -> int:
    from sim.validate.scenario import as_scenario

    parts = [as_scenario(case.trial()) for case in cases if case.trial is not None]
    print("---\n".join(dict.fromkeys(parts)), end="")
    return ALL_PASS


def _anchor(request: Request, say: Callable[[str], None]) -> int:
    from sim.validate.anchor import show

    for path in show(request.quick, request.as_json, request.plot):
        say(f"wrote {path}")
    return ALL_PASS


def _argument_errors(request: Request) -> list[str]:
    errors = []
    if not (math.isfinite(request.precision) and 0 < request.precision <= 100):
        errors.append(f"precision is {request.precision:g}, must lie above 0 and at most 100 points")
    if request.jobs < 1:
        errors.append(f"jobs is {request.jobs}, must be at least 1")
    for name, target in (("--report", request.report), ("--plot", request.plot)):
        if target is not None and not _can_be_written(Path(target)):
            errors.append(f"{name}: {target} cannot be written")
    for name in request.experiments:
        if name not in EXPERIMENTS:
            errors.append(f"experiment: {name!r}: no such experiment; there are {', '.join(EXPERIMENTS)}")
    if request.family is not None and not any(name.startswith(request.family) for name in FAMILIES):
        errors.append(f"family: {request.family!r}: no such family; there are {', '.join(FAMILIES)}")
    if request.anchor:
        others = (
            ("a folder", request.folder), ("--closed-form", request.closed_form), ("--family", request.family),
            ("--report", request.report), ("--settings", request.settings),
        )
        errors += [f"--anchor: stands alone, {name} does not go with it" for name, given in others if given]
    elif request.folder is None:
        if not request.closed_form:
            errors.append("folder: none given; it may be left out with --closed-form only")
        for name, given in (("--plot", request.plot), ("--family", request.family), ("--settings", request.settings)):
            if given:
                errors.append(f"{name}: needs a folder")
    return errors


def _can_be_written(target: Path) -> bool:
    """Whether a file or folder can be made there: its nearest existing ancestor is a folder one may write in."""
    if target.suffix and target.is_dir():
        return target.suffix.lower() not in (".html", ".htm", ".md")
    if target.is_file():
        return bool(target.suffix) and os.access(target, os.W_OK)
    above = target
    while not above.exists() and above != above.parent:
        above = above.parent
    return above.is_dir() and os.access(above, os.W_OK)


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
