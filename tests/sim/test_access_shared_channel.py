"""LTE-V2X Mode 4 beside IEEE 802.11p on one channel."""

from __future__ import annotations

import numpy as np

from sim.access import bench
from sim.access.combined import Combined
from sim.access.dot11p.layer import Dot11p
from sim.access.fitting import FIRST, SECOND, Fittings
from sim.access.lte_mode4.layer import LteMode4
from sim.access.shared_channel import SharedChannel
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Channel, Mode4, Pool, Radio
from sim.scenario.schema.second_radio import Fitting, SecondRadio
from sim.world.stations import Stations

FLOWS = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)]
CHANNEL = Channel(shadowing_sigma_db=0.01)
LTE = Radio(
    carrier_hz=5.91e9, bandwidth_mhz=10, channel=CHANNEL, mode4=Mode4(t1_ms=4),
    pools=[Pool(name="all", senders=["vehicle", "rsu"], subchannels=5, subchannel_prb=10)],
)


def dot11p_radio(carrier_hz: float = 5.91e9) -> Radio:
    """802.11p on a channel of 10 MHz, the same propagation."""
    return Radio(access="ieee80211p", carrier_hz=carrier_hz, bandwidth_mhz=10, channel=CHANNEL)


def road(vehicles: int, spacing_m: float = 10.0) -> Stations:
    """Vehicles in a row."""
    return bench.place(np.arange(vehicles) * spacing_m, np.zeros(vehicles))


def outcomes(
    stations: Stations, shared: bool, ticks: int = 10, reverse: bool = False, step_ns: int = bench.TICK_NS,
    second_hz: float = 5.91e9,
) -> tuple[np.ndarray, Combined, list[Receptions]]:
    """Sorted (frame, receiver, outcome) of half a fleet with each radio."""
    layers = LteMode4(LTE, FLOWS, stations, 1), Dot11p(dot11p_radio(second_hz), FLOWS, stations, 1)
    sides = SharedChannel(*layers).sides() if shared else layers
    config = SecondRadio(vehicles=[Fitting(first=0.5, second=0.5)])
    order = (sides[1], sides[0]) if reverse else sides
    layer = Combined(order, Fittings(config, ["A"], 3), ("one", "other"))
    batches = list(bench.run(layer, stations, bench.Traffic(FLOWS, {0: 190}, 1), ticks, step_ns=step_ns))
    rows = np.concatenate([np.column_stack([b.frame[b.row], b.receiver, b.outcome]) for b in batches])
    return rows[np.lexsort(rows.T[::-1])], layer, batches


def delivered(rows: np.ndarray) -> float:
    """Share of tuned links that were delivered."""
    tuned = rows[rows[:, 2] != Outcome.NOT_TUNED]
    return float(np.mean(tuned[:, 2] == Outcome.DELIVERED))


def test_every_frame_ends_once_and_the_split_of_calls_does_not_matter() -> None:
    """Property: conservation; batch split invariance to the bit; the order of the two radios does not matter."""
    whole, _, batches = outcomes(road(40), shared=True, ticks=6)
    ended = np.concatenate([b.frame for b in batches])
    assert len(ended) == len(np.unique(ended)) > 150
    for step_ms in (1, 7, 50):
        split, _, _ = outcomes(road(40), shared=True, ticks=6, step_ns=step_ms * MS)
        np.testing.assert_array_equal(whole, split)


def test_a_shared_channel_costs_receptions_and_raises_the_busy_ratio() -> None:
    """Distribution: 200 vehicles within 400 m; apart each radio loses less than on the shared channel."""
    apart, layer_apart, _ = outcomes(road(200, 2.0), shared=False)
    together, layer_together, _ = outcomes(road(200, 2.0), shared=True)
    assert delivered(together) < delivered(apart) - 0.02
    for one, other in zip(layer_apart.layers, layer_together.layers, strict=True):
        assert other.busy_ratio()[1].mean() > 1.2 * one.busy_ratio()[1].mean()


def test_power_left_on_the_prbs_is_that_of_the_link_budget() -> None:
    """By hand: one 802.11p sender at 23 dBm, one Mode 4 listener 50 m away; 9 of 10 MHz in proportion to the time."""
    stations = road(2, 50.0)
    lte, dot11p = LteMode4(LTE, FLOWS, stations, 1), Dot11p(dot11p_radio(), FLOWS, stations, 1)
    shared = SharedChannel(lte, dot11p)
    seen: list[np.ndarray] = []
    exchange = lte.beside
    assert exchange is not None

    def watched(start, end, sendings):  # type: ignore[no-untyped-def]
        left = exchange(start, end, sendings)
        if left is not None:
            seen.append(left[0].sum(axis=(0, 1)))
        return left

    lte.beside = watched
    sides = shared.sides()
    frames = bench.Traffic(FLOWS, {0: 190}, 1).frames(stations)
    frames = frames.take(np.flatnonzero(frames.sender == 0))
    for side in sides:
        side.stations_changed(stations)
    sides[1].submit(frames)
    for side in sides:
        side.advance(stations.tick_end_ns, stations)
    near = lte.neighbours
    listener = int(near.column[1])
    columns, gains = near.run(int(near.column[0]), 0)
    gain = float(gains[columns == listener][0])
    air_ms = 0.04 + 0.008 * np.ceil((22 + 8 * (190 + 30)) / 48)
    expected = 10 ** 2.3 * gain * 0.9 * air_ms
    np.testing.assert_allclose(sum(float(one[listener]) for one in seen), expected, rtol=1e-4)


def test_a_carrier_apart_in_frequency_takes_and_gives_nothing() -> None:
    """Property: with 802.11p 20 MHz away the shared channel changes no outcome."""
    apart, _, _ = outcomes(road(60), shared=False, second_hz=5.89e9)
    together, _, _ = outcomes(road(60), shared=True, second_hz=5.89e9)
    np.testing.assert_array_equal(apart, together)


def test_stations_of_one_radio_are_not_tuned_to_the_other() -> None:
    """Property: energy of the other radio is never a reception."""
    stations = road(30)
    _, layer, batches = outcomes(stations, shared=True, ticks=4)
    bits = layer.fittings.of(stations)
    assert {FIRST, SECOND} == set(bits.tolist())
    for batch in batches:
        common = (bits[batch.sender[batch.row]] & bits[batch.receiver]) != 0
        assert np.all(batch.outcome[~common] == Outcome.NOT_TUNED)
