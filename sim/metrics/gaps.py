"""Gaps between receptions of a pair, update delay, age of information, and coverage by BSM or CAM (definitions 5
and 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sim.clock import NEVER
from sim.frames import Kind, Outcome
from sim.metrics.base import Batch, Context, Metric, Rows, Tick
from sim.metrics.gap_rows import GapRows
from sim.metrics.histograms import Named, of_delays
from sim.metrics.home_pairs import CROSS, SAME, HomeAge
from sim.metrics.pair_states import UNHEARD, Heard, Links, Pairs, turns_of_pairs
from sim.metrics.pairs import MARGIN_M, PairWindow
from sim.metrics.placed import PlacedDelays
from sim.metrics.statistics import DelayHistogram

COVERAGE_RANGES_M = (150, 300)
_LONG_NUMERATOR, _LONG_DENOMINATOR = 5, 2


class Gaps:
    """Follows every ordered pair of vehicles closer than ``gap_range_m`` (in plan view, membership at ticks).

    *Gap*: time between consecutive applied receptions while the pair stays within range; stretches open at
    either end (entry to first reception, last reception to leaving) are not gaps: they are counted, and those
    already longer than 2.5 periods beside. *Update delay*: at each tick, time since the newest reception.
    *Age*: time since the generation of the newest applied message, its mean integrated exactly over time, its
    quantiles taken at ticks. A pair is judged once it has been watched for the freshness limit of BSM; pairs
    never heard count as not covered. With several jurisdictions, gaps, open ends and delays are told of each
    receiver's place too, as of the tick in which it had the message, or of the last tick of an open end, and of pairs
    of one home and of two.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.period_ns = context.period_ns.get(context.awareness, 100_000_000)
        self.range_m = context.measure.gap_range_m
        self.tau_ns = round(context.measure.tau_s.get("BSM", 0.3) * 1e9)
        self.window = PairWindow(max(self.range_m, *COVERAGE_RANGES_M))
        self.pairs, self.heard = Pairs(), Heard()
        self._ids = np.empty(0, np.int64)
        self._waiting: list[Links] = []
        self._end_ns = -NEVER
        self._gap, self._delay, self._age = DelayHistogram(), DelayHistogram(), DelayHistogram()
        self.gap_long = 0
        self.open_ends = self.open_long = 0
        self.age_ns2 = 0
        self.age_time_ns = 0
        self.heard_ticks = self.judged_ticks = 0
        places = len(context.jurisdictions) + 1
        self._groups = 2 * places if places > 2 else 1
        self._place_of_rank, self._renewed = np.empty(0, np.int16), False
        self._cross = np.empty(0, np.int16)
        """Whether the homes of a pair differ."""
        self._by_group = PlacedDelays()
        """Gaps, delays and ages with several jurisdictions, by :attr:`Pairs.group`."""
        self.placed_counts = np.zeros((3, self._groups), np.int64)
        """Gaps beyond 2.5 periods, open ends, open ends beyond 2.5 periods; by group."""
        self.cross = HomeAge()
        self.covered = np.zeros((len(COVERAGE_RANGES_M), 3, places), np.int64)
        """Judged pair-ticks per range: all, radio-fresh, applied-fresh; per place of the receiver."""

    @property
    def gap(self) -> DelayHistogram:
        """All gaps so far."""
        return self._told("gap", self._gap)

    @property
    def delay(self) -> DelayHistogram:
        """All update delays so far."""
        return self._told("update_delay", self._delay)

    @property
    def age(self) -> DelayHistogram:
        """All ages so far."""
        return self._told("aoi", self._age)

    def _told(self, name: str, whole: DelayHistogram) -> DelayHistogram:
        return whole if self._groups == 1 else self._by_group.of(name, range(self._groups))

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
            self._waiting = [links.without(replaced) for links in self._waiting]
        self._ids = stations.station_id.copy()
        place_m = np.zeros((2, stations.size))
        place_m[0, slots], place_m[1, slots] = x_m, y_m
        distance_m2 = self.window.distance_m2(place_m[0], place_m[1], stations.ring_m)
        within = distance_m2 <= self.range_m**2
        self._enter_and_leave(within, now_ns)
        self._take_groups(stations.place, stations.home)
        self._end_ns = now_ns + tick.length_ns
        self.pairs.judge(now_ns - self.tau_ns)
        self._sample(now_ns, tick.length_ns)
        self._cover(distance_m2, stations.place, now_ns)

    def _renew(
        self, slots: np.ndarray, x_m: np.ndarray, y_m: np.ndarray, replaced: np.ndarray, now_ns: int, ring_m: float
    ) -> None:
        window, pairs = self.window, self.pairs
        source = window.renew(slots, x_m, y_m, len(replaced), ring_m)
        other = replaced[window.ranked]
        if other.any():
            source[np.repeat(other, window.width) | other[window.receiver_rank]] = -1
        gone = pairs.within.copy()
        gone[source[source >= 0]] = False
        self._close(np.flatnonzero(gone), now_ns)
        pairs.carry(source, now_ns)
        self._renewed = True
        pairs.entry = self.heard.compact(pairs.entry)

    def _take_groups(self, place: np.ndarray, home: np.ndarray) -> None:
        """Where receivers are now; made anew only where somebody crossed a border or the list of pairs changed."""
        if self._groups == 1:
            return
        window = self.window
        of_rank = (2 * (place[window.ranked] + 1)).astype(np.int16)
        if self._renewed:
            of_home = home[window.ranked]
            self._cross = (np.repeat(of_home, window.width) != of_home.take(window.receiver_rank)).astype(np.int16)
        if len(of_rank) != len(self._place_of_rank) or (of_rank != self._place_of_rank).any() or self._renewed:
            self.pairs.group = of_rank.take(window.receiver_rank)
            self.pairs.group += self._cross
        self._place_of_rank, self._renewed = of_rank, False

    def _enter_and_leave(self, within: np.ndarray, now_ns: int) -> None:
        pairs = self.pairs
        moved = np.flatnonzero(within != pairs.within)
        inside = within[moved]
        left = moved[~inside]
        self._close(left, now_ns)
        pairs.since_ns[left] = NEVER
        pairs.since_ns[moved[inside]] = now_ns
        pairs.closed[moved] = False
        pairs.within = within

    def _close(self, rows: np.ndarray, now_ns: int) -> None:
        """Count the open end of pairs that leave: since their last reception, or since entry when there was
        none."""
        open_ns = now_ns - np.maximum(self.heard.time_ns[self.pairs.entry[rows]], self.pairs.since_ns[rows])
        self._count_open(rows, open_ns)

    def _count_open(self, rows: np.ndarray, open_ns: np.ndarray) -> None:
        long = self._is_long(open_ns)
        self.open_ends += len(open_ns)
        self.open_long += int(np.count_nonzero(long))
        if self._groups > 1:
            group = self.pairs.group[rows]
            self.placed_counts[1] += np.bincount(group, minlength=self._groups)
            self.placed_counts[2] += np.bincount(group[long], minlength=self._groups)

    def _is_long(self, delay_ns: np.ndarray) -> np.ndarray:
        return delay_ns > self.period_ns * _LONG_NUMERATOR // _LONG_DENOMINATOR

    def _sample(self, now_ns: int, length_ns: int) -> None:
        """Delay and age of judged pairs within range; pairs with the same newest reception are sampled together."""
        pairs, heard = self.pairs, self.heard
        pairs.in_age = pairs.within & pairs.judged
        self.judged_ticks += int(np.count_nonzero(pairs.in_age))
        newest = pairs.entry * pairs.in_age
        pairs.in_age &= newest != UNHEARD
        entry, group, count = self._held(newest)
        known = len(entry) if count is None else int(count.sum())
        self.heard_ticks += known
        age_ns, delay_ns = now_ns - heard.made_ns[entry], now_ns - heard.time_ns[entry]
        whole_ns = age_ns if count is None else age_ns * count
        if self._groups > 1:
            self._by_group.add(group, {"update_delay": delay_ns, "aoi": age_ns}, count)
            self.cross.sample(group & 1 > 0, whole_ns, count, length_ns)
        else:
            self._delay.add(delay_ns, count)
            self._age.add(age_ns, count)
        self.age_ns2 += int(whole_ns.sum()) * length_ns + known * length_ns**2 // 2
        self.age_time_ns += known * length_ns

    def _held(self, newest: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """(entry, group, pairs of it that hold it) of pairs whose age is known; pair by pair, without counts, where
        there are so many entries that counting would not pay."""
        pairs, groups = self.pairs, self._groups
        if 2 * self.heard.count > len(pairs):
            rows = np.flatnonzero(pairs.in_age)
            return newest.take(rows), pairs.group.take(rows), None
        if groups > 1:
            newest *= np.int32(groups)
            newest += pairs.group
        count = np.bincount(newest, minlength=groups)
        count[:groups] = 0
        used = np.flatnonzero(count)
        return *np.divmod(used, groups), count[used]

    def _cover(self, distance_m2: np.ndarray, place: np.ndarray, now_ns: int) -> None:
        """Judged pairs within 150 m and 300 m: how many hold a BSM that is fresh."""
        pairs, window = self.pairs, self.window
        inner_m, outer_m = COVERAGE_RANGES_M
        places = self.covered.shape[2]
        useful = now_ns - self.heard.time_ns <= self.tau_ns
        cell = np.where(useful, np.int16(2), np.int16(0)).take(pairs.entry)
        if pairs.radio_ns is not None:
            cell[(cell == 0) & (now_ns - pairs.radio_ns <= self.tau_ns)] = 1
        cell += np.int16(3) * (distance_m2 <= inner_m**2)
        if self._groups > 1:
            cell += np.int16(6) * pairs.group
            cell += 1
        elif len(window.ranked):
            place = (6 * (place[window.ranked] + 1) + 1).astype(np.int16)
            cell += place[0] if (place == place[0]).all() else place.take(window.receiver_rank)
        near = pairs.within if self.range_m == outer_m else distance_m2 <= outer_m**2
        cell *= near & pairs.judged
        kinds = 2 if self._groups > 1 else 1
        count = np.bincount(cell, minlength=1 + 6 * places * kinds)[1:].reshape(places, kinds, 2, 3).sum(1)
        for k, of_range in enumerate((count[:, 1], count.sum(1))):
            self.covered[k] += np.cumsum(of_range.T[::-1], axis=0)[::-1]

    def observe(self, batch: Batch) -> None:
        """Take in receptions of the vehicles' own messages between vehicles."""
        wanted = np.array([message == self.context.awareness for message in batch.messages], bool)
        frames = wanted[batch.message] & (batch.sender_kind == Kind.VEHICLE)
        if not self.window.size or not frames.any():
            return
        keep = batch.outcome == Outcome.DELIVERED
        if batch.outcome is not batch.radio_outcome:
            only_raw = batch.radio_outcome == Outcome.DELIVERED
            only_raw &= ~keep & (batch.distance_m < self.window.reach_m + 2 * MARGIN_M) & frames[batch.row]
            if only_raw.any():
                self._hear_only(batch, np.flatnonzero(only_raw))
        if self.context.measure.max_distance_m > self.window.reach_m + 2 * MARGIN_M:
            keep &= batch.distance_m < self.window.reach_m + 2 * MARGIN_M
        if not frames.all():
            keep &= frames[batch.row]
        self._waiting.append(Links.of(batch, keep))

    def _hear_only(self, batch: Batch, links: np.ndarray) -> None:
        """Receptions that no application took."""
        row = batch.row[links]
        pair, watched = self.window.rows_of_links(batch.sender, row, batch.receiver[links])
        end_ns = batch.end_ns[row]
        if batch.air_extra_ns is not None:
            end_ns = end_ns + batch.air_extra_ns[links]
        np.maximum.at(self.pairs.radio(), pair[watched], end_ns[watched])

    def _settle(self) -> None:
        """Take in all receptions applied before the end of the tick, in any order; those after it wait for the
        next."""
        waiting, self._waiting = self._waiting, []
        parts: list[tuple[Links, int, np.ndarray]] = []
        apart: list[tuple[Links, int, np.ndarray]] = []
        turns: list[np.ndarray] = []
        first = self.heard.count
        for links in waiting:
            late = links.time_ns >= self._end_ns
            if late.any():
                self._waiting.append(links.after(late))
            base = self.heard.enter(links.sender, links.time_ns, links.made_ns)
            (parts if links.alike else apart).append((links, base, late))
        if parts:
            turns = self.heard.turns([np.arange(base, base + len(late))[~late] for _, base, late in parts])
        before = self.heard.before(first)
        for turn, entries in enumerate(turns):
            for links, base, late in parts:
                chosen = entries[base : base + len(late)]
                if turn:
                    some = links.after(chosen)
                    pair, row = some.pairs(self.window)
                    self._apply(pair, np.flatnonzero(chosen)[row] + base)
                else:
                    pair, row = links.pairs(self.window, ~chosen)
                    self._apply_alike(pair, row, base, before[base - first : base - first + len(late)])
        if apart:
            self._settle_apart(apart)

    def _settle_apart(self, parts: list[tuple[Links, int, np.ndarray]]) -> None:
        """The same where links of a frame differ in time: turns are told pair by pair."""
        found = [(links.pairs(self.window, late), base) for links, base, late in parts]
        pair = np.concatenate([pair for (pair, _), _ in found])
        entry = np.concatenate([row + base for (_, row), base in found])
        for turn in turns_of_pairs(pair, self.heard.time_ns[entry], self.window.size):
            self._apply(pair[turn], entry[turn])

    def _apply_alike(self, pair: np.ndarray, row: np.ndarray, first: int, before: np.ndarray) -> None:
        """At most one reception per pair. Pairs that hold what came ``before`` are counted by entry, the others (who
        missed a message, or hear their first one) one by one. ``row`` counts entries from ``first`` on."""
        if not len(pair):
            return
        pairs, heard, count = self.pairs, self.heard, len(before)
        here = slice(first, first + count)
        gap_ns, newer_ns = heard.time_ns[here] - heard.time_ns[before], heard.made_ns[here] - heard.made_ns[before]
        in_order = (before != UNHEARD) & (gap_ns >= 0) & (newer_ns >= 0)
        old = pairs.entry.take(pair)
        others = np.flatnonzero(old != np.where(in_order, before, np.int32(-1)).take(row))
        size = 8 * self._groups
        key = row * size
        key += pairs.flags(self._groups).take(pair)
        key[others] = size * count
        many = np.bincount(key, minlength=size * (count + 1))[: size * count]
        used = np.flatnonzero(many)
        many = many[used]
        reception, flags = np.divmod(used, size)
        closed, ageing = flags & 1 > 0, many * (flags >> 1 & 1)
        in_age = np.bincount(reception, ageing, minlength=count)
        self._count_gaps(gap_ns[reception[closed]], flags[closed] >> 3, many[closed])
        newer_ns = np.where(in_order, newer_ns, 0)
        self.age_ns2 -= self._shorter(newer_ns * in_age.astype(np.int64), heard.time_ns[here])
        if self._groups > 1:
            in_age = np.bincount(reception, ageing * (flags >> 3 & 1), minlength=count)
            self.cross.age_ns2 -= self._shorter(newer_ns * in_age.astype(np.int64), heard.time_ns[here])
        if (flags & 4).any():
            opened = np.flatnonzero((key & 4 == 4) & (key < size * count))
            self._hear_first(pair[opened], heard.time_ns[row[opened] + first])
        row += first
        pairs.entry[pair] = row
        pair = pair.take(others)
        pairs.entry[pair] = old.take(others)
        self._apply(pair, row.take(others))

    def _apply(self, pair: np.ndarray, entry: np.ndarray) -> None:
        """At most one reception per pair."""
        if not len(pair):
            return
        pairs, heard = self.pairs, self.heard
        old, closed = pairs.entry.take(pair), pairs.closed.take(pair)
        time_ns, made_ns = heard.time_ns.take(entry), heard.made_ns.take(entry)
        gap_ns, newer_ns = time_ns - heard.time_ns.take(old), made_ns - heard.made_ns.take(old)
        first = int(entry.min())
        younger_ns = np.maximum(newer_ns, 0) * pairs.in_age.take(pair)
        by_entry = np.bincount(entry - first, younger_ns).astype(np.int64)
        at_ns = heard.time_ns[first : first + len(by_entry)]
        self.age_ns2 -= self._shorter(by_entry, at_ns)
        if self._groups > 1:
            by_entry = np.bincount(entry - first, younger_ns * (pairs.group.take(pair) & 1)).astype(np.int64)
            self.cross.age_ns2 -= self._shorter(by_entry, at_ns)
        if not closed.all():
            self._hear_first(pair[~closed], time_ns[~closed])
        gapped = np.flatnonzero(closed & (gap_ns >= 0))
        self._count_gaps(gap_ns.take(gapped), pairs.group.take(pair.take(gapped)))
        if int(gap_ns.min()) < 0 or int(newer_ns.min()) < 0:
            entry = self._newest(old, entry)
        pairs.entry[pair] = entry

    def _count_gaps(self, gap_ns: np.ndarray, group: np.ndarray, count: np.ndarray | None = None) -> None:
        long = np.flatnonzero(self._is_long(gap_ns))
        many = np.ones(len(long), np.int64) if count is None else count[long]
        self.gap_long += int(many.sum())
        if self._groups > 1:
            self._by_group.add(group, {"gap": gap_ns}, count)
            np.add.at(self.placed_counts[0], group[long], many)
        else:
            self._gap.add(gap_ns, count)

    def _hear_first(self, pair: np.ndarray, time_ns: np.ndarray) -> None:
        """First receptions of pairs since they came within range."""
        within = self.pairs.within[pair]
        pair, time_ns = pair[within], time_ns[within]
        since_ns = self.pairs.since_ns[pair]
        entry_ns = np.maximum(time_ns - since_ns, 0)
        self._count_open(pair, entry_ns)
        self.pairs.closed[pair] = time_ns >= since_ns

    def _shorter(self, newer_ns: np.ndarray, time_ns: np.ndarray) -> int:
        """What the integral of ages (ns2) loses: from its reception at ``time_ns`` to the end of the tick, a message
        makes its pairs younger by ``newer_ns`` altogether."""
        rest_us = (self._end_ns - time_ns) // 1000
        high, low = newer_ns >> 20, newer_ns & ((1 << 20) - 1)  # the sum of products may need more than 64 bits
        return ((int((high * rest_us).sum()) << 20) + int((low * rest_us).sum())) * 1000

    def _newest(self, old: np.ndarray, entry: np.ndarray) -> np.ndarray:
        """What pairs hold after receptions that came out of order: the later arrival and the later making."""
        time_ns, made_ns = self.heard.time_ns, self.heard.made_ns
        later, made_later = time_ns[entry] >= time_ns[old], made_ns[entry] >= made_ns[old]
        out = np.where(later & made_later, entry, old)
        mixed = np.flatnonzero(later != made_later)
        a, b = entry[mixed], old[mixed]
        sender = np.zeros(len(mixed), np.int64)
        first = self.heard.enter(sender, np.maximum(time_ns[a], time_ns[b]), np.maximum(made_ns[a], made_ns[b]))
        out[mixed] = first + np.arange(len(mixed))
        return out

    def merge(self, other: Gaps) -> None:
        """Add the other's counts; pairs still open stay with their own accumulator."""
        self._settle()
        other._settle()
        self._gap.merge(other._gap)
        self._delay.merge(other._delay)
        self._age.merge(other._age)
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
        self._by_group.merge(other._by_group)
        self.placed_counts += other.placed_counts
        self.cross.merge(other.cross)

    def rows(self) -> Iterator[Metric]:
        """Gaps, update delay and age of V2V BSM, then coverage of pairs; then gaps and delays by place, and by home."""
        self._settle()
        whole, told = self._rows(), self._delays()
        for name, delays in told.items():
            yield from whole.delays(name, delays, ends=name != "aoi")
        if self.age_time_ns:
            yield whole.row("aoi_mean", "ms", self.age_ns2 / self.age_time_ns / 1e6, told["aoi"].count)
        ends, long_ends = self._open_now()
        yield from whole.open_ends(
            told["gap"].count, self.gap_long, self.open_ends + int(ends.sum()), self.open_long + int(long_ends.sum())
        )
        if self.judged_ticks:
            yield whole.row("pair_heard", "ratio", self.heard_ticks / self.judged_ticks, self.judged_ticks)
        yield from self._coverage_rows()
        now = self.placed_counts + np.array([np.zeros_like(ends), ends, long_ends])
        for groups, rows, delays_of in self._parts():
            for name, delays in delays_of.items():
                yield from rows.delays(name, delays, ends=name != "aoi")
            if "aoi" in delays_of:
                yield from self.cross.mean(rows, delays_of["aoi"].count, self.age_ns2, self.age_time_ns)
            yield from rows.open_ends(delays_of["gap"].count, *(int(n) for n in now[:, groups].sum(1)))

    def _rows(self, jurisdiction: str = "", range_m: float | None = None) -> GapRows:
        return GapRows(self.context.awareness, self.range_m if range_m is None else range_m, jurisdiction)

    def _open_now(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends open at the end of the run, and those beyond 2.5 periods, by group."""
        still = np.flatnonzero(self.pairs.within)
        heard_ns = self.heard.time_ns[self.pairs.entry[still]]
        open_ns = self._end_ns - np.maximum(heard_ns, self.pairs.since_ns[still])
        group = self.pairs.group[still]
        counts = (np.bincount(chosen, minlength=self._groups) for chosen in (group, group[self._is_long(open_ns)]))
        ends, long_ends = counts
        return ends, long_ends

    def _coverage_rows(self) -> Iterator[Metric]:
        for range_m, counts in zip(COVERAGE_RANGES_M, self.covered, strict=True):
            yield from self._rows("", range_m).coverage(*counts.sum(1).tolist())
            for jurisdiction, of_place in zip(self.context.jurisdictions, counts.T[1:].tolist(), strict=True):
                yield from self._rows(jurisdiction, range_m).coverage(*of_place)

    def _delays(self) -> dict[str, DelayHistogram]:
        return {"gap": self.gap, "update_delay": self.delay, "aoi": self.age}

    def _parts(self) -> Iterator[tuple[list[int], GapRows, dict[str, DelayHistogram]]]:
        """(groups, their rows, gaps and delays) by jurisdiction of the receiver, then by home with ages; nothing with a
        single jurisdiction."""
        if self._groups == 1:
            return
        for place, jurisdiction in enumerate(self.context.jurisdictions, 1):
            yield [2 * place, 2 * place + 1], self._rows(jurisdiction), self.delays_of_place(place)
        for crossing, name in enumerate((SAME, CROSS)):
            groups = list(range(crossing, self._groups, 2))
            delays_of = {name: self._by_group.of(name, groups) for name in ("gap", "update_delay", "aoi")}
            yield groups, replace(self._rows(), station_class=name), delays_of

    def delays_of_place(self, place: int) -> dict[str, DelayHistogram]:
        """Gaps and update delays of receivers in a place (jurisdiction + 1, 0 = nobody's)."""
        groups = (2 * place, 2 * place + 1)
        return {name: self._by_group.of(name, groups) for name in ("gap", "update_delay")}

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        self._settle()
        told = [(self._rows(), self._delays()), *((rows, delays_of) for _, rows, delays_of in self._parts())]
        for rows, delays_of in told:
            for name, delays in delays_of.items():
                if delays.count:
                    yield of_delays(rows.row(name, "ms"), delays)

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}
