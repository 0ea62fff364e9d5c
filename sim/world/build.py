"""The world of one run: road, signals, units, probes, vehicles and stations, put together from a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sim.clock import SECOND, ns_from_s
from sim.frames import Kind
from sim.metrics.base import ProbeGrid
from sim.plugin import resolve
from sim.scenario.loader import LoadedScenario
from sim.scenario.schema import Scenario
from sim.traffic import TRAFFIC, Traffic
from sim.traffic.recording import RecordedTraffic, Recorder, traffic_key
from sim.world.corridor import CorridorGeometry
from sim.world.crossing import Retuning
from sim.world.gateways import with_twins
from sim.world.gnss import PositionErrors, clock_offsets_ns
from sim.world.network import RoadNetwork
from sim.world.node_names import node_names
from sim.world.pedestrians import DEVICE_HEIGHT_M, Pedestrians
from sim.world.signals import Signals
from sim.world.sites import RoadsideUnit, build_units
from sim.world.stations import Stations

PROBE_HEIGHT_M = 1.5
"""Antenna height of probes: that of a car's on-board unit."""
FIRST_PROBE_ID = 1_000_000
FIRST_VEHICLE_ID = 10_000_000


@dataclass
class Probes:
    """Passive probes on the main carriageways, one per cell and direction, in the lane centre next to the verge."""

    grid: ProbeGrid
    x_m: np.ndarray
    y_m: np.ndarray
    heading_deg: np.ndarray
    road: np.ndarray
    lane: np.ndarray
    s_m: np.ndarray

    def __len__(self) -> int:
        return len(self.x_m)


