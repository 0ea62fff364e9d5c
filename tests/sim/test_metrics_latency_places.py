"""Latency by the receiver's jurisdiction: by hand, against a plain count, and what adds up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.clock import MS
from sim.frames import Kind, Outcome
from sim.metrics import placed
from sim.metrics.latency import Latency
from sim.metrics.placed import PlacedDelays
from sim.metrics.statistics import DelayHistogram
from tests.sim.metrics_factory import batch, context

PLACES = {"": -1, "SH": 0, "JS": 1}
"""Jurisdiction -> its index; empty = a receiver in nobody's place."""
TOLD = {"latency", "latency_mean", "latency_max", "latency_sent", "latency_delivered"}
TOLD |= {"age_at_apply", "age_at_apply_mean", "age_at_apply_max"}


def values(kpi: Latency, jurisdiction: str) -> dict:
    return {(r.metric, r.link, r.message, r.quantile): r.value for r in kpi.rows() if r.jurisdiction == jurisdiction}


def test_places_by_hand() -> None:
    """By hand: 6 ms at both receivers in SH, 26 ms at the only one in JS that has it; 10 ms sampled before."""
    kpi = Latency(context())
    frames = [{"sense_ns": 10 * MS}, {"access": 25 * MS, "sense_ns": 10 * MS}]
    kpi.observe(batch(frames, [
        {"receiver_place": 0}, {"receiver_place": 0}, {"row": 1, "receiver_place": 1},
        {"row": 1, "receiver_place": 1, "outcome": Outcome.COLLISION}, {"row": 1, "receiver_place": -1},
    ]))
    found, there, whole = (values(kpi, name) for name in ("SH", "JS", ""))
    group = ("V2V", "BSM")
    assert found["latency", *group, 0.99] == found["latency_mean", *group, None] == 6
    assert there["latency", *group, 0.5] == there["latency_max", *group, None] == 26
    assert there["age_at_apply", *group, 0.5] == 36
    counts = [(one["latency_sent", *group, None], one["latency_delivered", *group, None]) for one in (found, there)]
    assert counts == [(2, 2), (2, 1)]
    assert (whole["latency_sent", *group, None], whole["latency_delivered", *group, None]) == (5, 4)
    assert whole["latency_mean", *group, None] == pytest.approx((6 + 6 + 26 + 26) / 4)
    assert {key[0] for key in found} == TOLD


@pytest.mark.parametrize("jurisdictions", [(), ("SH",)])
def test_one_jurisdiction_says_nothing_twice(jurisdictions: tuple[str, ...]) -> None:
    """Property: without several jurisdictions no row names one, and the rest is what several would give."""
    alone, several = Latency(replace(context(), jurisdictions=jurisdictions)), Latency(context())
    for kpi, place in ((alone, len(jurisdictions) - 1), (several, 0)):
        kpi.observe(batch([{}, {"access": 9 * MS}], [{"row": k % 2, "receiver_place": place} for k in range(5)]))
    assert list(alone.rows()) == [row for row in several.rows() if not row.jurisdiction]
    assert {row.jurisdiction for row in several.rows()} == {"", "SH"}
    assert alone.tables() == several.tables()


