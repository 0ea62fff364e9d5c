"""Latency from application to application, by stage, and the age of what is applied (definitions section
5)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from sim.metrics.base import LINKS, STAGES, Batch, Context, Metric, Rows, Tick, tally
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
        links = len(LINKS)
        kept = batch.counted(self.context.measure)
        messages = len(self.context.messages)
        tally(self.sent, batch.link[kept].astype(np.int64) * messages + batch.message[batch.row[kept]])
        stages = self._stages(batch)
        total = np.zeros(len(batch), np.int64)
        for value in stages.values():
            total = total + value
        applied = kept[batch.applied[kept]]
        self._check(batch, applied, total)
        pair = batch.row[applied] * links + batch.link[applied]
        weight = np.bincount(pair, minlength=len(batch) * links)
        used = np.flatnonzero(weight)
        row, link, weight = used // links, used % links, weight[used]
        own = {name: extra for name, extra in _extras(batch).items() if extra is not None}
        for name, value in {**{f"stage_{s}": v for s, v in stages.items()}, "sense": batch.sense_ns}.items():
            if name not in own:
                self._add(name, link, batch.message[row], value[row], weight)
        if not own:
            self._add("latency", link, batch.message[row], total[row], weight)
        else:
            of = batch.row[applied]
            group = (batch.link[applied], batch.message[of])
            for name, extra in own.items():
                value = stages.get(name.removeprefix("stage_"), np.zeros(len(batch), np.int64))
                self._add(name, *group, value[of] + extra[applied])
            self._add("latency", *group, self._latency(batch, applied, total))
        if not own and batch.clock_error_ns is None:
            self._add("age_at_apply", link, batch.message[row], (total + batch.sense_ns)[row], weight)
        else:
            self._add_ages(batch, applied, total)

    def _add_ages(self, batch: Batch, applied: np.ndarray, total: np.ndarray) -> None:
        """Age at apply link by link: sensing, latency, wait for verification and clock error; never below 0."""
        row = batch.row[applied]
        age_ns = self._latency(batch, applied, total) + batch.sense_ns[row]
        if batch.clock_error_ns is not None:
            age_ns = age_ns + batch.clock_error_ns[applied]
        self._add("age_at_apply", batch.link[applied], batch.message[row], np.maximum(age_ns, 0))

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

    def _check(self, batch: Batch, applied: np.ndarray, total: np.ndarray) -> None:
        row = batch.row[applied]
        expected = self._latency(batch, applied, total)
        wrong = np.flatnonzero(batch.applied_ns[applied] - batch.generated_ns[row] != expected)
        if len(wrong):
            k = wrong[0]
            took_ns = batch.applied_ns[applied[k]] - batch.generated_ns[row[k]]
            raise ValueError(
                f"frame {batch.frame[row[k]]}: stages sum to {expected[k]} ns, "
                f"but applied_ns - generated_ns = {took_ns} ns"
            )

    def _add(
        self,
        name: str,
        link: np.ndarray,
        message: np.ndarray,
        value_ns: np.ndarray,
        weight: np.ndarray | None = None,
    ) -> None:
        group = link.astype(np.int64) * len(self.context.messages) + message
        for g in np.flatnonzero(np.bincount(group)):
            i, k = divmod(int(g), len(self.context.messages))
            here = group == g
            histogram = self.parts.setdefault((i, k, name), DelayHistogram())
            histogram.add(value_ns[here], None if weight is None else weight[here])

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
