"""Gaps, update delay and age of pairs, against a story told by hand and a plain reimplementation."""

from __future__ import annotations

import numpy as np
import pytest

from sim.clock import MS
from sim.frames import Outcome
from sim.metrics import Tick
from sim.metrics.gaps import Gaps
from sim.metrics.pairs import PairWindow
from tests.sim.metrics_factory import batch, context, place, stations

TICK_NS = 100 * MS


def hear(
    sender: int, receiver: int, made_ns: int, distance_m: float, took_ns: int = 10 * MS, **link: object
) -> tuple:
    frame = {"generated_ns": made_ns, "sender": sender, "access": took_ns - MS}
    return frame, {"receiver": receiver, "distance_m": distance_m, **link}


def observe(kpi: Gaps, heard: list[tuple]) -> None:
    links = [{**link, "row": k} for k, (_, link) in enumerate(heard)]
    kpi.observe(batch([frame for frame, _ in heard], links))


def values(kpi: Gaps) -> dict:
    return {(r.metric, r.quantile, r.distance_m, r.jurisdiction): r.value for r in kpi.rows()}


def test_a_pair_told_by_hand() -> None:
    """By hand: vehicle 1 hears vehicle 0 at 10, 110, 410 and 510 ms: gaps 100, 300, 100 ms, one of three
    above 250 ms.

    The other way nothing is heard: one open stretch of 600 ms. At the ticks 300, 400, 500 ms (watched for 300
    ms) the newest reception is 190, 290 and 90 ms old, the newest message 200, 300, 100 ms; over the ticks'
    300 ms the age runs from 200 to 300, is 300 .. 310 until 410 ms and 10 .. 100 after, then 100 .. 110 and
    10 .. 100: integral 25,000 + 3,050 + 4,950 + 1,050 + 4,950 = 39,000 ms2, mean 130 ms.
    """
    world = stations(2)
    place(world, 1, 50.0)
    kpi = Gaps(context())
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        observe(kpi, [hear(0, 1, k * TICK_NS, 50.0)] if k not in (2, 3) else [])
    found = values(kpi)
    assert found["gap", 0.5, 300, ""] == 100 and found["gap", 0.99, 300, ""] == 300
    assert found["gap_mean", None, 300, ""] == pytest.approx(500 / 3)
    assert found["gap_over_2.5T", None, 300, ""] == pytest.approx(1 / 3)
    assert found["update_delay_max", None, 300, ""] == 290
    assert found["update_delay", 0.5, 300, ""] == 190
    assert found["aoi", 0.5, 300, ""] == 200
    assert found["aoi_mean", None, 300, ""] == pytest.approx(130)
    assert found["pair_heard", None, 300, ""] == 0.5
    assert found["gap_open_ends", None, 300, ""] == 3
    assert found["C_useful", None, 150, ""] == found["C_raw", None, 150, ""] == 0.5


def test_a_gap_ends_with_the_range() -> None:
    """By hand: heard at 10 ms, out of range from tick 100 to 200 ms, heard again at 310 ms: two stretches, no
    gap."""
    world = stations(2)
    kpi = Gaps(context(gap_range_m=200))
    for k, x_m in enumerate((150.0, 210.0, 210.0, 150.0, 150.0)):
        place(world, 1, x_m)
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        observe(kpi, [hear(0, 1, k * TICK_NS, x_m)] if k in (0, 3) else [])
    found = values(kpi)
    assert kpi.gap.count == 0
    assert found["gap_open_ends", None, 200, ""] == 4 + 2
    assert "gap_over_2.5T" not in {key[0] for key in found}


def test_received_but_refused_is_raw_coverage_only() -> None:
    """By hand: every packet is received and none verified: raw 1, useful 0 for the pair that hears."""
    world = stations(2)
    place(world, 1, 50.0)
    kpi = Gaps(context())
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        both = [hear(a, b, k * TICK_NS, 50.0, outcome=Outcome.SEC_ROOT) for a, b in ((0, 1), (1, 0))]
        observe(kpi, both)
    found = values(kpi)
    assert found["C_raw", None, 150, ""] == 1 and found["C_useful", None, 150, ""] == 0
    assert found["C_raw", None, 300, "SH"] == 1


