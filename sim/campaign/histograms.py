"""Histograms of finished runs, read for merging over seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.metrics.histograms import COLUMNS, Histogram, cells_of, merged
from sim.tables import ResultError

Histograms = dict[str, Histogram]
"""By the first eight cells of a row of ``metrics.csv``, as CSV."""
_HEADER = ",".join(COLUMNS)


def read_histograms(folder: Path) -> Histograms:
    """``histograms.csv`` of a run; none where the run did not write it, a ResultError where it is broken."""
    path = folder / "histograms.csv"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: cannot be read: {error}") from None
    if lines[0] != _HEADER:
        raise ResultError(f"{path}:1: does not begin with the columns {_HEADER}")
    if lines[-1] != "":
        raise ResultError(f"{path}:{len(lines)}: ends in mid-line")
    parts: dict[str, list[Histogram]] = {}
    for number, line in enumerate(lines[1:-1], 2):
        try:
            head, largest, cells = line.rsplit(",", 2)
            cell, count = cells_of(cells)
            unit = head.split(",", 2)[1]
            parts.setdefault(head, []).append(Histogram(unit, cell.astype(np.int32), count, float(largest)))
        except (ValueError, IndexError):
            raise ResultError(f"{path}:{number}: is no histogram: names, largest value, pairs 'cell:count'") from None
    return {head: merged(found) for head, found in parts.items()}
