"""Resource selection of sensing-based SPS (3GPP TS 36.213 clause 14.1.1.6), for many stations at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FREE_DBM = np.float32(-1e9)
"""Stands for a candidate that no decoded reservation touches."""


@dataclass(frozen=True)
class Choice:
    """What b stations chose: candidate subframe (index from the window's start), first subchannel, and the record.

    ``raises`` counts the 3 dB steps, ``candidates`` is M, ``remaining`` what exclusion left, ``kept`` the size of the
    list the uniform pick is made from.
    """

    subframe: np.ndarray
    first: np.ndarray
    raises: np.ndarray
    candidates: np.ndarray
    remaining: np.ndarray
    kept: np.ndarray


def projected(
    target: np.ndarray, first: np.ndarray, last: np.ndarray, period: np.ndarray, repetitions: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Candidate subframes y whose repetitions y + j period (0 <= j < repetitions) meet ``target``.

    Pairs (row, y) with first <= y <= last, all arrays of equal length; a list, because a short period has several
    y per target.
    """
    found = []
    y = first + (target - first) % period
    for _ in range(int(np.ceil((last - first + 1).max(initial=0) / max(1, period.min(initial=100))))):
        rows = np.flatnonzero((y <= last) & (y <= target) & (target - y < repetitions * period))
        if len(rows):
            found.append((rows, y[rows]))
        y = y + period
    return found


def blocks(values: np.ndarray, length: int, combine: np.ufunc) -> np.ndarray:
    """[b, t, s] -> [b, t, s - length + 1]: ``combine`` over every run of ``length`` subchannels."""
    count = values.shape[2] - length + 1
    result = values[:, :, :count]
    for shift in range(1, length):
        result = combine(result, values[:, :, shift:shift + count])
    return result


def choose(
    reserved_dbm: np.ndarray, barred: np.ndarray, power: np.ndarray, subframes: np.ndarray, draws: np.ndarray,
    threshold_dbm: float, step_db: float, ratio: float,
) -> Choice:
    """Steps 4 to 8 for b stations.

    ``reserved_dbm`` [b, t, x] is the highest RSRP of a reservation that touches the candidate, or :data:`FREE_DBM`;
    ``barred`` [b, t] marks subframes excluded whatever the threshold, ``power`` [b, t, x] the averaged S-RSSI,
    ``subframes`` [b] how many of the t subframes belong to the window, ``draws`` [b, 2] uniform numbers.
    All thresholds rise together by ``step_db`` until ``ratio`` of all candidates remain, each pass from the full set;
    the list kept holds that share with the lowest power, ties at its end drawn at random.
    """
    b, t, x = reserved_dbm.shape
    outside = np.arange(t) >= subframes[:, None]
    total = subframes * x
    wanted = np.ceil(total * ratio - 1e-9).astype(np.int64)
    level = np.where((barred | outside)[:, :, None], np.float32(np.inf), reserved_dbm).reshape(b, t * x)
    order = np.sort(level, axis=1)
    pivot = order[np.arange(b), wanted - 1]
    beyond = ~np.isfinite(pivot)
    if beyond.any():
        pivot, level = _relaxed(level, order, pivot, beyond, np.repeat(outside, x, axis=1))
    raises = np.maximum(0, np.ceil((pivot - threshold_dbm) / step_db)).astype(np.int64)
    allowed = level <= (threshold_dbm + raises * step_db)[:, None]
    remaining = allowed.sum(axis=1)
    kept = np.minimum(wanted, remaining)
    energy = np.where(allowed, power.reshape(b, t * x), np.float32(np.inf))
    limit = np.sort(energy, axis=1)[np.arange(b), kept - 1][:, None]
    lower, equal = energy < limit, energy == limit
    picked = _pick(lower, equal, kept, draws)
    return Choice(picked // x, picked % x, raises, total, remaining, kept)


def _relaxed(
    level: np.ndarray, order: np.ndarray, pivot: np.ndarray, beyond: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where barred subframes leave too few candidates: take all that are left; if none is, all of the window."""
    finite = np.isfinite(order).sum(axis=1)
    none = beyond & (finite == 0)
    level = np.where(none[:, None] & ~outside, FREE_DBM, level)
    highest = order[np.arange(len(order)), np.maximum(finite, 1) - 1]
    return np.where(none, FREE_DBM, np.where(beyond, highest, pivot)), level


def _pick(lower: np.ndarray, equal: np.ndarray, kept: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Uniform pick from the kept list: all of ``lower`` and as many of ``equal``, at random, as fill it up."""
    sure, ties = lower.sum(axis=1), equal.sum(axis=1)
    place = np.minimum((draws[:, 0] * kept).astype(np.int64), kept - 1)
    among_ties = place >= sure
    place = np.where(among_ties, np.minimum((draws[:, 1] * ties).astype(np.int64), ties - 1), place)
    pool = np.where(among_ties[:, None], equal, lower)
    return np.argmax(np.cumsum(pool, axis=1) > place[:, None], axis=1)
