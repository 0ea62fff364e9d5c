"""Counts of packets per distance, and what several independent replications of them say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.frames import Outcome

FINE_BIN_M = 2.5
FINE_BIN_COUNT = 840
"""Counting range 2,100 m: the furthest distance a file may hold and half a bin."""

OUTCOME_COUNT = len(Outcome)

Causes = Mapping[str, tuple[Outcome, ...]]
"""Cause of loss as a family names it -> the outcomes it covers."""

_T_975 = tuple(
    float(value)
    for value in (
        "12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 2.145 2.131 "
        "2.120 2.110 2.101 2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 2.052 2.048 2.045 2.042"
    ).split()
)


class Tally:
    """Packets of one replication by distance: what was present and how it ended, in both conventions.

    ``present`` (fine bins); ``data`` and ``full`` (outcomes x fine bins) count
    :attr:`sim.frames.Receptions.data_outcome` (SCI apart) and ``outcome``. Receivers a frame never reached
    are counted as below sensitivity, frames that never left their queue as never sent.
    """

    def __init__(self) -> None:
        self.present = np.zeros(FINE_BIN_COUNT, np.int64)
        self.data = np.zeros((OUTCOME_COUNT, FINE_BIN_COUNT), np.int64)
        self.full = np.zeros((OUTCOME_COUNT, FINE_BIN_COUNT), np.int64)
        self.busy_sum = 0.0
        self.busy_count = 0
        self.frames = 0
        self.unsent_frames = 0
        self.provenance: dict[str, str] = {}
        """What the layer says of its models and tables."""

    @property
    def busy_ratio(self) -> float:
        """Mean simulated CBR over stations and time; NaN without a measurement."""
        return self.busy_sum / self.busy_count if self.busy_count else math.nan


@dataclass(frozen=True)
class Sample:
    """Shares of one replication in the bins of one curve; every array has the length of the curve."""

    pdr: np.ndarray
    pdr_with_sci: np.ndarray
    """PDR in this project's convention: a lost SCI loses the packet."""
    causes: dict[str, np.ndarray]
    """By the family's names, in the authors' convention; ``sci`` = share lost only because of the control channel."""
    present: np.ndarray


def bin_edges_m(distance_m: np.ndarray, last_is_half: bool, limit_m: float) -> np.ndarray:
    """(bins, 2) lower and upper edge of bins centred on ``distance_m``, on the grid of fine bins.

    The first starts at 0 at least; with ``last_is_half`` no bin reaches beyond ``limit_m`` (or the last
    distance).
    """
    half_m = np.diff(distance_m) / 2.0
    lower = distance_m - np.concatenate([half_m[:1], half_m])
    upper = distance_m + np.concatenate([half_m, half_m[-1:]])
    if last_is_half:
        upper[-1] = min(upper[-1], max(limit_m, distance_m[-1]))
    edges = np.stack([np.maximum(lower, 0.0), upper], axis=1)
    edges = np.round(edges / FINE_BIN_M) * FINE_BIN_M
    edges[:, 1] = np.maximum(edges[:, 1], edges[:, 0] + FINE_BIN_M)
    return edges


def mean_ratio(tally: Tally, edges_m: np.ndarray) -> float:
    """Mean over the bins of the delivered share, empty bins left out."""
    return float(np.nanmean(sample(tally, edges_m, {}).pdr))


def sample(tally: Tally, edges_m: np.ndarray, names: Causes) -> Sample:
    """Shares per bin; NaN where no receiver was present."""
    present = _binned(tally.present, edges_m)
    data = _binned(tally.data, edges_m)
    full = _binned(tally.full, edges_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        pdr = data[Outcome.DELIVERED] / present
        pdr_with_sci = full[Outcome.DELIVERED] / present
        causes = {name: data[list(outcomes)].sum(axis=0) / present for name, outcomes in names.items()}
    causes["sci"] = pdr - pdr_with_sci
    return Sample(pdr, pdr_with_sci, causes, present)


def _binned(fine: np.ndarray, edges_m: np.ndarray) -> np.ndarray:
    total = np.concatenate([np.zeros((*fine.shape[:-1], 1), np.int64), np.cumsum(fine, axis=-1)], axis=-1)
    index = np.round(edges_m / FINE_BIN_M).astype(np.int64)
    return total[..., index[:, 1]] - total[..., index[:, 0]]


def pooled(tallies: list[Tally]) -> Tally:
    """All replications added up."""
    total = Tally()
    for tally in tallies:
        total.present += tally.present
        total.data += tally.data
        total.full += tally.full
        total.busy_sum += tally.busy_sum
        total.busy_count += tally.busy_count
        total.frames += tally.frames
        total.unsent_frames += tally.unsent_frames
        total.provenance = tally.provenance or total.provenance
    return total


def half_width(values: np.ndarray) -> np.ndarray:
    """95 % half-width of the mean over independent replications (axis 0), Student's t; NaN below two."""
    count = len(values)
    if count < 2:
        return np.full(np.shape(values)[1:], math.nan)
    return student_t_975(count - 1) * np.std(values, axis=0, ddof=1) / math.sqrt(count)


def student_t_975(degrees: int) -> float:
    """The 0.975 quantile of Student's t: printed table to 30 degrees, then 1.960 + 2.5 / degrees."""
    return _T_975[degrees - 1] if degrees <= len(_T_975) else 1.960 + 2.5 / degrees
