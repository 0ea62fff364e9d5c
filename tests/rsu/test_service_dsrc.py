"""MapData and SPAT from neutral descriptions and back, through SAE's octets."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rsu.applications.dsrc.lanes import node_positions, read_lanes
from rsu.applications.dsrc.signals import instant, read_signals
from rsu.applications.road_map import RoadMap
from rsu.geodesy import LocalPlane
from rsu.messages.sae.message_set import SaeMessageSet
from rsu.services.counter import MessageCounter
from rsu.services.described import LIGHT_NAMES, IntersectionForecast, PhaseForecast
from rsu.services.dsrc.map import build_maps, lane_numbers
from rsu.services.dsrc.spat import LONGEST_S, build_spat, time_mark
from rsu.services.dsrc.wire import bits_from_wire, nodes_from_wire, nodes_to_wire, position_to_wire
from rsu.services.geometry import NodeGeometry, simplified
from tests.rsu.dsrc_values import SchemaValues
from tests.rsu.service_cases import LAT, LON, UTC_NS, junction

SET = SaeMessageSet("sae-j2735", "", "", "")
HOUR_NS = 3_600_000_000_000


def encode_map(value: dict[str, Any]) -> bytes:
    return SET.encode("MAP", value)


def through(message: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value as a strict receiver reads it."""
    decoded = SET.decode(SET.encode(message, value), "strict")
    assert decoded.status == "ok" and decoded.value is not None, decoded.error
    return decoded.value


def distance_m(points: np.ndarray, line: np.ndarray) -> float:
    """Largest distance of any of ``points`` from the polyline ``line``, both (lon, lat)."""
    plane = LocalPlane(*line[0])
    at = np.column_stack(plane.to_plane(points[:, 0], points[:, 1]))
    xy = np.column_stack(plane.to_plane(line[:, 0], line[:, 1]))
    start, step = xy[:-1], np.diff(xy, axis=0)
    share = np.einsum("pij,ij->pi", at[:, None] - start, step) / np.einsum("ij,ij->i", step, step)
    away = at[:, None] - start - np.clip(share, 0, 1)[..., None] * step
    return float(np.hypot(away[..., 0], away[..., 1]).min(axis=1).max())


def curved(count: int, spread: float = 1.0) -> NodeGeometry:
    """A junction whose lanes differ in width and speed limit."""
    node = junction(lanes=count, bend=1 / 250)
    links = []
    for arm, link in enumerate(node.links):
        lanes = tuple(
            replace(lane, width_m=3.0 + 0.25 * number * spread, speed_limit_mps=10.0 + arm if number else None)
            for number, lane in enumerate(link.lanes)
        )
        links.append(replace(link, lanes=lanes))
    return replace(node, links=tuple(links))


def test_lanes_survive_a_map() -> None:
    """Property: lines within 0.11 m (0.1 m of simplification, 1 cm of wire), stop lines within 1 cm, and every
    other fact."""
    node = curved(3)
    value = through("MAP", build_maps([node], counter=MessageCounter(9))[0])
    lanes = {lane.key: lane for lane in read_lanes([value])}
    assert value["msgIssueRevision"] == 9 and "layerID" not in value
    numbers = lane_numbers(node)
    assert sorted(numbers.values()) == list(range(1, 13)) and len(lanes) == 12
    for link in node.links:
        for lane in link.lanes:
            read = lanes[310, 257, 0, 0, numbers[link.upstream_region, link.upstream_node, lane.lane_id]]
            assert distance_m(lane.points, read.points) < 0.11 and distance_m(read.points, lane.points) < 0.02
            plane = LocalPlane(*lane.points[-1])
            assert np.hypot(*plane.to_plane(*read.points[-1])) < 0.02
            assert read.width_m == pytest.approx(lane.width_m, abs=0.005)
            limit = lane.speed_limit_mps if lane.speed_limit_mps is not None else link.speed_limit_mps
            assert read.speed_limit_mps == pytest.approx(limit, abs=0.011)
            assert read.maneuvers == lane.maneuvers
            assert read.phase_ids == tuple(sorted({connection[3] for connection in lane.connections}))
    assert node_positions(value)[310, 257] == pytest.approx((node.lon, node.lat), abs=1e-7)
    assert len(RoadMap.of_lanes(lanes.values()).lanes) == 12


