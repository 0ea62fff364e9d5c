"""Instants in nanoseconds since 1970 and the parts of them that messages carry (minute of the year, millisecond of the
minute: same meaning in T/CSAE 53-2020 and SAE J2735)."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


def _year_start_ns(year: int) -> int:
    return calendar.timegm((year, 1, 1, 0, 0, 0)) * SECOND_NS


def minute_of_year(utc_ns: int) -> int:
    """MinuteOfTheYear of an instant in nanoseconds since 1970-01-01 UTC."""
    year = datetime.fromtimestamp(utc_ns // SECOND_NS, UTC).year
    return (utc_ns - _year_start_ns(year)) // MINUTE_NS


def millisecond_of_minute(utc_ns: int) -> int:
    """DSecond (0..59999) of an instant, rounded down."""
    return utc_ns % MINUTE_NS // 1_000_000


def utc_from_minute(minute: int, millisecond: int, near_utc_ns: int) -> int:
    """Instant of (MinuteOfTheYear, DSecond), in the year that brings it closest to ``near_utc_ns``
    (receiver's clock).
    """
    year = datetime.fromtimestamp(near_utc_ns // SECOND_NS, UTC).year
    inside_ns = minute * MINUTE_NS + millisecond * 1_000_000
    return min(
        (_year_start_ns(y) + inside_ns for y in (year - 1, year, year + 1)),
        key=lambda t: abs(t - near_utc_ns),
    )


def utc_from_millisecond(millisecond: int, near_utc_ns: int) -> int:
    """Instant of a DSecond alone, in the minute that brings it closest to ``near_utc_ns``."""
    guess_ns = near_utc_ns // MINUTE_NS * MINUTE_NS + millisecond * 1_000_000
    shift = (near_utc_ns - guess_ns + MINUTE_NS // 2) // MINUTE_NS
    return guess_ns + shift * MINUTE_NS
