"""Coverage without interference: how probably a cell holds fresh information from a unit at each pole.

For every (pole, cell, class) and seed: received power by the scenario's own path loss, shadowing field, sight and
antennas (:meth:`sim.channel.propagation.Propagation.block_gain`), packet success by its access layer
(:mod:`sim.layouts.place.links`), then the share of time in which the newest packet is younger than the class's limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.access.combined import Combined
from sim.access.fitting import FIRST, SECOND
from sim.channel.antenna import is_directional
from sim.channel.ends import Ends
from sim.channel.propagation import Propagation
from sim.layouts.place.links import Link, link_of
from sim.layouts.place.supply import Stream, Supply
from sim.metrics import CLASSES
from sim.world.stations import Stations

_UNITS_AT_ONCE = 64
_SERVICES_OF = {"SPAT+MAP": ("SPAT",), "RSI": ("RSI",), "RSM": ("RSM",)}
APART_S = 5.0
"""Between the moments whose vehicles stand in the way, one per seed (line_of_sight: geometric)."""


@dataclass(frozen=True)
class Reach:
    """What units at the poles give to the cells of one class's service zone."""

    cells: np.ndarray
    """Probes of the zone (indices), ascending."""
    weight: np.ndarray
    """Share of the measured time that each of them counts."""
    unit: np.ndarray
    """Pole of every pair, ascending; a pair is a pole and a cell it can tell something."""
    cell: np.ndarray
    """Place of its cell in ``cells``."""
    raw: np.ndarray
    """[seeds, pairs]: share of the time in which the cell has received something fresh from this unit alone."""
    useful: np.ndarray
    """The same for what it can apply."""


def fresh_share(success: np.ndarray, period_s: float, tau_s: float) -> np.ndarray:
    """Share of time in which the newest arrival is at most ``tau_s`` old.

    Packets come every ``period_s`` and each arrives with probability ``success``, independently: with n whole periods
    and a part f of one in ``tau_s`` the share is 1 - (1 - q)^n (1 - f q).
    """
    periods = tau_s / period_s
    whole = np.floor(periods + 1e-9)
    part = max(0.0, periods - whole)
    lost = 1.0 - np.asarray(success, float)
    share: np.ndarray = 1.0 - lost ** whole * (1.0 - part * np.asarray(success, float))
    return share


def reach_of(supply: Supply, seeds: Sequence[int], messages: Sequence[str]) -> dict[str, Reach]:
    """Class -> reach of all poles under each seed; ValueError for an access layer without a model."""
    config = supply.engine.config
    radios = _Radios(supply)
    parts: dict[str, _Parts] = {name: _Parts(supply, name) for name in messages}
    for number, seed in enumerate(seeds):
        if number and radios.geometric:
            _let_drive(supply, APART_S)
        for part in parts.values():
            part.begin()
        for units, probes, found in radios.blocks(seed, np.unique(np.concatenate([p.cells for p in parts.values()]))):
            for part in parts.values():
                part.add(units, probes, found, config.measure.tau_s)
    return {name: part.reach() for name, part in parts.items()}


def _let_drive(supply: Supply, seconds: float) -> None:
    """Vehicles in the way stand elsewhere under the next seed."""
    engine = supply.engine
    tick_ns = engine.tick_ns
    now_ns = engine.world.stations.tick_end_ns
    for tick in range(round(seconds * 1e9 / tick_ns)):
        engine.world.step(now_ns + tick * tick_ns, now_ns + (tick + 1) * tick_ns)


