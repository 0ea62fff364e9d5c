"""Readers of curve files: PDR and loss causes against distance, setting in header and name."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.validate.setting import SUBCHANNEL_LAYOUTS, SUPPORTED_BYTES, SUPPORTED_RATES_HZ, Setting

SIMULATED = "cv2x_mode4_veins_sim"
"""Published simulation of C-V2X Mode 4 (IEEE TVT 68(2) 2019)."""
ANALYTICAL = "cv2x_mode4_analytical"
"""Analytical model of the same paper."""

CAUSES = ("hd", "sen", "pro", "col", "sci")
"""Loss causes in the published order; ``sci`` stands apart (not subtracted from the published PDR)."""

_COLUMN_OF_CAUSE = {"hd": "p_hd", "sen": "p_sen", "pro": "p_pro", "col": "p_col", "sci": "p_sci_lost"}
_NUMBER = r"(\d+(?:\.\d+)?)"
_NAME = re.compile(rf"^b{_NUMBER}_l{_NUMBER}_p(-?\d+(?:\.\d+)?)_S(\d+)_B(\d+)\.csv$")
_HEADER_VALUES = {
    "beta": (re.compile(rf"beta\s*=\s*{_NUMBER}"), "vehicles_per_m"),
    "lambda": (re.compile(rf"lambda\s*=\s*{_NUMBER}"), "packets_per_s"),
    "Pt": (re.compile(r"Pt\s*=\s*(-?\d+(?:\.\d+)?)"), "tx_power_dbm"),
    "S": (re.compile(r"\bS\s*=\s*(\d+)"), "subchannels"),
}
_HEADER_CBR = re.compile(r"\bCBR\s*=\s*(0?\.\d+|[01](?:\.\d+)?)")
MAX_DISTANCE_M = 2000.0


class CurveError(ValueError):
    """A curve file that cannot be used; the message names file, line, value and rule."""


@dataclass(frozen=True)
class Curve:
    """One reference curve: columns of equal length over ``distance_m``; probabilities 0 .. 1."""

    path: Path
    family: str
    setting: Setting
    distance_m: np.ndarray
    pdr: np.ndarray
    causes: dict[str, np.ndarray]
    """Cause -> joint probability; causes the file does not hold are absent."""
    header_cbr: float | None
    """CBR printed in the header (analytical family), else none."""


@dataclass(frozen=True)
class Skipped:
    """A file that holds no curve of a handled family, and why."""

    path: Path
    reason: str


def read_folder(folder: Path) -> tuple[list[Curve], list[Skipped], list[str]]:
    """Every ``*.csv`` under ``folder``, sorted by path: curves, files skipped, and one error line per bad
    file.

    Raises CurveError if ``folder`` is not a folder.
    """
    if not folder.is_dir():
        raise CurveError(f"{folder}: not a folder")
    curves: list[Curve] = []
    skipped: list[Skipped] = []
    errors: list[str] = []
    for path in sorted(p for p in folder.rglob("*.csv") if p.is_file()):
        try:
            found = read_file(path)
        except CurveError as error:
            errors.append(str(error))
            continue
        if isinstance(found, Curve):
            curves.append(found)
        else:
            skipped.append(found)
    return curves, skipped, errors


def read_file(path: Path) -> Curve | Skipped:
    """The curve in ``path``, or why it is skipped; raises :class:`CurveError` if it is broken."""
    comments, rows = _split(path)
    name = _NAME.match(path.name)
    says_mode4 = any("mode 4" in line.lower() for line in comments)
    if not name and not says_mode4:
        return Skipped(path, f"not handled yet: {_what(comments)}")
    if not name:
        raise CurveError(
            f"{path}: the header says C-V2X Mode 4, but the file name is not b<veh per metre>_"
            "l<packets per s>_p<dBm>_S<subchannels>_B<bytes>.csv"
        )
    if not says_mode4:
        raise CurveError(f"{path}: no header comment line says 'C-V2X Mode 4'")
    setting = Setting(float(name[1]), float(name[2]), float(name[3]), int(name[4]), int(name[5]))
    _compare_header(path, comments, setting)
    reason = _unsupported(setting)
    if reason:
        return Skipped(path, f"not handled yet: {reason}")
    columns = _columns(path, rows)
    causes = {cause: columns[name] for cause, name in _COLUMN_OF_CAUSE.items() if name in columns}
    return Curve(
        path,
        _family(path, comments, causes),
        setting,
        columns["distance_m"],
        columns["pdr"],
        causes,
        _header_cbr(comments),
    )


def _split(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Comment lines, and the other rows with their line numbers."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CurveError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    rows = [
        (number, next(csv.reader([line])))
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]
    return comments, rows


def _what(comments: list[str]) -> str:
    """The family a foreign file names itself in its first comment line."""
    return comments[0].split(",")[0][:80] if comments and comments[0] else "no header comment line"


def _compare_header(path: Path, comments: list[str], setting: Setting) -> None:
    text = "\n".join(comments)
    for label, (pattern, field) in _HEADER_VALUES.items():
        found = pattern.search(text)
        if found and not math.isclose(float(found[1]), getattr(setting, field), rel_tol=1e-9):
            raise CurveError(f"{path}: header says {label}={found[1]}, file name says {getattr(setting, field):g}")


def _unsupported(setting: Setting) -> str:
    if setting.subchannels not in SUBCHANNEL_LAYOUTS:
        return f"S={setting.subchannels} subchannels (known: {_listed(SUBCHANNEL_LAYOUTS)})"
    if setting.size_bytes not in SUPPORTED_BYTES:
        return f"{setting.size_bytes} B packets (link tables known for {_listed(SUPPORTED_BYTES)} B)"
    if setting.packets_per_s not in SUPPORTED_RATES_HZ:
        return f"{setting.packets_per_s:g} packets/s (known: {_listed(SUPPORTED_RATES_HZ)})"
    if not 0 < setting.vehicles_per_m <= 1:
        return f"{setting.vehicles_per_m:g} vehicles per metre (known: above 0, at most 1)"
    if not -20 <= setting.tx_power_dbm <= 40:
        return f"{setting.tx_power_dbm:g} dBm (known: -20 .. 40)"
    return ""


def _listed(values: object) -> str:
    return ", ".join(f"{value:g}" for value in values)  # type: ignore[attr-defined]


def _family(path: Path, comments: list[str], causes: dict[str, np.ndarray]) -> str:
    """The family by the first comment line, else by the folder's name, else by the SCI column."""
    first = comments[0].lower()
    if "analytical" in first:
        return ANALYTICAL
    if "simulat" in first:
        return SIMULATED
    for family in (ANALYTICAL, SIMULATED):
        if path.parent.name == family:
            return family
    if "sci" in causes:
        return SIMULATED
    raise CurveError(f"{path}: the first header line says neither 'analytical' nor 'simulation'")


