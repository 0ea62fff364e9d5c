"""Mode 4 reception: powers, causes of loss, interference, reach."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.link import load_table
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

FLOW = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)


def radio(mode: dict[str, Any] | None = None, **other: Any) -> Radio:
    """Four subchannels of 12 PRB on 10 MHz, one of them per packet, no shadowing."""
    settings = {
        "bandwidth_mhz": 10,
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": 4, "subchannel_prb": 12}],
        "mode4": {"data_prb": 10, "packet_subchannels": 1, "mcs": [7], **(mode or {})},
        "channel": {"shadowing_sigma_db": 0.0},
    }
    return Radio.model_validate({**settings, **other})


def forced(
    x_m: list[float], grants: dict[int, tuple[int, int]], config: Radio, seed: int = 1, repeats: int = 1, **options: Any
) -> list[Receptions]:
    """Stations at rest on a line; each sender has its (subframe, subchannel) put into its process by hand."""
    stations = bench.place(np.array(x_m, float), np.zeros(len(x_m)))
    layer = LteMode4(config, [FLOW], stations, seed, **options)
    batches = []
    senders = np.array(sorted(grants), np.int64)
    for tick in range(repeats):
        if tick:
            bench.move(stations, np.zeros(stations.size))
        layer.stations_changed(stations)
        layer.submit(packets(stations, senders, tick, tick * 100 * MS))
        batches.append(layer.advance((tick * 100 + 4) * MS, stations))
        rows = np.arange(len(senders))
        slots = layer.processes.slot[rows]
        layer.processes.next[rows] = [tick * 100 + grants[int(s)][0] for s in slots]
        layer.processes.first[rows] = [grants[int(s)][1] for s in slots]
        layer.processes.counter[rows] = 10**6
        batches.append(layer.advance((tick + 1) * 100 * MS, stations))
    return batches


def packets(stations: Stations, senders: np.ndarray, turn: int, ready_ns: int) -> Frames:
    """One frame of 190 bytes per sender."""
    n = len(senders)
    zero = np.zeros(n, np.int64)
    return Frames(
        turn * 1000 + np.arange(n), senders, stations.station_id[senders], np.full(n, turn), zero, zero.copy(),
        np.full(n, ready_ns), np.full(n, ready_ns), np.full(n, 190),
    )


def outcome(batches: list[Receptions], sender: int, receiver: int, field: str = "outcome") -> np.ndarray:
    """Values of one directed link in order of time."""
    return np.concatenate(
        [getattr(b, field)[(b.sender[b.row] == sender) & (b.receiver == receiver)] for b in batches]
    )


def test_received_power_and_noise_limited_sinr() -> None:
    """By hand: 23 + 3 + 3 dBm, half-metre effective heights, 100.06 dB at 100 m (access layer tables), split 10/(10+4).

    The control channel holds 2 PRBs at 10^0.3 times the density, so the data share is 10 / (10 + 2 x 1.9953).
    """
    config = radio(carrier_hz=5.9e9)
    batches = forced([0.0, 100.0], {0: (20, 1)}, config)
    share_db = 10 * math.log10(10 / (10 + 2 * 10**0.3))
    power = 29.0 - 100.06 + share_db
    assert outcome(batches, 0, 1, "power_dbm")[0] == pytest.approx(power, abs=0.01)
    noise = -121.42 + 10 * math.log10(10) + 9
    assert outcome(batches, 0, 1, "sinr_db")[0] == pytest.approx(power - noise, abs=0.01)
    whole = forced([0.0, 100.0], {0: (20, 1)}, radio({"power_in_data_prb": True}, carrier_hz=5.9e9))
    assert outcome(whole, 0, 1, "power_dbm")[0] == pytest.approx(29.0 - 100.06, abs=0.01)


def test_rsrp_is_per_resource_element() -> None:
    """By hand (mistake 4): power of one of 12 x 10 subcarriers of the data share, not the total."""
    stations = bench.place(np.array([0.0, 100.0]), np.zeros(2))
    layer = LteMode4(radio(carrier_hz=5.9e9), [FLOW], stations, 1)
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([0]), 0, 0))
    layer.advance(100 * MS, stations)
    record = layer.reservations.latest(np.array([0]), np.array([100]))
    share_db = 10 * math.log10(10 / (10 + 2 * 10**0.3))
    heard = layer.reservations.heard(record, np.array([1]), np.array([0]))
    assert heard[0] == pytest.approx(29.0 - 100.06 + share_db - 10 * math.log10(120), abs=0.01)


def test_half_duplex_covers_the_whole_carrier() -> None:
    """By hand: two stations that send in one subframe on different subchannels lose each other, a third hears both."""
    batches = forced([0.0, 50.0, 25.0], {0: (20, 0), 1: (20, 3)}, radio({"in_band_emission": False}))
    assert outcome(batches, 0, 1)[0] == Outcome.HALF_DUPLEX
    assert outcome(batches, 1, 0)[0] == Outcome.HALF_DUPLEX
    assert outcome(batches, 0, 2)[0] == Outcome.DELIVERED
    assert outcome(batches, 1, 2)[0] == Outcome.DELIVERED
    assert outcome(batches, 0, 1, "data_outcome")[0] == Outcome.HALF_DUPLEX


def test_same_resource_loses_both_in_the_middle_and_the_stronger_is_captured() -> None:
    """By hand (mistake 7): at equal power SINR is 0 dB and both are lost; close to one the near one survives."""
    config = radio({"sci": "ideal", "mcs": [9]}, link={"pssch_table": "r1-160284"})
    batches = forced([0.0, 200.0, 100.0, 10.0], {0: (20, 2), 1: (20, 2)}, config, repeats=5)
    assert np.all(outcome(batches, 0, 2) == Outcome.COLLISION)
    assert np.all(outcome(batches, 1, 2) == Outcome.COLLISION)
    assert np.all(outcome(batches, 0, 3) == Outcome.DELIVERED)
    assert np.all(outcome(batches, 1, 3) == Outcome.COLLISION)
    assert outcome(batches, 0, 2, "sinr_db")[0] == pytest.approx(0.0, abs=0.05)


def test_a_lost_control_channel_is_a_cause_of_its_own() -> None:
    """By hand (mistake 6): 11.9 dB under the interferer the SCI table says always lost; data convention apart."""
    table = {"sci_loses_packet": True}
    batches = forced([0.0, 200.0, 130.0], {0: (20, 2), 1: (20, 2)}, radio(table), repeats=3)
    assert np.all(outcome(batches, 0, 2) == Outcome.CONTROL_LOST)
    assert np.all(outcome(batches, 0, 2, "data_outcome") == Outcome.COLLISION)
    published = forced([0.0, 200.0, 130.0], {0: (20, 2), 1: (20, 2)}, radio({"sci_loses_packet": False}), repeats=3)
    assert np.all(outcome(published, 0, 2) == Outcome.COLLISION)


def test_sensitivity_comes_before_the_tables() -> None:
    """By hand: 29 dBm - 119.2 dB (300 m) - 1.5 dB (share) = -91.6 dBm lies below -90 dBm and above -93 dBm."""
    at = [0.0, 300.0]
    deaf = forced(at, {0: (20, 0)}, radio({"sensitivity_dbm": -90.0}))
    good = forced(at, {0: (20, 0)}, radio({"sensitivity_dbm": -93.0}))
    assert outcome(deaf, 0, 1)[0] == Outcome.SENSITIVITY
    assert outcome(good, 0, 1)[0] == Outcome.DELIVERED


def test_propagation_losses_follow_the_error_table() -> None:
    """Distribution: share of noise losses at the table's 50 % point; none of them is called a collision."""
    config = radio(carrier_hz=5.9e9)
    table = load_table("wilab-highway-los").select(7, 190)
    wanted = float(table.sinr_at(0.5))
    share_db = 10 * math.log10(10 / (10 + 2 * 10**0.3))
    loss = 29.0 + share_db - wanted - (-121.42 + 10 + 9)
    distance = 100.0 * 10 ** ((loss - 100.06) / 40)
    batches = forced([0.0, distance], {0: (20, 0)}, config, repeats=400, report_distance_m=2000.0)
    result = outcome(batches, 0, 1, "data_outcome")
    assert set(result.tolist()) == {Outcome.DELIVERED, Outcome.PROPAGATION}
    assert np.mean(result == Outcome.PROPAGATION) == pytest.approx(0.5, abs=0.08)


