"""First come, first served queues with one server each, all of one kind handled together."""

from __future__ import annotations

import numpy as np

PS_PER_NS = 1000
"""Times on the path are whole picoseconds: 300 octets pass a link of 6 Tb/s in 400 ps."""
_ROOM = 2**62


class Fifo:
    """Many queues side by side, each with one server that works off one packet after the other.

    Departures follow D(i) = max(A(i), D(i-1)) + S(i) (Lindley, Mathematical Proceedings of the Cambridge Philosophical
    Society 48, 1952), exactly in integers. Packets must be offered in order of time over successive calls; within a
    call any order will do.
    """

    def __init__(self) -> None:
        self.free_ps = np.zeros(0, np.int64)
        """When each queue has worked off what it was offered."""
        self.served_ps = 0
        """Service given so far, over all queues."""
        self.refused_count = 0

    def serve(
        self, queue: np.ndarray, arrival_ps: np.ndarray, service_ps: np.ndarray, latest_ps: np.ndarray,
        tie: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(departure in ps, accepted) of packets; ``queue`` numbers queues from 0.

        A packet whose service could not begin by ``latest_ps`` is refused: it takes no service, its departure is
        ``latest_ps``. Packets that arrive together are served in the order of ``tie``.
        """
        count = len(queue)
        if not count:
            return np.empty(0, np.int64), np.empty(0, bool)
        self._grow(int(queue.max()) + 1)
        if count == 1:
            return self._single(int(queue[0]), int(arrival_ps[0]), int(service_ps[0]), int(latest_ps[0]))
        order = np.lexsort((tie, arrival_ps, queue))
        q, arrival, service, latest = queue[order], arrival_ps[order], service_ps[order], latest_ps[order]
        departure = self._lindley(q, arrival, service)
        accepted = departure - service <= latest
        if not accepted.all():
            for one in np.unique(q[~accepted]):
                rows = slice(*np.searchsorted(q, [one, one + 1]))
                departure[rows], accepted[rows] = _refusing(
                    int(self.free_ps[one]), arrival[rows], service[rows], latest[rows]
                )
        kept = np.flatnonzero(accepted)
        np.maximum.at(self.free_ps, q[kept], departure[kept])
        self.served_ps += int(service[kept].sum())
        self.refused_count += count - len(kept)
        out, ok = np.empty(count, np.int64), np.empty(count, bool)
        out[order], ok[order] = departure, accepted
        return out, ok

    def _single(self, one: int, arrival: int, service: int, latest: int) -> tuple[np.ndarray, np.ndarray]:
        """One packet, without tables."""
        begin = max(arrival, int(self.free_ps[one]))
        if begin > latest:
            self.refused_count += 1
            return np.array([latest]), np.array([False])
        self.free_ps[one] = begin + service
        self.served_ps += service
        return np.array([begin + service]), np.array([True])

    def _grow(self, count: int) -> None:
        if count > len(self.free_ps):
            self.free_ps = np.concatenate([self.free_ps, np.zeros(count - len(self.free_ps), np.int64)])

    def _lindley(self, q: np.ndarray, arrival: np.ndarray, service: np.ndarray) -> np.ndarray:
        """Departures of packets sorted by queue and time: D(i) = C(i) + max over j <= i of (A(j) - C(j-1))."""
        first = np.flatnonzero(np.diff(q, prepend=-1))
        group = np.cumsum(np.diff(q, prepend=-1) > 0) - 1
        total = np.cumsum(service)
        done = total - (total[first] - service[first])[group]
        start = np.maximum(arrival, np.where(np.arange(len(q)) == first[group], self.free_ps[q], 0)) - (done - service)
        low = int(start.min())
        span = int(start.max()) - low + 1
        if span * (len(first) + 1) < _ROOM:
            lifted = start - low + group * span
            latest = np.maximum.accumulate(lifted) - group * span + low
        else:
            ends = np.append(first[1:], len(q))
            latest = np.concatenate([
                np.maximum.accumulate(start[a:b]) for a, b in zip(first, ends, strict=True)
            ])
        return latest + done


def _refusing(
    free: int, arrival: np.ndarray, service: np.ndarray, latest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One queue in order of time, packet by packet, where some come too late to be served."""
    departure, accepted = latest.copy(), np.zeros(len(arrival), bool)
    for i, (at, work, limit) in enumerate(zip(arrival.tolist(), service.tolist(), latest.tolist(), strict=True)):
        begin = max(at, free)
        if begin <= limit:
            free = begin + work
            departure[i], accepted[i] = free, True
    return departure, accepted
