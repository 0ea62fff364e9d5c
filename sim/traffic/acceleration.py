"""What every vehicle's acceleration is, given everybody's place: the forces of one tick."""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.traffic.driven import DrivenFleet
from sim.traffic.following import HARDEST_BRAKING_MPS2, Driver, free_acceleration, interaction
from sim.traffic.junction import JunctionTables, LaneEnds, Lights
from sim.traffic.mobil import Rows
from sim.traffic.order import LaneOrder
from sim.world.network import RoadNetwork
from sim.world.signals import Light

HALF_WAY = 0.6
"""Share of a lane change after which the old lane is free (assumption)."""
TURN_BRAKING_MPS2 = 1.5
"""Deceleration towards the speed of a turn (assumption)."""
TURN_REACH_M = 150.0
"""From here on a vehicle that will turn looks at its way through the junction (project choice)."""
YELLOW_MARGIN = 0.8
"""Share of the way that yellow leaves time for, within which one goes on (assumption)."""


class Acceleration:
    """Leaders, stop lines, ends of lanes and turns of a whole fleet; state lives in the fleet."""

    def __init__(
        self, fleet: DrivenFleet, network: RoadNetwork, tables: JunctionTables, lights: Lights, driver: Driver
    ) -> None:
        self.fleet = fleet
        self.network = network
        self.tables = tables
        self.lights = lights
        self.driver = driver
        self.lane_ends = LaneEnds(network)
        self._ring_m = network.corridor.ring_length_m
        none = np.empty(0, np.int64)
        self._leaving, self._leaving_lane, self._turning, self._joining_lane = none, none, none, none
        self._joining_s = np.empty(0)

    def order(self, slots: np.ndarray) -> tuple[LaneOrder, np.ndarray]:
        """The order of all vehicles, with stand-ins in the lanes they are leaving or about to join."""
        fleet, tables, base = self.fleet, self.tables, self.network.lane_base
        road, s = fleet.road[slots], fleet.s_m[slots]
        lane_number = base[road] + fleet.lane[slots]
        every = np.arange(len(slots))
        self._leaving = ((fleet.change[slots] < HALF_WAY) & (fleet.old_lane[slots] != fleet.lane[slots])).nonzero()[0]
        self._leaving_lane = base[road[self._leaving]] + fleet.old_lane[slots[self._leaving]]
        self._turning = (tables.target_road[road] >= 0).nonzero()[0]
        connector = road[self._turning]
        self._joining_lane = base[tables.target_road[connector]] + tables.target_lane[connector]
        self._joining_s = tables.ghost_s_m(connector, s[self._turning])
        tail = self._turning[s[self._turning] < fleet.length_m[slots[self._turning]] / 2]
        tail_s = tables.source_s_m[road[tail]] + s[tail]
        order = LaneOrder(
            np.concatenate([every, self._leaving, self._turning, tail]),
            np.concatenate([lane_number, self._leaving_lane, self._joining_lane, tables.source_lane[road[tail]]]),
            np.concatenate([s, s[self._leaving], self._joining_s, tail_s]),
            self._ring_m,
        )
        return order, lane_number

    def rows(
        self, slots: np.ndarray, lane_number: np.ndarray, order: LaneOrder, ahead: np.ndarray, now_ns: int
    ) -> Rows:
        """Accelerations of this tick."""
        fleet, network, tables, driver = self.fleet, self.network, self.tables, self.driver
        road, s, v = fleet.road[slots], fleet.s_m[slots], fleet.speed_mps[slots]
        half, a = fleet.length_m[slots] / 2, fleet.max_accel_mps2[slots]
        desired = network.speed_limit_at(road, s) * fleet.desired_factor[slots]
        turners = self._turners(slots, ahead)
        if len(turners):
            connector = tables.connector[ahead[turners], fleet.turn[slots[turners]], fleet.lane[slots[turners]]]
            to_stop = np.maximum(tables.stop_s_m[ahead[turners]] - s[turners], 0.0)
            turn_speed = network.speed_limit_at(connector, np.zeros(len(turners)))
            slow = np.sqrt(turn_speed**2 + 2 * TURN_BRAKING_MPS2 * to_stop)
            desired[turners] = np.minimum(desired[turners], slow)
        free = free_acceleration(driver, v, desired, a)
        bound = free.copy()

        def follow(which: np.ndarray, lead: np.ndarray, gap_m: np.ndarray) -> None:
            brake = interaction(driver, v[which], gap_m, v[lead], a[which])
            bound[which] = np.minimum(bound[which], free[which] - brake)

        for which, lane, at_s in (
            (self._leaving, self._leaving_lane, s[self._leaving]),
            (self._turning, self._joining_lane, self._joining_s),
        ):
            if len(which):
                lead, lead_s = order.ahead(lane, at_s)
                follow(which, lead, lead_s - at_s - half[which] - half[lead])
        if len(turners):
            first, first_s = order.ahead(network.lane_base[connector], np.full(len(turners), -1000.0))
            follow(turners, first, to_stop + first_s - half[turners] - half[first])
            target = network.lane_base[tables.target_road[connector]] + tables.target_lane[connector]
            room, room_s = order.ahead(target, tables.room_from_s_m[connector])
            way = to_stop + network.length_of_road_m[connector] * tables.ghost_scale[connector]
            follow(turners, room, way + room_s - tables.join_s_m[connector] - half[turners] - half[room])
        self._stand(bound, free, v, a, self.lane_ends.ahead_m(lane_number, s) - s - half)
        if len(tables.order):
            pace = v.copy()
            if len(turners):
                pace[turners] = np.minimum(v[turners], (v[turners] + turn_speed) / 2)
            self._stand(bound, free, v, a, self._signal_gap(ahead, s + half, v, pace, now_ns))
        lead, lead_s = order.ahead(lane_number, s)
        accel = np.minimum(bound, free - interaction(driver, v, lead_s - s - half - half[lead], v[lead], a))
        return Rows(
            fleet.number[slots],
            fleet.lane[slots],
            lane_number,
            s,
            v,
            half,
            a,
            free,
            bound,
            accel,
            lead,
            lead_s,
        )

    def _turners(self, slots: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Rows close to a stop line that will leave their road there and are in a lane that may."""
        fleet, tables = self.fleet, self.tables
        near = (ahead >= 0).nonzero()[0]
        near = near[tables.stop_s_m[ahead[near]] - fleet.s_m[slots[near]] < TURN_REACH_M]
        lane = np.minimum(fleet.lane[slots[near]], tables.connector.shape[2] - 1)
        return near[tables.connector[ahead[near], fleet.turn[slots[near]], lane] >= 0]

    def _signal_gap(
        self, ahead: np.ndarray, front_m: np.ndarray, v: np.ndarray, pace: np.ndarray, now_ns: int
    ) -> np.ndarray:
        """Distance to the stop line for those who must stop, else infinite.

        At yellow one goes on who would have to brake harder than comfortably and at his ``pace`` reaches the line
        within four fifths of the time left; at red everybody stops who physically can.
        """
        light, end_ns = self.lights.read(now_ns)
        gap = np.where(ahead >= 0, self.tables.stop_s_m[ahead] - front_m, np.inf)
        shown = np.where(gap >= 0, light[ahead], Light.GREEN)
        needed = v**2 / (2 * np.maximum(gap, 0.01))
        remaining_s = (end_ns[ahead] - now_ns) / SECOND
        passes = (needed > self.driver.comfortable_decel_mps2) & (gap <= YELLOW_MARGIN * pace * remaining_s)
        cannot = needed > HARDEST_BRAKING_MPS2
        stops = ((shown == Light.YELLOW) & ~passes) | ((shown == Light.RED) & ~(cannot & (v > 1.0)))
        return np.where(stops, gap, np.inf)

    def _stand(self, bound: np.ndarray, free: np.ndarray, v: np.ndarray, a: np.ndarray, gap_m: np.ndarray) -> None:
        """Brake for a standing line: IDM, but no harder than what the distance asks for."""
        which = (gap_m < 500.0).nonzero()[0]
        gap, speed = gap_m[which], v[which]
        brake = free[which] - interaction(self.driver, speed, gap, np.zeros(len(which)), a[which])
        needed = speed**2 / (2 * np.maximum(gap - 0.5, 0.05))
        floor = -np.maximum(self.driver.comfortable_decel_mps2, needed)
        bound[which] = np.minimum(bound[which], np.maximum(brake, floor))
