"""Who speaks what: the distinct profiles of a run, their flows and envelopes, and which stations follow which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rsu.messages import MESSAGE_SETS
from rsu.messages.base import MessageSet
from rsu.profile import Candidate, Profile, speaking
from sim.frames import Flow, Kind
from sim.scenario.schema import Scenario
from sim.senders.envelope import Envelope
from sim.senders.flows import MessageFlow, build_flows
from sim.world.stations import Stations


@dataclass(frozen=True, eq=False)
class Speaker:
    """Stations that send and understand the same: everybody of the places in which equal profiles hold."""

    index: int
    profile: Profile
    message_set: MessageSet
    places: tuple[int, ...]
    """Indices of jurisdictions."""
    flows: Mapping[str, MessageFlow]
    """By rule name; indices count through all speakers, equal flows share one."""
    envelopes: Mapping[Kind, Envelope]

    @property
    def vehicle_envelope(self) -> Envelope:
        """Of on-board units and carried devices."""
        return self.envelopes[Kind.VEHICLE]


class Speakers:
    """The speakers of a run in the order of its jurisdictions."""

    def __init__(self, config: Scenario, candidate: Candidate, day_two: Collection[str]) -> None:
        """``day_two``: messages of the second phase that the scenario asks for. ValueError as profiles raise it."""
        names = [one.id for one in config.corridor.jurisdictions]
        profiles, number = distinct(config, candidate)
        self.of_place = np.array([*number, 0], np.int64)
        """Speaker of each jurisdiction; the last entry is that of stations without one."""
        self.flows: list[MessageFlow] = []
        """Every flow by its index."""
        speakers = []
        for index, profile in enumerate(profiles):
            message_set = MESSAGE_SETS[profile.value("message_set")]
            flows = self._entered(build_flows(config, profile, message_set, day_two))
            envelopes = {Kind.VEHICLE: Envelope(config, profile, "obu"), Kind.RSU: Envelope(config, profile, "rsu")}
            places = tuple(place for place in range(len(names)) if number[place] == index)
            speakers.append(Speaker(index, profile, message_set, places, flows, envelopes))
        self.speakers: tuple[Speaker, ...] = tuple(speakers)

    def __len__(self) -> int:
        return len(self.speakers)

    def __getitem__(self, index: int) -> Speaker:
        return self.speakers[index]

    def _entered(self, flows: Mapping[str, MessageFlow]) -> dict[str, MessageFlow]:
        """Flows with the indices they have in the run; a flow that an earlier speaker has as well is the same one."""
        found = {}
        for name, one in flows.items():
            index = next((k for k, other in enumerate(self.flows) if _alike(one, other)), len(self.flows))
            entered = MessageFlow(replace(one.flow, index=index), one.rule)
            if index == len(self.flows):
                self.flows.append(entered)
            found[name] = entered
        return found

    def of(self, stations: Stations, slots: np.ndarray) -> np.ndarray:
        """Speaker (index) of stations: vehicles by home, others by place."""
        vehicle = stations.kind[slots] == Kind.VEHICLE
        return self.of_place[np.where(vehicle, stations.home[slots], stations.place[slots])]

    @property
    def links(self) -> Sequence[Flow]:
        """What access layers know of the flows."""
        return [one.flow for one in self.flows]


def distinct(config: Scenario, candidate: Candidate) -> tuple[list[Profile], list[int]]:
    """(profiles that differ in what is spoken or understood, index of the profile of each jurisdiction)."""
    profiles: list[Profile] = []
    voices: list[object] = []
    number = []
    for jurisdiction in config.corridor.jurisdictions:
        profile = candidate.profile(jurisdiction.id)
        if config.standards.message_set is not None:
            profile = speaking(profile, MESSAGE_SETS[config.standards.message_set])
        voice = profile.spoken()
        if voice not in voices:
            voices.append(voice)
            profiles.append(profile)
        number.append(voices.index(voice))
    return profiles, number


def _alike(one: MessageFlow, other: MessageFlow) -> bool:
    return one.rule == other.rule and replace(one.flow, index=0) == replace(other.flow, index=0)
