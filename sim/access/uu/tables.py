"""Latency tables: three CSV forms behind one reader, sampled by inverting the distribution between stated points.

The forms are told apart by their header row:

- ``..., q05, q50, q999 ...``: one distribution per row; ``q`` is followed by the digits of the probability after the
  point, other columns are the row's keys except ``mean_ms`` and ``delivered_fraction``;
- ``percentile, <name>, ...``: one distribution per column, percentiles 0 to 100 down the rows;
- ``<anything>_ms, cdf_<name>, ...``: one distribution function per column.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.clock import stream

FOLDER = Path(__file__).with_name("tables")
_QUANTILE = re.compile(r"q(\d+)$")
_NO_KEY = ("mean_ms", "delivered_fraction")


@dataclass(frozen=True)
class Distribution:
    """A latency in ms by probability: ``value_ms`` at ``probability``, both rising, straight lines in between.

    Where a table states neither minimum nor maximum, the outermost lines go on to probability 0 (never below 0 ms)
    and 1.
    """

    keys: dict[str, str]
    """What names it in its file: key columns of the row, or the column's ``name``."""
    probability: np.ndarray
    value_ms: np.ndarray
    delivered_ratio: float = 1.0
    mean_ms: float | None = None
    """The mean as stated by the file; not used for sampling."""

    def at(self, probability: np.ndarray | float) -> np.ndarray:
        """Latency in ms at probabilities 0 .. 1 of delivered packets."""
        return np.interp(np.asarray(probability, float), self.probability, self.value_ms)

    def sample(self, count: int, seed: int) -> np.ndarray:
        """So many independent latencies of delivered packets, ms."""
        return self.at(stream(seed, "latency table", *sorted(self.keys.values())).random(count))


class LatencyFile:
    """All distributions of one file; ``source`` is its source line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines()
        named = [line for line in lines if line.startswith("#") and "source:" in line.lower()]
        if not named:
            raise ValueError(f"{path.name}: no '# source:' line says where the numbers come from")
        self.source = named[0][named[0].lower().index("source:") + len("source:"):].strip()
        table = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
        if len(table) < 2:
            raise ValueError(f"{path.name}: no rows")
        for row in table[1:]:
            if len(row) != len(table[0]):
                wrong = ",".join(row)
                raise ValueError(f"{path.name}: row {wrong!r} has not the {len(table[0])} columns of the header")
        self.distributions = self._read([name.strip() for name in table[0]], table[1:])

    def find(self, **keys: object) -> Distribution:
        """The one distribution whose keys hold these values (numbers compare as numbers); ValueError otherwise."""
        found = [one for one in self.distributions if all(_same(one.keys.get(k), v) for k, v in keys.items())]
        if len(found) != 1:
            wanted = ", ".join(f"{name} {value}" for name, value in keys.items())
            raise ValueError(f"{self.path.name}: {len(found)} rows with {wanted or 'no key'}; one is needed")
        return found[0]

    def names(self) -> list[str]:
        """Names of the columns of a file with one distribution per column; empty otherwise."""
        return [one.keys["name"] for one in self.distributions if "name" in one.keys]

    def _read(self, header: list[str], rows: list[list[str]]) -> list[Distribution]:
        if any(_QUANTILE.match(name) for name in header):
            return [self._row(dict(zip(header, row, strict=True))) for row in rows]
        first, *names = header
        columns = {name: self._numbers(name, [row[i] for row in rows]) for i, name in enumerate(header)}
        if first == "percentile":
            return [self._checked({"name": name}, columns[first] / 100, columns[name]) for name in names]
        if first.endswith("_ms") and names and all(name.startswith("cdf_") for name in names):
            return [self._checked({"name": name[4:]}, columns[name], columns[first]) for name in names]
        raise ValueError(
            f"{self.path.name}: header {','.join(header)!r} has neither q.. columns, nor percentile and names, "
            "nor *_ms and cdf_*"
        )

    def _row(self, row: dict[str, str]) -> Distribution:
        at = {name: float(f"0.{found[1]}") for name in row if (found := _QUANTILE.match(name))}
        order = sorted(at, key=lambda name: at[name])
        keys = {name: value.strip() for name, value in row.items() if name not in at and name not in _NO_KEY}
        delivered = self._numbers("delivered_fraction", [row.get("delivered_fraction") or "1"])[0]
        if not 0 <= delivered <= 1:
            raise ValueError(f"{self.path.name}: delivered_fraction {delivered:g} must lie in 0 .. 1")
        mean = row.get("mean_ms")
        values = self._numbers("quantiles", [row[name] for name in order])
        return self._checked(
            keys, np.array([at[name] for name in order]), values, float(delivered),
            float(self._numbers("mean_ms", [mean])[0]) if mean else None,
        )

    def _numbers(self, name: str, values: list[str]) -> np.ndarray:
        try:
            numbers = np.array([float(value) for value in values])
        except ValueError as error:
            raise ValueError(f"{self.path.name}: column {name}: {error}") from None
        if not np.all(np.isfinite(numbers)):
            raise ValueError(f"{self.path.name}: column {name}: every value must be a finite number")
        return numbers

    def _checked(
        self, keys: dict[str, str], probability: np.ndarray, value_ms: np.ndarray, delivered_ratio: float = 1.0,
        mean_ms: float | None = None,
    ) -> Distribution:
        where = f"{self.path.name}: {' '.join(keys.values())}"
        if probability[0] < 0 or probability[-1] > 1 or np.any(np.diff(probability) < 0):
            raise ValueError(f"{where}: probabilities must rise within 0 .. 1")
        if value_ms[0] < 0 or np.any(np.diff(value_ms) < 0):
            raise ValueError(f"{where}: latencies must not be negative and must not fall as the probability rises")
        return Distribution(keys, *_completed(probability, value_ms), delivered_ratio, mean_ms)


def sample_table(path: Path, count: int, seed: int, **keys: object) -> np.ndarray:
    """So many latencies in ms of the distribution with these keys, as the file states them (round trips stay round)."""
    return LatencyFile(path).find(**keys).sample(count, seed)


def added_by_peering_ms(path: Path, name: str, count: int, seed: int) -> float:
    """Median of what crossing a peering point adds one way, ms, by sampling: half of the stated round trip."""
    return float(np.median(LatencyFile(path).find(name=name).sample(count, seed) / 2))


def _same(own: str | None, wanted: object) -> bool:
    if own is None:
        return False
    try:
        return float(own) == float(str(wanted))
    except ValueError:
        return own == str(wanted)


def _completed(probability: np.ndarray, value_ms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With points at probability 0 and 1, on the outermost lines."""
    if probability[0] > 0:
        low = value_ms[0]
        if len(probability) > 1 and probability[1] > probability[0]:
            low -= probability[0] * (value_ms[1] - value_ms[0]) / (probability[1] - probability[0])
        probability, value_ms = np.append(0.0, probability), np.append(max(low, 0.0), value_ms)
    if probability[-1] < 1:
        high, rise = value_ms[-1], probability[-1] - probability[-2] if len(probability) > 2 else 0.0
        if rise > 0:
            high += (1 - probability[-1]) * (value_ms[-1] - value_ms[-2]) / rise
        probability, value_ms = np.append(probability, 1.0), np.append(value_ms, high)
    return probability, value_ms
