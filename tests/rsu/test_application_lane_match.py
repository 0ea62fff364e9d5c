"""Vehicles find their true lane from MAP bytes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rsu.applications.cn.lanes import read_lanes
from rsu.applications.lane_match import match_lanes
from rsu.applications.road_map import RoadMap
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.map import build_maps
from rsu.services.counter import MessageCounter
from tests.rsu.service_cases import LANE_M, junction

SET = MESSAGE_SETS["csae53-2020"]


def decoded_road(bend: float) -> tuple[RoadMap, LocalPlane]:
    node = junction(bend=bend)
    values = build_maps(
        [node], counter=MessageCounter(0), encode=lambda v: SET.encode("MAP", v), max_bytes=700
    )
    return RoadMap.of_lanes(read_lanes(SET.decode(SET.encode("MAP", v)).value for v in values)), LocalPlane(
        node.lon, node.lat
    )


def drivers(bend: float, count: int, seed: int) -> dict[str, np.ndarray]:
    """Exact vehicles: drawn arm, lane and way to the stop line, wandering up to 0.3 m inside the lane.

    Positions come from the circle itself (closed form), not from the polyline that goes into the MAP.
    """
    rng = np.random.default_rng(seed)
    arm, lane = rng.integers(0, 4, count), rng.integers(1, 4, count)
    back_m, wander_m = rng.uniform(0.5, 299.5, count), rng.uniform(-0.3, 0.3, count)
    bearing = np.radians(23.0 + 90.0 * arm)
    heading = bearing - bend * back_m
    if bend:
        way = np.column_stack([np.cos(heading) - np.cos(bearing), np.sin(bearing) - np.sin(heading)]) / bend
    else:
        way = back_m[:, None] * np.column_stack([np.sin(bearing), np.cos(bearing)])
    offset_m = LANE_M * (lane - 0.5)
    right = np.column_stack([np.cos(heading), -np.sin(heading)])
    stop = -15.0 * np.column_stack([np.sin(bearing), np.cos(bearing)])
    xy = stop - way + (offset_m + wander_m)[:, None] * right
    return {
        "arm": arm,
        "lane": lane,
        "to_stop_m": back_m * (1 - bend * offset_m),
        "x_m": xy[:, 0],
        "y_m": xy[:, 1],
        "heading_deg": np.degrees(heading),
        "wander_m": wander_m,
    }


@pytest.mark.parametrize("bend", [0.0, 1 / 900, -1 / 400])
def test_true_lane_and_stop_line(bend: float) -> None:
    """Independent: closed-form circles; >= 99.9 % of exact vehicles within 300 m match, stop line to 1 m."""
    road, plane = decoded_road(bend)
    cars = drivers(bend, 20_000, 7)
    lon, lat = plane.to_lonlat(cars["x_m"], cars["y_m"])
    match = match_lanes(road, lon, lat, cars["heading_deg"])
    true = [
        road.lane_index[310, 257, 310, 500 + a, n] for a, n in zip(cars["arm"], cars["lane"], strict=True)
    ]
    good = match.lane == np.array(true)
    assert good.mean() >= 0.999
    assert np.abs(match.to_stop_m - cars["to_stop_m"])[good].max() < 1.0
    assert np.abs(match.lateral_m - cars["wander_m"])[good].max() < 0.12


def test_opposite_heading_off_road_and_unknown_match_nothing() -> None:
    """Property: wrong way, 50 m beside the road, beyond the stop line, and NaN have no lane."""
    road, plane = decoded_road(0.0)
    cars = drivers(0.0, 500, 3)
    lon, lat = plane.to_lonlat(cars["x_m"], cars["y_m"])
    assert (match_lanes(road, lon, lat, cars["heading_deg"] + 180).lane == -1).all()
    assert (match_lanes(road, lon, lat, np.full(500, np.nan)).lane == -1).all()
    assert match_lanes(road, np.nan, 31.0, 0.0).lane.tolist() == [-1]
    ahead = np.radians(23.0)
    inside = plane.to_lonlat(
        *(
            np.array([[np.sin(ahead)], [np.cos(ahead)]]) * -10
            + LANE_M / 2 * np.array([[np.cos(ahead)], [-np.sin(ahead)]])
        )
    )
    assert match_lanes(road, *inside, 23.0).lane.tolist() == [-1]
    assert match_lanes(RoadMap.of_lanes(read_lanes([])), lon, lat, cars["heading_deg"]).lane.max() == -1


def test_side_error_of_a_lane_shows() -> None:
    """By hand: a vehicle reported 3.5 m further right is matched one lane further right, never to its own."""
    road, plane = decoded_road(0.0)
    cars = drivers(0.0, 1000, 5)
    heading = np.radians(cars["heading_deg"])
    lon, lat = plane.to_lonlat(cars["x_m"] + 3.5 * np.cos(heading), cars["y_m"] - 3.5 * np.sin(heading))
    match = match_lanes(road, lon, lat, cars["heading_deg"])
    read = np.array([road.lanes[i].key[4] if i >= 0 else 0 for i in match.lane])
    assert (read == np.where(cars["lane"] < 3, cars["lane"] + 1, 0)).all()


def test_matching_a_thousand_vehicles_is_cheap() -> None:
    """Property: 1,000 vehicles against 12 curved lanes take below 100 ms even on a busy machine."""
    road, plane = decoded_road(1 / 900)
    cars = drivers(1 / 900, 1000, 9)
    lon, lat = plane.to_lonlat(cars["x_m"], cars["y_m"])
    best = min(_timed(lambda: match_lanes(road, lon, lat, cars["heading_deg"])) for _ in range(5))
    assert best < 0.1


def _timed(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
