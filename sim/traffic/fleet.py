"""All vehicles as columns in stable slots."""

from __future__ import annotations

import numpy as np

_POSITION = ("x", "y", "heading", "speed", "chainage")


class Fleet:
    """One slot per vehicle; a vehicle keeps its slot until it leaves, then the slot is used again.

    Capacity doubles when it runs out; slots keep their numbers. Columns are arrays of length ``capacity`` and are
    meaningful where ``active``. Positions are those of the vehicle's centre at the end of the last step; the
    ``*_prev_*`` columns hold the same at its beginning, so motion inside a step is the straight line between. A vehicle
    that entered within the step is extrapolated back along its heading. On a ring ``x_m`` may pass the ring's end
    by one step (``x_prev_m`` is folded back), so that the line between never jumps.
    """

    def __init__(self, capacity: int = 64) -> None:
        self.active = np.zeros(capacity, bool)
        self.number = np.full(capacity, -1, np.int64)
        """Lasting number, never used again."""
        self.class_index = np.zeros(capacity, np.int16)
        self.length_m = np.zeros(capacity)
        self.width_m = np.zeros(capacity)
        self.height_m = np.zeros(capacity)
        self.antenna_height_m = np.zeros(capacity)
        self.basic_vehicle_class = np.zeros(capacity, np.int16)
        self.equipped = np.zeros(capacity, bool)
        self.home = np.full(capacity, -1, np.int16)
        """Index of the home jurisdiction."""
        self.road = np.full(capacity, -1, np.int32)
        self.lane = np.zeros(capacity, np.int16)
        self.s_m = np.zeros(capacity)
        """Arc length of the centre along the road."""
        self.lateral_m = np.zeros(capacity)
        """Offset of the centre to the right of the road's middle line."""
        self.direction = np.zeros(capacity, np.int8)
        """+1 up, -1 down, 0 on an arm or turning."""
        self.chainage_m = np.zeros(capacity)
        self.x_m = np.zeros(capacity)
        self.y_m = np.zeros(capacity)
        self.heading_deg = np.zeros(capacity)
        self.speed_mps = np.zeros(capacity)
        self.accel_mps2 = np.zeros(capacity)
        """Mean acceleration over the last step."""
        self.yaw_rate_degps = np.zeros(capacity)
        """Mean yaw rate over the last step, positive clockwise (to the right)."""
        self.x_prev_m = np.zeros(capacity)
        self.y_prev_m = np.zeros(capacity)
        self.heading_prev_deg = np.zeros(capacity)
        self.speed_prev_mps = np.zeros(capacity)
        self.chainage_prev_m = np.zeros(capacity)
        self.entered: np.ndarray = np.empty(0, np.int64)
        """Slots whose vehicle appeared in the last step (after ``start``: all)."""
        self.left: np.ndarray = np.empty(0, np.int64)
        """Slots whose vehicle went in the last step; they stay empty until the next one."""
        self._entered: list[np.ndarray] = []
        self._left: list[np.ndarray] = []
        self._free = np.arange(capacity)

    @property
    def capacity(self) -> int:
        """Number of slots."""
        return len(self.active)

    @property
    def count(self) -> int:
        """Vehicles present."""
        return int(np.count_nonzero(self.active))

    def slots(self) -> np.ndarray:
        """Slots in use, ascending."""
        return self.active.nonzero()[0]

    def begin_step(self) -> None:
        """Make the present the past and forget who came and went."""
        for name in _POSITION:
            suffix = {"heading": "_deg", "speed": "_mps"}.get(name, "_m")
            np.copyto(getattr(self, f"{name}_prev{suffix}"), getattr(self, f"{name}{suffix}"))
        if len(self.left):
            self._free = np.union1d(self._free, self.left)
        self.entered = self.left = np.empty(0, np.int64)
        self._entered, self._left = [], []

    def add(self, numbers: np.ndarray) -> np.ndarray:
        """Take the lowest free slots for new vehicles with these lasting numbers; returns the slots."""
        numbers = np.asarray(numbers, np.int64)
        while len(self._free) < len(numbers):
            self._grow(2 * self.capacity)
        slots, self._free = self._free[: len(numbers)], self._free[len(numbers) :]
        self.active[slots] = True
        self.number[slots] = numbers
        self.accel_mps2[slots] = 0.0
        self.yaw_rate_degps[slots] = 0.0
        self._entered.append(slots)
        return slots

    def remove(self, slots: np.ndarray) -> None:
        """Let vehicles go; their slots are free from the next step on."""
        self.active[slots] = False
        self._left.append(np.asarray(slots, np.int64))

    def take_over(self, entered: np.ndarray, left: np.ndarray) -> None:
        """Let vehicles come into and go from given slots, as a recording tells."""
        self.active[left], self.active[entered] = False, True
        self._entered, self._left = [entered], [left]

    def end_step(self, tick_s: float) -> None:
        """Close the books of a step: who came and went, past of newcomers, mean acceleration and yaw rate."""
        entered, left = _joined(self._entered), _joined(self._left)
        if len(entered) and len(left):
            passing = np.intersect1d(entered, left)
            self._free = np.union1d(self._free, passing) if len(passing) else self._free
            entered, left = np.setdiff1d(entered, passing), np.setdiff1d(left, passing)
        self.entered, self.left = entered, left
        new = self.entered
        turn = np.radians(self.heading_deg[new])
        back = self.speed_mps[new] * tick_s
        self.x_prev_m[new] = self.x_m[new] - back * np.sin(turn)
        self.y_prev_m[new] = self.y_m[new] - back * np.cos(turn)
        self.chainage_prev_m[new] = self.chainage_m[new] - back * self.direction[new]
        self.heading_prev_deg[new], self.speed_prev_mps[new] = self.heading_deg[new], self.speed_mps[new]
        if tick_s > 0:
            self.accel_mps2[:] = (self.speed_mps - self.speed_prev_mps) / tick_s
            self.yaw_rate_degps[:] = ((self.heading_deg - self.heading_prev_deg + 180) % 360 - 180) / tick_s

    def reserve(self, capacity: int) -> None:
        """Make room for at least this many slots."""
        while self.capacity < capacity:
            self._grow(2 * self.capacity)

    def _grow(self, capacity: int) -> None:
        old = self.capacity
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name not in ("entered", "left", "_free"):
                fill = -1 if name in ("number", "home", "road") else 0
                setattr(self, name, np.concatenate([value, np.full(capacity - old, fill, value.dtype)]))
        self._free = np.concatenate([self._free, np.arange(old, capacity)])


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)
