"""Frames under way with their copies and links: begun together, ended together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.uu.packets import PARTS
from sim.frames import Outcome

LOST_ON_AIR, NEVER_SENT = int(Outcome.PROPAGATION), int(Outcome.NEVER_SENT)


class Columns:
    """A table of arrays with a growing ``id`` column, so that rows are found while others are removed."""

    def __init__(self, **empty: np.ndarray) -> None:
        self.columns = {"id": np.empty(0, np.int64), **empty}
        self.next_id = 0

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def append(self, **values: np.ndarray) -> np.ndarray:
        """Add rows; their ids. Columns left out start at 0."""
        count = len(next(iter(values.values())))
        ids = self.next_id + np.arange(count)
        self.next_id += count
        for name, column in self.columns.items():
            if name == "id":
                tail = ids
            elif name in values:
                tail = values[name]
            else:
                tail = np.zeros((count, *column.shape[1:]), column.dtype)
            self.columns[name] = np.concatenate([column, tail]).astype(column.dtype, copy=False)
        return ids

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Row numbers of ids that are there."""
        return np.searchsorted(self.columns["id"], ids)

    def split(self, leaving: np.ndarray) -> dict[str, np.ndarray]:
        """Remove rows by mask and return them."""
        gone = {name: column[leaving] for name, column in self.columns.items()}
        stay = ~leaving
        self.columns = {name: column[stay] for name, column in self.columns.items()}
        return gone


@dataclass
class Ended:
    """Frames that have ended, by end and frame number; their links frame by frame; their copies in any order."""

    frames: dict[str, np.ndarray]
    copies: dict[str, np.ndarray]
    row: np.ndarray
    """Frame of each link."""
    copy: np.ndarray
    """Copy of each link."""
    receiver: np.ndarray
    distance_m: np.ndarray


class Links:
    """Receivers of frames under way, 12 octets each: as many per frame as it says, in the order frames began."""

    def __init__(self) -> None:
        self.receiver = np.empty(0, np.int32)
        self.copy = np.empty(0, np.int32)
        """Which of its frame's copies it hangs on, from 0."""
        self.distance_m = np.empty(0, np.float32)

    def append(self, receiver: np.ndarray, copy: np.ndarray, distance_m: np.ndarray) -> None:
        """Links of frames that begin, frame by frame."""
        self.receiver = np.concatenate([self.receiver, receiver.astype(np.int32)])
        self.copy = np.concatenate([self.copy, copy.astype(np.int32)])
        self.distance_m = np.concatenate([self.distance_m, distance_m])

    def split(self, leaving: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Remove links by mask and return them."""
        gone = self.receiver[leaving], self.copy[leaving], self.distance_m[leaving]
        stay = ~leaving
        self.receiver, self.copy, self.distance_m = self.receiver[stay], self.copy[stay], self.distance_m[stay]
        return gone


class Books:
    """Who is under way: frames, one copy per downlink transmission, one link per receiver."""

    def __init__(self) -> None:
        i, f = np.empty(0, np.int64), np.empty(0)
        self.frames = Columns(
            frame=i, sender=i, sender_id=i, sequence=i, size_bytes=i, cell=i, operator=i, start_ps=i, end_ps=i,
            tick=i, links=i, first_copy=i, copies=i, left=i, sent=np.empty(0, bool),
        )
        self.copies = Columns(
            owner=i, to_cell=i, to_operator=i, receiver_id=i, outcome=np.empty(0, np.int8), end_ps=i, error_ratio=f,
            overload_ratio=f, spent_ps=np.empty((0, len(PARTS)), np.int64),
        )
        self.links = Links()

    def end_copies(
        self, ids: np.ndarray, outcome: int, end_ps: np.ndarray, spent_ps: np.ndarray,
        error_ratio: np.ndarray | float = 0.0, overload_ratio: np.ndarray | float = 0.0,
    ) -> None:
        """Copies have reached their receivers, or were lost before."""
        rows, copies = self.copies.rows(ids), self.copies.columns
        copies["outcome"][rows], copies["end_ps"][rows], copies["spent_ps"][rows] = outcome, end_ps, spent_ps
        copies["error_ratio"][rows], copies["overload_ratio"][rows] = error_ratio, overload_ratio
        frames, owner = self.frames.columns, self.frames.rows(copies["owner"][rows])
        np.subtract.at(frames["left"], owner, 1)
        np.maximum.at(frames["end_ps"], owner, end_ps)

    def end_frames(
        self, ids: np.ndarray, outcome: int, end_ps: np.ndarray, spent_ps: np.ndarray, sent: bool = True
    ) -> None:
        """Frames were lost before they became copies: all their copies are."""
        rows, frames = self.frames.rows(ids), self.frames.columns
        frames["end_ps"][rows], frames["sent"][rows] = end_ps, sent
        frames["left"][rows] -= 1
        each, copies = self.copies_of(ids)
        self.end_copies(copies, outcome, end_ps[each], spent_ps[each])

    def copies_of(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(position in ``ids``, id) of all copies of frames."""
        rows = self.frames.rows(ids)
        count = self.frames["copies"][rows]
        each = np.repeat(np.arange(len(ids)), count)
        step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        return each, self.frames["first_copy"][rows][each] + step

    def leave_server(self, ids: np.ndarray, time_ps: np.ndarray) -> None:
        """Frames are at an end for themselves; from here on their copies count."""
        rows, frames = self.frames.rows(ids), self.frames.columns
        frames["left"][rows] -= 1
        frames["end_ps"][rows] = np.maximum(frames["end_ps"][rows], time_ps)

    def ended(self, now_ps: int) -> Ended | None:
        """Remove and return frames whose last part ended before ``now_ps``; none if there are none."""
        done = (self.frames["left"] == 0) & (self.frames["end_ps"] < now_ps)
        if not done.any():
            return None
        leaving = np.repeat(done, self.frames["links"])
        of_done = done[self.frames.rows(self.copies["owner"])]
        frames, copies = self.frames.split(done), self.copies.split(of_done)
        receiver, copy, distance_m = self.links.split(leaving)
        count = frames["links"]
        first, first_copy = np.cumsum(count) - count, np.cumsum(frames["copies"]) - frames["copies"]
        order = np.lexsort((frames["frame"], frames["end_ps"] // 1000))
        frames = {name: column[order] for name, column in frames.items()}
        count, first, first_copy = count[order], first[order], first_copy[order]
        place = np.arange(int(count.sum())) + np.repeat(first - (np.cumsum(count) - count), count)
        copy = copy[place] + np.repeat(first_copy, count)
        row = np.repeat(np.arange(len(order)), count)
        return Ended(frames, copies, row, copy, receiver[place], distance_m[place])

    def first_end_ps(self) -> int | None:
        """Earliest end of a frame whose parts are all known."""
        done = self.frames["left"] == 0
        return int(self.frames["end_ps"][done].min()) if done.any() else None
