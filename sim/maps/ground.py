"""Where the cells of a coverage map lie: carriageways cut along the chainage, in longitude and latitude."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError
from yaml import YAMLError

from rsu.geodesy import from_wgs84
from sim.results import Result, ResultError
from sim.scenario.schema.corridor import Corridor
from sim.scenario.schema.layout import Layout
from sim.world.corridor import CorridorGeometry, WorldProblems
from sim.world.sites import RoadsideUnit, build_units

DATUMS = {"wgs84": "WGS84", "gcj02": "GCJ-02"}
"""Word of the command line -> datum as :mod:`rsu.geodesy` names it."""
_APART_M = 1e-6
"""Two places of a cell's edge closer than this are one."""


class Ground:
    """The road and the units of one result, in one datum.

    A carriageway is what the traffic drives on: ``lanes`` x lane width, centred half the median and half the widest
    carriageway beside the centre line (as :mod:`sim.world.network` lays it). Raises :class:`sim.results.ResultError`
    where the result's ``scenario.yaml`` cannot be read.
    """

    def __init__(self, result: Result, datum: str = "wgs84") -> None:
        if datum not in DATUMS:
            raise ValueError(f"--datum {datum}: is not one of {', '.join(DATUMS)}")
        self.datum = DATUMS[datum]
        try:
            scenario = result.scenario
        except (YAMLError, UnicodeDecodeError) as error:
            raise ResultError(f"{result.folder}/scenario.yaml: cannot be read: {_in_one_line(error)}") from None
        if not isinstance(scenario.get("corridor"), Mapping):
            raise ResultError(f"{result.folder}/scenario.yaml: is missing or holds no corridor: the map has no place")
        try:
            self.corridor = CorridorGeometry(Corridor.model_validate(scenario["corridor"]))
            self.layout = Layout.model_validate(scenario.get("layout") or {})
            self.units: list[RoadsideUnit] = build_units(self.layout, self.corridor)
        except (ValidationError, WorldProblems, ValueError) as error:
            raise ResultError(f"{result.folder}/scenario.yaml: cannot be rebuilt: {_in_one_line(error)}") from None
        self.placed = bool(self.corridor.config.points)
        """Whether the road is given by positions; a road by length alone lies where the program puts it."""
        self.spacing_m = float((scenario.get("measure") or {}).get("probe_spacing_m", 25.0))

    def lonlat(self, x_m: Any, y_m: Any) -> tuple[np.ndarray, np.ndarray]:
        """(lon_deg, lat_deg) in the map's datum of places on the corridor's plane."""
        return from_wgs84(self.datum, *self.corridor.plane.to_lonlat(x_m, y_m))

    def ends_m(self, chainage_m: float) -> tuple[float, float]:
        """From where to where the cell around a probe reaches; a ResultError for a probe beyond the road."""
        if chainage_m > self.corridor.length_m:
            rule = f"lies beyond the end of the road at {self.corridor.length_m:.1f} m"
            raise ResultError(f"coverage.csv: a cell at {chainage_m:g} m {rule}")
        half_m = self.spacing_m / 2
        return max(0.0, chainage_m - half_m), min(self.corridor.length_m, chainage_m + half_m)

    def width_m(self, chainage_m: float) -> float:
        """Width of one carriageway."""
        return float(self.corridor.lanes_at(chainage_m)) * self.corridor.config.lane_width_m

    def lateral_m(self, direction: str) -> float:
        """Middle of a carriageway, metres to the left of direction up: right-hand traffic."""
        config = self.corridor.config
        widest = max(section.lanes for section in self.corridor.sections)
        beside_m = (config.median_m + widest * config.lane_width_m) / 2
        return -beside_m if direction == "up" else beside_m

    def middle(self, chainage_m: ArrayLike, direction: str) -> tuple[np.ndarray, np.ndarray]:
        """(lon_deg, lat_deg) of the middle of a carriageway."""
        return self.lonlat(*self.corridor.xy_at(np.asarray(chainage_m, float), self.lateral_m(direction)))

    def cell_xy(self, chainage_m: float, direction: str, least_width_m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Outline of the cell around a probe on the plane, counter-clockwise, its first corner not repeated.

        Follows the bends of the road and steps where the number of lanes changes. A cell narrower than
        ``least_width_m`` is widened away from the centre line.
        """
        along_m, half_m = self._pieces(*self.ends_m(chainage_m))
        middle_m = abs(self.lateral_m(direction))
        inner_m, outer_m = middle_m - half_m, np.maximum(middle_m + half_m, middle_m - half_m + least_width_m)
        if direction == "up":
            inner_m, outer_m = -inner_m, -outer_m
        x_in, y_in = self.corridor.xy_at(along_m, inner_m)
        x_out, y_out = self.corridor.xy_at(along_m, outer_m)
        x, y = np.concatenate([x_out, x_in[::-1]]), np.concatenate([y_out, y_in[::-1]])
        return (x, y) if _doubled_area(x, y) > 0 else (x[::-1], y[::-1])

    def _pieces(self, from_m: float, to_m: float) -> tuple[np.ndarray, np.ndarray]:
        """(chainage, half width) along one edge of a cell: its ends, vertices of the road, and changes of width."""
        marks_m = self.corridor.line.mark
        edges_m = np.array([section.from_m for section in self.corridor.sections])
        cuts = [marks_m[(marks_m > from_m + _APART_M) & (marks_m < to_m - _APART_M)]]
        cuts += [edges_m[(edges_m > from_m + _APART_M) & (edges_m < to_m - _APART_M)]]
        along = np.unique(np.concatenate([[from_m], *cuts, [to_m]]))
        begin, end = along[:-1], along[1:]
        lanes = self.corridor.lanes_at((begin + end) / 2) * self.corridor.config.lane_width_m / 2
        return np.stack([begin, end], axis=1).ravel(), np.repeat(lanes, 2)


def _in_one_line(error: Exception) -> str:
    """The first thing that is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return str(error).splitlines()[0]


def _doubled_area(x: np.ndarray, y: np.ndarray) -> float:
    """Twice the signed area of an outline: positive counter-clockwise."""
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
