"""802.11p reception: locks, capture, interference, half duplex, probes, another radio on the channel."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.dot11p.interference import concurrent
from sim.access.dot11p.layer import Dot11p
from sim.access.neighbours import LISTENERS, PROBE
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome
from sim.link.dot11p_rates import NOISE_DBM
from tests.sim.dot11p_bench import BE, BK, radio, scene, send

NOISE_MW = 10 ** ((NOISE_DBM + 9) / 10)
HIDDEN = [0.0, 400.0, 150.0]
"""Senders 0 and 1 do not sense each other (-90.7 dBm); receiver 2 has -73.7 dBm of the first, -82.6 of the second."""


def power_mw(distance_m: float) -> float:
    """By hand: 23 dBm over WINNER+ B1 beyond the breakpoint, effective heights 1 m, 5.915 GHz."""
    return 10 ** ((23 - (40 * np.log10(distance_m) + 7.56 + 2.7 * np.log10(5.915))) / 10)


def in_db(ratio: float) -> float:
    """A power ratio in dB."""
    return float(10 * np.log10(ratio))


def test_the_first_decodable_frame_holds_the_receiver() -> None:
    """By hand: the second frame finds the receiver busy; the first one has 8.5 dB and is received."""
    told = send(HIDDEN, [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio())
    assert told.outcome[1, 2] == Outcome.RECEIVER_BUSY
    assert told.outcome[0, 2] == Outcome.DELIVERED
    assert told.sinr_db[0, 2] == pytest.approx(in_db(power_mw(150) / (NOISE_MW + power_mw(250))), abs=0.02)
    assert told.outcome[0, 1] == Outcome.SENSITIVITY


@pytest.mark.parametrize(
    ("capture", "gap_us", "taken"),
    [("none", 2.0, False), ("none", 100.0, False), ("preamble-4us", 4.0, True), ("preamble-4us", 4.1, False),
     ("message-in-message", 100.0, True), ("message-in-message", 440.0, True)],
)
def test_capture(capture: str, gap_us: float, taken: bool) -> None:
    """By hand: a frame 13.9 dB stronger than the one under reception arrives: it takes the receiver as the rule says;
    the frame that is left counts as collision."""
    x = [400.0, 0.0, 125.0]
    told = send(x, [(0, 1000.0, 300, BE), (1, 1000.0 + gap_us, 300, BE)], radio(capture=capture))
    assert told.outcome[1, 2] == (Outcome.DELIVERED if taken else Outcome.RECEIVER_BUSY)
    assert told.outcome[0, 2] == Outcome.COLLISION


def test_message_in_message_needs_ten_db() -> None:
    """By hand: 8.9 dB stronger is not enough, whatever the time."""
    told = send([400.0, 0.0, 150.0], [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio(capture="message-in-message"))
    assert told.outcome[1, 2] == Outcome.RECEIVER_BUSY


def test_of_frames_that_begin_together_the_stronger_counts() -> None:
    """By hand: without capture, at one instant, the receiver locks on the stronger, whoever comes first in the list."""
    for order in ((0, 1), (1, 0)):
        told = send(HIDDEN, [(order[0], 1000.0, 300, BE), (order[1], 1000.0, 300, BE)], radio())
        strong = order.index(0)
        assert told.outcome[strong, 2] == Outcome.DELIVERED
        assert told.outcome[1 - strong, 2] == Outcome.COLLISION


def test_a_frame_below_the_threshold_does_not_hold_the_receiver() -> None:
    """By hand: lock and medium are two states: during a frame of -86.8 dBm another of -66.6 dBm is received, with the
    first as interference."""
    told = send([320.0, -100.0, 0.0], [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio())
    assert told.outcome[0, 2] == Outcome.SENSITIVITY
    assert told.outcome[1, 2] == Outcome.DELIVERED
    assert told.sinr_db[1, 2] == pytest.approx(in_db(power_mw(100) / (NOISE_MW + power_mw(320))), abs=0.02)


def test_half_duplex() -> None:
    """By hand: two neighbours that start within the vulnerable time do not hear each other; a third locks on the first.
    """
    told = send([0.0, 100.0, -150.0], [(0, 1000.0, 300, BE), (1, 1002.0, 300, BE)], radio())
    assert told.outcome[0, 1] == told.outcome[1, 0] == Outcome.HALF_DUPLEX
    assert told.outcome[1, 2] == Outcome.RECEIVER_BUSY


def test_a_sender_leaves_what_it_was_receiving() -> None:
    """By hand: with carrier sense at -60 dBm the receiver sends during a frame of -82.6 dBm: that frame is lost to it
    (half duplex), and a frame that begins after its own transmission is received although the first one goes on."""
    config = radio(carrier_sense_dbm=-60.0)
    told = send(
        [0.0, 250.0, 350.0], [(0, 1000.0, 1500, BE), (1, 1100.0, 100, BE), (2, 1600.0, 100, BE)], config, ticks=1
    )
    assert told.end_us[1] < 1600.0 < told.end_us[0]
    assert told.outcome[0, 1] == Outcome.HALF_DUPLEX
    assert told.outcome[2, 1] == Outcome.DELIVERED


@pytest.mark.parametrize(("rule", "share"), [("minimum", 1.0), ("mean", 0.5)])
def test_sinr_of_a_frame_disturbed_in_its_second_half(rule: str, share: float) -> None:
    """By hand: interference of -82.6 dBm over the last 224 of 448 us counts whole, or half."""
    told = send(HIDDEN, [(0, 1000.0, 300, BE), (1, 1224.0, 300, BE)], radio(sinr=rule))
    expected = in_db(power_mw(150) / (NOISE_MW + share * power_mw(250)))
    assert told.sinr_db[0, 2] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("second_us", "both"), [(1100.0, True), (1300.0, False)])
def test_minimum_sinr_counts_the_worst_moment(second_us: float, both: bool) -> None:
    """By hand: two disturbers of 176 us each, at -85.7 and -84.0 dBm: together their sum counts, one after the other
    the larger."""
    x = [0.0, 450.0, -120.0, 150.0]
    rows = [(0, 1000.0, 300, BE), (1, 1050.0, 100, BE), (2, second_us, 100, BE)]
    config = radio(carrier_sense_dbm=-60.0)
    told = send(x, rows, config)
    assert told.end_us[1] == 1050.0 + 184.0
    one, other = power_mw(300), power_mw(270)
    level = one + other if both else max(one, other)
    assert told.sinr_db[0, 3] == pytest.approx(in_db(power_mw(150) / (NOISE_MW + level)), abs=0.02)


def test_largest_sets_of_concurrent_intervals() -> None:
    """By hand: [0, 10), [5, 20), [12, 15), [14, 30): {0, 1}, {1, 2, 3}."""
    assert concurrent(range(4), [0, 5, 12, 14], [10, 20, 15, 30]) == [[0, 1], [1, 2, 3]]


def test_piecewise_error_rate() -> None:
    """By hand: half of the frame at SNR (no errors), half at an error rate p: lost with 1 - (1 - p)^0.5; 600 links."""
    x, rows = [], []
    for i in range(600):
        base = 20_000.0 * i
        x += [base, base + 400.0, base + 190.0]
        rows += [(3 * i, 1000.0, 300, BE), (3 * i + 1, 1224.0, 300, BE)]
    config = radio(sinr="piecewise")
    told = send(x, rows, config, ticks=1)
    sinr = in_db(power_mw(190) / (NOISE_MW + power_mw(210)))
    p = float(told.layer.judge.curve(300).exact(sinr))
    assert 0.2 < p < 0.8
    lost = np.mean([told.outcome[2 * i, 3 * i + 2] == Outcome.COLLISION for i in range(600)])
    assert lost == pytest.approx(1 - (1 - p) ** 0.5, abs=0.06)


def test_one_uniform_number_decides_noise_and_interference() -> None:
    """Property: with interference a packet that noise alone would lose is still lost to noise; shares of the causes
    equal those of the error rates within sampling."""
    x, rows = [], []
    for i in range(500):
        base = 20_000.0 * i
        x += [base, base + 620.0, base + 285.0]
        rows += [(3 * i, 1000.0, 300, BE), (3 * i + 1, 1100.0, 300, BE)]
    config = radio(preamble_detection_dbm=-100.0, data_rate_mbps=12.0)
    told = send(x, rows, config, ticks=1)
    curve = told.layer.judge.curve(300)
    alone = float(curve.exact(in_db(power_mw(285) / NOISE_MW)))
    lost = float(curve.exact(in_db(power_mw(285) / (NOISE_MW + power_mw(335)))))
    outcomes = np.array([told.outcome[2 * i, 3 * i + 2] for i in range(500)])
    assert np.mean(outcomes == Outcome.PROPAGATION) == pytest.approx(alone, abs=0.06)
    assert np.mean(outcomes == Outcome.COLLISION) == pytest.approx(lost - alone, abs=0.06)


def test_floor_carrier_sense_and_busy_ratio_are_three_thresholds_mistake_17() -> None:
    """By hand, mistake 17: at 200 m (-78.7 dBm) each threshold moved above and below changes its own effect only."""
    rows = [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)]
    x = [0.0, 200.0]

    def seen(**keys: float) -> tuple[bool, bool, bool]:
        told = send(x, rows, radio(vulnerable_us=0, **keys), ticks=1)
        alone = send(x, rows[:1], radio(**keys), ticks=1)
        busy = alone.layer.busy_ratio()[1][1] > 0
        return alone.outcome[0, 1] == Outcome.DELIVERED, bool(told.start_us[1] > 1100.0), bool(busy)

    base = {"preamble_detection_dbm": -85.0, "sensitivity_dbm": -85.0, "carrier_sense_dbm": -85.0,
            "cbr_threshold_dbm": -85.0}
    assert seen(**base) == (True, True, True)
    assert seen(**{**base, "sensitivity_dbm": -75.0}) == (False, True, True)
    assert seen(**{**base, "preamble_detection_dbm": -75.0}) == (False, True, True)
    assert seen(**{**base, "carrier_sense_dbm": -75.0}) == (True, False, True)
    assert seen(**{**base, "cbr_threshold_dbm": -75.0}) == (True, True, False)


def test_preamble_sinr() -> None:
    """By hand: at -100 dBm and 3 dB needed, a preamble 8.9 dB below an unlocked frame's power is lost (control), while
    one alone at 9 dB above noise is fine."""
    config = radio(preamble_detection_dbm=-100.0, preamble_sinr_db=3.0, carrier_sense_dbm=-60.0)
    told = send([0.0, 400.0, 150.0], [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], config)
    assert told.outcome[1, 2] == Outcome.CONTROL_LOST
    alone = send([0.0, 300.0], [(0, 1000.0, 300, BE)], config)
    assert alone.outcome[0, 1] == Outcome.DELIVERED


def test_short_interference() -> None:
    """By hand: 1 dB above the signal for 10 us exceeds the bound of 3.94 us; 1 dB below for any time does not count."""
    x = [0.0, 400.0, 206.0]
    louder = send(x, [(0, 1000.0, 300, BE), (1, 1438.0, 300, BE)], radio(sinr="mean", short_interference=True))
    assert louder.outcome[0, 2] == Outcome.COLLISION
    without = send(x, [(0, 1000.0, 300, BE), (1, 1438.0, 300, BE)], radio(sinr="mean"))
    assert without.outcome[0, 2] == Outcome.DELIVERED
    quieter = [0.0, 400.0, 190.0]
    told = send(quieter, [(0, 1000.0, 300, BE), (1, 1438.0, 300, BE)], radio(sinr="mean", short_interference=True))
    assert told.outcome[0, 2] == Outcome.DELIVERED


def test_probes_hear_units_through_the_traffic_of_vehicles() -> None:
    """By hand: a probe locked on a vehicle's frame misses the unit's (receiver busy); free, it receives it; a vehicle
    at the same place does the same."""
    x, kind = [0.0, 150.0, 400.0, 150.0], [Kind.RSU, Kind.PROBE, Kind.VEHICLE, Kind.VEHICLE]
    told = send(x, [(2, 1000.0, 300, BE), (0, 1100.0, 300, BK), (0, 5000.0, 300, BK)], radio(), kind)
    assert told.outcome[1, 1] == told.outcome[1, 3] == Outcome.RECEIVER_BUSY
    assert told.outcome[2, 1] == told.outcome[2, 3] == Outcome.DELIVERED
    assert (0, 1) not in told.outcome
    told = send(x, [(0, 1100.0, 300, BK), (2, 1200.0, 300, BE)], radio(), kind)
    assert told.sinr_db[0, 1] == pytest.approx(told.sinr_db[0, 3], abs=1e-4)
    assert told.sinr_db[0, 1] < 9.0


def test_a_frame_across_the_end_of_a_tick() -> None:
    """Property: frames that reach into the next tick end as they would elsewhere, disturbed or not."""
    for shift in (0.0, 49_000.0):
        rows = [(0, 99_800.0 - shift, 300, BE), (1, 100_050.0 - shift, 300, BE), (0, 120_000.0, 300, BE)]
        told = send(HIDDEN, rows, radio(), ticks=2, step_ns=MS)
        assert told.outcome[0, 2] == Outcome.DELIVERED
        assert told.outcome[1, 2] == Outcome.RECEIVER_BUSY
        assert told.sinr_db[0, 2] == pytest.approx(in_db(power_mw(150) / (NOISE_MW + power_mw(250))), abs=0.02)


def test_another_radio_is_energy() -> None:
    """By hand: a transmission of another radio 50 m away (above -65 dBm) stops a station, at 150 m (-73.7 dBm) it does
    not; it disturbs reception and is never received; its station is deaf meanwhile."""
    x = [0.0, 50.0, 150.0, 100.0]
    told = send(x, [(0, 1100.0, 300, BE)], radio(), foreign=[(1, 1000.0, 2000.0, 200.0)])
    assert told.start_us[0] >= 2000.0 + 110
    told = send(x, [(0, 1100.0, 300, BE)], radio(), foreign=[(2, 1000.0, 2000.0, 200.0)])
    assert told.start_us[0] == 1100.0
    expected = in_db(power_mw(100) / (NOISE_MW + told_power(50.0)))
    assert told.sinr_db[0, 3] == pytest.approx(expected, abs=0.1)
    assert told.outcome[0, 2] == Outcome.HALF_DUPLEX
    assert set(told.sent) == {0}


def told_power(distance_m: float) -> float:
    """By hand: below the breakpoint of 78.9 m: 22.7 log10 d + 27 + 20 log10 f, free space if that is more."""
    near = 22.7 * np.log10(distance_m) + 27 + 20 * np.log10(5.915)
    free = 20 * np.log10(distance_m) + 46.4 + 20 * np.log10(5.915 / 5)
    return 10 ** ((23 - max(near, free)) / 10)


def test_emissions_tell_another_radio_what_was_sent() -> None:
    """By hand: slot, start, end and power of own transmissions, none of the other radio's."""
    layer, stations = scene([0.0, 50.0], radio())
    assert len(layer.emissions(0, MS)["slot"]) == 0
    layer.stations_changed(stations)
    from tests.sim.dot11p_bench import frames_of

    layer.submit(frames_of([(0, 1000.0, 300, BE)], stations))
    layer.foreign(np.array([1]), np.array([5 * MS]), np.array([6 * MS]), np.array([100.0]))
    layer.advance(100 * MS, stations)
    told = layer.emissions(0, 10 * MS)
    assert {name: values.tolist() for name, values in told.items()} == {
        "slot": [0], "start_ns": [1_000_000], "end_ns": [1_448_000], "power_mw": [pytest.approx(199.5, abs=0.1)]
    }
    with pytest.raises(ValueError, match="start_ns: 5 lies before"):
        layer.foreign(np.array([1]), np.array([5]), np.array([9]), np.array([1.0]))


