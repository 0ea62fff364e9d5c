"""Descriptions put into another datum, and what receivers make of messages written in a datum they do not expect."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.applications.checks import rsi_applies, rsm_applies, spat_map_applies
from rsu.applications.events import EventZones
from rsu.applications.in_datum import readers_in
from rsu.applications.lane_match import LaneMatch, match_lanes
from rsu.applications.objects import ObjectColumns, separation
from rsu.applications.road_map import RoadMap
from rsu.geodesy import LocalPlane, epoch_year
from rsu.messages import MESSAGE_SETS
from rsu.profile import Entry, Profile
from rsu.services import SERVICES
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import Intention, PathPlan, VehicleRequest, VehicleState
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from rsu.services.geometry import LaneGeometry, LinkGeometry, NodeGeometry
from sim.cli import main
from sim.senders.in_datum import detected_in, event_in, intention_in, lonlat_in, node_in, unit_in
from sim.senders.written import Written
from sim.world.build import World
from tests.rsu.service_cases import LANE_M, LAT, LON, UTC_NS, junction

PLANE = LocalPlane(LON, LAT)
UNIT = UnitDescription(b"RSU00001", LON, LAT)
SETS = ("csae53-2020", "etsi-its")
SHIFTED = ("CGCS2000", "GCJ-02")
IN_2025 = 2025.0
MOST_BYTES = 1398
EAST_M, NORTH_M = 25 * 0.0269, -25 * 0.0107
"""Motion of the ground from 2000.0 to 2025.0 here, by the published rates."""
SHIFT_M = (403.8, -247.6)
"""GCJ-02 here, east and north: PyPI coord-convert 0.2.1 and a geodesic of PROJ, 473.6 m towards 121.5 degrees."""
ACROSS_DEG = 31.5


def lonlat(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(PLANE.to_lonlat(xy[:, 0], xy[:, 1]))


def apart_m(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return separation(a[:, 0], a[:, 1], b[:, 0], b[:, 1])


def on_the_air(name: str, content: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    """Messages as a strict receiver decodes them."""
    message_set = MESSAGE_SETS[name]
    decoded = [message_set.decode(message_set.encode(message, value), "strict") for message, value in content]
    return [(one.message, one.value) for one in decoded]


def road_map(name: str, node: NodeGeometry, written: str, read: str) -> RoadMap:
    """The MAP of a node written in one datum and read in another."""
    message_set = MESSAGE_SETS[name]
    content = SERVICES[message_set.family].maps(
        [node_in(node, written, IN_2025)], counter=MessageCounter(0), encode=message_set.encode, max_bytes=MOST_BYTES,
        unit=unit_in(UNIT, written, IN_2025),
    )
    readers = readers_in(READERS[message_set.family], read, IN_2025)
    return RoadMap.of_lanes([lane for _, value in on_the_air(name, content) for lane in readers.lanes(value)])


def on_lanes(node: NodeGeometry, every: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) true positions on the centre lines of all lanes, and their headings."""
    places, headings = [], []
    for link in node.links:
        for lane in link.lanes:
            xy = np.column_stack(PLANE.to_plane(lane.points[:, 0], lane.points[:, 1]))
            step = np.diff(xy, axis=0)
            heading = np.degrees(np.arctan2(step[:, 0], step[:, 1]))
            places.append(((lane.points[:-1] + lane.points[1:]) / 2)[::every])
            headings.append(heading[::every])
    return np.concatenate(places), np.concatenate(headings)


def matched(roads: RoadMap, places: np.ndarray, headings: np.ndarray) -> LaneMatch:
    return match_lanes(roads, places[:, 0], places[:, 1], headings)


def signals(name: str, read: str) -> dict[Any, Any]:
    phases = tuple(PhaseForecast(phase, ("red", "green"), (10.0, 60.0)) for phase in (1, 2, 3, 4))
    family = MESSAGE_SETS[name].family
    content = SERVICES[family].signals(
        [IntersectionForecast(310, 257, phases)], counter=MessageCounter(0), generated_utc_ns=UTC_NS, unit=UNIT
    )
    readers = readers_in(READERS[family], read, IN_2025)
    return {key: one for _, value in on_the_air(name, content) for key, one in readers.signals(value, UTC_NS).items()}