def test_interference_only_adds_losses_to_those_of_noise() -> None:
    """Property (mistake 8): one uniform number per packet and receiver, so the noise losses are the same packets."""
    at = [0.0, 480.0, 1400.0]
    alone = forced(at, {0: (20, 0)}, radio(), repeats=200)
    disturbed = forced(at, {0: (20, 0), 2: (20, 0)}, radio(), repeats=200)
    noise, both = (outcome(b, 0, 1, "data_outcome") for b in (alone, disturbed))
    assert np.any(both == Outcome.COLLISION)
    assert np.any(both == Outcome.PROPAGATION)
    np.testing.assert_array_equal(both == Outcome.PROPAGATION, noise == Outcome.PROPAGATION)


def test_in_band_emission_reaches_other_subchannels() -> None:
    """By hand: a neighbour 10 m away on another subchannel drowns a far sender with emission on, and not when off.

    The general mask term alone, -25 - 10 log10(50/12) - 6 = -37.2 dB per PRB, puts 10 m (75 dB loss) some 13 dB above a
    signal from 350 m (122 dB).
    """
    at = [0.0, 340.0, 350.0]
    grants = {0: (20, 0), 1: (20, 1)}
    on = forced(at, grants, radio({"in_band_emission": True}), repeats=5)
    off = forced(at, grants, radio({"in_band_emission": False, "sci": "ideal"}), repeats=5)
    assert np.all(np.isin(outcome(on, 0, 2), [Outcome.COLLISION, Outcome.CONTROL_LOST]))
    assert np.all(outcome(on, 0, 2, "data_outcome") == Outcome.COLLISION)
    assert np.sum(outcome(off, 0, 2) == Outcome.DELIVERED) >= 4