class _Success:
    """Packet success of a block of units towards a block of probes."""

    def __init__(self, links: list[tuple[Link, np.ndarray, np.ndarray]], inside: np.ndarray, stations: Stations,
                 slots: np.ndarray) -> None:
        self._links, self._inside, self._stations, self._slots = links, inside, stations, slots

    def of(self, row: int, stream: Stream, columns: np.ndarray) -> np.ndarray:
        """Probability that a packet of the unit in ``row`` of the block arrives at its probes ``columns``."""
        lost = np.ones(len(columns))
        for link, power_mw, carried in self._links:
            use = carried[row, columns] & link.tuned(stream.unit, self._slots[columns], self._stations)
            arrives = link.success(stream.unit, power_mw[row, columns], stream.size_bytes, stream.share)
            lost *= 1.0 - np.where(use, arrives, 0.0)
        success: np.ndarray = np.where(self._inside[row, columns], 1.0 - lost, 0.0)
        return success


class _Radios:
    """The access layers of a scenario: one, or two of which a station carries one or both."""

    def __init__(self, supply: Supply) -> None:
        engine = self.engine = supply.engine
        config, stations = engine.config, engine.world.stations
        self.stations = stations
        self.report_m = max(config.measure.max_distance_m, 1.0)
        access: Any = engine.access
        if isinstance(access, Combined):
            self.bits = access.fittings.of(stations)
            # Radios on one channel stand behind sides that drive them in step.
            layers = [getattr(layer, "_layer", layer) for layer in access.layers]
            self.links = [
                (link_of(layer, name, stations), bit)
                for layer, name, bit in zip(layers, access.names, (FIRST, SECOND), strict=True)
            ]
        else:
            self.bits = np.full(stations.size, FIRST | SECOND, np.int8)
            self.links = [(link_of(access, config.radio.access, stations), FIRST)]
        channels = [link.radio.channel for link, _ in self.links if link.radio is not None]
        self.geometric = any(channel.line_of_sight == "geometric" for channel in channels)

    def blocks(self, seed: int, cells: np.ndarray) -> Any:
        """(units, probes, success) block by block along the road, of units and probes that can be near enough."""
        engine, stations = self.engine, self.stations
        if engine.scene is not None:
            engine.scene.update(engine.world.fleet, stations.first_vehicle)
        radios = [
            (link, bit, None if link.radio is None else Propagation(link.radio, seed, None, engine.scene))
            for link, bit in self.links
        ]
        first = stations.probes.start
        at = np.stack([stations.x0_m, stations.y0_m])
        order = np.argsort(stations.chainage_m[:first], kind="stable")
        for start in range(0, first, _UNITS_AT_ONCE):
            units = np.sort(order[start:start + _UNITS_AT_ONCE])
            low = at[:, units].min(axis=1) - self.report_m
            high = at[:, units].max(axis=1) + self.report_m
            place = at[:, first + cells]
            probes = cells[((place >= low[:, None]) & (place <= high[:, None])).all(axis=0)]
            if not len(probes):
                continue
            tx, rx = self._ends(units), self._ends(first + probes)
            inside = _distance_m(tx, rx) <= self.report_m
            links = []
            for link, bit, propagation in radios:
                carried = (self.bits[units] & bit > 0)[:, None] & (self.bits[first + probes] & bit > 0)[None, :]
                power_mw = np.ones(inside.shape) if propagation is None else self._power_mw(propagation, tx, rx)
                links.append((link, power_mw, carried))
            yield units, probes, _Success(links, inside, stations, first + probes)

    def _ends(self, slots: np.ndarray) -> Ends:
        s = self.stations
        pattern = s.antenna_pattern[slots]
        return Ends(
            slots, s.kind[slots], s.x0_m[slots], s.y0_m[slots], s.antenna_height_m[slots].astype(np.float32),
            s.antenna_gain_dbi[slots].astype(np.float32), pattern if is_directional(pattern) else None,
        )

    def _power_mw(self, propagation: Propagation, tx: Ends, rx: Ends) -> np.ndarray:
        one, other = propagation.features(tx.x_m, tx.y_m), propagation.features(rx.x_m, rx.y_m)
        fields = tuple(a[0] @ b[1].T for a, b in zip(one.rows, other.rows, strict=True))
        gain = propagation.block_gain(tx, rx, fields, True, 0.0, self.report_m).astype(np.float64)
        power_mw: np.ndarray = gain * 10 ** (self.stations.tx_power_dbm[tx.slot].astype(np.float64) / 10)[:, None]
        return power_mw


