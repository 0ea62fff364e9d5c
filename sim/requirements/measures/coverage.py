"""Coverage of service zones, of pairs of vehicles, and of the road around borders."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.requirements.classes import MESSAGES
from sim.requirements.evidence import Evidence
from sim.requirements.measures.base import Ask, Item, nothing, of_each_message, placed
from sim.tables import Table

_COVERED = {"SPAT": "SPAT+MAP", "MAP": "SPAT+MAP", "RSI": "RSI", "RSM": "RSM"}
"""Class of use -> class whose zone probes watch (definitions section 6)."""
PAIR_RANGES_M = (150.0, 300.0)


def covered_cells(evidence: Evidence, ask: Ask) -> list[Item]:
    """Share of the zone's cells (25 m, direction) whose probe held an applied message most of the time."""
    items = []
    for name in _watched(ask):
        tables = evidence.coverage()
        found = [_covered(table, name, ask) for table in tables]
        values, cells = np.array([share for share, _ in found]), np.array([count for _, count in found], float)
        if not cells.any():
            items.append(nothing(name, "no cell of its zone was watched"))
            continue
        items.append(Item(f"I2V {name}", values, int(cells.sum()), cells))
    return items or [nothing(", ".join(ask.messages), "probes do not watch this class")]


def _watched(ask: Ask) -> list[str]:
    classes = [_COVERED.get(name) or _COVERED.get(MESSAGES.get(name, "")) for name in ask.messages]
    return list(dict.fromkeys(name for name in classes if name))


def _cells(table: Table | None, name: str, jurisdiction: str) -> Table | None:
    if table is None:
        return None
    cells = table.select(**{"class": name})
    return cells.select(jurisdiction=jurisdiction) if jurisdiction else cells


def _covered(table: Table | None, name: str, ask: Ask) -> tuple[float, int]:
    cells = _cells(table, name, ask.jurisdiction)
    if cells is None or not cells.row_count:
        return math.nan, 0
    covered = np.count_nonzero(cells["C_useful"] >= ask.defaults.cell_ratio)
    return covered / cells.row_count, cells.row_count


def pair_coverage(evidence: Evidence, ask: Ask) -> list[Item]:
    """Share of (pair of vehicles, time) within 150 or 300 m where the receiver holds a fresh applied message."""
    return of_each_message(evidence, ask, _pairs)


def _pairs(evidence: Evidence, ask: Ask, link: str, message: str) -> list[Item]:
    what = f"{link} {message} within {ask.at_range_m:g} m"
    key, whole = placed(evidence, ask, "C_useful", link, message)
    series = evidence.series(key, ask.at_range_m)
    count, least = int(series.n.sum()), ask.defaults.min_packets
    if not count:
        return [nothing(what, "no pair was watched")]
    reason = "" if count >= least else f"{count} pairs and instants, fewer than {least}"
    return [Item(what, series.values, count, series.n, least_n=least, whole_corridor=whole, reason=reason)]


def border_hole(evidence: Evidence, ask: Ask) -> list[Item]:
    """Longest stretch of uncovered zone cells that comes within ``border_window_m`` of a border; both sides count."""
    items = []
    for name in _watched(ask):
        values = [
            _longest_m(table, name, ask, [float(b["chainage_m"]) for b in result.corridor.get("borders", [])],
                       evidence.probe_spacing_m)
            for result, table in zip(evidence.results, evidence.coverage(), strict=True)
        ]
        numbers = np.array(values, float)
        if np.isnan(numbers).all():
            items.append(nothing(name, f"no zone of {name} within {ask.defaults.border_window_m:g} m of a border"))
        else:
            items.append(Item(f"I2V {name} at borders", numbers, int(np.isfinite(numbers).sum())))
    return items


def _longest_m(table: Table | None, name: str, ask: Ask, borders_m: list[float], step_m: float) -> float:
    cells = _cells(table, name, ask.jurisdiction)
    if cells is None or not cells.row_count or not borders_m:
        return math.nan
    window_m = ask.defaults.border_window_m
    at_m = np.asarray(borders_m)
    longest, near = 0.0, False
    for direction in ("up", "down"):
        own = cells.select(direction=direction).sorted_by("chainage_m")
        distance_m = np.abs(own["chainage_m"][:, None] - at_m).min(1) if own.row_count else np.empty(0)
        near |= bool((distance_m <= window_m).any())
        for run in _runs(own["chainage_m"], own["C_useful"] < ask.defaults.cell_ratio, step_m):
            if (distance_m[run] <= window_m).any():
                longest = max(longest, float(own["chainage_m"][run[-1]] - own["chainage_m"][run[0]]) + step_m)
    return longest if near else math.nan


def _runs(chainage_m: np.ndarray, bad: np.ndarray, step_m: float) -> Iterator[np.ndarray]:
    """Indices of neighbouring bad cells."""
    where = np.flatnonzero(bad)
    if not len(where):
        return
    breaks = np.flatnonzero((np.diff(where) > 1) | (np.diff(chainage_m[where]) > 1.5 * step_m)) + 1
    yield from np.split(where, breaks)
