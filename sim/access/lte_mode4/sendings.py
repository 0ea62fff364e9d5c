"""What is sent in some subframes, and the periods that can be reserved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sim.clock import MS


def period_subframes(period_ns: int) -> int:
    """Reservation period: the largest of 20, 50, 100, 200 .. 1000 ms not above the flow's (20 if it is shorter)."""
    ms = period_ns // MS
    return 20 if ms < 50 else 50 if ms < 100 else min(1000, int(ms // 100) * 100)


@dataclass
class Sendings:
    """Transmissions of some subframes, one row each, in order of subframe and sender.

    ``process`` numbers what a receiver remembers: process x copies + ``copy``. ``gap`` is the distance in subframes to
    the other transmission of the same block (0: there is none), whose first subchannel is ``other_first``.
    """

    process: np.ndarray
    slot: np.ndarray
    subframe: np.ndarray
    announced: np.ndarray
    first: np.ndarray
    subchannels: np.ndarray
    mcs: np.ndarray
    frame: np.ndarray
    sequence: np.ndarray
    station_id: np.ndarray
    size_bytes: np.ndarray
    pool: np.ndarray
    gap: np.ndarray
    other_first: np.ndarray
    copy: np.ndarray

    def __len__(self) -> int:
        return len(self.process)

    def take(self, rows: np.ndarray) -> Sendings:
        """A selection of rows."""
        return Sendings(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Sendings]) -> Sendings:
        """All rows in order."""
        if len(parts) == 1:
            return parts[0]
        return Sendings(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Sendings)))
