"""What a receiver does with delivered frames of one message: the Protocol and what all receivers share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from sim.frames import Kind, Outcome
from sim.metrics.coverage import Coverage
from sim.world.build import World

Content = TypeVar("Content")


@dataclass(frozen=True, eq=False)
class Delivery:
    """Frames of one message that at least one receiver decoded by radio, and the links on which they did.

    Frame columns first, one entry per frame; link columns after, ``row`` points into the frames.
    """

    octets: list[bytes]
    sender: np.ndarray
    generated_ns: np.ndarray
    row: np.ndarray
    receiver: np.ndarray
    """Station slots; vehicles, probes and, for BSM, roadside units."""
    applied_ns: np.ndarray
    """When the receiver's application has the message."""
    frame: np.ndarray | None = None
    """Numbers of the frames in the ledger."""
    start_ns: np.ndarray | None = None
    """Per frame, begin and end of the transmission."""
    end_ns: np.ndarray | None = None
    wrong: np.ndarray | None = None
    """Bool per frame: the receivers read something else than was meant, so that acting on it is a mistake; none = they
    all read what was meant."""
    foreign: bool = False
    """Whether the senders write otherwise than the receivers, so that a map may be wrong though a signal is right."""

    def reads_wrong(self, frame: int) -> bool:
        """Whether the receivers read something else in a frame than was meant."""
        return self.wrong is not None and bool(self.wrong[frame])

    def by_frame(self) -> Iterator[tuple[int, bytes, np.ndarray]]:
        """(frame, its octets, its link rows in ascending order), frame by frame."""
        order = np.argsort(self.row, kind="stable")
        edges = np.searchsorted(self.row[order], np.arange(len(self.octets) + 1))
        for frame, octets in enumerate(self.octets):
            yield frame, octets, order[edges[frame] : edges[frame + 1]]


class Receiver(Protocol):
    """Judges the deliveries of one message, stages *decoded* to *applied*."""

    def judge(self, delivery: Delivery) -> np.ndarray:
        """:class:`sim.frames.Outcome` per link, int8."""


@runtime_checkable
class FrameReceiver(Protocol):
    """Judges the frames of one message: whoever received one comes to the same verdict."""

    def judge_frames(self, octets: list[bytes], generated_ns: np.ndarray) -> np.ndarray:
        """:class:`sim.frames.Outcome` per frame, int8, for all that were sent, received by somebody or not."""


class Decoded(Generic[Content]):
    """Content by octets, the most recent ones; a message is decoded once, whoever receives it."""

    def __init__(self, read: Callable[[bytes], Content], limit: int = 4096) -> None:
        self._read, self._limit = read, limit
        self._known: OrderedDict[bytes, Content] = OrderedDict()

    def __call__(self, octets: bytes) -> Content:
        if octets in self._known:
            return self._known[octets]
        content = self._read(octets)
        self._known[octets] = content
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return content


