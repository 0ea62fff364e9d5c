"""Transmissions of a few subframes and the runs of stations that each of them reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from sim.access.neighbours import Neighbours


@dataclass
class Sent:
    """Transmissions of a batch, one row each, in order of subframe and sender; int64 columns of equal length."""

    column: np.ndarray
    """Sender's column in :class:`sim.access.neighbours.Neighbours`."""
    slot_of_time: np.ndarray
    """Index of the subframe (slot) in the batch."""
    station_id: np.ndarray
    sequence: np.ndarray
    """With ``station_id`` the key of reception draws; the same for all transmissions of one packet."""
    shape: np.ndarray
    """Number of the allocation in the grid."""
    data_prb: np.ndarray

    def __len__(self) -> int:
        return len(self.column)

    def take(self, rows: np.ndarray) -> Sent:
        """A selection of rows."""
        return Sent(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass
class Runs:
    """Stations side by side that one transmission reaches; by population of listeners, then transmission.

    On a ring the run that crosses the seam comes as two.
    """

    sending: np.ndarray
    first: np.ndarray
    """Column of the first station."""
    count: np.ndarray
    base: np.ndarray
    """Place of the first pair in the tick's table of gains."""

    def __len__(self) -> int:
        return len(self.count)

    def take(self, rows: np.ndarray) -> Runs:
        """A selection of runs."""
        return Runs(*(getattr(self, f.name)[rows] for f in fields(self)))


def runs_of(near: Neighbours, column: np.ndarray, targets: Iterable[int], within_m: float | None = None) -> Runs:
    """Runs of the senders in ``column`` [n] towards the populations ``targets``; empty ones are left out.

    ``within_m`` cuts runs to stations that may lie so close (:meth:`Neighbours.within`), else all within reach.
    """
    parts = [_runs(near, column, b, within_m) for b in targets if b in near.inhabited]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Runs(*(np.empty(0, np.int64) for _ in fields(Runs)))
    return Runs(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Runs)))


def _runs(near: Neighbours, column: np.ndarray, b: int, within_m: float | None) -> Runs:
    first, count, base = near.run_table(b, within_m).take(column, axis=0).T
    sending = np.arange(len(column))
    if not near.ring_m:
        if count.all():
            return Runs(sending, first, count, base)
        some = np.flatnonzero(count)
        return Runs(sending[some], first[some], count[some], base[some])
    end, n = int(near.offset[b + 1]), int(near.size[b])
    beyond = np.maximum(first + count - end, 0)
    before = count - beyond
    whole = np.array([near.whole[a, b] for a in range(3)])[near.population(column)]
    after = np.where(base < 0, base, base + before - np.where(whole, n, 0))
    both = Runs(
        np.repeat(sending, 2), np.stack([first, np.full_like(first, end - n)], axis=1).ravel(),
        np.stack([before, beyond], axis=1).ravel(), np.stack([base, after], axis=1).ravel(),
    )
    return both.take(np.flatnonzero(both.count))
