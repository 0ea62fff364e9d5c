"""Channel plans of Mode 4: who hears whom, what leaks from one 10 MHz channel into the other."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations

FLOWS = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3)]
CHANNELS = ("whole", "lower", "upper")
SPLIT = {"vehicle": {"send": "lower", "listen": ["lower", "upper"]},
         "rsu": {"send": "upper", "listen": ["lower", "upper"]}}
"""Situation of December 2024 with a receiver for each channel."""


def radio(plans: list[dict[str, Any]], pools: list[dict[str, Any]] | None = None, **mode: Any) -> Radio:
    """The default pools: vehicles on PRB 0 to 49, roadside units on 50 to 99 of 20 MHz."""
    settings: dict[str, Any] = {
        "mode4": {"mcs": [7], "channel_plans": plans, **mode}, "channel": {"shadowing_sigma_db": 0.0},
    }
    return Radio.model_validate(settings if pools is None else {**settings, "pools": pools})


def scene(config: Radio, x_m: list[float], rsus: int = 1) -> tuple[LteMode4, Stations]:
    """Roadside units, then vehicles, on a line; jurisdiction A for even slots, B for odd ones."""
    kind = np.repeat([Kind.RSU, Kind.VEHICLE], [rsus, len(x_m) - rsus])
    stations = bench.place(np.array(x_m), np.zeros(len(x_m)), kind)
    stations.jurisdictions = ("A", "B")
    stations.home[:] = stations.place[:] = np.arange(len(x_m)) % 2
    return LteMode4(config, FLOWS, stations, 1), stations


def outcomes(layer: LteMode4, stations: Stations, ticks: int = 3) -> dict[tuple[int, int], set[int]]:
    """Outcomes by (sender, receiver)."""
    found: dict[tuple[int, int], set[int]] = {}
    for b in bench.run(layer, stations, bench.Traffic(FLOWS, {0: 190, 1: 150}, 1), ticks):
        for link in zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.outcome.tolist(), strict=True):
            found.setdefault(link[:2], set()).add(link[2])
    return found


LISTENING = [list(some) for n in (1, 2, 3) for some in combinations(CHANNELS, n)]


@pytest.mark.parametrize("send", CHANNELS)
@pytest.mark.parametrize("listen", LISTENING, ids="+".join)
def test_who_is_tuned_to_whom(send: str, listen: list[str]) -> None:
    """By hand, exhaustive: a vehicle of A sends on each channel, one of B listens to each set of channels."""
    pools = [{"name": c, "senders": ["vehicle"], "channel": c, "start_prb": start, "subchannels": 5}
             for c, start in (("whole", 0), ("lower", 0), ("upper", 50))]
    plans = [{"jurisdictions": ["A"], "vehicle": {"send": send, "listen": [send]}},
             {"jurisdictions": ["B"], "vehicle": {"send": listen[0], "listen": listen}}]
    config = radio(plans, pools)
    stations = bench.place(np.array([0.0, 40.0]), np.zeros(2))
    stations.jurisdictions, stations.home[:] = ("A", "B"), [0, 1]
    layer = LteMode4(config, FLOWS[:1], stations, 1)
    found = outcomes(layer, stations)[0, 1]
    if send in listen:
        assert Outcome.NOT_TUNED not in found
        assert Outcome.DELIVERED in found
    else:
        assert found == {int(Outcome.NOT_TUNED)}


def test_three_situations_of_the_band() -> None:
    """By hand: all on 20 MHz; all on 10 + 10 MHz with receivers for both; one jurisdiction each. Links inside one
    situation work, links across it do not, in both directions and between vehicles too."""
    x = [0.0, 30.0, 60.0, 90.0, 120.0, 150.0]
    for plans in ([], [SPLIT]):
        found = outcomes(*scene(radio(plans), x, 2))
        assert all(Outcome.DELIVERED in some and Outcome.NOT_TUNED not in some for some in found.values())
        assert len(found) == 30
    mixed = outcomes(*scene(radio([{"jurisdictions": ["A"]}, {"jurisdictions": ["B"], **SPLIT}]), x, 2))
    for (a, b), some in mixed.items():
        assert (Outcome.DELIVERED in some) == ((a - b) % 2 == 0)
        assert (some == {int(Outcome.NOT_TUNED)}) == ((a - b) % 2 == 1)


def test_frames_never_sent_are_not_lost_by_stations_that_are_not_tuned() -> None:
    """By hand: with a budget of 3 ms nothing leaves; tuned receivers lost it, the others were not tuned."""
    hasty = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 3 * MS, 5)]
    config = radio([{"jurisdictions": ["A"]}, {"jurisdictions": ["B"], **SPLIT}])
    _, stations = scene(config, [0.0, 10.0, 20.0, 30.0], 0)
    layer = LteMode4(config, hasty, stations, 1)
    found: dict[tuple[int, int], set[int]] = {}
    for b in bench.run(layer, stations, bench.Traffic(hasty, {0: 190}, 1), 2):
        assert not b.sent.any()
        for s, r, o in zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.outcome.tolist(), strict=True):
            found.setdefault((s, r), set()).add(o)
    assert found[0, 2] == {int(Outcome.NEVER_SENT)}
    assert found[0, 1] == {int(Outcome.NOT_TUNED)}


def coupling(config: Radio, victim: tuple[int, int], interferer: tuple[int, int]) -> float:
    """Share of the interferer's power on the victim's 20 data PRBs; both given as (pool of the grid, subchannel)."""
    grid = Grid(config, [])
    shapes = np.array([grid.shape_id(pool, first, 3, 20) for pool, first in (victim, interferer)])
    return float(grid.coupling(shapes).data[0, 1])


def test_leakage_between_the_two_channels() -> None:
    """By hand: ACLR leaves 10^-3 of the power in the other channel, ACS lets 10^-3.3 of what stays outside through;
    both spread over 50 PRBs, of which the victim uses 20. In one 20 MHz channel it is in-band emission instead."""
    config = radio([SPLIT])
    names = Grid(config, []).names
    assert names == ["vehicle", "rsu"]
    share = coupling(config, (1, 0), (0, 0))
    assert share == pytest.approx((1e-3 + (1 - 1e-3) * 10**-3.3) * 20 / 50, rel=0.02)
    other = coupling(radio([SPLIT], aclr_db=45.0, acs_db=50.0), (1, 0), (0, 0))
    assert other == pytest.approx((10**-4.5 + 1e-5) * 20 / 50, rel=0.02)
    whole = coupling(radio([]), (1, 0), (0, 0))
    assert whole > share
    assert coupling(radio([], in_band_emission=False), (1, 0), (0, 0)) == 0
    kept = coupling(radio([SPLIT], in_band_emission=False), (1, 0), (0, 0))
    assert kept == pytest.approx(share, rel=0.05)


def test_a_wide_sender_beside_a_narrow_receiver() -> None:
    """By hand: a 20 MHz sender on PRB 50 and up reaches a receiver of the lower channel by in-band emission below PRB
    50 and through its selectivity; it shares no PRB with the victim."""
    pools = [{"name": "wide", "senders": ["rsu"], "channel": "whole", "start_prb": 50},
             {"name": "narrow", "senders": ["vehicle"], "channel": "lower"}]
    plan = {"vehicle": {"send": "lower", "listen": ["lower"]}, "rsu": {"send": "whole", "listen": ["whole"]}}
    config = radio([plan], pools)
    grid = Grid(config, [])
    narrow, wide = grid.names.index("narrow"), grid.names.index("wide")
    silent = coupling(radio([plan], pools, in_band_emission=False), (narrow, 0), (wide, 0))
    assert silent == pytest.approx(10**-3.3 * 20 / 50, rel=1e-3)
    assert coupling(config, (narrow, 0), (wide, 0)) > 3 * silent


def one(stations: Stations, number: int, slot: int, flow: int) -> Frames:
    """A single frame."""
    values = (number, slot, int(stations.station_id[slot]), 0, flow, 0, 0, 0, 190)
    return Frames(*(np.array([v], np.int64) for v in values))


def test_half_duplex_covers_both_channels() -> None:
    """By hand: a unit sends on the upper, a vehicle on the lower channel in one subframe: neither hears the other, a
    third station hears both."""
    layer, stations = scene(radio([SPLIT]), [0.0, 40.0, 80.0])
    layer.stations_changed(stations)
    layer.submit(one(stations, 0, 0, 1))
    layer.submit(one(stations, 1, 1, 0))
    layer.advance(4 * MS, stations)
    layer.processes.next[:2] = 30
    b = layer.advance(100 * MS, stations)
    links = zip(b.sender[b.row].tolist(), b.receiver.tolist(), b.outcome.tolist(), strict=True)
    assert {(s, r): o for s, r, o in links} == {
        (0, 1): Outcome.HALF_DUPLEX, (1, 0): Outcome.HALF_DUPLEX,
        (0, 2): Outcome.DELIVERED, (1, 2): Outcome.DELIVERED,
    }


def test_noise_of_a_packet_does_not_depend_on_the_channel_width() -> None:
    """Property: power and noise are counted in the packet's own PRBs, so SNR is that of 20 MHz."""
    ratio = {}
    for name, plans in (("wide", []), ("narrow", [SPLIT])):
        layer, stations = scene(radio(plans), [0.0, 200.0])
        layer.stations_changed(stations)
        layer.submit(one(stations, 0, 1, 0))
        ratio[name] = float(layer.advance(100 * MS, stations).sinr_db[0])
    assert ratio["narrow"] == pytest.approx(ratio["wide"], abs=1e-4)


