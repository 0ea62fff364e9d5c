"""What waits at a station: frames, contenders, and the gate of congestion control."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Waiting(NamedTuple):
    """One frame on its way to the air; sorted by the time it is ready."""

    ready_ns: int
    frame: int
    slot: int
    station_id: int
    sequence: int
    flow: int
    stream: int
    size_bytes: int


class Contender:
    """One category of one station that wants the medium."""

    __slots__ = ("backoff", "category", "drawn", "fire_ns", "idle_ns", "key", "queue", "slot", "version")

    def __init__(self, slot: int, category: int, queue: deque[Waiting]) -> None:
        self.slot, self.category, self.queue = slot, category, queue
        self.key = slot * 4 + category
        self.backoff = 0
        self.drawn = False
        """Whether the backoff of this attempt has been drawn; before that only AIFS is waited for."""
        self.idle_ns = 0
        """Since when the medium is idle."""
        self.fire_ns = -1
        """When it transmits unless the medium gets busy; -1 while frozen."""
        self.version = 0
        """Events of earlier versions are void."""


class Dropped:
    """Frames that ended unsent."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, bool]] = []
        self.replaced = self.expired = self.overflowed = self.left = 0

    def add(self, frame: Waiting, time_ns: int, present: bool) -> None:
        """Remember (frame, slot, time, whether the station is still there)."""
        self.rows.append((frame.frame, frame.slot, time_ns, present))


class Policy:
    """How a queue takes a frame and which frames it gives up."""

    def __init__(self, budget_ns: list[int], replaces: list[bool], length: int, dropped: Dropped) -> None:
        self.budget_ns, self.replaces, self.length, self.dropped = budget_ns, replaces, length, dropped

    def take(self, queue: deque[Waiting], frame: Waiting, now_ns: int) -> bool:
        """Queue a frame: in place of an older one of its stream, at the end, or not at all when full."""
        if self.replaces[frame.flow]:
            for i, other in enumerate(queue):
                if other.flow == frame.flow and other.stream == frame.stream:
                    self.dropped.add(other, now_ns, True)
                    self.dropped.replaced += 1
                    queue[i] = frame
                    return True
        if len(queue) >= self.length:
            self.dropped.add(frame, now_ns, True)
            self.dropped.overflowed += 1
            return False
        queue.append(frame)
        return True

    def expire(self, queue: deque[Waiting], now_ns: int) -> None:
        """Give up frames whose delay budget has passed, wherever they stand in the queue."""
        if len(queue) == 1 and queue[0].ready_ns + self.budget_ns[queue[0].flow] >= now_ns:
            return
        late = [frame for frame in queue if frame.ready_ns + self.budget_ns[frame.flow] < now_ns]
        for frame in late:
            queue.remove(frame)
            self.dropped.add(frame, frame.ready_ns + self.budget_ns[frame.flow], True)
            self.dropped.expired += 1


class Gate:
    """Congestion control's own queues, one per category, and when the station may send again."""

    __slots__ = ("airtime_ns", "delay_ns", "handed", "open_ns", "queues", "sent_ns", "version")

    def __init__(self) -> None:
        self.queues: tuple[deque[Waiting], ...] = (deque(), deque(), deque(), deque())
        self.sent_ns = -(2**62)
        self.airtime_ns = self.delay_ns = 0
        self.open_ns = 0
        self.handed = False
        """A frame has passed the gate and is not on the air yet."""
        self.version = 0

    def waits(self) -> bool:
        """Whether a frame stands behind the gate."""
        return any(self.queues)


class Opening:
    """A gate that opens; void once the gate has another opening."""

    __slots__ = ("gate", "slot")

    def __init__(self, slot: int, gate: Gate) -> None:
        self.slot, self.gate = slot, gate

    @property
    def version(self) -> int:
        """The gate's."""
        return self.gate.version


class Look:
    """A look at a station's queues when a frame's budget ends."""

    __slots__ = ("slot",)
    version = 0

    def __init__(self, slot: int) -> None:
        self.slot = slot
