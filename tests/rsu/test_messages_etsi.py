"""The ETSI set: sizes, a recorded CAM, CAMs as columns, framing, descriptions and hostile octets."""

from __future__ import annotations

import base64
import json
import random
import re
import time
from typing import Any

import numpy as np
import pytest

from rsu.applications.objects import separation
from rsu.codec import EncodeError, load_schema
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import SERVICE_CLASSES
from rsu.messages.etsi.cam_value import cam_columns, cam_value
from rsu.messages.etsi.framing import PDUS, header
from rsu.messages.etsi.instants import generation_delta_times, timestamp_its, utc_from_generation_delta
from rsu.messages.etsi.quantities import QUANTITIES, from_code, to_code
from rsu.messages.vehicle import EVENT_BITS, STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns

SET = MESSAGE_SETS["etsi-its"]
UTC_NS = 1_782_864_017_123_000_000
"""2026-07-01 00:00:17.123 UTC."""

RECORDED_CAM = base64.b64decode(
    "AgINl1aLXpNAWrOG4g4oO3viNCMMSDOWUFh5cKJYfgKWilc3/un/6iA//5RZgQJeAMyAFdjOAATwOlwGSsZwAVOB2WAyljOACewO/QGbMZwA"
    "T+B6eA0FjOACfwOhQGLsgAAS2BzOAwdjOACTwPHwGMsZwAUOB1iAy5jOACewOlQGbsZwAT+B4qAzZjOACqA="
)
"""A CAM of a car near 53.6 N 10.0 E, published with its decoded values in a public discussion of asn1tools (179)."""


def columns(count: int, **changed: Any) -> VehicleColumns:
    """Ordinary vehicles."""
    ordinary: dict[str, Any] = dict(
        temporary_id=np.arange(1, count + 1, dtype=np.uint64), msg_count=np.zeros(count, np.int64),
        sec_mark_ms=np.zeros(count, np.int64), longitude_deg=np.full(count, 120.8312),
        latitude_deg=np.full(count, 31.0347), speed_mps=np.full(count, 20.0), heading_deg=np.full(count, 90.0),
        width_m=np.full(count, 1.8), length_m=np.full(count, 4.5), vehicle_class=np.full(count, 10),
        accel_lat_mps2=np.zeros(count), steering_angle_deg=np.zeros(count), brake_pedal=np.ones(count, np.int64),
        generated_utc_ns=np.full(count, UTC_NS),
    )
    return VehicleColumns(**(ordinary | changed))


def test_recorded_cam_reads_as_published() -> None:
    """Printed: the values published with the recording; strict, so the octets are also ours."""
    decoded = SET.decode(RECORDED_CAM, "strict")
    assert decoded.status == "ok", decoded.error
    value = decoded.value
    assert value is not None
    assert value["header"] == {"protocolVersion": 2, "messageID": 2, "stationID": 228_021_899}
    assert value["cam"]["generationDeltaTime"] == 24_211
    assert value["cam"]["camParameters"]["basicContainer"] == {
        "stationType": 5,
        "referencePosition": {
            "latitude": 536_301_072, "longitude": 100_141_535,
            "positionConfidenceEllipse": {
                "semiMajorConfidence": 282, "semiMinorConfidence": 280, "semiMajorOrientation": 1572},
            "altitude": {"altitudeValue": 5650, "altitudeConfidence": "alt-005-00"},
        },
    }
    read = SET.decode_vehicles([RECORDED_CAM])
    assert (read.status[0], read.vehicle_class[0], read.low_frequency[0]) == (STATUS_OK, 10, 1)
    assert read.path is not None and read.path.counts[0] == 11 and read.speed_mps[0] < 20


def history(points: int) -> PathHistory:
    steps = np.arange(1, points + 1)[:, None]
    return PathHistory.from_rows([steps * np.array([[1e-4, 2e-5, 0.5]])])


@pytest.mark.parametrize(("points", "octets"), [(None, 46), (0, 48), (1, 57), (5, 91), (10, 134), (15, 177), (20, 221),
                                                (23, 246), (30, 307), (40, 393)])
def test_sizes_of_a_cam(points: int | None, octets: int) -> None:
    """Printed: sizes measured elsewhere with other codecs, two of them (46, 134) in recordings."""
    given = columns(1) if points is None else columns(1, low_frequency=np.array([1]), path=history(points))
    assert len(SET.encode_vehicles(given)[0]) == octets


def place() -> dict[str, Any]:
    return {"latitude": 1, "longitude": 2, "positionConfidenceEllipse": {
        "semiMajorConfidence": 4095, "semiMinorConfidence": 4095, "semiMajorOrientation": 3601},
        "altitude": {"altitudeValue": 800_001, "altitudeConfidence": "unavailable"}}


