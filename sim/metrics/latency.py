"""Latency from application to application, by stage, and the age of what is applied (definitions section
5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from sim.frames import Kind, Outcome
from sim.metrics.base import LINKS, STAGES, Batch, Context, Metric, Rows, Tick, link_kind
from sim.metrics.histograms import Named, of_delays
from sim.metrics.placed import PlacedDelays
from sim.metrics.statistics import DelayHistogram

QUANTILES = (0.5, 0.95, 0.99)
LIMITS_MS = (20, 50, 100, 200, 500, 1000)
"""Limits whose compliance share is printed (use-case tables read them)."""

_PARTS = ("latency", *(f"stage_{s}" for s in STAGES), "sense", "age_at_apply")
_PLACED = ("latency", "age_at_apply")
"""Parts that are told by the receiver's place too."""
_CDF_SHARES = np.concatenate([np.arange(0, 0.99, 0.01), [0.99, 0.995, 0.999, 1.0]])


def _extras(batch: Batch) -> dict[str, np.ndarray | None]:
    """What links add to stages of their frames."""
    return {"stage_air": batch.air_extra_ns, "stage_verify": batch.verify_wait_ns}


class _Applied(NamedTuple):
    """On how many links a frame was applied, one entry per combination that occurs."""

    frame: np.ndarray
    link: np.ndarray
    """Index into :data:`LINKS`."""
    links: np.ndarray
    place: np.ndarray
    """Jurisdiction of the receivers + 1, where places are told apart."""

    @staticmethod
    def of(batch: Batch, used: np.ndarray, kinds: int, links: np.ndarray, place: np.ndarray) -> _Applied:
        """Of numbers frame x ``kinds`` + kind of receiver, where the link has a kind; of one kind they are vehicles."""
        frame, kind = np.divmod(used, kinds)
        link = link_kind(batch.sender_kind[frame], kind if kinds > 1 else np.full(len(frame), Kind.VEHICLE))
        known = link >= 0
        return _Applied(frame[known], link[known], links[known], place[known])


