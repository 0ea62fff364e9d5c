"""Envelopes as octets: one written down by hand, sizes, general codecs, damaged input."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import asn1tools
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.security import ENVELOPES, IEEE1609, TS103097, YDT3957, Opened, SecurityError, unsecured_envelope_bytes

SIGNED = {name: envelope for name, envelope in ENVELOPES.items() if name != "unsecured"}
MODULE = Path(__file__).parents[1] / "reference" / "signed_envelope.asn"
NEW_YEAR_2026_NS = 1_767_225_600_000_000_000
IDENTIFIERS = (0, 32, 36, 37, 111, 127, 128, 255, 256, 3618, 65_535, 65_536, 540_802, 2**24, 270_549_119)


@pytest.fixture(scope="module")
def general() -> Any:
    return asn1tools.compile_files(str(MODULE), "oer")


def test_signed_data_by_hand() -> None:
    """By hand: everything but the placeholders. 2026-01-01 is 8036 days and 5 leap seconds after 2004 began."""
    time_us = (8036 * 86_400 + 5) * 1_000_000
    opening = "03810040038002aabb400124" + time_us.to_bytes(8, "big").hex() + "80"
    octets = TS103097.wrap(b"\xaa\xbb", 36, NEW_YEAR_2026_NS)
    assert octets.hex().startswith(opening)
    assert octets[-66:-64].hex() == "8080"
    assert len(octets) == len(opening) // 2 + 8 + 66 == 2 + 93
    assert TS103097.unwrap(octets) == Opened(b"\xaa\xbb", 36, NEW_YEAR_2026_NS, "digest")


def test_the_chinese_form_by_hand() -> None:
    """By hand: hash 2 (SM3), identifier of two octets, signature alternative 4 with a length of 64."""
    octets = YDT3957.wrap(b"\xaa", 3618, NEW_YEAR_2026_NS)
    assert octets[:11].hex() == "03810240038001aa40020e"
    assert octets[-66:-64].hex() == "8440"
    assert len(octets) == 1 + 94


def test_digest_sizes_as_measured() -> None:
    """Printed: 93 octets below 128 and 94 from there, measured on recorded packets; three octets of identifier."""
    assert TS103097.overhead_bytes([86, 127, 128, 255], 36).tolist() == [93, 93, 94, 94]
    assert TS103097.overhead_bytes(10, [36, 137, 639, 540_802]).tolist() == [93, 93, 94, 95]


def test_certificate_sizes_as_measured() -> None:
    """Printed: 235 and 236 with the ticket of the recording, which costs 142 octets more than its digest."""
    ticket = TS103097.certificate_sizes["obu"].size_bytes
    assert TS103097.overhead_bytes([86, 174], 36, True, ticket).tolist() == [235, 236]
    assert (TS103097.overhead_bytes(86, 36, [False, True], ticket) - 93).tolist() == [0, 142]


def test_the_recorded_frames_add_up() -> None:
    """Printed: whole Ethernet frames of 197, 286, 339 and 428 octets; 14 and 44 around CAMs of 46 and 134."""
    cam, full = np.array([46, 134, 46, 134]), np.array([False, False, True, True])
    assert (14 + 44 + cam + TS103097.overhead_bytes(cam + 40, 36, full, 148)).tolist() == [197, 286, 339, 428]


def test_average_cost_as_printed() -> None:
    """Printed: 107 octets a message on average for 10 Hz and one certificate a second (rounded)."""
    every_tenth = np.arange(10) == 0
    assert round(float(TS103097.overhead_bytes(86, 36, every_tenth, 148).mean())) == 107


def test_a_signed_bsm_with_an_implicit_certificate_as_printed() -> None:
    """Printed: 250 octets against 180 with a digest (Rostami, Krishnan, Gruteser 2018): a certificate of 76 octets,
    which is one the family can build."""
    assert int(IEEE1609.overhead_bytes(60, 32, True, 76) - IEEE1609.overhead_bytes(60, 32)) == 250 - 180
    assert len(IEEE1609.certificate(76)) == 76


@pytest.mark.parametrize("name", SIGNED)
def test_sizes_are_what_is_really_built(name: str) -> None:
    """Property: octets added equal the size function, over lengths around every step, identifiers and signers."""
    envelope = SIGNED[name]
    lengths = [0, 1, 86, 127, 128, 129, 254, 255, 256, 257, 1400, 65_535]
    for application_id in IDENTIFIERS:
        for certificate_bytes in (None, 80, 148, 165, 210, 300):
            certificate = None if certificate_bytes is None else envelope.certificate(certificate_bytes, 9)
            size = 0 if certificate is None else len(certificate)
            expected = envelope.overhead_bytes(lengths, application_id, certificate is not None, size)
            built = [len(envelope.wrap(bytes(n), application_id, NEW_YEAR_2026_NS, certificate)) for n in lengths]
            assert (np.array(built) - lengths).tolist() == expected.tolist()


@pytest.mark.parametrize("name", SIGNED)
def test_a_general_codec_reads_the_same(name: str, general: Any) -> None:
    """Independent: asn1tools (OER) decodes every field as put in and encodes the same octets."""
    envelope = SIGNED[name]
    for number, application_id in enumerate(IDENTIFIERS):
        payload = bytes(number * 40)
        for certificate in (None, envelope.certificate(150 + number, number)):
            octets = envelope.wrap(
                payload, application_id, NEW_YEAR_2026_NS + 7000, certificate, station_id=5, lat_deg=-1.5, lon_deg=113.5
            )
            value = general.decode("Data", octets)
            assert general.encode("Data", value) == octets
            assert value["version"] == 3 and value["content"][0] == "signed"
            signed = value["content"][1]
            assert signed["payload"]["data"] == {"version": 3, "content": ("unsecured", payload)}
            assert signed["header"]["aid"] == application_id
            assert signed["header"]["time"] == 694_310_405_000_007
            located = name == "ts103097" and application_id == 37
            assert signed["header"].get("location") == (bytes.fromhex("ff1b1e4043a6b9c01000") if located else None)
            assert signed["signer"][0] == ("digest" if certificate is None else "certificates")
            assert (signed["hash"], signed["signature"][0]) == (
                ("sm3", "sm2") if name == "ydt3957-2021" else ("sha256", "p256")
            )


def test_pycrate_reads_and_rewrites_them() -> None:
    """Independent: pycrate's compiled IEEE 1609.2 module decodes the fields and encodes the same octets."""
    module = pytest.importorskip("pycrate_asn1dir.ITS_IEEE1609_2", reason="pycrate is not installed")
    kind = module.Ieee1609Dot2.Ieee1609Dot2Data
    for envelope in (TS103097, IEEE1609):
        for length in (0, 1, 127, 128, 255, 256, 1400):
            for certificate in (None, envelope.certificate(148), envelope.certificate(199), envelope.certificate(80)):
                for application_id in (32, 36, 37, 540_802):
                    octets = envelope.wrap(bytes(length), application_id, NEW_YEAR_2026_NS, certificate)
                    kind.from_coer(octets)
                    signed = kind.get_val()["content"][1]
                    assert signed["tbsData"]["headerInfo"]["psid"] == application_id
                    assert ("generationLocation" in signed["tbsData"]["headerInfo"]) == (
                        envelope is TS103097 and application_id == 37
                    )
                    assert kind.to_coer() == octets


