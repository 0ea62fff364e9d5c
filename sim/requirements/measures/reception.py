"""Reception at a range: the bin that contains it and every nearer one, each on its own."""

from __future__ import annotations

import math

import numpy as np

from sim.requirements.closed_forms import effective_loss_ratio
from sim.requirements.evidence import Evidence, Key, Series
from sim.requirements.measures.base import Ask, Item, nothing, of_each_message

REPETITION_FROM = 0.99
"""Limits from here on are met by repetition, if at all."""


def reception(evidence: Evidence, ask: Ask) -> list[Item]:
    """Reception, or use, in each bin up to the one that contains ``at_range_m``, for every link and message.

    Bins that begin nearer than any packet ever came (a mast stands beside the road) are left out; every other bin
    counts, and one with fewer packets than ``min_packets`` has no data.
    """
    return of_each_message(evidence, ask, _bins)


def _bins(evidence: Evidence, ask: Ask, link: str, message: str) -> list[Item]:
    assert ask.at_range_m is not None
    key = (ask.metric, link, message, ask.jurisdiction, "")
    there, bin_m = evidence.distances(key), evidence.bin_m
    if not there:
        return [nothing(f"{link} {message}", "no reception was measured")]
    last = math.floor(ask.at_range_m / bin_m + 1e-9)
    first = min(math.floor(there[0] / bin_m), last)
    return [_bin(evidence, ask, key, k, bin_m) for k in range(first, last + 1)]


def _bin(evidence: Evidence, ask: Ask, key: Key, number: int, bin_m: float) -> Item:
    series = evidence.series(key, (number + 0.5) * bin_m)
    n = int(series.n.sum())
    what = f"{key[1]} {key[2]} {number * bin_m:g}-{(number + 1) * bin_m:g} m"
    least = ask.defaults.min_packets
    reason = "" if n >= least else f"{n} packets, fewer than {least}"
    return Item(what, series.values, n, series.n, least_n=least, reason=reason, beside=_losses(series, ask.limit))


def _losses(series: Series, limit: float) -> dict[str, float]:
    """Measured loss and, for limits that ask for repetition, what independent copies would make of it."""
    n = float(series.n.sum())
    if not n:
        return {}
    loss = min(1.0, max(0.0, 1 - float(np.nansum(series.values * series.n)) / n))
    copies = (2, 3) if limit >= REPETITION_FROM else ()
    return {"loss_ratio": loss, **{f"loss_ratio_of_{k}_copies": effective_loss_ratio(loss, k) for k in copies}}