def denm(situation: bool, points: int | None) -> dict[str, Any]:
    value: dict[str, Any] = {"management": {
        "actionID": {"originatingStationID": 1, "sequenceNumber": 2}, "detectionTime": 3, "referenceTime": 4,
        "eventPosition": place(), "relevanceDistance": "lessThan500m",
        "validityDuration": 700, "stationType": 15}}
    if situation:
        value["situation"] = {"informationQuality": 1, "eventType": {"causeCode": 1, "subCauseCode": 0}}
    if points is not None:
        point = {"pathPosition": {"deltaLatitude": 1, "deltaLongitude": 2, "deltaAltitude": 12_800}}
        value["location"] = {
            "eventSpeed": {"speedValue": 0, "speedConfidence": 1},
            "eventPositionHeading": {"headingValue": 0, "headingConfidence": 1}, "traces": [[point] * points]}
    return {"header": header("DENM", 5), "denm": value}


@pytest.mark.parametrize(("situation", "points", "octets"), [(False, None, 43), (True, None, 46), (True, 1, 59),
                                                             (True, 5, 85), (True, 10, 117), (True, 23, 202),
                                                             (True, 40, 312)])
def test_sizes_of_a_denm(situation: bool, points: int | None, octets: int) -> None:
    """Printed: sizes measured elsewhere with other codecs; what was in the management
    container is not told there: with relevance distance and a validity all seven agree."""
    assert len(SET.encode("DENM", denm(situation, points))) == octets


def cpm(objects: int) -> dict[str, Any]:
    coordinate = {"value": 100, "confidence": 50}
    perceived = [{"objectId": i, "measurementDeltaTime": 0, "position": {
        "xCoordinate": coordinate, "yCoordinate": coordinate}} for i in range(objects)]
    containers = [("originatingRsuContainer", {})]
    if objects:
        containers.append(("perceivedObjectContainer", {
            "numberOfPerceivedObjects": objects, "perceivedObjects": perceived}))
    return {"header": header("ETSI-CPM", 5), "payload": {
        "managementContainer": {"referenceTime": 1, "referencePosition": place()}, "cpmContainers": containers}}


@pytest.mark.parametrize(("objects", "octets"), [(0, 31), (1, 48), (5, 100), (10, 166), (20, 296), (30, 426),
                                                 (50, 686)])
def test_sizes_of_a_cpm(objects: int, octets: int) -> None:
    """Printed: sizes measured elsewhere over the published text, objects with position only."""
    assert len(SET.encode("ETSI-CPM", cpm(objects))) == octets


def random_columns(seed: int, count: int) -> VehicleColumns:
    draw = np.random.default_rng(seed)

    def some(low: float, high: float) -> np.ndarray:
        return np.where(draw.random(count) < 0.2, np.nan, draw.uniform(low, high, count))

    slow = draw.integers(0, 2, count)
    on_duty = np.where(draw.random(count) < 0.3, 1, -1)
    paths = [
        np.cumsum(np.column_stack([draw.uniform(-3e-4, 3e-4, (k, 2)), draw.uniform(0.1, 3, k)]), axis=0) if s else None
        for k, s in zip(draw.integers(0, 41, count), slow, strict=True)
    ]
    return columns(
        count, temporary_id=draw.integers(0, 2**63, count, dtype=np.uint64), longitude_deg=some(-180, 180),
        latitude_deg=some(-90, 90), speed_mps=some(0, 90), heading_deg=some(0, 360), width_m=some(0.5, 5.9),
        length_m=some(1, 90), vehicle_class=draw.integers(0, 256, count), semi_major_m=some(0.1, 15),
        semi_minor_m=some(0.1, 15), orientation_deg=some(0, 360), accel_long_mps2=some(-15, 15),
        accel_lat_mps2=some(-15, 15), steering_angle_deg=some(-700, 700), yaw_rate_degps=draw.uniform(-300, 300, count),
        radius_of_curvature_m=draw.choice([-1, 1], count) * draw.uniform(12, 5000, count),
        brake_pedal=draw.integers(0, 3, count), event_flags=draw.choice([0, EVENT_BITS["eventHardBraking"]], count),
        transmission=draw.choice([2, 3, 7], count), low_frequency=slow, lights=draw.integers(-1, 512, count),
        emergency_response=on_duty, siren=np.where(on_duty > 0, 2, -1), lightbar=np.where(on_duty > 0, 1, -1),
        generated_utc_ns=draw.integers(1_100_000_000, 1_900_000_000, count) * 1_000_000_000,
        path=PathHistory.from_rows(paths),
    )


