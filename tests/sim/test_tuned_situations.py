"""Who hears whom in the three legal situations of the band, from profile to link; what the unheard do to the heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rsu.profile import Entry, Profile
from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome
from sim.scenario.from_candidate import channel_plans
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

BSM, SPAT = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3)
SIZES = {0: 190, 1: 150}
SITUATIONS: dict[str, dict[str, Any]] = {
    "20": {},
    "10+10": {"send_obu": "lower", "send_rsu": "upper", "listen_obu": ["lower", "upper"],
              "listen_rsu": ["lower", "upper"]},
    "mixed": {"send_obu": "whole", "send_rsu": "upper", "listen_obu": ["whole", "upper"],
              "listen_rsu": ["whole", "upper"]},
}
"""Letter 113/2024: on-board units 5905-5915 or 5905-5925 MHz, roadside units 5915-5925 or 5905-5925 MHz. What receivers
listen to is what their own place sends."""
HEARD = {
    "V2V": {"20": {"20", "mixed"}, "10+10": {"10+10"}, "mixed": {"20", "mixed"}},
    "V2I": {"20": {"20", "mixed"}, "10+10": {"10+10"}, "mixed": {"20", "mixed"}},
    "I2V": {"20": {"20", "mixed"}, "10+10": {"10+10", "mixed"}, "mixed": {"10+10", "mixed"}},
}
"""By hand: situation of the sender's place -> situations of receivers that decode it. A receiver of 10 MHz does not
decode a 20 MHz carrier, nor the other way round."""
PLACES = tuple(SITUATIONS)


def plans(situations: dict[str, dict[str, Any]]) -> list[Any]:
    """Plans of places whose profiles have these ``channel`` keys."""
    return channel_plans({
        place: Profile(place, entries={
            f"channel.{key}": Entry(value, "sourced", "test", place) for key, value in keys.items()
        })
        for place, keys in situations.items()
    })


def radio(situations: dict[str, dict[str, Any]], **mode: Any) -> Radio:
    """The default pools: vehicles on PRB 0 to 49, roadside units on 50 to 99 of 20 MHz."""
    return Radio.model_validate({
        "mode4": {"mcs": [7], "channel_plans": [plan.model_dump() for plan in plans(situations)], **mode},
        "channel": {"shadowing_sigma_db": 0.0},
    })


def stations_of(places: list[int], rsus: int, x_m: list[float]) -> Stations:
    """Roadside units, then vehicles, on a line, each with its place, which is its home."""
    kind = np.repeat([Kind.RSU, Kind.VEHICLE], [rsus, len(places) - rsus])
    stations = bench.place(np.array(x_m, np.float64), np.zeros(len(places)), kind)
    stations.jurisdictions = PLACES
    stations.home[:] = stations.place[:] = places
    return stations


def outcomes(layer: LteMode4, stations: Stations, ticks: int) -> dict[tuple[int, int], set[int]]:
    found: dict[tuple[int, int], set[int]] = {}
    for b in bench.run(layer, stations, bench.Traffic([BSM, SPAT], SIZES, 1), ticks):
        for s, r, o in zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.outcome.tolist(), strict=True):
            found.setdefault((s, r), set()).add(o)
    return found


def test_three_by_three_reachability() -> None:
    """By hand, exhaustive: a unit and two vehicles of each situation side by side; every pair of different stations
    that one of V2V, V2I and I2V names decodes each other or is not tuned, as the table says."""
    places = [0, 1, 2, 0, 0, 1, 1, 2, 2]
    stations = stations_of(places, 3, [10.0 * n for n in range(9)])
    found = outcomes(LteMode4(radio(SITUATIONS), [BSM, SPAT], stations, 1), stations, 4)
    met = set()
    for (sender, receiver), some in found.items():
        link = ("I" if sender < 3 else "V") + "2" + ("I" if receiver < 3 else "V")
        if link == "I2I":
            continue
        of, at = PLACES[places[sender]], PLACES[places[receiver]]
        met.add((link, of, at))
        if at in HEARD[link][of]:
            assert Outcome.DELIVERED in some, (link, of, at)
            assert Outcome.NOT_TUNED not in some, (link, of, at)
        else:
            assert some == {int(Outcome.NOT_TUNED)}, (link, of, at)
    assert len(met) == 27


def test_receivers_for_every_carrier_hear_everybody() -> None:
    """By hand: the repair, receivers that follow all three carriers; nobody is untuned to anybody."""
    everything = {"listen_obu": ["whole", "lower", "upper"], "listen_rsu": ["whole", "lower", "upper"]}
    situations = {place: {**keys, **everything} for place, keys in SITUATIONS.items()}
    stations = stations_of([0, 1, 2, 0, 1, 2], 3, [10.0 * n for n in range(6)])
    found = outcomes(LteMode4(radio(situations), [BSM, SPAT], stations, 1), stations, 4)
    assert len(found) == 30
    assert all(Outcome.NOT_TUNED not in some and Outcome.DELIVERED in some for some in found.values())


def test_one_situation_everywhere_is_as_if_nobody_were_split_off() -> None:
    """Property: under any one situation in all places, outcomes are those of another relabelling of the places."""
    for keys in SITUATIONS.values():
        same = dict.fromkeys(PLACES, keys)
        results = []
        for places in ([0, 0, 0, 0, 0, 0], [2, 0, 1, 1, 2, 0]):
            stations = stations_of(places, 2, [60.0 * n for n in range(6)])
            results.append(outcomes(LteMode4(radio(same), [BSM, SPAT], stations, 1), stations, 3))
        assert results[0] == results[1]
        assert all(Outcome.NOT_TUNED not in some for some in results[0].values())


# ---- what is not decoded still disturbs

def frames(stations: Stations, *slots: int) -> Frames:
    """One frame of each of these stations, ready at once."""
    n = np.arange(len(slots), dtype=np.int64)
    at = np.array(slots, np.int64)
    flow = (stations.kind[at] != Kind.VEHICLE).astype(np.int64)
    zero = np.zeros(len(slots), np.int64)
    return Frames(n, at, stations.station_id[at], zero, flow, zero, zero, zero, np.full(len(slots), 190, np.int64))


def together(config: Radio, stations: Stations, *slots: int) -> dict[tuple[int, int], tuple[float, float, int]]:
    """(power in dBm, SINR in dB, outcome) by link when these stations send in one subframe, on the first
    subchannels."""
    layer = LteMode4(config, [BSM, SPAT], stations, 1)
    layer.stations_changed(stations)
    layer.submit(frames(stations, *slots))
    layer.advance(4 * MS, stations)
    layer.processes.next[:len(slots)], layer.processes.first[:len(slots)] = 30, 0
    b = layer.advance(100 * MS, stations)
    rows = zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.power_dbm.tolist(), b.sinr_db.tolist(),
               b.outcome.tolist(), strict=True)
    return {(s, r): (power, sinr, outcome) for s, r, power, sinr, outcome in rows}


def ratio(decibel: float) -> float:
    return float(10 ** (decibel / 10))


TWO = {"20": SITUATIONS["20"], "10+10": SITUATIONS["10+10"], "mixed": {}}


def test_an_undecodable_block_on_the_same_prb_is_interference() -> None:
    """By hand: a 10 MHz vehicle sends on the PRBs of a 20 MHz one; at a 20 MHz receiver, which is not tuned to it, the
    SINR is 1 / (noise / signal + interferer / signal), both blocks being alike."""
    config = radio(TWO)
    alone = together(config, stations_of([0, 0, 1], 0, [0.0, 200.0, 500.0]), 0)[0, 1]
    both = together(config, stations_of([0, 0, 1], 0, [0.0, 200.0, 500.0]), 0, 2)
    signal, other = both[0, 1], both[2, 1]
    assert other[2] == Outcome.NOT_TUNED
    assert signal[2] != Outcome.NOT_TUNED
    assert signal[0] == pytest.approx(alone[0], abs=1e-4)
    expected = 1 / (1 / ratio(alone[1]) + ratio(other[0] - signal[0]))
    assert signal[1] == pytest.approx(10 * np.log10(expected), abs=0.02)
    assert signal[1] < alone[1] - 5


def test_a_block_in_the_neighbouring_half_leaks() -> None:
    """By hand: a unit close by sends on 5915-5925 MHz while a vehicle is heard on 5905-5915 MHz. Of the unit's power
    10^-3 (ACLR) and 10^-3.3 of the rest (ACS) fall on 50 PRBs, of which the packet uses 20; the packet has 20 / 24 of
    its own power there (two control PRBs of 3 dB more)."""
    split = dict.fromkeys(PLACES, SITUATIONS["10+10"])
    x_m = [400.0, 0.0, 380.0]
    config = radio(split, data_prb=20, packet_subchannels=3)
    alone = together(config, stations_of([0, 0, 0], 1, x_m), 1)[1, 2]
    both = together(config, stations_of([0, 0, 0], 1, x_m), 0, 1)
    signal, unit = both[1, 2], both[0, 2]
    leaked = (1e-3 + (1 - 1e-3) * 10**-3.3) * 20 / 50
    data = 20 / (20 + 2 * 10**0.3)
    expected = 1 / (1 / ratio(alone[1]) + ratio(unit[0] - signal[0]) * leaked / data)
    assert signal[1] == pytest.approx(10 * np.log10(expected), abs=0.1)
    assert signal[1] < alone[1] - 3
    quiet = together(radio(split, data_prb=20, packet_subchannels=3, aclr_db=80.0, acs_db=80.0),
                     stations_of([0, 0, 0], 1, x_m), 0, 1)[1, 2]
    assert quiet[1] > signal[1] + 3


def test_energy_of_what_is_not_decoded_makes_the_channel_busy() -> None:
    """Property: of two silent stations side by side, one tuned to the senders and one not, both measure the same share
    of busy subchannels, which is not zero."""
    places = [1] * 30 + [1, 0]
    stations = stations_of(places, 0, [10.0 * n for n in range(30)] + [150.0, 150.0])
    layer = LteMode4(radio(TWO), [BSM], stations, 1)
    traffic = bench.Traffic([BSM], SIZES, 1)
    for tick in range(4):
        if tick:
            bench.move(stations, np.zeros(stations.size))
        layer.stations_changed(stations)
        all_frames = traffic.frames(stations)
        layer.submit(all_frames.take(np.flatnonzero(all_frames.sender < 30)))
        b = layer.advance(stations.tick_end_ns, stations)
    tuned = b.outcome[b.receiver == 30]
    assert (tuned == Outcome.DELIVERED).any()
    assert (b.outcome[b.receiver == 31] == Outcome.NOT_TUNED).all()
    ratios = dict(zip(*(column.tolist() for column in layer.busy_ratio()), strict=True))
    assert ratios[31] == pytest.approx(ratios[30], abs=0.02)
    assert ratios[31] > 0.1
