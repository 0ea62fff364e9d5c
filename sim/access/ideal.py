"""A radio without losses: every frame reaches everyone within the report distance 1 ms after it was ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.bystanders import within
from sim.access.waiting import WaitingFrames
from sim.clock import MS, NEVER
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Radio


class Ideal:
    """Reference for closed forms: air time 1 ms, no interference, no half duplex, CBR 0.

    Takes the same arguments as the other layers; those it has no use for are ignored.
    """

    def __init__(
        self,
        radio: Radio,
        flows: list[Flow],
        stations: Stations,
        seed: int,
        ring_length_m: float | None = None,
        report_distance_m: float = 500.0,
        scene: Scene | None = None,
    ) -> None:
        self.ring_m = ring_length_m or stations.ring_m
        self.report_distance_m = report_distance_m
        self.waiting = WaitingFrames()
        self._done = 0
        self._slots = np.empty(0, np.int64)

    def submit(self, frames: Frames) -> None:
        """Queue frames; ValueError if one was ready before the time already done."""
        self.waiting.add(frames, self._done)

    def next_due_ns(self) -> int:
        """End of the next millisecond while something waits; ``NEVER`` if idle."""
        return (self._done + 1) * MS if len(self.waiting) else NEVER

    def stations_changed(self, stations: Stations) -> None:
        """Remember who is active (for :meth:`busy_ratio`)."""
        self._slots = np.flatnonzero(stations.active)

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Deliver every frame whose millisecond has ended by ``now_ns``."""
        self._done = max(self._done, now_ns // MS)
        frames, at = self.waiting.until(self._done)
        present = stations.active[frames.sender] & (stations.station_id[frames.sender] == frames.sender_id)
        sender = np.where(present, frames.sender, -1)
        start = at * MS
        row, receiver, distance = within(stations, sender, start, self.report_distance_m, self.ring_m)
        outcome = np.full(len(row), Outcome.DELIVERED, np.int8)
        nothing = np.full(len(row), np.nan, np.float32)
        return Receptions(
            frames.frame, frames.sender, start, np.where(present, start + MS, start), present, row, receiver, distance,
            outcome, outcome.copy(), nothing, nothing.copy(),
        )

    def largest_frame_bytes(self, sender: Kind) -> int:
        """No limit of its own: 65535 octets."""
        return 65_535

    def counts(self) -> dict[str, int]:
        """Nothing to count."""
        return {}

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(active slots, 0)."""
        return self._slots, np.zeros(len(self._slots))

    def provenance(self) -> dict[str, str]:
        """What stands behind the results."""
        return {"access": f"ideal: no losses within {self.report_distance_m:g} m, 1 ms on air"}
