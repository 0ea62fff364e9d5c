"""VIR: intentions and requests to octets and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rsu.applications.day2.intentions import read_vir
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import (
    BEHAVIOURS,
    STATUSES,
    TURNS,
    Intention,
    LaneTarget,
    SharingTarget,
    SignalTarget,
    VehicleRequest,
    VehicleState,
)
from rsu.services.day2.vir import build_vir
from tests.rsu.day2_cases import NEAR_NS, plan, same_plan, through
from tests.rsu.service_cases import LAT, LON, UTC_NS

VEHICLE = VehicleState(b"VEH\x00\x01\x02\x03\x04", LON, LAT, 13.0, 45.0, UTC_NS)
LANE_CHANGE = VehicleRequest(7, "lane-change", LaneTarget((310, 300), (310, 301), 2), life_s=5.0)


def random_request(rng: np.random.Generator, number: int) -> VehicleRequest:
    node = (int(rng.integers(0, 65_536)), int(rng.integers(0, 65_536)))
    maybe = rng.random(6) < 0.5
    line = np.column_stack([LON + rng.uniform(0, 1e-3, 5), LAT + rng.uniform(0, 1e-3, 5)])
    targets = {
        "lane-change": LaneTarget(node, (1, 2), int(rng.integers(0, 256))),
        "clear-the-way": LaneTarget((3, 4), node, 1),
        "signal-priority": SignalTarget(
            node, (5, 6), int(rng.integers(0, 256)), str(rng.choice(["", *TURNS])), 3.25 if maybe[0] else None,
            123.4 if maybe[1] else None,
        ),
        "sensor-sharing": SharingTarget((line,), 12.5),
        "guidance": None,
    }
    kind = str(rng.choice(list(targets)))
    return VehicleRequest(
        number, kind, targets[kind], str(rng.choice(STATUSES)), int(rng.integers(0, 8)) if maybe[2] else None,
        b"veh00002" if maybe[3] else None, b"RSU00001" if maybe[4] else None, 12.34 if maybe[5] else None,
    )


def same_target(found: object, wanted: object) -> None:
    if isinstance(wanted, SharingTarget):
        assert isinstance(found, SharingTarget) and found.half_width_m == pytest.approx(wanted.half_width_m)
        for line, original in zip(found.lines, wanted.lines, strict=True):
            np.testing.assert_allclose(line, original, atol=0.51e-7, rtol=0)
    else:
        assert found == wanted


def test_requests_of_every_kind_come_back() -> None:
    """Property: 150 random intentions through octets, within the steps of the set."""
    rng, kinds = np.random.default_rng(5), set()
    for _ in range(150):
        requests = tuple(random_request(rng, number) for number in range(int(rng.integers(0, 9))))
        behaviour = frozenset(name for name in BEHAVIOURS if rng.random() < 0.2)
        way = plan(int(rng.integers(1, 101)), rng) if rng.random() < 0.7 else None
        wanted = Intention(VEHICLE, way, behaviour, requests)
        found = read_vir(through("VIR", build_vir(wanted, counter=MessageCounter(3))), NEAR_NS)
        assert found.behaviour == behaviour
        assert found.vehicle.vehicle_id == VEHICLE.vehicle_id
        assert found.vehicle.sampled_utc_ns == UTC_NS // 1_000_000 * 1_000_000
        assert (found.vehicle.lon, found.vehicle.lat) == pytest.approx((LON, LAT), abs=0.51e-7)
        assert (found.vehicle.speed_mps, found.vehicle.heading_deg) == pytest.approx((13.0, 45.0), abs=0.011)
        same_plan(found.plan, wanted.plan)
        for got, sent in zip(found.requests, requests, strict=True):
            kinds.add(got.kind)
            same_target(got.target, sent.target)
            assert vars(replace(got, target=None)) == vars(replace(sent, target=None))
    assert len(kinds) == 5


def test_lane_change_by_hand() -> None:
    """By hand: every member of the smallest lane-change request; life in 10 ms, lanes and nodes as numbers."""
    value = build_vir(Intention(VEHICLE, requests=(LANE_CHANGE,)), counter=MessageCounter(127))
    assert value == {
        "msgCnt": 127, "id": VEHICLE.vehicle_id, "secMark": UTC_NS % 60_000_000_000 // 1_000_000,
        "refPos": {"lat": round(LAT * 1e7), "long": round(LON * 1e7)},
        "intAndReq": {
            "currentPos": {
                "pos": {"offsetLL": ("position-LL1", {"lon": 0, "lat": 0})}, "speed": 650, "heading": 3600,
            },
            "reqs": [
                {
                    "reqID": 7, "status": "request", "lifeTime": 500,
                    "info": (
                        "laneChange",
                        {
                            "upstreamNode": {"region": 310, "id": 300}, "downstreamNode": {"region": 310, "id": 301},
                            "targetLane": 2,
                        },
                    ),
                }
            ],
        },
    }


def test_what_is_unavailable_reads_as_unavailable() -> None:
    """By hand: NaN speed and heading are left out; a secMark above a leap second is no time; parking is unknown."""
    vehicle = VehicleState(b"VEH00001", LON, LAT, float("nan"), float("nan"), UTC_NS, 4.2)
    value = build_vir(Intention(vehicle), counter=MessageCounter(0))
    assert set(value["intAndReq"]["currentPos"]) == {"pos"}
    value["secMark"] = 65_535
    parking = {"vehicleClass": {"classification": 10}, "req": (b"\x20\x00", 12)}
    value["intAndReq"]["reqs"] = [{"reqID": 1, "status": "cancel", "info": ("parking", parking), "lifeTime": 65_535}]
    found = read_vir(through("VIR", value), NEAR_NS)
    assert np.isnan(found.vehicle.speed_mps) and np.isnan(found.vehicle.heading_deg)
    assert (found.vehicle.sampled_utc_ns, found.vehicle.height_m) == (-1, pytest.approx(4.2))
    (request,) = found.requests
    assert (request.kind, request.target, request.status, request.life_s) == ("unknown", None, "cancel", None)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(LANE_CHANGE, id=256), "0..255"),
        (replace(LANE_CHANGE, kind="teleport"), "teleport"),
        (replace(LANE_CHANGE, kind="signal-priority"), "SignalTarget, not LaneTarget"),
        (replace(LANE_CHANGE, kind="guidance"), "no target"),
        (replace(LANE_CHANGE, status="confirm"), "confirm"),
        (replace(LANE_CHANGE, priority_level=8), "priority level 8"),
        (replace(LANE_CHANGE, to_unit=b"RSU"), "8 octets"),
        (replace(LANE_CHANGE, target=LaneTarget((1, 2), (1, 70_000), 1)), "0..65535"),
        (replace(LANE_CHANGE, target=LaneTarget((1, 2), (1, 3), 256)), "lane 256"),
        (VehicleRequest(1, "signal-priority", SignalTarget((1, 2), (1, 3), distance_m=1000.1)), "0..1000"),
        (VehicleRequest(1, "sensor-sharing", SharingTarget((), 1.0)), "0 lines"),
        (VehicleRequest(1, "sensor-sharing", SharingTarget((np.zeros((1, 2)),), 1.0)), "line of 1 points"),
    ],
)
def test_requests_beyond_the_set_are_refused(request_: VehicleRequest, words: str) -> None:
    """Property: a ValueError names member and rule."""
    with pytest.raises(ValueError, match=words):
        build_vir(Intention(VEHICLE, requests=(request_,)), counter=MessageCounter(0))


def test_lists_beyond_the_set_are_refused() -> None:
    """Property: at most 8 requests, 100 points, 8 octets of identifier."""
    counter = MessageCounter(0)
    for intention, words in (
        (Intention(VEHICLE, requests=(LANE_CHANGE,) * 9), "9 requests"),
        (Intention(VEHICLE, plan(101)), "101 points"),
        (Intention(replace(VEHICLE, vehicle_id=b"x")), "8 octets"),
        (Intention(VEHICLE, behaviour=frozenset({"fly"})), "'fly'"),
        (Intention(VEHICLE, replace(plan(3), lat=np.array([LAT, np.nan, LAT]))), "lat nan: must be finite"),
    ):
        with pytest.raises(ValueError, match=words):
            build_vir(intention, counter=counter)