def mixed_scene(ring_m: float = 0.0) -> tuple[Dot11p, object]:
    """Cars, trucks with high antennas, units and probes on 3 km, shadowing on."""
    draws = np.random.default_rng(4)
    kinds = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], [0 if ring_m else 3, 0 if ring_m else 20, 150])
    x = draws.random(len(kinds)) * 3000
    stations = bench.place(x, draws.random(len(kinds)) * 20, kinds, ring_m=ring_m)
    stations.antenna_height_m[kinds == Kind.RSU] = 5.0
    stations.antenna_height_m[(kinds == Kind.VEHICLE) & (draws.random(len(kinds)) < 0.2)] = 3.0
    config = radio(3.0, gain_dbi=3.0)
    flows = [Flow(0, "BSM", Kind.VEHICLE, 25 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 20 * MS, 100 * MS, 3)]
    layer = Dot11p(config, flows, stations, 2, report_distance_m=800.0)
    layer.emissions(0, 0)
    return layer, stations


@pytest.mark.parametrize("ring_m", [0.0, 3000.0])
def test_locks_interference_and_busy_time_against_a_plain_loop(ring_m: float) -> None:
    """Independent: a loop over receivers and frames (lock on first, minimum SINR, union of busy intervals) from the
    same transmissions and pair gains gives the same locks, SINR to 0.01 dB and busy ratios, in a mixed scene."""
    layer, stations = mixed_scene(ring_m)
    flows = [Flow(0, "BSM", Kind.VEHICLE, 25 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 20 * MS, 100 * MS, 3)]
    traffic = bench.Traffic(flows, {0: 300, 1: 200}, 2)
    batch = next(bench.run(layer, stations, traffic, 1))
    sent = layer.emissions(0, 100 * MS)
    gain = pair_gains(layer)
    order = np.argsort(sent["start_ns"], kind="stable")
    slot, start, end, power = (sent[name][order] for name in ("slot", "start_ns", "end_ns", "power_mw"))
    received = power[:, None] * gain[slot]
    key = {(int(s), int(t)): i for i, (s, t) in enumerate(zip(slot, start, strict=True))}
    frame = np.array([key[int(s), int(t)] for s, t in zip(batch.sender, batch.start_ns, strict=True)])[batch.row]
    state, sinr = plain_loop(slot, start, end, received)
    told = batch.outcome.astype(int)
    known = {Outcome.SENSITIVITY: 0, Outcome.HALF_DUPLEX: 1, Outcome.RECEIVER_BUSY: 2}
    mapped = np.array([known.get(Outcome(o), 3) for o in told])
    assert len(told) > 20_000 and np.bincount(mapped).min() > 50
    np.testing.assert_array_equal(mapped, state[frame, batch.receiver])
    locked = mapped == 3
    np.testing.assert_allclose(batch.sinr_db[locked], sinr[frame, batch.receiver][locked], atol=0.01)
    slots, ratio = layer.busy_ratio()
    expected = [union_ns(start, end, received[:, s] >= 10**-8.5, slot == s) / (100 * MS) for s in slots]
    np.testing.assert_allclose(ratio, expected, atol=1e-6)


