"""The second application phase of a run (T/CSAE 157-2020): which of its services take part, all in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import simpy

from rsu.compatibility import Reading
from rsu.messages.base import MessageSet
from sim.clock import MS, ns_from_ms
from sim.frames import Frames, Kind
from sim.ledger import Ledger
from sim.metrics import Kpi
from sim.metrics.round_trips import RoundTrips
from sim.pipeline import Pipeline
from sim.receivers.base import FrameReceiver, Receiver
from sim.scenario.schema import Scenario
from sim.senders.flows import DAY_TWO_SENDERS, day_two_messages, speaks
from sim.world.sites import RoadsideUnit

if TYPE_CHECKING:
    from sim.senders.coordination import Coordination
    from sim.senders.day2 import DayTwoServices
    from sim.senders.pedestrians import PedestrianSender
    from sim.senders.roadside import RoadsideSenders
    from sim.senders.vehicles import VehicleSender

ROADSIDE = tuple(name for name, kind in DAY_TWO_SENDERS.items() if kind == Kind.RSU)


def asked_for(config: Scenario, units: list[RoadsideUnit]) -> list[str]:
    """Messages of the second phase that a scenario with these units asks for."""
    services = {name for unit in units for name in unit.services}
    at_nodes = {name for unit in units if unit.node is not None for name in unit.services}
    return day_two_messages(config, services, at_nodes)


def silent(config: Scenario, units: list[RoadsideUnit], message_set: MessageSet) -> list[str]:
    """What a scenario asks for and this run leaves out, one warning line each."""
    services = {name for unit in units for name in unit.services}
    asked = [name for name in ROADSIDE if name in services] + (["PSM of pedestrians"] if config.pedestrians else [])
    missing = [name for name in asked if not speaks(message_set, name.split()[0])]
    lines = []
    if missing:
        lines.append(f"{', '.join(missing)}: not with message set {message_set.name}, these services stay silent")
    if not speaks(message_set, "RSC"):
        return lines
    away = [unit.id for unit in units if "RSC" in unit.services and unit.node is None]
    if away:
        lines.append(f"RSC at {', '.join(away)}: serves no node, so it coordinates nobody")
    return lines


class SecondPhase:
    """Services of the second phase of one speaker that have a flow; most runs have none, and nothing here does anything
    then."""

    def __init__(
        self, env: simpy.Environment, roadside: RoadsideSenders, vehicles: VehicleSender, ledger: Ledger,
        kpis: Mapping[str, Kpi], catch_up: Callable[[int], None], speaker_of_home: np.ndarray | None = None,
    ) -> None:
        """``speaker_of_home``: as of :class:`sim.senders.vehicles.VehicleSender`."""
        self.env, self.ledger, self.speaker = env, ledger, roadside.speaker
        self.flows = flows = roadside.flows
        self.world = world = roadside.world
        self.services: DayTwoServices | None = None
        self.pedestrians: PedestrianSender | None = None
        self.coordination: Coordination | None = None
        if "C157-SSM" in flows or "RTCM" in flows:
            from sim.senders.day2 import DayTwoServices

            self.services = DayTwoServices(roadside)
        if "PSM" in flows:
            from sim.senders.pedestrians import PedestrianSender

            self.pedestrians = PedestrianSender(world, self.speaker, ledger, speaker_of_home)
        if "VIR" in flows and "RSC" in flows:
            from sim.senders.coordination import Coordination

            log = kpis.get("round_trips")
            self.coordination = Coordination(
                roadside, vehicles, catch_up, log if isinstance(log, RoundTrips) else None,
            )

    def start(self) -> None:
        """Begin the periodic services."""
        if self.services is not None:
            self.services.start()

    def tick(self, now_ns: int) -> None:
        """Take the positions of the new tick."""
        if self.coordination is not None:
            self.coordination.tick(now_ns)

    def frames(self, start_ns: int, end_ns: int, measured: tuple[int, int]) -> Iterator[Frames]:
        """What pedestrians generate in [start, end)."""
        if self.pedestrians is not None:
            yield from self.pedestrians.frames(start_ns, end_ns, measured)

    def receivers(
        self, reading: Reading, speaking: Sequence[SecondPhase], *, act: bool
    ) -> dict[str, Receiver | FrameReceiver]:
        """By message; C157-SSM has the receiver of its class. ``speaking``: the second phases of all speakers;
        ``act``: units answer what these receivers apply (not those of a view, whose answers are those of the run)."""
        found: dict[str, Receiver | FrameReceiver] = {}
        if "RTCM" in self.flows or "PSM" in self.flows:
            from sim.receivers.day2 import psm_receiver, rtcm_receiver

            found = {
                "RTCM": rtcm_receiver(reading, self.world.utc0_ns),
                "PSM": psm_receiver(reading, self.world.utc0_ns),
            }
        if self.coordination is not None:
            from sim.receivers.coordination import AllParties, RscReceiver, Stages, VirReceiver

            config = self.world.config
            processing = config.processing
            verify_ms = processing.verify_ms if config.security.enabled else 0
            after_ms = (verify_ms, processing.decode_ms, processing.apply_ms)
            stages = Stages(self.ledger, *(ns_from_ms(one) for one in after_ms))
            parties = AllParties([one.coordination for one in speaking if one.coordination is not None], act=act)
            found["VIR"] = VirReceiver(reading, parties, stages)
            found["RSC"] = RscReceiver(reading, parties, stages)
        return {message: receiver for message, receiver in found.items() if message in self.flows}

    def step_ns(self, pipeline: Pipeline) -> int | None:
        """The radio must be followed in steps no longer than this, so that no answer is late; None = by ticks.

        A radio that works in blocks (T1 of Mode 4) tells what ended up to a block later.
        """
        if self.coordination is None:
            return None
        block_ns = ns_from_ms(self.world.config.radio.mode4.t1_ms)
        after_ns = pipeline.verify_ns + pipeline.decode_ns + pipeline.apply_ns
        return max(MS, self.coordination.planning_ns + after_ns - block_ns)

    def finish(self, now_ns: int) -> None:
        """The run is over."""
        if self.coordination is not None:
            self.coordination.finish(now_ns)

    def counters(self) -> dict[str, int]:
        """Counts of the measured time, only of services that took part."""
        if self.services is None or "C157-SSM" not in self.flows:
            return {}
        return {"objects left out of C157-SSM": self.services.left_out_objects}
