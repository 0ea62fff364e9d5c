"""Two radios behind one layer: who hears what, joined copies, a full run."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.combined import Combined
from sim.access.fitting import BOTH, FIRST, SECOND, Fittings
from sim.access.ideal import Ideal
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome, Receptions
from sim.scenario.loader import load_mapping
from sim.scenario.schema.radio import Radio
from sim.scenario.schema.second_radio import Fitting, SecondRadio
from sim.world.stations import Stations

FLOWS = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3)]
SIZES = {0: 190, 1: 150}


def road(vehicles: int = 40) -> Stations:
    """Two units, four probes, vehicles of homes 0 and 1 in turn, within 400 m."""
    kind = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], [2, 4, vehicles])
    x = np.concatenate([[100.0, 300.0], np.linspace(0, 400, 4), np.linspace(0, 400, vehicles)])
    stations = bench.place(x, np.where(np.arange(len(x)) % 2, 2.0, -2.0), kind)
    stations.home[:] = np.arange(len(x)) % 2
    stations.place[:] = np.arange(len(x)) % 2
    return stations


def combined(stations: Stations, config: SecondRadio, first: type = Ideal) -> Combined:
    """``first`` and the ideal radio together, two jurisdictions."""
    layers = first(Radio(), FLOWS, stations, 1), Ideal(Radio(access="ideal"), FLOWS, stations, 1)
    return Combined(layers, Fittings(config, ["A", "B"], 1), ("one", "ideal"))


def drive(config: SecondRadio, first: type = Ideal, ticks: int = 4) -> tuple[Stations, Combined, list[Receptions]]:
    stations = road()
    layer = combined(stations, config, first)
    return stations, layer, list(bench.run(layer, stations, bench.Traffic(FLOWS, SIZES, 1), ticks))


def test_shares_of_a_fleet_by_home() -> None:
    """Distribution: 10,000 vehicles carry what their home's shares say, within 3 standard errors."""
    stations = Stations(0, 0, 10_000)
    stations.station_id[:] = 10_000_000 + np.arange(10_000)
    stations.home[:] = np.arange(10_000) % 2
    config = SecondRadio(vehicles=[Fitting(jurisdiction="A", first=0.5, second=0.2, both=0.3), Fitting(second=1.0)])
    bits = Fittings(config, ["A", "B"], 7).of(stations)
    of_a = bits[stations.home == 0]
    for bit, share in ((FIRST, 0.5), (SECOND, 0.2), (BOTH, 0.3)):
        assert abs(np.mean(of_a == bit) - share) < 3 * np.sqrt(share * (1 - share) / 5000)
    assert np.all(bits[stations.home == 1] == SECOND)


def test_units_by_place_and_others_by_kind() -> None:
    """By hand."""
    stations = road()
    config = SecondRadio(units={"A": "first", "*": "second"}, probes="second", pedestrians="first")
    bits = Fittings(config, ["A", "B"], 1).of(stations)
    assert bits[:2].tolist() == [FIRST, SECOND]
    assert np.all(bits[stations.probes] == SECOND)
    assert np.all(bits[stations.kind == Kind.VEHICLE] == BOTH)


@pytest.mark.parametrize("first", [Ideal, LteMode4])
def test_every_frame_ends_once_with_one_row_per_receiver(first: type) -> None:
    """Property: dual senders too."""
    _, _, batches = drive(SecondRadio(vehicles=[Fitting(first=0.3, second=0.3, both=0.4)]), first)
    ended = np.concatenate([b.frame for b in batches])
    assert len(ended) == len(np.unique(ended)) > 100
    for batch in batches:
        pair = batch.row * 1000 + batch.receiver
        assert len(pair) == len(np.unique(pair))
        assert len(batch.resource["radio"]) == len(batch.frame)


def test_stations_without_a_common_radio_are_not_tuned() -> None:
    """By hand: over two ideal radios a link is delivered exactly if sender and receiver share a radio."""
    stations, layer, batches = drive(SecondRadio(vehicles=[Fitting(first=0.4, second=0.4, both=0.2)]))
    bits = layer.fittings.of(stations)
    seen = set()
    for batch in batches:
        common = (bits[batch.sender[batch.row]] & bits[batch.receiver]) != 0
        np.testing.assert_array_equal(batch.outcome == Outcome.DELIVERED, common)
        assert np.all(batch.outcome[~common] == Outcome.NOT_TUNED)
        seen |= set(common.tolist())
    assert seen == {True, False}


