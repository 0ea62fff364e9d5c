"""What two bounds of standards have in common: arithmetic of the ranges that ``<= 10`` or ``0.2..0.3`` stand for."""

from __future__ import annotations

from rsu.profile.keys import Bound, read_bound


def bound(text: str) -> Bound:
    """The range a text states. Raises ``ValueError`` if it states none."""
    found = read_bound(text)
    if found is None:
        raise ValueError(f"bound {text!r}: must be a comparison such as '<= 10', '>= 10', '= 1' or '0.2..0.3'")
    return found


def satisfies(value: float, one: Bound) -> bool:
    """Whether a number lies in the range."""
    over = value > one.low if one.low_open else value >= one.low
    return over and (value < one.high if one.high_open else value <= one.high)


def meet(one: Bound, other: Bound) -> Bound:
    """The numbers that satisfy both (perhaps none: :func:`is_empty`)."""
    low, low_open = max((one.low, one.low_open), (other.low, other.low_open))
    high, closed = min((one.high, not one.high_open), (other.high, not other.high_open))
    return Bound(low, high, low_open, not closed)


def is_empty(one: Bound) -> bool:
    """Whether no number satisfies it."""
    return one.low > one.high or (one.low == one.high and (one.low_open or one.high_open))


def only_value(one: Bound) -> float | None:
    """The single number that satisfies it; ``None`` if there are none or more."""
    return one.low if one.low == one.high and not is_empty(one) else None

