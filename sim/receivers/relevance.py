"""Where a roadside message is wanted, by truth: the zones of the nodes, events and sensors that it tells of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from rsu.compatibility import Reading
from sim.frames import Flow, Kind
from sim.ledger import Ledger
from sim.receivers.base import Here
from sim.receivers.signals import NodeMaps
from sim.receivers.zones import Zones
from sim.senders.units import AllUnits
from sim.world.approaches import Approaches
from sim.world.build import World

Subject = tuple[str, tuple[int, ...]]
"""(service class, indices of what is told: approaches of MAP, nodes of SPAT, events of RSI, sensor fields of RSM)."""
ADDRESSED = ("VIR", "RSC")
"""Messages that are meant for one station."""
ADDRESS = ""
"""Stands for the service class in the subject of such a message, with the slot of the station it is meant for."""
KEPT_SUBJECTS = 4096


class Relevance:
    """Membership of every slot in the zone of what each frame tells of.

    MAP: on an approach that it describes, inside the zone. SPAT: in the zone of a node that the unit tells of. RSI: on
    the path of an event that it announces, or on the way there. RSM and C157-SSM: in the field of the unit's sensor.
    VIR and RSC: at the unit or vehicle that they are addressed to. Every other message is wanted
    everywhere. What a MAP or RSI tells of is read from its octets by the sender's own decoder.
    """

    def __init__(
        self, world: World, flows: Sequence[Flow], units: AllUnits, zones: Zones, approaches: Approaches, here: Here,
        ledger: Ledger, readings: Sequence[Reading],
    ) -> None:
        """``readings``: how the stations of each speaker read, in order."""
        self._stations, self._zones, self._approaches, self._ledger = world.stations, zones, approaches, ledger
        self._service = [flow.service if flow.sender == Kind.RSU else "" for flow in flows]
        self._addressed = np.array([flow.message in ADDRESSED for flow in flows], bool)
        self._has_zone = np.array([service in ("MAP", "SPAT", "RSI", "RSM") for service in self._service])
        self._has_zone |= self._addressed
        self._is_rsi = np.array([service == "RSI" for service in self._service])
        self._events = {(event.kind, event.id): index for index, event in enumerate(world.config.events)}
        self._nodes = {unit.index: tuple(units.nodes_of(unit)) for unit in world.units}
        self._sensor = {unit.index: zones.row_of_unit.get(unit.index) for unit in world.units}
        self._readings = list(readings)
        self._maps = [
            NodeMaps(world, reading, here, approaches, lambda slot: self._nodes[slot]) for reading in readings
        ]
        self._told: OrderedDict[tuple[int, int, bytes], Subject] = OrderedDict()
        self._of_tick: dict[Subject, np.ndarray] = {}
        self._tick_ns = -1

    def subjects(self, frame: np.ndarray, sender: np.ndarray, flow: np.ndarray) -> list[Subject] | None:
        """What each frame tells of, in the order of the roadside frames among them; None where there are none."""
        roadside = np.flatnonzero(self._has_zone[flow])
        if not len(roadside):
            return None
        voices = self._ledger.column("voice", frame[roadside]).tolist()
        payloads = self._ledger.payloads(frame[roadside])
        found = [
            self._subject(int(sender[k]), self._service[int(flow[k])], voice, octets)
            for k, voice, octets in zip(roadside.tolist(), voices, payloads, strict=True)
        ]
        for k in np.flatnonzero(self._addressed[flow[roadside]]).tolist():
            found[k] = ADDRESS, tuple(self._ledger.column("addressed", frame[roadside[k : k + 1]]).tolist())
        return found

    def links(
        self, subjects: list[Subject] | None, flow: np.ndarray, row: np.ndarray, receiver: np.ndarray
    ) -> np.ndarray | None:
        """Bool per link; ``subjects`` of the frames, ``flow`` a frame column. None = all are wanted."""
        if subjects is None:
            return None
        if self._stations.tick_start_ns != self._tick_ns:
            self._of_tick, self._tick_ns = {}, self._stations.tick_start_ns
        number = {subject: index for index, subject in enumerate(dict.fromkeys(subjects))}
        roadside = self._has_zone[flow]
        of_frame = np.zeros(len(flow), np.int64)
        of_frame[roadside] = [number[subject] for subject in subjects]
        table = np.stack([self._zone(subject) for subject in number])
        found = np.ones(len(row), bool)
        links = np.flatnonzero(roadside[row])
        found[links] = table[of_frame[row[links]], receiver[links]]
        return found

    def first_event(self, subjects: list[Subject] | None, flow: np.ndarray) -> np.ndarray | None:
        """Number of the first event that each frame announces, -1 for other messages; None where none does."""
        if subjects is None or not self._is_rsi[flow].any():
            return None
        found = np.full(len(flow), -1, np.int64)
        found[self._has_zone[flow]] = [
            told[0] if service == "RSI" and told else -1 for service, told in subjects
        ]
        return found

    def _subject(self, unit: int, service: str, voice: int, octets: bytes | None) -> Subject:
        if service == "SPAT" or octets is None:
            return service, self._nodes[unit] if service == "SPAT" else ()
        if not service:
            return ADDRESS, ()
        if service == "RSM":
            row = self._sensor[unit]
            return service, () if row is None else (row,)
        key = voice, unit, octets
        if key not in self._told:
            self._told[key] = service, self._read(unit, service, voice, octets)
            if len(self._told) > KEPT_SUBJECTS:
                self._told.popitem(last=False)
        return self._told[key]

    def _read(self, unit: int, service: str, voice: int, octets: bytes) -> tuple[int, ...]:
        """What octets of a MAP or RSI tell of, as their sender reads them."""
        if service == "MAP":
            contents = self._maps[voice].contents(octets, unit)
            return tuple(sorted(contents[1])) if contents is not None else ()
        read = self._readings[voice].decode(octets)
        if read.message is None or read.value is None:
            return ()
        keys = [(event.kind, event.id) for event in read.readers.events(read.message, read.value)]
        return tuple(sorted(self._events[key] for key in keys if key in self._events))

    def _zone(self, subject: Subject) -> np.ndarray:
        if subject not in self._of_tick:
            self._of_tick[subject] = self._members(*subject)
        return self._of_tick[subject]

    def _members(self, service: str, told: tuple[int, ...]) -> np.ndarray:
        if service == "RSI":
            return np.asarray(self._zones.event[list(told)].any(axis=0))
        if service == "RSM":
            return self._zones.sensor[told[0]] if told else np.zeros(self._stations.size, bool)
        if service == "MAP":
            return self._approaches.inside & np.isin(self._approaches.approach, told)
        inside = np.zeros(self._stations.size, bool)
        if service == ADDRESS:
            inside[[slot for slot in told if slot >= 0]] = True
            return inside
        for node in told:
            slots = self._approaches.in_zone(node)
            inside[slots[self._approaches.inside[slots]]] = True
        return inside
