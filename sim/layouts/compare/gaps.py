"""Gaps by road metre: stretches of neighbouring zone cells whose mean over the seeds lies below 95 %."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from sim.campaign.statistics import Interval, mean_interval
from sim.layouts.compare.observe import Cell
from sim.metrics.coverage import HOLE_BELOW


class Gap(NamedTuple):
    """One stretch; it ends at a border and where the zone ends."""

    measure: str
    class_: str
    jurisdiction: str
    direction: str
    from_m: float
    to_m: float
    length_m: float
    share: Interval
    """Mean over its cells, over seeds."""


def gaps(cells: Mapping[Cell, np.ndarray], spacing_m: float) -> list[Gap]:
    """Gaps in the mean over seeds, by measure (C_raw, C_useful), class, direction and chainage.

    ``cells``: values of shape (zone seconds, C_raw, C_useful; seeds), see
    :class:`sim.layouts.compare.observe.Observed`.
    """
    found = []
    for row, measure in ((1, "C_raw"), (2, "C_useful")):
        low = [
            (cell, values[row]) for cell, values in cells.items()
            if np.isfinite(values[row]).any() and float(np.nanmean(values[row])) < HOLE_BELOW
        ]
        for stretch in _stretches(low, spacing_m):
            first, last = stretch[0][0], stretch[-1][0]
            from_m, to_m = max(0.0, first.chainage_m - spacing_m / 2), last.chainage_m + spacing_m / 2
            share = mean_interval(np.mean([values for _, values in stretch], axis=0))
            found.append(Gap(measure, *first[:3], from_m, to_m, to_m - from_m, share))
    return found


def _stretches(low: list[tuple[Cell, Any]], spacing_m: float) -> Iterator[list[tuple[Cell, Any]]]:
    stretch: list[tuple[Cell, Any]] = []
    for one in sorted(low, key=lambda item: (item[0].class_, item[0].direction, item[0].chainage_m)):
        cell = one[0]
        if stretch:
            last = stretch[-1][0]
            if cell[:3] != last[:3] or cell.chainage_m - last.chainage_m > 1.5 * spacing_m:
                yield stretch
                stretch = []
        stretch.append(one)
    if stretch:
        yield stretch