class World:
    """Everything that stands or drives; positions are metres on the corridor's plane, times ns since t = 0."""

    def __init__(
        self, loaded: LoadedScenario, *, traffic_save: str | Path | None = None, traffic_load: str | Path | None = None
    ) -> None:
        config = loaded.config
        self.config: Scenario = config
        self.seed = config.seed
        self.corridor = CorridorGeometry(config.corridor)
        self.network = RoadNetwork(self.corridor)
        self.node_names = node_names(self.network, loaded.candidate)
        self.signals = Signals(self.network)
        self.units: list[RoadsideUnit] = with_twins(
            build_units(config.layout, self.corridor), self.corridor, loaded.candidate.gateway
        )
        self.probes = build_probes(config, self.corridor, self.network)
        self.pedestrians = Pedestrians(config.pedestrians, self.corridor)
        key = traffic_key(config, config.seed)
        self.traffic: Traffic
        if traffic_load is not None:
            self.traffic = RecordedTraffic(Path(traffic_load), key)
        else:
            self.traffic = build_traffic(loaded, self.network, self.signals)
        self._recorder: Recorder | None = None
        if traffic_save is not None:
            tick_ns = ns_from_s(config.traffic.tick_s)
            self._recorder = Recorder(
                Path(traffic_save), key, tick_ns, ring_m=self.corridor.ring_length_m,
                warnings=self.traffic.warnings, counts=self.traffic.counts,
            )
        self.fleet = self.traffic.fleet
        start = datetime.fromisoformat(config.start)
        self.utc0_ns = round((start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp()) * SECOND
        """Nanoseconds since 1970 at t = 0."""
        self.stations = Stations(len(self.units), len(self.probes), self.fleet.capacity, len(self.pedestrians))
        self.stations.ring_m = self.corridor.ring_length_m or 0.0
        self.stations.jurisdictions = tuple(one.id for one in config.corridor.jurisdictions)
        self.gnss = PositionErrors(config.gnss, self.seed, self.stations.size)
        self.clock_offset_ns = np.zeros(self.stations.size, np.int64)
        self._place_fixed()
        retune_s = config.crossing.retune_s
        self._retuning = None if retune_s is None else Retuning(self.stations, ns_from_s(retune_s))

    def start(self, now_ns: int) -> None:
        """Fill the road with vehicles."""
        self.traffic.start(now_ns)
        if self._recorder is not None:
            self._recorder.observe(self.fleet)

    def __enter__(self) -> World:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._recorder is not None:
            self._recorder.__exit__(kind, *rest)

    def step(self, start_ns: int, end_ns: int) -> None:
        """Move traffic over one tick and let the stations follow."""
        self.traffic.step(start_ns, end_ns - start_ns)
        if self._recorder is not None:
            self._recorder.observe(self.fleet)
        fleet, stations = self.fleet, self.stations
        stations.grow(fleet.capacity)
        if len(self.clock_offset_ns) < stations.size:
            extra = stations.size - len(self.clock_offset_ns)
            self.clock_offset_ns = np.concatenate([self.clock_offset_ns, np.zeros(extra, np.int64)])
            self.gnss.grow(stations.size)
        stations.tick_start_ns, stations.tick_end_ns = start_ns, end_ns
        vehicles = slice(stations.first_vehicle, stations.first_vehicle + fleet.capacity)
        identity = np.where(fleet.active & fleet.equipped, FIRST_VEHICLE_ID + fleet.number, -1)
        changed = np.flatnonzero(identity != stations.station_id[vehicles])
        stations.changed = changed + stations.first_vehicle
        stations.station_id[vehicles] = identity
        stations.active[vehicles] = identity >= 0
        stations.x0_m[vehicles], stations.y0_m[vehicles] = fleet.x_prev_m, fleet.y_prev_m
        stations.x1_m[vehicles], stations.y1_m[vehicles] = fleet.x_m, fleet.y_m
        stations.chainage_m[vehicles] = fleet.chainage_prev_m
        stations.direction[vehicles] = fleet.direction
        on_road_m = np.clip(fleet.chainage_prev_m, 0.0, self.corridor.length_m)
        stations.place[vehicles] = self.corridor.place_at(on_road_m)
        self._furnish(changed)
        if self._retuning is not None:
            self._retuning.update(stations.changed)
        slots = np.flatnonzero(stations.active[vehicles]) + stations.first_vehicle
        if len(self.pedestrians):
            self._walk(start_ns, end_ns)
            slots = np.concatenate([np.arange(stations.pedestrians.start, stations.first_vehicle), slots])
        self.gnss.advance(start_ns, end_ns, slots, stations.station_id[slots], stations.chainage_m[slots])

    def _walk(self, start_ns: int, end_ns: int) -> None:
        """Pedestrians at both ends of the tick (for the radio, who turns round in between does so at its end)."""
        stations, here = self.stations, self.stations.pedestrians
        before, after = self.pedestrians.at(start_ns), self.pedestrians.at(end_ns)
        stations.x0_m[here], stations.y0_m[here] = before.x_m, before.y_m
        stations.x1_m[here], stations.y1_m[here] = after.x_m, after.y_m
        stations.chainage_m[here] = before.chainage_m
        stations.place[here] = self.corridor.place_at(before.chainage_m)

    def vehicle_slots(self) -> np.ndarray:
        """Slots of equipped vehicles present."""
        first = self.stations.first_vehicle
        return np.flatnonzero(self.stations.active[first:]) + first

    def lonlat(self, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(lon_deg, lat_deg), WGS 84, of plane positions: what stations put into messages."""
        return self.corridor.plane.to_lonlat(x_m, y_m)

    def _furnish(self, changed: np.ndarray) -> None:
        """Equipment of vehicles that newly stand in a slot (fleet slots)."""
        fleet, stations, link = self.fleet, self.stations, self.config.radio.link
        slots = changed + stations.first_vehicle
        stations.home[slots] = fleet.home[changed]
        stations.antenna_height_m[slots] = fleet.antenna_height_m[changed]
        stations.antenna_gain_dbi[slots] = link.antenna_gain_dbi
        stations.tx_power_dbm[slots] = link.tx_power_dbm
        self.clock_offset_ns[slots] = clock_offsets_ns(self.config.clock, self.seed, stations.station_id[slots])

    def _place_fixed(self) -> None:
        stations, units, probes = self.stations, self.units, self.probes
        fixed = slice(0, stations.pedestrians.start)
        count = len(units)
        stations.station_id[:count] = [unit.station_id for unit in units]
        stations.station_id[stations.probes] = FIRST_PROBE_ID + np.arange(len(probes))
        stations.active[fixed] = True
        x = np.concatenate([[unit.x_m for unit in units], probes.x_m])
        y = np.concatenate([[unit.y_m for unit in units], probes.y_m])
        stations.x0_m[fixed] = stations.x1_m[fixed] = x
        stations.y0_m[fixed] = stations.y1_m[fixed] = y
        stations.chainage_m[fixed] = np.concatenate([[unit.chainage_m for unit in units], probes.grid.chainage_m])
        stations.place[fixed] = np.concatenate([[unit.jurisdiction for unit in units], probes.grid.place])
        stations.home[fixed] = stations.place[fixed]
        stations.direction[stations.probes] = probes.grid.direction
        stations.antenna_height_m[:count] = [unit.mast_height_m for unit in units]
        stations.antenna_height_m[stations.probes] = PROBE_HEIGHT_M
        stations.antenna_gain_dbi[:count] = [unit.antenna_gain_dbi for unit in units]
        stations.antenna_gain_dbi[stations.probes] = self.config.radio.link.antenna_gain_dbi
        for unit in units:
            stations.antenna_pattern[unit.index] = unit.antenna_pattern
        stations.tx_power_dbm[:count] = [unit.tx_power_dbm for unit in units]
        self.clock_offset_ns[:count] = clock_offsets_ns(self.config.clock, self.seed, stations.station_id[:count])
        assert (stations.kind[:count] == Kind.RSU).all()
        if len(self.pedestrians):
            self._place_pedestrians()

    def _place_pedestrians(self) -> None:
        """Devices of pedestrians: power and antenna of an on-board unit, carried lower."""
        stations, link, here = self.stations, self.config.radio.link, self.stations.pedestrians
        stations.station_id[here] = self.pedestrians.station_id
        stations.active[here] = True
        stations.antenna_height_m[here] = DEVICE_HEIGHT_M
        stations.antenna_gain_dbi[here] = link.antenna_gain_dbi
        stations.tx_power_dbm[here] = link.tx_power_dbm
        self._walk(0, 0)
        stations.home[here] = stations.place[here]
        self.clock_offset_ns[here] = clock_offsets_ns(self.config.clock, self.seed, self.pedestrians.station_id)


def build_traffic(loaded: LoadedScenario, network: RoadNetwork, signals: Signals) -> Traffic:
    """The traffic model the scenario names: a row of ``TRAFFIC`` or ``module:Class``."""
    config = loaded.config
    model = resolve(config.traffic.model, TRAFFIC, "traffic.model")
    if loaded.data_file is not None:
        config = config.model_copy(
            update={"traffic": config.traffic.model_copy(update={"file": str(loaded.data_file)})}
        )
    return model(config, network, signals, config.seed)


def build_probes(config: Scenario, corridor: CorridorGeometry, network: RoadNetwork) -> Probes:
    """Probes in the middle of each cell of ``measure.probe_spacing_m``, per direction; none when switched off."""
    spacing_m = config.measure.probe_spacing_m
    parts: list[tuple[np.ndarray, ...]] = []
    if config.measure.probes and corridor.ring_length_m is None:
        cells = np.arange(spacing_m / 2, corridor.length_m, spacing_m)
        for direction, sign in (("up", 1), ("down", -1)):
            if direction not in network.main:
                continue
            road = network.roads[network.main[direction]]
            s = np.atleast_1d(road.s_at_chainage(cells))
            lane = np.asarray(road.lanes_at(s)) - 1
            x, y = road.lane_xy(lane, s)
            heading = np.atleast_1d(road.heading_at(s))
            index = np.full(len(cells), road.index)
            parts.append((cells, np.full(len(cells), sign, np.int8), x, y, heading, index, lane, s))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 8
    chainage, sign_column, x, y, heading, road_index, lane, s = columns
    place = corridor.place_at(chainage) if len(chainage) else np.empty(0, np.int16)
    grid = ProbeGrid(chainage, sign_column.astype(np.int8), place, spacing_m)
    return Probes(grid, x, y, heading, road_index.astype(np.int64), lane.astype(np.int64), s)
