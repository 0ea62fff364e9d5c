"""The counting decoder reads what asn1tools alone reads, and the quick encoder writes what it writes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import asn1tools
import pytest

from rsu.bounded import BoundsError, at_most, one_message
from rsu.fuzz.corpus import GENERATORS, Corpus, valid
from rsu.fuzz.values import Taste
from rsu.messages import MESSAGE_SETS
from rsu.messages.etsi import framing as etsi

CASES: list[tuple[str, str, tuple[Path, ...], int]] = [
    ("csae157-2020", "MessageFrame", MESSAGE_SETS["csae157-2020"].codec.directories, 700),  # type: ignore[attr-defined]
    ("etsi-its", "SPATEM", etsi.PDUS["SPATEM"].folders, 300),
    ("etsi-its", "IVIM", etsi.PDUS["IVIM"].folders, 300),
]
"""Set, outermost type, its folders of modules, inputs."""


@pytest.mark.parametrize(("name", "kind", "folders", "count"), CASES)
def test_both_decode_alike(name: str, kind: str, folders: tuple[Path, ...], count: int) -> None:
    """Independent of the shortcuts: hostile and valid octets through modules compiled anew, values and refusals."""
    plain = asn1tools.compile_files([str(one) for folder in folders for one in sorted(folder.glob("*.asn"))], "uper")
    message_set, draw = MESSAGE_SETS[name], random.Random(1)
    corpus = Corpus(message_set, [])
    messages = [kind] if kind in message_set.codec.messages else list(message_set.codec.messages)
    for message in messages * 6:
        if octets := valid(message_set, message, draw, Taste(draw.random(), 0.3, None, 150)):
            corpus.octets.append(octets)
    bounded = message_set.codec.definition(messages[0])[0].specification
    seen = {"value": 0, "refused": 0, "bounded": 0}
    names = ["unchanged", "flipped", "random", "truncated", "spliced", "inflated", "extended"]
    for number in range(count):
        data = GENERATORS[names[number % len(names)]](corpus, draw)
        seen[compare(plain, bounded, kind, data)] += 1
    assert seen["value"] > count // 4 and seen["refused"] > count // 10 and seen["bounded"] < count // 10


def compare(plain: Any, bounded: Any, kind: str, data: bytes) -> str:
    """Decode with both, re-encode with both."""
    try:
        with at_most(100_000):
            found = bounded.decode(kind, data)
    except BoundsError:
        return "bounded"
    except Exception as error:
        with pytest.raises(type(error)):
            plain.decode(kind, data)
        return "refused"
    assert found == plain.decode(kind, data)
    try:
        expected = plain.encode(kind, found, check_constraints=True)
    except Exception:
        with one_message(), pytest.raises(Exception):  # noqa: B017
            bounded.encode(kind, found, check_constraints=True)
        return "value"
    with one_message():
        assert bounded.encode(kind, found, check_constraints=True) == expected
    return "value"
