"""Rows of ``metrics.csv`` about pairs of vehicles: gaps, delays and open ends, of everybody, of receivers in one
place, or by whether the homes differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.metrics.base import Metric
from sim.metrics.statistics import DelayHistogram

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class GapRows:
    """Writes rows of one message, of pairs within ``range_m``, of receivers in ``jurisdiction`` (empty = anywhere)."""

    message: str
    range_m: float
    jurisdiction: str = ""
    station_class: str = ""
    """``same home`` or ``cross home``, empty = any pair."""

    def row(
        self, metric: str, unit: str, value: float | None = None, n: int | None = None, quantile: float | None = None
    ) -> Metric:
        """One row."""
        return Metric(
            metric, unit, "V2V", self.message, self.jurisdiction, station_class=self.station_class,
            distance_m=self.range_m, quantile=quantile, value=value, n=n,
        )

    def delays(self, name: str, delays: DelayHistogram, ends: bool = True) -> Iterator[Metric]:
        """Quantiles, then mean and maximum (``ends``); nothing of an empty histogram."""
        if not delays.count:
            return
        for share, value_ms in zip(QUANTILES, delays.quantiles_ms(np.array(QUANTILES)).tolist(), strict=True):
            yield self.row(name, "ms", value_ms, delays.count, share)
        if ends:
            yield self.row(f"{name}_mean", "ms", delays.mean_ms(), delays.count)
            yield self.row(f"{name}_max", "ms", delays.max_ns / 1e6, delays.count)

    def open_ends(self, gap_count: int, gap_long: int, ends: int, long_ends: int) -> Iterator[Metric]:
        """Share of gaps beyond 2.5 periods, number of open ends, and share of those beyond 2.5 periods already."""
        if gap_count:
            yield self.row("gap_over_2.5T", "ratio", gap_long / gap_count, gap_count)
        if ends:
            yield self.row("gap_open_ends", "count", ends)
            yield self.row("gap_open_over_2.5T", "ratio", long_ends / ends, ends)

    def coverage(self, judged: int, raw: int, useful: int) -> Iterator[Metric]:
        """Shares of judged pair-ticks that hold a fresh message; nothing where none was judged."""
        if judged:
            yield self.row("C_raw", "ratio", raw / judged, judged)
            yield self.row("C_useful", "ratio", useful / judged, judged)
