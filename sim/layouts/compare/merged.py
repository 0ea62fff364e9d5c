"""Quantiles over seeds, from the merged histograms of the runs."""

from __future__ import annotations

import math

import numpy as np

from sim.campaign.rows import variant_rows
from sim.campaign.statistics import Interval
from sim.campaign.store import CampaignResult
from sim.layouts.compare.observe import QUANTILES, Key, key_of


def merged_quantiles(campaign: CampaignResult, variant: int) -> dict[Key, Interval]:
    """Latency quantiles of a variant over its seeds, by the rule of :mod:`sim.campaign.rows`."""
    rows = variant_rows(campaign, variant).select(metric="latency", quantile=list(QUANTILES), jurisdiction=None)
    return {
        key_of(row): Interval(
            float(row["mean"]), float(row["lower"]), float(row["upper"]), _count(row["n_seeds"])
        )
        for row in rows.rows()
    }


def _count(value: np.floating) -> int:
    return 0 if math.isnan(value) else int(value)