def test_coupling_of_allocations_by_hand() -> None:
    """By hand: overlap of PRBs without emission; shares of the total power on data, control and subchannels."""
    config = radio({"in_band_emission": False, "data_prb": None, "packet_subchannels": None})
    grid = Grid(config, [FLOW])
    one, two = grid.shape_id(0, 0, 1, 10), grid.shape_id(0, 0, 2, 20)
    coupling = grid.coupling(np.array([one, two]))
    control_2 = 2 * 10**0.3 / (20 + 2 * 10**0.3)
    density_2 = (1 - control_2) / 20
    assert coupling.data[0, 1] == pytest.approx(10 * density_2, rel=1e-5)
    assert coupling.data[1, 0] == pytest.approx(10 / (10 + 2 * 10**0.3), rel=1e-5)
    assert coupling.control[0, 1] == pytest.approx(control_2, rel=1e-5)
    assert coupling.subchannel[:, 1] == pytest.approx([control_2 + 10 * density_2, 10 * density_2, 0, 0], rel=1e-5)
    assert coupling.subchannel[:, 0] == pytest.approx([1, 0, 0, 0], rel=1e-5)


def test_power_is_spread_over_the_prbs_used() -> None:
    """By hand (mistakes 4, 11): the same total over twice the PRBs loses 3 dB of SINR against noise in them."""
    small = forced([0.0, 100.0], {0: (20, 0)}, radio({"power_in_data_prb": True, "data_prb": 10}))
    double = radio({"power_in_data_prb": True, "data_prb": 20, "packet_subchannels": 2})
    large = forced([0.0, 100.0], {0: (20, 0)}, double)
    assert outcome(small, 0, 1, "power_dbm")[0] == pytest.approx(outcome(large, 0, 1, "power_dbm")[0], abs=1e-4)
    difference = outcome(small, 0, 1, "sinr_db")[0] - outcome(large, 0, 1, "sinr_db")[0]
    assert difference == pytest.approx(10 * math.log10(2), abs=0.01)


