"""Junctions as tables: which approach is next, which lane may turn, where a turning vehicle goes."""

from __future__ import annotations

import numpy as np

from sim.traffic.population import Population
from sim.world.network import ROAD_STRIDE_M, RoadNetwork
from sim.world.roads import Turn
from sim.world.signals import Signals

TURNS: tuple[Turn, ...] = ("straight", "left", "right")
STRAIGHT, LEFT, RIGHT = range(3)
_GHOST_MARGIN_M = 0.5


class JunctionTables:
    """Read-only arrays over approaches and connectors, made for look-up by whole fleets."""

    def __init__(self, network: RoadNetwork) -> None:
        self.network = network
        approaches = network.approaches
        self.order = np.array(sorted(range(len(approaches)), key=lambda i: _key(network, i)), np.int64)
        self._keys = np.array([_key(network, int(i)) for i in self.order])
        self.road = np.array([a.road for a in approaches], np.int64)
        self.stop_s_m = np.array([a.stop_s_m for a in approaches])
        self.exit_s_m = np.array([a.exit_s_m for a in approaches])
        self.lanes = np.array([a.lanes for a in approaches], np.int64)
        self.left_ratio = np.array([a.left_ratio for a in approaches])
        self.right_ratio = np.array([a.right_ratio for a in approaches])
        most = max((a.lanes for a in approaches), default=1)
        self.connector = np.full((len(approaches), 3, most), -1, np.int64)
        """[approach, turn, lane] -> connector road, -1 if none."""
        roads = len(network.roads)
        self.target_road = np.full(roads, -1, np.int64)
        """[road] -> road a connector leads to, -1 if the road is no connector."""
        self.target_lane = np.zeros(roads, np.int64)
        self.join_s_m = np.zeros(roads)
        self.room_from_s_m = np.zeros(roads)
        """[road] -> arc length on the target road from which vehicles matter to someone turning in."""
        self.ghost_scale = np.ones(roads)
        """[road] -> metres on the target road per metre of connector, for the stand-in of a turning vehicle."""
        self.source_lane = np.full(roads, -1, np.int64)
        """[road] -> counted-through lane a connector comes from."""
        self.source_s_m = np.zeros(roads)
        for approach in approaches:
            for lane in approach.movements:
                for movement in lane:
                    self._add(approach.index, movement.from_lane, TURNS.index(movement.turn), movement.connector)

    def _add(self, index: int, lane: int, turn: int, connector: int) -> None:
        network = self.network
        if connector < 0:
            return
        here = network.approaches[index]
        movement = next(m for m in here.movements[lane] if m.connector == connector)
        self.connector[index, turn, lane] = connector
        self.target_road[connector], self.target_lane[connector] = movement.to_road, movement.to_lane
        self.source_lane[connector] = network.lane_base[here.road] + lane
        self.source_s_m[connector] = here.stop_s_m
        target = network.roads[movement.to_road]
        if target.kind != "main":
            self.room_from_s_m[connector] = -100.0
            return
        crossing = next(a for a in network.approaches_of(here.node) if a.road == target.index)
        self.join_s_m[connector], self.room_from_s_m[connector] = crossing.exit_s_m, crossing.stop_s_m
        inside = crossing.exit_s_m - crossing.stop_s_m - _GHOST_MARGIN_M
        self.ghost_scale[connector] = min(1.0, inside / network.roads[connector].length_m)

    def next_approach(self, road: np.ndarray, s_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(approach ahead or -1, approach last passed on this road or -1) of vehicle centres."""
        if not len(self.order):
            none = np.full(road.shape, -1)
            return none, none
        position = self._keys.searchsorted(road * ROAD_STRIDE_M + s_m, side="right")
        ahead = self.order[np.minimum(position, len(self.order) - 1)]
        behind = self.order[np.maximum(position - 1, 0)]
        ahead = np.where((position < len(self.order)) & (self.road[ahead] == road), ahead, -1)
        behind = np.where((position > 0) & (self.road[behind] == road), behind, -1)
        return ahead, behind

    def draw_turns(self, population: Population, numbers: np.ndarray, approach: np.ndarray) -> np.ndarray:
        """Turn of each vehicle at its approach; a function of (seed, vehicle number, approach) alone."""
        draw = population.uniform("turn", numbers, approach)
        left = self.left_ratio[approach]
        return np.where(draw < left, LEFT, np.where(draw < left + self.right_ratio[approach], RIGHT, STRAIGHT))

    def ghost_s_m(self, connector: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        """Where on the target road a vehicle on a connector counts as being."""
        remaining = self.network.length_of_road_m[connector] - s_m
        return self.join_s_m[connector] - remaining * self.ghost_scale[connector]


class Lights:
    """What every approach shows, read again only when something switches."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._valid_ns = (1, 0)
        self.light, self.end_ns = np.empty(0, np.int8), np.empty(0, np.int64)

    def read(self, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """(light, end_ns) per approach at ``now_ns``."""
        if not self._valid_ns[0] <= now_ns < self._valid_ns[1]:
            self.light, self.end_ns = self._signals.lights_at(now_ns)
            self._valid_ns = (now_ns, int(self.end_ns.min()) if len(self.end_ns) else now_ns + 1)
        return self.light, self.end_ns


def _key(network: RoadNetwork, index: int) -> float:
    return network.approaches[index].road * ROAD_STRIDE_M + network.approaches[index].stop_s_m


class LaneEnds:
    """Where lanes stop existing."""

    def __init__(self, network: RoadNetwork) -> None:
        keys = []
        for road in network.roads:
            for before, after, s in zip(road.lane_counts, road.lane_counts[1:], road.edges_m[1:], strict=False):
                keys += [(network.lane_base[road.index] + lane) * ROAD_STRIDE_M + s for lane in range(after, before)]
        self._keys = np.sort(np.array(keys, float))

    def ahead_m(self, lane: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        """Arc length of the next end of these (counted-through) lanes, infinite if they go on."""
        if not len(self._keys):
            return np.full(lane.shape, np.inf)
        position = self._keys.searchsorted(lane * ROAD_STRIDE_M + s_m)
        found = self._keys[np.minimum(position, len(self._keys) - 1)] - lane * ROAD_STRIDE_M
        return np.where((position < len(self._keys)) & (found < ROAD_STRIDE_M / 2), found, np.inf)
