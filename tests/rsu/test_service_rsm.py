"""RSM: objects survive the wire, nearest first, the rest counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.applications.cn.objects import read_objects
from rsu.applications.objects import separation
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.rsm import build_rsms
from rsu.services.counter import MessageCounter
from rsu.services.described import DetectedObjects, UnitDescription
from tests.rsu.service_cases import LAT, LON, UTC_NS

SET = MESSAGE_SETS["csae53-2020"]
UNIT = UnitDescription(b"RSU00001", LON, LAT, 5.5)
PLANE = LocalPlane(LON, LAT)


def detected(count: int, seed: int = 0, reach_m: float = 150.0) -> DetectedObjects:
    rng = np.random.default_rng(seed)
    lon, lat = PLANE.to_lonlat(rng.uniform(-reach_m, reach_m, count), rng.uniform(-reach_m, reach_m, count))
    return DetectedObjects(
        lon,
        lat,
        rng.uniform(0, 40, count),
        rng.uniform(0, 360, count),
        rng.uniform(3, 18, count),
        rng.uniform(1.5, 2.6, count),
        rng.uniform(1.2, 4, count),
        rng.permutation(255)[:count] + 1,
        rng.choice([10, 20, 70], count),
        np.full(count, 0.5),
        UTC_NS - 100_000_000,
    )


def over_the_air(value: dict) -> dict:
    decoded = SET.decode(SET.encode("RSM", value), "strict")
    assert decoded.status == "ok" and decoded.message == "RSM"
    return decoded.value


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100), st.integers(0, 10**6), st.sampled_from([None, 1, 2, 4]))
def test_objects_come_back(count: int, seed: int, most: int | None) -> None:
    """Property: 15 objects a message at most beside the unit, nearest first, values within the wire's
    resolution.
    """
    objects = detected(count, seed)
    batch = build_rsms(UNIT, objects, counter=MessageCounter(0), generated_utc_ns=UTC_NS, max_messages=most)
    sent = np.concatenate(batch.rows)
    assert len(sent) + batch.left_out_count == count
    assert batch.left_out_count == (0 if most is None else max(count - 15 * most, 0))
    distance_m = np.hypot(*PLANE.to_plane(objects.lon, objects.lat))
    assert np.all(np.diff(distance_m[sent]) > -1.0), "order by distance, 0.5 % metric"
    left = np.setdiff1d(np.arange(count), sent)
    assert not len(left) or distance_m[left].min() > distance_m[sent].max() - 1.0
    for value, rows in zip(batch.values, batch.rows, strict=True):
        value = over_the_air(value)
        first = value["participants"][0]
        assert (first["ptcId"], first["ptcType"], first["source"]) == (0, "rsu", "selfinfo")
        assert len(value["participants"]) == 1 + len(rows) <= 16
        read = read_objects(value, UTC_NS)
        assert read.participant_id.tolist() == objects.participant_id[rows].tolist()
        if len(rows):
            assert separation(read.lon, read.lat, objects.lon[rows], objects.lat[rows]).max() < 0.01
            assert np.abs(read.speed_mps - objects.speed_mps[rows]).max() <= 0.0101
            turn = np.abs((read.heading_deg - objects.heading_deg[rows] + 180) % 360 - 180)
            assert turn.max() <= 0.00626
            assert np.abs(read.length_m - objects.length_m[rows]).max() <= 0.00501
            assert np.abs(read.width_m - objects.width_m[rows]).max() <= 0.00501
            assert (read.vehicle_class == objects.vehicle_class[rows]).all()
            assert (read.accuracy_m == 2.0).all(), "95 % radius of sigma 0.5 m is 1.22 m, next class 2 m"
            assert (read.sampled_utc_ns == UTC_NS - 100_000_000).all()


def test_empty_field_sends_the_unit_alone() -> None:
    """Printed: the participant list holds at least one entry, the unit itself (T/CSAE 159-2020)."""
    batch = build_rsms(UNIT, detected(0), counter=MessageCounter(9), generated_utc_ns=UTC_NS)
    assert len(batch.values) == 1 and len(over_the_air(batch.values[0])["participants"]) == 1


def test_numbers_of_several_messages_and_bsm_ids() -> None:
    """Property: each message of a cycle has its own number; a known BSM id travels with its object only."""
    objects = detected(20)
    ids = tuple(bytes([i] * 8) if i % 3 == 0 else None for i in range(20))
    batch = build_rsms(
        UNIT, replace(objects, bsm_ids=ids), counter=MessageCounter(127), generated_utc_ns=UTC_NS
    )
    assert [value["msgCnt"] for value in batch.values] == [127, 0]
    for value, rows in zip(batch.values, batch.rows, strict=True):
        assert [p.get("id") for p in over_the_air(value)["participants"][1:]] == [ids[row] for row in rows]


def test_junction_decides_the_order() -> None:
    """By hand: two objects 10 m and 90 m east of the unit; a junction 100 m east swaps them."""
    lon, lat = PLANE.to_lonlat(np.array([10.0, 90.0, 100.0]), np.zeros(3))
    base = detected(2)
    objects = replace(base, lon=lon[:2], lat=lat[:2])
    orders = [
        build_rsms(UNIT, objects, counter=MessageCounter(0), generated_utc_ns=UTC_NS, junction=place).rows[0]
        for place in (None, (lon[2], lat[2]))
    ]
    assert [order.tolist() for order in orders] == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"participant_id": np.array([0, 4])}, "ptcId"),
        ({"participant_id": np.array([4, 4])}, "must differ"),
        ({"source": "guess"}, "source 'guess'"),
        ({"participant_type": "tank"}, "type 'tank'"),
    ],
)
def test_bad_objects_are_refused(changes: dict, text: str) -> None:
    """Property: one clear line naming field, value and rule."""
    with pytest.raises(ValueError, match=text):
        build_rsms(UNIT, replace(detected(2), **changes), counter=MessageCounter(0), generated_utc_ns=UTC_NS)
