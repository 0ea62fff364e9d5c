"""Stations as ends of links at one instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ends:
    """Columns over n stations, all of length n; what propagation may depend on besides its own state."""

    slot: np.ndarray
    """Slot in :class:`sim.world.stations.Stations`."""
    kind: np.ndarray
    """:class:`sim.frames.Kind`, int8."""
    x_m: np.ndarray
    """Coordinates on the corridor's plane, float64 (on a ring: place along it)."""
    y_m: np.ndarray
    height_m: np.ndarray
    """Antenna height above the road, float32."""
    gain_dbi: np.ndarray
    """Antenna gain in the main direction, float32."""
    pattern: np.ndarray | None = None
    """Antenna patterns, float32 [n, :data:`sim.channel.antenna.COLUMNS`]; none = all omnidirectional."""

    def __len__(self) -> int:
        return len(self.slot)

    def take(self, index: np.ndarray | slice) -> Ends:
        """A selection of stations."""
        pattern = None if self.pattern is None else self.pattern[index]
        return Ends(
            self.slot[index], self.kind[index], self.x_m[index], self.y_m[index], self.height_m[index],
            self.gain_dbi[index], pattern,
        )
