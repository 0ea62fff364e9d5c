"""The roads of a corridor: main carriageways, side arms, the curves through junctions, and the approaches."""

from __future__ import annotations

import numpy as np

from sim.scenario.schema.corridor import Corridor
from sim.world.corridor import CorridorGeometry, Problem, WorldProblems
from sim.world.polyline import Polyline
from sim.world.roads import (
    ARM_STOP_EXTRA_M,
    STOP_LINE_SETBACK_M,
    TURN_SPEED_MPS,
    Approach,
    Movement,
    Road,
    RoadKind,
    Turn,
    curve,
    straight_line,
)

APPROACHES = ("up", "down", "arm_right", "arm_left")
"""Order of approaches; the phase id is the position plus one."""
MAP_REACH_M = 500.0
"""Longest piece of a link upstream of a stop line that is described."""
LEAST_LINK_M = 50.0
FIRST_NODE_ID = 256
FIRST_END_ID = 1024
"""Corridor ends and far ends of arms get ids from here on (project choice)."""
ROAD_STRIDE_M = 1.0e6
"""Roads lie this far apart in the common key ``road * stride + s``."""
_EXTENSION_M = 2000.0

_TARGETS: dict[str, dict[Turn, str]] = {
    "up": {"straight": "up", "right": "arm_right", "left": "arm_left"},
    "down": {"straight": "down", "right": "arm_left", "left": "arm_right"},
    "arm_right": {"straight": "arm_left", "right": "up", "left": "down"},
    "arm_left": {"straight": "arm_right", "right": "down", "left": "up"},
}


