"""Junctions and vehicles for the tests of services and applications."""

from __future__ import annotations

import numpy as np

from rsu.geodesy import LocalPlane
from rsu.services.geometry import LaneGeometry, LinkGeometry, NodeGeometry

LON, LAT = 120.8312, 31.0347
UTC_NS = 1_782_864_017_123_000_000
"""2026-07-01 00:00:17.123 UTC (date -u -d @1782864017)."""
LANE_M = 3.5


def arm_line(bearing_deg: float, length_m: float, bend: float, right_m: float) -> np.ndarray:
    """(n, 2) metres: a bent line towards the origin, ``right_m`` to the right of the arm's axis, stop line 15
    m before.

    ``bend`` is the curvature (1/m); the heading at the stop line is ``bearing_deg``.
    """
    back_m = np.linspace(length_m, 0.0, 121)
    heading = np.radians(bearing_deg) - bend * back_m
    middle = (heading[1:] + heading[:-1]) / 2
    step = np.diff(back_m)[:, None] * np.column_stack([np.sin(middle), np.cos(middle)])
    line = np.concatenate([np.cumsum(step[::-1], axis=0)[::-1], np.zeros((1, 2))])
    stop = -15.0 * np.array([np.sin(np.radians(bearing_deg)), np.cos(np.radians(bearing_deg))])
    return line + stop + right_m * np.column_stack([np.cos(heading), -np.sin(heading)])


def junction(
    node: int = 257,
    lanes: int = 3,
    bend: float = 1 / 900,
    length_m: float = 300.0,
    arms: int = 4,
    at_x_m: float = 0.0,
) -> NodeGeometry:
    """A junction with ``arms`` approaches, ``lanes`` lanes each, phase ids 1.. per arm."""
    corridor = LocalPlane(LON, LAT)
    node_lon, node_lat = (float(value) for value in corridor.to_lonlat(at_x_m, 0.0))
    plane = LocalPlane(node_lon, node_lat)
    links = []
    for arm in range(arms):
        bearing_deg = 23.0 + 360.0 / arms * arm
        rows = []
        for lane in range(1, lanes + 1):
            line = arm_line(bearing_deg, length_m, bend, LANE_M * (lane - 0.5))
            rows.append(
                LaneGeometry(
                    lane,
                    LANE_M,
                    np.column_stack(plane.to_lonlat(line[:, 0], line[:, 1])),
                    frozenset({"straight", "right"} if lane == lanes else {"straight"}),
                    ((310, 900 + arm, 1, arm + 1),),
                    16.67,
                )
            )
        middle = arm_line(bearing_deg, length_m, bend, LANE_M * lanes / 2)
        links.append(
            LinkGeometry(
                f"arm{arm}",
                310,
                500 + arm,
                LANE_M * lanes,
                16.67,
                np.column_stack(plane.to_lonlat(middle[:, 0], middle[:, 1])),
                tuple(rows),
                ((310, 900 + arm, arm + 1),),
            )
        )
    return NodeGeometry(310, node, f"J{node}", node_lon, node_lat, 4.0, tuple(links))
