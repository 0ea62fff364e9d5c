"""The validate verb: folder in, table or JSON out, exit code."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

from sim.validate.curves import Curve, CurveError, Skipped, read_folder
from sim.validate.setting import Setting

ALL_PASS, BAD_INPUT, SOME_FAIL, INTERRUPTED = 0, 2, 3, 130


def main(
    folder: Path,
    plot: Path | None = None,
    as_json: bool = False,
    precision: float = 0.5,
    quick: bool = False,
    jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> int:
    """Validate against every Mode 4 curve under ``folder``; print to standard output, progress to
    ``progress``.

    ``precision``: wanted 95 % half-width of each file's mean PDR, percentage points; ``quick``: one short
    replication per setting instead; ``plot``: folder for one PNG per file; ``jobs``: processes. Returns 0
    when every file is within tolerance, 3 when some are not, 2 on bad input (one line each on standard
    error), 130 when interrupted.
    """
    say = progress or _to_stderr
    try:
        _check_arguments(precision, jobs)
        folder = Path(folder)
        curves, skipped, errors = read_folder(folder)
        if not curves and not errors:
            errors = [f"{folder}: no C-V2X Mode 4 curve file found ({len(skipped)} other CSV files)"]
            errors += [f"{one.path}: skipped, {one.reason}" for one in skipped]
    except ValueError as error:
        errors = [str(error)]
    if errors:
        for line in errors:
            print(f"error: {line}", file=sys.stderr)
        return BAD_INPUT
    try:
        return _validate(folder, curves, skipped, plot, as_json, precision, quick, jobs, say)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


def _validate(
    folder: Path,
    curves: list[Curve],
    skipped: list[Skipped],
    plot: Path | None,
    as_json: bool,
    precision: float,
    quick: bool,
    jobs: int,
    say: Callable[[str], None],
) -> int:
    from sim.validate import report
    from sim.validate.compare import compare
    from sim.validate.study import Effort, quick_effort, study_all

    groups: dict[Setting, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.setting, []).append(curve)
    effort = quick_effort() if quick else Effort(precision_points=precision)
    say(f"{len(curves)} files, {len(groups)} settings, {len(skipped)} files skipped")
    tallies = study_all(groups, effort, jobs, say)
    verdicts = [compare(curve, tallies[curve.setting]) for curve in curves]
    if as_json:
        print(report.as_json(verdicts, folder))
        for one in skipped:
            say(f"skipped {one.path}: {one.reason}")
    else:
        print(report.as_table(verdicts, skipped, folder, effort.plan))
    if plot is not None:
        from sim.validate.plot import plot_file

        for verdict in verdicts:
            say(f"wrote {plot_file(verdict, Path(plot), report.picture_name(verdict, folder))}")
    return ALL_PASS if all(verdict.passed for verdict in verdicts) else SOME_FAIL


def _check_arguments(precision: float, jobs: int) -> None:
    if not (math.isfinite(precision) and 0 < precision <= 100):
        raise CurveError(f"precision is {precision:g}, must lie above 0 and at most 100 points")
    if jobs < 1:
        raise CurveError(f"jobs is {jobs}, must be at least 1")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
