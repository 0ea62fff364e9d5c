"""MAP and SPAT: a receiver on an approach finds its lane in the MAP and that lane's phase in the SPAT."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.applications.lane_match import LaneMatch, match_lanes
from rsu.applications.road_map import RoadLane, RoadMap
from rsu.compatibility import Reading
from sim.clock import NEVER, ns_from_s
from sim.frames import Outcome
from sim.metrics import CLASSES
from sim.metrics.coverage import Coverage
from sim.metrics.sole_supplier import NOBODY, Supply
from sim.receivers.base import Decoded, Delivery, Here, Newest, ended, report_coverage
from sim.world.approaches import Approaches
from sim.world.build import World

SPAT_MAP = CLASSES.index("SPAT+MAP")
SAME_LANE_M = 1.5
"""A lane of a map is the true lane whose stop line it ends at within this distance (lanes are 3 m wide or more)."""


class NodeMaps:
    """What MAP messages said of each node, who heard which link when, and which lane everybody is on now."""

    def __init__(
        self, world: World, reading: Reading, here: Here, approaches: Approaches,
        told: Callable[[int], Sequence[int]] | None = None,
    ) -> None:
        """``told``: nodes (indices) that the unit in a slot sends MAP and SPAT of; none = whatever they name."""
        self.world, self.here, self.approaches, self._told = world, here, approaches, told
        self._decode = Decoded(reading.decode)
        network = world.network
        self.nodes_of_key: dict[tuple[int, int], list[int]] = {}
        """Nodes by their identifier on the air; several where two jurisdictions number alike."""
        for node, (region, number) in enumerate(world.node_names):
            self.nodes_of_key.setdefault((max(region, 0), number), []).append(node)
        self._stops = _stop_lines(world)
        self._lanes: list[dict[bytes, list[RoadLane]]] = [{} for _ in network.node_ids]
        self.road_map: list[RoadMap | None] = [None] * len(network.node_ids)
        self._true_lane: list[np.ndarray] = [np.empty(0)] * len(network.node_ids)
        self.heard_ns = np.full((len(network.approaches), world.stations.size), -NEVER, np.int64)
        """When each receiver last got the MAP of the link of each approach."""
        probes = world.stations.probes
        self._first_probe, self._probes = probes.start, probes.stop - probes.start
        self._map_supply = Supply(len(network.approaches) * self._probes)
        self._contents: dict[bytes, tuple[set[int], set[int]]] = {}
        self._matches: dict[int, tuple[np.ndarray, LaneMatch, np.ndarray]] = {}
        self._right: dict[int, np.ndarray] = {}

    def begin_tick(self) -> None:
        """Positions moved: matches are to be found anew."""
        size = self.world.stations.size
        if self.heard_ns.shape[1] < size:
            tail = np.full((len(self.heard_ns), size - self.heard_ns.shape[1]), -NEVER, np.int64)
            self.heard_ns = np.concatenate([self.heard_ns, tail], axis=1)
        self.heard_ns[:, self.world.stations.changed] = -NEVER
        self._matches, self._right = {}, {}

    def hear(self, link: int, receiver: np.ndarray, applied_ns: np.ndarray, sender: int) -> None:
        """Receivers got the MAP of a link from a unit."""
        self.heard_ns[link, receiver] = np.maximum(self.heard_ns[link, receiver], applied_ns)
        probe = receiver - self._first_probe
        known = (probe >= 0) & (probe < self._probes)
        self._map_supply.received(link * self._probes + probe[known], applied_ns[known], sender)

    def only_supplier(self, link: np.ndarray, receiver: np.ndarray, now_ns: np.ndarray, tau_ns: int) -> np.ndarray:
        """Unit from which alone each probe has a fresh MAP of a link; -1 for several, none, and vehicles."""
        probe = receiver - self._first_probe
        known = (probe >= 0) & (probe < self._probes)
        place = np.where(known, link * self._probes + probe, 0)
        if not known.any():
            return np.full(len(receiver), NOBODY)
        alone = known & (now_ns - self._map_supply.without_ns[0, place] > tau_ns)
        return np.where(alone, self._map_supply.suppliers[0, place], NOBODY)

    def meant(self, key: tuple[int, int], sender: int | None) -> list[int]:
        """Nodes that a sender can mean by an identifier."""
        nodes = self.nodes_of_key.get(key, [])
        if sender is None or self._told is None:
            return nodes
        told = self._told(sender)
        return [node for node in nodes if node in told]

    def contents(self, octets: bytes, sender: int | None = None) -> tuple[set[int], set[int]] | None:
        """(nodes, approaches) a MAP tells of; learns it on first sight. None if it does not decode."""
        if octets in self._contents:
            return self._contents[octets]
        decoded = self._decode(octets)
        if decoded.value is None:
            return None
        nodes, links = set(), set()
        for lane in RoadMap.of_lanes(decoded.readers.lanes(decoded.value)).lanes:
            for node in self.meant(lane.key[:2], sender):
                nodes.add(node)
                self._lanes[node].setdefault(octets, []).append(lane)
                self.road_map[node] = None
                if (place := self._true_place(node, lane)) is not None:
                    links.add(place[0])
        self._contents[octets] = (nodes, links)
        self._matches, self._right = {}, {}
        return nodes, links

    def match(self, node: int) -> tuple[np.ndarray, LaneMatch, np.ndarray]:
        """(slots in the node's approach zones, their match, index of their true lane in the node's road map)."""
        if node not in self._matches:
            slots = self.approaches.in_zone(node)
            here = self.here
            matched = match_lanes(self.map_of(node), here.lon[slots], here.lat[slots], here.heading_deg[slots])
            table = self._true_lane[node]
            true = table[self.approaches.approach[slots], self.approaches.lane[slots]]
            self._matches[node] = slots, matched, true
        return self._matches[node]

    def right(self, node: int) -> np.ndarray:
        """[slot] bool: who finds the true lane in the node's road map."""
        if node not in self._right:
            slots, match, true = self.match(node)
            self._right[node] = np.zeros(self.world.stations.size, bool)
            self._right[node][slots] = (match.lane >= 0) & (match.lane == true)
        return self._right[node]

    def matched(self, node: int) -> np.ndarray:
        """[slot] bool: who finds some lane in the node's road map, the true one or another."""
        slots, match, _ = self.match(node)
        found = np.zeros(self.world.stations.size, bool)
        found[slots] = match.lane >= 0
        return found

    def map_of(self, node: int) -> RoadMap:
        """Everything heard of a node, merged."""
        road_map = self.road_map[node]
        if road_map is None:
            road_map = self.road_map[node] = RoadMap.of_lanes(
                lane for lanes in self._lanes[node].values() for lane in lanes
            )
            table = np.full((len(self.world.network.approaches), 8), -1, np.int64)
            for index, lane in enumerate(road_map.lanes):
                if (place := self._true_place(node, lane)) is not None:
                    table[place] = index
            self._true_lane[node] = table
        return road_map

    def _true_place(self, node: int, lane: RoadLane) -> tuple[int, int] | None:
        """(approach, lane) of the network whose stop line a lane of a map ends at; None for no such lane."""
        places, x_m, y_m = self._stops[node]
        if not places or not len(lane.points):
            return None
        end_x, end_y = self.world.corridor.plane.to_plane(lane.points[-1:, 0], lane.points[-1:, 1])
        away_m = np.hypot(x_m - end_x, y_m - end_y)
        nearest = int(np.argmin(away_m))
        return places[nearest] if away_m[nearest] <= SAME_LANE_M else None


