"""Links to report: who lies within the report distance at the start of each transmission, and where its figures lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from sim.access.neighbours import Neighbours
from sim.access.sidelink.links import Runs, Sent, runs_of

if TYPE_CHECKING:
    from sim.access.sidelink.reception import Batch


class Reported:
    """Links of runs that lie within a distance at the start of their transmission, as flat arrays."""

    def __init__(
        self, near: Neighbours, batches: Sequence[Batch], runs: Runs, batch_of: np.ndarray, sent: Sent, limit_m: float
    ) -> None:
        first, width = batches[0].first, batches[0].columns
        part = np.concatenate([batch.part for batch in batches])
        sizes = np.array([len(batch.part) for batch in batches], np.int64)
        time = sent.slot_of_time[runs.sending]
        row = (np.cumsum(sizes) - sizes)[batch_of] + time
        x, y = near.positions(part, first, first + width)
        own_x, own_y = near.positions_of(sent.column[runs.sending], part[row])
        start = np.cumsum(runs.count) - runs.count
        step = np.arange(int(runs.count.sum()))
        cell = step + np.repeat(row * width + runs.first - first - start, runs.count)
        squared = _squares(x.take(cell), np.repeat(own_x, runs.count), near.ring_m)
        height = near.height_m
        column = step + np.repeat(runs.first - start, runs.count)
        squared += _squares(y.take(cell if len(y) > 1 else column - first), np.repeat(own_y, runs.count), 0.0)
        if not near.one_height:
            squared += _squares(height.take(column), np.repeat(height[sent.column[runs.sending]], runs.count), 0.0)
        near_by = squared <= np.float32(limit_m**2)
        own = start + sent.column[runs.sending] - runs.first
        own = own[(own >= start) & (own < start + runs.count)]
        near_by[own] = False
        chosen = near_by.nonzero()[0]
        edges = np.searchsorted(chosen, np.append(start, len(step)))
        self.count = np.diff(edges)
        """Links left of each run."""
        self.column = column.take(chosen)
        self.distance_m = np.sqrt(squared.take(chosen))
        self.place = chosen + np.repeat(runs.base - start, self.count)
        kinds = np.array([batch.kinds for batch in batches], np.int64)[batch_of]
        kind = np.concatenate([batch.kind for batch in batches])[runs.sending]
        address = np.array([batch.address for batch in batches], np.int64)[batch_of]
        self.data_row = address + (kind * sizes[batch_of] + time) * width
        self.control_shift = kinds * sizes[batch_of] * width
        self.cell = self.column - first


def _squares(values: np.ndarray, others: np.ndarray, ring_m: float) -> np.ndarray:
    values -= others
    if ring_m:
        turns = values * np.float32(1 / ring_m)
        np.rint(turns, out=turns)
        turns *= np.float32(ring_m)
        values -= turns
    values *= values
    return values


def together(near: Neighbours, batches: Sequence[Batch], within_m: float) -> tuple[Runs, np.ndarray, Sent]:
    """Runs of all batches within a distance with ``sending`` counted through, the batch of each, all transmissions.

    Vehicles make no runs at probes. All batches are of the same populations of listeners.
    """
    sent = Sent(*(np.concatenate([getattr(batch.sent, f.name) for batch in batches]) for f in fields(Sent)))
    runs = runs_of(near, sent.column, batches[0].targets, within_m)
    if len(runs) and int(runs.base.min()) < 0:
        runs = runs.take((runs.base >= 0).nonzero()[0])
    if np.any(runs.sending[1:] < runs.sending[:-1]):
        runs = runs.take(np.argsort(runs.sending, kind="stable"))
    batch_of = np.repeat(np.arange(len(batches)), [len(batch.sent) for batch in batches])
    return runs, batch_of[runs.sending], sent
