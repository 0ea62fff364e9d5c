"""PSM: a person on or beside the road (T/CSAE 157-2020, PersonalSafetyMessage)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rsu.messages.cn.quantities import QUANTITIES
from rsu.services.cn.wire import heading_to_wire, offset_to_wire, position_to_wire, speed_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.day2.described import CROSSINGS, PERSON_KINDS, PersonDescription
from rsu.services.day2.wire import check_identifier, check_names, duration_to_wire, plan_to_wire
from rsu.services.instants import millisecond_of_minute

WIRE_KINDS = ("unavailable", "aPEDESTRIAN", "aPEDALCYCLIST", "aROADWORKER", "anANIMAL")
"""Names of the set, in the order of :data:`rsu.services.day2.described.PERSON_KINDS`."""
WIRE_CROSSINGS = ("unavailable", "request", "crossing", "finish")
MOST_TRAIL_POINTS = 23
_MOST_RADIUS_M = 20.0


def build_psm(person: PersonDescription, *, counter: MessageCounter) -> dict[str, Any]:
    """PersonalSafetyMessage of one person; ValueError names member and rule.

    The error ellipse is a circle of the given sigma.
    """
    where = f"PSM {person.person_id.hex()}"
    check_names(f"{where}: kind", (person.kind,), PERSON_KINDS)
    if not 0 <= person.radius_m <= _MOST_RADIUS_M:
        raise ValueError(f"{where}: radius {person.radius_m} m must lie in 0..{_MOST_RADIUS_M:g}")
    reference = position_to_wire(person.lon, person.lat, person.height_m)
    data: dict[str, Any] = {"basicType": WIRE_KINDS[PERSON_KINDS.index(person.kind)]}
    if person.crossing:
        check_names(f"{where}: crossing", (person.crossing,), CROSSINGS)
        data["personalReq"] = {"crossing": WIRE_CROSSINGS[CROSSINGS.index(person.crossing)]}
    value: dict[str, Any] = {
        "msgCnt": counter.next(),
        "id": check_identifier("PSM id", person.person_id),
        "secMark": millisecond_of_minute(person.sampled_utc_ns),
        "pos": reference,
        "posAccuracy": _accuracy(person.position_sigma_m),
        "speed": speed_to_wire(person.speed_mps),
        "heading": heading_to_wire(person.heading_deg),
        "overallRadius": round(person.radius_m * 10),
        "non-motorData": data,
    }
    trail = np.asarray(person.trail, np.float64).reshape(-1, 3)
    if len(trail):
        if len(trail) > MOST_TRAIL_POINTS:
            raise ValueError(f"{where}: trail of {len(trail)} points, at most {MOST_TRAIL_POINTS}")
        points = [
            {"llvOffset": offset_to_wire(lon, lat, reference), "timeOffset": duration_to_wire(age)}
            for lon, lat, age in trail.tolist()
        ]
        value["pathHistory"] = {"crumbData": points}
    if person.plan is not None:
        value["path-Planning"] = plan_to_wire(person.plan, reference)
    return value


def _accuracy(sigma_m: float) -> dict[str, int]:
    axis, orientation = QUANTITIES["SemiMajorAxisAccuracy"], QUANTITIES["SemiMajorAxisOrientation"]
    code = int(axis.to_wire(sigma_m))
    return {
        "semiMajor": code, "semiMinor": code,
        "orientation": int(orientation.to_wire(math.nan if math.isnan(sigma_m) else 0.0)),
    }
