"""Mode 4 medium access: statistics of sensing-based SPS, grants, budgets, conflicts, selection steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.access.lte_mode4.processes import period_subframes
from sim.access.sidelink.selection import blocks, choose, projected
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)


def layer_of(
    vehicles: int, flows: list[Flow] | None = None, mode: dict[str, Any] | None = None, seed: int = 1,
    spacing_m: float = 10.0, **settings: Any,
) -> tuple[LteMode4, Stations]:
    """Vehicles in a row, four subchannels of 12 PRB, one of them per packet unless ``mode`` says how to size."""
    fixed = {} if mode and "mcs" in mode else {"packet_subchannels": 1, "data_prb": 10, "mcs": [7]}
    config = Radio.model_validate({
        "bandwidth_mhz": 10, "mode4": {"keep_probability": 0.0, **fixed, **(mode or {})},
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": 4, "subchannel_prb": 12}], **settings,
    })
    stations = bench.place(np.arange(vehicles) * spacing_m, np.zeros(vehicles))
    return LteMode4(config, flows or [BSM], stations, seed, log_selections=True), stations


def run(
    layer: LteMode4, stations: Stations, flows: list[Flow], sizes: dict[int, int], ticks: int, seed: int = 1
) -> list[Receptions]:
    """Periodic traffic for so many ticks of 100 ms."""
    return list(bench.run(layer, stations, bench.Traffic(flows, sizes, seed), ticks))


def one_frame(stations: Stations, number: int, slot: int, ready_ns: int, size: int = 190, flow: int = 0) -> Frames:
    """A single frame."""
    values = (number, slot, int(stations.station_id[slot]), number, flow, 0, ready_ns, ready_ns, size)
    return Frames(*(np.array([v], np.int64) for v in values))


# ---- statistics (E8 of the validation notes)


@pytest.mark.parametrize(("period_ms", "least", "most"), [(20, 25, 75), (50, 10, 30)])
def test_counter_range_of_short_periods(period_ms: int, least: int, most: int) -> None:
    """Printed: TS 36.321 clause 5.14.1.1, 10 .. 30 at 50 ms and 25 .. 75 at 20 ms."""
    flow = Flow(0, "BSM", Kind.VEHICLE, period_ms * MS, period_ms * MS, 5)
    layer, stations = layer_of(150, [flow], {"processing_budget_ms": 0})
    run(layer, stations, [flow], {0: 190}, 10)
    counter = layer.selection_log["counter"]
    assert counter.min() == least
    assert counter.max() == most


@pytest.mark.parametrize(("keep", "lifetime_s"), [(0.0, 1.0), (0.4, 1.67), (0.8, 5.0)])
def test_counters_and_resource_lifetime(keep: float, lifetime_s: float) -> None:
    """Distribution (mistake 5): counters uniform in 5 .. 15; mean lifetime 10 x 100 ms / (1 - keep), its inverse the
    rate of reselections. Chi-square with 10 degrees of freedom: 29.6 at 0.1 %."""
    vehicles, warm, measured = 600, 25, 30
    layer, stations = layer_of(vehicles, mode={"keep_probability": keep}, spacing_m=1000.0)
    for tick, _ in enumerate(bench.run(layer, stations, bench.Traffic([BSM], {0: 190}, 1), warm + measured)):
        if tick == warm - 1:
            before = layer.counts()["select_counter"]
    chosen = layer.counts()["select_counter"] - before
    assert vehicles * measured * 0.1 / chosen == pytest.approx(lifetime_s, rel=3 / np.sqrt(chosen))
    counter = layer.selection_log["counter"]
    seen = np.bincount(counter - 5, minlength=11)
    assert len(seen) == 11
    assert ((seen - seen.mean()) ** 2 / seen.mean()).sum() < 29.6


def test_access_delay_is_uniform_and_then_constant() -> None:
    """Distribution: mean of uniform 4 .. 95 is 49.5 ms at a selection; constant while the grant lasts."""
    layer, stations = layer_of(200, spacing_m=1000.0)
    batches = run(layer, stations, [BSM], {0: 190}, 40)
    log = layer.selection_log
    delay = log["delay_subframes"]
    assert delay.min() >= 4
    assert delay.max() <= 95
    assert delay.mean() == pytest.approx(49.5, abs=2.0)
    assert np.histogram(delay, 4, (4, 96))[0].min() > 0.18 * len(delay)
    start = np.concatenate([b.start_ns[b.sender == 7] for b in batches]) // MS
    jumps = np.flatnonzero(np.diff(np.sort(start)) != 100)
    selections = int((log["slot"] == 7).sum()) - 1
    assert 0 < len(jumps) <= selections


def test_candidate_list_and_threshold_raises() -> None:
    """Property (mistake 9): at least 20 % remain always; raises come one by one and only when they are needed."""
    half = [{"name": "all", "senders": ["vehicle"], "subchannels": 2, "subchannel_prb": 12}]
    layer, stations = layer_of(420, mode={"rsrp_threshold_dbm": -128.0, "sci": "ideal"}, spacing_m=2.0, pools=half)
    run(layer, stations, [BSM], {0: 190}, 16)
    log = layer.selection_log
    share = log["remaining"] / log["candidates"]
    assert np.all(share >= 0.2)
    assert np.all(log["kept"] == np.ceil(0.2 * log["candidates"]))
    assert log["raises"].max() >= 3
    assert np.median(share[log["raises"] > 0]) < 0.4
    sparse, far = layer_of(20, spacing_m=3000.0)
    run(sparse, far, [BSM], {0: 190}, 30)
    assert sparse.selection_log["raises"].max() == 0


def test_first_transmissions_with_nothing_sensed_use_every_subchannel() -> None:
    """Distribution: ties are random, so first choices of unconnected stations cover 4 subchannels about equally."""
    layer, stations = layer_of(400, spacing_m=10_000.0)
    run(layer, stations, [BSM], {0: 190}, 2)
    first = np.bincount(layer.selection_log["first_subchannel"], minlength=4)
    assert first.sum() >= 400
    assert first.min() > 0.18 * first.sum()


def test_neighbours_keep_off_each_others_reservations() -> None:
    """Property: in a light, fully connected group collisions are those of simultaneous choices only (below 2 %)."""
    layer, stations = layer_of(40, spacing_m=5.0, mode={"in_band_emission": False})
    batches = run(layer, stations, [BSM], {0: 190}, 100)
    late = batches[20:]
    outcome = np.concatenate([b.data_outcome for b in late])
    assert np.mean(outcome == Outcome.COLLISION) < 0.02


def test_simultaneous_choices_collide_as_often_as_chance_says() -> None:
    """Distribution (E8): pairs 20 m apart, each pair alone, trigger in the same subframe on an empty channel: ties are
    random, so they choose the same resource with probability 1 / N; one subchannel and T2 = 20 leave N = 17."""
    pairs = 500
    x = np.repeat(np.arange(pairs) * 20_000.0, 2) + np.tile([0.0, 20.0], pairs)
    one = [{"name": "all", "senders": ["vehicle"], "subchannels": 1, "subchannel_prb": 12}]
    layer, _ = layer_of(1, mode={"t2_max_ms": 20}, pools=one)
    stations = bench.place(x, np.zeros(2 * pairs))
    layer = LteMode4(layer.radio, [BSM], stations, 1, log_selections=True)
    layer.stations_changed(stations)
    for slot in range(2 * pairs):
        layer.submit(one_frame(stations, slot, slot, 0))
    layer.advance(4 * MS, stations)
    log = layer.selection_log
    assert set(log["candidates"].tolist()) == {17}
    chosen = np.zeros(2 * pairs, np.int64)
    chosen[log["slot"]] = log["delay_subframes"]
    same = np.mean(chosen[::2] == chosen[1::2])
    assert same == pytest.approx(1 / 17, abs=3 * np.sqrt(1 / 17 / pairs))


# ---- SCI content


def test_last_sci_of_a_grant_announces_no_period() -> None:
    """By hand: with keep probability 0 one SCI in ten says 0; with 0.8 the decision comes first, so one in fifty."""
    for keep, expected in ((0.0, 0.1), (0.8, 0.02)):
        layer, stations = layer_of(200, mode={"keep_probability": keep}, spacing_m=1000.0)
        announced: list[int] = []
        send = layer.processes._send

        def spy(rows: np.ndarray, send: Any = send, announced: list[int] = announced) -> Any:
            sent = send(rows)
            announced.extend(sent.announced.tolist())
            return sent

        layer.processes._send = spy  # type: ignore[method-assign]
        run(layer, stations, [BSM], {0: 190}, 50)
        assert set(announced) == {0, 100}
        assert np.mean(np.array(announced) == 0) == pytest.approx(expected, rel=0.25)


# ---- one transport block per subframe


def test_never_two_transport_blocks_of_one_station_in_a_subframe() -> None:
    """Property: five flows of different periods at each station; conflicts are counted, never sent."""
    flows = [
        Flow(0, "BSM", Kind.VEHICLE, 20 * MS, 20 * MS, 5), Flow(1, "A", Kind.VEHICLE, 50 * MS, 50 * MS, 2),
        Flow(2, "B", Kind.VEHICLE, 100 * MS, 100 * MS, 3), Flow(3, "C", Kind.VEHICLE, 500 * MS, 100 * MS, 6),
        Flow(4, "D", Kind.VEHICLE, 100 * MS, 100 * MS, 7),
    ]
    layer, stations = layer_of(6, flows, {"processing_budget_ms": 0}, spacing_m=100.0)
    batches = run(layer, stations, flows, {i: 190 for i in range(5)}, 100)
    sender = np.concatenate([b.sender[b.sent] for b in batches])
    start = np.concatenate([b.start_ns[b.sent] for b in batches])
    assert len(np.unique(sender * 10**12 + start)) == len(sender)
    assert len(sender) > 0.95 * 6 * (500 + 200 + 100 + 20 + 100)


def test_lower_priority_gives_way() -> None:
    """By hand: both processes are put on subframe 30; the urgent one sends there, the other one later."""
    flows = [BSM, Flow(1, "EVENT", Kind.VEHICLE, 100 * MS, 100 * MS, 2)]
    layer, stations = layer_of(2, flows)
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0))
    layer.submit(one_frame(stations, 1, 0, 0, flow=1))
    layer.advance(4 * MS, stations)
    layer.processes.next[:2] = 30
    batch = layer.advance(100 * MS, stations)
    start = dict(zip(batch.frame.tolist(), batch.start_ns.tolist(), strict=True))
    assert start[1] == 30 * MS
    assert start[0] > 33 * MS
    assert layer.counts()["postponed"] == 1
    assert layer.counts()["select_conflict"] == 1


# ---- grants, sizes and budgets


def test_small_budget_bounds_the_selection_window() -> None:
    """By hand: 50 ms of budget less 5 ms of processing is T2 = 45 ms."""
    event = Flow(0, "BSM-EVENT", Kind.VEHICLE, 100 * MS, 50 * MS, 2)
    layer, stations = layer_of(40, [event])
    run(layer, stations, [event], {0: 190}, 20)
    log = layer.selection_log
    assert np.all(log["last_subframe"] <= 45)
    assert log["last_subframe"].max() == 45
    assert np.all(log["delay_subframes"] <= 45)


def test_grant_too_small_is_reselected_and_largest_avoids_it() -> None:
    """By hand: every fifth frame carries a certificate and needs more subchannels than the others."""
    counts = {}
    for sizing in ("per_packet", "largest", "adapt_mcs"):
        layer, stations = layer_of(10, mode={"grant_sizing": sizing, "mcs": [7, 11]}, spacing_m=100.0)
        for tick in range(60):
            if tick:
                bench.move(stations, np.zeros(stations.size))
            layer.stations_changed(stations)
            size = 190 if tick % 5 == 0 else 100
            for slot in range(10):
                layer.submit(one_frame(stations, tick * 10 + slot, slot, stations.tick_start_ns, size))
            layer.advance(stations.tick_end_ns, stations)
        counts[sizing] = layer.counts()["select_size"]
    assert counts["largest"] < 10
    assert counts["per_packet"] > 20
    assert counts["adapt_mcs"] < counts["per_packet"]


def test_message_that_fits_no_pool_is_an_error() -> None:
    """By hand: 4 x 12 PRB at MCS 7 hold 46 data PRBs (45 valid), 700 bytes at most."""
    layer, stations = layer_of(1, mode={"mcs": [7]})
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0, size=900))
    with pytest.raises(ValueError, match=r"900 bytes does not fit pool 'all'"):
        layer.advance(100 * MS, stations)


def test_replaced_and_late_frames_end_unsent_with_all_their_receivers() -> None:
    """By hand: a newer frame of the process replaces the waiting one; a budget of 3 ms leaves no subframe at all."""
    hasty = Flow(1, "HASTY", Kind.VEHICLE, 100 * MS, 3 * MS, 5)
    layer, stations = layer_of(3, [BSM, hasty])
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0))
    layer.submit(one_frame(stations, 1, 0, 2 * MS))
    layer.submit(one_frame(stations, 2, 1, 10 * MS, flow=1))
    batch = layer.advance(100 * MS, stations)
    sent = dict(zip(batch.frame.tolist(), batch.sent.tolist(), strict=True))
    end = dict(zip(batch.frame.tolist(), batch.end_ns.tolist(), strict=True))
    assert sent == {0: False, 1: True, 2: False}
    assert end[0] == 2 * MS
    assert end[2] == 10 * MS
    for frame, others in ((0, {1, 2}), (2, {0, 2})):
        rows = batch.frame[batch.row] == frame
        assert set(batch.receiver[rows].tolist()) == others
        assert np.all(batch.outcome[rows] == Outcome.NEVER_SENT)


def test_unused_opportunities_lead_to_a_new_selection() -> None:
    """By hand: a pause of 300 ms is three missed turns; sl-ReselectAfter 2 gives the grant up, none keeps it."""
    for after, expected in ((2, 1), (None, 0)):
        layer, stations = layer_of(1, mode={"reselect_after": after})
        for tick in range(8):
            if tick:
                bench.move(stations, np.zeros(1))
            layer.stations_changed(stations)
            if tick == 0:
                layer.submit(one_frame(stations, 0, 0, 0))
                layer.advance(50 * MS, stations)
                layer.processes.counter[:1] = 15
            if tick in (1, 5):
                layer.submit(one_frame(stations, tick, 0, stations.tick_start_ns))
            layer.advance(stations.tick_end_ns, stations)
        assert layer.counts()["select_missed"] == expected


def test_periods_of_reservations() -> None:
    """Printed: 20, 50 and multiples of 100 ms up to 1 s are the periods of a sidelink grant (TS 36.213 14.1.1)."""
    asked = [10, 20, 49, 50, 99, 100, 250, 500, 1000, 5000]
    assert [period_subframes(ms * MS) for ms in asked] == [20, 20, 20, 50, 50, 100, 200, 500, 1000, 1000]


# ---- the selection steps themselves


def choice_of(level: np.ndarray, power: np.ndarray, draw: tuple[float, float] = (0.0, 0.0), **options: Any) -> Any:
    """One station's choice among t x x candidates."""
    barred = options.pop("barred", np.zeros((1, level.shape[1]), bool))
    subframes = np.array([options.pop("subframes", level.shape[1])])
    level_mw = np.where(np.isneginf(level), 0, 10 ** (level.astype(float) / 10)).astype(np.float32)
    return choose(level_mw, barred, power, subframes, np.array([draw]), 1e-11, 3.0, 0.2)


