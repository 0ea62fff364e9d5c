"""Road geometry in SI units and degrees, free of any message set: what a MAP builder is given and a reader
gives back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

METRES_PER_DEGREE = 111_319.49
"""One degree of a great circle on a sphere of the WGS-84 equatorial radius; only for comparing small lengths.
"""

MANEUVERS = ("straight", "left", "right", "uturn")


@dataclass(frozen=True, eq=False)
class LaneGeometry:
    """One lane that leads into a node."""

    lane_id: int
    width_m: float
    points: np.ndarray
    """(n, 2) array of (lon, lat) in degrees along the centre line, from upstream to the stop line, n >= 2."""
    maneuvers: frozenset[str] = frozenset({"straight"})
    """Any of straight, left, right, uturn."""
    connections: tuple[tuple[int, int, int, int], ...] = ()
    """(remote region, remote node, remote lane, phase id) of each way through the node; lane or phase 0 =
    none.
    """
    speed_limit_mps: float | None = None


@dataclass(frozen=True, eq=False)
class LinkGeometry:
    """One carriageway from an upstream node into this node."""

    name: str
    upstream_region: int
    upstream_node: int
    width_m: float
    speed_limit_mps: float | None
    points: np.ndarray
    """(n, 2) array of (lon, lat) along the link's centre line, from upstream to the stop line; may be empty.
    """
    lanes: tuple[LaneGeometry, ...]
    movements: tuple[tuple[int, int, int], ...] = ()
    """(remote region, remote node, phase id) of each movement; phase 0 = none."""


@dataclass(frozen=True, eq=False)
class NodeGeometry:
    """One node (junction or end of a link) with the links that lead into it."""

    region: int
    node: int
    name: str
    lon: float
    lat: float
    height_m: float | None = None
    links: tuple[LinkGeometry, ...] = field(default=())


def metric_offsets(points: np.ndarray, lon: float, lat: float) -> np.ndarray:
    """(n, 2) east and north offsets in metres of (lon, lat) points, good to 0.5 % for a few kilometres."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    east_m = (points[:, 0] - lon) * METRES_PER_DEGREE * np.cos(np.radians(lat))
    return np.column_stack([east_m, (points[:, 1] - lat) * METRES_PER_DEGREE])


def simplified(points: np.ndarray, tolerance_m: float) -> np.ndarray:
    """Fewest-point selection of a polyline that stays within ``tolerance_m`` (Douglas and Peucker 1973).

    ``points`` is (n, 2) of (lon, lat); first and last point always stay.
    """
    points = np.asarray(points, np.float64).reshape(-1, 2)
    if len(points) <= 2:
        return points
    xy = metric_offsets(points, points[0, 0], points[0, 1])
    keep = np.zeros(len(xy), bool)
    keep[[0, -1]] = True
    pending = [(0, len(xy) - 1)]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        distance_m = _distances_to_segment(xy[first + 1 : last], xy[first], xy[last])
        worst = int(np.argmax(distance_m))
        if distance_m[worst] > tolerance_m:
            middle = first + 1 + worst
            keep[middle] = True
            pending += [(first, middle), (middle, last)]
    return points[keep]


def _distances_to_segment(xy: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    along = end - start
    square = float(along @ along)
    share = np.clip((xy - start) @ along / square, 0.0, 1.0) if square > 0 else np.zeros(len(xy))
    return np.hypot(*(xy - start - share[:, None] * along).T)


def node_reference(region: int, node: int) -> dict[str, int]:
    """Identifier of a node on the air; a region below 0 is left out. ValueError outside 0..65535."""
    for name, number in (("region", max(region, 0)), ("node id", node)):
        if not 0 <= number <= 65535:
            raise ValueError(f"{name} {number}: must lie in 0..65535")
    return {"id": node} if region < 0 else {"region": region, "id": node}
