"""Latency by stage, age, and the histogram behind them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.clock import MS
from sim.frames import Kind, Outcome
from sim.metrics.base import STAGES
from sim.metrics.latency import Latency
from sim.metrics.statistics import DelayHistogram
from tests.sim.metrics_factory import batch, context


def values(kpi: Latency) -> dict:
    return {(r.metric, r.link, r.message, r.quantile): r.value for r in kpi.rows()}


def test_stages_of_one_frame_by_hand() -> None:
    """By hand: 0.1 + 1 + 30 + 1 + 20 + 2 + 0.1 + 1 = 55.2 ms; sensed 80 ms before, so 135.2 ms old when
    applied."""
    kpi = Latency(context())
    frame = {
        "encode": MS // 10,
        "sign": MS,
        "access": 30 * MS,
        "air": MS,
        "backhaul": 20 * MS,
        "verify": 2 * MS,
        "decode": MS // 10,
        "apply": MS,
        "sense_ns": 80 * MS,
        "message": 1,
        "sender_kind": Kind.RSU,
    }
    kpi.observe(batch([frame], [{}, {"outcome": Outcome.COLLISION}, {"outcome": Outcome.SEC_ROOT}]))
    found = values(kpi)
    group = ("I2V", "SPAT")
    assert found["latency", *group, 0.5] == found["latency_max", *group, None] == 55.2
    assert found["stage_access", *group, 0.95] == 30
    assert found["age_at_apply_mean", *group, None] == pytest.approx(135.2)
    assert found["sense", *group, 0.5] == 80
    assert found["latency_sent", *group, None] == 3
    assert found["latency_delivered", *group, None] == 1
    assert found["latency_within_50ms", *group, None] == 0
    assert found["latency_within_100ms", *group, None] == 1


def test_receivers_of_one_frame_have_it_at_their_own_instants() -> None:
    """By hand: 5 ms access and 1 ms air; one receiver decodes 2 ms later, one 0.4 ms before the last copy ends."""
    kpi = Latency(context())
    kpi.observe(batch([{}], [{}, {"air_extra_ns": 2 * MS}, {"air_extra_ns": -400_000}]))
    found, group = values(kpi), ("V2V", "BSM")
    assert found["latency_mean", *group, None] == pytest.approx((6 + 8 + 5.6) / 3)
    assert found["stage_air_mean", *group, None] == pytest.approx((1 + 3 + 0.6) / 3)
    assert found["stage_air_max", *group, None] == 3
    assert found["stage_access_mean", *group, None] == 5
    assert found["age_at_apply_max", *group, None] == 8


def test_a_row_whose_stages_do_not_add_up_is_refused() -> None:
    """By hand: 6 ms of stages, applied after 7 ms."""
    kpi = Latency(context())
    with pytest.raises(
        ValueError, match="stages sum to 6000000 ns, but applied_ns - generated_ns = 7000000 ns"
    ):
        kpi.observe(batch([{"after_ns": 7 * MS}], [{}]))
    wrong = batch([{}], [{}])
    wrong.stage_ns["queue"] = wrong.stage_ns.pop("access")
    with pytest.raises(ValueError, match="'queue'"):
        kpi.observe(wrong)


def test_waiting_to_be_verified_belongs_to_verify() -> None:
    """By hand: waits of 0 and 4 ms behind 2 ms of verifying."""
    kpi = Latency(context())
    kpi.observe(batch([{"verify": 2 * MS}], [{"wait_ns": 0}, {"wait_ns": 4 * MS}]))
    found = values(kpi)
    assert found["stage_verify_mean", "V2V", "BSM", None] == 4
    assert found["stage_verify_max", "V2V", "BSM", None] == 6
    assert found["latency_max", "V2V", "BSM", None] == 12


stage_strategy = st.fixed_dictionaries({s: st.integers(0, 300 * MS) for s in STAGES if s != "generate"})


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.lists(stage_strategy, min_size=1, max_size=8),
    st.lists(st.integers(0, 7), min_size=1, max_size=30),
    st.booleans(),
)
def test_means_of_stages_add_up_exactly(frames: list[dict], rows: list[int], waits: bool) -> None:
    """Property: the sums of all stages over all applied rows equal the sum of latencies to the nanosecond,
    split or not."""
    links = [{"row": r % len(frames), "wait_ns": k * MS if waits else 0} for k, r in enumerate(rows)]
    whole, first, second = Latency(context()), Latency(context()), Latency(context())
    whole.observe(batch(frames, links))
    first.observe(batch(frames, links[::2]))
    if links[1::2]:
        second.observe(batch(frames, links[1::2]))
    first.merge(second)
    assert list(first.rows()) == list(whole.rows())
    sums = {name: h.sum_ns for (_, _, name), h in whole.parts.items()}
    assert sum(v for name, v in sums.items() if name.startswith("stage_")) == sums["latency"]


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(st.integers(0, 12_000 * MS), min_size=1, max_size=200), st.floats(0.001, 1))
def test_quantiles_against_numpy(delays_ns: list[int], share: float) -> None:
    """Independent: numpy's inverted-CDF quantile; never below it, above by less than one cell."""
    histogram = DelayHistogram()
    histogram.add(np.array(delays_ns))
    expected_ms = float(np.quantile(np.array(delays_ns), share, method="inverted_cdf")) / 1e6
    cell_ms = 0.01 if expected_ms <= 200 else 1.0
    if expected_ms <= 10_000:
        assert expected_ms - 1e-9 <= histogram.quantile_ms(share) < expected_ms + cell_ms + 1e-9
    assert histogram.quantiles_ms(np.array([share]))[0] == histogram.quantile_ms(share)
    assert histogram.mean_ms() == pytest.approx(np.mean(delays_ns) / 1e6)
    assert histogram.max_ns == max(delays_ns)


def test_multiples_of_ten_microseconds_are_exact() -> None:
    """By hand: every multiple of 0.01 ms up to 200 ms falls into its own cell and comes back unchanged."""
    edges_ns = np.arange(0, 20_001) * 10_000
    assert np.array_equal(DelayHistogram()._cell(edges_ns), np.arange(20_001))
    assert np.array_equal(DelayHistogram()._cell(edges_ns[:-1] + 1), np.arange(1, 20_001))
    one = DelayHistogram()
    one.add(np.array([100_000, 200 * MS]))
    assert (one.quantile_ms(0.5), one.share_within(0.1), one.share_within(0.09)) == (0.1, 0.5, 0.0)


def test_a_negative_delay_is_refused_and_an_empty_histogram_has_no_quantile() -> None:
    """By hand."""
    with pytest.raises(ValueError, match="-5 ns"):
        DelayHistogram().add(np.array([3, -5]))
    assert np.isnan(DelayHistogram().quantile_ms(0.5))


def test_the_distribution_table_grows_and_ends_at_the_maximum() -> None:
    """Property: values of the CDF table never fall, and share 1 is the exact maximum."""
    kpi = Latency(context())
    kpi.observe(batch([{"access": k * MS} for k in range(50)], [{"row": k} for k in range(50)]))
    table = kpi.tables()["latency_cdf"]
    latency = [(row[3], row[4]) for row in table.rows if row[0] == "latency"]
    assert all(a[0] <= b[0] and a[1] < b[1] for a, b in zip(latency, latency[1:], strict=False))
    assert latency[-1] == (50.0, 1.0)
