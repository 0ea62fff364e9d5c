"""ETSI roadside messages: events, signs and objects survive the wire and are recognised on the other side."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.applications.etsi.events import ASSUMED_HALF_WIDTH_M
from rsu.applications.events import EventZones
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.messages.etsi.instants import timestamp_its
from rsu.services import SERVICES
from rsu.services.base import Content
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from rsu.services.etsi.cam import build_roadside_cam
from rsu.services.etsi.cpm import OBJECTS_PER_MESSAGE
from rsu.services.etsi.wire import CODE_OF_CAUSE, cause_of_code, steps, wire_point
from tests.rsu.service_cases import LAT, LON, UTC_NS, arm_line, junction

SET = MESSAGE_SETS["etsi-its"]
BUILD, READ = SERVICES["etsi"], READERS["etsi"]
PLANE = LocalPlane(LON, LAT)
UNIT = UnitDescription(b"RSU00001", LON, LAT, 5.5)
STATION = int.from_bytes(b"0001", "big")
MOST_BYTES = 1398
HALF_STEP_M = 1e-7 * 111_320 * 0.5 * 1.5


def lonlat(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(PLANE.to_lonlat(xy[:, 0], xy[:, 1]))


def plane_xy(points: np.ndarray) -> np.ndarray:
    return np.column_stack(PLANE.to_plane(points[:, 0], points[:, 1]))


def event(number: int = 7, kind: str = "event", **changes: Any) -> EventDescription:
    """A bent stretch of 200 m and the 300 m before it."""
    line = lonlat(arm_line(23.0, 500.0, 1 / 1500, 0.0))
    path, approach = line[72:], line[:73]
    middle = path[len(path) // 2]
    base = EventDescription(
        number, kind, 501, float(middle[0]), float(middle[1]), path, 5.0, 5, UTC_NS - 10**9, UTC_NS + 7200 * 10**9,
        "works ahead", approach=approach,
    )
    return replace(base, **changes)


def announced(events: list[EventDescription]) -> list[Content]:
    return BUILD.events(UNIT, events, counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=SET.encode,
                        max_bytes=MOST_BYTES)


def over_the_air(contents: list[Content]) -> list[tuple[str, dict[str, Any]]]:
    told = []
    for message, value in contents:
        decoded = SET.decode(SET.encode(message, value), "strict")
        assert (decoded.status, decoded.message) == ("ok", message), decoded.error
        assert decoded.value is not None
        told.append((message, decoded.value))
    return told


def farthest_m(points: np.ndarray, line: np.ndarray) -> float:
    """Largest distance of ``points`` from a polyline, both (n, 2) in degrees."""
    xy, ends = plane_xy(points), plane_xy(line)
    along = np.diff(ends, axis=0)
    share = np.clip(((xy[:, None] - ends[:-1]) * along).sum(2) / (along**2).sum(1), 0, 1)
    return float(np.hypot(*np.moveaxis(xy[:, None] - ends[:-1] - share[..., None] * along, 2, 0)).min(1).max())


@pytest.mark.parametrize("kind", ["event", "sign"])
def test_every_event_is_recognised(kind: str) -> None:
    """Property: each number from 0 to 255 comes back with its kind, in one message each."""
    events = [event(number, kind) for number in range(256)]
    read = [one for message, value in over_the_air(announced(events)) for one in READ.events(message, value)]
    assert [(one.kind, one.id) for one in read] == [(kind, number) for number in range(256)]
    assert {one.unit_id for one in read} == {STATION.to_bytes(8, "big")}


def test_an_event_comes_back_as_a_denm() -> None:
    """Property: place within the wire's step, lines within tolerance and in driving direction; by hand: code, times."""
    given = event()
    ((message, value),) = over_the_air(announced([given]))
    management, situation = value["denm"]["management"], value["denm"]["situation"]
    assert message == "DENM" and value["header"] == {"protocolVersion": 2, "messageID": 1, "stationID": STATION}
    assert management["actionID"] == {"originatingStationID": STATION, "sequenceNumber": 7}
    assert management["referenceTime"] - management["detectionTime"] == 1000
    assert management["referenceTime"] == timestamp_its(UTC_NS)
    assert management["validityDuration"] == 7201
    assert management["relevanceDistance"] == "lessThan500m"
    assert situation["eventType"] == {"causeCode": 3, "subCauseCode": 0}
    (read,) = READ.events(message, value)
    assert read.code == 501 and read.position is not None and read.text == ""
    assert np.hypot(*plane_xy(np.array([read.position]) - [[given.lon, given.lat]] + [[LON, LAT]])[0]) < HALF_STEP_M
    assert read.radii_m == (ASSUMED_HALF_WIDTH_M,) * 2
    for line, told in zip((given.path, given.approach), read.paths, strict=True):
        assert line is not None
        assert np.abs(told[[0, -1]] - line[[0, -1]]).max() <= 0.5001e-7
        assert farthest_m(line, told) <= 0.5 + HALF_STEP_M and farthest_m(told, line) <= 2 * HALF_STEP_M