def test_untuned_stations_sense_power_but_no_reservations() -> None:
    """By hand: a station tuned elsewhere measures the power on its own subchannels, and hears no SCI."""
    pools = [{"name": "w", "senders": ["vehicle"], "channel": "whole"},
             {"name": "n", "senders": ["vehicle"], "channel": "lower"}]
    narrow = {"send": "lower", "listen": ["lower"]}
    config = radio([{"jurisdictions": ["A"]}, {"jurisdictions": ["B"], "vehicle": narrow}], pools)
    stations = bench.place(np.array([0.0, 40.0]), np.zeros(2))
    stations.jurisdictions, stations.home[:] = ("A", "B"), [0, 1]
    layer = LteMode4(config, FLOWS[:1], stations, 1)
    for _ in bench.run(layer, stations, bench.Traffic(FLOWS[:1], {0: 190}, 1), 5):
        pass
    assert dict(zip(*(v.tolist() for v in layer.busy_ratio()), strict=True))[1] > 0
    tuned = layer.selector.heard._listen
    assert tuned.tolist() == [[True, False, False], [False, True, False]]


def test_plans_that_cannot_be() -> None:
    """By hand: each refusal names what is wrong."""
    _, stations = scene(radio([]), [0.0, 40.0], 0)
    with pytest.raises(ValueError, match="no jurisdiction 'C' among"):
        LteMode4(radio([{"jurisdictions": ["C"], **SPLIT}]), FLOWS[:1], stations, 1).stations_changed(stations)
    with pytest.raises(ValueError, match="jurisdiction 'A' has two plans"):
        Grid(radio([{"jurisdictions": ["A"]}, {"jurisdictions": ["A"]}]), [])
    with pytest.raises(ValueError, match="two plans name no jurisdictions"):
        Grid(radio([{}, {}]), [])
    upper = {"vehicle": {"send": "upper", "listen": ["upper"]}}
    with pytest.raises(ValueError, match="no pool for flow 'BSM'"):
        Grid(radio([upper]), FLOWS[:1])


