"""Roads, approaches and movements of a corridor."""

import numpy as np
import pytest

from sim.scenario.schema.corridor import Corridor, Jurisdiction, RoadSection, SideArms, SignalNode, Span
from sim.world.corridor import CorridorGeometry, WorldProblems
from sim.world.network import RoadNetwork, network_problems


def road(**changes):
    values = {
        "datum": "WGS84",
        "length_m": 3000.0,
        "jurisdictions": [Jurisdiction(id="A", region_id=7, spans=[Span()])],
        "nodes": [SignalNode(id="N1", at_m=1000), SignalNode(id="N2", at_m=2000)],
    }
    return Corridor(**{**values, **changes})


def network(**changes):
    return RoadNetwork(CorridorGeometry(road(**changes)))


def test_lane_centres_by_hand():
    """By hand: median 2 m, lanes 3.5 m; up drives on the right: inner lane at -1 - 1.75 = -2.75, outer at -6.25 m."""
    built = network()
    up, down = built.roads[built.main["up"]], built.roads[built.main["down"]]
    assert np.allclose(up.lane_xy(0, 100.0), (100, -2.75))
    assert np.allclose(up.lane_xy(1, 100.0), (100, -6.25))
    assert np.allclose(down.lane_xy(0, 100.0), (2900, 2.75))
    assert (float(up.heading_at(5.0)), float(down.heading_at(5.0))) == (90, 270)
    assert float(down.chainage_at(100.0)) == pytest.approx(2900)


def test_arms_by_hand():
    """By hand: road edge at 1 + 7 = 8 m, set-back 6 m, arm queue 7 m further: the right arm's stop line at y = -21."""
    built = network()
    inbound = built.roads[built.arm_roads[0, "arm_right", "in"]]
    outbound = built.roads[built.arm_roads[0, "arm_right", "out"]]
    assert np.allclose(inbound.lane_xy(0, inbound.length_m), (1001.75, -21))
    assert np.allclose(outbound.lane_xy(0, 0.0), (998.25, -14))
    assert (float(inbound.heading_at(0.0)), float(outbound.heading_at(0.0))) == (0, 180)


def test_stop_lines_by_hand():
    """By hand: half of the crossing road is 3.5 m, set-back 6 m: up stops at 990.5 m and is past at 1009.5 m."""
    up = next(a for a in network().approaches_of(0) if a.name == "up")
    assert (up.stop_s_m, up.exit_s_m, up.link_start_s_m) == pytest.approx((990.5, 1009.5, 0))
    second = next(a for a in network().approaches_of(1) if a.name == "up")
    assert second.link_start_s_m == pytest.approx(1009.5)


def test_movements_lead_where_right_hand_traffic_goes():
    """By hand: the compass of a road going east, its right arm in the south."""
    built = network()
    south = next(a for a in built.approaches_of(0) if a.name == "arm_right")
    goes = {m.turn: built.roads[m.to_road].name for lane in south.movements for m in lane}
    assert goes == {"left": "down", "right": "up", "straight": "N1/arm_left/out"}
    up = next(a for a in built.approaches_of(0) if a.name == "up")
    assert [[m.turn for m in lane] for lane in up.movements] == [["left", "straight"], ["straight", "right"]]
    assert {m.turn: built.roads[m.to_road].name for lane in up.movements for m in lane} == {
        "left": "N1/arm_left/out",
        "straight": "up",
        "right": "N1/arm_right/out",
    }


def test_connectors_join_the_lanes_they_connect():
    """Property: both ends meet the lane centres and headings."""
    built = network(
        sections=[RoadSection(lanes=3)], nodes=[SignalNode(id="N", at_m=1500, arms=SideArms(lanes=2))]
    )
    checked = 0
    for approach in built.approaches:
        for movement in (m for lane in approach.movements for m in lane if m.connector >= 0):
            curve, source = built.roads[movement.connector], built.roads[approach.road]
            target = built.roads[movement.to_road]
            join = 0.0
            if target.kind == "main":
                join = next(a.exit_s_m for a in built.approaches_of(0) if a.road == target.index)
            assert np.allclose(
                curve.lane_xy(0, 0.0), source.lane_xy(movement.from_lane, approach.stop_s_m), atol=1e-6
            )
            assert np.allclose(
                curve.lane_xy(0, curve.length_m), target.lane_xy(movement.to_lane, join), atol=1e-6
            )
            ends = [
                float(curve.heading_at(0)) - float(source.heading_at(approach.stop_s_m)),
                float(curve.heading_at(curve.length_m)) - float(target.heading_at(join)),
            ]
            assert np.allclose((np.array(ends) + 180) % 360 - 180, 0, atol=0.1)
            checked += 1
    assert checked >= 10


