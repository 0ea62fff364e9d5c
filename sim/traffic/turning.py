"""Through the junction: from a road onto a connector, and from there onto the next road."""

from __future__ import annotations

import numpy as np

from sim.traffic.driven import DrivenFleet
from sim.traffic.junction import LEFT, RIGHT, STRAIGHT, JunctionTables
from sim.world.network import RoadNetwork


class Turning:
    """Moves vehicles between roads and lets their rear follow the curve."""

    def __init__(self, fleet: DrivenFleet, network: RoadNetwork, tables: JunctionTables) -> None:
        self.fleet = fleet
        self.network = network
        self.tables = tables
        self.missed = 0
        """Vehicles that wanted to turn but reached the stop line in a lane that may not."""

    def enter_connectors(self, slots: np.ndarray, ahead: np.ndarray) -> None:
        """Whose centre passed the stop line of approach ``ahead`` and turns goes onto the connector."""
        fleet, tables = self.fleet, self.tables
        if not len(tables.order):
            return
        crossing = ((ahead >= 0) & (fleet.s_m[slots] >= tables.stop_s_m[ahead])).nonzero()[0]
        if not len(crossing):
            return
        here, who = ahead[crossing], slots[crossing]
        lane = np.minimum(fleet.lane[who], tables.connector.shape[2] - 1)
        connector = tables.connector[here, fleet.turn[who], lane]
        on_main = self.network.direction_of_road[tables.road[here]] != 0
        missed = (connector < 0) & (fleet.turn[who] != STRAIGHT)
        self.missed += int(np.count_nonzero(missed))
        for turn in (STRAIGHT, LEFT, RIGHT):
            connector = np.where((connector < 0) & ~on_main, tables.connector[here, turn, lane], connector)
        goes = connector >= 0
        who, connector = who[goes], connector[goes]
        fleet.s_m[who] -= tables.stop_s_m[here[goes]]
        self._onto(who, connector, np.zeros(len(who), np.int64))

    def leave_connectors(self, slots: np.ndarray) -> None:
        """Who has driven a whole connector goes onto the road it leads to."""
        fleet, tables = self.fleet, self.tables
        connector = fleet.road[slots]
        over = fleet.s_m[slots] - self.network.length_of_road_m[connector]
        done = ((tables.target_road[connector] >= 0) & (over >= 0)).nonzero()[0]
        if len(done):
            who, connector = slots[done], connector[done]
            fleet.s_m[who] = tables.join_s_m[connector] + over[done]
            fleet.came_from[who], fleet.came_at_s_m[who] = connector, tables.join_s_m[connector]
            self._onto(who, tables.target_road[connector], tables.target_lane[connector])

    def _onto(self, who: np.ndarray, road: np.ndarray, lane: np.ndarray) -> None:
        fleet = self.fleet
        fleet.road[who], fleet.lane[who], fleet.old_lane[who], fleet.change[who] = road, lane, lane, 1.0
        fleet.lateral_m[who] = self.network.lane_right_m(road, lane)

    def point_from_rear(self) -> None:
        """Head a turning vehicle from its rear, which is still on the curve, to its centre."""
        fleet, slots = self.fleet, self.fleet.slots()
        rear_s, rear_road = fleet.s_m[slots] - fleet.length_m[slots] / 2, fleet.road[slots]
        behind = rear_s - fleet.came_at_s_m[slots]
        trailing = (fleet.came_from[slots] >= 0) & (behind < 0)
        fleet.came_from[slots[~trailing]] = -1
        turning = (trailing | (self.tables.target_road[rear_road] >= 0)).nonzero()[0]
        if not len(turning):
            return
        who = slots[turning]
        connector = np.where(trailing[turning], fleet.came_from[who], rear_road[turning])
        on_curve = self.network.length_of_road_m[connector] + behind[turning]
        s = np.where(trailing[turning], on_curve, rear_s[turning])
        x, y, _, _ = self.network.locate(connector, s, 0.0)
        fleet.heading_deg[who] = np.degrees(np.arctan2(fleet.x_m[who] - x, fleet.y_m[who] - y)) % 360.0