def test_a_sign_comes_back_as_an_ivim() -> None:
    """Property: lines and place as for events; by hand: code, text, half width, validity."""
    given = event(kind="sign", code=85, text="40 km/h")
    ((message, value),) = over_the_air(announced([given]))
    mandatory = value["ivi"]["mandatory"]
    assert message == "IVIM" and mandatory["iviIdentificationNumber"] == 8
    assert mandatory["validTo"] - mandatory["validFrom"] == 7_201_000
    (read,) = READ.events(message, value)
    assert (read.code, read.text, read.radii_m) == (85, "40 km/h", (5.0, 5.0))
    assert read.position is not None
    assert np.abs(np.array(read.position) - (given.lon, given.lat)).max() <= 0.5001e-7
    for line, told in zip((given.path, given.approach), read.paths, strict=True):
        assert line is not None
        assert np.abs(told[[0, -1]] - line[[0, -1]]).max() <= 0.5001e-7
        assert farthest_m(line, told) <= 0.5 + HALF_STEP_M


@pytest.mark.parametrize("kind", ["event", "sign"])
def test_a_driver_on_the_way_is_warned(kind: str) -> None:
    """By hand: on the stretch and on the way towards it the message holds; beside, behind and against it does not."""
    given = event(kind=kind)
    ((message, value),) = over_the_air(announced([given]))
    zones = EventZones(READ.events(message, value), upstream_m=0.0)
    line = arm_line(23.0, 500.0, 1 / 1500, 0.0)
    heading = np.degrees(np.arctan2(*np.diff(line, axis=0).T))
    spots = line[[10, 100]] + np.array([[0.0, 0.0], [0.0, 0.0]])
    beside, behind = line[[10]] + [[60.0, 0.0]], line[[-1]] + [[40.0, 90.0]]
    where = lonlat(np.concatenate([spots, beside, behind, spots[:1]]))
    headings = np.array([heading[10], heading[100], heading[10], heading[-1], heading[10] + 180])
    assert zones.holds(where[:, 0], where[:, 1], headings)[:, 0].tolist() == [True, True, False, False, False]


def test_lines_longer_than_one_offset_are_told_in_steps() -> None:
    """By hand: 5 km between two points need several offsets; the chain ends where it should."""
    start, end = (LON, LAT), (LON + 0.05, LAT + 0.01)
    told = steps(np.array([end]), wire_point(start))
    assert len(told) == 4 and max(max(map(abs, step)) for step in told) <= 131_071
    assert np.sum(told, axis=0).tolist() == [100_000, 500_000]
    far = np.array([start, end])
    given = event(path=far, lon=end[0], lat=end[1], approach=np.array([[LON - 0.05, LAT], start]))
    ((message, value),) = over_the_air(announced([given]))
    (read,) = READ.events(message, value)
    assert read.position == pytest.approx(start, abs=1e-7)
    assert np.abs(read.paths[0][[0, -1]] - far).max() <= 0.5001e-7
    assert np.abs(read.paths[1][0] - (LON - 0.05, LAT)).max() <= 0.5001e-7


