"""Whether two readings of the same octets mean the same to an application.

Compared are the neutral forms of :mod:`rsu.applications`, member by member, and only what an application here uses and
every set can carry; widths of lanes, speed limits, texts, priorities and accuracies are left out. NaN equals NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns, separation
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal
from rsu.messages.vehicle import VehicleColumns

SAME_PLACE_M = 0.1
"""Positions nearer than this are the same: steps of the finest and the coarsest set's positions lie below."""
SAME_SPEED_MPS = 0.05
SAME_ANGLE_DEG = 0.1
SAME_LENGTH_M = 0.05
"""One step of any set's sizes at most."""
SAME_INSTANT_NS = 100_000_000
"""One step of a signal's time marks."""

Meaning = list[RoadLane] | dict[PhaseKey, PhaseSignal] | list[RoadEvent] | ObjectColumns | dict[str, Any]
"""What a message says, in the form of its service class; the plain value where it has none."""


def same_meaning(one: Any, other: Any) -> bool:
    """Whether two :data:`Meaning` of one service class are the same."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, dict)):
        same = _SAME.get(_kind(one))
        if same is None or len(one) != len(other) or _kind(other) is not _kind(one):
            return bool(one == other)
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    return same_objects(one, other)


def same_lane(one: RoadLane, other: RoadLane) -> bool:
    """Key, manoeuvres, phases and points."""
    return (
        one.key == other.key and one.maneuvers == other.maneuvers and one.phase_ids == other.phase_ids
        and _same_line(one.points, other.points)
    )


def same_signal(one: PhaseSignal, other: PhaseSignal) -> bool:
    """Lights with their beginnings and ends, and the instant of the message."""
    if len(one.intervals) != len(other.intervals):
        return False
    if abs(one.generated_utc_ns - other.generated_utc_ns) > SAME_INSTANT_NS:
        return False
    return all(
        a.light == b.light and _same_instant(a.start_utc_ns, b.start_utc_ns)
        and _same_instant(a.end_utc_ns, b.end_utc_ns)
        for a, b in zip(one.intervals, other.intervals, strict=True)
    )


def same_event(one: RoadEvent, other: RoadEvent) -> bool:
    """Unit, number, kind, code as sent, place, paths and their half widths."""
    if (one.unit_id, one.id, one.kind, one.code) != (other.unit_id, other.id, other.kind, other.code):
        return False
    if len(one.paths) != len(other.paths) or (one.position is None) != (other.position is None):
        return False
    if not np.allclose(one.radii_m, other.radii_m, rtol=0.0, atol=SAME_LENGTH_M, equal_nan=True):
        return False
    lines = [*zip(one.paths, other.paths, strict=True)]
    if one.position is not None and other.position is not None:
        lines.append((np.array([one.position]), np.array([other.position])))
    return all(_same_line(a, b) for a, b in lines)


def same_objects(one: ObjectColumns, other: ObjectColumns) -> bool:
    """Numbers, places, speeds, headings and instants of all road users, in the order they are told."""
    if len(one) != len(other) or not np.array_equal(one.participant_id, other.participant_id):
        return False
    moving = _close(one.speed_mps, other.speed_mps, SAME_SPEED_MPS) & _same_angle(one.heading_deg, other.heading_deg)
    timed = np.abs(one.sampled_utc_ns - other.sampled_utc_ns) <= SAME_INSTANT_NS
    return bool((moving & timed & _same_place(one.lon, one.lat, other.lon, other.lat)).all())


def same_vehicles(one: VehicleColumns, other: VehicleColumns) -> np.ndarray:
    """[rows] bool: identity, place, speed, heading, size and time of the content."""
    same = (one.temporary_id == other.temporary_id) & (one.sec_mark_ms == other.sec_mark_ms)
    same &= _same_place(one.longitude_deg, one.latitude_deg, other.longitude_deg, other.latitude_deg)
    same &= _close(one.speed_mps, other.speed_mps, SAME_SPEED_MPS)
    same &= _same_angle(one.heading_deg, other.heading_deg)
    same &= _close(one.width_m, other.width_m, SAME_LENGTH_M)
    return np.asarray(same & _close(one.length_m, other.length_m, SAME_LENGTH_M))


def places(meaning: Meaning) -> np.ndarray:
    """(n, 2) lon, lat of everything a message places on earth; empty for one that places nothing."""
    parts: list[np.ndarray] = []
    if isinstance(meaning, ObjectColumns):
        parts.append(np.column_stack([meaning.lon, meaning.lat]))
    elif isinstance(meaning, list):
        parts += list(_lines(meaning))
    return np.concatenate([part.reshape(-1, 2) for part in parts]) if parts else np.empty((0, 2))


def _lines(items: Iterable[RoadLane | RoadEvent]) -> Iterable[np.ndarray]:
    for item in items:
        if isinstance(item, RoadLane):
            yield item.points
        else:
            yield from item.paths
            if item.position is not None:
                yield np.array([item.position])


def _kind(items: list[Any] | dict[Any, Any]) -> type:
    """Of the first item."""
    return type(next(iter(items if isinstance(items, list) else items.values()), None))


def _same_line(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    one, other = one.reshape(-1, 2), other.reshape(-1, 2)
    return bool(_same_place(one[:, 0], one[:, 1], other[:, 0], other[:, 1]).all())


def _same_place(lon: np.ndarray, lat: np.ndarray, other_lon: np.ndarray, other_lat: np.ndarray) -> np.ndarray:
    neither = (np.isnan(lon) | np.isnan(lat)) & (np.isnan(other_lon) | np.isnan(other_lat))
    return np.asarray(neither | (separation(lon, lat, other_lon, other_lat) <= SAME_PLACE_M))


def _same_angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    neither = np.isnan(one) & np.isnan(other)
    return np.asarray(neither | (np.abs((one - other + 180.0) % 360.0 - 180.0) <= SAME_ANGLE_DEG))


def _close(one: np.ndarray, other: np.ndarray, tolerance: float) -> np.ndarray:
    return np.asarray((np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= tolerance))


def _same_instant(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= SAME_INSTANT_NS


_SAME: dict[type, Callable[[Any, Any], bool]] = {
    RoadLane: same_lane, PhaseSignal: same_signal, RoadEvent: same_event,
}
"""How items of lists and mappings are compared; anything else is compared as it is."""
