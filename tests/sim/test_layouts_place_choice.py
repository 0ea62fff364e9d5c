"""Choice of units: greedy, its bounds and the exact search against plain enumeration of all sets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sim.layouts.place.exact import choose, pruned
from sim.layouts.place.greedy import greedy
from sim.layouts.place.groups import dealt_out, groups_of, most_by_groups
from sim.layouts.place.problem import Problem


def a_problem(seed: int, units: int = 8, elements: int = 12, wanted: tuple[float, ...] = (0.7,)) -> Problem:
    """Random probabilities; a third of the pairs exist; elements dealt out to targets in turn."""
    draws = np.random.default_rng(seed)
    there = draws.random((units, elements)) < 0.35
    unit, element = np.nonzero(there)
    target_of = np.sort(np.arange(elements) % len(wanted))
    weight = draws.random(elements) + 0.1
    weight /= np.bincount(target_of, weight)[target_of]
    return Problem(
        units, np.array(wanted), unit, element, draws.random(len(unit)), target_of, weight,
    )


def shares_by_hand(problem: Problem, chosen: tuple[int, ...]) -> np.ndarray:
    """The definition over a table of all units and elements."""
    table = np.zeros((problem.units, len(problem.weight)))
    table[problem.unit, problem.element] = problem.probability
    covered = 1 - np.prod(1 - table[list(chosen)], axis=0)
    return np.array([(problem.weight * covered)[problem.target_of == k].sum() for k in range(len(problem.wanted))])


def objective_by_hand(problem: Problem, chosen: tuple[int, ...]) -> float:
    """Mean reached part of the targets."""
    return float(np.minimum(shares_by_hand(problem, chosen) / problem.wanted, 1.0).mean())


def all_sets(problem: Problem, count: int) -> dict[tuple[int, ...], np.ndarray]:
    """Every set of so many units and what it reaches."""
    return {some: shares_by_hand(problem, some) for some in itertools.combinations(range(problem.units), count)}


def fewest_by_hand(problem: Problem) -> int | None:
    """Fewest units that meet every target; none = all of them do not."""
    for count in range(problem.units + 1):
        if any((shares >= problem.wanted - 1e-9).all() for shares in all_sets(problem, count).values()):
            return count
    return None


def in_blocks(seed: int, wanted: tuple[float, ...] = (0.7,), blocks: int = 3) -> Problem:
    """Several problems of three units side by side, numbered alternately, that share no element."""
    parts = [a_problem(100 * seed + block, units=3, elements=6, wanted=wanted) for block in range(blocks)]
    return Problem(
        3 * blocks, np.array(wanted), np.concatenate([part.unit * blocks + b for b, part in enumerate(parts)]),
        np.concatenate([part.element + 6 * b for b, part in enumerate(parts)]),
        np.concatenate([part.probability for part in parts]), np.concatenate([part.target_of for part in parts]),
        np.concatenate([part.weight / blocks for part in parts]),
    ).in_order()


@pytest.mark.parametrize("seed", range(4))
def test_state_is_the_definition_and_gains_are_differences(seed: int) -> None:
    """Independent: shares, gains and worth of a state against sums written out."""
    problem = a_problem(seed, wanted=(0.6, 0.8))
    chosen = (3, 0, 5)
    state = problem.state(chosen)
    np.testing.assert_allclose(state.shares(), shares_by_hand(problem, chosen), atol=1e-12)
    assert state.objective() == pytest.approx(objective_by_hand(problem, chosen), abs=1e-12)
    gains = state.gains()
    for unit in range(problem.units):
        more = shares_by_hand(problem, (*chosen, unit)) - shares_by_hand(problem, chosen)
        np.testing.assert_allclose(gains[unit], more if unit not in chosen else 0.0, atol=1e-12)
        worth = objective_by_hand(problem, tuple({*chosen, unit})) - objective_by_hand(problem, chosen)
        assert state.worth(gains)[unit] == pytest.approx(worth, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_objective_is_monotone_and_submodular(seed: int) -> None:
    """Property: on all chains of sets the gain of a unit is never negative and never grows."""
    problem = a_problem(seed, units=6, wanted=(0.5, 0.9))
    values = {
        frozenset(some): objective_by_hand(problem, some)
        for count in range(7) for some in itertools.combinations(range(6), count)
    }
    for small, large in itertools.product(values, repeat=2):
        if small <= large:
            for unit in set(range(6)) - large:
                gain = values[small | {unit}] - values[small]
                later = values[large | {unit}] - values[large]
                assert gain >= later - 1e-12 >= -2e-12


@pytest.mark.parametrize("seed", range(6))
def test_bound_holds_for_every_set_of_units(seed: int) -> None:
    """Independent: no set of N units reaches more than the bound for N, share by share and in the objective."""
    problem = a_problem(seed, wanted=(0.7, 0.6))
    bound = greedy(problem, beyond=8).bound
    for count in range(problem.units + 1):
        for some, shares in all_sets(problem, count).items():
            assert (shares <= bound.shares[count] + 1e-12).all()
            assert objective_by_hand(problem, some) <= bound.objective[count] + 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_greedy_reaches_its_known_part_of_the_best(seed: int) -> None:
    """Independent: 1 - 1/e of the best set of as many units (Nemhauser, Wolsey and Fisher 1978), by enumeration."""
    problem = a_problem(seed, wanted=(1.0,))
    curve = greedy(problem).shares[:, 0]
    for count in range(1, min(5, len(curve))):
        best = max(float(shares[0]) for shares in all_sets(problem, count).values())
        assert curve[count] >= (1 - math.exp(-1)) * best - 1e-12


@pytest.mark.parametrize("wanted", [(0.55,), (0.75,), (0.6, 0.5)])
@pytest.mark.parametrize("seed", range(8))
def test_exact_number_of_units_is_that_of_enumeration(seed: int, wanted: tuple[float, ...]) -> None:
    """Independent: the fewest units, or that no number suffices."""
    problem = a_problem(seed, wanted=wanted)
    choice, _ = choose(problem)
    fewest = fewest_by_hand(problem)
    assert choice.proven
    assert choice.least_units == fewest
    if fewest is None:
        assert not choice.met
    else:
        assert choice.met and len(choice.units) == fewest
        assert (shares_by_hand(problem, tuple(choice.units)) >= problem.wanted - 1e-9).all()


def test_groups_are_units_that_share_a_cell() -> None:
    """By hand: 0-2 share element 0 and 2-3 element 1; 1 stands alone; 4 reaches nothing."""
    unit, element = np.array([0, 1, 2, 2, 3]), np.array([0, 2, 0, 1, 1])
    problem = Problem(5, np.array([1.0]), unit, element, np.ones(5), np.zeros(3, int), np.full(3, 1 / 3))
    assert [group.tolist() for group in groups_of(problem)] == [[0, 2, 3], [1]]


def test_units_are_dealt_out_to_groups_in_the_best_way() -> None:
    """Independent: three rising curves, all ways of dealing out 0 to 6 units."""
    parts = [np.array([0, 0.5, 0.6]), np.array([0, 0.1, 0.9]), np.array([0, 0.3, 0.4])]
    total, dealt = dealt_out(parts)
    for count in range(7):
        ways = [way for way in itertools.product(range(3), repeat=3) if sum(way) == count]
        assert total[count] == pytest.approx(max(sum(p[n] for p, n in zip(parts, way, strict=True)) for way in ways))
    assert [len(one) for one in dealt] == [3, 5, 7]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("wanted", [(0.3,), (0.5,), (0.4, 0.3)])
def test_with_groups_the_answer_is_that_of_enumeration(seed: int, wanted: tuple[float, ...]) -> None:
    """Independent: fewest units, best two and three units, and bounds that no set exceeds."""
    problem = in_blocks(seed, wanted)
    most = most_by_groups(problem)
    best = {}
    for count in range(5):
        sets = all_sets(problem, count)
        assert (np.array(list(sets.values())) <= most[count] + 1e-12).all()
        best[count] = max(objective_by_hand(problem, some) for some in sets)
    choice, _ = choose(problem)
    fewest = fewest_by_hand(problem)
    assert choice.proven and choice.least_units == fewest
    assert choice.met == (fewest is not None)
    if fewest is not None:
        assert len(choice.units) == fewest
        assert (shares_by_hand(problem, tuple(choice.units)) >= problem.wanted - 1e-9).all()
    for budget in (2, 3):
        choice, _ = choose(problem, budget)
        assert choice.proven
        assert objective_by_hand(problem, tuple(choice.units)) == pytest.approx(best[budget], abs=1e-9)
        if not choice.met:
            assert choice.best_objective == pytest.approx(best[budget], abs=1e-9)


def test_the_search_beats_greedy_where_greedy_is_fooled() -> None:
    """By hand: unit 0 covers most alone, but units 1 and 2 together cover everything."""
    unit = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    element = np.array([0, 1, 3, 4, 0, 1, 2, 3, 4, 5])
    problem = Problem(3, np.array([1.0]), unit, element, np.ones(10), np.zeros(6, int), np.full(6, 1 / 6))
    choice, first = choose(problem)
    assert first.order[:first.needed] == [0, 1, 2]
    assert sorted(choice.units) == [1, 2]
    assert choice.proven
    assert pruned(problem, [0, 1, 2]) == [1, 2]


@pytest.mark.parametrize("seed", range(6))
def test_with_a_budget_the_best_set_is_that_of_enumeration(seed: int) -> None:
    """Independent: two or three units of eight, two targets out of reach."""
    problem = a_problem(seed, wanted=(0.95, 0.9))
    for budget in (2, 3):
        choice, _ = choose(problem, budget)
        best = max(objective_by_hand(problem, some) for some in all_sets(problem, budget))
        assert choice.proven and len(choice.units) == budget
        assert objective_by_hand(problem, tuple(choice.units)) == pytest.approx(best, abs=1e-12)
        assert choice.best_objective == pytest.approx(best, abs=1e-12)
        assert choice.met == (best >= 1 - 1e-9)


def test_giving_up_leaves_a_true_bound() -> None:
    """Independent: without work the answer is greedy's, and its lower bound on the number of units is still one."""
    gave_up = 0
    for seed in range(12):
        problem = a_problem(seed, wanted=(0.75,))
        fewest = fewest_by_hand(problem)
        choice, _ = choose(problem, work=0)
        if fewest is None:
            continue
        assert choice.least_units is not None and choice.least_units <= fewest <= len(choice.units)
        gave_up += not choice.proven
    assert gave_up > 0


