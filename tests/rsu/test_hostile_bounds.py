"""What a message may cost a decoder: reads are counted, lengths are not believed, nothing moves backwards."""

from __future__ import annotations

import gc
import tracemalloc
from functools import cache
from typing import Any

import asn1tools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu import bounded
from rsu.bounded import BoundedSpecification, BoundsError, at_most, one_message
from rsu.codec import MAX_INPUT_BYTES
from rsu.fuzz.targets import check_decoding
from rsu.messages import MESSAGE_SETS
from rsu.messages.typical import typical_messages
from rsu.network import DSM_MAX_LENGTH_BYTES, GN_MAX_SDU_BYTES, WSM_MAX_LENGTH_BYTES

MODULE = """M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
    Flags ::= SEQUENCE (SIZE (0..65535)) OF BOOLEAN
    Pairs ::= SEQUENCE (SIZE (0..15)) OF SEQUENCE (SIZE (0..15)) OF SEQUENCE (SIZE (0..15)) OF Late
    Late ::= CHOICE { b BOOLEAN, ..., n SEQUENCE (SIZE (0..15)) OF BOOLEAN }
    Loose ::= SEQUENCE OF BOOLEAN
    Number ::= INTEGER
    Octets ::= OCTET STRING
    Text ::= IA5String
    Colour ::= ENUMERATED { red, ..., green }
    Nest ::= SEQUENCE { inner Nest OPTIONAL }
    Wide ::= SEQUENCE { n INTEGER (0..200), s UTF8String OPTIONAL, d BOOLEAN DEFAULT TRUE, ..., [[ x NULL OPTIONAL ]] }
END"""


@pytest.fixture(scope="module")
def specification() -> BoundedSpecification:
    return BoundedSpecification(asn1tools.compile_string(MODULE, "uper"))


