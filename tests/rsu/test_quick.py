"""Code written for types against the general codec: octets, values, and what it leaves alone."""

from __future__ import annotations

import random

import pytest

from rsu.bounded import at_most
from rsu.codec import ChoiceCodec, EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.quick import CHECKED, QuickFrame
from tests.rsu.schema_values import KINDS, Values

DAY_ONE = [
    (name, message) for name, message in KINDS
    if isinstance(codec := MESSAGE_SETS[name].codec, ChoiceCodec) and message in codec.alternatives
]


def general(codec: ChoiceCodec, octets: bytes) -> object:
    try:
        return codec.schema.specification.decode(codec.frame, octets)
    except Exception:
        return None


@pytest.mark.parametrize(("name", "message"), DAY_ONE)
def test_random_messages_and_damaged_ones(name: str, message: str) -> None:
    """Independent (asn1tools): where this path speaks it says the same, packed, read, and read from damaged octets."""
    codec = MESSAGE_SETS[name].codec
    draw = random.Random(f"{name}/{message}")
    values, packed, read = Values(name, message, draw), 0, 0
    for _ in range(40):
        value = values.message_value()
        octets = codec._pack_checked(message, value)
        ours = codec._pack_quickly(message, value)
        assert ours in (None, octets)
        packed += ours is not None
        damaged = bytearray(octets)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        for data in (octets, octets + b"\x00", bytes(damaged), octets[: draw.randrange(1, len(octets) + 1)]):
            found, wanted = codec._unpack_quickly(data), general(codec, data)
            if found is not None:
                assert wanted is not None and found == (codec._names[wanted[0]], wanted[1])
                read += 1
    assert packed > 10 and read > 20


@pytest.mark.parametrize(
    "change", [{"msgCnt": 128}, {"msgCnt": True}, {"msgCnt": "1"}, {"id": b"1234567"}, {"other": 1}, {"refPos": None}]
)
def test_wrong_values_have_the_errors_of_the_general_codec(change: dict) -> None:
    """Property: a value that does not fit is refused with a line that names the member, however often it comes."""
    message_set = MESSAGE_SETS["csae53-2020"]
    value = {
        "msgCnt": 1, "id": b"12345678", "refPos": {"lat": 311234567, "long": 1211234567},
        "participants": [],
    }
    participant = {
        "ptcType": "motor", "ptcId": 1, "source": "video", "secMark": 10, "pos": {"offsetLL": ("position-LL1", {
            "lon": 1, "lat": 2})}, "posConfidence": {"pos": "unavailable"}, "speed": 0, "heading": 0,
        "size": {"width": 0, "length": 0},
    }
    value["participants"] = [participant]
    for _ in range(CHECKED + 2):
        message_set.encode("RSM", value)
    for _ in range(2):
        with pytest.raises(EncodeError, match=next(iter(change))):
            message_set.encode("RSM", value | change)


def test_a_path_that_differs_is_not_used() -> None:
    """Property: one disagreement with the general codec, and a kind of message goes there for good."""
    codec = MESSAGE_SETS["csae53-2020"].codec
    value = Values("csae53-2020", "RSM", random.Random(3)).message_value()
    octets = codec._pack_checked("RSM", value)
    frame = QuickFrame(codec.schema.specification.types[codec.frame]._type)
    outer = (codec.alternatives["RSM"], value)
    assert frame.encode(outer, "RSM", lambda: octets + b"\x00") is None
    assert frame.encode(outer, "RSM", lambda: octets) is None
    assert frame.encode(outer, "another", lambda: octets) == octets
    assert frame.decode(octets, 2800, lambda: None) is None
    assert frame.decode(octets, 2800, lambda: outer) is None


def test_what_may_cost_too_much_is_left_to_the_decoder_that_counts() -> None:
    """By hand: with three reads allowed, no list of participants is read here, and the counting decoder refuses it."""
    message_set = MESSAGE_SETS["csae53-2020"]
    octets = Values("csae53-2020", "RSM", random.Random(3)).octets()
    assert message_set.decode(octets).status == "ok"
    with at_most(3):
        assert message_set.codec._unpack_quickly(octets) is None
        assert message_set.decode(octets).status == "error"


@pytest.mark.parametrize(("writer", "reader"), [
    ("csae53-2017", "csae53-2020"), ("csae53-2020", "csae53-2017"), ("ydt3709-2020", "csae53-2017"),
    ("csae53-2020", "csae53-2020"),
])
def test_what_is_refused_for_certain_is_an_error(writer: str, reader: str) -> None:
    """Independent (asn1tools): messages of another set, whole, cut and damaged, under both policies; more than a
    quarter of all errors is found this way."""
    draw = random.Random(f"{writer}/{reader}")
    codec = MESSAGE_SETS[reader].codec
    refused = errors = 0
    for message in ("BSM", "MAP", "SPAT", "RSI", "RSM"):
        values = Values(writer, message, draw)
        source = MESSAGE_SETS[writer].codec
        for _ in range(15):
            whole = source.encode(message, values.message_value())
            damaged = bytearray(whole)
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
            for data in (whole, whole[: draw.randrange(len(whole))], bytes(damaged)):
                wrong = codec.decode(data).status == "error"
                found = codec.refuses(data)
                assert not found or (wrong and codec.decode(data, "strict").status == "error")
                errors, refused = errors + wrong, refused + found
    assert refused > errors / 4 > 8
