"""VIR to RSC: vehicles on the way to a node ask its unit, which answers each of them after its planning time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import simpy

from rsu.services.counter import MessageCounter
from rsu.services.day2.described import Intention, VehicleAdvice
from rsu.services.day2.rsc import build_rsc
from rsu.services.day2.vir import build_vir
from sim.clock import SECOND, hashed_uniform, ns_from_ms, stream, stream_key
from sim.frames import Frames
from sim.ledger import NOBODY
from sim.metrics.round_trips import RoundTrip, RoundTrips, Transit
from sim.senders.entry import enter
from sim.senders.intentions import intention_of
from sim.senders.roadside import Process, RoadsideSenders
from sim.senders.vehicles import VehicleSender
from sim.world.approaches import Approaches
from sim.world.build import FIRST_VEHICLE_ID
from sim.world.sites import RoadsideUnit

ADVICE_LIFE_S = 5.0
"""How long an advice holds (assumption)."""
FIRST_SEQUENCE = 1 << 32
"""Sequence numbers of VIR, far from those of the vehicle's own message: draws of receptions stay apart."""
_KEPT_NS = 2 * SECOND
"""Answers are remembered this much longer than the longest request."""


@dataclass
class Request:
    """An open request of one vehicle."""

    slot: int
    station_id: int
    approach: int
    unit: RoadsideUnit
    deadline_ns: int
    first_ns: int
    sent_count: int = 0
    pending: list[tuple[Transit, Transit]] = field(default_factory=list)
    """(answered VIR, RSC) as heard so far; an RSC may be applied a little later than it is known here."""
    over: bool = False

    def answer_by(self, time_ns: int) -> tuple[Transit, Transit] | None:
        """The first RSC applied by then, with the VIR that it answers."""
        known = [pair for pair in self.pending if pair[1].applied_ns <= min(time_ns, self.deadline_ns)]
        return min(known, key=lambda pair: pair[1].applied_ns, default=None)


class Answer(NamedTuple):
    """An RSC that a unit has decided to send."""

    generated_ns: int
    request: Transit


