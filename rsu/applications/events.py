"""Events and signs as read from any set: which of them hold for a vehicle here, driving this way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rsu.geodesy import LocalPlane, on_plane


@dataclass(frozen=True, eq=False)
class RoadEvent:
    """One event or sign as received."""

    unit_id: bytes
    id: int
    kind: str
    """``event`` or ``sign``."""
    code: int
    position: tuple[float, float] | None
    """(lon, lat)."""
    paths: tuple[np.ndarray, ...]
    """(n, 2) arrays of (lon, lat), in driving direction."""
    radii_m: tuple[float, ...]
    """Half width per path."""
    priority_level: int
    text: str


def _meet(end: np.ndarray, start: np.ndarray, radius_m: float) -> bool:
    return bool(np.hypot(*(end - start)) <= radius_m + 1.0)


class EventZones:
    """Where one or more events hold: path segments in a local plane, built once per payload.

    A path is extended straight backwards by ``upstream_m`` when the sender said nothing about the way
    towards it: no other path of the event ends at its start. A later path that ends where another begins
    is itself such a way, and stays as it is.
    """

    def __init__(self, events: Iterable[RoadEvent], upstream_m: float = 300.0) -> None:
        self.events = [event for event in events if any(len(path) for path in event.paths)]
        self.plane: LocalPlane | None = None
        starts, ends, radii_m, owners = [], [], [], []
        for index, event in enumerate(self.events):
            for xy, radius_m in self._lines(event, upstream_m):
                starts.append(xy[:-1])
                ends.append(xy[1:])
                radii_m.append(np.full(len(xy) - 1, radius_m))
                owners.append(np.full(len(xy) - 1, index))
        self._start = np.concatenate(starts) if starts else np.empty((0, 2))
        step = (np.concatenate(ends) if ends else np.empty((0, 2))) - self._start
        self._length_m = np.hypot(step[:, 0], step[:, 1])
        self._along = step / np.maximum(self._length_m, 1e-9)[:, None]
        self._radius_m = np.concatenate(radii_m) if radii_m else np.empty(0)
        self._owner = np.concatenate(owners) if owners else np.empty(0, np.int64)

    def _lines(self, event: RoadEvent, upstream_m: float) -> Iterable[tuple[np.ndarray, float]]:
        lines = []
        for path, radius_m in zip(event.paths, event.radii_m, strict=True):
            if len(path) == 0 or not on_plane(path):
                continue
            if self.plane is None:
                self.plane = LocalPlane(float(path[0, 0]), float(path[0, 1]))
            xy = np.column_stack(self.plane.to_plane(path[:, 0], path[:, 1]))
            moved = np.concatenate([[True], np.hypot(*np.diff(xy, axis=0).T) > 0.01])
            lines.append((xy[moved], radius_m))
        for index, (xy, radius_m) in enumerate(lines):
            if len(xy) < 2:
                continue
            others = [(line, reach_m) for other, (line, reach_m) in enumerate(lines) if other != index]
            leads_on = index > 0 and any(_meet(xy[-1], line[0], reach_m) for line, reach_m in others)
            if (
                upstream_m > 0
                and not leads_on
                and not any(_meet(line[-1], xy[0], radius_m) for line, _ in others)
            ):
                back = (xy[0] - xy[1]) / np.hypot(*(xy[0] - xy[1]))
                xy = np.concatenate([[xy[0] + back * upstream_m], xy])
            yield xy, radius_m

    def holds(
        self, lon: np.ndarray, lat: np.ndarray, heading_deg: np.ndarray, heading_tolerance_deg: float = 45.0
    ) -> np.ndarray:
        """(vehicles, events) bool: within the half width of a path or of the way towards it, heading along
        it.
        """
        lon, lat, heading_deg = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(a, float)) for a in (lon, lat, heading_deg))
        )
        result = np.zeros((len(lon), len(self.events)), bool)
        if self.plane is None or not len(self._start):
            return result
        x_m, y_m = self.plane.to_plane(lon, lat)
        east_m, north_m = x_m[:, None] - self._start[:, 0], y_m[:, None] - self._start[:, 1]
        along_m = np.clip(east_m * self._along[:, 0] + north_m * self._along[:, 1], 0.0, self._length_m)
        distance_m = np.hypot(east_m - along_m * self._along[:, 0], north_m - along_m * self._along[:, 1])
        direction_deg = np.degrees(np.arctan2(self._along[:, 0], self._along[:, 1]))
        turn_deg = np.abs((heading_deg[:, None] - direction_deg + 180.0) % 360.0 - 180.0)
        on_segment = (distance_m <= self._radius_m) & (turn_deg <= heading_tolerance_deg)
        for event in range(len(self.events)):
            result[:, event] = on_segment[:, self._owner == event].any(axis=1)
        return result
