"""What the sidelinks of LTE and NR share: power sums, foreign power, judging, averages of S-RSSI, memory of SCIs."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.grid import Grid
from sim.access.neighbours import Neighbours
from sim.access.sidelink.averages import AveragedPower
from sim.access.sidelink.judging import error_rates, judge, uniform
from sim.access.sidelink.links import Sent
from sim.access.sidelink.reception import NOT_MONITORED, Reception, Settings
from sim.access.sidelink.sensing import Orders, PowerMemory
from sim.channel.propagation import Propagation
from sim.clock import hashed_uniform, stream_key
from sim.frames import Outcome
from sim.link.tables import step_table
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

NOISE_PRB_MW = 10 ** (-112.4 / 10)
KEY = stream_key(1, "test", "control")


def radio() -> Radio:
    """Four subchannels of 12 PRB, no in-band emission."""
    return Radio.model_validate({
        "bandwidth_mhz": 10, "mode4": {"in_band_emission": False},
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": 4, "subchannel_prb": 12}],
    })


def world(stations: Stations) -> tuple[Neighbours, Grid, Reception]:
    """Windows, grid and reception of a scene."""
    config = radio()
    near = Neighbours(Propagation(config, 1), -100.0, 1.0, 0.0)
    near.update(stations)
    grid = Grid(config, [])
    settings = Settings(NOISE_PRB_MW, 2, step_table(-3.0, "by hand"), KEY, 500.0)
    return near, grid, Reception(settings, grid)


def sent(near: Neighbours, grid: Grid, slots: list[int], times: list[int], subchannels: list[int]) -> Sent:
    """Transmissions of ten data PRBs in one subchannel each."""
    column = near.column[slots]
    shape = np.array([grid.shape_id(0, first, 1, 10) for first in subchannels])
    return Sent(
        column, np.array(times), near.station_id[column], np.arange(len(slots)), shape, np.full(len(slots), 10)
    )


def scene(n: int = 120) -> Stations:
    """Vehicles at random places on 3 km; a third sends with 17 dBm."""
    stations = bench.place(np.random.default_rng(4).random(n) * 3000, np.zeros(n))
    stations.tx_power_dbm[::3] = 17.0
    return stations


def test_levels_are_the_sums_of_all_received_powers() -> None:
    """By hand: noise plus every sender's power times its pair's gain, subchannel by subchannel, one at a time."""
    stations = scene()
    near, grid, reception = world(stations)
    some = sent(near, grid, [0, 7, 50, 90, 33], [0, 0, 0, 1, 1], [0, 0, 2, 3, 3])
    batch, _ = reception.listeners(near, some, np.array([0.1, 0.2]))
    expected = np.full((4, 2, len(near.slots)), NOISE_PRB_MW * 12)
    for column, time, subchannel in zip(some.column, some.slot_of_time, [0, 0, 2, 3, 3], strict=True):
        columns, gains = near.run(int(column), 0)
        expected[subchannel, time, columns] += gains * 10 ** (near.power_dbm[column] / 10)
    own = np.zeros(expected.shape, bool)
    own[:, some.slot_of_time, some.column] = True
    np.testing.assert_allclose(batch.sensed_mw[~own], expected[~own], rtol=2e-5)
    assert np.all(batch.sensed_mw[own] == NOT_MONITORED)


@pytest.mark.parametrize("bands", [1, 4, 50])
def test_foreign_power_adds_to_what_it_overlaps(bands: int) -> None:
    """By hand: 1 nW in the band of the first subchannel's PRBs raises its level by their share of the band."""
    stations = scene()
    near, grid, reception = world(stations)
    some = sent(near, grid, [0], [0], [0])
    quiet, _ = reception.listeners(near, some, np.array([0.1]))
    without_mw, data_mw = quiet.sensed_mw.copy(), quiet.levels[0].copy()
    reception.clear()
    foreign = np.zeros((1, bands, len(near.slots)), np.float32)
    foreign[:, 0] = 1e-6
    loud, _ = reception.listeners(near, some, np.array([0.1]), foreign)
    width = 50 / bands
    shares = [max(0.0, min(width, 12 * (s + 1)) - 12 * s) / width for s in range(4)]
    others = np.flatnonzero(np.arange(len(near.slots)) != some.column[0])
    for subchannel, share in enumerate(shares):
        gained = (loud.sensed_mw - without_mw)[subchannel, 0, others]
        np.testing.assert_allclose(gained, 1e-6 * share, rtol=1e-3, atol=1e-12)
    in_data = max(0.0, min(width, 12) - 2) / width
    np.testing.assert_allclose((loud.levels[0] - data_mw)[0, others], 1e-6 * in_data, rtol=1e-3, atol=1e-12)