def _header_cbr(comments: list[str]) -> float | None:
    found = _HEADER_CBR.search("\n".join(comments))
    return float(found[1]) if found else None


def _columns(path: Path, rows: list[tuple[int, list[str]]]) -> dict[str, np.ndarray]:
    if not rows:
        raise CurveError(f"{path}: no column header and no rows")
    header_line, header = rows[0][0], [cell.strip() for cell in rows[0][1]]
    for required in ("distance_m", "pdr"):
        if required not in header:
            raise CurveError(f"{path}:{header_line}: column '{required}' is missing")
    if len(set(header)) != len(header):
        raise CurveError(f"{path}:{header_line}: a column name stands twice")
    if len(rows) < 3:
        raise CurveError(f"{path}: {len(rows) - 1} rows, at least 2 needed")
    values = np.array([_row(path, line, header, cells) for line, cells in rows[1:]])
    columns = {name: values[:, index] for index, name in enumerate(header)}
    _check_distances(path, rows, columns["distance_m"])
    for name in ("pdr", *_COLUMN_OF_CAUSE.values()):
        for (line, _), value in zip(rows[1:], columns.get(name, ()), strict=False):
            if not -1e-9 <= value <= 1 + 1e-9:
                raise CurveError(f"{path}:{line}: {name} is {value:g}, must lie in 0 .. 1")
    return columns


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> list[float]:
    if len(cells) != len(header):
        raise CurveError(f"{path}:{line}: {len(cells)} cells, the header has {len(header)} columns")
    values = []
    for name, cell in zip(header, cells, strict=True):
        try:
            value = float(cell)
        except ValueError:
            raise CurveError(f"{path}:{line}: {name} is '{cell.strip()}', must be a number") from None
        if not math.isfinite(value):
            raise CurveError(f"{path}:{line}: {name} is '{cell.strip()}', must be finite")
        values.append(value)
    return values


def _check_distances(path: Path, rows: list[tuple[int, list[str]]], distance_m: np.ndarray) -> None:
    for (line, _), value, step in zip(rows[1:], distance_m, np.diff(distance_m, prepend=-1.0), strict=True):
        if not 0 <= value <= MAX_DISTANCE_M:
            raise CurveError(f"{path}:{line}: distance_m is {value:g}, must lie in 0 .. {MAX_DISTANCE_M:g}")
        if step <= 0:
            raise CurveError(f"{path}:{line}: distance_m is {value:g}, must grow from row to row")