def pair_gains(layer: Dot11p) -> np.ndarray:
    """[sender slot, receiver slot], run by run."""
    near = layer.neighbours
    gain = np.zeros((len(near.column), len(near.column)))
    for column in range(int(near.offset[PROBE])):
        for b in LISTENERS:
            if near.size[b]:
                columns, values = near.run(column, b)
                gain[near.slots[column], near.slots[columns]] = values
        if near.size[PROBE]:
            columns, values = near.run(column, PROBE)
            gain[near.slots[column], near.slots[columns]] = values
    return gain


def plain_loop(
    slot: np.ndarray, start: np.ndarray, end: np.ndarray, received: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(0 too weak, 1 sends itself, 2 busy, 3 locked; SINR in dB) of every frame at every station."""
    n, stations = received.shape
    state, sinr = np.zeros((n, stations), int), np.zeros((n, stations))
    free_from = before = np.full(stations, -1)
    for i in range(n):
        overlap = [j for j in range(n) if j != i and start[j] < end[i] and end[j] > start[i]]
        strong = received[i] >= 10**-8.5
        together = [j for j in overlap if start[j] == start[i]]
        before = free_from if not together or i < min(together) else before
        strongest = np.all(received[i] >= received[together], axis=0) if together else True
        takes = strong & (start[i] >= before) & strongest
        collides = strong & (start[i] >= before) & ~takes
        free_from = np.where(takes, end[i], free_from)
        free_from[slot[i]] = end[i]
        state[i] = np.where(~strong, 0, np.where(takes | collides, 3, 2))
        state[i, slot[overlap]] = np.where(strong[slot[overlap]], 1, 0)
        moments = [start[i], *(start[j] for j in overlap if start[j] > start[i])]
        worst = np.zeros(stations)
        for moment in moments:
            now = [j for j in overlap if start[j] <= moment < end[j]]
            worst = np.maximum(worst, received[now].sum(axis=0))
        sinr[i] = 10 * np.log10(np.maximum(received[i], 1e-30) / (NOISE_MW + worst))
    return state, sinr


def union_ns(start: np.ndarray, end: np.ndarray, heard: np.ndarray, own: np.ndarray) -> float:
    """Length of the union of intervals up to 100 ms, by sweeping."""
    total, until = 0, 0
    for i in np.flatnonzero(heard | own):
        a, b = max(int(start[i]), until), min(int(end[i]), 100 * MS)
        total += max(0, b - a)
        until = max(until, b)
    return total
