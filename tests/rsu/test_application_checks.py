"""When a message counts as applied, class by class."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.applications import APPLICATIONS
from rsu.applications.checks import bsm_plausible, rsi_applies, rsm_applies, spat_map_applies
from rsu.applications.cn.events import read_events
from rsu.applications.cn.lanes import read_lanes
from rsu.applications.cn.objects import read_bsms, read_objects
from rsu.applications.cn.signals import read_signals
from rsu.applications.events import EventZones
from rsu.applications.lane_match import match_lanes
from rsu.applications.objects import separation, shifted
from rsu.applications.road_map import RoadMap
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.map import build_maps
from rsu.services.cn.rsi import build_rsis
from rsu.services.cn.rsm import build_rsms
from rsu.services.cn.spat import build_spat
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from tests.rsu.service_cases import LANE_M, LAT, LON, UTC_NS, junction

SET = MESSAGE_SETS["csae53-2020"]
PLANE = LocalPlane(LON, LAT)
UNIT = UnitDescription(b"RSU00001", LON, LAT)


def over_the_air(message: str, value: dict) -> dict:
    return SET.decode(SET.encode(message, value), "strict").value


def approach(lane: np.ndarray, to_stop_m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(lon, lat, heading) of exact vehicles on straight arm 0 (23 degrees)."""
    ahead = np.radians(23.0)
    along, right = -15.0 - to_stop_m, LANE_M * (lane - 0.5)
    x_m = along * np.sin(ahead) + right * np.cos(ahead)
    y_m = along * np.cos(ahead) - right * np.sin(ahead)
    return *PLANE.to_lonlat(x_m, y_m), np.full(len(lane), 23.0)


ROAD = RoadMap.of_lanes(read_lanes(
    [over_the_air("MAP", v) for v in build_maps([junction(bend=0.0)], counter=MessageCounter(0))]
))


def signals(phases: tuple[int, ...]) -> dict:
    forecast = tuple(PhaseForecast(phase, ("red", "green"), (10.0 * phase, 90.0)) for phase in phases)
    value = build_spat(
        [IntersectionForecast(310, 257, forecast)], counter=MessageCounter(0), generated_utc_ns=UTC_NS
    )
    return read_signals([over_the_air("SPAT", value)], UTC_NS)


def test_spat_map_applies() -> None:
    """By hand: three lanes of arm 0 have phase 1; red ends in 10 s. Wrong lane, missing phase, old data: not
    applied.
    """
    lane, way_m = np.array([1, 2, 3]), np.array([5.0, 80.0, 149.0])
    match = match_lanes(ROAD, *approach(lane, way_m))
    true = np.array([ROAD.lane_index[310, 257, 310, 500, n] for n in lane])
    advice = spat_map_applies(ROAD, signals((1, 2, 3, 4)), match, true_lane=true)
    assert advice.applied.all() and advice.to_stop_m == pytest.approx(way_m, abs=0.05)
    assert (advice.next_change_utc_ns == UTC_NS + 10 * 10**9).all()
    assert not spat_map_applies(ROAD, signals((1,)), match, true_lane=true[::-1]).applied[[0, 2]].any()
    without = spat_map_applies(ROAD, signals((2, 3, 4)), match, true_lane=true)
    assert not without.applied.any() and (without.next_change_utc_ns == -1).all()
    ages = np.array([0.0, 0.99, 1.01])
    assert spat_map_applies(ROAD, signals((1,)), match, spat_age_s=ages).applied.tolist() == [
        True,
        True,
        False,
    ]
    assert spat_map_applies(ROAD, signals((1,)), match, map_age_s=ages * 5).applied.tolist() == [
        True,
        True,
        False,
    ]


