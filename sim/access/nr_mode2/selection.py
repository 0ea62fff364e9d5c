"""The candidate set and the draw of Mode 2 (3GPP TS 38.214 clause 8.1.4 steps 4 to 7), for many stations at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPREAD_SLOTS = 31
"""Resources that one SCI names lie within so many slots after the first (TS 38.214 clause 8.1.5)."""
_ROUNDING = 1 + 1e-6


@dataclass(frozen=True)
class Candidates:
    """What exclusion leaves to b stations, flat over (slot of the window, first subchannel).

    ``allowed`` [b, t x] marks the set S_A; ``raises`` counts passes, ``total`` is M, ``remaining`` the size of S_A.
    """

    allowed: np.ndarray
    starts: int
    """First subchannels per slot, x."""
    raises: np.ndarray
    total: np.ndarray
    remaining: np.ndarray

    def holds(self, row: np.ndarray, slot: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Whether these candidates (slot counted from the window's start) belong to the set."""
        return self.allowed[row, slot * self.starts + first]


def candidates(
    level: np.ndarray, unmonitored: np.ndarray, own: np.ndarray, slots: np.ndarray, share: np.ndarray, step: float
) -> Candidates:
    """Steps 4 to 7 for b stations; nothing is ranked by received power.

    ``level`` [b, t, x] is the highest RSRP of a reservation that meets the candidate over its threshold (0 = none);
    ``unmonitored`` [b, t] marks slots that a reservation could meet unseen, ``own`` [b, t] slots with other
    reservations of the station itself, ``slots`` [b] how many of the t slots belong to the window, ``share`` [b] is X.
    All thresholds rise together by the factor ``step``, each pass from the full set, until X of all candidates remain.
    If unmonitored slots alone leave less than that they are let in again (step 5a).
    """
    b, t, x = level.shape
    outside = np.arange(t) >= slots[:, None]
    total = slots * x
    wanted = np.maximum(1, np.ceil(total * share - 1e-9)).astype(np.int64)
    kept_out = outside | own
    barred = kept_out | unmonitored
    few = (t - np.add.reduce(barred, axis=1, dtype=np.int64)) * x < wanted
    if np.count_nonzero(few):
        barred[few] = kept_out[few]
        full = barred.all(axis=1)
        barred[full] = outside[full]
    values = np.where(barred[:, :, None], np.float32(np.inf), level).reshape(b, t * x)
    allowed = values <= 1.0
    remaining = np.add.reduce(allowed, axis=1, dtype=np.int64)
    raises = np.zeros(b, np.int64)
    short = (remaining < wanted).nonzero()[0]
    if len(short):
        raises[short] = _raises(values[short], wanted[short], step)
        allowed[short] = values[short] <= (step ** raises[short] * _ROUNDING)[:, None]
        remaining[short] = allowed[short].sum(axis=1)
    return Candidates(allowed, x, raises, total, remaining)


def _raises(values: np.ndarray, wanted: np.ndarray, step: float) -> np.ndarray:
    """Passes after which ``wanted`` candidates remain, or all that are not barred."""
    order = np.sort(values, axis=1)
    finite = np.isfinite(order).sum(axis=1)
    pivot = order[np.arange(len(order)), np.minimum(wanted, finite) - 1]
    return np.maximum(0, np.ceil(np.log(np.maximum(pivot, 1e-30) / _ROUNDING) / np.log(step))).astype(np.int64)


def drawn(found: Candidates, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resources drawn uniformly from the sets: slots and first subchannels [b, n] in order of time, and how many.

    ``draws`` [b, n] are uniform numbers, one per resource; those after the first lie in other slots, all within 31
    slots. Places beyond the number found repeat the last one.
    """
    b, n = draws.shape
    picked = _pick(found.allowed, found.remaining, draws[:, 0])
    if n == 1:
        return (picked // found.starts)[:, None], (picked % found.starts)[:, None], np.ones(b, np.int64)
    slots = np.repeat((picked // found.starts)[:, None], n, axis=1)
    first = np.repeat((picked % found.starts)[:, None], n, axis=1)
    number = np.ones(b, np.int64)
    for k in range(1, n):
        place = np.arange(found.allowed.shape[1]) // found.starts
        low, high = slots[:, :k].min(axis=1), slots[:, :k].max(axis=1)
        near = (place >= (high - SPREAD_SLOTS)[:, None]) & (place <= (low + SPREAD_SLOTS)[:, None])
        for other in range(k):
            near &= place != slots[:, other, None]
        near &= found.allowed
        left = near.sum(axis=1)
        some = np.flatnonzero((left > 0) & (number == k))
        picked = _pick(near[some], left[some], draws[some, k])
        slots[some, k:], first[some, k:] = (picked // found.starts)[:, None], (picked % found.starts)[:, None]
        number[some] += 1
    for k in range(1, n):
        missing = k >= number
        slots[missing, k] = slots[missing].max(axis=1)
    order = np.argsort(slots, axis=1, kind="stable")
    return np.take_along_axis(slots, order, 1), np.take_along_axis(first, order, 1), number


def _pick(allowed: np.ndarray, count: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """The candidate at the drawn place among the allowed ones."""
    chances = zip(draw.tolist(), count.tolist(), strict=True)
    places = [
        int(row.nonzero()[0][min(int(number * n), n - 1)]) if n else 0
        for row, (number, n) in zip(allowed, chances, strict=True)
    ]
    return np.array(places, np.int64)


def meeting(
    target: np.ndarray, begin: np.ndarray, end: np.ndarray, period: np.ndarray, uses: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Candidate slots y in ``begin`` .. ``end`` of which some use y + j period, 0 <= j < ``uses``, meets ``target``.

    Pairs (row, y), all arrays of equal length; period 0 stands for a single use. A list, because a short period has
    several y per target.
    """
    step = np.where(period > 0, period, np.int64(2**40))
    ahead = target - begin
    if not np.count_nonzero((ahead < 0) | (ahead >= step)):
        # Within one period there is one y, the target itself (uses are never 0).
        rows = (target <= end).nonzero()[0]
        return [(rows, target[rows])] if len(rows) else []
    y = begin + (target - begin) % step
    found = []
    longest = int((end - begin + 1).max(initial=0))
    for _ in range(max(1, -(-longest // int(step.min(initial=2**40))))):
        rows = ((y <= end) & (y <= target) & (target - y < uses * step)).nonzero()[0]
        if len(rows):
            found.append((rows, y[rows]))
        y = y + step
    return found
