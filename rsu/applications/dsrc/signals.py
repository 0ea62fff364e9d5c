"""Signals of decoded SPAT values (ETSI TS 103 301)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rsu.applications.signals import PhaseKey, PhaseSignal, SignalInterval
from rsu.messages.dsrc.quantities import QUANTITIES
from rsu.services.dsrc.spat import HOUR_TENTHS, TENTH_NS
from rsu.services.instants import MINUTE_NS, utc_from_millisecond, utc_from_minute

LIGHTS = {
    "dark": "dark",
    "stop-Then-Proceed": "flashing-red",
    "stop-And-Remain": "red",
    "pre-Movement": "red",
    "permissive-Movement-Allowed": "permissive-green",
    "protected-Movement-Allowed": "green",
    "permissive-clearance": "yellow",
    "protected-clearance": "yellow",
    "caution-Conflicting-Traffic": "flashing-yellow",
}
"""MovementPhaseState -> neutral name; red with yellow (pre-Movement) counts as red."""

_LAST_MINUTE, _LAST_MILLISECOND = QUANTITIES["MinuteOfTheYear"].highest, QUANTITIES["DSecond"].highest


def read_signals(values: Iterable[dict[str, Any]], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
    """Signal groups of decoded SPAT values; of a group stated twice the younger statement holds.

    ``near_utc_ns`` is the receiver's clock: it settles the year (or the minute) that the message does not carry.
    """
    signals: dict[PhaseKey, PhaseSignal] = {}
    for value in values:
        for intersection in value["intersections"]:
            generated_ns = _generated(intersection, value, near_utc_ns)
            node = intersection["id"]
            for movement in intersection["states"]:
                key = (node.get("region", 0), node["id"], movement["signalGroup"])
                if key not in signals or signals[key].generated_utc_ns <= generated_ns:
                    signals[key] = PhaseSignal(_intervals(movement["state-time-speed"], generated_ns), generated_ns)
    return signals


def instant(mark: int, generated_ns: int) -> int | None:
    """Instant of a TimeMark: its next occurrence from a minute before generation on; None where unknown."""
    if mark >= HOUR_TENTHS:
        return None
    hour_ns = HOUR_TENTHS * TENTH_NS
    earliest_ns = generated_ns - MINUTE_NS
    return earliest_ns + (mark * TENTH_NS - earliest_ns) % hour_ns


def _generated(intersection: dict[str, Any], message: dict[str, Any], near_utc_ns: int) -> int:
    """Generation instant: the intersection's own time, its minute possibly from the message, else the receiver's."""
    minute: int = intersection.get("moy", message.get("timeStamp", _LAST_MINUTE + 1))
    millisecond: int = intersection.get("timeStamp", _LAST_MILLISECOND + 1)
    if millisecond > _LAST_MILLISECOND:
        return near_utc_ns
    if minute > _LAST_MINUTE:
        return utc_from_millisecond(millisecond, near_utc_ns)
    return utc_from_minute(minute, millisecond, near_utc_ns)


def _intervals(events: list[dict[str, Any]], generated_ns: int) -> tuple[SignalInterval, ...]:
    """Events in order; a start that is not told is the end before, for the present event its generation."""
    intervals: list[SignalInterval] = []
    before: int | None = generated_ns
    for event in events:
        timing = event.get("timing") or {}
        start = instant(timing["startTime"], generated_ns) if "startTime" in timing else before
        end = next((at for at in _ends(timing, generated_ns) if at is not None), None)
        intervals.append(SignalInterval(LIGHTS.get(event["eventState"], "unknown"), start, end))
        before = end
    return tuple(intervals)


def _ends(timing: dict[str, int], generated_ns: int) -> Iterable[int | None]:
    """What the message says of an event's end, the best first."""
    return (instant(timing[name], generated_ns) for name in ("likelyTime", "minEndTime") if name in timing)
