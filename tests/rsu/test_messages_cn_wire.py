"""Public wire messages of the Chinese sets (origins in the reference file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rsu.messages import MESSAGE_SETS
from tests.rsu.cn_facts import PROFILES

FILE = Path(__file__).parents[1] / "reference" / "cn_wire_messages.json"
RECORDS = {record["name"]: record for record in json.loads(FILE.read_text(encoding="utf-8"))["messages"]}


def contains(found: Any, printed: Any) -> bool:
    """Whether everything printed was found; offsetV is printed as a number in an unnamed alternative."""
    if isinstance(printed, dict):
        return isinstance(found, dict) and all(
            name in found and contains(list(found[name].values())[0] if name == "offsetV" else found[name], inner)
            for name, inner in printed.items()
        )
    if isinstance(printed, list) and printed and isinstance(printed[0], dict):
        return len(found) >= len(printed) and all(map(contains, found, printed))
    return found == printed


@pytest.mark.parametrize("name", RECORDS)
def test_public_octets_decode_and_encode_again_in_the_sets_that_hold_them(name: str) -> None:
    """Printed: strict decoding succeeds exactly in the sets named (MAP and RSI with a path are told apart)."""
    record = RECORDS[name]
    octets = bytes.fromhex(record["hex"])
    for profile in PROFILES:
        message_set = MESSAGE_SETS[profile]
        decoded = message_set.decode(octets, "strict")
        if profile in record["sets"]:
            assert (decoded.status, decoded.message) == ("ok", record["message"]), decoded.error
            assert decoded.value is not None
            assert message_set.encode(record["message"], decoded.value) == octets
        else:
            assert decoded.status == ("skipped" if record["message"] == "C157-CPM" else "error")


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record["printed"]])
def test_public_octets_decode_to_the_printed_values(name: str) -> None:
    """Printed: every name and number beside the octets is found in the decoded value."""
    record = RECORDS[name]
    message_set = MESSAGE_SETS[record["sets"][0]]
    found = message_set.describe(message_set.decode(bytes.fromhex(record["hex"])))["value"]
    assert contains(found, record["printed"])


def test_a_day_one_receiver_misreads_a_foreign_map_and_rsi_at_least_under_the_lenient_policy() -> None:
    """Independent: octets of one Day I set never come back as the same value in the other."""
    for name in ("map", "rsi"):
        octets = bytes.fromhex(RECORDS[name]["hex"])
        right = MESSAGE_SETS["csae53-2020"].decode(octets, "lenient").value
        assert right is not None
        assert MESSAGE_SETS["ydt3709-2020"].decode(octets, "lenient").value != right


def test_platooning_record_by_hand() -> None:
    """By hand: 0x80 opens the extension, 42 octets follow, messageId 16 in 15 bits behind the marker bit, 39 octets of
    CLPMM; then msgCnt 24 behind marker and presence bit, and the identifier in ASCII."""
    octets = bytes.fromhex(RECORDS["clpmm"]["hex"])
    assert octets[:5] == bytes([0x80, len(octets) - 2, 0x00, 0x10, len(octets) - 5])
    decoded = MESSAGE_SETS["csae157-2020"].decode(octets, "strict").value
    assert decoded is not None
    bits = "".join(f"{octet:08b}" for octet in octets[5:])
    assert (bits[0], bits[1], int(bits[2:9], 2)) == ("0", "1", decoded["msgCnt"])
    assert int(bits[9:73], 2).to_bytes(8, "big") == decoded["id"] == b"23330003"
    assert int(bits[73:89], 2) == decoded["secMark"]