def test_what_ends_is_not_read_and_what_lacks_lines_is() -> None:
    """By hand: terminated and cancelled messages give nothing; an event without a line has its trace."""
    for kind in ("event", "sign"):
        ((message, value),) = over_the_air(announced([event(kind=kind)]))
        if kind == "event":
            value["denm"]["situation"].pop("eventHistory")
            (read,) = READ.events(message, value)
            assert len(read.paths) == 1 and read.position is not None
            assert read.paths[0][-1] == pytest.approx(read.position)
            value["denm"]["management"]["termination"] = "isCancellation"
        else:
            value["ivi"]["mandatory"]["iviStatus"] = 2
        ((message, value),) = over_the_air([Content(message, value)])
        assert READ.events(message, value) == []


def test_causes_and_codes() -> None:
    """By hand: the three codes in use, the hundreds, the rest; codes read back lead to the same cause."""
    assert [cause_of_code(code) for code in (406, 501, 707)] == [10, 3, 1]
    assert [cause_of_code(code) for code in (101, 310, 410, 599, 700, 0, 904, 65_535)] == [2, 17, 9, 3, 1, 99, 99, 99]
    assert all(cause_of_code(code) == cause for cause, code in CODE_OF_CAUSE.items())


@pytest.mark.parametrize(("changes", "wanted"), [
    ({"id": 256}, "id must lie"), ({"code": 70_000}, "code 70000"), ({"path": np.array([[LON, LAT]])}, "path of 1"),
    ({"source": "rumour"}, "rumour"), ({"kind": "else"}, "kind must be"), ({"priority_level": 8}, "priority level 8"),
    ({"lat": 91.0}, None),
    ({"kind": "sign", "approach": np.array([[LON - 0.05, LAT], [LON, LAT]])}, "way towards it begins"),
])
def test_events_that_do_not_fit_are_named(changes: dict[str, Any], wanted: str | None) -> None:
    """By hand: one line names the event and the rule; a place off the globe falls back to the start of the stretch."""
    if wanted is None:
        announced([event(**changes)])
        return
    with pytest.raises(ValueError, match=wanted) as caught:
        announced([event(**changes)])
    assert "\n" not in str(caught.value)


def test_a_message_longer_than_the_limit_is_refused() -> None:
    """By hand: neither DENM nor IVIM is split."""
    with pytest.raises(ValueError, match="limit 60 bytes"):
        BUILD.events(UNIT, [event()], counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=SET.encode,
                     max_bytes=60)


def detected(count: int, seed: int = 1, **changes: Any) -> DetectedObjects:
    draw = np.random.default_rng(seed)
    lon, lat = PLANE.to_lonlat(draw.uniform(-300, 300, count), draw.uniform(-300, 300, count))
    base = DetectedObjects(
        lon, lat, draw.uniform(0, 40, count), draw.uniform(0, 360, count), draw.uniform(1, 20, count),
        draw.uniform(0.5, 3, count), draw.uniform(1, 4, count), draw.permutation(np.arange(1, count + 1)),
        draw.choice([0, 10, 20, 25, 40, 50, 60, 81, 84], count), draw.uniform(0.1, 2, count),
        UTC_NS - 70_000_000,
    )
    return replace(base, **changes)