class Coordination:
    """Requests of vehicles and answers of units.

    A vehicle asks once per approach to a node whose unit offers RSC: it repeats its VIR every period of the rule, from
    a phase of its own inside the tick in which it came within ``distance_m``, until an RSC that carries its temporary
    id is applied, ``timeout_ms`` are over, or it has passed the stop line. The unit answers ``planning_ms`` after it
    applied a VIR that names it; what it hears meanwhile from that vehicle adds nothing, what it hears after the answer
    went out is answered again. Planning itself is not modelled: the answer confirms what the vehicle intends.
    """

    def __init__(
        self, roadside: RoadsideSenders, vehicles: VehicleSender, catch_up: Callable[[int], None],
        log: RoundTrips | None,
    ) -> None:
        """``catch_up(now)`` advances the radio, so that what was applied by now is known here."""
        self.roadside, self.ledger = roadside, roadside.ledger
        self.speaker, self.message_set = roadside.speaker, roadside.message_set
        self.envelope, self._slots = roadside.speaker.vehicle_envelope, vehicles.slots
        world = self.world = roadside.world
        self.env: simpy.Environment = roadside.env
        self._identifiers, self._catch_up, self._log = vehicles.temporary_ids, catch_up, log
        settings = world.config.coordination
        self.share = settings.share
        self.timeout_ns, self.planning_ns = ns_from_ms(settings.timeout_ms), ns_from_ms(settings.planning_ms)
        self.utc0_ns = world.utc0_ns
        self.vir, self.rsc = roadside.flows["VIR"], roadside.flows["RSC"]
        self.zone = Approaches(world, settings.distance_m)
        self.units = {unit.node: unit for unit in roadside.units if unit.node is not None and "RSC" in unit.services}
        self._unit_id = {unit.index: roadside.described(unit).unit_id for unit in self.units.values()}
        self._counter = {unit.index: roadside.counter(unit, "RSC") for unit in self.units.values()}
        self._last_use_ns: dict[int, list[int]] = {unit.index: [] for unit in self.units.values()}
        self._keys = {what: stream_key(world.seed, "coordination", what) for what in ("asks", "phase")}
        self._inside: dict[int, int] = {}
        self._open: dict[int, Request] = {}
        self._vehicle_counters: dict[int, tuple[MessageCounter, int]] = {}
        self._planned: dict[tuple[int, bytes], Answer] = {}
        self._answers: dict[tuple[int, bytes, int], Transit] = {}

    # -- vehicles ----------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        """Take the positions of the new tick: who came near asks, who has gone through or away stops."""
        self.zone.update()
        slots = self._slots()
        station, approach = self.world.stations.station_id[slots], self.zone.approach[slots]
        asks = hashed_uniform(self._keys["asks"], station) < self.share
        near = np.flatnonzero((approach >= 0) & asks)
        inside = dict(zip(station[near].tolist(), approach[near].tolist(), strict=True))
        in_time = now_ns < self.roadside.measured[1]
        for request in list(self._open.values()):
            if inside.get(request.station_id) != request.approach:
                self._close(request, now_ns, "left" if in_time else "ended")
        if in_time:
            for slot, station_id in zip(slots[near].tolist(), station[near].tolist(), strict=True):
                if self._inside.get(station_id) != inside[station_id]:
                    self._begin(slot, station_id, inside[station_id], now_ns)
        self._inside = inside
        self._forget(now_ns)

    def _begin(self, slot: int, station_id: int, approach: int, now_ns: int) -> None:
        unit = self.units.get(self.world.network.approaches[approach].node)
        if unit is None:
            return
        tick_ns = self.world.stations.tick_end_ns - self.world.stations.tick_start_ns
        phase = float(hashed_uniform(self._keys["phase"], np.array([station_id]), np.array([approach]))[0])
        first_ns = now_ns + int(phase * tick_ns)
        request = Request(slot, station_id, approach, unit, first_ns + self.timeout_ns, first_ns)
        self._open[station_id] = request
        self.env.process(self._ask(request))

    def _ask(self, request: Request) -> Process:
        yield self.env.timeout(request.first_ns - int(self.env.now))
        while not request.over:
            now_ns = int(self.env.now)
            self._catch_up(now_ns)
            if request.answer_by(now_ns) is not None or now_ns >= request.deadline_ns:
                self._close(request, now_ns, "timeout")
                return
            if now_ns >= self.roadside.measured[1]:
                return
            self.roadside.submit(self._frames(request, now_ns))
            yield self.env.timeout(min(self.vir.flow.period_ns, request.deadline_ns - now_ns))

    def _close(self, request: Request, now_ns: int, otherwise: str) -> None:
        """The request is over: answered by now, else as ``otherwise`` says."""
        if request.over:
            return
        request.over = True
        self._open.pop(request.station_id, None)
        pair = request.answer_by(now_ns)
        if self._log is not None and request.sent_count:
            self._log.add(RoundTrip(
                request.first_ns, request.station_id - FIRST_VEHICLE_ID, request.unit.id, request.sent_count,
                otherwise if pair is None else "answered", *(pair or ()),
            ))

    def finish(self, now_ns: int) -> None:
        """The run is over; requests that are still open end with it."""
        for request in list(self._open.values()):
            self._close(request, now_ns, "ended")

    def _frames(self, request: Request, now_ns: int) -> Frames:
        slot = np.array([request.slot])
        known = self._vehicle_counters.get(request.station_id)
        if known is None:
            name = str(request.station_id)
            known = MessageCounter.random(stream(self.world.seed, "count", name, "VIR")), FIRST_SEQUENCE
        counter, sequence = known
        self._vehicle_counters[request.station_id] = counter, sequence + 1
        request.sent_count += 1
        intention = self.roadside.datum.intention(intention_of(
            self.world, request.slot, now_ns, self.identifiers(slot)[0], request.approach,
            int(self.zone.lane[request.slot]), self._unit_id[request.unit.index],
        ))
        octets = self.message_set.encode("VIR", build_vir(intention, counter=counter))
        return enter(
            self.ledger, self.world.stations, self.envelope, self.vir, slot, np.array([now_ns]), [octets],
            np.array([sequence]), self.roadside.measured, self.speaker.index,
            addressed=request.unit.index,
        )

    def _forget(self, now_ns: int) -> None:
        """Drop what nobody will ask for again."""
        oldest_ns = now_ns - self.timeout_ns - _KEPT_NS
        self._planned = {key: one for key, one in self._planned.items() if one.generated_ns >= oldest_ns}
        self._answers = {key: one for key, one in self._answers.items() if key[2] >= oldest_ns}
        stations = self.world.stations
        if len(stations.changed):
            present = set(stations.station_id[self.world.vehicle_slots()].tolist())
            self._vehicle_counters = {key: one for key, one in self._vehicle_counters.items() if key in present}

    # -- what receivers tell (sim.receivers.coordination.Parties) ------------------------------------------------

    def identifiers(self, slots: np.ndarray) -> list[bytes]:
        """Temporary ids of the vehicles in these slots, empty for other stations."""
        first = self.world.stations.first_vehicle
        numbers = self._identifiers(slots).tolist()
        return [
            number.to_bytes(8, "big") if slot >= first else b""
            for slot, number in zip(slots.tolist(), numbers, strict=True)
        ]

    def names(self, unit: int, intention: Intention) -> bool:
        """Whether a VIR names a unit of these."""
        own = self._unit_id.get(unit)
        return own is not None and any(request.to_unit == own for request in intention.requests)

    def asked(self, unit: int, intention: Intention, transit: Transit) -> bool:
        """A station applied a VIR; true for a unit that it names, which plans its answer."""
        if not self.names(unit, intention):
            return False
        key = (unit, intention.vehicle.vehicle_id)
        planned = self._planned.get(key)
        if planned is None or transit.applied_ns > planned.generated_ns:
            generated_ns = max(transit.applied_ns + self.planning_ns, int(self.env.now))
            self._planned[key] = Answer(generated_ns, transit)
            self.env.process(self._answer(unit, intention, generated_ns, transit))
        return True

    def told(self, vehicle: int, unit: int, transit: Transit) -> None:
        """A vehicle applied an RSC that carries its id."""
        station_id = int(self.world.stations.station_id[vehicle])
        request = self._open.get(station_id)
        identifier = self.identifiers(np.array([vehicle]))[0]
        answered = self._answers.get((unit, identifier, transit.generated_ns))
        if request is not None and answered is not None and request.unit.index == unit \
                and answered.generated_ns >= request.first_ns:
            request.pending.append((answered, transit))

    # -- units -------------------------------------------------------------------------------------------------

    def _answer(self, unit: int, intention: Intention, generated_ns: int, transit: Transit) -> Process:
        yield self.env.timeout(generated_ns - int(self.env.now))
        roadside, vehicle = self.roadside, intention.vehicle.vehicle_id
        site = self.world.units[unit]
        self._answers[unit, vehicle, generated_ns] = transit
        advice = VehicleAdvice(
            vehicle, intention.behaviour, ADVICE_LIFE_S if intention.behaviour else None, guidance=intention.plan
        )
        values = build_rsc(
            roadside.described(site), [advice], counter=self._counter[unit],
            generated_utc_ns=roadside.clock_ns(site, generated_ns),
        )
        octets = [self.message_set.encode("RSC", value) for value in values]
        roadside.emit(
            site, self.rsc, octets, first_stream=self._free_stream(unit, generated_ns),
            addressed=self._slot_of(vehicle),
        )

    def _slot_of(self, identifier: bytes) -> int:
        """Where the vehicle with a temporary id is, if it is still there."""
        slots = self._slots()
        found = slots[self._identifiers(slots) == np.uint64(int.from_bytes(identifier, "big"))]
        return int(found[0]) if len(found) else NOBODY

    def _free_stream(self, unit: int, now_ns: int) -> int:
        """A stream of the unit's RSC that has had no frame for a period: answers never replace each other."""
        last_use_ns = self._last_use_ns[unit]
        period_ns = self.rsc.flow.period_ns
        for stream_index, last_ns in enumerate(last_use_ns):
            if now_ns - last_ns >= period_ns:
                last_use_ns[stream_index] = now_ns
                return stream_index
        last_use_ns.append(now_ns)
        return len(last_use_ns) - 1
