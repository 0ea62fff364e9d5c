"""Who accepts what: groups of receivers alike, and what each group makes of each kind of sender, for one candidate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rsu.compatibility import Content, Reading, header_known
from rsu.geodesy import epoch_year
from rsu.profile import Candidate
from sim.frames import Kind
from sim.metrics.coverage import Coverage
from sim.receivers.base import Here
from sim.receivers.coverage_of import CoverageOf
from sim.receivers.hearing import Applied, Hearing, Told
from sim.receivers.zones import Zones
from sim.scenario.schema import Scenario
from sim.senders.speakers import Speakers, distinct
from sim.stages.verification import Verification
from sim.world.approaches import Approaches
from sim.world.build import World


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What receivers of every group share."""

    world: World
    here: Here
    approaches: Approaches
    zones: Zones
    told: Told


@dataclass(frozen=True, eq=False)
class Group:
    """Homes whose stations read and trust alike; units belong to the group of their place."""

    index: int
    homes: tuple[int, ...]
    """Indices of jurisdictions; the first stands for all."""
    reading: Reading


class Listeners:
    """Groups of one candidate, and their :class:`sim.receivers.hearing.Hearing` of each speaker.

    Senders whose payloads a group reads exactly as they were meant share one hearing, ``foreign`` ones have their own.
    With one profile everywhere there is one group and one hearing.
    """

    def __init__(
        self, config: Scenario, candidate: Candidate, speakers: Speakers, around: Surroundings,
        coverage: Coverage | None, listen: Callable[[Hearing], None] | None = None,
    ) -> None:
        """``listen`` adds further receivers to each new hearing."""
        world = around.world
        self.speakers, self.around = speakers, around
        self.names = tuple(one.id for one in config.corridor.jurisdictions)
        self.stations = world.stations
        self.verification = Verification(config, candidate, self.names, world.stations, world.seed)
        year = epoch_year(world.utc0_ns)
        profiles, number = distinct(config, candidate)
        alike: dict[tuple[object, ...], list[int]] = {}
        for home in range(len(self.names)):
            alike.setdefault((number[home], *_trusted(candidate, self.names, home)), []).append(home)
        readings = [Reading(profile, year) for profile in profiles]
        self.groups = [
            Group(index, tuple(homes), readings[number[homes[0]]]) for index, homes in enumerate(alike.values())
        ]
        self.group_of_place = np.zeros(len(self.names) + 1, np.int64)
        for group in self.groups:
            self.group_of_place[list(group.homes)] = group.index
        senders = [Reading(speaker.profile, year) for speaker in speakers.speakers]
        self._content = {
            (group.index, voice): Content(sender, group.reading)
            for group in self.groups for voice, sender in enumerate(senders)
        }
        trivial = all(content.trivial for content in self._content.values())
        self.simple = len(self.groups) == 1 and len(speakers) == 1 and trivial
        """Everybody reads everything as it was meant."""
        self.header_known = np.array([
            [[header_known(speaker.profile, group.reading.profile, flow.rule) for flow in speakers.flows]
             for speaker in speakers.speakers] for group in self.groups
        ], bool).reshape(len(self.groups), len(speakers), len(speakers.flows))
        """[group, speaker, flow]."""
        self.applied = Applied(world)
        self._hearings: dict[tuple[int, int], Hearing] = {}
        self._coverage = [CoverageOf.group(coverage, group.homes, self.groups[0] is group) for group in self.groups] \
            if len(self.groups) > 1 else [coverage]
        self._listen = listen or (lambda hearing: None)

    def content(self, group: int, voice: int) -> Content | None:
        """How a group reads a speaker's payloads; None where it reads them all as they were meant."""
        content = self._content[group, voice]
        return None if content.trivial else content

    def hearing(self, group: int, voice: int) -> Hearing:
        """Receivers of a group for what a speaker sends."""
        key = group, voice if self.content(group, voice) is not None else -1
        if key not in self._hearings:
            around = self.around
            hearing = Hearing(
                around.world, around.here, around.approaches, around.zones, self.speakers.links,
                self.groups[group].reading, self._coverage[group], self.applied, around.told,
            )
            self._listen(hearing)
            hearing.begin_tick()
            self._hearings[key] = hearing
        return self._hearings[key]

    def group_of(self, slots: np.ndarray) -> np.ndarray:
        """Group of each station: vehicles by home, others by place."""
        stations = self.stations
        vehicle = stations.kind[slots] == Kind.VEHICLE
        return self.group_of_place[np.where(vehicle, stations.home[slots], stations.place[slots])]

    def home_of(self, slots: np.ndarray, group: int) -> np.ndarray:
        """Jurisdiction whose trust list each station has: a vehicle's home, a unit's place; of probes that of the
        group."""
        stations = self.stations
        vehicle = stations.kind[slots] == Kind.VEHICLE
        home = np.where(vehicle, stations.home[slots], stations.place[slots])
        return np.where((stations.kind[slots] == Kind.PROBE) | (home < 0), self.groups[group].homes[0], home)

    def begin_tick(self) -> None:
        """Positions moved, and ``stations.changed`` slots hold other stations."""
        changed = self.stations.changed
        for hearing in self._hearings.values():
            hearing.begin_tick()
        self.applied.forget(changed)
        if not self.verification.trivial:
            self.verification.forget(changed)


def _trusted(candidate: Candidate, names: tuple[str, ...], home: int) -> list[object]:
    """What a home's stations accept of each issuer."""
    def root(place: str) -> str:
        return str(candidate.profile(place).effective("security.root"))

    return [candidate.trust.state(names[home], issuer, root(names[home]), root(issuer)) for issuer in names]
