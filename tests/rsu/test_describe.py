"""JSON forms of messages: every value of every set comes back, and what is wrong is named."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from rsu.codec import DecodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.describe import from_plain, to_plain
from tests.rsu.schema_values import KINDS, Values

CN = MESSAGE_SETS["csae53-2020"]
SCHEMA = CN.codec.definition("BSM")[0]
BSM = bytes.fromhex(
    "02a0000000000000000000000907b4e016639527ffffffffe87d07083f7e87e8401ffff81005a0f001427fff0000"
)


def check_round_trip(name: str, message: str, seed: int, count: int) -> None:
    message_set, draw = MESSAGE_SETS[name], random.Random(f"{seed} {name} {message}")
    values = Values(name, message, draw)
    for _ in range(count):
        octets = values.octets()
        decoded = message_set.decode(octets, "strict")
        assert decoded.status == "ok", decoded.error
        described = json.loads(json.dumps(message_set.describe(decoded)))
        assert message_set.undescribe(described) == (message, decoded.value)
        assert message_set.encode(*message_set.undescribe(described)) == octets


@pytest.mark.parametrize(("name", "message"), KINDS)
def test_every_kind_of_every_set_comes_back(name: str, message: str) -> None:
    """Property: decode, describe, JSON, undescribe, encode is the identity on random canonical messages."""
    check_round_trip(name, message, 1, 12)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "message"), KINDS)
def test_many_of_every_kind_of_every_set_come_back(name: str, message: str) -> None:
    """Property: the same with many more."""
    check_round_trip(name, message, 2, 150)


@pytest.mark.parametrize(
    ("definition", "value", "plain"),
    [
        ({"type": "BIT STRING", "size": [(1, 13)]}, (b"\x80", 1), "1"),
        ({"type": "BIT STRING", "size": [(1, 13)]}, (b"\x80\x00", 13), "1000000000000"),
        ({"type": "BIT STRING", "size": [(1, 13)]}, (b"\xa0", 4), "1010"),
        ({"type": "BIT STRING"}, (b"", 0), ""),
        ({"type": "BIT STRING", "size": [3, None], "named-bits": [("a", "0"), ("c", "2")]}, (b"\xe0", 3),
         ["a", "bit1", "c"]),
        ({"type": "BIT STRING", "size": [3, None], "named-bits": [("a", "0")]}, (b"\xd0", 4), "1101"),
        ({"type": "BIT STRING", "size": [8]}, (b"\x00", 8), []),
        ({"type": "OCTET STRING"}, b"\x00\xff", "00ff"),
        ({"type": "OCTET STRING"}, b"", ""),
        ({"type": "CHOICE", "members": [{"name": "n", "type": "NULL"}, None, {"name": "i", "type": "INTEGER"}]},
         ("n", None), {"n": None}),
        ({"type": "CHOICE", "members": [{"name": "n", "type": "NULL"}, None, {"name": "i", "type": "INTEGER"}]},
         ("i", 2**70), {"i": 2**70}),
        ({"type": "SEQUENCE", "members": [{"name": "a", "type": "BOOLEAN"}, None,
                                          [{"name": "b", "type": "INTEGER"}, {"name": "c", "type": "INTEGER"}]]},
         {"a": True, "b": 1, "c": 2}, {"a": True, "b": 1, "c": 2}),
        ({"type": "SEQUENCE", "members": [None, {"name": "b", "type": "INTEGER"}]}, {}, {}),
    ],
)
def test_forms_of_types(definition: dict[str, Any], value: Any, plain: Any) -> None:
    """By hand: lengths that vary, flags without a name, sizes beyond the root, NULL, additions, both ways."""
    assert to_plain(SCHEMA, definition, value) == plain
    assert from_plain(SCHEMA, definition, json.loads(json.dumps(plain)), "x") == value


def test_open_types_are_told_by_their_type_or_as_octets() -> None:
    """By hand: the second part of a J2735 BSM: one of a known kind, one that no type is known for."""
    message_set = MESSAGE_SETS["sae-j2735"]
    values = Values("sae-j2735", "BSM", random.Random(1))
    parts = [
        {"partII-Id": 0, "partII-Value": {"lights": (b"\x80\x00", 9)}},
        {"partII-Id": 17, "partII-Value": b"\x12\x34"},
    ]
    octets = message_set.encode("BSM", {**values.message_value(), "partII": parts})
    described = message_set.describe(message_set.decode(octets, "strict"))
    first, second = described["value"]["partII"]
    assert first["partII-Value"] == {"lights": ["lowBeamHeadlightsOn"]}
    assert second == {"partII-Id": 17, "partII-Value": "1234"}
    assert message_set.encode(*message_set.undescribe(described)) == octets


@pytest.mark.parametrize(
    ("path", "member", "rule"),
    [
        (("speed",), True, "BSM.speed: True must be a whole number"),
        (("speed",), 1.0, "BSM.speed: 1.0 must be a whole number"),
        (("speed",), "1", "BSM.speed: '1' must be a whole number"),
        (("speed",), None, "BSM.speed: None must be a whole number"),
        (("spede",), 1, "BSM.spede: no such member in this message set; did you mean 'speed'?"),
        (("pos",), {"lat": 1}, "BSM.pos.long: is missing and must be there"),
        (("pos",), [1], "BSM.pos: [1] must be an object"),
        (("pos", "lat"), "x" * 500, "BSM.pos.lat: 'xxx"),
        (("id",), "0g", "BSM.id: '0g' must be hexadecimal octets"),
        (("id",), 7, "BSM.id: 7 must be hexadecimal octets"),
        (("transmission",), "forwardGear", "BSM.transmission: 'forwardGear' is no value of the enumeration; did you "
         "mean 'forwardGears'?"),
        (("transmission",), 3, "BSM.transmission: 3 is no value of the enumeration; one of neutral, park"),
        (("brakes", "wheelBrakes"), ["leftFrond"], "BSM.brakes.wheelBrakes: no flag 'leftFrond'; did you mean "
         "'leftFront'?"),
        (("brakes", "wheelBrakes"), [["a"]], "BSM.brakes.wheelBrakes: no flag ['a']"),
        (("brakes", "wheelBrakes"), "012", "BSM.brakes.wheelBrakes: '012' must be text of binary digits"),
        (("safetyExt",), {"lights": 3}, "BSM.safetyExt.lights: 3 must be a list"),
        (("safetyExt",), {"pathHistory": {"crumbData": [{}]}},
         "BSM.safetyExt.pathHistory.crumbData[0].llvOffset: is missing"),
        (("safetyExt",), {"pathHistory": {"crumbData": {}}}, "BSM.safetyExt.pathHistory.crumbData: {} must be a list"),
    ],
)
def test_what_is_wrong_is_named_with_path_value_and_rule(path: tuple[str, ...], member: Any, rule: str) -> None:
    """By hand: one wrong form each; one line, bounded."""
    described = CN.describe(CN.decode(BSM))
    place = described["value"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = member
    with pytest.raises(DecodeError) as caught:
        CN.undescribe(described)
    assert str(caught.value).startswith(rule)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("IA5String", "é", "x: 'é' holds '\\xe9', which a IA5String cannot"),
        ("NumericString", "1a", "x: '1a' holds 'a', which a NumericString cannot"),
        ("UTF8String", "\ud800", "x: '\\ud800' holds '\\ud800', which a UTF8String cannot"),
    ],
)
def test_letters_a_text_cannot_hold_are_named(kind: str, text: str, rule: str) -> None:
    """By hand: one letter outside each alphabet."""
    with pytest.raises(DecodeError) as caught:
        from_plain(SCHEMA, {"type": kind}, text, "x")
    assert str(caught.value) == rule


@pytest.mark.parametrize("alternatives", [{}, {"a": 1, "b": 2}, {"bb": 1}])
def test_a_choice_has_one_known_alternative(alternatives: dict[str, int]) -> None:
    """By hand: none, two, an unknown one."""
    definition = {"type": "CHOICE", "members": [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "INTEGER"}]}
    with pytest.raises(DecodeError, match="^x: (0 alternatives, must be one of a, b|2 alt|no alternative 'bb')"):
        from_plain(SCHEMA, definition, alternatives, "x")


def test_what_was_read_leniently_comes_back_canonical() -> None:
    """By hand: trailing octets are not told, so they do not come back."""
    described = CN.describe(CN.decode(BSM + b"\x01\x02", "lenient"))
    assert CN.encode(*CN.undescribe(described)) == BSM


def test_what_an_unknown_extension_left_cannot_be_read_back() -> None:
    """By hand: None where a nested CHOICE was unknown is told, and refused on the way back."""
    definition = {"type": "CHOICE", "members": [{"name": "a", "type": "INTEGER"}, None]}
    assert to_plain(SCHEMA, definition, (None, None)) is None
    with pytest.raises(DecodeError, match="^x: None must be an object"):
        from_plain(SCHEMA, definition, None, "x")
