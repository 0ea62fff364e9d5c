"""Codec: by-hand octets, error texts, decode policies, bounds."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.codec import MAX_INPUT_BYTES, DecodeError, EncodeError
from rsu.messages import MESSAGE_SETS

SET = MESSAGE_SETS["csae53-2020"]
SMALL = {"msgCnt": 1, "id": b"RSU00001", "refPos": {"lat": 0, "long": 1}}


def octets(bits: str) -> bytes:
    bits = bits.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# From the rules of the frame: extension bit, index 4 of five; marker and three optional members;
# 7-bit count; eight octets; no elevation; latitude + 900000000 in 31 bits; longitude + 1799999999 in 32 bits.
IDENTIFIER = "0101001001010011010101010011000000110000001100000011000000110001"
POSITION = "0" + f"{0x35A4E900:031b}" + f"{0x6B49D200:032b}"
BY_HAND = octets("0 1000 0000000001" + IDENTIFIER + POSITION)


def test_smallest_roadside_message_by_hand() -> None:
    """By hand: bit by bit; 900000000 = 0x35A4E900 and 1800000000 = 0x6B49D200."""
    assert len(BY_HAND) == 18
    assert SET.encode("RSI", SMALL) == BY_HAND
    decoded = SET.decode(BY_HAND, "strict")
    assert (decoded.status, decoded.message, decoded.value) == ("ok", "RSI", SMALL)


def test_optional_member_by_hand() -> None:
    """By hand: with the minute of the year its presence bit is 1 and 20 bits follow the count (0..527040)."""
    by_hand = octets("0 1000 1000000001" + f"{77:020b}" + IDENTIFIER + POSITION)
    assert SET.encode("RSI", {**SMALL, "moy": 77}) == by_hand


@pytest.mark.parametrize(
    ("message", "value", "words"),
    [
        ("RSI", {**SMALL, "msgCnt": 128}, ("msgCnt", "0 and 127", "128")),
        ("RSI", {**SMALL, "id": b"short"}, ("id", "8", "5")),
        ("RSI", {**SMALL, "rtes": []}, ("rtes", "1 and 8", "0")),
        ("RSI", {**SMALL, "refPos": {"lat": 0, "lon": 1}}, ("refPos.lon", "no such member")),
        ("RSI", {**SMALL, "extra": 1}, ("extra", "no such member")),
        ("RSI", {"msgCnt": 1}, ("id",)),
        ("RSI", {**SMALL, "refPos": {"lat": 0.5, "long": 1}}, ("refPos.lat", "0.5")),
        ("RSI", None, ("mapping", "None")),
        ("CAM", SMALL, ("CAM", "BSM, MAP, RSM, SPAT, RSI")),
    ],
)
def test_values_outside_the_set_are_refused_in_one_line(
    message: str, value: object, words: tuple[str, ...]
) -> None:
    """Property: an EncodeError names member, value and rule; nothing is cut to its field width."""
    with pytest.raises(EncodeError) as caught:
        SET.encode(message, value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_unknown_kind_of_message_is_skipped() -> None:
    """By hand: first bit 1 = extension alternative of the frame (Day II), index 0, length 1, one octet."""
    for policy in ("lenient", "strict"):
        decoded = SET.decode(bytes([0x80, 0x01, 0xFF]), policy)
        assert (decoded.status, decoded.message, decoded.value) == ("skipped", None, None)


def test_policies_differ_on_trailing_octets_padding_and_range() -> None:
    """Property: lenient reads all three, strict refuses each with its reason."""
    trailing = BY_HAND + b"\x00"
    padded = BY_HAND[:-1] + bytes([BY_HAND[-1] | 1])
    far_north = bytearray(SET.encode("RSI", {**SMALL, "refPos": {"lat": 900000001, "long": 1}}))
    far_north[13] |= 0x0F
    for data, reason in ((trailing, "1 trailing octets"), (padded, "differs"), (bytes(far_north), "between")):
        assert SET.decode(data, "lenient").status == "ok"
        strict = SET.decode(data, "strict")
        assert strict.status == "error"
        assert reason in strict.error


@pytest.mark.parametrize("data", [b"", b"\x40", bytes(MAX_INPUT_BYTES + 1), None, "text", 3])
def test_what_cannot_be_a_message_is_an_error_result(data: object) -> None:
    """Property: no exception for empty, cut, overlong or non-octet input."""
    decoded = SET.decode(data)
    assert decoded.status == "error"
    assert decoded.error and "\n" not in decoded.error


def test_hostile_length_fields_cost_no_memory() -> None:
    """Property: extension additions that announce 64 of 16 kB each end in an error, not in an allocation."""
    hostile = octets("0 100 1 000" + "0000001" + "0" * 128 + "1" * 64000)
    assert SET.decode(hostile[:8000]).status == "error"


def test_random_octets_never_raise() -> None:
    """Property: 3000 random inputs under both policies."""
    generator = np.random.default_rng(7)
    for _ in range(1500):
        data = generator.bytes(int(generator.integers(0, 200)))
        assert {SET.decode(data, policy).status for policy in ("lenient", "strict")} <= {
            "ok",
            "skipped",
            "error",
        }


def test_unknown_policy_is_refused() -> None:
    """By hand: a typo in a profile must not silently mean lenient."""
    with pytest.raises(ValueError, match="policy: 'lax'"):
        SET.decode(b"\x00", "lax")


def test_undescribe_names_what_is_wrong() -> None:
    """By hand: one wrong form each."""
    good = SET.describe(SET.decode(BY_HAND))
    for change, text in (
        ({"id": "xyz"}, "RSI.id"),
        ({"refPos": [1]}, "RSI.refPos"),
        ({"foo": 1}, "RSI.foo"),
        ({"rtss": {}}, "RSI.rtss"),
    ):
        with pytest.raises(DecodeError, match=text):
            SET.undescribe({**good, "value": {**good["value"], **change}})
    with pytest.raises(DecodeError, match="message"):
        SET.undescribe({"message": None})


@pytest.mark.parametrize(("member", "value"), [("light", None), ("timing", (None, None))])
def test_an_unknown_extension_inside_a_message_is_skipped_and_said(member: str, value: object) -> None:
    """By hand: the extension bit of LightState, or of TimeChangeDetails, is set in a SPAT; lenient says *skipped* and
    gives the rest, strict refuses."""
    message_set = MESSAGE_SETS["csae53-2020"]
    state = {"light": "red", "timing": ("counting", {"startTime": 0, "likelyEndTime": 10})}
    phase = {"id": 1, "phaseStates": [state]}
    intersection = {"intersectionId": {"id": 300}, "status": (bytes(2), 16), "phases": [phase]}
    octets = message_set.encode("SPAT", {"msgCnt": 0, "intersections": [intersection]})
    found = []
    for bit in range(8 * len(octets)):
        changed = bytearray(octets + bytes(16))
        changed[bit // 8] ^= 0x80 >> bit % 8
        decoded = message_set.decode(bytes(changed))
        if decoded.status == "skipped" and decoded.value is not None:
            states = decoded.value["intersections"][0]["phases"][0]["phaseStates"]
            found += [bit] if any(one.get(member) == value and member in one for one in states) else []
            assert "unknown" in decoded.error and message_set.decode(bytes(changed), "strict").status == "error"
    assert found


@pytest.mark.parametrize(("change", "text"), [
    ({"transmission": "nope"}, "BSM.transmission: 'nope' is none of its names"),
    ({"speed": "fast"}, "BSM.speed: 'fast' is no whole number"),
    ({"speed": True}, "BSM.speed: True is no whole number"),
    ({"speed": 9000}, "speed"),
    ({"pos": {"lat": 1}}, "BSM.pos.long: is missing and must be there"),
    ({"size": 3}, "BSM.size: 3 is no mapping of members"),
    ({"colour": 1}, "BSM.colour: no such member in this message set"),
])
def test_encoding_names_the_member_and_the_rule(change: dict, text: str) -> None:
    """By hand: one wrong member in an otherwise good BSM."""
    good = SET.decode(bytes.fromhex(A_BSM)).value
    assert good is not None
    with pytest.raises(EncodeError) as error:
        SET.encode("BSM", {**good, **change})
    assert text in str(error.value)


A_BSM = "02a0000000000000000000000907b4e016639527ffffffffe87d07083f7e87e8401ffff81005a0f001427fff0000"
