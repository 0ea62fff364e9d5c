"""The legacy set T/CSAE 53-2017 against a hand table of its differences, and its values against those of 2020."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.codec import EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.cn.legacy import legacy_values, modern_value
from rsu.messages.cn.legacy_set import Cn2017MessageSet
from rsu.messages.vehicle import PathHistory, VehicleColumns
from rsu.services import SERVICES
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from tests.rsu.cn_facts import as_facts, expected, random_value, small_value, types_of
from tests.rsu.service_cases import LAT, LON, UTC_NS, junction

SET = MESSAGE_SETS["csae53-2017"]
BASE = types_of("ydt3709-2020")

# Member lists: * = OPTIONAL. From the list of differences and a public transcription of the tables of 2017.
MEMBERS = {
    "BasicSafetyMessage": (
        "msgCnt id plateNo* secMark pos accuracy transmission speed heading angle* motionCfd* accelSet brakes size "
        "vehicleClass safetyExt*", True,
    ),
    "ParticipantData": (
        "ptcType ptcId source id* plateNo* secMark pos accuracy transmission* speed heading angle* motionCfd* "
        "accelSet* size vehicleClass*", True,
    ),
    "RoadSideInformation": (
        "msgCnt timeStamp* id rsiId alertType description* priority* refPos alertPath alertRadius", True,
    ),
    "SPAT": ("msgCnt timeStamp* name* intersections", True),
    "IntersectionState": ("intersectionId status moy* timeStamp* phases", False),
    "PhaseState": ("light timing*", True),
    "TimeChangeDetails": (
        "startTime minEndTime* maxEndTime* likelyEndTime timeConfidence* nextStartTime* nextDuration*", False,
    ),
    "Lane": ("laneID laneAttributes* maneuvers* connectsTo* speedLimits* points*", True),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_are_those_of_the_hand_table(name: str) -> None:
    """By hand: order, optionality and extension marker of every type said to differ (facts unverified themselves)."""
    definition = SET.codec.schema.types[name]
    assert definition["type"] == "SEQUENCE"
    members, extensible = MEMBERS[name]
    found = [m["name"] + "*" * m.get("optional", False) for m in definition["members"] if m]
    assert found == members.split()
    assert (None in definition["members"]) == extensible


def test_ranges_and_sizes_of_the_hand_table() -> None:
    """By hand: plate numbers of 4 to 16 octets, text of 1 to 256 characters, radius up to 1024, closed lights."""
    types = SET.codec.schema.types
    bsm = {m["name"]: m for m in types["BasicSafetyMessage"]["members"] if m}
    assert bsm["plateNo"]["size"] == [(4, 16)]
    assert bsm["accuracy"]["type"] == "PositionConfidenceSet"
    rsi = {m["name"]: m for m in types["RoadSideInformation"]["members"] if m}
    assert (rsi["description"]["type"], rsi["description"]["size"]) == ("IA5String", [(1, 256)])
    assert types["Radius"]["restricted-to"] == [(0, 1024)]
    spat = {m["name"]: m for m in types["SPAT"]["members"] if m}
    assert spat["timeStamp"]["type"] == "MinuteOfTheYear"
    assert None not in types["LightState"]["values"]


def test_all_other_types_are_those_of_ydt3709() -> None:
    """Independent: what is not in the hand table equals the facts of YD/T 3709-2020 (an inference, not a source)."""
    changed = {*MEMBERS, "Radius", "LightState", "AlertType", "Priority"} - {"PhaseState"}
    types = SET.codec.schema.types
    for name in set(types) - changed:
        assert as_facts(types[name], BASE | dict.fromkeys(types, {})) == expected(BASE[name]), name


def test_bsm_by_hand() -> None:
    """By hand: frame bits 0 000; marker and four presence bits; count; id; secMark; position; class of accuracy."""
    value = {
        "msgCnt": 9, "id": bytes(range(8)), "secMark": 1000, "pos": {"lat": 0, "long": 1},
        "accuracy": {"pos": "a1m"}, "transmission": "park", "speed": 0, "heading": 0,
        "accelSet": {"long": 0, "lat": 0, "vert": 0, "yaw": 0}, "brakes": {}, "size": {"width": 180, "length": 450},
        "vehicleClass": {"classification": 10},
    }
    bits = "".join((
        "0", "000", "0", "0000", f"{9:07b}", "".join(f"{i:08b}" for i in range(8)), f"{1000:016b}",
        "0", f"{900_000_000:031b}", f"{1_800_000_000:032b}", "0", f"{9:04b}", f"{1:03b}", f"{0:013b}", f"{0:015b}",
        f"{2000:012b}", f"{2000:012b}", f"{127:08b}", f"{32767:016b}", "0000000", "0", f"{180:010b}", f"{450:012b}",
        "0", "0", f"{10:08b}",
    ))
    octets = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert SET.encode("BSM", value) == octets
    assert SET.decode(octets, "strict").value == value


def modern(message: str, draw: random.Random) -> dict[str, Any]:
    kind = {"BSM": "BasicSafetyMessage", "MAP": "MapData", "RSM": "RoadsideSafetyMessage", "SPAT": "SPAT",
            "RSI": "RoadSideInformation"}[message]
    value: dict[str, Any] = small_value(draw, kind, BASE)
    return value


def counting_only(value: dict[str, Any]) -> bool:
    states = [s for i in value["intersections"] for p in i["phases"] for s in p["phaseStates"]]
    return all(state.get("timing", ("counting",))[0] == "counting" for state in states)


@pytest.mark.parametrize("message", ["BSM", "RSM", "MAP", "SPAT", "RSI"])
def test_values_of_2020_become_messages_of_2017_and_come_back_without_what_these_cannot_say(message: str) -> None:
    """Property: every translated value encodes strictly, and translating back and forth again changes nothing."""
    draw = random.Random(11)
    sent = 0
    for _ in range(150):
        value = modern(message, draw)
        if message == "SPAT" and not counting_only(value):
            with pytest.raises(EncodeError, match="count down"):
                legacy_values("SPAT", value)
            continue
        for legacy in legacy_values(message, value):
            decoded = SET.decode(SET.encode(message, legacy), "strict")
            assert (decoded.status, decoded.message, decoded.value) == ("ok", message, legacy), decoded.error
            if message != "SPAT":
                assert legacy_values(message, modern_value(message, legacy)) == [legacy]
            sent += 1
    assert sent > 20


def test_spat_of_2017_keeps_time_lights_and_durations() -> None:
    """By hand: one intersection, counting down; the millisecond moves into the intersection."""
    timing = {"startTime": 0, "likelyEndTime": 125}
    phase = {"id": 3, "phaseStates": [{"light": "red", "timing": ("counting", timing)}]}
    state = {"intersectionId": {"id": 300}, "status": (b"\x04\x00", 16), "phases": [phase]}
    value = {"msgCnt": 1, "moy": 77, "timeStamp": 1500, "intersections": [state]}
    (legacy,) = legacy_values("SPAT", value)
    assert legacy["timeStamp"] == 77
    assert legacy["intersections"][0]["timeStamp"] == 1500
    assert legacy["intersections"][0]["phases"][0]["phaseStates"] == [{"light": "red", "timing": timing}]
    back = modern_value("SPAT", legacy)
    assert (back["moy"], back["timeStamp"]) == (77, 1500)
    assert back["intersections"][0]["phases"] == [phase]


def test_events_of_2017_carry_their_code_in_the_text() -> None:
    """By hand: a sign's code is alertType; an event's code leads the text and comes back."""
    point = {"offsetLL": ("position-LL1", {"lon": 1, "lat": 2})}
    item = {"referencePaths": [{"activePath": [point, point], "pathRadius": 2000}], "priority": b"\x80"}
    value = {
        "msgCnt": 1, "id": bytes(8), "refPos": {"lat": 0, "long": 0},
        "rtes": [
            {"rteId": 4, "eventType": 401, "eventSource": "police", "description": ("textString", "roadworks"), **item}
        ],
        "rtss": [{"rtsId": 5, "signType": 85, **item}],
    }
    event, sign = legacy_values("RSI", value)
    assert (event["rsiId"], event["alertType"], event["description"]) == (4, 0, "E401 roadworks")
    assert event["alertRadius"] == 1024, "102.4 m is the most this set can say"
    assert (sign["rsiId"], sign["alertType"], "description" in sign) == (5, 85, False)
    (read,) = modern_value("RSI", event)["rtes"]
    assert (read["rteId"], read["eventType"], read["description"]) == (4, 401, ("textString", "roadworks"))
    assert modern_value("RSI", sign)["rtss"][0]["signType"] == 85


def test_vehicle_columns_survive_but_for_what_the_set_has_no_member_for() -> None:
    """Property: position, speed, path history come back; 1 m of semi-major axis becomes the class of 5 m."""
    assert isinstance(SET, Cn2017MessageSet)
    n = 4
    rng = np.random.default_rng(1)
    crumbs = [np.column_stack([rng.uniform(-1e-3, 1e-3, (3, 2)), [0.5, 1.0, 1.5]]) for _ in range(n)]
    columns = VehicleColumns(
        temporary_id=np.arange(n, dtype=np.uint64), msg_count=np.arange(n), sec_mark_ms=np.arange(n) * 100,
        longitude_deg=120.0 + np.arange(n) * 1e-3, latitude_deg=31.0 + np.arange(n) * 1e-3,
        speed_mps=np.array([0.0, 10.0, 20.02, np.nan]), heading_deg=np.array([0.0, 90.0, 180.0, np.nan]),
        semi_major_m=np.full(n, 1.0), semi_minor_m=np.full(n, 1.0), path=PathHistory.from_rows(list(crumbs)),
        length_m=np.full(n, 4.5), width_m=np.full(n, 1.8), vehicle_class=np.full(n, 10),
    )
    octets = SET.encode_vehicles(columns)
    found = SET.decode_vehicles(octets, "strict")
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.latitude_deg, columns.latitude_deg, atol=0.5e-7)
    np.testing.assert_allclose(found.speed_mps, columns.speed_mps, atol=0.01)
    assert found.path is not None
    np.testing.assert_allclose(found.path.d_lon_deg, np.concatenate(crumbs)[:, 0], atol=0.51e-7)
    assert np.isnan(found.semi_major_m).all()
    # 95 % of a circular error of sigma 1 m lie within 2.45 m: the next class is 5 m, code 7.
    assert (found.position_confidence == 7).all()
    assert SET.decode_vehicles([b"", octets[0]], "lenient").status.tolist() == [2, 0]
    assert SET.encode_vehicles(columns) == SET.encode_vehicles_general(columns)


def test_services_and_readers_of_2017_agree() -> None:
    """Property: road, signals, events and road users described in SI go through octets of 2017 and come back."""
    services, readers = SERVICES[SET.family], READERS[SET.family]
    counter = MessageCounter(0)
    unit = UnitDescription(b"RSU00001", LON, LAT)
    ones = np.ones(20)
    told = DetectedObjects(
        LON + ones * np.arange(20) * 1e-4, LAT * ones, 10 * ones, 90 * ones, 4 * ones, 2 * ones, ones, np.arange(1, 21),
        10 * ones.astype(np.int64), 0.3 * ones, UTC_NS,
    )
    path = np.array([[LON, LAT], [LON + 0.001, LAT + 0.001]])
    events = [
        EventDescription(1, "event", 401, LON, LAT, path, 8.0, text="works"),
        EventDescription(2, "sign", 85, LON, LAT, path, 8.0, approach=path[::-1]),
    ]
    forecast = IntersectionForecast(310, 257, (PhaseForecast(1, ("red", "green"), (5.0, 30.0)),))

    def received(message: str, value: dict[str, Any]) -> dict[str, Any]:
        decoded = SET.decode(SET.encode(message, value), "strict")
        assert decoded.status == "ok" and decoded.value is not None, decoded.error
        return decoded.value

    batch = services.objects(unit, told, counter=counter, generated_utc_ns=UTC_NS)
    found = [readers.objects("RSM", received("RSM", value), UTC_NS) for value in batch.values]
    assert sorted(np.concatenate([one.participant_id for one in found]).tolist()) == list(range(1, 21))
    assert (np.concatenate([one.accuracy_m for one in found]) == 1.0).all()
    alerts = services.events(
        unit, events, counter=MessageCounter(126), generated_utc_ns=UTC_NS, encode=SET.encode, max_bytes=1400
    )
    assert [content.value["msgCnt"] for content in alerts] == [126, 127, 0]
    read = [event for content in alerts for event in readers.events("RSI", received("RSI", content.value))]
    assert [(one.kind, one.code, one.text, len(one.paths)) for one in read] == [
        ("event", 401, "works", 1), ("sign", 85, "", 1), ("sign", 85, "", 1),
    ]
    (spat,) = services.signals([forecast], counter=counter, generated_utc_ns=UTC_NS)
    signals = readers.signals(received("SPAT", spat.value), UTC_NS)
    assert signals[310, 257, 1].light_at(UTC_NS + 1_000_000_000) == "red"
    assert signals[310, 257, 1].light_at(UTC_NS + 6_000_000_000) == "green"
    maps = services.maps([junction(lanes=2, arms=3)], counter=counter, encode=SET.encode, max_bytes=1400)
    lanes = [lane for content in maps for lane in readers.lanes(received("MAP", content.value))]
    assert len(lanes) == 6 and all(lane.width_m > 2 for lane in lanes)
    with pytest.raises(ValueError, match="limit 40 bytes"):
        services.events(unit, events, counter=counter, generated_utc_ns=UTC_NS, encode=SET.encode, max_bytes=40)


def random_columns(rng: np.random.Generator, n: int) -> VehicleColumns:
    """Vehicles with every optional member there or not."""
    def some(values: np.ndarray, absent: float) -> np.ndarray:
        return np.where(rng.random(n) < 0.5, values, absent)

    crumbs = [
        np.column_stack([rng.uniform(-0.013, 0.013, (k, 2)) * 10.0 ** -rng.integers(0, 5), rng.uniform(0.01, 99, k)])
        for k in rng.integers(0, 16, n) * (rng.random(n) < 0.5)
    ]
    return VehicleColumns(
        rng.integers(0, 2**63, n).astype(np.uint64), rng.integers(0, 128, n), rng.integers(0, 60_000, n),
        rng.uniform(-179, 179, n), rng.uniform(-89, 89, n), some(rng.uniform(0, 80, n), np.nan),
        some(rng.uniform(0, 359, n), np.nan), rng.uniform(0, 5, n), rng.uniform(0, 40, n), rng.integers(0, 256, n),
        semi_major_m=some(rng.uniform(0, 12, n) ** 2 / 12, np.nan), brake_pedal=rng.integers(0, 3, n),
        height_m=some(rng.uniform(0, 6, n), np.nan), event_flags=rng.integers(0, 0x2000, n) * rng.integers(0, 2, n),
        position_confidence=some(rng.integers(0, 16, n), -1).astype(np.int64),
        lights=some(rng.integers(0, 512, n), -1).astype(np.int64),
        emergency_response=some(rng.integers(0, 7, n), -1).astype(np.int64),
        siren=some(rng.integers(0, 4, n), -1).astype(np.int64), path=PathHistory.from_rows(list(crumbs)),
    )


def same_columns(found: VehicleColumns, wanted: VehicleColumns) -> None:
    for one in fields(VehicleColumns):
        a, b = getattr(found, one.name), getattr(wanted, one.name)
        if one.name == "path":
            for mine, other in zip(a.rows(), b.rows(), strict=True):
                np.testing.assert_allclose(mine, other, rtol=1e-12, equal_nan=True)
        elif a is not None or b is not None:
            good = wanted.status == 0 if one.name != "status" else np.ones(len(wanted.status), bool)
            np.testing.assert_array_equal(np.asarray(a)[good], np.asarray(b)[good], err_msg=one.name)


def test_whole_columns_equal_the_general_codec_message_by_message() -> None:
    """Independent: 1,200 random vehicles give the octets of the general codec; 3,600 messages, damaged ones and number
    plates among them, give its columns."""
    rng = np.random.default_rng(17)
    columns = random_columns(rng, 1200)
    octets = SET.encode_vehicles(columns)
    assert isinstance(SET, Cn2017MessageSet)
    assert octets == SET.encode_vehicles_general(columns)
    messages = list(octets)
    for data in octets:
        damaged = bytearray(data)
        for bit in rng.integers(0, 8 * len(data), rng.integers(1, 4)):
            damaged[bit // 8] ^= 1 << (bit % 8)
        messages.append(bytes(damaged))
    draw = random.Random(5)
    for _ in range(1200):
        value = random_value(draw, BASE["BasicSafetyMessage"], BASE)
        value = {**legacy_values("BSM", value)[0], **({"plateNo": b"SU-A12345"} if draw.random() < 0.5 else {})}
        messages.append(SET.encode("BSM", value))
    for policy in ("lenient", "strict"):
        found = SET.decode_vehicles(messages, policy)  # type: ignore[arg-type]
        same_columns(found, SET.decode_vehicles_general(messages, policy))  # type: ignore[arg-type]
        assert (found.status[:1200] == 0).all() and (found.status[2400:] == 0).all()
