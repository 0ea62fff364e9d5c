"""The AccessLayer contract, for every registered layer."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import ACCESS, access_class, bench
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio

FLOWS = [
    Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5),
    Flow(1, "BSM-EVENT", Kind.VEHICLE, 100 * MS, 50 * MS, 2),
    Flow(2, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3),
    Flow(3, "MAP", Kind.RSU, 1000 * MS, 100 * MS, 6),
]
SIZES = {0: 190, 1: 190, 2: 150, 3: 300}


def world(name: str, vehicles: int = 60, seed: int = 3):
    """RSUs, probes and vehicles on 1.2 km, and a layer."""
    kind = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], [2, 8, vehicles])
    places = np.random.default_rng(1).random(vehicles) * 1200
    x = np.concatenate([[300.0, 900.0], np.linspace(0, 1200, 8), places])
    y = np.concatenate([[8.0, -8.0], np.zeros(8), np.where(np.arange(vehicles) % 2, 2.0, -2.0)])
    stations = bench.place(x, y, kind)
    stations.antenna_height_m[:2] = 5.0
    layer = access_class(name)(radio_of(name), FLOWS, stations, seed)
    return layer, stations, bench.Traffic(FLOWS, SIZES, seed)


def radio_of(name: str) -> Radio:
    """The radio section with every default but the layer's name."""
    return Radio(access=name)


def drive(
    name: str, ticks: int = 8, step_ns: int = bench.TICK_NS, seed: int = 3
) -> tuple[list[Receptions], list[Frames]]:
    """All batches and all submitted frames."""
    layer, stations, traffic = world(name, seed=seed)
    submitted: list[Frames] = []
    make = traffic.frames

    def frames(now):
        submitted.append(make(now))
        return submitted[-1]

    traffic.frames = frames  # type: ignore[method-assign]
    speed = np.where(stations.kind == Kind.VEHICLE, 30.0, 0.0)
    return list(bench.run(layer, stations, traffic, ticks, speed, step_ns)), submitted


def table(batches: list[Receptions]) -> np.ndarray:
    """Sorted link rows: frame, receiver, outcomes, distance, power, times."""
    rows = [
        np.column_stack([
            b.frame[b.row], b.receiver, b.outcome, b.data_outcome, b.distance_m, b.power_dbm, b.start_ns[b.row]
        ])
        for b in batches
    ]
    joined = np.concatenate(rows)
    return joined[np.lexsort((joined[:, 1], joined[:, 0]))]


@pytest.mark.parametrize("name", ACCESS)
def test_every_frame_ends_once_and_after_it_was_ready(name: str) -> None:
    """Property: conservation of frames and causality of times."""
    batches, submitted = drive(name)
    frames = Frames.concatenate(submitted)
    ended = np.concatenate([b.frame for b in batches])
    assert len(np.unique(ended)) == len(ended)
    ready = dict(zip(frames.frame.tolist(), frames.ready_ns.tolist(), strict=True))
    early = frames.ready_ns < 700 * MS
    assert set(frames.frame[early].tolist()) <= set(ended.tolist())
    for batch in batches:
        for frame, start, end, sent in zip(batch.frame, batch.start_ns, batch.end_ns, batch.sent, strict=True):
            assert start >= ready[int(frame)]
            assert end > start if sent else end == start


@pytest.mark.parametrize("name", ACCESS)
def test_receivers_have_a_frame_between_its_start_and_its_end(name: str) -> None:
    """Property: causality per link, one row per receiver."""
    batches, _ = drive(name)
    for batch in batches:
        pair = batch.row * 10_000 + batch.receiver
        assert len(np.unique(pair)) == len(pair)
        if batch.received_ns is None:
            continue
        delivered = batch.outcome == Outcome.DELIVERED
        row = batch.row[delivered]
        assert np.all(batch.received_ns[delivered] > batch.start_ns[row])
        assert np.all(batch.received_ns[delivered] <= batch.end_ns[row])


@pytest.mark.parametrize("name", ACCESS)
def test_batches_end_within_the_time_asked_for(name: str) -> None:
    """Property: nothing is reported before it ended."""
    layer, stations, traffic = world(name)
    for now, batch in enumerate(bench.run(layer, stations, traffic, 3, 0.0, 7 * MS)):
        tick, step = divmod(now, 15)
        assert batch.end_ns.max(initial=0) <= tick * bench.TICK_NS + min((step + 1) * 7 * MS, bench.TICK_NS)


@pytest.mark.parametrize("name", ACCESS)
def test_a_sender_never_hears_itself_and_probes_hear_only_roadside_units(name: str) -> None:
    """Property."""
    batches, _ = drive(name)
    _, stations, _ = world(name)
    probes = 0
    for batch in batches:
        sender = batch.sender[batch.row]
        assert not np.any(sender == batch.receiver)
        at_probe = stations.kind[batch.receiver] == Kind.PROBE
        probes += int(at_probe.sum())
        assert np.all(stations.kind[sender[at_probe]] == Kind.RSU)
        assert np.all(batch.distance_m <= 500.0)
    assert probes > 0


@pytest.mark.parametrize("name", ACCESS)
@pytest.mark.parametrize("step_ms", [1, 3, 10, 37])
def test_split_of_advance_calls_does_not_matter(name: str, step_ms: int) -> None:
    """Property: batch split invariance, to the bit."""
    whole, split = table(drive(name)[0]), table(drive(name, step_ns=step_ms * MS)[0])
    np.testing.assert_array_equal(whole, split)


