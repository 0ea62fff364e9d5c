"""Buildings in the way of links: corners, walls, heights, files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.channel.buildings import Buildings, Outline, outline
from sim.channel.ends import Ends
from sim.channel.outlines import build_scene, read_geojson, scene_of, with_buildings
from sim.channel.propagation import Propagation
from sim.channel.rays import Rays
from sim.channel.scene import Scene
from sim.channel.winner_b1 import winner_b1_manhattan
from sim.clock import stream
from sim.frames import Kind
from sim.scenario import ScenarioError, load
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio import Channel, Radio
from sim.scenario.schema.radio.channel import Building

BLOCK = [(10.0, 10.0), (60.0, 10.0), (60.0, 60.0), (10.0, 60.0)]
"""A city block north-east of a crossing at the origin; streets along both axes."""


def stations(x_m, y_m, height_m=1.5, kind=Kind.VEHICLE) -> Ends:
    """Stations with antennas of 3 dBi."""
    n = len(x_m)
    height = np.broadcast_to(np.asarray(height_m, np.float32), n)
    return Ends(
        np.arange(n), np.full(n, kind, np.int8), np.asarray(x_m, float), np.asarray(y_m, float), height,
        np.full(n, 3.0, np.float32),
    )


def area(corners=BLOCK, thin=False, height_m=None, wall_db=9.0, inside_db=0.4) -> Outline:
    """An outline with the default losses."""
    return outline("it", np.array(corners), thin, height_m, wall_db, inside_db)


def loss(outlines: list[Outline], tx: Ends, rx: Ends) -> np.ndarray:
    """Losses of all links, 0 where none has any."""
    found = Buildings(outlines).between(tx, rx, Rays(tx, rx))
    return np.zeros((len(tx), len(rx)), np.float32) if found is None else found.loss_db


def test_a_corner_blocks_and_the_street_does_not():
    """By hand: from (30, 0) to (0, 30) the line x + y = 30 cuts the block from (20, 10) to (10, 20), 14.14 m; along a
    street nothing is in the way; from (15, 0) to (0, 15) the line passes before the corner at (10, 10).
    """
    tx, rx = stations([30.0, 30.0, 15.0], [0.0, 0.0, 0.0]), stations([0.0, 300.0, 0.0], [30.0, 0.0, 15.0])
    found = loss([area()], tx, rx)
    assert found[0, 0] == pytest.approx(2 * 9.0 + 0.4 * np.hypot(10, 10), abs=1e-4)
    assert found[1, 1] == 0.0
    assert found[2, 2] == 0.0


def test_walls_are_counted():
    """By hand: two houses are four walls; a thin barrier is one; over a low one from a mast nothing is lost."""
    houses = [area([(x, -5), (x + 10, -5), (x + 10, 5), (x, 5)]) for x in (20, 50)]
    tx, rx = stations([0.0], [0.0]), stations([100.0], [0.0])
    assert loss(houses, tx, rx)[0, 0] == pytest.approx(4 * 9.0 + 0.4 * 20.0)
    barrier = area([(50, -5), (50, 5)], thin=True, height_m=3.0)
    assert loss([barrier], tx, rx)[0, 0] == pytest.approx(9.0)
    assert loss([barrier], stations([0.0], [0.0], 4.6), rx)[0, 0] == 0.0
    assert loss([barrier], stations([0.0], [0.0], 4.4), rx)[0, 0] == pytest.approx(9.0)
    other_way_round = area([(20, 5), (30, 5), (30, -5), (20, -5)])
    assert loss([other_way_round], tx, rx)[0, 0] == pytest.approx(2 * 9.0 + 0.4 * 10.0)


def test_inside_a_building():
    """By hand: from within a hall of 40 m one wall and the way to it count; from one hall into another both."""
    hall = area([(0, -20), (40, -20), (40, 20), (0, 20)])
    other = area([(60, -20), (100, -20), (100, 20), (60, 20)])
    inside, outside, beyond = stations([10.0], [0.0]), stations([50.0], [0.0]), stations([70.0], [0.0])
    assert loss([hall], inside, outside)[0, 0] == pytest.approx(9.0 + 0.4 * 30.0)
    assert loss([hall], outside, inside)[0, 0] == pytest.approx(9.0 + 0.4 * 30.0)
    assert loss([hall, other], inside, beyond)[0, 0] == pytest.approx(18.0 + 0.4 * 40.0)


def contains(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points in a polygon by crossings of a ray to the right (independent of the code)."""
    inside = np.zeros(x.shape, bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside


@pytest.mark.parametrize("seed", range(2))
def test_against_points_along_the_line(seed):
    """Independent: changes of inside and outside along 20,000 points, in a town of star-shaped houses."""
    draws = stream(seed, "test", "town")
    houses = []
    for _ in range(25):
        turn = np.sort(draws.random(7)) * 2 * np.pi
        radius = draws.uniform(8, 30, 7)
        middle = draws.uniform(-400, 400, 2)
        houses.append(np.stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn)], axis=1))
    tx, rx = (stations(*draws.uniform(-400, 400, (2, 12))) for _ in range(2))
    found = loss([area(house, inside_db=0.0) for house in houses], tx, rx)
    inside_found = loss([area(house, wall_db=0.0, inside_db=1.0) for house in houses], tx, rx)
    part = np.linspace(0, 1, 20_001)
    hit = 0
    for i in range(12):
        for j in range(0, 12, 3):
            x, y = tx.x_m[i] + part * (rx.x_m[j] - tx.x_m[i]), tx.y_m[i] + part * (rx.y_m[j] - tx.y_m[i])
            state = np.array([contains(house, x, y) for house in houses])
            walls = int((state[:, 1:] != state[:, :-1]).sum())
            length = state.mean() * len(houses) * np.hypot(x[-1] - x[0], y[-1] - y[0])
            assert found[i, j] == pytest.approx(9.0 * walls, abs=1e-3)
            assert inside_found[i, j] == pytest.approx(length, abs=0.5)
            hit += walls > 0
    assert hit > 10


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_from_both_ends_and_in_any_block(seed):
    """Property: equal to the bit from either end, alone, in a block, among other walls far away."""
    draws = stream(seed, "test", "both ends")
    houses = []
    for _ in range(8):
        x, y, w, h = (*draws.uniform(-200, 200, 2), *draws.uniform(5, 40, 2))
        houses.append(area([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]))
    ends = stations(*draws.uniform(-200, 200, (2, 25)))
    whole = loss(houses, ends, ends)
    assert np.array_equal(whole, whole.T)
    far = area([(5000, 5000), (5010, 5000), (5010, 5010)])
    part = loss([far, *houses], ends.take(slice(4, 5)), ends.take(slice(7, 19)))
    assert np.array_equal(part, whole[4:5, 7:19])


