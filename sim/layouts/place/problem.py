"""Which poles: the coverage of a set of units as a monotone submodular function, and gains of one more unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.layouts.place.model import Reach
from sim.layouts.place.target import Target
from sim.metrics.base import ProbeGrid

ENOUGH = 1e-9
"""A target counts as met when it is missed by less than this."""
SLACK = 1e-6
"""Bounds on the objective are taken this much too high, so that rounding never makes one exclude what is possible."""


@dataclass(frozen=True)
class Problem:
    """Targets over units; the share of target k is sum of weight * (1 - product of (1 - p) over chosen units).

    An *element* is a (target, cell, seed). Units are independent: each holds a cell fresh with its own probability.
    Every share is monotone and submodular in the set of units, and so is the objective: the mean over targets of
    min(share / wanted, 1).
    """

    units: int
    wanted: np.ndarray
    """[targets]."""
    unit: np.ndarray
    """Unit of every pair, ascending; likewise the next two."""
    element: np.ndarray
    probability: np.ndarray
    target_of: np.ndarray
    """[elements]."""
    weight: np.ndarray
    """[elements]; those of one target sum to 1, less where cells are known to stay empty."""

    def in_order(self) -> Problem:
        """The same with pairs sorted by unit, then element."""
        order = np.lexsort((self.element, self.unit))
        return replace(
            self, unit=self.unit[order].astype(np.int64), element=self.element[order].astype(np.int64),
            probability=self.probability[order],
        )

    def state(self, units: Sequence[int] = ()) -> State:
        """The state with these units."""
        state = State(self, np.ones(len(self.weight)), ())
        for unit in units:
            state = state.with_unit(unit)
        return state

    def starting_at(self, covered: np.ndarray) -> Problem:
        """The same where each element is covered by a share ``covered`` already: weights shrink, targets too."""
        reached = np.bincount(self.target_of, self.weight * covered, len(self.wanted))
        return replace(self, wanted=self.wanted - reached, weight=self.weight * (1.0 - covered))

    def without(self, units: Sequence[int]) -> Problem:
        """The same where some units add nothing any more."""
        keep = ~np.isin(self.unit, list(units))
        return replace(self, unit=self.unit[keep], element=self.element[keep], probability=self.probability[keep])

    def only(self, targets: np.ndarray) -> Problem:
        """Some of the targets (ascending indices)."""
        keep = np.isin(self.target_of, targets)
        place = np.full(len(keep), -1)
        place[keep] = np.arange(int(keep.sum()))
        pairs = keep[self.element]
        return Problem(
            self.units, self.wanted[targets], self.unit[pairs], place[self.element[pairs]], self.probability[pairs],
            np.searchsorted(targets, self.target_of[keep]), self.weight[keep],
        )


@dataclass(frozen=True)
class State:
    """Some chosen units."""

    problem: Problem
    lost: np.ndarray
    """[elements]: probability that no chosen unit holds it fresh."""
    chosen: tuple[int, ...]

    def shares(self) -> np.ndarray:
        """[targets]: share reached."""
        p = self.problem
        return np.bincount(p.target_of, p.weight * (1.0 - self.lost), len(p.wanted))

    def met(self) -> bool:
        """Whether every target is reached."""
        return bool((self.shares() >= self.problem.wanted - ENOUGH).all())

    def objective(self) -> float:
        """Mean over targets of the reached part of each, at most 1."""
        return float(_parts(self.shares(), self.problem.wanted).mean()) if len(self.problem.wanted) else 1.0

    def gains(self) -> np.ndarray:
        """[units, targets]: what each unit would add to each share; 0 for chosen ones."""
        p = self.problem
        targets = len(p.wanted)
        worth = (p.weight * self.lost)[p.element] * p.probability
        key = p.unit * targets + p.target_of[p.element]
        gains = np.bincount(key, worth, p.units * targets).reshape(p.units, targets)
        gains[list(self.chosen)] = 0.0
        return gains

    def worth(self, gains: np.ndarray) -> np.ndarray:
        """[units]: what each unit would add to the objective."""
        shares = self.shares()
        now = _parts(shares, self.problem.wanted)
        return (_parts(shares + gains, self.problem.wanted) - now).mean(axis=1)

    def with_unit(self, unit: int) -> State:
        """One more."""
        p = self.problem
        first, last = np.searchsorted(p.unit, [unit, unit + 1])
        lost = self.lost.copy()
        lost[p.element[first:last]] *= 1.0 - p.probability[first:last]
        return State(p, lost, (*self.chosen, unit))


def _parts(shares: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Reached part of each target, at most 1 (a target that wants nothing is reached)."""
    asked = np.where(wanted > ENOUGH, wanted, 1.0)
    return np.where(wanted > ENOUGH, np.minimum(shares / asked, 1.0), 1.0)


def problem_of(targets: Sequence[Target], reach: dict[str, Reach], grid: ProbeGrid, names: Sequence[str],
               units: int) -> Problem:
    """The problem of some targets; ``names`` are the jurisdictions by index.

    ValueError for a target whose zone has no cell.
    """
    columns: list[tuple[np.ndarray, ...]] = []
    weights, of, before = [], [], 0
    for number, target in enumerate(targets):
        found = reach[target.message]
        keep = cells_of(target, found, grid, names)
        if not keep.any():
            raise ValueError(f"--target {target}: no cell of the road lies in this service zone")
        count, seeds = int(keep.sum()), len(found.useful)
        place = np.full(len(keep), -1)
        place[keep] = np.arange(count)
        pairs = np.flatnonzero(keep[found.cell])
        shares = (found.useful if target.useful else found.raw)[:, pairs]
        weight = found.weight[keep] / found.weight[keep].sum() / seeds
        seed, pair = np.nonzero(shares > 0)
        columns.append((found.unit[pairs][pair], before + seed * count + place[found.cell[pairs]][pair],
                        shares[seed, pair]))
        weights.append(np.tile(weight, seeds))
        of.append(np.full(count * seeds, number))
        before += count * seeds
    unit, element, probability = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Problem(
        units, np.array([target.share for target in targets]), unit, element, probability, np.concatenate(of),
        np.concatenate(weights),
    ).in_order()


def cells_of(target: Target, reach: Reach, grid: ProbeGrid, names: Sequence[str]) -> np.ndarray:
    """[cells of the class] bool: those that a target counts."""
    keep = np.ones(len(reach.cells), bool)
    if target.jurisdiction is not None:
        keep &= grid.place[reach.cells] == list(names).index(target.jurisdiction)
    if target.direction is not None:
        keep &= grid.direction[reach.cells] == (1 if target.direction == "up" else -1)
    return keep
