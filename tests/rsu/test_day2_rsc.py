"""RSC: advice to vehicles and lanes to octets and back; a request answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsu.applications.day2.coordination import read_rsc
from rsu.applications.day2.intentions import read_vir
from rsu.services.counter import MessageCounter
from rsu.services.day2.c157_ssm import build_ssm
from rsu.services.day2.described import (
    BEHAVIOURS,
    PURPOSES,
    Corridor,
    Intention,
    LaneAdvice,
    LaneTarget,
    LinkSpan,
    PathPlan,
    VehicleAdvice,
    VehicleRequest,
    VehicleState,
)
from rsu.services.day2.rsc import build_rsc
from rsu.services.day2.vir import build_vir
from rsu.services.day2.wire import instant_from_wire, instant_to_wire
from tests.rsu.day2_cases import NEAR_NS, SET, UNIT, objects, plan, same_plan, through
from tests.rsu.service_cases import LAT, LON, UTC_NS

LINK = LinkSpan((310, 300), (310, 301), frozenset({1, 15}))
LINE = np.array([[LON, LAT], [LON + 1e-3, LAT + 2e-3]])
DAY_NS = 86_400_000_000_000


def encode(value: dict) -> bytes:
    return SET.encode("RSC", value)


def some_names(rng: np.random.Generator, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if rng.random() < 0.3)


def random_vehicle(rng: np.random.Generator, number: int) -> VehicleAdvice:
    behaviour, maybe = some_names(rng, BEHAVIOURS), rng.random(4) < 0.5
    told = bool(behaviour)
    return VehicleAdvice(
        b"VEH" + number.to_bytes(5, "big"), behaviour, 4.56 if told and maybe[0] else None,
        LINK if told and maybe[1] else None, Corridor(LINE, 3.5) if told and maybe[2] else None,
        plan(int(rng.integers(1, 40)), rng) if maybe[3] else None, some_names(rng, PURPOSES),
    )


def random_lane(rng: np.random.Generator) -> LaneAdvice:
    maybe = rng.random(4) < 0.5
    return LaneAdvice(
        LINK, Corridor(LINE, 1.75) if maybe[0] else None, UTC_NS if maybe[1] else None,
        UTC_NS + int(rng.integers(0, 400)) * DAY_NS + 123_000_000 if maybe[2] else None,
        22.22 if maybe[3] else None, some_names(rng, BEHAVIOURS), some_names(rng, PURPOSES),
        "keep left" if maybe[0] else "",
    )


def same_corridor(found: Corridor | None, wanted: Corridor | None) -> None:
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        np.testing.assert_allclose(found.points, wanted.points, atol=0.51e-7, rtol=0)
        assert found.half_width_m == pytest.approx(wanted.half_width_m, abs=0.051)


def test_advice_comes_back() -> None:
    """Property: 80 random cycles through octets, all advice in order over as many messages as the limits ask for."""
    rng = np.random.default_rng(6)
    for _ in range(80):
        vehicles = [random_vehicle(rng, number) for number in range(int(rng.integers(0, 40)))]
        lanes = [random_lane(rng) for _ in range(int(rng.integers(0, 12)))]
        values = build_rsc(
            UNIT, vehicles, lanes, counter=MessageCounter(126), generated_utc_ns=UTC_NS, encode=encode, max_bytes=1400
        )
        assert [value["msgCnt"] for value in values] == [(126 + i) % 128 for i in range(len(values))]
        read = [read_rsc(through("RSC", value), NEAR_NS) for value in values]
        assert {part.unit_id for part in read} <= {UNIT.unit_id}
        for got, sent in zip([a for part in read for a in part.vehicles], vehicles, strict=True):
            assert (got.vehicle_id, got.behaviour, got.purposes) == (sent.vehicle_id, sent.behaviour, sent.purposes)
            assert got.link == sent.link
            assert got.life_s == (None if sent.life_s is None else pytest.approx(4.56))
            same_corridor(got.corridor, sent.corridor)
            same_plan(got.guidance, sent.guidance)
        for got_lane, sent_lane in zip([a for part in read for a in part.lanes], lanes, strict=True):
            assert (got_lane.link, got_lane.text) == (sent_lane.link, sent_lane.text)
            assert (got_lane.behaviour, got_lane.purposes) == (sent_lane.behaviour, sent_lane.purposes)
            for got_ns, sent_ns in (
                (got_lane.begin_utc_ns, sent_lane.begin_utc_ns), (got_lane.end_utc_ns, sent_lane.end_utc_ns),
            ):
                assert got_ns == (None if sent_ns is None else sent_ns // 1_000_000 * 1_000_000)
            assert got_lane.speed_mps == (None if sent_lane.speed_mps is None else pytest.approx(22.22))
            same_corridor(got_lane.corridor, sent_lane.corridor)


def test_messages_keep_to_the_byte_limit() -> None:
    """Property: no message longer than the limit, none without content, nothing lost; one item too long is refused."""
    vehicles = [
        VehicleAdvice(bytes([i]) * 8, guidance=plan(20), purposes=frozenset({"merge"})) for i in range(30)
    ]
    values = build_rsc(
        UNIT, vehicles, counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=encode, max_bytes=1400
    )
    sizes = [len(encode(value)) for value in values]
    assert max(sizes) <= 1400 and min(sizes[:-1]) > 1000
    assert sum(len(value["coordinates"]) for value in values) == 30
    with pytest.raises(ValueError, match="200 bytes"):
        build_rsc(UNIT, vehicles, counter=MessageCounter(0), generated_utc_ns=UTC_NS, encode=encode, max_bytes=200)


def test_nothing_to_say_makes_no_message() -> None:
    """By hand."""
    assert build_rsc(UNIT, counter=MessageCounter(0), generated_utc_ns=UTC_NS) == []


def test_request_and_answer() -> None:
    """By hand: a vehicle asks for a lane change, the unit answers it by its identifier; others are not addressed."""
    vehicle = VehicleState(b"VEH00042", LON, LAT, 20.0, 90.0, UTC_NS)
    request = VehicleRequest(9, "lane-change", LaneTarget((310, 300), (310, 301), 2), to_unit=UNIT.unit_id, life_s=3.0)
    asked = read_vir(through("VIR", build_vir(Intention(vehicle, plan(5), requests=(request,)),
                                               counter=MessageCounter(0))), NEAR_NS)
    (wish,) = asked.requests
    assert isinstance(wish.target, LaneTarget) and wish.to_unit == UNIT.unit_id
    advice = VehicleAdvice(
        asked.vehicle.vehicle_id, frozenset({"change-left"}), 2.5,
        LinkSpan(wish.target.upstream, wish.target.downstream, frozenset({wish.target.lane})),
        purposes=frozenset({"lane-change"}),
    )
    (value,) = build_rsc(UNIT, [advice], counter=MessageCounter(5), generated_utc_ns=UTC_NS)
    assert value["coordinates"] == [
        {
            "vehId": b"VEH00042",
            "driveSuggestion": {
                "suggestion": (b"\x40\x00", 14), "lifeTime": 250,
                "relatedLink": {
                    "upstreamNodeId": {"region": 310, "id": 300}, "downstreamNodeId": {"region": 310, "id": 301},
                    "referenceLanes": (b"\x20\x00", 16),
                },
            },
            "info": (b"\x80", 8),
        }
    ]
    answer = read_rsc(through("RSC", value), NEAR_NS)
    mine = answer.advice_for(b"VEH00042")
    assert mine is not None and vars(mine) == vars(advice)
    assert answer.advice_for(b"VEH00043") is None


def test_instants_by_hand() -> None:
    """By hand: 2024-02-29 23:59:59.500 UTC; a local offset; what is left out is the receiver's; no date is None."""
    utc_ns = 1_709_251_199_500_000_000
    full = {"year": 2024, "month": 2, "day": 29, "hour": 23, "minute": 59, "second": 59_500, "offset": 0}
    assert instant_to_wire(utc_ns) == full
    assert instant_from_wire(full, 0) == utc_ns
    local = {**full, "day": 1, "month": 3, "hour": 7, "offset": 480}
    assert instant_from_wire(local, 0) == utc_ns
    assert instant_from_wire({"minute": 59, "second": 59_500}, utc_ns) == utc_ns
    assert instant_from_wire({**full, "year": 2023}, 0) is None
    assert instant_from_wire({**full, "second": 65_535}, 0) is None
    assert instant_from_wire({**full, "hour": 24}, 0) is None


