"""WSMP headers and the p-encoding of one to four octets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.messages.base import Rule
from rsu.network import HIGHEST_PSID, NETWORKS, NetworkError, Wsmp, decode_identifier, encode_identifier


def rule(psid: int) -> Rule:
    return Rule("BSM", 100, psid, None, 0, 100, "test")


@pytest.mark.parametrize(
    ("psid", "octets"),
    [
        (0x20, "20"),
        (127, "7f"),
        (128, "8000"),
        (130, "8002"),
        (16_511, "bfff"),
        (16_512, "c00000"),
        (540_802, "c80002"),
        (2_113_663, "dfffff"),
        (2_113_664, "e0000000"),
        (HIGHEST_PSID, "efffffff"),
    ],
)
def test_bounds_of_the_four_forms(psid: int, octets: str) -> None:
    """By hand: each form continues where the shorter one ends; 540802 - 16512 = 0x80002."""
    assert encode_identifier(psid).hex() == octets
    assert decode_identifier(bytes.fromhex(octets), 0) == (psid, len(octets) // 2)


@given(st.integers(0, HIGHEST_PSID))
def test_every_identifier_round_trips(psid: int) -> None:
    """Property: any identifier, with something behind it."""
    octets = encode_identifier(psid)
    assert decode_identifier(b"x" + octets + b"y", 1) == (psid, 1 + len(octets))


def test_packets_by_hand() -> None:
    """By hand: version octet 3, transport identifier 0, PSID, length of one octet, from 128 of two."""
    assert Wsmp().wrap(0x20, b"\xaa\xbb").hex() == "03002002aabb"
    assert Wsmp().wrap(130, bytes(127))[:5].hex() == "030080027f"
    assert Wsmp().wrap(130, bytes(300))[:6].hex() == "03008002812c"


def test_header_sizes_as_printed() -> None:
    """Printed: 4 octets at least, 5 for payloads from 128 octets on; identifiers from 128 on take two."""
    network = NETWORKS["wsmp"]
    assert network.added_bytes([0, 127, 128, 1400], rule(32)).tolist() == [4, 4, 5, 5]
    assert network.added_bytes([0, 127, 128, 1400], rule(130)).tolist() == [5, 5, 6, 6]
    for psid in (32, 130, 540_802, HIGHEST_PSID):
        for length in (0, 127, 128, 1400):
            assert len(Wsmp().wrap(psid, bytes(length))) - length == network.added_bytes(length, rule(psid))
        assert network.overhead_bytes(psid) == network.added_bytes(1400, rule(psid))


def test_extension_elements_are_skipped_in_both_headers() -> None:
    """By hand: channel, rate and power in the network header; one element of three octets behind the PSID."""
    assert Wsmp().unwrap(bytes.fromhex("0b030f01b210010c0401140020012a")) == (32, b"\x2a")
    assert Wsmp().unwrap(bytes.fromhex("03018002010503aabbcc012a")) == (130, b"\x2a")
    assert Wsmp().unwrap(bytes.fromhex("0b00002000")) == (32, b"")


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        ("", "0 octets"),
        ("02002000", "version 2"),
        ("13002000", "subtype 1"),
        ("03022000", "transport identifier 2"),
        ("0300", "before its PSID"),
        ("030080", "inside its PSID"),
        ("0300f000000000", "longer than four"),
        ("030020", "before a length"),
        ("030020c0", "length starts with 0xc0"),
        ("03002081", "inside a length"),
        ("0300200261", "says 2 octets, 1 are"),
        ("030020016161", "says 1 octets, 2 are"),
        ("0b01", "inside an extension"),
        ("0b010f", "before a length"),
        ("0b010f05aa", "before its transport"),
        ("0b8041" + "0500" * 65 + "00200161", "65 extension elements"),
        ("030020857900", "length 1401 is more"),
    ],
)
def test_each_damage_has_its_reason(packet: str, words: str) -> None:
    """By hand: one wrong field each."""
    with pytest.raises(NetworkError, match=words):
        Wsmp().unwrap(bytes.fromhex(packet))


def test_data_and_identifiers_beyond_the_limits_are_refused() -> None:
    """Printed: 1400 octets by default; p-encoding ends at 270549119."""
    with pytest.raises(NetworkError, match="1401 octets are more than 1400"):
        Wsmp().wrap(32, bytes(1401))
    assert len(Wsmp(max_data_bytes=2302).wrap(32, bytes(2302))) == 2307
    for psid in (-1, HIGHEST_PSID + 1):
        with pytest.raises(NetworkError, match=f"aid: {psid}"):
            Wsmp().wrap(psid, b"")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.integers(0, HIGHEST_PSID), st.integers(0, 400), st.integers(0, 60))
def test_any_octets_give_a_packet_or_the_documented_error(octets: bytes, psid: int, flip: int, cut: int) -> None:
    """Property: random octets behind a good first one, damaged packets; what comes out of a good one went in."""
    packet = Wsmp().wrap(psid, octets)
    assert Wsmp().unwrap(packet) == (psid, octets)
    damaged = bytearray(packet)
    damaged[flip // 8 % len(damaged)] ^= 1 << flip % 8
    for data in (octets, b"\x03" + octets, b"\x0b" + octets, bytes(damaged), bytes(damaged[:cut])):
        try:
            Wsmp().unwrap(data)
        except NetworkError:
            continue
