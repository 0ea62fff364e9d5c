"""Order of layouts: ranks, pairs that are decided or not, orders that flip, and the Pareto front."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.campaign.statistics import Interval, mean_interval, paired_difference

Front = Literal["on the front", "undecided", "dominated"]


@dataclass(frozen=True)
class Pair:
    """Two layouts by one criterion under one propagation model; ``first`` has the better mean."""

    first: str
    second: str
    difference: Interval
    """``first`` minus ``second``, paired over seeds."""

    @property
    def decided(self) -> bool:
        """Whether the interval leaves 0 on one side; equal in every seed counts as not decided."""
        return self.difference.lower > 0 or self.difference.upper < 0


@dataclass(frozen=True)
class Ranking:
    """Layouts from best to worst by one criterion under one propagation model."""

    model: str
    order: tuple[str, ...]
    means: dict[str, Interval]
    pairs: tuple[Pair, ...]

    def undecided_with(self, layout: str) -> list[str]:
        """Layouts whose order with this one the seeds do not decide."""
        both = [(pair.first, pair.second) for pair in self.pairs if not pair.decided]
        return [b if a == layout else a for a, b in both if layout in (a, b)]


@dataclass(frozen=True)
class Flip:
    """Two layouts whose order is decided both ways under two models."""

    model: str
    """The model under which the order is another than under ``against``."""
    against: str
    first: str
    """Better under ``model``."""
    second: str

    def __str__(self) -> str:
        return f"flips under {self.model}: {self.first} before {self.second} (the other way round under {self.against})"


def ranking(model: str, values: Mapping[str, np.ndarray], *, more_is_better: bool) -> Ranking:
    """Rank layouts by the mean over seeds of ``values`` (layout -> one value per seed, NaN = none).

    Layouts without any value come last; equal means keep the order given.
    """
    means = {layout: mean_interval(one) for layout, one in values.items()}
    sign = -1.0 if more_is_better else 1.0

    def place(layout: str) -> float:
        mean = means[layout].mean
        return math.inf if math.isnan(mean) else sign * mean

    order = tuple(sorted(values, key=place))
    pairs = tuple(
        Pair(a, b, paired_difference(values[a], values[b])) for a, b in itertools.combinations(order, 2)
        if not math.isnan(means[a].mean) and not math.isnan(means[b].mean)
    )
    return Ranking(model, order, means, pairs)


def flips(rankings: Sequence[Ranking]) -> list[Flip]:
    """Orders that two models decide differently; the earlier model is the one flipped against."""
    found = []
    for number, later in enumerate(rankings):
        for earlier in rankings[:number]:
            before = {(pair.first, pair.second) for pair in earlier.pairs if pair.decided}
            found += [
                Flip(later.model, earlier.model, pair.first, pair.second) for pair in later.pairs
                if pair.decided and (pair.second, pair.first) in before
            ]
    return found


def pareto(costs: Mapping[str, float], values: Mapping[str, np.ndarray]) -> dict[str, Front]:
    """Which layouts nothing beats in both cost (less is better) and coverage (more is better, one value per seed).

    Dominated: another costs no more and covers more (or costs less and covers no less), decided over the seeds.
    Undecided: the seeds leave that open. A layout without coverage values is dominated.
    """
    return {layout: _front(layout, costs, values) for layout in costs}


def _front(layout: str, costs: Mapping[str, float], values: Mapping[str, np.ndarray]) -> Front:
    if not np.isfinite(values[layout]).any():
        return "dominated"
    found: Front = "on the front"
    for other, cost in costs.items():
        if other == layout or cost > costs[layout] or not np.isfinite(values[other]).any():
            continue
        more = paired_difference(values[other], values[layout])
        cheaper = cost < costs[layout]
        if more.lower > 0 or (cheaper and more.lower >= 0):
            return "dominated"
        if math.isnan(more.lower) or more.upper > 0 or (cheaper and more.upper >= 0):
            found = "undecided"
    return found


def mean_front(costs: Mapping[str, float], means: Mapping[str, float]) -> list[str]:
    """The front of the means alone, from cheap to dear: what a line through the points follows."""
    best, front = -math.inf, []
    for layout in _by_cost(costs, means):
        if means[layout] > best:
            best = means[layout]
            front.append(layout)
    return front


def _by_cost(costs: Mapping[str, float], means: Mapping[str, float]) -> Iterable[str]:
    there = [layout for layout in costs if not math.isnan(means[layout])]
    return sorted(there, key=lambda layout: (costs[layout], -means[layout]))
