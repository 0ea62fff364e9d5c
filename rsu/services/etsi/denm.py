"""DENM: one traffic event with its stretch and the way towards it (ETSI EN 302 637-3 v1.3.1).

Ours where the standard leaves a choice: the action id is the unit's station id and the event's number; eventHistory is
the stretch in driving direction, the trace the way towards it, from the event outwards; validity is the rest of the
event's time, a day where its end is not known; a priority, a half width and a text have no place in a DENM.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rsu.messages.etsi.framing import header
from rsu.messages.etsi.instants import timestamp_its
from rsu.messages.etsi.quantities import to_code
from rsu.services.described import EventDescription, UnitDescription
from rsu.services.etsi.wire import (
    MOST_DELTA,
    STATION_TYPE_ROADSIDE,
    cause_of_code,
    checked_event,
    delta_value,
    fitted_line,
    heading_of_line,
    reference_position,
    station_id,
    steps,
    wire_point,
)
from rsu.services.geometry import metric_offsets

MOST_EVENT_POINTS = 23
MOST_TRACE_POINTS = 40
LONGEST_VALIDITY_S = 86_400
SECOND_NS = 1_000_000_000

QUALITY_OF_SOURCE = {
    "police": 7, "government": 7, "meteorological": 5, "detection": 4, "internet": 1, "unknown": 0,
}
"""Source of an event -> InformationQuality, 1 lowest .. 7 highest, 0 unavailable (assumption)."""

RELEVANCE_M = (
    (50.0, "lessThan50m"), (100.0, "lessThan100m"), (200.0, "lessThan200m"), (500.0, "lessThan500m"),
    (1000.0, "lessThan1000m"), (5000.0, "lessThan5km"), (10_000.0, "lessThan10km"), (math.inf, "over10km"),
)
"""RelevanceDistance: the first class above the length of the way towards the event."""


def build_denm(
    unit: UnitDescription, event: EventDescription, *, generated_utc_ns: int, tolerance_m: float = 0.5
) -> dict[str, Any]:
    """A DENM value. Lines stay within ``tolerance_m`` of the given ones (coarser, up to 4 m, where the 23 points of
    the stretch or the 40 of the way towards it would not do).

    The event position is the event's own (lon, lat), or the start of its stretch where that is out of reach of one
    offset. ValueError names the event and the rule.
    """
    checked_event(event.kind, event.id, event.code, event.priority_level, event.radius_m, event.text)
    if event.source not in QUALITY_OF_SOURCE:
        raise ValueError(f"event {event.id}: source {event.source!r} is none of {', '.join(QUALITY_OF_SOURCE)}")
    station = station_id(unit.unit_id)
    detected_ns = min(event.start_utc_ns if event.start_utc_ns is not None else generated_utc_ns, generated_utc_ns)
    path = fitted_line(event.path, MOST_EVENT_POINTS, tolerance_m, f"event {event.id}")
    quality = QUALITY_OF_SOURCE[event.source]
    place = _event_position(event, path)
    return {
        "header": header("DENM", station),
        "denm": {
            "management": {
                "actionID": {"originatingStationID": station, "sequenceNumber": event.id},
                "detectionTime": timestamp_its(detected_ns),
                "referenceTime": timestamp_its(generated_utc_ns),
                "eventPosition": reference_position(*place),
                "relevanceDistance": _relevance(event),
                "relevanceTrafficDirection": "upstreamTraffic",
                "validityDuration": _validity_s(event, detected_ns),
                "stationType": STATION_TYPE_ROADSIDE,
            },
            "situation": {
                "informationQuality": quality,
                "eventType": {"causeCode": cause_of_code(event.code), "subCauseCode": 0},
                "eventHistory": [
                    {"eventPosition": delta_value(step), "informationQuality": quality}
                    for step in steps(path, wire_point(place))
                ],
            },
            "location": {
                "eventPositionHeading": {
                    "headingValue": to_code("HeadingValue", heading_of_line(path)), "headingConfidence": 127,
                },
                "traces": [_trace(event, place, tolerance_m)],
            },
        },
    }


def _event_position(event: EventDescription, path: np.ndarray) -> tuple[float, float]:
    latitude, longitude = wire_point((event.lon, event.lat))
    north, east = wire_point(path[0])
    if max(abs(north - latitude), abs(east - longitude)) <= MOST_DELTA:
        return event.lon, event.lat
    return float(path[0, 0]), float(path[0, 1])


def _trace(event: EventDescription, place: tuple[float, float], tolerance_m: float) -> list[dict[str, Any]]:
    """PathHistory from the event outwards, empty where nothing is known of the way."""
    if event.approach is None:
        return []
    line = fitted_line(event.approach, MOST_TRACE_POINTS, tolerance_m, f"event {event.id}, way towards it")[::-1]
    told = steps(line, wire_point(place))
    if len(told) > MOST_TRACE_POINTS:
        raise ValueError(f"event {event.id}, way towards it: {len(told)} points, at most {MOST_TRACE_POINTS}")
    return [{"pathPosition": delta_value(step)} for step in told]


def _relevance(event: EventDescription) -> str:
    length_m = 0.0
    if event.approach is not None and len(event.approach):
        offsets = metric_offsets(event.approach, float(event.approach[0][0]), float(event.approach[0][1]))
        length_m = float(np.hypot(*np.diff(offsets, axis=0).T).sum())
    return next(name for limit_m, name in RELEVANCE_M if length_m < limit_m)


def _validity_s(event: EventDescription, detected_ns: int) -> int:
    if event.end_utc_ns is None:
        return LONGEST_VALIDITY_S
    return min(max(-((detected_ns - event.end_utc_ns) // SECOND_NS), 0), LONGEST_VALIDITY_S)
