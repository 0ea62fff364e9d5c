"""The message root of 2017 against that of 2019/20: nothing right either way, and how the rest divides.

Distribution of the BSMs (mandatory members and an elevation, 38 octets): msgCnt, eight octets of identity and secMark
uniform; latitude 30.95 to 31.10, longitude 120.65 to 121.05, elevation 0 to 10 m; forward gears; 0 to 33.3 m/s, any
heading; accelerations within 3 and 1 m/s2, none vertical, yaw within 10 degree/s; brakes without a member; class 10.
Half of the vehicles are 1.8 m by 4.5 m, the others 1.6 to 2.0 m by 3.5 to 5.5 m. Legacy accuracy: 1 m.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest

from rsu.compatibility import Content, Verdict
from rsu.messages import MESSAGE_SETS
from tests.rsu.compatibility_cases import ROADSIDE, profile_of, vehicles

NEW, OLD = "csae53-2020", "csae53-2017"
COUNT = 2000
PRINTED = {(NEW, OLD): 44.6, (OLD, NEW): 84.9}
"""Per cent refused by a lenient decoder, of 2000 random BSMs each way; the rest was misread, none was right."""


def basic_message(draw: random.Random, legacy: bool, sizes: bool) -> dict[str, Any]:
    value = {
        "msgCnt": draw.randrange(128), "id": draw.randbytes(8), "secMark": draw.randrange(60_000),
        "pos": {
            "lat": draw.randrange(309_500_000, 311_000_001), "long": draw.randrange(1_206_500_000, 1_210_500_001),
            "elevation": draw.randrange(100),
        },
        "transmission": "forwardGears", "speed": draw.randrange(1667), "heading": draw.randrange(28_800),
        "accelSet": {
            "long": draw.randrange(-300, 301), "lat": draw.randrange(-100, 101), "vert": 0,
            "yaw": draw.randrange(-1000, 1001),
        },
        "brakes": {}, "vehicleClass": {"classification": 10}, "size": {"width": 180, "length": 450},
    }
    if sizes:
        value["size"] = {"width": draw.randrange(160, 201), "length": draw.randrange(350, 551)}
    return value | {"accuracy": {"pos": "a1m"}} if legacy else value


@cache
def messages(message_set: str, seed: int = 1) -> tuple[bytes, ...]:
    draw = random.Random(seed)
    values = (basic_message(draw, message_set == OLD, row % 2 == 1) for row in range(COUNT))
    return tuple(MESSAGE_SETS[message_set].encode("BSM", value) for value in values)


@cache
def verdicts(sender: str, receiver: str, policy: str) -> np.ndarray:
    """Of all messages of the sender's set."""
    return Content(profile_of(sender), profile_of(receiver, decode_policy=policy)).vehicles(messages(sender))


def shares(sender: str, receiver: str, policy: str) -> dict[Verdict, float]:
    """Per cent by verdict."""
    verdict = verdicts(sender, receiver, policy)
    return {kind: 100.0 * float(np.mean(verdict == kind)) for kind in Verdict}


@pytest.mark.parametrize(("sender", "receiver"), PRINTED)
def test_lenient_decoders_divide_as_printed(sender: str, receiver: str) -> None:
    """Printed: 0 % right; refused 44.6 % from new to old and 84.9 % from old to new, within 5 points.

    The distribution behind the printed figures is not; theirs had 38 octets, as here, which needs 16 bits more than
    the mandatory members of our layout: the elevation.
    """
    assert {len(octets) for octets in messages(NEW)} == {38}
    found = shares(sender, receiver, "lenient")
    assert found[Verdict.RIGHT] == found[Verdict.SKIP] == 0.0
    assert found[Verdict.ERROR] == pytest.approx(PRINTED[sender, receiver], abs=5.0)
    assert found[Verdict.SILENT] == pytest.approx(100.0 - PRINTED[sender, receiver], abs=5.0)


@pytest.mark.parametrize(("sender", "receiver"), PRINTED)
def test_strict_decoders_refuse_more_but_not_all(sender: str, receiver: str) -> None:
    """Property: a strict decoder refuses whatever a lenient one does and more; some garbage re-encodes to itself."""
    lenient, strict = (verdicts(sender, receiver, policy) for policy in ("lenient", "strict"))
    assert (strict[lenient == Verdict.ERROR] == Verdict.ERROR).all()
    assert np.count_nonzero(strict == Verdict.SILENT) < np.count_nonzero(lenient == Verdict.SILENT)
    assert (strict == Verdict.SILENT).any() and not (strict == Verdict.RIGHT).any()


