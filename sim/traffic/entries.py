"""The ways into the road: Poisson arrivals, a queue outside, entering when there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sim.clock import SECOND
from sim.traffic.driven import DrivenFleet
from sim.traffic.following import Driver
from sim.traffic.placing import PoissonArrivals
from sim.traffic.population import Population
from sim.world.network import RoadNetwork

LATEST_S = 0.1
"""A vehicle that comes in freely is put as far along as it would have come since it arrived, this time at most."""

AddVehicles = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(numbers, roads, lanes, s_m, speeds_mps) -> slots."""


@dataclass
class Entry:
    """The start of a road with the vehicles waiting outside, first come first served."""

    road: int
    arrivals: PoissonArrivals
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """(arrival time in ns, -1 if it came at once; vehicle number)."""


class Entries:
    """All entries of a network."""

    def __init__(
        self,
        fleet: DrivenFleet,
        network: RoadNetwork,
        population: Population,
        driver: Driver,
        new_numbers: Callable[[int], np.ndarray],
        add: AddVehicles,
    ) -> None:
        self.fleet = fleet
        self.network = network
        self.population = population
        self.driver = driver
        self.entries: list[Entry] = []
        self._new_numbers = new_numbers
        self._add = add

    def open(self, road: int, arrivals: PoissonArrivals) -> None:
        """One more entry."""
        self.entries.append(Entry(road, arrivals))

    @property
    def waiting_count(self) -> int:
        """Vehicles outside."""
        return sum(len(entry.waiting) for entry in self.entries)

    def replace(self, gone: np.ndarray) -> None:
        """Queue a newcomer at the start of the road of each vehicle (slot) that goes."""
        for entry in self.entries:
            count = int(np.count_nonzero(self.fleet.road[gone] == entry.road))
            entry.waiting.extend((-1, int(number)) for number in self._new_numbers(count))

    def arrive(self, until_ns: int) -> None:
        """Queue everybody who arrived and let in whom there is room for."""
        due = sorted((time_ns, k) for k, entry in enumerate(self.entries) for time_ns in entry.arrivals.due(until_ns))
        for (time_ns, k), number in zip(due, self._new_numbers(len(due)), strict=True):
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
            late_s = min((until_ns - time_ns) / SECOND, LATEST_S) if time_ns >= 0 else 0.0
            spacious = gap > 3 * self.driver.minimum_gap_m + 2 * entering * self.driver.time_gap_s
            at_s = entering * late_s if spacious else 0.0
            entry.waiting.popleft()
            self._add(row, np.array([entry.road]), np.array([lane]), np.array([at_s]), np.array([entering]))

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
