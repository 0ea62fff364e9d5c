"""Persons with a device: where each of them is at any instant, exactly."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.clock import SECOND
from sim.scenario.schema.day2 import Pedestrian
from sim.world.corridor import CorridorGeometry

FIRST_PEDESTRIAN_ID = 2_000_000
_IDS = 1_000_000
DEVICE_HEIGHT_M = 1.2
"""Antenna height of a device that is carried (assumption)."""


@dataclass(frozen=True, eq=False)
class Walk:
    """All persons at one instant each, columns in the order of the scenario's list."""

    x_m: np.ndarray
    y_m: np.ndarray
    heading_deg: np.ndarray
    speed_mps: np.ndarray
    chainage_m: np.ndarray


class Pedestrians:
    """Everybody walks ``walk_m`` at an even pace, turns round at once and comes back; t = 0 is the start of the walk.

    ``across`` goes to the left (seen in direction up), square to the road; ``along`` in direction up beside it.
    Whoever has no pace or no way stands, facing the way of the walk.
    """

    def __init__(self, settings: Sequence[Pedestrian], corridor: CorridorGeometry) -> None:
        self.corridor = corridor
        self.names = tuple(one.id for one in settings)
        self.station_id = _lasting_ids(self.names)
        self.is_along = np.array([one.way == "along" for one in settings], bool)
        self._at_m, self._offset_m, self._walk_m, self._pace_mps = (
            np.array([getattr(one, name) for one in settings], float)
            for name in ("at_m", "offset_m", "walk_m", "speed_mps")
        )
        self._moves = (self._walk_m > 0) & (self._pace_mps > 0)

    def __len__(self) -> int:
        return len(self.names)

    def at(self, time_ns: np.ndarray | int) -> Walk:
        """Where everybody is at ``time_ns`` (one for all, or one each)."""
        length_m = np.where(self._moves, self._walk_m, 1.0)
        time_s = np.asarray(time_ns, np.float64) / SECOND
        done_m = np.where(self._moves, self._pace_mps * time_s, 0.0) % (2 * length_m)
        back = done_m >= length_m
        way_m = np.where(back, 2 * length_m - done_m, done_m)
        chainage_m = self._at_m + np.where(self.is_along, way_m, 0.0)
        left_m = np.where(self.is_along, 0.0, way_m) - self._offset_m
        x, y = self.corridor.xy_at(chainage_m, left_m)
        ahead_deg = self.corridor.heading_at(chainage_m) + np.where(self.is_along, 0.0, -90.0)
        return Walk(
            x, y, (ahead_deg + np.where(back, 180.0, 0.0)) % 360.0, np.where(self._moves, self._pace_mps, 0.0),
            chainage_m,
        )


def _lasting_ids(names: Sequence[str]) -> np.ndarray:
    """Station ids from names alone, so that further persons change no draw; of two that meet, the later moves on."""
    taken: dict[int, str] = {}
    for name in sorted(names):
        number = zlib.crc32(name.encode()) % _IDS
        while number in taken:
            number = (number + 1) % _IDS
        taken[number] = name
    number_of = {name: number for number, name in taken.items()}
    return np.array([FIRST_PEDESTRIAN_ID + number_of[name] for name in names], np.int64)
