"""PSM of pedestrians: content at the exact generation instant, real octets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rsu.services.counter import MessageCounter
from rsu.services.day2.described import PersonDescription
from rsu.services.day2.psm import build_psm
from sim.clock import hashed_bits, hashed_uniform, stream, stream_key
from sim.frames import Frames
from sim.ledger import Ledger
from sim.senders.entry import enter
from sim.senders.speakers import Speaker
from sim.senders.written import Written
from sim.world.build import World

RADIUS_M = 0.5
"""Around one person (assumption)."""


class PedestrianSender:
    """Pedestrians of one speaker, each at its own phase; signed like messages of on-board units.

    Positions carry the positioning error of the scenario, as those of vehicles do. Left out: path history and plan.
    """

    def __init__(
        self, world: World, speaker: Speaker, ledger: Ledger, speaker_of_home: np.ndarray | None = None
    ) -> None:
        self.world, self.speaker, self.flow = world, speaker, speaker.flows["PSM"]
        self.message_set, self.envelope, self.ledger = speaker.message_set, speaker.vehicle_envelope, ledger
        self._written = Written(speaker.profile, world)
        flow = self.flow
        self._mine = np.ones(len(world.pedestrians), bool)
        if speaker_of_home is not None:
            self._mine = speaker_of_home[world.stations.home[world.stations.pedestrians]] == speaker.index
        people = world.pedestrians
        period_ns = flow.flow.period_ns
        self._phase_ns = (
            hashed_uniform(stream_key(world.seed, "psm", "phase"), people.station_id) * period_ns
        ).astype(np.int64)
        identifiers = hashed_bits(stream_key(world.seed, "psm", "temporary id"), people.station_id)
        self.identifiers = tuple(int(one).to_bytes(8, "big") for one in identifiers)
        self._counters = [MessageCounter.random(stream(world.seed, "count", name, "PSM")) for name in people.names]
        self._sequence = np.zeros(len(people), np.int64)

    def frames(self, start_ns: int, end_ns: int, measured: tuple[int, int]) -> Iterator[Frames]:
        """Frames generated in [start, end), at most one per person in each table."""
        period_ns = self.flow.flow.period_ns
        due_ns = start_ns + (self._phase_ns - start_ns) % period_ns
        while (now := np.flatnonzero((due_ns < end_ns) & self._mine)).size:
            yield self._generate(now, due_ns, measured)
            due_ns = due_ns + period_ns

    def _generate(self, people: np.ndarray, due_ns: np.ndarray, measured: tuple[int, int]) -> Frames:
        stations = self.world.stations
        octets = [self.message_set.encode("PSM", value) for value in self._values(people, due_ns)]
        sequence = self._sequence[people]
        self._sequence[people] += 1
        slots = people + stations.pedestrians.start
        return enter(
            self.ledger, stations, self.envelope, self.flow, slots, due_ns[people], octets, sequence, measured,
            self.speaker.index,
        )

    def _values(self, people: np.ndarray, due_ns: np.ndarray) -> Iterator[dict]:
        world = self.world
        walk, slots = world.pedestrians.at(due_ns), people + world.stations.pedestrians.start
        believed = world.gnss.believed(
            slots, due_ns[people], walk.x_m[people], walk.y_m[people], walk.speed_mps[people], walk.heading_deg[people]
        )
        sigma_m = np.where(believed.available, believed.sigma_m, np.nan)
        lon, lat = self._written.points(*world.lonlat(believed.x_m, believed.y_m))
        clock_ns = world.utc0_ns + due_ns[people] + world.clock_offset_ns[slots]
        for row, person in enumerate(people.tolist()):
            yield build_psm(
                PersonDescription(
                    self.identifiers[person], "pedestrian", float(lon[row]), float(lat[row]),
                    float(believed.speed_mps[row]), float(believed.heading_deg[row]), int(clock_ns[row]),
                    position_sigma_m=float(sigma_m[row]), radius_m=RADIUS_M,
                    crossing="" if world.pedestrians.is_along[person] else "crossing",
                ),
                counter=self._counters[person],
            )
