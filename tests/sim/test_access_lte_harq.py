"""Blind retransmission of Mode 4: combining, half duplex, reservations of both copies, ends of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.access.lte_mode4.second import GREATEST_GAP
from sim.access.lte_mode4.selector import Batch
from sim.access.sidelink.copies import judge_copies
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.link import load_table
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)
FOUR = [{"name": "all", "senders": ["vehicle", "rsu"], "subchannels": 4, "subchannel_prb": 12}]


def layer_of(
    x_m: np.ndarray, mode: dict[str, Any] | None = None, twice: bool = True, seed: int = 1, ring_m: float = 0.0,
    flows: list[Flow] | None = None, **channel: Any,
) -> tuple[LteMode4, Stations]:
    """Vehicles at rest, four subchannels of 12 PRB, one per packet."""
    config = Radio.model_validate({
        "bandwidth_mhz": 10, "pools": FOUR, "channel": channel,
        "mode4": {"packet_subchannels": 1, "data_prb": 10, "mcs": [7], "blind_retransmission": twice, **(mode or {})},
    })
    stations = bench.place(np.asarray(x_m, float), np.zeros(len(x_m)), ring_m=ring_m)
    return LteMode4(config, flows or [BSM], stations, seed, log_selections=True), stations


def traffic(flows: list[Flow] | None = None, senders: list[int] | None = None) -> bench.Traffic:
    """190 bytes from every vehicle, or from some."""
    made = bench.Traffic(flows or [BSM], {0: 190, 1: 190}, 1)
    if senders is not None:
        make = made.frames
        made.frames = lambda now: (f := make(now)).take(np.flatnonzero(np.isin(f.sender, senders)))  # type: ignore[method-assign]
    return made


# ---- the judgement itself


def step(threshold_db: float) -> Any:
    """Error rates of a receiver that decodes from a ratio on, and never below."""
    limit = 10 ** (threshold_db / 10)
    return lambda snr, sinr: ((snr < limit).astype(np.float32), (sinr < limit).astype(np.float32))


D, HD, SEN, SCI, PRO, COL = (
    Outcome.DELIVERED, Outcome.HALF_DUPLEX, Outcome.SENSITIVITY, Outcome.CONTROL_LOST, Outcome.PROPAGATION,
    Outcome.COLLISION,
)


@pytest.mark.parametrize(("snr", "sinr", "heard", "expected", "copy"), [
    ((3.0, 3.0), (3.0, 3.0), "ok ok", D, 0),  # the first alone
    ((1.5, 1.5), (1.5, 1.5), "ok ok", D, 1),  # 1.5 + 1.5 = 3 reaches 2
    ((1.5, 1.5), (1.5, 1.5), "ok sci", PRO, 1),  # a copy whose SCI is lost does not count
    ((1.5, 1.5), (1.5, 1.5), "deaf ok", PRO, 1),
    ((1.5, 9.0), (1.5, 9.0), "deaf ok", D, 1),  # half duplex in one copy loses nothing
    ((9.0, 9.0), (9.0, 9.0), "deaf deaf", HD, 1),
    ((9.0, 9.0), (9.0, 9.0), "deaf weak", SEN, 1),
    ((9.0, 9.0), (9.0, 9.0), "weak sci", SCI, 1),
    ((9.0, 9.0), (9.0, 9.0), "deaf sci", SCI, 1),
    ((9.0, 9.0), (0.5, 0.5), "ok ok", COL, 1),  # noise alone would have let it through
    ((9.0, 9.0), (0.5, 9.0), "ok sci", COL, 1),
    ((9.0, 0.5), (0.5, 0.5), "sci ok", PRO, 1),  # of the copy that counts, noise is the cause
])
def test_outcome_of_two_copies(
    snr: tuple[float, float], sinr: tuple[float, float], heard: str, expected: Outcome, copy: int
) -> None:
    """By hand: decoding from a ratio of 2 on; a loss has the cause of the better copy."""
    words = heard.split()
    matrix = [np.array([values], np.float32) for values in (snr, sinr)]
    flags = [np.array([[word == name for word in words]]) for name in ("sci", "deaf", "weak")]
    outcome, by_copy = judge_copies(*matrix, ~flags[0], flags[1], flags[2], step(10 * np.log10(2)),
                                    np.array([0.5]), True)
    assert outcome[0] == expected
    if expected == D:
        assert by_copy[0] == copy
    data, _ = judge_copies(*matrix, ~flags[0], flags[1], flags[2], step(10 * np.log10(2)), np.array([0.5]), False)
    assert data[0] != SCI


def test_one_number_decides_both_copies() -> None:
    """Property (mistake 8): with one uniform number per packet and receiver, two equal copies at error rate p are lost
    with PER(2 x SNR), not with p squared; the number is never drawn again."""
    table = load_table("wilab-highway-los").select(7, 190)
    snr = np.full((20000, 2), 10 ** (table.sinr_at(0.5) / 10), np.float32)
    free = np.zeros(snr.shape, bool)
    number = (np.arange(20000) + 0.5) / 20000
    outcome, by_copy = judge_copies(
        snr, snr, ~free, free, free, lambda a, b: (table.per_linear(a), table.per_linear(b)), number, True)
    doubled = float(table.exact(table.sinr_at(0.5) + 10 * np.log10(2)))
    assert np.mean(outcome != D) == pytest.approx(doubled, abs=0.005)
    assert np.mean(by_copy[outcome == D] == 0) == pytest.approx(0.5 / (1 - doubled), abs=0.01)


# ---- in the layer


def test_combining_equals_three_decibels_of_noise_limited_link() -> None:
    """Independent: 150 receivers at one place, one sender: losses after two copies are PER(SNR + 3.01 dB) of the link
    table, those of one copy PER(SNR); frames that needed the second copy have it at its end."""
    table = load_table("wilab-highway-los").select(7, 190)
    lost = {}
    for twice in (False, True):
        x = np.concatenate([[0.0], np.full(150, 480.0)])
        layer, stations = layer_of(x, {"sci": "ideal"}, twice, shadowing_sigma_db=0.0)
        stations.tx_power_dbm[:] = 21.0
        batches = list(bench.run(layer, stations, traffic(senders=[0]), 25))
        outcome = np.concatenate([b.outcome for b in batches])
        power = np.concatenate([b.power_dbm for b in batches])
        lost[twice] = np.mean(outcome != D)
        snr_db = float(power[0]) - (-121.42 + 9 + 10)
        expected = float(table.exact(snr_db + (10 * np.log10(2) if twice else 0)))
        assert 0.05 < expected < 0.95
        assert lost[twice] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / len(outcome)))
        for b in batches:
            if not len(b.row):
                continue
            end = b.end_ns[b.row] if b.received_ns is None else b.received_ns
            assert np.all(end <= b.end_ns[b.row])
            if twice:
                early = end == b.start_ns[b.row] + MS
                assert early[b.outcome == D].any() and not early[b.outcome == D].all()
                assert np.all(end[b.outcome != D] == b.end_ns[b.row][b.outcome != D])


def test_half_duplex_falls_to_the_common_subframe_term() -> None:
    """By hand (E3): every station chooses at random (no threshold, all candidates kept). One copy: lambda / 1000 = 1 %.

    Two copies: both are lost to half duplex if the earlier ones share a subframe (1 / 100) and the gaps are equal
    (1 / 15): 1 / 1500; that is above the square of 2 % = 1 / 2500 of four independent subframes. Intervals: 3 standard
    errors, counting a pair once per second (the life of its resources).
    """
    free = {"rsrp_threshold_dbm": 0.0, "candidate_ratio": 1.0, "sci": "ideal", "in_band_emission": False,
            "keep_probability": 0.0}
    seconds, vehicles = 4, 90
    for twice, expected in ((False, 0.01), (True, 1 / 1500)):
        layer, stations = layer_of(np.linspace(0, 200, vehicles), free, twice)
        seen = np.zeros(2)
        for tick, batch in enumerate(bench.run(layer, stations, traffic(), 10 * seconds + 5)):
            if tick >= 5:
                seen += [np.sum(batch.outcome == HD), len(batch.outcome)]
        independent = vehicles * (vehicles - 1) * seconds
        assert seen[0] / seen[1] == pytest.approx(expected, abs=3 * np.sqrt(expected / independent))


def test_both_resources_come_from_one_selection_within_15_subframes() -> None:
    """Property (TS 36.213 clause 14.1.1.7): the second transmission is 1 to 15 subframes after the first, always the
    same while the grant lasts; frames end once, at the end of the second."""
    layer, stations = layer_of(np.arange(40) * 20.0, {"keep_probability": 0.0})
    batches = list(bench.run(layer, stations, traffic(), 40))
    log = layer.selection_log
    assert log["gap"].min() >= 0
    assert set(range(1, GREATEST_GAP + 1)) == set(log["gap"][log["gap"] > 0].tolist())
    assert np.mean(log["gap"] > 0) > 0.99
    frames = np.concatenate([b.frame for b in batches])
    assert len(np.unique(frames)) == len(frames)
    span = np.concatenate([(b.end_ns - b.start_ns)[b.sent] for b in batches]) // MS - 1
    assert span.min() >= 0
    assert span.max() == GREATEST_GAP
    assert layer.counts()["second_sent"] == pytest.approx(len(frames), abs=60)


def test_second_transmission_stays_within_the_delay_budget() -> None:
    """By hand: both candidates come from a window that ends 5 ms before the budget of 100 ms."""
    layer, stations = layer_of(np.arange(40) * 20.0)
    for batch in bench.run(layer, stations, traffic(), 25):
        assert np.all(batch.end_ns - batch.start_ns <= 16 * MS)
    log = layer.selection_log
    assert np.all(log["delay_subframes"] + log["gap"] <= log["last_subframe"])


def one_frame(stations: Stations, number: int, slot: int, ready_ns: int) -> Frames:
    """A single frame of 190 bytes."""
    values = (number, slot, int(stations.station_id[slot]), number, 0, 0, ready_ns, ready_ns, 190)
    return Frames(*(np.array([v], np.int64) for v in values))


def test_a_decoded_sci_excludes_both_resources() -> None:
    """By hand: station 0 sends at 30 and 37 on subchannels 1 and 3; 100 ms on, station 1 sees exactly those taken, at
    the received power per resource element; from the first SCI alone it knows of the second in the same period."""
    layer, stations = layer_of(np.array([0.0, 50.0]), {"sci": "ideal"}, shadowing_sigma_db=0.0)
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0))
    layer.advance(4 * MS, stations)
    p = layer.processes
    p.next[0], p.first[0], p.gap[0], p.second_first[0], p.counter[0] = 30, 1, 7, 3, 10
    layer.submit(one_frame(stations, 1, 1, 90 * MS))

    def taken(at: int) -> set[tuple[int, int]]:
        rows = np.array([0])
        batch = Batch(rows, np.array([1]), np.array([at]), np.array([at + 4]), np.array([at + 95]), np.array([100]),
                      np.array([100]), 0, 1, np.array([7]))
        _, t, s = np.nonzero(layer.selector.heard.reserved(batch))
        return {(at + 4 + int(a), int(b)) for a, b in zip(t, s, strict=True)}

    layer.advance(32 * MS, stations)
    assert taken(31) == {(37, 3)}
    assert taken(32) == {(37, 3)}
    layer.advance(60 * MS, stations)
    assert taken(56) == {(130, 1), (137, 3)}
    level = layer.selector.heard.reserved(Batch(
        np.array([0]), np.array([1]), np.array([56]), np.array([60]), np.array([151]), np.array([100]),
        np.array([100]), 0, 1, np.array([7])))
    loss_db = 40 * np.log10(50) + 7.56 - 2 * 17.3 * np.log10(0.5) + 2.7 * np.log10(5.915)  # WINNER+ B1 beyond 20 m
    element_dbm = 23 + 6 - loss_db + 10 * np.log10(10 / (10 + 2 * 10**0.3) / 120)
    assert 10 * np.log10(level.max()) == pytest.approx(element_dbm, abs=0.01)


def test_neighbours_keep_off_both_reservations() -> None:
    """Property: in a light, fully connected group collisions are those of simultaneous choices only (below 2 %)."""
    layer, stations = layer_of(np.arange(30) * 5.0, {"in_band_emission": False})
    batches = list(bench.run(layer, stations, traffic(), 60))[15:]
    outcome = np.concatenate([b.data_outcome for b in batches])
    assert np.mean(outcome == COL) < 0.02


def test_retransmission_counts_as_load() -> None:
    """By hand (mistake 21): twice the transmissions are twice the channel busy ratio in a sparse, connected group."""
    busy = {}
    for twice in (False, True):
        layer, stations = layer_of(np.arange(20) * 5.0, {"in_band_emission": False}, twice)
        for _ in bench.run(layer, stations, traffic(), 15):
            pass
        busy[twice] = layer.busy_ratio()[1].mean()
    assert busy[False] == pytest.approx(19 / 400, rel=0.03)
    assert busy[True] == pytest.approx(2 * busy[False], rel=0.06)


def drive(step_ns: int, ticks: int = 6) -> tuple[np.ndarray, list[Receptions]]:
    """Vehicles that move, two flows at each; sorted link rows."""
    flows = [BSM, Flow(1, "EVENT", Kind.VEHICLE, 100 * MS, 50 * MS, 2)]
    x = np.random.default_rng(1).random(40) * 900
    layer, stations = layer_of(x, {"mcs": [7]}, flows=flows)
    speed = np.where(np.arange(40) % 2, 33.0, -33.0)
    batches = list(bench.run(layer, stations, traffic(flows), ticks, speed, step_ns))
    rows = [np.column_stack([b.frame[b.row], b.receiver, b.outcome, b.data_outcome, b.distance_m, b.power_dbm,
                             b.end_ns[b.row] if b.received_ns is None else b.received_ns]) for b in batches]
    joined = np.concatenate(rows)
    return joined[np.lexsort((joined[:, 1], joined[:, 0]))], batches


def test_split_of_advance_calls_does_not_matter() -> None:
    """Property: to the bit, also where the two copies of a block lie in different calls and ticks."""
    whole, batches = drive(bench.TICK_NS)
    frames = np.concatenate([b.frame for b in batches])
    assert len(np.unique(frames)) == len(frames)
    assert np.concatenate([b.distance_m for b in batches]).max() <= 500.0
    for step_ns in (3 * MS, 37 * MS):
        np.testing.assert_array_equal(whole, drive(step_ns)[0])


def test_frame_of_a_sender_that_leaves_between_its_copies_ends_once() -> None:
    """By hand: the first copy goes out at 95 ms, the second would at 105; the station is another one from 100 on."""
    layer, stations = layer_of(np.array([0.0, 50.0]))
    layer.stations_changed(stations)
    layer.submit(one_frame(stations, 0, 0, 0))
    layer.advance(4 * MS, stations)
    p = layer.processes
    p.next[0], p.gap[0], p.counter[0] = 95, 10, 10
    first = layer.advance(100 * MS, stations)
    assert len(first.frame) == 0
    bench.move(stations, np.zeros(2))
    stations.station_id[0] += 1000
    stations.changed = np.array([0])
    layer.stations_changed(stations)
    rest = layer.advance(200 * MS, stations)
    assert rest.frame.tolist() == [0]
    assert rest.end_ns.tolist() == [96 * MS]
    assert rest.outcome.tolist() == [D]
