"""Attribution of a loss to hazards, as pure arithmetic on games."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fragment.shapley import (
    MAX_PLAYERS,
    alone,
    along,
    blame,
    greedy,
    natural,
    only_this_fixed,
    players,
    shapley,
    subsets,
    total,
)

P = {"channel": 0.4, "trust": 0.3, "codec": 0.5}
ORDER = ("channel", "trust", "codec")
Games = dict[frozenset[str], float]


def independent(p: dict[str, float]) -> Games:
    """Loss when each hazard at work stops a message with its own probability."""
    return {one: 1 - math.prod(1 - p[name] for name in one) for one in subsets(p)}


games = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.floats(-1, 1), min_size=2**n, max_size=2**n).map(
        lambda losses: dict(zip(subsets(f"H{k}" for k in range(1, n + 1)), losses, strict=True))
    )
)


def test_three_independent_hazards() -> None:
    """By hand: 1 - .6 x .7 x .5 = .79; Shapley of the channel = .4 (1 + (.7 + .5)/2 + .35)/3 = .26, and so on."""
    game = independent(P)
    assert total(game) == pytest.approx(0.79)
    assert shapley(game) == pytest.approx({"channel": 0.26, "trust": 0.185, "codec": 0.345})
    assert alone(game) == pytest.approx({"channel": 0.4, "trust": 0.3, "codec": 0.5})
    assert only_this_fixed(game) == pytest.approx({"channel": 0.14, "trust": 0.09, "codec": 0.21})
    assert blame(game, ORDER) == pytest.approx({"channel": 0.40, "trust": 0.18, "codec": 0.21})


def test_the_road_map_of_three_hazards() -> None:
    """By hand: without the codec hazard .58 remains (without the channel .65, without trust .70), then without the
    channel .3, then nothing."""
    road = greedy(independent(P))
    assert [one.hazard for one in road] == ["", "codec", "channel", "trust"]
    assert [one.loss for one in road] == pytest.approx([0.79, 0.58, 0.3, 0.0])
    assert [one.loss for one in along(independent(P), ORDER)] == pytest.approx([0.79, 0.65, 0.5, 0.0])


def test_a_loss_in_the_harmonised_case_is_nobody_s() -> None:
    """By hand: a loss of .1 that is there anyway shifts every subset and changes no share."""
    game = {one: 0.1 + 0.9 * loss for one, loss in independent(P).items()}
    assert total(game) == pytest.approx(0.9 * 0.79)
    assert shapley(game) == pytest.approx({name: 0.9 * share for name, share in shapley(independent(P)).items()})


def test_masking() -> None:
    """By hand: where one hazard stops everything, fixing another alone wins nothing, yet alone it would cost .5; the
    two share the loss: (1 + .5)/2 and (0 + .5)/2."""
    game = independent({"H7": 1.0, "H4": 0.5})
    assert only_this_fixed(game)["H4"] == 0 and alone(game)["H4"] == 0.5
    assert shapley(game) == pytest.approx({"H4": 0.25, "H7": 0.75})
    assert greedy(game)[1].hazard == "H7"


@settings(deadline=None, max_examples=40)
@given(games)
def test_mean_over_all_orders(game: Games) -> None:
    """Independent: the definition itself, every order written out."""
    names = players(game)
    expected = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        for name, share in blame(game, order).items():
            expected[name] += share / len(orders)
    assert shapley(game) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(games)
def test_efficiency(game: Games) -> None:
    """Property: shares sum to the total, and so does the blame of any order; a road map ends in the harmonised case."""
    assert math.fsum(shapley(game).values()) == pytest.approx(total(game), abs=1e-12)
    assert math.fsum(blame(game, players(game)[::-1]).values()) == pytest.approx(total(game), abs=1e-12)
    assert greedy(game)[-1].loss == game[frozenset()]


@settings(deadline=None, max_examples=40)
@given(games, st.permutations(range(1, 6)))
def test_symmetry(game: Games, order: list[int]) -> None:
    """Property: other names for the hazards give the same shares under these names."""
    renamed = {f"H{k}": f"H{order[k - 1]}" for k in range(1, 6)}
    other = {frozenset(renamed[name] for name in one): loss for one, loss in game.items()}
    expected = {renamed[name]: share for name, share in shapley(game).items()}
    assert shapley(other) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(games)
def test_null_player(game: Games) -> None:
    """Property: a hazard that never changes anything has no share and moves nobody else's."""
    wider = {one | more: loss for one, loss in game.items() for more in (frozenset[str](), frozenset(("H99",)))}
    found = shapley(wider)
    assert found.pop("H99") == 0
    assert found == pytest.approx(shapley(game), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8), st.lists(st.floats(-1, 1), min_size=8, max_size=8))
def test_additivity(first: list[float], second: list[float]) -> None:
    """Property: the shares of a sum of two games are the sums of their shares."""
    sets = subsets(("H1", "H2", "H3"))
    both = [shapley(dict(zip(sets, losses, strict=True))) for losses in (first, second)]
    of_sum = shapley({one: a + b for one, a, b in zip(sets, first, second, strict=True)})
    assert of_sum == pytest.approx({name: both[0][name] + both[1][name] for name in both[0]}, abs=1e-12)


def test_names_in_the_order_people_expect() -> None:
    """By hand."""
    assert natural(["H11", "H4b", "H1", "H4", "H7"]) == ["H1", "H4", "H4b", "H7", "H11"]


def test_what_cannot_be_attributed() -> None:
    """By hand: a subset that was not run, too many hazards, an order that is none, a loss that is not a number."""
    game = independent(P)
    del game[frozenset(("trust", "codec"))]
    with pytest.raises(ValueError, match="codec . trust alone is not known"):
        shapley(game)
    many = {frozenset((f"H{k}",)): 0.0 for k in range(MAX_PLAYERS + 1)}
    with pytest.raises(ValueError, match="at most 8"):
        players(many)
    with pytest.raises(ValueError, match="must name each"):
        blame(independent(P), ("channel", "channel", "trust"))
    unknown = {**independent(P), frozenset(("codec",)): math.nan}
    assert all(math.isnan(share) for share in shapley(unknown).values())
    assert len(greedy(unknown)) == 4
