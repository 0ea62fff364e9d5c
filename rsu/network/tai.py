"""Atomic time since 2004-01-01T00:00:00Z, the time scale of ETSI ITS and of IEEE 1609.2.

It counts every second that passes, so it runs ahead of Unix time by the leap seconds inserted since 2004: five from
2017-01-01 on. None was inserted after that; one announced later needs one more row here.
"""

from __future__ import annotations

EPOCH_2004_UNIX_S = 1_072_915_200
"""2004-01-01T00:00:00Z in Unix time."""

LEAP_SECONDS_UNIX_S = (1_136_073_600, 1_230_768_000, 1_341_100_800, 1_435_708_800, 1_483_228_800)
"""Unix time right behind each leap second since 2004: 2006, 2009, July 2012, July 2015, 2017."""

_S = 1_000_000_000


def tai_2004_ns(utc_ns: int) -> int:
    """Atomic nanoseconds since 2004 of a Unix time in nanoseconds; negative before 2004."""
    leaps = sum(utc_ns >= instant * _S for instant in LEAP_SECONDS_UNIX_S)
    return utc_ns - EPOCH_2004_UNIX_S * _S + leaps * _S


def utc_from_tai_2004_ns(tai_ns: int) -> int:
    """Unix time in nanoseconds of atomic nanoseconds since 2004; a leap second reads as the second behind it."""
    utc_ns = tai_ns + EPOCH_2004_UNIX_S * _S
    for instant in LEAP_SECONDS_UNIX_S:
        if utc_ns < instant * _S:
            break
        utc_ns = max(utc_ns - _S, instant * _S)
    return utc_ns
