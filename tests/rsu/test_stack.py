"""Network layer and envelope together: built octets against sizes, printed totals, damaged input."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.messages.base import Rule
from rsu.network import NETWORKS, Source
from rsu.security import ENVELOPES, TS103097
from rsu.stack import Stack, StackError, stack_for

SOURCE = Source(77, 113.5, 22.1, 20.0, 45.0, 1_767_225_600_123_456_000, sequence=3)
STACKS = [(network, envelope) for network in NETWORKS for envelope in (None, *ENVELOPES)]
SIGNERS = (None, 80, 148, 165, 210)


def rule(application_id: int, port: int = 2001, *, area: bool = False) -> Rule:
    return Rule("message", 100, application_id, None, 0, 100, "test", btp_port=port, geo_broadcast=area)


@pytest.mark.parametrize(("network", "envelope"), STACKS)
def test_built_packets_have_the_computed_size_and_return(network: str, envelope: str | None) -> None:
    """Property: over random lengths and all around each step, identifiers, signers and destinations, octets built
    equal message plus overhead, and the message comes back with the form of its signer and its time."""
    stack = stack_for(network, envelope)
    generator = np.random.default_rng(20)
    near = [0, 1, 30, 31, 32, 33, 34, 35, 86, 87, 88, 127, 128, 211, 212, 213, 214, 215, 216, 254, 255, 256]
    lengths = [*near, *generator.integers(0, 1040, 40).tolist()]
    for number, length in enumerate(lengths):
        message = generator.bytes(length)
        to = rule(int(generator.choice([0, 32, 37, 111, 127, 128, 255, 256, 3618, 16_511])), area=number % 2 == 1)
        for certificate_bytes in SIGNERS:
            wanted = certificate_bytes
            if wanted is not None and envelope is not None:
                wanted = len(ENVELOPES[envelope].certificate(wanted))
            packet = stack.wrap(message, to, SOURCE, wanted)
            overhead = stack.overhead_bytes(length, to, wanted is not None, wanted or 0)
            assert len(packet) == length + int(overhead)
            got = stack.unwrap(packet)
            assert got.message == message
            assert got.btp_port == (2001 if network == "geonetworking" else None)
            signed = envelope not in (None, "unsecured")
            assert got.application_id == (to.application_id if signed or network != "geonetworking" else None)
            signer = "digest" if wanted is None else "certificate"
            assert got.signer == (signer if signed else "none")
            assert got.generated_utc_ns == (SOURCE.utc_ns if signed else None)


@pytest.mark.parametrize(("network", "envelope"), STACKS)
def test_arrays_equal_single_calls(network: str, envelope: str | None) -> None:
    """Property: lengths, signers and certificate lengths broadcast."""
    stack, to = stack_for(network, envelope), rule(37, area=True)
    lengths, full, certificate = np.array([40, 120, 300, 1000]), np.array([True, False, True, False]), 165
    single = [int(stack.overhead_bytes(n, to, f, certificate)) for n, f in zip(lengths, full, strict=True)]
    assert stack.overhead_bytes(lengths, to, full, certificate).tolist() == single
    assert stack.overhead_bytes(40, to, full, certificate).shape == (4,)
    assert stack.overhead_bytes(lengths[:, None], to, full, certificate).shape == (4, 4)
    assert stack.overhead_bytes([], to).shape == (0,)


def test_chinese_totals_as_printed() -> None:
    """Printed: a BSM of 47 octets is 145 or 304 at the top of the access layer, a MAP of 869 971 or 1175."""
    stack = stack_for("dsmp", "ydt3957-2021")
    assert (47 + stack.overhead_bytes(47, rule(111), [False, True], 165)).tolist() == [145, 304]
    assert (869 + stack.overhead_bytes(869, rule(3618), [False, True], 210)).tolist() == [971, 1175]
    assert [len(stack.wrap(bytes(47), rule(111), SOURCE, size)) for size in (None, 165)] == [145, 304]
    assert [len(stack.wrap(bytes(869), rule(3618), SOURCE, size)) for size in (None, 210)] == [971, 1175]


def test_european_totals_as_printed() -> None:
    """Printed: 44 (SHB) and 60 (GBC) without security; recorded frames of 197, 286, 339 and 428 octets with it,
    14 of them Ethernet."""
    plain, secured = stack_for("geonetworking"), stack_for("geonetworking", "ts103097")
    assert plain.overhead_bytes([41, 400], rule(36)).tolist() == [44, 44]
    assert plain.overhead_bytes([41, 400], rule(37, area=True)).tolist() == [60, 60]
    frames = [14 + len(secured.wrap(bytes(n), rule(36), SOURCE, size)) for size in (None, 148) for n in (46, 134)]
    assert frames == [197, 286, 339, 428]


def test_american_totals_by_hand() -> None:
    """By hand: a BSM of 40 octets in a signed envelope of 93 and a WSMP header of 5; one more for an identifier of
    two octets (SPAT, 130) in the header alone."""
    stack = stack_for("wsmp", "ieee1609.2")
    assert stack.overhead_bytes(40, rule(32)) == 93 + 5
    assert stack.overhead_bytes(40, rule(130)) == 93 + 6
    assert stack.overhead_bytes(30, rule(32)) == 93 + 4
    assert stack.overhead_bytes(40, rule(32), True, 80) == 93 - 6 + 80 + 5


def test_longest_message_is_the_longest_that_goes() -> None:
    """Property: it can be sent within both limits, one octet more cannot."""
    for network, envelope in STACKS:
        stack, to = stack_for(network, envelope), rule(37, area=True)
        for limit in (250, 600, 1300, 3000):
            longest = stack.longest_message_bytes(to, limit, True, 165)
            if longest < 0:
                assert len(stack.wrap(b"", to, SOURCE, 165)) > limit
                continue
            assert len(stack.wrap(bytes(longest), to, SOURCE, 165)) <= limit
            try:
                assert len(stack.wrap(bytes(longest + 1), to, SOURCE, 165)) > limit
            except StackError:
                assert limit == 3000


def test_a_signed_identifier_other_than_the_headers_is_refused() -> None:
    """By hand: a signed BSM put behind a header that says SPAT."""
    secured = stack_for("wsmp", "ieee1609.2")
    inside = ENVELOPES["ieee1609.2"].wrap(b"bsm", 32, SOURCE.utc_ns)
    outside = stack_for("wsmp").wrap(inside, rule(130), SOURCE)
    with pytest.raises(StackError, match="130 in the header, 32 in the envelope"):
        secured.unwrap(outside)


def test_plain_packets_are_told_apart() -> None:
    """By hand: GeoNetworking says itself that a packet is plain; a secured one needs its envelope."""
    plain, secured = stack_for("geonetworking"), stack_for("geonetworking", "ts103097")
    got = secured.unwrap(plain.wrap(b"cam", rule(36), SOURCE))
    assert (got.message, got.signer, got.application_id, got.btp_port) == (b"cam", "none", None, 2001)
    with pytest.raises(StackError, match="no envelope"):
        plain.unwrap(secured.wrap(b"cam", rule(36), SOURCE))
    unsecured = stack_for("dsmp").wrap(b"\x03\x80\x03bsm", rule(111), SOURCE)
    got = stack_for("dsmp", "ydt3957-2021").unwrap(unsecured)
    assert (got.message, got.signer, got.application_id, got.generated_utc_ns) == (b"bsm", "none", 111, None)


def test_what_a_stack_cannot_carry_is_one_error() -> None:
    """By hand: faults of either part come as StackError; unknown names are named."""
    with pytest.raises(StackError, match="1401 octets"):
        stack_for("dsmp").wrap(bytes(1401), rule(111), SOURCE)
    with pytest.raises(StackError, match="generated_utc_ns: 0"):
        stack_for("wsmp", "ieee1609.2").wrap(b"", rule(32), Source(utc_ns=0))
    with pytest.raises(StackError, match="network: 'ip' is none of dsmp, geonetworking, wsmp"):
        stack_for("ip")
    with pytest.raises(StackError, match="envelope: 'tls' is none of ydt3957-2021"):
        stack_for("dsmp", "tls")
    with pytest.raises(ValueError, match="message_bytes: -1"):
        stack_for("dsmp").overhead_bytes(-1, rule(111))
    assert Stack(NETWORKS["wsmp"], TS103097) == stack_for("wsmp", "ts103097")


def test_long_hostile_input_is_answered_at_once() -> None:
    """Property: 64 KB of each of a few octets, bare and behind good beginnings, within 10 ms a packet."""
    for network, envelope in STACKS:
        stack = stack_for(network, envelope)
        good = stack.wrap(b"message", rule(36), SOURCE, None if envelope is None else 150)
        for octet in (0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0xFF):
            for keep in (0, 1, 5, 20, len(good) // 2):
                data = good[:keep] + bytes([octet]) * 65_536
                started = time.process_time()
                with pytest.raises(StackError):
                    stack.unwrap(data)
                assert time.process_time() - started < 0.010


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(STACKS), st.binary(max_size=200), st.lists(st.integers(0, 8000), max_size=3), st.integers(0, 300)
)
def test_any_octets_give_a_message_or_the_documented_error(
    names: tuple[str, str | None], octets: bytes, flips: list[int], cut: int
) -> None:
    """Property: random octets, packets with up to three bits flipped, packets cut."""
    stack = stack_for(*names)
    good = stack.wrap(octets, rule(36, area=cut % 2 == 0), SOURCE, None if cut % 3 else 150)
    damaged = bytearray(good)
    for flip in flips:
        damaged[flip // 8 % len(damaged)] ^= 1 << flip % 8
    for data in (octets, good[: cut % 60] + octets, bytes(damaged), good[:cut]):
        try:
            stack.unwrap(data)
        except StackError:
            continue
