"""TIM and SDSM from neutral descriptions and back, and the SAE family behind the two Protocols."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rsu.applications.events import EventZones
from rsu.applications.objects import NO_TIME, separation
from rsu.applications.sae.events import read_events
from rsu.applications.sae.objects import read_objects
from rsu.applications.sae.readers import SaeReaders
from rsu.geodesy import LocalPlane
from rsu.messages.base import SERVICE_CLASSES
from rsu.messages.sae.message_set import SaeMessageSet
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from rsu.services.sae.sdsm import OBJECTS_PER_MESSAGE, build_sdsms
from rsu.services.sae.services import SaeServices
from rsu.services.sae.tim import build_tims
from tests.rsu.dsrc_values import SchemaValues
from tests.rsu.service_cases import LAT, LON, UTC_NS, junction

SET = SaeMessageSet("sae-j2735", "", "", "")
UNIT = UnitDescription(bytes(range(8)), LON, LAT, 5.0)
MINUTE_NS = 60_000_000_000


def through(message: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value as a strict receiver reads it."""
    decoded = SET.decode(SET.encode(message, value), "strict")
    assert decoded.status == "ok" and decoded.value is not None, decoded.error
    return decoded.value


def line(*xy_m: tuple[float, float]) -> np.ndarray:
    """(n, 2) of (lon, lat) of points given in metres from the reference place."""
    xy = np.array(xy_m, float)
    return np.column_stack(LocalPlane(LON, LAT).to_lonlat(xy[:, 0], xy[:, 1]))


EVENT = EventDescription(
    7, "event", 904, LON, LAT, line((0, 0), (300, 40), (900, 50)), 5.5, priority_level=6, start_utc_ns=UTC_NS,
    end_utc_ns=UTC_NS + 90 * MINUTE_NS, text="road works ahead", approach=line((-500, 10), (0, 0)),
)
SIGN = EventDescription(200, "sign", 38, LON, LAT, line((0, 0), (50, 0)), 3.5, text="speed limit of sixty km/h")


def tims(*events: EventDescription, **more: Any) -> list[dict[str, Any]]:
    return build_tims(UNIT, events, counter=MessageCounter(4), generated_utc_ns=UTC_NS, **more)


def test_events_and_signs_survive() -> None:
    """Property: every fact an application uses, paths within the resolution of 1 cm and the tolerance of 0.5 m."""
    value = through("TIM", tims(EVENT, SIGN)[0])
    for sent, read in zip((EVENT, SIGN), read_events(value), strict=True):
        assert (read.unit_id, read.id, read.kind, read.code) == (UNIT.unit_id, sent.id, sent.kind, sent.code)
        assert (read.priority_level, read.text) == (sent.priority_level, sent.text)
        assert read.position == pytest.approx((LON, LAT), abs=1e-7)
        assert set(read.radii_m) == {sent.radius_m}
        paths = [sent.path] if sent.approach is None else [sent.path, sent.approach]
        for path, back in zip(paths, read.paths, strict=True):
            away_m = separation(path[:, 0], path[:, 1], back[:, 0], back[:, 1])
            assert away_m.max() < 0.02
    zones = EventZones(read_events(value))
    on = line((600, 45), (-300, 6), (600, 80))
    assert zones.holds(on[:, 0], on[:, 1], np.full(3, 90.0))[:, 0].tolist() == [True, True, False]


def test_times_of_a_frame_by_hand() -> None:
    """By hand: 2026-07-01 00:00:17 is minute 260,640; 90 minutes from then end in the 91st minute; none = 32000."""
    first, second = tims(EVENT, SIGN)[0]["dataFrames"]
    assert (first["startYear"], first["startTime"], first["durationTime"]) == (2026, 260_640, 91)
    assert (second["startTime"], second["durationTime"]) == (260_640, 32_000)
    late = replace(EVENT, end_utc_ns=UTC_NS + 40_000 * MINUTE_NS)
    assert tims(late)[0]["dataFrames"][0]["durationTime"] == 31_999


