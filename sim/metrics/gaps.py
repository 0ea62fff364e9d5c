"""Gaps between receptions of a pair, update delay, age of information, and coverage by BSM or CAM (definitions 5
and 6)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.clock import NEVER
from sim.frames import Kind, Outcome
from sim.metrics.base import Batch, Context, Metric, Rows, Tick
from sim.metrics.pairs import MARGIN_M, PairWindow
from sim.metrics.statistics import DelayHistogram

COVERAGE_RANGES_M = (150, 300)
QUANTILES = (0.5, 0.95, 0.99)
_LONG_NUMERATOR, _LONG_DENOMINATOR = 5, 2


class Gaps:
    """Follows every ordered pair of vehicles closer than ``gap_range_m`` (in plan view, membership at ticks).

    *Gap*: time between consecutive applied receptions while the pair stays within range; stretches open at
    either end (entry to first reception, last reception to leaving) are not gaps: they are counted, and those
    already longer than 2.5 periods beside. *Update delay*: at each tick, time since the newest reception.
    *Age*: time since the generation of the newest applied message, its mean integrated exactly over time, its
    quantiles taken at ticks. A pair is judged once it has been watched for the freshness limit of BSM; pairs
    never heard count as not covered.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.period_ns = context.period_ns.get(context.awareness, 100_000_000)
        self.range_m = context.measure.gap_range_m
        self.tau_ns = round(context.measure.tau_s.get("BSM", 0.3) * 1e9)
        self.window = PairWindow(max(self.range_m, *COVERAGE_RANGES_M))
        self._ids = np.empty(0, np.int64)
        self.heard_ns = np.empty(0, np.int64)
        self.radio_ns = np.empty(0, np.int64)
        self.made_ns = np.empty(0, np.int64)
        self.since_ns = np.empty(0, np.int64)
        self.watched_ns = np.empty(0, np.int64)
        self._in_age = np.empty(0, bool)
        self._within = np.empty(0, bool)
        self._waiting: list[tuple[np.ndarray, ...]] = []
        self._end_ns = -NEVER
        self.gap, self.delay, self.age = DelayHistogram(), DelayHistogram(), DelayHistogram()
        self.gap_long = 0
        self.open_ends = self.open_long = 0
        self.age_ns2 = 0
        self.age_time_ns = 0
        self.heard_ticks = self.judged_ticks = 0
        places = len(context.jurisdictions) + 1
        self.covered = np.zeros((len(COVERAGE_RANGES_M), 3, places), np.int64)
        """Judged pair-ticks per range: all, radio-fresh, applied-fresh; per place of the receiver."""

    def _resize(self, source: np.ndarray, now_ns: int) -> None:
        """Carry the state of old rows (``source``, -1 = a new pair) over to a new list of pairs."""
        known = source >= 0
        fresh = {
            "heard_ns": -NEVER,
            "radio_ns": -NEVER,
            "made_ns": -NEVER,
            "since_ns": NEVER,
            "watched_ns": now_ns,
        }
        for name, value in fresh.items():
            new = np.full(len(source), value, np.int64)
            new[known] = getattr(self, name)[source[known]]
            setattr(self, name, new)
        self._within = self.since_ns < NEVER

    def tick(self, tick: Tick) -> None:
        """Bring the pairs up to date, then sample delay, age and coverage."""
        self._settle()
        stations, now_ns = tick.stations, tick.now_ns
        slots = np.flatnonzero(stations.active & (stations.kind == Kind.VEHICLE))
        x_m, y_m = stations.position(slots, now_ns)
        known = min(len(self._ids), stations.size)
        replaced = np.zeros(stations.size, bool)
        replaced[:known] = self._ids[:known] != stations.station_id[:known]
        if replaced[slots].any() or self.window.is_stale(slots, x_m, y_m):
            self._renew(slots, x_m, y_m, replaced, now_ns, stations.ring_m)
            self._waiting = [self._without(replaced, columns) for columns in self._waiting]
        self._ids = stations.station_id.copy()
        place_x_m, place_y_m = np.zeros(stations.size), np.zeros(stations.size)
        place_x_m[slots], place_y_m[slots] = x_m, y_m
        sender, receiver = self.window.sender, self.window.receiver
        across_m = place_x_m[sender] - place_x_m[receiver]
        if stations.ring_m:
            across_m -= stations.ring_m * np.rint(across_m / stations.ring_m)
        distance_m2 = across_m**2
        distance_m2 += (place_y_m[sender] - place_y_m[receiver]) ** 2
        distance_m2[sender == receiver] = np.inf
        within = distance_m2 <= self.range_m**2
        self._enter_and_leave(within, now_ns)
        self._end_ns = now_ns + tick.length_ns
        judged = now_ns - self.watched_ns >= self.tau_ns
        self._in_age = judged & within
        self._sample(np.flatnonzero(self._in_age), now_ns, tick.length_ns)
        self._cover(distance_m2, judged, stations.place, now_ns)

    def _renew(
        self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray, replaced: np.ndarray, now_ns: int, ring_m: float
    ) -> None:
        source = self.window.renew(slots, x_m, y_m, len(replaced), ring_m)
        source[replaced[self.window.sender] | replaced[self.window.receiver]] = -1
        gone = self._within.copy()
        gone[source[source >= 0]] = False
        self._close(gone, now_ns)
        self._resize(source, now_ns)

    def _enter_and_leave(self, within: np.ndarray, now_ns: int) -> None:
        left = self._within & ~within
        self._close(left, now_ns)
        self.since_ns[left] = NEVER
        self.since_ns[within & ~self._within] = now_ns
        self._within = within

    def _close(self, left: np.ndarray, now_ns: int) -> None:
        """Count the open end of pairs that leave: since their last reception, or since entry when there was
        none."""
        rows = np.flatnonzero(left)
        open_ns = now_ns - np.maximum(self.heard_ns[rows], self.since_ns[rows])
        self.open_ends += len(open_ns)
        self.open_long += int(self._is_long(open_ns).sum())

    def _is_long(self, delay_ns: np.ndarray) -> np.ndarray:
        return delay_ns * _LONG_DENOMINATOR > self.period_ns * _LONG_NUMERATOR

    def _sample(self, near: np.ndarray, now_ns: int, length_ns: int) -> None:
        """Delay and age of judged pairs within range."""
        made_ns = self.made_ns[near]
        known = made_ns > -NEVER
        self.judged_ticks += len(near)
        if not known.all():
            self._in_age[near[~known]] = False
            near, made_ns = near[known], made_ns[known]
        self.heard_ticks += len(near)
        age_ns = now_ns - made_ns
        self.delay.add(now_ns - self.heard_ns[near])
        self.age.add(age_ns)
        self.age_ns2 += int(age_ns.sum()) * length_ns + len(age_ns) * length_ns**2 // 2
        self.age_time_ns += len(age_ns) * length_ns

    def _cover(self, distance_m2: np.ndarray, judged: np.ndarray, place: np.ndarray, now_ns: int) -> None:
        """Judged pairs within 150 m and 300 m: how many hold a BSM that is fresh."""
        near = np.flatnonzero(judged & (distance_m2 <= max(COVERAGE_RANGES_M) ** 2))
        useful = now_ns - self.heard_ns[near] <= self.tau_ns
        raw = useful | (now_ns - self.radio_ns[near] <= self.tau_ns)
        places = self.covered.shape[2]
        cell = (place[self.window.receiver[near]].astype(np.int64) + 1) + places * (
            useful.astype(np.int64) + raw
        )
        for k, range_m in enumerate(COVERAGE_RANGES_M):
            inside = cell if range_m == max(COVERAGE_RANGES_M) else cell[distance_m2[near] <= range_m**2]
            fresh = np.bincount(inside, minlength=3 * places).reshape(3, places)
            self.covered[k] += np.cumsum(fresh[::-1], axis=0)[::-1]

    def observe(self, batch: Batch) -> None:
        """Take in receptions of the vehicles' own messages between vehicles."""
        wanted = np.array([message == self.context.awareness for message in batch.messages], bool)
        frames = wanted[batch.message] & (batch.sender_kind == Kind.VEHICLE)
        reach_m = self.window.reach_m + 2 * MARGIN_M
        keep = (batch.distance_m < reach_m) & (batch.radio_outcome == Outcome.DELIVERED)
        keep &= batch.receiver_kind == Kind.VEHICLE
        if not frames.all():
            keep &= frames[batch.row]
        rows = np.flatnonzero(keep)
        applied = batch.applied[rows]
        if not applied.all():
            only_raw = rows[~applied]
            pair = self.window.row_of(batch.sender[batch.row[only_raw]], batch.receiver[only_raw])
            end_ns = batch.end_ns[batch.row[only_raw]]
            if batch.air_extra_ns is not None:
                end_ns = end_ns + batch.air_extra_ns[only_raw]
            np.maximum.at(self.radio_ns, pair[pair >= 0], end_ns[pair >= 0])
            rows = rows[applied]
        row = batch.row[rows]
        if len(rows) and self.window.size:
            columns = (
                batch.sender[row],
                batch.receiver[rows],
                batch.applied_ns[rows],
                batch.generated_ns[row],
            )
            self._waiting.append(columns)

    def _settle(self) -> None:
        """Take in, in order of time, everything applied before the end of the tick; the rest waits for the
        next."""
        if not self._waiting:
            return
        sender, receiver, time_ns, made_ns = (
            np.concatenate(part) for part in zip(*self._waiting, strict=True)
        )
        self._waiting = []
        late = time_ns >= self._end_ns
        if late.any():
            self._waiting.append((sender[late], receiver[late], time_ns[late], made_ns[late]))
            now = ~late
            sender, receiver, time_ns, made_ns = sender[now], receiver[now], time_ns[now], made_ns[now]
        pair = self.window.row_of(sender, receiver)
        watched = pair >= 0
        if not watched.all():
            pair, time_ns, made_ns = pair[watched], time_ns[watched], made_ns[watched]
        self._apply(pair, time_ns, made_ns)

    @staticmethod
    def _without(replaced: np.ndarray, waiting: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Rows whose stations are still the same ones."""
        keep = ~(replaced[waiting[0]] | replaced[waiting[1]])
        return tuple(column[keep] for column in waiting)

    def _apply(self, pair: np.ndarray, time_ns: np.ndarray, made_ns: np.ndarray) -> None:
        """Receptions in any order; several of one pair are taken one after the other in time."""
        while len(pair):
            mark = np.empty(self.window.size, np.int32)
            turn = np.arange(len(pair), dtype=np.int32)
            mark[pair] = turn
            last = mark[pair] == turn
            if last.all():
                self._apply_once(pair, time_ns, made_ns)
                return
            order = np.argsort(-time_ns, kind="stable")
            pair, time_ns, made_ns = pair[order], time_ns[order], made_ns[order]
            mark[pair] = turn
            first = mark[pair] == turn
            self._apply_once(pair[first], time_ns[first], made_ns[first])
            pair, time_ns, made_ns = pair[~first], time_ns[~first], made_ns[~first]

    def _apply_once(self, pair: np.ndarray, time_ns: np.ndarray, made_ns: np.ndarray) -> None:
        heard_ns, since_ns, newest_ns = self.heard_ns[pair], self.since_ns[pair], self.made_ns[pair]
        closed = heard_ns >= since_ns
        if closed.all():
            gap_ns = time_ns - heard_ns
        else:
            gap_ns = (time_ns - heard_ns)[closed]
            first = ~closed & (since_ns < NEVER)
            entry_ns = np.maximum(time_ns[first] - since_ns[first], 0)
            self.open_ends += len(entry_ns)
            self.open_long += int(self._is_long(entry_ns).sum())
        gap_ns = gap_ns[gap_ns >= 0]
        self.gap.add(gap_ns)
        self.gap_long += int(self._is_long(gap_ns).sum())
        fresher = self._in_age[pair] & (made_ns > newest_ns)
        rest_us = (self._end_ns - time_ns[fresher]) // 1000
        self.age_ns2 -= int(((made_ns - newest_ns)[fresher] * rest_us).sum()) * 1000
        self.heard_ns[pair] = np.maximum(heard_ns, time_ns)
        self.made_ns[pair] = np.maximum(newest_ns, made_ns)

    def merge(self, other: Gaps) -> None:
        """Add the other's counts; pairs still open stay with their own accumulator."""
        self._settle()
        other._settle()
        self.gap.merge(other.gap)
        self.delay.merge(other.delay)
        self.age.merge(other.age)
        for name in (
            "gap_long",
            "open_ends",
            "open_long",
            "age_ns2",
            "age_time_ns",
            "heard_ticks",
            "judged_ticks",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.covered += other.covered

    def rows(self) -> Iterator[Metric]:
        """Gaps, update delay and age of V2V BSM, then coverage of pairs."""
        self._settle()
        link = ("V2V", self.context.awareness)
        for name, delays in (("gap", self.gap), ("update_delay", self.delay), ("aoi", self.age)):
            for share in QUANTILES if delays.count else ():
                yield Metric(
                    name,
                    "ms",
                    *link,
                    distance_m=self.range_m,
                    quantile=share,
                    value=delays.quantile_ms(share),
                    n=delays.count,
                )
            if delays.count and name != "aoi":
                yield Metric(
                    f"{name}_mean",
                    "ms",
                    *link,
                    distance_m=self.range_m,
                    value=delays.mean_ms(),
                    n=delays.count,
                )
                yield Metric(
                    f"{name}_max",
                    "ms",
                    *link,
                    distance_m=self.range_m,
                    value=delays.max_ns / 1e6,
                    n=delays.count,
                )
        if self.age_time_ns:
            yield Metric(
                "aoi_mean",
                "ms",
                *link,
                distance_m=self.range_m,
                value=self.age_ns2 / self.age_time_ns / 1e6,
                n=self.age.count,
            )
        yield from self._open_rows(link)
        yield from self._coverage_rows(link)

    def _open_rows(self, link: tuple[str, str]) -> Iterator[Metric]:
        still = (self.since_ns < NEVER) if len(self.since_ns) else np.empty(0, bool)
        open_ns = self._end_ns - np.maximum(self.heard_ns[still], self.since_ns[still])
        ends = self.open_ends + len(open_ns)
        long = self.open_long + int(self._is_long(open_ns).sum())
        if self.gap.count:
            yield Metric(
                "gap_over_2.5T",
                "ratio",
                *link,
                distance_m=self.range_m,
                value=self.gap_long / self.gap.count,
                n=self.gap.count,
            )
        if ends:
            yield Metric("gap_open_ends", "count", *link, distance_m=self.range_m, value=ends)
            yield Metric(
                "gap_open_over_2.5T", "ratio", *link, distance_m=self.range_m, value=long / ends, n=ends
            )
        if self.judged_ticks:
            yield Metric(
                "pair_heard",
                "ratio",
                *link,
                distance_m=self.range_m,
                value=self.heard_ticks / self.judged_ticks,
                n=self.judged_ticks,
            )

    def _coverage_rows(self, link: tuple[str, str]) -> Iterator[Metric]:
        for k, range_m in enumerate(COVERAGE_RANGES_M):
            for place, name in [(None, ""), *((j + 1, n) for j, n in enumerate(self.context.jurisdictions))]:
                judged, raw, useful = (int(c.sum() if place is None else c[place]) for c in self.covered[k])
                if judged:
                    yield Metric(
                        "C_raw", "ratio", *link, name, distance_m=range_m, value=raw / judged, n=judged
                    )
                    yield Metric(
                        "C_useful", "ratio", *link, name, distance_m=range_m, value=useful / judged, n=judged
                    )

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}
