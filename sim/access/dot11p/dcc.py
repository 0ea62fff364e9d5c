"""Decentralised congestion control at the access layer (ETSI TS 102 687 v1.2.1): how long a station stays off."""

from __future__ import annotations

from typing import Protocol

import numpy as np

MS = 1_000_000
SHORTEST_NS, LONGEST_NS = 25 * MS, 1000 * MS
"""Bounds of the off time in the adaptive approach (clause 5.4)."""
REACTIVE: dict[str, tuple[tuple[float, int], ...]] = {
    "ton-1ms": ((0.30, 100), (0.40, 200), (0.50, 400), (0.60, 500), (2.0, 1000)),
    "ton-0.5ms": ((0.30, 50), (0.40, 100), (0.50, 200), (0.65, 250), (2.0, 1000)),
}
"""(busy ratio below which the state holds, interval between frames in ms): annex A tables A.1 and A.2."""
ALPHA, BETA, TARGET = 0.016, 0.0012, 0.68
DELTA_LEAST, DELTA_MOST = 0.0006, 0.03
OFFSET_LEAST, OFFSET_MOST = -0.00025, 0.0005
"""Table 3 of clause 5.4."""


class Control(Protocol):
    """Off times of all stations, by slot."""

    def update(self, busy_ratio: np.ndarray) -> bool:
        """The channel busy ratio of one more window, float64 [slots]; whether off times may have changed."""

    def off_ns(self, slot: int, airtime_ns: int) -> int:
        """Time from the start of a frame of this duration to the next one at the earliest."""

    def forget(self, slots: np.ndarray) -> None:
        """These slots hold other stations now."""


class Reactive:
    """Five states; one step up or down every second window (200 ms of 100 ms windows) by the mean of both."""

    def __init__(self, size: int, table: str) -> None:
        rows = REACTIVE[table]
        self._limits = np.array([limit for limit, _ in rows])
        self.interval_ns = np.array([interval * MS for _, interval in rows])
        self.state = np.zeros(size, np.int64)
        self._before: np.ndarray | None = None

    def update(self, busy_ratio: np.ndarray) -> bool:
        """Move one state towards the one whose range holds the busy ratio."""
        if self._before is None:
            self._before = busy_ratio
            return False
        before, self._before = _fit(self._before, len(busy_ratio)), None
        self.state = _fit(self.state, len(busy_ratio))
        wanted = np.searchsorted(self._limits, 0.5 * (before + busy_ratio), side="right")
        self.state += np.sign(wanted - self.state)
        return True

    def off_ns(self, slot: int, airtime_ns: int) -> int:
        """The interval of the station's state."""
        return int(self.interval_ns[self.state[slot]]) if slot < len(self.state) else int(self.interval_ns[0])

    def forget(self, slots: np.ndarray) -> None:
        """Relaxed again."""
        self.state = _fit(self.state, int(slots.max(initial=-1)) + 1)
        self.state[slots] = 0


class Adaptive:
    """LIMERIC: the share of time a station may send moves towards a common busy ratio (clause 5.4)."""

    def __init__(self, size: int) -> None:
        self.delta = np.full(size, DELTA_MOST)
        self.smoothed = np.zeros(size)
        self._before: np.ndarray | None = None

    def update(self, busy_ratio: np.ndarray) -> bool:
        """Every second window: smooth the busy ratio, then step the duty cycle."""
        if self._before is None:
            self._before = busy_ratio
            return False
        n = len(busy_ratio)
        before, self._before = _fit(self._before, n), None
        self.delta, self.smoothed = _fit(self.delta, n, DELTA_MOST), _fit(self.smoothed, n)
        self.smoothed = 0.5 * self.smoothed + 0.25 * (busy_ratio + before)
        offset = np.clip(BETA * (TARGET - self.smoothed), OFFSET_LEAST, OFFSET_MOST)
        self.delta = np.clip((1 - ALPHA) * self.delta + offset, DELTA_LEAST, DELTA_MOST)
        return True

    def off_ns(self, slot: int, airtime_ns: int) -> int:
        """Airtime over duty cycle, from 25 ms to 1 s."""
        delta = float(self.delta[slot]) if slot < len(self.delta) else DELTA_MOST
        return min(LONGEST_NS, max(SHORTEST_NS, round(airtime_ns / delta)))

    def forget(self, slots: np.ndarray) -> None:
        """As a station that was just switched on."""
        n = int(slots.max(initial=-1)) + 1
        self.delta, self.smoothed = _fit(self.delta, n, DELTA_MOST), _fit(self.smoothed, n)
        self.delta[slots], self.smoothed[slots] = DELTA_MOST, 0.0


def _fit(values: np.ndarray, size: int, empty: float = 0) -> np.ndarray:
    """At least ``size`` rows."""
    if len(values) >= size:
        return values
    return np.concatenate([values, np.full(size - len(values), empty, values.dtype)])
