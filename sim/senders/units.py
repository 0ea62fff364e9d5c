"""All roadside units of a run, speaker by speaker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy

import simpy

from rsu.profile import Candidate
from sim.access.base import AccessLayer
from sim.backhaul import Backhaul
from sim.clock import ns_from_ms
from sim.frames import Frames, Kind
from sim.ledger import Ledger
from sim.scenario.schema.layout import RoadsideEvent
from sim.senders.envelope import Envelope
from sim.senders.roadside import RoadsideSenders
from sim.senders.sensing import Sensing
from sim.senders.speakers import Speakers
from sim.world.build import World
from sim.world.sites import RoadsideUnit


class AllUnits:
    """The senders of all units; each unit's own messages come from exactly one of them."""

    def __init__(
        self, env: simpy.Environment, world: World, speakers: Speakers, candidate: Candidate, ledger: Ledger,
        access: AccessLayer, *, begin_ns: int, measured: tuple[int, int],
    ) -> None:
        self.world = world
        self.sensing: dict[int, Sensing] = {unit.index: Sensing(world, unit) for unit in world.units if unit.sensor}
        for unit in world.units:
            if unit.twin_of in self.sensing:
                self.sensing[unit.index] = copy(self.sensing[unit.twin_of])
        self.backhaul = Backhaul(world) if world.config.layout.backhaul != "constant" else None
        knows = _exchange(candidate, tuple(one.id for one in world.corridor.config.jurisdictions))
        twin_delay_ns = 0 if candidate.gateway is None else ns_from_ms(candidate.gateway.delay_ms)
        self.own = [
            RoadsideSenders(
                env, world, speaker, ledger, access.submit, begin_ns=begin_ns, measured=measured,
                frame_limit_bytes=access.largest_frame_bytes(Kind.RSU),
                units=[unit for unit in world.units if int(speakers.of_place[unit.jurisdiction]) == speaker.index],
                sensing=self.sensing, backhaul=self.backhaul, knows=knows, twin_delay_ns=twin_delay_ns,
            )
            for speaker in speakers.speakers
        ]
        """By speaker."""

    def __iter__(self) -> Iterator[RoadsideSenders]:
        return iter(self.own)

    def start(self) -> None:
        """Begin every service of every unit."""
        for senders in self:
            senders.start()

    def of(self, unit: RoadsideUnit) -> RoadsideSenders:
        """Who sends what a unit says."""
        return next(senders for senders in self.own if unit in senders.units)

    def nodes_of(self, unit: RoadsideUnit) -> list[int]:
        """Nodes whose MAP and SPAT a unit sends."""
        return self.of(unit).nodes_of(unit)

    def events_of(self, unit: RoadsideUnit) -> dict[str, list[RoadsideEvent]]:
        """Events that a unit announces, by rule."""
        return self.of(unit).events_of(unit)

    def sends(self) -> dict[int, list[int]]:
        """Flow index -> slots of the units that send it again and again."""
        found: dict[int, list[int]] = {}
        for senders in self.own:
            for flow, units in senders.sends().items():
                found[flow] = sorted({*found.get(flow, []), *units})
        return found

    @property
    def left_out_objects(self) -> int:
        """Objects for which no RSM was left, in the measured time."""
        return sum(senders.left_out_objects for senders in self.own)

    @property
    def envelope(self) -> Envelope:
        """Of the first speaker."""
        return self.own[0].envelope

    def hand_over(self, submit: Callable[[Frames], None], begin_ns: int) -> None:
        """Give frames to somebody else than the access layer, from ``begin_ns`` on."""
        for senders in self:
            senders.submit, senders.begin_ns = submit, begin_ns

    def warnings(self) -> list[str]:
        """Events that no unit announces."""
        told = {
            id(event) for senders in self.own for unit in senders.units if "RSI" in unit.services
            for events in senders.events_of(unit).values() for event in events
        }
        return [
            f"{event.kind} {event.id} ({event.from_m:g} to {event.to_m:g} m, {event.direction}): no unit announces it; "
            f"units count from announce_within_m upstream to the end of its path"
            for event in self.world.config.events if id(event) not in told
        ]


def _exchange(candidate: Candidate, names: tuple[str, ...]) -> Callable[[int, int], int | None]:
    """What platforms know of each other's roads: ns of delay by (from, to) jurisdiction, None = nothing."""

    def knows(from_place: int, to_place: int) -> int | None:
        if from_place == to_place or from_place < 0 or to_place < 0:
            return 0
        if candidate.relays.missing(names[from_place], names[to_place]):
            return None
        return ns_from_ms(candidate.relays.delay_ms(names[from_place], names[to_place]))

    return knows


def border_places(world: World) -> list[tuple[float, int, int]]:
    """(chainage, jurisdiction before, jurisdiction after) of every border, in direction up."""
    names = world.corridor.jurisdiction_ids

    def index(name: str) -> int:
        return names.index(name) if name in names else -1

    return [(float(b.chainage_m), index(b.from_id), index(b.to_id)) for b in world.corridor.borders]
