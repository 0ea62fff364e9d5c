"""Latency from application to application, by stage, and the age of what is applied (definitions section
5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from sim.frames import Kind, Outcome
from sim.metrics.base import LINKS, STAGES, Batch, Context, Metric, Rows, Tick, link_kind
from sim.metrics.histograms import Named, of_delays
from sim.metrics.statistics import DelayHistogram

QUANTILES = (0.5, 0.95, 0.99)
LIMITS_MS = (20, 50, 100, 200, 500, 1000)
"""Limits whose compliance share is printed (use-case tables read them)."""

_PARTS = ("latency", *(f"stage_{s}" for s in STAGES), "sense", "age_at_apply")
_CDF_SHARES = np.concatenate([np.arange(0, 0.99, 0.01), [0.99, 0.995, 0.999, 1.0]])


def _extras(batch: Batch) -> dict[str, np.ndarray | None]:
    """What links add to stages of their frames."""
    return {"stage_air": batch.air_extra_ns, "stage_verify": batch.verify_wait_ns}


class Latency:
    """Histograms of total latency, of each stage, of ``sense`` and of ``age_at_apply``, per link kind and
    message.

    Only applied rows have a latency; ``latency_sent`` (opportunities) and ``latency_delivered`` (applied
    ones) stand beside it. Percentiles of stages do not add; their means do. Maximum and mean are exact,
    quantiles are at most 0.01 ms too high (1 ms above 200 ms).
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        shape = (len(LINKS), len(context.messages))
        self.sent = np.zeros(shape, np.int64)
        self.parts: dict[tuple[int, int, str], DelayHistogram] = {}

    def observe(self, batch: Batch) -> None:
        """Add all applied links; a ValueError if the stages of one do not sum to its latency."""
        n = batch.counts(self.context)
        np.add.at(self.sent, (n.link, n.message), n.count)
        stages = self._stages(batch)
        total = np.zeros(len(batch), np.int64)
        for value in stages.values():
            total = total + value
        row, link, weight = self._applied_counts(batch)
        self._check(batch, row, total)
        own = {name: extra for name, extra in _extras(batch).items() if extra is not None}
        parts = {**{f"stage_{s}": v for s, v in stages.items()}, "sense": batch.sense_ns}
        if not own:
            parts["latency"] = total
            if batch.clock_error_ns is None:
                parts["age_at_apply"] = total + batch.sense_ns
        for group, here in self._groups(link, batch.message[row]):
            frames, count = row[here], weight[here]
            for name, value in parts.items():
                if name not in own:
                    self._histogram(group, name).add(value[frames], count)
        if own or batch.clock_error_ns is not None:
            self._observe_links(batch, stages, total, own)

    def _applied_counts(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(frame, kind of link, links on which it was applied), one entry per combination that occurs."""
        stations, kinds = batch.stations, len(Kind)
        keep = batch.counted(self.context.measure)
        row, receiver, applied = batch.row, batch.receiver, batch.outcome == Outcome.DELIVERED
        if keep is not None:
            row, receiver, applied = row[keep], receiver[keep], applied[keep]
        key = row
        if stations.first_vehicle == 0:
            kinds = 1
        else:
            key = row * kinds
            key += stations.kind.take(receiver)
        count = np.bincount(key, applied, kinds * len(batch)).astype(np.int64).reshape(len(batch), kinds)
        frame, kind = np.nonzero(count)
        link = link_kind(batch.sender_kind[frame], kind if kinds > 1 else np.full(len(frame), Kind.VEHICLE))
        frame, kind, link = frame[link >= 0], kind[link >= 0], link[link >= 0]
        return frame, link, count[frame, kind]

    def _observe_links(
        self, batch: Batch, stages: dict[str, np.ndarray], total: np.ndarray, own: dict[str, np.ndarray]
    ) -> None:
        """What differs from link to link of a frame."""
        applied = np.flatnonzero(batch.outcome == Outcome.DELIVERED)
        keep = batch.counted(self.context.measure)
        if keep is not None:
            applied = keep[batch.outcome[keep] == Outcome.DELIVERED]
        link = link_kind(batch.sender_kind[batch.row[applied]], batch.stations.kind[batch.receiver[applied]])
        applied, link = applied[link >= 0], link[link >= 0]
        row = batch.row[applied]
        groups = self._groups(link, batch.message[row])
        for name, extra in own.items():
            value = stages.get(name.removeprefix("stage_"), np.zeros(len(batch), np.int64))
            self._add(name, groups, value[row] + extra[applied])
        latency_ns = self._latency(batch, applied, total)
        if own:
            self._add("latency", groups, latency_ns)
        age_ns = latency_ns + batch.sense_ns[row]
        if batch.clock_error_ns is not None:
            age_ns = np.maximum(age_ns + batch.clock_error_ns[applied], 0)
        self._add("age_at_apply", groups, age_ns)

    @staticmethod
    def _latency(batch: Batch, links: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Sum of all stages per link, its own parts included."""
        latency_ns = total[batch.row[links]]
        for extra_ns in _extras(batch).values():
            if extra_ns is not None:
                latency_ns += extra_ns[links]
        return latency_ns

    def _stages(self, batch: Batch) -> dict[str, np.ndarray]:
        unknown = sorted(set(batch.stage_ns) - set(STAGES))
        if unknown:
            raise ValueError(f"stage_ns holds {unknown[0]!r}, which is none of {', '.join(STAGES)}")
        return {name: batch.stage_ns[name] for name in STAGES if name in batch.stage_ns}

    def _check(self, batch: Batch, frames: np.ndarray, total: np.ndarray) -> None:
        took_ns = batch.after_ns - batch.generated_ns
        wrong = frames[took_ns[frames] != total[frames]]
        if len(wrong):
            k = wrong[0]
            raise ValueError(
                f"frame {batch.frame[k]}: stages sum to {total[k]} ns, but applied_ns - generated_ns = {took_ns[k]} ns"
            )

    def _groups(self, link: np.ndarray, message: np.ndarray) -> list[tuple[tuple[int, int], np.ndarray | slice]]:
        """(kind of link, message) that occur, and where."""
        messages = len(self.context.messages)
        group = link.astype(np.int64) * messages + message
        found = np.flatnonzero(np.bincount(group)).tolist()
        if len(found) == 1:
            return [(divmod(found[0], messages), slice(None))]
        return [(divmod(one, messages), np.flatnonzero(group == one)) for one in found]

    def _histogram(self, group: tuple[int, int], name: str) -> DelayHistogram:
        key = (*group, name)
        if key not in self.parts:
            self.parts[key] = DelayHistogram()
        return self.parts[key]

    def _add(self, name: str, groups: list[tuple[tuple[int, int], np.ndarray | slice]], value_ns: np.ndarray) -> None:
        for group, here in groups:
            self._histogram(group, name).add(value_ns[here])

    def tick(self, tick: Tick) -> None:
        """Nothing to follow over time."""

    def merge(self, other: Latency) -> None:
        """Add the other's delays."""
        self.sent += other.sent
        for key, histogram in other.parts.items():
            self.parts.setdefault(key, DelayHistogram()).merge(histogram)

    def rows(self) -> Iterator[Metric]:
        """Counts, then quantiles, mean and maximum of every part, then shares within limits."""
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            if not self.sent[i, k]:
                continue
            total = self.parts.get((i, k, "latency"))
            delivered = total.count if total else 0
            yield Metric("latency_sent", "count", link, message, value=int(self.sent[i, k]))
            yield Metric("latency_delivered", "count", link, message, value=delivered)
            for name in _PARTS:
                if (i, k, name) in self.parts:
                    yield from self._part_rows(name, link, message, self.parts[i, k, name])
            for limit_ms in LIMITS_MS if total else ():
                assert total is not None
                yield Metric(
                    f"latency_within_{limit_ms}ms",
                    "ratio",
                    link,
                    message,
                    value=total.share_within(limit_ms),
                    n=delivered,
                )

    def _part_rows(self, name: str, link: str, message: str, delays: DelayHistogram) -> Iterator[Metric]:
        for share in QUANTILES:
            yield Metric(
                name, "ms", link, message, quantile=share, value=delays.quantile_ms(share), n=delays.count
            )
        yield Metric(f"{name}_mean", "ms", link, message, value=delays.mean_ms(), n=delays.count)
        yield Metric(f"{name}_max", "ms", link, message, value=delays.max_ns / 1e6, n=delays.count)

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            for name in _PARTS:
                if (i, k, name) in self.parts:
                    yield of_delays(Metric(name, "ms", link, message), self.parts[i, k, name])

    def tables(self) -> dict[str, Rows]:
        """``latency_cdf``: the distribution of total latency and age on a grid of shares."""
        rows = []
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            for name in ("latency", "age_at_apply"):
                delays = self.parts.get((i, k, name))
                if delays and delays.count:
                    values = delays.quantiles_ms(_CDF_SHARES)
                    rows += [
                        (name, link, message, float(v), float(s))
                        for v, s in zip(values, _CDF_SHARES, strict=True)
                    ]
        return {"latency_cdf": Rows(("metric", "link", "message", "value_ms", "share"), rows)}