def test_direction_of_a_region_by_hand() -> None:
    """By hand: a line that runs at 80 degrees is in the fourth sector of 22.5 degrees (67.5 to 90)."""
    east = replace(SIGN, path=line((0, 0), (98.48, 17.36)))
    assert tims(east)[0]["dataFrames"][0]["regions"][0]["direction"] == (b"\x10\x00", 16)


def test_messages_hold_eight_frames_and_the_limit() -> None:
    """Property: 20 events at 8 per message, fewer under a limit; numbers go up, the packet number with them."""
    events = [replace(EVENT, id=number) for number in range(20)]
    whole = tims(*events)
    assert [len(value["dataFrames"]) for value in whole] == [8, 8, 4]
    assert [value["msgCnt"] for value in whole] == [4, 5, 6]
    assert [value["packetID"][-1] for value in whole] == [4, 5, 6]
    short = tims(*events, encode=lambda value: SET.encode("TIM", value), max_bytes=300)
    assert len(short) > 3 and all(len(SET.encode("TIM", value)) <= 300 for value in short)
    assert [event.id for value in short for event in read_events(through("TIM", value))] == list(range(20))
    with pytest.raises(ValueError, match="event 7: alone longer than 50 bytes"):
        tims(EVENT, encode=lambda value: SET.encode("TIM", value), max_bytes=50)
    assert tims() == []


def test_long_lines_become_several_regions() -> None:
    """Property: a line of 200 kept points goes into four regions that meet, and stays where it was."""
    angle = np.linspace(0, 20, 200)
    winding = line(*zip((40 * angle).tolist(), (60 * np.sin(angle * 6)).tolist(), strict=True))
    read = read_events(through("TIM", tims(replace(EVENT, path=winding, approach=None), tolerance_m=0.01)[0]))[0]
    assert len(read.paths) == 4
    for before, after in zip(read.paths, read.paths[1:], strict=False):
        np.testing.assert_allclose(before[-1], after[0], atol=2e-7)


@pytest.mark.parametrize(("change", "said"), [
    ({"kind": "rumour"}, "kind must be one of"), ({"id": 256}, "id must lie in 0..255"),
    ({"priority_level": 8}, "priority level 8"), ({"radius_m": 0.0}, "half width 0.0"),
    ({"path": line((0, 0))}, "two points"), ({"end_utc_ns": UTC_NS - 1}, "ends before it starts"),
])
def test_what_a_tim_refuses(change: dict[str, Any], said: str) -> None:
    """By hand: one line that names the event and the rule."""
    with pytest.raises(ValueError, match=said):
        tims(replace(EVENT, **change))


def test_frames_of_other_makers() -> None:
    """By hand: ITIS codes, a circle, degrees as offsets with a zoom, and further information instead of a place."""
    frame = tims(EVENT)[0]["dataFrames"][0]
    nodes = [{"delta": ("node-LL1", {"lon": 100, "lat": -50})}, {"delta": ("node-LL1", {"lon": 7, "lat": 9})}]
    anchor = {"lat": 310_000_000, "long": 1_200_000_000}
    regions: list[dict[str, Any]] = [
        {"anchor": anchor, "description": ("path", {"scale": 1, "offset": ("ll", ("nodes", nodes))})},
        {"description": ("geometry", {"direction": (b"\0\0", 16), "circle": {
            "center": anchor, "radius": 5, "units": "meter"}})},
        {},
    ]
    other = {
        **frame, "regions": regions, "msgId": ("furtherInfoID", b"\0\0"),
        "content": ("advisory", [{"item": ("itis", 7186)}, {"item": ("text", "curve")}, {"item": ("itis", 13_569)}]),
    }
    read = read_events(through("TIM", {"msgCnt": 1, "dataFrames": [other]}))[0]
    assert (read.unit_id, read.id, read.kind, read.code, read.text) == (b"", 0, "event", 7186, "curve")
    assert read.position is None and read.radii_m == (1.75,)
    np.testing.assert_allclose(read.paths[0], [[120.00002, 30.99999], [120.0000214, 30.9999918]], atol=1e-9)