def test_far_walls_are_not_looked_at():
    """By hand: of 2,000 houses beside a straight road none can be between two stations on it, few near a bend are."""
    x = np.arange(0.0, 20_000.0, 10.0)
    houses = [area([(a, 30), (a + 8, 30), (a + 8, 40), (a, 40)]) for a in x]
    town = Buildings(houses)
    road = stations(np.arange(0.0, 3000.0, 50.0), np.zeros(60))
    assert len(town._near(road, road)) == 0
    off = stations([1000.0, 1300.0], [0.0, 60.0])
    assert 0 < len(town._near(off, off)) < 140


def test_standing_links_are_looked_up():
    """Property: a unit and probes get the very same answer again; vehicles that moved get a new one."""
    town = Buildings([area()])
    unit, probes = stations([30.0], [0.0], 5.0, Kind.RSU), stations([0.0, 0.0], [30.0, 60.0], 1.5, Kind.PROBE)
    first = town.between(unit, probes, Rays(unit, probes))
    assert town.between(unit, probes, Rays(unit, probes)) is first
    moved = stations([0.0, 0.0], [30.0, -60.0], 1.5, Kind.PROBE)
    assert town.between(unit, moved, Rays(unit, moved)).loss_db[0, 1] == 0.0
    car = stations([0.0], [30.0])
    assert town.between(unit, car, Rays(unit, car)) is not town.between(unit, car, Rays(unit, car))


