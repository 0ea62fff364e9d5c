"""What holds for every traffic model, and the models that do not follow."""

import numpy as np
import pytest

from sim.clock import MS
from sim.scenario.schema import Scenario
from sim.traffic import TRAFFIC
from sim.traffic.fleet import Fleet
from sim.traffic.recording import RecordedTraffic, record, traffic_key
from sim.traffic.tables import InputError
from sim.world.corridor import CorridorGeometry
from sim.world.network import RoadNetwork
from sim.world.signals import Signals

TICK = 100 * MS
HEADER = "time,id,x,y,speed,heading"


def scenario(corridor=None, **traffic):
    values = {
        "datum": "WGS84",
        "length_m": 5000,
        "jurisdictions": [{"id": "A"}, {"id": "B"}],
        **(corridor or {}),
    }
    return Scenario(schema="corridor/1", name="test", corridor=values, traffic=traffic)


def build(corridor=None, seed=1, **traffic):
    config = scenario(corridor, **traffic)
    network = RoadNetwork(CorridorGeometry(config.corridor))
    return TRAFFIC[config.traffic.model](config, network, Signals(network), seed)


def drive(traffic, ticks, first=0):
    if first == 0:
        traffic.start(0)
    for tick in range(first, first + ticks):
        traffic.step(tick * TICK, TICK)
    return traffic.fleet


