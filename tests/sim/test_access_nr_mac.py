"""Mode 2 medium access as a whole: half duplex, counters, delays, re-evaluation, pre-emption, copies, reservations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.nr_mode2.layer import NrMode2
from sim.access.nr_mode2.sendings import Sendings
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)
URGENT = Flow(1, "DENM", Kind.VEHICLE, 100 * MS, 100 * MS, 1)
ROBUST = {"sci": "ideal", "mcs": [7], "packet_subchannels": 1, "in_band_emission": False}


def layer_of(
    x_m: np.ndarray, mode: dict[str, Any] | None = None, flows: list[Flow] | None = None, seed: int = 1,
    subchannels: int = 4, **settings: Any,
) -> tuple[NrMode2, Stations]:
    """Vehicles at these places, subchannels of 12 PRB in 20 MHz, one of them per packet."""
    config = Radio.model_validate({
        "access": "nr-v2x-mode2", "bandwidth_mhz": 20, "mode2": {"keep_probability": 0.0, **ROBUST, **(mode or {})},
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": subchannels, "subchannel_prb": 12}],
        **settings,
    })
    stations = bench.place(x_m, np.zeros(len(x_m)))
    layer = NrMode2(config, flows or [BSM], stations, seed, report_distance_m=5000.0, log_selections=True)
    return layer, stations


def run(
    layer: NrMode2, stations: Stations, ticks: int, flows: list[Flow] | None = None, seed: int = 1, step_ns: int = 0
) -> list[Receptions]:
    """Periodic traffic of 190 bytes for so many ticks of 100 ms."""
    flows = flows or [BSM]
    traffic = bench.Traffic(flows, {flow.index: 190 for flow in flows}, seed)
    return list(bench.run(layer, stations, traffic, ticks, step_ns=step_ns or bench.TICK_NS))


def one_frame(stations: Stations, number: int, slot: int, ready_ns: int, flow: int = 0) -> Frames:
    """A single frame of 190 bytes."""
    values = (number, slot, int(stations.station_id[slot]), number, flow, 0, ready_ns, ready_ns, 190)
    return Frames(*(np.array([v], np.int64) for v in values))


def share(batches: list[Receptions], outcome: Outcome, since: int = 0) -> float:
    """Share of links that ended so."""
    ended = np.concatenate([b.outcome for b in batches[since:]])
    return float(np.mean(ended == outcome))


# ---- half duplex (E3)


@pytest.mark.parametrize(
    ("numerology", "period_ms", "expected"), [(0, 100, 0.01), (0, 50, 0.02), (1, 100, 0.005), (2, 100, 0.0025)]
)
def test_half_duplex_loss(numerology: int, period_ms: int, expected: float) -> None:
    """By hand (E3): lambda / (1000 2^mu) where slots are drawn at random: reservations are ignored (threshold 0 dBm)
    and every packet draws anew, so pairs are independent. At 30 kHz it is half of LTE's lambda / 1000."""
    flow = Flow(0, "BSM", Kind.VEHICLE, period_ms * MS, period_ms * MS, 5)
    mode = {
        "numerology": numerology, "rsrp_threshold_dbm": [0.0], "aperiodic": ["*"], "processing_budget_ms": 0,
        "reevaluation": False, "t1_slots": (3, 5, 9)[numerology],
    }
    layer, stations = layer_of(np.arange(160) * 2.0, mode, [flow], subchannels=(4, 4, 2)[numerology])
    batches = run(layer, stations, 14, [flow])
    links = sum(len(b.row) for b in batches[2:])
    loss = share(batches, Outcome.HALF_DUPLEX, 2)
    assert loss == pytest.approx(expected, abs=4 * np.sqrt(2 * expected / links) + 0.02 * expected)


def test_two_copies_square_the_half_duplex_loss() -> None:
    """By hand: one copy is missed with 1 %; both only where both of the receiver's own slots are the same two: of about
    92 x 62 / 2 pairs of slots within 31 of each other that is below 0.1 %, however they are weighted below 0.2 %."""
    mode = {"rsrp_threshold_dbm": [0.0], "aperiodic": ["*"], "repetitions": 1, "reevaluation": False}
    layer, stations = layer_of(np.arange(120) * 2.0, mode)
    loss = share(run(layer, stations, 12), Outcome.HALF_DUPLEX, 2)
    assert 0 < loss < 0.002


# ---- statistics (E8)