def detected(count: int, **more: Any) -> DetectedObjects:
    draw = np.random.default_rng(count)
    places = line(*draw.uniform(-200, 200, (count, 2)).tolist()) if count else np.empty((0, 2))
    columns: dict[str, Any] = {
        "lon": places[:, 0], "lat": places[:, 1], "speed_mps": draw.uniform(0, 30, count),
        "heading_deg": draw.uniform(0, 360, count), "length_m": draw.uniform(3, 18, count),
        "width_m": draw.uniform(1.5, 2.6, count), "height_m": draw.uniform(1.4, 4, count),
        "participant_id": np.arange(1, count + 1), "vehicle_class": draw.integers(0, 60, count),
        "position_sigma_m": np.full(count, 0.3), "sampled_utc_ns": UTC_NS - 60_000_000,
    }
    return DetectedObjects(**{**columns, **more})


def test_objects_survive() -> None:
    """Property: 70 objects in three messages; 0.1 m per axis, 0.02 m/s, 0.0125 degree, 1 cm; nearest first."""
    objects = detected(70)
    batch = build_sdsms(UNIT, objects, counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    assert [len(rows) for rows in batch.rows] == [OBJECTS_PER_MESSAGE, OBJECTS_PER_MESSAGE, 6]
    distance_m = separation(objects.lon, objects.lat, LON, LAT)
    assert (np.diff(distance_m[np.concatenate(batch.rows)]) > -1.0).all()
    for rows, value in zip(batch.rows, batch.values, strict=True):
        read = read_objects(through("SDSM", value), UTC_NS)
        np.testing.assert_array_equal(read.participant_id, objects.participant_id[rows])
        assert separation(read.lon, read.lat, objects.lon[rows], objects.lat[rows]).max() < 0.075
        np.testing.assert_allclose(read.speed_mps, objects.speed_mps[rows], atol=0.0101)
        np.testing.assert_allclose(read.heading_deg, objects.heading_deg[rows], atol=0.0063)
        np.testing.assert_allclose(read.length_m, objects.length_m[rows], atol=0.0051)
        np.testing.assert_array_equal(read.vehicle_class, objects.vehicle_class[rows])
        # Sampled 60 ms before; the message's own time is rounded down to its millisecond.
        assert (np.abs(read.sampled_utc_ns - objects.sampled_utc_ns) < 1_000_000).all()
        assert (read.accuracy_m == 1.0).all()


def test_object_messages_stay_below_a_frame() -> None:
    """Property: 32 vehicles cost about 23 octets each; the limit of a WSM is 1400 octets."""
    value = build_sdsms(UNIT, detected(32), counter=MessageCounter(0), generated_utc_ns=UTC_NS).values[0]
    assert 22 < len(SET.encode("SDSM", value)) / 32 < 24


def test_left_out_and_none() -> None:
    """By hand: one message of 40 objects leaves 8 out; no object, no message; NaN heading and speed travel."""
    batch = build_sdsms(UNIT, detected(40), counter=MessageCounter(0), generated_utc_ns=UTC_NS, max_messages=1)
    assert (len(batch.values), batch.left_out_count) == (1, 8)
    assert build_sdsms(UNIT, detected(0), counter=MessageCounter(0), generated_utc_ns=UTC_NS).values == []
    lost = detected(1, speed_mps=np.array([np.nan]), heading_deg=np.array([np.nan]))
    value = build_sdsms(UNIT, lost, counter=MessageCounter(0), generated_utc_ns=UTC_NS).values[0]
    read = read_objects(through("SDSM", value), UTC_NS)
    assert math.isnan(read.speed_mps[0]) and math.isnan(read.heading_deg[0])


def test_vulnerable_road_users() -> None:
    """By hand: pedestrians are told as such, without size."""
    value = through("SDSM", build_sdsms(
        UNIT, detected(2, participant_type="pedestrian"), counter=MessageCounter(0), generated_utc_ns=UTC_NS
    ).values[0])
    one = value["objects"][0]
    assert one["detObjCommon"]["objType"] == "vru" and one["detObjOptData"] == ("detVRU", {"basicType": "aPEDESTRIAN"})
    assert read_objects(value, UTC_NS).length_m[0] == 0


@pytest.mark.parametrize(("more", "said"), [
    ({"participant_type": "ghost"}, "'ghost' is none of"), ({"sampled_utc_ns": UTC_NS - 2 * 10**9}, "-2000 ms"),
    ({"lon": np.array([LON + 0.1]), "lat": np.array([LAT])}, "ObjectDistance"),
])
def test_what_an_sdsm_refuses(more: dict[str, Any], said: str) -> None:
    """By hand: one line with figure and rule."""
    with pytest.raises(ValueError, match=said):
        build_sdsms(UNIT, detected(1, **more), counter=MessageCounter(0), generated_utc_ns=UTC_NS)


def test_time_stamps_of_other_makers() -> None:
    """By hand: an hour ahead of UTC; only a millisecond; nothing."""
    value = build_sdsms(UNIT, detected(1), counter=MessageCounter(0), generated_utc_ns=UTC_NS).values[0]
    value["objects"][0]["detObjCommon"]["measurementTime"] = 0
    stamp = value["sDSMTimeStamp"]
    for told, expected in (
        ({**stamp, "hour": 1, "offset": 60}, UTC_NS), ({"second": stamp["second"]}, UTC_NS), ({"year": 2026}, NO_TIME),
    ):
        read = read_objects({**value, "sDSMTimeStamp": told}, UTC_NS + 5_000_000_000)
        assert read.sampled_utc_ns[0] == expected


def test_readers_take_any_decoded_value() -> None:
    """Property: 150 random TIMs and SDSMs with few to all members; zones and columns come out finite or unavailable."""
    draw = random.Random(8)
    readers = SaeReaders()
    for index in range(150):
        make = SchemaValues(SET.codec.schema, draw, (0.1, 0.5, 0.9)[index % 3])
        events = readers.events("TIM", make.of("TravelerInformation"))
        EventZones(events).holds(np.array([LON]), np.array([LAT]), np.array([0.0]))
        value = make.of("SensorDataSharingMessage")
        objects = readers.objects("SDSM", value, UTC_NS)
        assert len(objects) in (0, len(value["objects"])) and not np.isinf(objects.lon).any()


def test_family_behind_the_protocols() -> None:
    """Property: one junction, one forecast, one event, one sensing cycle through services, octets and readers."""
    services, readers = SaeServices(), SaeReaders()
    maps = services.maps([junction()], counter=MessageCounter(0), encode=SET.encode, max_bytes=1300)
    assert [len(readers.lanes(through(*content))) for content in maps] == [12]
    forecast = IntersectionForecast(310, 257, (PhaseForecast(1, ("red",), (4.0,)),))
    (signals,) = services.signals([forecast], counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    assert list(readers.signals(through(*signals), UTC_NS)) == [(310, 257, 1)]
    (events,) = services.events(
        UNIT, [EVENT], counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=SET.encode, max_bytes=1300
    )
    assert readers.events(events.message, through(*events))[0].code == 904
    batch = services.objects(UNIT, detected(3), counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    assert len(readers.objects(batch.message, through(batch.message, batch.values[0]), UTC_NS)) == 3
    for rule in ("event", "sign"):
        assert SET.messages[services.event_rule(rule, "static")].service == "RSI"
    assert {rule.service for rule in SET.messages.values()} - {""} == set(SERVICE_CLASSES)
