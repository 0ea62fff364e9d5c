"""The batch engine against asn1tools on random messages of every type that has one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from rsu.codec import EncodeError
from rsu.messages.batch import block, coder, layout
from rsu.messages.batch.block import COUNT, Block, Field
from rsu.messages.batch.catalogue import ENGINES
from rsu.messages.batch.check import Mismatch, check, compare, damaged, drawn
from rsu.messages.batch.draw import Values
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.sheet import PRESENT, RowReader, Sheet, merge

BSM = "csae53-2020/BSM"
SAME_BSM = ("ydt3709-2020/BSM", "csae157-2020/BSM")


@pytest.mark.parametrize("name", [name for name in ENGINES if name not in SAME_BSM])
def test_random_messages_over_random_patterns(name: str) -> None:
    """Independent: 600 messages over 100 patterns (fewer of the longest), octets and values against asn1tools; a tenth
    damaged."""
    size = 150 if name in ("csae157-2020/PSM", "sae-j2735/BSM") else 600
    tally = check(ENGINES[name](), size, 100 if size == 600 else 40)
    assert tally.messages == size and tally.damaged == size // 10
    assert tally.trusted_layouts > 30 or name == "sae-j2735/BSM"


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
def test_many_random_messages_over_many_patterns(name: str) -> None:
    """Independent: 100,000 messages over 1000 patterns, octets and values against asn1tools, a tenth damaged too."""
    assert check(ENGINES[name](), 100_000, 1000, seed=5).messages == 100_000


@pytest.mark.parametrize("name", SAME_BSM)
def test_sets_of_2020_share_their_bsm(name: str) -> None:
    """Independent: 60 messages over 30 patterns of the sets whose BSM has the same types as csae53-2020."""
    assert check(ENGINES[name](), 60, 30).messages == 60


def test_every_pattern_of_optional_members_of_the_root() -> None:
    """Independent: all 128 patterns of the optional members of a BSM, one message each, at once and one by one."""
    engine = ENGINES[BSM]()
    values = Values(3)
    optional = [member for member in engine.node.members if member.optional]
    full = next(v for v in (values._draw(engine.node, 0.99) for _ in range(50)) if all(m.name in v for m in optional))
    messages = []
    for chosen in itertools.product((False, True), repeat=len(optional)):
        dropped = {member.name for member, keep in zip(optional, chosen, strict=True) if not keep}
        messages.append({name: inner for name, inner in full.items() if name not in dropped})
    assert len(messages) == 128
    octets = [engine.codec.encode("BSM", value) for value in messages]
    assert engine.encode(engine.sheet(messages)) == octets
    assert [engine.encode(engine.sheet([value]))[0] for value in messages] == octets


def test_what_columns_cannot_hold_goes_through_the_general_codec() -> None:
    """Independent: number plates (octets of free length) and extension codes among other messages, both ways."""
    engine = ENGINES["csae53-2017/BSM"]()
    values = [drawn(engine, Values(8), number) for number in range(40)]
    for number in range(0, 40, 4):
        values[number]["plateNo"] = b"A12345"[: 4 + number % 3]
    sheet = engine.sheet(values)
    assert set(sheet.values) == set(range(0, 40, 4))
    octets = [engine.codec.encode("BSM", value) for value in values]
    assert engine.encode(sheet) == octets
    decoded = engine.decode(octets)
    assert [RowReader(engine.node, decoded.sheet).value(row) for row in range(40)] == values
    compare(decoded, engine.decode_general(octets))


def test_numbers_beyond_an_extensible_range() -> None:
    """Independent: pathDeltaTime (1..65535, ...) of 70000 has another layout; 65536 in the root's bits is read."""
    engine = ENGINES["etsi-its/CAM"]()
    value = next(v for v in (drawn(engine, Values(4), number) for number in range(99))
                 if "lowFrequencyContainer" in v["cam"]["camParameters"])
    position = {"deltaLatitude": 1, "deltaLongitude": 2, "deltaAltitude": 3}
    history = [{"pathPosition": position, "pathDeltaTime": time} for time in (5, 70_000)]
    value["cam"]["camParameters"]["lowFrequencyContainer"][1]["pathHistory"] = history
    sheet = engine.sheet([value])
    octets = engine.codec.encode("CAM", value)
    assert not sheet.values and engine.encode(sheet) == [octets]
    history[1]["pathDeltaTime"] = 65_535
    value["cam"]["camParameters"].pop("specialVehicleContainer", None)
    known = engine.codec.encode("CAM", value)
    flipped = [known, octets, *(_flip(known, bit) for bit in range(len(known) * 8 - 60, len(known) * 8))]
    for policy in ("lenient", "strict"):
        compare(engine.decode(flipped, policy), engine.decode_general(flipped, policy))
    raised = [engine.codec.decode(data).value for data in flipped]
    assert any("65536" in str(one) for one in raised)


