"""Poles that share no cell with others: bounds, and for one target the choice itself, group by group.

What units of different groups add does not depend on one another, so the most that N units can reach is the best way of
dealing N out to the groups: a maximum of sums, exact where each group's part is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.layouts.place.greedy import greedy
from sim.layouts.place.problem import Problem

Best = Callable[[Problem, int, float], tuple[list[int] | None, bool]]
"""(problem, count, known) -> (better units or none, whether the search ended) of a search for the best set."""


@dataclass(frozen=True)
class Group:
    """Some units that share cells with each other only, for one target."""

    units: np.ndarray
    """Indices in the whole problem, ascending."""
    problem: Problem
    """Of these units, its target out of reach so that shares are never cut off."""


def groups_of(problem: Problem) -> list[np.ndarray]:
    """Units that reach anything, in connected groups, each ascending; two are connected by a common element."""
    label = np.arange(problem.units)
    of_element = np.empty(len(problem.weight), np.int64)
    while True:
        before = label.copy()
        of_element[:] = problem.units
        np.minimum.at(of_element, problem.element, label[problem.unit])
        np.minimum.at(label, problem.unit, of_element[problem.element])
        if np.array_equal(label, before):
            break
    reaching = np.unique(problem.unit)
    return [reaching[label[reaching] == one] for one in np.unique(label[reaching])]


def by_target(problem: Problem, target: int) -> list[Group]:
    """Groups of one target alone."""
    single = problem.only(np.array([target]))
    found = []
    for units in groups_of(single):
        pairs = np.isin(single.unit, units)
        elements, place = np.unique(single.element[pairs], return_inverse=True)
        found.append(Group(units, Problem(
            len(units), np.array([2.0]), np.searchsorted(units, single.unit[pairs]), place, single.probability[pairs],
            np.zeros(len(elements), np.int64), single.weight[elements],
        )))
    return found


def most_by_groups(problem: Problem) -> np.ndarray:
    """[units + 1, targets]: upper bounds on the share of each target by any N units."""
    columns = []
    for target in range(len(problem.wanted)):
        parts = [greedy(group.problem).bound.shares[:, 0] for group in by_target(problem, target)]
        total, _ = dealt_out(parts)
        columns.append(np.concatenate([total, np.full(problem.units + 1 - len(total), total[-1])]))
    return np.stack(columns, axis=1)


def dealt_out(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Most that N units reach when dealt out to groups, N = 0 .. sum, and how many each group gets then.

    ``parts[g][n]`` is what n units reach in group g. Returns (total [N], per group the number it gets for each N).
    """
    total, shares = np.zeros(1), []
    for part in parts:
        sums = np.full((len(total) + len(part) - 1, len(part)), -np.inf)
        for count, value in enumerate(part):
            sums[count:count + len(total), count] = total + value
        shares.append(np.argmax(sums, axis=1))
        total = sums.max(axis=1)
    return total, shares


@dataclass(frozen=True)
class Table:
    """One target, group by group: the best sets known by number of units, and what no set of so many exceeds."""

    reached: np.ndarray
    """[N]: what the best known set of N units reaches."""
    most: np.ndarray
    """[N]: what no set of N units exceeds."""
    sets: list[list[list[int]]]
    """Per group, by number of units."""
    dealt: list[np.ndarray]

    def units(self, count: int) -> list[int]:
        """The best known set of so many units."""
        chosen: list[int] = []
        for sets, dealt in zip(reversed(self.sets), reversed(self.dealt), strict=True):
            own = int(dealt[count])
            chosen = [*sets[own], *chosen]
            count -= own
        return chosen


def table_of(problem: Problem, best: Best) -> Table:
    """The table of a problem with one target; ``best`` searches within a group."""
    reached, most, sets = [], [], []
    for group in by_target(problem, 0):
        curve = greedy(group.problem)
        known, bound, own = [0.0], [0.0], [list[int]()]
        for count in range(1, len(curve.order) + 1):
            value, units = float(curve.shares[count, 0]), curve.order[:count]
            better, ended = best(group.problem, count, value)
            if better is not None:
                units, value = better, float(group.problem.state(better).shares()[0])
            known.append(value)
            bound.append(value if ended else float(curve.bound.shares[count, 0]))
            own.append([int(group.units[unit]) for unit in units])
        reached.append(np.array(known))
        most.append(np.array(bound))
        sets.append(own)
    total, dealt = dealt_out(reached)
    return Table(total, dealt_out(most)[0], sets, dealt)