@pytest.mark.parametrize("name", SETS)
def test_a_map_in_gcj02_matches_no_vehicle(name) -> None:
    """Independent (T-D2): written in GCJ-02 and taken for WGS 84, no vehicle of the junction finds a lane and no signal
    is applied; written and read alike, whatever the datum, all find their lane and all signals are applied."""
    node = junction()
    places, headings = on_lanes(node)
    assert len(places) == 4 * 3 * 10
    for written, read, served in (("GCJ-02", "WGS84", False), ("WGS84", "GCJ-02", False), ("GCJ-02", "GCJ-02", True),
                                  ("WGS84", "WGS84", True)):
        roads = road_map(name, node, written, read)
        assert len(roads.lanes) == 12
        match = matched(roads, places, headings)
        assert (match.lane >= 0).mean() == (1.0 if served else 0.0)
        assert np.all(spat_map_applies(roads, signals(name, read), match).applied == served)
        if served:
            assert np.max(np.abs(match.lateral_m)) < 0.6


def event_across_the_shift(half_width_m: float) -> EventDescription:
    """A path of 400 m at right angles to the shift, so that the shift is its distance as well."""
    along = np.radians(ACROSS_DEG)
    xy = np.linspace(-200.0, 200.0, 9)[:, None] * np.array([[np.sin(along), np.cos(along)]])
    path = lonlat(xy)
    return EventDescription(1, "event", 501, float(path[4, 0]), float(path[4, 1]), path, half_width_m)


def heard_by(event: EventDescription, name: str, feed: str, read: str, places: np.ndarray) -> np.ndarray:
    """[places] whether an event fed in one datum holds for vehicles there that read another."""
    message_set = MESSAGE_SETS[name]
    content = SERVICES[message_set.family].events(
        UNIT, [event_in(event, feed, IN_2025)], counter=MessageCounter(0), generated_utc_ns=UTC_NS,
        encode=message_set.encode, max_bytes=MOST_BYTES,
    )
    readers = readers_in(READERS[message_set.family], read, IN_2025)
    events = [one for message, value in on_the_air(name, content) for one in readers.events(message, value)]
    assert len(events) == 1
    return rsi_applies(EventZones(events, upstream_m=0.0), places[:, 0], places[:, 1], np.full(len(places), ACROSS_DEG))


@pytest.mark.parametrize(
    "half_width_m, here, there, twice",
    [(8.0, False, True, False), (460.0, False, True, False), (485.0, True, True, True)],
)
def test_an_event_fed_in_gcj02_holds_where_its_half_width_exceeds_the_shift(half_width_m, here, there, twice) -> None:
    """Independent (T-D2): a path of half width r that is fed 474 m off holds for those it is meant for only where r is
    larger; a vehicle 474 m to the side is told of it for every r, one 948 m away for such r: the wrong place."""
    event = event_across_the_shift(half_width_m)
    off = np.array([SHIFT_M])
    places = lonlat(np.concatenate([np.zeros((1, 2)), off, 2 * off]))
    assert heard_by(event, "csae53-2020", "GCJ-02", "WGS84", places).tolist() == [here, there, twice]
    assert heard_by(event, "csae53-2020", "GCJ-02", "GCJ-02", places).tolist() == [True, half_width_m > 474, False]


def objects(written: str, read: str) -> ObjectColumns:
    """Three vehicles as a unit's sensor tells them."""
    count = np.arange(3)
    place = lonlat(np.column_stack([40.0 * count, 10.0 * count]))
    true = DetectedObjects(
        place[:, 0], place[:, 1], np.full(3, 12.0), np.full(3, 75.0), np.full(3, 4.6), np.full(3, 1.8), np.full(3, 1.5),
        count + 1, np.zeros(3, np.int64), np.full(3, 0.5), UTC_NS,
    )
    batch = SERVICES["cn"].objects(
        unit_in(UNIT, written, IN_2025), detected_in(true, written, IN_2025), counter=MessageCounter(0),
        generated_utc_ns=UTC_NS, junction=tuple(map(float, lonlat_in(LON, LAT, written, IN_2025))),
    )
    [(message, value)] = on_the_air("csae53-2020", [(batch.message, one) for one in batch.values])
    told = readers_in(READERS["cn"], read, IN_2025).objects(message, value, UTC_NS)
    assert sorted(told.participant_id.tolist()) == [1, 2, 3]
    order = np.argsort(told.participant_id)
    return replace(told, lon=told.lon[order], lat=told.lat[order])


