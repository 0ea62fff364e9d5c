"""Key figures of every variant over its seeds: from the summaries, quantiles of merged seeds from ``means.csv``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sim.campaign.plan import PlannedRun, Variant
from sim.campaign.statistics import Interval, mean_interval
from sim.campaign.store import CampaignResult
from sim.campaign.tables import quantile_figures
from sim.results import valid_summary
from sim.tables import finite_or_none

_QUANTILE = re.compile(r"\.p[0-9.]+$")


@dataclass(frozen=True)
class Figures:
    """Key figures of one variant."""

    seeds: list[int]
    values: dict[str, Interval]
    """Figure -> mean and 95 % interval over the seeds that have it."""

    def plain(self) -> dict[str, dict[str, Any]]:
        """As JSON; bounds are null with a single seed."""
        return {
            key: {
                "mean": one.mean, "lower": finite_or_none(one.lower), "upper": finite_or_none(one.upper),
                "seeds": one.n,
            }
            for key, one in self.values.items()
        }

    def text(self, key: str) -> str:
        """``mean (lower .. upper)``, or that there is no data."""
        one = self.values.get(key)
        if one is None:
            return "no data"
        bounds = "one seed" if one.n < 2 else f"{one.lower:.4g} .. {one.upper:.4g}"
        return f"{one.mean:.4g} ({bounds})"


def variant_figures(campaign: CampaignResult) -> Iterator[tuple[Variant, Figures]]:
    """Variants in order, each with its key figures; a variant without a finished run has none.

    Quantiles are never averaged: without ``means.csv`` they are left out.
    """
    runs: dict[int, list[PlannedRun]] = {}
    for run in campaign.runs:
        if campaign.finished(run):
            runs.setdefault(run.variant, []).append(run)
    quantiles = quantile_figures(campaign)
    for variant in campaign.variants:
        mine = runs.get(variant.index, [])
        found: dict[str, list[float]] = {}
        for run in mine:
            summary = valid_summary(campaign.folder.run_path(run.run_id)) or {}
            told = summary.get("key_figures")
            for key, value in told.items() if isinstance(told, dict) else ():
                if isinstance(value, int | float) and math.isfinite(value) and not _QUANTILE.search(key):
                    found.setdefault(key, []).append(float(value))
        intervals = {key: mean_interval(values) for key, values in found.items()}
        intervals |= quantiles.get(variant.index, {})
        yield variant, Figures([run.seed for run in mine], intervals)