def test_columns_come_back_within_the_wire_step() -> None:
    """Property: 300 random rows, every column that a CAM carries within half its step, unavailable stays so."""
    sent = random_columns(1, 300)
    read = SET.decode_vehicles(SET.encode_vehicles(sent), "strict")
    assert (read.status == STATUS_OK).all()
    assert (read.temporary_id == sent.temporary_id % 2**32).all()
    away_m = separation(read.longitude_deg, read.latitude_deg, sent.longitude_deg, sent.latitude_deg)
    for name in ("longitude_deg", "latitude_deg"):
        assert (np.isnan(getattr(read, name)) == np.isnan(getattr(sent, name))).all()
    # 45 m ahead of the middle at most: 2.5 cm of length, 4 cm of heading, 1 cm of position.
    assert np.nanmax(away_m) < 0.08
    steps = {"speed_mps": 0.01, "width_m": 0.1, "length_m": 0.1,
             "accel_long_mps2": 0.1, "accel_lat_mps2": 0.1, "yaw_rate_degps": 0.01, "steering_angle_deg": 1.5,
             "semi_major_m": 0.01, "semi_minor_m": 0.01}
    for name, step in steps.items():
        np.testing.assert_allclose(getattr(read, name), getattr(sent, name), rtol=0, atol=step * 0.5001, err_msg=name)
    turn = (read.heading_deg - sent.heading_deg + 180) % 360 - 180
    assert np.nanmax(np.abs(turn)) <= 0.05001 and (np.isnan(turn) == np.isnan(sent.heading_deg)).all()
    assert np.abs(1 / read.radius_of_curvature_m - 1 / sent.radius_of_curvature_m).max() <= 0.5001e-4
    known = (sent.brake_pedal != 0) | (sent.event_flags != 0)
    assert (read.brake_pedal == np.where(known, np.maximum(sent.brake_pedal, 1), 0)).all()
    for name in ("event_flags", "low_frequency", "transmission"):
        assert (getattr(read, name) == getattr(sent, name)).all(), name
    sent_duty = (sent.emergency_response > 0) & (sent.low_frequency == 1)
    assert ((read.siren == 2) == sent_duty).all() and ((read.lightbar == 1) == sent_duty).all()
    assert read.path is not None and sent.path is not None
    assert (read.path.counts == sent.path.counts).all()
    assert np.abs(read.path.d_lat_deg - sent.path.d_lat_deg).max() <= 0.5001e-7
    assert np.abs(read.path.d_lon_deg - sent.path.d_lon_deg).max() <= 0.5001e-7
    assert np.abs(read.path.age_s - sent.path.age_s).max() <= 0.005001


def test_a_cam_tells_the_middle_of_the_front() -> None:
    """By hand: a car of 4.5 m heading east tells a point 2.25 m east of its middle, one that backs up 2.25 m west, one
    of unknown heading its middle; all read as the middle again. The date line may be crossed, 181 degrees not given."""
    given = columns(4, transmission=np.array([2, 3, 2, 2]), heading_deg=np.array([90.0, 90.0, np.nan, 90.0]),
                    longitude_deg=np.array([120.8312, 120.8312, 120.8312, 179.99999]))
    octets = SET.encode_vehicles(given)
    assert octets == SET.encode_vehicles_general(given)
    plane, told = LocalPlane(120.8312, 31.0347), []
    for data in octets:
        value = SET.decode(data).value
        assert value is not None
        place = value["cam"]["camParameters"]["basicContainer"]["referencePosition"]
        told.append((place["longitude"] * 1e-7, place["latitude"] * 1e-7))
    x_m, y_m = plane.to_plane(*np.array(told[:3]).T)
    assert x_m == pytest.approx([2.25, -2.25, 0.0], abs=0.006) and y_m == pytest.approx(0.0, abs=0.006)
    assert told[3][0] == pytest.approx(-180.0 - 1e-5 + 2.25 / 95_500, abs=3e-7)
    read = SET.decode_vehicles(octets)
    np.testing.assert_allclose(read.longitude_deg, given.longitude_deg, rtol=0, atol=2e-7)
    np.testing.assert_allclose(read.latitude_deg, given.latitude_deg, rtol=0, atol=1e-7)
    with pytest.raises(EncodeError, match="Longitude: 181"):
        SET.encode_vehicles(columns(1, longitude_deg=np.array([181.0])))


