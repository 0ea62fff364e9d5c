"""The densest messages of every set, and the largest real ones: refused and read by their count of elements."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from rsu import bounded
from rsu.bounded import TOO_BUSY, at_most
from rsu.codec import MAX_INPUT_BYTES, Codec
from rsu.fuzz.corpus import valid
from rsu.fuzz.values import Taste, Values
from rsu.messages import MESSAGE_SETS, typical
from rsu.quick import QuickFrame
from rsu.services import SERVICES
from rsu.services.counter import MessageCounter
from rsu.services.described import IntersectionForecast, PhaseForecast

BUSY = {
    "csae53-2020": ("MAP", "RSI", "SPAT"), "ydt3709-2020": ("MAP", "RSI", "SPAT"),
    "csae157-2020": ("MAP", "RSC", "VIR", "PAM", "PSM", "C157-SSM"), "csae53-2017": ("MAP", "SPAT"),
    "etsi-its": ("MAPEM", "SPATEM", "IVIM", "ETSI-CPM"), "sae-j2735": ("MAP", "SPAT", "TIM", "SDSM"),
}
"""Messages whose lists can hold more than a decoder reads, by set."""
CASES = [(name, message) for name, messages in BUSY.items() for message in messages]


def reads_of(name: str, octets: bytes) -> int:
    """What decoding these octets costs the general codec, without a limit."""
    spent = []

    class Watched(bounded.Budget):
        def __init__(self) -> None:
            super().__init__()
            spent.append(self)

    with pytest.MonkeyPatch.context() as patch, at_most(1_000_000):
        patch.setattr(bounded, "Budget", Watched)
        patch.setattr(QuickFrame, "decode", lambda *_: None)
        assert MESSAGE_SETS[name].decode(octets).status == "ok"
    return 1_000_000 - spent[0].left


def dense(name: str, message: str, sizes: tuple[int, ...]) -> Iterator[bytes]:
    """Valid messages of long lists, with every, no, or some optional members; more octets than a decoder takes left
    out."""
    for elements in sizes:
        for seed, (optional, fill) in enumerate(((1.0, 1.0), (0.0, 1.0), (0.5, 1.0), (0.3, 1.0), (1.0, 0.3))):
            octets = valid(MESSAGE_SETS[name], message, random.Random(seed), Taste(optional, 0.1, fill, elements))
            if octets and len(octets) <= MAX_INPUT_BYTES:
                yield octets


@pytest.mark.parametrize(("name", "message"), CASES)
def test_more_elements_than_a_decoder_reads_are_refused(name: str, message: str) -> None:
    """By hand: long lists with every optional member; valid, but an error under both policies, with little memory."""
    message_set = MESSAGE_SETS[name]
    for octets in dense(name, message, (2200, 2600, 3000, 4000, 6000)):
        if reads_of(name, octets) <= bounded.MAX_READS:
            continue
        for policy in ("lenient", "strict"):
            tracemalloc.start()
            try:
                decoded = message_set.decode(octets, policy)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert (decoded.status, decoded.value) == ("error", None) and TOO_BUSY in decoded.error
            assert peak < 3_000_000
        return
    pytest.fail("no dense message of this kind fits the longest input")


@pytest.mark.parametrize(("name", "message"), CASES)
def test_as_many_elements_as_a_decoder_reads_decode(name: str, message: str) -> None:
    """By hand: the same structures below the limit decode under strict."""
    message_set = MESSAGE_SETS[name]
    for octets in dense(name, message, (2600, 2200, 1800, 1400, 1000)):
        if bounded.MAX_READS // 4 < reads_of(name, octets) <= bounded.MAX_READS:
            assert message_set.decode(octets, "strict").status == "ok"
            return
    pytest.fail("no message of this kind is below the limit")


@pytest.mark.parametrize("name", ["etsi-its", "sae-j2735"])
def test_a_signal_message_as_long_as_a_packet_decodes(name: str) -> None:
    """By hand: 25 groups with 7 states each, 1350 octets: the busiest content per octet that is built here."""
    message_set = MESSAGE_SETS[name]
    phases = tuple(
        PhaseForecast(group + 1, ("green", "yellow", "red", "green", "yellow", "red", "green"),
                      tuple(12.0 * (n + 1) for n in range(7)))
        for group in range(25)
    )
    forecast = [IntersectionForecast(310, 257, phases)]
    [(message, value)] = SERVICES[message_set.family].signals(
        forecast, counter=MessageCounter(0), generated_utc_ns=typical.UTC_NS
    )
    octets = message_set.encode(message, value)
    assert 1300 < len(octets) <= 1398
    assert message_set.decode(octets, "strict").value == value
    assert 0.8 * bounded.MAX_READS < reads_of(name, octets) < bounded.MAX_READS


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_a_map_as_long_as_a_packet_decodes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a junction of four arms with as many lanes as 1400 octets hold."""
    message_set = MESSAGE_SETS[name]
    sizes = []
    for lanes in (6, 7, 8, 9, 10):
        monkeypatch.setattr(typical, "LANES", lanes)
        for message, value in SERVICES[message_set.family].maps(
            [typical._junction()], counter=MessageCounter(0), encode=message_set.encode, max_bytes=1400
        ):
            octets = message_set.encode(message, value)
            assert message_set.decode(octets, "strict").status == "ok", len(octets)
            sizes.append(len(octets))
    assert max(sizes) > 950


def test_a_cpm_of_1517_octets_decodes() -> None:
    """Property: perceived objects up to 1517 octets and beyond pass."""
    message_set = MESSAGE_SETS["etsi-its"]
    codec: Codec = message_set.codec
    found = [
        octets for seed in range(40)
        if 1400 < len(octets := valid(message_set, "ETSI-CPM", random.Random(seed), Taste(0.25, 0.0, None, 900))) < 2302
    ]
    assert found and all(codec.decode(octets, "strict").status == "ok" for octets in found)


def test_random_values_reach_every_message() -> None:
    """Property: every message of every set has values that encode; headers that codecs compare are right."""
    for name, message_set in MESSAGE_SETS.items():
        for message in message_set.codec.messages:
            value = Values(message_set.codec, message, random.Random(3), Taste(0.3, 0.0)).message_value()
            assert isinstance(value, dict), (name, message)
            octets = valid(message_set, message, random.Random(3), Taste(0.3, 0.1))
            assert message_set.decode(octets).message in (message, None), (name, message)


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_a_thousand_hostile_messages_at_once(name: str) -> None:
    """Property: every row of a large batch has the status that its input has alone."""
    message_set, draw = MESSAGE_SETS[name], random.Random(4)
    seed = typical.typical_messages(message_set)
    inputs = []
    for number in range(1000):
        octets = bytearray(draw.choice(seed).octets)
        for _ in range(number % 5):
            octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
        inputs.append(bytes(octets[: draw.randrange(len(octets) + 1)] if number % 7 == 0 else octets))
    columns = message_set.decode_vehicles(inputs)
    alone = [message_set.decode(one) for one in inputs]
    wanted = [
        2 if one.status == "error" else 0 if one.usable and one.message == message_set.awareness else 1
        for one in alone
    ]
    assert np.array_equal(columns.status, wanted)
    assert len(set(wanted)) == 3
