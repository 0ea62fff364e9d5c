"""How much traffic each link carries, and the queues outside the entries."""

from __future__ import annotations

from dataclasses import dataclass

from sim.traffic.following import Driver, capacity_veh_s
from sim.world.network import APPROACHES, RoadNetwork
from sim.world.signals import Signals


@dataclass(frozen=True)
class Link:
    """A piece of road between junctions with the flow expected on it."""

    road: int
    from_s_m: float
    to_s_m: float
    flow_veh_h: float
    approach: int
    """Approach at its end, -1 if there is none."""


def expected_links(network: RoadNetwork, entering_veh_h: dict[str, float]) -> list[Link]:
    """Links of main roads and arms with flows that follow from entries and turning shares.

    entering_veh_h : flow at the start of each main carriageway.
    """
    nodes = network.corridor.config.nodes
    approach = {(a.node, a.name): a for a in network.approaches}
    into_arm = {key: 0.0 for key in network.arm_roads if key[2] == "out"}
    links: list[Link] = []
    for node, config in enumerate(nodes):
        for name in APPROACHES[2:]:
            arm = approach[node, name]
            links.append(Link(arm.road, 0.0, arm.stop_s_m, config.arms.flow_veh_h, arm.index))
    for name, road_index in network.main.items():
        flow, at = entering_veh_h[name], 0.0
        order = range(len(nodes)) if name == "up" else range(len(nodes) - 1, -1, -1)
        for node in order:
            here, arm_flow = approach[node, name], nodes[node].arms.flow_veh_h
            links.append(Link(road_index, at, here.stop_s_m, flow, here.index))
            flow *= here.ratio("straight")
            for side in APPROACHES[2:]:
                flow += arm_flow * sum(
                    approach[node, side].ratio(m.turn)
                    for lane in approach[node, side].movements
                    for m in lane[:]
                    if m.to_road == road_index
                )
            at = here.stop_s_m
        links.append(Link(road_index, at, network.roads[road_index].length_m, flow, -1))
    incoming = {link.approach: link.flow_veh_h for link in links if link.approach >= 0}
    for here in network.approaches:
        seen = set()
        for movement in (m for lane in here.movements for m in lane):
            target = network.roads[movement.to_road]
            if target.kind == "arm_out" and (movement.turn, movement.to_road) not in seen:
                seen.add((movement.turn, movement.to_road))
                key = next(k for k, v in network.arm_roads.items() if v == movement.to_road)
                into_arm[key] += incoming[here.index] * here.ratio(movement.turn)
    for key, flow in into_arm.items():
        road = network.roads[network.arm_roads[key]]
        links.append(Link(road.index, 0.0, road.length_m, flow, -1))
    return links


def saturation(
    network: RoadNetwork, signals: Signals, links: list[Link], driver: Driver, length_m: float
) -> dict[int, float]:
    """Degree of saturation of each approach: expected flow over what its green lets through."""
    degrees: dict[int, float] = {}
    for link in links:
        if link.approach < 0:
            continue
        here = network.approaches[link.approach]
        limit = float(network.roads[here.road].speed_limit_at(here.stop_s_m))
        green = signals.controllers[here.node].green_ratio(here.phase_id)
        capacity = capacity_veh_s(driver, limit, length_m) * 3600 * green * here.lanes
        degrees[here.index] = link.flow_veh_h / capacity
    return degrees
