"""Error of what vehicles say of their position, sampled at ticks over equipped vehicles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.metrics.base import Batch, Context, Metric, Rows, Tick
from sim.metrics.histograms import METRE_CELL_M, METRE_CELLS, Named

QUANTILES = (0.5, 0.95, 0.99)
CELL_M, CELL_COUNT = METRE_CELL_M, METRE_CELLS
"""Resolution and last cell: errors of 200 m and more share the last one."""


class PositionError:
    """Horizontal distance between the place a vehicle takes itself to be at and its true one.

    Says nothing (no rows) where the scenario has no model of positioning errors (``gnss.model: exact``). Positions
    reckoned without a fix count as they are told. A quantile is the upper edge of its cell, never above the maximum:
    too high by less than 0.01 m, never too low.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        places = len(context.jurisdictions) + 1
        self.cells = np.zeros((places, CELL_COUNT + 1), np.int64)
        """Samples by place of the vehicle + 1 and cell."""
        self.sum_m, self.max_m = np.zeros(places), np.zeros(places)

    def tick(self, tick: Tick) -> None:
        """Take in one error per equipped vehicle, if the tick carries them."""
        if tick.position_error_m is None:
            return
        slots, error_m = tick.position_error_m
        place = tick.stations.place[slots].astype(np.int64) + 1
        cell = np.minimum(np.ceil(error_m / CELL_M), CELL_COUNT).astype(np.int64)
        np.add.at(self.cells, (place, cell), 1)
        self.sum_m += np.bincount(place, error_m, minlength=len(self.sum_m))
        np.maximum.at(self.max_m, place, error_m)

    def observe(self, batch: Batch) -> None:
        """Frames say nothing of true places."""

    def merge(self, other: PositionError) -> None:
        """Add the other's samples."""
        self.cells += other.cells
        self.sum_m += other.sum_m
        self.max_m = np.maximum(self.max_m, other.max_m)

    def rows(self) -> Iterator[Metric]:
        """Quantiles, mean and maximum over all vehicles, then by the jurisdiction whose road they are on."""
        for name, places, cells in self._groups():
            count = int(cells.sum())
            most_m, up_to = float(self.max_m[places].max()), np.cumsum(cells)
            of_vehicles = {"jurisdiction": name, "station_class": "vehicle", "n": count}
            for share in QUANTILES:
                cell = int(np.searchsorted(up_to, max(1, int(np.ceil(share * count - 1e-9)))))
                value = most_m if cell == CELL_COUNT else min(cell * CELL_M, most_m)
                yield Metric("position_error", "m", quantile=share, value=value, **of_vehicles)  # type: ignore[arg-type]
            mean_m = float(self.sum_m[places].sum()) / count
            yield Metric("position_error_mean", "m", value=mean_m, **of_vehicles)  # type: ignore[arg-type]
            yield Metric("position_error_max", "m", value=most_m, **of_vehicles)  # type: ignore[arg-type]

    def _groups(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """(jurisdiction, places, cells) of each set of rows; no name = everywhere."""
        everywhere = np.arange(len(self.max_m))
        for name, places in [("", everywhere), *((n, everywhere[j + 1 : j + 2])
                                                 for j, n in enumerate(self.context.jurisdictions))]:
            cells = self.cells[places].sum(axis=0)
            if cells.any():
                yield name, places, cells

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        for name, places, cells in self._groups():
            names = Metric("position_error", "m", jurisdiction=name, station_class="vehicle")
            yield Named(names, cells, float(self.max_m[places].max()))

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}
