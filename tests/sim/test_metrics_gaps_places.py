"""Gaps and update delay by the receiver's jurisdiction: by hand, against a plain reimplementation, and what adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.clock import MS
from sim.metrics import Context, Tick
from sim.metrics.gaps import Gaps
from sim.metrics.histograms import Histogram, histograms_of, merged
from tests.sim.metrics_factory import batch, context, place, stations

TICK_NS = 100 * MS
NAMES = ("", "SH", "JS")


def values(kpi: Gaps, jurisdiction: str) -> dict:
    found = [
        row for row in kpi.rows()
        if row.jurisdiction == jurisdiction and row.distance_m == 300 and not row.station_class
    ]
    return {(row.metric, row.quantile): (row.value, row.n) for row in found}


def hear(kpi: Gaps, heard: list[tuple[int, int, int, int]]) -> None:
    """Receptions (sender, receiver, when made in ns, how long it took in ns)."""
    frames = [{"generated_ns": made, "sender": a, "access": took - MS} for a, _, made, took in heard]
    kpi.observe(batch(frames, [{"receiver": b, "row": k} for k, (_, b, _, _) in enumerate(heard)]))


def test_a_receiver_that_crosses_told_by_hand() -> None:
    """By hand: vehicle 1 hears vehicle 0 at 10, 110, 410 and 510 ms and is in SH until 400 ms, then in JS: one gap of
    100 ms in SH, of 300 and 100 ms in JS, where the message that ends them is received.

    Vehicle 0 stays in SH and hears nothing. Sampled at 300 ms in SH (190 ms old), at 400 and 500 ms in JS (290, 90).
    Open ends: vehicle 1 begins in SH (10 ms) and ends in JS (90 ms), vehicle 0 has one of 600 ms in SH.
    """
    world = stations(2)
    place(world, 1, 50.0)
    kpi = Gaps(context())
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        world.place[1] = k >= 4
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        hear(kpi, [(0, 1, k * TICK_NS, 10 * MS)] if k not in (2, 3) else [])
    here, there = values(kpi, "SH"), values(kpi, "JS")
    assert here["gap_max", None] == (100, 1) and here["gap_over_2.5T", None] == (0, 1)
    assert there["gap", 0.5] == (100, 2) and there["gap_mean", None] == (200, 2)
    assert there["gap_over_2.5T", None] == (0.5, 2)
    assert here["update_delay_max", None] == (190, 1)
    assert there["update_delay", 0.5] == (90, 2) and there["update_delay_max", None] == (290, 2)
    assert (here["gap_open_ends", None][0], there["gap_open_ends", None][0]) == (2, 1)
    assert here["gap_open_over_2.5T", None] == (0.5, 2) and there["gap_open_over_2.5T", None] == (0, 1)
    assert not {"aoi_mean", "pair_heard"} & {metric for metric, _ in here}


class World:
    """Vehicles that cross each other and two borders (one side is nobody's), packets lost and late at random."""

    def __init__(self, seed: int, borders_m: tuple[float, ...] = (250, 600), count: int = 10, ticks: int = 60) -> None:
        self.borders_m = borders_m
        rng = np.random.default_rng(seed)
        self.x_m, self.speed_mps = rng.uniform(0, 900, count), rng.uniform(-30, 30, count)
        self.rng, self.count, self.ticks = rng, count, ticks
        self.stations = stations(count)

    def drive(self, *kpis: Gaps, alike: bool = True) -> list[tuple[np.ndarray, np.ndarray, list]]:
        """Runs; (positions, places, receptions applied in the tick or later) of every tick."""
        story = []
        for k in range(self.ticks):
            for slot in range(self.count):
                place(self.stations, slot, self.x_m[slot], self.speed_mps[slot])
            self.stations.place[:] = np.digitize(self.x_m, self.borders_m) - 1
            self.stations.tick_start_ns, self.stations.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
            heard = [
                (a, b, k * TICK_NS + int(self.rng.integers(0, 90)) * MS, int(self.rng.integers(2, 40)) * MS)
                for a in range(self.count) for b in range(self.count) if a != b and self.rng.random() < 0.6
            ]
            for kpi in kpis:
                kpi.tick(Tick(k * TICK_NS, TICK_NS, self.stations))
                if alike:
                    hear(kpi, heard)
                else:
                    hear_apart(kpi, heard)
            story.append((self.x_m.copy(), self.stations.place.copy() + 1, heard))
            self.x_m = self.x_m + 0.1 * self.speed_mps
        return story


def hear_apart(kpi: Gaps, heard: list[tuple[int, int, int, int]]) -> None:
    """The same, each link with an instant of its own beyond the first millisecond of its frame."""
    frames = [{"generated_ns": made, "sender": a, "access": 0} for a, _, made, _ in heard]
    links = [{"receiver": b, "row": k, "air_extra_ns": took - MS} for k, (_, b, _, took) in enumerate(heard)]
    kpi.observe(batch(frames, links))


def plain(story: list[tuple[np.ndarray, np.ndarray, list]], range_m: float = 300.0) -> tuple[dict, dict, dict]:
    """Gaps, delays and open ends (ms) by place, one pair and one reception at a time."""
    gaps: dict[int, list[float]] = {0: [], 1: [], 2: []}
    delays: dict[int, list[float]] = {0: [], 1: [], 2: []}
    opens: dict[int, list[float]] = {0: [], 1: [], 2: []}
    since: dict[tuple[int, int], float] = {}
    heard: dict[tuple[int, int], float] = {}
    late: list[tuple[float, int, int]] = []
    before = story[0][1]
    for k, (x_m, places, receptions) in enumerate(story):
        now_ms = k * 100.0
        for pair in [(a, b) for a in range(len(x_m)) for b in range(len(x_m)) if a != b]:
            if abs(x_m[pair[0]] - x_m[pair[1]]) > range_m:
                if pair in since:
                    opens[before[pair[1]]].append(now_ms - max(since.pop(pair), heard.get(pair, -1e9)))
                continue
            since.setdefault(pair, now_ms)
            if now_ms >= 300 and pair in heard:
                delays[places[pair[1]]].append(now_ms - heard[pair])
        events = late + [((made + took) / MS, a, b) for a, b, made, took in receptions]
        late = [event for event in events if event[0] >= now_ms + 100]
        for at_ms, *pair in sorted(event for event in events if event[0] < now_ms + 100):
            key = pair[0], pair[1]
            if key in since:
                whole = heard.get(key, -1e9) >= since[key]
                (gaps if whole else opens)[places[key[1]]].append(at_ms - (heard[key] if whole else since[key]))
            heard[key] = at_ms
        before = places
    for pair, from_ms in since.items():
        opens[before[pair[1]]].append(len(story) * 100.0 - max(from_ms, heard.get(pair, -1e9)))
    return gaps, delays, opens


@pytest.mark.parametrize(("seed", "alike"), [(1, True), (2, True), (3, False)])
def test_places_against_a_plain_reimplementation(seed: int, alike: bool) -> None:
    """Independent: gaps, delays and open ends of every place agree; links with instants of their own too."""
    kpi, world = Gaps(context()), World(seed)
    gaps, delays, opens = plain(world.drive(kpi, alike=alike))
    whole = values(kpi, "")
    for k, name in enumerate(NAMES):
        told = kpi.delays_of_place(k)
        assert told["gap"].count == len(gaps[k]) > 100
        assert told["gap"].sum_ns == pytest.approx(sum(gaps[k]) * MS, rel=1e-12)
        assert told["gap"].max_ns == max(gaps[k]) * MS
        assert told["update_delay"].count == len(delays[k])
        assert told["update_delay"].sum_ns == pytest.approx(sum(delays[k]) * MS, rel=1e-12)
        if name:
            found = values(kpi, name)
            assert found["gap_over_2.5T", None] == (pytest.approx(np.mean(np.array(gaps[k]) > 250)), len(gaps[k]))
            assert found["gap_open_ends", None][0] == len(opens[k])
            assert found["gap_open_over_2.5T", None][0] == pytest.approx(np.mean(np.array(opens[k]) > 250))
    assert whole["gap_open_ends", None][0] == sum(map(len, opens.values()))
    assert whole["gap_over_2.5T", None][1] == sum(map(len, gaps.values()))


def alone(names: tuple[str, ...]) -> Context:
    return replace(context(), jurisdictions=names)


@pytest.mark.parametrize("alike", [True, False])
def test_places_sum_to_the_corridor(alike: bool) -> None:
    """Property: rows of the whole corridor are those of a run that tells no places apart, of three jurisdictions of
    which one stays empty as well; counts of all places sum to them, and so do the histograms."""
    whole, kpi, more = Gaps(alone(())), Gaps(context()), Gaps(alone(("SH", "JS", "ZJ")))
    World(4).drive(kpi, more, alike=alike)
    World(4, borders_m=()).drive(whole, alike=alike)
    corridor = [row for row in whole.rows() if not row.metric.startswith("C_")]
    assert len(corridor) > 10 and {row.jurisdiction for row in corridor} == {""}
    for one in (kpi, more):
        found = [row for row in one.rows() if not row.jurisdiction and not row.metric.startswith("C_")]
        assert [row for row in found if not row.station_class] == corridor
        for name, delays in (("gap", whole.gap), ("update_delay", whole.delay)):
            parts = [one.delays_of_place(k)[name] for k in range(len(one.context.jurisdictions) + 1)]
            assert np.array_equal(sum(part.cells for part in parts), delays.cells)
            assert sum(part.sum_ns for part in parts) == delays.sum_ns
        assert one.placed_counts.sum(1).tolist() == [whole.gap_long, whole.open_ends, whole.open_long]
    assert "ZJ" not in {row.jurisdiction for row in more.rows()}


def test_one_jurisdiction_says_nothing_twice() -> None:
    """Property: a single jurisdiction has rows of coverage only, as it always had."""
    kpi = Gaps(alone(("SH",)))
    world = stations(2)
    place(world, 1, 50.0)
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        hear(kpi, [(0, 1, k * TICK_NS, 10 * MS)])
    assert {row.metric for row in kpi.rows() if row.jurisdiction} == {"C_raw", "C_useful"}
    assert {one.names.jurisdiction for one in kpi.distributions()} == {""}


def test_more_jurisdictions_than_bits() -> None:
    """Property: with forty jurisdictions the state of a pair takes more than eight bits; the last one keeps its own."""
    kpi = Gaps(alone(tuple(f"J{k}" for k in range(40))))
    world = stations(2)
    place(world, 1, 50.0)
    world.place[1] = 39
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        hear(kpi, [(0, 1, k * TICK_NS, 10 * MS)])
    assert values(kpi, "J39")["gap", 0.5] == (100, 5)
    assert {row.jurisdiction for row in kpi.rows() if row.metric == "gap"} == {"", "J39"}


def test_places_of_a_real_run(tmp_path: Path) -> None:
    """Property: on a road of two jurisdictions every receiver stands in one, so that counts of both sum to the
    corridor's, and histograms of both merged are the corridor's, cell by cell; every row of a place comes after."""
    keys = ["duration_s=1", "traffic_warmup_s=5", "radio_warmup_s=1"]
    run = sim.run(sim.load("03-one-border", keys), tmp_path / "run", plots=False)
    found = histograms_of(run.table("histograms"))
    placed = ("latency", "age_at_apply", "gap", "update_delay")
    shares: dict[tuple, list[Histogram]] = {}
    for (*names, distance_m), histogram in found.items():
        if names[0] in placed and names[4] and not (names[0] in placed[2:] and names[2] == "I2V"):
            shares.setdefault((*names[:4], "", *names[5:], distance_m), []).append(histogram)
    assert {key[0] for key in shares} == set(placed) and len(shares) > 8
    for key, parts in shares.items():
        together, whole = merged(parts), found[key]
        assert np.array_equal(together.cell, whole.cell) and np.array_equal(together.count, whole.count), key
        assert together.largest == whole.largest
    for metric in ("latency_sent", "latency_delivered"):
        table = run.select(metric=metric)
        for link, message in {(row["link"], row["message"]) for row in table.rows()}:
            rows = table.select(link=link, message=message)
            assert rows["jurisdiction"][0] == "" and rows["value"][1:].sum() == rows["value"][0] > 0
    rows = run.select(metric="gap_over_2.5T", link="V2V", station_class=None)
    assert rows["jurisdiction"].tolist() == ["", "A", "B"]
    assert rows["n"][1:].sum() == rows["n"][0]
    assert (rows["n"] * rows["value"])[1:].sum() == pytest.approx((rows["n"] * rows["value"])[0])