@pytest.mark.parametrize(
    ("vehicle", "words"),
    [
        (VehicleAdvice(b"short"), "8 octets"),
        (VehicleAdvice(bytes(8), life_s=1.0), "belong to a behaviour"),
        (VehicleAdvice(bytes(8), frozenset({"fly"})), "'fly'"),
        (VehicleAdvice(bytes(8), purposes=frozenset({"fun"})), "'fun'"),
        (VehicleAdvice(bytes(8), frozenset({"stop"}), link=LinkSpan((1, 2), (1, 3), frozenset({16}))), "1..15"),
        (VehicleAdvice(bytes(8), frozenset({"stop"}), corridor=Corridor(LINE[:1], 1.0)), "1 points"),
        (VehicleAdvice(bytes(8), frozenset({"stop"}), corridor=Corridor(LINE, 6554.0)), "6553.5"),
    ],
)
def test_advice_beyond_the_set_is_refused(vehicle: VehicleAdvice, words: str) -> None:
    """Property: a ValueError names member and rule."""
    with pytest.raises(ValueError, match=words):
        build_rsc(UNIT, [vehicle], counter=MessageCounter(0), generated_utc_ns=UTC_NS)


def test_messages_of_bare_points_stay_within_what_a_decoder_spends() -> None:
    """Property: the costliest plans, nothing but places, still decode; 64 objects of an SSM do as well."""
    nothing = np.full(100, np.nan)
    bare = PathPlan(np.full(100, LON), np.full(100, LAT), nothing, nothing, nothing)
    advice = [VehicleAdvice(bytes([i]) * 8, guidance=bare) for i in range(5)]
    values = build_rsc(UNIT, advice, counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    assert sum(len(read_rsc(through("RSC", value), NEAR_NS).vehicles) for value in values) == 5
    told = replace(objects(64, np.random.default_rng(1)), bsm_ids=(b"VEH00001",) * 64)
    (value,) = build_ssm(UNIT, told, counter=MessageCounter(0), generated_utc_ns=UTC_NS).values
    assert len(through("C157-SSM", value)["participants"]) == 64
