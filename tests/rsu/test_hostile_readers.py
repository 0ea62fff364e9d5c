"""Readers of every family live with whatever a lenient decoder lets through."""

from __future__ import annotations

import random

import pytest

from rsu.applications import READERS
from rsu.fuzz import targets
from rsu.fuzz.corpus import valid
from rsu.fuzz.values import Taste
from rsu.messages import MESSAGE_SETS
from rsu.messages.typical import typical_messages

NAMES = [name for name, one in MESSAGE_SETS.items() if one.family in READERS]
SERVED = {"MAP", "SPAT", "RSI", "RSM"}


def served(name: str) -> list[str]:
    """Messages of a set that some reader takes."""
    return sorted({rule.message for rule in MESSAGE_SETS[name].messages.values() if rule.service in SERVED})


@pytest.mark.parametrize("name", NAMES)
def test_any_value_can_be_read(name: str) -> None:
    """Property: 30 random values of every message, with and without optional members and additions."""
    message_set, draw, read = MESSAGE_SETS[name], random.Random(1), 0
    for message in served(name):
        for number in range(30):
            taste = Taste(draw.choice((0.0, 0.3, 0.7, 1.0)), draw.choice((0.0, 0.3)), (None, 0.2)[number % 2], 400)
            if octets := valid(message_set, message, draw, taste):
                decoded = message_set.decode(octets)
                targets.read(message_set, decoded)
                read += decoded.status == "ok"
    assert read > 20 * len(served(name))


@pytest.mark.parametrize("name", NAMES)
def test_damaged_messages_can_be_read(name: str) -> None:
    """Property: 120 random and typical messages of each kind with flipped bits; whatever decodes can be read."""
    message_set, draw, read = MESSAGE_SETS[name], random.Random(2), 0
    typical = {one.message: one.octets for one in typical_messages(message_set)}
    for message in served(name):
        for number in range(120):
            source = valid(message_set, message, draw, Taste(0.5, 0.1, None, 150)) if number % 2 else typical[message]
            octets = bytearray(source or typical[message])
            for _ in range(draw.randint(1, 5)):
                octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
            decoded = message_set.decode(bytes(octets))
            targets.read(message_set, decoded)
            read += decoded.status == "ok"
    assert read > 30 * len(served(name))
