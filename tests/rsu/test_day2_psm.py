"""PSM: persons to octets and back; readers of the second phase on damaged messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rsu.applications.day2.coordination import read_rsc
from rsu.applications.day2.intentions import read_vir
from rsu.applications.day2.persons import read_psms
from rsu.applications.day2.sensors import read_detected_areas, read_rtcm, read_ssm
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import CROSSINGS, PERSON_KINDS, PersonDescription
from rsu.services.day2.psm import build_psm
from tests.rsu.cn_facts import DAY_TWO, random_messages
from tests.rsu.day2_cases import NEAR_NS, SET, plan, through
from tests.rsu.service_cases import LAT, LON, UTC_NS

WALKER = PersonDescription(b"PED00001", "pedestrian", LON, LAT, 1.4, 180.0, UTC_NS, position_sigma_m=0.5)


def test_persons_come_back_as_columns() -> None:
    """Property: 60 random persons within the steps of the set."""
    rng, persons = np.random.default_rng(7), []
    for number in range(60):
        trail = np.column_stack(
            [LON + rng.uniform(-1e-3, 1e-3, 5), LAT + rng.uniform(-1e-3, 1e-3, 5), np.arange(1, 6) * 0.5]
        )
        persons.append(
            PersonDescription(
                number.to_bytes(8, "big"), str(rng.choice(PERSON_KINDS)), LON + rng.uniform(0, 1e-2),
                LAT + rng.uniform(0, 1e-2), float(rng.uniform(0, 8)), float(rng.uniform(0, 359.9)), UTC_NS,
                position_sigma_m=float(rng.uniform(0, 12)), radius_m=float(rng.uniform(0, 20)),
                crossing=str(rng.choice(["", *CROSSINGS])), trail=trail if number % 2 else np.empty(0),
                plan=plan(3, rng) if number % 3 else None,
            )
        )
    counter = MessageCounter(0)
    values = [through("PSM", build_psm(person, counter=counter)) for person in persons]
    assert [len(value.get("pathHistory", {"crumbData": []})["crumbData"]) for value in values[:2]] == [0, 5]
    found = read_psms(values, NEAR_NS)
    assert found.ids == tuple(person.person_id for person in persons)
    assert found.kinds == tuple(person.kind for person in persons)
    assert found.crossings == tuple(person.crossing for person in persons)
    np.testing.assert_allclose(found.radius_m, [p.radius_m for p in persons], atol=0.0501, rtol=0)
    np.testing.assert_allclose(found.objects.lon, [p.lon for p in persons], atol=0.51e-7, rtol=0)
    np.testing.assert_allclose(found.objects.speed_mps, [p.speed_mps for p in persons], atol=0.0101, rtol=0)
    # sqrt(-2 ln 0.05) sigmas hold 95 % of a circular error; the axis has steps of 0.05 m.
    wanted_m = [2.4477 * p.position_sigma_m for p in persons]
    np.testing.assert_allclose(found.objects.accuracy_m, wanted_m, atol=0.07, rtol=0)
    assert (found.objects.sampled_utc_ns == UTC_NS // 1_000_000 * 1_000_000).all()
    assert len(read_psms([], NEAR_NS)) == 0


def test_a_pedestrian_by_hand() -> None:
    """By hand: every member; 0.5 m of sigma are ten steps, 0.5 m of radius are five."""
    assert build_psm(replace(WALKER, crossing="request"), counter=MessageCounter(3)) == {
        "msgCnt": 3, "id": b"PED00001", "secMark": UTC_NS % 60_000_000_000 // 1_000_000,
        "pos": {"lat": round(LAT * 1e7), "long": round(LON * 1e7)},
        "posAccuracy": {"semiMajor": 10, "semiMinor": 10, "orientation": 0}, "speed": 70, "heading": 14_400,
        "overallRadius": 5,
        "non-motorData": {"basicType": "aPEDESTRIAN", "personalReq": {"crossing": "request"}},
    }
    unknown = build_psm(replace(WALKER, position_sigma_m=float("nan")), counter=MessageCounter(3))
    assert unknown["posAccuracy"] == {"semiMajor": 255, "semiMinor": 255, "orientation": 65_535}
    assert np.isnan(read_psms([through("PSM", unknown)], NEAR_NS).objects.accuracy_m).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "ghost"}, "'ghost'"), ({"radius_m": 20.1}, "0..20"), ({"crossing": "maybe"}, "'maybe'"),
        ({"person_id": b"x"}, "8 octets"), ({"trail": np.zeros((24, 3))}, "24 points"), ({"lat": 91.0}, "lat"),
    ],
)
def test_persons_beyond_the_set_are_refused(changes: dict[str, Any], words: str) -> None:
    """Property: a ValueError names member and rule."""
    with pytest.raises(ValueError, match=words):
        build_psm(replace(WALKER, **changes), counter=MessageCounter(0))


def read(message: str, value: dict[str, Any]) -> None:
    """Everything a receiver would do with it."""
    if message == "VIR":
        read_vir(value, NEAR_NS)
    elif message == "RSC":
        read_rsc(value, NEAR_NS).advice_for(bytes(8))
    elif message == "C157-SSM":
        read_ssm(value, NEAR_NS).moved_to(NEAR_NS)
        read_detected_areas(value)
    elif message == "RTCM":
        read_rtcm(value)
    elif message == "PSM":
        read_psms([value], NEAR_NS)


def test_damaged_messages_never_break_a_reader() -> None:
    """Property: 2,000 random messages of the second phase with flipped bits; whatever still decodes can be read."""
    rng = np.random.default_rng(12)
    kinds: dict[str, int] = {}
    wanted = ("VIR", "RSC", "C157-SSM", "RTCM", "PSM")
    sources = [(m, v) for m, v in random_messages("csae157-2020", 21, 1400) if m in wanted]
    for message, value in sources:
        original = SET.encode(message, value)
        read(message, value)
        for _ in range(4):
            octets = np.frombuffer(original, np.uint8).copy()
            for bit in rng.integers(48, len(octets) * 8, rng.integers(1, 5)):
                octets[bit // 8] ^= 1 << (7 - bit % 8)
            decoded = SET.decode(octets.tobytes())
            if decoded.status == "ok":
                assert decoded.message is not None and decoded.value is not None
                kinds[decoded.message] = kinds.get(decoded.message, 0) + 1
                read(decoded.message, decoded.value)
    assert all(kinds.get(name, 0) > 20 for name in wanted), kinds
    assert set(wanted) < set(DAY_TWO)