def test_thresholds_rise_by_three_decibels_per_pass() -> None:
    """By hand (mistake 9): reservations at -100.5 dBm everywhere but one need (110 - 100.5) / 3 -> 4 raises."""
    level = np.full((1, 10, 1), -100.5, np.float32)
    level[0, 3, 0] = -np.inf
    choice = choice_of(level, np.ones((1, 10, 1), np.float32))
    assert choice.raises[0] == 4
    assert choice.remaining[0] == 10
    level[0, 5, 0] = -109.0
    choice = choice_of(level, np.ones((1, 10, 1), np.float32))
    assert (choice.raises[0], choice.remaining[0], choice.kept[0]) == (1, 2, 2)


def test_kept_list_is_the_quietest_fifth_and_the_pick_is_uniform() -> None:
    """Distribution: 2 of 10 candidates are kept; each is picked half of the time."""
    level = np.full((1, 10, 1), -np.inf, np.float32)
    power = np.arange(10, 0, -1, dtype=np.float32).reshape(1, 10, 1)
    draws = np.random.default_rng(1).random((2000, 2))
    picked = np.array([choice_of(level, power, tuple(d)).subframe[0] for d in draws])
    assert set(picked.tolist()) == {8, 9}
    assert np.mean(picked == 8) == pytest.approx(0.5, abs=0.05)
    tied = np.array([choice_of(level, np.ones_like(power), tuple(d)).subframe[0] for d in draws])
    assert np.bincount(tied, minlength=10).min() > 140


