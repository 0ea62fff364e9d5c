"""Rows of ``metrics.csv`` and the table ``outcomes`` from counted opportunities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sim.frames import LAST_RADIO, RADIO_LATER, STAGE_OF, Outcome, Stage, bit
from sim.metrics.base import LINKS, Context, Metric, Rows
from sim.metrics.home_pairs import CROSS, SAME
from sim.metrics.opportunity_counts import OpportunityCounts
from sim.metrics.statistics import ratio_interval

APPLIED = (Outcome.DELIVERED, Outcome.DUPLICATE)
"""Ends of an opportunity that was used."""
_RADIO = tuple(o for o in Outcome if o != Outcome.DELIVERED and (o <= LAST_RADIO or o in RADIO_LATER))
_NO_FAILURE = sum(bit(o) for o in (*APPLIED, Outcome.APPLIED_WRONG))
_STAGE_BITS = {s: sum(bit(o) for o in Outcome if STAGE_OF[o] == s) & ~_NO_FAILURE for s in list(Stage)[: Stage.APPLIED]}


class OpportunityRows:
    """Shares of one run's opportunities; ``counts`` holds no link that waits."""

    def __init__(self, context: Context, counts: OpportunityCounts) -> None:
        self.context = context
        self._labels = len(context.jurisdictions) + 1
        self.ends, self.by_distance, self.latency = counts.ends, counts.by_distance, counts.latency
        self.masks = counts.masks

    def classes(self, links: Sequence[int]) -> dict[str, list[int]]:
        """Class of use -> its messages (indices), of those with an opportunity on some links (indices); a message
        outside the classes is one of its own."""
        found: dict[str, list[int]] = {}
        for k, message in enumerate(self.context.messages):
            if any(self.ends[:, i, k].any() for i in links):
                found.setdefault(self.context.services.get(message) or message, []).append(k)
        return found

    def failed(self) -> dict[int, np.ndarray]:
        """Mask of failures -> opportunities (link, message, sender + 1, receiver + 1, end) that have it.

        An outcome that is a failure is always part of it; batches without masks have no more than that.
        """
        ends, found = self.ends.sum(0), dict(self.masks.arrays())
        rest = ends - sum(found.values(), np.zeros_like(ends))
        out: dict[int, np.ndarray] = {}
        for mask, counts in (*found.items(), (0, rest)):
            for outcome in np.flatnonzero(counts.any(axis=(0, 1, 2, 3))).tolist():
                whole = (mask | bit(Outcome(outcome))) & ~_NO_FAILURE
                total = out.setdefault(whole, np.zeros_like(ends))
                total[..., outcome] += counts[..., outcome]
        return out

    def rows(self) -> Iterator[Metric]:
        """Shares per class and per pair of jurisdictions, then by message and by distance."""
        failed = self.failed()
        for i, link in enumerate(LINKS):
            for name, chosen in self.classes((i,)).items():
                yield from self._class_rows(link, name, self.ends[:, i, chosen].sum(1), {
                    mask: counts[i, chosen].sum(0) for mask, counts in failed.items()
                })
        yield from self._message_rows(failed)
        yield from self._distance_rows()

    def _class_rows(self, link: str, name: str, ends: np.ndarray, failed: dict[int, np.ndarray]) -> Iterator[Metric]:
        """``ends``: time batch, sender + 1, receiver + 1, end; ``failed``: the same without time by mask."""
        whole = ends.sum((1, 2))
        tuned = whole.sum(1) - whole[:, Outcome.NOT_TUNED]
        received = whole.sum(1) - whole[:, _RADIO].sum(1)
        yield _share("uir_class", link, name, "", whole[:, APPLIED].sum(1), whole.sum(1))
        yield _share("reach_class", link, name, "", tuned, whole.sum(1))
        if tuned.any():
            yield _share("prr_class", link, name, "", received, tuned)
        n = int(whole.sum())
        for outcome in Outcome:
            if count := int(whole[:, outcome].sum()):
                yield Metric(f"end_class_{outcome.name.lower()}", "ratio", link, name, value=count / n, n=n)
        for outcome in Outcome:
            hits = sum(int(counts.sum()) for mask, counts in failed.items() if mask & bit(outcome))
            if hits:
                yield Metric(f"fail_class_{outcome.name.lower()}", "ratio", link, name, value=hits / n, n=n)
        for a, b in zip(*np.nonzero(ends.any(axis=(0, 3))), strict=True):
            pair, of_pair = f"{label_of(self.context, a)}>{label_of(self.context, b)}", ends[:, a, b]
            yield _share("uir_pair", link, name, pair, of_pair[:, APPLIED].sum(1), of_pair.sum(1))
            n = int(of_pair.sum())
            for end in Outcome:
                if count := int(of_pair[:, end].sum()):
                    yield Metric(
                        f"end_pair_{end.name.lower()}", "ratio", link, name, station_class=pair, value=count / n, n=n
                    )

    def _message_rows(self, failed: dict[int, np.ndarray]) -> Iterator[Metric]:
        """Of what the radio delivered, shares that verify and that decode, and the mean latency of what was applied;
        by message, within and across homes."""
        cross = np.not_equal.outer(np.arange(self._labels), np.arange(self._labels))
        radio = list(_RADIO)
        for i, link in enumerate(LINKS):
            for k, message in enumerate(self.context.messages):
                for name, chosen in ((SAME, ~cross), (CROSS, cross)):
                    of_kind = self.ends[:, i, k].sum(0)[chosen]
                    n = int(of_kind.sum() - of_kind[:, radio].sum())
                    for metric, stage in (("verified_ratio", Stage.VERIFIED), ("decoded_ratio", Stage.DECODED)):
                        bad = 0
                        for mask, counts in failed.items():
                            if mask & _STAGE_BITS[stage]:
                                of_mask = counts[i, k][chosen]
                                bad += int(of_mask.sum() - of_mask[:, radio].sum())
                        if n:
                            yield Metric(metric, "ratio", link, message, station_class=name, value=1 - bad / n, n=n)
                    count, sum_ns = (int(total[i, k][chosen].sum()) for total in self.latency)
                    if count:
                        yield Metric(
                            "pair_latency_mean", "ms", link, message, station_class=name, value=sum_ns / count / 1e6,
                            n=count,
                        )

    def _distance_rows(self) -> Iterator[Metric]:
        for i, link in enumerate(LINKS):
            for name, chosen in self.classes((i,)).items():
                counts = self.by_distance[:, i, chosen].sum(1)
                for c, station_class in enumerate((SAME, CROSS)):
                    for b in np.flatnonzero(counts[:, c, :, 0].any(0)).tolist():
                        present, applied = counts[:, c, b].T
                        at_m = (b + 0.5) * self.context.measure.bin_m
                        yield _share("uir_home", link, name, station_class, applied, present, at_m)

    def table(self) -> Rows:
        """Opportunities by class, sender, receiver and end, and how many failed at each stage."""
        stages = list(_STAGE_BITS)
        columns = ["link", "class", "sender", "receiver", "outcome", "count"]
        columns += [f"failed_{stage.name.lower()}" for stage in stages]
        ends, failed = self.ends.sum(0), self.failed()
        rows: list[Sequence[Any]] = []
        for i, link in enumerate(LINKS):
            for name, chosen in self.classes((i,)).items():
                counts = ends[i, chosen].sum(0)
                of_mask = {mask: total[i, chosen].sum(0) for mask, total in failed.items()}
                for a, b, outcome in zip(*np.nonzero(counts), strict=True):
                    at_stage = [
                        sum(int(total[a, b, outcome]) for mask, total in of_mask.items() if mask & _STAGE_BITS[s])
                        for s in stages
                    ]
                    pair, end = (label_of(self.context, a), label_of(self.context, b)), Outcome(outcome).name.lower()
                    rows.append((link, name, *pair, end, int(counts[a, b, outcome]), *at_stage))
        return Rows(columns, rows)


def label_of(context: Context, number: int) -> str:
    """Jurisdiction (+ 1) of a sender or receiver; ``nobody`` for units beside nobody's road."""
    return context.jurisdictions[number - 1] if number else "nobody"


def _share(
    metric: str, link: str, name: str, station_class: str, hits: np.ndarray, counts: np.ndarray,
    distance_m: float | None = None,
) -> Metric:
    """A share with its interval from ``hits`` and ``counts`` by time batch."""
    low, high = ratio_interval(hits, counts) or (None, None)
    n = int(counts.sum())
    return Metric(
        metric, "ratio", link, name, station_class=station_class, distance_m=distance_m, value=int(hits.sum()) / n, n=n,
        lower=low, upper=high,
    )
