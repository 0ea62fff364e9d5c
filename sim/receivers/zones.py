"""Service zones: where a message is wanted, whatever the candidate (definitions section 6)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim.clock import SECOND
from sim.metrics import CLASSES
from sim.receivers.base import Here
from sim.senders.sensing import Sensing
from sim.world.approaches import Approaches
from sim.world.build import World
from sim.world.described import margin_m
from sim.world.sites import units_down

SPAT_MAP, RSI, RSM = (CLASSES.index(name) for name in ("SPAT+MAP", "RSI", "RSM"))

_MASKS = ("event", "near_event", "sensor", "near_sensor")


class Zones:
    """Membership of every station slot in every zone, renewed per tick for vehicles.

    ``event[e, slot]``: on the carriageway of event e, on its path or up to ``event_upstream_m`` before it.
    ``sensor[u, slot]``: inside the field of the sensor of unit ``sensor_units[u]``; the last rows are fields of units
    out of service, whose zones stay wanted. Those of SPAT+MAP are in ``approaches``. ``near_event`` and ``near_sensor``
    reach a little further: who is there may enter the zone while a message is still fresh, so messages are judged
    there as well.
    """

    def __init__(self, world: World, here: Here, approaches: Approaches, sensing: Mapping[int, Sensing]) -> None:
        self.world, self.here, self.approaches = world, here, approaches
        self.sensor_units = sorted(unit for unit in sensing if world.units[unit].twin_of is None)
        self.row_of_unit = {unit: row for row, unit in enumerate(self.sensor_units)}
        """Row of the field of each unit's sensor; a twin has its partner's."""
        for unit in sensing:
            partner = world.units[unit].twin_of
            if partner is not None:
                self.row_of_unit[unit] = self.row_of_unit[partner]
        self.sensors = [sensing[unit].sensor for unit in self.sensor_units]
        self.sensors += [Sensing(world, unit).sensor for unit in units_down(world.config.layout, world.corridor)
                         if unit.sensor]
        size = world.stations.size
        self.event, self.near_event = (np.zeros((len(world.config.events), size), bool) for _ in range(2))
        self.sensor, self.near_sensor = (np.zeros((len(self.sensors), size), bool) for _ in range(2))
        stations = world.stations
        probes = np.arange(stations.probes.start, stations.probes.stop)
        self._place(probes, world.probes.x_m, world.probes.y_m)

    def update(self) -> None:
        """Take the vehicles of the new tick."""
        stations = self.world.stations
        if self.event.shape[1] < stations.size:
            extra = stations.size - self.event.shape[1]
            for name in _MASKS:
                mask = getattr(self, name)
                setattr(self, name, np.concatenate([mask, np.zeros((len(mask), extra), bool)], axis=1))
        for name in _MASKS:
            getattr(self, name)[:, stations.first_vehicle :] = False
        slots = self.world.vehicle_slots()
        self._place(slots, *stations.position(slots, self.here.time_ns))

    def classes(self, slots: slice, now_ns: int) -> np.ndarray:
        """(classes, slots) bool: in any zone of each class now; an event counts while it lasts."""
        now_s = now_ns / SECOND
        lasts = np.array(
            [e.start_s <= now_s and (e.end_s is None or now_s < e.end_s) for e in self.world.config.events], bool
        )
        zone = np.zeros((len(CLASSES), len(range(*slots.indices(self.world.stations.size)))), bool)
        zone[SPAT_MAP] = self.approaches.any_zone()[slots]
        zone[RSI] = self.event[lasts][:, slots].any(axis=0)
        zone[RSM] = self.sensor[:, slots].any(axis=0)
        return zone

    def _place(self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray) -> None:
        if not len(slots):
            return
        stations = self.world.stations
        chainage_m, direction = stations.chainage_m[slots], stations.direction[slots]
        upstream_m = self.world.config.measure.event_upstream_m
        for index, event in enumerate(self.world.config.events):
            if event.direction == "up":
                before_m = np.where((direction > 0) & (chainage_m <= event.to_m), event.from_m - chainage_m, np.inf)
            else:
                before_m = np.where((direction < 0) & (chainage_m >= event.from_m), chainage_m - event.to_m, np.inf)
            self.event[index, slots] = before_m <= upstream_m
            self.near_event[index, slots] = before_m <= upstream_m + margin_m(self.world, "RSI")
        for index, sensor in enumerate(self.sensors):
            self.sensor[index, slots[sensor.in_field(x_m, y_m)]] = True
            self.near_sensor[index, slots[sensor.in_field(x_m, y_m, margin_m(self.world, "RSM"))]] = True
