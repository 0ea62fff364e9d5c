"""Car following (IDM), lane changes (MOBIL), signals, side arms and turns, all vehicles at once."""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.scenario.schema import Scenario
from sim.traffic.base import TrafficBase
from sim.traffic.demand import Entry, expected_links, saturation
from sim.traffic.fill import fitting_speed_mps, places_by_flow, spread
from sim.traffic.fleet import Fleet
from sim.traffic.following import (
    HARDEST_BRAKING_MPS2,
    Driver,
    free_acceleration,
    interaction,
    speed_of_flow_mps,
)
from sim.traffic.junction import LEFT, RIGHT, STRAIGHT, JunctionTables, LaneEnds, Lights
from sim.traffic.mobil import MANDATORY_REACH_M, Rows, wanted_changes
from sim.traffic.order import LaneOrder
from sim.traffic.placing import Places, PoissonArrivals, main_flows, place_by_density, vehicles_per_direction
from sim.world.network import RoadNetwork
from sim.world.signals import Light, Signals

LONGEST_STEP_NS = 250_000_000
"""Longer ticks are driven in equal parts."""
HALF_WAY = 0.6
"""Share of a lane change after which the old lane is free (assumption)."""
TURN_BRAKING_MPS2 = 1.5
YELLOW_MARGIN = 0.8
HIGH_SATURATION = 0.85
TURN_REACH_M = 150.0
NO_CHANGE_BEFORE_STOP_S = 2.5
"""No lane change begins closer to the stop line than this time of travel (at least 15 m; assumption)."""


class DrivenFleet(Fleet):
    """Fleet with the drivers' own columns."""

    def __init__(self) -> None:
        super().__init__(256)
        size = self.capacity
        self.desired_factor = np.ones(size)
        self.max_accel_mps2 = np.ones(size)
        self.approach = np.full(size, -1, np.int32)
        """Approach the turn was drawn for."""
        self.turn = np.zeros(size, np.int8)
        self.old_lane = np.zeros(size, np.int16)
        self.change = np.ones(size)
        """Progress of the lane change, 1 = in the lane centre."""
        self.came_from = np.full(size, -1, np.int32)
        """Connector the vehicle's rear may still be on, -1 if none."""
        self.came_at_s_m = np.zeros(size)