def test_ring_is_a_ring() -> None:
    """By hand: 20 m on either side of the seam is 40 m; nothing else differs from a straight road."""
    stations = bench.place(np.array([20.0, 1000.0, 1980.0]), np.zeros(3), ring_m=2000.0)
    layer = LteMode4(radio(), [FLOW], stations, 1, ring_length_m=2000.0)
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([0]), 0, 0))
    batch = layer.advance(100 * MS, stations)
    assert dict(zip(batch.receiver.tolist(), batch.distance_m.tolist(), strict=True)) == {2: pytest.approx(40.0)}


def test_doubling_the_reach_moves_no_bin() -> None:
    """Property: stations beyond the power reach change no bin of the reception ratio by more than 0.2 points.

    Grants are put in by hand, the same in both runs: the slightest change of S-RSSI would change choices, and two such
    runs differ by more than the reach does.
    """
    n, length = 400, 8000.0
    x = (np.arange(n) + np.random.default_rng(2).random(n)) * length / n
    grants = {i: (8 + (7 * i) % 90, (3 * i) % 4) for i in range(n)}
    shares = []
    for factor in (1.0, 2.0):
        config = radio(channel={"shadowing_sigma_db": 3.0})
        batches = forced(x.tolist(), grants, config, repeats=3, reach_factor=factor)
        counts = np.zeros((2, 10))
        for batch in batches:
            place = np.minimum((batch.distance_m / 50).astype(int), 9)
            counts[0] += np.bincount(place, weights=batch.outcome == Outcome.DELIVERED, minlength=10)
            counts[1] += np.bincount(place, minlength=10)
        shares.append(counts[0] / counts[1])
    assert np.abs(shares[0] - shares[1]).max() < 0.002


def test_probes_hear_roadside_units_through_the_traffic() -> None:
    """By hand: a probe is lost to a vehicle that uses the unit's resource next to it; vehicles make no rows there."""
    config = Radio.model_validate({
        "bandwidth_mhz": 10, "channel": {"shadowing_sigma_db": 0.0},
        "pools": [{"name": "both", "senders": ["vehicle", "rsu"], "subchannels": 4, "subchannel_prb": 12}],
        "mode4": {"data_prb": 10, "packet_subchannels": 1, "mcs": [7]},
    })
    flows = [FLOW, Flow(1, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3)]
    kind = np.array([Kind.RSU, Kind.PROBE, Kind.PROBE, Kind.VEHICLE])
    for same in (True, False):
        stations = bench.place(np.array([0.0, 60.0, 300.0, 305.0]), np.zeros(4), kind)
        layer = LteMode4(config, flows, stations, 1)
        layer.stations_changed(stations)
        both = packets(stations, np.array([0, 3]), 0, 0)
        both.flow[:] = [1, 0]
        layer.submit(both)
        layer.advance(4 * MS, stations)
        layer.processes.next[:2], layer.processes.first[:2] = [20, 20 if same else 40], [1, 1]
        batch = layer.advance(100 * MS, stations)
        assert not np.any((batch.sender[batch.row] == 3) & np.isin(batch.receiver, [1, 2]))
        assert outcome([batch], 0, 1)[0] == Outcome.DELIVERED
        assert (outcome([batch], 0, 2, "data_outcome")[0] == Outcome.COLLISION) == same


def test_roadside_mast_off_the_road_uses_true_distance() -> None:
    """By hand: 300 m beside the road and 400 m along it are 500 m, plus 3.5 m of height."""
    config = radio(pools=[{"name": "b", "senders": ["vehicle", "rsu"], "subchannels": 4, "subchannel_prb": 12}])
    stations = bench.place(np.array([0.0, 400.0]), np.array([300.0, 0.0]), np.array([Kind.RSU, Kind.VEHICLE]))
    stations.antenna_height_m[0] = 5.0
    layer = LteMode4(config, [FLOW], stations, 1, report_distance_m=600.0)
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([1]), 0, 0))
    batch = layer.advance(100 * MS, stations)
    assert batch.distance_m[0] == pytest.approx(math.sqrt(500**2 + 3.5**2), abs=1e-3)