def test_objects_come_back_within_the_wire_step() -> None:
    """Property: places, speeds, headings, sizes, instants and numbers of 100 objects in four messages."""
    given = detected(100)
    batch = BUILD.objects(UNIT, given, counter=MessageCounter(0), generated_utc_ns=UTC_NS,
                          with_sensor_information=True)
    assert batch.message == "ETSI-CPM" and batch.left_out_count == 0
    assert [len(rows) for rows in batch.rows] == [25, 25, 25, 25]
    messages = over_the_air([Content(batch.message, value) for value in batch.values])
    assert max(len(SET.encode(*message)) for message in messages) <= 1100 - 44 - 94 - 160
    for (message, value), rows in zip(messages, batch.rows, strict=True):
        read = READ.objects(message, value, UTC_NS)
        assert (read.participant_id == given.participant_id[rows]).all()
        x, y = PLANE.to_plane(read.lon, read.lat)
        true_x, true_y = PLANE.to_plane(given.lon[rows], given.lat[rows])
        assert np.abs([x - true_x, y - true_y]).max() <= 0.00501
        assert np.abs(read.speed_mps - given.speed_mps[rows]).max() <= 0.00501 * np.sqrt(2)
        assert np.abs((read.heading_deg - given.heading_deg[rows] + 180) % 360 - 180).max() <= 0.0501
        assert np.abs(read.length_m - given.length_m[rows]).max() <= 0.0501
        assert np.abs(read.width_m - given.width_m[rows]).max() <= 0.0501
        assert np.abs(read.accuracy_m - 2.4477 * given.position_sigma_m[rows]).max() <= 0.0065
        assert (read.sampled_utc_ns == (UTC_NS - 70_000_000) // 1_000_000 * 1_000_000).all()
        assert (read.vehicle_class == given.vehicle_class[rows]).all()
    first = dict(messages[0][1]["payload"]["cpmContainers"])
    assert first["sensorInformationContainer"] == [{"sensorId": 1, "sensorType": 12, "shadowingApplies": True}]
    assert "sensorInformationContainer" not in dict(messages[1][1]["payload"]["cpmContainers"])
    management = messages[2][1]["payload"]["managementContainer"]
    assert management["segmentationInfo"] == {"totalMsgNo": 4, "thisMsgNo": 3}


def test_nearest_objects_first_and_the_rest_counted() -> None:
    """By hand: one message takes 25 of 50; objects beyond 1310 m have no place on the wire."""
    given = detected(50, seed=2)
    batch = BUILD.objects(UNIT, given, counter=MessageCounter(0), generated_utc_ns=UTC_NS, max_messages=1)
    x, y = PLANE.to_plane(given.lon, given.lat)
    distance_m = np.hypot(x, y)
    left_out = np.setdiff1d(np.arange(50), batch.rows[0])
    assert (np.diff(distance_m[batch.rows[0]]) > -1.5).all()
    assert len(batch.rows[0]) == OBJECTS_PER_MESSAGE and batch.left_out_count == len(left_out) == 25
    assert distance_m[batch.rows[0]].max() < distance_m[left_out].min() + 1.5
    lon, _ = PLANE.to_lonlat(1400.0, 0.0)
    far = BUILD.objects(UNIT, replace(detected(2), lon=np.array([LON, float(lon)]), lat=np.array([LAT, LAT])),
                        counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    assert [rows.tolist() for rows in far.rows] == [[0]] and far.left_out_count == 1


def test_no_objects_and_unknown_motion() -> None:
    """By hand: a message without objects reads as none; NaN reads as NaN."""
    batch = BUILD.objects(UNIT, detected(0), counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    ((message, value),) = over_the_air([Content(batch.message, batch.values[0])])
    assert len(READ.objects(message, value, UTC_NS)) == 0
    unknown = replace(detected(2), speed_mps=np.array([np.nan, 3.0]), heading_deg=np.array([10.0, np.nan]))
    batch = BUILD.objects(UNIT, unknown, counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    ((message, value),) = over_the_air([Content(batch.message, batch.values[0])])
    read = READ.objects(message, value, UTC_NS)
    order = batch.rows[0]
    np.testing.assert_allclose(read.speed_mps, unknown.speed_mps[order])
    assert np.isnan(read.heading_deg).tolist() == np.isnan(unknown.heading_deg[order]).tolist()


@pytest.mark.parametrize(("changes", "wanted"), [
    ({"participant_id": np.array([4, 4])}, "objectId"), ({"source": "guess"}, "guess"),
    ({"sampled_utc_ns": UTC_NS - 3 * 10**9}, "measurementDeltaTime"),
])
def test_objects_that_do_not_fit_are_named(changes: dict[str, Any], wanted: str) -> None:
    """By hand: one line names what is wrong."""
    with pytest.raises(ValueError, match=wanted):
        BUILD.objects(UNIT, detected(2, **changes), counter=MessageCounter(0), generated_utc_ns=UTC_NS)


def test_cam_of_a_roadside_unit() -> None:
    """Printed: 26 octets as measured elsewhere; it reads as a roadside unit without motion."""
    octets = SET.encode("CAM", build_roadside_cam(UNIT, generated_utc_ns=UTC_NS))
    assert len(octets) == 26
    read = SET.decode_vehicles([octets], "strict")
    assert (read.status[0], read.vehicle_class[0], int(read.temporary_id[0])) == (0, 90, STATION)
    assert np.isnan([read.speed_mps[0], read.heading_deg[0], read.length_m[0]]).all()
    assert abs(read.longitude_deg[0] - LON) <= 0.5001e-7


def test_roads_and_signals_in_the_header_of_the_set() -> None:
    """Property: MAPEM and SPATEM encode within the limit and read back: every lane, every phase."""
    node = junction()
    contents = BUILD.maps([node], counter=MessageCounter(0), encode=SET.encode, max_bytes=MOST_BYTES)
    lanes = [lane for _, value in over_the_air(contents) for lane in READ.lanes(value)]
    assert all(len(SET.encode(*content)) <= MOST_BYTES for content in contents)
    assert len(lanes) == sum(len(link.lanes) for link in node.links)
    forecast = IntersectionForecast(node.region, node.node, (PhaseForecast(1, ("red", "green"), (5.0, 30.0)),))
    contents = BUILD.signals([forecast], counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    ((message, value),) = over_the_air(contents)
    assert message == "SPATEM" and value["header"]["stationID"] == node.region << 16 | node.node
    assert list(READ.signals(value, UTC_NS)) == [(node.region, node.node, 1)]


def test_rules_of_events_exist() -> None:
    """Property: every kind and period class has a rule of the set, of the message it travels as."""
    for kind, message in (("event", "DENM"), ("sign", "IVIM")):
        for period_class, period_ms in (("static", 1000), ("semi-static", 500), ("dynamic", 100)):
            rule = SET.messages[BUILD.event_rule(kind, period_class)]
            assert (rule.message, rule.period_ms, rule.geo_broadcast) == (message, period_ms, True)


def test_readers_take_whatever_a_lenient_decoder_gives() -> None:
    """Property: damaged DENMs, IVIMs and CPMs that still decode are read without an exception."""
    draw = random.Random(3)
    contents = announced([event(), event(kind="sign")])
    batch = BUILD.objects(UNIT, detected(20), counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    contents += [Content(batch.message, value) for value in batch.values]
    read = 0
    for message, value in contents:
        data = SET.encode(message, value)
        for _ in range(300):
            flipped = bytearray(data)
            for _ in range(draw.randint(1, 8)):
                flipped[draw.randrange(2, len(flipped))] ^= 1 << draw.randrange(8)
            decoded = SET.decode(bytes(flipped))
            if decoded.status != "ok" or decoded.value is None:
                continue
            read += 1
            if message == "ETSI-CPM":
                objects = READ.objects(message, decoded.value, UTC_NS)
                assert len(objects.lon) == len(objects.sampled_utc_ns)
            else:
                zones = EventZones(READ.events(message, decoded.value), upstream_m=0.0)
                zones.holds(np.array([LON]), np.array([LAT]), np.array([0.0]))
    assert read > 100
