"""RSI: events and signs survive the wire and hold where they should."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from rsu.applications.cn.events import read_events
from rsu.applications.events import EventZones
from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.rsi import build_rsis
from rsu.services.counter import MessageCounter
from rsu.services.described import EventDescription, UnitDescription
from tests.rsu.service_cases import LAT, LON, UTC_NS, arm_line

SET = MESSAGE_SETS["csae53-2020"]
ENCODE = partial(SET.encode, "RSI")
PLANE = LocalPlane(LON, LAT)
UNIT = UnitDescription(b"RSU00001", LON, LAT, 5.5)
HEADING_DEG = 23.0


def lonlat(xy: np.ndarray) -> np.ndarray:
    return np.column_stack(PLANE.to_lonlat(xy[:, 0], xy[:, 1]))


def event(number: int = 7, kind: str = "event", **changes) -> EventDescription:
    line = arm_line(HEADING_DEG, 200.0, 1 / 1500, 0.0)
    middle = lonlat(line)[len(line) // 2]
    base = EventDescription(
        number,
        kind,
        410,
        *middle.tolist(),
        lonlat(line),
        8.0,
        5,
        UTC_NS,
        UTC_NS + 7200 * 10**9,
        "Stopped vehicle",
    )
    return replace(base, **changes)


def over_the_air(values: list[dict]) -> list[dict]:
    decoded = [SET.decode(ENCODE(value), "strict") for value in values]
    assert all(one.status == "ok" and one.message == "RSI" for one in decoded)
    return [one.value for one in decoded]


def test_content_comes_back() -> None:
    """Property: id, code, place, radius, priority level and text survive; times are minutes of the year, by
    hand.
    """
    value = over_the_air(
        build_rsis(UNIT, [event(), event(9, "sign")], counter=MessageCounter(2), generated_utc_ns=UTC_NS)
    )[0]
    assert value["moy"] == 260640 and value["rtes"][0]["timeDetails"] == {
        "startTime": 260640,
        "endTime": 260760,
    }
    assert value["rtes"][0]["priority"] == b"\xa0"
    read = read_events(value)
    assert [(one.kind, one.id, one.code, one.priority_level, one.text) for one in read] == [
        ("event", 7, 410, 5, "Stopped vehicle"),
        ("sign", 9, 410, 5, "Stopped vehicle"),
    ]
    assert read[0].position == pytest.approx((event().lon, event().lat), abs=0.51e-7)
    assert read[0].radii_m == (8.0,) and read[0].unit_id == b"RSU00001"
    xy = np.column_stack(PLANE.to_plane(read[0].paths[0][:, 0], read[0].paths[0][:, 1]))
    true = arm_line(HEADING_DEG, 200.0, 1 / 1500, 0.0)
    nearest = np.linalg.norm(xy[:, None] - true, axis=2).min(axis=1)
    assert nearest.max() < 0.02 and np.linalg.norm(xy[[0, -1]] - true[[0, -1]], axis=1).max() < 0.02


def test_at_most_eight_events_and_sixteen_signs() -> None:
    """Printed: RTEList 1..8, RTSList 1..16; 20 events and 20 signs keep order, none is lost or doubled."""
    events = [event(i) for i in range(20)] + [event(100 + i, "sign") for i in range(20)]
    values = over_the_air(build_rsis(UNIT, events, counter=MessageCounter(127)))
    assert [value["msgCnt"] for value in values] == [127, 0, 1, 2][: len(values)]
    assert (
        max(len(v.get("rtes", [])) for v in values) == 8 and max(len(v.get("rtss", [])) for v in values) == 16
    )
    assert [one.id for value in values for one in read_events(value)] == [*range(20), *range(100, 120)]


def test_byte_limit_splits_and_refuses() -> None:
    """Property: parts fit and together are complete; one event that cannot fit is one clear error."""
    events = [event(i, text="x" * 60) for i in range(8)]
    values = build_rsis(UNIT, events, counter=MessageCounter(0), encode=ENCODE, max_bytes=400)
    assert len(values) > 2 and all(len(ENCODE(value)) <= 400 for value in values)
    assert [one.id for value in over_the_air(values) for one in read_events(value)] == list(range(8))
    with pytest.raises(ValueError, match=r"RSI event 3: \d+ bytes, limit 60 bytes"):
        build_rsis(UNIT, [event(3)], counter=MessageCounter(0), encode=ENCODE, max_bytes=60)
    assert build_rsis(UNIT, [], counter=MessageCounter(0)) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id": 256}, "id must lie in 0..255"),
        ({"priority_level": 8}, "priority level 8"),
        ({"kind": "fog"}, "kind"),
        ({"radius_m": 7000.0}, "radius 7000.0 m"),
        ({"text": "雾"}, "ASCII"),
        ({"source": "rumour"}, "source 'rumour'"),
        ({"code": 70000}, "code 70000"),
        ({"path": np.array([[120.8, 31.0]])}, "path of 1 points, must be at least 2"),
    ],
)
def test_bad_event_is_refused(changes: dict, text: str) -> None:
    """Property: one clear line naming the event and the rule."""
    with pytest.raises(ValueError, match=text):
        build_rsis(UNIT, [event(**changes)], counter=MessageCounter(0))


def vehicles_on(line: np.ndarray, right_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    step = np.diff(line, axis=0)
    heading = np.arctan2(step[:, 0], step[:, 1])
    middle = (line[1:] + line[:-1]) / 2 + right_m * np.column_stack([np.cos(heading), -np.sin(heading)])
    return *PLANE.to_lonlat(middle[:, 0], middle[:, 1]), np.degrees(heading)


def zones_of(one: EventDescription, **options) -> EventZones:
    return EventZones(
        read_events(over_the_air(build_rsis(UNIT, [one], counter=MessageCounter(0)))[0]), **options
    )


def test_holds_on_the_path_only_with_the_right_heading() -> None:
    """Property: inside the half width and along the path it holds; outside, or the other way, it does not."""
    zones = zones_of(event(), upstream_m=0.0)
    line = arm_line(HEADING_DEG, 200.0, 1 / 1500, 0.0)
    for right_m, expected in ((0.0, True), (7.0, True), (-7.0, True), (9.5, False), (-9.5, False)):
        lon, lat, heading_deg = vehicles_on(line, right_m)
        assert (zones.holds(lon, lat, heading_deg)[:, 0] == expected).all()
        assert not zones.holds(lon, lat, heading_deg + 180).any()


def winding(length_m: float, radius_m: float) -> np.ndarray:
    """(n, 2) metres: half circles left and right in turn, a point every metre."""
    way_m = np.arange(0.0, length_m)
    turns = np.floor(way_m / (np.pi * radius_m))
    part = way_m / radius_m - turns * np.pi
    heading = np.where(turns % 2 == 0, part, np.pi - part)
    step = np.column_stack([np.sin(heading), np.cos(heading)])
    return np.concatenate([np.zeros((1, 2)), np.cumsum(step, axis=0)])


def test_long_path_is_told_in_pieces() -> None:
    """Property: a straight, then winding 3 km path takes several pieces; it holds all along, joints too."""
    line = np.concatenate([[[0.0, -60.0]], winding(3000.0, 200.0)])
    value = over_the_air(build_rsis(UNIT, [event(path=lonlat(line))], counter=MessageCounter(0)))[0]
    lengths = [len(path["activePath"]) for path in value["rtes"][0]["referencePaths"]]
    assert 1 < len(lengths) <= 8 and max(lengths) == 32
    lon, lat, heading_deg = vehicles_on(line, 3.0)
    assert EventZones(read_events(value), upstream_m=0.0).holds(lon, lat, heading_deg).all()
    upstream = EventZones(read_events(value)).holds(
        *PLANE.to_lonlat(np.zeros(2), [-310.0, -375.0]), np.zeros(2)
    )
    assert upstream[:, 0].tolist() == [True, False], "only the first piece is extended, by 300 m"
    with pytest.raises(ValueError, match=r"RSI event 7: \d+ pieces of 32 points within 0.5 m .* at most 8"):
        build_rsis(UNIT, [event(path=lonlat(winding(20_000.0, 60.0)))], counter=MessageCounter(0))


def test_straight_upstream_zone() -> None:
    """By hand: 299 m before a straight path it holds, 309 m before (300 + radius 8) it does not."""
    straight = np.array([[0.0, 0.0], [0.0, 100.0]])
    zones = zones_of(event(path=lonlat(straight)))
    lon, lat = PLANE.to_lonlat(np.zeros(3), np.array([-299.0, -309.0, 109.0]))
    assert zones.holds(lon, lat, np.zeros(3))[:, 0].tolist() == [True, False, False]


def test_bent_upstream_zone_needs_the_senders_approach() -> None:
    """Property: on a bend the straight extension misses the road; an approach sent as a second path follows
    it.
    """
    whole = arm_line(HEADING_DEG, 500.0, 1 / 400, 0.0)
    split = int(np.searchsorted(np.cumsum(np.hypot(*np.diff(whole, axis=0).T)), 300.0)) + 1
    path, approach = lonlat(whole[split:]), lonlat(whole[: split + 1])
    lon, lat, heading_deg = vehicles_on(whole[:split], 0.0)
    blind = zones_of(event(path=path)).holds(lon, lat, heading_deg)[:, 0]
    told = zones_of(event(path=path, approach=approach)).holds(lon, lat, heading_deg)[:, 0]
    assert blind.mean() < 0.7 and told.all()