@pytest.mark.parametrize("name", ACCESS)
def test_equal_seeds_give_equal_results(name: str) -> None:
    """Property: determinism; another seed gives another run (where chance plays a part)."""
    np.testing.assert_array_equal(table(drive(name)[0]), table(drive(name)[0]))
    if name != "ideal":
        one, other = table(drive(name)[0]), table(drive(name, seed=4)[0])
        assert one.shape != other.shape or np.any(one != other)


@pytest.mark.parametrize("name", ACCESS)
def test_a_lone_sender_close_by_is_always_heard(name: str) -> None:
    """By hand: at 20 m the margin over any error table is above 40 dB."""
    stations = bench.place(np.array([0.0, 20.0]), np.zeros(2))
    flow = [FLOWS[0]]
    layer = access_class(name)(radio_of(name), flow, stations, 1)
    traffic = bench.Traffic(flow, SIZES, 1)
    make = traffic.frames
    traffic.frames = lambda now: (f := make(now)).take(np.flatnonzero(f.sender == 0))  # type: ignore[method-assign]
    outcomes = np.concatenate([b.outcome for b in bench.run(layer, stations, traffic, 30)])
    assert len(outcomes) >= 28
    assert np.all(outcomes == Outcome.DELIVERED)


@pytest.mark.parametrize("name", ACCESS)
def test_a_silent_station_changes_nothing_for_the_others(name: str) -> None:
    """Property: draws are keyed by who is concerned, so one more listener moves no outcome between others."""

    def rows(silent: bool) -> np.ndarray:
        places = np.random.default_rng(5).random(50) * 800
        kind = np.repeat([Kind.RSU, Kind.VEHICLE], [1 + silent, 50])
        x = np.concatenate([[200.0, 600.0][:1 + silent], places])
        stations = bench.place(x, np.zeros(len(x)), kind)
        stations.station_id[1 + silent:] = 10_000_000 + np.arange(50)
        flows = FLOWS[:2]
        layer = access_class(name)(radio_of(name), flows, stations, 7)
        found = []
        for batch in bench.run(layer, stations, bench.Traffic(flows, SIZES, 7), 6):
            identity = stations.station_id
            found.append(np.column_stack([
                identity[batch.sender[batch.row]], batch.start_ns[batch.row], identity[batch.receiver], batch.outcome,
            ]))
        table = np.concatenate(found)
        table = table[table[:, 2] >= 10_000_000]
        return table[np.lexsort(table.T)]

    np.testing.assert_array_equal(rows(False), rows(True))


@pytest.mark.parametrize("name", ACCESS)
@pytest.mark.parametrize(("vehicles", "length_m", "period_ms"), [(1, 1000.0, 100), (250, 200.0, 20)])
def test_extreme_but_legal_loads_stay_sane(name: str, vehicles: int, length_m: float, period_ms: int) -> None:
    """Property: one vehicle alone; 250 within 200 m at 50 Hz (far above capacity): all ends, CBR at most 1."""
    x = np.random.default_rng(2).random(vehicles) * length_m
    stations = bench.place(x, np.zeros(vehicles))
    flows = [Flow(0, "BSM", Kind.VEHICLE, period_ms * MS, max(50, period_ms) * MS, 5)]
    layer = access_class(name)(radio_of(name), flows, stations, 1)
    traffic = bench.Traffic(flows, {0: 190}, 1)
    ended = 0
    for batch in bench.run(layer, stations, traffic, 5):
        ended += len(batch.frame)
        assert np.all(batch.distance_m >= 0)
        assert batch.outcome.min(initial=0) >= 0 and batch.outcome.max(initial=0) < len(Outcome)
        _, busy = layer.busy_ratio()
        assert np.all((busy >= 0) & (busy <= 1))
    assert ended >= 0.5 * vehicles * 500 / period_ms


@pytest.mark.parametrize("name", ACCESS)
def test_frames_of_a_station_that_left_end_unsent(name: str) -> None:
    """Property: a slot handed to another station takes its queue along; nobody else sends those frames."""
    layer, stations, traffic = world(name)
    layer.stations_changed(stations)
    frames = traffic.frames(stations)
    gone = int(frames.sender[-1])
    layer.submit(frames)
    first = layer.advance(50 * MS, stations)
    rest = layer.advance(100 * MS, stations)
    bench.move(stations, np.zeros(stations.size))
    stations.station_id[gone] += 1_000_000
    stations.changed = np.array([gone])
    layer.stations_changed(stations)
    late = traffic.frames(stations)
    late.sender_id[late.sender == gone] -= 1_000_000
    layer.submit(late)
    last = layer.advance(200 * MS, stations)
    ended = np.concatenate([first.frame, rest.frame, last.frame])
    assert set(frames.frame.tolist()) <= set(ended.tolist())
    assert not np.any(last.sent[last.sender == gone])
    assert set(late.frame[late.sender == gone].tolist()) <= set(last.frame[~last.sent].tolist())


@pytest.mark.parametrize("name", ACCESS)
def test_busy_ratio_and_provenance(name: str) -> None:
    """Property: CBR is a share, of every transmitting station once."""
    layer, stations, traffic = world(name)
    for _ in bench.run(layer, stations, traffic, 3):
        pass
    slots, ratio = layer.busy_ratio()
    assert len(np.unique(slots)) == len(slots)
    assert np.all((ratio >= 0) & (ratio <= 1))
    assert layer.provenance()["access"]


def test_unknown_layer_is_refused() -> None:
    """By hand: one line naming field and value."""
    with pytest.raises(ValueError, match="radio.access: 'nothing'"):
        access_class("nothing")
    assert access_class("sim.access.ideal:Ideal") is access_class("ideal")