def test_limits_and_phases_that_only_some_state() -> None:
    """By hand: a lane without any limit beside one with, and phases of the link's movements where no connection is."""
    node = junction(lanes=2, arms=1)
    link = node.links[0]
    first = replace(link.lanes[0], connections=(), speed_limit_mps=12.0)
    second = replace(link.lanes[1], connections=(), speed_limit_mps=None)
    bare = replace(link, lanes=(first, second), speed_limit_mps=None, movements=((1, 2, 0), (1, 3, 7), (1, 4, 5)))
    value = build_maps([replace(node, links=(bare,))], counter=MessageCounter(0))[0]
    one, two = read_lanes([through("MAP", value)])
    assert one.speed_limit_mps == pytest.approx(12.0) and math.isnan(two.speed_limit_mps)
    assert one.phase_ids == two.phase_ids == (5, 7)


def test_connections_name_lanes_of_the_remote_intersection() -> None:
    """By hand: two nodes of two arms with two lanes; the second arm of the far node, whose lanes are numbers 3 and 4,
    comes from the near one. Lane 2 over there is LaneID 4, an unknown lane or node is 0."""
    near, far = junction(lanes=2, arms=2), junction(node=258, lanes=2, arms=2, at_x_m=800.0)
    ways = ((310, 258, 2, 1), (310, 258, 9, 1), (310, 999, 2, 1))
    link = near.links[0]
    leading = replace(link, lanes=(replace(link.lanes[0], connections=ways), link.lanes[1]))
    reached = replace(far.links[1], upstream_region=310, upstream_node=257)
    nodes = [replace(near, links=(leading, near.links[1])), replace(far, links=(far.links[0], reached))]
    value = through("MAP", build_maps(nodes, counter=MessageCounter(0))[0])
    lanes = [one["laneSet"] for one in value["intersections"]]
    assert [connection["connectingLane"]["lane"] for connection in lanes[0][0]["connectsTo"]] == [4, 0, 0]
    assert [lane["laneID"] for lane in lanes[1]] == [1, 2, 3, 4]
    assert lane_numbers(nodes[1])[310, 257, 2] == 4
    alone = build_maps(nodes[:1], counter=MessageCounter(0))[0]["intersections"][0]["laneSet"][0]
    assert [connection["connectingLane"]["lane"] for connection in alone["connectsTo"]] == [0, 0, 0]


def test_long_maps_are_split() -> None:
    """Property: every part within the limit, layers numbered, all lanes there once; one part needs no layer."""
    nodes = [curved(3), junction(node=258, at_x_m=800.0)]
    whole = build_maps(nodes, counter=MessageCounter(3), encode=encode_map, max_bytes=4000)
    assert len(whole) == 1 and len(whole[0]["intersections"]) == 2
    for limit, count in ((1400, 2), (400, None)):
        parts = build_maps(nodes, counter=MessageCounter(3), encode=encode_map, max_bytes=limit)
        assert count is None or len(parts) == count
        assert all(len(encode_map(part)) <= limit for part in parts)
        assert [part["layerID"] for part in parts] == [10 * len(parts) + n for n in range(1, len(parts) + 1)]
        keys = [lane.key for lane in read_lanes(through("MAP", part) for part in parts)]
        assert sorted(keys) == sorted(lane.key for lane in read_lanes(whole))
    with pytest.raises(ValueError, match="a single lane cannot be split"):
        build_maps(nodes, counter=MessageCounter(3), encode=encode_map, max_bytes=40)


def test_nodes_without_lanes_are_left_out() -> None:
    """By hand: the set has no way to tell them."""
    end = NodeGeometry(310, 1, "end", LON, LAT)
    assert build_maps([end], counter=MessageCounter(0)) == []
    assert len(build_maps([end, junction()], counter=MessageCounter(0))[0]["intersections"]) == 1
    with pytest.raises(ValueError, match="at least one node"):
        build_maps([], counter=MessageCounter(0))