def test_header_fields_of_others_are_read_over() -> None:
    """Independent: expiry, location, certificate request and extension additions encoded by hand into the header."""
    octets = TS103097.wrap(b"data", 36, NEW_YEAR_2026_NS)
    start = octets.index(b"data") + 4
    when, rest = octets[start + 3 : start + 11], octets[start + 11 :]
    additions = "0205a0030102030107"
    more = bytes([0xF8]) + octets[start + 1 : start + 3] + when + when + bytes(10) + b"abc" + bytes.fromhex(additions)
    assert TS103097.unwrap(octets[:start] + more + rest) == Opened(b"data", 36, NEW_YEAR_2026_NS, "digest")
    without = bytes([0x00]) + octets[start + 1 : start + 3]
    assert TS103097.unwrap(octets[:start] + without + rest) == Opened(b"data", 36, None, "digest")


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 2000])
def test_unsecured_envelopes_are_opened(length: int) -> None:
    """Printed: an unsecured envelope is 3, 4 or 5 octets longer than its payload; it has no signer."""
    determinant = bytes([length]) if length < 128 else bytes([0x81, length]) if length < 256 else b"\x82\x07\xd0"
    determinant = b"\x82\x01\x00" if length == 256 else determinant
    octets = b"\x03\x80" + determinant + bytes(length)
    assert len(octets) - length == unsecured_envelope_bytes(length)
    for envelope in ENVELOPES.values():
        assert envelope.unwrap(octets) == Opened(bytes(length), None, None, "none")
    unsecured = ENVELOPES["unsecured"]
    assert unsecured.wrap(bytes(length), 36, NEW_YEAR_2026_NS) == octets
    assert unsecured.unwrap(octets) == Opened(bytes(length), None, None, "none")
    assert unsecured.overhead_bytes([length, length], 36, [True, False], 165).tolist() == [len(octets) - length] * 2
    for bad in (b"", b"\x03", b"\x03\x81" + octets[2:], octets + b"\x00", octets[:-1]):
        with pytest.raises(SecurityError):
            unsecured.unwrap(bad)


