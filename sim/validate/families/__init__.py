"""Families of published files: recognised by header, columns and file name, whatever the folder is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sim.validate.families import cv2x_mode4, dot11p, link_tables, nr_mode2, path_loss, uu
from sim.validate.result import Case, Skipped
from sim.validate.sheet import CurveError, Sheet, read_sheet


@dataclass(frozen=True)
class Family:
    """One kind of file: who reads it, what it is called, how it is compared."""

    title: str
    read: Callable[[Sheet], Case | Skipped | None]
    rule: str
    """Tolerance in words."""
    method: tuple[str, ...]


FAMILIES: dict[str, Family] = {
    cv2x_mode4.SIMULATED: Family(
        "C-V2X Mode 4, published simulation",
        cv2x_mode4.read,
        "mean |deviation| over the distances: PDR 3 points (4 above analytical CBR 0.75), HD, SEN, PRO 0.5, COL 3",
        cv2x_mode4.METHOD,
    ),
    cv2x_mode4.ANALYTICAL: Family(
        "C-V2X Mode 4, analytical model",
        cv2x_mode4.read,
        "PDR 2.5 points below analytical CBR 0.7; causes are printed",
        cv2x_mode4.METHOD,
    ),
    dot11p.SIMULATED: Family(
        "IEEE 802.11p, published simulation",
        dot11p.read,
        "PDR 2 points (4 above CBR 0.5), CBR within 15 % where one was published; causes are printed",
        dot11p.METHOD,
    ),
    dot11p.ANALYTICAL: Family(
        "IEEE 802.11p, analytical model", dot11p.read, "PDR 2.5 points below CBR 0.7; causes are printed", dot11p.METHOD
    ),
    nr_mode2.FAMILY: Family(
        "NR-V2X Mode 2, published ns-3 simulation",
        nr_mode2.read,
        "distance at which the ratio crosses 0.5 within 20 %",
        nr_mode2.METHOD,
    ),
    path_loss.FAMILY: Family("path-loss vectors", path_loss.read, "every column within 0.01 dB", path_loss.METHOD),
    uu.FAMILY: Family("Uu latency quantiles", uu.read, "p50 and p95 within 3 %", uu.METHOD),
    link_tables.FAMILY: Family("link tables", link_tables.read, "shipped copies equal the file", link_tables.METHOD),
}


def read_file(path: Path) -> Case | Skipped:
    """The case in ``path``, or why there is none; CurveError if it is broken."""
    sheet = read_sheet(path)
    for read in dict.fromkeys(family.read for family in FAMILIES.values()):
        found = read(sheet)
        if found is not None:
            return found
    named = sheet.comments[0].split(",")[0][:80] if sheet.comments and sheet.comments[0] else "no header comment line"
    return Skipped(path, f"no family of that format: {named}")


def read_folder(folder: Path, family: str | None = None) -> tuple[list[Case], list[Skipped], list[str]]:
    """Every ``*.csv`` under ``folder``, sorted by path: cases, files skipped, and one error line per broken file.

    ``family``: only families whose name starts so. CurveError if ``folder`` is no folder or no family is called so.
    """
    if not folder.is_dir():
        raise CurveError(f"{folder}: not a folder")
    if family is not None and not any(name.startswith(family) for name in FAMILIES):
        raise CurveError(f"family: {family!r}: no such family; there are {', '.join(FAMILIES)}")
    cases: list[Case] = []
    skipped: list[Skipped] = []
    errors: list[str] = []
    for path in sorted(p for p in folder.rglob("*.csv") if p.is_file()):
        try:
            found = read_file(path)
        except CurveError as error:
            errors.append(str(error))
            continue
        if isinstance(found, Skipped):
            skipped.append(found)
        elif family is None or found.family.startswith(family):
            cases.append(found)
    return cases, skipped, errors
