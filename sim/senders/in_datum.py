"""What units and vehicles describe, put into the datum they write on the air.

Everything the bench describes stands in WGS 84 at the epoch of the run; these functions give the same description with
its positions in another datum, and the very same object for WGS84. Heights, headings, widths and radii stay. Every
function raises ValueError for an unknown datum; ``epoch_year`` is the decimal year of the run
(:func:`rsu.geodesy.epoch_year` of the scenario's start) and matters for CGCS2000 only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rsu.geodesy import from_wgs84
from rsu.services.day2.described import Intention, PathPlan
from rsu.services.described import DetectedObjects, EventDescription, UnitDescription
from rsu.services.geometry import LinkGeometry, NodeGeometry

SAME_AS_WGS84 = "WGS84"
"""The datum that needs no conversion."""


def lonlat_in(
    lon: np.ndarray, lat: np.ndarray, datum: str, epoch_year: float
) -> tuple[np.ndarray, np.ndarray]:
    """(lon, lat) in ``datum`` of WGS 84 positions, degrees, any common shape; unchanged arrays for WGS84."""
    if datum == SAME_AS_WGS84:
        return lon, lat
    return from_wgs84(datum, lon, lat, epoch_year)


def point_in(lon: float, lat: float, datum: str, epoch_year: float) -> tuple[float, float]:
    """One position."""
    there_lon, there_lat = from_wgs84(datum, lon, lat, epoch_year)
    return float(there_lon), float(there_lat)


def line_in(points: np.ndarray, datum: str, epoch_year: float) -> np.ndarray:
    """(n, 2) array of (lon, lat)."""
    if datum == SAME_AS_WGS84:
        return points
    return np.column_stack(from_wgs84(datum, points[:, 0], points[:, 1], epoch_year))


def unit_in(unit: UnitDescription, datum: str, epoch_year: float) -> UnitDescription:
    """The unit that speaks."""
    if datum == SAME_AS_WGS84:
        return unit
    lon, lat = point_in(unit.lon, unit.lat, datum, epoch_year)
    return replace(unit, lon=lon, lat=lat)


def node_in(node: NodeGeometry, datum: str, epoch_year: float) -> NodeGeometry:
    """A node with its links and their lanes."""
    if datum == SAME_AS_WGS84:
        return node
    lon, lat = point_in(node.lon, node.lat, datum, epoch_year)
    return replace(node, lon=lon, lat=lat, links=tuple(_link_in(link, datum, epoch_year) for link in node.links))


def _link_in(link: LinkGeometry, datum: str, epoch_year: float) -> LinkGeometry:
    lanes = tuple(replace(lane, points=line_in(lane.points, datum, epoch_year)) for lane in link.lanes)
    return replace(link, points=line_in(np.reshape(link.points, (-1, 2)), datum, epoch_year), lanes=lanes)


def event_in(event: EventDescription, datum: str, epoch_year: float) -> EventDescription:
    """An event or sign with its path and the way towards it.

    Where the unit sends on unconverted what its platform feeds it, ``datum`` is that of the feed (``feed_datum``).
    """
    if datum == SAME_AS_WGS84:
        return event
    lon, lat = point_in(event.lon, event.lat, datum, epoch_year)
    approach = None if event.approach is None else line_in(event.approach, datum, epoch_year)
    return replace(event, lon=lon, lat=lat, path=line_in(event.path, datum, epoch_year), approach=approach)


def detected_in(objects: DetectedObjects, datum: str, epoch_year: float) -> DetectedObjects:
    """Objects of one sensing cycle."""
    lon, lat = lonlat_in(objects.lon, objects.lat, datum, epoch_year)
    return objects if datum == SAME_AS_WGS84 else replace(objects, lon=lon, lat=lat)


def intention_in(intention: Intention, datum: str, epoch_year: float) -> Intention:
    """What a vehicle intends: its own position and its plan (requests of the bench carry no position)."""
    if datum == SAME_AS_WGS84:
        return intention
    lon, lat = point_in(intention.vehicle.lon, intention.vehicle.lat, datum, epoch_year)
    plan = None if intention.plan is None else plan_in(intention.plan, datum, epoch_year)
    return replace(intention, vehicle=replace(intention.vehicle, lon=lon, lat=lat), plan=plan)


def plan_in(plan: PathPlan, datum: str, epoch_year: float) -> PathPlan:
    """A planned way."""
    lon, lat = lonlat_in(plan.lon, plan.lat, datum, epoch_year)
    return plan if datum == SAME_AS_WGS84 else replace(plan, lon=lon, lat=lat)
