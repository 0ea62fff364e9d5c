"""Which of two radios a station carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.clock import hashed_uniform, stream_key
from sim.frames import Kind
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.second_radio import SecondRadio

FIRST, SECOND, BOTH = 1, 2, 3
"""Bit 0: the first radio, bit 1: the second."""
_BITS = {"first": FIRST, "second": SECOND, "both": BOTH}


class Fittings:
    """Radios by slot. Vehicles draw theirs once and for all, keyed by their identity; others by configuration."""

    def __init__(self, config: SecondRadio, jurisdictions: Sequence[str], seed: int) -> None:
        self._key = stream_key(seed, "fitting")
        general = next((f for f in config.vehicles if f.jurisdiction is None), config.vehicles[0])
        by_home = {f.jurisdiction: f for f in config.vehicles}
        rows = [by_home.get(name, general) for name in jurisdictions] + [general]
        self._first = np.array([f.first for f in rows])
        self._second = np.array([f.first + f.second for f in rows])
        """Cumulated shares by home index; the last row is for stations without a home."""
        anywhere = config.units.get("*", "both")
        units = [config.units.get(name, anywhere) for name in jurisdictions] + [anywhere]
        self._units = np.array([_BITS[word] for word in units], np.int8)
        self._pedestrians, self._probes = _BITS[config.pedestrians], _BITS[config.probes]

    def of(self, stations: Stations) -> np.ndarray:
        """Bits of every slot, int8 [slots]."""
        bits = np.full(stations.size, BOTH, np.int8)
        kind = stations.kind
        unit, vehicle = kind == Kind.RSU, kind == Kind.VEHICLE
        bits[unit] = self._units[stations.place[unit]]
        bits[kind == Kind.PROBE] = self._probes
        bits[kind == Kind.PEDESTRIAN] = self._pedestrians
        home = stations.home[vehicle]
        draw = hashed_uniform(self._key, stations.station_id[vehicle])
        single = np.where(draw < self._second[home], SECOND, BOTH)
        bits[vehicle] = np.where(draw < self._first[home], FIRST, single)
        return bits
