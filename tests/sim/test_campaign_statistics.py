"""Intervals over seeds: Student's t, paired and unpaired differences, and how many seeds a width takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.campaign.statistics import (
    mean_interval,
    mean_intervals,
    paired_difference,
    seeds_for_half_width,
    t_quantile,
    t_quantiles,
    unpaired_difference,
    unpaired_half_widths,
)

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 20: 2.086, 30: 2.042, 60: 2.000, 120: 1.980}
T_995 = {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 10: 3.169, 20: 2.845, 30: 2.750, 60: 2.660, 120: 2.617}
DRUG_1 = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
DRUG_2 = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
"""Extra sleep of ten patients under two drugs, Student, Biometrika 6 (1908) 20."""


def test_quantiles_of_student_as_printed() -> None:
    """Printed: table 26.10 of Abramowitz and Stegun, three digits."""
    for share, table in ((0.975, T_975), (0.995, T_995)):
        for freedom, expected in table.items():
            assert t_quantile(freedom, share) == pytest.approx(expected, abs=0.0005)


def test_quantiles_of_student_in_closed_form() -> None:
    """By hand: with 1, 2 and 4 degrees of freedom the distribution can be inverted with a pencil."""
    for share in (0.75, 0.95, 0.975, 0.999):
        p = 4 * share * (1 - share)
        four = 2 * math.sqrt(math.cos(math.acos(math.sqrt(p)) / 3) / math.sqrt(p) - 1)
        assert t_quantile(1, share) == pytest.approx(math.tan(math.pi * (share - 0.5)), rel=1e-9)
        assert t_quantile(2, share) == pytest.approx((2 * share - 1) * math.sqrt(2 / p), rel=1e-9)
        assert t_quantile(4, share) == pytest.approx(four, rel=1e-9)


@pytest.mark.parametrize("freedom", [1.0, 1.3, 2.5, 4.7, 17.776, 96.4, 5000.5])
def test_quantiles_between_whole_degrees_of_freedom(freedom: float) -> None:
    """Independent: the density, summed by Simpson's rule from 0 to the quantile, holds 47.5 %."""
    t = t_quantile(freedom)
    x = np.linspace(0, t, 200_001)
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(log - (freedom + 1) / 2 * np.log1p(x**2 / freedom))
    weight = np.where(np.arange(len(x)) % 2, 4.0, 2.0)
    weight[[0, -1]] = 1.0
    assert float(density @ weight) * (x[1] / 3) == pytest.approx(0.475, abs=1e-9)


def test_what_has_no_quantile_is_refused() -> None:
    """Property: shares up to one half and degrees of freedom below 1 are a ValueError."""
    for freedom, share in ((0.5, 0.975), (math.nan, 0.975), (3, 0.5), (3, 1.0)):
        with pytest.raises(ValueError):
            t_quantile(freedom, share)
    assert t_quantiles(np.empty(0)).shape == (0,)


def test_the_interval_of_four_values() -> None:
    """By hand: 1, 2, 3, 4 have mean 2.5 and s = 1.2910, so the half width is 3.1824 x 1.2910 / 2 = 2.0543."""
    found = mean_interval([1, 2, 3, 4])
    assert found.mean == 2.5 and found.n == 4
    assert found.half_width == pytest.approx(2.0543, abs=1e-4)
    assert found.upper - found.mean == pytest.approx(found.mean - found.lower)


def test_too_few_values_have_no_interval() -> None:
    """Property: one value has a mean and no bounds, none has neither; NaN counts as no value."""
    one, none, gap = mean_interval([3.0]), mean_interval([]), mean_interval([math.nan, 2.0, 4.0])
    assert one.mean == 3 and one.n == 1 and math.isnan(one.lower) and math.isnan(one.upper)
    assert math.isnan(none.mean) and none.n == 0
    assert gap.mean == 3 and gap.n == 2 and gap.half_width == pytest.approx(12.7062, abs=1e-4)


def test_equal_values_have_exactly_their_mean_and_no_width() -> None:
    """Property: however inexact the sum of a value with itself would be."""
    for value in (0.1, 1 / 3, 1e17, -7.3):
        assert mean_interval([value] * 7) == (value, value, value, 7)
        assert unpaired_difference([value] * 3, [value] * 5) == (0, 0, 0, 3)