def test_equal_units_are_taken_in_their_order() -> None:
    """By hand: of units that add the same, the first (intersections come first) is taken."""
    unit, element = np.array([0, 1, 2]), np.array([1, 0, 0])
    problem = Problem(3, np.array([1.0]), unit, element, np.ones(3), np.zeros(2, int), np.array([0.5, 0.5]))
    assert greedy(problem).order == [0, 1]


def test_units_that_stand_count_what_was_measured() -> None:
    """By hand: half of one element covered already, the standing unit adds nothing more."""
    unit, element = np.array([0, 1]), np.array([0, 0])
    problem = Problem(2, np.array([0.8]), unit, element, np.array([0.9, 0.6]), np.zeros(1, int), np.ones(1))
    rest = problem.starting_at(np.array([0.5])).without([0])
    assert rest.wanted[0] == pytest.approx(0.3)
    found = greedy(rest)
    assert found.order == [1] and found.shares[-1, 0] == pytest.approx(0.5 * 0.6)
    assert found.needed == 1


def test_only_keeps_the_elements_of_its_targets() -> None:
    """Independent: the shares of the kept target are those of the whole problem."""
    problem = a_problem(5, wanted=(0.6, 0.7, 0.8))
    some = problem.only(np.array([0, 2]))
    np.testing.assert_allclose(some.state((1, 4)).shares(), shares_by_hand(problem, (1, 4))[[0, 2]], atol=1e-12)
    assert some.wanted.tolist() == [0.6, 0.8]
