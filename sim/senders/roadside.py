"""What roadside units send: one SimPy process per unit and service, each at its own phase."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import simpy

from rsu.services import SERVICES
from rsu.services.base import Content
from rsu.services.counter import MessageCounter
from rsu.services.described import UnitDescription
from sim.backhaul import Backhaul, constant_ns
from sim.clock import SECOND, stream
from sim.frames import Frames, Kind
from sim.ledger import EVERYBODY, Ledger
from sim.scenario.schema.layout import RoadsideEvent
from sim.senders.flows import MessageFlow
from sim.senders.sensing import Sensing
from sim.senders.speakers import Speaker
from sim.senders.written import Written
from sim.world.build import World
from sim.world.described import event_description, forecast, node_geometry
from sim.world.sites import RoadsideUnit

Process = Generator[simpy.Event, Any, None]


def everything_known(from_place: int, to_place: int) -> int | None:
    """Platforms of all jurisdictions exchange what they know without delay."""
    return 0


class RoadsideSenders:
    """Units of one speaker; ``submit`` hands frames to the access layer."""

    def __init__(
        self, env: simpy.Environment, world: World, speaker: Speaker, ledger: Ledger,
        submit: Callable[[Frames], None], *, begin_ns: int, measured: tuple[int, int], frame_limit_bytes: int,
        units: Sequence[RoadsideUnit], sensing: Mapping[int, Sensing], backhaul: Backhaul | None = None,
        knows: Callable[[int, int], int | None] = everything_known, twin_delay_ns: int = 0,
    ) -> None:
        """``knows(a, b)``: ns until the platform of jurisdiction b has what a's knows, None = never. ``twin_delay_ns``:
        how much later twins say what their partners say."""
        self.env, self.world, self.speaker = env, world, speaker
        self.flows, self.message_set = speaker.flows, speaker.message_set
        self.services = SERVICES[speaker.message_set.family]
        self.envelope = speaker.envelopes[Kind.RSU]
        self.ledger, self.submit = ledger, submit
        self.begin_ns, self.measured = begin_ns, measured
        self.units, self.sensing, self.knows, self.twin_delay_ns = list(units), sensing, knows, twin_delay_ns
        self.datum = Written(speaker.profile, world)
        self.backhaul_ns, self.backhaul = constant_ns(world.config), backhaul
        self.max_bytes = {
            name: self.envelope.message_limit(flow.rule, frame_limit_bytes, world.config.roadside.max_message_bytes)
            for name, flow in self.flows.items()
        }
        self.left_out_objects = 0
        self._sequence = np.zeros(len(world.units), np.int64)

    def start(self) -> None:
        """Begin every service of every unit."""
        for unit in self.units:
            nodes = self.nodes_of(unit)
            if "MAP" in unit.services and nodes:
                self.env.process(self._map(unit, nodes))
            if "SPAT" in unit.services and nodes:
                self.env.process(self._spat(unit, nodes))
            if "RSI" in unit.services:
                for name, events in self.events_of(unit).items():
                    self.env.process(self._rsi(unit, events, self.flows[name]))
            if unit.index in self.sensing:
                if unit.twin_of is None:
                    self.env.process(self.sensing[unit.index].run(self.env, self.begin_ns))
                if "RSM" in unit.services:
                    self.env.process(self._rsm(unit))

    def sends(self) -> dict[int, list[int]]:
        """Flow index -> slots of the units that send it again and again."""
        found: dict[int, list[int]] = {}
        first = {flow.rule.service: name for name, flow in reversed(list(self.flows.items()))}
        for unit in self.units:
            nodes, senses = self.nodes_of(unit), unit.index in self.sensing
            able = {"MAP": nodes, "SPAT": nodes, "RSM": senses, "C157-SSM": senses, "RTCM": True}
            names = [first.get(service, service) for service in able if service in unit.services and able[service]]
            names += list(self.events_of(unit)) if "RSI" in unit.services else []
            for name in names:
                if name in self.flows:
                    found.setdefault(self.flows[name].flow.index, []).append(unit.index)
        return found

    def nodes_of(self, unit: RoadsideUnit) -> list[int]:
        """Its own node, or the next downstream node of each direction within the layout's relay range."""
        if unit.node is not None:
            return [unit.node]
        chainage_m = np.asarray(self.world.corridor.node_chainage_m, float)
        reach_m = self.world.config.layout.relay_range_m
        found = []
        own = self.speaks_for(unit).jurisdiction
        known = np.array([self.knows(place, own) is not None for place in self._place_of_node], bool)
        for direction, ahead_m in (("up", chainage_m - unit.chainage_m), ("down", unit.chainage_m - chainage_m)):
            near = np.flatnonzero((ahead_m > 0) & (ahead_m <= reach_m) & known)
            if len(near) and direction in self.world.network.main:
                found.append(int(near[np.argmin(ahead_m[near])]))
        return sorted(set(found))

    def events_of(self, unit: RoadsideUnit) -> dict[str, list[RoadsideEvent]]:
        """Events whose path lies within reach downstream of the unit, or around it, by the rule they follow."""
        chosen: dict[str, list[RoadsideEvent]] = {}
        own = self.speaks_for(unit).jurisdiction
        for event in self.world.config.events:
            if event.direction == "up":
                near = event.from_m - event.announce_within_m <= unit.chainage_m <= event.to_m
            else:
                near = event.from_m <= unit.chainage_m <= event.to_m + event.announce_within_m
            if near and self.knows(self.place_of(event), own) is not None:
                rule = self.services.event_rule(event.kind, event.period_class)
                chosen.setdefault(rule, []).append(event)
        return chosen

    def place_of(self, event: RoadsideEvent) -> int:
        """Jurisdiction (index) whose platform knows an event first: where its path begins."""
        at_m = event.from_m if event.direction == "up" else event.to_m
        return int(self.world.corridor.place_at(np.array([at_m]))[0])

    @cached_property
    def _place_of_node(self) -> list[int]:
        return [int(self.world.corridor.place_at(np.array([at]))[0]) for at in self.world.corridor.node_chainage_m]

    def _known_later_ns(self, unit: RoadsideUnit, place: int) -> int:
        return self.knows(place, self.speaks_for(unit).jurisdiction) or 0

    def speaks_for(self, unit: RoadsideUnit) -> RoadsideUnit:
        """The unit itself, or the partner of a twin."""
        return unit if unit.twin_of is None else self.world.units[unit.twin_of]

    def _map(self, unit: RoadsideUnit, nodes: list[int]) -> Process:
        flow = self._flow_of("MAP")
        geometry = [self.datum.node(node_geometry(self.world, node)) for node in nodes]
        octets = self._encoded(self.services.maps(
            geometry, counter=self.counter(unit, "MAP"), encode=self.message_set.encode,
            max_bytes=self.max_bytes[flow.rule.name], unit=self.described(unit),
        ))
        yield from self.each_period(unit, flow, "MAP")
        while True:
            self.emit(unit, flow, octets)
            yield self.env.timeout(flow.flow.period_ns)

    def _spat(self, unit: RoadsideUnit, nodes: list[int]) -> Process:
        flow = self._flow_of("SPAT")
        counter = self.counter(unit, "SPAT")
        relays = unit.node is None
        described = self.described(unit)
        yield from self.each_period(unit, flow, "SPAT")
        while True:
            now_ns = int(self.env.now)
            content = self.services.signals(
                [forecast(self.world, node, now_ns) for node in nodes], counter=counter,
                generated_utc_ns=self.clock_ns(unit, now_ns), unit=described,
            )
            octets = self._encoded(content)
            if relays and self.backhaul is not None:
                self.env.process(self._relayed(self.backhaul, unit, flow, nodes, octets))
            else:
                later_ns = max(self._known_later_ns(unit, self._place_of_node[node]) for node in nodes)
                self.emit(unit, flow, octets, backhaul_ns=self.backhaul_ns + later_ns if relays else 0)
            yield self.env.timeout(flow.flow.period_ns)

    def _relayed(
        self, backhaul: Backhaul, unit: RoadsideUnit, flow: MessageFlow, nodes: list[int], octets: list[bytes]
    ) -> Process:
        generated_ns = int(self.env.now)
        arrived = yield from backhaul.relay(self.env, unit, nodes, sum(map(len, octets)))
        if arrived:
            self.emit(unit, flow, octets, generated_ns=generated_ns)

    def _rsi(self, unit: RoadsideUnit, events: list[RoadsideEvent], flow: MessageFlow) -> Process:
        counter = self.counter(unit, f"RSI {flow.rule.name}")
        described = self.described(unit)
        descriptions = [self.datum.event(event_description(self.world, event)) for event in events]
        later_s = [self._known_later_ns(unit, self.place_of(event)) / SECOND for event in events]
        present: list[int] | None = None
        octets: list[bytes] = []
        yield from self.each_period(unit, flow, flow.rule.name)
        while True:
            now_s = int(self.env.now) / SECOND
            active = [
                k for k, e in enumerate(events)
                if e.start_s + later_s[k] <= now_s and (e.end_s is None or now_s < e.end_s + later_s[k])
            ]
            if active != present:
                present = active
                octets = self._encoded(self.services.events(
                    described, [descriptions[k] for k in active], counter=counter,
                    generated_utc_ns=self.clock_ns(unit, int(self.env.now)), encode=self.message_set.encode,
                    max_bytes=self.max_bytes[flow.rule.name],
                ))
            self.emit(unit, flow, octets)
            yield self.env.timeout(flow.flow.period_ns)

    def _rsm(self, unit: RoadsideUnit) -> Process:
        flow = self._flow_of("RSM")
        counter = self.counter(unit, "RSM")
        described, sensing = self.described(unit), self.sensing[unit.index]
        junction = self.datum.point(sensing.junction())
        yield from self.each_period(unit, flow, "RSM")
        while True:
            now_ns = int(self.env.now)
            objects = sensing.newest(now_ns)
            told, with_sensor = sensing.told(objects, now_ns, flow.rule.inclusion)
            if objects is not None and told is not None:
                batch = self.services.objects(
                    described, self.datum.detected(sensing.detected(told)), counter=counter,
                    generated_utc_ns=self.clock_ns(unit, now_ns), junction=junction,
                    max_messages=self.world.config.roadside.rsm_max_messages, with_sensor_information=with_sensor,
                )
                if self.measured[0] <= now_ns < self.measured[1]:
                    self.left_out_objects += batch.left_out_count
                octets = [self.message_set.encode(batch.message, value) for value in batch.values]
                self.emit(unit, flow, octets, sense_ns=now_ns - objects.sampled_ns)
            yield self.env.timeout(flow.flow.period_ns)

    def _flow_of(self, service: str) -> MessageFlow:
        """The flow of a service class that has one rule; of several the first."""
        return next(flow for flow in self.flows.values() if flow.rule.service == service)

    def _encoded(self, content: list[Content]) -> list[bytes]:
        return [self.message_set.encode(message, value) for message, value in content]

    def each_period(self, unit: RoadsideUnit, flow: MessageFlow, name: str) -> Process:
        """Wait for the own phase of a service."""
        phase = stream(self.world.seed, "phase", unit.id, name).random()
        wait_ns = max(self.begin_ns - int(self.env.now), 0) + int(phase * flow.flow.period_ns)
        yield self.env.timeout(wait_ns + (0 if unit.twin_of is None else self.twin_delay_ns))

    def emit(self, unit: RoadsideUnit, flow: MessageFlow, octets: Sequence[bytes], *, backhaul_ns: int = 0,
             sense_ns: int = 0, first_stream: int = 0, generated_ns: int | None = None,
             addressed: int = EVERYBODY) -> None:
        """Send messages generated now; each goes in a periodic stream of its own, counted from ``first_stream``.

        ``generated_ns`` is for messages that took from then until now to reach the unit, ``addressed`` the slot of the
        only station that they are meant for.
        """
        if not octets:
            return
        now_ns, count = int(self.env.now), len(octets)
        if unit.twin_of is not None:
            backhaul_ns += self.twin_delay_ns
            generated_ns = (now_ns if generated_ns is None else generated_ns) - self.twin_delay_ns
        made_ns = now_ns if generated_ns is None else generated_ns
        ready_ns = now_ns + backhaul_ns + self.envelope.encode_ns + self.envelope.sign_ns
        backhaul_ns += now_ns - made_ns
        length = np.fromiter(map(len, octets), np.int64, count)
        sender = np.full(count, unit.index)
        full = np.array([self.envelope.full_certificate(unit.index, now_ns, flow.rule) for _ in range(count)], bool)
        size = self.envelope.frame_bytes(length, flow.rule, full)
        sequence = self._sequence[unit.index] + np.arange(count)
        self._sequence[unit.index] += count
        frame = self.ledger.add(
            count, list(octets), flow=flow.flow.index, sender=sender, voice=self.speaker.index,
            sender_place=self.speaks_for(unit).jurisdiction, sender_home=unit.jurisdiction,
            generated_ns=made_ns, ready_ns=ready_ns, encode_ns=self.envelope.encode_ns,
            sign_ns=self.envelope.sign_ns, backhaul_ns=backhaul_ns, sense_ns=sense_ns, size_bytes=size,
            measured=self.measured[0] <= made_ns < self.measured[1], sequence=sequence, certificate=full,
            addressed=addressed,
        )
        self.submit(Frames(
            frame, sender, np.full(count, unit.station_id), sequence, np.full(count, flow.flow.index),
            first_stream + np.arange(count), np.full(count, made_ns), np.full(count, ready_ns), size,
        ))

    def clock_ns(self, unit: RoadsideUnit, now_ns: int) -> int:
        """What the unit's clock shows, ns since 1970."""
        return self.world.utc0_ns + now_ns + int(self.world.clock_offset_ns[unit.index])

    def counter(self, unit: RoadsideUnit, name: str) -> MessageCounter:
        """A new msgCnt of a service."""
        return MessageCounter.random(stream(self.world.seed, "count", unit.id, name))

    def described(self, unit: RoadsideUnit) -> UnitDescription:
        """The unit as its messages tell it."""
        lon, lat = self.world.lonlat(np.array([unit.x_m]), np.array([unit.y_m]))
        identity = stream(self.world.seed, "unit id", unit.id).bytes(8)
        return self.datum.unit(UnitDescription(identity, float(lon[0]), float(lat[0]), None))