def identity(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees taken as metres."""
    return lon, lat


def gain_db(channel: Channel, tx: Ends, rx: Ends, scene: Scene | None = None) -> np.ndarray:
    """Gains of all links under buildings of ``channel``."""
    scene = scene or scene_of(channel, identity)
    propagation = Propagation(Radio(channel=channel), 1, scene=scene)
    left, right = propagation.features(tx.x_m, tx.y_m), propagation.features(rx.x_m, rx.y_m)
    fields = tuple(one[0] @ other[1].T for one, other in zip(left.rows, right.rows, strict=True))
    return 10 * np.log10(propagation.block_gain(tx, rx, fields, False))


QUIET = {"shadowing_sigma_db": 0.0, "shadowing_sigma_nlos_db": 0.0}


def test_wall_loss_lowers_power():
    """By hand: 9 dB per wall and 0.4 dB/m are taken from the gain, not divided out of it (mistake 19)."""
    tx, rx = stations([30.0], [0.0]), stations([0.0], [30.0])
    free = gain_db(Channel(**QUIET), tx, rx)[0, 0]
    behind = gain_db(Channel(**QUIET, buildings=[Building(metres=BLOCK)]), tx, rx)[0, 0]
    assert free - behind == pytest.approx(18.0 + 0.4 * np.hypot(10, 10), abs=1e-3)
    own = Building(metres=[(15, 1), (15, 40)], thin=True, wall_loss_db=25.0)
    assert free - gain_db(Channel(**QUIET, buildings=[own]), tx, rx)[0, 0] == pytest.approx(25.0, abs=1e-3)


def test_law_without_sight():
    """Independent: behind the corner the loss is that of the chosen law; in the street it stays that with sight."""
    tx, rx = stations([100.0], [0.0]), stations([0.0, 0.0], [100.0, 0.0])
    settings = QUIET | {"buildings": [Building(metres=BLOCK)], "building_law": "nlos"}
    seen = gain_db(Channel(**QUIET), tx, rx)[0]
    found = gain_db(Channel(**settings, nlos="tr37885-nlos", v2v="free-space"), tx, rx)[0]
    distance = np.hypot(100, 100)
    assert -found[0] + 6 == pytest.approx(36.85 + 30 * np.log10(distance) + 18.9 * np.log10(5.915), abs=1e-3)
    found = gain_db(Channel(**settings, nlos="winner-b1-manhattan"), tx, rx)[0]
    expected = winner_b1_manhattan(100.0, 100.0, 1.5, 1.5, 5.915e9, Channel())
    assert -found[0] + 6 == pytest.approx(float(expected), abs=1e-3)
    assert found[1] == pytest.approx(seen[1], abs=1e-3)


def test_streets_may_lie_askew():
    """By hand: with the town turned by 30 degrees and its axis with it, the loss round the corner is the same."""

    def turned(points, angle_deg: float) -> np.ndarray:
        turn = np.radians(angle_deg)
        x, y = np.array(points, float).T
        return np.stack([x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)], axis=1)

    found = []
    for angle_deg in (0.0, 30.0):
        corners = [list(corner) for corner in turned(BLOCK, angle_deg)]
        channel = Channel(
            **QUIET, buildings=[Building(metres=corners)], building_law="nlos", nlos="winner-b1-manhattan",
            street_axis_deg=90.0 + angle_deg,
        )
        places = turned([(120, 0), (0, 70)], angle_deg)
        found.append(gain_db(channel, stations(*places[:1].T), stations(*places[1:].T))[0, 0])
    assert found[0] == pytest.approx(found[1], abs=1e-3)


def test_obstacles_are_never_forgotten():
    """By hand: settings that need a scene refuse to work without one; a file must have been read in."""
    with pytest.raises(ValueError, match="buildings needs a scene"):
        Propagation(Radio(channel=Channel(buildings=[Building(metres=BLOCK)])), 1)
    with pytest.raises(ValueError, match="geometric needs a scene"):
        Propagation(Radio(channel=Channel(line_of_sight="geometric")), 1)
    with pytest.raises(ValueError, match="has not been read"):
        scene_of(Channel(buildings_file="town.geojson"), identity)
    assert scene_of(Channel(), identity) is None


def collection(*geometries: dict, **properties) -> dict:
    """A GeoJSON collection."""
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": properties, "geometry": one} for one in geometries],
    }


RING = [[120.87, 31.0], [120.871, 31.0], [120.871, 31.001], [120.87, 31.0]]


def test_geojson(tmp_path):
    """By hand: areas, several areas and walls with height and loss; the file then stands in the scenario."""
    file = tmp_path / "town.geojson"
    file.write_text(json.dumps(collection(
        {"type": "Polygon", "coordinates": [RING]}, {"type": "MultiPolygon", "coordinates": [[RING], [RING]]},
        {"type": "LineString", "coordinates": [[120.87, 31.0, 5.0], [120.88, 31.0, 5.0]]}, height=4.5, wall_loss_db=12,
    )))
    found = read_geojson(file)
    assert [one.thin for one in found] == [False, False, False, True]
    assert found[0].height_m == 4.5 and found[3].wall_loss_db == 12.0
    assert found[3].lonlat == [[120.87, 31.0], [120.88, 31.0]]
    channel = with_buildings(Channel(buildings_file="town.geojson"), tmp_path)
    assert channel.buildings == found and channel.buildings_file is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a GeoJSON FeatureCollection"),
        (json.dumps(collection({"type": "Point", "coordinates": [1, 2]})), "feature 0: geometry Point is none of"),
        (json.dumps(collection({"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]})), "too few corners"),
        (json.dumps(collection({"type": "LineString", "coordinates": [[1, 200], [3, 4]]})), "no longitude"),
        (json.dumps(collection({"type": "LineString", "coordinates": ["ab", "cd"]})), "feature 0"),
        (json.dumps({"type": "FeatureCollection", "features": [None]}), "feature 0"),
        (None, "cannot be read"),
    ],
)
def test_bad_geojson_gives_one_line(tmp_path, content, message):
    """By hand: each fault is named with file and feature."""
    file = tmp_path / "town.geojson"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_geojson(file)
    assert "town.geojson" in str(caught.value) and "\n" not in str(caught.value)


ROAD = """\
schema: corridor/1
name: street
duration_s: 1
corridor:
  datum: WGS84
  points: [{lat: 31.00, lon: 120.87, name: a}, {lat: 31.01, lon: 120.87, name: b}]
  jurisdictions: [{id: A, region_id: 1, spans: [{}]}]
radio:
  channel: CHANNEL
"""


def test_a_scenario_with_buildings(tmp_path):
    """By hand: file and list both end up in the resolved scenario and in the scene, whatever else changes."""
    (tmp_path / "town.geojson").write_text(json.dumps(collection({"type": "Polygon", "coordinates": [RING]})))
    file = tmp_path / "s.yaml"
    text = "{buildings_file: town.geojson, buildings: [{metres: [[0, 0], [5, 0]], thin: true}]}"
    file.write_text(ROAD.replace("CHANNEL", text))
    loaded = load(file)
    assert len(loaded.config.radio.channel.buildings) == 2
    assert loaded.resolved()["radio"]["channel"]["buildings_file"] is None
    scene = build_scene(loaded.config, identity)
    assert scene is not None and scene.buildings is not None and len(scene.buildings) == 2 and not scene.vehicles
    (tmp_path / "again.yaml").write_text(loaded.resolved_yaml())
    assert load(tmp_path / "again.yaml").config.radio.channel == loaded.config.radio.channel


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{buildings_file: nowhere.geojson}", "radio.channel.buildings_file: nowhere.geojson: "),
        ("{buildings: [{name: x}]}", "radio.channel.buildings.0: .*needs either lonlat or metres"),
        ("{buildings: [{metres: [[0, 0], [1, 1]]}]}", "buildings.0.metres: .*an area needs at least 3 corners"),
        ("{buildings: [{lonlat: [[0, 0], [1, 99], [2, 3]]}]}", "buildings.0.lonlat.1: .*must be a longitude"),
        ("{buildings: [{metres: [[0, 0], [1]]}]}", "buildings.0.metres.1"),
        ("{blockage: per-blocker}", "radio.channel.blockage: per-blocker: per-blocker needs line_of_sight"),
        ("{building_law: nlos}", "radio.channel.building_law: nlos: nlos needs buildings"),
        ("{decorrelation_nlos_m: 13}", "radio.channel.decorrelation_nlos_m: 13.*: needs buildings or"),
        ("{decorrelation_nlosv_m: 13}", "radio.channel.decorrelation_nlosv_m: 13.*: needs a line_of_sight"),
        ("{wall_loss_db: -1}", "radio.channel.wall_loss_db: -1.*must be at least 0"),
    ],
)
def test_settings_that_cannot_work(tmp_path, text, message):
    """By hand: one line each with key, value and rule."""
    file = tmp_path / "s.yaml"
    file.write_text(ROAD.replace("CHANNEL", text))
    with pytest.raises(ScenarioError, match=message) as caught:
        load(file)
    assert len(str(caught.value).splitlines()) == 1


def test_antennas_must_stand_above_the_environment(tmp_path):
    """By hand: an antenna of 0.75 m (TR 37.885 type 1) under 1 m is refused when loading, not while running."""
    file = tmp_path / "s.yaml"
    vehicles = "traffic: {classes: [{name: car, share: 1, antenna_height_m: 0.75}]}\n"
    file.write_text(ROAD.replace("CHANNEL", "{}") + vehicles)
    with pytest.raises(ScenarioError, match=r"traffic.classes.0.antenna_height_m: 0.75: must be above"):
        load(file)
    site = "layout: {sites: [{id: X, at_m: 100, mast_height_m: 0.9}]}\n"
    file.write_text(ROAD.replace("CHANNEL", "{}") + site)
    with pytest.raises(ScenarioError, match=r"layout.sites.0.mast_height_m: 0.9: must be above"):
        load(file)
    walker = "pedestrians: [{id: P, at_m: 100}]\n"
    file.write_text(ROAD.replace("CHANNEL", "{environment_height_m: 1.3}") + walker)
    with pytest.raises(ScenarioError, match=r"environment_height_m: 1.3: must be below the devices"):
        load(file)
    file.write_text(ROAD.replace("CHANNEL", "{v2v: tr37885-highway, v2i: tr37885-highway}") + vehicles)
    assert load(file).config.traffic.classes[0].antenna_height_m == 0.75


def test_two_radios_share_one_scene(tmp_path):
    """By hand: other obstacles for the second radio are refused, other laws are not, when loading as when building."""
    file = tmp_path / "s.yaml"
    second = "second_radio: {radio: {access: ieee80211p}}\n"
    file.write_text(ROAD.replace("CHANNEL", "{line_of_sight: geometric}") + second)
    with pytest.raises(ScenarioError, match="second_radio.radio.channel: .*vehicles and buildings in the way"):
        load(file)
    first = Radio(channel=Channel(line_of_sight="geometric"))
    other = Radio(access="ieee80211p", channel=Channel(line_of_sight="geometric", v2v="tr37885-highway"))
    config = Scenario.model_construct(radio=first, second_radio=_second(other))
    assert build_scene(config, identity) is not None
    config = Scenario.model_construct(radio=first, second_radio=_second(Radio(access="ieee80211p")))
    with pytest.raises(ValueError, match="second_radio.radio.channel"):
        build_scene(config, identity)
    config = Scenario.model_construct(radio=first, second_radio=_second(Radio(access="uu")))
    assert build_scene(config, identity) is not None


def _second(radio: Radio):
    """A second radio of a scenario."""
    from sim.scenario.schema.second_radio import SecondRadio

    return SecondRadio(radio=radio)