@pytest.mark.parametrize("written, read", [("GCJ-02", "WGS84"), ("GCJ-02", "GCJ-02"), ("WGS84", "WGS84")])
def test_objects_in_gcj02_are_ghosts(written, read) -> None:
    """Independent (T-D2): objects appear 474 m away, 404 m east and 248 m south, where nobody is, and the message tells
    no true vehicle; read as written they are within the 2 cm of the wire."""
    count = np.arange(3)
    place = lonlat(np.column_stack([40.0 * count, 10.0 * count]))
    told = objects(written, read)
    away_m = apart_m(np.column_stack([told.lon, told.lat]), place)
    advice = rsm_applies(told, place[:, 0], place[:, 1], sensor_sigma_m=0.5)
    if written == read:
        assert away_m.max() < 0.02 and advice.applied.all()
        return
    assert ((away_m > 470) & (away_m < 483)).all() and not advice.applied.any()
    assert (advice.vehicle == -1).all()
    ghost = np.column_stack(PLANE.to_plane(told.lon, told.lat)) - np.column_stack(PLANE.to_plane(*place.T))
    assert np.abs(ghost - SHIFT_M).max() < 0.5


def straight_road(heading_deg: float) -> NodeGeometry:
    """Two lanes of 3.5 m towards a node, 200 m long, whose stop line lies at the origin."""
    ahead = np.radians(heading_deg)
    along, right = np.array([np.sin(ahead), np.cos(ahead)]), np.array([np.cos(ahead), -np.sin(ahead)])
    way = np.linspace(-200.0, 0.0, 21)[:, None] * along
    lanes = tuple(
        LaneGeometry(k + 1, LANE_M, lonlat(way + LANE_M * (k + 0.5) * right), connections=((310, 900, 1, 1),))
        for k in range(2)
    )
    link = LinkGeometry("road", 310, 500, 2 * LANE_M, 16.67, lonlat(way), lanes, ((310, 900, 1),))
    return NodeGeometry(310, 257, "J", LON, LAT, None, (link,))


