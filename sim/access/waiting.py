"""Frames that are not ready yet, in order of the subframe they become ready in."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from sim.clock import MS
from sim.frames import Frames


class WaitingFrames:
    """A queue by time; equal times keep the order of frame numbers. Times are subframes of 1 ms, or slots of
    ``slot_ns``."""

    def __init__(self, slot_ns: int = MS) -> None:
        self._slot_ns = slot_ns
        self._new: list[Frames] = []
        self._sorted = Frames.concatenate([])
        self._columns: list[np.ndarray] = []
        self._subframe = np.empty(0, np.int64)
        self._taken = 0

    def __len__(self) -> int:
        return sum(map(len, self._new)) + len(self._sorted) - self._taken

    def add(self, frames: Frames, done: int) -> None:
        """Queue frames; ValueError if one is ready before subframe ``done`` starts (it could not have been seen)."""
        if not len(frames):
            return
        early = frames.ready_ns < done * self._slot_ns
        if early.any():
            at = int(frames.ready_ns[early][0])
            now = done * self._slot_ns
            raise ValueError(f"frames: ready_ns {at} lies before {now}, to which the access layer has advanced")
        self._new.append(frames)

    def first_subframe(self) -> int | None:
        """First subframe in which a frame becomes ready; none if nothing waits."""
        times = [int((-(-frames.ready_ns // self._slot_ns)).min()) for frames in self._new]
        if self._taken < len(self._subframe):
            times.append(int(self._subframe[self._taken]))
        return min(times, default=None)

    def until(self, subframe: int) -> tuple[Frames, np.ndarray]:
        """Frames ready for a subframe before ``subframe``, and the first subframe that starts at or after each.

        The columns are views: not to be written to.
        """
        if self._new:
            self._merge()
        end = int(self._subframe.searchsorted(subframe))
        part = slice(self._taken, end)
        self._taken = end
        if not self._columns:
            return self._sorted, self._subframe
        return Frames(*[column[part] for column in self._columns]), self._subframe[part]

    def _merge(self) -> None:
        """Sort new frames in among those that still wait."""
        rest = np.arange(self._taken, len(self._sorted))
        merged = Frames.concatenate([self._sorted.take(rest), *self._new])
        at = -(-merged.ready_ns // self._slot_ns)
        order = np.lexsort((merged.frame, at))
        self._sorted, self._subframe = merged.take(order), at[order]
        self._columns = [getattr(self._sorted, f.name) for f in fields(Frames)]
        self._new, self._taken = [], 0
