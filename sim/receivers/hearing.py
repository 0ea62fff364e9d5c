"""What receivers that read alike know, and what they make of messages written alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rsu.compatibility import Reading
from sim.frames import Flow
from sim.metrics.coverage import Coverage
from sim.receivers.awareness import AwarenessReceiver
from sim.receivers.base import FrameReceiver, Here, Newest, Receiver
from sim.receivers.events import RsiReceiver
from sim.receivers.objects import RsmReceiver
from sim.receivers.signals import MapReceiver, NodeMaps, SpatReceiver
from sim.receivers.zones import Zones
from sim.world.approaches import Approaches
from sim.world.build import World

Told = Callable[[int], Sequence[int]]
"""Slot of a unit -> nodes (indices) that it sends MAP and SPAT of."""


class Applied:
    """Who applied what from whom already, whatever way it was written: finds duplicates."""

    def __init__(self, world: World) -> None:
        network = world.network
        self.newest = {
            "MAP": Newest(len(network.approaches)), "SPAT": Newest(len(network.node_ids)),
            "RSI": Newest(len(world.config.events)),
        }

    def forget(self, slots: object) -> None:
        """Other stations stand in these slots."""
        for newest in self.newest.values():
            newest.forget(slots)  # type: ignore[arg-type]

    def counts(self, services: Sequence[str]) -> dict[str, int]:
        """Duplicates so far by class, of the classes that are sent."""
        return {f"duplicates {name}": newest.duplicates for name, newest in self.newest.items() if name in services}


class Hearing:
    """Receivers by message, and the maps they know.

    A receiver keeps maps that were written otherwise apart: a signal counts together with a map of the same kind of
    sender only.
    """

    def __init__(
        self, world: World, here: Here, approaches: Approaches, zones: Zones, flows: Sequence[Flow], reading: Reading,
        coverage: Coverage | None, applied: Applied, told: Told,
    ) -> None:
        self.reading = reading
        self.maps = NodeMaps(world, reading, here, approaches, told)
        self.objects = RsmReceiver(zones, here, reading, coverage)
        period_ns = {flow.service: flow.period_ns for flow in reversed(flows)}
        newest = applied.newest
        classes: dict[str, Receiver | FrameReceiver] = {
            "BSM": AwarenessReceiver(reading, here, world.config.plausibility), "RSM": self.objects,
        }
        if "MAP" in period_ns:
            classes["MAP"] = MapReceiver(self.maps, period_ns["MAP"], newest["MAP"])
        if "SPAT" in period_ns:
            classes["SPAT"] = SpatReceiver(self.maps, reading, coverage, newest["SPAT"])
        if "RSI" in period_ns:
            classes["RSI"] = RsiReceiver(zones, here, reading, coverage, period_ns["RSI"], newest["RSI"])
        self.receivers: dict[str, Receiver] = {}
        self.frame_receivers: dict[str, FrameReceiver] = {}
        self.listen({flow.message: classes[flow.service] for flow in flows if flow.service in classes})

    def listen(self, receivers: Mapping[str, Receiver | FrameReceiver]) -> None:
        """Add receivers by message."""
        for message, receiver in receivers.items():
            if isinstance(receiver, FrameReceiver):
                self.frame_receivers[message] = receiver
            else:
                self.receivers[message] = receiver

    def begin_tick(self) -> None:
        """Positions moved."""
        self.maps.begin_tick()
        self.objects.begin_tick()
