"""Offsets, times and other scalars between SI and the wire."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.messages import MESSAGE_SETS
from rsu.services import instants
from rsu.services.cn import wire
from rsu.services.counter import MessageCounter

UTC_NS = 1_782_864_017_123_000_000


@pytest.mark.parametrize(
    ("east", "name"),
    [
        (2047, "position-LL1"),
        (-2048, "position-LL1"),
        (2048, "position-LL2"),
        (-8193, "position-LL3"),
        (32768, "position-LL4"),
        (-131073, "position-LL5"),
        (2097152, "position-LL6"),
        (8388608, "position-LatLon"),
    ],
)
def test_smallest_offset_type(east: int, name: str) -> None:
    """Printed: ranges of OffsetLL-B12 .. B24 in T/CSAE 53-2020; one step beyond takes the next type."""
    reference = {"long": 1208312000, "lat": 310347000}
    offset = wire.offset_to_wire((1208312000 + east) * 1e-7, 31.0347, reference)
    assert offset["offsetLL"][0] == name


@settings(max_examples=200, deadline=None)
@given(st.floats(-179.9, 179.9), st.floats(-83, 83), st.floats(-2, 2), st.floats(-2, 2))
def test_offset_round_trip(lon: float, lat: float, east_deg: float, north_deg: float) -> None:
    """Property: any point comes back within half a step of 1e-7 degree, whatever the offset type."""
    reference = wire.position_to_wire(lon, lat)
    point = (min(max(lon + east_deg, -179.99), 179.99), lat + north_deg)
    back = wire.offset_from_wire(wire.offset_to_wire(*point, reference), reference)
    assert back == pytest.approx(point, abs=0.51e-7)


def test_minute_of_year_and_millisecond() -> None:
    """By hand: 2026-07-01 is day 182 (31+28+31+30+31+30+1); 181 * 1440 = 260640 minutes, 17.123 s into the
    next.
    """
    assert instants.minute_of_year(UTC_NS) == 260640
    assert instants.millisecond_of_minute(UTC_NS) == 17123


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 4_000_000_000_000), st.integers(-25_000, 25_000))
def test_absolute_time_comes_back(utc_ms: int, clock_error_ms: int) -> None:
    """Property: the receiver finds the instant to the millisecond, also across minute and new year."""
    near_ns = (utc_ms + clock_error_ms) * 1_000_000
    if near_ns < 0:
        return
    utc_ns = utc_ms * 1_000_000
    minute, millisecond = instants.minute_of_year(utc_ns), instants.millisecond_of_minute(utc_ns)
    assert instants.utc_from_minute(minute, millisecond, near_ns) == utc_ns
    assert instants.utc_from_millisecond(millisecond, near_ns) == utc_ns


def test_new_year_is_settled_by_the_receivers_clock() -> None:
    """By hand: the last minute of 2026 (525599) heard just after midnight belongs to 2026; 1798761600 is
    2027-01-01.
    """
    new_year_ns = 1_798_761_600 * 10**9
    assert instants.utc_from_minute(525599, 59_900, new_year_ns + 50_000_000) == new_year_ns - 100_000_000


def test_accuracy_class_tells_the_truth() -> None:
    """By hand: 95 % radius is 2.448 sigma; 1.0 m needs a5m (2.45 m), 0.4 m needs a1m (0.98 m), 0 is the best
    class.
    """
    assert [wire.accuracy_to_wire(s) for s in (1.0, 0.4, 0.0, 300.0, math.nan)] == [
        "a5m",
        "a1m",
        "a1cm",
        "unavailable",
        "unavailable",
    ]


def test_accuracy_class_holds_95_percent() -> None:
    """Distribution: of 1e5 circular normal errors at least 95 % lie within the class told (3 standard
    errors).
    """
    errors = np.random.default_rng(1).normal(0, 0.4085, (100_000, 2))
    bound_m = wire.accuracy_from_wire(wire.accuracy_to_wire(0.4085))
    share = np.mean(np.hypot(*errors.T) <= bound_m)
    assert bound_m == 1.0 and abs(share - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 1e5)


def test_accuracy_names_are_the_sets_own() -> None:
    """Independent: every class name is one of the compiled PositionConfidence."""
    known = {
        name for name, _ in MESSAGE_SETS["csae53-2020"].codec.schema.types["PositionConfidence"]["values"]
    }
    assert {wire.accuracy_to_wire(sigma) for sigma in np.geomspace(1e-3, 300, 400)} == known


def test_heading_and_speed_edges() -> None:
    """By hand: 360 deg wraps to 0, 359.999 rounds up to 0, NaN is reserved, fast saturates at 8190."""
    assert [wire.heading_to_wire(h) for h in (0.0, 360.0, 359.999, 90.0, math.nan)] == [0, 0, 0, 7200, 28800]
    assert [wire.speed_to_wire(v) for v in (0.0, 10.0, 500.0, math.nan)] == [0, 500, 8190, 8191]
    assert math.isnan(wire.heading_from_wire(28800)) and math.isnan(wire.speed_from_wire(8191))


def test_bits() -> None:
    """By hand: bit 0 is the most significant; straight + right of 12 bits is 1010 0000 0000 = A0 0."""
    names = ("straight", "left", "right", "uturn")
    assert wire.bits_to_wire(names, frozenset({"straight", "right"}), 12) == (b"\xa0\x00", 12)
    assert wire.bits_from_wire(names, (b"\xa0\x00", 12)) == {"straight", "right"}


def test_position_off_the_globe_is_refused() -> None:
    """Property: the message names the value and the rule."""
    with pytest.raises(ValueError, match=r"lat 95.*\[-90, 90\]"):
        wire.position_to_wire(120.0, 95.0)


def test_counter_wraps_and_starts_anywhere() -> None:
    """Printed: msgCnt 0..127, plus one, wraps 127 to 0 (GB/T 45315-2025); starts fill the range over many
    draws.
    """
    counter = MessageCounter(126)
    assert [counter.next() for _ in range(4)] == [126, 127, 0, 1] and counter.current == 1
    generator = np.random.default_rng(3)
    starts = {MessageCounter.random(generator).next() for _ in range(2000)}
    assert starts == set(range(128))
    with pytest.raises(ValueError, match="msgCnt start 128"):
        MessageCounter(128)
