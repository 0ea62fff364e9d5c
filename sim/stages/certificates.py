"""Which receiver has heard whose certificate in full."""

from __future__ import annotations

import numpy as np

_STEP = 64
"""Receivers per step of growth: rows stay a whole number of words wide."""


class HeardCertificates:
    """One bit per (certificate, receiver slot): heard in full. Memory ``slots**2 / 8`` octets.

    A certificate belongs to a sender's slot and to the jurisdiction that issued it. The first issuer seen at a slot
    uses the slot's own row; further ones (a unit that speaks for two jurisdictions) get rows of their own behind.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._width = _width(size)
        self._bits = np.zeros((size, self._width), np.uint8)
        self._issuer = np.full(size, _NOBODY, np.int16)
        self._further: dict[tuple[int, int], int] = {}

    def grow(self, size: int) -> None:
        """Make room for more slots; what is known stays."""
        extra = size - self.size
        if extra <= 0:
            return
        bits = np.zeros((size + len(self._further), _width(size)), np.uint8)
        bits[: self.size, : self._width] = self._bits[: self.size]
        bits[size:, : self._width] = self._bits[self.size :]
        self._bits, self._width = bits, bits.shape[1]
        self._issuer = np.concatenate([self._issuer, np.full(extra, _NOBODY, np.int16)])
        self._further = {key: row + extra for key, row in self._further.items()}
        self.size = size

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots: as receivers they know nothing, as senders they are unknown."""
        slots = np.asarray(slots, np.int64)
        if not len(slots):
            return
        for (slot, _), row in self._further.items():
            if slot in slots:
                self._bits[row] = 0
        self._bits[slots] = 0
        self._issuer[slots] = _NOBODY
        keep = np.full(self._width, 0xFF, np.uint8)
        np.bitwise_and.at(keep, slots >> 3, ~_bit(slots))
        columns = np.unique(slots >> 3)
        self._bits[:, columns] &= keep[columns]

    def certificates(self, sender: np.ndarray, issuer: np.ndarray) -> np.ndarray:
        """Row of the certificate of each frame (int64), from slot and issuer."""
        rows = np.asarray(sender, np.int64)
        issuer = issuer.astype(np.int16)
        new = self._issuer[rows] == _NOBODY
        if new.any():
            self._issuer[rows[new][::-1]] = issuer[new][::-1]
        others = np.flatnonzero(self._issuer[rows] != issuer)
        if len(others):
            rows = rows.copy()
            for frame in others.tolist():
                rows[frame] = self._further_row(int(rows[frame]), int(issuer[frame]))
        return rows

    def _further_row(self, slot: int, issuer: int) -> int:
        key = slot, issuer
        if key not in self._further:
            self._further[key] = len(self._bits)
            self._bits = np.concatenate([self._bits, np.zeros((1, self._width), np.uint8)])
        return self._further[key]

    def unknown(self, certificate: np.ndarray, row: np.ndarray, receiver: np.ndarray) -> np.ndarray:
        """Indices of the links (ascending) whose receiver has not heard the certificate before this batch.

        ``certificate``: rows of :meth:`certificates` per frame; ``row``: link -> frame; ``receiver``: slot per link.
        """
        cells = (certificate * self._width)[row]
        cells += receiver >> 3
        bits = self._bits.reshape(-1).take(cells)
        return np.flatnonzero((bits & _BITS.take(receiver & 7)) == 0)

    def learn(
        self, certificate: np.ndarray, receiver: np.ndarray, full: np.ndarray, arrived_ns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take note of certificates among links whose receiver did not know them; one entry per such link.

        Returns (first, waits): which links teach, the first full certificate of a pair; which are signed with a digest
        and came before it, or without it. A digest that arrives at the same instant is taken to come after.
        """
        first, waits = np.zeros(len(full), bool), ~full
        teaching = np.flatnonzero(full)
        if not len(teaching):
            return first, waits
        pair = certificate * (self._width * 8) + receiver
        order = teaching[np.lexsort((arrived_ns[teaching], pair[teaching]))]
        sorted_pair = pair[order]
        leads = np.ones(len(order), bool)
        leads[1:] = sorted_pair[1:] != sorted_pair[:-1]
        order, sorted_pair = order[leads], sorted_pair[leads]
        first[order] = True
        np.bitwise_or.at(self._bits.reshape(-1), sorted_pair >> 3, _bit(sorted_pair))
        digests = np.flatnonzero(waits)
        if len(digests):
            found = np.minimum(np.searchsorted(sorted_pair, pair[digests]), len(order) - 1)
            taught = sorted_pair[found] == pair[digests]
            taught &= arrived_ns[order[found]] <= arrived_ns[digests]
            waits[digests[taught]] = False
        return first, waits


_NOBODY = np.int16(-32768)
_BITS = np.left_shift(1, np.arange(8)).astype(np.uint8)


def _bit(numbers: np.ndarray) -> np.ndarray:
    return _BITS[numbers & 7]


def _width(size: int) -> int:
    return -(-size // _STEP) * (_STEP // 8)
