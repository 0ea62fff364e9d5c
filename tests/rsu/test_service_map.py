"""MAP: geometry survives the wire; messages are split to fit."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.applications.cn.lanes import node_positions, read_lanes
from rsu.applications.road_map import RoadMap
from rsu.bounded import at_most
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.map import build_maps
from rsu.services.counter import MessageCounter
from rsu.services.geometry import LaneGeometry, LinkGeometry, NodeGeometry, metric_offsets, simplified
from tests.rsu.service_cases import UTC_NS, junction

ENCODE = partial(MESSAGE_SETS["csae53-2020"].encode, "MAP")


def over_the_air(values: list[dict]) -> list[dict]:
    with at_most(20_000):  # undivided maps are longer than any packet
        decoded = [MESSAGE_SETS["csae53-2020"].decode(ENCODE(value), "strict") for value in values]
    assert all(one.status == "ok" and one.message == "MAP" for one in decoded)
    return [one.value for one in decoded]


def deviation_m(points: np.ndarray, line: np.ndarray) -> float:
    """Greatest distance of (lon, lat) points from a (lon, lat) polyline, brute force."""
    origin = line[0]
    xy, way = metric_offsets(points, *origin), metric_offsets(line, *origin)
    start, step = way[:-1], np.diff(way, axis=0)
    share = np.einsum("psk,sk->ps", xy[:, None] - start, step) / np.einsum("sk,sk->s", step, step)
    foot = start + np.clip(share, 0, 1)[..., None] * step
    return float(np.linalg.norm(xy[:, None] - foot, axis=2).min(axis=1).max())


@settings(max_examples=12, deadline=None)
@given(lanes=st.integers(1, 4), bend=st.floats(-1 / 400, 1 / 400), arms=st.integers(1, 5))
def test_geometry_comes_back(lanes: int, bend: float, arms: int) -> None:
    """Property: every lane keeps id, width, phase, maneuver, limit; its line is within 10 cm + wire step."""
    node = junction(lanes=lanes, bend=bend, arms=arms)
    read = over_the_air(build_maps([node], counter=MessageCounter(0), generated_utc_ns=UTC_NS))
    road = RoadMap.of_lanes(read_lanes(read))
    assert len(road.lanes) == lanes * arms
    assert node_positions(read[0])[310, 257] == pytest.approx((node.lon, node.lat), abs=0.51e-7)
    for arm, link in enumerate(node.links):
        for true in link.lanes:
            lane = road.lanes[road.lane_index[310, 257, 310, 500 + arm, true.lane_id]]
            assert lane.width_m == true.width_m and lane.maneuvers == true.maneuvers
            assert lane.phase_ids == (arm + 1,)
            assert lane.speed_limit_mps == pytest.approx(true.speed_limit_mps, abs=0.01)
            assert deviation_m(true.points, lane.points) < 0.1 + 0.02
            assert np.abs(lane.points[[0, -1]] - true.points[[0, -1]]).max() < 0.51e-7


def test_offsets_are_the_smallest_sufficient() -> None:
    """Property: no offset would fit the next smaller type (bounds printed in the set: 12, 14, 16, 18, 22, 24
    bits).
    """
    bits = dict(zip((f"position-LL{i}" for i in range(1, 7)), (12, 14, 16, 18, 22, 24), strict=True))
    value = build_maps([junction()], counter=MessageCounter(0))[0]
    seen = set()
    for link in value["nodes"][0]["inLinks"]:
        for point in [*link["points"], *(p for lane in link["lanes"] for p in lane["points"])]:
            name, offset = point["posOffset"]["offsetLL"]
            reach = max(abs(offset["lon"] + 0.5), abs(offset["lat"] + 0.5))
            assert reach < 2 ** (bits[name] - 1)
            seen.add(name)
            if name != "position-LL1":
                smaller = bits[f"position-LL{int(name[-1]) - 1}"]
                assert reach > 2 ** (smaller - 1)
    assert len(seen) >= 3


def test_split_by_node_then_by_link() -> None:
    """Property: each part fits, nothing is lost or doubled, the merged road equals the undivided one."""
    nodes = [junction(node=257 + i, at_x_m=900.0 * i) for i in range(3)]
    whole = over_the_air(build_maps(nodes, counter=MessageCounter(0)))
    assert len(whole) == 1
    size = {
        limit: over_the_air(build_maps(nodes, counter=MessageCounter(120), encode=ENCODE, max_bytes=limit))
        for limit in (4000, 900, 400)
    }
    assert len(size[4000]) < len(size[900]) < len(size[400])
    for limit, parts in size.items():
        assert all(len(ENCODE(part)) <= limit for part in parts)
        assert [part["msgCnt"] for part in parts] == [(120 + i) % 128 for i in range(len(parts))]
        merged, single = RoadMap.of_lanes(read_lanes(parts)), RoadMap.of_lanes(read_lanes(whole))
        assert merged.lane_index.keys() == single.lane_index.keys() and len(merged.lanes) == 36
        assert all(
            np.array_equal(merged.lanes[merged.lane_index[key]].points, lane.points)
            for key, lane in zip(single.lane_index, single.lanes, strict=True)
        )
    assert {len(part["nodes"]) for part in size[4000]} != {1}, "nodes should be packed where they fit"


def test_single_link_that_does_not_fit_is_one_clear_error() -> None:
    """Property: the error names message, node, link, bytes and limit."""
    with pytest.raises(ValueError, match=r"MAP of node J257, link arm0: \d+ bytes, limit 100 bytes"):
        build_maps([junction()], counter=MessageCounter(0), encode=ENCODE, max_bytes=100)


def test_static_content_keeps_its_bytes() -> None:
    """Property: without a generation time and with the counter kept, bytes do not change."""
    first, second = (ENCODE(build_maps([junction()], counter=MessageCounter(5))[0]) for _ in range(2))
    assert first == second


def test_straight_road_needs_two_points_and_wild_one_is_refused() -> None:
    """By hand: a straight line has two points; a zigzag of 40 corners of 10 m cannot be told with 31."""
    straight = np.column_stack([np.linspace(120.83, 120.831, 50), np.full(50, 31.0)])
    assert len(simplified(straight, 0.05)) == 2
    zigzag = straight[:40] + np.column_stack([np.zeros(40), np.arange(40) % 2 * 1e-4])
    lane = LaneGeometry(1, 3.5, zigzag)
    node = NodeGeometry(
        1, 2, "N", 120.83, 31.0, None, (LinkGeometry("L", 1, 3, 3.5, None, straight, (lane,)),)
    )
    with pytest.raises(ValueError, match=r"MAP of node N, link L, lane 1: 40 points .* must be 2..31"):
        build_maps([node], counter=MessageCounter(0))


def test_phase_of_the_movement_serves_lanes_without_connections() -> None:
    """By hand: connectsTo absent, so the lane takes the link's movement phase 7."""
    line = np.array([[120.83, 31.0], [120.83, 31.002]])
    link = LinkGeometry("L", 1, 3, 3.5, 13.89, line, (LaneGeometry(1, 3.5, line),), ((1, 9, 7),))
    node = NodeGeometry(1, 2, "N", 120.83, 31.002, None, (link,))
    road = RoadMap.of_lanes(read_lanes(over_the_air(build_maps([node], counter=MessageCounter(0)))))
    assert road.lanes[0].phase_ids == (7,) and road.lanes[0].speed_limit_mps == pytest.approx(13.89, abs=0.01)
