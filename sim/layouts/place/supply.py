"""What units at candidate poles would send, and in which cells it matters: the simulator's own senders and receivers.

A run is built with a unit at every pole. Its units send for a second or two with traffic on the road but without radio;
then the simulator's receivers judge each message as if every probe had heard it. So it is the simulator that says which
node's MAP and SPAT a pole relays, which events it announces, how long its packets are, and in which cells they apply.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import simpy

from sim.clock import SECOND
from sim.engine import Engine
from sim.frames import Frames
from sim.layouts.place.poles import Pole, layout_of
from sim.metrics import CLASSES
from sim.metrics.coverage import Coverage
from sim.receivers.base import Delivery
from sim.receivers.events import RsiReceiver
from sim.receivers.hearing import Applied
from sim.receivers.objects import RsmReceiver
from sim.receivers.signals import NodeMaps, SpatReceiver
from sim.receivers.zones import RSI, RSM, SPAT_MAP
from sim.scenario.loader import LoadedScenario
from sim.scenario.schema.layout import RoadsideEvent

_AFTER_NS = SECOND // 5
"""Beyond the longest period, so that relayed and late messages are seen too."""


@dataclass
class Stream:
    """One periodic message of one unit."""

    unit: int
    """Index of the pole."""
    service: str
    """MAP, SPAT, RSI or RSM."""
    period_s: float
    size_bytes: np.ndarray
    """Different sizes of its packets at the top of the access layer, ascending."""
    share: np.ndarray
    """Share of the packets that have each of these sizes."""
    cells: np.ndarray
    """Probes (indices) for which it is relevant, ascending."""
    useful: np.ndarray
    """Share of the packets that each of them would apply if it heard them."""


@dataclass
class Supply:
    """Everything the model needs of a scenario beside propagation."""

    engine: Engine
    """Built with a unit at every pole, not run; units come first among the stations, then probes."""
    streams: list[Stream]
    zone: np.ndarray
    """[classes, probes]: share of the measured time during which the cell lies in the zone of the class."""
    measured_s: float
    notes: list[str] = field(default_factory=list)


def supply_of(loaded: LoadedScenario, poles: list[Pole]) -> Supply:
    """Build the run and listen to its units; ValueError where the scenario has no probes to measure coverage with."""
    config = loaded.config
    if not config.measure.probes:
        raise ValueError("measure.probes: false: coverage is measured by probes; switch them on")
    if config.corridor.topology == "ring":
        raise ValueError("corridor.topology: ring: no probes stand on a ring, so there is no coverage to plan for")
    lasting = [event.model_copy(update={"start_s": 0.0, "end_s": None}) for event in config.events]
    layout = layout_of(config.layout, poles, "every pole")
    layout = layout.model_copy(update={"sites": [pole.site for pole in poles]})
    engine = Engine(replace(loaded, config=config.model_copy(update={"layout": layout, "events": lasting})))
    heard = _listen(engine)
    measured_s = (engine.to_ns - engine.from_ns) / SECOND
    zone = _zones(engine, config.events)
    return Supply(engine, heard.streams(), zone, measured_s)


def _listen(engine: Engine) -> _Listener:
    """Let the units send, from t = 0, while vehicles drive."""
    listener = _Listener(engine)
    roadside, env = engine.roadside, engine.env
    roadside.hand_over(listener.take, 0)
    engine.world.start(0)
    engine.world.signals.run(env)
    env.process(_traffic(engine, listener))
    roadside.start()
    longest_ns = max(flow.flow.period_ns for flow in engine.flows.values() if flow.flow.service in _SERVICES)
    ticks = -(-(longest_ns + _AFTER_NS) // engine.tick_ns)
    env.run(until=ticks * engine.tick_ns + 1)
    return listener


_SERVICES = ("MAP", "SPAT", "RSI", "RSM")


def _traffic(engine: Engine, listener: _Listener) -> Generator[simpy.Event, Any, None]:
    while True:
        now_ns = int(engine.env.now)
        listener.judge_objects()
        engine.world.step(now_ns, now_ns + engine.tick_ns)
        for part in (engine.here, engine.approaches, engine.zones):
            part.update()
        yield engine.env.timeout(engine.tick_ns)


class _Told(Coverage):
    """Notes which probes a message is relevant for, and who applies it."""

    def received(
        self, class_index: int, probes: np.ndarray, time_ns: np.ndarray | int, useful: np.ndarray
    ) -> None:
        self.relevant = np.asarray(probes)
        self.applied = np.asarray(useful, bool)

    def clear(self) -> None:
        self.relevant, self.applied = np.empty(0, np.int64), np.empty(0, bool)


@dataclass
class _Heard:
    """Packets of one stream so far."""

    octets: bytes
    generated_ns: int
    lengths: list[int]
    """Octets of each message."""
    relevant: np.ndarray | None = None
    """Times each probe was told something relevant, and times it applied it."""
    applied: np.ndarray | None = None
    judged: int = 0


class _Listener:
    """Takes what the units send and asks the receivers about it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        world, reading = engine.world, engine.pipeline.listeners.groups[0].reading
        coverage = engine.kpis.get("coverage")
        if not isinstance(coverage, Coverage):
            raise ValueError("the coverage KPI is not measured")
        self.told = _Told(coverage.context)
        newest = Applied(world).newest
        self.maps = NodeMaps(world, reading, engine.here, engine.approaches)
        self.signals = SpatReceiver(self.maps, reading, self.told, newest["SPAT"])
        period_ns = {flow.flow.service: flow.flow.period_ns for flow in reversed(engine.flows.values())}
        self.events = RsiReceiver(
            engine.zones, engine.here, reading, self.told, period_ns.get("RSI", SECOND), newest["RSI"]
        )
        self.objects = RsmReceiver(engine.zones, engine.here, reading, self.told)
        self.by_index = {flow.flow.index: flow.flow for flow in engine.flows.values()}
        self.rules = {flow.flow.index: flow.rule for flow in engine.flows.values()}
        self.certificates: dict[int, list[bool]] = {}
        """Flow -> which of its packets, of all units, carried the full certificate."""
        probes = world.stations.probes
        self.probes = np.arange(probes.start, probes.stop)
        self.heard: dict[tuple[int, int, int], _Heard] = {}
        self._objects: list[tuple[tuple[int, int, int], bytes, int]] = []

    def take(self, frames: Frames) -> None:
        """A batch of frames of one unit, as the access layer would get it."""
        ledger = self.engine.ledger
        octets, full = ledger.payloads(frames.frame), ledger.column("certificate", frames.frame)
        for i, content in enumerate(octets):
            flow = self.by_index[int(frames.flow[i])]
            if flow.service not in _SERVICES or content is None:
                continue
            key = int(frames.sender[i]), flow.index, int(frames.stream[i])
            made_ns = int(frames.generated_ns[i])
            self.heard.setdefault(key, _Heard(content, made_ns, [])).lengths.append(len(content))
            with_certificate = self.certificates.setdefault(flow.index, [])
            with_certificate.append(bool(full[i]))
            if flow.service == "RSM":
                self._objects.append((key, content, made_ns))
        ledger.close(frames.frame)

    def judge_objects(self) -> None:
        """Objects are judged against the vehicles of the tick in which they were told."""
        if not self._objects:
            return
        self.objects.begin_tick()
        for key, content, made_ns in self._objects:
            self._ask(self.objects, key, content, made_ns)
        self._objects = []

    def _ask(self, receiver: Any, key: tuple[int, int, int], content: bytes, made_ns: int) -> None:
        count = len(self.probes)
        self.told.clear()
        receiver.judge(Delivery(
            [content], np.array([key[0]]), np.array([made_ns]), np.zeros(count, np.int64), self.probes,
            np.full(count, made_ns, np.int64),
        ))
        found = self.heard[key]
        if found.relevant is None or found.applied is None:
            found.relevant, found.applied = np.zeros(count), np.zeros(count)
        found.judged += 1
        found.relevant[self.told.relevant] += 1
        found.applied[self.told.relevant[self.told.applied]] += 1

    def streams(self) -> list[Stream]:
        """All streams with the cells they matter in; those that matter nowhere are left out."""
        self.maps.begin_tick()
        for (_, number, _), found in self.heard.items():
            if self.by_index[number].service == "MAP":
                self.maps.contents(found.octets)
        self.maps.heard_ns[:, self.probes] = int(self.engine.env.now)
        streams = []
        for key, found in sorted(self.heard.items()):
            flow = self.by_index[key[1]]
            if flow.service == "MAP":
                cells, useful = self._map_cells(found.octets)
            else:
                if flow.service != "RSM":
                    self._ask(self.signals if flow.service == "SPAT" else self.events, key, found.octets,
                              found.generated_ns)
                if found.relevant is None or found.applied is None:
                    continue
                cells = np.flatnonzero(found.relevant)
                useful = found.applied[cells] / found.relevant[cells]
            if len(cells):
                period_s = flow.period_ns / SECOND
                sizes, share = self._sizes(key[1], found.lengths)
                streams.append(Stream(key[0], flow.service, period_s, sizes, share, cells, useful))
        return streams

    def _sizes(self, flow: int, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """(sizes, shares) of packets with such messages.

        Which packets of a unit carry the certificate follows from the phases of its services, which differ from seed to
        seed; so the share of those that do is taken over the flow at all poles.
        """
        length = np.repeat(np.array(lengths, np.int64), 2)
        full = np.tile([False, True], len(lengths))
        size = self.engine.roadside.envelope.frame_bytes(length, self.rules[flow], full)
        with_certificate = float(np.mean(self.certificates[flow]))
        weight = np.where(full, with_certificate, 1.0 - with_certificate) / len(lengths)
        sizes, place = np.unique(size[weight > 0], return_inverse=True)
        return sizes, np.bincount(place, weight[weight > 0], len(sizes))

    def _map_cells(self, octets: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Probes on the links that a MAP tells of, and whether they find their true lane in it."""
        contents = self.maps.contents(octets)
        if contents is None:
            return np.empty(0, np.int64), np.empty(0)
        nodes, links = contents
        approach = self.engine.approaches.approach[self.probes]
        cells = np.flatnonzero(np.isin(approach, sorted(links)))
        right = np.zeros(len(self.probes), bool)
        for node in nodes:
            right |= self.maps.right(node)[self.probes]
        return cells, right[cells].astype(float)


def _zones(engine: Engine, events: list[RoadsideEvent]) -> np.ndarray:
    """Share of the measured time in which each probe lies in the zone of each class."""
    probes = engine.world.stations.probes
    zones = engine.zones
    share = np.zeros((len(CLASSES), len(engine.world.probes)))
    share[SPAT_MAP] = engine.approaches.any_zone()[probes]
    if len(zones.sensor):
        share[RSM] = zones.sensor[:, probes].any(axis=0)
    for index, event in enumerate(events):
        end_ns = engine.to_ns if event.end_s is None else min(round(event.end_s * SECOND), engine.to_ns)
        lasts_ns = max(0, end_ns - max(round(event.start_s * SECOND), engine.from_ns))
        part = lasts_ns / max(1, engine.to_ns - engine.from_ns)
        share[RSI] = np.maximum(share[RSI], part * zones.event[index, probes])
    return share
