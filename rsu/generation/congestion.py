"""Rate control of routine BSMs: what every control answers, the control without one, and the table by CBR and speed.

The controls by density and tracking error are in :mod:`rsu.generation.density`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rsu.generation.base import MS, RowTable

KMH_PER_MPS = 3.6


@dataclass(frozen=True)
class Channel:
    """What stations know of the channel at a check, one element per asked row; NaN is unknown.

    ``cbr_ratio`` 0..1; ``neighbours_count`` and ``packet_error_ratio`` as
    :class:`rsu.generation.neighbourhood.Neighbourhood` gives them.
    """

    cbr_ratio: np.ndarray
    neighbours_count: np.ndarray
    packet_error_ratio: np.ndarray


@dataclass(frozen=True)
class Motion:
    """Where stations believe to be: a plane, heading clockwise from north, and the instant each sample belongs to."""

    x_m: np.ndarray
    y_m: np.ndarray
    heading_deg: np.ndarray
    speed_mps: np.ndarray
    sampled_ns: np.ndarray

    def at(self, rows: np.ndarray) -> Motion:
        """The same of some rows (indices or booleans)."""
        return Motion(self.x_m[rows], self.y_m[rows], self.heading_deg[rows], self.speed_mps[rows],
                      self.sampled_ns[rows])


@dataclass(frozen=True)
class Decision:
    """Answer of a control: routine period, whether to send now, radiated power (NaN: the control sets none)."""

    period_ns: np.ndarray
    early: np.ndarray
    power_dbm: np.ndarray


class CongestionControl(Protocol):
    """One rate control over rows; registered by name in ``CONGESTION_CONTROLS``.

    Every ``check_interval_ns``: ``decide``, hand period and ``early`` to
    :meth:`rsu.generation.periodic.PeriodicGeneration.plan`, ask ``due``, tell ``sent`` which rows sent.
    """

    name: str
    needs_draws: bool
    """Whether ``uniform`` is read."""
    needs_channel: tuple[str, ...]
    """Fields of ``Channel`` that are read."""

    @property
    def check_interval_ns(self) -> int:
        """Time between two decisions."""

    def decide(self, slots: np.ndarray, time_ns: np.ndarray | int, channel: Channel, motion: Motion,
               uniform: np.ndarray) -> Decision:
        """Decision for distinct ``slots`` at ``time_ns``; ``uniform`` [n] draws in [0, 1) for early messages."""

    def sent(self, slots: np.ndarray, motion: Motion, uniform: np.ndarray, event: np.ndarray) -> None:
        """``slots`` sent BSMs with content ``motion``; ``event`` [n]: of the event kind; ``uniform`` [n] draws for
        their assumed reception."""

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""


class NoControl:
    """Always the nominal period."""

    name = "none"
    needs_draws = False
    needs_channel: tuple[str, ...] = ()

    def __init__(self, rows: int, period_ms: int = 100) -> None:
        self.period_ms = period_ms

    @property
    def check_interval_ns(self) -> int:
        """100 ms; nothing depends on it."""
        return 100 * MS

    def decide(self, slots: np.ndarray, time_ns: np.ndarray | int, channel: Channel, motion: Motion,
               uniform: np.ndarray) -> Decision:
        """The nominal period for all."""
        count = len(slots)
        return Decision(np.full(count, self.period_ms * MS), np.zeros(count, bool), np.full(count, np.nan))

    def sent(self, slots: np.ndarray, motion: Motion, uniform: np.ndarray, event: np.ndarray) -> None:
        """Nothing to remember."""

    def grow(self, rows: int) -> None:
        """No rows."""

    def forget(self, slots: np.ndarray) -> None:
        """No rows."""


@dataclass(frozen=True)
class CbrTable:
    """Periods by channel busy ratio (rows) and speed (columns): GB/T 45315-2025 C.2.

    A value equal to an inner bound belongs to the lower class. The last speed class is printed "> 25 km/h", which
    settles the speeds; for the busy ratio the copy read is garbled and the same reading is an assumption.
    """

    cbr_bounds_ratio: tuple[float, ...] = (0.3, 0.6, 0.8)
    speed_bounds_kmh: tuple[float, ...] = (5.0, 10.0, 25.0)
    period_ms: tuple[tuple[int, ...], ...] = (
        (100, 100, 100, 100),
        (100, 100, 100, 100),
        (1000, 500, 200, 100),
        (1000, 500, 400, 100),
    )
    least_messages_count: int = 10
    """At least this many messages at a period before it changes again (C.2); the first change is free."""
    start_ms: int = 100
    """Period before the first decision (GB/T 45315-2025 7.2)."""
    check_interval_ms: int = 100
    """Time between two decisions (assumption: that of C.3)."""

    def looked_up_ms(self, cbr_ratio: np.ndarray, speed_mps: np.ndarray) -> np.ndarray:
        """Period of each (busy ratio, speed), without memory. NaN is not allowed."""
        row = np.searchsorted(self.cbr_bounds_ratio, cbr_ratio, side="left")
        column = np.searchsorted(np.array(self.speed_bounds_kmh) / KMH_PER_MPS, speed_mps, side="left")
        return np.asarray(self.period_ms)[row, column]


class CbrSpeedControl:
    """Rate control by CBR and speed (GB/T 45315-2025 C.2). An unknown CBR or speed leaves the period as it is."""

    name = "gbt45315-cbr"
    needs_draws = False
    needs_channel: tuple[str, ...] = ("cbr_ratio",)

    def __init__(self, rows: int, table: CbrTable | None = None) -> None:
        self.figures = table or CbrTable()
        self._table = RowTable(rows, {
            "period_ms": self.figures.start_ms, "sent_count": self.figures.least_messages_count,
        })

    @property
    def check_interval_ns(self) -> int:
        """Time between two decisions."""
        return self.figures.check_interval_ms * MS

    def decide(self, slots: np.ndarray, time_ns: np.ndarray | int, channel: Channel, motion: Motion,
               uniform: np.ndarray) -> Decision:
        """Period of the table, once ten messages were sent at the present one."""
        present_ms = self._table["period_ms"][slots]
        unknown = np.isnan(channel.cbr_ratio) | np.isnan(motion.speed_mps)
        wanted_ms = self.figures.looked_up_ms(
            np.where(unknown, 0.0, channel.cbr_ratio), np.where(unknown, 0.0, motion.speed_mps)
        )
        free = self._table["sent_count"][slots] >= self.figures.least_messages_count
        change = free & ~unknown & (wanted_ms != present_ms)
        period_ms = np.where(change, wanted_ms, present_ms)
        self._table["period_ms"][slots] = period_ms
        self._table["sent_count"][slots[change]] = 0
        count = len(slots)
        return Decision(period_ms.astype(np.int64) * MS, np.zeros(count, bool), np.full(count, np.nan))

    def sent(self, slots: np.ndarray, motion: Motion, uniform: np.ndarray, event: np.ndarray) -> None:
        """Count routine messages; event messages are not made at the routine period and do not count."""
        self._table["sent_count"][slots[~np.asarray(event, bool)]] += 1

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        self._table.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        self._table.forget(slots)