def test_measured_ratios_are_those_of_the_powers() -> None:
    """By hand: SNR and SINR of every reported link from the pairs' gains, in the data PRBs; senders are deaf."""
    stations = scene()
    near, grid, reception = world(stations)
    some = sent(near, grid, [0, 40, 80], [0, 0, 0], [1, 1, 2])
    batch, _ = reception.listeners(near, some, np.array([0.5]))
    rows = reception.measure(near, [batch])
    data, _ = grid.power_share(10)
    power = {int(c): dict(zip(*(v.tolist() for v in near.run(int(c), 0)), strict=True)) for c in some.column}
    mw = {int(c): float(10 ** (near.power_dbm[c] / 10)) for c in some.column}
    noise = 10 * NOISE_PRB_MW
    assert len(rows) > 50
    for i in range(len(rows)):
        own, receiver = int(some.column[rows.sending[i]]), int(rows.column[i])
        other = {0: 1, 1: 0}.get(int(rows.sending[i]))
        wanted = power[own][receiver] * mw[own] * data
        rival = 0.0 if other is None else power[int(some.column[other])].get(receiver, 0.0) * mw[
            int(some.column[other])] * data
        assert rows.power_mw[i] == pytest.approx(wanted, rel=1e-5)
        assert rows.snr[i] == pytest.approx(wanted / noise, rel=1e-5)
        if wanted / noise < 1e4:
            assert rows.sinr[i] == pytest.approx(wanted / (noise + rival), rel=1e-2)
        assert rows.deaf[i] == (receiver in some.column.tolist())
        assert not (rows.deaf[i] and rows.decoded[i])


def test_pieces_measured_together_or_apart_are_the_same_rows() -> None:
    """Property: two batches measured in one go give the rows of each measured alone."""
    stations = scene()
    near, grid, reception = world(stations)
    one, other = sent(near, grid, [0, 40], [0, 1], [1, 1]), sent(near, grid, [80, 3, 20], [0, 0, 1], [2, 2, 0])
    parts = np.array([0.1, 0.2]), np.array([0.3, 0.4])
    both = [reception.listeners(near, s, part)[0] for s, part in zip((one, other), parts, strict=True)]
    together = reception.measure(near, both)
    reception.clear()
    apart = []
    for s, part, shift in zip((one, other), parts, (0, 2), strict=True):
        rows = reception.measure(near, [reception.listeners(near, s, part)[0]])
        reception.clear()
        rows.sending = rows.sending + shift
        apart.append(rows)
    for name in ("sending", "column", "distance_m", "power_mw", "snr", "sinr", "decoded", "deaf"):
        joined = np.concatenate([getattr(rows, name) for rows in apart])
        assert np.array_equal(getattr(together, name), joined), name


def test_judging_names_causes_in_order_by_one_number() -> None:
    """By hand: six links, each lost for another reason or none, with the number 0.5 drawn for all that are open."""
    rates = (np.array([0, 0, 0, 0.6, 0.2, 0.2], np.float32), np.array([0, 0, 0, 0.9, 0.6, 0.4], np.float32))
    deaf = np.array([1, 0, 0, 0, 0, 0], bool)
    weak = np.array([1, 1, 0, 0, 0, 0], bool)
    decoded = np.array([0, 0, 0, 1, 1, 1], bool)
    drawn: list[int] = []

    def draw(rows: np.ndarray) -> np.ndarray:
        drawn.extend(rows.tolist())
        return np.full(len(rows), 0.5)

    outcome, data = judge(rates, decoded, deaf, weak, True, draw)
    assert outcome.tolist() == [
        Outcome.HALF_DUPLEX, Outcome.SENSITIVITY, Outcome.CONTROL_LOST, Outcome.PROPAGATION, Outcome.COLLISION,
        Outcome.DELIVERED,
    ]
    assert data.tolist()[2:4] == [Outcome.DELIVERED, Outcome.PROPAGATION]
    assert drawn == [3, 4, 5]
    assert judge(rates, decoded, deaf, weak, False, draw)[0].tolist() == data.tolist()


