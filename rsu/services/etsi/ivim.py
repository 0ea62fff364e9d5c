"""IVIM: one road sign with the zone where it holds and the way towards it (ETSI TS 103 301, ISO TS 19321).

Ours where the standard leaves a choice: iviIdentificationNumber is the sign's number plus one (0 is no such number);
zone 1 is where the sign holds, zone 2 the way towards it, both in driving direction; the sign's code of GB 5768.2
stands as pictogram of the provider's own catalogue, because the Vienna convention and ISO 14823 lack its numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rsu.messages.etsi.framing import header
from rsu.messages.etsi.instants import timestamp_its
from rsu.services.described import EventDescription, UnitDescription
from rsu.services.etsi.wire import (
    MOST_DELTA,
    checked_event,
    fitted_line,
    reference_position,
    station_id,
    steps,
    wire_point,
)

MOST_ZONE_POINTS = 32
RELEVANCE_ZONE, APPROACH_ZONE = 1, 2
WIDEST_LANE_M = 10.23
"""Largest IviLaneWidth; a wider zone is told without a width."""
STATUS_NEW = 0
DIRECTION_SAME = 0
TYPE_REGULATORY = 1

PROVIDER = {"countryCode": (bytes([0b01110011, 0b00000000]), 10), "providerIdentifier": 0}
"""CN as two letters of five bits (ISO 14816); letters by the telegraph alphabet and provider 0 are not verified."""
LANGUAGE = (bytes([0b00001011, 0b00000000]), 10)
"""English as two letters of five bits each in the same alphabet, not verified; texts are told as they are given."""


def build_ivim(
    unit: UnitDescription, sign: EventDescription, *, generated_utc_ns: int, tolerance_m: float = 0.5
) -> dict[str, Any]:
    """An IVIM value. Lines stay within ``tolerance_m`` of the given ones (coarser, up to 4 m, where 32 points would not
    do); ValueError names the sign and the rule."""
    checked_event(sign.kind, sign.id, sign.code, sign.priority_level, sign.radius_m, sign.text)
    mandatory: dict[str, Any] = {
        "serviceProviderId": dict(PROVIDER), "iviIdentificationNumber": sign.id + 1,
        "timeStamp": timestamp_its(generated_utc_ns),
    }
    for member, instant_ns in (("validFrom", sign.start_utc_ns), ("validTo", sign.end_utc_ns)):
        if instant_ns is not None:
            mandatory[member] = timestamp_its(instant_ns)
    mandatory["iviStatus"] = STATUS_NEW
    general: dict[str, Any] = {
        "relevanceZoneIds": [RELEVANCE_ZONE], "direction": DIRECTION_SAME, "iviType": TYPE_REGULATORY,
        "roadSignCodes": [{"code": ("anyCatalogue", {
            "owner": dict(PROVIDER), "version": 0, "pictogramCode": sign.code,
        })}],
    }
    if sign.approach is not None:
        general["detectionZoneIds"] = [APPROACH_ZONE]
    if sign.text:
        general["extraText"] = [{"language": LANGUAGE, "textContent": sign.text}]
    location = _location(sign, tolerance_m)
    return {
        "header": header("IVIM", station_id(unit.unit_id)),
        "ivi": {"mandatory": mandatory, "optional": [("glc", location), ("giv", [general])]},
    }


def _location(sign: EventDescription, tolerance_m: float) -> dict[str, Any]:
    path = fitted_line(sign.path, MOST_ZONE_POINTS, tolerance_m, f"sign {sign.id}")
    zones = [(RELEVANCE_ZONE, path)]
    if sign.approach is not None:
        where = f"sign {sign.id}, way towards it"
        zones.append((APPROACH_ZONE, fitted_line(sign.approach, MOST_ZONE_POINTS, tolerance_m, where)))
    reference = _reference(sign, [line for _, line in zones])
    return {
        "referencePosition": reference_position(*reference),
        "parts": [
            {"zoneId": number, "zone": ("segment", _segment(line, reference, sign.radius_m))} for number, line in zones
        ],
    }


def _reference(sign: EventDescription, lines: list[np.ndarray]) -> tuple[float, float]:
    """The sign's own place, or the start of its stretch; ValueError where neither reaches every line by one offset."""
    starts = [wire_point(line[0]) for line in lines]
    for place in ((sign.lon, sign.lat), (float(lines[0][0, 0]), float(lines[0][0, 1]))):
        latitude, longitude = wire_point(place)
        if all(max(abs(north - latitude), abs(east - longitude)) <= MOST_DELTA for north, east in starts):
            return place
    raise ValueError(f"sign {sign.id}: the way towards it begins more than 0.0131 degree from the start of its stretch")


def _segment(line: np.ndarray, reference: tuple[float, float], radius_m: float) -> dict[str, Any]:
    deltas = [
        {"deltaLatitude": north, "deltaLongitude": east} for north, east in steps(line, wire_point(reference))
    ]
    segment: dict[str, Any] = {"line": ("deltaPositions", deltas)}
    if 2 * radius_m <= WIDEST_LANE_M:
        segment["laneWidth"] = round(200 * radius_m)
    return segment
