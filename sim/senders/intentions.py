"""What a vehicle on the way to a node intends: the content of its VIR."""

from __future__ import annotations

import numpy as np

from rsu.services.day2.described import Intention, PathPlan, VehicleRequest, VehicleState
from sim.clock import SECOND
from sim.senders.vehicle_state import vehicle_states
from sim.world.build import World

PLAN_STEP_S = 1.0
MOST_PLAN_POINTS = 10
SLOWEST_PLAN_MPS = 1.0
"""A vehicle slower than this tells no plan (assumption)."""
PRIORITY_LEVEL = 0
REQUEST_ID = 1


def intention_of(
    world: World, slot: int, now_ns: int, vehicle_id: bytes, approach: int, lane: int, unit_id: bytes
) -> Intention:
    """Content at ``now_ns`` inside the present tick: own state with its positioning error, manoeuvre at the node,
    planned way to the stop line, and a request for guidance to the unit of the node.

    The manoeuvre is one that the lane allows, straight on where it can; the plan follows the lane at the present speed,
    a point per second, at most ten.
    """
    state = vehicle_states(world, np.array([slot]), np.array([now_ns]))
    lon, lat = world.lonlat(state.believed_x_m, state.believed_y_m)
    clock_ns = world.utc0_ns + now_ns + int(world.clock_offset_ns[slot])
    vehicle = VehicleState(
        vehicle_id, float(lon[0]), float(lat[0]), float(state.believed_speed_mps[0]),
        float(state.believed_heading_deg[0]), clock_ns,
    )
    here = world.network.approaches[approach]
    moves = here.movements[min(lane, here.lanes - 1)]
    turns = [move.turn for move in moves]
    turn = "straight" if "straight" in turns or not turns else turns[0]
    request = VehicleRequest(REQUEST_ID, "guidance", priority_level=PRIORITY_LEVEL, to_unit=unit_id)
    plan = _plan(world, slot, now_ns, float(state.speed_mps[0]), approach, lane)
    return Intention(vehicle, plan, frozenset({f"cross-{turn}"}), (request,))


def _plan(world: World, slot: int, now_ns: int, speed_mps: float, approach: int, lane: int) -> PathPlan | None:
    """Along the lane to the stop line; None for a slow vehicle, or one less than a second away from it."""
    here, fleet, stations = world.network.approaches[approach], world.fleet, world.stations
    s_m = float(fleet.s_m[slot - stations.first_vehicle]) - speed_mps * (stations.tick_end_ns - now_ns) / SECOND
    if speed_mps < SLOWEST_PLAN_MPS:
        return None
    after_s = PLAN_STEP_S * np.arange(1, MOST_PLAN_POINTS + 1)
    after_s = after_s[s_m + speed_mps * after_s <= here.stop_s_m]
    if not len(after_s):
        return None
    road = world.network.roads[here.road]
    x, y = road.lane_xy(lane, s_m + speed_mps * after_s)
    lon, lat = world.lonlat(x, y)
    heading = np.atleast_1d(road.heading_at(s_m + speed_mps * after_s))
    return PathPlan(lon, lat, np.full(len(after_s), speed_mps), heading, after_s)