@pytest.mark.parametrize(
    ("position", "octets", "words"),
    [
        (0, "02", "protocol version is 0x02"),
        (1, "82", "content choice 0x82"),
        (2, "02", "hash identifier is 0x02"),
        (3, "20", "presence of signed data"),
        (4, "04", "protocol version of the data"),
        (5, "81", "content choice of the data"),
        (6, "8103", "shortest form"),
        (6, "84", "has 4 octets"),
        (10, "42", "names fields that are not read"),
        (11, "0200", "shortest-form integer"),
        (11, "00", "shortest-form integer"),
        (13, "ff", "after 2262"),
        (21, "82", "signer 0x82"),
        (21, "810102", "2 certificates"),
        (21, "81010180030180", "neither explicit nor implicit"),
        (21, "81010180030000", "issuer starts with 0x00"),
        (30, "8440", "not of p256"),
        (31, "85", "curve point that starts with 0x85"),
    ],
)
def test_each_damage_has_its_reason(position: int, octets: str, words: str) -> None:
    """By hand: one wrong field each, in an envelope around three octets."""
    damaged = bytearray(TS103097.wrap(b"xyz", 36, NEW_YEAR_2026_NS))
    damaged[position : position + len(octets) // 2] = bytes.fromhex(octets)
    with pytest.raises(SecurityError, match=words):
        TS103097.unwrap(bytes(damaged))


@pytest.mark.parametrize("name", SIGNED)
def test_every_cut_and_every_addition_is_refused(name: str) -> None:
    """Property: no beginning of an envelope passes for one, and nothing may follow it."""
    envelope = SIGNED[name]
    for certificate in (None, envelope.certificate(150)):
        octets = envelope.wrap(b"xyz", 36, NEW_YEAR_2026_NS, certificate)
        for length in range(len(octets)):
            with pytest.raises(SecurityError):
                envelope.unwrap(octets[:length])
        with pytest.raises(SecurityError):
            envelope.unwrap(octets + b"\x00")


def test_envelopes_of_others_are_refused() -> None:
    """Property: Chinese and 1609.2 envelopes do not pass for each other."""
    for one, other in ((YDT3957, TS103097), (TS103097, YDT3957), (IEEE1609, YDT3957)):
        with pytest.raises(SecurityError, match="hash identifier"):
            other.unwrap(one.wrap(b"", 32, NEW_YEAR_2026_NS))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((bytes(65_536), 36, NEW_YEAR_2026_NS), "65536 octets"),
        ((b"", -1, NEW_YEAR_2026_NS), "application_id: -1"),
        ((b"", 270_549_120, NEW_YEAR_2026_NS), "application_id"),
        ((b"", 36, 0), "generated_utc_ns: 0"),
        ((b"", 36, 2**63), "generated_utc_ns"),
    ],
)
def test_what_no_envelope_carries_is_refused(arguments: tuple, words: str) -> None:
    """By hand: one wrong argument each."""
    with pytest.raises(SecurityError, match=words):
        TS103097.wrap(*arguments)