def _stop_lines(world: World) -> list[tuple[list[tuple[int, int]], np.ndarray, np.ndarray]]:
    """Per node: (approach, lane) of every lane that leads into it, and where those lanes end on the plane."""
    network = world.network
    found = []
    for node in range(len(network.node_ids)):
        places = [(a.index, lane) for a in network.approaches_of(node) for lane in range(a.lanes)]
        ends = [network.lane_points(a, lane)[-1] for a in network.approaches_of(node) for lane in range(a.lanes)]
        xy = np.array(ends, float).reshape(-1, 2)
        found.append((places, xy[:, 0], xy[:, 1]))
    return found


class MapReceiver:
    """Applied = tells of the link the receiver drives on, and the receiver finds its true lane in it."""

    def __init__(self, maps: NodeMaps, period_ns: int, newest: Newest) -> None:
        self.maps, self.period_ns, self.newest = maps, period_ns, newest

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other; the state of who heard what is kept in ``maps``."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        maps, approach = self.maps, self.maps.approaches.approach
        for frame, octets, rows in delivery.by_frame():
            contents = maps.contents(octets, int(delivery.sender[frame]))
            if contents is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            receiver = delivery.receiver[rows]
            if delivery.reads_wrong(frame):
                self._judge_wrong(contents[0], delivery, rows, outcome)
                continue
            for link in contents[1]:
                maps.hear(link, receiver, delivery.applied_ns[rows], int(delivery.sender[frame]))
            for node in contents[0]:
                for link in contents[1] & set(maps.approaches.of_node(node)):
                    on_link = rows[approach[receiver] == link]
                    found = maps.right(node)[delivery.receiver[on_link]]
                    outcome[on_link] = np.where(found, Outcome.DELIVERED, Outcome.NOT_INTERPRETED)
                    again = self.newest.duplicate(
                        link, delivery.receiver[on_link[found]], int(delivery.sender[frame]),
                        int(delivery.generated_ns[frame]) // self.period_ns,
                    )
                    outcome[on_link[found][again]] = Outcome.DUPLICATE
        return outcome

    def _judge_wrong(self, nodes: set[int], delivery: Delivery, rows: np.ndarray, outcome: np.ndarray) -> None:
        """A map of other lanes than there are: whoever finds itself on one of them acts on it."""
        maps, approach = self.maps, self.maps.approaches.approach
        receiver = delivery.receiver[rows]
        for node in nodes:
            links = maps.approaches.of_node(node)
            maps.heard_ns[np.ix_(links, receiver)] = delivery.applied_ns[rows]
            on_link = rows[np.isin(approach[receiver], links)]
            found = maps.matched(node)[delivery.receiver[on_link]]
            outcome[on_link] = np.where(found, Outcome.DELIVERED, Outcome.NOT_INTERPRETED)


