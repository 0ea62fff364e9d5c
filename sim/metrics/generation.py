"""How often stations generate each message: messages per sender and second."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.clock import SECOND
from sim.frames import Kind
from sim.metrics.base import Batch, Context, Metric, Rows, Tick

REMEMBERED_NS = 5 * SECOND
"""Instants of generation of one unit are told apart as long as their frames end within this time."""
SENDERS = {"rsu": Kind.RSU, "vehicle": Kind.VEHICLE, "pedestrian": Kind.PEDESTRIAN}


class GenerationRate:
    """Messages generated in the measured time over the time their senders were there.

    For vehicles that is the time of all equipped vehicles on the road (sampled at ticks), whether they had cause to
    send or not; for roadside units and pedestrians the measured time of every one that sent the message at least
    once. What one unit generates of a message at one instant is one message, in however many parts it goes out.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        places = len(context.jurisdictions) + 1
        self.count = np.zeros((len(Kind), len(context.messages), places), np.int64)
        """By kind of sender, message, and place of the sender + 1 (unit: its jurisdiction) at generation."""
        self.vehicle_ns = np.zeros(places, np.int64)
        """Time of equipped vehicles by place + 1."""
        self._instants: dict[tuple[int, int, int, int], set[int]] = {}
        """(kind, message, place + 1, sender) of fixed stations -> instants of generation of late."""

    def tick(self, tick: Tick) -> None:
        """Count the equipped vehicles present."""
        stations = tick.stations
        present = stations.active & (stations.kind == Kind.VEHICLE)
        place = stations.place[present].astype(np.int64) + 1
        self.vehicle_ns += np.bincount(place, minlength=len(self.vehicle_ns)) * tick.length_ns

    def observe(self, batch: Batch) -> None:
        """Count messages whose frames ended, sent or not."""
        if not len(batch):
            return
        _, messages, places = self.count.shape
        place = batch.sender_place.astype(np.int64) + 1
        moving = batch.sender_kind == Kind.VEHICLE
        group = (Kind.VEHICLE * messages + batch.message[moving]) * places + place[moving]
        self.count += np.bincount(group, minlength=self.count.size).reshape(self.count.shape)
        fixed = np.flatnonzero(~moving)
        columns = (batch.sender_kind, batch.message, place, batch.sender, batch.generated_ns)
        for *key, made_ns in zip(*(column[fixed].tolist() for column in columns), strict=True):
            self._note(tuple(key), made_ns)

    def _note(self, key: tuple[int, ...], made_ns: int) -> None:
        """Count an instant of generation of a fixed station, unless a part generated then was counted."""
        instants = self._instants.setdefault(key, set())  # type: ignore[arg-type]
        if made_ns in instants:
            return
        instants.add(made_ns)
        self.count[key[:3]] += 1
        if len(instants) > 256:
            oldest_ns = max(instants) - REMEMBERED_NS
            instants.intersection_update([one for one in instants if one >= oldest_ns])

    def merge(self, other: GenerationRate) -> None:
        """Add the other's messages; both are taken to cover the same measured time in parts."""
        self.count += other.count
        self.vehicle_ns += other.vehicle_ns
        for key, instants in other._instants.items():
            self._instants.setdefault(key, set()).update(instants)

    def rows(self) -> Iterator[Metric]:
        """Per message and kind of sender: overall, then by the jurisdiction of the sender's place."""
        every = range(len(self.vehicle_ns))
        places = [("", list(every)), *((n, [j + 1]) for j, n in enumerate(self.context.jurisdictions))]
        for station_class, kind in SENDERS.items():
            for k, message in enumerate(self.context.messages):
                for name, chosen in places:
                    count = int(self.count[kind, k, chosen].sum())
                    time_s = self._sender_seconds(kind, k, chosen)
                    if count and time_s:
                        yield Metric(
                            "generation_rate", "Hz", "", message, name, "", station_class, value=count / time_s, n=count
                        )

    def _sender_seconds(self, kind: Kind, message: int, places: list[int]) -> float:
        if kind == Kind.VEHICLE:
            return int(self.vehicle_ns[places].sum()) / 1e9
        senders = {key[3] for key in self._instants if key[:2] == (kind, message) and key[2] in places}
        return len(senders) * (self.context.end_ns - self.context.start_ns) / 1e9

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}
