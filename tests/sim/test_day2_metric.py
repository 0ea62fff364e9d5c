"""The round-trip KPI on requests told by hand."""

from __future__ import annotations

import pytest

from sim.metrics import KPIS
from sim.metrics.round_trips import RoundTrip, RoundTrips, Transit
from tests.sim.metrics_factory import context

MS = 1_000_000
SECOND = 1_000_000_000


def transit(generated_ms: float, access_ms: float) -> Transit:
    """A message: 1 ms to encode and sign, the access given, 1 ms of air, 3 ms to apply."""
    stages = (0, MS, round(access_ms * MS), MS, 2 * MS, 0, MS)
    begin = round(generated_ms * MS)
    return Transit(begin, begin + sum(stages), stages)


def answered(
    first_ms: float, waiting_ms: float, vehicle: int, vir_ms: float, planning_ms: float, rsc_ms: float
) -> RoundTrip:
    """A request whose messages wait for the radio as long as given."""
    request = transit(first_ms + waiting_ms, vir_ms)
    answer = transit(request.applied_ns / MS + planning_ms, rsc_ms)
    return RoundTrip(round(first_ms * MS), vehicle, "U", 1 + int(waiting_ms // 100), "answered", request, answer)


def values(kpi: RoundTrips, metric: str, message: str = "", quantile: float | None = None) -> list[float | None]:
    return [r.value for r in kpi.rows() if (r.metric, r.message, r.quantile) == (metric, message, quantile)]


def told() -> RoundTrips:
    """Three answers of 45, 60 and 155 ms, a time-out, one who left, one cut off by the end, one of the warm-up."""
    kpi = RoundTrips(context())
    at = kpi.context.start_ns / MS
    kpi.add(answered(at + 500, 0, 3, 10, 20, 5))
    kpi.add(answered(at + 100, 0, 1, 20, 20, 10))
    kpi.add(answered(at + 300, 100, 2, 10, 20, 15))
    kpi.add(RoundTrip(kpi.context.start_ns, 4, "U", 10, "timeout"))
    kpi.add(RoundTrip(kpi.context.start_ns, 5, "U", 7, "left"))
    kpi.add(RoundTrip(kpi.context.end_ns - 1, 6, "U", 1, "ended"))
    kpi.add(RoundTrip(kpi.context.start_ns - 1, 7, "U", 1, "timeout"))
    kpi.add(RoundTrip(kpi.context.end_ns, 8, "U", 1, "timeout"))
    return kpi


def test_times_by_hand() -> None:
    """By hand: totals 45, 60 and 155 ms, their parts and stages."""
    kpi = told()
    totals = [5 + 10 + 20 + 5 + 5, 5 + 20 + 20 + 5 + 10, 100 + 5 + 10 + 20 + 5 + 15]
    assert totals == [45, 60, 155]
    assert values(kpi, "round_trip_mean") == [pytest.approx(sum(totals) / 3)]
    assert values(kpi, "round_trip", quantile=0.5) == [60.0]
    assert values(kpi, "round_trip", quantile=0.95) == [155.0]
    assert values(kpi, "round_trip_stage_waiting_mean") == [pytest.approx(100 / 3)]
    assert values(kpi, "round_trip_stage_planning_mean") == [20.0]
    assert values(kpi, "round_trip_stage_access_mean", "VIR") == [pytest.approx(40 / 3)]
    assert values(kpi, "round_trip_stage_access_mean", "RSC") == [10.0]
    assert values(kpi, "round_trip_stage_latency_mean", "RSC") == [15.0]


def test_means_of_parts_add_up() -> None:
    """Property: waiting + VIR + planning + RSC = round trip, and stages of each message its latency, in the mean."""
    kpi = told()
    mean = {
        (r.metric.removeprefix("round_trip_stage_").removesuffix("_mean"), r.message): r.value
        for r in kpi.rows() if r.metric.startswith("round_trip_stage") and r.metric.endswith("_mean")
    }
    total = sum(mean[key] for key in (("waiting", ""), ("latency", "VIR"), ("planning", ""), ("latency", "RSC")))
    assert [pytest.approx(total)] == values(kpi, "round_trip_mean")
    for message in ("VIR", "RSC"):
        stages = [value for (name, of), value in mean.items() if of == message and name != "latency"]
        assert len(stages) == 7 and sum(stages) == pytest.approx(mean["latency", message])


def test_shares_are_of_decided_requests() -> None:
    """By hand: three of five decided requests; what ended with the run or began outside is in no share."""
    kpi = told()
    for outcome, share in (("answered", 0.6), ("timeout", 0.2), ("left", 0.2)):
        (row,) = [r for r in kpi.rows() if r.metric == f"round_trip_{outcome}"]
        assert (row.value, row.n) == (pytest.approx(share), 5)
    assert values(kpi, "round_trip_count_ended") == [1]


def test_one_row_per_request_in_order() -> None:
    """By hand: sorted by the first VIR, then vehicle; no times without an answer."""
    table = told().tables()["round_trips"]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["vehicle"] for row in rows] == [4, 5, 1, 2, 3, 6]
    assert [row["total_ms"] for row in rows] == [None, None, 60.0, 155.0, 45.0, None]
    assert rows[3]["waiting_ms"] == 100.0 and rows[3]["vir_access_ms"] == 10.0 and rows[3]["vir_sent"] == 2


def test_merged_parts_say_what_the_whole_says() -> None:
    """Property: requests spread over two accumulators and merged, in either order, give the same rows and table."""
    whole = told()
    for order in (0, 1):
        parts = [RoundTrips(context()), RoundTrips(context())]
        for k, trip in enumerate(whole.trips):
            parts[k % 2].add(trip)
        parts[order].merge(parts[1 - order])
        assert list(parts[order].rows()) == list(whole.rows())
        assert parts[order].tables() == whole.tables()


def test_a_run_without_requests_has_no_rows() -> None:
    """By hand: nothing at all, so that other runs stay as they are."""
    kpi = KPIS["round_trips"](context())
    assert list(kpi.rows()) == [] and kpi.tables() == {}


def test_stages_must_add_up() -> None:
    """By hand: one nanosecond too much is refused, and so is an unknown end."""
    with pytest.raises(ValueError, match="stages sum to 8 ns, but applied_ns - generated_ns = 7 ns"):
        Transit(0, 7, (1, 1, 1, 1, 1, 1, 2))
    with pytest.raises(ValueError, match="outcome 'lost' is none of answered"):
        told().add(RoundTrip(0, 1, "U", 1, "lost"))
