"""Standing vehicles: drawn by density, listed by chainage, or read from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.scenario.schema import Scenario
from sim.traffic.attach import attach
from sim.traffic.base import TrafficBase
from sim.traffic.placing import place_by_density
from sim.traffic.tables import InputProblems, read_rows
from sim.world.network import RoadNetwork
from sim.world.signals import Signals

_FLOAT_COLUMNS = ("x", "y", "lon", "lat", "chainage", "lateral", "heading")


class StaticTraffic(TrafficBase):
    """Nobody moves, comes or goes.

    In this order of preference: ``stations`` (chainages, lane 0 of the first direction), ``file`` (CSV with columns
    x, y on the plane, or lon, lat in the corridor's datum, or chainage with lateral in metres to the left of
    direction up; heading in degrees is optional), ``density_veh_km`` with ``spacing``.
    """

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        super().__init__(config, network, signals, seed)
        traffic = self.config
        if traffic.stations is None and traffic.file is None and traffic.density_veh_km is None:
            raise ValueError("traffic: model static needs stations, file or density_veh_km")
        for chainage in traffic.stations or []:
            if not 0 <= chainage <= network.corridor.length_m:
                raise ValueError(
                    f"traffic.stations: {chainage:g} m lies outside the road of {network.corridor.length_m:.1f} m"
                )

    def start(self, now_ns: int) -> None:
        """Put everybody in place."""
        config, network = self.config, self.network
        if config.stations is not None:
            road = network.roads[next(iter(network.main.values()))]
            s = road.s_at_chainage(np.array(config.stations, float))
            count = len(s)
            self._add(self.new_numbers(count), np.full(count, road.index), np.zeros(count, int), s, np.zeros(count))
            self._finish_start()
        elif config.file is not None:
            self._from_file(Path(config.file))
        else:
            assert config.density_veh_km is not None
            places = place_by_density(network, config.density_veh_km, config.spacing, self.seed)
            count = len(places.s_m)
            self._add(self.new_numbers(count), places.road, places.lane, places.s_m, np.zeros(count))
            self._finish_start()

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Let time pass."""
        self.fleet.begin_step()
        self.fleet.end_step(0.0)

    def _from_file(self, path: Path) -> None:
        columns = read_static(path)
        corridor, count = self.network.corridor, len(next(iter(columns.values())))
        if "x" in columns:
            x, y = columns["x"], columns["y"]
        elif "lon" in columns:
            x, y = corridor.from_lonlat(columns["lon"], columns["lat"])
        else:
            x, y = corridor.xy_at(columns["chainage"], columns.get("lateral", np.zeros(count)))
        numbers = self.new_numbers(count)
        slots = self._add(numbers, np.zeros(count, int), np.zeros(count, int), np.zeros(count), np.zeros(count))
        attach(self.fleet, slots, self.network, x, y, columns.get("heading"))
        self.fleet.end_step(0.0)


def read_static(path: Path) -> dict[str, np.ndarray]:
    """Float columns of a CSV of positions; see :class:`StaticTraffic`.

    Raises :class:`sim.traffic.tables.InputProblems` with up to 20 problems.
    """
    values: dict[str, list[float]] = {}
    problems = InputProblems(path)
    for line, row in read_rows(
        path, problems, allowed=(*_FLOAT_COLUMNS, "id"), needed=(("x", "y"), ("lon", "lat"), ("chainage",))
    ):
        for name, text in row.items():
            if name != "id":
                values.setdefault(name, []).append(problems.number(line, name, text))
    problems.raise_if_any()
    if not values:
        problems.add(1, "file", "", "holds no vehicle")
        problems.raise_if_any()
    return {name: np.array(column) for name, column in values.items()}
