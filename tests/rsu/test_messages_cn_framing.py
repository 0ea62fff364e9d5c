"""Framing of the Chinese sets: extension frame of Day II, and what the sets have in common on the wire."""

from __future__ import annotations

from typing import Any

import pytest

from rsu.codec import MAX_INPUT_BYTES, EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import SERVICE_CLASSES
from tests.rsu.cn_facts import DAY_TWO, FACTS, random_messages

DAY_TWO_SET = MESSAGE_SETS["csae157-2020"]
CSAE53, YDT3709 = MESSAGE_SETS["csae53-2020"], MESSAGE_SETS["ydt3709-2020"]
TEST_VALUE: dict[str, Any] = {"msgCnt": 5, "userData": b"\xab\xcd"}
# 7-bit count; 11 bits of size 2 - 1 (1..2048); two octets: 34 bits, padded to 5 octets.
TEST_BITS = "0000101" + "00000000001" + "1010101111001101"
TEST_INNER = int(TEST_BITS.ljust(40, "0"), 2).to_bytes(5, "big")


def extension(number: int, inner: bytes) -> bytes:
    """By the rules: extension bit, index 0 in seven bits, length, marker bit, 15-bit messageId, length, octets."""
    assert len(inner) < 124
    return bytes([0x80, len(inner) + 3]) + number.to_bytes(2, "big") + bytes([len(inner)]) + inner


def test_smallest_extension_message_by_hand() -> None:
    """By hand: the test message bit by bit; messageId 0."""
    by_hand = extension(0, TEST_INNER)
    assert by_hand == bytes.fromhex("8008000005" + TEST_INNER.hex())
    assert DAY_TWO_SET.encode("TEST", TEST_VALUE) == by_hand
    decoded = DAY_TWO_SET.decode(by_hand, "strict")
    assert (decoded.status, decoded.message, decoded.value) == ("ok", "TEST", TEST_VALUE)
    assert DAY_TWO_SET.undescribe(DAY_TWO_SET.describe(decoded)) == ("TEST", TEST_VALUE)


def test_every_extension_message_carries_its_identifier() -> None:
    """By hand: octet 0 is 0x80, then a length; the two octets behind it are the messageId of the facts."""
    seen = set()
    for message, value in random_messages("csae157-2020", 6, 70):
        data = DAY_TWO_SET.encode(message, value)
        if message in DAY_TWO:
            behind_length = 2 if data[1] < 0x80 else 3
            assert data[0] == 0x80
            number = int.from_bytes(data[behind_length : behind_length + 2], "big")
            assert number == FACTS["ext_message_ids"][DAY_TWO[message]]
            seen.add(message)
        else:
            assert data[0] < 0x50, "root alternative: first bit 0, index 0..4 in three bits"
    assert seen == set(DAY_TWO)


@pytest.mark.parametrize("policy", ["lenient", "strict"])
def test_unknown_kinds_are_skipped(policy: str) -> None:
    """By hand: messageId 99 and index 1 behind the frame's marker are none of the set; a Day I set knows none."""
    for data in (extension(99, b"\x00"), extension(32767, b""), bytes([0x81, 0x01, 0xFF])):
        assert DAY_TWO_SET.decode(data, policy).status == "skipped"  # type: ignore[arg-type]
    for message_set in (CSAE53, YDT3709, MESSAGE_SETS["csae53-2017"]):
        assert message_set.decode(extension(0, TEST_INNER), policy).status == "skipped"  # type: ignore[arg-type]


def test_strict_decoding_looks_inside_the_open_type() -> None:
    """By hand: trailing octets and padding bits of the inner message pass leniently and are errors strictly."""
    padded = TEST_INNER[:-1] + bytes([TEST_INNER[-1] | 1])
    for inner in (TEST_INNER + b"\x00", padded):
        data = extension(0, inner)
        assert DAY_TWO_SET.decode(data, "lenient").value == TEST_VALUE
        assert DAY_TWO_SET.decode(data, "strict").status == "error"
    assert DAY_TWO_SET.decode(extension(0, TEST_INNER[:2]), "lenient").status == "error"
    assert DAY_TWO_SET.decode(extension(0, TEST_INNER) + b"\x00", "strict").error == "1 trailing octets"


def test_values_outside_the_set_are_refused_with_the_member_named() -> None:
    """Property: checks reach into the open type; a message longer than a decoder reads is refused."""
    for value, words in (
        ({**TEST_VALUE, "msgCnt": 128}, "msgCnt"), ({**TEST_VALUE, "extra": 1}, "TEST.extra"),
        ({"msgCnt": 1}, "userData"),
    ):
        with pytest.raises(EncodeError, match=words):
            DAY_TWO_SET.encode("TEST", value)
    with pytest.raises(EncodeError, match="SSM"):
        DAY_TWO_SET.encode("SSM", {})
    correction = {"payload": bytes(2047)}
    with pytest.raises(EncodeError, match=str(MAX_INPUT_BYTES)):
        DAY_TWO_SET.encode("RTCM", {"msgCnt": 0, "corrections": [correction] * 5})
    assert len(DAY_TWO_SET.encode("RTCM", {"msgCnt": 0, "corrections": [correction] * 3})) > 6141


def strip_positions(value: Any) -> Any:
    """The value without initialPosition, whose type differs between the Day I sets."""
    if isinstance(value, dict):
        return {name: strip_positions(inner) for name, inner in value.items() if name != "initialPosition"}
    if isinstance(value, tuple):
        return tuple(strip_positions(inner) for inner in value)
    return [strip_positions(inner) for inner in value] if isinstance(value, list) else value