def test_a_station_that_leaves_needs_no_plan() -> None:
    """By hand: every jurisdiction is named and none uses the whole band; a slot that falls empty belongs to nobody, one
    that is filled by a vehicle of the other jurisdiction sends on that one's channel."""
    pools = [{"name": c, "senders": ["vehicle"], "channel": c, "start_prb": start, "subchannels": 5}
             for c, start in (("lower", 0), ("upper", 50))]
    plans = [{"jurisdictions": [name], "vehicle": {"send": c, "listen": ["lower", "upper"]}}
             for name, c in (("A", "lower"), ("B", "upper"))]
    stations = bench.place(np.array([0.0, 40.0, 80.0]), np.zeros(3))
    stations.jurisdictions, stations.home[:] = ("A", "B"), 0
    layer = LteMode4(radio(plans, pools), FLOWS[:1], stations, 1)
    traffic = bench.Traffic(FLOWS[:1], {0: 190}, 1)
    used: list[dict[int, int]] = []
    for tick in range(6):
        if tick:
            bench.move(stations, np.zeros(3))
        if tick == 2:
            stations.active[1], stations.home[1], stations.station_id[1] = False, -1, -1
            stations.active[2], stations.home[2], stations.station_id[2] = True, 1, 77
            stations.changed = np.array([1, 2])
        layer.stations_changed(stations)
        layer.submit(traffic.frames(stations))
        layer.advance(stations.tick_end_ns, stations)
        p = layer.processes
        used.append(dict(zip(p.slot[:p.count].tolist(), p.pool[:p.count].tolist(), strict=True)))
    lower, upper = layer.grid.names.index("lower"), layer.grid.names.index("upper")
    assert used[1] == {0: lower, 1: lower, 2: lower}
    assert used[5] == {0: lower, 1: -1, 2: upper}