def test_positions_are_those_of_the_transmission() -> None:
    """By hand (mistake 18): a vehicle at 30 m/s is 30 m x delay further on when its frame goes out."""
    stations = bench.place(np.array([0.0, 100.0]), np.zeros(2))
    stations.x1_m[0] = 3.0
    layer = LteMode4(radio(), [FLOW], stations, 1)
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([0]), 0, 0))
    batch = layer.advance(100 * MS, stations)
    expected = 100.0 - 3.0 * batch.start_ns[0] / (100 * MS)
    assert batch.distance_m[0] == pytest.approx(expected, abs=1e-3)


def test_sensed_power_and_busy_ratio() -> None:
    """By hand: one sender every 100 ms is 1 of 4 x 100 subchannels at a listener; noise alone is below -94 dBm."""
    config = radio({"in_band_emission": False})
    stations = bench.place(np.array([0.0, 50.0, 5000.0]), np.zeros(3))
    layer = LteMode4(config, [FLOW], stations, 1)
    traffic = bench.Traffic([FLOW], {0: 190}, 1)
    make = traffic.frames
    traffic.frames = lambda now: (f := make(now)).take(np.flatnonzero(f.sender == 0))  # type: ignore[method-assign]
    for _ in bench.run(layer, stations, traffic, 5):
        pass
    slots, ratio = layer.busy_ratio()
    assert dict(zip(slots.tolist(), ratio.tolist(), strict=True)) == {0: 0.0, 1: pytest.approx(1 / 400), 2: 0.0}
    noise = 10 ** ((-121.42 + 9) / 10) * 12
    assert layer.power.ring[2, :4].min() == pytest.approx(noise, rel=1e-3)
    assert layer.power.ring[2, :4].max() == pytest.approx(noise, rel=1e-2)


def test_no_fading_on_top_of_the_tables() -> None:
    """Property (mistakes 12, 13): the tables hold fast fading, so a link at rest has one power for all its packets."""
    config = radio(channel={"shadowing_sigma_db": 3.0})
    batches = forced([0.0, 150.0, 260.0], {0: (20, 0)}, config, repeats=20)
    for receiver in (1, 2):
        power = outcome(batches, 0, receiver, "power_dbm")
        assert len(power) == 20
        assert np.ptp(power) == 0
    assert load_table("wilab-highway-los").select(7, 190).includes_fading


def test_pool_outside_the_carrier_is_refused() -> None:
    """By hand: 5 x 12 PRB from PRB 0 end at 60, a 10 MHz carrier has 50."""
    pool = {"name": "wide", "senders": ["vehicle"], "subchannels": 5, "subchannel_prb": 12}
    with pytest.raises(ValueError, match="pool 'wide' ends at PRB 60, the carrier has 50"):
        Grid(radio(pools=[pool]), [FLOW])


def test_high_antennas_reach_further_in_both_directions() -> None:
    """By hand: B1 beyond the breakpoint gains 17.3 log10(2 / 0.5) = 10.4 dB per antenna raised from 1.5 to 3 m."""
    stations = bench.place(np.array([0.0, 300.0, 600.0]), np.zeros(3))
    stations.antenna_height_m[1] = 3.0
    layer = LteMode4(radio(carrier_hz=5.9e9), [FLOW], stations, 1, report_distance_m=1000.0)
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([0]), 0, 0))
    low = layer.advance(100 * MS, stations)
    bench.move(stations, np.zeros(3))
    layer.stations_changed(stations)
    layer.submit(packets(stations, np.array([1]), 1, 100 * MS))
    high = layer.advance(200 * MS, stations)
    forth, back = (outcome([b], s, r, "power_dbm")[0] for b, s, r in ((low, 0, 1), (high, 1, 0)))
    assert forth == pytest.approx(back, abs=0.01)
    share_db = 10 * math.log10(10 / (10 + 2 * 10**0.3))
    slant = 20 * math.log10((300**2 + 1.5**2) / 300**2)
    assert forth == pytest.approx(29.0 - 119.14 + 17.3 * math.log10(4) - slant + share_db, abs=0.02)
    twice = 29.0 - 100.06 - 40 * math.log10(6) + share_db
    assert outcome([low], 0, 2, "power_dbm")[0] == pytest.approx(twice, abs=0.02)