def test_a_position_off_the_globe_is_refused_where_it_travels() -> None:
    """By hand: only DENMs carry it."""
    TS103097.wrap(b"", 36, NEW_YEAR_2026_NS, lat_deg=91.0)
    with pytest.raises(SecurityError, match="lat_deg: 91.0"):
        TS103097.wrap(b"", 37, NEW_YEAR_2026_NS, lat_deg=91.0)
    with pytest.raises(SecurityError, match="lon_deg: nan"):
        TS103097.wrap(b"", 37, NEW_YEAR_2026_NS, lon_deg=float("nan"))


def certificate_with(content: int, region: bytes = b"", permissions: bytes = b"") -> bytes:
    """The beginning of a certificate without identity, by hand, up to its permissions."""
    start = bytes.fromhex("80030080") + bytes(8) + bytes([content]) + b"\x83" + bytes(9) + b"\x84\x00\x01"
    return start + region + permissions


def repeated(count: int, element: bytes) -> bytes:
    """A list of equal elements with its count."""
    return b"\x02" + count.to_bytes(2, "big") + element * count


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (certificate_with(0x10, permissions=repeated(20_000, b"\x00\x01\x24")), "20000 permissions are more"),
        (certificate_with(0x50, b"\x83" + repeated(20_000, b"\x80\x00\x01")), "20000 countries are more"),
        (
            certificate_with(0x50, b"\x83\x01\x01\x82\x00\x01" + repeated(9000, b"\x01\x01\x00")),
            "9000 regions are more",
        ),
        (certificate_with(0x50, b"\x82" + repeated(8000, bytes(8))), "length of permissions"),
        (certificate_with(0x18), "may issue or request"),
        (certificate_with(0x50, b"\x7f"), "region starts with 0x7f"),
    ],
)
def test_lists_are_bounded(certificate: bytes, words: str) -> None:
    """By hand: lists of as many elements as fit 64 KB are refused by their count (a polygon's corners are skipped at
    one stroke), within 10 ms."""
    octets = TS103097.wrap(b"", 36, NEW_YEAR_2026_NS, certificate)
    started = time.process_time()
    with pytest.raises(SecurityError, match=words):
        TS103097.unwrap(octets)
    assert time.process_time() - started < 0.010


def test_a_long_bitmap_of_extensions_is_refused() -> None:
    """By hand: 20000 octets of presence bits and an empty addition for many of them."""
    octets = TS103097.wrap(b"", 36, NEW_YEAR_2026_NS)
    time_field = octets[10:18]
    header = b"\xc0\x01\x24" + time_field + b"\x82\x4e\x21\x00" + b"\xff" * 20_000 + bytes(40_000)
    with pytest.raises(SecurityError, match="presence bitmap"):
        TS103097.unwrap(octets[:7] + header + octets[18:])


def test_certificate_rules_as_printed() -> None:
    """Printed: 450 ms and every event BSM (GB/T 45315-2025), 1 s and every DENM (TS 103 097), 450 ms (Rostami)."""
    rules = {name: envelope.certificate_rule for name, envelope in SIGNED.items()}
    assert {name: rule.period_ns // 10**6 for name, rule in rules.items()} == {
        "ydt3957-2021": 450,
        "ts103097": 1000,
        "ieee1609.2": 450,
    }
    assert rules["ydt3957-2021"].always == {112, 114} and rules["ts103097"].always == {37}
    sizes = {name: {k: v.size_bytes for k, v in one.certificate_sizes.items()} for name, one in SIGNED.items()}
    assert sizes["ydt3957-2021"] == {"obu": 165, "rsu": 210} and sizes["ts103097"]["obu"] == 148


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 4000), st.integers(0, 400), st.sampled_from(sorted(SIGNED)))
def test_any_octets_give_a_value_or_the_documented_error(octets: bytes, flip: int, cut: int, name: str) -> None:
    """Property: random octets, random ones behind a good beginning, bit flips, cuts."""
    envelope = SIGNED[name]
    good = envelope.wrap(octets, 36, NEW_YEAR_2026_NS, envelope.certificate(150) if flip % 2 else None)
    damaged = bytearray(good)
    damaged[flip // 8 % len(damaged)] ^= 1 << flip % 8
    for data in (octets, b"\x03\x80" + octets, good[: 12 + cut % 40] + octets, bytes(damaged), good[:cut]):
        try:
            envelope.unwrap(data)
        except SecurityError:
            continue
