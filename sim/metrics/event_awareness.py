"""How early vehicles learn of an event they drive towards, at home and across a border (definitions section 7)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from sim.frames import Kind, Outcome
from sim.metrics.base import Batch, Context, EventPath, Metric, Rows, Tick, direction_name
from sim.metrics.driven import Driven, chainage_at
from sim.metrics.histograms import SIGNED_METRES, Named, of_signed, signed_quantile

QUANTILES = (0.05, 0.5)
FASTEST_MPS = 40.0
"""Senders tell of an event as far before its zone as so fast a vehicle drives while the message is fresh."""
BESIDE_M = 30.0
"""What is applied this much before an event is told of may still be about it: receivers err in their place."""


class Passage(NamedTuple):
    """One vehicle that drove through an event's path."""

    event: int
    """Its id in the scenario."""
    place: str
    """Jurisdiction where its path begins."""
    direction: str
    begin_m: float
    home: str
    from_: str
    """Jurisdiction where the vehicle was first seen."""
    vehicle: int
    """Lasting identity."""
    learned_m: float | None
    """Way left to the begin of the path when it first applied a message of the event, below 0 inside; none = never."""

    @property
    def crossed(self) -> bool:
        """Whether there was a border between the vehicle and the event."""
        return self.from_ != self.place


