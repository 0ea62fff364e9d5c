"""Generated packers and unpackers of single messages against asn1tools."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rsu.codec import Decoded, EncodeError
from rsu.messages.batch import generate as module
from rsu.messages.batch import single as orders
from rsu.messages.batch.catalogue import ENGINES
from rsu.messages.batch.check import damaged, drawn
from rsu.messages.batch.draw import Values
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.fused import arbitrary
from rsu.messages.batch.sheet import RowReader
from rsu.messages.batch.single import Shape, Single, Singles, shapes_of
from rsu.messages.cn.bsm_batch import CRUMB_KINDS, CRUMBS
from rsu.messages.etsi.cam_wire import HISTORY

BSM = "csae53-2020/BSM"


def cases(engine: Engine, pattern: int, count: int) -> tuple[Single, list[dict], list[bytes]]:
    """A coder of one pattern, messages of it, and their octets by the general codec."""
    values = Values(pattern)
    messages = [drawn(engine, values, pattern) for _ in range(count)]
    single = Single(engine, shapes_of(engine.sheet(messages[:1]))[0])
    return single, messages, [engine.codec.encode(engine.message, value) for value in messages]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", ["csae53-2020/BSM", "etsi-its/CAM", "sae-j2735/BSM", "csae157-2020/PSM"])
def test_single_messages_equal_the_general_codec(name: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: 10 patterns of 20 messages each, octets and codes both ways, with bitstruct and without."""
    if not native:
        monkeypatch.setattr(module, "bitstruct", None)
    engine = ENGINES[name]()
    for pattern in range(10 if native else 3):
        single, messages, octets = cases(engine, pattern, 20)
        for value, data in zip(messages, octets, strict=True):
            for policy in ("lenient", "strict"):
                found = single.decode(data, policy)
                assert found is not None
                assert single.encode(*found) == data
                assert RowReader(engine.node, single.sheet(*found)).value(0) == value


def test_crumbs_of_all_types_in_one_shape() -> None:
    """Independent: one coder for path histories whose points are of any of the four offset types."""
    engine = ENGINES[BSM]()
    paths = tuple(path for path in engine.sheet([_with_crumbs(engine)]).kinds[0])
    single = Single(engine, Shape(paths, {CRUMBS: [Shape(kind) for kind in CRUMB_KINDS]}))
    codes, *_ = single.decode(engine.codec.encode("BSM", _with_crumbs(engine)))
    crumbs = [(number % 4, number, -number, 1 + number) for number in range(15)]
    value = RowReader(engine.node, single.sheet(codes, crumbs)).value(0)
    octets = engine.codec.encode("BSM", value)
    assert single.encode(codes, crumbs) == octets
    assert single.decode(octets) == (codes, crumbs)


def _with_crumbs(engine: Engine) -> dict:
    base = {name: inner for name, inner in drawn(engine, Values(1), 1).items() if name != "safetyExt"}
    offset = ("position-LL1", {"lon": 1, "lat": 2})
    crumb = {"llvOffset": {"offsetLL": offset}, "timeOffset": 3}
    return {**base, "safetyExt": {"pathHistory": {"crumbData": [crumb]}}}


@pytest.mark.parametrize("name", ["csae53-2020/BSM", "etsi-its/CAM", "sae-j2735/BSM"])
def test_orders_of_elements_with_code_of_their_own(name: str) -> None:
    """Independent: messages whose elements come in the same order, octets and codes against asn1tools; damaged ones
    against the code for any order."""
    engine, fused = ENGINES[name](), 0
    for pattern in range(6):
        single, messages, _ = cases(engine, pattern, 6)
        for value in messages:
            found = single.decode(engine.codec.encode(engine.message, value))
            if found is None or single._order is None:
                continue
            order, generator = single._order(*found[1:]), np.random.default_rng(pattern)
            for _ in range(orders.OFTEN):
                single.encode(*found)
            fused += single._packers.get(order, single._any_order) is not single._any_order
            octets = []
            for _ in range(6):
                wanted = arbitrary(single.compiled, order, generator)
                octets += engine.encode_general(single.sheet(*wanted))
                assert single.encode(*wanted) == octets[-1]
                assert single.decode(octets[-1]) == single.decode(octets[-1], "strict") == wanted
            padded = [octets[0][:-1] + bytes([octets[0][-1] | 1 << bit]) for bit in range(8)]
            longer = [octets[0] + b"\0", octets[0] + b"\1", octets[0][:-1]]
            for data in (*damaged(octets, pattern, 1.0), *padded, *longer):
                for policy, unpack in single._unpackers.items():
                    assert single.decode(data, policy) == unpack(data)
    assert fused > 10


