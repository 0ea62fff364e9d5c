"""Which lane a vehicle drives on, from a MAP: nearest centre line that runs the vehicle's way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.applications.road_map import RoadMap

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class LaneMatch:
    """One row per vehicle; without a match ``lane`` is -1 and the lengths are NaN."""

    lane: np.ndarray
    """Index into ``RoadMap.lanes``."""
    to_stop_m: np.ndarray
    """Along the lane from the vehicle's reference point to the stop line."""
    lateral_m: np.ndarray
    """Offset from the centre line, positive to the right."""


def match_lanes(
    road_map: RoadMap,
    lon: np.ndarray,
    lat: np.ndarray,
    heading_deg: np.ndarray,
    *,
    tolerance_m: float = 0.5,
    heading_tolerance_deg: float = 45.0,
    end_tolerance_m: float = 1.0,
) -> LaneMatch:
    """Match vehicles (degrees, equal shapes) to lanes.

    A lane fits when the vehicle is within half its width + ``tolerance_m`` of the centre line, between the
    first point and the stop line (+ ``end_tolerance_m`` either way), and heads within
    ``heading_tolerance_deg`` of it; of several the one with the nearest centre line holds. A NaN position or
    heading matches nothing.
    """
    lon, lat, heading_deg = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(a, float)) for a in (lon, lat, heading_deg))
    )
    lane = np.full(len(lon), -1, np.int64)
    to_stop_m, lateral_m = np.full(len(lon), np.nan), np.full(len(lon), np.nan)
    if road_map.plane is None:
        return LaneMatch(lane, to_stop_m, lateral_m)
    x_m, y_m = road_map.plane.to_plane(lon, lat)
    reach_m = road_map.lane_width_m[road_map.segment_lane] / 2 + tolerance_m
    for first in range(0, len(lon), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        along_m, right_m = _project(road_map, x_m[rows], y_m[rows])
        beyond_m = np.maximum(np.maximum(-along_m, along_m - road_map.length_m), 0.0)
        distance_m = np.hypot(right_m, beyond_m)
        turn_deg = np.abs((heading_deg[rows, None] - road_map.heading_deg + 180.0) % 360.0 - 180.0)
        fits = (distance_m <= reach_m) & (beyond_m <= end_tolerance_m) & (turn_deg <= heading_tolerance_deg)
        distance_m = np.where(fits, distance_m, np.inf)
        best = np.argmin(distance_m, axis=1)
        every = np.arange(len(best))
        found = fits[every, best]
        lane[rows] = np.where(found, road_map.segment_lane[best], -1)
        remaining_m = road_map.to_stop_m[best] + road_map.length_m[best] - along_m[every, best]
        to_stop_m[rows] = np.where(found, remaining_m, np.nan)
        lateral_m[rows] = np.where(found, right_m[every, best], np.nan)
    return LaneMatch(lane, to_stop_m, lateral_m)


def _project(road_map: RoadMap, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(vehicles, segments): distance along the segment from its start, and to the right of it."""
    east_m = x_m[:, None] - road_map.start_xy[:, 0]
    north_m = y_m[:, None] - road_map.start_xy[:, 1]
    along = road_map.along
    return east_m * along[:, 0] + north_m * along[:, 1], east_m * along[:, 1] - north_m * along[:, 0]
