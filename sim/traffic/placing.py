"""Where vehicles stand at the start, and when new ones arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.clock import SECOND, stream
from sim.world.network import RoadNetwork
from sim.world.roads import Road


@dataclass
class Places:
    """Vehicles to be: road index, lane and arc length, one row each."""

    road: np.ndarray
    lane: np.ndarray
    s_m: np.ndarray

    @staticmethod
    def concatenate(parts: list[Places]) -> Places:
        """All rows in order."""
        return Places(
            np.concatenate([p.road for p in parts] or [np.empty(0, np.int64)]),
            np.concatenate([p.lane for p in parts] or [np.empty(0, np.int64)]),
            np.concatenate([p.s_m for p in parts] or [np.empty(0)]),
        )


def vehicles_per_direction(network: RoadNetwork, density_veh_km: float) -> dict[str, int]:
    """Whole vehicles on each main carriageway; the density counts all lanes and directions together."""
    total = round(density_veh_km * network.corridor.length_m / 1000)
    names = list(network.main)
    return {name: total // len(names) + (i < total % len(names)) for i, name in enumerate(names)}


def place_by_density(network: RoadNetwork, density_veh_km: float, spacing: str, seed: int) -> Places:
    """Equally spaced (lanes in turn) or independent uniform places on the main carriageways."""
    parts = []
    for name, count in vehicles_per_direction(network, density_veh_km).items():
        road = network.roads[network.main[name]]
        random = stream(seed, "traffic", "places", name)
        s = (np.arange(count) + 0.5) * road.length_m / max(count, 1)
        if spacing == "poisson":
            s = np.sort(random.uniform(0.0, road.length_m, count))
        lanes = road.lanes_at(s)
        lane = np.arange(count) % lanes if spacing == "uniform" else (random.random(count) * lanes).astype(int)
        parts.append(Places(np.full(count, road.index), lane, s))
    return Places.concatenate(parts)


def travel_time_s(road: Road, speed_mps: float | None, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(s_m, time_s) knots of an undisturbed trip at ``speed_mps``, or at the speed limit times ``factor``."""
    s = np.append(road.edges_m, road.length_m)
    s[0] = 0.0
    speeds = road.limits_mps * factor if speed_mps is None else np.full(len(road.limits_mps), speed_mps)
    return s, np.concatenate([[0.0], np.cumsum(np.diff(s) / speeds)])


def place_by_flow(road: Road, flow_veh_h: float, speed_mps: float | None, random: np.random.Generator) -> Places:
    """A Poisson stream of ``flow_veh_h`` that has been running for ever, seen at one instant."""
    s_knots, time_knots = travel_time_s(road, speed_mps)
    count = int(random.poisson(flow_veh_h / 3600 * time_knots[-1]))
    s = np.sort(np.interp(random.uniform(0.0, time_knots[-1], count), time_knots, s_knots))
    lane = (random.random(count) * road.lanes_at(s)).astype(int)
    return Places(np.full(count, road.index), lane, s)


class PoissonArrivals:
    """Arrival times of one source; they depend on (seed, name, flow) only, not on how often they are asked for."""

    def __init__(self, seed: int, name: str, flow_veh_h: float, start_ns: int) -> None:
        self._random = stream(seed, "traffic", "arrivals", name)
        self._rate_per_ns = flow_veh_h / 3600 / SECOND
        self._next_ns = start_ns + self._gap_ns()

    def _gap_ns(self) -> float:
        return float(self._random.exponential()) / self._rate_per_ns if self._rate_per_ns > 0 else np.inf

    def due(self, until_ns: int) -> list[int]:
        """Times of arrivals not yet handed out, up to and including ``until_ns``."""
        times = []
        while self._next_ns <= until_ns:
            times.append(int(self._next_ns))
            self._next_ns += self._gap_ns()
        return times


def main_flows(config_flow_veh_h: float, overrides: dict[str, float], network: RoadNetwork) -> dict[str, float]:
    """Flow entering each main carriageway."""
    return {name: overrides.get(name, config_flow_veh_h) for name in network.main}