def test_a_slot_that_changes_hands_forgets() -> None:
    """By hand: the receiver leaves after the first reception and another one takes its slot: no gap between
    the two."""
    world = stations(2)
    place(world, 1, 50.0)
    kpi = Gaps(context())
    for k in range(4):
        if k == 2:
            world.station_id[1] = 10_000_099
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        observe(kpi, [hear(0, 1, k * TICK_NS, 50.0)] if k in (1, 2, 3) else [])
    found = values(kpi)
    assert kpi.gap.count == 1 and found["gap_max", None, 300, ""] == 100


class Plain:
    """The same definitions, one pair and one reception at a time, in floating milliseconds."""

    def __init__(self, range_m: float, tau_ms: float) -> None:
        self.range_m, self.tau_ms = range_m, tau_ms
        self.heard: dict = {}
        self.made: dict = {}
        self.since: dict = {}
        self.gaps: list[float] = []
        self.delays: list[float] = []
        self.ages: list[float] = []
        self.area = 0.0
        self.area_ms = 0.0
        self.fresh = {150: [0, 0], 300: [0, 0]}
        self.judged: set = set()

    def tick(self, now_ms: float, x_m: np.ndarray) -> None:
        self.judged = set()
        for a in range(len(x_m)):
            for b in range(len(x_m)):
                pair, near_m = (a, b), abs(x_m[a] - x_m[b])
                if a == b:
                    continue
                if near_m > self.range_m:
                    self.since.pop(pair, None)
                else:
                    self.since.setdefault(pair, now_ms)
                    if now_ms >= self.tau_ms and pair in self.heard:
                        self.delays.append(now_ms - self.heard[pair])
                        self.ages.append(now_ms - self.made[pair])
                        self.judged.add(pair)
                if now_ms >= self.tau_ms:
                    for limit_m, count in self.fresh.items():
                        if near_m <= limit_m:
                            count[0] += 1
                            count[1] += now_ms - self.heard.get(pair, -1e9) <= self.tau_ms

    def window(self, from_ms: float, events: list[tuple[float, float, int, int]]) -> None:
        age_at = {pair: from_ms - self.made[pair] for pair in self.judged}
        last = dict.fromkeys(self.judged, from_ms)
        for at_ms, made_ms, a, b in sorted(events):
            pair = (a, b)
            if pair in last:
                step = at_ms - last[pair]
                self.area += step * (age_at[pair] + step / 2)
                last[pair] = at_ms
                age_at[pair] = min(age_at[pair] + step, at_ms - made_ms)
            if pair in self.heard and pair in self.since and self.heard[pair] >= self.since[pair]:
                self.gaps.append(at_ms - self.heard[pair])
            self.heard[pair] = at_ms
            self.made[pair] = max(self.made.get(pair, -1e9), made_ms)
        for pair, at_ms in last.items():
            step = from_ms + 100 - at_ms
            self.area += step * (age_at[pair] + step / 2)
        self.area_ms += 100 * len(self.judged)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_against_a_plain_reimplementation(seed: int) -> None:
    """Independent: ten vehicles that cross each other for eight seconds, packets lost at random, some of them
    twice a tick, some applied only in the next tick; every gap, delay, age and count agrees, however the
    receptions of a tick are split into batches."""
    rng = np.random.default_rng(seed)
    count, ticks = 10, 80
    world, kpi, plain, parts = stations(count), Gaps(context()), Plain(300.0, 300.0), Gaps(context())
    x_m, speed_mps = rng.uniform(0, 900, count), rng.uniform(-30, 30, count)
    late: list[tuple[float, float, int, int]] = []
    for k in range(ticks):
        for slot in range(count):
            place(world, slot, x_m[slot], speed_mps[slot])
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        parts.tick(Tick(k * TICK_NS, TICK_NS, world))
        plain.tick(k * 100.0, x_m)
        heard, events = [], late
        for a in range(count):
            for b in range(count):
                for _ in range(rng.integers(0, 3) if a != b else 0):
                    made_ms, took_ms = k * 100 + int(rng.integers(0, 90)), int(rng.integers(2, 40))
                    heard.append(hear(a, b, made_ms * MS, abs(x_m[a] - x_m[b]), took_ms * MS))
                    events.append((made_ms + took_ms, made_ms, a, b))
        late = [e for e in events if e[0] >= (k + 1) * 100]
        plain.window(k * 100.0, [e for e in events if e[0] < (k + 1) * 100])
        heard = [heard[i] for i in rng.permutation(len(heard))]
        observe(kpi, heard)
        observe(parts, heard[:40])
        observe(parts, heard[40:])
        x_m = x_m + 0.1 * speed_mps
    assert list(parts.rows()) == list(kpi.rows())
    assert kpi.gap.count == len(plain.gaps) > 1000
    assert kpi.gap.sum_ns == pytest.approx(sum(plain.gaps) * MS, rel=1e-12)
    assert kpi.gap.max_ns == max(plain.gaps) * MS
    assert kpi.delay.count == len(plain.delays)
    assert kpi.delay.sum_ns == pytest.approx(sum(plain.delays) * MS, rel=1e-12)
    assert kpi.age.sum_ns == pytest.approx(sum(plain.ages) * MS, rel=1e-12)
    assert kpi.age_ns2 / kpi.age_time_ns / MS == pytest.approx(plain.area / plain.area_ms, rel=1e-4)
    for k, counts in enumerate(plain.fresh.values()):
        assert [int(kpi.covered[k, 0].sum()), int(kpi.covered[k, 2].sum())] == counts


