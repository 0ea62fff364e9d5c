"""Who serves whom: cell and operator of every station in a traffic tick, and the downlink copies that links share."""

from __future__ import annotations

import numpy as np

from sim.access.uu.parts import OPERATORS
from sim.scenario.schema.radio.uu import Uu
from sim.world.stations import Stations

_TABLE_AT_MOST = 20_000_000


class Serving:
    """Cells are pieces of road of ``cell_length_m`` by chainage; operators follow from home or place."""

    def __init__(self, settings: Uu) -> None:
        self.settings = settings
        self.operator_of = operator_numbers(settings.operators)
        self.cell = np.empty(0, np.int64)
        self.operator = np.empty(0, np.int64)
        """By slot; a station keeps both for the tick."""
        self.tick = 0
        self.since_tick = np.empty(0, np.int64)
        """By slot: the tick from which on its station stands in it."""

    def update(self, stations: Stations) -> None:
        """A new tick."""
        self.tick += 1
        extra = stations.size - len(self.since_tick)
        self.since_tick = np.concatenate([self.since_tick, np.full(max(extra, 0), self.tick)])
        self.since_tick[stations.changed] = self.tick
        self.cell = np.maximum(stations.chainage_m // self.settings.cell_length_m, 0).astype(np.int64)
        if self.settings.operator_of == "one":
            self.operator = np.zeros(stations.size, np.int64)
            return
        jurisdiction = stations.place
        if self.settings.operator_of == "home":
            jurisdiction = np.where(stations.home >= 0, stations.home, stations.place)
        self.operator = self.operator_of[np.maximum(jurisdiction, 0)]


def operator_numbers(operators: list[str]) -> np.ndarray:
    """Operator number by jurisdiction; names in order of first mention, without names one operator each."""
    numbers = np.arange(2**15) % OPERATORS
    for index, name in enumerate(operators):
        numbers[index] = operators.index(name)
    return numbers


def shared_copies(
    row: np.ndarray, cell: np.ndarray, to_cell: np.ndarray, to_operator: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(row, cell, operator of each copy, copy of each link): one copy per row and cell and operator it goes to.

    ``row`` of each link (ascending copies result), ``cell`` of the sender of each row; ``rows`` is their number.
    """
    if not len(row):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing, nothing
    offset = to_cell - cell[row]
    low, operators = int(offset.min()), int(to_operator.max()) + 1
    width = (int(offset.max()) - low + 1) * operators
    key = row * width + (offset - low) * operators + to_operator
    if rows * width <= _TABLE_AT_MOST:
        there = np.zeros(rows * width, bool)
        there[key] = True
        keys = np.flatnonzero(there)
        place = (np.cumsum(there) - 1)[key]
    else:
        keys, place = np.unique(key, return_inverse=True)
    of_row, rest = keys // width, keys % width
    return of_row, cell[of_row] + rest // operators + low, rest % operators, place