@pytest.mark.parametrize(("change", "said"), [
    ({"width_m": 9.0}, "width differs by"), ({"maneuvers": frozenset({"fly"})}, "maneuver 'fly'"),
    ({"connections": ((1, 1, 1, 1),) * 17}, "17 connections"),
    ({"points": np.array([[LON, LAT]])}, "1 nodes, must be 2..63"),
    ({"connections": ((70_000, 1, 1, 1),)}, "region 70000"),
])
def test_what_a_map_refuses(change: dict[str, Any], said: str) -> None:
    """By hand: one line that names node, link, lane and rule."""
    node = junction(lanes=2, arms=1)
    link = node.links[0]
    lanes = (link.lanes[0], replace(link.lanes[1], **change))
    with pytest.raises(ValueError, match=said):
        build_maps([replace(node, links=(replace(link, lanes=lanes),))], counter=MessageCounter(0))


def test_nodes_take_the_smallest_sufficient_offset() -> None:
    """By hand: bounds of the six sizes in cm, then an absolute position; a reader is never off by more than 1 cm."""
    reference = position_to_wire(LON, LAT)
    plane = LocalPlane(reference["long"] * 1e-7, reference["lat"] * 1e-7)
    ends_m = [0.0, 5.11, 5.12, 10.24, 20.48, 40.96, 81.92, 327.67, 327.69, -5.12, -5.13]
    for index, end_m in enumerate(ends_m):
        points = np.column_stack(plane.to_lonlat(np.array([0.0, end_m]), np.array([0.0, 0.0])))
        first, second = nodes_to_wire(points, reference)
        assert first["delta"][0] == "node-XY1"
        kinds = ["XY1", "XY1", "XY2", "XY3", "XY4", "XY5", "XY6", "XY6", "LatLon", "XY1", "XY2"]
        assert second["delta"][0] == f"node-{kinds[index]}"
    draw = np.random.default_rng(2)
    xy = np.cumsum(draw.uniform(-400, 400, (63, 2)), axis=0)
    points = np.column_stack(plane.to_lonlat(xy[:, 0], xy[:, 1]))
    back = nodes_from_wire(nodes_to_wire(points, reference), reference)
    away = np.column_stack(plane.to_plane(back[:, 0], back[:, 1])) - xy
    assert np.abs(away).max() < 0.0151


def forecast(*ends: tuple[str, float], phase: int = 1) -> IntersectionForecast:
    lights, ends_s = zip(*ends, strict=True)
    return IntersectionForecast(310, 257, (PhaseForecast(phase, lights, ends_s),))


@pytest.mark.parametrize("into_hour_s", [17.123, 3590.0, 3599.96, 0.0, 1800.5])
def test_switch_instants_survive_across_the_hour(into_hour_s: float) -> None:
    """Property: instants from now to 58 minutes ahead within 0.05 s, also where the hour ends in between."""
    generated_ns = UTC_NS // HOUR_NS * HOUR_NS + round(into_hour_s * 1e9)
    ends_s = (0.0, 3.3, 12.34, 60.0, 1500.07, LONGEST_S - 0.2)
    lights = ("green", "yellow", "red", "green", "permissive-green", "flashing-red")
    one = IntersectionForecast(310, 257, (PhaseForecast(4, lights, ends_s),), frozenset({"fixed-time", "manual"}))
    value = through("SPAT", build_spat([one], counter=MessageCounter(1), generated_utc_ns=generated_ns))
    signal = read_signals([value], generated_ns + 400_000_000)[310, 257, 4]
    assert abs(signal.generated_utc_ns - generated_ns) < 1_000_000
    assert [interval.light for interval in signal.intervals] == list(lights)
    for interval, end_s in zip(signal.intervals, ends_s, strict=True):
        assert interval.end_utc_ns is not None
        assert abs(interval.end_utc_ns - generated_ns - end_s * 1e9) <= 0.0502e9
    assert [i.start_utc_ns for i in signal.intervals[1:]] == [i.end_utc_ns for i in signal.intervals[:-1]]
    assert signal.light_at(generated_ns + round(30e9)) == "green"
    status = value["intersections"][0]["status"]
    assert bits_from_wire([f"{n}" for n in range(16)], status) == {"0", "5"}