class Here:
    """What every receiver believes of itself in the present tick (positions hold at the middle of the tick)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._place = np.full((3, world.stations.size), np.nan)
        self.time_ns = 0
        self._known = True
        units = np.array([(unit.x_m, unit.y_m) for unit in world.units], float).reshape(-1, 2)
        self._place[:2, : len(units)] = world.lonlat(units[:, 0], units[:, 1])
        probes = world.stations.probes
        self._place[:2, probes] = world.lonlat(world.probes.x_m, world.probes.y_m)
        self._place[2, probes] = world.probes.heading_deg

    def update(self) -> None:
        """A new tick: positions are taken when somebody asks for them."""
        stations = self.world.stations
        self.time_ns = (stations.tick_start_ns + stations.tick_end_ns) // 2
        self._known = False

    @property
    def lon(self) -> np.ndarray:
        """By slot, degrees; likewise the next two."""
        return self._of_tick()[0]

    @property
    def lat(self) -> np.ndarray:
        """Degrees."""
        return self._of_tick()[1]

    @property
    def heading_deg(self) -> np.ndarray:
        """Clockwise from north."""
        return self._of_tick()[2]

    def _of_tick(self) -> np.ndarray:
        if self._known:
            return self._place
        world, stations = self.world, self.world.stations
        extra = stations.size - self._place.shape[1]
        if extra > 0:
            self._place = np.concatenate([self._place, np.full((3, extra), np.nan)], axis=1)
        slots = world.vehicle_slots()
        vehicle = slots - stations.first_vehicle
        x, y = stations.position(slots, self.time_ns)
        believed = world.gnss.believed(
            slots, self.time_ns, x, y, world.fleet.speed_mps[vehicle], world.fleet.heading_deg[vehicle]
        )
        self._place[:2, stations.first_vehicle :] = np.nan
        self._place[:2, slots] = world.lonlat(believed.x_m, believed.y_m)
        self._place[2, slots] = believed.heading_deg
        self._known = True
        return self._place


def ended(fits: np.ndarray, late: np.ndarray) -> np.ndarray:
    """Outcome of messages that an application understood: ``fits`` where it would apply a fresh one, ``late`` where it
    is too old."""
    return np.where(fits, np.where(late, Outcome.STALE, Outcome.DELIVERED), Outcome.NOT_INTERPRETED)


def report_coverage(
    coverage: Coverage | None, world: World, class_index: int, slots: np.ndarray, time_ns: np.ndarray,
    useful: np.ndarray, sender: int, besides: np.ndarray | None = None,
) -> None:
    """Tell the coverage KPI that probes and vehicles in ``slots`` received a relevant message of a class.

    ``besides``: the unit, by slot of the receiver, without which the message of ``sender`` could not have been
    applied, -1 = nobody; none = nobody anywhere.
    """
    if coverage is None or not len(slots):
        return
    stations = world.stations
    probe = stations.kind[slots] == Kind.PROBE
    probes, probe_time_ns, probe_useful = slots[probe] - stations.rsu_count, time_ns[probe], useful[probe]
    coverage.received(class_index, probes, probe_time_ns, probe_useful)
    coverage.suppliers.received(
        class_index, probes, probe_time_ns, probe_useful, sender, None if besides is None else besides[probe]
    )
    vehicle = ~probe & (slots >= stations.first_vehicle)
    coverage.vehicle_received(class_index, slots[vehicle] - stations.first_vehicle, time_ns[vehicle], useful[vehicle])


class Newest:
    """Who last gave each receiver the content of a subject, and of when; finds duplicates."""

    def __init__(self, subjects: int) -> None:
        self._content_ns = np.full((subjects, 0), -1, np.int64)
        self._sender = np.full((subjects, 0), -1, np.int64)
        self.duplicates = 0

    def duplicate(self, subject: int, receiver: np.ndarray, sender: int, content_ns: int) -> np.ndarray:
        """Whether each receiver already applied content at least as new from another sender; else take note."""
        self._grow(int(receiver.max(initial=-1)) + 1)
        known = self._content_ns[subject, receiver]
        other = self._sender[subject, receiver] != sender
        again = other & (known >= content_ns)
        fresh = receiver[~again]
        self._content_ns[subject, fresh] = content_ns
        self._sender[subject, fresh] = sender
        self.duplicates += int(again.sum())
        return again

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots now."""
        self._grow(int(slots.max(initial=-1)) + 1)
        self._content_ns[:, slots] = -1
        self._sender[:, slots] = -1

    def _grow(self, slots: int) -> None:
        extra = slots - self._content_ns.shape[1]
        if extra > 0:
            tail = np.full((len(self._content_ns), max(extra, 1024)), -1, np.int64)
            self._content_ns = np.concatenate([self._content_ns, tail], axis=1)
            self._sender = np.concatenate([self._sender, tail], axis=1)