def test_barred_subframes_are_never_chosen_while_others_are_left() -> None:
    """By hand: 9 of 10 subframes barred leave one, below the wanted share of two; all barred: any."""
    level = np.full((1, 10, 2), -50.0, np.float32)
    barred = np.ones((1, 10), bool)
    barred[0, 6] = False
    for draw in (0.0, 0.3, 0.99):
        assert choice_of(level, np.ones((1, 10, 2), np.float32), (draw, draw), barred=barred).subframe[0] == 6
    every = choice_of(level, np.ones((1, 10, 2), np.float32), (0.5, 0.5), barred=np.ones((1, 10), bool), subframes=4)
    assert 0 <= every.subframe[0] < 4


def test_projection_of_reservations() -> None:
    """By hand: y, y + 20, y + 40 meet target 57 from a window 10 .. 49 at y = 17 and 37, and never beyond C_resel."""

    def meets(target: int, first: int, last: int, period: int, repetitions: int) -> list[int]:
        ones = [np.array([v]) for v in (target, first, last, period, repetitions)]
        return sorted(int(y) for _, found in projected(*ones) for y in found)

    assert meets(57, 10, 49, 20, 50) == [17, 37]
    assert meets(57, 10, 49, 20, 2) == [37]
    assert meets(30, 10, 99, 100, 50) == [30]
    assert meets(1030, 10, 99, 100, 50) == [30]
    assert meets(1030, 10, 99, 100, 10) == []
    assert meets(5, 10, 99, 100, 50) == []


def test_runs_of_subchannels() -> None:
    """By hand."""
    values = np.array([[[1.0, 5.0, 2.0, 0.0]]], np.float32)
    assert blocks(values, 2, np.maximum).tolist() == [[[5, 5, 2]]]
    assert blocks(values, 3, np.add).tolist() == [[[8, 7]]]
