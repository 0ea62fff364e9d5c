"""Packet reception ratio by distance, causes of loss, and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.clock import SECOND
from sim.frames import Kind, Outcome
from sim.metrics.prr import Prr
from sim.metrics.statistics import ratio_interval, t_quantile_975, wilson_interval
from tests.sim.metrics_factory import batch, context


def rows_of(kpi: Prr, **where: object) -> list:
    return [r for r in kpi.rows() if all(getattr(r, k) == v for k, v in where.items())]


def test_ratio_and_causes_of_four_links() -> None:
    """By hand: at 10 m two of three tuned receivers hear the frame, one is deaf; a fourth is not tuned."""
    kpi = Prr(context())
    outcomes = [Outcome.DELIVERED, Outcome.DELIVERED, Outcome.HALF_DUPLEX, Outcome.NOT_TUNED]
    kpi.observe(batch([{}], [{"outcome": o, "distance_m": 10.0} for o in outcomes]))
    (prr,) = rows_of(kpi, metric="prr", jurisdiction="")
    assert (prr.link, prr.message, prr.distance_m, prr.n) == ("V2V", "BSM", 12.5, 3)
    assert prr.value == pytest.approx(2 / 3)
    assert prr.lower is None and prr.upper is None
    assert rows_of(kpi, metric="loss_half_duplex")[0].value == pytest.approx(1 / 3)
    assert rows_of(kpi, metric="reach", jurisdiction="")[0].value == 0.75
    assert rows_of(kpi, metric="uir", jurisdiction="")[0].value == 0.5


def test_what_the_pipeline_refuses_counts_as_received_by_the_radio() -> None:
    """By hand: of four received packets one is not decoded, one holds what was applied before, one is of no
    use there: PRR 1, usable 2/4."""
    kpi = Prr(context())
    ends = [Outcome.DELIVERED, Outcome.DEC_ERROR, Outcome.DUPLICATE, Outcome.NOT_APPLICABLE]
    kpi.observe(batch([{}], [{"outcome": o} for o in ends]))
    assert rows_of(kpi, metric="prr", jurisdiction="")[0].value == 1
    assert rows_of(kpi, metric="uir", jurisdiction="")[0].value == 0.5
    assert rows_of(kpi, metric="end_dec_error")[0].value == 0.25


def test_empty_bins_have_no_row_and_links_of_other_kinds_are_not_counted() -> None:
    """By hand: bins 12.5 m and 112.5 m only; a probe, a unit-to-unit link and a link beyond the last bin are
    left out."""
    kpi = Prr(context(max_distance_m=200))
    links = [
        {"distance_m": 5.0},
        {"distance_m": 110.0, "outcome": Outcome.COLLISION},
        {"distance_m": 60.0, "receiver_kind": Kind.PROBE},
        {"distance_m": 200.0},
        {"row": 1, "distance_m": 60.0, "receiver_kind": Kind.RSU},
    ]
    kpi.observe(batch([{}, {"sender_kind": Kind.RSU}], links))
    assert [(r.distance_m, r.value) for r in rows_of(kpi, metric="prr", jurisdiction="")] == [
        (12.5, 1),
        (112.5, 0),
    ]


def test_receivers_outside_the_inner_section_are_not_counted() -> None:
    """By hand: of receivers at 50, 500 and 950 m only the middle one lies in 100 .. 900 m."""
    kpi = Prr(context(inner_from_m=100, inner_to_m=900))
    kpi.observe(batch([{}], [{"chainage_m": x} for x in (50.0, 500.0, 950.0)]))
    assert rows_of(kpi, metric="prr", jurisdiction="")[0].n == 1


def test_place_of_the_receiver_decides_the_jurisdiction() -> None:
    """By hand: one of one received in SH, none of two in JS."""
    kpi = Prr(context())
    links = [{"receiver_place": 0}] + [{"receiver_place": 1, "outcome": Outcome.PROPAGATION}] * 2
    kpi.observe(batch([{}], links))
    found = {r.jurisdiction: (r.value, r.n) for r in rows_of(kpi, metric="prr")}
    assert found == {"": (pytest.approx(1 / 3), 3), "SH": (1.0, 1), "JS": (0.0, 2)}


def test_a_busy_receiver_is_a_cause_of_its_own() -> None:
    """By hand: of four tuned receivers one was locked on another frame; a receiver that is not tuned stays apart."""
    kpi = Prr(context())
    outcomes = [Outcome.DELIVERED, Outcome.RECEIVER_BUSY, Outcome.COLLISION, Outcome.DELIVERED, Outcome.NOT_TUNED]
    kpi.observe(batch([{}], [{"receiver": k, "outcome": o} for k, o in enumerate(outcomes)]))
    busy = rows_of(kpi, metric="loss_receiver_busy")[0]
    assert (busy.value, busy.n) == (0.25, 4)
    assert rows_of(kpi, metric="loss_collision")[0].value == 0.25
    assert rows_of(kpi, metric="prr")[0].value == 0.5
    assert rows_of(kpi, metric="reach")[0].value == 0.8
    assert rows_of(kpi, metric="end_receiver_busy")[0].value == 0.2


def test_a_radio_without_carrier_sense_has_no_row_of_busy_receivers() -> None:
    """By hand: the cause stands in tables only where it happened."""
    kpi = Prr(context())
    kpi.observe(batch([{}], [{"outcome": Outcome.COLLISION}]))
    assert rows_of(kpi, metric="loss_receiver_busy") == []
    assert rows_of(kpi, metric="loss_sensitivity")[0].value == 0.0


links_strategy = st.lists(
    st.tuples(st.sampled_from(list(Outcome)), st.floats(0, 399), st.integers(0, 9)), min_size=1, max_size=60
)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(links_strategy, st.integers(1, 59))
def test_shares_add_up_and_parts_merge(drawn: list[tuple[Outcome, float, int]], cut: int) -> None:
    """Property: PRR and causes of every bin add up to 1, as do the ends; two halves merged equal the
    whole."""
    frames = [{"generated_ns": second * SECOND} for second in range(10)]
    links = [{"row": s, "outcome": o, "distance_m": d} for o, d, s in drawn]
    whole, first, second = Prr(context()), Prr(context()), Prr(context())
    whole.observe(batch(frames, links))
    first.observe(batch(frames, links[:cut]))
    second.observe(batch(frames, links[cut:]))
    first.merge(second)
    assert list(first.rows()) == list(whole.rows())
    found = {(r.metric, r.distance_m): r for r in whole.rows() if not r.jurisdiction}
    for prr in [r for r in found.values() if r.metric == "prr"]:
        lost = sum(r.value for (m, at), r in found.items() if m.startswith("loss_") and at == prr.distance_m)
        assert prr.value + lost == pytest.approx(1)
        assert prr.lower is None or 0 <= prr.lower <= prr.value <= prr.upper <= 1
    for d in {distance_m for _, distance_m in found}:
        assert sum(
            r.value for (m, at), r in found.items() if m.startswith("end_") and at == d
        ) == pytest.approx(1)


@pytest.mark.parametrize(
    ("degrees", "printed"), [(1, 12.706), (9, 2.262), (30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980)]
)
def test_t_quantiles(degrees: int, printed: float) -> None:
    """Printed: Student's t, 97.5 %, any statistical table (three decimals)."""
    assert t_quantile_975(degrees) == pytest.approx(printed, abs=6e-4)


