"""Who is on which approach, in which lane: the truth that receivers' lane matches are held against."""

from __future__ import annotations

import numpy as np

from sim.world.build import World
from sim.world.network import ROAD_STRIDE_M


class Approaches:
    """Per station slot: the approach (index, -1 = none near) and the true lane on it.

    ``inside`` marks those within ``zone_m`` of the stop line; ``approach`` also names stations up to ``margin_m``
    before the zone, who may enter it while a message is still fresh.
    """

    def __init__(self, world: World, zone_m: float, margin_m: float = 0.0) -> None:
        self.world, self.zone_m, self.margin_m = world, zone_m, margin_m
        self._table = sorted(world.network.approaches, key=lambda a: a.road * ROAD_STRIDE_M + a.stop_s_m)
        self._index = np.array([a.index for a in self._table], np.int64)
        self._road = np.array([a.road for a in self._table], np.int64)
        self._stop_s_m = np.array([a.stop_s_m for a in self._table])
        self._start_s_m = np.array([a.link_start_s_m for a in self._table])
        self._key = self._road * ROAD_STRIDE_M + self._stop_s_m
        self._of_node: dict[int, list[int]] = {}
        for approach in world.network.approaches:
            self._of_node.setdefault(approach.node, []).append(approach.index)
        self.approach = np.full(world.stations.size, -1, np.int64)
        self.lane = np.zeros(world.stations.size, np.int64)
        probes = world.stations.probes
        self.inside = np.zeros(world.stations.size, bool)
        self.approach[probes], self.inside[probes] = self.locate(world.probes.road, world.probes.s_m)
        self.lane[probes] = world.probes.lane
        self._zones: dict[int, np.ndarray] = {}

    def locate(self, road: np.ndarray, s_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(approach index, inside the zone) of places on roads; -1 beyond zone and margin of the next stop line."""
        if not len(self._table):
            return np.full(len(road), -1, np.int64), np.zeros(len(road), bool)
        at = np.searchsorted(self._key, road * ROAD_STRIDE_M + s_m)
        at = np.minimum(at, len(self._key) - 1)
        to_stop = self._stop_s_m[at] - s_m
        good = (self._road[at] == road) & (to_stop >= 0) & (s_m >= self._start_s_m[at])
        near = good & (to_stop <= self.zone_m + self.margin_m)
        return np.where(near, self._index[at], -1), good & (to_stop <= self.zone_m)

    def update(self) -> None:
        """Take the vehicles of the new tick."""
        world, stations, fleet = self.world, self.world.stations, self.world.fleet
        extra = stations.size - len(self.approach)
        if extra > 0:
            self.approach = np.concatenate([self.approach, np.full(extra, -1)])
            self.lane = np.concatenate([self.lane, np.zeros(extra, np.int64)])
            self.inside = np.concatenate([self.inside, np.zeros(extra, bool)])
        first = stations.first_vehicle
        self.approach[first:], self.inside[first:] = -1, False
        slots = world.vehicle_slots()
        vehicle = slots - first
        road = fleet.road[vehicle].astype(np.int64)
        known = road >= 0
        found, inside = self.locate(road[known], fleet.s_m[vehicle[known]])
        self.approach[slots[known]], self.inside[slots[known]] = found, inside
        lanes = world.network.lanes_of_road[np.maximum(road, 0)]
        lane = np.rint(fleet.lateral_m[vehicle] / world.network.lane_width_m + (lanes - 1) / 2)
        self.lane[slots] = np.clip(lane, 0, np.maximum(lanes - 1, 0))
        self._zones = {}

    def of_node(self, node: int) -> list[int]:
        """Indices of a node's approaches."""
        return self._of_node.get(node, [])

    def in_zone(self, node: int) -> np.ndarray:
        """Slots on or near any approach zone of a node, ascending."""
        if node not in self._zones:
            wanted = np.zeros(len(self._table) + 1, bool)
            wanted[self.of_node(node)] = True
            self._zones[node] = np.flatnonzero(wanted[self.approach])
        return self._zones[node]

    def any_zone(self) -> np.ndarray:
        """[slots] bool: inside the zone of an approach."""
        return self.inside
