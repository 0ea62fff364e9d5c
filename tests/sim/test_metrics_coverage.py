"""Coverage by probes and vehicles, holes, channel load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.frames import Kind
from sim.metrics import KPIS, Tick, build, collect
from sim.metrics.channel import Channel
from sim.metrics.coverage import Coverage
from tests.sim.metrics_factory import batch, context, probe_grid, stations

TICK_NS = 100 * MS
RSI = 1


def follow(
    kpi: Coverage, ticks: int, zone: np.ndarray, when_heard: dict[int, list[int]], useful: object = True
) -> None:
    """Tick through, probes hearing RSI just before the given ticks."""
    world = stations(0, probes=len(kpi.probes))
    for k in range(ticks):
        if probes := when_heard.get(k):
            flags = (
                np.broadcast_to(np.asarray(useful), (len(probes),))
                if np.ndim(useful) < 2
                else np.asarray(useful)
            )
            kpi.received(RSI, np.array(probes), k * TICK_NS - MS, flags)
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world, zone))


def zone_of(*probes: int, count: int) -> np.ndarray:
    zone = np.zeros((3, count), bool)
    zone[RSI, list(probes)] = True
    return zone


def shares(kpi: Coverage, **where: object) -> dict:
    rows = [
        r for r in kpi.rows() if r.chainage_m is None and all(getattr(r, k) == v for k, v in where.items())
    ]
    return {(r.metric, r.jurisdiction, r.direction, r.station_class): r.value for r in rows}


def test_freshness_lasts_tau() -> None:
    """By hand: one reception 1 ms before tick 0 with tau 0.5 s covers ticks 0 .. 4 of 10 (499 ms + 1 ms <=
    500 ms)."""
    tau_s = {"SPAT": 1.0, "MAP": 5.0, "RSI": 0.5, "RSM": 0.5, "BSM": 0.3}
    kpi = Coverage(replace(context(tau_s=tau_s), probes=probe_grid(2)))
    follow(kpi, 10, zone_of(0, count=2), {0: [0, 1]})
    assert shares(kpi)["C_raw", "", "", "probe"] == 0.5
    assert [c.C_useful for c in kpi.cells()] == [0.5]


def test_useful_by_home_is_weighted_with_the_fleet() -> None:
    """By hand: useful to SH alone, which is 30 % of the fleet."""
    kpi = Coverage(replace(context(), probes=probe_grid(1), home_share=np.array([0.3, 0.7])))
    follow(kpi, 10, zone_of(0, count=1), {0: [0]}, [[True, False]])
    found = shares(kpi)
    assert found["C_raw", "", "", "probe"] == 1
    assert found["C_useful", "", "", "probe"] == pytest.approx(0.3)
    assert found["C_useful", "", "", "home SH"] == 1 and found["C_useful", "", "", "home JS"] == 0


def test_shares_by_jurisdiction_and_direction() -> None:
    """By hand: four cells up, four down, border at 50 m; only the two upward cells of SH are covered."""
    kpi = Coverage(replace(context(), probes=probe_grid(4, (1, -1), border_m=50)))
    follow(kpi, 10, zone_of(*range(8), count=8), {0: [0, 1]})
    found = shares(kpi, station_class="probe", metric="C_useful")
    assert [
        found["C_useful", place, way, "probe"]
        for place, way in (("", ""), ("SH", ""), ("JS", ""), ("", "up"), ("", "down"), ("SH", "up"))
    ] == [0.25, 0.5, 0, 0.5, 0, 1]


def test_holes_are_stretches_that_end_at_borders_and_zone_ends() -> None:
    """By hand: zone = cells 0-5 and 8-9, covered are 0 and 5; border at 75 m: holes 25-75, 75-125 and 200-250
    m."""
    kpi = Coverage(replace(context(), probes=probe_grid(10, border_m=75)))
    follow(kpi, 10, zone_of(0, 1, 2, 3, 4, 5, 8, 9, count=10), {0: [0, 5]})
    found = [(h.from_m, h.to_m, h.length_m, h.jurisdiction) for h in kpi.holes() if h.metric == "C_useful"]
    assert found == [(25, 75, 50, "SH"), (75, 125, 50, "JS"), (200, 250, 50, "JS")]
    assert kpi.tables()["holes"].columns[1] == "class"


def test_time_outside_the_zone_counts_nowhere() -> None:
    """By hand: the event ends after five of ten ticks; the cell is covered for all of its own time."""
    kpi = Coverage(replace(context(), probes=probe_grid(1)))
    world = stations(0, probes=1)
    kpi.received(RSI, np.array([0]), 0, np.array([True]))
    for k in range(10):
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world, zone_of(*([0] if k < 5 else []), count=1)))
    (cell,) = kpi.cells()
    assert (cell.zone_s, cell.C_useful) == (0.5, 1.0)


def test_vehicles_in_the_zone() -> None:
    """By hand: two vehicles 10 ticks in the zone, one hears nothing; at tick 5 the other's slot changes
    hands."""
    kpi, world = Coverage(context()), stations(2)
    kpi.vehicle_received(RSI, np.array([0]), 0, np.array([True]))
    zone = np.zeros((3, 2), bool)
    zone[RSI] = True
    for k in range(10):
        if k == 5:
            world.station_id[0] = 10_000_777
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world, None, zone))
    found = shares(kpi, metric="vehicle_coverage")
    assert found["vehicle_coverage", "", "", "vehicle"] == 0.25
    assert found["vehicle_coverage", "SH", "", "vehicle, home SH"] == 0.25


def test_parts_of_coverage_merge() -> None:
    """Property: two halves of the time add up to the whole."""
    whole, first, second = (Coverage(replace(context(), probes=probe_grid(2))) for _ in range(3))
    zone = zone_of(0, 1, count=2)
    follow(whole, 4, zone, {0: [0]})
    follow(whole, 6, zone, {2: [1]})
    follow(first, 4, zone, {0: [0]})
    second.received(RSI, np.array([0]), -MS, np.array([True]))
    follow(second, 6, zone, {2: [1]})
    first.merge(second)
    assert list(first.rows()) == list(whole.rows())


def test_busy_ratio_by_second_class_and_jurisdiction() -> None:
    """By hand: second 0 has ratios 0.1 and 0.3 at two vehicles, second 1 only 0.5 at both; a probe is not
    asked."""
    world = stations(2, rsus=1, probes=1)
    world.place[3] = 1
    kpi = Channel(context())
    slots = np.array([1, 2, 3])
    kpi.tick(Tick(0, TICK_NS, world, busy=(slots, np.array([0.9, 0.1, 0.3]))))
    kpi.tick(Tick(SECOND, TICK_NS, world, busy=(slots, np.array([0.9, 0.5, 0.5]))))
    found = {(r.metric, r.jurisdiction, r.station_class): (r.value, r.n) for r in kpi.rows()}
    assert found["cbr_mean", "", "vehicle"] == (pytest.approx(0.35), 4)
    assert found["cbr", "", "vehicle"] == (0.5, 4)
    assert found["cbr_mean", "JS", "vehicle"] == (pytest.approx(0.4), 2)
    table = kpi.tables()["cbr"].rows
    assert [(r[0], r[2], r[3]) for r in table if not r[2]] == [(0.0, "", 0.2), (1.0, "", 0.5)]


def test_frames_and_bytes_on_the_air() -> None:
    """By hand: of three BSM two were sent, 190 and 300 bytes, 1 ms each."""
    kpi = Channel(context())
    kpi.observe(
        batch(
            [
                {},
                {"size_bytes": 300, "generated_ns": SECOND},
                {"sent": False},
                {"message": 1, "sender_kind": Kind.RSU},
            ],
            [],
        )
    )
    kpi.count({"reselections_size": 4})
    kpi.count({"reselections_size": 1})
    found = {(r.metric, r.message, r.station_class): r.value for r in kpi.rows()}
    assert found["frames_generated", "BSM", "vehicle"] == 3
    assert found["frames_never_sent", "BSM", "vehicle"] == 1
    assert found["air_bytes", "BSM", "vehicle"] == 490
    assert found["airtime", "BSM", "vehicle"] == pytest.approx(0.002)
    assert found["frames_sent", "SPAT", "rsu"] == 1
    assert found["access_reselections_size", "", ""] == 5
    assert [row[0] for row in kpi.tables()["air"].rows] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("name", KPIS)
def test_every_kpi_keeps_the_contract(name: str) -> None:
    """Property: nothing seen gives no ratio; order and columns hold; a batch without links is harmless;
    merging with a fresh one changes nothing."""
    made = replace(context(), probes=probe_grid(3))
    kpi = build(made, [name])[name]
    assert not [r for r in kpi.rows() if r.unit == "ratio"]
    kpi.observe(batch([{}], []))
    kpi.tick(Tick(0, TICK_NS, stations(3, probes=3), np.ones((3, 3), bool), np.ones((3, 3), bool)))
    kpi.observe(batch([{}, {"generated_ns": TICK_NS}], [{"row": 0}, {"row": 1}]))
    before = list(kpi.rows())
    kpi.merge(KPIS[name](made))
    assert list(kpi.rows()) == before
    rows, tables = collect({name: kpi})
    assert rows == before and all(len(r) == len(t.columns) for t in tables.values() for r in t.rows)


def test_an_unknown_kpi_is_named() -> None:
    """By hand."""
    with pytest.raises(ValueError, match="metric 'speed' is unknown"):
        build(context(), ["speed"])
