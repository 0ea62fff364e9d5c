"""Mode 2: re-evaluation, pre-emption, repetitions, thresholds by priority, levels by hand, refused settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.nr_mode2.layer import NrMode2
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 8)
URGENT = Flow(1, "DENM", Kind.VEHICLE, 100 * MS, 100 * MS, 1)
ROBUST = {"sci": "ideal", "mcs": [7], "packet_subchannels": 1, "in_band_emission": False}


def layer_of(
    x_m: np.ndarray, mode: dict[str, Any], flows: list[Flow], seed: int = 1, subchannels: int = 4, **settings: Any
) -> tuple[NrMode2, Stations]:
    """Vehicles at these places, subchannels of 12 PRB in 20 MHz, one of them per packet."""
    config = Radio.model_validate({
        "access": "nr-v2x-mode2", "bandwidth_mhz": 20, "mode2": {"keep_probability": 0.0, **ROBUST, **mode},
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": subchannels, "subchannel_prb": 12}],
        **settings,
    })
    stations = bench.place(x_m, np.zeros(len(x_m)))
    layer = NrMode2(config, flows, stations, seed, report_distance_m=2000.0, log_selections=True)
    return layer, stations


def traffic_of(flows: list[Flow], seed: int, urgent_senders: int = 0) -> bench.Traffic:
    """Periodic traffic of 190 bytes; the first stations send the second flow only, the others the first only."""
    traffic = bench.Traffic(flows, {flow.index: 190 for flow in flows}, seed)
    make = traffic.frames

    def frames(now: Stations) -> Frames:
        made = make(now)
        own = np.where(made.sender < urgent_senders, 1, 0)
        return made.take(np.flatnonzero(made.flow == own)) if urgent_senders else made

    traffic.frames = frames  # type: ignore[method-assign]
    return traffic


def lost_by_collision(batches: list[Receptions], first: int = 0, end: int = 10**9) -> tuple[int, int]:
    """Links lost by collision, and links, of packets of the stations ``first`` .. ``end`` - 1."""
    lost = links = 0
    for b in batches:
        sender = b.sender[b.row]
        own = (sender >= first) & (sender < end) & (b.outcome != Outcome.NEVER_SENT)
        lost += int((b.outcome[own] == Outcome.COLLISION).sum())
        links += int(own.sum())
    return lost, links


def test_reevaluation_lowers_collisions_under_aperiodic_traffic() -> None:
    """Property (E9): every packet selects two resources anew; others announce theirs meanwhile, which a second look
    three slots before the first use avoids."""
    for seed in range(2):
        shares = []
        for on in (True, False):
            mode = {"aperiodic": ["*"], "repetitions": 1, "reevaluation": on}
            layer, stations = layer_of(np.arange(45) * 4.0, mode, [BSM], seed, subchannels=2)
            lost, links = lost_by_collision(list(bench.run(layer, stations, traffic_of([BSM], seed), 8)))
            shares.append(lost / links)
            assert (layer.counts()["select_reevaluation"] > 0) == on
        assert shares[0] < 0.6 * shares[1]


def test_preemption_frees_the_way_for_urgent_packets() -> None:
    """Property: urgent stations ignore the reservations of others (threshold 0 dBm) and announce a second copy; those
    that hear it give their announced resource up if pre-emption is on, and urgent packets collide less."""
    thresholds = [0.0] * 8 + [-110.0] * 56
    total = np.zeros((2, 2))
    for number, on in enumerate((True, False)):
        for seed in range(2):
            mode = {
                "aperiodic": ["DENM"], "repetitions": 1, "rsrp_threshold_dbm": thresholds, "preemption": on,
                "reevaluation": False,
            }
            layer, stations = layer_of(np.arange(50) * 4.0, mode, [BSM, URGENT], seed, subchannels=2)
            batches = list(bench.run(layer, stations, traffic_of([BSM, URGENT], seed, 12), 10))
            total[number] += lost_by_collision(batches, 0, 12)
            assert (layer.counts()["select_preemption"] > 0) == on
    assert total[0, 0] / total[0, 1] < 0.9 * total[1, 0] / total[1, 1]


def test_only_priorities_above_the_limit_preempt() -> None:
    """By hand: with the limit at priority 1 no reservation is urgent enough, so nothing is given up."""
    thresholds = [0.0] * 8 + [-110.0] * 56
    mode = {
        "aperiodic": ["DENM"], "repetitions": 1, "rsrp_threshold_dbm": thresholds, "preemption": True,
        "preemption_priority": 1, "reevaluation": False,
    }
    layer, stations = layer_of(np.arange(50) * 4.0, mode, [BSM, URGENT], 1, subchannels=2)
    list(bench.run(layer, stations, traffic_of([BSM, URGENT], 1, 12), 10))
    assert layer.counts()["select_preemption"] == 0


def test_repetitions_end_once_and_are_heard_with_the_copy_that_decodes() -> None:
    """Property: a packet of three copies is one row, from its first copy's start to its last one's end; a receiver has
    it with one of them, most with the first."""
    layer, stations = layer_of(np.arange(60) * 25.0, {"repetitions": 2}, [BSM])
    submitted: list[Frames] = []
    traffic = traffic_of([BSM], 1)
    make = traffic.frames

    def frames(now: Stations) -> Frames:
        submitted.append(make(now))
        return submitted[-1]

    traffic.frames = frames  # type: ignore[method-assign]
    batches = [b for b in bench.run(layer, stations, traffic, 12) if len(b.frame)]
    ended = np.concatenate([b.frame for b in batches])
    assert len(np.unique(ended)) == len(ended)
    early = np.concatenate([f.frame[f.ready_ns < 900 * MS] for f in submitted])
    assert set(early.tolist()) <= set(ended.tolist())
    first_copy = 0
    for b in batches:
        sent = b.sent
        assert np.all(b.end_ns[sent] - b.start_ns[sent] <= 32 * MS)
        assert np.any(b.end_ns[sent] - b.start_ns[sent] > MS)
        got = b.outcome == Outcome.DELIVERED
        assert b.received_ns is not None
        assert np.all(b.received_ns[got] > b.start_ns[b.row[got]])
        assert np.all(b.received_ns[got] <= b.end_ns[b.row[got]])
        first_copy += int((b.received_ns[got] == b.start_ns[b.row[got]] + MS).sum())
    assert first_copy > 0.5 * sum(int((b.outcome == Outcome.DELIVERED).sum()) for b in batches)


def test_two_copies_reach_further_than_one() -> None:
    """By hand: without interference the sum of two equal ratios is 3 dB more: the AWGN curve of MCS 7 falls within half
    a decibel, so a link 1.5 dB below its threshold loses single packets and gets doubled ones."""
    settings = {"channel": {"shadowing_sigma_db": 0.0}}
    for copies, delivered in ((0, False), (1, True)):
        layer, stations = layer_of(np.array([0.0, 0.0]), {"repetitions": copies}, [BSM], **settings)
        # SNR over 12 PRB at 23 dBm and 3 + 3 dBi: find the distance of 0.4 dB, 1.5 dB below 1.92.
        noise_dbm = 10 * np.log10(1.380649e-23 * 290 * 12 * 180e3 * 1e3) + 9
        wanted_loss = 23 + 6 - noise_dbm - 0.4
        grid = np.arange(100.0, 3000.0, 0.5)
        loss = layer.propagation.path_loss_db(grid, 1.5, 1.5)
        stations.x0_m[1] = stations.x1_m[1] = grid[np.argmin(np.abs(loss - wanted_loss))]
        traffic = traffic_of([BSM], 1)
        make = traffic.frames
        traffic.frames = lambda now, make=make: (f := make(now)).take(np.flatnonzero(f.sender == 0))  # type: ignore
        outcome = np.concatenate([b.outcome for b in bench.run(layer, stations, traffic, 20)])
        assert len(outcome) > 15
        assert set(outcome.tolist()) == {int(Outcome.DELIVERED if delivered else Outcome.PROPAGATION)}


@pytest.mark.parametrize("numerology", [0, 1, 2])
def test_levels_by_hand(numerology: int) -> None:
    """By hand: at 100 m by WINNER+ B1 (100.06 dB at 5.9 GHz with h' 0.5 m) 23 dBm and 3 + 3 dBi arrive with -71.06 dBm;
    noise of 12 PRB of 180, 360, 720 kHz at NF 9 is -101.63, -98.62, -95.61 dBm; RSRP is that over 144 elements."""
    layer, stations = layer_of(
        np.array([0.0, 100.0]), {"numerology": numerology, "t1_slots": 3}, [BSM], subchannels=2, carrier_hz=5.9e9,
        channel={"shadowing_sigma_db": 0.0},
    )
    batches = list(bench.run(layer, stations, traffic_of([BSM], 1), 3))
    power = np.concatenate([b.power_dbm for b in batches if len(b.row)])
    sinr = np.concatenate([b.sinr_db for b in batches if len(b.row)])
    assert np.all(np.abs(power + 71.06) < 0.02)
    noise_dbm = -101.63 + 3.01 * numerology
    assert np.all(np.abs(sinr - (-71.06 - noise_dbm)) < 0.03)
    known = layer.known
    record = 2 * np.arange(2) + known.memory.generation[:2]
    listener = 1 - layer.processes.slot[:2]
    rsrp = known.heard_mw(record, listener, np.zeros(2, np.int64))
    assert 10 * np.log10(rsrp) == pytest.approx(np.full(2, -71.06 - 10 * np.log10(144)), abs=0.02)


def test_a_weak_transmission_is_neither_received_nor_sensed() -> None:
    """By hand: -71.06 dBm at 100 m: below a sensitivity of -70 dBm everything ends as SENSITIVITY, no RSRP is known."""
    settings = {"carrier_hz": 5.9e9, "channel": {"shadowing_sigma_db": 0.0}}
    for level, outcome, heard in ((-70.0, Outcome.SENSITIVITY, 0), (-72.0, Outcome.DELIVERED, 2)):
        layer, stations = layer_of(np.array([0.0, 100.0]), {"sensitivity_dbm": level}, [BSM], **settings)
        batches = list(bench.run(layer, stations, traffic_of([BSM], 1), 4))
        assert set(np.concatenate([b.outcome for b in batches]).tolist()) == {int(outcome)}
        record = 2 * np.arange(2) + layer.known.memory.generation[:2]
        rsrp = layer.known.heard_mw(record, 1 - layer.processes.slot[:2], np.zeros(2, np.int64))
        assert int((rsrp > 0).sum()) == heard


def test_thresholds_are_those_of_the_pair_of_priorities() -> None:
    """Printed: TS 38.331 sl-Thres-RSRP-List: entry (priority heard) + 8 (own - 1), counted from 1."""
    values = [-128.0 + 2 * (i % 60) for i in range(64)]
    layer, _ = layer_of(np.arange(3) * 10.0, {"rsrp_threshold_dbm": values}, [BSM])
    for own, heard in ((1, 1), (3, 7), (8, 8)):
        expected = 10 ** (values[heard - 1 + 8 * (own - 1)] / 10)
        assert layer.selector.threshold_mw[own - 1, heard - 1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "mode",
    [
        {"repetitions": 2, "aperiodic": ["DENM"], "preemption": True},
        {"numerology": 1, "t1_slots": 5, "repetitions": 1},
        {"numerology": 2, "t1_slots": 9}, {"keep_probability": 0.8, "t1_slots": 1},
    ],
)
def test_split_of_advance_calls_does_not_matter(mode: dict[str, Any]) -> None:
    """Property: to the bit, in every mode of operation; two flows per station, moving stations."""
    tables = []
    for step_ms in (100, 1, 7):
        layer, stations = layer_of(np.arange(24) * 20.0, mode, [BSM, URGENT], 5, subchannels=2)
        traffic = bench.Traffic([BSM, URGENT], {0: 190, 1: 150}, 5)
        batches = [b for b in bench.run(layer, stations, traffic, 4, 30.0, step_ms * MS) if len(b.frame)]
        rows = np.concatenate([
            np.column_stack([b.frame[b.row], b.receiver, b.outcome, b.sinr_db, b.start_ns[b.row], b.end_ns[b.row]])
            for b in batches
        ])
        tables.append(rows[np.lexsort((rows[:, 1], rows[:, 0]))])
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])
    assert len(tables[0]) > 2000


def test_adding_a_far_station_changes_no_draw_of_the_others() -> None:
    """Property: draws are keyed by station; somebody 100 km away takes no part."""
    tables = []
    for extra in ([], [100_000.0]):
        layer, stations = layer_of(np.append(np.arange(30) * 12.0, extra), {}, [BSM], 5)
        batches = list(bench.run(layer, stations, traffic_of([BSM], 5), 8))
        rows = np.concatenate([
            np.column_stack([b.sender[b.row], b.receiver, b.outcome, b.start_ns[b.row]]) for b in batches
        ])
        tables.append(rows[np.lexsort(rows.T)])
    np.testing.assert_array_equal(*tables)


def test_what_is_too_weak_to_exclude_anything_need_not_be_looked_at() -> None:
    """Property: leaving out reservations below the lowest threshold, and stations too far for more, changes nothing."""
    tables = []
    for least_mw in (None, 1e-30):
        layer, stations = layer_of(np.arange(120) * 25.0, {"sci": "table", "aperiodic": ["DENM"]}, [BSM, URGENT], 7)
        layer.selector.least_mw = least_mw or layer.selector.least_mw
        batches = bench.run(layer, stations, traffic_of([BSM, URGENT], 7), 6, 20.0)
        rows = np.concatenate([np.column_stack([b.frame[b.row], b.receiver, b.outcome]) for b in batches])
        tables.append(rows[np.lexsort(rows.T)])
    np.testing.assert_array_equal(*tables)
    assert len(tables[0]) > 50_000


def test_feedback_channel_lowers_what_fits() -> None:
    """Property: the largest frame falls with the share of slots that carry a feedback channel."""
    largest = []
    for period in (0, 4, 2, 1):
        layer, _ = layer_of(np.arange(2) * 10.0, {"psfch_period": period, "packet_subchannels": None}, [BSM])
        largest.append(layer.largest_frame_bytes(Kind.VEHICLE))
    assert largest == sorted(largest, reverse=True)
    assert largest[3] < 0.8 * largest[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode2": {"numerology": 1}}, "ends at PRB 100, the carrier has 51"),
        ({"pools": [{"name": "p", "senders": ["vehicle"], "subchannels": 2, "subchannel_prb": 11}]}, "of 11 PRB"),
        ({"mode2": {"pscch_prb": 12}}, "pscch_prb: 12"),
        ({"mode2": {"dmrs_elements": 13}}, "dmrs_elements: 13"),
        ({"mode2": {"t1_slots": 4}}, "t1_slots: 4 is above 3"),
        ({"mode2": {"candidate_ratio": [0.2, 0.3]}}, "candidate_ratio: 2 values, 1 or 8"),
        ({"mode2": {"pssch_table": "nowhere"}}, "'nowhere' is not one of"),
        ({"pools": [{"name": "p", "senders": ["rsu"], "subchannel_prb": 10}]}, "no pool for flow 'BSM'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """By hand: one line naming field and value."""
    radio = Radio.model_validate({"access": "nr-v2x-mode2", **settings})
    with pytest.raises(ValueError, match=message):
        NrMode2(radio, [BSM], bench.place(np.zeros(2), np.zeros(2)), 1)


def test_a_packet_larger_than_the_pool_is_refused_with_its_size() -> None:
    """By hand: 3000 bytes on two subchannels of 12 PRB at MCS 7."""
    layer, stations = layer_of(np.zeros(2), {"packet_subchannels": None}, [BSM], subchannels=2)
    layer.stations_changed(stations)
    values = (0, 0, int(stations.station_id[0]), 0, 0, 0, 0, 0, 3000)
    layer.submit(Frames(*(np.array([v], np.int64) for v in values)))
    with pytest.raises(ValueError, match="3000 bytes does not fit pool 'all'"):
        layer.advance(100 * MS, stations)


def test_a_budget_too_short_for_any_slot_ends_unsent() -> None:
    """By hand: a budget of 3 ms ends before T1 = 3 slots have passed and the slot is over; 4 ms leaves one slot."""
    for budget_ms, sent in ((3, False), (4, True)):
        flow = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, budget_ms * MS, 5)
        layer, stations = layer_of(np.arange(5) * 10.0, {"t2_min_slots": [1]}, [flow])
        traffic = bench.Traffic([flow], {0: 190}, 1)
        make = traffic.frames

        def whole_slots(now: Stations, make: Any = make) -> Frames:
            frames = make(now)
            frames.generated_ns[:] = frames.ready_ns[:] = frames.ready_ns // MS * MS
            return frames

        traffic.frames = whole_slots  # type: ignore[method-assign]
        batches = list(bench.run(layer, stations, traffic, 4))
        assert set(np.concatenate([b.sent for b in batches]).tolist()) == {sent}


def test_coupling_of_allocations_by_hand() -> None:
    """By hand: 24 PRB from 0 (A) and 12 PRB from 12 (B), control in the first 10: B's power falls on A's PRBs, half
    of A's on B's; on B's control PRBs 10/24 of A's, on A's none of B's; one subchannel holds half of A."""
    layer, _ = layer_of(np.zeros(2), {}, [BSM])
    grid = layer.grid
    a, b = grid.shape_id(0, 0, 2, 2), grid.shape_id(0, 1, 1, 2)
    coupling = grid.coupling(np.array([a, b]))
    np.testing.assert_allclose(coupling.data, [[1, 1], [0.5, 1]], atol=1e-6)
    np.testing.assert_allclose(coupling.control, [[10 / 24, 0], [10 / 24, 10 / 12]], atol=1e-6)
    np.testing.assert_allclose(coupling.subchannel, [[0.5, 0], [0.5, 1], [0, 0], [0, 0]], atol=1e-6)
    assert grid.power_share(24) == (1.0, pytest.approx(10 / 24))


def test_two_packets_on_one_resource_destroy_each_other() -> None:
    """By hand (mistakes 6 and 7): two senders 50 m left and right of a listener choose at once among 6 slots of one
    subchannel; where they choose the same one it gets neither (SINR 0 dB, MCS 7 needs 1.9), else both."""
    groups = 60
    x = np.repeat(np.arange(groups) * 50_000.0, 3) + np.tile([-50.0, 0.0, 50.0], groups)
    mode = {"t2_max_slots": 8, "t2_min_slots": [5]}
    layer, stations = layer_of(x, mode, [BSM], subchannels=1, channel={"shadowing_sigma_db": 0.0})
    layer.stations_changed(stations)
    for slot in np.flatnonzero(np.arange(3 * groups) % 3 != 1).tolist():
        values = (slot, slot, int(stations.station_id[slot]), slot, 0, 0, 0, 0, 190)
        layer.submit(Frames(*(np.array([v], np.int64) for v in values)))
    batch = layer.advance(100 * MS, stations)
    start = np.zeros(3 * groups, np.int64)
    start[batch.sender] = batch.start_ns
    at_listener = batch.receiver % 3 == 1
    sender, outcome = batch.sender[batch.row][at_listener], batch.outcome[at_listener]
    group = sender // 3
    same = start[3 * group] == start[3 * group + 2]
    assert 8 <= same.sum() <= 40
    assert set(outcome[same].tolist()) == {int(Outcome.COLLISION)}
    assert set(outcome[~same].tolist()) == {int(Outcome.DELIVERED)}
