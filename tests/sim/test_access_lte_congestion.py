"""Mode 4 under load: occupancy limits, thresholds by priority, averaged S-RSSI, controlled power."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rsu.generation import CONGESTION_CONTROLS
from sim.access import bench
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.layer import LteMode4
from sim.access.lte_mode4.occupancy import Occupancy
from sim.access.lte_mode4.selector import Batch
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio
from sim.scenario.schema.radio.lte import CR_TABLES
from sim.senders.rate_control import RateControl
from sim.world.stations import Stations

BSM = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)
EVENT = Flow(1, "BSM-EVENT", Kind.VEHICLE, 100 * MS, 100 * MS, 2)
NONE = [1.0] * 8


def radio(mode: dict[str, Any] | None = None, subchannels: int = 4, width: int = 12) -> Radio:
    """10 MHz, shared pool, one subchannel per packet unless ``mode`` sizes packets."""
    fixed = {} if mode and "mcs" in mode else {"packet_subchannels": 1, "data_prb": 10, "mcs": [7]}
    pool = {"name": "all", "senders": ["vehicle"], "subchannels": subchannels, "subchannel_prb": width}
    return Radio.model_validate({
        "bandwidth_mhz": 10, "pools": [pool], "mode4": {**fixed, **(mode or {})},
        "channel": {"shadowing_sigma_db": 0.0},
    })


def run(
    config: Radio, flows: list[Flow], ticks: int, vehicles: int = 2, sizes: dict[int, int] | None = None
) -> tuple[LteMode4, list[Receptions]]:
    """Vehicles 30 m apart with periodic flows."""
    stations = bench.place(np.arange(vehicles) * 30.0, np.zeros(vehicles))
    layer = LteMode4(config, flows, stations, 1)
    traffic = bench.Traffic(flows, sizes or {f.index: 190 for f in flows}, 1)
    return layer, list(bench.run(layer, stations, traffic, ticks))


def sent_at(batches: list[Receptions], slot: int) -> np.ndarray:
    """Subframes in which a station sent, in order."""
    return np.sort(np.concatenate([b.start_ns[(b.sender == slot) & b.sent] for b in batches])) // MS


# ---- occupancy


def test_occupancy_ratio_and_limits_by_hand() -> None:
    """By hand: 4 subchannels; 6 blocks of 2 subchannels in the last second are 12 / 4000, one of them of priority 2.

    The ratio of k sums over k and less urgent priorities; a block of priority p counts towards all k <= p.
    """
    config = radio({"cr_action": "drop", "cr_limits": [{"cbr_up_to": 1.0, "limits": NONE}]})
    occupancy = Occupancy(config.mode4, Grid(config, []))
    occupancy.grow(2)
    slot, zero = np.array([1]), np.array([0])
    for subframe, priority in ((1, 5), (400, 5), (500, 2), (600, 5), (700, 5), (800, 5)):
        occupancy.note(slot, np.array([subframe]), np.array([priority]), np.array([2]))
    assert occupancy.ratio(slot, np.array([1000]), 1, zero)[0] == pytest.approx(12 / 4000)
    assert occupancy.ratio(slot, np.array([1001]), 1, zero)[0] == pytest.approx(10 / 4000)
    assert occupancy.ratio(slot, np.array([1000]), 3, zero)[0] == pytest.approx(10 / 4000)
    assert occupancy.ratio(zero, np.array([1000]), 1, zero)[0] == 0

    def allowed(limits: list[float], priority: int, wide: int) -> bool:
        mode = radio({"cr_action": "drop", "cr_limits": [{"cbr_up_to": 1.0, "limits": limits}]}).mode4
        occupancy._limits = Occupancy(mode, Grid(config, []))._limits
        return bool(occupancy.allows(slot, np.array([1000]), np.array([priority]), zero, np.array([wide]))[0])

    at_five = [1, 1, 1, 1, 12 / 4000, 1, 1, 1]
    assert allowed(at_five, 5, 2)
    assert not allowed(at_five, 5, 3)
    assert not allowed(at_five, 7, 3)
    assert allowed(at_five, 4, 3)
    assert not allowed([13 / 4000, 1, 1, 1, 1, 1, 1, 1], 2, 2)
    occupancy.forget(slot)
    assert occupancy.ratio(slot, np.array([1000]), 1, zero)[0] == 0


def test_blocks_beyond_the_limit_are_dropped() -> None:
    """By hand: 5 blocks of one of 4 subchannels per 1,000 subframes are 5 / 4000; of 10 frames a second 5 leave."""
    limits = [1, 1, 1, 1, 5 / 4000, 1, 1, 1]
    config = radio({"cr_action": "drop", "cr_limits": [{"cbr_up_to": 1.0, "limits": limits}]})
    layer, batches = run(config, [BSM], 50)
    at = sent_at(batches, 0)
    window = np.array([np.sum((at > t - 1000) & (at <= t)) for t in at])
    assert window.max() == 5
    assert 22 <= len(at) <= 28
    lost = np.concatenate([b.outcome[b.sender[b.row] == 0] for b in batches])
    assert layer.counts()["cr_dropped"] == np.sum(np.concatenate([~b.sent for b in batches]))
    assert np.mean(lost == Outcome.NEVER_SENT) == pytest.approx(0.5, abs=0.1)


def test_urgent_blocks_are_not_held_back_by_limits_of_others() -> None:
    """By hand: priority 5 may use nothing at all, priority 2 everything."""
    config = radio({"cr_action": "drop", "cr_limits": [{"cbr_up_to": 1.0, "limits": [1, 1, 1, 1, 0, 0, 0, 0]}]})
    _, batches = run(config, [BSM, EVENT], 30)
    sent = np.concatenate([b.sent for b in batches])
    assert sent.mean() == pytest.approx(0.5, abs=0.03)


def test_limits_follow_the_channel_busy_ratio() -> None:
    """By hand: levels 0.3 and 1; a value equal to a bound belongs to the lower level."""
    levels = [{"cbr_up_to": 0.3, "limits": NONE}, {"cbr_up_to": 1.0, "limits": [0.0] * 8}]
    config = radio({"cr_action": "drop", "cr_limits": levels})
    occupancy = Occupancy(config.mode4, Grid(config, []))
    occupancy.grow(3)
    occupancy.busy_ratio[:] = [0.1, 0.3, 0.31]
    every, zero = np.arange(3), np.zeros(3, np.int64)
    fits = occupancy.allows(every, zero, zero + 5, zero, zero + 1)
    assert fits.tolist() == [True, True, False]


def test_narrower_blocks_instead_of_dropped_ones() -> None:
    """By hand: 190 bytes take 2 subchannels of 10 PRB at MCS 7 and 2 at MCS 11, so 300 bytes are used: 3 and 2. With a
    limit of 20 subchannels a second, 10 blocks of 2 leave, of 3 only 6."""
    limits = [1, 1, 1, 1, 20 / 5000, 1, 1, 1]
    level = [{"cbr_up_to": 1.0, "limits": limits}]
    counts = {}
    for action in ("drop", "reduce"):
        config = radio({"mcs": [7, 11], "cr_action": action, "cr_limits": level}, 5, 10)
        layer, batches = run(config, [BSM], 40, sizes={0: 300})
        late = [b for b in batches[15:] if len(b.frame)]
        sent = np.concatenate([b.sent for b in late])
        width = np.concatenate([b.resource["subchannels"][b.sent] for b in late])
        counts[action] = (sent.mean(), set(width.tolist()), layer.counts()["cr_narrowed"])
    assert counts["drop"][0] == pytest.approx(0.6, abs=0.07)
    assert counts["drop"][1:] == ({3}, 0)
    assert counts["reduce"][0] > 0.9
    assert 2 in counts["reduce"][1]
    assert counts["reduce"][2] > 0


@pytest.mark.parametrize("name", CR_TABLES)
def test_named_tables_tighten_with_load_and_urgency(name: str) -> None:
    """Property: limits never rise with the busy ratio, nor towards less urgent priorities."""
    table = np.array([level.limits for level in CR_TABLES[name]])
    bounds = [level.cbr_up_to for level in CR_TABLES[name]]
    assert bounds == sorted(bounds)
    assert bounds[-1] == 1.0
    assert np.all(np.diff(table, axis=0) <= 0)
    assert np.all(np.diff(table, axis=1) <= 0)


def test_nothing_is_limited_by_default() -> None:
    """By hand: an empty channel and cr_action off."""
    layer, batches = run(radio(), [BSM], 10)
    assert layer.counts()["cr_dropped"] == 0
    assert all(b.sent.all() for b in batches)


# ---- thresholds by priority


def test_threshold_of_the_pair_of_priorities_decides() -> None:
    """By hand: the sender at 50 m arrives with -115.3 dBm per resource element or so; one cell of the table lies above
    that, all others below, so its reservation binds everybody but the one priority."""
    table = np.full((8, 8), -128.0)
    table[5 - 1, 2 - 1] = 0.0
    config = radio({"rsrp_thresholds_dbm": table.tolist(), "sci": "ideal"})
    flows = [BSM, EVENT]
    stations = bench.place(np.array([0.0, 50.0]), np.zeros(2))
    layer = LteMode4(config, flows, stations, 1)
    layer.stations_changed(stations)
    for number, slot, flow in ((0, 0, 0), (1, 1, 0), (2, 1, 1)):
        values = (number, slot, int(stations.station_id[slot]), number, flow, 0, 0, 0, 190)
        layer.submit(Frames(*(np.array([v], np.int64) for v in values)))
    layer.advance(4 * MS, stations)
    layer.processes.next[:3], layer.processes.counter[:3] = [30, 200, 200], 10
    layer.advance(40 * MS, stations)
    ratio = []
    for row in (1, 2):
        one = np.array([row])
        level = layer.selector.heard.reserved(Batch(
            one, np.array([1]), np.array([40]), np.array([44]), np.array([135]), np.array([100]), np.array([100]), 0,
            1, np.array([7])))
        ratio.append(float(level.max()))
    assert layer.selector.heard.threshold_mw == 1.0
    assert ratio[0] > 1
    assert 0 < ratio[1] < 1
    assert 10 * np.log10(ratio[0] / ratio[1]) == pytest.approx(128.0, abs=0.01)


def test_equal_thresholds_by_priority_are_the_one_threshold() -> None:
    """Property: a table of equal numbers gives the run of that number, to the bit."""
    runs = []
    for mode in ({"rsrp_threshold_dbm": -110.0}, {"rsrp_thresholds_dbm": [[-110.0] * 8] * 8}):
        _, batches = run(radio(mode), [BSM, EVENT], 20, vehicles=30)
        runs.append(np.concatenate([b.start_ns for b in batches]))
    np.testing.assert_array_equal(*runs)


# ---- averaged S-RSSI


def test_energy_without_reservations_is_avoided() -> None:
    """Property (mistake 10): a source whose control channel nobody decodes fills one of four subchannels in every
    subframe. The list kept holds the quietest fifth by S-RSSI averaged over the second, so nobody chooses it."""
    flood = [Flow(i, f"F{i}", Kind.RSU, 20 * MS, 20 * MS, 5) for i in range(2, 6)]
    config = Radio.model_validate({
        "bandwidth_mhz": 10, "channel": {"shadowing_sigma_db": 0.0},
        "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": 4, "subchannel_prb": 12},
                  {"name": "noise", "senders": ["rsu"], "subchannels": 1, "subchannel_prb": 12, "start_prb": 12}],
        "mode4": {"packet_subchannels": 1, "data_prb": 10, "mcs": [7], "in_band_emission": False,
                  "rsrp_threshold_dbm": 0.0, "processing_budget_ms": 0, "keep_probability": 0.0},
    })
    vehicles = 30
    kind = np.repeat([Kind.RSU, Kind.VEHICLE], [12, vehicles])
    x = np.concatenate([np.zeros(12), 20 + np.arange(vehicles) * 1.0])
    stations = bench.place(x, np.zeros(12 + vehicles), kind)
    flows = [BSM, *flood]
    layer = LteMode4(config, flows, stations, 1, log_selections=True)
    for _ in bench.run(layer, stations, bench.Traffic(flows, {f.index: 190 for f in flows}, 1), 40):
        pass
    log = layer.selection_log
    late = (log["subframe"] > 1500) & (log["flow"] == 0)
    chosen = np.bincount(log["first_subchannel"][late], minlength=4)
    assert chosen.sum() > 50
    assert chosen[1] <= 0.02 * chosen.sum()
    assert chosen[[0, 2, 3]].min() > 0.2 * chosen.sum()


# ---- controlled power


def states(slots: np.ndarray, now_ns: int) -> Any:
    """What a rate control reads of vehicles at rest."""
    still = np.zeros(len(slots))
    return SimpleNamespace(
        slots=slots, time_ns=np.full(len(slots), now_ns), believed_x_m=still, believed_y_m=still,
        believed_heading_deg=still, believed_speed_mps=still,
    )


def test_controlled_power_falls_with_the_busy_ratio_and_rises_for_events() -> None:
    """By hand: above a busy ratio of 0.8 the wanted EIRP is 10 dBm, conducted 7 dBm behind a 3 dBi antenna; half of the
    way is taken per decision (12.5, 11.25 ... from 15); an event message goes at 20 dBm EIRP."""
    stations = bench.place(np.zeros(3), np.zeros(3))
    busy = np.array([0.9, 0.9, 0.1])
    control = RateControl("j2945-1", 3, 1, lambda: (np.arange(3), busy), stations)
    for check in range(1, 3):
        control.decide(states(np.arange(3), check * 100 * MS))
    assert stations.tx_power_dbm.tolist() == pytest.approx([11.25 - 3, 11.25 - 3, 18.75 - 3])
    for check in range(3, 30):
        control.decide(states(np.arange(3), check * 100 * MS))
    assert stations.tx_power_dbm.tolist() == pytest.approx([7.0, 7.0, 17.0], abs=1e-3)
    control.sent(states(np.arange(3), 3 * 10**9), np.array([True, False, False]))
    assert stations.tx_power_dbm.tolist() == pytest.approx([17.0, 7.0, 17.0], abs=1e-3)


def test_power_stays_where_it_does_not_act() -> None:
    """By hand: without stations, and with controls that set none (J3161/1 keeps the rate control alone)."""
    stations: Stations = bench.place(np.zeros(2), np.zeros(2))
    for name, given in (("j2945-1", None), ("j3161-1", stations), ("gbt45315-density", stations)):
        control = RateControl(name, 2, 1, lambda: (np.arange(2), np.full(2, 0.9)), given)
        control.decide(states(np.arange(2), 100 * MS))
        assert stations.tx_power_dbm.tolist() == [23.0, 23.0]
    assert CONGESTION_CONTROLS["j3161-1"](1).name == "j3161-1"


def test_weaker_stations_are_heard_weaker() -> None:
    """By hand: 10 dB less conducted power from the second tick on are 10 dB less at the receiver."""
    stations = bench.place(np.array([0.0, 100.0]), np.zeros(2))
    layer = LteMode4(radio(), [BSM], stations, 1)
    power: dict[int, list[float]] = {}
    for tick, batch in enumerate(bench.run(layer, stations, bench.Traffic([BSM], {0: 190}, 1), 4)):
        stations.tx_power_dbm[0] = 13.0
        rows = batch.sender[batch.row] == 0
        power[tick] = batch.power_dbm[rows].tolist()
    assert power[2][0] == pytest.approx(power[0][0] - 10.0, abs=1e-3)
    assert power[3][0] == pytest.approx(power[2][0], abs=1e-4)
