"""Seeds continue until the interval of one figure is narrow enough in every variant."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.campaign.schema import Until
from sim.campaign.statistics import mean_interval, seeds_for_half_width
from sim.campaign.store import CampaignResult
from sim.results import Result, ResultError

_TEXT = ("metric", "link", "message", "jurisdiction", "direction", "station_class")


@dataclass(frozen=True)
class Width:
    """How wide the interval of one variant is."""

    variant: str
    half_width: float
    seeds: int


def figure_of(until: Until, result: Result) -> float:
    """The figure in one run; NaN where the run has no such row, a ResultError where several fit."""
    where = {name: getattr(until, name) or None for name in _TEXT}
    where |= {"distance_m": until.distance_m, "quantile": until.quantile, "chainage_m": None}
    return result.value(**where)


def widths(until: Until, campaign: CampaignResult) -> tuple[list[Width], int]:
    """(half width per variant, replications that the widest of them suggests).

    A ResultError where no run of a variant has the figure: going on would never end.
    """
    found, wanted = [], 0
    for variant in campaign.variants:
        values = [figure_of(until, result) for _, result in campaign.results(variant.index)]
        there = [value for value in values if not math.isnan(value)]
        if values and not there:
            row = ", ".join(f"{name}={getattr(until, name)}" for name in _TEXT if getattr(until, name))
            raise ResultError(f"until: no run of {variant.name} has a row {row}; see its metrics.csv")
        interval = mean_interval(there)
        half = (interval.upper - interval.lower) / 2 if len(there) > 1 else math.inf
        found.append(Width(variant.name, half, len(there)))
        if half > until.half_width:
            more = seeds_for_half_width(there, until.half_width) if len(there) > 1 else 2
            wanted = max(wanted, more)
    return found, wanted


def next_replications(until: Until, now: int, wanted: int) -> int:
    """Replications of the next round: what the spread asks for, at least one more, at most twice as many."""
    return min(until.max_seeds, max(now + 1, min(wanted, 2 * now)))
