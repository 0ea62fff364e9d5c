"""The fleet with what drivers have in mind."""

from __future__ import annotations

import numpy as np

from sim.traffic.fleet import Fleet


class DrivenFleet(Fleet):
    """Fleet with the drivers' own columns."""

    def __init__(self) -> None:
        super().__init__(256)
        size = self.capacity
        self.desired_factor = np.ones(size)
        self.max_accel_mps2 = np.ones(size)
        self.approach = np.full(size, -1, np.int32)
        """Approach the turn was drawn for."""
        self.turn = np.zeros(size, np.int8)
        self.old_lane = np.zeros(size, np.int16)
        self.change = np.ones(size)
        """Progress of the lane change, 1 = in the lane centre."""
        self.came_from = np.full(size, -1, np.int32)
        """Connector the vehicle's rear may still be on, -1 if none."""
        self.came_at_s_m = np.zeros(size)