def test_unmatched_vehicle_is_never_served() -> None:
    """Property: index -1 of an unmatched vehicle must not pick the last lane's signal."""
    match = match_lanes(ROAD, np.array([LON + 0.02]), np.array([LAT]), np.array([23.0]))
    advice = spat_map_applies(ROAD, signals((1, 2, 3, 4)), match)
    assert advice.lane.tolist() == [-1] and not advice.applied.any()
    assert not spat_map_applies(RoadMap.of_lanes(read_lanes([])), signals((1,)), match).applied.any()


def test_rsi_applies() -> None:
    """By hand: path of 100 m north from the unit, half width 8 m; freshness limit 3 s."""
    path = np.column_stack(PLANE.to_lonlat(np.zeros(2), np.array([0.0, 100.0])))
    event = EventDescription(1, "event", 410, LON, LAT, path, 8.0)
    zones = EventZones(
        read_events(over_the_air("RSI", build_rsis(UNIT, [event], counter=MessageCounter(0))[0]))
    )
    lon, lat = PLANE.to_lonlat(np.array([0.0, 0.0, 20.0, 0.0]), np.array([50.0, -250.0, 50.0, 50.0]))
    heading_deg, age_s = np.array([0.0, 5.0, 0.0, 0.0]), np.array([0.0, 2.9, 0.0, 3.1])
    assert rsi_applies(zones, lon, lat, heading_deg, age_s=age_s).tolist() == [True, True, False, False]
    assert rsi_applies(EventZones([]), lon, lat, heading_deg).tolist() == [False] * 4


def rsm(east_m: np.ndarray, sampled_utc_ns: int, speed_mps: float = 20.0):
    count = len(east_m)
    objects = DetectedObjects(
        *PLANE.to_lonlat(east_m, np.zeros(count)),
        np.full(count, speed_mps),
        np.full(count, 90.0),
        np.full(count, 4.6),
        np.full(count, 1.8),
        np.full(count, 1.6),
        np.arange(1, count + 1),
        np.full(count, 10),
        np.full(count, 0.5),
        sampled_utc_ns,
    )
    value = build_rsms(UNIT, objects, counter=MessageCounter(0), generated_utc_ns=UTC_NS).values[0]
    return read_objects(over_the_air("RSM", value), UTC_NS)


def test_rsm_applies_within_a_metre_and_a_half_plus_sigma() -> None:
    """By hand: sigma 0.5 m, so 1.9 m off counts and 2.1 m does not; order of objects is by distance from the
    unit.
    """
    objects = rsm(np.array([10.0, 51.9, 102.1]), UTC_NS)
    true_lon, true_lat = PLANE.to_lonlat(np.array([100.0, 50.0, 10.0]), np.zeros(3))
    advice = rsm_applies(objects, true_lon, true_lat, sensor_sigma_m=0.5)
    assert advice.vehicle.tolist() == [2, 1, -1] and advice.applied.tolist() == [True]
    assert advice.error_m[:2] == pytest.approx([0.0, 1.9], abs=0.02) and np.isnan(advice.error_m[2])


def test_rsm_objects_are_moved_to_the_present() -> None:
    """By hand: 20 m/s for 0.25 s is 5 m: as sampled the object is off, moved along it is on."""
    objects = rsm(np.array([50.0]), UTC_NS - 250_000_000)
    true = PLANE.to_lonlat(np.array([55.0]), np.zeros(1))
    assert not rsm_applies(objects, *true, sensor_sigma_m=0.5).applied.any()
    moved = rsm_applies(objects, *true, sensor_sigma_m=0.5, at_utc_ns=UTC_NS)
    assert moved.applied.all() and moved.error_m[0] < 0.02


def test_rsm_receivers_do_not_count_themselves() -> None:
    """By hand: one object = vehicle 0. Vehicle 0 learns nothing, vehicle 1 and a probe do, one 200 m away
    does not.
    """
    objects = rsm(np.array([50.0]), UTC_NS)
    lon, lat = PLANE.to_lonlat(np.array([50.0, 80.0, 40.0, 250.0]), np.zeros(4))
    advice = rsm_applies(
        objects,
        lon[:2],
        lat[:2],
        sensor_sigma_m=0.5,
        receiver_lon=lon,
        receiver_lat=lat,
        receiver_vehicle=np.array([0, 1, -1, -1]),
        within_m=150.0,
    )
    assert advice.applied.tolist() == [False, True, True, False]
    assert not rsm_applies(objects, lon[:0], lat[:0], sensor_sigma_m=0.5).applied.any()
    assert not rsm_applies(rsm(np.empty(0), UTC_NS), lon, lat, sensor_sigma_m=0.5).applied.any()


