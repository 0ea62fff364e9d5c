"""SSM and RTCM: detected road users and corrections to octets and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsu.applications.day2.sensors import read_detected_areas, read_rtcm, read_ssm
from rsu.messages import MESSAGE_SETS
from rsu.services.counter import MessageCounter
from rsu.services.day2.c157_ssm import build_ssm
from rsu.services.day2.described import Correction
from rsu.services.day2.rtcm import build_rtcm, split_rtcm_stream
from tests.rsu.day2_cases import NEAR_NS, SET, UNIT, objects, through
from tests.rsu.service_cases import LAT, LON, UTC_NS


def encode(value: dict) -> bytes:
    return SET.encode("C157-SSM", value)


@pytest.mark.parametrize("participant_type", ["motor", "pedestrian", "non-motor", "unknown"])
def test_objects_come_back_within_the_steps_of_the_set(participant_type: str) -> None:
    """Property: 60 random objects; positions 1e-7 degree, speed 0.02 m/s, heading 0.0125 degree, sizes 0.01 m."""
    told = objects(60, np.random.default_rng(3), participant_type)
    batch = build_ssm(UNIT, told, counter=MessageCounter(9), generated_utc_ns=UTC_NS + 30_000_000)
    assert (batch.message, batch.left_out_count, len(batch.values)) == ("C157-SSM", 0, 1)
    (rows,) = batch.rows
    assert sorted(rows.tolist()) == list(range(60))
    value = through("C157-SSM", batch.values[0])
    assert value["equipmentType"] == "rsu" and value["sensorPos"]["elevation"] == 120
    found = read_ssm(value, NEAR_NS)
    np.testing.assert_allclose(found.lon, told.lon[rows], atol=0.51e-7, rtol=0)
    np.testing.assert_allclose(found.lat, told.lat[rows], atol=0.51e-7, rtol=0)
    np.testing.assert_allclose(found.speed_mps, told.speed_mps[rows], atol=0.0101, rtol=0)
    np.testing.assert_allclose(found.heading_deg, told.heading_deg[rows], atol=0.00626, rtol=0)
    np.testing.assert_allclose(found.length_m, told.length_m[rows], atol=0.00501, rtol=0)
    np.testing.assert_array_equal(found.participant_id, told.participant_id[rows])
    assert (found.sampled_utc_ns == UTC_NS // 1_000_000 * 1_000_000).all()
    kind = {item.get("detectedPTCType") for item in value["participants"]}
    assert kind == {participant_type if participant_type in ("pedestrian", "unknown") else None}


def test_nearest_come_first_and_the_limit_holds() -> None:
    """Property: no message beyond 1,200 octets, none with room for one more, order by distance, nothing lost."""
    told = objects(300, np.random.default_rng(4))
    batch = build_ssm(
        UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=encode, max_bytes=1200
    )
    sizes = [len(encode(value)) for value in batch.values]
    assert max(sizes) <= 1200
    for value, following in zip(batch.values, batch.values[1:], strict=False):
        longer = {**value, "participants": [*value["participants"], following["participants"][0]]}
        assert len(encode(longer)) > 1200
    order = np.concatenate(batch.rows)
    assert sorted(order.tolist()) == list(range(300))
    east = (told.lon[order] - LON) * np.cos(np.radians(LAT))
    distance = np.hypot(east, told.lat[order] - LAT)
    assert (np.diff(distance) > -1e-9).all()
    capped = build_ssm(
        UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=encode, max_bytes=1200, max_messages=2
    )
    assert len(capped.values) == 2
    assert capped.left_out_count == 300 - sum(len(rows) for rows in capped.rows)


def test_an_empty_scene_still_says_that_the_sensor_lives() -> None:
    """By hand: one message without participants; areas of four corners come back."""
    area = np.array([[LON, LAT], [LON + 1e-3, LAT], [LON + 1e-3, LAT + 1e-3], [LON, LAT + 1e-3]])
    none = objects(0, np.random.default_rng(0))
    batch = build_ssm(UNIT, none, counter=MessageCounter(0), generated_utc_ns=UTC_NS, detected_areas=[area])
    (value,) = batch.values
    assert "participants" not in value and len(batch.rows[0]) == 0
    received = through("C157-SSM", value)
    assert len(read_ssm(received, NEAR_NS)) == 0
    (found,) = read_detected_areas(received)
    np.testing.assert_allclose(found, area, atol=0.51e-7, rtol=0)


def test_an_object_costs_less_in_an_rsm_than_in_an_ssm() -> None:
    """By hand: the same participant, 12 bits of wrapping more (two markers, ten presence bits)."""
    told = objects(2, np.random.default_rng(1))
    value = build_ssm(UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS).values[0]
    participants = [item["ptc"] for item in value["participants"]]
    rsm = {"msgCnt": 0, "id": UNIT.unit_id, "refPos": value["sensorPos"], "participants": participants}
    assert MESSAGE_SETS["ydt3709-2020"].decode(SET.encode("RSM", rsm), "strict").value == rsm
    one = {**value, "participants": value["participants"][:1]}
    bits = 8 * (len(encode(value)) - len(encode(one)))
    alone = {**rsm, "participants": participants[:1]}
    rsm_bits = 8 * (len(SET.encode("RSM", rsm)) - len(SET.encode("RSM", alone)))
    assert abs(bits - rsm_bits - 11) <= 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"participant_id": np.array([1, 1, 2])}, "must differ"),
        ({"participant_id": np.array([0, 1, 2])}, "1..65535"),
        ({"participant_type": "tram"}, "'tram'"),
        ({"source": "gossip"}, "'gossip'"),
    ],
)
def test_objects_beyond_the_set_are_refused(changes: dict, words: str) -> None:
    """Property: a ValueError names member and rule."""
    told = replace(objects(3, np.random.default_rng(2)), **changes)
    with pytest.raises(ValueError, match=words):
        build_ssm(UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS)


def test_limits_that_leave_no_room_are_refused() -> None:
    """Property: areas of the wrong size, a limit below one object, no message at all."""
    told, square = objects(3, np.random.default_rng(2)), np.zeros((4, 2))
    for changes, words in (
        ({"detected_areas": [square[:3]]}, "3 corners"),
        ({"detected_areas": [square] * 9}, "9 detected areas"),
        ({"encode": encode, "max_bytes": 40}, "40 bytes"),
        ({"max_messages": 0}, "at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            build_ssm(UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS, **changes)


def frame(number: int, body_bytes: int) -> bytes:
    """An RTCM 3 frame: preamble, six zero bits, ten bits of length, body that starts with its number, parity."""
    body = (number << 4).to_bytes(2, "big") + bytes(body_bytes - 2)
    return b"\xd3" + len(body).to_bytes(2, "big") + body + b"\x01\x02\x03"


def test_rtcm_stream_by_hand() -> None:
    """By hand: numbers 1005 and 1077 behind noise; an unfinished frame waits."""
    first, second = frame(1005, 19), frame(1077, 200)
    found = split_rtcm_stream(b"\x00\xff" + first + second + frame(1087, 100)[:-1])
    assert [(c.number, c.payload) for c in found] == [(1005, first), (1077, second)]
    assert split_rtcm_stream(b"") == split_rtcm_stream(b"\xd3") == split_rtcm_stream(b"\xd3\x00") == []
    assert split_rtcm_stream(bytes([0xD3, 0, 0, 1, 2, 3]))[0].number is None


def test_corrections_come_back_in_order_and_within_the_limit() -> None:
    """Property: random payloads of 1 to 1,029 octets over several messages; octets, numbers and revision unchanged."""
    rng = np.random.default_rng(8)
    sent = [
        Correction(rng.bytes(int(rng.integers(1, 1030))), int(rng.integers(0, 32_768)) if rng.random() < 0.7 else None,
                   str(rng.choice(["", "rtcmRev3-2", "rtcmRev3-1", "unknown"])))
        for _ in range(60)
    ]
    for max_bytes in (None, 1400):
        values = build_rtcm(sent, counter=MessageCounter(100), max_bytes=max_bytes)
        octets = [SET.encode("RTCM", value) for value in values]
        if max_bytes is not None:
            assert max(map(len, octets)) <= max_bytes
        assert max(len(value["corrections"]) for value in values) <= 5
        assert [c for value in values for c in read_rtcm(through("RTCM", value))] == sent
    assert build_rtcm([], counter=MessageCounter(0)) == []


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        (Correction(b""), "0 octets"),
        (Correction(bytes(2048)), "2048 octets"),
        (Correction(b"x", 32_768), "32768"),
        (Correction(bytes(1390)), "1400 bytes"),
    ],
)
def test_corrections_beyond_the_set_are_refused(correction: Correction, words: str) -> None:
    """Property: a ValueError names payload or number and the rule."""
    with pytest.raises(ValueError, match=words):
        build_rtcm([correction], counter=MessageCounter(0), max_bytes=1400 if len(correction.payload) == 1390 else None)
