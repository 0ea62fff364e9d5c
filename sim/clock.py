"""Time is an integer count of nanoseconds; random streams have names."""

from __future__ import annotations

import zlib

import numpy as np

MS = 1_000_000
SECOND = 1_000_000_000
NEVER = 2**62
"""A time that never comes (later than any run)."""


def ns_from_s(seconds: float) -> int:
    """Nanoseconds in ``seconds``, rounded to the nearest."""
    return round(seconds * SECOND)


def ns_from_ms(milliseconds: float) -> int:
    """Nanoseconds in ``milliseconds``, rounded to the nearest."""
    return round(milliseconds * MS)


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """A generator that depends on seed and name only, not on who asked first."""
    spawn_key = tuple(zlib.crc32(str(part).encode()) for part in name)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=spawn_key))


def stream_key(seed: int, *name: str | int) -> np.uint64:
    """A 64-bit key for counter-based draws (:func:`hashed_uniform`), from seed and name."""
    return np.uint64(stream(seed, "key", *name).integers(0, 2**64, dtype=np.uint64))


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64 finaliser (Steele, Lea, Flood, OOPSLA 2014), on uint64 of any shape."""
    x = (x ^ (x >> _SHIFT_1)) * _MIX_1
    x = (x ^ (x >> _SHIFT_2)) * _MIX_2
    return x ^ (x >> _SHIFT_3)


def hashed_bits(stream_key: np.uint64 | np.ndarray, *counters: np.ndarray) -> np.ndarray:
    """64 hashed bits per element of the broadcast counters; no state, so order and batching do not matter."""
    bits = np.asarray(stream_key, np.uint64)
    columns = [np.asarray(counter).astype(np.uint64) for counter in counters]
    if bits.ndim or any(column.ndim for column in columns):
        # Arrays wrap around silently; only numbers without a dimension would warn.
        return _chained(bits if bits.ndim else bits.reshape(1), [c if c.ndim else c.reshape(1) for c in columns])
    with np.errstate(over="ignore"):
        return _chained(bits, columns)


def _chained(bits: np.ndarray, columns: list[np.ndarray]) -> np.ndarray:
    for column in columns:
        bits = _mixed((bits + _GOLDEN) ^ (column * _GOLDEN))
    return bits


def hashed_uniform(stream_key: np.uint64 | np.ndarray, *counters: np.ndarray) -> np.ndarray:
    """Uniform draws in [0, 1), one per element of the broadcast integer counters."""
    return (hashed_bits(stream_key, *counters) >> np.uint64(11)) * 2.0**-53
