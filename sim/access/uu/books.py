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
    """Frames that have ended, sorted by end and frame number, with copies (``frame_row``) and links (``copy_row``)."""

    frames: dict[str, np.ndarray]
    copies: dict[str, np.ndarray]
    links: dict[str, np.ndarray]
    frame_of: np.ndarray
    """``frames`` row k was number ``frame_of[k]`` of them to begin."""
    frame_row: np.ndarray
    copy_row: np.ndarray

    def links_by_frame(self) -> np.ndarray:
        """Order of links that puts them frame by frame; they stand so already, but in the order of beginning."""
        begun = np.empty(len(self.frame_of), np.int64)
        begun[self.frame_of] = np.arange(len(self.frame_of))
        count = np.bincount(begun[self.frame_row[self.copy_row]], minlength=len(begun))
        first = np.cumsum(count) - count
        count, first = count[self.frame_of], first[self.frame_of]
        return np.arange(int(count.sum())) + np.repeat(first - (np.cumsum(count) - count), count)


class Books:
    """Who is under way: frames, one copy per downlink transmission, one link per receiver."""

    def __init__(self) -> None:
        i, f = np.empty(0, np.int64), np.empty(0)
        self.frames = Columns(
            frame=i, sender=i, sender_id=i, sequence=i, size_bytes=i, cell=i, operator=i, start_ps=i, end_ps=i,
            first_copy=i, copies=i, left=i, sent=np.empty(0, bool),
        )
        self.copies = Columns(
            owner=i, to_cell=i, to_operator=i, receiver_id=i, outcome=np.empty(0, np.int8), end_ps=i, error_ratio=f,
            overload_ratio=f, spent_ps=np.empty((0, len(PARTS)), np.int64),
        )
        self.links = Columns(copy=i, receiver=i, receiver_id=i, distance_m=np.empty(0, np.float32))

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
        ids = self.frames["id"][done]
        of_done = done[self.frames.rows(self.copies["owner"])]
        copy_ids = self.copies["id"][of_done]
        link_done = np.isin(self.links["copy"], copy_ids) if len(copy_ids) else np.zeros(len(self.links), bool)
        frames, copies, links = self.frames.split(done), self.copies.split(of_done), self.links.split(link_done)
        order = np.lexsort((frames["frame"], frames["end_ps"] // 1000))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        frames = {name: column[order] for name, column in frames.items()}
        return Ended(
            frames, copies, links, order, place[np.searchsorted(ids, copies["owner"])],
            np.searchsorted(copy_ids, links["copy"]),
        )

    def first_end_ps(self) -> int | None:
        """Earliest end of a frame whose parts are all known."""
        done = self.frames["left"] == 0
        return int(self.frames["end_ps"][done].min()) if done.any() else None