def _with_history(engine: Engine, crumb: dict[str, Any], count: int) -> bytes:
    left_out = ("safetyExt", "emergencyExt")
    value = {name: inner for name, inner in drawn(engine, Values(1), 1).items() if name not in left_out}
    return engine.codec.encode("BSM", {**value, "safetyExt": {"pathHistory": {"crumbData": [crumb] * count}}})


def test_a_list_cut_anywhere_is_refused() -> None:
    """Independent: the list ends the message, so nothing behind it tells that octets are missing."""
    engine = ENGINES[BSM]()
    offset = ("position-LL1", {"lon": 0, "lat": 0})
    whole = _with_history(engine, {"llvOffset": {"offsetLL": offset}, "timeOffset": 1}, 3)
    engine.decode([whole] * 20)
    cut = [whole[:length] for length in range(1, len(whole) + 1)]
    for policy in ("lenient", "strict"):
        compare(engine.decode(cut, policy), engine.decode_general(cut, policy))


def test_an_element_known_is_no_other_that_starts_alike() -> None:
    """Independent: crumbs with a confidence of position only are known; those with one of elevation too are not."""
    engine = ENGINES[BSM]()
    crumb = {"llvOffset": {"offsetLL": ("position-LL1", {"lon": 1, "lat": 2})}, "timeOffset": 3}
    known = _with_history(engine, {**crumb, "posAccuracy": {"pos": "a10m"}}, 1)
    other = _with_history(engine, {**crumb, "posAccuracy": {"pos": "a10m", "elevation": "elev-010-00"}}, 1)
    assert not engine.decode([known] * 20).status.any()
    found = engine.decode([known, other] * 10)
    compare(found, engine.decode_general([known, other] * 10))