link_strategy = st.fixed_dictionaries({
    "row": st.integers(0, 3), "receiver_place": st.sampled_from([-1, 0, 1]),
    "receiver_kind": st.sampled_from([Kind.VEHICLE, Kind.RSU, Kind.PROBE]), "extra": st.integers(0, 40_000_000),
    "outcome": st.sampled_from([Outcome.DELIVERED, Outcome.DELIVERED, Outcome.COLLISION]),
})
LINK_OF = {Kind.VEHICLE: "V2V", Kind.RSU: "V2I"}


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(link_strategy, min_size=1, max_size=25), st.booleans(), st.booleans())
def test_places_against_a_plain_count(links: list[dict], apart: bool, clocks: bool) -> None:
    """Independent: every link counted by itself, whether links of a frame are alike, differ in time, or in their
    clocks."""
    kpi, told = observed(links, apart, clocks)
    plain: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    sent: dict[tuple[str, str, str], int] = {}
    for one in told:
        home = next(name for name, k in PLACES.items() if k == one["receiver_place"])
        for place in {"", home} if one["receiver_kind"] in LINK_OF else ():
            key = LINK_OF[one["receiver_kind"]], ("BSM", "SPAT")[one["row"] // 2], place
            sent[key] = sent.get(key, 0) + 1
            if one["outcome"] == Outcome.DELIVERED:
                took_ms = (one["row"] + 1) * 7 + 1 + one["air_extra_ns"] / MS
                age_ms = took_ms + one["row"] + (one["extra"] // 2 / MS if clocks else 0)
                plain.setdefault(key, []).append((took_ms, age_ms))
    found = {name: values(kpi, name) for name in PLACES}
    shown = {(key[1], key[2], place) for place, rows in found.items() for key in rows if key[0] == "latency_sent"}
    assert shown == set(sent)
    for (link, message, place), count in sent.items():
        took, rows = plain.get((link, message, place), []), found[place]
        assert rows["latency_sent", link, message, None] == count
        assert rows["latency_delivered", link, message, None] == len(took)
        for k, name in enumerate(("latency", "age_at_apply") if took else ()):
            assert rows[f"{name}_mean", link, message, None] == pytest.approx(np.mean(took, axis=0)[k])
            assert rows[f"{name}_max", link, message, None] == pytest.approx(max(one[k] for one in took))
            median_ms = float(np.quantile([one[k] for one in took], 0.5, method="inverted_cdf"))
            assert median_ms - 1e-9 <= rows[name, link, message, 0.5] < median_ms + 0.01 + 1e-9


def observed(links: list[dict], apart: bool, clocks: bool) -> tuple[Latency, list[dict]]:
    """Four frames of two messages and these links, and the links with what they add."""
    frames = [{"access": (k + 1) * 7 * MS, "sense_ns": k * MS, "message": k // 2} for k in range(4)]
    told = [{**one, "air_extra_ns": one["extra"] * apart} for one in links]
    whole = batch(frames, told)
    if clocks:
        whole.clock_error_ns = np.array([one["extra"] // 2 for one in links])
    kpi = Latency(context())
    kpi.observe(whole)
    return kpi, told


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(link_strategy, min_size=1, max_size=25), st.booleans(), st.booleans())
def test_places_sum_to_the_corridor(links: list[dict], apart: bool, clocks: bool) -> None:
    """Property: counts of all places, nobody's included, sum to those of one jurisdiction that is everywhere, and their
    histograms merged are its histograms."""
    kpi, told = observed(links, apart, clocks)
    alone = Latency(replace(context(), jurisdictions=("SH",)))
    whole = batch([{"access": (k + 1) * 7 * MS, "sense_ns": k * MS, "message": k // 2} for k in range(4)], told)
    whole.stations.place[:] = 0
    if clocks:
        whole.clock_error_ns = np.array([one["extra"] // 2 for one in links])
    alone.observe(whole)
    assert set(kpi.parts) == set(alone.parts)
    assert np.array_equal(kpi.sent.sum(2), alone.sent.sum(2))
    for (link, message, name), delays in alone.parts.items():
        if name in ("latency", "age_at_apply"):
            parts = [kpi.delays(link, message, name, [place]) for place in range(3)]
            assert np.array_equal(sum(one.cells for one in parts), delays.cells)
            assert sum(one.count for one in parts) == delays.count == kpi.parts[link, message, name].count
            assert sum(one.sum_ns for one in parts) == delays.sum_ns
            assert max(one.max_ns for one in parts) == delays.max_ns


def test_accumulators_of_places_merge() -> None:
    """Property: two halves merged say what one accumulator of both says, rows and histograms."""
    frames = [{"access": k * MS} for k in range(1, 9)]
    links = [{"row": k % 8, "receiver_place": k % 3 - 1} for k in range(40)]
    whole, first, second = (Latency(context()) for _ in range(3))
    whole.observe(batch(frames, links))
    first.observe(batch(frames, links[::2]))
    second.observe(batch(frames, links[1::2]))
    first.merge(second)
    assert list(first.rows()) == list(whole.rows())
    for one, other in zip(first.distributions(), whole.distributions(), strict=True):
        assert one.names == other.names and np.array_equal(one.cells, other.cells) and one.largest == other.largest


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 300 * MS), st.integers(1, 5)), max_size=40),
    st.integers(1, 20), st.sampled_from([1, 5, 1 << 17]), st.sampled_from([1, 3, 1 << 13]),
)
def test_however_samples_wait(samples: list[tuple[int, int, int]], size: int, kept: int, direct: int) -> None:
    """Property: samples give the same histograms whether they wait, go in at once, are picked or sorted."""
    delays, single = PlacedDelays(), PlacedDelays()
    plain, alone = ([DelayHistogram() for _ in range(13)] for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("KEPT_SAMPLES", kept), ("DIRECT_SAMPLES", direct), ("FEW_GROUPS", size // 2)):
            patch.setattr(placed, name, value)
        for begin in range(0, len(samples), size):
            group, value_ns, count = (np.array(column) for column in zip(*samples[begin : begin + size], strict=True))
            delays.add(group, {"a": value_ns, "b": 2 * value_ns}, count)
            single.add(group, {"a": value_ns})
        delays.flush()
        single.flush()
    for group, value_ns, count in samples:
        plain[group].add(np.full(count, value_ns))
        alone[group].add(np.array([value_ns]))
    for group in range(13):
        assert np.array_equal(delays.of("a", [group]).cells, plain[group].cells)
        assert delays.of("b", [group]).sum_ns == 2 * plain[group].sum_ns
        assert np.array_equal(single.of("a", [group]).cells, alone[group].cells)
    assert delays.of("a", range(13)).count == sum(count for _, _, count in samples)
    assert math.isnan(delays.of("c", range(13)).quantile_ms(0.5))
