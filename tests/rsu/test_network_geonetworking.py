"""GeoNetworking and BTP headers: a packet written down by hand, fields, limits, damaged packets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.messages.base import Rule
from rsu.network import NETWORKS, GeoNetworking, NetworkError, Source
from rsu.network.geonetworking import gn_address, long_position_vector
from rsu.network.tai import tai_2004_ns, utc_from_tai_2004_ns

CAM = Rule("CAM", 100, 36, None, 0, 100, "test", btp_port=2001)
DENM = Rule("DENM", 100, 37, None, 0, 100, "test", btp_port=2002, geo_broadcast=True)
CAR = Source(0x01020304, 11.5, -48.25, 13.89, 271.3, 1_167_609_600_000_000_000, sequence=65_538, area_radius_m=500)
CAR_POSITION = "14000200010203040c39e3e8e33da26006dac2c0856d0a99"


def test_position_vector_by_hand() -> None:
    """By hand: car (5 << 10), address 02:00:01:02:03:04, the printed time modulo 2^32, -48.25, 11.5, 13.89, 271.3.

    94694401000 = 22 x 2^32 + 0x0c39e3e8; speed 1389 = 0x056d behind the accuracy bit.
    """
    assert 94_694_401_000 % 2**32 == 0x0C39E3E8
    assert long_position_vector(CAR).hex() == CAR_POSITION


def test_single_hop_packet_by_hand() -> None:
    """By hand: version 1 and next header 1, 1 s, one hop; BTP-B, 0x50, class 2, mobile, length 4 + 3, one hop."""
    expected = "110005012050028000070100" + CAR_POSITION + "0000000007d10000aabbcc"
    packet = GeoNetworking().pack(b"\xaa\xbb\xcc", CAM, CAR)
    assert packet.hex() == expected
    received = GeoNetworking().unpack(packet)
    assert (received.message, received.btp_port, received.application_id) == (b"\xaa\xbb\xcc", 2001, None)


def test_geo_broadcast_packet_by_hand() -> None:
    """By hand: 60 s, ten hops, 0x40, class 1; sequence 65538 mod 65536, position, circle of 500 m around the car."""
    area = "e33da26006dac2c001f4000000000000"
    expected = "11001a0a2040018000050a0000020000" + CAR_POSITION + area + "07d200002a"
    packet = GeoNetworking().pack(b"\x2a", DENM, CAR)
    assert packet.hex() == expected
    assert GeoNetworking().unpack(packet).btp_port == 2002


def test_an_area_elsewhere_and_a_roadside_unit() -> None:
    """By hand: centre and radius of the area, station type 15, the stationary flag."""
    roadside = replace(CAR, is_roadside=True, area_lat_deg=1e-7, area_lon_deg=-2e-7, area_radius_m=65_535)
    packet = GeoNetworking().pack(b"", DENM, roadside)
    assert packet[40:50].hex() == "00000001fffffffeffff"
    assert packet[7] == 0
    assert gn_address(roadside).hex() == "3c00020001020304"


def test_time_scale_as_printed() -> None:
    """Printed: 2007-01-01T00:00:00Z is 94694401000 ms since 2004, one leap second included (TS 102 894-2)."""
    assert tai_2004_ns(1_167_609_600 * 10**9) == 94_694_401_000 * 10**6


@given(st.integers(1_072_915_200, 4_000_000_000))
def test_time_scale_there_and_back(utc_s: int) -> None:
    """Property: every second from 2004 on returns; five seconds were inserted by 2017."""
    utc_ns = utc_s * 10**9 + 1
    assert utc_from_tai_2004_ns(tai_2004_ns(utc_ns)) == utc_ns
    if utc_s >= 1_483_228_800:
        assert tai_2004_ns(utc_ns) - utc_ns + 1_072_915_200 * 10**9 == 5 * 10**9


def test_sizes_as_measured() -> None:
    """Printed: 44 octets from message to single-hop packet, 60 to geo-broadcast, measured on recordings."""
    network = NETWORKS["geonetworking"]
    for rule, added in ((CAM, 44), (DENM, 60)):
        assert network.added_bytes([0, 41, 1000], rule).tolist() == [added] * 3
        assert [len(network.pack(bytes(n), rule, CAR)) - n for n in (0, 41, 1000)] == [added] * 3
    assert network.overhead_bytes(36) == 60


def test_secured_form_stands_behind_the_basic_header() -> None:
    """Property: next header 2, and exactly what stood behind four octets goes through the envelope."""
    plain = GeoNetworking().pack(b"abc", CAM, CAR)
    sealed = GeoNetworking().pack(b"abc", CAM, CAR, lambda inside: b"<" + inside + b">")
    assert sealed[0] == 0x12 and sealed[1:4] == plain[1:4]
    assert sealed[4:] == b"<" + plain[4:] + b">"
    assert GeoNetworking().unpack(sealed, lambda octets: octets[1:-1]).message == b"abc"
    with pytest.raises(NetworkError, match="no envelope to open"):
        GeoNetworking().unpack(sealed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lat_deg": 90.1}, "lat_deg: 90.1"),
        ({"lon_deg": float("nan")}, "lon_deg: nan"),
        ({"speed_mps": 164.0}, "speed_mps"),
        ({"heading_deg": float("inf")}, "heading_deg"),
        ({"station_id": 2**32}, "station_id"),
        ({"station_id": -1}, "station_id"),
        ({"area_radius_m": 70_000.0}, "area_radius_m"),
        ({"area_lat_deg": -91.0}, "area_lat_deg"),
    ],
)
def test_a_sender_beyond_the_fields_is_refused(change: dict, words: str) -> None:
    """By hand: one wrong value each."""
    with pytest.raises(NetworkError, match=words):
        GeoNetworking().pack(b"", DENM, replace(CAR, **change))


def test_lengths_and_ports_beyond_the_limits_are_refused() -> None:
    """Printed: itsGnMaxSduSize 1398 for BTP and message; ports have 16 bits."""
    assert len(GeoNetworking().pack(bytes(1394), CAM, CAR)) == 1438
    with pytest.raises(NetworkError, match="1395 octets"):
        GeoNetworking().pack(bytes(1395), CAM, CAR)
    with pytest.raises(NetworkError, match="length 1399"):
        GeoNetworking().unpack(GeoNetworking(max_data_bytes=1500).pack(bytes(1395), CAM, CAR))
    with pytest.raises(NetworkError, match="btp_port: 65536"):
        GeoNetworking().pack(b"", replace(CAM, btp_port=65_536), CAR)


@pytest.mark.parametrize(
    ("position", "octets", "words"),
    [
        (0, "21", "version 2"),
        (0, "13", "next header 3"),
        (3, "02", "2 hops are left of at most 1"),
        (4, "30", "next header 3 behind the common"),
        (5, "60", "header type 0x60"),
        (8, "0006", "length says 6 octets, 7"),
    ],
)
def test_each_damage_has_its_reason(position: int, octets: str, words: str) -> None:
    """By hand: one wrong field each."""
    packet = bytearray(GeoNetworking().pack(b"xyz", CAM, CAR))
    packet[position : position + len(octets) // 2] = bytes.fromhex(octets)
    with pytest.raises(NetworkError, match=words):
        GeoNetworking().unpack(bytes(packet))


def test_every_cut_is_refused() -> None:
    """Property: no beginning of a packet passes for a packet."""
    for rule in (CAM, DENM):
        packet = GeoNetworking().pack(b"xyz", rule, CAR)
        for length in range(len(packet)):
            with pytest.raises(NetworkError):
                GeoNetworking().unpack(packet[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 511), st.integers(0, 120))
def test_any_octets_give_a_packet_or_the_documented_error(octets: bytes, flip: int, cut: int) -> None:
    """Property: random octets, and a packet with one bit flipped and its end cut."""
    packet = bytearray(GeoNetworking().pack(octets[:20], DENM if flip % 2 else CAM, CAR))
    packet[flip // 8 % len(packet)] ^= 1 << flip % 8
    for data in (octets, b"\x11\x00\x05\x01" + octets, bytes(packet), bytes(packet[:cut])):
        try:
            GeoNetworking().unpack(data)
        except NetworkError:
            continue
