"""The access-layer Protocol: MAC, PHY and channel of one candidate radio. Knows stations and frames, nothing above."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sim.frames import Frames, Kind, Receptions
from sim.world.stations import Stations


class AccessLayer(Protocol):
    """Driven by a clock, or by a plain ``while`` loop in a test.

    Contract: nothing arrives before it was sent; a sender never hears itself; every submitted frame ends exactly once
    (a row in some batch's frame columns), sent or dropped with ``NEVER_SENT``; equal seeds give equal results; the
    split of ``advance`` calls does not matter; a lone sender close by is always heard.
    """

    def submit(self, frames: Frames) -> None:
        """Queue frames; ``ready_ns`` may lie in the future, never before the time already advanced to."""

    def next_due_ns(self) -> int:
        """When it next has something to decide; ``NEVER`` if idle."""

    def stations_changed(self, stations: Stations) -> None:
        """A new traffic tick began: positions moved, ``stations.changed`` slots hold other stations."""

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Do everything due up to and including ``now_ns`` (not past the tick's end); return what ended."""

    def largest_frame_bytes(self, sender: Kind) -> int:
        """Longest frame that a station of this type can send at all; services split their messages by it."""

    def counts(self) -> dict[str, int]:
        """What happened so far, by name (selections by cause, …)."""

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots, CBR) of active stations over the last 100 ms, by the radio's own definition."""

    def provenance(self) -> dict[str, str]:
        """Models and tables in use: name -> source, for summary.json."""