def test_codes_out_of_range_are_refused_in_any_order() -> None:
    """By hand: what the code of one order does not take: a code or crumb out of range, another pattern's number."""
    engine = ENGINES["etsi-its/CAM"]()
    value = next(v for v in (drawn(engine, Values(4), n) for n in range(99)) if _history(v))
    single = Single(engine, shapes_of(engine.sheet([value]))[0])
    octets = engine.codec.encode("CAM", value)
    codes, *lists = single.decode(octets)
    for _ in range(orders.OFTEN):
        assert single.encode(codes, *lists) == octets
    assert single._packers[single._order(*lists)] is not single._any_order
    points = lists[single.lists.index(HISTORY)]
    names = single.compiled.elements[single.lists.index(HISTORY)][points[0][0]].names
    first = list(points[0])
    first[1 + names.index(("pathPosition", "deltaAltitude"))] = 12_801
    for bad in ([tuple(first), *points[1:]], [(7, *points[0][1:]), *points[1:]], [points[0][:-1], *points[1:]]):
        with pytest.raises(EncodeError):
            single.encode(codes, *(bad if one is points else one for one in lists))
    with pytest.raises(EncodeError):
        single.encode(codes[:-1], *lists)
    with pytest.raises(EncodeError):
        single.encode(codes)


def _history(value: dict) -> bool:
    slow = value["cam"]["camParameters"].get("lowFrequencyContainer")
    return slow is not None and len(slow[1]["pathHistory"]) > 1


def test_orders_with_code_of_their_own_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: with room for 3 orders and 20 counts, 10 orders of crumbs again and again are still coded right."""
    monkeypatch.setattr(orders, "MOST_ORDERS", 3)
    monkeypatch.setattr(orders, "_MOST_SEEN", 20)
    monkeypatch.setattr(orders, "MOST_PER_LENGTH", 2)
    engine = ENGINES[BSM]()
    paths = engine.sheet([_with_crumbs(engine)]).kinds[0]
    single = Single(engine, Shape(paths, {CRUMBS: [Shape(kind) for kind in CRUMB_KINDS]}))
    codes, _ = single.decode(engine.codec.encode("BSM", _with_crumbs(engine)))
    for turn in range(2 * orders.OFTEN):
        for kinds in itertools.product(range(2), repeat=3):
            crumbs = [(kind, turn, -turn, 1 + turn) for kind in kinds]
            octets = engine.encode_general(single.sheet(codes, crumbs))[0]
            assert single.encode(codes, crumbs) == octets
            assert single.decode(octets) == (codes, crumbs)
    assert len(single._packers) <= 3 and len(single._by_order) <= 3 and len(single._seen) <= 20
    assert all(len(held) <= 2 for held in single._by_length.values())


@pytest.mark.parametrize("policy", ["lenient", "strict"])
@pytest.mark.parametrize("name", ["csae53-2020/BSM", "etsi-its/CAM", "sae-j2735/BSM"])
def test_damaged_input_is_never_read_otherwise(name: str, policy: str) -> None:
    """Independent: what the unpacker takes of 400 damaged messages reads as asn1tools reads it."""
    engine = ENGINES[name]()
    taken = 0
    for pattern in range(4):
        single, _, octets = cases(engine, pattern, 100)
        for data in damaged(octets, pattern, 1.0):
            found = single.decode(data, policy)
            if found is not None:
                taken += 1
                decoded = engine.codec.decode(data, policy)
                assert decoded.status == "ok" and decoded.message == engine.message
                sheet = engine.sheet([decoded.value])
                ours = single.sheet(*found)
                assert ours.matrix[: len(ours.kinds[0]), 0].tolist() == sheet.matrix[: len(sheet.kinds[0]), 0].tolist()
    assert taken > 5


def test_codes_out_of_range_are_refused() -> None:
    """By hand: beyond the range, below it, too many codes, a list too long, a crumb out of range."""
    engine = ENGINES[BSM]()
    paths = engine.sheet([_with_crumbs(engine)]).kinds[0]
    single = Single(engine, Shape(paths, {CRUMBS: [Shape(kind) for kind in CRUMB_KINDS]}))
    codes, crumbs = single.decode(engine.codec.encode("BSM", _with_crumbs(engine)))
    count = single.fields.index(("msgCnt",))
    heading = single.fields.index(("heading",))
    for position, code in ((count, 128), (count, -1), (heading, 28_801), (heading, 1 << 70)):
        wrong = [*codes]
        wrong[position] = code
        with pytest.raises(EncodeError):
            single.encode(tuple(wrong), crumbs)
    wrong_lists = (crumbs * 24, [(0, 2048, 0, 1)], [(0, 0, 0, 0)], [(0, 0)], [(9, 0, 0, 1)])
    for bad in ((codes[:-1], crumbs), (codes,), *((codes, wrong) for wrong in wrong_lists)):
        with pytest.raises(EncodeError):
            single.encode(*bad)


def test_several_shapes_and_the_rest() -> None:
    """Independent: a decoder of two shapes reads both; anything else is what the general codec says."""
    engine = ENGINES[BSM]()
    first, _, ones = cases(engine, 1, 3)
    second, _, twos = cases(engine, 2, 3)
    third = cases(engine, 3, 1)[2][0]
    singles = Singles(engine, [first.shape, second.shape])
    for data in (*ones, *twos, *ones):
        coder, found = singles.decode(data)
        assert coder.encode(*found) == data
    for data in (third, b"", b"\xff\xff"):
        assert singles.decode(data) == engine.codec.decode(data)
        assert isinstance(singles.decode(data), Decoded)