def _flip(data: bytes, bit: int) -> bytes:
    return bytes([*data[: bit // 8], data[bit // 8] ^ 128 >> bit % 8, *data[bit // 8 + 1 :]])


def test_open_types_of_unknown_content_keep_their_octets() -> None:
    """Independent: a second part with an unknown number, one whose octets are no value, one in mere octets."""
    engine = ENGINES["sae-j2735/BSM"]()
    base = drawn(engine, Values(2), 1)
    parts: list[list[dict[str, Any]]] = [
        [{"partII-Id": 9, "partII-Value": b"\1\2\3"}], [{"partII-Id": 0, "partII-Value": b"\xff\xff"}],
        [{"partII-Id": 0, "partII-Value": {"lights": (b"\x80\x00", 9)}},
         {"partII-Id": 60, "partII-Value": b"\0" * 200}],
    ]
    values = [{**base, "partII": part} for part in parts] * 3
    octets = [engine.codec.encode("BSM", value) for value in values]
    assert engine.encode(engine.sheet(values)) == octets
    for policy in ("lenient", "strict"):
        compare(engine.decode(octets, policy), engine.decode_general(octets, policy))


def test_a_long_open_type_has_a_length_of_two_octets() -> None:
    """By hand: 20 crumbs of 64 bits and more make the part and the frame longer than 127 octets."""
    engine = ENGINES["sae-j2735/BSM"]()
    crumb = {"latOffset": 5, "lonOffset": -5, "elevationOffset": 1, "timeOffset": 7}
    value = {key: inner for key, inner in drawn(engine, Values(2), 1).items() if key == "coreData"}
    value["partII"] = [{"partII-Id": 0, "partII-Value": {"pathHistory": {"crumbData": [crumb] * 20}}}]
    octets = engine.encode(engine.sheet([value, value]))
    assert octets == [engine.codec.encode("BSM", value)] * 2
    assert octets[0][:3].hex() == "001480" and octets[0][3] == len(octets[0]) - 4 > 127


def _codes(engine: Engine) -> tuple[Any, Sheet]:
    value = drawn(engine, Values(4), 2)
    return value, engine.sheet([value, value])


def test_codes_out_of_range_name_their_member() -> None:
    """By hand: one code beyond its range, one below it, a list too long, an unknown column, a missing one."""
    engine = ENGINES[BSM]()
    for column, code, words in ((("msgCnt",), 128, r"msgCnt: 128 is outside 0\.\.127"),
                                (("pos", "lat"), -900_000_001, "pos.lat: -900000001"), (("msgCnt",), -1, "msgCnt: -1")):
        _, sheet = _codes(engine)
        sheet.matrix[sheet.kinds[0].index(column), 1] = code
        with pytest.raises(EncodeError, match=words):
            engine.encode(sheet)
    _, sheet = _codes(engine)
    with pytest.raises(EncodeError, match="nothing: no such member"):
        engine.encode(Sheet.uniform((*sheet.kinds[0], ("nothing",)), np.vstack([sheet.matrix, sheet.matrix[:1]])))
    with pytest.raises(EncodeError, match="missing"):
        engine.encode(Sheet.uniform(sheet.kinds[0][1:], sheet.matrix[1:], sheet.lists))
    crumb = (("llvOffset", "offsetLL", "position-LL1", "lon"), ("llvOffset", "offsetLL", "position-LL1", "lat"),
             ("timeOffset",))
    path = ("safetyExt", "pathHistory", "crumbData")
    paths = tuple(p for p in sheet.kinds[0] if p[0] != "safetyExt")
    matrix = np.vstack([sheet.matrix[[sheet.kinds[0].index(p) for p in paths]], [[24, 0]]])
    too_long = Sheet.uniform((*paths, (*path, COUNT)), matrix, {path: Sheet.uniform(crumb, np.ones((3, 24), np.int64))})
    with pytest.raises(EncodeError, match="crumbData"):
        engine.encode(too_long)


def test_two_alternatives_of_a_choice_are_refused() -> None:
    """By hand: a crumb with an offset of type LL1 and one of LL2."""
    engine = ENGINES[BSM]()
    value = next(v for v in (drawn(engine, Values(4), n) for n in range(99))
                 if v.get("safetyExt", {}).get("pathHistory"))
    sheet = engine.sheet([value])
    crumbs = sheet.lists["safetyExt", "pathHistory", "crumbData"]
    base = ("llvOffset", "offsetLL")
    for number, paths in enumerate(crumbs.kinds):
        crumbs.kinds[number] = (*paths, (*base, "position-LL1", "lon"), (*base, "position-LL2", "lon"))
    crumbs.matrix = np.vstack([crumbs.matrix, crumbs.matrix[:2]])
    with pytest.raises(EncodeError, match="alternatives, exactly one"):
        engine.encode(sheet)


def test_a_member_without_numbers_is_marked() -> None:
    """By hand: an empty safety extension differs from none by one bit and its own presence bits."""
    engine = ENGINES[BSM]()
    value = {name: inner for name, inner in drawn(engine, Values(4), 2).items() if name != "safetyExt"}
    values = [value, {**value, "safetyExt": {}}]
    sheet = engine.sheet(values)
    assert ("safetyExt", PRESENT) in sheet.kinds[1]
    octets = engine.encode(sheet)
    assert octets == [engine.codec.encode("BSM", one) for one in values] and octets[0] != octets[1]
    assert RowReader(engine.node, engine.decode(octets).sheet).value(1) == values[1]


def test_the_cache_of_layouts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: with room for 20 layouts, 60 patterns are still coded right, again and again."""
    monkeypatch.setattr(coder, "MOST_LAYOUTS", 20)
    engine = ENGINES[BSM]()
    for seed in (1, 2):
        check(engine, 60, 60, seed)
    assert len(engine.coder.layouts) <= 20
    assert sum(len(bucket) for bucket in engine.coder.by_prefix.values()) <= 20


def test_a_wrong_layout_is_found_whatever_the_live_message_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: two swapped fields that hold the same number in every message are still noticed."""

    class Swapped(Block):
        def __init__(self, given: list[Field]) -> None:
            names = {("speed",): ("heading",), ("heading",): ("speed",)}
            fields = [field for field in given if field.path in names and field.constant is None]
            if len(fields) == 2:
                given = [_renamed(field, names.get(field.path, field.path)) for field in given]
            super().__init__(given)

    engine = ENGINES[BSM]()
    values = [{**drawn(engine, Values(1), 7), "speed": 11, "heading": 11} for _ in range(3)]
    octets = [engine.codec.encode("BSM", value) for value in values]
    monkeypatch.setattr(layout, "Block", Swapped)
    assert engine.encode(engine.sheet(values)) == octets
    assert all(one.broken for one in engine.coder.layouts.values())
    fresh = ENGINES[BSM]()
    compare(fresh.decode(octets), fresh.decode_general(octets))
    assert not fresh.coder.by_prefix


def _renamed(field: Field, path: block.Path) -> Field:
    return Field(path, field.width, field.lower, field.count, field.constant, field.enumerated, field.extensible)


def test_the_comparison_notices_a_difference() -> None:
    """Property: one flipped bit in a message makes two batches differ."""
    engine = ENGINES[BSM]()
    octets = [engine.codec.encode("BSM", drawn(engine, Values(6), number)) for number in range(5)]
    hurt = [bytes([octets[0][0], octets[0][1], octets[0][2], octets[0][3] ^ 1, *octets[0][4:]]), *octets[1:]]
    with pytest.raises(Mismatch):
        compare(engine.decode(octets), engine.decode(hurt))
    assert list(damaged(octets, 1, 1.0)) != octets


def test_sheets_are_cut_and_merged_without_loss() -> None:
    """Property: rows taken apart in any order and merged again are the same messages."""
    engine = ENGINES["sae-j2735/BSM"]()
    values = [drawn(engine, Values(9), number % 30) for number in range(120)]
    sheet = engine.sheet(values)
    order = np.random.default_rng(2).permutation(120)
    parts = [(sheet.take(order[:50]), order[:50]), (sheet.take(order[50:]), order[50:])]
    reader = RowReader(engine.node, merge(parts, 120))
    assert [reader.value(row) for row in range(120)] == values
    assert len(engine.decode([]).status) == 0 and engine.encode(sheet.take(order[:0])) == []
