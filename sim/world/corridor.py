"""The corridor on the plane: centre line, chainage, who governs what, where the signals stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.geodesy import LocalPlane, from_wgs84, to_wgs84
from sim.scenario.schema.corridor import Corridor, Span
from sim.world.polyline import Polyline, rounded

Problem = tuple[tuple[str | int, ...], str]
"""Where in the scenario (path of keys and indices), and what is wrong in one line."""

STRAIGHT_ORIGIN_LON_DEG, STRAIGHT_ORIGIN_LAT_DEG = 120.88, 31.04
"""Where a road without points begins (WGS 84); it runs east. Project choice, inside the demonstration zone."""

LARGEST_TURN_DEG = 120.0
SAME_PLACE_M = 0.5
"""Spans whose ends differ by less than this touch."""


class WorldProblems(ValueError):
    """Everything that is wrong with a world's configuration; ``problems`` lists (path, message)."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{format_path(path)}: {message}" for path, message in problems))


def format_path(path: tuple[str | int, ...]) -> str:
    """``("corridor", "nodes", 0, "at_m")`` as ``corridor.nodes[0].at_m``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True)
class ResolvedSpan:
    """A piece of road from ``from_m`` to ``to_m`` (half open) owned by jurisdiction number ``owner``."""

    from_m: float
    to_m: float
    owner: int


@dataclass(frozen=True)
class ResolvedSection:
    """A piece of road with one class, lane count per direction and speed limit."""

    from_m: float
    to_m: float
    road_class: str
    lanes: int
    speed_limit_mps: float


@dataclass(frozen=True)
class Border:
    """Where one jurisdiction ends and the next begins, going up."""

    chainage_m: float
    from_id: str
    to_id: str


class CorridorGeometry:
    """The road of a scenario, read only.

    Chainage (m) is the length along the given points and grows in direction up; corners are rounded
    (:func:`sim.world.polyline.rounded`), the chainage labels stay those of the points. Lateral positions are metres to
    the left of direction up, so right-hand traffic drives up at negative and down at positive lateral.
    A ring (and a straight road without points) is unrolled: x = chainage, y = lateral; ``ring_length_m`` is its
    length, else None, and distances around it are the caller's.
    Raises :class:`WorldProblems` (a ValueError) with every problem found.
    """

    def __init__(self, config: Corridor) -> None:
        self.config = config
        self._problems: list[Problem] = []
        self.line, self.plane, self.point_chainage_m = self._centre_line()
        if self._problems:
            raise WorldProblems(self._problems)
        self.length_m = float(self.line.mark[-1])
        self.ring_length_m: float | None = self.length_m if config.topology == "ring" else None
        self.jurisdiction_ids = [j.id for j in config.jurisdictions]
        self.spans = self._resolve_jurisdictions()
        self.sections = self._resolve_sections()
        self.node_chainage_m = self._resolve_nodes()
        if self._problems:
            raise WorldProblems(self._problems)
        self.borders = self._find_borders()
        self._section_edges_m = np.array([s.from_m for s in self.sections])
        self._lanes = np.array([s.lanes for s in self.sections], np.int16)
        self._limits = np.array([s.speed_limit_mps for s in self.sections])
        self._heights_m = np.array([p.height_m for p in config.points]) if config.points else np.zeros(2)
        if not config.points:
            self._point_marks_m = np.array([0.0, self.length_m])

    # -- reading -----------------------------------------------------------------------------------------------

    def xy_at(
        self, chainage_m: np.ndarray | float, lateral_m: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """(x_m, y_m) on the plane; lateral metres to the left of direction up."""
        return self.line.at(self.line.s_of_mark(self._wrapped(chainage_m)), lateral_m)

    def heading_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Heading of direction up, degrees clockwise from north."""
        return self.line.heading_at(self.line.s_of_mark(self._wrapped(chainage_m)))

    def height_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Road height in metres, linear between the points."""
        return np.interp(self._wrapped(chainage_m), self._point_marks_m, self._heights_m)

    def project(self, x_m: np.ndarray | float, y_m: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(chainage_m, lateral_m) of the nearest place on the centre line."""
        if self.ring_length_m is not None:
            return np.asarray(x_m, float) % self.ring_length_m, np.asarray(y_m, float)
        s, left = self.line.project(x_m, y_m)
        return self.line.mark_of_s(s), left

    def lonlat_at(
        self, chainage_m: np.ndarray | float, lateral_m: np.ndarray | float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """(lon_deg, lat_deg) in the corridor's datum."""
        return from_wgs84(self.config.datum, *self.plane.to_lonlat(*self.xy_at(chainage_m, lateral_m)))

    def from_lonlat(
        self, lon_deg: np.ndarray | float, lat_deg: np.ndarray | float
    ) -> tuple[np.ndarray, np.ndarray]:
        """(x_m, y_m) of positions given in the corridor's datum."""
        return self.plane.to_plane(*to_wgs84(self.config.datum, lon_deg, lat_deg))

    def place_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Index of the jurisdiction that owns the road (int16), -1 where nobody does."""
        chainage = np.asarray(self._wrapped(chainage_m), float)
        place = np.full(chainage.shape, -1, np.int16)
        for span in self.spans:
            last = span.to_m >= self.length_m
            place[
                (chainage >= span.from_m) & ((chainage <= span.to_m) if last else (chainage < span.to_m))
            ] = span.owner
        return place

    def lanes_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Lanes per direction."""
        return self._lanes[self.section_index_at(chainage_m)]

    def speed_limit_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Speed limit in m/s."""
        return self._limits[self.section_index_at(chainage_m)]

    def road_class_at(self, chainage_m: float) -> str:
        """Road class at one chainage."""
        return self.sections[int(self.section_index_at(chainage_m))].road_class

    def section_index_at(self, chainage_m: np.ndarray | float) -> np.ndarray:
        """Index into ``sections``."""
        found = np.searchsorted(self._section_edges_m, self._wrapped(chainage_m), side="right") - 1
        return np.clip(found, 0, len(self.sections) - 1)

    def _wrapped(self, chainage_m: np.ndarray | float) -> np.ndarray | float:
        return (
            chainage_m if self.ring_length_m is None else np.asarray(chainage_m, float) % self.ring_length_m
        )

    # -- building ----------------------------------------------------------------------------------------------

    def _complain(self, message: str, *path: str | int) -> None:
        self._problems.append((("corridor", *path), message))

    def _centre_line(self) -> tuple[Polyline, LocalPlane, dict[str, float]]:
        config = self.config
        if config.points and config.length_m is not None:
            self._complain("give points or length_m, not both", "length_m")
        if config.topology == "ring" and config.points:
            self._complain("a ring is given by length_m, not by points", "points")
        if config.topology == "ring" and config.nodes:
            self._complain("a ring has no signalised nodes", "nodes")
        if not config.points or self._problems:
            return self._straight_line()
        return self._line_through_points()

    def _straight_line(self) -> tuple[Polyline, LocalPlane, dict[str, float]]:
        length_m = self.config.length_m
        if length_m is None and not self._problems:
            self._complain("a road needs at least two points, or length_m", "points")
        line = Polyline(np.array([0.0, length_m or 1.0]), np.zeros(2), np.array([90.0, 90.0]))
        return line, LocalPlane(STRAIGHT_ORIGIN_LON_DEG, STRAIGHT_ORIGIN_LAT_DEG), {}

    def _line_through_points(self) -> tuple[Polyline, LocalPlane, dict[str, float]]:
        points = self.config.points
        if len(points) < 2:
            self._complain(f"a road needs at least two points, has {len(points)}", "points")
            return self._straight_line()
        lon, lat = to_wgs84(self.config.datum, [p.lon for p in points], [p.lat for p in points])
        plane = LocalPlane(float(lon.min() + lon.max()) / 2, float(lat.min() + lat.max()) / 2)
        x, y = plane.to_plane(lon, lat)
        steps = np.hypot(np.diff(x), np.diff(y))
        for i in np.flatnonzero(steps < 1.0).tolist():
            self._complain(
                f"lies {steps[i]:.2f} m from the point before it, at least 1 m is needed",
                "points",
                i + 1,
            )
        for i in np.flatnonzero(steps > 100_000).tolist():
            self._complain(
                f"lies {steps[i] / 1000:.0f} km from the point before it, at most 100 km is allowed",
                "points",
                i + 1,
            )
        if self._problems:
            return self._straight_line()
        heading = np.degrees(np.arctan2(np.diff(x), np.diff(y)))
        turns = (np.diff(heading) + 180) % 360 - 180
        for i in np.flatnonzero(np.abs(turns) > LARGEST_TURN_DEG).tolist():
            self._complain(
                f"the road turns by {abs(turns[i]):.0f} deg here, at most {LARGEST_TURN_DEG:.0f} is allowed",
                "points",
                i + 1,
            )
        marks = np.concatenate([[0.0], np.cumsum(steps)])
        self._point_marks_m = marks
        names: dict[str, float] = {}
        for i, point in enumerate(points):
            if point.name is None:
                continue
            if point.name in names:
                self._complain(f"{point.name!r} names more than one point", "points", i, "name")
            names[point.name] = float(marks[i])
        return rounded(x, y), plane, names

    def _resolve(self, span: Span, *path: str | int) -> tuple[float, float] | None:
        ends: list[float] = []
        before = len(self._problems)
        for side, default in (("from", 0.0), ("to", self.length_m)):
            metres, name = getattr(span, f"{side}_m"), getattr(span, f"{side}_point")
            if metres is not None and name is not None:
                self._complain(f"give {side}_m or {side}_point, not both", *path, f"{side}_m")
            if name is not None and name not in self.point_chainage_m:
                self._complain(
                    f"no point is named {name!r} (known: {self._known_points()})", *path, f"{side}_point"
                )
            elif name is not None:
                metres = self.point_chainage_m[name]
            if metres is not None and metres > self.length_m + SAME_PLACE_M:
                self._complain(
                    f"{metres:g} m lies beyond the end of the road at {self.length_m:.1f} m",
                    *path,
                    f"{side}_m",
                )
            ends.append(default if metres is None else min(metres, self.length_m))
        if len(self._problems) == before and ends[0] >= ends[1]:
            self._complain(
                f"begins at {ends[0]:.1f} m and ends at {ends[1]:.1f} m; it must end after it begins", *path
            )
        return (ends[0], ends[1]) if len(self._problems) == before else None

    def _known_points(self) -> str:
        return ", ".join(self.point_chainage_m) or "none"

    def _resolve_jurisdictions(self) -> list[ResolvedSpan]:
        spans: list[tuple[ResolvedSpan, tuple[str | int, ...]]] = []
        seen: set[str] = set()
        for i, jurisdiction in enumerate(self.config.jurisdictions):
            if jurisdiction.id in seen:
                self._complain(f"{jurisdiction.id!r} is used twice", "jurisdictions", i, "id")
            seen.add(jurisdiction.id)
            for j, span in enumerate(jurisdiction.spans):
                path: tuple[str | int, ...] = ("jurisdictions", i, "spans", j)
                ends = self._resolve(span, *path)
                if ends is not None:
                    spans.append((ResolvedSpan(*ends, i), path))
        spans.sort(key=lambda item: (item[0].from_m, item[0].to_m))
        for (before, _), (after, where) in zip(spans, spans[1:], strict=False):
            if after.from_m < before.to_m - SAME_PLACE_M:
                ids = self.jurisdiction_ids
                self._complain(
                    f"{ids[after.owner]} from {after.from_m:.1f} m overlaps {ids[before.owner]} "
                    f"to {before.to_m:.1f} m",
                    *where,
                )
        return [span for span, _ in spans]

    def _resolve_sections(self) -> list[ResolvedSection]:
        pieces = []
        for i, section in enumerate(self.config.sections):
            ends = self._resolve(section.span, "sections", i, "span")
            if ends is not None:
                pieces.append((*ends, section))
        edges = sorted({0.0, self.length_m} | {edge for piece in pieces for edge in piece[:2]})
        resolved: list[ResolvedSection] = []
        for start, end in zip(edges, edges[1:], strict=False):
            covering = [section for a, b, section in pieces if a <= start and b >= end]
            if not covering:
                if not self._problems:
                    self._complain(f"no section covers {start:.1f} to {end:.1f} m", "sections")
                continue
            last = covering[-1]
            values = (last.road_class, last.lanes, last.speed_limit_mps)
            if (
                resolved
                and (resolved[-1].road_class, resolved[-1].lanes, resolved[-1].speed_limit_mps) == values
            ):
                start = resolved.pop().from_m
            resolved.append(ResolvedSection(start, end, *values))
        return resolved

    def _resolve_nodes(self) -> list[float]:
        chainages: list[float] = []
        seen: set[str] = set()
        for i, node in enumerate(self.config.nodes):
            if node.id in seen:
                self._complain(f"{node.id!r} is used twice", "nodes", i, "id")
            seen.add(node.id)
            if (node.at_point is None) == (node.at_m is None):
                self._complain("give exactly one of at_point and at_m", "nodes", i)
                continue
            if node.at_point is not None and node.at_point not in self.point_chainage_m:
                self._complain(
                    f"no point is named {node.at_point!r} (known: {self._known_points()})",
                    "nodes",
                    i,
                    "at_point",
                )
                continue
            at_m = self.point_chainage_m[node.at_point] if node.at_point is not None else node.at_m
            assert at_m is not None
            if at_m > self.length_m:
                self._complain(
                    f"{at_m:g} m lies beyond the end of the road at {self.length_m:.1f} m", "nodes", i, "at_m"
                )
            if chainages and at_m <= chainages[-1]:
                self._complain(
                    f"{node.id} at {at_m:.1f} m must lie after the node before it at {chainages[-1]:.1f} m",
                    "nodes",
                    i,
                )
            chainages.append(at_m)
        return chainages

    def _find_borders(self) -> list[Border]:
        ids = self.jurisdiction_ids
        borders = [
            Border(after.from_m, ids[before.owner], ids[after.owner])
            for before, after in zip(self.spans, self.spans[1:], strict=False)
            if before.owner != after.owner and after.from_m - before.to_m <= SAME_PLACE_M
        ]
        if self.ring_length_m is not None and self.spans:
            first, last = self.spans[0], self.spans[-1]
            closes = first.from_m + self.ring_length_m - last.to_m <= SAME_PLACE_M
            if closes and first.owner != last.owner:
                borders.insert(0, Border(0.0, ids[last.owner], ids[first.owner]))
        return borders


def corridor_problems(config: Corridor) -> list[Problem]:
    """Everything wrong with a corridor's own keys; empty if it can be built."""
    try:
        CorridorGeometry(config)
    except WorldProblems as error:
        return error.problems
    return []