def test_ids_are_unique_and_link_nodes():
    """Property: node and end ids differ; upstream and remote ids follow the road."""
    built = network(nodes=[SignalNode(id="N1", at_m=1000), SignalNode(id="N2", at_m=2000, node_id=256)])
    ends = [i for arms in built.arm_end_ids for i in arms.values()]
    ids = [*built.node_ids, built.start_id, built.end_id, *ends]
    assert built.node_ids == [257, 256] and len(set(ids)) == len(ids)
    up = {a.node: a for a in built.approaches if a.name == "up"}
    assert (up[0].upstream_node_id, up[1].upstream_node_id) == (built.start_id, 257)
    straight = up[0].movement("straight")
    assert straight is not None and straight.remote_node_id == 256
    assert built.node_regions == [7, 7]


def test_described_lanes_end_at_the_stop_line():
    """By hand: the link of N2 begins past N1; at most 500 m are described."""
    built = network()
    second = next(a for a in built.approaches_of(1) if a.name == "up")
    points = built.lane_points(second, 1)
    assert np.allclose(points[[0, -1]], [(1490.5, -6.25), (1990.5, -6.25)])


def test_locate_agrees_with_the_roads():
    """Independent path: the vectorised look-up against each road's own interpolation."""
    built = network(sections=[RoadSection(), RoadSection(span=Span(from_m=2500), lanes=3)])
    random = np.random.default_rng(3)
    which = random.integers(0, len(built.roads), 400)
    s, right = random.random(400) * built.length_of_road_m[which], random.uniform(-5, 5, 400)
    x, y, heading, chainage = built.locate(which, s, right)
    for k in range(400):
        one = built.roads[which[k]]
        assert np.allclose(one.line.at(s[k], -right[k]), (x[k], y[k]), atol=1e-6)
        assert abs((float(one.heading_at(s[k])) - heading[k] + 180) % 360 - 180) < 1e-6
        assert float(one.chainage_at(s[k])) == pytest.approx(chainage[k], abs=1e-6)
    assert built.lanes_at(np.array([0, 0, 1, 1]), np.array([100.0, 2600.0, 100.0, 600.0])).tolist() == [
        2,
        3,
        3,
        2,
    ]


def test_one_way_road_gives_impossible_turns_to_the_rest():
    """By hand: without direction down, the right arm cannot turn left, the share goes straight."""
    built = network(directions=["up"])
    south = next(a for a in built.approaches_of(0) if a.name == "arm_right")
    assert (south.left_ratio, south.ratio("straight")) == (0, pytest.approx(0.6))
    assert {a.name for a in built.approaches} == {"up", "arm_right", "arm_left"}


@pytest.mark.parametrize(
    "nodes, words",
    [
        ([SignalNode(id="N", at_m=20)], "to the start of the road"),
        ([SignalNode(id="N", at_m=2990)], "to the end of the road"),
        ([SignalNode(id="N", at_m=500), SignalNode(id="M", at_m=540)], "to the node before it"),
        (
            [SignalNode(id="N", at_m=500, node_id=9), SignalNode(id="M", at_m=900, node_id=9)],
            "already the id of N",
        ),
        ([SignalNode(id="N", at_m=500, arms=SideArms(turn_left_ratio=0.7))], "at most 1"),
        (
            [SignalNode(id="N", at_m=500, arms=SideArms(main_left_ratio=0.6, main_right_ratio=0.6))],
            "at most 1",
        ),
    ],
)
def test_problems(nodes, words):
    """Property: one clear line per mistake, raised as WorldProblems too."""
    config = road(nodes=nodes)
    assert any(words in message for _, message in network_problems(config))
    with pytest.raises(WorldProblems, match="corridor.nodes"):
        RoadNetwork(CorridorGeometry(config))
