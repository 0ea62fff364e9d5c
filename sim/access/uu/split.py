"""Where the time goes: distribution of every part's delay over delivered links, in bounded memory."""

from __future__ import annotations

import numpy as np

from sim.access.uu.packets import PARTS

_PER_DECADE, _DECADES = 50, 10
"""Bins of 1 ns to 10 s, 4.7 % wide; the first one also holds 0."""


class DelaySplit:
    """Counts by part and logarithmic bin, and exact sums."""

    def __init__(self) -> None:
        self.counts = np.zeros((len(PARTS) + 1, _PER_DECADE * _DECADES), np.int64)
        self.sums_ns = np.zeros(len(PARTS) + 1, np.int64)

    def add(self, split_ns: np.ndarray, links: np.ndarray) -> None:
        """Delays of copies (copies, parts) in ns, and how many links each of them delivered."""
        whole = np.column_stack([split_ns, split_ns.sum(axis=1)])
        bins = (np.log10(np.maximum(whole, 1)) * _PER_DECADE).astype(np.int64)
        np.minimum(bins, self.counts.shape[1] - 1, out=bins)
        for part, counts in enumerate(self.counts):
            counts += np.bincount(bins[:, part], links, len(counts)).astype(np.int64)
        self.sums_ns += links @ whole

    def table(self) -> list[dict[str, float | str]]:
        """Per part and for the ``whole``: number of links, mean, p50 and p95 in ms (quantiles to the bin, 5 %)."""
        rows: list[dict[str, float | str]] = []
        for name, counts, total in zip((*PARTS, "whole"), self.counts, self.sums_ns, strict=True):
            n = int(counts.sum())
            if n:
                bins = np.searchsorted(np.cumsum(counts), [0.5 * n, 0.95 * n])
                p50, p95 = np.where(bins, 10 ** ((bins + 0.5) / _PER_DECADE) / 1e6, 0.0).tolist()
                rows.append({"part": name, "links": n, "mean_ms": int(total) / n / 1e6, "p50_ms": p50, "p95_ms": p95})
        return rows
