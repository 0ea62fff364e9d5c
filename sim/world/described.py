"""The road as roadside services describe it: nodes and events in longitude and latitude."""

from __future__ import annotations

import numpy as np

from rsu.services.described import EventDescription, IntersectionForecast, PhaseForecast
from rsu.services.geometry import LaneGeometry, LinkGeometry, NodeGeometry
from sim.scenario.schema.layout import RoadsideEvent
from sim.world.build import World
from sim.world.roads import Approach
from sim.world.signals import Light

LIGHT_NAMES = {Light.RED: "red", Light.YELLOW: "yellow", Light.GREEN: "green"}
FORECAST_STATES = 4
"""States of a phase told in SPAT: a full cycle of green, yellow, red and the green after it."""
FASTEST_MPS = 40.0
"""No vehicle enters a service zone faster than this; bounds how far before a zone messages matter."""


def margin_m(world: World, message: str) -> float:
    """Way a vehicle can drive while a message of this class stays fresh."""
    return FASTEST_MPS * world.config.measure.tau_s[message]


def node_geometry(world: World, node: int) -> NodeGeometry:
    """One signalised node with the links that lead into it, true to the network."""
    network, corridor = world.network, world.corridor
    x, y = corridor.xy_at(corridor.node_chainage_m[node])
    lon, lat = world.lonlat(np.atleast_1d(x), np.atleast_1d(y))
    config = corridor.config.nodes[node]
    height_m = float(corridor.height_at(corridor.node_chainage_m[node]))
    links = tuple(_link(world, approach) for approach in network.approaches_of(node))
    return NodeGeometry(
        *world.node_names[node], config.id, float(lon[0]), float(lat[0]), height_m, links
    )


def _link(world: World, approach: Approach) -> LinkGeometry:
    network = world.network
    region = world.node_names[approach.node][0]
    width_m = world.corridor.config.lane_width_m
    road = network.roads[approach.road]
    limit_mps = float(road.speed_limit_at(approach.stop_s_m))
    lanes = []
    for lane in range(approach.lanes):
        points = np.column_stack(world.lonlat(*network.lane_points(approach, lane).T))
        moves = approach.movements[lane]
        lanes.append(LaneGeometry(
            lane + 1, width_m, points, frozenset(move.turn for move in moves),
            tuple((*_named(world, move.remote_node_id, region), move.to_lane + 1, move.phase_id) for move in moves),
            limit_mps,
        ))
    centre = np.mean([network.lane_points(approach, lane) for lane in (0, approach.lanes - 1)], axis=0)
    remote = sorted({(move.remote_node_id, move.phase_id) for lane in approach.movements for move in lane})
    name = f"{world.corridor.config.nodes[approach.node].id} {approach.name}"
    return LinkGeometry(
        name, *_named(world, approach.upstream_node_id, region), width_m * approach.lanes,
        limit_mps, np.column_stack(world.lonlat(*centre.T)), tuple(lanes),
        tuple((*_named(world, node, region), phase) for node, phase in remote),
    )


def _named(world: World, node_id: int, own_region: int) -> tuple[int, int]:
    """Name on the air of a node of the corridor; ends of the road and of arms have their own neighbour's region."""
    ids = world.network.node_ids
    return world.node_names[ids.index(node_id)] if node_id in ids else (own_region, node_id)


def forecast(world: World, node: int, time_ns: int) -> IntersectionForecast:
    """What every phase of a node shows from ``time_ns`` on."""
    controller = world.signals.controllers[node]
    phases = []
    for phase_id in controller.phase_ids:
        lights, ends_s = [], []
        at_ns = time_ns
        for _ in range(FORECAST_STATES):
            light, end_ns = controller.state_at(phase_id, at_ns)
            lights.append(LIGHT_NAMES[light])
            ends_s.append((end_ns - time_ns) * 1e-9)
            at_ns = end_ns
            if ends_s[-1] > 3600.0:
                break
        phases.append(PhaseForecast(phase_id, tuple(lights), tuple(ends_s)))
    return IntersectionForecast(*world.node_names[node], tuple(phases))


def event_description(world: World, event: RoadsideEvent) -> EventDescription:
    """An event of the scenario with its path along the carriageway and the way towards it."""
    upstream_m = world.config.measure.event_upstream_m + margin_m(world, "RSI")
    path = _carriageway(world, event.direction, event.from_m, event.to_m)
    if event.direction == "up":
        approach = _carriageway(world, "up", event.from_m - upstream_m, event.from_m)
    else:
        approach = _carriageway(world, "down", event.to_m, event.to_m + upstream_m)
    middle = path[len(path) // 2]
    end_ns = None if event.end_s is None else world.utc0_ns + round(event.end_s * 1e9)
    return EventDescription(
        event.id, event.kind, event.code, float(middle[0]), float(middle[1]), path, event.radius_m,
        event.priority_level, world.utc0_ns + round(event.start_s * 1e9), end_ns,
        event.description.encode("ascii", "replace").decode(), approach=approach,
    )


def _carriageway(world: World, direction: str, from_m: float, to_m: float) -> np.ndarray:
    """(n, 2) (lon, lat) along the middle of a carriageway in driving direction, a point every 25 m at most."""
    low, high = max(from_m, 0.0), min(to_m, world.corridor.length_m)
    chainage = np.linspace(low, high, max(2, int(np.ceil((high - low) / 25.0)) + 1))
    road = world.network.roads[world.network.main[direction]]
    s = np.sort(np.atleast_1d(road.s_at_chainage(chainage)))
    lanes = int(np.max(road.lanes_at(s)))
    middle = np.full(len(s), (lanes - 1) / 2)
    x, y = road.lane_xy(middle, s)
    return np.column_stack(world.lonlat(x, y))
