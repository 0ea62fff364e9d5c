"""Vehicles that keep one speed: no following, no signals, no turning; for closed forms and benchmarks."""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND, stream
from sim.scenario.schema import Scenario
from sim.traffic.base import TrafficBase
from sim.traffic.placing import (
    Places,
    PoissonArrivals,
    main_flows,
    place_by_density,
    place_by_flow,
)
from sim.world.network import RoadNetwork
from sim.world.signals import Signals


class ConstantSpeedTraffic(TrafficBase):
    """Everybody drives at ``speed_mps``, or at the speed limit of the place.

    With a density the number of vehicles is constant: on a ring they go round, on an open road each one that leaves
    is replaced at the entry by a new one (new number, equipment and home). With a flow they arrive at random (Poisson).
    """

    refills = True

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        super().__init__(config, network, signals, seed)
        self._flows = main_flows(
            self.config.flow_veh_h, {f.direction: f.flow_veh_h for f in self.config.flows}, network
        )
        if self.config.density_veh_km is None and self.config.speed_mps == 0 and any(self._flows.values()):
            raise ValueError("traffic.speed_mps: 0 with a flow would pile up vehicles for ever; give density_veh_km")
        self._arrivals: list[tuple[int, PoissonArrivals]] = []

    def start(self, now_ns: int) -> None:
        """Fill by density or by flow."""
        config, network = self.config, self.network
        if config.density_veh_km is not None:
            places = place_by_density(network, config.density_veh_km, config.spacing, self.seed)
        else:
            parts = []
            for name, flow in self._flows.items():
                road = network.roads[network.main[name]]
                if flow > 0:
                    random = stream(self.seed, "traffic", "places", name)
                    parts.append(place_by_flow(road, flow, config.speed_mps, random))
                self._arrivals.append((road.index, PoissonArrivals(self.seed, name, flow, now_ns)))
            places = Places.concatenate(parts)
        self._add(
            self.new_numbers(len(places.s_m)),
            places.road,
            places.lane,
            places.s_m,
            self._speed(places.road, places.s_m),
        )
        self._finish_start()

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Move everybody by one tick."""
        self._begin_step()
        fleet, slots, tick_s = self.fleet, self.fleet.slots(), tick_ns / SECOND
        fleet.s_m[slots] += fleet.speed_mps[slots] * tick_s
        if self.network.corridor.ring_length_m is None:
            self._replace(slots)
            self._arrive(now_ns, tick_ns)
            slots = fleet.slots()
        fleet.speed_mps[slots] = self._speed(fleet.road[slots], fleet.s_m[slots])
        lanes = self.network.lanes_at(fleet.road[slots], fleet.s_m[slots])
        fleet.lane[slots] = np.minimum(fleet.lane[slots], lanes - 1)
        fleet.lateral_m[slots] = self.network.lane_right_m(fleet.road[slots], fleet.lane[slots])
        self._finish_step(tick_ns)

    def _replace(self, slots: np.ndarray) -> None:
        fleet = self.fleet
        over = fleet.s_m[slots] - self.network.length_of_road_m[fleet.road[slots]]
        gone = slots[over >= 0]
        if len(gone) and self.config.density_veh_km is not None:
            road, s = fleet.road[gone], over[over >= 0]
            lane = np.minimum(fleet.lane[gone], self.network.lanes_at(road, s) - 1)
            self._add(self.new_numbers(len(gone)), road, lane, s, self._speed(road, s))
        self._remove(gone)

    def _arrive(self, now_ns: int, tick_ns: int) -> None:
        end_ns = now_ns + tick_ns
        due = sorted((time_ns, road) for road, arrivals in self._arrivals for time_ns in arrivals.due(end_ns))
        if not due:
            return
        times, roads = np.array(due, np.int64).T
        numbers, start = self.new_numbers(len(due)), np.zeros(len(due))
        speed = self._speed(roads, start)
        lane = (self.population.uniform("lane", numbers) * self.network.lanes_at(roads, start)).astype(int)
        self._add(numbers, roads, lane, speed * (end_ns - times) / SECOND, speed)

    def _speed(self, road: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        if self.config.speed_mps is not None:
            return np.full(np.shape(s_m), self.config.speed_mps)
        return self.network.speed_limit_at(road, s_m)
