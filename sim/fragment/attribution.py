"""Attribution of a loss to hazards from the figures of every subset, seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sim.campaign.statistics import Interval, paired_difference
from sim.fragment import shapley
from sim.fragment.losses import OVERALL, Subject, judged, overall, value_of, weight_of, wrong
from sim.fragment.observe import Observed, change, mean_of

VIEWS = ("shapley", "alone", "only_fixed", "blame")
FACTORS = (0.5, 2.0)
"""By which the weight of each class is changed to see whether the answer depends on it."""


@dataclass
class Attribution:
    """The loss of one class (or overall) under one candidate, shared among its hazards."""

    subject: Subject
    hazards: tuple[str, ...]
    losses: dict[frozenset[str], np.ndarray]
    """Hazards at work -> 1 - x per replication."""
    order: tuple[str, ...]
    """Stages' order, for blame."""

    def game(self, replication: int) -> shapley.Game:
        """Losses of one replication."""
        return {one: float(values[replication]) for one, values in self.losses.items()}

    @property
    def complete(self) -> list[int]:
        """Replications in which every subset has been run."""
        there = np.all([np.isfinite(values) for values in self.losses.values()], axis=0)
        return np.flatnonzero(there).tolist()

    def mean_game(self) -> shapley.Game:
        """Mean losses over the complete replications; NaN without any."""
        rows = self.complete
        return {
            one: float(mean_of(values[rows]).mean) if rows else math.nan for one, values in self.losses.items()
        }

    def total(self) -> Interval:
        """Loss that the hazards add together."""
        return paired_difference(self._at(self.hazards), self._at(()))

    def harmonised(self) -> Interval:
        """Loss that is there without any of them."""
        return mean_of(self._at(()))

    def fragmented(self) -> Interval:
        """Loss with all of them."""
        return mean_of(self._at(self.hazards))

    def shares(self) -> dict[str, dict[str, Interval]]:
        """View (:data:`VIEWS`) -> hazard -> its share, mean and interval over seeds."""
        games = [self.game(one) for one in self.complete]
        of: dict[str, Callable[[shapley.Game], dict[str, float]]] = {
            "shapley": shapley.shapley, "alone": shapley.alone, "only_fixed": shapley.only_this_fixed,
            "blame": lambda game: shapley.blame(game, self.order),
        }
        found = {}
        for view, function in of.items():
            by_seed = [function(game) for game in games]
            found[view] = {name: mean_of([one[name] for one in by_seed]) for name in self.hazards}
        return found

    def roadmap(self) -> list[tuple[str, Interval, Interval]]:
        """(hazard harmonised, loss remaining, loss won back by this step); chosen by mean losses, in greedy order."""
        left, road, before = set(self.hazards), [], self._at(self.hazards)
        for step in shapley.greedy(self.mean_game()):
            left -= {step.hazard}
            after = self._at(left)
            road.append((step.hazard, mean_of(after), paired_difference(before, after)))
            before = after
        return road

    def runner_up(self) -> tuple[str, Interval] | None:
        """(the item that is second best to harmonise first, loss it leaves above what the best one leaves).

        Paired by seed. None with one hazard.
        """
        if len(self.hazards) < 2 or not self.complete:
            return None
        mean, everything = self.mean_game(), set(self.hazards)
        left = {name: mean[frozenset(everything - {name})] for name in shapley.players(mean)}
        best, second = sorted(left, key=lambda name: left[name])[:2]
        return second, paired_difference(self._at(everything - {second}), self._at(everything - {best}))

    def _at(self, hazards: Sequence[str] | set[str]) -> np.ndarray:
        values = self.losses[frozenset(hazards)]
        rows = self.complete
        return values[rows] if rows else np.full(1, math.nan)


@dataclass
class Sensitivity:
    """Whether what comes first depends on the weights of the classes."""

    first: dict[str, list[str]]
    """Item harmonised first -> under which weights (``as given``, ``V2V BSM x 2`` ...)."""
    share: dict[str, tuple[float, float]]
    """Hazard -> lowest and highest part of the total loss (Shapley) over these weights."""

    @property
    def stable(self) -> bool:
        """Whether one item comes first under all weights."""
        return len(self.first) == 1


def attribute(
    subsets: Mapping[frozenset[str], Observed], hazards: Sequence[str], order: Sequence[str],
    weights: Mapping[str, float], *, width: int,
) -> list[Attribution]:
    """Attributions per class, then overall; ``subsets`` maps hazards *at work* to what was observed."""
    harmonised = subsets[frozenset()]
    classes = judged(harmonised, width=width)
    found = [_of(subsets, hazards, order, one, partial(value_of, subject=one, width=width)) for one in classes]
    if classes:
        found.append(_overall(subsets, hazards, order, classes, weights, width))
    return found


def sensitivity(
    subsets: Mapping[frozenset[str], Observed], hazards: Sequence[str], order: Sequence[str],
    weights: Mapping[str, float], *, width: int,
) -> Sensitivity:
    """Overall attribution under the weights given and with each class's weight halved and doubled in turn."""
    classes = judged(subsets[frozenset()], width=width)
    cases = {"as given": dict(weights)}
    for one in classes:
        for factor in FACTORS if weight_of(one, weights) else ():
            cases[f"{one.name} x {factor:g}"] = {**weights, one.name: factor * weight_of(one, weights)}
    first: dict[str, list[str]] = {}
    shares: dict[str, list[float]] = {name: [] for name in hazards}
    for case, chosen in cases.items():
        game = _overall(subsets, hazards, order, classes, chosen, width).mean_game()
        first.setdefault(shapley.greedy(game)[1].hazard, []).append(case)
        total = shapley.total(game)
        for name, value in shapley.shapley(game).items():
            shares[name].append(value / total if total else math.nan)
    return Sensitivity(first, {name: (min(values), max(values)) for name, values in shares.items()})


def wrong_with_and_without(
    subsets: Mapping[frozenset[str], Observed], hazards: Sequence[str], *, width: int
) -> dict[str, Interval]:
    """Hazard -> change of wrong applications per vehicle-hour if only this one is harmonised; below 0 is fewer."""
    everything = frozenset(hazards)
    before = wrong(subsets[everything], width=width)
    return {name: change(wrong(subsets[everything - {name}], width=width), before) for name in hazards}


def _overall(
    subsets: Mapping[frozenset[str], Observed], hazards: Sequence[str], order: Sequence[str],
    classes: Sequence[Subject], weights: Mapping[str, float], width: int,
) -> Attribution:
    return _of(subsets, hazards, order, OVERALL, lambda seen: overall(seen, classes, weights, width=width))


def _of(
    subsets: Mapping[frozenset[str], Observed], hazards: Sequence[str], order: Sequence[str], subject: Subject,
    x: Callable[[Observed], np.ndarray],
) -> Attribution:
    losses = {at_work: 1 - x(seen) for at_work, seen in subsets.items()}
    return Attribution(subject, tuple(hazards), losses, tuple(order))
