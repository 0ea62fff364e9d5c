"""A unit's sensor at work: samples the true vehicles every cycle, hands over after its delay."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from rsu.generation.etsi_cpm import EtsiCpmGeneration, PerceivedObjects
from rsu.services.described import DetectedObjects
from sim.clock import stream
from sim.world.build import World
from sim.world.sensor import RoadsideSensor, SensedObjects, VehicleColumns
from sim.world.sites import RoadsideUnit

UNKNOWN_CLASS = 0


class Sensing:
    """One sensor process; keeps the few samples that are still on their way to the application."""

    def __init__(self, world: World, unit: RoadsideUnit) -> None:
        self.world, self.unit = world, unit
        self.settings = world.config.layout.sensor
        self.sensor = RoadsideSensor(self.settings, unit.x_m, unit.y_m, seed=world.seed, name=unit.id)
        self._samples: deque[SensedObjects] = deque(maxlen=64)
        self._inclusion: EtsiCpmGeneration | None = None

    def run(self, env: simpy.Environment, begin_ns: int) -> Generator[simpy.Event, Any, None]:
        """Sample at the sensor's own phase, from ``begin_ns`` on."""
        phase = stream(self.world.seed, "phase", self.unit.id, "sensor").random()
        yield env.timeout(max(begin_ns - int(env.now), 0) + int(phase * self.sensor.cycle_ns))
        while True:
            self._samples.append(self.sensor.sense(int(env.now), true_vehicles(self.world, int(env.now))))
            yield env.timeout(self.sensor.cycle_ns)

    def newest(self, now_ns: int) -> SensedObjects | None:
        """The newest sample that has reached the application, None before the first."""
        chosen = None
        for sample in self._samples:
            if sample.available_ns <= now_ns:
                chosen = sample
        return chosen

    def told(self, objects: SensedObjects | None, now_ns: int, rule: str) -> tuple[SensedObjects | None, bool]:
        """(objects the message includes, whether it describes the sensor); (None, False): no message now.

        Rule ``etsi-cpm`` includes by change since the last inclusion (TS 103 324); otherwise all are told every time.
        """
        if objects is None or rule != "etsi-cpm":
            return objects, False
        if self._inclusion is None:
            self._inclusion = EtsiCpmGeneration(1)
        perceived = PerceivedObjects(
            np.zeros(len(objects), np.int64), objects.track, np.ones(len(objects), bool), objects.x_m, objects.y_m,
            objects.speed_mps, objects.heading_deg,
        )
        due = self._inclusion.due(np.zeros(1, np.int64), now_ns, perceived)
        if not due.send[0]:
            return None, False
        return objects.take(due.include), bool(due.sensor_information[0])

    def junction(self) -> tuple[float, float]:
        """(lon, lat) from which objects are ordered: the node, else the unit."""
        world, node = self.world, self.unit.node
        x, y = (self.unit.x_m, self.unit.y_m)
        if node is not None:
            there = world.corridor.xy_at(world.corridor.node_chainage_m[node])
            x, y = float(there[0]), float(there[1])
        lon, lat = world.lonlat(np.array([x]), np.array([y]))
        return float(lon[0]), float(lat[0])

    def detected(self, objects: SensedObjects) -> DetectedObjects:
        """The sample as the RSM service takes it."""
        lon, lat = self.world.lonlat(objects.x_m, objects.y_m)
        count = len(objects)
        return DetectedObjects(
            lon, lat, objects.speed_mps, objects.heading_deg, objects.length_m, objects.width_m, objects.height_m,
            objects.track, np.full(count, UNKNOWN_CLASS), np.full(count, self.settings.position_sigma_m),
            self.world.utc0_ns + objects.sampled_ns + int(self.world.clock_offset_ns[self.unit.index]),
        )


def true_vehicles(world: World, time_ns: int) -> VehicleColumns:
    """All vehicles present, equipped or not, where they are at ``time_ns`` inside the present tick."""
    fleet, stations = world.fleet, world.stations
    slots = fleet.slots()
    part = (time_ns - stations.tick_start_ns) / (stations.tick_end_ns - stations.tick_start_ns)
    x = fleet.x_prev_m[slots] + (fleet.x_m[slots] - fleet.x_prev_m[slots]) * part
    y = fleet.y_prev_m[slots] + (fleet.y_m[slots] - fleet.y_prev_m[slots]) * part
    turn = (fleet.heading_deg[slots] - fleet.heading_prev_deg[slots] + 180.0) % 360.0 - 180.0
    heading = (fleet.heading_prev_deg[slots] + turn * part) % 360.0
    speed = fleet.speed_prev_mps[slots] + (fleet.speed_mps[slots] - fleet.speed_prev_mps[slots]) * part
    return VehicleColumns(
        fleet.number[slots], x, y, heading, speed, fleet.length_m[slots],
        fleet.width_m[slots], fleet.height_m[slots],
    )
