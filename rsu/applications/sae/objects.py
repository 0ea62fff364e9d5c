"""Road users of decoded SensorDataSharingMessage and PersonalSafetyMessage values (SAE J3224, J2735)."""

from __future__ import annotations

import calendar
import math
from typing import Any

import numpy as np

from rsu.applications.objects import NO_TIME, ObjectColumns
from rsu.geodesy import LocalPlane
from rsu.messages.sae.quantities import QUANTITIES
from rsu.services.dsrc.wire import from_wire, position_from_wire
from rsu.services.instants import MINUTE_NS, SECOND_NS, utc_from_millisecond
from rsu.services.sae.sdsm import ACCURACY_M

_LAST_MILLISECOND = 60_999
LAST_YEAR = 2261
"""Later instants do not fit 64 bits of nanoseconds."""


def read_objects(value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
    """Objects of one decoded SensorDataSharingMessage; none where its reference position is unavailable.

    A time stamp without all of year to millisecond is settled by ``near_utc_ns``.
    """
    lon, lat = position_from_wire(value["refPos"])
    items = value["objects"] if math.isfinite(lon) and abs(lat) <= 84 else []
    plane = LocalPlane(lon, lat) if items else LocalPlane(0.0, 0.0)
    generated_ns = _generated(value["sDSMTimeStamp"], near_utc_ns)
    rows = [_row(item, generated_ns) for item in items]
    x_m, y_m, speed, heading, accuracy, number, sampled, length, width, vehicle_class = (
        zip(*rows, strict=True) if rows else [()] * 10
    )
    lon_deg, lat_deg = plane.to_lonlat(np.array(x_m, np.float64), np.array(y_m, np.float64))
    return ObjectColumns(
        lon=lon_deg,
        lat=lat_deg,
        speed_mps=np.array(speed, np.float64),
        heading_deg=np.array(heading, np.float64),
        accuracy_m=np.array(accuracy, np.float64),
        participant_id=np.array(number, np.int64),
        sampled_utc_ns=np.array(sampled, np.int64),
        length_m=np.array(length, np.float64),
        width_m=np.array(width, np.float64),
        vehicle_class=np.array(vehicle_class, np.int64),
    )


def _row(item: dict[str, Any], generated_ns: int) -> tuple[float, ...]:
    common = item["detObjCommon"]
    form, detail = item.get("detObjOptData") or ("", {})
    vehicle: dict[str, Any] = detail if form == "detVeh" else {}
    size = vehicle.get("size", {})
    sampled = NO_TIME if generated_ns == NO_TIME else generated_ns + common["measurementTime"] * 1_000_000
    return (
        common["pos"]["offsetX"] / 10,
        common["pos"]["offsetY"] / 10,
        from_wire("Velocity", common["speed"]),
        from_wire("Heading", common["heading"], QUANTITIES),
        ACCURACY_M.get(common["posConfidence"]["pos"], math.nan),
        common["objectID"],
        sampled,
        size.get("length", 0) / 100,
        size.get("width", 0) / 100,
        vehicle.get("vehicleClass", 0),
    )


def _generated(stamp: dict[str, int], near_utc_ns: int) -> int:
    """Instant of a DDateTime; from the receiver's clock and the millisecond alone where more is missing."""
    millisecond = stamp.get("second", _LAST_MILLISECOND + 1)
    if millisecond > _LAST_MILLISECOND:
        return NO_TIME
    parts = [stamp.get(name, 0) for name in ("year", "month", "day", "hour", "minute")]
    year, month, day, hour, minute = parts
    if not 1970 <= year <= LAST_YEAR or not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23 or minute > 59:
        return utc_from_millisecond(millisecond, near_utc_ns)
    minutes_ns = calendar.timegm((year, month, day, hour, minute, 0)) * SECOND_NS
    return minutes_ns - stamp.get("offset", 0) * MINUTE_NS + millisecond * 1_000_000
