"""Gaps, update delay and age of what roadside units tell vehicles, followed per vehicle and message (definitions 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.frames import Flow, Kind, Outcome
from sim.metrics.base import CLASSES, Batch, Context, Metric, RoadsideMessage, Rows, Tick
from sim.metrics.histograms import Named, of_delays
from sim.metrics.statistics import DelayHistogram
from sim.world.stations import Stations

QUANTILES = (0.5, 0.95, 0.99)
ZONE_OF = {"SPAT": "SPAT+MAP", "MAP": "SPAT+MAP", "RSI": "RSI", "RSM": "RSM"}
"""Service class -> class whose service zone bounds where its message is wanted."""
KEPT_SAMPLES = 1 << 17
"""Samples that wait before they go into histograms."""
_GAP, _DELAY, _AGE = "gap", "update_delay", "aoi"


def roadside_messages(flows: Iterable[Flow], senders: Mapping[int, Iterable[int]]) -> tuple[RoadsideMessage, ...]:
    """What units send periodically, one entry per message; ``senders``: flow index -> slots of units that send it."""
    found: dict[str, RoadsideMessage] = {}
    for flow in flows:
        slots = sorted(senders.get(flow.index, ()))
        if flow.sender != Kind.RSU or not slots:
            continue
        before = found.get(flow.message, RoadsideMessage(flow.message, flow.service))
        found[flow.message] = RoadsideMessage(
            flow.message, flow.service, tuple(sorted({*before.senders, *slots})),
            {**before.period_ns, flow.index: flow.period_ns},
        )
    return tuple(found.values())


@dataclass(frozen=True, eq=False)
class _Heard:
    """Applied receptions, one row each."""

    vehicle: np.ndarray
    station_id: np.ndarray
    message: np.ndarray
    time_ns: np.ndarray
    made_ns: np.ndarray
    period_ns: np.ndarray

    def take(self, rows: np.ndarray) -> _Heard:
        return _Heard(**{name: column[rows] for name, column in vars(self).items()})

    @staticmethod
    def joined(parts: list[_Heard]) -> _Heard:
        return _Heard(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in vars(parts[0])})


class RoadsideGaps:
    """Follows every (equipped vehicle, message) while the vehicle is in the message's service zone and some unit that
    sends it stands within ``gap_range_m`` (in plan view, membership at ticks); messages without a zone are followed
    within the range alone.

    A reception is one that was applied, or a duplicate of content already held: both refresh. Parts of one message
    (generated at the same instant) count once, the first of them. Each stay begins with nothing heard. *Gap*: time
    between consecutive receptions of one stay, from whichever unit; it is long beyond 2.5 periods of the message that
    ends it. Stretches open at either end (entry to first reception, last reception to leaving) are counted beside.
    *Update delay* and *age* are sampled at ticks once something was heard in the stay; the mean age is integrated
    over time. Memory: vehicles x messages.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.followed = context, context.roadside
        self.range_m = context.measure.gap_range_m
        messages, self._places = len(self.followed), len(context.jurisdictions) + 1
        tau_s = context.measure.tau_s
        self._tau_ns = np.array([round(tau_s.get(m.service or m.message, 1.0) * 1e9) for m in self.followed], np.int64)
        longest = [max(m.period_ns.values(), default=0) for m in self.followed]
        self._longest_ns = np.array(longest, np.int64)
        self._zone = [CLASSES.index(ZONE_OF[m.service]) if m.service in ZONE_OF else -1 for m in self.followed]
        self._number = {m.message: k for k, m in enumerate(self.followed)}
        flows = 1 + max((flow for m in self.followed for flow in m.period_ns), default=0)
        self._period_ns = np.zeros(flows, np.int64)
        for one in self.followed:
            for flow, period_ns in one.period_ns.items():
                self._period_ns[flow] = period_ns
        self._units = np.array(sorted({slot for m in self.followed for slot in m.senders}), np.int64)
        self._ids = np.empty(0, np.int64)
        self._place = np.empty(0, np.int64)
        shape = (0, messages)
        self._watched, self._heard = np.zeros(shape, bool), np.zeros(shape, bool)
        self._since_ns, self._time_ns, self._made_ns = (np.zeros(shape, np.int64) for _ in range(3))
        self._end_ns = 0
        self._waiting: list[_Heard] = []
        self._samples: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {_GAP: [], _DELAY: [], _AGE: []}
        self._sample_count = 0
        self.histograms: dict[tuple[str, int], DelayHistogram] = {}
        """(name, message x places + place + 1 of the receiver) -> delays."""
        self.counts = np.zeros((5, messages * self._places), np.int64)
        """Long gaps, open ends, long open ends, judged ticks with something heard, judged ticks; by group."""
        self.age = np.zeros((2, messages * self._places))
        """Integral of the age (ms2) and the time it is over (ms), by group."""

    def observe(self, batch: Batch) -> None:
        """Take in what vehicles applied of the units' messages."""
        if not self.followed:
            return
        number = np.array([self._number.get(message, -1) for message in batch.messages], np.int64)
        frames = (number[batch.message] >= 0) & (batch.sender_kind == Kind.RSU)
        if not frames.any():
            return
        links = np.flatnonzero(frames.take(batch.row))
        outcome, receiver = batch.outcome[links], batch.receiver[links]
        applied = (outcome == Outcome.DELIVERED) | (outcome == Outcome.DUPLICATE)
        links = links[applied & (batch.stations.kind[receiver] == Kind.VEHICLE)]
        if not len(links):
            return
        row, receiver = batch.row[links], batch.receiver[links]
        flow = np.minimum(batch.flow[row], len(self._period_ns) - 1)
        self._waiting.append(_Heard(
            receiver - batch.stations.first_vehicle, batch.stations.station_id[receiver], number[batch.message[row]],
            batch.applied_ns(links), batch.generated_ns[row], self._period_ns[flow],
        ))

    def tick(self, tick: Tick) -> None:
        """Take in the receptions of the tick before, bring the stays up to date, then sample delay and age."""
        if not self.followed:
            return
        self._settle()
        stations, now_ns = tick.stations, tick.now_ns
        self._grow(stations.size - stations.first_vehicle)
        vehicles = slice(stations.first_vehicle, stations.size)
        ids = stations.station_id[vehicles]
        other = ids != self._ids
        watched = self._within(tick)
        left = self._watched & (~watched | other[:, None])
        self._close(left, now_ns)
        entered = watched & (~self._watched | other[:, None])
        self._since_ns[entered] = now_ns
        self._heard[entered | left] = False
        self._watched, self._ids = watched, ids.copy()
        self._place = stations.place[vehicles].astype(np.int64) + 1
        self._end_ns = now_ns + tick.length_ns
        self._sample(now_ns, tick.length_ns)

    def _grow(self, vehicles: int) -> None:
        extra = vehicles - len(self._ids)
        if extra <= 0:
            return
        self._ids = np.concatenate([self._ids, np.full(extra, -1, np.int64)])
        self._place = np.concatenate([self._place, np.zeros(extra, np.int64)])
        for name in ("_watched", "_heard", "_since_ns", "_time_ns", "_made_ns"):
            column = getattr(self, name)
            tail = np.zeros((extra, column.shape[1]), column.dtype)
            setattr(self, name, np.concatenate([column, tail]))

    def _within(self, tick: Tick) -> np.ndarray:
        """[vehicle, message] bool: wanted here, and a unit that sends it stands within range."""
        stations, zones = tick.stations, tick.vehicle_zone
        vehicles = slice(stations.first_vehicle, stations.size)
        present = stations.active[vehicles] & (stations.kind[vehicles] == Kind.VEHICLE)
        wanted = np.repeat(present[:, None], len(self.followed), axis=1)
        for k, zone in enumerate(self._zone):
            if zones is not None and zone >= 0:
                wanted[:, k] &= zones[zone]
        some = np.flatnonzero(wanted.any(axis=1))
        if not len(some):
            return wanted
        near = self._near(stations, some, tick.now_ns)
        by_senders: dict[tuple[int, ...], np.ndarray] = {}
        for k, one in enumerate(self.followed):
            if one.senders not in by_senders:
                of_senders = near[:, np.searchsorted(self._units, one.senders)]
                by_senders[one.senders] = np.asarray(of_senders.any(axis=1))
            wanted[some, k] &= by_senders[one.senders]
        return wanted

    def _near(self, stations: Stations, vehicles: np.ndarray, now_ns: int) -> np.ndarray:
        """[vehicle of those, unit] bool: within range."""
        x_m, y_m = stations.position(vehicles + stations.first_vehicle, now_ns)
        unit_x_m, unit_y_m = stations.position(self._units, now_ns)
        away_x_m = x_m[:, None] - unit_x_m
        if stations.ring_m:
            away_x_m -= stations.ring_m * np.rint(away_x_m / stations.ring_m)
        return away_x_m**2 + (y_m[:, None] - unit_y_m) ** 2 <= self.range_m**2

    def _group(self, vehicle: np.ndarray, message: np.ndarray) -> np.ndarray:
        return message * self._places + self._place[vehicle]

    def _count(self, which: int, group: np.ndarray) -> None:
        self.counts[which] += np.bincount(group, minlength=self.counts.shape[1])

    def _close(self, left: np.ndarray, now_ns: int) -> None:
        """Open ends of stays that end: since the last reception, or since entry when there was none."""
        vehicle, message = np.nonzero(left)
        if not len(vehicle):
            return
        group, long = self._open_ends(vehicle, message, now_ns)
        self._count(1, group)
        self._count(2, group[long])

    def _open_ends(self, vehicle: np.ndarray, message: np.ndarray, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """(group, whether longer than 2.5 of the message's longest period) of stretches that are open now."""
        heard = self._heard[vehicle, message]
        from_ns = np.where(heard, self._time_ns[vehicle, message], self._since_ns[vehicle, message])
        return self._group(vehicle, message), 2 * (now_ns - from_ns) > 5 * self._longest_ns[message]

    def _sample(self, now_ns: int, length_ns: int) -> None:
        judged = self._watched & (now_ns - self._since_ns >= self._tau_ns)
        vehicle, message = np.nonzero(judged)
        group = self._group(vehicle, message)
        self._count(4, group)
        self._count(3, group[self._heard[vehicle, message]])
        vehicle, message = np.nonzero(self._watched & self._heard)
        if not len(vehicle):
            return
        group = self._group(vehicle, message)
        age_ns = now_ns - self._made_ns[vehicle, message]
        self._keep(_DELAY, group, now_ns - self._time_ns[vehicle, message])
        self._keep(_AGE, group, age_ns)
        length_ms = length_ns / 1e6
        self._add_age(group, age_ns / 1e6 * length_ms + length_ms**2 / 2, np.full(len(group), length_ms))

    def _add_age(self, group: np.ndarray, area_ms2: np.ndarray, time_ms: np.ndarray) -> None:
        for total, weight in zip(self.age, (area_ms2, time_ms), strict=True):
            total += np.bincount(group, weight, minlength=len(total))

    def _settle(self) -> None:
        """Take in all receptions applied before the end of the tick; those after it wait for the next."""
        if not self._waiting:
            return
        heard = _Heard.joined(self._waiting)
        late = heard.time_ns >= self._end_ns
        self._waiting = [heard.take(np.flatnonzero(late))] if late.any() else []
        heard = heard.take(np.flatnonzero(~late & (heard.vehicle < len(self._ids))))
        at = heard.vehicle, heard.message
        valid = (self._ids[heard.vehicle] == heard.station_id) & self._watched[at]
        valid &= heard.time_ns >= np.where(self._heard[at], self._time_ns[at], self._since_ns[at])
        heard = heard.take(np.flatnonzero(valid))
        pair = heard.vehicle * len(self.followed) + heard.message
        order = np.lexsort((heard.made_ns, heard.time_ns, pair))
        heard, pair = heard.take(order), pair[order]
        first = _begins(pair)
        at = heard.vehicle, heard.message
        known = np.where(self._heard[at], self._made_ns[at], -1)
        part = heard.made_ns == np.where(first, known, np.roll(heard.made_ns, 1))
        if part.any():
            heard, pair = heard.take(np.flatnonzero(~part)), pair[~part]
        if len(pair):
            self._apply(heard, pair)

    def _apply(self, heard: _Heard, pair: np.ndarray) -> None:
        """Receptions of watched pairs, ordered by pair and time."""
        first, at = _begins(pair), (heard.vehicle, heard.message)
        before = self._heard[at]
        opens = first & ~before
        group = self._group(heard.vehicle, heard.message)
        last_ns = np.where(first, self._time_ns[at], np.roll(heard.time_ns, 1))
        open_ns = (heard.time_ns - self._since_ns[at])[opens]
        self._count(1, group[opens])
        self._count(2, group[opens][2 * open_ns > 5 * self._longest_ns[heard.message[opens]]])
        gap_ns = (heard.time_ns - last_ns)[~opens]
        self._keep(_GAP, group[~opens], gap_ns)
        self._count(0, group[~opens][2 * gap_ns > 5 * heard.period_ns[~opens]])
        known_ns = np.where(first & before, self._made_ns[at], heard.made_ns)
        newest_ns = _newest(np.maximum(heard.made_ns, known_ns), first)
        newer_ns = newest_ns - np.where(first, self._made_ns[at], np.roll(newest_ns, 1))
        rest_ms = (self._end_ns - heard.time_ns) / 1e6
        age_ms = (heard.time_ns - heard.made_ns) / 1e6
        area_ms2 = np.where(opens, age_ms * rest_ms + rest_ms**2 / 2, -(newer_ns / 1e6) * rest_ms)
        self._add_age(group, area_ms2, np.where(opens, rest_ms, 0.0))
        ends = np.flatnonzero(np.append(first[1:], True))
        at = heard.vehicle[ends], heard.message[ends]
        self._time_ns[at], self._made_ns[at], self._heard[at] = heard.time_ns[ends], newest_ns[ends], True

    def _keep(self, name: str, group: np.ndarray, value_ns: np.ndarray) -> None:
        self._samples[name].append((group, value_ns))
        self._sample_count += len(group)
        if self._sample_count > KEPT_SAMPLES:
            self._flush()

    def _flush(self) -> None:
        """Put the samples that wait into histograms."""
        for name, parts in self._samples.items():
            if not parts:
                continue
            group, value_ns = (np.concatenate(column) for column in zip(*parts, strict=True))
            order = np.argsort(group, kind="stable")
            group, value_ns = group[order], value_ns[order]
            for begin, end in zip(*_stretches(group), strict=True):
                key = (name, int(group[begin]))
                self.histograms.setdefault(key, DelayHistogram()).add(value_ns[begin:end])
            parts.clear()
        self._sample_count = 0

    def merge(self, other: RoadsideGaps) -> None:
        """Add the other's counts; stays still open remain with their own accumulator."""
        for one in (self, other):
            one._settle()
            one._flush()
        for key, histogram in other.histograms.items():
            self.histograms.setdefault(key, DelayHistogram()).merge(histogram)
        self.counts += other.counts
        self.age += other.age

    def rows(self) -> Iterator[Metric]:
        """Per message: overall, then by the jurisdiction whose road the receiver is on."""
        self._settle()
        self._flush()
        counts = self.counts.copy()
        vehicle, message = np.nonzero(self._watched)
        if len(vehicle):
            group, long = self._open_ends(vehicle, message, self._end_ns)
            counts[1] += np.bincount(group, minlength=counts.shape[1])
            counts[2] += np.bincount(group[long], minlength=counts.shape[1])
        for name, place, chosen in self._groups():
            yield from self._rows_of(name, place, chosen, counts)

    def _groups(self) -> Iterator[tuple[str, str, list[int]]]:
        """(message, jurisdiction, groups of counts) of each set of rows; no name = everywhere."""
        for k, one in enumerate(self.followed):
            groups = range(k * self._places, (k + 1) * self._places)
            yield one.message, "", list(groups)
            yield from ((one.message, n, [g]) for n, g in zip(self.context.jurisdictions, groups[1:], strict=True))

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        self._settle()
        self._flush()
        for message, place, groups in self._groups():
            for name in (_GAP, _DELAY, _AGE):
                delays = self._merged(name, groups)
                if delays.count:
                    yield of_delays(Metric(name, "ms", "I2V", message, place, distance_m=self.range_m), delays)

    def _merged(self, name: str, groups: list[int]) -> DelayHistogram:
        delays = DelayHistogram()
        for group in groups:
            if (name, group) in self.histograms:
                delays.merge(self.histograms[name, group])
        return delays

    def _rows_of(self, message: str, place: str, groups: list[int], counts: np.ndarray) -> Iterator[Metric]:
        def row(metric: str, unit: str, value: float, n: int | None = None, quantile: float | None = None) -> Metric:
            return Metric(
                metric, unit, "I2V", message, place, distance_m=self.range_m, quantile=quantile, value=value, n=n
            )

        gaps = DelayHistogram()
        for name in (_GAP, _DELAY, _AGE):
            delays = self._merged(name, groups)
            gaps = delays if name == _GAP else gaps
            for share in QUANTILES if delays.count else ():
                yield row(name, "ms", delays.quantile_ms(share), delays.count, share)
            if delays.count and name != _AGE:
                yield row(f"{name}_mean", "ms", delays.mean_ms(), delays.count)
                yield row(f"{name}_max", "ms", delays.max_ns / 1e6, delays.count)
            elif delays.count:
                area_ms2, time_ms = self.age[:, groups].sum(axis=1)
                yield row("aoi_mean", "ms", float(area_ms2 / time_ms), delays.count)
        long, ends, long_ends, heard, judged = (int(count) for count in counts[:, groups].sum(axis=1))
        if gaps.count:
            yield row("gap_over_2.5T", "ratio", long / gaps.count, gaps.count)
        if ends:
            yield row("gap_open_ends", "count", ends)
            yield row("gap_open_over_2.5T", "ratio", long_ends / ends, ends)
        if judged:
            yield row("pair_heard", "ratio", heard / judged, judged)

    def tables(self) -> dict[str, Rows]:
        """None beyond ``metrics.csv``."""
        return {}


def _begins(sorted_groups: np.ndarray) -> np.ndarray:
    """Mask: the first of each group."""
    return np.concatenate([[True], sorted_groups[1:] != sorted_groups[:-1]])[: len(sorted_groups)]


def _stretches(sorted_groups: np.ndarray) -> tuple[list[int], list[int]]:
    """Begin and end of each group."""
    begins = np.flatnonzero(_begins(sorted_groups)).tolist()
    return begins, [*begins[1:], len(sorted_groups)] if begins else []


def _newest(made_ns: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The largest value so far in each group."""
    low = int(made_ns.min())
    offset = (np.cumsum(first) - 1) * (int(made_ns.max()) - low + 1)
    return np.maximum.accumulate(made_ns - low + offset) - offset + low