def test_two_drugs_paired_and_not() -> None:
    """Printed: 95 % intervals that R's t.test gives for Student's sleep data, paired and by Welch (17.776 d.f.)."""
    paired, unpaired = paired_difference(DRUG_1, DRUG_2), unpaired_difference(DRUG_1, DRUG_2)
    assert paired.mean == pytest.approx(-1.58) and unpaired.mean == pytest.approx(-1.58)
    assert (paired.lower, paired.upper) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert (unpaired.lower, unpaired.upper) == pytest.approx((-3.3654832, 0.2054832), abs=1e-7)
    assert (paired.n, unpaired.n) == (10, 10)
    with pytest.raises(ValueError, match="equally many: 10 and 9"):
        paired_difference(DRUG_1, DRUG_2[1:])


def test_a_pair_with_a_hole_is_left_out() -> None:
    """By hand: differences 1 and 3 remain."""
    found = paired_difference([2, math.nan, 5], [1, 7, 2])
    assert found.mean == 2 and found.n == 2


def test_rows_are_what_each_row_is_alone() -> None:
    """Property: many rows at once, with holes, give what each gives by itself, bit for bit."""
    generator = np.random.default_rng(3)
    values = generator.normal(size=(50, 6))
    values[generator.random(values.shape) < 0.3] = math.nan
    values[0] = math.nan
    found = mean_intervals(values)
    other = mean_intervals(generator.normal(size=(50, 4)))
    half = unpaired_half_widths(found, other)
    for k, row in enumerate(values):
        alone = mean_interval(row)
        np.testing.assert_equal((found.mean[k], found.n[k]), (alone.mean, alone.n))
        np.testing.assert_equal(found.mean[k] - found.half_width[k], alone.lower)
        assert math.isnan(half[k]) == (alone.n < 2)


def test_the_interval_holds_the_truth_in_95_of_100_campaigns() -> None:
    """Distribution: 2,000 drawn campaigns of 5 seeds each; 95 % +- 1.5 of them hold the mean."""
    values = np.random.default_rng(11).normal(3, 2, (2000, 5))
    found = mean_intervals(values)
    assert abs(float((np.abs(found.mean - 3) <= found.half_width).mean()) - 0.95) < 0.015


def test_common_seeds_narrow_the_interval_of_a_difference() -> None:
    """Distribution: 2,000 drawn campaigns whose variants share most of a seed's chance (correlation 0.9).

    Both intervals of the difference hold the truth in about 95 %, unpaired ones (which here claim too much spread) in
    more; the paired one is about sqrt(1 - 0.9) as wide, narrower in nearly every campaign.
    """
    generator = np.random.default_rng(12)
    common = generator.normal(size=(2000, 8)) * math.sqrt(0.9)
    a, b = (common + generator.normal(size=(2000, 8)) * math.sqrt(0.1) + shift for shift in (1.0, 0.0))
    paired, of_a, of_b = mean_intervals(a - b), mean_intervals(a), mean_intervals(b)
    unpaired = unpaired_half_widths(of_a, of_b)
    assert abs(float((np.abs(paired.mean - 1) <= paired.half_width).mean()) - 0.95) < 0.015
    assert float((np.abs(of_a.mean - of_b.mean - 1) <= unpaired).mean()) > 0.99
    assert float((paired.half_width < unpaired).mean()) > 0.98
    assert float(paired.half_width.mean() / unpaired.mean()) == pytest.approx(math.sqrt(0.1), rel=0.15)


def test_unpaired_intervals_of_unequal_spread_hold_the_truth() -> None:
    """Distribution: 2,000 drawn pairs, 5 seeds with sigma 3 against 9 with sigma 1; Welch's interval holds in 95 %."""
    generator = np.random.default_rng(13)
    of_a, of_b = (mean_intervals(generator.normal(0, s, (2000, n))) for s, n in ((3, 5), (1, 9)))
    half = unpaired_half_widths(of_a, of_b)
    assert abs(float((np.abs(of_a.mean - of_b.mean) <= half).mean()) - 0.95) < 0.015


def test_seeds_that_a_width_takes() -> None:
    """By hand: s = 1.2910; 8 seeds give 2.3646 x 1.2910 / sqrt(8) = 1.079, 9 give 2.3060 x 1.2910 / 3 = 0.992."""
    assert seeds_for_half_width([1, 2, 3, 4], 1.0) == 9
    assert seeds_for_half_width([1, 2, 3, 4], 100.0) == 2
    assert seeds_for_half_width([5, 5, 5], 1e-9) == 2
    for values, width in (([1.0], 1.0), ([1, 2], 0.0), ([1, 2], math.nan), ([0, 1e9], 1e-9)):
        with pytest.raises(ValueError):
            seeds_for_half_width(values, width)