@pytest.mark.parametrize(("keep", "lifetime_s"), [(0.0, 1.0), (0.4, 1.67), (0.8, 5.0)])
def test_counters_and_resource_lifetime(keep: float, lifetime_s: float) -> None:
    """Distribution (mistake 5): counters uniform in 5 .. 15; mean lifetime 10 x 100 ms / (1 - keep), its inverse the
    rate of reselections. Chi-square with 10 degrees of freedom: 29.6 at 0.1 %."""
    vehicles, warm, measured = 600, 15, 20
    layer, stations = layer_of(np.arange(vehicles) * 20_000.0, {"keep_probability": keep})
    before = 0
    for tick, _ in enumerate(bench.run(layer, stations, bench.Traffic([BSM], {0: 190}, 1), warm + measured)):
        if tick == warm - 1:
            before = layer.counts()["select_counter"]
    chosen = layer.counts()["select_counter"] - before
    assert vehicles * measured * 0.1 / chosen == pytest.approx(lifetime_s, rel=3 / np.sqrt(chosen))
    seen = np.bincount(layer.selection_log["counter"] - 5, minlength=11)
    assert len(seen) == 11
    assert ((seen - seen.mean()) ** 2 / seen.mean()).sum() < 29.6


def test_delays_are_uniform_at_a_selection_and_never_beyond_the_budget() -> None:
    """Distribution (mistake 23): T1 .. T2 = 3 .. 95 slots, mean 49; every packet ends within its budget of 100 ms."""
    layer, stations = layer_of(np.arange(300) * 20_000.0)
    frames: list[Frames] = []
    traffic = bench.Traffic([BSM], {0: 190}, 1)
    make = traffic.frames

    def frames_of(now: Stations) -> Frames:
        frames.append(make(now))
        return frames[-1]

    traffic.frames = frames_of  # type: ignore[method-assign]
    batches = list(bench.run(layer, stations, traffic, 30))
    delay = layer.selection_log["delay_slots"]
    assert delay.min() >= 3
    assert delay.max() <= 95
    assert delay.mean() == pytest.approx(49.0, abs=4 * 26.8 / np.sqrt(len(delay)))
    submitted = Frames.concatenate(frames)
    ready = np.zeros(int(submitted.frame.max()) + 1, np.int64)
    ready[submitted.frame] = submitted.generated_ns
    late = [(b.end_ns[b.sent] - ready[b.frame[b.sent]]).max(initial=0) for b in batches]
    assert 90 * MS < max(late) <= 100 * MS


def test_nobody_schedules_stations_that_choose_at_once() -> None:
    """Distribution (mistake 22): pairs of stations, each pair alone, choose in the same slot among 6 slots of one
    subchannel: they collide in 1/6 of the cases, as two draws do; a base station would keep them apart."""
    pairs = 400
    x = np.repeat(np.arange(pairs) * 50_000.0, 2) + np.tile([0.0, 10.0], pairs)
    layer, stations = layer_of(x, {"t2_max_slots": 8, "t2_min_slots": [5]}, subchannels=1)
    layer.stations_changed(stations)
    for slot in range(2 * pairs):
        layer.submit(one_frame(stations, slot, slot, 0))
    layer.advance(100 * MS, stations)
    first = layer.selection_log
    chosen = np.zeros(2 * pairs, np.int64)
    chosen[first["slot"]] = first["delay_slots"]
    same = np.mean(chosen[::2] == chosen[1::2])
    assert same == pytest.approx(1 / 6, abs=4 * np.sqrt(5 / 36 / pairs))


# ---- sensing


def announced_by(layer: NrMode2, rows: list[Sendings]) -> None:
    """Note everything the layer sends."""
    due = layer.processes.due

    def spy(start: int, end: int) -> Sendings:
        sent = due(start, end)
        rows.append(sent)
        return sent

    layer.processes.due = spy  # type: ignore[method-assign]


def test_last_sci_of_a_grant_announces_no_period() -> None:
    """By hand: with keep probability 0 one SCI in ten says 0; with 0.8 the decision comes first, so one in fifty."""
    for keep, expected in ((0.0, 0.1), (0.8, 0.02)):
        layer, stations = layer_of(np.arange(100) * 20_000.0, {"keep_probability": keep})
        rows: list[Sendings] = []
        announced_by(layer, rows)
        run(layer, stations, 40)
        announced = np.concatenate([s.announced for s in rows])
        assert set(announced.tolist()) == {0, 100}
        assert np.mean(announced == 0) == pytest.approx(expected, rel=0.25)


def test_a_reservation_keeps_others_off_its_resource() -> None:
    """By hand: one subchannel; station 0 sends at a known slot m and reserves m + 100; 200 others that choose while
    that lies in their window never take it. Had its SCI announced nothing they would (1 of 92 each)."""
    layer, stations = layer_of(np.concatenate([[0.0], np.full(200, 30.0)]), subchannels=1)
    rows: list[Sendings] = []
    announced_by(layer, rows)
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0))
    layer.advance(100 * MS, stations)
    m = int(np.concatenate([s.at for s in rows])[0])
    bench.move(stations, np.zeros(stations.size))
    layer.stations_changed(stations)
    for slot in range(1, 201):
        layer.submit(one_frame(stations, slot, slot, (m + 10) * MS if m > 90 else 100 * MS))
    layer.advance(200 * MS, stations)
    log = layer.selection_log
    taken = (log["at"] + log["delay_slots"])[log["slot"] > 0]
    assert len(taken) == 200
    assert m + 100 not in taken
    assert len(np.unique(taken)) > 60


