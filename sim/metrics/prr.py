"""Packet reception ratio, causes of loss, reach and usable share by distance (definitions section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from sim.frames import Outcome
from sim.metrics.base import LINKS, Batch, Context, Metric, Rows, Tick
from sim.metrics.statistics import ratio_interval

CAUSES = (
    Outcome.HALF_DUPLEX,
    Outcome.SENSITIVITY,
    Outcome.CONTROL_LOST,
    Outcome.PROPAGATION,
    Outcome.COLLISION,
    Outcome.RECEIVER_BUSY,
    Outcome.NEVER_SENT,
)
"""Exclusive causes of a radio loss, in the radio's order."""

_RADIO = (Outcome.DELIVERED, *CAUSES, Outcome.NOT_TUNED)
"""Columns of the radio's table."""
_COLUMN = np.array([_RADIO.index(o) if o in _RADIO else 0 for o in Outcome], np.int64)
_NOT_TUNED = len(_RADIO) - 1


class Prr:
    """Counts of opportunities by time batch, link kind, message, receiver's place, distance bin and outcome.

    ``prr`` pools sum delivered / sum present over receivers tuned to the sender; a frame that never left its
    queue is lost. ``loss_<cause>`` are shares of the same denominator, so that they and ``prr`` add up to 1.
    ``reach`` is tuned / present; ``uir`` is (applied, or a duplicate of what was applied) / present;
    ``end_<outcome>`` says how an opportunity ended after the whole pipeline. ``distance_m`` is the middle of
    the bin; an empty bin has no row.
    """

    def __init__(self, context: Context) -> None:
        measure = context.measure
        self.context = context
        self.bin_m = measure.bin_m
        self.bins = int(np.ceil(measure.max_distance_m / measure.bin_m))
        shape = (len(LINKS), len(context.messages), len(context.jurisdictions) + 1, self.bins)
        self.radio = np.zeros((measure.batches, *shape, len(_RADIO)), np.int64)
        self.final = np.zeros((*shape, len(Outcome)), np.int64)

    def observe(self, batch: Batch) -> None:
        """Count every link of the batch that stands in the table."""
        n = batch.counts(self.context)
        np.add.at(self.final, (n.link, n.message, n.place, n.bin, n.outcome), n.count)
        radio = _COLUMN[n.radio_outcome]
        np.add.at(self.radio, (n.time_batch, n.link, n.message, n.place, n.bin, radio), n.count)

    def tick(self, tick: Tick) -> None:
        """Nothing to follow over time."""

    def merge(self, other: Prr) -> None:
        """Add the other's counts."""
        self.radio += other.radio
        self.final += other.final

    def rows(self) -> Iterator[Metric]:
        """PRR by distance, then per jurisdiction, causes, reach and how opportunities ended."""
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            if not self.final[i, k].any():
                continue
            yield from self._ratios(link, message, "", self.radio[:, i, k].sum(1), self.final[i, k].sum(0))
            yield from self._shares(link, message, self.radio[:, i, k].sum((0, 1)), self.final[i, k].sum(0))
            for j, name in enumerate(self.context.jurisdictions):
                yield from self._ratios(
                    link, message, name, self.radio[:, i, k, j + 1], self.final[i, k, j + 1]
                )

    def _ratios(
        self, link: str, message: str, place: str, radio: np.ndarray, final: np.ndarray
    ) -> Iterator[Metric]:
        tuned = radio[..., :_NOT_TUNED].sum(-1)
        delivered = radio[..., Outcome.DELIVERED]
        present = radio.sum((0, -1))
        applied = final[:, Outcome.DELIVERED] + final[:, Outcome.DUPLICATE]
        for b in range(self.bins):
            middle_m = (b + 0.5) * self.bin_m
            if n := int(tuned[:, b].sum()):
                low, high = ratio_interval(delivered[:, b], tuned[:, b]) or (None, None)
                yield Metric(
                    "prr",
                    "ratio",
                    link,
                    message,
                    place,
                    distance_m=middle_m,
                    value=int(delivered[:, b].sum()) / n,
                    n=n,
                    lower=low,
                    upper=high,
                )
            if n := int(present[b]):
                yield Metric(
                    "reach",
                    "ratio",
                    link,
                    message,
                    place,
                    distance_m=middle_m,
                    value=int(tuned[:, b].sum()) / n,
                    n=n,
                )
                yield Metric(
                    "uir", "ratio", link, message, place, distance_m=middle_m, value=int(applied[b]) / n, n=n
                )

    def _shares(self, link: str, message: str, radio: np.ndarray, final: np.ndarray) -> Iterator[Metric]:
        tuned, present = radio[:, :_NOT_TUNED].sum(-1), final.sum(-1)
        for column, cause in enumerate(CAUSES, 1):
            if cause == Outcome.RECEIVER_BUSY and not radio[:, column].any():
                continue
            for b in np.flatnonzero(tuned):
                yield Metric(
                    f"loss_{cause.name.lower()}",
                    "ratio",
                    link,
                    message,
                    distance_m=(b + 0.5) * self.bin_m,
                    value=int(radio[b, column]) / int(tuned[b]),
                    n=int(tuned[b]),
                )
        for outcome in Outcome:
            if final[:, outcome].any():
                for b in np.flatnonzero(present):
                    yield Metric(
                        f"end_{outcome.name.lower()}",
                        "ratio",
                        link,
                        message,
                        distance_m=(b + 0.5) * self.bin_m,
                        value=int(final[b, outcome]) / int(present[b]),
                        n=int(present[b]),
                    )

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}
