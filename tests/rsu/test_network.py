"""DSMP headers: printed examples, limits, damaged packets."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.messages.cn.rules import RULES
from rsu.network import HIGHEST_AID, NETWORKS, Dsmp, NetworkError, encode_aid

PRINTED_AIDS = {111: "6f", 112: "70", 113: "71", 114: "72", 3618: "8da2", 3619: "8da3", 3623: "8da7"}


@pytest.mark.parametrize(("aid", "octets"), PRINTED_AIDS.items())
def test_application_identifiers_as_printed(aid: int, octets: str) -> None:
    """Printed: p-encodings 0p6F .. 0p72 (GB/T 45315-2025) and 0p8D-A2, 0p8D-A3, 0p8D-A7 (T/CSAE 159-2020)."""
    assert encode_aid(aid).hex() == octets


@pytest.mark.parametrize(("aid", "octets"), [(0, "00"), (127, "7f"), (128, "8000"), (16511, "bfff")])
def test_bounds_of_the_two_forms(aid: int, octets: str) -> None:
    """By hand: value + 0x7F80 in two octets from 128 on."""
    assert encode_aid(aid).hex() == octets


def test_whole_packet_by_hand() -> None:
    """By hand: type 4, version octet 0, AID 3618, length 3, data."""
    packet = bytes.fromhex("04008da20003aabbcc")
    assert Dsmp().wrap(3618, b"\xaa\xbb\xcc") == packet
    assert Dsmp().unwrap(packet) == (3618, b"\xaa\xbb\xcc")


def test_extension_elements_are_skipped() -> None:
    """By hand: indicator bit set, count 2, elements of 1 and 0 octets."""
    packet = bytes.fromhex("0410020501ff07006f00012a")
    assert Dsmp().unwrap(packet) == (111, b"\x2a")


def test_overhead_is_five_or_six_octets() -> None:
    """Printed: 5 octets for AIDs up to 127, 6 for 3617 to 3629; and what wrap really adds."""
    network = NETWORKS["dsmp"]
    assert [network.overhead_bytes(aid) for aid in (111, 127, 128, 3617, 3629)] == [5, 5, 6, 6, 6]
    for rule in RULES.values():
        added = len(network.wrap(rule.application_id, b"x" * 40)) - 40
        assert added == network.overhead_bytes(rule.application_id)


def test_every_application_identifier_round_trips() -> None:
    """Property: all 16512 identifiers."""
    network = Dsmp()
    for aid in range(HIGHEST_AID + 1):
        assert network.unwrap(network.wrap(aid, b"z")) == (aid, b"z")


def test_data_beyond_the_limit_is_refused_both_ways() -> None:
    """Printed: DsmMaxLength 1400 (YD/T 3708-2020); longer data must be refused."""
    network = Dsmp()
    assert len(network.wrap(111, bytes(1400))) == 1405
    with pytest.raises(NetworkError, match="1401 octets are more than 1400"):
        network.wrap(111, bytes(1401))
    with pytest.raises(NetworkError, match="length 1401"):
        network.unwrap(Dsmp(max_data_bytes=1500).wrap(111, bytes(1401)))
    with pytest.raises(NetworkError, match="aid: 16512"):
        network.wrap(16512, b"")
    with pytest.raises(NetworkError, match="aid: -1"):
        network.wrap(-1, b"")


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        ("", "0 octets"),
        ("04", "1 octets"),
        ("00006f000161", "protocol type 0"),
        ("04206f000161", "version 1"),
        ("04016f000161", "reserved bits 0x1"),
        ("0400", "before its AID"),
        ("04008d", "inside its AID"),
        ("0400c00000", "longer than two"),
        ("04006f00", "length field"),
        ("04006f000261", "says 2 octets, 1 are"),
        ("04006f00016161", "says 1 octets, 2 are"),
        ("0410", "extension count"),
        ("04100105", "extension element"),
        ("0410010509aa", "extension element"),
    ],
)
def test_each_damage_has_its_reason(packet: str, words: str) -> None:
    """By hand: one wrong field each."""
    with pytest.raises(NetworkError, match=words):
        Dsmp().unwrap(bytes.fromhex(packet))


def test_any_octets_give_a_packet_or_the_documented_error() -> None:
    """Property: random octets and damaged packets; whatever is accepted ends as it would be sent."""
    generator = np.random.default_rng(11)
    accepted = 0
    for number in range(4000):
        data = generator.bytes(int(generator.integers(0, 24)))
        if number % 2:
            packet = bytearray(Dsmp().wrap(int(generator.integers(0, HIGHEST_AID)), data))
            packet[int(generator.integers(0, len(packet)))] ^= 1 << int(generator.integers(0, 8))
            data = bytes(packet[: int(generator.integers(len(packet) // 2, len(packet) + 1))])
        try:
            aid, payload = Dsmp().unwrap(data)
        except NetworkError:
            continue
        accepted += 1
        assert data.endswith(Dsmp().wrap(aid, payload)[2:])
    assert accepted