def test_signs_of_a_vehicle_that_turns_right() -> None:
    """By hand: right turn, so yaw rate, lateral acceleration, steering and curvature are negative on the wire."""
    given = columns(1, yaw_rate_degps=np.array([3.0]), accel_lat_mps2=np.array([1.0]),
                    steering_angle_deg=np.array([30.0]), radius_of_curvature_m=np.array([400.0]))
    value = cam_value(given, 0)
    high = value["cam"]["camParameters"]["highFrequencyContainer"][1]
    assert high["yawRate"]["yawRateValue"] == -300
    assert high["lateralAcceleration"]["lateralAccelerationValue"] == -10
    assert high["steeringWheelAngle"]["steeringWheelAngleValue"] == -20
    assert high["curvature"]["curvatureValue"] == -25
    assert cam_columns([value]).radius_of_curvature_m[0] == pytest.approx(400.0)


def test_path_history_is_relative_to_the_point_before() -> None:
    """By hand: points 1e-4 and 3e-4 degree behind, 0.5 s and 1.2 s ago."""
    path = PathHistory.from_rows([[(0.0, -1e-4, 0.5), (0.0, -3e-4, 1.2)]])
    value = cam_value(columns(1, low_frequency=np.array([1]), path=path), 0)
    points = value["cam"]["camParameters"]["lowFrequencyContainer"][1]["pathHistory"]
    assert [p["pathPosition"]["deltaLatitude"] for p in points] == [-1000, -2000]
    assert [p["pathDeltaTime"] for p in points] == [50, 70]


def test_generation_delta_time_of_known_instants() -> None:
    """Printed: the dictionary's example, 2007-01-01 00:00:00 UTC is 94,694,401,000 ms."""
    utc_ns = 1_167_609_600 * 1_000_000_000
    assert timestamp_its(utc_ns) == 94_694_401_000
    instants = np.array([utc_ns, UTC_NS, 1_483_228_799_999_000_000, 1_483_228_800_000_000_000])
    assert generation_delta_times(instants).tolist() == [timestamp_its(int(t)) % 65_536 for t in instants]
    for late_ms in (0, 100, 30_000):
        assert utc_from_generation_delta(timestamp_its(UTC_NS) % 65_536, UTC_NS + late_ms * 1_000_000) == UTC_NS


@pytest.mark.parametrize(("changed", "wanted"), [
    ({"generated_utc_ns": np.array([-1])}, "generated_utc_ns"),
    ({"latitude_deg": np.array([91.0])}, "Latitude"),
    ({"speed_mps": np.array([-1.0])}, None),
    ({"low_frequency": np.array([2])}, "low_frequency"),
    ({"vehicle_class": np.array([256])}, "vehicle_class"),
    ({"low_frequency": np.array([1]), "path": history(41)}, "41 points"),
    ({"low_frequency": np.array([1]), "path": PathHistory.from_rows([[(0.02, 0.0, 1.0)]])}, "DeltaLongitude"),
])
def test_columns_out_of_range_are_named(changed: dict[str, Any], wanted: str | None) -> None:
    """By hand: one line names what is wrong; what saturates by the standard does not complain."""
    if wanted is None:
        SET.encode_vehicles(columns(1, **changed))
        return
    with pytest.raises(EncodeError, match=wanted) as caught:
        SET.encode_vehicles(columns(1, **changed))
    assert "\n" not in str(caught.value)


def test_what_is_no_cam_has_another_status() -> None:
    """By hand: another message and an unknown kind are skipped, cut octets an error."""
    cam = SET.encode_vehicles(columns(1))[0]
    other = SET.encode("DENM", denm(False, None))
    read = SET.decode_vehicles([cam, other, b"\x02\x63" + cam[2:], cam[:20], b""])
    assert read.status.tolist() == [STATUS_OK, STATUS_SKIPPED, STATUS_SKIPPED, STATUS_ERROR, STATUS_ERROR]


def test_kinds_and_versions_of_the_header() -> None:
    """By hand: version 1 and 2 of release-1 messages read, other versions and kinds are skipped, strict is strict."""
    cam = SET.encode_vehicles(columns(1))[0]
    assert SET.decode(b"\x01" + cam[1:], "strict").status == "ok"
    for first, second in ((0, 2), (3, 2), (2, 99), (1, 14)):
        assert SET.decode(bytes([first, second]) + cam[2:]).status == "skipped"
    assert SET.decode(cam + b"\x00").status == "ok"
    assert SET.decode(cam + b"\x00", "strict").status == "error"
    assert SET.decode(b"\x02").status == "error"
    value = SET.decode(cam).value
    assert value is not None
    for member, wrong in (("messageID", 1), ("protocolVersion", 3)):
        with pytest.raises(EncodeError, match=member):
            SET.encode("CAM", {**value, "header": {**value["header"], member: wrong}})
    with pytest.raises(EncodeError, match="no such member"):
        SET.encode("CAM", {**value, "cam": {**value["cam"], "more": 1}})
    with pytest.raises(EncodeError):
        SET.encode("ETSI-CPM", value)


