"""What stands between stations: the vehicles of this moment, and buildings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.channel.blockers import NO_BODIES, Blockers, Bodies
from sim.channel.buildings import Buildings, Walled
from sim.channel.ends import Ends
from sim.channel.rays import Rays

if TYPE_CHECKING:
    from sim.traffic.fleet import Fleet


@dataclass(frozen=True)
class Obstacles:
    """What lies in the way of links, all of one shape; what is not modelled is None."""

    blocker_count: np.ndarray | None = None
    """Vehicles that reach into the line of sight, int32."""
    blocker_height_m: np.ndarray | None = None
    """Height of the highest of them, float32; 0 where there is none."""
    wall_loss_db: np.ndarray | None = None
    """Loss by buildings on top of the path loss, float32."""
    behind_building: np.ndarray | None = None
    """Links that cross a building, bool."""

    def diagonal(self) -> Obstacles:
        """Of a block [n, n] the links i to i."""
        columns = (getattr(self, name) for name in Obstacles.__dataclass_fields__)
        return Obstacles(*(None if column is None else np.diag(column) for column in columns))


class Scene:
    """Vehicles and buildings of a run. The engine calls :meth:`update` at every traffic tick, before the radios.

    Positions are those of the middle of the tick, as the radios' geometry is.
    """

    def __init__(
        self, buildings: Buildings | None = None, *, vehicles: bool = True, least_height_m: float = 0.0,
        ring_length_m: float | None = None,
    ) -> None:
        self.buildings = buildings if buildings is not None and len(buildings) else None
        self.vehicles = vehicles
        """Whether vehicles matter at all; if not, :meth:`update` does nothing."""
        self.least_height_m = least_height_m
        self.ring_length_m = ring_length_m or None
        self.blockers = Blockers(NO_BODIES, self.ring_length_m)

    def place(self, bodies: Bodies) -> None:
        """The vehicles of this moment; those below ``least_height_m`` are transparent."""
        high = bodies.height_m >= self.least_height_m
        self.blockers = Blockers(bodies.take(np.flatnonzero(high)), self.ring_length_m)

    def update(self, fleet: Fleet, first_vehicle: int) -> None:
        """Take the fleet of a new tick: all vehicles, equipped or not, halfway through the tick.

        ``first_vehicle`` is :attr:`sim.world.stations.Stations.first_vehicle`: station slot = that + fleet slot.
        """
        if not self.vehicles:
            return
        slots = np.flatnonzero(fleet.active & (fleet.height_m >= self.least_height_m))
        x_m = 0.5 * (fleet.x_prev_m[slots] + fleet.x_m[slots])
        y_m = 0.5 * (fleet.y_prev_m[slots] + fleet.y_m[slots])
        self.place(Bodies(
            x_m, y_m, fleet.heading_deg[slots], fleet.length_m[slots], fleet.width_m[slots], fleet.height_m[slots],
            slots + first_vehicle,
        ))

    def between(self, tx: Ends, rx: Ends, within_m: float = np.inf) -> Obstacles:
        """Obstacles of all links of two groups of stations, [tx, rx]; vehicles on those up to ``within_m`` only."""
        walls: Walled | None = None
        count = height = None
        if self.vehicles or self.buildings is not None:
            rays = Rays(tx, rx, self.ring_length_m)
            if self.vehicles:
                count, height = self.blockers.between(tx, rx, rays, within_m)
            if self.buildings is not None:
                walls = self.buildings.between(tx, rx, rays)
        if walls is None:
            return Obstacles(count, height)
        return Obstacles(count, height, walls.loss_db, walls.behind)
