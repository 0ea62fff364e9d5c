"""Whose share of a loss is whose, when causes hide one another: every subset of the causes, and four views of it.

A *game* is the loss with exactly the hazards of a set at work, for every set of them. All functions are exact and take
hazards in the order given by :func:`players`, so that equal input gives equal bits.

Source: L. S. Shapley, A value for n-person games, Contributions to the Theory of Games II (1953), 307-317.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

Game = Mapping[frozenset[str], float]
"""Loss by set of hazards at work; the empty set is the harmonised case."""
MAX_PLAYERS = 8
"""More hazards make more subsets (256 at eight) than anybody runs."""


class Step(NamedTuple):
    """One harmonised item of a road map."""

    hazard: str
    """Harmonised in this step; empty in the first row, before anything is done."""
    loss: float
    """What remains after it."""


def subsets(hazards: Iterable[str]) -> list[frozenset[str]]:
    """Every subset, small ones first, each size in the natural order of its members."""
    ordered = natural(hazards)
    return [frozenset(chosen) for size in range(len(ordered) + 1) for chosen in combinations(ordered, size)]


def natural(hazards: Iterable[str]) -> list[str]:
    """Names in the order people expect: H1, H4, H4b, H7, H11."""
    return sorted(set(hazards), key=_parts)


def _parts(name: str) -> list[tuple[str, int]]:
    return [(word, int(number or -1)) for word, number in re.findall(r"(\D*)(\d*)", name)]


def players(value: Game) -> list[str]:
    """The hazards of a game in natural order. ValueError for more than eight, or where a subset's loss is not there."""
    names = natural(name for subset in value for name in subset)
    if len(names) > MAX_PLAYERS:
        rule = f"at most {MAX_PLAYERS} can be attributed"
        raise ValueError(f"{len(names)} hazards make {2 ** len(names)} subsets; {rule}")
    missing = next((subset for subset in subsets(names) if subset not in value), None)
    if missing is not None:
        raise ValueError(f"the loss with {' + '.join(natural(missing)) or 'no hazard'} alone is not known")
    return names


def shapley(value: Game) -> dict[str, float]:
    """Mean over all orders of what a hazard adds when it joins those before it; sums to :func:`total`.

    NaN wherever a loss is. Raises as :func:`players` does.
    """
    names = players(value)
    n = len(names)
    weight = [math.factorial(k) * math.factorial(n - k - 1) / math.factorial(n) for k in range(n)]
    found = {}
    for name in names:
        others = [subset for subset in subsets(names) if name not in subset]
        found[name] = math.fsum(weight[len(one)] * (value[one | {name}] - value[one]) for one in others)
    return found


def total(value: Game) -> float:
    """Loss that all hazards together add to the harmonised case."""
    return value[frozenset(players(value))] - value[frozenset()]


def alone(value: Game) -> dict[str, float]:
    """Loss that each hazard adds if it is the only one."""
    return {name: value[frozenset((name,))] - value[frozenset()] for name in players(value)}


def only_this_fixed(value: Game) -> dict[str, float]:
    """What is won back if only this hazard is harmonised and all others stay."""
    names = players(value)
    everything = frozenset(names)
    return {name: value[everything] - value[everything - {name}] for name in names}


def blame(value: Game, order: Sequence[str]) -> dict[str, float]:
    """First-failing blame: what each adds to those before it in ``order``, that of the stages a message passes.

    ValueError where ``order`` is not an order of the game's hazards.
    """
    if natural(order) != players(value) or len(order) != len(set(order)):
        raise ValueError(f"{', '.join(order)}: must name each of {', '.join(players(value))} once")
    before: frozenset[str] = frozenset()
    found = {}
    for name in order:
        found[name] = value[before | {name}] - value[before]
        before |= {name}
    return found


def greedy(value: Game) -> list[Step]:
    """The road map that harmonises, each time, what leaves the least loss; the first row is before anything is done.

    Equal losses go by natural order, a hazard whose loss is NaN comes last.
    """
    left = players(value)
    road = [Step("", value[frozenset(left)])]
    while left:
        by_loss = [(value[frozenset(left) - {name}], place) for place, name in enumerate(left)]
        loss, place = min(by_loss, key=lambda one: (math.isnan(one[0]), one))
        road.append(Step(left.pop(place), loss))
    return road


def along(value: Game, order: Sequence[str]) -> list[Step]:
    """What remains after each step of a road map in a given order."""
    left = frozenset(players(value))
    road = [Step("", value[left])]
    for name in order:
        left -= {name}
        road.append(Step(name, value[left]))
    return road