def test_descriptions_are_json_and_can_be_read_back() -> None:
    """Property: describe, JSON, undescribe and encode give the same octets."""
    messages = [*SET.encode_vehicles(random_columns(2, 20)), SET.encode("DENM", denm(True, 3)),
                SET.encode("ETSI-CPM", cpm(3)), RECORDED_CAM]
    for data in messages:
        described = json.loads(json.dumps(SET.describe(SET.decode(data))))
        assert SET.encode(*SET.undescribe(described)) == data


def test_damaged_messages_give_a_result_soon() -> None:
    """Property: cut, flipped, extended, random and long octets of every kind never raise and take little time."""
    draw = random.Random(4)
    seeds = [*SET.encode_vehicles(random_columns(3, 30)), SET.encode("DENM", denm(True, 9)),
             SET.encode("ETSI-CPM", cpm(9)), RECORDED_CAM]
    for pdu in PDUS.values():
        seeds += [bytes([2, 200 + pdu.message_id]) + draw.randbytes(20)]
        seeds += [bytes([2, pdu.message_id]) + draw.randbytes(draw.randint(4, 300)) for _ in range(40)]
        SET.decode(seeds[-1])  # compiled before the clock starts
    seen = set()
    for data in seeds:
        flipped = bytearray(data)
        for _ in range(draw.randint(1, 6)):
            flipped[draw.randrange(2, len(flipped))] ^= 1 << draw.randrange(8)
        for damaged in (data[: draw.randrange(len(data))], bytes(flipped), data + draw.randbytes(9), data):
            started = time.process_time()
            lenient, strict = SET.decode(damaged), SET.decode(damaged, "strict")
            assert time.process_time() - started < 0.5
            seen |= {lenient.status, strict.status}
            if strict.status == "ok":
                assert SET.encode(strict.message, strict.value) == damaged
            json.dumps(SET.describe(lenient))
    assert seen == {"ok", "skipped", "error"}


def test_nested_signs_do_not_exhaust_the_stack() -> None:
    """By hand: destinations of a sign may hold signs again; a message that nests them to its end is an error."""
    for fill in (b"\xff", b"\x00", b"\xaa", b"\x55", b"\x92\x49\x24"):
        for length in (1400, 8000):
            data = (bytes([2, 6, 0, 0, 0, 1]) + fill * length)[:length]
            assert SET.decode(data).status in ("ok", "error")


def test_rules_name_known_messages() -> None:
    """Property: each message of the codec has a rule of its own, ports and identifiers as printed in public code."""
    printed = {"CAM": (36, 2001), "DENM": (37, 2002), "MAPEM": (138, 2003), "SPATEM": (137, 2004), "IVIM": (139, 2006),
               "ETSI-CPM": (639, 2009)}
    assert set(printed) == set(SET.codec.messages)
    for rule in SET.messages.values():
        assert (rule.application_id, rule.btp_port) == printed[rule.message]
        assert rule.geo_broadcast == (rule.message in ("DENM", "IVIM"))
        assert rule.service in (*SERVICE_CLASSES, "")
    assert set(printed) <= set(SET.messages)


def test_quantities_round_to_the_nearest_step() -> None:
    """By hand: codes of some values, of unavailable and of more than the highest."""
    assert to_code("SpeedValue", 13.894) == 1389 and to_code("SpeedValue", float("nan")) == 16_383
    assert to_code("SemiAxisLength", 41.0) == 4094 and to_code("SemiAxisLength", 0.0) == 1
    assert to_code("VehicleWidth", 6.2) == 61 and to_code("HeadingValue", 359.98) == 0
    assert np.isnan(from_code("SemiAxisLength", 4094)) and np.isnan(from_code("HeadingValue", 3600))
    for quantity in QUANTITIES.values():
        assert quantity.unavailable is None or not quantity.lowest <= quantity.unavailable <= quantity.highest


def test_type_names_are_unique_per_family() -> None:
    """Property: a schema merges the types of its folders, so a name must not stand for two things."""
    for pdu in PDUS.values():
        names = [
            name for folder in pdu.folders for path in sorted(folder.glob("*.asn"))
            for name in re.findall(r"^([A-Z][\w-]*) ::=", path.read_text(encoding="utf-8"), re.M)
        ]
        assert len(names) == len(set(names)) == len(load_schema(*pdu.folders).types)
