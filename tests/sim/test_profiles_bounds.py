"""Arithmetic of bounds: what satisfies two requirements at once."""

from __future__ import annotations

import random

import pytest

from rsu.profile.keys import Bound
from sim.profiles.bounds import bound, is_empty, meet, only_value, satisfies


def random_text(dice: random.Random) -> str:
    number = dice.randint(0, 8) / 2
    sign = dice.choice(["<", "<=", ">", ">=", "=", ".."])
    return f"{number:g}..{number + dice.randint(0, 6) / 2:g}" if sign == ".." else f"{sign} {number:g}"


def true_of(text: str, value: float) -> bool:
    """What the text says of a value, read by Python itself."""
    if ".." in text:
        low, high = text.split("..")
        return float(low) <= value <= float(high)
    sign, number = text.split()
    return bool(eval(f"{value} {'==' if sign == '=' else sign} {number}"))


GRID = [quarter / 4 for quarter in range(-4, 40)]
"""Finer than the numbers of :func:`random_text`, so that open intervals between two of them are seen."""


def test_a_value_satisfies_a_bound_when_the_comparison_holds() -> None:
    """Independent: Python's own comparison of the same text, 300 random bounds on a grid."""
    dice = random.Random(1)
    for _ in range(300):
        text = random_text(dice)
        assert [satisfies(value, bound(text)) for value in GRID] == [true_of(text, value) for value in GRID], text


def test_what_two_bounds_share_satisfies_both_and_nothing_else_does() -> None:
    """Property: over 1000 random pairs, on a grid; emptiness and single values agree with the grid."""
    dice = random.Random(2)
    seen = set()
    for _ in range(1000):
        first, second = random_text(dice), random_text(dice)
        common = meet(bound(first), bound(second))
        both = [value for value in GRID if true_of(first, value) and true_of(second, value)]
        assert [value for value in GRID if satisfies(value, common)] == both, (first, second)
        assert is_empty(common) == (not both), (first, second)
        single = only_value(common)
        assert (single is not None) == (len(both) == 1 and common.low == common.high), (first, second)
        assert single is None or both == [single]
        seen.add((is_empty(common), single is not None))
    assert seen == {(True, False), (False, True), (False, False)}


def test_the_order_of_two_bounds_does_not_matter_and_one_with_itself_is_itself() -> None:
    """Property: commutative, idempotent, associative."""
    dice = random.Random(3)
    for _ in range(300):
        one, two, three = (bound(random_text(dice)) for _ in range(3))
        assert meet(one, two) == meet(two, one)
        assert meet(one, one) == one
        assert meet(meet(one, two), three) == meet(one, meet(two, three))


@pytest.mark.parametrize(
    ("first", "second", "empty", "single"),
    [
        ("<= 10", ">= 10", False, 10.0),
        ("< 10", ">= 10", True, None),
        ("<= 10", "> 10", True, None),
        ("<= 1", ">= 2", True, None),
        ("0.2..0.3", "0.5..5", True, None),
        ("0.2..0.3", "0.3..5", False, 0.3),
        ("= 1", "< 1", True, None),
        ("<= 100", "<= 50", False, None),
    ],
)
def test_ends_that_belong_and_ends_that_do_not(first: str, second: str, empty: bool, single: float | None) -> None:
    """By hand: upper against lower bounds, open and closed."""
    common = meet(bound(first), bound(second))
    assert (is_empty(common), only_value(common)) == (empty, single)


@pytest.mark.parametrize("text", ["10", "<= ten", "5..1", "", "=> 3", "<= 10 Hz"])
def test_a_text_that_is_no_bound_is_refused(text: str) -> None:
    """By hand: the message repeats the text and shows the form."""
    with pytest.raises(ValueError, match="must be a comparison"):
        bound(text)


def test_a_bound_without_ends_holds_everything() -> None:
    """By hand."""
    everything = Bound(float("-inf"), float("inf"))
    assert not is_empty(everything) and only_value(everything) is None
    assert meet(everything, bound("= 3")) == bound("= 3")
