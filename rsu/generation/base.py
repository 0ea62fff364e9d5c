"""When a station generates a message: what a bench asks, and columns of state with one row per station slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

MS = 1_000_000
"""Nanoseconds in a millisecond."""

NOT_YET_NS = -(2**62)
"""Time of something that has not happened: every span since then is longer than any limit."""


@dataclass(frozen=True)
class Due:
    """Answer to one check, one element per asked row, all boolean.

    ``send``: a message is generated at this instant; the others are false wherever it is. ``low_frequency``: it
    carries the slow part of its kind (low-frequency container of a CAM or VAM, path history of a BSM).
    ``full_certificate_required``: the generation rule itself demands the certificate instead of its digest, whatever
    the cadence of the security envelope. ``event``: it is the event kind of its message (its own AID and priority).
    """

    send: np.ndarray
    low_frequency: np.ndarray
    full_certificate_required: np.ndarray
    event: np.ndarray


class VehicleGeneration(Protocol):
    """Generation rule of one message of vehicles; built with a number of rows, registered in ``VEHICLE_GENERATIONS``.

    A bench asks every station in rising time per row, each row at most once per call: first at an instant of the
    station's own (its phase), then at ``next_ns`` or on a grid of ``check_interval_ns``; asking more often is
    allowed. The answer to a row depends on the history of that row only.
    """

    @property
    def check_interval_ns(self) -> int:
        """Longest time between two checks of a row."""

    def due(self, slots: np.ndarray, time_ns: np.ndarray | int, x_m: np.ndarray, y_m: np.ndarray,
            heading_deg: np.ndarray, speed_mps: np.ndarray, event: np.ndarray | None = None) -> Due:
        """Which rows generate a message at ``time_ns``; those count as sent.

        ``slots`` [n] distinct row numbers; ``time_ns`` [n] or one instant; position on a plane, heading clockwise from
        north, speed [n] (NaN: unknown, triggers nothing); ``event`` [n] flags of the events that last at this instant,
        one bit each (booleans do; None: no events).
        """

    def next_ns(self, slots: np.ndarray, time_ns: np.ndarray | int) -> np.ndarray:
        """When each of ``slots`` is to be asked next, after a check at ``time_ns`` and without new events."""

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows; those that exist keep their state."""

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows: they begin anew."""


class RowTable:
    """Named columns of equal length, one row per station slot; every column has the value a new row starts with."""

    def __init__(self, rows: int, start: Mapping[str, int | float | bool]) -> None:
        """``start``: column name -> first value; its type (bool, int, float) is the column's."""
        if rows < 0:
            raise ValueError(f"rows: {rows} is negative")
        self._start = dict(start)
        self._columns = {name: np.full(rows, value) for name, value in self._start.items()}
        self.rows = rows

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def grow(self, rows: int) -> None:
        """Append fresh rows up to ``rows``."""
        if rows <= self.rows:
            return
        for name, value in self._start.items():
            self._columns[name] = np.concatenate([self._columns[name], np.full(rows - self.rows, value)])
        self.rows = rows

    def forget(self, slots: np.ndarray) -> None:
        """Put the first values back into ``slots``."""
        for name, value in self._start.items():
            self._columns[name][slots] = value


def turn_deg(from_deg: np.ndarray, to_deg: np.ndarray) -> np.ndarray:
    """Smallest angle between two headings, 0 to 180; NaN where either is NaN."""
    return np.abs((to_deg - from_deg + 180.0) % 360.0 - 180.0)


def ns_from_ms(milliseconds: np.ndarray) -> np.ndarray:
    """Whole nanoseconds of an array of milliseconds."""
    return np.rint(np.asarray(milliseconds, np.float64) * MS).astype(np.int64)
