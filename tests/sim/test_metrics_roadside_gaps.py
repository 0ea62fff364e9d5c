"""Gaps, delay and age of roadside messages: stories by hand, a plain reimplementation, and the closed form."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

import sim
from sim.clock import MS, SECOND
from sim.engine import Engine
from sim.frames import Flow, Kind, Outcome
from sim.metrics import Batch, RoadsideMessage, Tick
from sim.metrics.base import CLASSES
from sim.metrics.roadside_gaps import RoadsideGaps, roadside_messages
from sim.world.stations import Stations
from tests.sim.metrics_factory import batch, context, place, stations

TICK_NS = 100 * MS
SPAT = 1


def kpi_of(units: tuple[int, ...] = (0,), period_ms: int = 100, **measure: Any) -> RoadsideGaps:
    message = RoadsideMessage("SPAT", "SPAT", units, {0: period_ms * MS})
    return RoadsideGaps(replace(context(**measure), roadside=(message,)))


def tick(kpi: RoadsideGaps, world: Stations, number: int, zone: np.ndarray | None = None) -> None:
    world.tick_start_ns, world.tick_end_ns = number * TICK_NS, (number + 1) * TICK_NS
    zones = None
    if zone is not None:
        zones = np.zeros((len(CLASSES), world.size - world.first_vehicle), bool)
        zones[0] = zone
    kpi.tick(Tick(number * TICK_NS, TICK_NS, world, vehicle_zone=zones))


def hear(kpi: RoadsideGaps, world: Stations, heard: list[tuple]) -> None:
    """(unit, vehicle, made_ns, applied_ns, outcome) per reception."""
    if not heard:
        return
    frames = [
        {"generated_ns": made, "sender": unit, "sender_kind": Kind.RSU, "message": SPAT, "after_ns": at}
        for unit, _, made, at, _ in heard
    ]
    links = [
        {"row": k, "receiver": world.first_vehicle + vehicle, "outcome": outcome}
        for k, (_, vehicle, _, _, outcome) in enumerate(heard)
    ]
    one = batch(frames, links)
    one.stations = world
    kpi.observe(one)


def values(kpi: RoadsideGaps) -> dict:
    return {(r.metric, r.quantile, r.jurisdiction): r.value for r in kpi.rows()}


def test_a_vehicle_told_by_hand() -> None:
    """By hand: heard at 10, 110, 410 ms (its content 10 ms old each time), ticks of 100 ms: gaps 100 and 300 ms, one of
    two above 250 ms; a duplicate at 460 ms (content of 400 ms) refreshes: gap 50 ms.

    Delay at ticks 100 .. 500 ms: 90, 90, 190, 290, 40; age there 100, 100, 200, 300, 100. Age over time: 10 to 100 in
    the first tick (90 ms, area 4950), then up from 100 at 100 ms; each reception takes 100 ms (the third 300 ms) off
    what follows. Areas by tick: 4950; 1000 + 50 + 90 x 55 = 6000; 15000; 25000; 3000 + 50 + 4950 = 8000; 15000
    (100 to 200): 73,950 ms2 over 590 ms.
    """
    world = stations(1, rsus=1)
    place(world, 1, 100.0)
    kpi = kpi_of()
    for number in range(6):
        tick(kpi, world, number)
        at = number * TICK_NS
        if number in (0, 1, 4):
            hear(kpi, world, [(0, 0, at, at + 10 * MS, Outcome.DELIVERED)])
        if number == 4:
            hear(kpi, world, [(0, 0, at, at + 60 * MS, Outcome.NOT_INTERPRETED)])
            hear(kpi, world, [(0, 0, at + MS, at + 60 * MS, Outcome.DUPLICATE)])
    found = values(kpi)
    assert found["gap_mean", None, ""] == pytest.approx(450 / 3) and found["gap_max", None, ""] == 300
    assert found["gap_over_2.5T", None, ""] == pytest.approx(1 / 3)
    assert found["update_delay_mean", None, ""] == pytest.approx((90 + 90 + 190 + 290 + 40) / 5)
    assert found["aoi", 0.5, "SH"] == 100 and found["aoi", 0.99, "SH"] == 300
    # the duplicate's content is 1 ms younger: 40 ms are spent 1 ms younger, and the last tick's 100 ms as well
    assert found["aoi_mean", None, ""] == pytest.approx((73_950 - 40 - 100) / 590)
    assert found["gap_open_ends", None, ""] == 2


def test_outside_zone_or_range_nothing_counts() -> None:
    """By hand: heard in every tick, but in the zone from the second to the third only, and out of range in the fifth:
    one gap of 100 ms within the stay, two open ends of it, none elsewhere."""
    world = stations(1, rsus=1)
    kpi = kpi_of(gap_range_m=200)
    for number, (x_m, zone) in enumerate(((100.0, 0), (100.0, 1), (100.0, 1), (100.0, 0), (300.0, 1), (300.0, 1))):
        place(world, 1, x_m)
        tick(kpi, world, number, np.array([bool(zone)]))
        at = number * TICK_NS
        hear(kpi, world, [(0, 0, at, at + 10 * MS, Outcome.DELIVERED)])
    found = values(kpi)
    assert found["gap_max", None, ""] == 100 and found["gap_open_ends", None, ""] == 2
    assert sum(h.count for (name, _), h in kpi.histograms.items() if name == "gap") == 1


def test_any_unit_refreshes_and_parts_count_once() -> None:
    """By hand: unit 0 tells at 0 ms, unit 1 at 50 ms, unit 0 again at 100 ms in two parts: gaps 50 and 50 ms, and the
    second part of the same instant is no reception of its own."""
    world = stations(1, rsus=2)
    kpi = kpi_of(units=(0, 1))
    tick(kpi, world, 0)
    good = Outcome.DELIVERED
    hear(kpi, world, [(0, 0, 0, 2 * MS, good), (1, 0, 50 * MS, 52 * MS, good)])
    tick(kpi, world, 1)
    hear(kpi, world, [(0, 0, TICK_NS, 102 * MS, good), (0, 0, TICK_NS, 107 * MS, good)])
    found = values(kpi)
    assert found["gap_mean", None, ""] == found["gap_max", None, ""] == 50


def test_long_is_told_by_the_period_of_the_message() -> None:
    """By hand: the same three gaps of 300 ms are long for a message of 100 ms and short for one of a second."""
    for period_ms, share in ((100, 1.0), (1000, 0.0)):
        world = stations(1, rsus=1)
        kpi = kpi_of(period_ms=period_ms)
        for number in range(12):
            tick(kpi, world, number)
            if number % 3 == 0:
                hear(kpi, world, [(0, 0, number * TICK_NS, number * TICK_NS + MS, Outcome.DELIVERED)])
        assert values(kpi)["gap_over_2.5T", None, ""] == share


def test_who_never_hears_anything_has_no_delay() -> None:
    """By hand: judged from 200 ms on (freshness limit), vehicle 0 hears at 310 ms, vehicle 1 never: of 2 x 4 ticks
    judged (200 .. 500 ms) two are heard (400, 500 ms); delays of vehicle 0 alone; open for 310, 290, 600 ms."""
    world = stations(2, rsus=1)
    kpi = kpi_of(tau_s={"SPAT": 0.2})
    for number in range(6):
        tick(kpi, world, number)
        hear(kpi, world, [(0, 0, 300 * MS, 310 * MS, Outcome.DELIVERED)] if number == 3 else [])
    found = values(kpi)
    assert found["pair_heard", None, ""] == 2 / 8
    assert found["update_delay_mean", None, ""] == (90 + 190) / 2
    assert found["gap_open_ends", None, ""] == 3 and found["gap_open_over_2.5T", None, ""] == 1


def test_flows_of_one_message_are_followed_together() -> None:
    """By hand: two rules of RSI with periods of their own, sent by two units; a flow nobody sends is left out."""
    flows = [
        Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 2, "BSM"), Flow(1, "RSI", Kind.RSU, SECOND, SECOND, 5, "RSI"),
        Flow(2, "RSI", Kind.RSU, 100 * MS, 100 * MS, 5, "RSI"), Flow(3, "RSM", Kind.RSU, 100 * MS, 100 * MS, 5, "RSM"),
    ]
    found = roadside_messages(flows, {0: [9], 1: [3, 1], 2: [1, 2]})
    assert found == (RoadsideMessage("RSI", "RSI", (1, 2, 3), {1: SECOND, 2: 100 * MS}),)


@pytest.mark.parametrize("prr", [0.9, 0.8, 0.5])
def test_closed_form_of_independent_losses(prr: float) -> None:
    """Closed form (use-case requirements): with independent losses P(gap > k T) = (1 - PRR)^k; the KPI is given drawn
    receptions of 300 vehicles over 12 s; shares lie within 4 standard errors (of independent gaps) for k = 1, 2, 3."""
    rng = np.random.default_rng(7)
    vehicles, periods = 300, 120
    world = stations(vehicles, rsus=1)
    kpi = kpi_of()
    for number in range(periods):
        tick(kpi, world, number)
        at = number * TICK_NS
        who = np.flatnonzero(rng.random(vehicles) < prr)
        hear(kpi, world, [(0, int(one), at, at + 10 * MS, Outcome.DELIVERED) for one in who])
    found = values(kpi)
    gaps = kpi.histograms["gap", 1]
    for k in (1, 2, 3):
        expected = (1 - prr) ** k
        error = np.sqrt(expected * (1 - expected) / gaps.count)
        assert abs(1 - gaps.share_within(k * 100.0) - expected) < 4 * error + 2 / gaps.count
    assert found["gap_over_2.5T", None, "SH"] == pytest.approx(1 - gaps.share_within(250.0))


@dataclass
class Stay:
    """One vehicle while it is watched."""

    since: float
    times: list[float] = field(default_factory=list)
    made: float = -1.0


class Plain:
    """The definitions, one vehicle and one reception at a time, in floating milliseconds."""

    def __init__(self) -> None:
        self.stays: dict[int, Stay] = {}
        self.place: dict[int, str] = {}
        self.gaps: list[tuple[str, float]] = []
        self.delays: list[tuple[str, float]] = []
        self.ages: list[tuple[str, float]] = []
        self.ends: list[tuple[str, float]] = []
        self.area: dict[str, list[float]] = {}

    def tick(self, now: float, watched: dict[int, str], gone: set[int]) -> None:
        for one in sorted(set(self.stays) - set(watched) | gone & set(self.stays)):
            self.leave(one, now, watched.get(one, self.place[one]) if one not in gone else self.place[one])
        self.place = watched | {one: self.place[one] for one in set(self.place) - set(watched)}
        for one in watched:
            self.stays.setdefault(one, Stay(now))
        for one, stay in self.stays.items():
            if stay.times:
                self.delays.append((self.place[one], now - stay.times[-1]))
                self.ages.append((self.place[one], now - stay.made))

    def leave(self, one: int, now: float, place: str) -> None:
        stay = self.stays.pop(one)
        self.ends.append((self.place[one], now - (stay.times[-1] if stay.times else stay.since)))

    def settle(self, begin: float, heard: list[tuple[float, float, int]]) -> None:
        """Receptions (applied, made, vehicle) of the tick from ``begin`` on; then the age over its 100 ms."""
        pieces = {one: [(begin, stay.made)] for one, stay in self.stays.items() if stay.times}
        for time, made, one in sorted(heard):
            stay = self.stays.get(one)
            if stay is None or made == stay.made:
                continue
            if stay.times:
                self.gaps.append((self.place[one], time - stay.times[-1]))
            else:
                self.ends.append((self.place[one], time - stay.since))
            stay.times.append(time)
            stay.made = max(stay.made, made)
            pieces.setdefault(one, []).append((time, stay.made))
        for one, steps in pieces.items():
            total = self.area.setdefault(self.place[one], [0.0, 0.0])
            for (a, made), (b, _) in zip(steps, [*steps[1:], (begin + 100.0, 0.0)], strict=True):
                total[0] += ((b - made) ** 2 - (a - made) ** 2) / 2
                total[1] += b - a


def test_against_a_plain_reimplementation() -> None:
    """Independent: random drives past three units, a zone that comes and goes, slots that change hands, losses,
    duplicates, refused messages and parts: every figure agrees with the plain reimplementation, by jurisdiction."""
    rng = np.random.default_rng(3)
    vehicles, units = 12, 3
    world = stations(vehicles, rsus=units)
    for unit in range(units):
        place(world, unit, 250.0 * unit, y_m=20.0)
    x_m, speed_mps = rng.uniform(-200, 700, vehicles), rng.uniform(-30, 30, vehicles)
    kpi, plain = kpi_of(units=(0, 1, 2), gap_range_m=150), Plain()
    wanted = np.ones(vehicles, bool)
    for number in range(150):
        now, at = number * 100.0, number * TICK_NS
        x_m += speed_mps * 0.1
        wanted ^= rng.random(vehicles) < 0.03
        swapped = set(np.flatnonzero(rng.random(vehicles) < 0.01).tolist()) if number else set()
        for one in range(vehicles):
            slot = world.first_vehicle + one
            place(world, slot, x_m[one])
            world.place[slot] = int(x_m[one] > 300)
            world.station_id[slot] += 1000 * (one in swapped)
        away_m = np.hypot(x_m[:, None] - 250.0 * np.arange(units), 20.0).min(axis=1)
        here = {one: ("SH", "JS")[int(x_m[one] > 300)] for one in range(vehicles) if wanted[one] and away_m[one] <= 150}
        tick(kpi, world, number, wanted)
        plain.tick(now, here, swapped)
        heard, counted = [], []
        for unit in range(units):
            made = at + 20 * MS * (unit + 1)
            for one in np.flatnonzero(rng.random(vehicles) < 0.5).tolist():
                ends = (Outcome.DELIVERED, Outcome.DUPLICATE, Outcome.NOT_INTERPRETED, Outcome.PROPAGATION)
                outcome = ends[int(rng.integers(len(ends)))]
                for part in range(int(rng.integers(1, 3))):
                    applied = made + int(rng.integers(2 * MS, 15 * MS)) + part * MS
                    heard.append((unit, one, made, applied, int(outcome)))
                    if outcome in (Outcome.DELIVERED, Outcome.DUPLICATE):
                        counted.append((applied / MS, made / MS, one))
        order = rng.permutation(len(heard))
        hear(kpi, world, [heard[k] for k in order])
        plain.settle(now, counted)
    found = values(kpi)
    for one, stay in plain.stays.items():
        plain.ends.append((plain.place[one], 15_000.0 - (stay.times[-1] if stay.times else stay.since)))
    for name, listed in (("gap", plain.gaps), ("update_delay", plain.delays), ("aoi", plain.ages)):
        for where in ("", "SH", "JS"):
            mine = [value for place_, value in listed if where in ("", place_)]
            assert len(mine) > 100
            median = np.quantile(mine, 0.5, method="inverted_cdf")
            assert found[name, 0.5, where] == pytest.approx(median, abs=0.0101)
            if name != "aoi":
                assert found[f"{name}_mean", None, where] == pytest.approx(np.mean(mine))
                assert found[f"{name}_max", None, where] == pytest.approx(max(mine))
    for where in ("", "SH", "JS"):
        ends = [value for place_, value in plain.ends if where in ("", place_)]
        assert found["gap_open_ends", None, where] == len(ends)
        assert found["gap_open_over_2.5T", None, where] == pytest.approx(np.mean(np.array(ends) > 250))
        areas = [total for place_, total in plain.area.items() if where in ("", place_)]
        mean = sum(area for area, _ in areas) / sum(time for _, time in areas)
        assert found["aoi_mean", None, where] == pytest.approx(mean)


def test_any_split_into_batches_gives_the_same_rows() -> None:
    """Property: receptions handed over one by one, in any order and a tick late give the very same rows."""
    rng = np.random.default_rng(11)
    rows = []
    heard = [
        (0, int(one), number * TICK_NS, number * TICK_NS + int(rng.integers(1, 120)) * MS, Outcome.DELIVERED)
        for number in range(30) for one in np.flatnonzero(rng.random(5) < 0.7)
    ]
    for split in (False, True):
        world = stations(5, rsus=1)
        kpi = kpi_of()
        for number in range(31):
            tick(kpi, world, number)
            mine = [one for one in heard if one[2] == number * TICK_NS]
            if split:
                for k in rng.permutation(len(mine)):
                    hear(kpi, world, [mine[k]])
            else:
                hear(kpi, world, mine)
        rows.append(list(kpi.rows()))
    assert rows[0] == rows[1]


class Spy:
    """Notes which unit sent which flow."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int]] = set()

    def observe(self, batch: Batch) -> None:
        units = batch.sender_kind == Kind.RSU
        self.seen |= set(zip(batch.flow[units].tolist(), batch.sender[units].tolist(), strict=True))

    def tick(self, tick: Tick) -> None:
        """Nothing."""


@pytest.mark.parametrize("name", ["03-one-border", "04-day-two"])
def test_units_send_what_is_told_of_them(name: str) -> None:
    """Property: over a run longer than every period, exactly those units send exactly those flows that the KPI takes
    for their senders (answers to single vehicles apart)."""
    few = ["measure.probes=false", "traffic_warmup_s=0", "radio_warmup_s=0", "traffic.equipped_ratio=0.1"]
    engine = Engine(sim.load(name, ["duration_s=1.1", *few]))
    spy = Spy()
    engine.kpis["spy"] = spy  # type: ignore[assignment]
    engine.run()
    answers = {flow.flow.index for flow in engine.flows.values() if flow.flow.message == "RSC"}
    told = {(flow, unit) for flow, units in engine.roadside.sends().items() for unit in units}
    assert told and {(flow, unit) for flow, unit in spy.seen if flow not in answers} == told
