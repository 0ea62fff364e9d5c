"""The road at t = 0, as if traffic had been running for ever."""

from __future__ import annotations

import numpy as np

from sim.clock import SECOND, stream
from sim.traffic.demand import Link
from sim.traffic.following import Driver, capacity_veh_s, equilibrium_speed_mps, speed_of_flow_mps
from sim.traffic.placing import Places
from sim.traffic.population import Population
from sim.world.network import RoadNetwork
from sim.world.roads import STOP_LINE_SETBACK_M, Road
from sim.world.signals import Light, Signals

START_UP_LOSS_S = 4.0
"""Green that passes before a queue flows fully (assumption)."""
DISCHARGE_RATIO = 0.85
"""Flow out of a standing queue over the equilibrium capacity; turning vehicles slow it down (assumption)."""
PICK_UP_S, PICK_UP_M = 5.0, 150.0
"""Time a vehicle loses, and the way it takes, until it is at speed again after a junction (assumption)."""


def places_by_flow(
    network: RoadNetwork,
    signals: Signals,
    links: list[Link],
    population: Population,
    driver: Driver,
    seed: int,
    now_ns: int,
) -> Places:
    """Poisson places by flow and speed per piece of road, plus the standing queue each signal has at ``now_ns``."""
    parts = []
    for link in links:
        road = network.roads[link.road]
        random = stream(seed, "traffic", "fill", road.name, round(link.from_s_m))
        limit_m = link.to_s_m
        if link.approach >= 0:
            queue = _queue(network, signals, link, population, driver, now_ns)
            parts.append(queue)
            limit_m = min(limit_m, float(queue.s_m.min(initial=link.to_s_m)))
        for start, end, lanes, limit in _pieces(road, link.from_s_m, limit_m):
            desired = limit * population.mean_speed_factor
            speed = speed_of_flow_mps(driver, link.flow_veh_h / 3600 / lanes, desired, population.mean_length_m)
            count = int(random.poisson(link.flow_veh_h / 3600 * (end - start) / speed))
            s = np.sort(random.uniform(start, end, count))
            parts.append(Places(np.full(count, road.index), (random.random(count) * lanes).astype(int), s))
        if link.from_s_m > 0:
            count = int(random.poisson(link.flow_veh_h / 3600 * PICK_UP_S))
            s = link.from_s_m + 2 * STOP_LINE_SETBACK_M + random.uniform(0.0, PICK_UP_M, count)
            lanes = int(road.lanes_at(link.from_s_m))
            parts.append(Places(np.full(count, road.index), (random.random(count) * lanes).astype(int), s))
    return Places.concatenate(parts)


def _pieces(road: Road, start_m: float, end_m: float) -> list[tuple[float, float, int, float]]:
    edges = [start_m, *(float(e) for e in road.edges_m if start_m < e < end_m), end_m]
    return [
        (a, b, int(road.lanes_at(a)), float(road.speed_limit_at(a)))
        for a, b in zip(edges, edges[1:], strict=False)
        if b > a
    ]


def _queue(
    network: RoadNetwork, signals: Signals, link: Link, population: Population, driver: Driver, now_ns: int
) -> Places:
    """Standing vehicles behind a stop line: what came in since red began less what green has let go."""
    here = network.approaches[link.approach]
    controller = signals.controllers[here.node]
    light, end_ns = controller.state_at(here.phase_id, now_ns)
    red_s = controller.cycle_ns / SECOND * (1 - controller.green_ratio(here.phase_id))
    flow = link.flow_veh_h / 3600
    limit = float(network.roads[here.road].speed_limit_at(here.stop_s_m))
    discharge = capacity_veh_s(driver, limit, population.mean_length_m) * here.lanes * DISCHARGE_RATIO
    red_s += START_UP_LOSS_S
    if light == Light.GREEN:
        green_s = controller.cycle_ns / SECOND - red_s - (end_ns - now_ns) / SECOND  # negative while starting up
        waiting = flow * (red_s + green_s) - discharge * max(green_s, 0.0)
    else:
        waiting = flow * (red_s - START_UP_LOSS_S - (controller.next_green_ns(here.phase_id, now_ns) - now_ns) / SECOND)
    pitch = population.mean_length_m + driver.minimum_gap_m
    room = int((here.stop_s_m - link.from_s_m) / pitch) * here.lanes
    count = min(max(int(round(waiting)), 0), room)
    rows = np.arange(count)
    s = here.stop_s_m - driver.minimum_gap_m - population.mean_length_m / 2 - rows // here.lanes * pitch
    return Places(np.full(count, link.road), rows % here.lanes, s)


def spread(
    places: Places,
    length_m: np.ndarray,
    network: RoadNetwork,
    least_gap_m: float,
    ring_m: float | None,
    exact: bool,
) -> np.ndarray:
    """Arc lengths with at least ``least_gap_m`` between bumpers in each lane, order kept.

    Each lane's free room is shared out in the proportions drawn (a hard-core Poisson arrangement) when ``exact``
    (places from a density); otherwise vehicles are only pushed back where they stand too close.
    Raises ValueError if the vehicles of a lane do not fit.
    """
    s = places.s_m.copy()
    lane_number = network.lane_base[places.road] + places.lane
    for number in np.unique(lane_number):
        rows = np.flatnonzero(lane_number == number)
        rows = rows[np.argsort(s[rows], kind="stable")]
        footprint = length_m[rows] + least_gap_m
        road = network.roads[int(places.road[rows[0]])]
        room = ring_m if ring_m is not None else road.length_m
        if exact and footprint.sum() > room:
            raise ValueError(
                f"traffic.density_veh_km: {len(rows)} vehicles need {footprint.sum():.0f} m of a lane of {room:.0f} m"
            )
        if exact and np.any(np.diff(s[rows]) < (footprint[1:] + footprint[:-1]) / 2):
            s[rows] = s[rows] * (1 - footprint.sum() / room) + np.cumsum(footprint) - footprint / 2
        elif not exact:
            _push_back(s, rows, footprint)
    return s


def _push_back(s: np.ndarray, rows: np.ndarray, footprint: np.ndarray) -> None:
    for k in range(len(rows) - 2, -1, -1):
        s[rows[k]] = min(s[rows[k]], s[rows[k + 1]] - (footprint[k] + footprint[k + 1]) / 2)


def fitting_speed_mps(driver: Driver, gap_m: np.ndarray, desired_mps: np.ndarray) -> np.ndarray:
    """Equilibrium speed at these gaps, the desired speed where the gap is open."""
    bounded = np.minimum(gap_m, 1e5)
    return np.where(np.isfinite(gap_m), equilibrium_speed_mps(driver, bounded, desired_mps), desired_mps)