def test_wilson_interval_of_a_printed_example() -> None:
    """Printed: 81 of 263 gives 0.2553 .. 0.3662 (Newcombe, Statistics in Medicine 17 (1998) 857, table I)."""
    assert wilson_interval(81, 263) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_batch_means_by_hand() -> None:
    """By hand: shares 0.4 and 0.8 of 1000 each: mean 0.6, s = 0.2828, half width 12.706 * 0.2828 / sqrt 2,
    clipped."""
    assert ratio_interval(np.array([400, 800]), np.array([1000, 1000])) == (0.0, 1.0)
    hits = np.array([500, 520, 480, 510, 490] * 2)
    low, high = ratio_interval(hits, np.full(10, 1000))  # type: ignore[misc]
    half = 2.2622 * np.std(hits / 1000, ddof=1) / math.sqrt(10)
    assert (low, high) == (pytest.approx(0.5 - half, abs=1e-4), pytest.approx(0.5 + half, abs=1e-4))
    assert ratio_interval(np.array([3, 0]), np.array([4, 0])) is None


def test_all_received_is_no_proof_of_certainty() -> None:
    """By hand: 20 of 20 in two batches: lower bound 1 / (1 + z^2 / n) = 0.839, not 1."""
    low, high = ratio_interval(np.array([10, 10]), np.array([10, 10]))  # type: ignore[misc]
    assert (low, high) == (pytest.approx(0.8389, abs=1e-4), 1.0)


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Distribution: batches whose true share wanders with sigma 0.05: at least 93 % of 1,000 intervals hold
    the mean."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(1000):
        share = np.clip(rng.normal(0.7, 0.05, 10), 0, 1)
        low, high = ratio_interval(rng.binomial(200, share), np.full(10, 200))  # type: ignore[misc]
        held += low <= 0.7 <= high
    assert held >= 930