def test_several_tables_are_looked_up_row_by_row() -> None:
    """By hand: steps at 0 and 10 dB; 5 dB passes the first only."""
    tables = [step_table(0.0, "low"), step_table(10.0, "high")]
    ratio = np.full(2, 10**0.5, np.float32)
    alone, disturbed = error_rates(tables, np.array([0, 1]), ratio, ratio / 10)
    assert alone.tolist() == pytest.approx([0, 1], abs=1e-6)
    assert disturbed.tolist() == [1, 1]


def test_draws_are_those_of_the_clock() -> None:
    """Independent: the quick hash equals the general one of sim.clock for every counter."""
    ids, numbers, receivers = (np.random.default_rng(i).integers(0, 2**40, 500) for i in range(3))
    expected = hashed_uniform(KEY, ids, numbers, receivers)
    assert np.array_equal(uniform(KEY, ids, numbers, receivers), expected)


def history(orders: Orders, memory: AveragedPower, ticks: int, changes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Record random powers in blocks of 4 with columns in another order every tick; [sub, time, slot] and listening."""
    draws = np.random.default_rng(8)
    slots = orders.column.shape[1]
    power, listening = np.zeros((2, ticks * 100, slots)), np.zeros((ticks * 100, slots), bool)
    for tick in range(ticks):
        if changes and tick == 7:
            memory.forget(np.array([2]))
            power[:, :tick * 100, 2], listening[:tick * 100, 2] = 0, False
        order = draws.permutation(slots)
        orders.turn = tick
        orders.column[tick % len(orders.column), order] = np.arange(slots)
        for start in range(tick * 100, tick * 100 + 100, 4):
            seen = draws.random((2, 4, slots)) * 10.0 ** draws.integers(-9, -2, (2, 4, slots))
            own = draws.random((4, slots)) < 0.05
            seen[:, own] = NOT_MONITORED
            memory.record(start, seen.astype(np.float32))
            power[:, start:start + 4, order], listening[start:start + 4, order] = np.where(own, 0, seen), ~own
    return power, listening


@pytest.mark.parametrize("lag", [20, 50, 100])
@pytest.mark.parametrize("changes", [False, True])
def test_averages_of_power_are_those_of_the_window(lag: int, changes: bool) -> None:
    """Independent: means over monitored subframes lag apart in the last second, summed plainly; TS 36.213 14.1.1.6."""
    orders = Orders(9, 14)
    memory = AveragedPower(orders, 2, 1000)
    power, listening = history(orders, memory, 13, changes)
    slot, at = np.array([2, 5, 2]), np.array([1296, 1297, 1299])
    first = at + 4
    mean = memory.mean(slot, at, first, 97, lag, slice(0, 2), 7.0)
    for i in range(3):
        for k in (0, 1, 50, 95, 96):
            y = int(first[i]) + k
            times = [t for t in range(y - lag, -1, -lag) if at[i] - 1000 <= t < at[i] and listening[t, slot[i]]]
            for s in range(2):
                expected = np.mean([power[s, t, slot[i]] for t in times]) if times else 7.0
                assert mean[i, k, s] == pytest.approx(expected, rel=1e-5)


def test_busy_ratio_counts_monitored_subchannels() -> None:
    """Independent: both memories against a plain count over the last 100 subframes."""
    orders = Orders(9, 14)
    averaged, plain = AveragedPower(orders, 2, 1000), PowerMemory(orders, 2, 1000)
    both = [averaged.record, plain.record]

    class Both(AveragedPower):
        def record(self, subframe: int, sensed_mw: np.ndarray) -> None:
            for each in both:
                each(subframe, sensed_mw)

    power, listening = history(orders, Both(orders, 2, 1000), 3, False)
    slots = np.arange(9)
    recent = slice(200, 300)
    for part in (slice(0, 2), slice(1, 2)):
        over = (power[part, recent] > 1e-5).sum(axis=(0, 1))
        expected = over / (listening[recent].sum(axis=0) * (part.stop - part.start))
        for memory in (averaged, plain):
            np.testing.assert_allclose(memory.busy_ratio(slots, part, 1e-5), expected)
