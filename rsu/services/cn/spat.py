"""SPAT: what each signal phase shows now, until when, and what comes next (T/CSAE 53-2020 MSG_SPAT)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsu.services.cn.wire import bits_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.described import IntersectionForecast, PhaseForecast
from rsu.services.geometry import node_reference
from rsu.services.instants import millisecond_of_minute, minute_of_year

LIGHTS = {
    "dark": "dark",
    "red": "red",
    "flashing-red": "flashing-red",
    "green": "protected-green",
    "permissive-green": "permissive-green",
    "flashing-green": "flashing-green",
    "yellow": "yellow",
    "flashing-yellow": "flashing-yellow",
}
"""Neutral name of a light -> LightState."""

STATUS_BITS = (
    "manual",
    "stopped",
    "failure-flash",
    "preempted",
    "priority",
    "fixed-time",
    "traffic-dependent",
)
LONGEST_S = 3600.0
_TIME_UNAVAILABLE = 36001
_MOST_STATES = 16
_MOST_PHASES = 16


def build_spat(
    intersections: Sequence[IntersectionForecast], *, counter: MessageCounter, generated_utc_ns: int
) -> dict[str, Any]:
    """A SPAT value; times count down from ``generated_utc_ns`` (nanoseconds since 1970), carried in moy and
    timeStamp.

    Each phase carries its present state with startTime 0 and its likely end, when it will next show the same
    light (nextStartTime, nextDuration) if the forecast reaches that far, and every later state with its start
    and end. Times are rounded to the wire's 0.1 s, the generation instant down to its millisecond.
    ValueError: a phase id outside 1..255 or doubled, an unknown light, ends that do not ascend, or list sizes
    outside the set's.
    """
    if not 1 <= len(intersections) <= 32:
        raise ValueError(f"SPAT: {len(intersections)} intersections, must be 1..32")
    moy, millisecond = minute_of_year(generated_utc_ns), millisecond_of_minute(generated_utc_ns)
    return {
        "msgCnt": counter.next(),
        "moy": moy,
        "timeStamp": millisecond,
        "intersections": [_intersection(one, moy, millisecond) for one in intersections],
    }


def _intersection(forecast: IntersectionForecast, moy: int, millisecond: int) -> dict[str, Any]:
    if not 1 <= len(forecast.phases) <= _MOST_PHASES:
        raise ValueError(
            f"SPAT of node {forecast.node}: {len(forecast.phases)} phases, must be 1..{_MOST_PHASES}"
        )
    numbers = [phase.phase_id for phase in forecast.phases]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"SPAT of node {forecast.node}: phase ids {numbers} must differ")
    return {
        "intersectionId": node_reference(forecast.region, forecast.node),
        "status": bits_to_wire(STATUS_BITS, forecast.status, 16),
        "moy": moy,
        "timeStamp": millisecond,
        "phases": [_phase(phase, forecast.node) for phase in forecast.phases],
    }


def _phase(phase: PhaseForecast, node: int) -> dict[str, Any]:
    _check(phase, node)
    starts_s = (0.0, *phase.ends_s[:-1])
    states = []
    for index, (light, start_s, end_s) in enumerate(zip(phase.lights, starts_s, phase.ends_s, strict=True)):
        counting = {"startTime": _tenths(start_s), "likelyEndTime": _tenths(end_s)}
        again = next(
            (later for later in range(index + 1, len(starts_s)) if phase.lights[later] == light), None
        )
        if again is not None:
            counting["nextStartTime"] = _tenths(starts_s[again])
            if phase.ends_s[again] <= LONGEST_S:
                counting["nextDuration"] = _tenths(phase.ends_s[again]) - counting["nextStartTime"]
        states.append({"light": LIGHTS[light], "timing": ("counting", counting)})
    return {"id": phase.phase_id, "phaseStates": states}


def _check(phase: PhaseForecast, node: int) -> None:
    where = f"SPAT of node {node}, phase {phase.phase_id}"
    if not 1 <= phase.phase_id <= 255:
        raise ValueError(f"{where}: phase id must lie in 1..255")
    if not 1 <= len(phase.lights) <= _MOST_STATES or len(phase.lights) != len(phase.ends_s):
        raise ValueError(
            f"{where}: {len(phase.lights)} lights and {len(phase.ends_s)} ends, must be equal and 1..16"
        )
    unknown = [light for light in phase.lights if light not in LIGHTS]
    if unknown:
        raise ValueError(f"{where}: light {unknown[0]!r} is none of {', '.join(LIGHTS)}")
    ends_s = (0.0, *phase.ends_s)
    if any(later < earlier for earlier, later in zip(ends_s, ends_s[1:], strict=False)):
        raise ValueError(f"{where}: ends {phase.ends_s} must not be negative nor descend")


def _tenths(seconds: float) -> int:
    """TimeMark counting down: 0.1 s, unavailable beyond one hour."""
    return round(seconds * 10) if seconds <= LONGEST_S else _TIME_UNAVAILABLE