def test_only_an_elevation_makes_the_layout_38_octets() -> None:
    """By hand: 4 bits of frame, 8 of presence, 7 + 64 + 16, position 1 + 31 + 32, 3 + 13 + 15, accelerations 48, brakes
    7, size 1 + 10 + 12, class 2 + 8 = 282 bits are 36 octets; with an elevation of 16 bits they are 38.
    """
    value = basic_message(random.Random(1), False, False)
    assert len(MESSAGE_SETS[NEW].encode("BSM", value)) == -(-(282 + 16) // 8) == 38
    del value["pos"]["elevation"]
    assert len(MESSAGE_SETS[NEW].encode("BSM", value)) == -(-282 // 8) == 36


def test_every_count_read_as_old_is_the_upper_bits_of_the_one_sent() -> None:
    """By hand: three presence bits fewer, so the count read is three bits 0 and the upper four of the count sent."""
    new, old = MESSAGE_SETS[NEW], MESSAGE_SETS[OLD]
    pairs = [(new.decode(octets).value, old.decode(octets).value) for octets in messages(NEW)[:200]]
    counts = [(sent["msgCnt"], read["msgCnt"]) for sent, read in pairs if sent is not None and read is not None]
    assert len(counts) > 50
    assert all(read == sent >> 3 for sent, read in counts)


def test_no_roadside_message_crosses_the_roots() -> None:
    """Property: of MAP, SPAT, RSI and RSM not one is right between the roots, under either policy."""
    for sender, receiver in PRINTED:
        for policy in ("lenient", "strict"):
            content = Content(profile_of(sender), profile_of(receiver, decode_policy=policy))
            for service, build in ROADSIDE.items():
                draw = random.Random(11)
                found = Counter(content.message(o, service) for _ in range(6) for o in build(sender, draw))
                assert not found.keys() - {Verdict.ERROR, Verdict.SILENT}, (sender, policy, service, found)


def test_a_dual_decoder_repairs_what_the_own_one_refuses_and_nothing_else() -> None:
    """Property: with the sender's set as second decoder every ERROR becomes RIGHT; what the own set misreads without
    noticing stays SILENT, because nobody asks the second one.
    """
    octets = messages(NEW)[:400]
    alone = verdicts(NEW, OLD, "lenient")[:400]
    dual = Content(profile_of(NEW), profile_of(OLD, decoders=(NEW,))).vehicles(octets)
    assert (dual[alone == Verdict.ERROR] == Verdict.RIGHT).all() and (alone == Verdict.ERROR).any()
    assert (dual[alone == Verdict.SILENT] == Verdict.SILENT).all() and (alone == Verdict.SILENT).any()


def test_a_fallback_of_a_third_version_turns_refusals_into_misreadings() -> None:
    """Property: a station of 2017 that is given T/CSAE 53-2020 misreads every RSI of YD/T 3709-2020 that it refused."""
    sender = "ydt3709-2020"
    draw = random.Random(3)
    octets = [one for _ in range(30) for one in ROADSIDE["RSI"](sender, draw)]
    alone = Content(profile_of(sender), profile_of(OLD))
    fallback = Content(profile_of(sender), profile_of(OLD, decoders=(NEW,)))
    assert {alone.message(one, "RSI") for one in octets} == {Verdict.ERROR}
    assert {fallback.message(one, "RSI") for one in octets} == {Verdict.SILENT}


def test_vehicle_columns_cross_as_single_messages_do() -> None:
    """Property: verdicts of whole batches are those of one message at a time, whatever is between the sets."""
    octets = MESSAGE_SETS[NEW].encode_vehicles(vehicles(40))
    for receiver, keys in ((OLD, {}), (OLD, {"decoders": (NEW,)}), ("ydt3709-2020", {}), (NEW, {"datum": "GCJ-02"})):
        batch = Content(profile_of(NEW), profile_of(receiver, **keys)).vehicles(octets)
        single = Content(profile_of(NEW), profile_of(receiver, **keys))
        assert batch.tolist() == [single.message(one, "BSM") for one in octets]
