"""Messages triggered by motion: CAM (EN 302 637-2 v1.4.1 6.1.3) and VAM (TS 103 300-3 v2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.generation.base import MS, NOT_YET_NS, Due, RowTable, ns_from_ms, turn_deg


@dataclass(frozen=True)
class KinematicFigures:
    """Figures of a message triggered by motion; every difference is taken against the last message sent."""

    least_interval_ms: int
    """Shortest time between two messages."""
    longest_interval_ms: int
    """A message is due this long after the last one, whatever happened."""
    moved_m: float
    """Trigger: position differs by more than this."""
    turned_deg: float
    """Trigger: heading differs by more than this."""
    speed_changed_mps: float
    """Trigger: speed differs by more than this."""
    remembered_count: int
    """The interval found by a motion trigger is kept as the upper limit until this many messages in a row were sent
    because that limit passed; 0: nothing is kept."""
    low_frequency_ms: int
    """The low-frequency container is in the first message and when at least this much time passed since the last one
    with it."""
    check_interval_ms: int
    """Time between two checks."""


CAM = KinematicFigures(
    least_interval_ms=100, longest_interval_ms=1000, moved_m=4.0, turned_deg=4.0, speed_changed_mps=0.5,
    remembered_count=3, low_frequency_ms=500, check_interval_ms=100,
)
"""T_GenCamMin, T_GenCamMax, the three dynamics conditions, N_GenCam, T_CheckCamGen at its upper limit:
EN 302 637-2 v1.4.1 6.1.3."""

VAM = KinematicFigures(
    least_interval_ms=100, longest_interval_ms=5000, moved_m=4.0, turned_deg=4.0, speed_changed_mps=0.5,
    remembered_count=0, low_frequency_ms=2000, check_interval_ms=100,
)
"""TS 103 300-3 v2.2.1; clusters and skipping 2 to 10 VAMs for redundancy are left out. The check interval is an
assumption."""


class KinematicGeneration:
    """Trigger 1 (motion) and trigger 2 (time) of the CAM rule, one row per station.

    Trigger 1: T_GenCam_Dcc has passed and heading, position or speed differs from the last CAM by *more* than its
    threshold; T_GenCam becomes the time that passed. Trigger 2: T_GenCam and T_GenCam_Dcc have passed; after
    N_GenCam of these in a row T_GenCam is 1000 ms again. Where both hold it is trigger 1.
    """

    def __init__(self, rows: int, figures: KinematicFigures = CAM) -> None:
        self.figures = figures
        self._table = RowTable(rows, {
            "last_ns": NOT_YET_NS, "slow_ns": NOT_YET_NS, "limit_ns": figures.longest_interval_ms * MS,
            "access_ns": figures.least_interval_ms * MS, "by_time": 0,
            "x_m": np.nan, "y_m": np.nan, "heading_deg": np.nan, "speed_mps": np.nan,
        })

    @property
    def check_interval_ns(self) -> int:
        """T_CheckCamGen."""
        return self.figures.check_interval_ms * MS

    def limit_by_access(self, slots: np.ndarray, interval_ms: np.ndarray) -> None:
        """Set T_GenCam_Dcc of ``slots`` [n], clamped to the least and the longest interval.

        On LTE-V2X it does not apply and stays at the least interval. ValueError: NaN.
        """
        interval_ms = np.asarray(interval_ms, np.float64)
        if np.isnan(interval_ms).any():
            raise ValueError("interval_ms: NaN is no interval")
        clamped = np.clip(interval_ms, self.figures.least_interval_ms, self.figures.longest_interval_ms)
        self._table["access_ns"][slots] = ns_from_ms(clamped)

    def limit_ns(self, slots: np.ndarray) -> np.ndarray:
        """Present T_GenCam of ``slots``."""
        return self._table["limit_ns"][slots]

    def due(self, slots: np.ndarray, time_ns: np.ndarray | int, x_m: np.ndarray, y_m: np.ndarray,
            heading_deg: np.ndarray, speed_mps: np.ndarray, event: np.ndarray | None = None) -> Due:
        """See :meth:`rsu.generation.base.VehicleGeneration.due`; events do not matter (a DENM tells of them)."""
        figures, table = self.figures, self._table
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), len(slots))
        elapsed_ns = time_ns - table["last_ns"][slots]
        dx_m, dy_m = x_m - table["x_m"][slots], y_m - table["y_m"][slots]
        moved = dx_m * dx_m + dy_m * dy_m > figures.moved_m * figures.moved_m
        turned = turn_deg(table["heading_deg"][slots], heading_deg) > figures.turned_deg
        changed = np.abs(speed_mps - table["speed_mps"][slots]) > figures.speed_changed_mps
        allowed = elapsed_ns >= table["access_ns"][slots]
        by_motion = allowed & (moved | turned | changed)
        by_time = allowed & ~by_motion & (elapsed_ns >= table["limit_ns"][slots])
        send = by_motion | by_time
        slow = send & (time_ns - table["slow_ns"][slots] >= figures.low_frequency_ms * MS)
        if figures.remembered_count:
            self._remember(slots[by_motion], elapsed_ns[by_motion], slots[by_time])
        sent = slots[send]
        table["last_ns"][sent] = time_ns[send]
        table["x_m"][sent], table["y_m"][sent] = x_m[send], y_m[send]
        table["heading_deg"][sent], table["speed_mps"][sent] = heading_deg[send], speed_mps[send]
        table["slow_ns"][slots[slow]] = time_ns[slow]
        never = np.zeros(len(slots), bool)
        return Due(send, slow, never, never)

    def next_ns(self, slots: np.ndarray, time_ns: np.ndarray | int) -> np.ndarray:
        """One check interval later."""
        return np.broadcast_to(np.asarray(time_ns, np.int64), len(slots)) + self.check_interval_ns

    def _remember(self, by_motion: np.ndarray, elapsed_ns: np.ndarray, by_time: np.ndarray) -> None:
        table, longest_ns = self._table, self.figures.longest_interval_ms * MS
        table["limit_ns"][by_motion] = np.minimum(elapsed_ns, longest_ns)
        table["by_time"][by_motion] = 0
        count = table["by_time"][by_time] + 1
        table["by_time"][by_time] = count
        table["limit_ns"][by_time[count >= self.figures.remembered_count]] = longest_ns

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        self._table.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        self._table.forget(slots)


class CamGeneration(KinematicGeneration):
    """CAM of vehicles."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows, CAM)


class VamGeneration(KinematicGeneration):
    """VAM of vulnerable road users outside clusters."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows, VAM)
