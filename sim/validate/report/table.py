"""The table a person reads, one line per file, and the same as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from sim.validate.closed_form.base import Row
from sim.validate.families import FAMILIES
from sim.validate.result import Check, FileResult, Skipped

COLUMNS = ("result", "file", "quantity", "expected", "ours", "deviation", "+-", "limit", "unit", "further checks")
_LEFT = (0, 1, 2, 8, 9)


@dataclass(frozen=True)
class Average:
    """One quantity averaged over the files of a family in which it was judged."""

    family: str
    name: str
    deviation: float
    tolerance: float
    unit: str
    files: int

    @property
    def passed(self) -> bool:
        """Mean deviation within the mean tolerance."""
        return bool(self.deviation <= self.tolerance)


def averages(results: list[FileResult]) -> list[Average]:
    """Family averages of every judged quantity, in the order of the families."""
    found = []
    for family in FAMILIES:
        names: dict[str, list[Check]] = {}
        for result in results:
            if result.family == family:
                for check in result.checks:
                    if check.judged:
                        names.setdefault(check.group or check.name, []).append(check)
        for name, checks in names.items():
            deviation = sum(check.deviation for check in checks) / len(checks)
            tolerance = sum(check.tolerance or 0.0 for check in checks) / len(checks)
            found.append(Average(family, name, deviation, tolerance, checks[0].unit, len(checks)))
    return found


def file_name(path: Path, folder: Path) -> str:
    """``path`` relative to ``folder``, with forward slashes."""
    return path.relative_to(folder).as_posix()


def picture_name(result: FileResult, folder: Path) -> str:
    """Name of the picture of a file, without ending: family and path below ``folder``."""
    name = file_name(result.path, folder).removesuffix(".csv").replace("/", "_")
    return name if name.startswith(result.family) else f"{result.family}_{name}"


def as_json(results: list[FileResult], rows: list[Row], skipped: list[Skipped], folder: Path | None) -> str:
    """``{"files": [...], "averages": [...], "closed_form": [...], "skipped": [...]}``; what does not exist is null."""
    document = {
        "files": [_record(result, folder) for result in results],
        "averages": [
            {
                "family": a.family,
                "quantity": a.name,
                "mean_deviation": _finite(a.deviation),
                "tolerance": a.tolerance,
                "unit": a.unit,
                "files": a.files,
                "pass": a.passed,
            }
            for a in averages(results)
        ],
        "closed_form": [{"experiment": r.experiment, "quantity": r.check.name, **_check(r.check)} for r in rows],
        "skipped": [
            {"file": one.path.as_posix() if folder is None else file_name(one.path, folder), "reason": one.reason}
            for one in skipped
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _record(result: FileResult, folder: Path | None) -> dict[str, object]:
    return {
        "file": result.path.as_posix() if folder is None else file_name(result.path, folder),
        "family": result.family,
        "setting": result.setting,
        "pass": result.passed,
        "failures": list(result.failures),
        "checks": {check.name: _check(check) for check in result.checks},
        "notes": list(result.notes),
        "replications": result.replications,
        **result.record,
    }


def _check(check: Check) -> dict[str, object]:
    return {
        "expected": _finite(check.expected),
        "ours": _finite(check.ours),
        "deviation": _finite(check.deviation),
        "half_width": _finite(check.half_width),
        "tolerance": check.tolerance,
        "unit": check.unit,
        "pass": check.passed,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 6)


def as_table(
    results: list[FileResult], rows: list[Row], skipped: list[Skipped], folder: Path | None, effort: str
) -> str:
    """All there is to say, as text."""
    parts: list[str] = []
    for family, described in FAMILIES.items():
        some = [result for result in results if result.family == family]
        if some:
            parts += [f"{described.title} ({family}): {described.rule}", "", *_files(some, folder), ""]
            parts += [f"  {line}" for line in described.method]
            parts += [line for result in some for line in _remarks(result, folder)]
            parts.append("")
    if results:
        parts += ["Averages over a family", "", *_averages(results), ""]
        parts += [
            "deviation: of curves the mean over the distances of |ours - expected|; expected, ours: means over "
            "the distances;",
            f"+-: 95 % half-width of ours over independent replications; {effort}",
            "",
        ]
    if rows:
        parts += ["Closed forms", "", *closed_form_lines(rows), ""]
    if skipped:
        parts += [f"Skipped, {len(skipped)} files:"]
        parts += [f"  {one.path if folder is None else file_name(one.path, folder)}: {one.reason}" for one in skipped]
        parts.append("")
    return "\n".join([*parts, *verdict_lines(results, rows)])


def verdict_lines(results: list[FileResult], rows: list[Row]) -> list[str]:
    """How many passed."""
    lines = []
    if results:
        mean = averages(results)
        lines.append(
            f"{sum(result.passed for result in results)} of {len(results)} files within tolerance, "
            f"{sum(one.passed for one in mean)} of {len(mean)} family averages."
        )
    if rows:
        lines.append(f"{sum(row.check.passed for row in rows)} of {len(rows)} closed-form rows within tolerance.")
    return lines


def all_passed(results: list[FileResult], rows: list[Row]) -> bool:
    """Whether files, averages and rows all are within tolerance."""
    return (
        all(result.passed for result in results)
        and all(one.passed for one in averages(results))
        and all(row.check.passed for row in rows)
    )


def cells(result: FileResult, folder: Path | None) -> tuple[str, ...]:
    """The line of one file, in :data:`COLUMNS`."""
    first = result.checks[0]
    return (
        _verdict(result.checks),
        result.path.name if folder is None else file_name(result.path, folder),
        first.name,
        number(first.expected, first.digits),
        number(first.ours, first.digits),
        number(first.deviation, first.digits),
        number(first.half_width, 2),
        "-" if first.tolerance is None else f"{first.tolerance:g}",
        first.unit,
        "; ".join(_short(check) for check in result.checks[1:]),
    )


def number(value: float | None, digits: int) -> str:
    """A number for a table; ``-`` for what does not exist."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def laid_out(rows: list[tuple[str, ...]], left: tuple[int, ...] = _LEFT) -> list[str]:
    """Rows as aligned lines, the first one underlined."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(len(line) for line in lines), *lines[1:]]


def average_cells(results: list[FileResult]) -> list[tuple[str, ...]]:
    """Header and lines of the averages."""
    return [
        ("result", "family", "quantity", "mean deviation", "limit", "unit", "files"),
        *(
            (
                "pass" if a.passed else "FAIL",
                a.family,
                a.name,
                number(a.deviation, 4 if a.tolerance < 0.1 else 2),
                f"{a.tolerance:.3g}",
                a.unit,
                str(a.files),
            )
            for a in averages(results)
        ),
    ]


def row_cells(rows: list[Row]) -> list[tuple[str, ...]]:
    """Header and lines of the closed forms."""
    return [
        ("result", "experiment", "quantity", "expected", "ours", "deviation", "limit", "unit"),
        *(
            (
                _verdict((row.check,)),
                row.experiment,
                row.check.name,
                number(row.check.expected, row.check.digits),
                number(row.check.ours, row.check.digits),
                number(row.check.deviation, row.check.digits),
                "-" if row.check.tolerance is None else f"{row.check.tolerance:g}",
                row.check.unit,
            )
            for row in rows
        ),
    ]


def closed_form_lines(rows: list[Row]) -> list[str]:
    """The closed forms as aligned lines with the remarks of each experiment."""
    remarks = dict.fromkeys(f"{row.experiment}: {row.remark}" for row in rows if row.remark)
    return [*laid_out(row_cells(rows), (0, 1, 2, 7)), *(f"  {one}" for one in remarks)]


def _verdict(checks: tuple[Check, ...]) -> str:
    if not any(check.judged for check in checks):
        return "-"
    return "pass" if all(check.passed for check in checks) else "FAIL"


def _short(check: Check) -> str:
    value = number(check.deviation, 4 if check.unit == "dB" or check.unit == "" else 2)
    if check.name in ("CBR", "CBR model/ours"):
        value = f"{number(check.expected, 3)} / {number(check.ours, 3)}" + (f", {value} %" if check.unit else "")
    limit = "" if check.tolerance is None else f" ({check.tolerance:g}{'' if check.passed else ', FAIL'})"
    return f"{check.name} {value}{limit}"


def _files(results: list[FileResult], folder: Path | None) -> list[str]:
    return laid_out([COLUMNS, *(cells(result, folder) for result in results)])


def _averages(results: list[FileResult]) -> list[str]:
    return laid_out(average_cells(results), (0, 1, 2, 5))


def _remarks(result: FileResult, folder: Path | None) -> list[str]:
    name = result.path.name if folder is None else file_name(result.path, folder)
    lines = [f"  {name}: {note}" for note in result.notes]
    if result.failures:
        lines.append(f"  {name}: out of tolerance: {', '.join(result.failures)}")
    return lines
