"""RSI: a receiver on the path of an event, or on the way towards it, applies it."""

from __future__ import annotations

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.applications.events import EventZones
from rsu.compatibility import Reading
from sim.frames import Outcome
from sim.metrics.coverage import Coverage
from sim.receivers.base import Decoded, Delivery, Here, Newest, ended, report_coverage
from sim.receivers.zones import RSI, Zones


class RsiReceiver:
    """Applied as :func:`rsu.applications.checks.rsi_applies` says, at the receiver's own believed position.

    What is read wrongly (another datum, other octets) may name events where there are none, so receivers far from every
    true event are judged as well; else they have no use for it.
    """

    def __init__(self, zones: Zones, here: Here, reading: Reading, coverage: Coverage | None, period_ns: int,
                 newest: Newest) -> None:
        self.zones, self.here, self.coverage, self.period_ns = zones, here, coverage, period_ns
        self._applies = APPLICATIONS["RSI"]
        self._decode = Decoded(reading.decode)
        self._read = Decoded(self._event_zones)
        events = zones.world.config.events
        self._index = {(event.kind, event.id): index for index, event in enumerate(events)}
        self._tau_s = zones.world.config.measure.tau_s["RSI"]
        self.newest = newest

    def _event_zones(self, octets: bytes) -> tuple[EventZones, list[int]] | None:
        """Zones of one message and the scenario's numbers of its events; upstream paths are in the message."""
        decoded = self._decode(octets)
        if decoded.message is None or decoded.value is None:
            return None
        events = decoded.readers.events(decoded.message, decoded.value)
        known = [self._index[key] for event in events if (key := (event.kind, event.id)) in self._index]
        return EventZones(events, upstream_m=0.0), known

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, all its receivers at once."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in delivery.by_frame():
            content = self._read(octets)
            if content is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            zones, events = content
            receiver = delivery.receiver[rows]
            relevant = self.zones.near_event[events][:, receiver].any(axis=0)
            wrong = delivery.reads_wrong(frame)
            relevant |= wrong
            rows, receiver = rows[relevant], receiver[relevant]
            if not len(rows):
                continue
            applied_ns, here = delivery.applied_ns[rows], self.here
            late = (applied_ns - delivery.generated_ns[frame]) * 1e-9 > self._tau_s
            fits = self._applies(zones, here.lon[receiver], here.lat[receiver], here.heading_deg[receiver])
            applied = fits & ~late
            outcome[rows] = ended(fits, late)
            if wrong:
                self._report_heard(events, receiver, applied_ns, int(delivery.sender[frame]))
                continue
            report_coverage(
                self.coverage, self.zones.world, RSI, receiver, applied_ns, applied, int(delivery.sender[frame])
            )
            again = np.full(len(rows), bool(events))
            for event in events:
                again[applied] &= self.newest.duplicate(
                    event, receiver[applied], int(delivery.sender[frame]),
                    int(delivery.generated_ns[frame]) // self.period_ns,
                )
            outcome[rows[applied & again]] = Outcome.DUPLICATE
        return outcome

    def _report_heard(self, events: list[int], receiver: np.ndarray, applied_ns: np.ndarray, sender: int) -> None:
        """Who is near a true event received a message of it, without use."""
        near = self.zones.near_event[events][:, receiver].any(axis=0)
        report_coverage(
            self.coverage, self.zones.world, RSI, receiver[near], applied_ns[near], np.zeros(int(near.sum()), bool),
            sender,
        )
