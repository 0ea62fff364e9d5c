"""Typical messages: every kind is there, and its sizes are those of octets that travel."""

from __future__ import annotations

import pytest

from rsu.messages import MESSAGE_SETS
from rsu.messages.detect import detect
from rsu.messages.reference_sizes import REFERENCE_SIZES
from rsu.messages.smallest import smallest_value
from rsu.messages.typical import TypicalSize, typical_messages, typical_sizes
from rsu.network import Source
from rsu.services import SERVICES
from rsu.stack import stack_for


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_every_kind_is_there_and_canonical(name: str) -> None:
    """Property: each message of the codec at least once; octets decode strictly to that message in that set."""
    message_set = MESSAGE_SETS[name]
    typical = typical_messages(message_set)
    assert {one.message for one in typical} == set(message_set.codec.messages)
    for one in typical:
        detection = detect(one.octets)
        assert name in detection.message_sets
        assert detection.readings[name].message == one.message == one.rule.message


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_sizes_are_those_of_packets(name: str) -> None:
    """Independent: the stack's octets, written out with a digest and with a certificate."""
    message_set = MESSAGE_SETS[name]
    native = message_set.native
    stack = stack_for(native.network, native.envelope)
    messages, sizes = typical_messages(message_set), typical_sizes(message_set)
    assert len(messages) == len(sizes)
    for one, size in zip(messages, sizes, strict=True):
        assert (size.message, size.content, size.message_bytes) == (one.message, one.content, len(one.octets))
        if len(one.octets) > 1000:
            continue
        certificate = native.certificate_bytes_obu if one.from_vehicle else native.certificate_bytes_rsu
        assert len(stack.wrap(one.octets, one.rule, Source())) == size.digest_bytes
        assert len(stack.wrap(one.octets, one.rule, Source(), certificate)) == size.certificate_bytes


def size_of(name: str, message: str, content: str) -> TypicalSize:
    """The one typical size whose content begins so."""
    sizes = typical_sizes(MESSAGE_SETS[name])
    (found,) = [size for size in sizes if size.message == message and size.content.startswith(content)]
    return found


@pytest.mark.parametrize(
    ("name", "message", "ours", "theirs"),
    [
        ("csae53-2020", "BSM", "car, no path", "typical, no path history"),
        ("csae53-2020", "BSM", "car, 5 path", "typical, 5 path points"),
        ("csae53-2020", "MAP", "1 node", "1 node, 4 links x 4 lanes, offsets"),
        ("etsi-its", "CAM", "car, no path", "vehicle, as real cars send"),
        ("etsi-its", "CAM", "car, 5 path", "low-frequency container, 5 path points"),
    ],
)
def test_like_situations_weigh_alike_elsewhere(name: str, message: str, ours: str, theirs: str) -> None:
    """Independent: sizes others measured for the nearest situation, within a seventh."""
    (reference,) = [one for one in REFERENCE_SIZES[name] if (one.message, one.content) == (message, theirs)]
    assert size_of(name, message, ours).message_bytes == pytest.approx(reference.message_bytes, rel=1 / 7)


def test_a_chinese_packet_adds_up() -> None:
    """By hand: 5 octets of DSMP and 93 of envelope with a digest (YD/T 3957-2021), 159 more with 165 of certificate."""
    size = size_of("csae53-2020", "BSM", "car, no path")
    assert size.digest_bytes - size.message_bytes == 5 + 93
    assert size.certificate_bytes - size.digest_bytes == 165 - 6


def test_roadside_messages_come_from_the_services_of_the_family() -> None:
    """Property: a set with services tells map, signals, an event, a sign and objects; none is the smallest message."""
    for name, message_set in MESSAGE_SETS.items():
        if message_set.family in SERVICES:
            contents = " ".join(size.content for size in typical_sizes(message_set))
            for part in ("4 phases x 3 states", "4 links x 4 lanes", "road works", "1 sign", "4 cars"):
                assert part in contents, name


def test_messages_of_the_second_phase_come_from_its_services() -> None:
    """By hand: an RTCM of one payload of 200 octets; the others are no smallest messages."""
    sizes = {size.message: size for size in typical_sizes(MESSAGE_SETS["csae157-2020"])}
    # Frame and count in front: extension 1 + 7, length 16, messageId 16, length 16, then msgCnt and the list's head.
    assert 200 + 7 <= sizes["RTCM"].message_bytes <= 200 + 14
    for message in ("VIR", "RSC", "C157-SSM", "RTCM", "PSM"):
        assert sizes[message].content != "mandatory members only"


def test_the_smallest_value_has_nothing_optional() -> None:
    """By hand: TEST of the second phase is its count and one octet; a BSM has the members its table makes mandatory."""
    day_two, day_one = MESSAGE_SETS["csae157-2020"].codec, MESSAGE_SETS["csae53-2020"].codec
    assert smallest_value(*day_two.definition("TEST")) == {"msgCnt": 0, "userData": b"\0"}
    assert list(smallest_value(*day_one.definition("BSM"))) == [
        "msgCnt", "id", "secMark", "pos", "transmission", "speed", "heading", "accelSet", "brakes", "size",
        "vehicleClass",
    ]


def test_reference_sizes_name_messages_of_their_sets() -> None:
    """Property: set and message exist, every row has a source."""
    for name, rows in REFERENCE_SIZES.items():
        for row in rows:
            assert row.message in MESSAGE_SETS[name].codec.messages
            assert row.message_bytes > 0 and row.source.startswith("measured: ")
