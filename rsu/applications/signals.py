"""Signals as read from any set: which light each phase shows and when it changes, as absolute time."""

from __future__ import annotations

from dataclasses import dataclass

PhaseKey = tuple[int, int, int]
"""(region, node, phase id)."""


@dataclass(frozen=True)
class SignalInterval:
    """One light from start to end, nanoseconds since 1970; None where the message does not say."""

    light: str
    start_utc_ns: int | None
    end_utc_ns: int | None


@dataclass(frozen=True)
class PhaseSignal:
    """One phase as a receiver knows it."""

    intervals: tuple[SignalInterval, ...]
    """As sent: the present one first."""
    generated_utc_ns: int

    @property
    def light(self) -> str:
        """The light shown when the message was made."""
        return self.intervals[0].light if self.intervals else "unknown"

    @property
    def next_change_utc_ns(self) -> int | None:
        """When that light is likely to end."""
        return self.intervals[0].end_utc_ns if self.intervals else None

    def light_at(self, utc_ns: int) -> str:
        """The light expected at an instant, ``unknown`` outside what the message foretells."""
        for interval in self.intervals:
            start, end = interval.start_utc_ns, interval.end_utc_ns
            if start is not None and start <= utc_ns and (end is None or utc_ns < end):
                return interval.light
        return "unknown"


