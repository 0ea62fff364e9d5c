"""Packets on their way: columns that the parts of the path read and add to."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

PARTS = ("uplink", "transport", "core", "internet", "server", "peering", "downlink")
"""What a delay is made of; transport, core and Internet count both directions."""


@dataclass
class Packets:
    """One row per packet: a frame before the server, a copy of it after it. Integers, int64."""

    owner: np.ndarray
    """Whose it is in the caller's books: frame or copy."""
    sender_id: np.ndarray
    sequence: np.ndarray
    size_bytes: np.ndarray
    start_ps: np.ndarray
    time_ps: np.ndarray
    """When it stands before the next part."""
    cell: np.ndarray
    operator: np.ndarray
    to_cell: np.ndarray
    to_operator: np.ndarray
    receiver_id: np.ndarray
    """Station of a unicast copy, -1 otherwise."""
    spent_ps: np.ndarray
    """(packets, parts): time spent so far."""
    error_ratio: np.ndarray
    """Float: share of receivers that lose it by block errors on the downlink."""
    overload_ratio: np.ndarray
    """Float: share of receivers that it never reaches because the downlink is overloaded."""

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, rows: np.ndarray) -> Packets:
        """A selection of rows, copied."""
        return Packets(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @staticmethod
    def concatenate(parts: list[Packets]) -> Packets:
        """All rows of several tables in order."""
        if len(parts) == 1:
            return parts[0]
        return Packets(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Packets)})

    @staticmethod
    def starting(
        owner: np.ndarray, sender_id: np.ndarray, sequence: np.ndarray, size_bytes: np.ndarray, start_ps: np.ndarray,
        cell: np.ndarray, operator: np.ndarray,
    ) -> Packets:
        """Packets at their sender; their destination is open."""
        count = len(owner)
        open_end = np.full(count, -1, np.int64)
        return Packets(
            owner, sender_id, sequence, size_bytes, start_ps, start_ps.copy(), cell, operator, open_end,
            open_end.copy(), open_end.copy(), np.zeros((count, len(PARTS)), np.int64), np.zeros(count), np.zeros(count),
        )

    @staticmethod
    def none() -> Packets:
        """No rows."""
        i = np.empty(0, np.int64)
        return Packets.starting(i, i, i, i, i, i, i)

    def spend(self, part: str, delay_ps: np.ndarray | int) -> None:
        """Let all of them stay in a part for so long."""
        self.time_ps = self.time_ps + delay_ps
        self.spent_ps[:, PARTS.index(part)] += delay_ps


def split_ns(spent_ps: np.ndarray) -> np.ndarray:
    """(packets, parts) in whole ns that add up exactly to the whole delay in ns, rounded down."""
    until = np.cumsum(spent_ps, axis=1) // 1000
    return np.diff(until, axis=1, prepend=0)
