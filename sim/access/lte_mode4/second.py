"""Blind retransmission: the second transmission of a transport block, on its way."""

from __future__ import annotations

import numpy as np

from sim.access.lte_mode4.sendings import Sendings
from sim.clock import NEVER

GREATEST_GAP = 15
"""Subframes between the two transmissions of a block at most (TS 36.213 clause 14.1.1.7; the field has 4 bits)."""
_KEPT = ("frame", "sequence", "size_bytes", "first", "subchannels", "mcs", "announced", "gap", "other_first")


class SecondCopies:
    """What each process has still to repeat; columns over process rows, ``at`` is :data:`NEVER` where there is nothing.

    A copy keeps what its block had when it was first sent: a newer frame or grant does not change it.
    """

    def __init__(self) -> None:
        self.at = np.zeros(0, np.int64)
        self._kept = np.zeros((len(_KEPT), 0), np.int64)
        self.sent = 0

    @property
    def subchannels(self) -> np.ndarray:
        """Width of each waiting copy."""
        return self._kept[_KEPT.index("subchannels")]

    def grow(self, size: int) -> None:
        """Have at least ``size`` rows."""
        extra = size - len(self.at)
        if extra > 0:
            self.at = np.concatenate([self.at, np.full(extra, NEVER)])
            self._kept = np.concatenate([self._kept, np.zeros((len(_KEPT), extra), np.int64)], axis=1)

    def forget(self, rows: np.ndarray) -> None:
        """What these processes had to repeat is not sent."""
        self.at[rows] = NEVER

    def hold(self, rows: np.ndarray, sent: Sendings) -> None:
        """First transmissions went out; those with a gap will be repeated."""
        some = np.flatnonzero(sent.gap > 0)
        rows = rows[some]
        self.at[rows] = sent.subframe[some] + sent.gap[some]
        values = {name: getattr(sent, name)[some] for name in _KEPT}
        values |= {"first": sent.other_first[some], "other_first": sent.first[some], "gap": -sent.gap[some]}
        for place, name in enumerate(_KEPT):
            self._kept[place, rows] = values[name]

    def due(self, start: int, end: int) -> np.ndarray:
        """Process rows whose copy lies in these subframes."""
        return np.flatnonzero((self.at >= start) & (self.at < end))

    def joined(
        self, sent: Sendings, rows: np.ndarray, slot: np.ndarray, station_id: np.ndarray, pool: np.ndarray
    ) -> Sendings:
        """``sent`` and the copies of ``rows``, which go out now; the other arguments are columns of the processes."""
        kept = dict(zip(_KEPT, self._kept[:, rows], strict=True))
        more = Sendings(
            process=2 * rows + 1, slot=slot[rows], subframe=self.at[rows], station_id=station_id[rows],
            pool=pool[rows], copy=np.ones(len(rows), np.int64), **kept,
        )
        self.at[rows] = NEVER
        self.sent += len(rows)
        names = Sendings.__dataclass_fields__
        return Sendings(**{name: np.concatenate([getattr(sent, name), getattr(more, name)]) for name in names})
