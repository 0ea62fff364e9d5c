"""Resource selection of sensing-based SPS (3GPP TS 36.213 clause 14.1.1.6), for many stations at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.clock import hashed_bits

FREE_MW = np.float32(0.0)
"""Stands for a candidate that no decoded reservation touches."""
_BARRED = np.float32(np.inf)


@dataclass(frozen=True)
class Choice:
    """What b stations chose: candidate subframe (index from the window's start), first subchannel, and the record.

    ``raises`` counts the steps, ``candidates`` is M, ``kept`` the size of the list the uniform pick is made from.
   ``gap`` > 0: a second transmission so many subframes later from ``second_first`` on.
    """

    subframe: np.ndarray
    first: np.ndarray
    raises: np.ndarray
    candidates: np.ndarray
    allowed: np.ndarray
    """[b, candidates of the longest window]: what exclusion left."""
    kept: np.ndarray
    gap: np.ndarray
    second_first: np.ndarray

    @property
    def remaining(self) -> np.ndarray:
        """How many candidates exclusion left."""
        return np.count_nonzero(self.allowed, axis=1)


def projected(
    target: np.ndarray, first: np.ndarray, last: np.ndarray, period: np.ndarray, repetitions: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Candidate subframes y whose repetitions y + j period (0 <= j < repetitions) meet ``target``.

    Pairs (row, y) with first <= y <= last, all arrays of equal length; a list, because a short period has several
    y per target.
    """
    ahead = target - first
    if not np.count_nonzero((ahead < 0) | (ahead >= period)):
        # Within one period there is one y, the target itself (repetitions are never 0).
        rows = np.flatnonzero(target <= last)
        return [(rows, target[rows])]
    found = []
    y = first + ahead % period
    for _ in range(int(np.ceil(int((last - first + 1).max(initial=0)) / max(1, int(period.min(initial=100)))))):
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
    reserved_mw: np.ndarray, barred: np.ndarray, power: np.ndarray, subframes: np.ndarray, draws: np.ndarray,
    threshold_mw: float, step_db: float, ratio: float, second: np.ndarray | None = None, greatest_gap: int = 0,
) -> Choice:
    """Steps 4 to 8 for b stations.

    ``reserved_mw`` [b, t, x] is the highest RSRP of a reservation that touches the candidate, 0 if there is none (or
    its ratio to a threshold of its own, with ``threshold_mw`` 1); the array is used up. ``barred`` [b, t] marks
    subframes excluded whatever the threshold, ``power`` [b, t, x] the averaged S-RSSI, ``subframes`` [b] how many of
    the t subframes belong to the window, ``draws`` [b, 2] uniform numbers. All thresholds rise together by ``step_db``
    until ``ratio`` of all candidates remain, each pass from the full set; the list kept holds that share with the
    lowest power, ties at its end drawn at random.

    With ``second`` [b] (uniform numbers) one more candidate of the list is drawn, in another subframe at most
    ``greatest_gap`` away, if there is one (TS 36.213 clause 14.1.1.7); the earlier of the two goes first.
    """
    b, t, x = reserved_mw.shape
    total = subframes * x
    wanted = np.ceil(total * ratio - 1e-9).astype(np.int64)
    row = np.arange(b)
    level = reserved_mw
    whole = min(subframes.tolist()) == t
    closed = barred if whole else barred | (np.arange(t) >= subframes[:, None])
    if np.count_nonzero(closed):
        level[closed] = _BARRED
    level = level.reshape(b, t * x)
    pivot = np.sort(level, axis=1)[row, wanted - 1]
    highest, kept = max(pivot.tolist()), wanted
    if highest == np.inf:
        pivot, level = _relaxed(level, pivot, np.repeat(np.arange(t) >= subframes[:, None], x, axis=1))
        highest = float(pivot.max())
        kept = np.minimum(wanted, np.count_nonzero(level <= np.maximum(pivot, threshold_mw)[:, None], axis=1))
    if highest > threshold_mw:
        over_db = 10 * np.log10(np.maximum(pivot, 1e-30).astype(np.float64) / threshold_mw)
        raises = np.maximum(0, np.ceil(over_db / step_db - 1e-6)).astype(np.int64)
        limit = np.maximum(threshold_mw * 10 ** (raises * (step_db / 10)), pivot).astype(np.float32)
        allowed = level <= limit[:, None]
    else:
        raises = np.zeros(b, np.int64)
        allowed = level <= np.float32(threshold_mw)
    energy = np.where(allowed, power.reshape(b, t * x), _BARRED)
    if second is not None:
        return _pairs(energy, x, kept, draws, second, greatest_gap, (raises, total, allowed))
    edge = np.sort(energy, axis=1)[row, kept - 1]
    picked = _pick(energy, edge, kept, draws)
    nothing = np.zeros(b, np.int64)
    return Choice(picked // x, picked % x, raises, total, allowed, kept, nothing, nothing)


def _relaxed(level: np.ndarray, pivot: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where barred subframes leave too few candidates: take all that are left; if none is, all of the window."""
    beyond = np.isinf(pivot)
    none = beyond & ~np.isfinite(level).any(axis=1)
    level = np.where(none[:, None] & ~outside, FREE_MW, level)
    highest = np.where(np.isfinite(level), level, -1).max(axis=1)
    return np.where(beyond, highest, pivot), level


def _pick(energy: np.ndarray, edge: np.ndarray, kept: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Uniform pick from the kept list: all below ``edge`` and as many equal to it, at random, as fill it up."""
    below = energy < edge[:, None]
    sure = [np.count_nonzero(one) for one in below]
    picked = np.empty(len(energy), np.int64)
    for i, (size, (first, second)) in enumerate(zip(kept.tolist(), draws.tolist(), strict=True)):
        place = min(int(first * size), size - 1)
        if place < sure[i]:
            picked[i] = below[i].nonzero()[0][place]
        else:
            ties = (energy[i] == edge[i]).nonzero()[0]
            picked[i] = ties[min(int(second * len(ties)), len(ties) - 1)]
    return picked


def _pairs(
    energy: np.ndarray, x: int, kept: np.ndarray, draws: np.ndarray, second: np.ndarray, greatest_gap: int,
    record: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Choice:
    """Two candidates of each list, the second one near the first."""
    b, n = energy.shape
    chosen = np.zeros((4, b), np.int64)
    for i in range(b):
        shuffled = hashed_bits(np.uint64(int(draws[i, 1] * 2**53)), np.arange(n))
        listed = np.sort(np.lexsort((shuffled, energy[i]))[:kept[i]])
        one = int(listed[min(int(draws[i, 0] * len(listed)), len(listed) - 1)])
        apart = np.abs(listed // x - one // x)
        near = listed[(apart > 0) & (apart <= greatest_gap)]
        other = int(near[min(int(second[i] * len(near)), len(near) - 1)]) if len(near) else one
        early, late = min(one, other), max(one, other)
        chosen[:, i] = early // x, early % x, late // x - early // x, late % x
    return Choice(chosen[0], chosen[1], *record, kept, chosen[2], chosen[3])
