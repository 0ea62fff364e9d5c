"""Phases of decoded SPAT values (T/CSAE 53-2020 MSG_SPAT)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rsu.applications.signals import PhaseKey, PhaseSignal, SignalInterval
from rsu.services.cn.spat import LIGHTS
from rsu.services.cn.wire import MILLISECOND_UNAVAILABLE, MINUTE_UNAVAILABLE
from rsu.services.instants import utc_from_millisecond, utc_from_minute

_NAMES = {wire: neutral for neutral, wire in LIGHTS.items()}
_TENTH_NS = 100_000_000
_TIME_UNAVAILABLE = 36001
_HOUR_TENTHS = 36_000
_UNTIMED: tuple[str, dict[str, int]] = ("", {})


def read_signals(values: Iterable[dict[str, Any]], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
    """Phases of decoded SPAT values; of a phase stated twice the younger statement holds.

    ``near_utc_ns`` is the receiver's clock: it settles the year (or the minute) that the message does not
    carry.
    """
    signals: dict[PhaseKey, PhaseSignal] = {}
    for value in values:
        for intersection in value["intersections"]:
            generated_ns = _generated(intersection, value, near_utc_ns)
            node = intersection["intersectionId"]
            for phase in intersection["phases"]:
                key = (node.get("region", 0), node["id"], phase["id"])
                if key not in signals or signals[key].generated_utc_ns <= generated_ns:
                    intervals = tuple(_interval(state, generated_ns) for state in phase["phaseStates"])
                    signals[key] = PhaseSignal(intervals, generated_ns)
    return signals


def _generated(intersection: dict[str, Any], message: dict[str, Any], near_utc_ns: int) -> int:
    """Generation instant: the intersection's own time, else the message's, else the receiver's."""
    for source in (intersection, message):
        minute = source.get("moy", MINUTE_UNAVAILABLE)
        millisecond = source.get("timeStamp", MILLISECOND_UNAVAILABLE)
        if millisecond < 61_000 and minute < MINUTE_UNAVAILABLE:
            return utc_from_minute(minute, millisecond, near_utc_ns)
        if millisecond < 61_000:
            return utc_from_millisecond(millisecond, near_utc_ns)
    return near_utc_ns


def _interval(state: dict[str, Any], generated_ns: int) -> SignalInterval:
    light = _NAMES.get(state["light"], "unknown")
    kind, times = state.get("timing") or _UNTIMED
    if kind == "counting":
        instant = _counting
        start, end = times["startTime"], times["likelyEndTime"]
    elif kind == "utcTiming":
        instant = _in_hour
        start, end = times["startUTCTime"], times["likelyEndUTCTime"]
    else:
        return SignalInterval(light, None, None)
    return SignalInterval(light, instant(start, generated_ns), instant(end, generated_ns))


def _counting(mark: int, generated_ns: int) -> int | None:
    return None if mark == _TIME_UNAVAILABLE else generated_ns + mark * _TENTH_NS


def _in_hour(mark: int, generated_ns: int) -> int | None:
    """TimeMark as tenths of a second in a UTC hour: the hour that brings it closest to the message."""
    if mark >= _HOUR_TENTHS:
        return None
    hour_ns = _HOUR_TENTHS * _TENTH_NS
    this_ns = generated_ns // hour_ns * hour_ns + mark * _TENTH_NS
    return min((this_ns - hour_ns, this_ns, this_ns + hour_ns), key=lambda t: abs(t - generated_ns))
