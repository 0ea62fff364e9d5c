"""One carriageway as data, and how junction geometry follows from lane counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.world.polyline import Polyline, heading_deg

RoadKind = Literal["main", "arm_in", "arm_out", "connector"]
Turn = Literal["straight", "left", "right"]

STOP_LINE_SETBACK_M = 6.0
"""From the edge of the crossing carriageway to the stop line (assumption)."""
ARM_STOP_EXTRA_M = 7.0
"""Stop lines of arms lie this much further back, so that long vehicles can turn in beside a queue (assumption)."""
TURN_SPEED_MPS: dict[str, float] = {"left": 7.0, "right": 5.0, "straight": 11.11}
"""Highest speed on a connector (assumption: 2 m/s2 lateral on 25 m and 12 m radius; arm speed straight across)."""


@dataclass(frozen=True)
class Road:
    """One carriageway with one direction of travel.

    ``s`` (m) is the arc length of its middle line and grows in the direction of travel; ``line.mark`` is chainage
    (constant on arms and connectors). Lane 0 is the left (inner) one. ``edges_m`` are the ``s`` at which a piece with
    ``lane_counts`` lanes and ``limits_mps`` begins; where lanes are fewer the outer ones are missing.
    """

    index: int
    name: str
    kind: RoadKind
    direction: int
    """+1 up, -1 down, 0 side arm or connector."""
    line: Polyline
    lanes: int
    lane_width_m: float
    edges_m: np.ndarray
    lane_counts: np.ndarray
    limits_mps: np.ndarray
    node: int = -1
    """Node index for arms and connectors."""

    @property
    def length_m(self) -> float:
        """Arc length."""
        return self.line.length_m

    def lane_right_m(self, lane: np.ndarray | float) -> np.ndarray:
        """Offset of a lane centre to the right of the middle line."""
        return (np.asarray(lane) - (self.lanes - 1) / 2) * self.lane_width_m

    def lanes_at(self, s_m: np.ndarray | float) -> np.ndarray:
        """Lanes that exist at ``s_m``."""
        return self.lane_counts[self._piece(s_m)]

    def speed_limit_at(self, s_m: np.ndarray | float) -> np.ndarray:
        """Speed limit in m/s."""
        return self.limits_mps[self._piece(s_m)]

    def lane_xy(self, lane: np.ndarray | float, s_m: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(x_m, y_m) of a lane centre."""
        return self.line.at(s_m, -self.lane_right_m(lane))

    def heading_at(self, s_m: np.ndarray | float) -> np.ndarray:
        """Direction of travel, degrees clockwise from north."""
        return self.line.heading_at(s_m)

    def chainage_at(self, s_m: np.ndarray | float) -> np.ndarray:
        """Chainage of the corridor (of the node for arms and connectors)."""
        if self.direction == 0:
            return np.full(np.shape(s_m), self.line.mark[0])
        return self.line.mark_of_s(s_m)

    def s_at_chainage(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Arc length on a main carriageway at a chainage."""
        if self.direction == 0:
            raise ValueError(f"road: {self.name} is no main carriageway, chainage does not grow along it")
        if self.direction > 0:
            return np.interp(chainage_m, self.line.mark, self.line.s_m)
        return np.interp(chainage_m, self.line.mark[::-1], self.line.s_m[::-1])

    def _piece(self, s_m: np.ndarray | float) -> np.ndarray:
        return np.clip(np.searchsorted(self.edges_m, s_m, side="right") - 1, 0, len(self.edges_m) - 1)


@dataclass(frozen=True)
class Movement:
    """One lane-to-lane way through a node."""

    turn: Turn
    from_lane: int
    to_road: int
    to_lane: int
    connector: int
    """Road index of the curve driven, -1 if the vehicle stays on its road."""
    remote_node_id: int
    """Node at the far end of the link entered."""
    phase_id: int


@dataclass(frozen=True)
class Approach:
    """One signalised way into a node: where its stop line is and what each lane may do."""

    index: int
    """Position in ``RoadNetwork.approaches``."""
    node: int
    name: str
    """up, down, arm_right, arm_left."""
    phase_id: int
    road: int
    stop_s_m: float
    exit_s_m: float
    """Where the main carriageway is past the junction (arms: the stop line)."""
    link_start_s_m: float
    """Where the link begins: exit of the node before, or the start of the road."""
    upstream_node_id: int
    lanes: int
    left_ratio: float
    right_ratio: float
    movements: tuple[tuple[Movement, ...], ...]
    """[lane][movement], lane 0 the inner one."""

    def movement(self, turn: Turn) -> Movement | None:
        """The first movement of that turn (one per turn apart from straight)."""
        return next((m for lane in self.movements for m in lane if m.turn == turn), None)

    def ratio(self, turn: Turn) -> float:
        """Share of the approach's traffic that makes this turn, after impossible turns were given to the others."""
        return {
            "left": self.left_ratio,
            "right": self.right_ratio,
            "straight": 1.0 - self.left_ratio - self.right_ratio,
        }[turn]


def straight_line(start: tuple[float, float], end: tuple[float, float], mark: float) -> Polyline:
    """Two vertices with one constant label."""
    heading = float(heading_deg(end[0] - start[0], end[1] - start[1]))
    return Polyline(
        np.array([start[0], end[0]]),
        np.array([start[1], end[1]]),
        np.array([heading, heading]),
        np.array([mark, mark]),
    )


def curve(
    start: tuple[float, float],
    start_heading_deg: float,
    end: tuple[float, float],
    end_heading_deg: float,
    mark: float,
) -> Polyline:
    """A cubic Bezier through a junction, tangent to both headings, in 24 pieces."""
    reach = 0.45 * float(np.hypot(end[0] - start[0], end[1] - start[1]))
    a, b = np.radians(start_heading_deg), np.radians(end_heading_deg)
    knots = np.array(
        [
            start,
            (start[0] + reach * np.sin(a), start[1] + reach * np.cos(a)),
            (end[0] - reach * np.sin(b), end[1] - reach * np.cos(b)),
            end,
        ]
    )
    t = np.linspace(0.0, 1.0, 25)[:, None]
    point = (
        (1 - t) ** 3 * knots[0]
        + 3 * (1 - t) ** 2 * t * knots[1]
        + 3 * (1 - t) * t**2 * knots[2]
        + t**3 * knots[3]
    )
    tangent = (
        (1 - t) ** 2 * (knots[1] - knots[0])
        + 2 * (1 - t) * t * (knots[2] - knots[1])
        + t**2 * (knots[3] - knots[2])
    )
    return Polyline(point[:, 0], point[:, 1], heading_deg(tangent[:, 0], tangent[:, 1]), np.full(25, mark))