def test_bsm_plausible() -> None:
    """By hand: unavailable codes, 80 m/s, a jump of 500 m in 0.1 s, 5 km away, old: each fails alone."""
    lon, lat = PLANE.to_lonlat(np.full(7, 100.0), np.zeros(7))
    lon = np.where(np.arange(7) == 1, np.nan, lon)
    speed, heading = (
        np.array([20.0, 20, 80, np.nan, 20, 20, 20]),
        np.array([90.0, 90, 90, 90, np.nan, 90, 90]),
    )
    age_s = np.array([0, 0, 0, 0, 0, 0.31, 0])
    previous = PLANE.to_lonlat(np.array([98.0] * 6 + [-400.0]), np.zeros(7))
    assert (
        bsm_plausible(
            speed, heading, lon, lat, previous_lon=previous[0], previous_lat=previous[1], age_s=age_s
        ).tolist()
        == [True] + [False] * 6
    )
    far = PLANE.to_lonlat(5000.0, 0.0)
    assert not bsm_plausible(speed, heading, lon, lat, receiver_lon=far[0], receiver_lat=far[1]).any()


def test_bsm_reader() -> None:
    """By hand: wire integers of a BSM, their SI values, and the reserved codes as NaN."""
    value = {
        "msgCnt": 1,
        "id": bytes(8),
        "secMark": 17100,
        "pos": {"lat": 310347000, "long": 1208312000},
        "posConfidence": {"pos": "a2m"},
        "transmission": "forwardGears",
        "speed": 1000,
        "heading": 7200,
        "accelSet": {"long": 0, "lat": 0, "vert": 0, "yaw": 0},
        "brakes": {},
        "size": {"width": 180, "length": 460},
        "vehicleClass": {"classification": 10},
    }
    lost = {
        **value,
        "pos": {"lat": 900000001, "long": 1800000001},
        "speed": 8191,
        "heading": 28800,
        "secMark": 65535,
    }
    read = read_bsms([over_the_air("BSM", value), over_the_air("BSM", lost)], UTC_NS)
    assert (
        read.lon[0],
        read.lat[0],
        read.speed_mps[0],
        read.heading_deg[0],
        read.accuracy_m[0],
    ) == pytest.approx((120.8312, 31.0347, 20.0, 90.0, 2.0))
    assert read.sampled_utc_ns.tolist() == [UTC_NS - 23_000_000, -1]
    assert np.isnan([read.lon[1], read.lat[1], read.speed_mps[1], read.heading_deg[1]]).all()


def test_small_distances_against_pyproj() -> None:
    """Independent: geodesics of pyproj (Karney) for moves of up to 300 m agree within 1 mm."""
    pyproj = pytest.importorskip("pyproj")
    rng = np.random.default_rng(5)
    east_m, north_m = rng.uniform(-210, 210, (2, 300))
    lon, lat = shifted(np.full(300, LON), np.full(300, LAT), east_m, north_m)
    _, _, geodesic_m = pyproj.Geod(ellps="WGS84").inv(np.full(300, LON), np.full(300, LAT), lon, lat)
    assert np.abs(separation(LON, LAT, lon, lat) - geodesic_m).max() < 1e-3
    assert np.abs(np.hypot(east_m, north_m) - geodesic_m).max() < 1e-2


def test_every_message_class_has_its_check() -> None:
    """Property: the table serves the classes of the coverage definition."""
    assert set(APPLICATIONS) == {"SPAT", "RSI", "RSM", "BSM"}
