"""Lanes as read from maps of any set, in one local plane: what a receiver knows of the road."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from rsu.geodesy import LocalPlane, on_plane

LaneKey = tuple[int, int, int, int, int]
"""(region, node, upstream region, upstream node, lane id); sets that number lanes per node leave the upstream at 0."""


@dataclass(frozen=True, eq=False)
class RoadLane:
    """One lane as read from a MAP."""

    key: LaneKey
    width_m: float
    points: np.ndarray
    """(n, 2) array of (lon, lat) in degrees, from upstream to the stop line."""
    maneuvers: frozenset[str]
    phase_ids: tuple[int, ...]
    """Signal phases of the ways through the node, ascending; of the link's movements if no connection states
    one.
    """
    speed_limit_mps: float
    """NaN when not stated."""


@dataclass(frozen=True, eq=False)
class RoadMap:
    """Lanes of one or more MAP messages in one local plane.

    Segment columns (one row per piece of a lane's centre line): ``start_xy``, ``along`` (unit vectors),
    ``length_m``, ``to_stop_m`` (from the segment's end along the lane to the stop line), ``heading_deg``,
    ``segment_lane``.
    """

    lanes: tuple[RoadLane, ...]
    plane: LocalPlane | None
    lane_index: dict[LaneKey, int] = field(default_factory=dict)
    lane_width_m: np.ndarray = field(default_factory=lambda: np.empty(0))
    start_xy: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    along: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    length_m: np.ndarray = field(default_factory=lambda: np.empty(0))
    to_stop_m: np.ndarray = field(default_factory=lambda: np.empty(0))
    heading_deg: np.ndarray = field(default_factory=lambda: np.empty(0))
    segment_lane: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @staticmethod
    def of_lanes(lanes: Iterable[RoadLane]) -> RoadMap:
        """The segment columns of ``lanes``; of a lane stated twice the later statement holds, lanes with fewer than two
        usable points are left out."""
        lanes = tuple({lane.key: lane for lane in lanes}.values())
        lanes = tuple(lane for lane in lanes if len(lane.points) >= 2 and on_plane(lane.points))
        if not lanes:
            return RoadMap((), None)
        plane = LocalPlane(*np.mean([lane.points[-1] for lane in lanes], axis=0).tolist())
        pieces = [_segments(lane, plane, index) for index, lane in enumerate(lanes)]
        start_xy, along, length_m, to_stop_m, segment_lane = (
            np.concatenate(column) for column in zip(*pieces, strict=True)
        )
        heading_deg = np.degrees(np.arctan2(along[:, 0], along[:, 1])) % 360.0
        return RoadMap(
            lanes,
            plane,
            {lane.key: index for index, lane in enumerate(lanes)},
            np.array([lane.width_m for lane in lanes]),
            start_xy,
            along,
            length_m,
            to_stop_m,
            heading_deg,
            segment_lane,
        )

    @property
    def phase_ids(self) -> frozenset[int]:
        """Every phase any lane refers to."""
        return frozenset(phase for lane in self.lanes for phase in lane.phase_ids)


def _segments(
    lane: RoadLane, plane: LocalPlane, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x_m, y_m = plane.to_plane(lane.points[:, 0], lane.points[:, 1])
    xy = np.column_stack([x_m, y_m])
    step = np.diff(xy, axis=0)
    length_m = np.hypot(step[:, 0], step[:, 1])
    real = length_m > 0
    step, start_xy, length_m = step[real], xy[:-1][real], length_m[real]
    to_stop_m = np.sum(length_m) - np.cumsum(length_m)
    return start_xy, step / length_m[:, None], length_m, to_stop_m, np.full(len(length_m), index)