def _distance_m(tx: Ends, rx: Ends) -> np.ndarray:
    """3-D, antenna to antenna."""
    distance_m: np.ndarray = np.sqrt(
        (rx.x_m[None, :] - tx.x_m[:, None]) ** 2 + (rx.y_m[None, :] - tx.y_m[:, None]) ** 2
        + (rx.height_m[None, :].astype(float) - tx.height_m[:, None]) ** 2
    )
    return distance_m


class _Parts:
    """Collects the reach of one class, seed after seed."""

    def __init__(self, supply: Supply, name: str) -> None:
        self.name = name
        zone = supply.zone[CLASSES.index(name)]
        self.cells = np.flatnonzero(zone > 0)
        self.weight = zone[self.cells]
        self._of_unit: dict[int, list[Stream]] = {}
        wanted = (*_SERVICES_OF[name], *(("MAP",) if name == "SPAT+MAP" else ()))
        for stream in supply.streams:
            if stream.service in wanted:
                self._of_unit.setdefault(stream.unit, []).append(stream)
        self._seeds: list[dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]] = []

    def begin(self) -> None:
        """Another seed."""
        self._seeds.append({})

    def add(self, units: np.ndarray, probes: np.ndarray, found: _Success, tau_s: dict[str, float]) -> None:
        """The units of one block."""
        column = np.full(int(max(probes.max(), self.cells.max(initial=0))) + 1, -1, np.int64)
        column[probes] = np.arange(len(probes))
        for row, unit in enumerate(units.tolist()):
            streams = self._of_unit.get(unit, [])
            told = [stream.cells for stream in streams if stream.service != "MAP"]
            if not told:
                continue
            cells = np.intersect1d(np.unique(np.concatenate(told)), self.cells)
            cells = cells[column[cells] >= 0]
            if not len(cells):
                continue
            raw, useful = self._shares(streams, cells, tau_s, row, column, found)
            self._seeds[-1][unit] = np.searchsorted(self.cells, cells), raw, useful

    def _shares(
        self, streams: list[Stream], cells: np.ndarray, tau_s: dict[str, float], row: int, column: np.ndarray,
        found: _Success,
    ) -> tuple[np.ndarray, np.ndarray]:
        """(received, applied): shares of time in which each cell has something fresh from one unit."""
        lost_raw, lost_useful, lost_map = (np.ones(len(cells)) for _ in range(3))
        for stream in streams:
            own, place, at = np.intersect1d(cells, stream.cells, assume_unique=True, return_indices=True)
            if not len(own):
                continue
            success = found.of(row, stream, column[own])
            limit_s = tau_s[stream.service]
            useful = fresh_share(success * stream.useful[at], stream.period_s, limit_s)
            if stream.service == "MAP":
                lost_map[place] *= 1.0 - useful
                continue
            lost_raw[place] *= 1.0 - fresh_share(success, stream.period_s, limit_s)
            lost_useful[place] *= 1.0 - useful
        if self.name == "SPAT+MAP":
            return 1.0 - lost_raw, (1.0 - lost_useful) * (1.0 - lost_map)
        return 1.0 - lost_raw, 1.0 - lost_useful

    def reach(self) -> Reach:
        """Everything collected."""
        units = sorted(self._seeds[0]) if self._seeds else []
        if not units:
            nobody, nothing = np.empty(0, np.int64), np.empty((len(self._seeds), 0))
            return Reach(self.cells, self.weight, nobody, nobody, nothing, nothing.copy())
        cell = np.concatenate([self._seeds[0][unit][0] for unit in units])
        unit_of = np.repeat(units, [len(self._seeds[0][unit][0]) for unit in units])
        raw, useful = (
            np.stack([np.concatenate([one[unit][part] for unit in units]) for one in self._seeds]) for part in (1, 2)
        )
        return Reach(self.cells, self.weight, unit_of, cell, raw, useful)
