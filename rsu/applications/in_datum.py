"""What senders told in another datum, for applications that work in WGS 84."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rsu.applications.base import Readers
from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal
from rsu.geodesy import DATUMS, to_wgs84
from rsu.messages.vehicle import VehicleColumns

SAME_AS_WGS84 = "WGS84"
"""The datum that needs no conversion."""


def readers_in(readers: Readers, datum: str, epoch_year: float) -> Readers:
    """``readers`` whose positions come out in WGS 84 when those on the air stand in ``datum``.

    ``epoch_year`` is the decimal year of the run (matters for CGCS2000 only). The very same object for WGS84;
    ValueError for an unknown datum.
    """
    if datum not in DATUMS:
        raise ValueError(f"datum: {datum!r} is not one of {', '.join(DATUMS)}")
    return readers if datum == SAME_AS_WGS84 else DatumReaders(readers, datum, epoch_year)


def vehicles_in(columns: VehicleColumns, datum: str, epoch_year: float) -> VehicleColumns:
    """Vehicle messages whose positions stand in ``datum``, in WGS 84; the very same object for WGS84.

    Path histories are differences to the position and stay; GCJ-02 stretches or turns them by up to 0.5 % around the
    demonstration zone (1 m over 200 m).
    """
    if datum == SAME_AS_WGS84:
        return columns
    lon, lat = to_wgs84(datum, columns.longitude_deg, columns.latitude_deg, epoch_year)
    return replace(columns, longitude_deg=lon, latitude_deg=lat)


@dataclass(frozen=True)
class DatumReaders:
    """Readers of any family with every position converted from ``datum``; headings, radii and times stay."""

    readers: Readers
    datum: str
    epoch_year: float

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        """Lanes of one map message, in WGS 84."""
        lanes = self.readers.lanes(value)
        lines = self._lines([lane.points for lane in lanes])
        return [replace(lane, points=points) for lane, points in zip(lanes, lines, strict=True)]

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        """Phases of one signal message, which carry no position."""
        return self.readers.signals(value, near_utc_ns)

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        """Events and signs of one message, in WGS 84."""
        events = self.readers.events(message, value)
        lines = iter(self._lines([line for event in events for line in _lines_of(event)]))
        return [_event(event, lines) for event in events]

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        """Road users told by one message, in WGS 84."""
        objects = self.readers.objects(message, value, near_utc_ns)
        lon, lat = to_wgs84(self.datum, objects.lon, objects.lat, self.epoch_year)
        return replace(objects, lon=lon, lat=lat)

    def _lines(self, lines: list[np.ndarray]) -> list[np.ndarray]:
        """(n, 2) arrays of (lon, lat), converted all at once."""
        if not lines:
            return []
        points = np.concatenate([np.reshape(line, (-1, 2)) for line in lines])
        there = np.column_stack(to_wgs84(self.datum, points[:, 0], points[:, 1], self.epoch_year))
        return np.split(there, np.cumsum([len(line) for line in lines])[:-1])


def _lines_of(event: RoadEvent) -> list[np.ndarray]:
    """Its paths, and its position as a line of one point."""
    return [*event.paths, *([] if event.position is None else [np.array([event.position])])]


def _event(event: RoadEvent, lines: Iterator[np.ndarray]) -> RoadEvent:
    """The event with the next of the converted lines, in the order of :func:`_lines_of`."""
    paths = tuple(next(lines) for _ in event.paths)
    if event.position is None:
        return replace(event, paths=paths)
    lon, lat = next(lines)[0].tolist()
    return replace(event, position=(lon, lat), paths=paths)