class IdmTraffic(TrafficBase):
    """Vehicles that follow, change lanes, turn at junctions and obey signals and speed limits.

    Without a density: Poisson arrivals by flow at both ends and at each arm; vehicles that find no room wait outside in a
    queue. With a density and no signalised nodes the number of vehicles is constant; with nodes the density sets the
    fill and the equivalent flow enters afterwards.
    """

    fleet: DrivenFleet

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        super().__init__(config, network, signals, seed)
        self.fleet = DrivenFleet()
        self.driver = Driver.of(self.config.car_following)
        self.tables = JunctionTables(network)
        self.lane_ends = LaneEnds(network)
        self.lights = Lights(signals)
        self.entries: list[Entry] = []
        self._phase = 0
        self._missed_turns = 0
        self._red_runs = 0
        self._changes = 0
        self._ring_m = network.corridor.ring_length_m
        self._replaces = self.config.density_veh_km is not None and not network.approaches
        self.flows_veh_h = self._entering_flows()
        self.links = expected_links(network, self.flows_veh_h)

    # -- start -------------------------------------------------------------------------------------------------

    def _entering_flows(self) -> dict[str, float]:
        network, config = self.network, self.config
        if config.density_veh_km is None:
            return main_flows(config.flow_veh_h, {f.direction: f.flow_veh_h for f in config.flows}, network)
        flows = {}
        for name, count in vehicles_per_direction(network, config.density_veh_km).items():
            road = network.roads[network.main[name]]
            lanes, limit = int(road.lanes_at(0.0)), float(road.speed_limit_at(0.0))
            gap = road.length_m * lanes / max(count, 1) - self.population.mean_length_m
            desired = limit * self.population.mean_speed_factor
            speed = float(fitting_speed_mps(self.driver, np.array(max(gap, 0.1)), np.array(desired)))
            flows[name] = speed * count / road.length_m * 3600
        return flows

    def start(self, now_ns: int) -> None:
        """Fill the road and open the entries."""
        config, network = self.config, self.network
        if config.density_veh_km is not None:
            places = place_by_density(network, config.density_veh_km, config.spacing, self.seed)
        else:
            places = places_by_flow(
                network, self.signals, self.links, self.population, self.driver, self.seed, now_ns
            )
        numbers = self.new_numbers(len(places.s_m))
        lengths = self.population.length_m(numbers)
        self._behind_stop_lines(places, lengths)
        exact = config.density_veh_km is not None and all(len(r.edges_m) == 1 for r in network.roads)
        places.s_m = spread(places, lengths, network, self.driver.minimum_gap_m, self._ring_m, exact)
        inside = (places.s_m >= 0) & (places.s_m < network.length_of_road_m[places.road])
        road, lane, s, numbers = places.road[inside], places.lane[inside], places.s_m[inside], numbers[inside]
        lane = np.minimum(lane, network.lanes_at(road, s) - 1)
        slots = self._add_drivers(numbers, road, lane, s, np.zeros(len(s)))
        self._start_speeds(slots)
        if self._ring_m is None:
            self._open_entries(now_ns)
        self._finish_start()

    def _behind_stop_lines(self, places: Places, length_m: np.ndarray) -> None:
        """Nobody starts inside a junction: whoever would is put before the stop line."""
        if not len(self.tables.order):
            return
        ahead, behind = self.tables.next_approach(places.road, places.s_m)
        inside = (behind >= 0) & (places.s_m < self.tables.exit_s_m[behind] + length_m / 2)
        ahead = np.where(inside, behind, ahead)
        line = self.tables.stop_s_m[ahead] - length_m / 2 - self.driver.minimum_gap_m
        places.s_m = np.where(ahead >= 0, np.minimum(places.s_m, line), places.s_m)

    def _start_speeds(self, slots: np.ndarray) -> None:
        fleet = self.fleet
        road, s, half = fleet.road[slots], fleet.s_m[slots], fleet.length_m[slots] / 2
        lane = self.network.lane_base[road] + fleet.lane[slots]
        order = LaneOrder(np.arange(len(slots)), lane, s, self._ring_m)
        lead, lead_s = order.ahead(lane, s)
        gap = lead_s - s - half - half[lead] if len(slots) else lead_s
        ahead, _ = self.tables.next_approach(road, s)
        if len(self.tables.order):
            light, _ = self.lights.read(0)
            red = (ahead >= 0) & (light[ahead] != Light.GREEN)
            gap = np.where(red, np.minimum(gap, self.tables.stop_s_m[ahead] - s - half), gap)
        desired = self.network.speed_limit_at(road, s) * fleet.desired_factor[slots]
        fleet.speed_mps[slots] = fitting_speed_mps(self.driver, gap, desired)

    def _open_entries(self, now_ns: int) -> None:
        names = {index: name for name, index in self.network.main.items()}
        for link in self.links:
            road = self.network.roads[link.road]
            if link.from_s_m > 0 or road.kind == "arm_out":
                continue
            flow = 0.0 if self._replaces else link.flow_veh_h
            label = names.get(link.road, road.name)
            self.entries.append(Entry(link.road, PoissonArrivals(self.seed, label, flow, now_ns)))

    def _add_drivers(
        self, numbers: np.ndarray, road: np.ndarray, lane: np.ndarray, s_m: np.ndarray, speed_mps: np.ndarray
    ) -> np.ndarray:
        fleet = self.fleet
        slots = self._add(numbers, road, lane, s_m, speed_mps)
        fleet.desired_factor[slots] = self.population.desired_factor(numbers)
        fleet.max_accel_mps2[slots] = self.population.max_accel_mps2[fleet.class_index[slots]]
        fleet.approach[slots], fleet.turn[slots] = -1, STRAIGHT
        fleet.old_lane[slots], fleet.change[slots] = fleet.lane[slots], 1.0
        fleet.came_from[slots] = -1
        return slots

    def counts(self) -> dict[str, int]:
        """Entered, left, waiting outside; turns missed for lack of a gap, lane changes, red lights run."""
        waiting = sum(len(entry.waiting) for entry in self.entries)
        return {
            **super().counts(),
            "waiting": waiting,
            "lane_changes": self._changes,
            "missed_turns": self._missed_turns,
            "red_runs": self._red_runs,
        }

    def warnings(self) -> list[str]:
        """Approaches whose expected flow comes close to what their green can carry (turns slow it down further)."""
        degrees = saturation(
            self.network, self.signals, self.links, self.driver, self.population.mean_length_m
        )
        nodes = self.network.corridor.config.nodes
        return [
            f"approach {self.network.approaches[i].name} of node {nodes[self.network.approaches[i].node].id}: expected "
            f"flow is {degree:.0%} of what its green lets through; expect long or growing queues"
            for i, degree in degrees.items()
            if degree > HIGH_SATURATION
        ]

    # -- step --------------------------------------------------------------------------------------------------

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Move everybody by one tick, then let newcomers in."""
        self._begin_step()
        parts = -(-tick_ns // LONGEST_STEP_NS)
        at_ns = now_ns
        for part in range(1, parts + 1):
            until_ns = now_ns + tick_ns * part // parts
            self._advance(at_ns, (until_ns - at_ns) / SECOND)
            at_ns = until_ns
        if self._ring_m is None:
            self._arrive(at_ns)
        self._finish_step(tick_ns)

    def _advance(self, now_ns: int, dt_s: float) -> None:
        fleet, slots = self.fleet, self.fleet.slots()
        if not len(slots):
            return
        if self._ring_m is not None:
            fleet.s_m[slots] %= self._ring_m
        ahead, behind = self._plan(slots)
        order, lane_number = self._order(slots)
        rows = self._rows(slots, lane_number, order, ahead, now_ns)
        if self.config.lane_change.enabled:
            self._change_lanes(slots, rows, order, ahead, behind)
        self._move(slots, rows, ahead, now_ns, dt_s)

    def _plan(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the turn of everyone who sees a new approach; (approach ahead, approach behind) per row."""
        fleet = self.fleet
        ahead, behind = self.tables.next_approach(fleet.road[slots], fleet.s_m[slots])
        new = np.flatnonzero(ahead != fleet.approach[slots])
        fleet.approach[slots[new]], fleet.turn[slots[new]] = ahead[new], STRAIGHT
        new = new[ahead[new] >= 0]
        if len(new):
            fleet.turn[slots[new]] = self.tables.draw_turns(
                self.population, fleet.number[slots[new]], ahead[new]
            )
        return ahead, behind

    def _order(self, slots: np.ndarray) -> tuple[LaneOrder, np.ndarray]:
        """The order of all vehicles, with stand-ins in the lanes they are leaving or about to join."""
        fleet, tables, base = self.fleet, self.tables, self.network.lane_base
        road, s = fleet.road[slots], fleet.s_m[slots]
        lane_number = base[road] + fleet.lane[slots]
        every = np.arange(len(slots))
        self._leaving = np.flatnonzero(
            (fleet.change[slots] < HALF_WAY) & (fleet.old_lane[slots] != fleet.lane[slots])
        )
        self._leaving_lane = base[road[self._leaving]] + fleet.old_lane[slots[self._leaving]]
        self._turning = np.flatnonzero(tables.target_road[road] >= 0)
        connector = road[self._turning]
        self._joining_lane = base[tables.target_road[connector]] + tables.target_lane[connector]
        self._joining_s = tables.ghost_s_m(connector, s[self._turning])
        tail = self._turning[s[self._turning] < fleet.length_m[slots[self._turning]] / 2]
        tail_s = tables.source_s_m[road[tail]] + s[tail]
        order = LaneOrder(
            np.concatenate([every, self._leaving, self._turning, tail]),
            np.concatenate(
                [lane_number, self._leaving_lane, self._joining_lane, tables.source_lane[road[tail]]]
            ),
            np.concatenate([s, s[self._leaving], self._joining_s, tail_s]),
            self._ring_m,
        )
        return order, lane_number

    def _rows(
        self, slots: np.ndarray, lane_number: np.ndarray, order: LaneOrder, ahead: np.ndarray, now_ns: int
    ) -> Rows:
        """Accelerations of this tick."""
        fleet, network, tables, driver = self.fleet, self.network, self.tables, self.driver
        road, s, v = fleet.road[slots], fleet.s_m[slots], fleet.speed_mps[slots]
        half, a = fleet.length_m[slots] / 2, fleet.max_accel_mps2[slots]
        desired = network.speed_limit_at(road, s) * fleet.desired_factor[slots]
        turners = self._turners(slots, ahead)
        if len(turners):
            connector = tables.connector[
                ahead[turners], fleet.turn[slots[turners]], fleet.lane[slots[turners]]
            ]
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
        near = np.flatnonzero(ahead >= 0)
        near = near[tables.stop_s_m[ahead[near]] - fleet.s_m[slots[near]] < TURN_REACH_M]
        lane = np.minimum(fleet.lane[slots[near]], tables.connector.shape[2] - 1)
        return near[tables.connector[ahead[near], fleet.turn[slots[near]], lane] >= 0]

    def _signal_gap(
        self, ahead: np.ndarray, front_m: np.ndarray, v: np.ndarray, pace: np.ndarray, now_ns: int
    ) -> np.ndarray:
        """Distance to the stop line for those who must stop, else infinite.

        At yellow one goes on who would have to brake harder than comfortably and at his ``pace`` reaches the line within
        four fifths of the time left; at red everybody stops who physically can.
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

    def _stand(
        self, bound: np.ndarray, free: np.ndarray, v: np.ndarray, a: np.ndarray, gap_m: np.ndarray
    ) -> None:
        """Brake for a standing line: IDM, but no harder than what the distance asks for."""
        which = np.flatnonzero(gap_m < 500.0)
        gap, speed = gap_m[which], v[which]
        brake = free[which] - interaction(self.driver, speed, gap, np.zeros(len(which)), a[which])
        needed = speed**2 / (2 * np.maximum(gap - 0.5, 0.05))
        floor = -np.maximum(self.driver.comfortable_decel_mps2, needed)
        bound[which] = np.minimum(bound[which], np.maximum(brake, floor))

    def _change_lanes(
        self, slots: np.ndarray, rows: Rows, order: LaneOrder, ahead: np.ndarray, behind: np.ndarray
    ) -> None:
        """Begin lane changes; left and right take turns, so no two vehicles go for one gap from both sides."""
        fleet, tables, network = self.fleet, self.tables, self.network
        self._phase += 1
        side = -1 if self._phase % 2 else 1
        settled = (fleet.change[slots] >= 1.0) & (tables.target_road[fleet.road[slots]] < 0)
        due = settled & ((rows.number + self._phase // 2) % 3 == 0)
        target = rows.lane + side
        due &= (target >= 0) & (target < network.lanes_at(fleet.road[slots], rows.s_m))
        if not due.any():
            return
        needed, urgency = self._needed(slots, rows, ahead)
        if len(tables.order):
            to_stop = np.where(ahead >= 0, tables.stop_s_m[ahead] - rows.s_m - rows.half_m, np.inf)
            due &= to_stop > np.maximum(15.0, rows.speed_mps * NO_CHANGE_BEFORE_STOP_S)
            due &= (behind < 0) | (rows.s_m - rows.half_m > tables.exit_s_m[behind])
        ends_m = self.lane_ends.ahead_m(rows.lane_number + side, rows.s_m) - rows.s_m
        due &= (ends_m > MANDATORY_REACH_M) & ((needed == 0) | (needed == side))
        chosen = wanted_changes(
            rows, np.flatnonzero(due), side, needed, urgency, order, self.driver, self.config.lane_change
        )
        begin = slots[chosen]
        fleet.old_lane[begin] = fleet.lane[begin]
        fleet.lane[begin] += side
        fleet.change[begin] = 0.0
        self._changes += len(begin)

    def _needed(self, slots: np.ndarray, rows: Rows, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """([row] side each vehicle must go to: -1, 0, +1, or 2 = stay, [row] urgency 0..1)."""
        fleet, tables = self.fleet, self.tables
        needed = np.zeros(len(slots), np.int64)
        room = np.full(len(slots), np.inf)
        if len(tables.order):
            distance = np.where(ahead >= 0, tables.stop_s_m[ahead] - rows.s_m, np.inf)
            turn, last = fleet.turn[slots], tables.lanes[ahead] - 1
            wanted = np.where(turn == LEFT, 0, np.where(turn == RIGHT, last, rows.lane))
            near = (distance < MANDATORY_REACH_M) & (turn != STRAIGHT)
            needed[near] = np.where(wanted == rows.lane, 2, np.sign(wanted - rows.lane))[near]
            room[near] = distance[near]
        end = self.lane_ends.ahead_m(rows.lane_number, rows.s_m) - rows.s_m
        ending = end < MANDATORY_REACH_M
        needed[ending], room[ending] = -1, end[ending]
        return needed, np.clip(1 - room / MANDATORY_REACH_M, 0.0, 1.0)

    def _move(self, slots: np.ndarray, rows: Rows, ahead: np.ndarray, now_ns: int, dt_s: float) -> None:
        """Ballistic update, lateral motion, changes of road, exits."""
        fleet = self.fleet
        a, v = np.maximum(rows.accel_mps2, -HARDEST_BRAKING_MPS2), rows.speed_mps
        new_v = v + a * dt_s
        stopping = new_v < 0
        travelled = np.where(stopping, v**2 / (2 * np.maximum(-a, 1e-9)), v * dt_s + a * dt_s**2 / 2)
        s = rows.s_m + travelled
        if len(self.tables.order):
            light, _ = self.lights.read(now_ns)
            line = np.where(ahead >= 0, self.tables.stop_s_m[ahead], np.inf)
            crossed = (rows.s_m + rows.half_m <= line) & (s + rows.half_m > line)
            self._red_runs += int(np.count_nonzero(crossed & (light[ahead] == Light.RED)))
        fleet.s_m[slots], fleet.speed_mps[slots] = s, np.maximum(new_v, 0.0)
        duration_s = self.config.lane_change.duration_s
        progress = fleet.change[slots] + dt_s / duration_s * np.minimum(1.0, fleet.speed_mps[slots] / 2)
        fleet.change[slots] = np.minimum(progress, 1.0)
        self._lateral(slots)
        self._enter_connectors(slots, ahead)
        self._leave_connectors(slots)
        self._exit(slots)

    def _lateral(self, slots: np.ndarray) -> None:
        fleet, road = self.fleet, self.fleet.road[slots]
        part = fleet.change[slots]
        smooth = part * part * (3 - 2 * part)
        lane = fleet.old_lane[slots] + (fleet.lane[slots] - fleet.old_lane[slots]) * smooth
        fleet.lateral_m[slots] = self.network.lane_right_m(road, lane)

    def _enter_connectors(self, slots: np.ndarray, ahead: np.ndarray) -> None:
        fleet, tables = self.fleet, self.tables
        if not len(tables.order):
            return
        crossing = np.flatnonzero((ahead >= 0) & (fleet.s_m[slots] >= tables.stop_s_m[ahead]))
        if not len(crossing):
            return
        here, who = ahead[crossing], slots[crossing]
        lane = np.minimum(fleet.lane[who], tables.connector.shape[2] - 1)
        connector = tables.connector[here, fleet.turn[who], lane]
        on_main = self.network.direction_of_road[tables.road[here]] != 0
        missed = (connector < 0) & (fleet.turn[who] != STRAIGHT)
        self._missed_turns += int(np.count_nonzero(missed))
        for turn in (STRAIGHT, LEFT, RIGHT):
            connector = np.where((connector < 0) & ~on_main, tables.connector[here, turn, lane], connector)
        goes = connector >= 0
        who, connector = who[goes], connector[goes]
        fleet.s_m[who] -= tables.stop_s_m[here[goes]]
        self._onto(who, connector, np.zeros(len(who), np.int64))

    def _leave_connectors(self, slots: np.ndarray) -> None:
        fleet, tables = self.fleet, self.tables
        connector = fleet.road[slots]
        over = fleet.s_m[slots] - self.network.length_of_road_m[connector]
        done = np.flatnonzero((tables.target_road[connector] >= 0) & (over >= 0))
        if len(done):
            who, connector = slots[done], connector[done]
            fleet.s_m[who] = tables.join_s_m[connector] + over[done]
            fleet.came_from[who], fleet.came_at_s_m[who] = connector, tables.join_s_m[connector]
            self._onto(who, tables.target_road[connector], tables.target_lane[connector])

    def _onto(self, who: np.ndarray, road: np.ndarray, lane: np.ndarray) -> None:
        fleet = self.fleet
        fleet.road[who], fleet.lane[who], fleet.old_lane[who], fleet.change[who] = road, lane, lane, 1.0
        fleet.lateral_m[who] = self.network.lane_right_m(road, lane)

    def _locate(self) -> None:
        """As for all models, but a turning vehicle points from its rear, which is still on the curve, to its centre."""
        super()._locate()
        fleet, slots = self.fleet, self.fleet.slots()
        rear_s, rear_road = fleet.s_m[slots] - fleet.length_m[slots] / 2, fleet.road[slots]
        behind = rear_s - fleet.came_at_s_m[slots]
        trailing = (fleet.came_from[slots] >= 0) & (behind < 0)
        fleet.came_from[slots[~trailing]] = -1
        turning = np.flatnonzero(trailing | (self.tables.target_road[rear_road] >= 0))
        if not len(turning):
            return
        who = slots[turning]
        connector = np.where(trailing[turning], fleet.came_from[who], rear_road[turning])
        on_curve = self.network.length_of_road_m[connector] + behind[turning]
        s = np.where(trailing[turning], on_curve, rear_s[turning])
        x, y, _, _ = self.network.locate(connector, s, 0.0)
        fleet.heading_deg[who] = np.degrees(np.arctan2(fleet.x_m[who] - x, fleet.y_m[who] - y)) % 360.0

    def _exit(self, slots: np.ndarray) -> None:
        fleet = self.fleet
        if self._ring_m is not None:
            return
        gone = slots[fleet.s_m[slots] >= self.network.length_of_road_m[fleet.road[slots]]]
        if self._replaces:
            for entry in self.entries:
                count = int(np.count_nonzero(fleet.road[gone] == entry.road))
                entry.waiting.extend((-1, int(number)) for number in self.new_numbers(count))
        self._remove(gone)

    # -- entries -----------------------------------------------------------------------------------------------

    def _arrive(self, until_ns: int) -> None:
        due = sorted(
            (time_ns, k) for k, entry in enumerate(self.entries) for time_ns in entry.arrivals.due(until_ns)
        )
        for (time_ns, k), number in zip(due, self.new_numbers(len(due)), strict=True):
            self.entries[k].waiting.append((time_ns, int(number)))
        for entry in self.entries:
            if entry.waiting:
                self._let_in(entry, until_ns)

    def _let_in(self, entry: Entry, until_ns: int) -> None:
        """At most one vehicle per lane and tick, into the lane with most room, when it can drive on at a fair speed."""
        fleet, road = self.fleet, self.network.roads[entry.road]
        slots = fleet.slots()
        slots = slots[fleet.road[slots] == entry.road]
        tail, speed = self._tails(slots, int(road.lanes_at(0.0)))
        for lane in np.argsort(-tail, kind="stable"):
            if not entry.waiting:
                return
            time_ns, number = entry.waiting[0]
            row = np.array([number])
            half = float(self.population.length_m(row)[0]) / 2
            desired = float(road.speed_limit_at(0.0) * self.population.desired_factor(row)[0])
            gap = float(tail[lane]) - half
            entering = self._entering_speed(gap, float(speed[lane]), desired)
            if entering is None:
                return
            late_s = min((until_ns - time_ns) / SECOND, 0.1) if time_ns >= 0 else 0.0
            at_s = (
                entering * late_s
                if gap > 3 * self.driver.minimum_gap_m + 2 * entering * (self.driver.time_gap_s)
                else 0.0
            )
            entry.waiting.popleft()
            self._add_drivers(
                row, np.array([entry.road]), np.array([lane]), np.array([at_s]), np.array([entering])
            )

    def _tails(self, slots: np.ndarray, lanes: int) -> tuple[np.ndarray, np.ndarray]:
        """(rear of the last vehicle, its speed) per lane; vehicles changing lanes count in both."""
        fleet = self.fleet
        rear = fleet.s_m[slots] - fleet.length_m[slots] / 2
        tail, speed = np.full(lanes, np.inf), np.zeros(lanes)
        for lane in range(lanes):
            rows = np.flatnonzero((fleet.lane[slots] == lane) | (fleet.old_lane[slots] == lane))
            if len(rows):
                last = rows[np.argmin(rear[rows])]
                tail[lane], speed[lane] = rear[last], fleet.speed_mps[slots[last]]
        return tail, speed

    def _entering_speed(self, gap_m: float, lead_mps: float, desired_mps: float) -> float | None:
        """Speed at which a vehicle can come in now, None if it has to wait."""
        driver = self.driver
        room = gap_m - driver.minimum_gap_m
        if room <= 0:
            return None
        if not np.isfinite(room):
            return desired_mps
        speed = min(
            desired_mps,
            room / driver.time_gap_s,
            float(np.sqrt(lead_mps**2 + 2 * driver.comfortable_decel_mps2 * room)),
        )
        return speed if speed >= min(0.9 * desired_mps, lead_mps) else None


__all__ = ["IdmTraffic", "speed_of_flow_mps"]