@pytest.mark.parametrize("extra_ms", [0.0, 30.0, 120.0])
def test_receivers_with_instants_of_their_own(extra_ms: float) -> None:
    """Property: a link that takes longer than its frame's others counts as a frame of its own that took so long, also
    when it ends after the tick or overtakes the message before."""
    world = stations(4)
    for slot in range(4):
        place(world, slot, 40.0 * slot)
    apart, frames = Gaps(context()), Gaps(context())
    for k in range(14):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        apart.tick(Tick(k * TICK_NS, TICK_NS, world))
        frames.tick(Tick(k * TICK_NS, TICK_NS, world))
        late_ns = round(extra_ms * MS) * (k % 3 == 1)
        made_ns = k * TICK_NS + 20 * MS
        one = {"generated_ns": made_ns, "sender": 0, "access": 9 * MS}
        links = [{"receiver": r, "distance_m": 40.0 * r, "air_extra_ns": late_ns * (r == 2)} for r in (1, 2, 3)]
        apart.observe(batch([one], links))
        observe(frames, [
            hear(0, r, made_ns, 40.0 * r, 10 * MS + late_ns * (r == 2)) for r in (1, 2, 3)
        ])
    assert values(apart) == values(frames)
    assert apart.gap.count > 30 and (apart.gap.max_ns > TICK_NS) == (extra_ms > 0)


def test_the_window_holds_every_pair_within_reach() -> None:
    """Property: on a bent road, every pair closer than the reach plus the margin has a row of its own; others
    have none of theirs, and a renewed list points back to the rows of the old one."""
    rng = np.random.default_rng(9)
    slots = np.sort(rng.choice(100, 60, replace=False))
    angle = rng.uniform(0, 3, 60)
    x_m, y_m = 800 * np.cos(angle), 500 * np.sin(angle)
    window = PairWindow(200.0)
    window.renew(slots, x_m, y_m, 100)
    a, b = (m.ravel() for m in np.meshgrid(np.arange(60), np.arange(60)))
    near = np.hypot(x_m[a] - x_m[b], y_m[a] - y_m[b]) <= 300
    rows = window.row_of(slots[a], slots[b])
    assert (rows[near] >= 0).all() and len(set(rows[rows >= 0].tolist())) == (rows >= 0).sum() == window.size
    known = rows >= 0
    assert np.array_equal(window.sender[rows[known]], slots[a][known])
    assert np.array_equal(window.receiver[rows[known]], slots[b][known])
    old_sender, old_receiver = window.sender.copy(), window.receiver.copy()
    source = window.renew(slots[:50], x_m[:50] + 5, y_m[:50], 100)
    kept = source >= 0
    assert np.array_equal(old_sender[source[kept]], window.sender[kept])
    assert np.array_equal(old_receiver[source[kept]], window.receiver[kept])


def test_parts_merge() -> None:
    """Property: counts of two accumulators add up."""
    a, b = Gaps(context()), Gaps(context())
    world = stations(2)
    place(world, 1, 20.0)
    for kpi in (a, b):
        for k in range(3):
            world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
            kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
            observe(kpi, [hear(0, 1, k * TICK_NS, 20.0)])
    a.merge(b)
    assert a.gap.count == 4