def file_with(tmp_path, *lines, name="t.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def moving_file(tmp_path):
    """Two vehicles at 10 and 20 m/s every 0.5 s for 10 s; the second one from 2 s on."""
    lines = [HEADER]
    for k in range(21):
        lines.append(f"{k / 2},a,{100 + 5 * k},-2.75,10,90")
        if k >= 4:
            lines.append(f"{k / 2},b,{3000 - 10 * k},2.75,20,270")
    return file_with(tmp_path, *lines)


@pytest.mark.parametrize("model", list(TRAFFIC))
def test_contract(model, tmp_path):
    """Property, every model: start stands still in time, books balance, steps join on, numbers last, columns agree."""
    extra = {"trajectories": {"file": moving_file(tmp_path)}, "static": {"density_veh_km": 20}}.get(
        model, {"flow_veh_h": 900}
    )
    traffic = build(model=model, **extra)
    traffic.start(0)
    fleet, corridor = traffic.fleet, traffic.network.corridor
    slots = fleet.slots()
    assert np.array_equal(fleet.entered, slots) and len(fleet.left) == 0
    assert np.array_equal(fleet.x_m[slots], fleet.x_prev_m[slots])
    before = {int(fleet.number[s]): (fleet.x_m[s], fleet.y_m[s], int(s)) for s in slots}
    gone = set()
    for tick in range(80):
        traffic.step(tick * TICK, TICK)
        slots = fleet.slots()
        now = {int(fleet.number[s]): (fleet.x_m[s], fleet.y_m[s], int(s)) for s in slots}
        for slot in slots:
            number = int(fleet.number[slot])
            assert (number in before) != (slot in fleet.entered) and number not in gone
            if number in before:
                assert before[number] == (fleet.x_prev_m[slot], fleet.y_prev_m[slot], slot)
        assert {n for n in before if n not in now} == set(fleet.number[fleet.left].tolist())
        gone |= set(before) - set(now)
        chainage, _ = corridor.project(fleet.x_m[slots], fleet.y_m[slots])
        inside = (fleet.chainage_m[slots] >= 0) & (fleet.chainage_m[slots] <= corridor.length_m)
        assert np.allclose(chainage[inside], fleet.chainage_m[slots][inside], atol=1e-6)
        before = now
    assert traffic.counts()["entered"] - traffic.counts()["left"] == fleet.count > 0
    assert set(fleet.home[slots]) <= {0, 1}


def test_constant_speed_keeps_equal_spacing_and_count():
    """By hand: 20 per km on 5 km, one direction: 50 m apart for ever; a leaver is replaced by a newcomer."""
    fleet = drive(
        build({"directions": ["up"]}, model="constant-speed", density_veh_km=20, spacing="uniform", speed_mps=25),
        300,
    )
    slots = fleet.slots()
    assert len(slots) == 100
    assert np.allclose(np.diff(np.sort(fleet.x_m[slots])), 50)
    assert np.all(fleet.speed_mps[slots] == 25)
    assert fleet.number[slots].max() == 99 + 15  # 750 m at 25 m/s in 30 s: 15 vehicles have been replaced


def test_constant_speed_goes_round_a_ring():
    """By hand: 12 s at 50 m/s on a ring of 500 m is one turn and 100 m; nobody is replaced."""
    traffic = build({"length_m": 500, "topology": "ring"}, model="constant-speed", density_veh_km=40, speed_mps=50)
    traffic.start(0)
    start = traffic.fleet.s_m.copy()
    fleet = traffic.fleet
    for tick in range(120):
        traffic.step(tick * TICK, TICK)
        slots = fleet.slots()
        assert np.allclose(np.abs(fleet.x_m - fleet.x_prev_m)[slots], 5)
        assert np.all((fleet.x_prev_m[slots] >= 0) & (fleet.x_prev_m[slots] < 500))
    assert np.allclose((fleet.s_m - start)[slots] % 500, 100)
    assert traffic.counts() == {"entered": 20, "left": 0}


def test_constant_speed_by_flow_has_the_right_density_and_poisson_counts():
    """Distribution over 60 seeds: 1,800 veh/h at 20 m/s on 5 km is 125 per direction; variance equals the mean."""
    counts = []
    for seed in range(60):
        traffic = build({"directions": ["up"]}, seed, model="constant-speed", flow_veh_h=1800, speed_mps=20)
        traffic.start(0)
        counts.append(traffic.fleet.count)
    assert np.mean(counts) == pytest.approx(125, abs=4 * np.sqrt(125 / 60))
    assert 0.5 * 125 < np.var(counts) < 1.7 * 125


def test_arrivals_do_not_depend_on_the_tick():
    """Property: the same vehicles stand at the same places after 20 s in ticks of 0.1 s or 1 s."""
    fine = build(model="constant-speed", flow_veh_h=2000, speed_mps=20)
    coarse = build(model="constant-speed", flow_veh_h=2000, speed_mps=20)
    drive(fine, 200)
    coarse.start(0)
    for second in range(20):
        coarse.step(second * 1000 * MS, 1000 * MS)
    places = [
        dict(zip(t.fleet.number[t.fleet.slots()], t.fleet.x_m[t.fleet.slots()], strict=True)) for t in (fine, coarse)
    ]
    both = set(places[0]) & set(places[1])
    assert len(both) > 200 and set(places[0]) == set(places[1])
    assert np.allclose([places[0][n] for n in both], [places[1][n] for n in both], atol=1e-6)


def test_static_places(tmp_path):
    """By hand: chainages, plane coordinates with the carriageway found by side, and positions in degrees."""
    fleet = drive(build(model="static", stations=[100, 250.5]), 3)
    assert fleet.x_m[:2].tolist() == [100, 250.5] and fleet.y_m[0] == -2.75
    fleet = drive(build(model="static", file=file_with(tmp_path, "# made by hand", "x,y", "10,-2.75", "20,6.25")), 3)
    assert (fleet.road[:2].tolist(), fleet.lane[:2].tolist(), fleet.heading_deg[:2].tolist()) == (
        [0, 1],
        [0, 1],
        [90, 270],
    )
    fleet = drive(build(model="static", file=file_with(tmp_path, "lon,lat,heading", "120.89,31.04,45")), 1)
    assert fleet.x_m[0] == pytest.approx(954.7, abs=1) and fleet.heading_deg[0] == 45
    fleet = drive(build(model="static", file=file_with(tmp_path, "chainage,lateral", "1200,3")), 1)
    assert (fleet.x_m[0], fleet.y_m[0]) == (1200, 3)


@pytest.mark.parametrize(
    "lines, words",
    [
        (["x,y,colour", "1,2,red"], "header: 'colour' is not a known column"),
        (["x", "1"], "needs x, y or lon, lat or chainage"),
        (["x,y", "1,nan", "inf,2", "a,3"], ":4: x: 'a' is not a number"),
        (["x,y", "1,2,3"], "has 3 fields, the header has 2"),
        (["x,y"], "holds no vehicle"),
        ([""], "is empty"),
    ],
)
def test_bad_static_files(lines, words, tmp_path):
    """Property: one clear line per problem with file, line, field, value and rule."""
    path = file_with(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        build(model="static", file=path).start(0)
    assert words in str(caught.value)
    assert all(line.startswith(path) for line in str(caught.value).splitlines())


def test_trajectories_are_interpolated(tmp_path):
    """By hand: vehicle a at 100 + 10 t, b from 2 s on at 3000 - 20 t; both go after their last sample at 10 s."""
    traffic = build(model="trajectories", file=moving_file(tmp_path))
    fleet = drive(traffic, 7)
    assert fleet.count == 1 and fleet.x_m[0] == pytest.approx(107) and fleet.lane[0] == 0
    drive(traffic, 30, first=7)
    assert fleet.count == 2 and fleet.x_m[:2] == pytest.approx([137, 3000 - 20 * 3.7])
    assert fleet.road[:2].tolist() == [0, 1] and fleet.speed_mps[:2].tolist() == [10, 20]
    assert traffic.duration_ns == 10_000 * MS
    drive(traffic, 65, first=37)
    assert fleet.count == 0 and traffic.counts() == {"entered": 2, "left": 2}


def test_trajectories_by_degrees_match_the_plane(tmp_path):
    """Independent path: the same drive written as longitude and latitude."""
    corridor = build(model="static", stations=[0.0]).network.corridor
    lines = ["time,id,lon,lat,speed,heading,type"]
    for k in range(10):
        lon, lat = corridor.lonlat_at(1000 + 10.0 * k, -6.25)
        lines.append(f"{k},v,{float(lon):.9f},{float(lat):.9f},10,90,truck")
    fleet = drive(build(model="trajectories", file=file_with(tmp_path, *lines)), 35)
    assert (fleet.x_m[0], fleet.y_m[0]) == (pytest.approx(1035, abs=0.01), pytest.approx(-6.25, abs=0.01))
    assert fleet.lane[0] == 1 and fleet.length_m[0] == 12


def test_sumo_fcd(tmp_path):
    """By hand: two time steps as SUMO writes them; angle is clockwise from north and turns the short way."""
    vehicle = '<vehicle id="v" x="{}" y="-2.75" angle="{}" type="car" speed="{}" pos="1" lane="e_0"/></timestep>'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<fcd-export>"]
    lines += [
        '<timestep time="5.00">',
        vehicle.format(50, 350, 9),
        '<timestep time="6.00">',
        vehicle.format(60, 10, 11),
    ]
    lines += ["</fcd-export>"]
    fleet = drive(build(model="trajectories", file=file_with(tmp_path, *lines, name="fcd.xml")), 5)
    assert (fleet.x_m[0], fleet.speed_mps[0]) == (pytest.approx(55), pytest.approx(10))
    assert fleet.heading_deg[0] % 360 == pytest.approx(0, abs=1e-9)


def test_one_missing_sample_is_bridged(tmp_path):
    """By hand: absent at 1 s, back at 2 s: 2 steps, allowed."""
    path = file_with(
        tmp_path,
        HEADER,
        "0,a,0,0,10,90",
        "0,b,0,4,10,90",
        "1,b,10,4,10,90",
        "2,a,20,0,10,90",
        "2,b,20,4,10,90",
    )
    fleet = drive(build(model="trajectories", file=path), 10)
    assert fleet.x_m[fleet.slots()] == pytest.approx([10, 10])


@pytest.mark.parametrize(
    "lines, words",
    [
        ([HEADER, "0,a,1,1,1,0", "0,a,2,1,1,0"], "id: 'a' stands twice at time 0"),
        ([HEADER, "1,a,1,1,1,0", "0,a,2,1,1,0"], ":3: time: '0' must be later than 1"),
        (
            [HEADER, "0,a,1,1,1,0", "1,a,2,1,1,0", "4,a,2,1,1,0"],
            "comes 3 s after the time before it, at most 2 steps of 1 s",
        ),
        (
            [
                HEADER,
                *(f"{t},b,1,1,1,0" for t in range(3)),
                "3,a,1,1,1,0",
                "4,b,1,1,1,0",
                "5,b,1,1,1,0",
                "6,b,1,1,1,0",
                "7,a,1,1,1,0",
            ],
            "id: 'a' was last seen at 3, 4 s ago",
        ),
        ([HEADER, "0,a,1,1,nan,0"], "speed: 'nan' must be finite"),
        ([HEADER, "0,a,1,1,-3,0"], "speed: '-3' must lie in 0..100"),
        ([HEADER, "0,a,1,9000,1,0"], "lies 9000 m off the road, at most 2000 m"),
        ([HEADER + ",colour", "0,a,1,1,1,0,red"], "'colour' is not a known column"),
        (["time,id,x,speed,heading", "0,a,1,1,0"], "needs x, y or lon, lat"),
        (["time,id,x,y,speed", "0,a,1,1,0"], "'heading' is missing"),
        ([HEADER], "holds no vehicle"),
    ],
)
def test_bad_trajectories(lines, words, tmp_path):
    """Property: refused at construction with file, line, field, value and rule."""
    path = file_with(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        build(model="trajectories", file=path)
    assert words in str(caught.value)


def test_problems_come_together_but_not_without_end(tmp_path):
    """Property: 20 lines and a closing one at most."""
    path = file_with(tmp_path, HEADER, *(f"{k},a,x,1,1,0" for k in range(50)))
    with pytest.raises(InputError) as caught:
        build(model="trajectories", file=path)
    assert len(str(caught.value).splitlines()) == 21


@pytest.mark.parametrize(
    "body, words",
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><fcd-export/>', "entities are not allowed"),
        ("<fcd-export><timestep time='0'>", "no well-formed XML"),
        ("<net/>", "must be fcd-export"),
        ("<fcd-export>" + "<a>" * 20, "nested more than"),
        (
            "<fcd-export><timestep time='0'><vehicle id='v' x='1' y='1' angle='0' speed='1' hat='2'/>"
            "</timestep></fcd-export>",
            "'hat' is not a known attribute",
        ),
        (
            "<fcd-export><timestep time='0'><vehicle id='v' x='1' angle='0' speed='1'/></timestep></fcd-export>",
            "y: '' is not a number",
        ),
        ("<fcd-export><timestep time='0'>" + " " * 3_000_000, "no element ends within"),
    ],
)
def test_bad_fcd(body, words, tmp_path):
    """Property: hostile or broken XML is refused in one line."""
    with pytest.raises(InputError, match=words):
        build(model="trajectories", file=file_with(tmp_path, body, name="fcd.xml"))


def test_recording_replays_identically(tmp_path):
    """Property: every column of every vehicle, bit by bit, over more than one block, on a road with signals."""
    corridor = {"nodes": [{"id": "N", "at_m": 2500}]}
    config = scenario(corridor, flow_veh_h=700)
    path, key = tmp_path / "traffic.npz", traffic_key(config, 1)
    record(build(corridor, flow_veh_h=700), path, key, 230, TICK)
    live, replay = build(corridor, flow_veh_h=700), RecordedTraffic(path, key)
    live.start(0)
    replay.start(0)
    for tick in range(230):
        live.step(tick * TICK, TICK)
        replay.step(tick * TICK, TICK)
        slots = live.fleet.slots()
        assert np.array_equal(slots, replay.fleet.slots())
        assert np.array_equal(live.fleet.entered, replay.fleet.entered)
        assert np.array_equal(live.fleet.left, replay.fleet.left)
        for name, column in vars(replay.fleet).items():
            if isinstance(column, np.ndarray) and len(column) == replay.fleet.capacity and not name.startswith("_"):
                assert np.array_equal(column[slots], getattr(live.fleet, name)[slots]), name
    with pytest.raises(ValueError, match="no more"):
        replay.step(230 * TICK, TICK)
    with pytest.raises(ValueError, match="another scenario or seed"):
        RecordedTraffic(path, traffic_key(config, 2))
    (tmp_path / "broken.npz").write_bytes(b"PK not really")
    with pytest.raises(ValueError, match="no traffic recording"):
        RecordedTraffic(tmp_path / "broken.npz", key)


def test_fleet_slots():
    """By hand: slots are lowest first, kept while growing, free again one step after their vehicle left."""
    fleet = Fleet(2)
    assert fleet.add(np.array([10, 11, 12])).tolist() == [0, 1, 2] and fleet.capacity == 4
    fleet.end_step(0.1)
    fleet.begin_step()
    fleet.remove(np.array([1]))
    assert fleet.add(np.array([13])).tolist() == [3]
    fleet.end_step(0.1)
    assert (fleet.entered.tolist(), fleet.left.tolist(), fleet.slots().tolist()) == ([3], [1], [0, 2, 3])
    fleet.begin_step()
    assert fleet.add(np.array([14])).tolist() == [1] and fleet.number[1] == 14


@pytest.mark.parametrize(
    "corridor, traffic, words",
    [
        ({"topology": "ring"}, {}, "density_veh_km: is needed on a ring"),
        ({"topology": "ring"}, {"model": "constant-speed"}, "density_veh_km: is needed on a ring"),
        ({}, {"model": "constant-speed", "speed_mps": 0}, "speed_mps: 0 with a flow"),
        ({}, {"model": "static"}, "needs stations, file or density_veh_km"),
        ({}, {"model": "static", "stations": [5001]}, "stations: 5001 m lies outside"),
        ({}, {"model": "trajectories"}, "file: model trajectories needs a file"),
    ],
)
def test_models_refuse_what_they_cannot_do(corridor, traffic, words):
    """Property: one clear line per mistake."""
    with pytest.raises(ValueError, match=words):
        build(corridor, **traffic)
