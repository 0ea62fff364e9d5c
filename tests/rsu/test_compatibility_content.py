"""What becomes of payloads between profiles: one family, second phase, datums, event codes, foreign families."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.compatibility import Content, Reading, Verdict
from rsu.compatibility.content import KEPT_VERDICTS, LARGEST_SHIFT_M
from rsu.compatibility.reading import service_of
from rsu.messages import MESSAGE_SETS
from tests.rsu.compatibility_cases import ROADSIDE, events, maps, profile_of, typical, vehicles

CSAE, YDT, DAY_TWO = "csae53-2020", "ydt3709-2020", "csae157-2020"
RIGHT, ERROR, SKIP, SILENT, DATUM, CODE = Verdict


def counts(content: Content, service: str, repeats: int = 25, seed: int = 7) -> Counter[Verdict]:
    """Verdicts of random messages of a class."""
    draw = random.Random(seed)
    sent = [octets for _ in range(repeats) for octets in ROADSIDE[service](content.sender.own.name, draw)]
    return Counter(content.message(octets, service) for octets in sent)


@pytest.mark.parametrize(("sender", "receiver"), [(CSAE, YDT), (YDT, CSAE)])
def test_the_two_families_of_2020_share_bsm_spat_and_rsm(sender: str, receiver: str) -> None:
    """Independent: the types behind BSM, SPAT and RSM are the same in the table of facts, so all must be right."""
    content = Content(profile_of(sender), profile_of(receiver, decode_policy="strict"))
    assert set(content.vehicles(MESSAGE_SETS[sender].encode_vehicles(vehicles(200)))) == {RIGHT}
    for service in ("SPAT", "RSM"):
        assert counts(content, service).keys() == {RIGHT}


@pytest.mark.parametrize(("sender", "receiver", "service", "lenient", "strict"), [
    (CSAE, YDT, "MAP", ERROR, ERROR), (YDT, CSAE, "MAP", ERROR, ERROR),
    (CSAE, YDT, "RSI", ERROR, ERROR), (YDT, CSAE, "RSI", SILENT, ERROR),
])
def test_map_and_rsi_of_the_two_families(
    sender: str, receiver: str, service: str, lenient: Verdict, strict: Verdict
) -> None:
    """Snapshot, explained: a list of 1 to 63 nodes has six bits of length and one of 1 to 32 has five, which moves all
    of a MAP; a path of 2 to 32 points counts from 2, one of 1 to 32 from 1.
    """
    for policy, expected in (("lenient", lenient), ("strict", strict)):
        content = Content(profile_of(sender), profile_of(receiver, decode_policy=policy))
        assert counts(content, service).keys() == {expected}


def test_a_path_of_ydt3709_loses_its_last_point_in_csae53_by_hand() -> None:
    """By hand: five bits hold count - 2 in one set and count - 1 in the other; the points read are the sent ones but
    the last, whose bits become the half width.
    """
    draw = random.Random(2)
    for _ in range(10):
        octets = events(YDT, draw)[0]
        sent, read = (READERS["cn"].events("RSI", MESSAGE_SETS[name].decode(octets).value) for name in (YDT, CSAE))
        (told,), (taken,) = sent[0].paths, read[0].paths
        assert len(taken) == len(told) - 1
        np.testing.assert_allclose(taken, told[:-1], atol=1e-9)
        assert sent[0].radii_m != read[0].radii_m
        assert (sent[0].code, sent[0].id, sent[0].unit_id) == (read[0].code, read[0].id, read[0].unit_id)


def test_the_second_phase_is_skipped_by_the_first_and_its_bsm_understood() -> None:
    """Printed: an alternative behind the extension marker is skipped by design; BSM, MAP, SPAT, RSI and RSM stay."""
    content = Content(profile_of(DAY_TWO), profile_of(YDT))
    for each in typical(DAY_TWO):
        service = service_of(DAY_TWO, each.message)
        known = each.message in MESSAGE_SETS[YDT].messages
        assert content.message(each.octets, service) == (RIGHT if known else SKIP), each.message
    back = Content(profile_of(YDT), profile_of(DAY_TWO))
    assert {back.message(t.octets, service_of(YDT, t.message)) for t in typical(YDT)} == {RIGHT}


def test_second_phase_messages_between_stations_of_it_are_right_where_only_the_datum_differs() -> None:
    """Property: messages without a service class are compared as values; sensor sharing has positions, so a datum."""
    content = Content(profile_of(DAY_TWO), profile_of(DAY_TWO, datum="GCJ-02"))
    assert not content.trivial
    verdicts = {t.message: content.message(t.octets, service_of(DAY_TWO, t.message))
                for t in typical(DAY_TWO)}
    assert verdicts["C157-SSM"] == verdicts["RSM"] == verdicts["MAP"] == verdicts["RSI"] == verdicts["BSM"] == DATUM
    assert verdicts["SPAT"] == verdicts["RSC"] == verdicts["VIR"] == RIGHT


@pytest.mark.parametrize("sender", [CSAE, "etsi-its", "sae-j2735"])
def test_nothing_is_right_in_another_family(sender: str) -> None:
    """Property: no message of one family is right at a decoder of another, whether refused, skipped or misread."""
    family = MESSAGE_SETS[sender].family
    for receiver in (CSAE, "etsi-its", "sae-j2735"):
        if MESSAGE_SETS[receiver].family != family:
            content = Content(profile_of(sender), profile_of(receiver))
            for each in typical(sender):
                verdict = content.message(each.octets, service_of(sender, each.message))
                assert verdict in (ERROR, SKIP, SILENT), (sender, receiver, each.message)


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_equal_profiles_need_no_look_and_would_pass_it(name: str) -> None:
    """Property: what a set encodes it decodes under either policy, which is why equal profiles are trivial."""
    one = MESSAGE_SETS[name]
    assert Content(profile_of(name), profile_of(name, decode_policy="strict")).trivial
    for each in typical(name):
        assert one.decode(each.octets, "strict").status == "ok", each.message
    assert not one.decode_vehicles(one.encode_vehicles(vehicles(20)), "strict").status.any()


@pytest.mark.parametrize(("service", "verdict"), [("MAP", DATUM), ("SPAT", RIGHT), ("RSI", DATUM), ("RSM", DATUM)])
@pytest.mark.parametrize(("sender", "receiver"), [("GCJ-02", "WGS84"), ("WGS84", "GCJ-02"), ("GCJ-02", "CGCS2000")])
def test_gcj02_displaces_whatever_has_a_position(service: str, verdict: Verdict, sender: str, receiver: str) -> None:
    """Independent: GCJ-02 lies 470 m to 483 m off here (published formula); a SPAT tells no position."""
    content = Content(profile_of(YDT, datum=sender), profile_of(YDT, datum=receiver))
    assert counts(content, service, repeats=5).keys() == {verdict}
    octets = MESSAGE_SETS[YDT].encode_vehicles(vehicles(20))
    assert set(content.vehicles(octets)) == {DATUM}


def test_cgcs2000_passes_until_the_plate_has_moved_far_enough() -> None:
    """By hand: 28.9 mm a year are 0.72 m by 2025 and 1.5 m after 52 years."""
    octets = MESSAGE_SETS[YDT].encode_vehicles(vehicles(20))
    for year, verdict in ((2025.0, RIGHT), (2050.0, RIGHT), (2054.0, DATUM)):
        readings = (Reading(profile_of(YDT, datum=name), year) for name in ("CGCS2000", "WGS84"))
        assert set(Content(*readings).vehicles(octets)) == {verdict}, year
    assert LARGEST_SHIFT_M / 0.0289 == pytest.approx(51.9, abs=0.1)


def test_only_events_come_in_the_datum_of_the_feed() -> None:
    """By hand: a platform's GCJ-02 sent on unconverted displaces RSI at everybody, at stations of the same place too.
    """
    sender = profile_of(YDT, feed_datum="GCJ-02")
    for receiver in (sender, profile_of(YDT)):
        content = Content(sender, receiver)
        assert not content.trivial
        assert counts(content, "RSI", repeats=5).keys() == {DATUM}
        assert counts(content, "MAP", repeats=3).keys() == counts(content, "RSM", repeats=3).keys() == {RIGHT}
    assert counts(Content(sender, profile_of(YDT, datum="GCJ-02")), "RSI", repeats=5).keys() == {RIGHT}


@pytest.mark.parametrize(("told", "understood", "code", "verdict"), [
    ({501: 60001}, {501: 60001}, 60001, RIGHT),
    ({501: 60001}, {}, 60001, CODE),
    ({}, {501: 60001}, 501, CODE),
    ({501: 707}, {}, 707, SILENT),
    ({501: 60001}, {707: 60001}, 60001, SILENT),
    ({501: 60001}, {}, 406, RIGHT),
    ({}, {707: 60001}, 501, RIGHT),
    ({}, {707: 501, 501: 707}, 501, SILENT),
])
def test_event_codes(told: dict[int, int], understood: dict[int, int], code: int, verdict: Verdict) -> None:
    """By hand: a code nobody knows here, and one that means something else here; ``code`` is the one on the air."""
    content = Content(profile_of(YDT, event_codes=told), profile_of(YDT, event_codes=understood))
    assert content.trivial == (told == understood)
    octets = events(YDT, random.Random(4), code=code)[0]
    assert content.message(octets, "RSI") == verdict
    assert content.message(events(YDT, random.Random(4), "sign", code)[0], "RSI") == RIGHT


def test_everything_wrong_is_told_the_unusable_first() -> None:
    """By hand: displaced and of an unknown code, so nobody can act on it."""
    content = Content(profile_of(YDT, feed_datum="GCJ-02", event_codes={501: 60001}), profile_of(YDT))
    octets = events(YDT, random.Random(4), code=60001)[0]
    assert content.verdicts(octets, "RSI") == (CODE, DATUM)
    assert content.message(octets, "RSI") == CODE


def test_further_decoders_never_take_away_what_is_right() -> None:
    """Property: adding decoders turns no RIGHT into anything else, for every pair of sets."""
    for sender, octets in ((name, typical(name)) for name in MESSAGE_SETS):
        for receiver in (CSAE, YDT, "csae53-2017"):
            alone = Content(profile_of(sender), profile_of(receiver))
            more = Content(profile_of(sender), profile_of(receiver, decoders=tuple(MESSAGE_SETS)))
            for each in octets:
                service = service_of(sender, each.message)
                if alone.message(each.octets, service) == RIGHT:
                    assert more.message(each.octets, service) == RIGHT


def test_any_octets_get_a_verdict() -> None:
    """Property: damaged and random octets are judged without an exception, vehicles' and others alike."""
    draw = random.Random(9)
    sample = [octets for service in ROADSIDE for octets in ROADSIDE[service](YDT, draw)]
    sample += MESSAGE_SETS[YDT].encode_vehicles(vehicles(20))
    sender = profile_of(YDT, datum="GCJ-02")
    pairs = [Content(sender, profile_of(name, decoders=(CSAE,))) for name in (CSAE, "etsi-its")]
    for _ in range(50):
        octets = bytearray(draw.choice(sample))
        for _ in range(draw.randrange(1, 6)):
            octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
        damaged = draw.choice((bytes(octets), bytes(octets[: draw.randrange(len(octets))]), draw.randbytes(60)))
        for content in pairs:
            for service in ("", "BSM", "RSI"):
                assert content.verdicts(damaged, service)
            assert len(content.vehicles([damaged] * 9)) == 9


def test_verdicts_are_kept_for_the_latest_payloads_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: memory is bounded, and a payload seen before is not decoded again, not by another pair alike either."""
    octets = maps(CSAE, random.Random(1))[0]
    contents = [Content(profile_of(CSAE), profile_of(YDT)) for _ in range(2)]
    assert contents[0].message(octets, "MAP") == ERROR
    with monkeypatch.context() as without_decoder:
        without_decoder.setattr(contents[1].receiver, "decode", None)
        assert contents[1].message(octets, "MAP") == ERROR
    for number in range(KEPT_VERDICTS + 10):
        contents[0].message(number.to_bytes(3, "big"), "MAP")
    assert len(contents[0]._known) == KEPT_VERDICTS


def test_readings_alike_decode_a_payload_once() -> None:
    """Property: the same sets, policy and datum give the same objects, another datum gives others."""
    octets = maps(YDT, random.Random(1))[0]
    one, same, other = (Reading(profile_of(YDT, datum=datum)) for datum in ("WGS84", "WGS84", "GCJ-02"))
    assert one.decode(octets) is same.decode(octets) is not other.decode(octets)