def test_copies_join_to_the_earlier_arrival_and_the_better_outcome() -> None:
    """By hand: the ideal copy arrives 1 ms after it was ready and saves what Mode 4 loses or delays."""
    stations, layer, batches = drive(SecondRadio(units={"*": "both"}), LteMode4, 6)
    later = 0
    for batch in batches:
        two = batch.resource["radio"] == BOTH
        assert np.all(two)
        assert np.all(batch.outcome == Outcome.DELIVERED)
        assert batch.received_ns is not None
        assert np.all(batch.received_ns <= batch.end_ns[batch.row])
        later += int((batch.received_ns < batch.end_ns[batch.row]).sum())
        assert np.all(batch.received_ns == batch.start_ns[batch.row] + MS)
    assert later > 0


def test_first_radio_alone_equals_a_run_without_a_second() -> None:
    """Property: a second radio nobody carries changes no outcome of the first."""
    config = SecondRadio(vehicles=[Fitting(first=1.0)], units={"*": "first"}, probes="first")
    _, _, batches = drive(config, LteMode4)
    stations = road()
    alone = list(bench.run(LteMode4(Radio(), FLOWS, stations, 1), stations, bench.Traffic(FLOWS, SIZES, 1), 4))
    for one, other in zip(batches, alone, strict=True):
        for name in ("frame", "start_ns", "end_ns", "row", "receiver", "outcome", "distance_m"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def scenario(**second: object) -> dict[str, object]:
    """Half the fleet with each radio on an expressway with units."""
    return {
        "schema": "corridor/1", "name": "two", "duration_s": 2, "radio_warmup_s": 1, "traffic_warmup_s": 0,
        "corridor": {
            "datum": "WGS84", "length_m": 1500, "jurisdictions": [{"id": "A", "spans": [{}]}],
            "sections": [{"road_class": "expressway", "lanes": 2, "speed_limit_mps": 33.3}],
        },
        "traffic": {"density_veh_km": 30, "equipped_ratio": 1.0},
        "radio": {"access": "lte-v2x-mode4"},
        "second_radio": second,
    }


@pytest.mark.parametrize(("second", "words"), [
    ({"radio": {"access": "lte-v2x-mode4"}}, "the carriers overlap"),
    ({"radio": {"access": "ideal"}, "vehicles": [{"first": 0.5, "both": 0.1}]}, "add to 0.6, must add to 1"),
    ({"radio": {"access": "ideal"}, "units": {"X": "first"}}, "no such jurisdiction"),
    ({"radio": {"access": "nothing"}}, "second_radio.radio.access: nothing: no such access layer"),
    ({"radio": {"access": "ideal"}, "same_channel": True}, "is modelled for lte-v2x-mode4 with ieee80211p"),
])
def test_bad_second_radios_are_named(second: dict[str, object], words: str) -> None:
    """By hand: one line each."""
    with pytest.raises(ValueError) as caught:
        load_mapping(scenario(**second))
    assert words in str(caught.value)


def test_a_mixed_fleet_runs_with_reach_and_prr_apart() -> None:
    """By hand: about half the pairs of a fleet of two halves share a radio; PRR counts those only."""
    from sim.engine import Engine
    from sim.metrics import collect

    engine = Engine(load_mapping(scenario(
        radio={"access": "ideal"}, vehicles=[{"first": 0.5, "second": 0.5}], units={"*": "second"},
    )))
    engine.run()
    rows, _ = collect(engine.kpis)
    near = [r for r in rows if r.link == "V2V" and r.message == "BSM" and not r.jurisdiction and r.n and r.n > 500
            and r.distance_m is not None and r.distance_m < 300]
    reach = [r.value for r in near if r.metric == "reach"]
    prr = [r.value for r in near if r.metric == "prr"]
    assert reach and all(value is not None and 0.3 < value < 0.7 for value in reach)
    assert prr and all(value is not None and value > 0.95 for value in prr)
    assert any(name.startswith("second radio: access") for name in engine.access.provenance())