class EventAwareness:
    """Follows equipped vehicles towards the scenario's events.

    A vehicle counts for an event once it passed the end of its path in its direction (or left the road inside it),
    having been seen before its begin; not where the measured time began while it was already where the event is told
    of. It *learns* of the event by the first RSI it applies (DELIVERED or DUPLICATE, not wrongly)
    of a unit that tells of the event, while it is in the zone the event is told in. Which events a message tells of is
    ``Context.told``, else guessed from ``Batch.subject`` (its first event). Memory: events x vehicles, and one row per
    passage.
    """

    def __init__(self, context: Context) -> None:
        self.context, events = context, context.events
        self._class = np.array([(context.services.get(m) or m) == "RSI" for m in context.messages], bool)
        self.told = bool(events) and len(context.jurisdictions) > 1 and bool(self._class.any())
        self._sign = np.array([one.direction for one in events], np.int64)
        self._begin_m = np.array([_begin_m(one) for one in events])
        self._end_m = np.array([one.to_m if one.direction > 0 else one.from_m for one in events])
        self._told_m = context.measure.event_upstream_m + FASTEST_MPS * context.measure.tau_s["RSI"] + BESIDE_M
        """An event is told of this far before its path."""
        self._tells = _tells(context)
        self._driven = Driven()
        self._learned_m = np.full((len(events), 0), np.nan)
        """Way left to the begin when the vehicle learned of it; by event and vehicle."""
        self._seen_m, self._seen_place = np.empty(0), np.empty(0, np.int64)
        """Where each vehicle was first seen on its present way."""
        self._early = np.empty(0, bool)
        """Whether that was when the measured time began."""
        self._home = np.empty(0, np.int64)
        self.passages: list[Passage] = []

    def _grow(self, vehicles: int) -> None:
        extra = vehicles - len(self._home)
        if extra > 0:
            self._learned_m = np.concatenate([self._learned_m, np.full((len(self._sign), extra), np.nan)], axis=1)
            self._seen_m = np.concatenate([self._seen_m, np.zeros(extra)])
            for name, value in (("_seen_place", -1), ("_early", False), ("_home", -1)):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.full(extra, value, column.dtype)]))

    def observe(self, batch: Batch) -> None:
        """Take in what vehicles applied."""
        if not self.told:
            return
        frames = self._class[batch.message] & (batch.sender_kind == Kind.RSU)
        if not frames.any():
            return
        links = np.flatnonzero(frames.take(batch.row))
        outcome, stations = batch.outcome[links], batch.stations
        links = links[(outcome == Outcome.DELIVERED) | (outcome == Outcome.DUPLICATE)]
        slots = batch.receiver[links]
        driving = (stations.kind[slots] == Kind.VEHICLE) & (stations.direction[slots] != 0)
        links, slots = links[driving], slots[driving]
        if not len(links):
            return
        row, vehicle = batch.row[links], slots - stations.first_vehicle
        self._grow(int(vehicle.max()) + 1)
        at_m = chainage_at(stations, slots, batch.applied_ns(links))
        sign = self._sign[:, None]
        left_m = sign * (self._begin_m[:, None] - at_m)
        here = (sign == stations.direction[slots]) & (sign * (at_m - self._end_m[:, None]) <= 0)
        here &= left_m <= self._told_m
        event, link = np.nonzero(here & self._told_by(batch, row, here))
        np.fmax.at(self._learned_m, (event, vehicle[link]), left_m[event, link])

    def _told_by(self, batch: Batch, row: np.ndarray, here: np.ndarray) -> np.ndarray:
        """[event, link] bool: the frame tells of it; ``here``: the receiver is in its zone.

        By its first event alone a frame tells of that one, or, to receivers outside the zone of it, of those they are
        in the zone of: they applied it for something.
        """
        if self._tells is not None:
            return np.asarray(self._tells[:, np.minimum(batch.sender[row], self._tells.shape[1] - 1)])
        if batch.subject is None:
            return here
        first = np.arange(len(self._sign))[:, None] == batch.subject[row]
        return np.asarray(first | ~(first & here).any(0))

    def tick(self, tick: Tick) -> None:
        """See who came, and who passed the end of an event's path."""
        if not self.told:
            return
        stations, driven = tick.stations, self._driven
        first = stations.first_vehicle
        self._grow(stations.size - first)
        was_m, was_sign, was_id = driven.chainage_m, driven.direction, driven.station_id
        step = driven.step(tick)
        if len(step.left):
            inside = self._inside(was_m[step.left], was_sign[step.left])
            for event, k in zip(*(index.tolist() for index in np.nonzero(inside)), strict=True):
                vehicle = int(step.left[k])
                self._note(event, vehicle, int(was_id[vehicle]))
        if len(step.left) or len(step.came):
            changed = np.concatenate([step.left, step.came])
            self._learned_m[:, changed] = np.nan
            self._seen_m[step.came] = driven.chainage_m[step.came]
            self._seen_place[step.came] = stations.place[first + step.came]
            self._home[step.came] = stations.home[first + step.came]
            self._early[step.came] = tick.now_ns <= self.context.start_ns
        from_m, to_m = driven.before_m[step.on], driven.chainage_m[step.on]
        low_m, high_m = np.minimum(from_m, to_m), np.maximum(from_m, to_m)
        ends_m = np.sort(self._end_m)
        for k in np.flatnonzero(np.searchsorted(ends_m, low_m) != np.searchsorted(ends_m, high_m)).tolist():
            vehicle = int(step.on[k])
            passed = (self._end_m >= low_m[k]) & (self._end_m < high_m[k]) & (self._sign == driven.direction[vehicle])
            for event in np.flatnonzero(passed).tolist():
                self._note(event, vehicle, int(driven.station_id[vehicle]))

    def _inside(self, at_m: np.ndarray, sign: np.ndarray) -> np.ndarray:
        """[event, vehicle] bool: on the path of the event, in its direction."""
        of_event = self._sign[:, None]
        inside = (of_event * (at_m - self._begin_m[:, None]) >= 0) & (of_event * (self._end_m[:, None] - at_m) >= 0)
        return np.asarray(inside & (of_event == sign))

    def _note(self, event: int, vehicle: int, who: int) -> None:
        """One vehicle is through an event's path."""
        way_m = float(self._sign[event] * (self._begin_m[event] - self._seen_m[vehicle]))
        if way_m < 0 or (self._early[vehicle] and way_m <= self._told_m):
            return
        names, learned_m = self.context.jurisdictions, float(self._learned_m[event, vehicle])
        place, home, from_ = (
            names[index] if index >= 0 else "" for index in (
                self.context.events[event].place, int(self._home[vehicle]), int(self._seen_place[vehicle])
            )
        )
        self.passages.append(Passage(
            self.context.events[event].id, place, direction_name(int(self._sign[event])), float(self._begin_m[event]),
            home, from_, who, None if np.isnan(learned_m) else learned_m,
        ))

    def merge(self, other: EventAwareness) -> None:
        """Add the other's passages."""
        self.passages += other.passages

    def _groups(self) -> Iterator[tuple[str, dict[str, Any], list[Passage]]]:
        """(prefix of the metric, names of rows, passages): of all events, then by jurisdiction of the event; all homes,
        then each."""
        names = ("", *self.context.jurisdictions)
        for prefix, crossed in (("awareness", False), ("awareness_cross", True)):
            for place, home in product(names, names):
                chosen = [
                    one for one in self.passages
                    if place in ("", one.place) and home in ("", one.home) and one.crossed >= crossed
                ]
                if chosen:
                    station_class = f"home {home}" if home else ""
                    where = {"link": "I2V", "message": "RSI", "jurisdiction": place, "station_class": station_class}
                    yield prefix, where, chosen

    def rows(self) -> Iterator[Metric]:
        """Quantiles of the way left among those who learned, and the share that never learned."""
        for prefix, names, chosen in self._groups():
            learned = [one.learned_m for one in chosen if one.learned_m is not None]
            for share in QUANTILES if learned else ():
                value = signed_quantile(SIGNED_METRES, learned, share)
                yield Metric(f"{prefix}_m", SIGNED_METRES, quantile=share, value=value, n=len(learned), **names)
            never = 1 - len(learned) / len(chosen)
            yield Metric(f"{prefix}_never", "ratio", value=never, n=len(chosen), **names)
        yield from self._warnings()

    def _warnings(self) -> Iterator[Metric]:
        """Mean way left to the begin, 0 for those who learned later or never; of events of the vehicle's home and of
        others."""
        for station_class, own in (("same home", True), ("cross home", False)):
            ways_m = [max(one.learned_m or 0.0, 0.0) for one in self.passages if (one.home == one.place) == own]
            if ways_m:
                mean_m = sum(ways_m) / len(ways_m)
                yield Metric("warning_m", "m", "I2V", station_class=station_class, value=mean_m, n=len(ways_m))

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from."""
        for prefix, names, chosen in self._groups():
            learned = [one.learned_m for one in chosen if one.learned_m is not None]
            if learned:
                yield of_signed(Metric(f"{prefix}_m", SIGNED_METRES, **names), learned)

    def tables(self) -> dict[str, Rows]:
        """``awareness``: every event by home; ``passages``: every vehicle through an event's path."""
        if not self.told:
            return {}
        rows: list[tuple[Any, ...]] = []
        for event, home in product(self.context.events, self.context.jurisdictions):
            for crossed in (False, True):
                chosen = [one for one in self.passages if (one.event, one.home) == (event.id, home)]
                chosen = [one for one in chosen if one.crossed == crossed and one.begin_m == _begin_m(event)]
                if chosen:
                    told = [one.learned_m for one in chosen if one.learned_m is not None]
                    quantiles = [signed_quantile(SIGNED_METRES, told, s) if told else None for s in QUANTILES]
                    names = (event.id, chosen[0].place, chosen[0].direction, chosen[0].begin_m, home, int(crossed))
                    rows.append((*names, len(chosen), len(told), *quantiles))
        columns = ("event", "place", "direction", "begin_m", "home", "crossed", "n", "learned", "p5_m", "median_m")
        every = [name.rstrip("_") for name in Passage._fields]
        return {"awareness": Rows(columns, rows), "passages": Rows(every, self.passages)}


def _begin_m(event: EventPath) -> float:
    """Chainage where its path begins in driving direction."""
    return event.from_m if event.direction > 0 else event.to_m


def _tells(context: Context) -> np.ndarray | None:
    """[event, slot of unit] bool from ``Context.told``, one slot more for other senders; none if unknown."""
    if not context.told:
        return None
    out = np.zeros((len(context.events), max(context.told) + 2), bool)
    for slot, events in context.told.items():
        out[list(events), slot] = True
    return out
