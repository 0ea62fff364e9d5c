"""Random messages made from the table of type facts: round trip, and agreement with an independent codec."""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rsu.codec import EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.cn.legacy import legacy_values
from tests.rsu.cn_facts import DAY_ONE, DAY_TWO, FACTS, PROFILES, outer_types, random_messages, to_pycrate, types_of

Oracle = Callable[[str], ModuleType]


@pytest.mark.parametrize("profile", PROFILES)
def test_random_messages_survive_a_strict_round_trip(profile: str) -> None:
    """Property: what is encoded decodes, under the strict policy, to the same value."""
    message_set = MESSAGE_SETS[profile]
    for message, value in random_messages(profile, 1, 400):
        decoded = message_set.decode(message_set.encode(message, value), "strict")
        assert (decoded.status, decoded.message, decoded.value) == ("ok", message, value), decoded.error


@pytest.mark.parametrize("profile", PROFILES)
def test_descriptions_are_json_and_can_be_read_back(profile: str) -> None:
    """Property: describe, JSON, undescribe and encode give the same octets."""
    message_set = MESSAGE_SETS[profile]
    for message, value in random_messages(profile, 2, 140):
        data = message_set.encode(message, value)
        described = json.loads(json.dumps(message_set.describe(message_set.decode(data))))
        assert message_set.encode(*message_set.undescribe(described)) == data


@pytest.mark.parametrize("name", [*PROFILES, "csae53-2017"])
def test_damaged_messages_never_raise_and_strict_accepts_a_subset(name: str) -> None:
    """Property: cut, flipped, extended and random octets, also those of another set, give a result; strict ok means
    canonical."""
    message_set = MESSAGE_SETS[name]
    draw = random.Random(3)
    seen: dict[str, set[str]] = {"lenient": set(), "strict": set()}
    profile = "ydt3709-2020" if name == "csae53-2017" else name
    for message, value in random_messages(profile, 4, 210):
        data = MESSAGE_SETS[profile].encode(message, value)
        flipped = bytearray(data)
        for _ in range(draw.randint(1, 6)):
            flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        for damaged in (
            data,
            data[: draw.randrange(len(data))],
            bytes(flipped),
            data + draw.randbytes(draw.randint(1, 9)),
            draw.randbytes(draw.randint(0, 120)),
        ):
            lenient, strict = message_set.decode(damaged, "lenient"), message_set.decode(damaged, "strict")
            seen["lenient"].add(lenient.status)
            seen["strict"].add(strict.status)
            if strict.status == "ok":
                assert lenient == strict
                assert strict.message is not None and strict.value is not None
                assert message_set.encode(strict.message, strict.value) == damaged
            assert (lenient.status == "ok") == (lenient.error == "")
            json.dumps(message_set.describe(lenient))
    assert seen["lenient"] == seen["strict"] == {"ok", "skipped", "error"}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """The modules of a profile compiled by another ASN.1 compiler, once each."""
    process = pytest.importorskip("pycrate_asn1c.asnproc", reason="pycrate is not installed")
    folder, compiled = tmp_path_factory.mktemp("oracle"), {}

    def module_of(profile: str) -> ModuleType:
        if profile not in compiled:
            files = [p for d in MESSAGE_SETS[profile].codec.directories for p in sorted(d.glob("*.asn"))]
            name = "oracle_" + profile.replace("-", "_")
            process.compile_text([path.read_text(encoding="utf-8") for path in files])
            target: Path = folder / f"{name}.py"
            process.generate_modules(process.PycrateGenerator, str(target))
            process.GLOBAL.clear()
            spec = importlib.util.spec_from_file_location(name, target)
            assert spec is not None and spec.loader is not None
            compiled[profile] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(compiled[profile])
        return compiled[profile]

    return module_of


@pytest.mark.parametrize(("profile", "count"), [("csae53-2020", 300), ("ydt3709-2020", 300), ("csae157-2020", 700)])
def test_octets_equal_those_of_an_independent_codec(oracle: Oracle, profile: str, count: int) -> None:
    """Independent: random messages of all kinds encode to the same octets in pycrate, and each decodes the other's."""
    module, types, message_set = oracle(profile), types_of(profile), MESSAGE_SETS[profile]
    frame = module.CnFrame.MessageFrame
    for message, value in random_messages(profile, 5, count):
        data = message_set.encode(message, value)
        kind = outer_types(profile)[message]
        theirs = to_pycrate(types[kind], value, types)
        if message in DAY_TWO:
            body = pycrate_type(module, kind)
            body.set_val(theirs)
            number = FACTS["ext_message_ids"][DAY_TWO[message]]
            frame.set_val(("msgFrameExt", {"messageId": number, "value": body.to_uper()}))
        else:
            frame.set_val((DAY_ONE[message][0], theirs))
        assert frame.to_uper() == data, message
        frame.from_uper(data)
        alternative, found = frame.get_val()
        if message in DAY_TWO:
            assert alternative == "msgFrameExt"
            body.from_uper(found["value"])
            found = body.get_val()
        assert found == theirs, message


def test_octets_of_the_legacy_set_equal_those_of_an_independent_codec(oracle: Oracle) -> None:
    """Independent: random messages of 2020 said in the members of 2017, as before."""
    frame, message_set, compared = oracle("csae53-2017").CnFrame.MessageFrame, MESSAGE_SETS["csae53-2017"], 0
    for message, modern in random_messages("ydt3709-2020", 9, 400):
        try:
            values = legacy_values(message, modern)
        except EncodeError:
            continue
        for value in values:
            data, theirs = message_set.encode(message, value), (DAY_ONE[message][0], by_form(value))
            frame.set_val(theirs)
            assert frame.to_uper() == data, message
            frame.from_uper(data)
            assert frame.get_val() == theirs, message
            compared += 1
    assert compared > 250


def by_form(value: Any) -> Any:
    """A value as the other codec writes it: bit strings, told by their form, as (number, length)."""
    if isinstance(value, dict):
        return {name: by_form(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [by_form(inner) for inner in value]
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        return int.from_bytes(value[0], "big") >> (-value[1] % 8), value[1]
    return (value[0], by_form(value[1])) if isinstance(value, tuple) else value


def pycrate_type(module: ModuleType, name: str) -> object:
    """Type of a name in whichever generated class holds it."""
    attribute = name.replace("-", "_")
    return next(vars(home)[attribute] for home in vars(module).values() if attribute in getattr(home, "__dict__", {}))
