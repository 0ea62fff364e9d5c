"""Random messages made from the table of type facts: round trip, and agreement with an independent codec."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rsu.messages import MESSAGE_SETS

FACTS = json.loads(
    (Path(__file__).parents[1] / "reference" / "cn_message_set.json").read_text(encoding="utf-8")
)
TYPES = {entry["name"]: entry for entry in FACTS["types"] if entry["phase"] == "I"}
SET = MESSAGE_SETS["csae53-2020"]
OUTER = {
    "BSM": "BasicSafetyMessage",
    "MAP": "MapData",
    "RSM": "RoadsideSafetyMessage",
    "SPAT": "SPAT",
    "RSI": "RoadSideInformation",
}
ALTERNATIVES = {
    "BSM": "bsmFrame",
    "MAP": "mapFrame",
    "RSM": "rsmFrame",
    "SPAT": "spatFrame",
    "RSI": "rsiFrame",
}


def random_value(draw: random.Random, entry: dict[str, Any]) -> Any:
    """A random value of a type: bounds and optional members each with their chance, lists mostly short."""
    kind = entry["kind"]
    if kind == "INTEGER":
        low, high = entry["range"]
        return draw.choice((low, high, draw.randint(low, high), draw.randint(low, high)))
    if kind == "ENUMERATED":
        return draw.choice(entry["values"])[0]
    if kind == "SEQUENCE":
        kept = (f for f in entry["fields"] if not f.get("optional") or draw.random() < 0.5)
        return {f["name"]: random_value(draw, f.get("inline") or TYPES[f["type"]]) for f in kept}
    if kind == "CHOICE":
        chosen = draw.choice(entry["alternatives"])
        return chosen["name"], random_value(draw, chosen.get("inline") or TYPES[chosen["type"]])
    low, high = entry["size"]
    size = draw.choice(
        (low, min(high, low + draw.randint(0, 3)), min(high, 40) if draw.random() < 0.05 else low)
    )
    if kind == "SEQUENCE OF":
        return [random_value(draw, TYPES[entry["of"]]) for _ in range(size)]
    if kind == "OCTET STRING":
        return draw.randbytes(size)
    if kind == "IA5String":
        # The other codec takes DEL for no IA5 character.
        return "".join(chr(draw.randrange(127)) for _ in range(size))
    assert kind == "BIT STRING"
    return (draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size


def random_messages(seed: int, count: int) -> list[tuple[str, dict[str, Any]]]:
    draw = random.Random(seed)
    names = list(OUTER)
    return [(name, random_value(draw, TYPES[OUTER[name]])) for name in (names[i % 5] for i in range(count))]


def to_pycrate(entry: dict[str, Any], value: Any) -> Any:
    """The other codec writes bit strings as (number, length)."""
    kind = entry["kind"]
    if kind == "SEQUENCE":
        fields = {f["name"]: f for f in entry["fields"]}
        return {
            n: to_pycrate(fields[n].get("inline") or TYPES[fields[n]["type"]], v) for n, v in value.items()
        }
    if kind == "SEQUENCE OF":
        return [to_pycrate(TYPES[entry["of"]], element) for element in value]
    if kind == "CHOICE":
        chosen = next(a for a in entry["alternatives"] if a["name"] == value[0])
        return value[0], to_pycrate(chosen.get("inline") or TYPES[chosen["type"]], value[1])
    if kind == "BIT STRING":
        octets, size = value
        return int.from_bytes(octets, "big") >> (-size % 8), size
    return value


def test_random_messages_survive_a_strict_round_trip() -> None:
    """Property: what is encoded decodes, under the strict policy, to the same value."""
    for message, value in random_messages(1, 600):
        decoded = SET.decode(SET.encode(message, value), "strict")
        assert (decoded.status, decoded.message, decoded.value) == ("ok", message, value), decoded.error


def test_descriptions_are_json_and_can_be_read_back() -> None:
    """Property: describe, JSON, undescribe and encode give the same octets."""
    for message, value in random_messages(2, 150):
        data = SET.encode(message, value)
        described = json.loads(json.dumps(SET.describe(SET.decode(data))))
        assert SET.encode(*SET.undescribe(described)) == data


def test_damaged_messages_never_raise_and_strict_accepts_a_subset() -> None:
    """Property: cut, flipped, extended and random octets give a result; strict ok means canonical."""
    draw = random.Random(3)
    seen = {"lenient": set(), "strict": set()}
    for message, value in random_messages(4, 250):
        data = SET.encode(message, value)
        flipped = bytearray(data)
        for _ in range(draw.randint(1, 6)):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        for damaged in (
            data[: draw.randrange(len(data))],
            bytes(flipped),
            data + draw.randbytes(draw.randint(1, 9)),
            draw.randbytes(draw.randint(0, 120)),
        ):
            lenient, strict = SET.decode(damaged, "lenient"), SET.decode(damaged, "strict")
            seen["lenient"].add(lenient.status)
            seen["strict"].add(strict.status)
            if strict.status == "ok":
                assert lenient == strict
                assert SET.encode(strict.message, strict.value) == damaged
            assert (lenient.status == "ok") == (lenient.error == "")
            json.dumps(SET.describe(lenient))
    assert seen["lenient"] == seen["strict"] == {"ok", "skipped", "error"}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The same modules compiled by another ASN.1 compiler."""
    process = pytest.importorskip("pycrate_asn1c.asnproc")
    texts = [path.read_text(encoding="utf-8") for path in sorted(SET.codec.directory.glob("*.asn"))]
    process.compile_text(texts)
    target = tmp_path_factory.mktemp("oracle") / "csae53_oracle.py"
    process.generate_modules(process.PycrateGenerator, str(target))
    process.GLOBAL.clear()
    spec = importlib.util.spec_from_file_location("csae53_oracle", target)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_octets_equal_those_of_an_independent_codec(oracle: ModuleType) -> None:
    """Independent: 500 random messages encode to the same octets in pycrate, and each decodes the other's."""
    frame = oracle.Csae53Frame.MessageFrame
    for message, value in random_messages(5, 500):
        data = SET.encode(message, value)
        theirs = ALTERNATIVES[message], to_pycrate(TYPES[OUTER[message]], value)
        frame.set_val(theirs)
        encoded = frame.to_uper()
        assert encoded == data
        frame.from_uper(data)
        assert frame.get_val() == theirs
        assert SET.decode(encoded, "strict").value == value
