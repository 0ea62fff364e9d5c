"""SPAT: what each signal group shows now, until when, and what comes next (ETSI TS 103 301, SPATEM).

Instants are TimeMarks, tenths of a second within the UTC hour. A mark names its next occurrence from a minute before
generation on, so instants up to 3500 s ahead are told and later ones are *unknown*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rsu.services.counter import MessageCounter
from rsu.services.described import IntersectionForecast, PhaseForecast
from rsu.services.dsrc.map import node_id
from rsu.services.dsrc.wire import bits_to_wire
from rsu.services.instants import millisecond_of_minute, minute_of_year

LIGHTS = {
    "dark": "dark",
    "red": "stop-And-Remain",
    "flashing-red": "stop-Then-Proceed",
    "green": "protected-Movement-Allowed",
    "permissive-green": "permissive-Movement-Allowed",
    "flashing-green": "protected-Movement-Allowed",
    "yellow": "protected-clearance",
    "flashing-yellow": "caution-Conflicting-Traffic",
}
"""Neutral name of a light -> MovementPhaseState. The set has no flashing green: it is told as green (assumption)."""

STATUS_BITS = (
    "manual", "stopped", "failure-flash", "preempted", "priority", "fixed-time", "traffic-dependent",
)
"""Neutral names of the first bits of IntersectionStatusObject."""
LONGEST_S = 3500.0
HOUR_TENTHS = 36_000
TIME_UNKNOWN = 36_001
TENTH_NS = 100_000_000
_STATUS_SIZE = 16
_MOST_EVENTS, _MOST_GROUPS, _MOST_INTERSECTIONS = 16, 255, 32


def build_spat(
    intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int
) -> dict[str, Any]:
    """A SPAT value; ``generated_utc_ns`` (since 1970) is carried in moy and timeStamp of every intersection.

    Each signal group carries its present state with minimal and likely end, and every later state with its start
    and end; instants are rounded to the wire's 0.1 s, the generation instant down to its millisecond. ValueError: a
    phase id outside 1..255 or doubled, an unknown light, ends that do not ascend, or list sizes outside the set's.
    """
    if not 1 <= len(intersections) <= _MOST_INTERSECTIONS:
        raise ValueError(f"SPAT: {len(intersections)} intersections, must be 1..{_MOST_INTERSECTIONS}")
    revision = counter.next()
    return {"intersections": [_intersection(one, revision, generated_utc_ns) for one in intersections]}


def time_mark(utc_ns: int) -> int:
    """TimeMark of an instant: tenths of a second in its UTC hour, rounded."""
    return (utc_ns + TENTH_NS // 2) // TENTH_NS % HOUR_TENTHS


def _intersection(forecast: IntersectionForecast, revision: int, generated_utc_ns: int) -> dict[str, Any]:
    where = f"SPAT of node {forecast.node}"
    if not 1 <= len(forecast.phases) <= _MOST_GROUPS:
        raise ValueError(f"{where}: {len(forecast.phases)} phases, must be 1..{_MOST_GROUPS}")
    numbers = [phase.phase_id for phase in forecast.phases]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"{where}: phase ids {numbers} must differ")
    return {
        "id": node_id(forecast.region, forecast.node),
        "revision": revision,
        "status": bits_to_wire(STATUS_BITS, forecast.status, _STATUS_SIZE),
        "moy": minute_of_year(generated_utc_ns),
        "timeStamp": millisecond_of_minute(generated_utc_ns),
        "states": [_movement(phase, generated_utc_ns, where) for phase in forecast.phases],
    }


def _movement(phase: PhaseForecast, generated_utc_ns: int, where: str) -> dict[str, Any]:
    _check(phase, f"{where}, phase {phase.phase_id}")
    events: list[dict[str, Any]] = []
    start: int | None = None
    for light, end_s in zip(phase.lights, phase.ends_s, strict=True):
        end = _mark(end_s, generated_utc_ns)
        timing = {"minEndTime": end, "likelyTime": end} if start is None else {
            "startTime": start, "minEndTime": end, "likelyTime": end
        }
        events.append({"eventState": LIGHTS[light], "timing": timing})
        start = end
    return {"signalGroup": phase.phase_id, "state-time-speed": events}


def _mark(ahead_s: float, generated_utc_ns: int) -> int:
    if ahead_s > LONGEST_S:
        return TIME_UNKNOWN
    return time_mark(generated_utc_ns + round(ahead_s * 1e9))


def _check(phase: PhaseForecast, where: str) -> None:
    if not 1 <= phase.phase_id <= 255:
        raise ValueError(f"{where}: phase id must lie in 1..255")
    if not 1 <= len(phase.lights) <= _MOST_EVENTS or len(phase.lights) != len(phase.ends_s):
        raise ValueError(
            f"{where}: {len(phase.lights)} lights and {len(phase.ends_s)} ends, must be equal and 1..{_MOST_EVENTS}"
        )
    unknown = [light for light in phase.lights if light not in LIGHTS]
    if unknown:
        raise ValueError(f"{where}: light {unknown[0]!r} is none of {', '.join(LIGHTS)}")
    ends_s = (0.0, *phase.ends_s)
    if any(later < earlier or math.isnan(later) for earlier, later in zip(ends_s, ends_s[1:], strict=False)):
        raise ValueError(f"{where}: ends {phase.ends_s} must not be negative nor descend")
