"""Messages at a period that may change per station, and the event BSM that interrupts them.

Routine and event BSM: GB/T 45315-2025 7.2, 7.3 and annex B.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.generation.base import MS, NOT_YET_NS, Due, RowTable


@dataclass(frozen=True)
class PeriodicFigures:
    """Figures of a periodic message; the defaults are those of the BSM."""

    period_ms: int = 100
    """Period until a rate control says otherwise (GB/T 45315-2025 7.2; SAE J2945/1 vMinITT)."""
    event_period_ms: int | None = 100
    """Period while an event lasts (GB/T 45315-2025 annex B); None: the message has no event kind."""
    low_frequency_ms: int | None = 500
    """A path history is in the first BSM and in the first one this long after the last that had one
    (GB/T 45315-2025 7.3); None: the message has no slow part."""
    early_guard_ms: int = 25
    """An early message is sent only if the planned one is at least this far away (GB/T 45315-2025 C.3; vRescheduleTh
    of SAE J2945/1)."""
    least_interval_ms: int = 100
    """No early message sooner than this after the previous one (SAE J2945/1 vMinITT; that it holds for early messages
    too is an assumption)."""
    check_interval_ms: int = 100
    """Time between two checks: the rate controls are evaluated this often (GB/T 45315-2025 C.3; vTxRateCntrlInt)."""


ROADSIDE_CAM = PeriodicFigures(period_ms=1000, event_period_ms=None, low_frequency_ms=None, least_interval_ms=1000)
"""CAM of a roadside unit: never closer than 1 s (EN 302 637-2 v1.4.1); here exactly 1 s (assumption)."""


class PeriodicGeneration:
    """One planned instant per row; a message is due at the first check at or after it.

    The first check of a row sends; its instant is the row's phase. The next message is planned one period after the
    instant of the last one, so two routine messages are never closer than the period; a check grid on which the period
    is a whole number of steps loses nothing.

    Events (GB/T 45315-2025 annex B): a flag that was not up at the last check sends at once and cancels the planned
    message; while any flag is up a message follows every 100 ms; a further flag sends at once and restarts that grid.
    After the last flag the next routine message is planned one routine period after the last event message
    (assumption). Event messages carry the full certificate.
    """

    def __init__(self, rows: int, figures: PeriodicFigures | None = None) -> None:
        """``figures``: those of the BSM if not given."""
        self.figures = figures or PeriodicFigures()
        if self.figures.period_ms <= 0:
            raise ValueError(f"period_ms: {self.figures.period_ms} must be above 0")
        self._table = RowTable(rows, {
            "period_ns": self.figures.period_ms * MS, "last_ns": NOT_YET_NS, "slow_ns": NOT_YET_NS,
            "active": 0, "early": False,
        })

    @property
    def check_interval_ns(self) -> int:
        """Time between two checks of a row."""
        return self.figures.check_interval_ms * MS

    def period_ns(self, slots: np.ndarray) -> np.ndarray:
        """Present routine period of ``slots``."""
        return self._table["period_ns"][slots]

    def planned_ns(self, slots: np.ndarray) -> np.ndarray:
        """Instant at which the next message is due without new events; NOT_YET_NS plus a period if none was sent."""
        period_ns = self._table["period_ns"][slots]
        if self.figures.event_period_ms is not None:
            period_ns = np.where(self._table["active"][slots] != 0, self.figures.event_period_ms * MS, period_ns)
        return self._table["last_ns"][slots] + period_ns

    def next_ns(self, slots: np.ndarray, time_ns: np.ndarray | int) -> np.ndarray:
        """The planned instant, also off the grid of checks (periods of SAE J2945/1 are no multiples of 100 ms)."""
        return np.maximum(self.planned_ns(slots), time_ns)

    def plan(self, slots: np.ndarray, period_ns: np.ndarray, early: np.ndarray | None = None) -> None:
        """What a rate control decided for ``slots`` (call before ``due``).

        The next message moves to the last one plus the new period. ``early`` [n]: send at the next check, unless the
        planned one is less than the guard away. ValueError: a period that is not above 0.
        """
        if len(slots) and np.min(period_ns) <= 0:
            raise ValueError(f"period_ns: {np.min(period_ns)} must be above 0")
        self._table["period_ns"][slots] = period_ns
        if early is not None:
            self._table["early"][slots] = early

    def due(self, slots: np.ndarray, time_ns: np.ndarray | int, x_m: np.ndarray, y_m: np.ndarray,
            heading_deg: np.ndarray, speed_mps: np.ndarray, event: np.ndarray | None = None) -> Due:
        """See :meth:`rsu.generation.base.VehicleGeneration.due`; the motion does not matter here."""
        figures, table = self.figures, self._table
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), len(slots))
        last_ns = table["last_ns"][slots]
        elapsed_ns = time_ns - last_ns
        period_ns = table["period_ns"][slots]
        early = table["early"][slots]
        send = elapsed_ns >= period_ns
        if early.any():
            away = period_ns - elapsed_ns >= figures.early_guard_ms * MS
            send |= early & away & (elapsed_ns >= figures.least_interval_ms * MS)
            table["early"][slots] = False
        active = np.zeros(len(slots), np.int64)
        if event is not None and figures.event_period_ms is not None:
            active = np.asarray(event).astype(np.int64)
            begun = (active & ~table["active"][slots]) != 0
            lasting = active != 0
            send = np.where(lasting, begun | (elapsed_ns >= figures.event_period_ms * MS), send)
        table["active"][slots] = active
        slow = self._slow(slots, time_ns, send)
        table["last_ns"][slots] = np.where(send, time_ns, last_ns)
        is_event = send & (active != 0)
        return Due(send, slow, is_event, is_event)

    def _slow(self, slots: np.ndarray, time_ns: np.ndarray, send: np.ndarray) -> np.ndarray:
        if self.figures.low_frequency_ms is None:
            return np.zeros(len(slots), bool)
        last_ns = self._table["slow_ns"][slots]
        slow = send & (time_ns - last_ns >= self.figures.low_frequency_ms * MS)
        self._table["slow_ns"][slots] = np.where(slow, time_ns, last_ns)
        return slow

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        self._table.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        self._table.forget(slots)
