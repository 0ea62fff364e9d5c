"""What every traffic model offers, and what the models share."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sim.clock import SECOND
from sim.scenario.schema import Scenario
from sim.traffic.fleet import Fleet
from sim.traffic.population import Population
from sim.world.network import RoadNetwork
from sim.world.signals import Signals


class Traffic(Protocol):
    """A traffic model: owns the fleet and moves it.

    Contract: after ``start(now)`` the fleet stands as at ``now``; ``step(now, tick)`` moves it from ``now`` to
    ``now + tick``; calls follow each other without gaps; equal (scenario, seed) give equal fleets whatever the
    equipped share and homes are.
    """

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None: ...

    @property
    def fleet(self) -> Fleet:
        """All vehicles."""

    def start(self, now_ns: int) -> None:
        """Fill the road."""

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Move everything by one tick."""

    def counts(self) -> dict[str, int]:
        """What happened so far: entered, left, waiting outside, and what the model counts besides."""

    def warnings(self) -> list[str]:
        """What a user should know of this traffic before trusting it, one line each."""


class TrafficBase:
    """Fleet, population and positions: the part all models share."""

    refills = False
    """Whether vehicles arrive by flow when no density is given."""

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        self.config = config.traffic
        if network.corridor.ring_length_m is not None and self.config.density_veh_km is None and self.refills:
            raise ValueError("traffic.density_veh_km: is needed on a ring, nothing flows into it")
        self.network = network
        self.signals = signals
        self.seed = seed
        self.fleet = Fleet()
        self.population = Population(config.traffic, [j.id for j in config.corridor.jurisdictions], seed)
        self._next_number = 0
        self._entered_count = 0
        self._left_count = 0

    def warnings(self) -> list[str]:
        """Nothing to warn of, unless the model says otherwise."""
        return []

    def counts(self) -> dict[str, int]:
        """Vehicles that entered (the fill included) and left."""
        return {"entered": self._entered_count, "left": self._left_count}

    def new_numbers(self, count: int) -> np.ndarray:
        """The next lasting numbers."""
        numbers = np.arange(self._next_number, self._next_number + count)
        self._next_number += count
        return numbers

    def _add(
        self, numbers: np.ndarray, road: np.ndarray, lane: np.ndarray, s_m: np.ndarray, speed_mps: np.ndarray
    ) -> np.ndarray:
        """New vehicles in lane centres; returns their slots."""
        fleet = self.fleet
        slots = fleet.add(numbers)
        self.population.equip(fleet, slots)
        fleet.road[slots], fleet.lane[slots], fleet.s_m[slots], fleet.speed_mps[slots] = (
            road,
            lane,
            s_m,
            speed_mps,
        )
        fleet.lateral_m[slots] = self.network.lane_right_m(fleet.road[slots], fleet.lane[slots])
        self._entered_count += len(slots)
        return slots

    def _remove(self, slots: np.ndarray) -> None:
        if len(slots):
            self.fleet.remove(slots)
            self._left_count += len(slots)

    def _locate(self) -> None:
        """Write plane position, heading, chainage and direction of all vehicles from road and arc length."""
        fleet, slots = self.fleet, self.fleet.slots()
        road = fleet.road[slots]
        x, y, heading, chainage = self.network.locate(road, fleet.s_m[slots], fleet.lateral_m[slots])
        fleet.x_m[slots], fleet.y_m[slots], fleet.heading_deg[slots] = x, y, heading
        fleet.chainage_m[slots], fleet.direction[slots] = chainage, self.network.direction_of_road[road]

    def _begin_step(self) -> None:
        """Make the present the past; on a ring the past is folded back to one turn."""
        fleet, ring_m = self.fleet, self.network.corridor.ring_length_m
        fleet.begin_step()
        if ring_m is not None:
            fleet.x_prev_m %= ring_m

    def _finish_start(self) -> None:
        self._locate()
        self.fleet.end_step(0.0)

    def _finish_step(self, tick_ns: int) -> None:
        self._locate()
        self.fleet.end_step(tick_ns / SECOND)
        ring_m = self.network.corridor.ring_length_m
        if ring_m is not None:
            for column in (self.fleet.s_m, self.fleet.chainage_m):
                column %= ring_m
