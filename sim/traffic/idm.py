"""Car following (IDM), lane changes (MOBIL), signals, side arms and turns, all vehicles at once."""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND
from sim.scenario.schema import Scenario
from sim.traffic.acceleration import Acceleration
from sim.traffic.base import TrafficBase
from sim.traffic.demand import expected_links, saturation
from sim.traffic.driven import DrivenFleet
from sim.traffic.entries import Entries
from sim.traffic.fill import fitting_speed_mps, places_by_flow, spread
from sim.traffic.following import HARDEST_BRAKING_MPS2, Driver
from sim.traffic.junction import LEFT, RIGHT, STRAIGHT, JunctionTables, Lights
from sim.traffic.mobil import MANDATORY_REACH_M, Rows, wanted_changes
from sim.traffic.order import LaneOrder
from sim.traffic.placing import Places, PoissonArrivals, main_flows, place_by_density, vehicles_per_direction
from sim.traffic.turning import Turning
from sim.world.network import RoadNetwork
from sim.world.signals import Light, Signals

LONGEST_STEP_NS = 250_000_000
"""Longer ticks are driven in equal parts."""
HIGH_SATURATION = 0.85
"""Degree of saturation from which a warning is given (project choice)."""
NO_CHANGE_BEFORE_STOP_S = 2.5
"""No lane change begins closer to the stop line than this time of travel (at least 15 m; assumption)."""


class IdmTraffic(TrafficBase):
    """Vehicles that follow, change lanes, turn at junctions and obey signals and speed limits.

    Without a density: Poisson arrivals by flow at both ends and at each arm; vehicles that find no room wait outside
    in a queue. With a density and no signalised nodes the number of vehicles is constant; with nodes the density sets
    the fill and the equivalent flow enters afterwards.
    """

    fleet: DrivenFleet
    refills = True

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        super().__init__(config, network, signals, seed)
        self.fleet = DrivenFleet()
        self.driver = Driver.of(self.config.car_following)
        self.tables = JunctionTables(network)
        self.lights = Lights(signals)
        self.forces = Acceleration(self.fleet, network, self.tables, self.lights, self.driver)
        self.turning = Turning(self.fleet, network, self.tables)
        self.entries = Entries(self.fleet, network, self.population, self.driver, self.new_numbers, self._add_drivers)
        self._phase = 0
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
            places = places_by_flow(network, self.signals, self.links, self.population, self.driver, self.seed, now_ns)
        numbers = self.new_numbers(len(places.s_m))
        lengths = self.population.length_m(numbers)
        self._behind_stop_lines(places, lengths)
        exact = config.density_veh_km is not None and all(len(r.edges_m) == 1 for r in network.roads)
        places.s_m = spread(places, lengths, network, self.driver.minimum_gap_m, self._ring_m, exact)
        inside = (places.s_m >= 0) & (places.s_m < network.length_of_road_m[places.road])
        road, lane, s, numbers = places.road[inside], places.lane[inside], places.s_m[inside], numbers[inside]
        lane = np.minimum(lane, network.lanes_at(road, s) - 1)
        slots = self._add_drivers(numbers, road, lane, s, np.zeros(len(s)))
        self._start_speeds(slots, now_ns)
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

    def _start_speeds(self, slots: np.ndarray, now_ns: int) -> None:
        fleet = self.fleet
        road, s, half = fleet.road[slots], fleet.s_m[slots], fleet.length_m[slots] / 2
        lane = self.network.lane_base[road] + fleet.lane[slots]
        order = LaneOrder(np.arange(len(slots)), lane, s, self._ring_m)
        lead, lead_s = order.ahead(lane, s)
        gap = lead_s - s - half - half[lead] if len(slots) else lead_s
        ahead, _ = self.tables.next_approach(road, s)
        if len(self.tables.order):
            light, _ = self.lights.read(now_ns)
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
            self.entries.open(link.road, PoissonArrivals(self.seed, label, flow, now_ns))

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
        return {
            **super().counts(),
            "waiting": self.entries.waiting_count,
            "lane_changes": self._changes,
            "missed_turns": self.turning.missed,
            "red_runs": self._red_runs,
        }

    def warnings(self) -> list[str]:
        """Approaches whose expected flow comes close to what their green can carry (turns slow it down further)."""
        degrees = saturation(self.network, self.signals, self.links, self.driver, self.population.mean_length_m)
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
            self.entries.arrive(at_ns)
        self._finish_step(tick_ns)

    def _advance(self, now_ns: int, dt_s: float) -> None:
        fleet, slots = self.fleet, self.fleet.slots()
        if not len(slots):
            return
        if self._ring_m is not None:
            fleet.s_m[slots] %= self._ring_m
        ahead, behind = self._plan(slots)
        order, lane_number = self.forces.order(slots)
        rows = self.forces.rows(slots, lane_number, order, ahead, now_ns)
        if self.config.lane_change.enabled:
            self._change_lanes(slots, rows, order, ahead, behind)
        self._move(slots, rows, ahead, now_ns, dt_s)

    def _plan(self, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the turn of everyone who sees a new approach; (approach ahead, approach behind) per row."""
        fleet = self.fleet
        ahead, behind = self.tables.next_approach(fleet.road[slots], fleet.s_m[slots])
        new = (ahead != fleet.approach[slots]).nonzero()[0]
        fleet.approach[slots[new]], fleet.turn[slots[new]] = ahead[new], STRAIGHT
        new = new[ahead[new] >= 0]
        if len(new):
            fleet.turn[slots[new]] = self.tables.draw_turns(self.population, fleet.number[slots[new]], ahead[new])
        return ahead, behind

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
        ends_m = self.forces.lane_ends.ahead_m(rows.lane_number + side, rows.s_m) - rows.s_m
        due &= (ends_m > MANDATORY_REACH_M) & ((needed == 0) | (needed == side))
        chosen = wanted_changes(
            rows, due.nonzero()[0], side, needed, urgency, order, self.driver, self.config.lane_change
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
        end = self.forces.lane_ends.ahead_m(rows.lane_number, rows.s_m) - rows.s_m
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
        self.turning.enter_connectors(slots, ahead)
        self.turning.leave_connectors(slots)
        self._exit(slots)

    def _lateral(self, slots: np.ndarray) -> None:
        fleet, road = self.fleet, self.fleet.road[slots]
        part = fleet.change[slots]
        smooth = part * part * (3 - 2 * part)
        lane = fleet.old_lane[slots] + (fleet.lane[slots] - fleet.old_lane[slots]) * smooth
        fleet.lateral_m[slots] = self.network.lane_right_m(road, lane)

    def _locate(self) -> None:
        """As for all models, and turning vehicles are headed from their rear."""
        super()._locate()
        self.turning.point_from_rear()

    def _exit(self, slots: np.ndarray) -> None:
        fleet = self.fleet
        if self._ring_m is not None:
            return
        gone = slots[fleet.s_m[slots] >= self.network.length_of_road_m[fleet.road[slots]]]
        if self._replaces:
            self.entries.replace(gone)
        self._remove(gone)
