"""Greedy choice of units with bounds that hold for every other choice.

For a monotone submodular share f, any set of N units reaches at most f(S) + the N largest gains at S, whatever S is
(Nemhauser, Wolsey and Fisher 1978, section 4; Minoux 1978 for the lazy form). The least of these bounds over the states
that the greedy choice passes through bounds what N units can reach at all, and the smallest N whose bound reaches every
target is a number of units that no layout can do without.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim.layouts.place.problem import ENOUGH, SLACK, Problem, State

LEAST_GAIN = 1e-9
"""A unit that adds less to the objective is not worth a pole."""


@dataclass
class Bound:
    """Upper bounds on the share of each target by any N units, N = 0 .. units; one row per N."""

    problem: Problem
    shares: np.ndarray = field(init=False)
    """[units + 1, targets]."""
    objective: np.ndarray = field(init=False)
    """[units + 1]."""

    def __post_init__(self) -> None:
        p = self.problem
        ceiling = np.bincount(p.target_of, p.weight, len(p.wanted))
        self.shares = np.tile(ceiling, (p.units + 1, 1))
        self.objective = np.ones(p.units + 1)

    def tighten(self, state: State, gains: np.ndarray, worth: np.ndarray) -> None:
        """Use what is known at a state."""
        best = -np.sort(-gains, axis=0)
        added = np.concatenate([np.zeros((1, best.shape[1])), np.cumsum(best, axis=0)])
        self.shares = np.minimum(self.shares, state.shares() + added)
        most = np.concatenate([[0.0], np.cumsum(-np.sort(-worth))])
        self.objective = np.minimum(self.objective, state.objective() + most)

    def tighten_shares(self, most: np.ndarray) -> None:
        """Use other upper bounds [units + 1, targets] on the shares; the objective cannot exceed what they make."""
        self.shares = np.minimum(self.shares, most)
        parts = np.minimum(self.shares / np.maximum(self.problem.wanted, ENOUGH), 1.0)
        self.objective = np.minimum(self.objective, parts.mean(axis=1))

    def least_units(self) -> int | None:
        """Fewest units that could meet every target; none = no number of units can."""
        enough = (self.shares >= self.problem.wanted - ENOUGH).all(axis=1) & (self.objective >= 1.0 - SLACK)
        return int(np.argmax(enough)) if enough.any() else None


@dataclass
class Greedy:
    """Units in the order in which they were chosen."""

    order: list[int]
    shares: np.ndarray
    """[len(order) + 1, targets]: what the first N units reach."""
    bound: Bound
    needed: int | None
    """Units of ``order`` that meet every target; none where all of them do not."""

    def least_units(self) -> int | None:
        """A number of units that no layout can do without; see :class:`Bound`."""
        return self.bound.least_units()


def greedy(problem: Problem, most: int | None = None, beyond: int = 0) -> Greedy:
    """Add the unit that adds most to the objective, of equal ones the first; stop ``beyond`` units after the targets.

    ``most`` bounds the number of units. Beyond the targets (and where two add the same) the sum of shares decides. The
    gains of all units are worked out anew at each step, in one pass over the pairs: with poles that reach a few dozen
    cells each that is faster than a lazy queue, and every step's gains are needed for the bound.
    """
    state, bound = problem.state(), Bound(problem)
    shares, needed = [state.shares()], None
    limit = problem.units if most is None else min(most, problem.units)
    after = 0
    while True:
        met = state.met()
        if met and needed is None:
            needed = len(state.chosen)
        gains = state.gains()
        worth = state.worth(gains)
        bound.tighten(state, gains, worth)
        if len(state.chosen) >= limit or (met and after >= beyond):
            break
        after += met
        total = gains.sum(axis=1)
        best = _first_best(total if met else worth, total)
        if (total if met else worth)[best] <= LEAST_GAIN:
            break
        state = state.with_unit(best)
        shares.append(state.shares())
    return Greedy(list(state.chosen), np.array(shares), bound, needed)


def _first_best(worth: np.ndarray, total: np.ndarray) -> int:
    """The largest; nearly equal ones by ``total``, then the first."""
    near = np.flatnonzero(worth >= worth.max() - 1e-12)
    near = near[total[near] >= total[near].max() - 1e-12]
    return int(near[0])
