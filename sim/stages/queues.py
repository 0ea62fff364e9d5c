"""One verification queue per receiver: first come first served, one server, a bounded number waiting."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 16
"""Messages in order of arrival are served in blocks of so many, which stay in cache; results are the same."""


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Messages of one batch by receiver, then arrival."""

    slots: np.ndarray
    """Per receiver: slot; ``starts`` and ``lengths`` say where its messages are."""
    starts: np.ndarray
    lengths: np.ndarray
    came: np.ndarray
    """Per message: arrival, not before that of an earlier batch."""
    service: np.ndarray
    begin: np.ndarray


class VerificationQueues:
    """Queues of all receivers, carried from batch to batch.

    A message that arrives while ``capacity`` others wait and one is served is dropped. State: the departures of the
    last ``capacity + 1`` admitted messages of each receiver, ``8 * slots * (capacity + 1)`` octets.
    """

    def __init__(self, size: int, capacity: int) -> None:
        if capacity < 0:
            raise ValueError(f"capacity: {capacity} is below 0")
        self._room = capacity + 1
        self._left_ns = np.zeros((size, self._room), np.int64)
        """Ascending along a row; the last is when the server is free."""
        self._seen_ns = np.zeros(size, np.int64)
        self._shortest_ns = np.iinfo(np.int64).max

    def grow(self, size: int) -> None:
        """Make room for more receivers."""
        extra = size - len(self._seen_ns)
        if extra > 0:
            self._left_ns = np.concatenate([self._left_ns, np.zeros((extra, self._room), np.int64)])
            self._seen_ns = np.concatenate([self._seen_ns, np.zeros(extra, np.int64)])

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots: their queues are empty."""
        self._left_ns[slots] = 0
        self._seen_ns[slots] = 0

    def serve(
        self, receiver: np.ndarray, arrived_ns: np.ndarray, kind: np.ndarray, times_ns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Let messages, in any order, queue at their receivers.

        ``kind`` (uint8, one per message) points into ``times_ns``, how long a service lasts (int64). Returns
        (spent_ns, dropped): time from arrival to the end of the service, 0 where dropped; None = none was. A message
        that arrived before one of an earlier batch stands behind it.
        """
        count = len(receiver)
        if count <= BLOCK or (arrived_ns[1:] < arrived_ns[:-1]).any():
            return self._serve(receiver, arrived_ns, kind, times_ns)
        spent_ns, dropped = np.empty(count, np.int64), None
        for start in range(0, count, BLOCK):
            part = slice(start, start + BLOCK)
            spent_ns[part], lost = self._serve(receiver[part], arrived_ns[part], kind[part], times_ns)
            if lost is not None:
                dropped = np.zeros(count, bool) if dropped is None else dropped
                dropped[part] = lost
        return spent_ns, dropped

    def _serve(
        self, receiver: np.ndarray, arrived_ns: np.ndarray, kind: np.ndarray, times_ns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        if not len(receiver):
            return np.zeros(0, np.int64), None
        order, slot, arrived = by_receiver(receiver, arrived_ns)
        service = times_ns.take(kind.take(order))
        starts = np.flatnonzero(slot[1:] != slot[:-1])
        starts = np.concatenate([[0], starts + 1])
        lengths = np.diff(starts, append=len(slot))
        last = starts + lengths - 1
        slots = slot[starts].astype(np.int64)
        came = arrived
        if (arrived[starts] < self._seen_ns[slots]).any():
            came = np.maximum(arrived, self._seen_ns[slot])
        self._seen_ns[slots] = came[last]
        begin = _begins(came, service, starts, lengths, self._left_ns[slots, -1])
        wait = begin - came
        longest_ns = int(wait.max())
        self._shortest_ns = min(self._shortest_ns, max(1, int(times_ns.min())))
        limit_ns = (self._room - 1) * self._shortest_ns
        queues = _Sorted(slots, starts, lengths, came, service, begin)
        lost = None
        if longest_ns > limit_ns:
            followed = np.zeros(len(starts), bool)
            followed[np.searchsorted(starts, np.flatnonzero(wait > limit_ns), side="right") - 1] = True
            lost = self._follow(queues, np.flatnonzero(followed))
            self._remember(queues, wait[last], self._room, ~followed)
        else:
            self._remember(queues, wait[last], min(self._room, longest_ns // self._shortest_ns + 2))
        begin += service
        begin -= arrived
        if lost is not None:
            begin[lost] = 0
        spent_ns = np.empty(len(order), np.int64)
        spent_ns[order] = begin
        if lost is None or not lost.any():
            return spent_ns, None
        dropped = np.empty(len(order), bool)
        dropped[order] = lost
        return spent_ns, dropped

    def _remember(
        self, queues: _Sorted, last_wait_ns: np.ndarray, depth: int, kept: np.ndarray | None = None
    ) -> None:
        """Note the last departures of the receivers in ``kept`` (a mask; none = all), at most ``depth`` of each.

        ``depth`` bounds how many can still be there; columns before keep older, smaller departures.
        """
        slots, starts, lengths = queues.slots, queues.starts, queues.lengths
        begin, service = queues.begin, queues.service
        if kept is not None:
            slots, starts, lengths, last_wait_ns = slots[kept], starts[kept], lengths[kept], last_wait_ns[kept]
        # Where the last message did not wait, all earlier ones had left: only its own departure still matters.
        busy = np.flatnonzero(last_wait_ns > 0)
        if len(busy) and self._room > 1:
            old = self._left_ns[slots[busy]]
            inside = lengths[busy, None] + np.arange(-depth, 0)
            new = np.maximum(starts[busy, None] + inside, 0)
            shifted = np.take_along_axis(old, np.minimum(self._room + inside, self._room - 1), axis=1)
            old[:, self._room - depth :] = np.where(inside >= 0, begin[new] + service[new], shifted)
            self._left_ns[slots[busy]] = old
        last = starts + lengths - 1
        self._left_ns[slots, -1] = begin[last] + service[last]

    def _follow(self, queues: _Sorted, followed: np.ndarray) -> np.ndarray:
        """Serve receivers whose queues may overflow one message at a time; corrects ``begin``, says who is lost."""
        lost = np.zeros(len(queues.came), bool)
        for index in followed.tolist():
            slot, start = queues.slots[index], int(queues.starts[index])
            part = slice(start, start + int(queues.lengths[index]))
            left = deque(self._left_ns[slot].tolist(), maxlen=self._room)
            begins: list[int] = []
            messages = zip(queues.came[part].tolist(), queues.service[part].tolist(), strict=True)
            for number, (at_ns, takes_ns) in enumerate(messages, start):
                begins.append(max(at_ns, left[-1]))
                if left[0] > at_ns:
                    lost[number] = True
                else:
                    left.append(begins[-1] + takes_ns)
            queues.begin[part] = begins
            self._left_ns[slot] = left
        return lost


def by_receiver(receiver: np.ndarray, arrived_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of messages by receiver, then arrival, then as given; with receivers and arrivals in that order.

    Arrivals are counted in 65536 steps of the batch's span first; only receivers whose messages fell into one step in
    the wrong order are sorted by time itself.
    """
    if (arrived_ns[1:] < arrived_ns[:-1]).any():
        earliest = int(arrived_ns.min())
        shift = max(0, (int(arrived_ns.max()) - earliest).bit_length() - 16)
        order = np.argsort(((arrived_ns - earliest) >> shift).astype(np.uint16), kind="stable")
        inner, slot = _stable(receiver.take(order))
        order = order.take(inner)
    else:
        order, slot = _stable(receiver)
    arrived = arrived_ns.take(order)
    wrong = arrived[1:] < arrived[:-1]
    wrong &= slot[1:] == slot[:-1]
    if wrong.any():
        mixed = np.zeros(int(slot[-1]) + 1, bool)
        mixed[slot[1:][wrong]] = True
        places = np.flatnonzero(mixed[slot])
        those = np.sort(order[places])
        order[places] = those[np.lexsort((arrived_ns[those], receiver[those]))]
        arrived = arrived_ns.take(order)
    return order, slot, arrived


def _stable(slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stable order of slots, and the slots in it.

    Slot and place share one word where they fit: sorting plain words is faster than an indirect sort.
    """
    places = max(1, (len(slots) - 1).bit_length())
    if int(slots.max()).bit_length() + places <= 32:
        words = slots.astype(np.uint32) << np.uint32(places)
        words |= np.arange(len(slots), dtype=np.uint32)
    else:
        words = slots.astype(np.uint64) << np.uint64(places)
        words |= np.arange(len(slots), dtype=np.uint64)
    words.sort()
    slot = words >> words.dtype.type(places)
    words &= words.dtype.type((1 << places) - 1)
    return words.astype(np.int64), slot.astype(np.int64) if slot.dtype == np.uint64 else slot


def _begins(
    came: np.ndarray, service: np.ndarray, starts: np.ndarray, lengths: np.ndarray, free_ns: np.ndarray
) -> np.ndarray:
    """When each service begins if nobody is dropped; segments of ``lengths`` from ``starts``, one per receiver.

    begin_k = S_k + max over j <= k of (came_j - S_j) with S the service before a message (Lindley's recursion,
    unrolled); a large step between receivers lets one running maximum serve them all.
    """
    latest_ns = max(int(came[starts + lengths - 1].max()), int(free_ns.max()))
    step = latest_ns - int(came[starts].min()) + int(service.sum()) + 1
    if step * len(starts) >= 2**62:
        raise OverflowError("verification queues: one batch holds more waiting time than 64 bits can count")
    level = np.empty(len(service), np.int64)
    level[0] = 0
    level[1:] = service[:-1]
    level[starts] -= step
    np.cumsum(level, out=level)
    begin = came - level
    begin[starts] = np.maximum(came[starts], free_ns) - level[starts]
    np.maximum.accumulate(begin, out=begin)
    begin += level
    return begin
