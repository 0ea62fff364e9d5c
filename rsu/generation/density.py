"""Rate control by vehicle density and tracking error: GB/T 45315-2025 C.3 and SAE J2945/1."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rsu.generation.base import MS, RowTable, ns_from_ms
from rsu.generation.congestion import Channel, Decision, Motion
from rsu.generation.tracking import TrackingError, TrackingFigures, early_probability


@dataclass(frozen=True)
class DensityFigures:
    """Figures of the density rule; GB/T 45315-2025 C.3, those of SAE J2945/1 are equal."""

    nominal_ms: int = 100
    """Period while few vehicles are near (vMinITT)."""
    longest_ms: int = 600
    """Cap of the period (vMax_ITT)."""
    density_coefficient: float = 25.0
    """B (vDensityCoefficient): smoothed count up to which the period is nominal."""
    newest_weight: float = 0.05
    """Weight of the newest count (lambda of SAE J2945/1: 0.05 in three code bases and Ahmad et al. 2019; one paper
    prints 0.5)."""
    step_ms: int | None = None
    """The period is rounded to multiples of this; None: not rounded."""
    check_interval_ms: int = 100
    """Time between two decisions (vTxRateCntrlInt)."""
    tracking: TrackingFigures = field(default_factory=TrackingFigures)


GBT45315 = DensityFigures(step_ms=100)
"""GB/T 45315-2025 C.3; halves round up (assumption)."""

J2945_1 = DensityFigures()
"""SAE J2945/1 as found in code bases; on LTE-V2X the J3161/1 profile keeps these."""


@dataclass(frozen=True)
class PowerFigures:
    """Radiated power by channel busy percentage (SAE J2945/1 as found in code bases)."""

    highest_dbm: float = 20.0
    """At and below ``lower_cbp_ratio``; also for early and for event messages."""
    lowest_dbm: float = 10.0
    """At and above ``upper_cbp_ratio``; linear between."""
    lower_cbp_ratio: float = 0.5
    upper_cbp_ratio: float = 0.8
    gain: float = 0.5
    """vSUPRAGain: share of the way to the wanted power taken per decision."""
    start_dbm: float = 15.0
    """Power before the first decision."""
    newest_weight: float = 0.5
    """Weight of the newest busy percentage in the smoothed one; that starts with the first measurement (assumption)."""

    def wanted_dbm(self, cbp_ratio: np.ndarray) -> np.ndarray:
        """Power a smoothed busy percentage asks for."""
        return np.interp(cbp_ratio, (self.lower_cbp_ratio, self.upper_cbp_ratio), (self.highest_dbm, self.lowest_dbm))


def period_ms(smoothed_count: np.ndarray, figures: DensityFigures) -> np.ndarray:
    """Period of each smoothed neighbour count: nominal up to B, then nominal x count / B, rounded, capped."""
    period = np.maximum(figures.nominal_ms * smoothed_count / figures.density_coefficient, figures.nominal_ms)
    if figures.step_ms is not None:
        period = np.floor(period / figures.step_ms + 0.5) * figures.step_ms
    return np.minimum(period, figures.longest_ms)


class DensityControl:
    """Period by the smoothed count of neighbours, early messages by the tracking error (GB/T 45315-2025 C.3).

    The smoothed count starts at 0: a station that just woke has heard nobody (assumption). An unknown count leaves
    it as it is. ``decide`` is one step of the smoothing, so it is called once per check interval and row.
    """

    name = "gbt45315-density"
    needs_draws = True
    needs_channel: tuple[str, ...] = ("neighbours_count", "packet_error_ratio")

    def __init__(self, rows: int, figures: DensityFigures = GBT45315) -> None:
        self.figures = figures
        self._tracking = TrackingError(rows, figures.tracking)
        self._table = RowTable(rows, {"smoothed_count": 0.0})

    @property
    def check_interval_ns(self) -> int:
        """Time between two decisions."""
        return self.figures.check_interval_ms * MS

    def decide(self, slots: np.ndarray, time_ns: np.ndarray | int, channel: Channel, motion: Motion,
               uniform: np.ndarray) -> Decision:
        """Early where the draw is below the probability of the tracking error; the power is left alone."""
        before = self._table["smoothed_count"][slots]
        weight = self.figures.newest_weight
        smoothed = weight * channel.neighbours_count + (1.0 - weight) * before
        smoothed = np.where(np.isnan(smoothed), before, smoothed)
        self._table["smoothed_count"][slots] = smoothed
        self._tracking.observe(slots, channel.packet_error_ratio)
        error_m = self._tracking.error_m(slots, time_ns, motion)
        early = uniform < early_probability(error_m, self.figures.tracking)
        return Decision(ns_from_ms(period_ms(smoothed, self.figures)), early, np.full(len(slots), np.nan))

    def sent(self, slots: np.ndarray, motion: Motion, uniform: np.ndarray, event: np.ndarray) -> None:
        """Every BSM, routine or event, has its trial of assumed reception."""
        self._tracking.sent(slots, motion, uniform)

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        self._table.grow(rows)
        self._tracking.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        self._table.forget(slots)
        self._tracking.forget(slots)


class J3161Control(DensityControl):
    """SAE J3161/1 for LTE-V2X as far as reported: the rate control of J2945/1 with its figures, power left alone."""

    name = "j3161-1"

    def __init__(self, rows: int, figures: DensityFigures = J2945_1) -> None:
        super().__init__(rows, figures)


class J2945Control(DensityControl):
    """SAE J2945/1: density and tracking error without rounding, and radiated power by channel busy percentage.

    Early messages go out at full power; the caller gives event messages ``power.highest_dbm`` too. Left out:
    vTxRand (+-5 ms, 0 on C-V2X).
    """

    name = "j2945-1"
    needs_channel: tuple[str, ...] = ("neighbours_count", "packet_error_ratio", "cbr_ratio")

    def __init__(self, rows: int, figures: DensityFigures = J2945_1, power: PowerFigures | None = None) -> None:
        super().__init__(rows, figures)
        self.power = power or PowerFigures()
        self._power = RowTable(rows, {"power_dbm": self.power.start_dbm, "cbp_ratio": np.nan})

    def decide(self, slots: np.ndarray, time_ns: np.ndarray | int, channel: Channel, motion: Motion,
               uniform: np.ndarray) -> Decision:
        """Period, early messages and power; an unknown busy ratio leaves the power as it is."""
        decision = super().decide(slots, time_ns, channel, motion, uniform)
        power_dbm = np.where(decision.early, self.power.highest_dbm, self._controlled_dbm(slots, channel.cbr_ratio))
        return Decision(decision.period_ns, decision.early, power_dbm)

    def _controlled_dbm(self, slots: np.ndarray, cbr_ratio: np.ndarray) -> np.ndarray:
        figures, before = self.power, self._power["cbp_ratio"][slots]
        mixed = figures.newest_weight * cbr_ratio + (1.0 - figures.newest_weight) * before
        smoothed = np.where(np.isnan(before), cbr_ratio, np.where(np.isnan(cbr_ratio), before, mixed))
        power_dbm = self._power["power_dbm"][slots]
        step_db = figures.gain * (figures.wanted_dbm(smoothed) - power_dbm)
        power_dbm = power_dbm + np.where(np.isnan(cbr_ratio), 0.0, step_db)
        self._power["cbp_ratio"][slots], self._power["power_dbm"][slots] = smoothed, power_dbm
        return power_dbm

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` rows."""
        super().grow(rows)
        self._power.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Another station stands in these rows."""
        super().forget(slots)
        self._power.forget(slots)
