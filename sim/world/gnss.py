"""What stations believe of place, motion and time: first-order Gauss-Markov errors and constant clock
offsets.

Source of the process: R. G. Brown and P. Y. C. Hwang, Introduction to Random Signals and Applied Kalman
Filtering, Gauss-Markov process; ``x[k+1] = a x[k] + sigma sqrt(1 - a^2) w[k]`` with ``a = exp(-dt / tau)`` is
exact for any dt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.clock import MS, SECOND, hashed_bits, hashed_uniform, stream_key

if TYPE_CHECKING:
    from sim.scenario.schema.traffic import Clock, Gnss

_AXES = ("east", "north", "speed", "heading")
_ONE, _TWO = np.asarray(1), np.asarray(2)


def hashed_normal(key: np.uint64, *counters: np.ndarray) -> np.ndarray:
    """Standard normal draws, one per element of the broadcast integer counters (Box and Muller 1958)."""
    bits = hashed_bits(key, *counters)
    first, second = hashed_uniform(bits, _ONE), hashed_uniform(bits, _TWO)
    return np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)


@dataclass(frozen=True, eq=False)
class Believed:
    """What stations believe of themselves, one row per slot asked for."""

    x_m: np.ndarray
    y_m: np.ndarray
    speed_mps: np.ndarray
    heading_deg: np.ndarray
    available: np.ndarray
    """False: no satellite fix; the message flags its accuracy as unavailable."""
    sigma_m: np.ndarray
    """True standard deviation per horizontal axis (0 in exact mode), for posAccuracy and posConfidence."""


class PositionErrors:
    """Errors of position (per axis), speed and heading per station slot.

    Every draw is a pure function of (seed, lasting station id, step index): another station, or another slot
    for the same one, changes nothing. Errors hold at both ends of the tick and are interpolated in between
    (which lowers their variance in mid tick by the share tick / 2 tau, below 0.1 % at 0.1 s and 60 s).

    Without a fix (outage zone) the station dead-reckons: the error keeps its last value and grows as a random
    walk driven by the same noise, ``sigma^2(t) = sigma^2 + 2 sigma^2 t / tau``, and ``available`` is False.
    When the fix returns, the error starts again from its stationary law. Speed and heading are not affected
    by an outage.
    """

    def __init__(
        self, settings: Gnss, seed: int, capacity: int, outages_m: Sequence[tuple[float, float]] | None = None
    ) -> None:
        """``outages_m``: (from, to) chainages, by default the settings' own."""
        self.exact = settings.model == "exact"
        self._tau_s = settings.correlation_time_s
        self._sigma = np.array(
            [settings.sigma_m, settings.sigma_m, settings.speed_sigma_mps, settings.heading_sigma_deg]
        )
        zones = (
            [(zone.from_m, zone.to_m) for zone in settings.outages] if outages_m is None else list(outages_m)
        )
        self._zones_m = [(min(zone), max(zone)) for zone in zones]
        self._step_key = stream_key(seed, "gnss", "step")
        self._start_key = stream_key(seed, "gnss", "start")
        self._time_ns = (0, 1)
        self._step = 0
        self._id = np.full(capacity, -1, np.int64)
        self._old = np.zeros((len(_AXES), capacity))
        self._new = np.zeros((len(_AXES), capacity))
        self.available = np.ones(capacity, bool)
        self.sigma_m = np.zeros(capacity)
        """True standard deviation per horizontal axis at the end of the tick."""

    def grow(self, capacity: int) -> None:
        """Make room for more slots; existing ones keep their state."""
        extra = capacity - len(self._id)
        if extra > 0:
            self._id = np.concatenate([self._id, np.full(extra, -1, np.int64)])
            self._old = np.concatenate([self._old, np.zeros((len(_AXES), extra))], axis=1)
            self._new = np.concatenate([self._new, np.zeros((len(_AXES), extra))], axis=1)
            self.available = np.concatenate([self.available, np.ones(extra, bool)])
            self.sigma_m = np.concatenate([self.sigma_m, np.zeros(extra)])

    def advance(
        self, start_ns: int, end_ns: int, slots: np.ndarray, station_id: np.ndarray, chainage_m: np.ndarray
    ) -> None:
        """Move the errors of ``slots`` over one tick [start_ns, end_ns].

        All three arrays have one row per active station. A slot whose station is new (or another one than
        before) starts from the stationary law. Slots not named keep their state. The step index is that of
        ``end_ns`` in units of the tick, so the same tick grid is expected throughout.
        """
        self._time_ns = (start_ns, end_ns)
        if self.exact:
            return
        length_ns = max(end_ns - start_ns, 1)
        self._step = end_ns // length_ns
        a = np.exp(-length_ns / SECOND / self._tau_s)
        drive = np.sqrt(1.0 - a * a)
        inside = self._inside(chainage_m)
        new = self._id[slots] != station_id
        again = new | (~inside & ~self.available[slots])
        noise = self._draws(self._step_key, station_id, self._step)
        before = self._new[:, slots]
        walk = inside & ~new
        kept = np.array([1.0, 1.0, a, a])[:, None] * walk + a * ~walk
        after = kept * before + drive * self._sigma[:, None] * noise
        if again.any():
            fresh = self._draws(self._start_key, station_id[again], self._step) * self._sigma[:, None]
            renewed = np.array([True, True, False, False])[:, None] | new[again]
            after[:, again] = np.where(renewed, fresh, after[:, again])
            before[:, again] = np.where(renewed, fresh, before[:, again])
        self._old[:, slots], self._new[:, slots] = before, after
        grown = np.hypot(self.sigma_m[slots], self._sigma[0] * drive)
        self.sigma_m[slots] = np.where(walk, grown, self._sigma[0])
        self.available[slots] = ~inside
        self._id[slots] = station_id

    def _inside(self, chainage_m: np.ndarray) -> np.ndarray:
        inside = np.zeros(len(chainage_m), bool)
        for first_m, last_m in self._zones_m:
            inside |= (chainage_m >= first_m) & (chainage_m <= last_m)
        return inside

    @staticmethod
    def _draws(key: np.uint64, station_id: np.ndarray, step: int) -> np.ndarray:
        """(axes, stations) standard normals."""
        return hashed_normal(key, station_id[None, :], np.asarray(step), np.arange(len(_AXES))[:, None])

    def errors(self, slots: np.ndarray, time_ns: np.ndarray | int) -> np.ndarray:
        """(4, slots): error east (m), north (m), of speed (m/s) and heading (deg) at ``time_ns`` inside the
        tick.
        """
        start_ns, end_ns = self._time_ns
        share = np.clip((np.asarray(time_ns, np.float64) - start_ns) / (end_ns - start_ns), 0.0, 1.0)
        old, new = self._old[:, slots], self._new[:, slots]
        return old + (new - old) * share

    def believed(
        self,
        slots: np.ndarray,
        time_ns: np.ndarray | int,
        x_m: np.ndarray,
        y_m: np.ndarray,
        speed_mps: np.ndarray,
        heading_deg: np.ndarray,
    ) -> Believed:
        """True columns with their errors: what the stations put into their messages.

        The speed error of a standing vehicle can not make its speed negative.
        """
        east_m, north_m, speed_error_mps, heading_error_deg = self.errors(slots, time_ns)
        return Believed(
            x_m + east_m,
            y_m + north_m,
            np.maximum(speed_mps + speed_error_mps, 0.0),
            (heading_deg + heading_error_deg) % 360.0,
            self.available[slots].copy(),
            self.sigma_m[slots].copy(),
        )


def clock_offsets_ns(settings: Clock, seed: int, station_id: np.ndarray) -> np.ndarray:
    """Constant clock offset (int ns, positive = the clock is ahead) per lasting station id, normally
    distributed.
    """
    if settings.offset_sigma_ms == 0:
        return np.zeros(np.shape(station_id), np.int64)
    draws = hashed_normal(stream_key(seed, "clock", "offset"), np.asarray(station_id))
    return np.rint(draws * settings.offset_sigma_ms * MS).astype(np.int64)