def test_unknown_and_far_ends() -> None:
    """By hand: infinite or beyond 3500 s is told as unknown (36001) and reads as None."""
    value = through("SPAT", build_spat(
        [forecast(("red", LONGEST_S + 1.0), ("green", math.inf))], counter=MessageCounter(1), generated_utc_ns=UTC_NS
    ))
    events = value["intersections"][0]["states"][0]["state-time-speed"]
    assert [event["timing"]["minEndTime"] for event in events] == [36_001, 36_001]
    signal = read_signals([value], UTC_NS)[310, 257, 1]
    assert (signal.light, signal.next_change_utc_ns) == ("red", None)


def test_time_marks_by_hand() -> None:
    """By hand: 00:00:17.123 is mark 171; the last half tenth of an hour belongs to the next hour."""
    assert time_mark(UTC_NS) == 171
    assert time_mark(HOUR_NS - 50_000_000) == 0 and time_mark(HOUR_NS - 50_000_001) == 35_999
    assert instant(171, UTC_NS) == UTC_NS - 23_000_000
    assert instant(35_990, UTC_NS) == UTC_NS - 18_123_000_000
    assert instant(36_001, UTC_NS) is None


@pytest.mark.parametrize("light", LIGHT_NAMES)
def test_every_light_has_a_state(light: str) -> None:
    """Property: read back as itself, flashing green as green."""
    value = through("SPAT", build_spat([forecast((light, 5.0))], counter=MessageCounter(0), generated_utc_ns=UTC_NS))
    expected = "green" if light == "flashing-green" else light
    assert read_signals([value], UTC_NS)[310, 257, 1].light == expected


@pytest.mark.parametrize(("one", "said"), [
    (forecast(("red", 5.0), phase=0), "must lie in 1..255"), (forecast(("blue", 5.0)), "'blue' is none of"),
    (forecast(("red", 5.0), ("green", 4.0)), "nor descend"), (forecast(("red", math.nan)), "nor descend"),
    (forecast(*[("red", float(k)) for k in range(17)]), "17 lights"),
])
def test_what_a_spat_refuses(one: IntersectionForecast, said: str) -> None:
    """By hand: one line with node, phase and rule."""
    with pytest.raises(ValueError, match=said):
        build_spat([one], counter=MessageCounter(0), generated_utc_ns=UTC_NS)


def test_younger_statement_and_missing_times() -> None:
    """By hand: of two messages the younger holds; without any time the receiver's clock stands in."""
    messages = [
        through("SPAT", build_spat([forecast((light, 9.0))], counter=MessageCounter(0), generated_utc_ns=at))
        for light, at in (("green", UTC_NS + 10**9), ("red", UTC_NS))
    ]
    assert read_signals(messages, UTC_NS)[310, 257, 1].light == "green"
    bare = messages[0]
    del bare["intersections"][0]["moy"], bare["intersections"][0]["timeStamp"]
    assert read_signals([bare], UTC_NS)[310, 257, 1].generated_utc_ns == UTC_NS


def test_readers_take_any_decoded_value() -> None:
    """Property: 150 random MAPs and SPATs with few to all members; lanes are finite or left out by the road map."""
    draw = random.Random(4)
    for index in range(150):
        make = SchemaValues(SET.codec.schema, draw, (0.1, 0.5, 0.9)[index % 3])
        lanes = read_lanes([make.of("MapData")])
        kept = RoadMap.of_lanes(lanes).lanes
        assert all(np.isfinite(lane.points).all() for lane in kept)
        assert read_signals([make.of("SPAT")], UTC_NS)


def test_simplified_lane_count_is_what_the_set_holds() -> None:
    """Property: a lane that winds so much that 63 nodes within 0.1 m do not do is told more coarsely or refused."""
    plane = LocalPlane(LON, LAT)
    x_m = np.linspace(0, 600, 1201)
    line = np.column_stack(plane.to_lonlat(x_m, 2.0 * np.sin(x_m / 6)))
    node = junction(lanes=1, arms=1)
    link = node.links[0]
    winding = replace(node, links=(replace(link, lanes=(replace(link.lanes[0], points=line),)),))
    assert len(simplified(line, 0.1)) > 63
    read = read_lanes([through("MAP", build_maps([winding], counter=MessageCounter(0))[0])])[0]
    assert len(read.points) <= 63 and distance_m(line, read.points) < 0.82
