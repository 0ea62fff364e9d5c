"""Who was heard lately, and how well: inputs of the density rule (GB/T 45315-2025 C.3, SAE J2945/1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.generation.base import MS, NOT_YET_NS

_SENDER_BITS = 32
_SENDER_MASK = (1 << _SENDER_BITS) - 1


@dataclass(frozen=True)
class NeighbourhoodFigures:
    """Figures of counting and of the packet error window (GB/T 45315-2025 C.3; vPERRange, vPERInterval of J2945/1)."""

    range_m: float = 100.0
    """Only vehicles within this distance count."""
    heard_ms: int = 1000
    """A neighbour was heard within this time."""
    window_ms: int = 5000
    """Packet errors are taken over this window."""
    step_ms: int = 1000
    """The window moves by this."""
    message_counts: int = 128
    """msgCnt wraps at this."""


def packet_error_ratio(first_count: np.ndarray, last_count: np.ndarray, received_count: np.ndarray,
                       wraps: int = 128) -> np.ndarray:
    """Share of messages that did not arrive: expected = last - first + 1 modulo the wrap.

    NaN where fewer than two messages arrived (such vehicles are left out); never negative.
    """
    expected = (last_count - first_count) % wraps + 1
    ratio = np.maximum(1.0 - received_count / expected, 0.0)
    return np.where(received_count > 1, ratio, np.nan)


class Neighbourhood:
    """One row per (receiver, sender) pair, kept while the sender was heard within the window.

    Receivers and senders are row numbers or identifiers up to 2^31 - 1 and 2^32 - 1. Receptions come in tables, in any
    order inside one, in rising time per pair from call to call.
    """

    def __init__(self, figures: NeighbourhoodFigures | None = None) -> None:
        self.figures = figures or NeighbourhoodFigures()
        self._steps = self.figures.window_ms // self.figures.step_ms
        self._key = np.zeros(0, np.int64)
        self._heard_ns = np.zeros(0, np.int64)
        self._distance_m = np.zeros(0)
        self._first, self._last, self._received = self._empty(0), self._empty(0), self._empty(0)
        self._step = 0

    def _empty(self, pairs: int) -> np.ndarray:
        """Columns of the completed steps, oldest first, and of the running one at the end."""
        return np.zeros((pairs, self._steps + 1), np.int64)

    @property
    def pairs_count(self) -> int:
        """Pairs remembered."""
        return len(self._key)

    def heard(self, receiver: np.ndarray, sender: np.ndarray, message_count: np.ndarray, distance_m: np.ndarray,
              time_ns: np.ndarray | int) -> None:
        """Add received BSMs, one element each; ``distance_m`` between the two at reception.

        ValueError: receiver or sender out of range.
        """
        if not len(receiver):
            return
        key = self._keys(receiver, sender)
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), len(key))
        order = np.lexsort((time_ns, key))
        step = time_ns // (self.figures.step_ms * MS)
        for number in np.unique(step):
            self._move_to(int(number))
            part = order[step[order] == number]
            self._add(key[part], message_count[part], distance_m[part], time_ns[part])

    def _keys(self, receiver: np.ndarray, sender: np.ndarray) -> np.ndarray:
        receiver, sender = np.asarray(receiver, np.int64), np.asarray(sender, np.int64)
        if receiver.min() < 0 or receiver.max() > _SENDER_MASK >> 1:
            raise ValueError(f"receiver: {receiver.min()}..{receiver.max()} is outside 0..{_SENDER_MASK >> 1}")
        if sender.min() < 0 or sender.max() > _SENDER_MASK:
            raise ValueError(f"sender: {sender.min()}..{sender.max()} is outside 0..{_SENDER_MASK}")
        return (receiver << _SENDER_BITS) | sender

    def _move_to(self, step: int) -> None:
        """Complete steps up to ``step``; pairs without a message in the window are dropped."""
        by = min(step - self._step, self._steps + 1)
        if by <= 0:
            return
        self._step = step
        for columns in (self._first, self._last, self._received):
            columns[:, :-by] = columns[:, by:]
            columns[:, -by:] = 0
        self._keep(np.flatnonzero(self._received.any(axis=1)))

    def _keep(self, rows: np.ndarray) -> None:
        """Select or reorder pairs."""
        self._key, self._heard_ns, self._distance_m = self._key[rows], self._heard_ns[rows], self._distance_m[rows]
        self._first, self._last, self._received = self._first[rows], self._last[rows], self._received[rows]

    def _add(self, key: np.ndarray, count: np.ndarray, distance_m: np.ndarray, time_ns: np.ndarray) -> None:
        """Messages of the running step, sorted by pair and time."""
        begin = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        end = np.concatenate([begin[1:], [len(key)]]) - 1
        self._insert(key[begin])
        place = np.searchsorted(self._key, key[begin])
        fresh = self._received[place, -1] == 0
        self._first[place[fresh], -1] = count[begin[fresh]]
        self._last[place, -1] = count[end]
        self._received[place, -1] += end - begin + 1
        self._heard_ns[place], self._distance_m[place] = time_ns[end], distance_m[end]

    def _insert(self, key: np.ndarray) -> None:
        """Have a row for each of these sorted keys."""
        fresh = key[~np.isin(key, self._key, assume_unique=True)]
        if not len(fresh):
            return
        more = len(fresh)
        self._key = np.concatenate([self._key, fresh])
        self._heard_ns = np.concatenate([self._heard_ns, np.full(more, NOT_YET_NS)])
        self._distance_m = np.concatenate([self._distance_m, np.full(more, np.nan)])
        self._first = np.concatenate([self._first, self._empty(more)])
        self._last = np.concatenate([self._last, self._empty(more)])
        self._received = np.concatenate([self._received, self._empty(more)])
        self._keep(np.argsort(self._key, kind="stable"))

    def neighbours_count(self, receivers: np.ndarray, time_ns: int) -> np.ndarray:
        """Distinct senders each receiver [n] heard in the last second, the latest message from within the range."""
        near = (time_ns - self._heard_ns <= self.figures.heard_ms * MS) & (self._distance_m <= self.figures.range_m)
        return self._sum(receivers, near, np.ones(len(self._key)))

    def packet_error_ratio(self, receivers: np.ndarray, time_ns: int) -> np.ndarray:
        """Mean packet error ratio over neighbours of each receiver [n], from the completed steps of the window.

        Neighbours: the latest message came from within the range. NaN where none sent two messages in the window.
        """
        self._move_to(time_ns // (self.figures.step_ms * MS))
        first, last, received = self._first[:, :-1], self._last[:, :-1], self._received[:, :-1]
        pairs = np.arange(len(self._key))
        some = received > 0
        oldest = np.argmax(some, axis=1)
        newest = self._steps - 1 - np.argmax(some[:, ::-1], axis=1)
        ratio = packet_error_ratio(
            first[pairs, oldest], last[pairs, newest], received.sum(axis=1), self.figures.message_counts
        )
        counted = ~np.isnan(ratio) & (self._distance_m <= self.figures.range_m)
        number = self._sum(receivers, counted, np.ones(len(pairs)))
        total = self._sum(receivers, counted, ratio)
        return np.where(number > 0, total / np.maximum(number, 1.0), np.nan)

    def _sum(self, receivers: np.ndarray, chosen: np.ndarray, value: np.ndarray) -> np.ndarray:
        """Sum of ``value`` over the chosen pairs of each receiver."""
        there, of = np.unique(self._key[chosen] >> _SENDER_BITS, return_inverse=True)
        if not len(there):
            return np.zeros(len(receivers))
        place = np.minimum(np.searchsorted(there, receivers), len(there) - 1)
        return np.where(there[place] == receivers, np.bincount(of, value[chosen])[place], 0.0)

    def forget(self, numbers: np.ndarray) -> None:
        """Another station stands behind these numbers, as receiver and as sender."""
        gone = np.isin(self._key >> _SENDER_BITS, numbers) | np.isin(self._key & _SENDER_MASK, numbers)
        self._keep(~gone)