class RoadNetwork:
    """Every carriageway of a corridor, read only, for right-hand traffic.

    ``roads``: main ``up``/``down`` first, then per node arms (``<node>/arm_right/in`` and ``/out``), then
    connectors. ``approaches``: per node in the order of ``APPROACHES`` (those that exist).
    Raises :class:`sim.world.corridor.WorldProblems`.
    """

    def __init__(self, corridor: CorridorGeometry) -> None:
        self.corridor = corridor
        config = corridor.config
        found = node_problems(corridor)
        if found:
            raise WorldProblems(found)
        self.roads: list[Road] = []
        self.approaches: list[Approach] = []
        self.main: dict[str, int] = {}
        """Direction -> road index."""
        self.arm_roads: dict[tuple[int, str, str], int] = {}
        """(node index, arm_right | arm_left, in | out) -> road index."""
        self.node_ids = _node_ids(config)
        self.start_id, self.end_id, self.arm_end_ids = _end_ids(config, self.node_ids)
        self.node_regions = [_region(corridor, c) for c in corridor.node_chainage_m]
        for direction in APPROACHES[:2]:
            if direction in config.directions:
                self._add_main(direction)
        for node in range(len(config.nodes)):
            self._add_arms(node)
        for node in range(len(config.nodes)):
            for name in APPROACHES:
                if name in self.main or name.startswith("arm"):
                    self._add_approach(node, name)
        self._build_tables()

    # -- reading -----------------------------------------------------------------------------------------------

    def locate(
        self, road: np.ndarray, s_m: np.ndarray, right_m: np.ndarray | float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(x_m, y_m, heading_deg, chainage_m) of places ``right_m`` to the right of the roads' middle lines."""
        key = road * ROAD_STRIDE_M + s_m
        last = self._key.searchsorted(key, side="right")
        first = last - 1
        part = (key - self._key[first]) / (self._key[last] - self._key[first])
        x, y, left_x, left_y, heading, mark = self._vertex[:, first] + part * self._step[:, first]
        return x - right_m * left_x, y - right_m * left_y, heading % 360.0, mark

    def lane_right_m(self, road: np.ndarray, lane: np.ndarray) -> np.ndarray:
        """Offset of lane centres to the right of the roads' middle lines."""
        return (lane - (self.lanes_of_road[road] - 1) / 2) * self.lane_width_m

    def speed_limit_at(self, road: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        """Speed limits in m/s at places given by road index and arc length."""
        return self._piece_limit[self._piece(road, s_m)]

    def lanes_at(self, road: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        """Lane counts at places given by road index and arc length."""
        return self._piece_lanes[self._piece(road, s_m)]

    def lane_points(self, approach: Approach, lane: int) -> np.ndarray:
        """[point, (x_m, y_m)] of a lane centre in the direction of travel, from upstream to the stop line.

        The piece is the link, at most ``MAP_REACH_M`` long; points are its ends and the vertices of the road between.
        """
        road = self.roads[approach.road]
        start = max(approach.link_start_s_m, approach.stop_s_m - MAP_REACH_M)
        inner = road.line.s_m[(road.line.s_m > start + 0.5) & (road.line.s_m < approach.stop_s_m - 0.5)]
        return np.column_stack(road.lane_xy(lane, np.concatenate([[start], inner, [approach.stop_s_m]])))

    def approaches_of(self, node: int) -> list[Approach]:
        """The approaches of one node."""
        return [a for a in self.approaches if a.node == node]

    def lane_at(self, direction: str, lateral_m: np.ndarray, chainage_m: np.ndarray) -> np.ndarray:
        """Lane of a main carriageway nearest to a lateral position (metres left of direction up)."""
        road = self.roads[self.main[direction]]
        right = -np.asarray(lateral_m) * road.direction
        lane = np.floor((right - self.corridor.config.median_m / 2) / self.lane_width_m).astype(int)
        return np.clip(lane, 0, self.corridor.lanes_at(chainage_m) - 1)

    # -- building ----------------------------------------------------------------------------------------------

    def _add(
        self,
        name: str,
        kind: RoadKind,
        direction: int,
        line: Polyline,
        lanes: int,
        edges: list[float],
        counts: list[int],
        limits: list[float],
        node: int = -1,
    ) -> int:
        road = Road(
            len(self.roads),
            name,
            kind,
            direction,
            line,
            lanes,
            self.corridor.config.lane_width_m,
            np.array(edges),
            np.array(counts),
            np.array(limits),
            node,
        )
        self.roads.append(road)
        return road.index

    def _add_main(self, direction: str) -> None:
        corridor, config = self.corridor, self.corridor.config
        lanes = max(section.lanes for section in corridor.sections)
        forward = corridor.line if direction == "up" else corridor.line.reversed()
        line = forward.offset(-(config.median_m + lanes * config.lane_width_m) / 2)
        sections = corridor.sections if direction == "up" else corridor.sections[::-1]
        ends = [s.from_m if direction == "up" else s.to_m for s in sections]
        order = 1 if direction == "up" else -1
        edges = [float(np.interp(end, line.mark[::order], line.s_m[::order])) for end in ends]
        self.main[direction] = self._add(
            direction,
            "main",
            order,
            line,
            lanes,
            edges,
            [s.lanes for s in sections],
            [s.speed_limit_mps for s in sections],
        )

    def _half_widths(self, node: int) -> tuple[float, float]:
        """From the node's centre to the outer edge of the main road and of the arms."""
        config = self.corridor.config
        lanes = max(section.lanes for section in self.corridor.sections)
        return config.median_m / 2 + lanes * config.lane_width_m, config.nodes[
            node
        ].arms.lanes * config.lane_width_m

    def _add_arms(self, node: int) -> None:
        config, chainage = self.corridor.config, self.corridor.node_chainage_m[node]
        arms = config.nodes[node].arms
        near = self._half_widths(node)[0] + STOP_LINE_SETBACK_M
        x, y = (float(v) for v in self.corridor.xy_at(chainage))
        up = np.radians(float(self.corridor.heading_at(chainage)))
        for name, side in (("arm_right", 1.0), ("arm_left", -1.0)):
            out_x, out_y = side * np.cos(up), -side * np.sin(up)
            shift = arms.lanes * config.lane_width_m / 2
            for way in ("in", "out"):
                # Right-hand traffic: the outbound carriageway lies to the right of the outward direction.
                right = shift if way == "out" else -shift
                base_x, base_y = x + right * out_y, y - right * out_x
                first = near + (ARM_STOP_EXTRA_M if way == "in" else 0.0)
                ends = [(base_x + d * out_x, base_y + d * out_y) for d in (first, first + arms.length_m)]
                if way == "in":
                    ends.reverse()
                kind: RoadKind = "arm_in" if way == "in" else "arm_out"
                index = self._add(
                    f"{config.nodes[node].id}/{name}/{way}",
                    kind,
                    0,
                    straight_line(ends[0], ends[1], chainage),
                    arms.lanes,
                    [0.0],
                    [arms.lanes],
                    [arms.speed_limit_mps],
                    node,
                )
                self.arm_roads[node, name, way] = index

    def _stop_and_exit(self, node: int, direction: str) -> tuple[float, float]:
        centre = float(self.roads[self.main[direction]].s_at_chainage(self.corridor.node_chainage_m[node]))
        half = self._half_widths(node)[1] + STOP_LINE_SETBACK_M
        return centre - half, centre + half

    def _add_approach(self, node: int, name: str) -> None:
        config = self.corridor.config
        arms = config.nodes[node].arms
        is_main = name in self.main
        if is_main:
            road = self.roads[self.main[name]]
            stop, leave = self._stop_and_exit(node, name)
            before = node - road.direction
            has_before = 0 <= before < len(config.nodes)
            link_start = self._stop_and_exit(before, name)[1] if has_before else 0.0
            outer_end = self.start_id if road.direction > 0 else self.end_id
            upstream = self.node_ids[before] if has_before else outer_end
            left, right = arms.main_left_ratio, arms.main_right_ratio
        else:
            road = self.roads[self.arm_roads[node, name, "in"]]
            stop = leave = road.length_m
            link_start, upstream = 0.0, self.arm_end_ids[node][name]
            left, right = arms.turn_left_ratio, arms.turn_right_ratio
        lanes = int(road.lanes_at(stop))
        possible = {
            turn: to for turn, to in _TARGETS[name].items() if to in self.main or to.startswith("arm")
        }
        left = left if "left" in possible else 0.0
        right = right if "right" in possible else 0.0
        by_lane: list[tuple[Movement, ...]] = []
        for lane in range(lanes):
            turns: list[Turn] = [
                t
                for t in ("left", "straight", "right")
                if t in possible and (t == "straight" or lane == (0 if t == "left" else lanes - 1))
            ]
            by_lane.append(
                tuple(self._movement(node, name, road, stop, lane, turn, possible[turn]) for turn in turns)
            )
        self.approaches.append(
            Approach(
                len(self.approaches),
                node,
                name,
                APPROACHES.index(name) + 1,
                road.index,
                stop,
                leave,
                link_start,
                upstream,
                lanes,
                left,
                right,
                tuple(by_lane),
            )
        )

    def _movement(
        self, node: int, name: str, road: Road, stop: float, lane: int, turn: Turn, to: str
    ) -> Movement:
        phase_id = APPROACHES.index(name) + 1
        if to in self.main:
            target, target_s = self.roads[self.main[to]], self._stop_and_exit(node, to)[1]
            after = node + target.direction
            outer_end = self.end_id if target.direction > 0 else self.start_id
            remote = self.node_ids[after] if 0 <= after < len(self.node_ids) else outer_end
        else:
            target, target_s = self.roads[self.arm_roads[node, to, "out"]], 0.0
            remote = self.arm_end_ids[node][to]
        if to == name:
            return Movement(turn, lane, road.index, lane, -1, remote, phase_id)
        last = int(target.lanes_at(target_s)) - 1
        to_lane = 0 if turn == "left" else last if turn == "right" else min(lane, last)
        start = tuple(float(v) for v in road.lane_xy(lane, stop))
        end = tuple(float(v) for v in target.lane_xy(to_lane, target_s))
        line = curve(
            (start[0], start[1]),
            float(road.heading_at(stop)),
            (end[0], end[1]),
            float(target.heading_at(target_s)),
            self.corridor.node_chainage_m[node],
        )
        label = f"{self.corridor.config.nodes[node].id}/{name}/{turn}/{lane}"
        connector = self._add(label, "connector", 0, line, 1, [0.0], [1], [TURN_SPEED_MPS[turn]], node)
        return Movement(turn, lane, target.index, to_lane, connector, remote, phase_id)

    def _build_tables(self) -> None:
        self.lane_width_m = self.corridor.config.lane_width_m
        self.lanes_of_road = np.array([r.lanes for r in self.roads])
        self.length_of_road_m = np.array([r.length_m for r in self.roads])
        self.direction_of_road = np.array([r.direction for r in self.roads], np.int8)
        self.lane_base = np.concatenate([[0], np.cumsum(self.lanes_of_road)])
        """First number of each road's lanes when all lanes are counted through."""
        keys, columns, piece_keys, piece_lanes, piece_limits = [], [], [], [], []
        for road in self.roads:
            s = np.concatenate([[-_EXTENSION_M], road.line.s_m, [road.length_m + _EXTENSION_M]])
            x, y = road.line.at(s)
            held = [
                np.concatenate([v[:1], v, v[-1:]])
                for v in (road.line.left_x, road.line.left_y, road.line.heading_deg)
            ]
            keys.append(road.index * ROAD_STRIDE_M + s)
            columns.append(np.array([x, y, *held, road.chainage_at(s)]))
            piece_keys.append(
                road.index * ROAD_STRIDE_M + np.concatenate([[-_EXTENSION_M], road.edges_m[1:]])
            )
            piece_lanes.append(road.lane_counts)
            piece_limits.append(road.limits_mps)
        self._key, self._vertex = np.concatenate(keys), np.concatenate(columns, axis=1)
        self._step = np.concatenate([np.diff(self._vertex, axis=1), np.zeros((6, 1))], axis=1)
        self._piece_key = np.concatenate(piece_keys)
        self._piece_lanes, self._piece_limit = np.concatenate(piece_lanes), np.concatenate(piece_limits)

    def _piece(self, road: np.ndarray, s_m: np.ndarray) -> np.ndarray:
        return self._piece_key.searchsorted(road * ROAD_STRIDE_M + s_m, side="right") - 1


def _node_ids(config: Corridor) -> list[int]:
    taken = {node.node_id for node in config.nodes if node.node_id is not None}
    ids: list[int] = []
    for index, node in enumerate(config.nodes):
        wanted = FIRST_NODE_ID + index if node.node_id is None else node.node_id
        while node.node_id is None and wanted in taken:
            wanted += 1
        taken.add(wanted)
        ids.append(wanted)
    return ids


def _end_ids(config: Corridor, node_ids: list[int]) -> tuple[int, int, list[dict[str, int]]]:
    free = (i for i in range(FIRST_END_ID, 65536) if i not in set(node_ids))
    start, end = next(free), next(free)
    return start, end, [{name: next(free) for name in APPROACHES[2:]} for _ in config.nodes]


def _region(corridor: CorridorGeometry, chainage_m: float) -> int:
    place = int(corridor.place_at(chainage_m))
    return corridor.config.jurisdictions[place].region_id if place >= 0 else 0


def node_problems(corridor: CorridorGeometry) -> list[Problem]:
    """What is wrong with nodes and arms once the line is known: room, ids, turning shares."""
    problems: list[Problem] = []
    config = corridor.config
    used: dict[int, str] = {}
    for i, node in enumerate(config.nodes):
        path: tuple[str | int, ...] = ("corridor", "nodes", i)
        if node.node_id is not None:
            if node.node_id in used:
                problems.append(
                    ((*path, "node_id"), f"{node.node_id} is already the id of {used[node.node_id]}")
                )
            used[node.node_id] = node.id
        arms, at_m = node.arms, corridor.node_chainage_m[i]
        for left, right in (("turn_left_ratio", "turn_right_ratio"), ("main_left_ratio", "main_right_ratio")):
            total = getattr(arms, left) + getattr(arms, right)
            if total > 1 + 1e-9:
                problems.append(
                    ((*path, "arms", left), f"{left} + {right} is {total:g}, at most 1 is possible")
                )
        half = arms.lanes * config.lane_width_m + STOP_LINE_SETBACK_M
        before = corridor.node_chainage_m[i - 1] + half if i else 0.0
        for room, other in (
            (at_m - half - before, "the node before it" if i else "the start of the road"),
            (corridor.length_m - at_m - half, "the end of the road"),
        ):
            if room < LEAST_LINK_M:
                problems.append(
                    (
                        path,
                        f"{node.id} at {at_m:.1f} m leaves {room:.1f} m of road to {other}, "
                        f"at least {LEAST_LINK_M:.0f} m are needed",
                    )
                )
    return problems


def network_problems(config: Corridor) -> list[Problem]:
    """Everything wrong with a corridor and its nodes; empty if a :class:`RoadNetwork` can be built."""
    try:
        return node_problems(CorridorGeometry(config))
    except WorldProblems as error:
        return error.problems