class SpatReceiver:
    """Applied as :func:`rsu.applications.checks.spat_map_applies` says, on the true lane."""

    def __init__(self, maps: NodeMaps, reading: Reading, coverage: Coverage | None, newest: Newest) -> None:
        self.maps, self.coverage, self.newest = maps, coverage, newest
        self._decode = Decoded(reading.decode)
        self._applies = APPLICATIONS["SPAT"]
        measure = maps.world.config.measure
        self.map_tau_ns, self.spat_tau_s = ns_from_s(measure.tau_s["MAP"]), measure.tau_s["SPAT"]

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, all its receivers at once."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in delivery.by_frame():
            decoded = self._decode(octets)
            if decoded.value is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            near_utc_ns = self.maps.world.utc0_ns + int(delivery.generated_ns[frame])
            signals = decoded.readers.signals(decoded.value, near_utc_ns)
            for key in sorted({key[:2] for key in signals}):
                meant = self.maps.meant(key, int(delivery.sender[frame]))
                for node in self.maps.nodes_of_key.get(key, []):
                    self._judge_node(delivery, frame, rows, node, signals, outcome, meant=node in meant)
        return outcome

    def _judge_node(
        self, delivery: Delivery, frame: int, rows: np.ndarray, node: int, signals: dict, outcome: np.ndarray, *,
        meant: bool,
    ) -> None:
        """``meant``: the sender tells of this node, and not of another one with the same identifier.

        Acting is a mistake where the signal is another one's, is read wrong, or the map read before has no such lane.
        Who merely believes itself on the lane beside its own is not told, as with everybody of one profile.
        """
        maps = self.maps
        slots, match, true = maps.match(node)
        place = np.searchsorted(slots, delivery.receiver[rows])
        inside = (place < len(slots)) & (slots[np.minimum(place, len(slots) - 1)] == delivery.receiver[rows]) \
            if len(slots) else np.zeros(len(rows), bool)
        rows, place = rows[inside], place[inside]
        if not len(rows):
            return
        receiver, applied_ns = delivery.receiver[rows], delivery.applied_ns[rows]
        link = maps.approaches.approach[receiver]
        heard_ns = maps.heard_ns[link, receiver]
        advice = self._applies(
            maps.map_of(node), signals, LaneMatch(match.lane[place], match.to_stop_m[place], match.lateral_m[place]),
            true_lane=true[place],
        )
        fits = advice.applied & (applied_ns - heard_ns <= self.map_tau_ns)
        late = (applied_ns - delivery.generated_ns[frame]) * 1e-9 > self.spat_tau_s
        applied = fits & ~late
        if delivery.foreign or not meant:
            lane = match.lane[place]
            acts = self._applies(
                maps.map_of(node), signals, LaneMatch(lane, match.to_stop_m[place], match.lateral_m[place]),
            ).applied & (applied_ns - heard_ns <= self.map_tau_ns) & ~late
            rightly = meant and not delivery.reads_wrong(frame)
            fits &= rightly
            applied &= rightly
            mistaken = acts & ~applied
            if rightly:
                mistaken &= true[place] < 0
            outcome[rows[mistaken]] = Outcome.APPLIED_WRONG
            if not meant:
                return
            keep = ~mistaken
            if mistaken.any():
                report_coverage(
                    self.coverage, maps.world, SPAT_MAP, receiver[mistaken], applied_ns[mistaken],
                    np.zeros(int(mistaken.sum()), bool), int(delivery.sender[frame]),
                )
            rows, receiver, link, applied_ns, applied, fits, late = (
                column[keep] for column in (rows, receiver, link, applied_ns, applied, fits, late)
            )
        report_coverage(
            self.coverage, maps.world, SPAT_MAP, receiver, applied_ns, applied, int(delivery.sender[frame]),
            maps.only_supplier(link, receiver, applied_ns, self.map_tau_ns),
        )
        again = np.zeros(len(rows), bool)
        again[applied] = self.newest.duplicate(
            node, receiver[applied], int(delivery.sender[frame]), int(delivery.generated_ns[frame])
        )
        outcome[rows] = np.where(again, Outcome.DUPLICATE, ended(fits, late))
