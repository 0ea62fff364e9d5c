"""Every radio station of a run as columns in one index space: RSUs, probes, pedestrians, then vehicles."""

from __future__ import annotations

import numpy as np

from sim.channel import antenna
from sim.frames import Kind

_EMPTY = {
    "station_id": -1, "kind": Kind.VEHICLE, "home": -1, "place": -1, "tuning": -1, "antenna_height_m": 1.5,
    "tx_power_dbm": 23.0,
}
"""What stands in a vehicle slot that was never used; 0 in every other column."""


class Stations:
    """Rows are *slots*: fixed for RSUs, probes and pedestrians, reused for vehicles (``first_vehicle`` + fleet slot).

    Positions are known at both ends of the current traffic tick and interpolated linearly in between
    (definitions section 1). An inactive slot takes part in nothing.
    """

    def __init__(
        self, rsu_count: int, probe_count: int, vehicle_capacity: int, pedestrian_count: int = 0
    ) -> None:
        size = rsu_count + probe_count + pedestrian_count + vehicle_capacity
        self.rsu_count = rsu_count
        self.probe_count = probe_count
        self.probes = slice(rsu_count, rsu_count + probe_count)
        self.pedestrians = slice(rsu_count + probe_count, rsu_count + probe_count + pedestrian_count)
        self.first_vehicle = self.pedestrians.stop
        self.tick_start_ns = 0
        self.tick_end_ns = 1
        self.station_id = np.full(size, -1, np.int64)
        """Lasting identity, never reused: RSUs below 1_000_000, probes from there, pedestrians from 2_000_000, vehicles
        10_000_000 + number."""
        self.kind = np.full(size, Kind.VEHICLE, np.int8)
        self.active = np.zeros(size, bool)
        self.home = np.full(size, -1, np.int16)
        """Index of the home jurisdiction (RSU: the operator's)."""
        self.x0_m, self.y0_m = np.zeros(size), np.zeros(size)
        self.x1_m, self.y1_m = np.zeros(size), np.zeros(size)
        self.chainage_m = np.zeros(size)
        """Chainage at the start of the tick (for sorting and jurisdiction); RSUs: foot point on the road."""
        self.place = np.full(size, -1, np.int16)
        """Index of the jurisdiction that owns the road there (RSU: the site's)."""
        self.tuning: np.ndarray | None = None
        """Index of the jurisdiction whose channel plan an on-board unit follows, int16; ``None``: that of its home."""
        self.direction = np.zeros(size, np.int8)
        """+1 up, -1 down, 0 neither (RSU, side arm)."""
        self.antenna_height_m = np.full(size, 1.5)
        self.antenna_gain_dbi = np.zeros(size)
        self.antenna_pattern = np.zeros((size, antenna.COLUMNS), np.float32)
        """One pattern per slot (:mod:`sim.channel.antenna`); zeros = omnidirectional."""
        self.tx_power_dbm = np.full(size, 23.0)
        self.ring_m = 0.0
        """Length of a wrap-around road along x (validation): x and x + ring_m are the same place, so differences of x
        are taken to the nearest image. 0 = open plane."""
        self.jurisdictions: tuple[str, ...] = ()
        """Ids of the jurisdictions that ``home`` and ``place`` point into."""
        self.changed: np.ndarray = np.empty(0, np.int64)
        """Slots whose station is another one (or none) since the last tick: radios forget their state."""
        self.kind[:rsu_count] = Kind.RSU
        self.kind[self.probes] = Kind.PROBE
        self.kind[self.pedestrians] = Kind.PEDESTRIAN

    @property
    def size(self) -> int:
        """Number of slots, used or not."""
        return len(self.station_id)

    def grow(self, vehicle_capacity: int) -> None:
        """Make room for more vehicles; existing slots keep their numbers."""
        extra = self.first_vehicle + vehicle_capacity - self.size
        if extra <= 0:
            return
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and name != "changed":
                tail = np.full((extra, *value.shape[1:]), _EMPTY.get(name, 0), value.dtype)
                setattr(self, name, np.concatenate([value, tail]))

    def position(self, slots: np.ndarray, time_ns: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Plane coordinates (x, y) in metres of ``slots`` at ``time_ns`` (scalar or one per slot)."""
        part = (np.asarray(time_ns, np.float64) - self.tick_start_ns) / (self.tick_end_ns - self.tick_start_ns)
        x0, y0 = self.x0_m[slots], self.y0_m[slots]
        return x0 + (self.x1_m[slots] - x0) * part, y0 + (self.y1_m[slots] - y0) * part