def test_power_without_reservation_does_not_matter() -> None:
    """Property (mistake 10): senders that reserve nothing fill half of the subchannels; a station that selects hears
    their power and still draws uniformly from all (Mode 4 would rank them last)."""
    loud = Flow(1, "DENM", Kind.VEHICLE, 20 * MS, 20 * MS, 5)
    mode = {"aperiodic": ["DENM"], "reevaluation": False, "sensing_window_ms": 100}
    chosen = []
    for seed in range(3):
        layer, stations = layer_of(np.arange(160) * 2.0, mode, [BSM, loud], seed=seed, subchannels=2)
        busy = bench.Traffic([loud], {1: 190}, seed)
        make = busy.frames
        busy.frames = lambda now, make=make: (f := make(now)).take(np.flatnonzero(f.sender < 20))  # type: ignore
        pick = layer.selector._grant

        def lower_only(batch: Any, found: Any, pick: Any = pick, layer: NrMode2 = layer) -> None:
            pick(batch, found)
            layer.processes.first[batch.rows[layer.processes.flow[batch.rows] == 1]] = 0

        layer.selector._grant = lower_only  # type: ignore[method-assign]
        for tick, _ in enumerate(bench.run(layer, stations, busy, 4)):
            if tick == 2:
                now = stations.tick_end_ns
                for slot in range(20, 160):
                    layer.submit(one_frame(stations, 10_000 + slot, slot, now))
        log = layer.selection_log
        chosen.append(log["first_subchannel"][log["slot"] >= 20])
    first = np.concatenate(chosen)
    assert len(first) == 3 * 140
    assert np.mean(first == 0) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(first)))


def test_sets_by_priority() -> None:
    """Property: X of 20 and 50 % by priority: at high load the larger share needs more passes."""
    flows = [BSM, URGENT]
    mode = {
        "candidate_ratio": [0.2, 0.2, 0.2, 0.2, 0.5, 0.5, 0.5, 0.5], "rsrp_threshold_dbm": [-128.0], "t2_max_slots": 40,
    }
    layer, stations = layer_of(np.arange(90) * 4.0, mode, flows, subchannels=2)
    run(layer, stations, 12, flows)
    log = layer.selection_log
    late = log["at"] > 300
    ratio = log["remaining"] / log["candidates"]
    for flow, least in ((0, 0.5), (1, 0.2)):
        assert np.all(ratio[late & (log["flow"] == flow)] >= least)
    raises = [log["raises"][late & (log["flow"] == flow)].mean() for flow in (0, 1)]
    assert raises[0] > raises[1]


def test_busy_ratio_by_hand() -> None:
    """By hand: one sender of one of 4 subchannels ten times a second fills 1/400 of them for its neighbour, and nothing
    for itself: what it sends itself it does not monitor. 100 slots at 30 kHz are 50 ms."""
    for window, numerology, slots in (("100-ms", 0, 100), ("100-slots", 1, 100), ("100-ms", 1, 200)):
        layer, stations = layer_of(np.array([0.0, 20.0]), {"cbr_window": window, "numerology": numerology})
        traffic = bench.Traffic([BSM], {0: 190}, 1)
        make = traffic.frames
        traffic.frames = lambda now, make=make: (f := make(now)).take(np.flatnonzero(f.sender == 0))  # type: ignore
        seen = []
        for _ in bench.run(layer, stations, traffic, 12):
            seen.append(layer.busy_ratio()[1])
        ratio = np.array(seen[2:])
        assert np.all(ratio[:, 0] == 0)
        if slots * layer.slot_ns == 100 * MS:
            assert ratio[:, 1].mean() == pytest.approx(1 / (4 * slots), rel=0.3)
        assert set(np.round(ratio[:, 1] * 4 * slots, 6).tolist()) <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(("numerology", "t1_slots"), [(1, 5), (2, 9)])
def test_windows_in_slots_of_faster_numerologies(numerology: int, t1_slots: int) -> None:
    """By hand: 95 ms are 190 slots at 30 kHz and 380 at 60 kHz; a packet that arrives inside a slot waits for the next,
    so the last slot that ends in time is the 188th, 378th after; packets start on the slot grid and last one slot."""
    mode = {"numerology": numerology, "t1_slots": t1_slots}
    layer, stations = layer_of(np.arange(60) * 20_000.0, mode, subchannels=2)
    batches = [b for b in run(layer, stations, 8) if len(b.frame)]
    log = layer.selection_log
    most = 95 << numerology
    assert log["delay_slots"].min() >= t1_slots
    assert 0.85 * most < log["delay_slots"].max() <= most
    assert set(log["last_slot"].tolist()) == {most - 2}
    start, end = (np.concatenate([getattr(b, name) for b in batches]) for name in ("start_ns", "end_ns"))
    slot_ns = 1_000_000 >> numerology
    assert not np.any(start % slot_ns)
    assert np.all(end - start == slot_ns)
    assert np.any(start % 1_000_000)
