"""Equipped vehicles along the carriageway from tick to tick: who came, who went on, who left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.frames import Kind
from sim.metrics.base import Tick
from sim.world.stations import Stations

LONGEST_STEP_M = 100.0
"""A vehicle that is farther from where it was a tick ago did not drive there (seam of a ring)."""


class Step(NamedTuple):
    """What became of vehicles (slots from the first vehicle on) since the tick before; each entry once."""

    on: np.ndarray
    """Drove on along the carriageway: chainage was :attr:`Driven.before_m`, is :attr:`Driven.chainage_m`."""
    left: np.ndarray
    """Were there and are not any more (turned off, left the road, or another vehicle has the slot)."""
    came: np.ndarray
    """Are there for the first time, or anew."""


class Driven:
    """Last known chainage and direction of vehicles on the carriageway. Memory: vehicles."""

    def __init__(self) -> None:
        self.station_id = np.empty(0, np.int64)
        """Who is in each slot, -1 = nobody on the carriageway."""
        self.chainage_m, self.before_m = np.empty(0), np.empty(0)
        self.direction = np.empty(0, np.int8)
        self.now_ns = self.before_ns = 0

    def step(self, tick: Tick) -> Step:
        """Take in where vehicles are now."""
        stations = tick.stations
        here = slice(stations.first_vehicle, stations.size)
        self._grow(stations.size - stations.first_vehicle)
        driving = stations.active[here] & (stations.kind[here] == Kind.VEHICLE) & (stations.direction[here] != 0)
        ids = np.where(driving, stations.station_id[here], -1)
        chainage_m, direction = stations.chainage_m[here], stations.direction[here]
        same = (ids == self.station_id) & (direction == self.direction)
        same &= np.abs(chainage_m - self.chainage_m) <= LONGEST_STEP_M
        was, now = self.station_id >= 0, ids >= 0
        on, left, came = (np.flatnonzero(one) for one in (same & now, was & ~same, now & ~same))
        self.before_m, self.before_ns = self.chainage_m, self.now_ns
        self.station_id, self.chainage_m = ids, chainage_m.copy()
        self.direction, self.now_ns = direction.copy(), tick.now_ns
        return Step(on, left, came)

    def _grow(self, vehicles: int) -> None:
        extra = vehicles - len(self.station_id)
        if extra > 0:
            self.station_id = np.concatenate([self.station_id, np.full(extra, -1, np.int64)])
            self.chainage_m = np.concatenate([self.chainage_m, np.zeros(extra)])
            self.direction = np.concatenate([self.direction, np.zeros(extra, np.int8)])


def chainage_at(stations: Stations, slots: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
    """Chainage of vehicles on the carriageway at instants in or near the present tick."""
    way_m = np.hypot(stations.x1_m[slots] - stations.x0_m[slots], stations.y1_m[slots] - stations.y0_m[slots])
    part = (time_ns - stations.tick_start_ns) / (stations.tick_end_ns - stations.tick_start_ns)
    out: np.ndarray = stations.chainage_m[slots] + stations.direction[slots] * way_m * part
    return out
