"""What an experiment is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.validate.result import Check


@dataclass(frozen=True)
class Row:
    """One printed line of an experiment."""

    experiment: str
    check: Check
    remark: str = ""
    """Said once below the table."""


@dataclass(frozen=True)
class Experiment:
    """A closed form and the run that must meet it."""

    title: str
    run: Callable[[bool], list[Row]]
    """(quick) -> rows."""


def near(
    experiment: str,
    name: str,
    expected: float,
    ours: float,
    tolerance: float | None,
    unit: str = "",
    digits: int = 3,
    remark: str = "",
) -> Row:
    """A row judged by the absolute difference."""
    return Row(experiment, Check(name, expected, ours, abs(ours - expected), tolerance, unit, digits=digits), remark)


def relative(
    experiment: str, name: str, expected: float, ours: float, percent: float, digits: int = 3, remark: str = ""
) -> Row:
    """A row judged by the relative difference in per cent."""
    deviation = abs(ours / expected - 1.0) * 100.0
    return Row(experiment, Check(name, expected, ours, deviation, percent, "%", digits=digits), remark)


def at_most(
    experiment: str, name: str, limit: float, ours: float, unit: str = "", digits: int = 3, remark: str = ""
) -> Row:
    """A row that passes while ``ours`` does not exceed ``limit``."""
    return Row(
        experiment, Check(f"{name}, at most", limit, ours, max(0.0, ours - limit), 0.0, unit, digits=digits), remark
    )


def at_least(
    experiment: str, name: str, limit: float, ours: float, unit: str = "", digits: int = 3, remark: str = ""
) -> Row:
    """A row that passes while ``ours`` does not fall below ``limit``."""
    return Row(
        experiment, Check(f"{name}, at least", limit, ours, max(0.0, limit - ours), 0.0, unit, digits=digits), remark
    )
