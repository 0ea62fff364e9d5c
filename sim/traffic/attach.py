"""Vehicles given by position: which carriageway, lane and arc length that is."""

from __future__ import annotations

import numpy as np

from sim.traffic.fleet import Fleet
from sim.world.network import RoadNetwork


def attach(
    fleet: Fleet,
    slots: np.ndarray,
    network: RoadNetwork,
    x_m: np.ndarray,
    y_m: np.ndarray,
    heading_deg: np.ndarray | None,
) -> None:
    """Write position columns of vehicles standing at plane coordinates, however far off the road.

    The carriageway is the one whose direction the heading fits better; without a heading, the side of the centre line
    decides and the heading is that of the carriageway. x_m, y_m, heading_deg : [vehicle].
    """
    corridor = network.corridor
    chainage, left = corridor.project(x_m, y_m)
    up = corridor.heading_at(chainage)
    if heading_deg is None:
        goes_up = left <= 0
    else:
        goes_up = np.cos(np.radians(heading_deg - up)) >= 0
    if len(network.main) == 1:
        goes_up = np.full(len(chainage), "up" in network.main)
    fleet.x_m[slots], fleet.y_m[slots], fleet.chainage_m[slots] = x_m, y_m, chainage
    for name, index in network.main.items():
        rows = np.flatnonzero(goes_up == (name == "up"))
        road, chosen = network.roads[index], slots[rows]
        right = -left[rows] * road.direction
        middle_m = (corridor.config.median_m + road.lanes * road.lane_width_m) / 2
        fleet.road[chosen], fleet.direction[chosen] = index, road.direction
        fleet.s_m[chosen] = road.s_at_chainage(chainage[rows])
        fleet.lateral_m[chosen] = right - middle_m
        fleet.lane[chosen] = network.lane_at(name, left[rows], chainage[rows])
    own = np.where(goes_up, up, (up + 180) % 360) if heading_deg is None else heading_deg
    fleet.heading_deg[slots] = own
