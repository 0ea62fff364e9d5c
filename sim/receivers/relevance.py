"""Where a roadside message is wanted, by truth: the zones of the nodes, events and sensors that its unit tells of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.frames import Flow, Kind
from sim.receivers.zones import Zones
from sim.senders.units import AllUnits
from sim.world.approaches import Approaches
from sim.world.build import World


class Relevance:
    """Membership of every slot in the zone of each (unit, flow), worked out when a frame of it ends in a tick.

    MAP and SPAT: on an approach of a node the unit tells of, inside its zone. RSI: on the path of an event that it
    announces by that flow, or on the way there. RSM and C157-SSM: in the field of its sensor. Every other message is
    wanted everywhere.
    """

    def __init__(
        self, world: World, flows: Sequence[Flow], units: AllUnits, zones: Zones, approaches: Approaches
    ) -> None:
        self._stations, self._zones, self._approaches = world.stations, zones, approaches
        self._service = [flow.service if flow.sender == Kind.RSU else "" for flow in flows]
        self._has_zone = np.array([service in ("MAP", "SPAT", "RSI", "RSM") for service in self._service])
        events = {id(event): number for number, event in enumerate(world.config.events)}
        self._nodes = {unit.index: units.nodes_of(unit) for unit in world.units}
        self._sensor = {unit.index: zones.row_of_unit.get(unit.index) for unit in world.units}
        self._events: dict[tuple[int, int], list[int]] = {}
        for senders in units:
            for unit in senders.units:
                for name, told in senders.events_of(unit).items():
                    if name in senders.flows:
                        numbers = [events[id(event)] for event in told]
                        self._events[unit.index, senders.flows[name].flow.index] = numbers
        self._of_tick: dict[tuple[int, int], np.ndarray] = {}
        self._tick_ns = -1

    def links(self, sender: np.ndarray, flow: np.ndarray, row: np.ndarray, receiver: np.ndarray) -> np.ndarray | None:
        """Bool per link; ``sender`` and ``flow`` are frame columns. None = all are."""
        roadside = self._has_zone[flow]
        if not roadside.any():
            return None
        if self._stations.tick_start_ns != self._tick_ns:
            self._of_tick, self._tick_ns = {}, self._stations.tick_start_ns
        links = np.flatnonzero(roadside[row])
        keys, number = np.unique(sender[roadside] * len(self._service) + flow[roadside], return_inverse=True)
        of_frame = np.zeros(len(sender), np.int64)
        of_frame[roadside] = number
        table = np.stack([self._zone(*divmod(int(key), len(self._service))) for key in keys])
        found = np.ones(len(row), bool)
        found[links] = table[of_frame[row[links]], receiver[links]]
        return found

    def first_event(self, sender: np.ndarray, flow: np.ndarray) -> np.ndarray | None:
        """Number of the first event that each frame announces, -1 for other messages; None where none does."""
        told = [name == "RSI" for name in self._service]
        if not np.array(told)[flow].any():
            return None
        found = np.full(len(sender), -1, np.int64)
        for frame in np.flatnonzero(np.array(told)[flow]).tolist():
            events = self._events.get((int(sender[frame]), int(flow[frame])))
            found[frame] = events[0] if events else -1
        return found

    def _zone(self, unit: int, flow: int) -> np.ndarray:
        key = unit, flow
        if key not in self._of_tick:
            self._of_tick[key] = self._members(unit, flow)
        return self._of_tick[key]

    def _members(self, unit: int, flow: int) -> np.ndarray:
        service, size = self._service[flow], self._stations.size
        if service == "RSI":
            return np.asarray(self._zones.event[self._events.get((unit, flow), [])].any(axis=0))
        if service == "RSM":
            number = self._sensor[unit]
            return np.zeros(size, bool) if number is None else self._zones.sensor[number]
        inside = np.zeros(size, bool)
        for node in self._nodes[unit]:
            slots = self._approaches.in_zone(node)
            inside[slots[self._approaches.inside[slots]]] = True
        return inside
