"""Transmissions of Mode 2 as columns; reservation periods, reselection counters, reasons to select."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from sim.clock import MS

PROCESSING_SLOTS = (1, 1, 2)
"""T_proc0: what was sent in the last slots before a trigger is not known yet (TS 38.214 table 8.1.4-1)."""
SELECTION_SLOTS = (3, 5, 9)
"""T_proc1, and T3: how long before its use a resource is looked at again (TS 38.214 table 8.1.4-2)."""

class Cause(IntEnum):
    """Why resources were selected."""

    FIRST = 0
    COUNTER = 1
    SIZE = 2
    BUDGET = 3
    MISSED = 4
    """Too many reserved opportunities stayed unused."""
    CONFLICT = 5
    """Another transport block of the station took the slot and the next opportunity is too late."""
    APERIODIC = 6
    """The flow reserves no period: every packet selects."""
    REEVALUATION = 7
    """Dropped out of the candidates before its first use."""
    PREEMPTION = 8
    """A more urgent reservation took an announced resource."""


def reservation_period_ms(period_ns: int) -> int:
    """Reservation period: the largest of 1 .. 99, 100, 200 .. 1000 ms not above the flow's (1 if it is shorter)."""
    ms = max(1, period_ns // MS)
    return int(ms) if ms < 100 else min(1000, int(ms // 100) * 100)


def counter_range(period_ms: int) -> tuple[int, int]:
    """Least and largest reselection counter: 5 .. 15, more for periods below 100 ms (TS 38.321 clause 5.22.1.1)."""
    times = 1 if period_ms >= 100 else -(-100 // max(20, period_ms))
    return 5 * times, 15 * times


@dataclass
class Sendings:
    """Transmissions of some slots, one row each, in order of slot and sender."""

    process: np.ndarray
    copy: np.ndarray
    """Which of the packet's copies, 0 for the first."""
    slot: np.ndarray
    """Station slot of the sender."""
    at: np.ndarray
    """Slot of the carrier."""
    announced: np.ndarray
    """Period in slots that the SCI announces, 0 for none."""
    first: np.ndarray
    subchannels: np.ndarray
    mcs: np.ndarray
    frame: np.ndarray
    sequence: np.ndarray
    station_id: np.ndarray
    size_bytes: np.ndarray
    pool: np.ndarray
    priority: np.ndarray
    ahead_at: np.ndarray
    """Slots of the packet's further copies that the SCI announces, [n, repetitions], -1 for none."""
    ahead_first: np.ndarray
    """Their first subchannels."""

    def __len__(self) -> int:
        return len(self.process)

    def take(self, rows: np.ndarray) -> Sendings:
        """A selection of rows."""
        return Sendings(*(getattr(self, name)[rows] for name in Sendings.__dataclass_fields__))

    @staticmethod
    def in_order(parts: list[Sendings]) -> Sendings:
        """All rows, part after part."""
        names = Sendings.__dataclass_fields__
        return parts[0] if len(parts) == 1 else Sendings(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
        )

    @staticmethod
    def joined(parts: list[Sendings]) -> Sendings:
        """All rows in order of slot, then sender."""
        one = Sendings.in_order(parts)
        return one.take(np.lexsort((one.process, one.slot, one.at))) if len(parts) > 1 else one