def test_reads_of_a_list_are_counted(specification: BoundedSpecification) -> None:
    """By hand: n flags are n + 1 reads and one for every 64 octets; the last one within the limit decodes."""
    most = bounded.MAX_READS - 1 - (bounded.MAX_READS // 8 >> 6)
    fine = specification.encode("Flags", [True] * most)
    assert specification.decode("Flags", fine) == [True] * most
    with pytest.raises(BoundsError, match="more elements"):
        specification.decode("Flags", specification.encode("Flags", [True] * (most + 1)))


def test_one_message_has_one_budget(specification: BoundedSpecification) -> None:
    """By hand: open types of a message share its reads, and a spent budget shows even if the error is caught."""
    flags = specification.encode("Flags", [False] * 1500)
    assert len(specification.decode("Flags", flags)) == len(specification.decode("Flags", flags)) == 1500
    with one_message() as budget:
        specification.decode("Flags", flags)
        assert not budget.spent
        with pytest.raises(BoundsError):
            specification.decode("Flags", flags)
        assert budget.spent
    with at_most(10_000), one_message() as budget:
        for _ in range(3):
            specification.decode("Flags", flags)
        assert not budget.spent


def test_an_addition_shorter_than_its_content_does_not_rewind(specification: BoundedSpecification) -> None:
    """By hand: asn1tools would read the same 20 bits for each of 3375 choices; here the first is an error."""
    late = "1" + "0000000" + "00000000" + "1111" + "1" * 15
    bits = "1111" * 3 + late + "0" * 17
    with pytest.raises(BoundsError, match="longer than the length"):
        specification.decode("Pairs", int(bits, 2).to_bytes(len(bits) // 8, "big"))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Loose", b"\xc4" * 200), ("Octets", b"\xc4" + b"a" * 100), ("Octets", b"\xbf\xff" + b"a" * 100),
        ("Text", b"\xc4" + b"a" * 8000), ("Number", b"\x80\xff" + b"\x01" * 255), ("Number", b"\x00"),
        ("Number", b"\x09" + b"\x7f" * 9), ("Colour", b"\xd0\x7f" + b"\xff" * 70), ("Nest", b"\xff" * 4000),
        ("Flags", b"\xff" * 8192), ("Wide", b""), ("Wide", b"\x80\x00\xff"),
    ],
)
def test_claims_are_errors_and_take_no_memory(specification: BoundedSpecification, name: str, octets: bytes) -> None:
    """By hand: lengths of 64 K and more, fragments without end, wide numbers, nesting without end."""
    tracemalloc.start()
    try:
        with pytest.raises((BoundsError, ValueError, asn1tools.DecodeError)):
            specification.decode(name, octets)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_numbers_of_eight_octets_pass(specification: BoundedSpecification) -> None:
    """By hand: the widest numbers that fit 64 bits."""
    for number in (-(1 << 63), (1 << 63) - 1, 0, -1, 128):
        assert specification.decode("Number", specification.encode("Number", number)) == number


def test_nesting_ends(specification: BoundedSpecification) -> None:
    """By hand: a type may hold itself eight times."""
    value: dict[str, Any] = {}
    for depth in range(12):
        octets = specification.encode("Nest", value)
        if depth <= bounded.MAX_NESTING:
            assert specification.decode("Nest", octets) == value
        else:
            with pytest.raises(BoundsError, match="holds itself"):
                specification.decode("Nest", octets)
        value = {"inner": value}


def test_a_list_of_nothing_is_refused() -> None:
    """By hand: an element of no bits could be repeated for free."""
    for element in ("NULL", "SEQUENCE {}", "INTEGER (5)", "SEQUENCE { n NULL }", "IA5String (SIZE (0))"):
        compiled = asn1tools.compile_string(f"M DEFINITIONS ::= BEGIN T ::= SEQUENCE OF {element} END", "uper")
        if element == "INTEGER (5)":
            assert len(BoundedSpecification(compiled).decode("T", b"\x05")) == 5, "counted although it has no bits"
            continue
        with pytest.raises(ValueError, match="at least one bit"):
            BoundedSpecification(compiled)


def test_defaults_and_groups_decode_as_before(specification: BoundedSpecification) -> None:
    """Independent of the shortcuts: the same octets through asn1tools alone, compiled anew."""
    plain = asn1tools.compile_string(MODULE, "uper")
    for value in ({"n": 7}, {"n": 200, "s": "é", "d": False}, {"n": 0, "x": None}, {"n": 1, "d": True, "x": None}):
        octets = plain.encode("Wide", value)
        assert specification.decode("Wide", octets) == plain.decode("Wide", octets)
        with one_message():
            assert specification.encode("Wide", plain.decode("Wide", octets)) == octets


def test_the_self_test_notices_another_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: with a wrong count of reads nothing is compiled."""
    bounded.self_test.__wrapped__()
    monkeypatch.setattr(bounded, "SELF_TEST_READS", bounded.SELF_TEST_READS + 1)
    with pytest.raises(RuntimeError, match="does not decode as expected"):
        bounded.self_test.__wrapped__()


def test_limits_admit_what_networks_carry() -> None:
    """Printed: limits of the network layers (YD/T 3708, EN 302 636-4-1, IEEE 1609.3) are below the longest input."""
    assert max(DSM_MAX_LENGTH_BYTES, GN_MAX_SDU_BYTES, WSM_MAX_LENGTH_BYTES) < MAX_INPUT_BYTES


@pytest.mark.parametrize("name", MESSAGE_SETS)
@pytest.mark.parametrize("policy", ["lenient", "strict"])
def test_the_longest_inputs_are_answered(name: str, policy: Any) -> None:
    """By hand: one octet repeated, up to and beyond the longest input; never an exception."""
    decode = MESSAGE_SETS[name].decode
    for octet in (0x00, 0x01, 0x55, 0x7F, 0x80, 0xAA, 0xC4, 0xFF):
        for head in (b"", b"\x02\x05", b"\x00\x14", b"\x80\x80"):
            for length in (1, 60, 1400, MAX_INPUT_BYTES):
                decoded = decode((head + bytes([octet]) * length)[:MAX_INPUT_BYTES], policy)
                assert decoded.status in ("ok", "skipped", "error")
    assert decode(bytes(MAX_INPUT_BYTES + 1), policy).status == "error"


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_other_things_than_octets(name: str) -> None:
    """By hand: buffers are octets; what is none is an error, alone and in a batch."""
    message_set = MESSAGE_SETS[name]
    octets = typical_messages(message_set)[0].octets
    few: list[Any] = [octets, bytearray(octets), memoryview(octets), None, "text", 7, b""]
    for batch in (few, few * 3):
        status = message_set.decode_vehicles(batch).status
        assert status is not None
        assert status.tolist() == [0, 0, 0, 2, 2, 2, 2] * (len(batch) // len(few))
    assert [message_set.decode(one).status for one in few] == ["ok"] * 3 + ["error"] * 4


@pytest.mark.parametrize("name", MESSAGE_SETS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_messages_are_answered(name: str, data: st.DataObject) -> None:
    """Property: any octets, and any message cut, repeated and overwritten anywhere, keep every promise of decoding."""
    message_set = MESSAGE_SETS[name]
    octets = data.draw(st.one_of(st.binary(max_size=200), st.sampled_from(_typical(name))))
    start, end = sorted((data.draw(st.integers(0, len(octets))), data.draw(st.integers(0, len(octets)))))
    filling = data.draw(st.one_of(st.just(octets[start:end]), st.binary(max_size=12)))
    damaged = octets[:start] + filling * data.draw(st.sampled_from((0, 1, 1, 2, 40))) + octets[end:]
    check_decoding(message_set, damaged, message_set.decode(damaged), message_set.decode(damaged, "strict"))


@cache
def _typical(name: str) -> list[bytes]:
    return [one.octets for one in typical_messages(MESSAGE_SETS[name])]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_as_it_was(enabled: bool) -> None:
    """By hand: it rests while a message is decoded, whatever the outcome, and is then as before."""
    was = gc.isenabled()
    decode = MESSAGE_SETS["csae53-2020"].decode
    try:
        (gc.enable if enabled else gc.disable)()
        for octets in (_typical("csae53-2020")[0], b"\xff", b"", bytes(9000)):
            decode(octets, "strict")
            assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("step", [0, -1, 65_536, 70_000, 10**12, -(10**18), 2**62])
def test_steps_in_time_beyond_their_range_are_not_told(step: int) -> None:
    """By hand: PathDeltaTime is extensible; what is outside 1..65535 reads as unknown, alone and in a batch."""
    message_set = MESSAGE_SETS["etsi-its"]
    decoded = message_set.decode(_typical("etsi-its")[1])
    assert decoded.message == "CAM" and decoded.value is not None
    decoded.value["cam"]["camParameters"]["lowFrequencyContainer"][1]["pathHistory"][1]["pathDeltaTime"] = step
    octets = message_set.encode("CAM", decoded.value)
    for count in (1, 20):
        path = message_set.decode_vehicles([octets] * count).path
        assert path is not None
        ages_s = path.rows()[-1][:, 2]
        assert ages_s[0] > 0 and all(age_s != age_s for age_s in ages_s[1:])