def test_bsm_rsm_and_spat_are_the_same_octets_in_the_sets_of_2020() -> None:
    """Printed: table of differences of the facts; 300 random messages without initialPosition."""
    compared = 0
    for message, value in random_messages("csae53-2020", 7, 500):
        if message in ("BSM", "RSM", "SPAT"):
            value = strip_positions(value)
            octets = CSAE53.encode(message, value)
            assert octets == YDT3709.encode(message, value) == DAY_TWO_SET.encode(message, value)
            compared += 1
    assert compared == 300


def test_every_map_differs_between_the_day_one_sets() -> None:
    """Printed: 5 instead of 6 bits of node count move everything behind it."""
    for message, value in random_messages("ydt3709-2020", 8, 300):
        if message == "MAP":
            try:
                other = CSAE53.encode("MAP", value)
            except EncodeError:
                continue
            octets = YDT3709.encode("MAP", value)
            assert octets != other
            assert CSAE53.decode(octets, "lenient").value != value


def path_of(points: int) -> dict[str, Any]:
    point = {"offsetLL": ("position-LL1", {"lon": 5, "lat": 7})}
    paths = [{"activePath": [point] * points, "pathRadius": 20}]
    event = {"rteId": 1, "eventType": 2, "eventSource": "unknown", "referencePaths": paths}
    return {"msgCnt": 1, "id": bytes(8), "refPos": {"lat": 0, "long": 0}, "rtes": [event]}


def test_an_rsi_with_a_path_misreads_by_one_point_and_one_without_does_not() -> None:
    """By hand: 1..32 and 2..32 points both take five bits, so n points of one set read as one more or less."""
    octets = YDT3709.encode("RSI", path_of(2))
    misread = CSAE53.decode(octets, "lenient")
    assert misread.value is None or misread.value != path_of(2)
    count_bits = CSAE53.encode("RSI", path_of(1))
    # Same count bits; the second point follows where the other set expects the radius.
    assert octets[:24] == count_bits[:24]
    with pytest.raises(EncodeError, match="activePath"):
        YDT3709.encode("RSI", path_of(1))
    plain = path_of(2)
    del plain["rtes"][0]["referencePaths"]
    assert CSAE53.encode("RSI", plain) == YDT3709.encode("RSI", plain) == DAY_TWO_SET.encode("RSI", plain)


def test_a_day_one_receiver_reads_nodes_and_signs_with_additions_and_drops_these() -> None:
    """Property: additions are skipped leniently and refused strictly; Day II itself reads them."""
    sign = {"rtsId": 1, "signType": 2, "auxiliarySign": {"signDirection": "left"}}
    value = {"msgCnt": 1, "id": bytes(8), "refPos": {"lat": 0, "long": 0}, "rtss": [sign]}
    octets = DAY_TWO_SET.encode("RSI", value)
    assert DAY_TWO_SET.decode(octets, "strict").value == value
    seen = YDT3709.decode(octets, "lenient").value
    assert seen is not None and seen["rtss"] == [{"rtsId": 1, "signType": 2}]
    assert (YDT3709.decode(octets).status, DAY_TWO_SET.decode(octets).status) == ("skipped", "ok")
    assert YDT3709.decode(octets, "strict").status == "error"
    zone = {"centralCircleProhibitedZone": [{"offsetLL": ("position-LL1", {"lon": i, "lat": i})} for i in range(4)]}
    node = {"id": {"id": 300}, "refPos": {"lat": 0, "long": 0}, "prohibitedzone": zone}
    map_octets = DAY_TWO_SET.encode("MAP", {"msgCnt": 0, "nodes": [node]})
    assert DAY_TWO_SET.decode(map_octets, "strict").value == {"msgCnt": 0, "nodes": [node]}
    assert YDT3709.decode(map_octets).status == "skipped" and "unknown" in YDT3709.decode(map_octets).error
    old = YDT3709.decode(map_octets, "lenient").value
    assert old is not None and set(old["nodes"][0]) == {"id", "refPos"}


def test_every_message_of_every_chinese_set_has_a_rule() -> None:
    """Property: names agree. Printed: Day II periods and delays of the second-phase application table."""
    for message_set in MESSAGE_SETS.values():
        if message_set.family.startswith("cn"):
            assert {rule.message for rule in message_set.messages.values()} == set(message_set.codec.messages)
            assert all(rule.service in ("", *SERVICE_CLASSES) for rule in message_set.messages.values())
    printed = {
        "C157-SSM": (100, 100), "RSC": (100, 50), "RTCM": (1000, 500), "PSM": (100, 100), "VIR": (100, 50),
        "PAM": (500, 100), "C157-CPM": (100, 50), "VPM": (1000, 100),
    }
    rules = DAY_TWO_SET.messages
    assert {name: (rules[name].period_ms, rules[name].budget_ms) for name in printed} == printed
    numbers = ["PAM", "C157-CPM", "PSM", "RSC", "RTCM", "C157-SSM", "VIR", "VPM", "TEST"]
    assert [rules[name].application_id for name in numbers] == list(range(18, 27))
    assert all("unverified" in rules[name].note and rules[name].layer2_id is None for name in numbers)
    assert rules["C157-SSM"].service == "RSM"