def lateral_in_2025(heading_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """(lane matched / lane driven, metres right of the centre line) of vehicles in the middle of both lanes."""
    node = straight_road(heading_deg)
    roads = road_map("csae53-2020", node, "CGCS2000", "WGS84")
    places = np.concatenate([lane.points[2:18:3] for lane in node.links[0].lanes])
    driven = np.repeat([roads.lane_index[310, 257, 310, 500, k] for k in (1, 2)], len(places) // 2)
    match = matched(roads, places, np.full(len(places), heading_deg))
    assert spat_map_applies(roads, signals("csae53-2020", "WGS84"), match, true_lane=driven).applied.all()
    return match.lane == driven, match.lateral_m


@pytest.mark.parametrize("heading_deg", range(0, 360, 30))
def test_lanes_survive_the_motion_of_the_plate(heading_deg) -> None:
    """Independent (T-D3): a MAP in CGCS2000 (2000.0) under a WGS 84 vehicle of 2025: every vehicle in the middle of a
    3.5 m lane finds its own lane; it seems off the middle by the part of 0.67 m east, 0.27 m south across its way."""
    own, lateral_m = lateral_in_2025(heading_deg)
    angle = math.radians(heading_deg)
    assert own.all()
    assert lateral_m == pytest.approx(EAST_M * math.cos(angle) - NORTH_M * math.sin(angle), abs=0.03)


@pytest.mark.parametrize("heading_deg, most_m, passes", [(0, 0.67, False), (90, 0.27, True), (180, 0.67, False),
                                                         (270, 0.27, True)])
def test_half_a_metre_fails_north_south_and_passes_east_west(heading_deg, most_m, passes) -> None:
    """Independent (T-D3): a lateral requirement of 0.5 m against 0.67 m and 0.27 m."""
    _, lateral_m = lateral_in_2025(heading_deg)
    assert np.abs(lateral_m) == pytest.approx(most_m, abs=0.03)
    assert bool((np.abs(lateral_m) <= 0.5).all()) is passes


def test_wgs84_descriptions_are_the_same_objects() -> None:
    """Property: nothing is rebuilt, so runs without a datum hazard cannot change."""
    node, event, intention = junction(), event_across_the_shift(8.0), intended()
    lon, lat = np.array([LON]), np.array([LAT])
    detected = DetectedObjects(lon, lat, lon, lon, lon, lon, lon, lon, lon, lon, UTC_NS)
    assert node_in(node, "WGS84", IN_2025) is node and event_in(event, "WGS84", IN_2025) is event
    assert unit_in(UNIT, "WGS84", IN_2025) is UNIT and detected_in(detected, "WGS84", IN_2025) is detected
    assert intention_in(intention, "WGS84", IN_2025) is intention
    same_lon, same_lat = lonlat_in(lon, lat, "WGS84", IN_2025)
    assert same_lon is lon and same_lat is lat


def intended() -> Intention:
    """A vehicle that plans two seconds ahead."""
    place = lonlat(np.array([[12.0, 0.0], [24.0, 0.0]]))
    plan = PathPlan(place[:, 0], place[:, 1], np.full(2, 12.0), np.full(2, 90.0), np.array([1.0, 2.0]))
    vehicle = VehicleState(b"VEHICLE1", LON, LAT, 12.0, 90.0, UTC_NS)
    return Intention(vehicle, plan, frozenset({"straight"}), (VehicleRequest(1, "guidance"),))


@pytest.mark.parametrize("datum", SHIFTED)
def test_everything_described_moves_together(datum) -> None:
    """Property: node, links, lanes, event, way towards it, unit, objects and plan all move by the shift of the datum;
    what is no position stays."""
    away_m = (470.0, 483.0) if datum == "GCJ-02" else (0.70, 0.75)

    def moved(before: np.ndarray, after: np.ndarray) -> bool:
        by_m = apart_m(np.reshape(before, (-1, 2)), np.reshape(after, (-1, 2)))
        return bool(((by_m > away_m[0]) & (by_m < away_m[1])).all())

    node = junction()
    there = node_in(node, datum, IN_2025)
    assert moved(np.array([node.lon, node.lat]), np.array([there.lon, there.lat])) and there.height_m == node.height_m
    for link, other in zip(node.links, there.links, strict=True):
        assert moved(link.points, other.points) and link.movements == other.movements
        for lane, lane_there in zip(link.lanes, other.lanes, strict=True):
            assert moved(lane.points, lane_there.points)
            assert lane.connections == lane_there.connections and lane.width_m == lane_there.width_m
    event = replace(event_across_the_shift(8.0), approach=event_across_the_shift(8.0).path[:3])
    event_there = event_in(event, datum, IN_2025)
    assert moved(event.path, event_there.path) and moved(event.approach, event_there.approach)
    assert moved(np.array([event.lon, event.lat]), np.array([event_there.lon, event_there.lat]))
    assert event_there.radius_m == event.radius_m
    assert event_in(replace(event, approach=None), datum, IN_2025).approach is None
    unit = unit_in(UNIT, datum, IN_2025)
    assert moved(np.array([LON, LAT]), np.array([unit.lon, unit.lat])) and unit.unit_id == UNIT.unit_id
    intention = intended()
    plan_there = intention_in(intention, datum, IN_2025)
    assert moved(np.array([LON, LAT]), np.array([plan_there.vehicle.lon, plan_there.vehicle.lat]))
    assert plan_there.plan is not None and plan_there.requests == intention.requests
    assert moved(np.column_stack([intention.plan.lon, intention.plan.lat]),
                 np.column_stack([plan_there.plan.lon, plan_there.plan.lat]))
    assert intention_in(replace(intention, plan=None), datum, IN_2025).plan is None


@pytest.mark.parametrize("datum", ["WGS84", *SHIFTED])
def test_a_request_is_written_in_the_datum_of_its_vehicle(datum: str) -> None:
    """By hand: the profile's datum moves position and plan of a VIR; WGS 84 leaves the very same object."""
    entry = Entry(datum, "assumption", "a test", "here")
    written = Written(Profile("here", entries={"datum": entry}), cast(World, SimpleNamespace(utc0_ns=UTC_NS)))
    intention = intended()
    there = written.intention(intention)
    assert (there is intention) is (datum == "WGS84")
    assert there.vehicle == intention_in(intention, datum, epoch_year(UTC_NS)).vehicle


def test_a_link_without_a_line_stays_without() -> None:
    """Property: links may have no centre line of their own."""
    node = junction(arms=1)
    bare = replace(node, links=(replace(node.links[0], points=np.empty((0, 2))),))
    assert node_in(bare, "GCJ-02", IN_2025).links[0].points.shape == (0, 2)


SCENARIO = """\
schema: corridor/1
name: without
duration_s: 1
corridor:
  points: [{lat: 31.00, lon: 120.87}, {lat: 31.01, lon: 120.87}]
  jurisdictions: [{id: A, region_id: 1}]
"""


def test_a_scenario_without_a_datum_is_refused(tmp_path, capsys) -> None:
    """By hand (T-D5): exit code 2, file and line named, nothing run; the same file with a datum is fine."""
    file = tmp_path / "s.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    assert main(["check", str(file)]) == 2
    assert "s.yaml:5:3: corridor.datum: is required" in capsys.readouterr().err
    assert main(["run", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "corridor.datum: is required" in capsys.readouterr().err and not (tmp_path / "out").exists()
    file.write_text(SCENARIO.replace("corridor:\n", "corridor:\n  datum: GCJ-02\n"), encoding="utf-8")
    assert main(["check", str(file)]) == 0
