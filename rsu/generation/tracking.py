"""Tracking error: how wrong others are about a station when they extrapolate its last BSM (GB/T 45315-2025 C.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.generation.base import MS, NOT_YET_NS, RowTable
from rsu.generation.congestion import Motion

NS_PER_S = 1e9


@dataclass(frozen=True)
class TrackingFigures:
    """Figures of the tracking error; GB/T 45315-2025 C.3, the same in code bases of SAE J2945/1."""

    tolerated_m: float = 0.2
    """T: below it nobody sends early."""
    certain_m: float = 0.5
    """S: from it on everybody does."""
    steepness_per_m2: float = 75.0
    """Between them p = 1 - exp(-75 (e - T)^2)."""
    fresh_ms: int = 50
    """A position younger than this is used as it is, an older one is extrapolated."""
    own_oldest_ms: int = 150
    """Own position older than this: the error counts as 0."""
    remote_oldest_ms: int = 3000
    """Last BSM assumed received older than this: the error counts as 0."""
    most_losses_in_a_row: int = 3
    """After this many assumed losses in a row the next BSM is assumed received whatever its draw (assumption: the text
    may also mean the last of the three)."""
    highest_error_ratio: float = 0.3
    """vPERMax: cap of the packet error ratio (code bases of SAE J2945/1; for GB/T 45315-2025 not found)."""


def early_probability(error_m: np.ndarray, figures: TrackingFigures) -> np.ndarray:
    """Probability of sending before the planned instant, for tracking errors in metres."""
    over_m = np.maximum(error_m - figures.tolerated_m, 0.0)
    rising = -np.expm1(-figures.steepness_per_m2 * over_m * over_m)
    return np.where(error_m >= figures.certain_m, 1.0, np.where(error_m < figures.tolerated_m, 0.0, rising))


def extrapolated_m(motion: Motion, age_ns: np.ndarray, fresh_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Position ``age_ns`` after its sample: kept while fresh, else straight on with heading and speed kept."""
    way_m = np.where(age_ns < fresh_ns, 0.0, motion.speed_mps * (age_ns / NS_PER_S))
    heading = np.radians(motion.heading_deg)
    return motion.x_m + way_m * np.sin(heading), motion.y_m + way_m * np.cos(heading)


class TrackingError:
    """The last BSM of each row that the others are assumed to have, and how wrong it is by now."""

    def __init__(self, rows: int, figures: TrackingFigures | None = None) -> None:
        self.figures = figures or TrackingFigures()
        self._table = RowTable(rows, {
            "x_m": np.nan, "y_m": np.nan, "heading_deg": np.nan, "speed_mps": np.nan, "sampled_ns": NOT_YET_NS,
            "losses_count": 0, "error_ratio": 0.0,
        })

    def error_m(self, slots: np.ndarray, time_ns: np.ndarray | int, motion: Motion) -> np.ndarray:
        """Tracking error of ``slots`` [n] at ``time_ns``; 0 where a position is missing, unknown or too old."""
        figures, table = self.figures, self._table
        fresh_ns = figures.fresh_ms * MS
        known = Motion(*(table[name][slots] for name in ("x_m", "y_m", "heading_deg", "speed_mps", "sampled_ns")))
        own_age_ns, remote_age_ns = time_ns - motion.sampled_ns, time_ns - known.sampled_ns
        own_x_m, own_y_m = extrapolated_m(motion, own_age_ns, fresh_ns)
        remote_x_m, remote_y_m = extrapolated_m(known, remote_age_ns, fresh_ns)
        error_m = np.hypot(own_x_m - remote_x_m, own_y_m - remote_y_m)
        usable = (own_age_ns <= figures.own_oldest_ms * MS) & (remote_age_ns <= figures.remote_oldest_ms * MS)
        return np.where(usable & ~np.isnan(error_m), error_m, 0.0)

    def observe(self, slots: np.ndarray, packet_error_ratio: np.ndarray) -> None:
        """Keep the channel quality of ``slots``, capped; NaN (nobody to judge by) counts as 0."""
        known = np.where(np.isnan(packet_error_ratio), 0.0, packet_error_ratio)
        self._table["error_ratio"][slots] = np.clip(known, 0.0, self.figures.highest_error_ratio)

    def sent(self, slots: np.ndarray, motion: Motion, uniform: np.ndarray) -> None:
        """One Bernoulli trial per BSM: lost where the draw is below the packet error ratio, else the others have it."""
        table = self._table
        losses = table["losses_count"][slots]
        lost = (uniform < table["error_ratio"][slots]) & (losses < self.figures.most_losses_in_a_row)
        table["losses_count"][slots] = np.where(lost, losses + 1, 0)
        had, received = slots[~lost], motion.at(~lost)
        for name in ("x_m", "y_m", "heading_deg", "speed_mps", "sampled_ns"):
            table[name][had] = getattr(received, name)

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        self._table.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        self._table.forget(slots)
