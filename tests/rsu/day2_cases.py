"""Common descriptions for tests of the second phase."""

from __future__ import annotations

import numpy as np

from rsu.messages import MESSAGE_SETS
from rsu.services.day2.described import PathPlan
from rsu.services.described import DetectedObjects, UnitDescription
from tests.rsu.service_cases import LAT, LON, UTC_NS

SET = MESSAGE_SETS["csae157-2020"]
UNIT = UnitDescription(b"RSU00001", LON, LAT, 12.0)
NEAR_NS = UTC_NS + 40_000_000
"""A receiver's clock, 40 ms after the samples."""


def through(message: str, value: dict) -> dict:
    """The value as a receiver has it: encoded, decoded strictly."""
    decoded = SET.decode(SET.encode(message, value), "strict")
    assert (decoded.status, decoded.message) == ("ok", message), decoded.error
    assert decoded.value is not None
    return decoded.value


def plan(points: int, rng: np.random.Generator | None = None) -> PathPlan:
    """A way to the north-east; random with some members missing where a generator is given."""
    steps = np.arange(1, points + 1, dtype=np.float64)
    lon, lat = LON + 2e-5 * steps, LAT + 3e-5 * steps
    speed, heading, after = np.full(points, 12.0), np.full(points, 30.0), 0.25 * steps
    if rng is not None:
        lon, lat = lon + rng.uniform(-1e-3, 1e-3, points), lat + rng.uniform(-1e-3, 1e-3, points)
        speed = np.where(rng.random(points) < 0.3, np.nan, rng.uniform(0, 60, points))
        heading = np.where(rng.random(points) < 0.3, np.nan, rng.uniform(0, 360, points))
        after = np.where(rng.random(points) < 0.3, np.nan, rng.uniform(0.01, 600, points))
    return PathPlan(lon, lat, speed, heading, after)


def same_plan(found: PathPlan | None, wanted: PathPlan | None) -> None:
    """Within half a step of every member: 1e-7 degree, 0.02 m/s, 0.0125 degree, 0.01 s."""
    assert (found is None) == (wanted is None)
    if found is None or wanted is None:
        return
    np.testing.assert_allclose(found.lon, wanted.lon, atol=0.51e-7, rtol=0)
    np.testing.assert_allclose(found.lat, wanted.lat, atol=0.51e-7, rtol=0)
    np.testing.assert_allclose(found.speed_mps, wanted.speed_mps, atol=0.0101, rtol=0)
    turn = np.mod(found.heading_deg - wanted.heading_deg + 180.0, 360.0) - 180.0
    assert (np.isnan(found.heading_deg) == np.isnan(wanted.heading_deg)).all()
    assert np.nanmax(np.abs(turn), initial=0.0) <= 0.00626
    np.testing.assert_allclose(found.after_s, wanted.after_s, atol=0.00501, rtol=0)


def objects(count: int, rng: np.random.Generator, participant_type: str = "motor") -> DetectedObjects:
    """Random road users within about 200 m."""
    return DetectedObjects(
        LON + rng.uniform(-2e-3, 2e-3, count), LAT + rng.uniform(-2e-3, 2e-3, count), rng.uniform(0, 40, count),
        rng.uniform(0, 359.9, count), rng.uniform(1, 18, count), rng.uniform(0.5, 2.6, count),
        rng.uniform(1, 4, count), 1 + rng.permutation(60_000)[:count], np.full(count, 10), np.full(count, 0.3),
        UTC_NS, participant_type=participant_type,
    )
