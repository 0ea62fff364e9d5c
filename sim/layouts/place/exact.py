"""Exact choice where it is small: branch and bound over sets of N units, and a proof that fewer do not suffice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.layouts.place.greedy import Greedy, greedy
from sim.layouts.place.groups import Table, groups_of, most_by_groups, table_of
from sim.layouts.place.problem import ENOUGH, SLACK, Problem, State

WORK_LIMIT = 300_000_000
"""Pairs looked at before the search gives up (some 4 CPU-s): with 40 poles of 60 pairs each about 40,000 states."""
STATE_WORK = 5_000
"""What a state costs however few pairs there are, in pairs."""
GROUP_SHARE = 0.05
"""Part of the work left that one search within one group may take."""


NEGLIGIBLE = 1e-3
"""Where no number of poles meets the targets, poles are left out as long as the objective loses less than this."""


@dataclass(frozen=True)
class Choice:
    """The units of a layout and how good it is known to be."""

    units: list[int]
    """In the order of choice."""
    least_units: int | None
    """No layout meets the targets with fewer (without interference); none = no number of poles does."""
    proven: bool
    """Whether no other choice is better: as few units, or with a budget as much reached."""
    best_objective: float
    """With as many units nobody reaches more of the objective than this."""
    met: bool


def choose(
    problem: Problem, budget: int | None = None, work: int = WORK_LIMIT, *, beyond: int = 0,
    report: Callable[[], None] | None = None,
) -> tuple[Choice, Greedy]:
    """Fewest units that meet all targets, at most ``budget``; else the best ``budget`` units.

    Greedy first, then without units that the later ones made needless. Then the search proves for one number of units
    after the other, from the bound on, that it does not suffice, or finds a set that does. It gives up after ``work``
    pairs (the same ones on every machine), and what was proven until then still holds. With one target and poles in
    groups that share no cell it searches group by group instead (:mod:`sim.layouts.place.groups`). The greedy choice
    goes on for ``beyond`` units, for its curve. ``report`` is called now and then and may raise to end.
    """
    first = greedy(problem, budget, beyond)
    first.bound.tighten_shares(most_by_groups(problem))
    search = _Search(problem, work, report or (lambda: None))
    table = _table(problem, search)
    least = first.least_units()
    if first.needed is None:
        return _best_of(problem, first, least, search, budget, table), first
    assert least is not None
    units, proven = pruned(problem, first.order[:first.needed]), True
    if table is not None:
        enough = np.flatnonzero(table.reached >= problem.wanted[0] - ENOUGH)
        if len(enough) and enough[0] < len(units):
            units = table.units(int(enough[0]))
        least = max(least, int(np.argmax(table.most >= problem.wanted[0] - ENOUGH)))
        return Choice(units, least, least >= len(units), 1.0, True), first
    while least < len(units):
        found = search.suffices(least)
        if found is None and search.gave_up:
            proven = False
            break
        if found is not None:
            units = found
            break
        least += 1
    return Choice(units, least, proven, 1.0, True), first


def _table(problem: Problem, search: _Search) -> Table | None:
    """The choice group by group, where there is one target and more than one group."""
    if len(problem.wanted) > 1 or len(groups_of(problem)) < 2:
        return None

    def best(part: Problem, count: int, known: float) -> tuple[list[int] | None, bool]:
        within = _Search(part, int(search.left * GROUP_SHARE), search.report)
        before = within.left
        # The target of a group is 2 (never reached), so its objective is half its share.
        better = within.best(count, known / 2)
        search.left -= before - max(within.left, 0)
        return better, not within.gave_up

    return table_of(problem, best)


def pruned(problem: Problem, units: list[int]) -> list[int]:
    """The same units without those that the targets do not need, the earliest choices first to go."""
    kept = list(units)
    for unit in units:
        rest = [one for one in kept if one != unit]
        if problem.state(rest).met():
            kept = rest
    return kept


def _best_of(problem: Problem, first: Greedy, least: int | None, search: _Search, budget: int | None,
             table: Table | None) -> Choice:
    """The greedy choice does not meet the targets, for want of budget or of poles that reach far enough."""
    units = first.order
    states = [problem.state()]
    for unit in units:
        states.append(states[-1].with_unit(unit))
    reached = states[-1].objective()
    if budget is None or len(units) < min(budget, problem.units):
        # Nothing left to add: all poles together reach no more than this.
        count = next(n for n, state in enumerate(states) if state.objective() >= reached - NEGLIGIBLE)
        return Choice(units[:count], least, True, reached, False)
    if table is not None:
        return _best_of_table(problem, units, least, table)
    better = search.best(len(units), reached)
    if better is not None:
        units = better
    state = problem.state(units)
    met, proven = state.met(), not search.gave_up
    most = state.objective() if proven else min(1.0, float(first.bound.objective[len(units)]))
    if proven and not met:
        least = None if least is None else max(least, len(units) + 1)
    return Choice(units, least, proven, most, met)


def _best_of_table(problem: Problem, greedy_units: list[int], least: int | None, table: Table) -> Choice:
    """The best so many units of one target, dealt out to groups."""
    count, wanted = len(greedy_units), float(problem.wanted[0])
    last = min(count, len(table.reached) - 1)
    enough = np.flatnonzero(table.reached[:last + 1] >= wanted - ENOUGH)
    units = table.units(int(enough[0]) if len(enough) else last)
    if problem.state(units).objective() < problem.state(greedy_units).objective():
        units = greedy_units
    state, most = problem.state(units), float(table.most[last])
    needed = np.flatnonzero(table.most >= wanted - ENOUGH)
    if least is not None and len(needed):
        least = max(least, int(needed[0]))
    elif not len(needed):
        least = None
    reached = float(state.shares()[0])
    proven = least == len(units) if state.met() else most <= reached + ENOUGH
    return Choice(units, least, proven, min(1.0, max(most, reached) / wanted), state.met())


class _Search:
    """Depth first: with the most worthy unit, then without it. Deterministic, bounded by work."""

    def __init__(self, problem: Problem, work: int, report: Callable[[], None]) -> None:
        self.problem, self.left, self.report = problem, work, report
        self.gave_up = False
        self._states = 0

    def suffices(self, count: int) -> list[int] | None:
        """Some ``count`` units that meet every target; none if there are none, or the search gave up."""
        return self._search(count, 1.0 - SLACK, stop_at_first=True)

    def best(self, count: int, known: float) -> list[int] | None:
        """The ``count`` units that reach most, if they reach more than ``known``."""
        return self._search(count, known + 1e-12, stop_at_first=False)

    def _search(self, count: int, beat: float, *, stop_at_first: bool) -> list[int] | None:
        self._beat = beat
        self._found: list[int] | None = None
        self._stop_at_first = stop_at_first
        self._branch(self.problem.state(), np.ones(self.problem.units, bool), count)
        return self._found

    def _branch(self, state: State, allowed: np.ndarray, count: int) -> bool:
        """Search below a state; whether to stop altogether."""
        allowed = allowed.copy()
        while True:
            objective = state.objective()
            if state.met() if self._stop_at_first else objective >= self._beat:
                self._found, self._beat = list(state.chosen), objective + 1e-12
                if self._stop_at_first or objective >= 1.0 - ENOUGH:
                    return True
            if count == 0:
                return False
            self.left -= len(self.problem.unit) + self.problem.units + STATE_WORK
            self._states += 1
            if self._states % 64 == 0:
                self.report()
            if self.left < 0:
                self.gave_up = True
                return True
            gains = state.gains()
            gains[~allowed] = 0.0
            worth = state.worth(gains)
            if not self._possible(state, gains, worth, objective, count):
                return False
            best = int(np.argmax(worth))
            if self._branch(state.with_unit(best), _without(allowed, best), count - 1):
                return True
            allowed[best] = False

    def _possible(
        self, state: State, gains: np.ndarray, worth: np.ndarray, objective: float, count: int
    ) -> bool:
        """Whether ``count`` more units could do it."""
        if worth.max(initial=0.0) <= 0.0:
            return False
        if objective + _largest(worth, count).sum() < self._beat:
            return False
        if not self._stop_at_first:
            return True
        most = state.shares() + _largest(gains, count).sum(axis=0)
        return bool((most >= self.problem.wanted - ENOUGH).all())


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` largest values of every column."""
    count = min(count, len(values))
    return np.partition(values, len(values) - count, axis=0)[len(values) - count:]


def _without(allowed: np.ndarray, unit: int) -> np.ndarray:
    rest = allowed.copy()
    rest[unit] = False
    return rest