class Latency:
    """Histograms of total latency, of each stage, of ``sense`` and of ``age_at_apply``, per link kind and
    message.

    Only applied rows have a latency; ``latency_sent`` (opportunities) and ``latency_delivered`` (applied
    ones) stand beside it. Percentiles of stages do not add; their means do. Maximum and mean are exact,
    quantiles are at most 0.01 ms too high (1 ms above 200 ms). With several jurisdictions, counts, ``latency`` and
    ``age_at_apply`` are told of each receiver's place too (that of the tick in which the frame ended).
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.sent = np.zeros((len(LINKS), len(context.messages), len(context.jurisdictions) + 1), np.int64)
        """Opportunities by kind of link, message and jurisdiction of the receiver + 1."""
        self._parts: dict[tuple[int, int, str], DelayHistogram] = {}
        self._places = len(context.jurisdictions) + 1 if len(context.jurisdictions) > 1 else 1
        self._by_place = PlacedDelays()
        """Parts of :data:`_PLACED` with several jurisdictions, in place of those of the whole corridor; by
        :meth:`_placed_group`."""

    @property
    def parts(self) -> dict[tuple[int, int, str], DelayHistogram]:
        """Delays by kind of link, message and part, wherever the receivers are."""
        if self._places == 1:
            return self._parts
        found = dict(self._parts)
        for i, k in zip(*np.nonzero(self.sent.any(2)), strict=True):
            for name in _PLACED:
                delays = self.delays(int(i), int(k), name, range(self._places))
                if delays.count:
                    found[int(i), int(k), name] = delays
        return found

    def delays(self, link: int, message: int, name: str, places: Iterable[int]) -> DelayHistogram:
        """Delays of a part at receivers in some places (jurisdiction + 1, 0 = nobody's), of several jurisdictions."""
        first = (link * len(self.context.messages) + message) * self._places
        return self._by_place.of(name, [first + place for place in places])

    def observe(self, batch: Batch) -> None:
        """Add all applied links; a ValueError if the stages of one do not sum to its latency."""
        n = batch.counts(self.context)
        np.add.at(self.sent, (n.link, n.message, n.place), n.count)
        stages = self._stages(batch)
        total = np.zeros(len(batch), np.int64)
        for value in stages.values():
            total = total + value
        applied, placed = self._applied_counts(batch)
        row, link, weight = applied.frame, applied.link, applied.links
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
                if name not in own and not (placed and name in _PLACED):
                    self._histogram(group, name).add(value[frames], count)
        if placed and not own:
            number = self._placed_group(batch, placed.frame, placed.link, placed.place)
            told = {name: parts[name][placed.frame] for name in _PLACED if name in parts}
            self._by_place.add(number, told, placed.links)
        if own or batch.clock_error_ns is not None:
            self._observe_links(batch, stages, total, own)

    def _placed_group(self, batch: Batch, row: np.ndarray, link: np.ndarray, place: np.ndarray) -> np.ndarray:
        """One number per kind of link, message and place (jurisdiction of the receiver + 1)."""
        messages, places = len(self.context.messages), self._places
        number: np.ndarray = link.astype(np.int16 if len(LINKS) * messages * places < 2**15 else np.int64)
        number *= messages * places
        number += (batch.message * places).astype(number.dtype).take(row)
        number += place.astype(number.dtype)
        return number

    def _applied_counts(self, batch: Batch) -> tuple[_Applied, _Applied | None]:
        """Combinations of frame and kind of link; with several jurisdictions, those of frame, kind and place too."""
        stations, kinds, places = batch.stations, len(Kind), self._places
        keep = batch.counted(self.context.measure)
        row, receiver, applied = batch.row, batch.receiver, batch.outcome == Outcome.DELIVERED
        if keep is not None:
            row, receiver, applied = row[keep], receiver[keep], applied[keep]
        key = row
        if stations.first_vehicle == 0:
            kinds = 1
        if kinds * places > 1:
            column = stations.kind if kinds > 1 else np.zeros(stations.size, np.int8)
            if places > 1:
                column = column.astype(np.int16) * places + (stations.place + 1)
            key = row * (kinds * places)
            key += column.take(receiver)
        count = np.bincount(key, applied, kinds * places * len(batch)).astype(np.int64)
        used = np.flatnonzero(count)
        count = count[used]
        used, place = np.divmod(used, places)
        by_place = _Applied.of(batch, used, kinds, count, place)
        if places == 1:
            return by_place, None
        first = np.flatnonzero(np.diff(used, prepend=-1))
        whole = np.add.reduceat(count, first) if len(first) else count
        return _Applied.of(batch, used[first], kinds, whole, place[first]), by_place

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
        age_ns = latency_ns + batch.sense_ns[row]
        if batch.clock_error_ns is not None:
            age_ns = np.maximum(age_ns + batch.clock_error_ns[applied], 0)
        found = {"latency": latency_ns, "age_at_apply": age_ns} if own else {"age_at_apply": age_ns}
        if self._places > 1:
            place = (batch.stations.place + 1).take(batch.receiver[applied])
            self._by_place.add(self._placed_group(batch, row, link, place), found)
            return
        for name, value_ns in found.items():
            self._add(name, groups, value_ns)

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
        if key not in self._parts:
            self._parts[key] = DelayHistogram()
        return self._parts[key]

    def _add(self, name: str, groups: list[tuple[tuple[int, int], np.ndarray | slice]], value_ns: np.ndarray) -> None:
        for group, here in groups:
            self._histogram(group, name).add(value_ns[here])

    def tick(self, tick: Tick) -> None:
        """Nothing to follow over time."""

    def merge(self, other: Latency) -> None:
        """Add the other's delays."""
        self.sent += other.sent
        for key, histogram in other._parts.items():
            self._parts.setdefault(key, DelayHistogram()).merge(histogram)
        self._by_place.merge(other._by_place)

    def rows(self) -> Iterator[Metric]:
        """Counts, then quantiles, mean and maximum of every part, then shares within limits; then by place."""
        parts = self.parts
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            if not self.sent[i, k].any():
                continue
            total = parts.get((i, k, "latency"))
            delivered = total.count if total else 0
            yield Metric("latency_sent", "count", link, message, value=int(self.sent[i, k].sum()))
            yield Metric("latency_delivered", "count", link, message, value=delivered)
            for name in _PARTS:
                if (i, k, name) in parts:
                    yield from self._part_rows(name, link, message, delays=parts[i, k, name])
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
        for names, sent, delays_of in self._placed():
            yield Metric("latency_sent", "count", *names, value=sent)
            yield Metric("latency_delivered", "count", *names, value=delays_of["latency"].count)
            for name, delays in delays_of.items():
                if delays.count:
                    yield from self._part_rows(name, *names, delays=delays)

    def _placed(self) -> Iterator[tuple[tuple[str, str, str], int, dict[str, DelayHistogram]]]:
        """((link, message, jurisdiction), opportunities, delays by part) of every place with opportunities."""
        if self._places == 1:
            return
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            for j, jurisdiction in enumerate(self.context.jurisdictions, 1):
                if self.sent[i, k, j]:
                    delays_of = {name: self.delays(i, k, name, [j]) for name in _PLACED}
                    yield (link, message, jurisdiction), int(self.sent[i, k, j]), delays_of

    def _part_rows(
        self, name: str, link: str, message: str, jurisdiction: str = "", *, delays: DelayHistogram
    ) -> Iterator[Metric]:
        names = (link, message, jurisdiction)
        for share, value_ms in zip(QUANTILES, delays.quantiles_ms(np.array(QUANTILES)).tolist(), strict=True):
            yield Metric(name, "ms", *names, quantile=share, value=value_ms, n=delays.count)
        yield Metric(f"{name}_mean", "ms", *names, value=delays.mean_ms(), n=delays.count)
        yield Metric(f"{name}_max", "ms", *names, value=delays.max_ns / 1e6, n=delays.count)

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        parts = self.parts
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            for name in _PARTS:
                if (i, k, name) in parts:
                    yield of_delays(Metric(name, "ms", link, message), parts[i, k, name])
        for names, _, delays_of in self._placed():
            for name, delays in delays_of.items():
                if delays.count:
                    yield of_delays(Metric(name, "ms", *names), delays)

    def tables(self) -> dict[str, Rows]:
        """``latency_cdf``: the distribution of total latency and age on a grid of shares."""
        rows, parts = [], self.parts
        for (i, link), (k, message) in product(enumerate(LINKS), enumerate(self.context.messages)):
            for name in ("latency", "age_at_apply"):
                delays = parts.get((i, k, name))
                if delays and delays.count:
                    values = delays.quantiles_ms(_CDF_SHARES)
                    rows += [
                        (name, link, message, float(v), float(s))
                        for v, s in zip(values, _CDF_SHARES, strict=True)
                    ]
        return {"latency_cdf": Rows(("metric", "link", "message", "value_ms", "share"), rows)}
