"""802.11p under load: channel busy ratio, congestion control (ETSI TS 102 687)."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.dot11p.dcc import Adaptive, Reactive
from sim.access.dot11p.layer import Dot11p
from sim.clock import MS
from sim.frames import Flow, Kind
from tests.sim.dot11p_bench import BE, VI, VO, radio, scene, send

WINDOW_US = 100_000.0


def ratio_at(told, slot: int) -> float:
    """CBR of a station after the last window."""
    slots, ratio = told.layer.busy_ratio()
    return float(ratio[slots == slot][0])


@pytest.mark.parametrize(("own", "expected"), [(True, 448.0), (False, 0.0)])
def test_own_transmissions_count_or_not(own: bool, expected: float) -> None:
    """By hand: one frame of 448 us in 100 ms, at the sender and at a neighbour."""
    told = send([0.0, 50.0], [(0, 1000.0, 300, BE)], radio(cbr_own_transmissions=own), ticks=1)
    assert ratio_at(told, 0) == pytest.approx(expected / WINDOW_US)
    assert ratio_at(told, 1) == pytest.approx(448.0 / WINDOW_US)


def test_overlapping_frames_count_once_mistake_16() -> None:
    """By hand, mistake 16: two hidden frames of 448 us that overlap by 348 make 548 us busy at the station between them
    (896 if summed); a third one inside adds nothing."""
    x = [0.0, 500.0, 250.0, 251.0]
    told = send(x, [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio(), ticks=1)
    assert ratio_at(told, 2) == pytest.approx(548.0 / WINDOW_US)
    assert ratio_at(told, 0) == pytest.approx(448.0 / WINDOW_US)
    config = radio(carrier_sense_dbm=-50.0)
    told = send(x, [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE), (3, 1150.0, 100, BE)], config, ticks=1)
    assert ratio_at(told, 2) == pytest.approx(548.0 / WINDOW_US)


def test_busy_time_is_split_at_the_end_of_a_window_mistake_16() -> None:
    """By hand, mistake 16: a frame from 99.9 to 100.348 ms counts 100 us before and 348 us after; an overlapping one
    from 99.95 to 100.398 ms adds 50 us after only."""
    layer, stations = scene([0.0, 500.0, 250.0], radio())
    layer.stations_changed(stations)
    from tests.sim.dot11p_bench import frames_of

    layer.submit(frames_of([(0, 99_900.0, 300, BE), (1, 99_950.0, 300, BE)], stations))
    layer.advance(100 * MS, stations)
    slots, ratio = layer.busy_ratio()
    assert ratio[slots == 2][0] == pytest.approx(100 / WINDOW_US)
    bench.move(stations, np.zeros(3))
    layer.stations_changed(stations)
    layer.advance(200 * MS, stations)
    assert layer.busy_ratio()[1][layer.busy_ratio()[0] == 2][0] == pytest.approx(398 / WINDOW_US)


def test_busy_ratio_never_exceeds_one_mistake_16() -> None:
    """Property, mistake 16: two groups of saturated stations that do not hear each other, and listeners in between."""
    x = [*np.linspace(0, 50, 20), *np.linspace(500, 550, 20), 270.0, 275.0]
    flows = [Flow(0, "BSM", Kind.VEHICLE, 5 * MS, 100 * MS, 5)]
    stations = bench.place(np.array(x), np.zeros(len(x)), gain_dbi=0.0)
    layer = Dot11p(radio(), flows, stations, 1)
    traffic = bench.Traffic(flows, {0: 500}, 1)
    for _ in bench.run(layer, stations, traffic, 3):
        pass
    slots, ratio = layer.busy_ratio()
    assert ratio.max() <= 1.0
    assert ratio[np.isin(slots, [40, 41])].min() > 0.9


def test_busy_ratio_rises_less_than_load() -> None:
    """Property (experiment E7): doubling an offered load of 0.4 per neighbourhood less than doubles the busy ratio."""
    found = []
    for period_ms in (100, 50, 25):
        flows = [Flow(0, "BSM", Kind.VEHICLE, period_ms * MS, 100 * MS, 5)]
        x = np.random.default_rng(1).random(150) * 1500
        stations = bench.place(x, np.zeros(150), gain_dbi=0.0, ring_m=1500.0)
        layer = Dot11p(radio(), flows, stations, 1, report_distance_m=1.0)
        for _ in bench.run(layer, stations, bench.Traffic(flows, {0: 300}, 1), 3):
            pass
        found.append(float(layer.busy_ratio()[1].mean()))
    assert 1.5 < found[1] / found[0] < 2.0
    assert 1.2 < found[2] / found[1] < found[1] / found[0]


def test_reactive_states_by_hand() -> None:
    """By hand: 0.55 asks for active 3; one step per second window: 200, 400, 500 ms; then back step by step."""
    control = Reactive(1, "ton-1ms")
    intervals = []
    for cbr in [0.55] * 8 + [0.1] * 4:
        if control.update(np.array([cbr])):
            intervals.append(control.off_ns(0, 448_000) // MS)
    assert intervals == [200, 400, 500, 500, 400, 200]


@pytest.mark.parametrize(("table", "limits"), [
    ("ton-1ms", [(0.29, 100), (0.30, 200), (0.40, 400), (0.50, 500), (0.60, 1000)]),
    ("ton-0.5ms", [(0.29, 50), (0.30, 100), (0.40, 200), (0.50, 250), (0.64, 250), (0.65, 1000)]),
])
def test_reactive_tables(table: str, limits: list[tuple[float, int]]) -> None:
    """Printed: states and intervals of both tables, reached after enough windows."""
    for cbr, interval_ms in limits:
        control = Reactive(1, table)
        for _ in range(12):
            control.update(np.array([cbr]))
        assert control.off_ns(0, 448_000) == interval_ms * MS


def test_adaptive_fixed_point_of_the_formula() -> None:
    """Printed (experiment E7): K stations settle at CBR = 0.68 K b / (a + K b): 0.60 at K = 100, 0.65 at 300; duty
    cycles stay from 0.0006 to 0.03."""
    for stations, printed in ((100, 0.60), (300, 0.65)):
        control = Adaptive(1)
        cbr = 0.0
        for _ in range(2000):
            control.update(np.array([min(1.0, cbr)]))
            cbr = stations * float(control.delta[0])
            assert 0.0006 <= control.delta[0] <= 0.03
        assert cbr == pytest.approx(0.68 * stations * 0.0012 / (0.016 + stations * 0.0012), abs=0.005)
        assert cbr == pytest.approx(printed, abs=0.006)


def test_off_time_of_the_adaptive_approach() -> None:
    """By hand: 448 us over a duty cycle of 0.006 is 74.67 ms; bounds 25 ms and 1 s."""
    control = Adaptive(3)
    control.delta[:] = 0.006, 0.03, 0.0006
    assert control.off_ns(0, 448_000) == 74_666_667
    assert control.off_ns(1, 448_000) == 25 * MS
    assert control.off_ns(2, 712_000) == 1000 * MS


def crowd(stations: int, period_ms: int, ticks: int, start_delta: float | None = None, **keys):
    """Stations within 100 m of one another, all sending; busy ratios by window and start times by station."""
    flows = [Flow(0, "BSM", Kind.VEHICLE, period_ms * MS, 100 * MS, 5)]
    x = np.random.default_rng(3).random(stations) * 100
    place = bench.place(x, np.zeros(stations), gain_dbi=0.0)
    layer = Dot11p(radio(**keys), flows, place, 1, report_distance_m=0.1)
    if start_delta is not None:
        layer.control.delta[:] = start_delta
    starts: dict[int, list[int]] = {}
    ratios = []
    for batch in bench.run(layer, place, bench.Traffic(flows, {0: 300}, 1), ticks):
        for slot, start, sent in zip(batch.sender.tolist(), batch.start_ns.tolist(), batch.sent.tolist(), strict=True):
            if sent:
                starts.setdefault(slot, []).append(start)
        ratios.append(float(layer.busy_ratio()[1].mean()))
    return starts, ratios, layer


def test_reactive_gate_passes_one_frame_per_off_time() -> None:
    """Property (experiment E7): 120 saturated stations: from one second on no two starts of a station lie closer than
    the interval of a relaxed state, and the busy ratio has fallen from saturation."""
    starts, ratios, layer = crowd(120, 20, 25, dcc="reactive")
    gaps = np.concatenate([np.diff(times) for times in starts.values()])
    assert gaps.min() >= 100 * MS
    states = layer.control.state
    assert states.max() >= 1
    late = [np.diff([t for t in times if t > 2000 * MS]) for times in starts.values()]
    assert np.concatenate(late).min() >= 100 * MS
    assert max(ratios[:2]) <= 1.0


def test_reactive_gate_holds_each_state_s_interval() -> None:
    """By hand: stations whose state is held at restrictive send once a second."""
    flows = [Flow(0, "BSM", Kind.VEHICLE, 50 * MS, 100 * MS, 5)]
    place = bench.place(np.array([0.0, 50.0]), np.zeros(2), gain_dbi=0.0)
    layer = Dot11p(radio(dcc="reactive"), flows, place, 1)
    layer.control.state[:] = 4
    layer.control.update = lambda busy_ratio: False  # type: ignore[method-assign]
    times: dict[int, list[int]] = {0: [], 1: []}
    for batch in bench.run(layer, place, bench.Traffic(flows, {0: 300}, 1), 25):
        for slot, start, sent in zip(batch.sender.tolist(), batch.start_ns.tolist(), batch.sent.tolist(), strict=True):
            if sent:
                times[slot].append(start)
    for some in times.values():
        assert len(some) == 3
        assert np.diff(some).min() >= 1000 * MS and np.diff(some).max() < 1000 * MS + 51 * MS


def test_four_queues_behind_the_gate_most_urgent_first() -> None:
    """By hand: behind a closed gate (100 ms) frames of three categories wait; the most urgent one leaves first."""
    rows = [(0, 1000.0, 300, BE), (0, 2000.0, 300, BE), (0, 3000.0, 300, VI), (0, 4000.0, 300, VO)]
    told = send([0.0, 50.0], rows, radio(dcc="reactive"), ticks=4)
    assert told.start_us[0] == 1000.0
    assert 101_000.0 <= told.start_us[3] <= 102_000.0
    assert not told.sent[1] and told.end_us[1] == 102_000.0
    assert not told.sent[2] and told.end_us[2] == 103_000.0


@pytest.mark.slow
def test_adaptive_control_settles_at_the_fixed_point() -> None:
    """Printed (experiment E7): a hundred saturated stations in range settle at a busy ratio of 0.60 +- 0.02."""
    _, ratios, layer = crowd(100, 20, 300, dcc="adaptive")
    assert np.mean(ratios[-60:]) == pytest.approx(0.60, abs=0.02)
    assert np.all((layer.control.delta >= 0.0006) & (layer.control.delta <= 0.03))


def test_adaptive_control_stays_at_the_fixed_point() -> None:
    """Printed (experiment E7): started near the fixed point of a hundred stations, the ratio stays at 0.60 +- 0.02."""
    _, ratios, layer = crowd(100, 20, 80, start_delta=0.006, dcc="adaptive")
    assert np.mean(ratios[-40:]) == pytest.approx(0.60, abs=0.02)
    assert np.all((layer.control.delta >= 0.0006) & (layer.control.delta <= 0.03))
