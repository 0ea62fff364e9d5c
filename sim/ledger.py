"""The frames under way: what was generated, until the access layer says how it ended."""

from __future__ import annotations

from operator import itemgetter

import numpy as np

COLUMNS = {
    "flow": np.int16, "sender": np.int64, "sender_place": np.int16, "sender_home": np.int16,
    "generated_ns": np.int64, "ready_ns": np.int64, "encode_ns": np.int64, "sign_ns": np.int64,
    "backhaul_ns": np.int64, "sense_ns": np.int64, "size_bytes": np.int32, "measured": np.bool_,
    "sequence": np.int64, "certificate": np.bool_, "voice": np.int8, "addressed": np.int64,
}
EVERYBODY, NOBODY = -1, -2
"""Values of the column ``addressed`` for frames that are not meant for the station in one slot alone."""


class Ledger:
    """Columns of frames keyed by frame number; memory follows the frames under way, not the run.

    ``payload`` holds the message's octets (None for synthetic frames).
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._live = np.zeros(capacity, bool)
        self._columns: dict[str, np.ndarray] = {name: np.zeros(capacity, dtype) for name, dtype in COLUMNS.items()}
        self._payload: list[bytes | None] = [None] * capacity
        self._oldest = 0
        self.next_frame = 0

    def add(self, count: int, payload: list[bytes | None], **columns: np.ndarray | int | bool) -> np.ndarray:
        """Enter ``count`` frames; returns their numbers. Every column must be given (scalar or one per frame), but
        ``addressed``: a frame is meant for everybody unless it says."""
        columns = {"addressed": EVERYBODY, **columns}
        if set(columns) != set(COLUMNS):
            raise ValueError(f"ledger columns differ: {sorted(set(columns) ^ set(COLUMNS))}")
        self._reserve(count)
        frames = np.arange(self.next_frame, self.next_frame + count)
        cells = frames & (self._capacity - 1)
        for name, values in columns.items():
            self._columns[name][cells] = values
        self._live[cells] = True
        if len(payload) != count:
            raise ValueError(f"payload holds {len(payload)} entries, must be one for each of {count} frames")
        first = self.next_frame & (self._capacity - 1)
        here = min(count, self._capacity - first)
        self._payload[first : first + here] = payload[:here]
        self._payload[: count - here] = payload[here:]
        self.next_frame += count
        return frames

    def column(self, name: str, frames: np.ndarray) -> np.ndarray:
        """Values of one column for live frames."""
        return self._columns[name][frames & (self._capacity - 1)]

    def payloads(self, frames: np.ndarray) -> list[bytes | None]:
        """Payloads of live frames."""
        cells = (frames & (self._capacity - 1)).tolist()
        return list(itemgetter(*cells)(self._payload)) if len(cells) > 1 else [self._payload[cell] for cell in cells]

    def close(self, frames: np.ndarray) -> None:
        """Forget frames that ended; ending one twice is an error of the access layer."""
        cells = frames & (self._capacity - 1)
        if not self._live[cells].all():
            raise RuntimeError("an access layer ended a frame that is not under way")
        self._live[cells] = False
        for cell in cells.tolist():
            self._payload[cell] = None

    @property
    def under_way(self) -> int:
        """Frames entered and not yet closed."""
        return int(self._live.sum())

    @property
    def measured_under_way(self) -> int:
        """Frames of the measured time that have not ended."""
        return int((self._live & self._columns["measured"]).sum())

    def _reserve(self, count: int) -> None:
        if self.next_frame - self._oldest + count <= self._capacity:
            return
        mask = self._capacity - 1
        frames = np.arange(self._oldest, self.next_frame)
        live = self._live[frames & mask]
        self._oldest = int(frames[live.argmax()]) if live.any() else self.next_frame
        needed = self.next_frame - self._oldest + count
        if needed <= self._capacity:
            return
        capacity = self._capacity
        while capacity < needed:
            capacity *= 2
        frames = np.arange(self._oldest, self.next_frame)
        old, new = frames & mask, frames & (capacity - 1)
        for name, values in self._columns.items():
            wider = np.zeros(capacity, values.dtype)
            wider[new] = values[old]
            self._columns[name] = wider
        live = np.zeros(capacity, bool)
        live[new] = self._live[old]
        payload: list[bytes | None] = [None] * capacity
        for a, b in zip(old.tolist(), new.tolist(), strict=True):
            payload[b] = self._payload[a]
        self._live, self._payload, self._capacity = live, payload, capacity
