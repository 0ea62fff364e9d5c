"""Generated packers and unpackers of single messages against asn1tools."""

from __future__ import annotations

import pytest

from rsu.codec import Decoded, EncodeError
from rsu.messages.batch import generate as module
from rsu.messages.batch.catalogue import ENGINES
from rsu.messages.batch.check import damaged, drawn
from rsu.messages.batch.draw import Values
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.sheet import RowReader
from rsu.messages.batch.single import Shape, Single, Singles, shapes_of
from rsu.messages.cn.bsm_batch import CRUMB_KINDS, CRUMBS

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
