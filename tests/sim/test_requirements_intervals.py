"""From values per seed to a state: intervals, zero spread, seeds still missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.requirements.intervals import MET, NO_DATA, NOT_MET, STATES, UNDECIDED, judge, right, worst
from sim.requirements.schema import Defaults

DEFAULTS = Defaults()
T_4 = 2.7764
"""Printed 97.5 % quantile of Student's t, 4 degrees of freedom."""
values_of_seeds = st.lists(st.floats(0.5, 1.0), min_size=5, max_size=12)


@pytest.mark.parametrize(
    ("limit", "state"), [(0.90, MET), (0.941, MET), (0.9413, UNDECIDED), (0.958, UNDECIDED), (0.9589, NOT_MET)]
)
def test_interval_against_limit(limit: float, state: str) -> None:
    """By hand: mean 0.95, s = sqrt(0.0002/4) = 0.00707, half width 2.7764 s / sqrt(5) = 0.00878."""
    found = judge([0.95, 0.96, 0.94, 0.95, 0.95], ">=", limit, DEFAULTS)
    assert found.state == state
    assert found.lower == pytest.approx(0.95 - T_4 * math.sqrt(0.00005 / 5), abs=1e-6)
    assert found.upper == pytest.approx(0.95 + T_4 * math.sqrt(0.00005 / 5), abs=1e-6)


def test_sides_of_limits() -> None:
    """By hand: a value on the limit does for <= and >=, not for < and >."""
    exact = [100.0] * 5
    assert [judge(exact, op, 100.0, DEFAULTS).state for op in ("<=", ">=", "<", ">")] == [MET, MET, NOT_MET, NOT_MET]


def test_fewer_seeds_than_five_decide_nothing() -> None:
    """By hand: four equal values far from the limit still need a fifth; one value has no interval."""
    four = judge([0.5] * 4, ">=", 0.9, DEFAULTS)
    assert (four.state, four.further_seeds, four.reason) == (UNDECIDED, 1, "4 of at least 5 seeds")
    one = judge([0.5], ">=", 0.9, DEFAULTS)
    assert (one.state, one.further_seeds) == (UNDECIDED, 4)
    assert math.isnan(one.lower) and one.how == "no interval: one seed"


def test_no_seed_is_no_data() -> None:
    """By hand: nothing, and nothing but NaN."""
    assert judge([], ">=", 0.9, DEFAULTS).state == NO_DATA
    assert judge([math.nan] * 7, ">=", 0.9, DEFAULTS).state == NO_DATA


def test_further_seeds() -> None:
    """Printed t: s = 0.02 and 0.01 from the limit need 18 seeds (t17 = 2.1098: 0.00995; t16 = 2.1199: 0.01028)."""
    found = judge([0.89, 0.89, 0.91, 0.93, 0.93], ">=", 0.90, DEFAULTS)
    assert (found.state, found.further_seeds) == (UNDECIDED, 18 - 5)


def test_mean_on_the_limit_is_never_decided() -> None:
    """By hand: the mean is the limit, so that no number of seeds moves the interval off it."""
    found = judge([0.89, 0.89, 0.90, 0.91, 0.91], ">=", 0.90, DEFAULTS)
    assert found.state == UNDECIDED and found.further_seeds is None
    assert "would not settle it" in found.reason


def test_zero_spread_of_a_share() -> None:
    """By hand: 100 of 100 over five seeds give Wilson's lower bound 1 / (1 + z2 / 100) = 0.96300.

    0.97 takes n / (n + 3.8415) >= 0.97, n >= 124.2: 7 seeds of 20, two more.
    """
    ones, trials = [1.0] * 5, np.full(5, 20.0)
    found = judge(ones, ">=", 0.96, DEFAULTS, trials=trials)
    assert (found.state, found.upper) == (MET, 1.0)
    assert found.lower == pytest.approx(100 / (100 + 1.959964**2), abs=1e-6)
    assert found.how == "Wilson on the 100 trials of all seeds (wider than t)"
    harder = judge(ones, ">=", 0.97, DEFAULTS, trials=trials)
    assert (harder.state, harder.further_seeds) == (UNDECIDED, 2)
    assert judge([0.0] * 5, ">=", 0.9, DEFAULTS, trials=trials).state == NOT_MET


def test_share_with_spread_keeps_t() -> None:
    """By hand: seeds that differ by far more than their counts allow have the interval of t alone."""
    values = [0.6, 0.9, 0.7, 0.8, 0.75]
    plain, share = judge(values, ">=", 0.9, DEFAULTS), judge(values, ">=", 0.9, DEFAULTS, trials=np.full(5, 1e5))
    assert (plain.lower, plain.upper) == pytest.approx((share.lower, share.upper)) and share.how == "t over seeds"


def test_coverage_of_the_interval() -> None:
    """Distribution: 3,000 campaigns of 6 normal values hold the true mean in 95 % of the cases."""
    draws = np.random.default_rng(11).normal(10.0, 2.0, (3000, 6))
    held = [one.lower <= 10.0 <= one.upper for one in (judge(row, "<=", 10.0, DEFAULTS) for row in draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


@settings(max_examples=150, deadline=None)
@given(values_of_seeds, st.floats(0.5, 1.0), st.floats(0.0, 0.2))
def test_monotone(values: list[float], limit: float, step: float) -> None:
    """Property: better values never make the state worse, a harder limit never better."""
    rank = {NOT_MET: 0, UNDECIDED: 1, MET: 2}
    here = rank[judge(values, ">=", limit, DEFAULTS).state]
    assert rank[judge([value + step for value in values], ">=", limit, DEFAULTS).state] >= here
    assert rank[judge(values, ">=", limit + step, DEFAULTS).state] <= here
    mirrored = judge([-value for value in values], "<=", -limit, DEFAULTS)
    assert rank[mirrored.state] == here


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.6, 1.0), min_size=5, max_size=8), st.floats(0.7, 0.95))
def test_further_seeds_are_enough(values: list[float], limit: float) -> None:
    """Property: the interval of the seeds asked for, made of the same mean and spread, leaves the limit aside; one
    seed fewer does not."""
    found = judge(values, ">=", limit, DEFAULTS)
    if found.further_seeds is None:
        return
    from sim.campaign.statistics import t_quantile

    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    for seeds, decided in ((len(values) + found.further_seeds, True), (len(values) + found.further_seeds - 1, False)):
        half = t_quantile(seeds - 1) * deviation / math.sqrt(seeds)
        assert (abs(mean - limit) >= half * (1 - 1e-9)) if decided else (abs(mean - limit) <= half * (1 + 1e-9))


def test_order_of_states() -> None:
    """By hand: not met, then no data, then undecided, then met; nothing at all is no data."""
    assert [worst(STATES[:k]) for k in range(1, 5)] == [MET, UNDECIDED, NO_DATA, NOT_MET]
    assert worst([]) == NO_DATA
    assert right(1.0, "<=", 1.0) and not right(1.0, "<", 1.0)
