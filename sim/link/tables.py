"""Packet error tables: read from CSV with a source line, looked up on a fine uniform grid."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("tables")
GRID_PER_DB = 256
"""Grid cells per decibel: a lookup is that of an SINR at most 1/512 dB away."""
LOWEST_DB, HIGHEST_DB = -40, 60
FLOOR_PER = 1e-8
"""What a measured error rate of 0 counts as, and the rate beyond the end of a trimmed table."""
_MANTISSA_BITS = 9
_SHIFT = 23 - _MANTISSA_BITS


class PerTable:
    """Packet error rate by SINR: one MCS, one packet size.

    ``interpolation`` between points is linear in dB, of log10 PER (``log10``) or PER itself (``linear``);
    below the first point it is 1, above the last one ``above_per``. Lookups take the nearest of 256 cells per
    dB (:meth:`per`) or of 512 cells per octave, at most 0.0043 dB off (:meth:`per_linear`). A rate above one
    at a lower SINR (sampling noise of a source) counts as that one, so more interference never lowers the
    error rate.
    """

    def __init__(
        self,
        sinr_db: np.ndarray,
        per: np.ndarray,
        interpolation: str = "log10",
        above_per: float = FLOOR_PER,
        origin: str = "",
        includes_fading: bool = False,
    ) -> None:
        points, rates = np.asarray(sinr_db, np.float64), np.asarray(per, np.float64)
        if len(points) == 0 or np.any(np.diff(points) <= 0):
            raise ValueError(f"PER table {origin!r}: sinr_db must rise from row to row")
        if rates.min() < 0 or rates.max() > 1:
            raise ValueError(f"PER table {origin!r}: per must lie in 0 .. 1")
        if interpolation not in ("log10", "linear"):
            raise ValueError(
                f"PER table {origin!r}: interpolation {interpolation!r} is neither log10 nor linear"
            )
        self.sinr_db, self.rates = points, np.minimum.accumulate(rates)
        self.interpolation, self.above_per = interpolation, above_per
        self.origin = origin
        """Which row of which source, for the record of a run."""
        self.includes_fading = includes_fading
        """Fast fading is averaged into the curve: look it up with the mean SINR and add no fading."""
        cells = LOWEST_DB + np.arange((HIGHEST_DB - LOWEST_DB) * GRID_PER_DB + 1) / GRID_PER_DB
        self._by_db = self.exact(cells).astype(np.float32)
        self._first_bin = int(np.float32(10 ** (LOWEST_DB / 10)).view(np.int32)) >> _SHIFT
        last_bin = int(np.float32(10 ** (HIGHEST_DB / 10)).view(np.int32)) >> _SHIFT
        bins = np.arange(self._first_bin, last_bin + 1, dtype=np.int64) << _SHIFT
        middle = (bins + (1 << (_SHIFT - 1))).astype(np.int32).view(np.float32)
        self._by_bits = self.exact(10 * np.log10(middle.astype(np.float64))).astype(np.float32)

    def exact(self, sinr_db: np.ndarray | float) -> np.ndarray:
        """Interpolated error rate, float64, without the grid (slow; for building and checking)."""
        at = np.asarray(sinr_db, np.float64)
        if self.interpolation == "log10":
            inside = 10 ** np.interp(at, self.sinr_db, np.log10(np.maximum(self.rates, FLOOR_PER)))
        else:
            inside = np.interp(at, self.sinr_db, self.rates)
        return np.where(at < self.sinr_db[0], 1.0, np.where(at > self.sinr_db[-1], self.above_per, inside))

    def per(self, sinr_db: np.ndarray | float) -> np.ndarray:
        """Error rate, float32 of any shape, at an SINR in dB."""
        place = (np.asarray(sinr_db, np.float32) - np.float32(LOWEST_DB)) * np.float32(
            GRID_PER_DB
        ) + np.float32(0.5)
        index = np.clip(place, 0, len(self._by_db) - 1).astype(np.int32)
        return self._by_db[index]

    def per_linear(self, sinr_ratio: np.ndarray) -> np.ndarray:
        """Error rate, float32 of any shape, at an SINR as a power ratio >= 0; needs no logarithm."""
        bits = np.ascontiguousarray(sinr_ratio, np.float32).view(np.int32) >> _SHIFT
        bits -= self._first_bin
        return self._by_bits.take(bits, mode="clip")

    def sinr_at(self, rate: float) -> float:
        """Largest SINR in dB on a 1e-3 dB grid at which the error rate is still at least ``rate``."""
        at = np.arange(self.sinr_db[0] - 1, self.sinr_db[-1] + 1, 1e-3)
        above = np.flatnonzero(self.exact(at) >= rate)
        return float(at[above[-1]]) if above.size else float(self.sinr_db[0])


def step_table(threshold_db: float, origin: str) -> PerTable:
    """Always lost below ``threshold_db``, never above (to the floor of 1e-8)."""
    width = 1e-3
    points = np.array([threshold_db - width, threshold_db + width])
    return PerTable(points, np.array([1.0, FLOOR_PER]), "linear", FLOOR_PER, origin, includes_fading=False)


@dataclass(frozen=True)
class Rows:
    """Rows of one CSV file: header comment and columns as text."""

    source: str
    columns: dict[str, np.ndarray]

    def where(self, **wanted: str) -> Rows:
        """The rows whose columns hold the wanted text."""
        keep = np.ones(len(next(iter(self.columns.values()))), bool)
        for name, value in wanted.items():
            keep &= self.columns[name] == value
        return Rows(self.source, {name: column[keep] for name, column in self.columns.items()})

    def number(self, name: str) -> np.ndarray:
        """A column as float64."""
        return self.columns[name].astype(np.float64)


def read_csv(path: Path) -> Rows:
    """A CSV file with ``#`` comment lines, one of which must name the source; ValueError otherwise."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    named = [comment for comment in comments if "source:" in comment.lower()]
    source = named[0][named[0].lower().index("source:") + len("source:") :].strip() if named else ""
    if not source:
        raise ValueError(f"{path.name}: no '# source:' line says where the numbers come from")
    table = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
    if len(table) < 2:
        raise ValueError(f"{path.name}: no rows")
    wrong = next((row for row in table if len(row) != len(table[0])), None)
    if wrong is not None:
        raise ValueError(
            f"{path.name}: row {','.join(wrong)!r} has not the {len(table[0])} columns of the header"
        )
    columns = zip(table[0], zip(*table[1:], strict=True), strict=True)
    return Rows(source, {name: np.array(column) for name, column in columns})
