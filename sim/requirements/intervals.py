"""From values per seed to an interval, a state, and the number of seeds that would decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.campaign.statistics import mean_intervals, t_quantile
from sim.metrics.statistics import wilson_interval
from sim.requirements.schema import Defaults

MET, UNDECIDED, NO_DATA, NOT_MET = "met", "undecided", "no data", "not met"
STATES = (MET, UNDECIDED, NO_DATA, NOT_MET)
"""From good to bad: the state of several things is the last of theirs. What was never measured stands behind what more
seeds would settle."""
_RIGHT: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "<": lambda value, limit: value < limit,
    ">": lambda value, limit: value > limit,
}


@dataclass(frozen=True)
class Judgement:
    """A figure over seeds held against a limit."""

    state: str
    value: float
    lower: float
    upper: float
    """95 % interval over seeds; NaN for fewer than two."""
    seeds: int
    further_seeds: int | None
    """More seeds needed for a decision, should mean and spread stay; none where there is no need or no hope."""
    reason: str
    how: str
    """How the interval was made."""


def worst(states: Sequence[str]) -> str:
    """The state of several things together; *no data* of none."""
    return max(states, key=STATES.index) if states else NO_DATA


def right(value: float, op: str, limit: float) -> bool:
    """Whether a value lies on the right side; one on the limit does for ``<=`` and ``>=``."""
    return _RIGHT[op](value, limit)


def judge(
    values: Sequence[float] | np.ndarray, op: str, limit: float, defaults: Defaults, *, centre: float | None = None,
    trials: np.ndarray | None = None,
) -> Judgement:
    """The state of one figure: values per seed (NaN where a seed has none) against ``op limit``.

    ``centre`` is the figure itself where it is not the mean of the seeds' values (a quantile of merged histograms, a
    maximum); its spread is still that of the seeds. ``trials`` (per seed) makes a share of it: its interval is then
    never narrower than that of independent trials (Wilson, on the counts of all seeds together), which is all there is
    where every seed says exactly 0 or 1. No finite value at all is *no data*.
    """
    numbers = np.asarray(values, float)
    there = ~np.isnan(numbers)
    numbers = numbers[there]
    seeds = len(numbers)
    if not seeds:
        return Judgement(NO_DATA, math.nan, math.nan, math.nan, 0, None, "nothing was measured", "")
    found = mean_intervals(numbers[None, :])
    mean = float(found.mean[0])
    value = mean if centre is None or math.isnan(centre) else centre
    deviation = math.sqrt(float(found.variance[0])) if seeds > 1 else math.nan
    spread = _Spread(value, deviation, seeds)
    if trials is not None:
        counts = np.asarray(trials, float)[there]
        spread = _Spread(value, deviation, seeds, float(numbers @ counts), float(counts.sum()))
    lower, upper = spread.interval(seeds)
    if seeds < defaults.min_seeds:
        reason = f"{seeds} of at least {defaults.min_seeds} seeds"
        needed = _seeds_needed(spread, op, limit, defaults) if seeds > 1 else defaults.min_seeds
        further = None if needed is None else needed - seeds
        return Judgement(UNDECIDED, value, lower, upper, seeds, further, reason, spread.how(seeds))
    state = _state(lower, upper, op, limit)
    if state != UNDECIDED:
        return Judgement(state, value, lower, upper, seeds, None, "", spread.how(seeds))
    reason = "the interval holds the limit"
    needed = _seeds_needed(spread, op, limit, defaults)
    if needed is None:
        reason += f"; {defaults.max_seeds} seeds would not settle it"
    further = None if needed is None else max(1, needed - seeds)
    return Judgement(UNDECIDED, value, lower, upper, seeds, further, reason, spread.how(seeds))


def _state(lower: float, upper: float, op: str, limit: float) -> str:
    if right(lower, op, limit) and right(upper, op, limit):
        return MET
    if not right(lower, op, limit) and not right(upper, op, limit):
        return NOT_MET
    return UNDECIDED


@dataclass(frozen=True)
class _Spread:
    """What an interval is made of, so that it can be asked for other numbers of seeds."""

    value: float
    deviation: float
    seeds: int
    hits: float = math.nan
    trials: float = 0.0

    def interval(self, seeds: int) -> tuple[float, float]:
        """Bounds, should there be ``seeds`` of them."""
        if seeds < 2 or math.isnan(self.deviation):
            return math.nan, math.nan
        half = t_quantile(seeds - 1) * self.deviation / math.sqrt(seeds)
        lower, upper = self.value - half, self.value + half
        if self.trials:
            low, high = self._wilson(seeds)
            lower, upper = max(0.0, min(lower, low)), min(1.0, max(upper, high))
        return lower, upper

    def _wilson(self, seeds: int) -> tuple[float, float]:
        scale = seeds / self.seeds
        trials = max(1, round(self.trials * scale))
        return wilson_interval(min(trials, round(self.hits * scale)), trials)

    def how(self, seeds: int) -> str:
        """How the interval was made, in words."""
        if seeds < 2:
            return "no interval: one seed"
        if not self.trials:
            return "t over seeds" if self.deviation else "t over seeds (no spread)"
        half = t_quantile(seeds - 1) * self.deviation / math.sqrt(seeds)
        low, high = self._wilson(seeds)
        inside = self.value - half <= low and high <= self.value + half
        return "t over seeds" if inside else f"Wilson on the {self.trials:.0f} trials of all seeds (wider than t)"


def _seeds_needed(spread: _Spread, op: str, limit: float, defaults: Defaults) -> int | None:
    """Smallest number of seeds whose expected interval leaves the limit on one side; none beyond ``max_seeds``."""

    def decided(seeds: int) -> bool:
        return _state(*spread.interval(seeds), op, limit) != UNDECIDED

    low, high = defaults.min_seeds - 1, defaults.min_seeds
    while not decided(high):
        low, high = high, 2 * high
        if high > 2 * defaults.max_seeds:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high if high <= defaults.max_seeds else None
