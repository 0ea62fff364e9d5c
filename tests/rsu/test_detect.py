"""Which sets octets belong to."""

from __future__ import annotations

import random

import pytest

from rsu.messages import MESSAGE_SETS
from rsu.messages.detect import detect
from tests.rsu.schema_values import KINDS, Values

BSM = bytes.fromhex(
    "02a0000000000000000000000907b4e016639527ffffffffe87d07083f7e87e8401ffff81005a0f001427fff0000"
)


@pytest.mark.parametrize(("name", "message"), KINDS)
def test_a_message_is_found_in_its_own_set(name: str, message: str) -> None:
    """Property: random messages are detected where they come from; every set named encodes its reading to them."""
    octets = Values(name, message, random.Random(f"detect {name} {message}")).octets()
    detection = detect(octets)
    assert name in detection.message_sets
    for one in detection.message_sets:
        decoded = detection.readings[one]
        assert decoded.message is not None and decoded.value is not None
        assert MESSAGE_SETS[one].encode(decoded.message, decoded.value) == octets


def test_octets_of_no_set_are_found_nowhere() -> None:
    """By hand: nothing at all, trailing octets, too much; a kind unknown to the sets of the first phase."""
    for octets in (b"", BSM + b"\0", bytes(9000)):
        assert detect(octets).message_sets == ()
    assert {"csae53-2020", "ydt3709-2020"} <= set(detect(b"\x80\x01\x00").skipping)


def test_only_the_sets_in_question_are_tried() -> None:
    """By hand: two names; an unknown one."""
    assert list(detect(BSM, ["etsi-its", "ydt3709-2020"]).readings) == ["etsi-its", "ydt3709-2020"]
    assert detect(BSM, ["etsi-its", "ydt3709-2020"]).message_sets == ("ydt3709-2020",)
    with pytest.raises(KeyError):
        detect(BSM, ["csae53"])
