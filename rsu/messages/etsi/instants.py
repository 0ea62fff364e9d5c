"""TimestampIts (atomic milliseconds since 2004) and its low 16 bits, the generationDeltaTime of a CAM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network.tai import EPOCH_2004_UNIX_S, LEAP_SECONDS_UNIX_S, tai_2004_ns, utc_from_tai_2004_ns

MS_NS = 1_000_000
DELTA_MODULUS = 65_536


def timestamp_its(utc_ns: int) -> int:
    """TimestampIts of an instant in ns since 1970, rounded down (ETSI TS 102 894-2); ValueError before 2004."""
    timestamp = tai_2004_ns(utc_ns) // MS_NS
    if timestamp < 0:
        raise ValueError(f"instant {utc_ns} ns lies before 2004, where TimestampIts begins")
    return timestamp


def utc_from_timestamp_its(timestamp: int) -> int:
    """Instant in ns since 1970 of a TimestampIts."""
    return utc_from_tai_2004_ns(timestamp * MS_NS)


def generation_delta_times(utc_ns: ArrayLike) -> NDArray[np.int64]:
    """generationDeltaTime of instants in ns since 1970 [n]: TimestampIts modulo 65536 (EN 302 637-2 B.3)."""
    instants = np.asarray(utc_ns, np.int64)
    leaps = np.searchsorted(np.array(LEAP_SECONDS_UNIX_S) * 1_000_000_000, instants, side="right")
    seconds_ns = (leaps - EPOCH_2004_UNIX_S) * 1_000_000_000
    return (instants + seconds_ns) // MS_NS % DELTA_MODULUS


def utc_from_generation_delta(delta: int, near_utc_ns: int) -> int:
    """Instant in ns since 1970 that a generationDeltaTime means: the one nearest to the receiver's clock."""
    near = timestamp_its(near_utc_ns)
    behind = (near - delta + DELTA_MODULUS // 2) % DELTA_MODULUS - DELTA_MODULUS // 2
    return utc_from_timestamp_its(near - behind)
