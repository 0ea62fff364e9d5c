"""Random decisions of SPS processes: pure functions of station, flow, stream and cycle, looked up from a table."""

from __future__ import annotations

import numpy as np

from sim.clock import hashed_uniform, stream_key

KEEP, COUNTER, PICK, TIE, SECOND = range(5)
"""Keep or give up a resource, reselection counter, pick from the list, tie at its end, second transmission."""
_STREAMS = {KEEP: ("keep", None), COUNTER: ("counter", None), PICK: ("selection", 0), TIE: ("selection", 1),
            SECOND: ("second", None)}
_DEPTH = 8
_UNFILLED = -(10**9)


class Draws:
    """Uniform numbers per process row and cycle; a row of the table holds the next cycles of one process.

    The numbers depend on (seed, identity, cycle) only; the table saves hashing a few of them at a time.
    """

    def __init__(self, seed: int) -> None:
        self._keys = {name: stream_key(seed, "mode4", name) for name, _ in _STREAMS.values()}
        self._table = np.zeros((0, _DEPTH, len(_STREAMS)))
        self._first = np.zeros(0, np.int64)

    def grow(self, size: int) -> None:
        """Have at least ``size`` rows."""
        extra = size - len(self._first)
        if extra > 0:
            self._table = np.concatenate([self._table, np.zeros((extra, _DEPTH, len(_STREAMS)))])
            self._first = np.concatenate([self._first, np.full(extra, _UNFILLED)])

    def forget(self, rows: np.ndarray) -> None:
        """These rows belong to other processes now."""
        self._first[rows] = _UNFILLED

    def take(self, which: int | slice, rows: np.ndarray, identity: np.ndarray, cycle: np.ndarray) -> np.ndarray:
        """One number (or all of a slice) per row at its cycle; ``identity`` and ``cycle`` are columns of all rows."""
        at = cycle[rows]
        step = at - self._first[rows]
        late = step >= _DEPTH
        if np.count_nonzero(late):
            self._fill(rows[late], identity[rows[late]], at[late])
            step = at - self._first[rows]
        return self._table[rows, step, which]

    def refresh(self, identity: np.ndarray, cycle: np.ndarray) -> None:
        """Fill in bulk what will be needed soon (rows that were used before)."""
        spent = cycle - self._first[:len(cycle)]
        rows = np.flatnonzero((spent >= _DEPTH // 2) & (self._first[:len(cycle)] > _UNFILLED))
        if len(rows):
            self._fill(rows, identity[rows], cycle[rows])

    def _fill(self, rows: np.ndarray, identity: np.ndarray, first: np.ndarray) -> None:
        cycles = first[:, None] + np.arange(_DEPTH)
        for which, (name, part) in _STREAMS.items():
            more = () if part is None else (np.array(part),)
            self._table[rows, :, which] = hashed_uniform(self._keys[name], identity[:, None], cycles, *more)
        self._first[rows] = first
