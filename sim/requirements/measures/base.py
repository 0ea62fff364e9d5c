"""What a measure is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.requirements.evidence import Evidence, Key
from sim.requirements.schema import Check, Defaults

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Ask:
    """One check on one place, everything filled in."""

    metric: str
    stat: str
    op: str
    limit: float
    links: tuple[str, ...]
    messages: tuple[str, ...]
    at_range_m: float | None
    jurisdiction: str
    """Empty = the whole corridor."""
    defaults: Defaults


@dataclass(frozen=True)
class Item:
    """One figure over the seeds, to be held against the limit."""

    what: str
    """What it is of: link, message, distance."""
    values: np.ndarray
    n: int = 0
    """Trials or values behind it, over all seeds."""
    trials: np.ndarray | None = None
    """Per seed, where the figure is a share."""
    centre: float | None = None
    least_n: int = 1
    """Fewer are *no data*."""
    whole_corridor: bool = False
    """The figure is of the whole corridor although a jurisdiction was asked for: it is not measured apart."""
    reason: str = ""
    """Why there is no data."""
    limit: float | None = None
    """Where it is not the check's."""
    note: str = ""
    beside: dict[str, Any] = field(default_factory=dict)
    """Figures to be read with it."""


def nothing(what: str, reason: str) -> Item:
    """An item without data."""
    return Item(what, np.array([]), reason=reason)


@dataclass(frozen=True)
class Measure:
    """How one metric of a check is taken from results."""

    what: str
    unit: str
    statistics: tuple[str, ...]
    """The first is the default."""
    better: str
    """Side that is right where the limit is the default."""
    items: Callable[[Evidence, Ask], list[Item]]
    default: str = ""
    """Name in :class:`~sim.requirements.schema.Defaults` of the limit; empty = a limit is required."""
    stat_default: str = ""
    """Name in Defaults of the statistic; empty = the first one."""
    of_messages: bool = True
    of_links: bool = True
    ranges: Callable[[float], bool] | None = None
    """Which ``at_range_m`` it takes; none = it takes none."""
    range_rule: str = "is required"

    def ask(
        self, check: Check, links: Sequence[str], messages: Sequence[str], jurisdiction: str, defaults: Defaults
    ) -> Ask:
        """The check with every default filled in."""
        stat = check.stat or (getattr(defaults, self.stat_default) if self.stat_default else self.statistics[0])
        limit = check.value if check.value is not None else float(getattr(defaults, self.default))
        return Ask(
            check.metric, stat, check.op or self.better, limit, tuple(check.links or links),
            tuple(check.messages or messages), check.at_range_m, jurisdiction, defaults,
        )


def of_each_message(
    evidence: Evidence, ask: Ask, item: Callable[[Evidence, Ask, str, str], list[Item]]
) -> list[Item]:
    """Items of every (link, message) the check speaks of; a class of use of which nothing was sent has no data."""
    found = []
    for wanted in ask.messages:
        names = evidence.messages(wanted)
        if not names:
            found.append(nothing(wanted, f"no message of class {wanted} in these runs"))
        for link in ask.links:
            for name in names:
                found += item(evidence, ask, link, name)
    return found


def placed(evidence: Evidence, ask: Ask, metric: str, link: str, message: str) -> tuple[Key, bool]:
    """Key of the figure for the place asked for, and whether only the whole corridor's is there.

    A figure that is told of another place is measured by place: there is none of a place without a row.
    """
    key = (metric, link, message, ask.jurisdiction, "")
    if ask.jurisdiction and not evidence.told_by_place(key):
        return (metric, link, message, "", ""), True
    return key, False
