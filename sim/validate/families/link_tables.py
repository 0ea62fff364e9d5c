"""Link tables: the copies that ship with the simulator hold the numbers of the folder's file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from sim.validate.result import Case, Check, FileResult, Skipped
from sim.validate.sheet import CurveError, Sheet, read_sheet
from sim.validate.statistics import Tally

FAMILY = "link"
_VALUES = {"per", "bler", "fer"}
_ARGUMENTS = {"sinr_db", "snr_db", "ebno_db"}
_KEYS = ("curve", "tech", "channel", "mcs", "size_bytes")

METHOD = (
    "every row of the file that a shipped table holds too (same technology, channel, MCS, size, argument) equals "
    "it; how "
    "many of its rows ship is said; files without error rates are skipped",
)


def read(sheet: Sheet) -> Case | Skipped | None:
    """The case of an error-rate table; None if it is none."""
    if not (_VALUES & set(sheet.header) and _ARGUMENTS & set(sheet.header)):
        if sheet.says("pssch") and sheet.has("mcs"):
            return Skipped(sheet.path, "a table of resource blocks per packet, no published radio result")
        return None
    sheet.check_rows()
    for name in sorted((_VALUES | _ARGUMENTS) & set(sheet.header)):
        sheet.numbers(name)
    return Case(sheet.path, FAMILY, sheet.path.stem, str(sheet.path), partial(judge, sheet))


def rows_of(sheet: Sheet) -> dict[tuple[str, ...], float]:
    """Key columns and argument -> error rate."""
    value = next(name for name in sheet.header if name in _VALUES)
    argument = next(name for name in sheet.header if name in _ARGUMENTS)
    rates, places = sheet.numbers(value), sheet.numbers(argument)
    keys = [sheet.words(name) if name in sheet.header else [""] * len(rates) for name in _KEYS]
    return {(argument, *(column[i] for column in keys), f"{places[i]:.4f}"): float(rates[i]) for i in range(len(rates))}


def judge(sheet: Sheet, tallies: list[Tally]) -> FileResult:
    """Compare with the shipped table that shares most rows."""
    from sim.link.tables import FOLDER

    theirs = rows_of(sheet)
    best: tuple[int, Path | None, dict[tuple[str, ...], float]] = (0, None, {})
    for path in sorted(FOLDER.glob("*.csv")):
        try:
            other = read_sheet(path)
            ours = rows_of(other) if _VALUES & set(other.header) and _ARGUMENTS & set(other.header) else {}
        except CurveError:
            continue
        common = len(theirs.keys() & ours.keys())
        if common > best[0]:
            best = (common, path, ours)
    common, shipped, ours = best
    if shipped is None:
        return FileResult(
            sheet.path,
            FAMILY,
            sheet.path.stem,
            (Check("rows that ship", float(len(theirs)), 0.0, 0.0, None, "", digits=0),),
            notes=("no shipped table holds rows of this file: not judged",),
        )
    keys = theirs.keys() & ours.keys()
    largest = max(abs(theirs[key] - ours[key]) for key in keys)
    checks = (
        Check("largest difference of a rate", 0.0, largest, largest, 1e-6, "", digits=6),
        Check(
            "rows that ship", float(len(theirs)), float(common), float(np.abs(len(theirs) - common)), None, "", digits=0
        ),
    )
    return FileResult(sheet.path, FAMILY, sheet.path.stem, checks, facts={"shipped as": shipped.name})
