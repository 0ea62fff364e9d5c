"""Border blackout: how far behind a border until a class of the entered jurisdiction serves a vehicle (definitions
section 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sim.clock import NEVER, SECOND
from sim.frames import Kind, Outcome
from sim.metrics import base
from sim.metrics.base import Batch, Context, Metric, Rows, Tick, direction_name
from sim.metrics.driven import Driven, Step, chainage_at
from sim.metrics.histograms import SIGNED_METRES, SIGNED_SECONDS, Named, of_signed, signed_quantile

CLASSES = {"RSI": math.inf, "SPAT+MAP": 500.0}
"""Classes that are followed, told where a vehicle is in a zone of theirs so close behind the border (m); of SPAT+MAP
the SPAT counts, which is applied with its MAP only."""
_NAMES = tuple(CLASSES)
_MESSAGE_CLASS = {"RSI": 0, "SPAT": 1}
STAYS_NS = 2 * SECOND
"""So long a class must stay fresh."""
LEAST_CROSSINGS = 30
"""Fewer crossings have no quantile."""
QUANTILES = (0.5, 0.95)
FRESH = "fresh"
"""End of a crossing whose blackout ended; the others are clipped."""


class Crossing(NamedTuple):
    """One vehicle over one border, for one class."""

    class_: str
    border_m: float
    entered: str
    direction: str
    home: str
    vehicle: int
    """Lasting identity."""
    time_s: float
    """When it crossed."""
    distance_m: float
    """From the border to where the class became fresh, in driving direction; below 0 before it."""
    duration_s: float
    end: str
    """``fresh``, or what clipped it: the next ``border``, the end of its way on the ``road``, or of the ``run``."""


_CROSSED = np.dtype([
    ("border", np.int64), ("time_ns", np.int64), ("entered", np.int64), ("sign", np.int64), ("home", np.int64),
    ("who", np.int64),
])
"""A crossing under way: border -1 = none; ``sign`` +1 up, -1 down."""


@dataclass
class _Fresh:
    """Stretches of freshness by (class, entered jurisdiction, vehicle)."""

    first_ns: np.ndarray
    """First application of the present stretch."""
    first_m: np.ndarray
    """Chainage there."""
    last_ns: np.ndarray
    """Newest application; ``-NEVER`` = none."""


class Blackout:
    """Follows equipped vehicles over borders of jurisdictions.

    A class of a jurisdiction is *fresh* for a vehicle while it applied a message of one of that jurisdiction's units
    (place of the sender) within the freshness limit. A blackout ends where the first stretch of freshness of at least
    :data:`STAYS_NS` begins that is not over when the vehicle crosses; it may begin before the border. Clipped by the
    next border, by the end of the vehicle's way along the road and by the end of the run; what was heard before the
    measured time is unknown. Nothing is told where no vehicle ever is in a zone of the class. Rows pool the borders
    over which one enters a jurisdiction in one direction; ``crossings`` tells each apart. Memory: classes x
    jurisdictions x vehicles, and one row per crossing.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        borders = sorted(context.borders)
        self._border_m = np.array([b.chainage_m for b in borders])
        self._sides = [(b.before, b.after) for b in borders]
        self._class_of = np.array(
            [_MESSAGE_CLASS.get(context.services.get(m) or m, -1) for m in context.messages], np.int64
        )
        self.told = bool(borders) and len(context.jurisdictions) > 1
        tau_s = context.measure.tau_s
        self._tau_ns = np.array([round(tau_s[name.split("+")[0]] * SECOND) for name in CLASSES], np.int64)
        self._driven = Driven()
        shape = (len(CLASSES), len(context.jurisdictions), 0)
        self._fresh = _Fresh(np.zeros(shape, np.int64), np.zeros(shape), np.full(shape, -NEVER, np.int64))
        self._last = np.empty(0, _CROSSED)
        """Border that each vehicle crossed last."""
        self._open = np.zeros((len(CLASSES), 0), bool)
        """Whose blackout is not over yet."""
        self.crossings: list[Crossing] = []
        self.zones: set[tuple[int, int, int]] = set()
        """(class, border, +1 up or -1 down) behind which there is a zone."""

    def observe(self, batch: Batch) -> None:
        """Take in what vehicles applied of messages of units."""
        if not self.told:
            return
        class_ = self._class_of[batch.message]
        frames = (class_ >= 0) & (batch.sender_kind == Kind.RSU) & (batch.sender_place >= 0)
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
        row, time_ns = batch.row[links], batch.applied_ns(links)
        vehicle = slots - stations.first_vehicle
        self._grow(int(vehicle.max()) + 1)
        order = np.argsort(time_ns, kind="stable")
        at_m = chainage_at(stations, slots, time_ns)
        class_, place, vehicle = class_[row][order], batch.sender_place[row][order].astype(np.int64), vehicle[order]
        self._hear(class_, place, vehicle, time_ns[order], at_m[order])

    def _hear(
        self, class_: np.ndarray, place: np.ndarray, vehicle: np.ndarray, time_ns: np.ndarray, at_m: np.ndarray
    ) -> None:
        """Applications in order of time; those of one batch are less than a freshness limit apart."""
        fresh = self._fresh
        number = np.ravel_multi_index((class_, place, vehicle), fresh.last_ns.shape)
        _, first = np.unique(number, return_index=True)
        _, last = np.unique(number[::-1], return_index=True)
        last = len(number) - 1 - last
        at = class_[first], place[first], vehicle[first]
        anew = time_ns[first] - fresh.last_ns[at] > self._tau_ns[class_[first]]
        begin = tuple(index[anew] for index in at)
        fresh.first_ns[begin], fresh.first_m[begin] = time_ns[first][anew], at_m[first][anew]
        fresh.last_ns[at] = np.maximum(fresh.last_ns[at], time_ns[last])

    def _grow(self, vehicles: int) -> None:
        extra = vehicles - len(self._last)
        if extra <= 0:
            return
        shape = (*self._fresh.last_ns.shape[:2], extra)
        self._fresh = _Fresh(
            np.concatenate([self._fresh.first_ns, np.zeros(shape, np.int64)], axis=2),
            np.concatenate([self._fresh.first_m, np.zeros(shape)], axis=2),
            np.concatenate([self._fresh.last_ns, np.full(shape, -NEVER, np.int64)], axis=2),
        )
        nobody = np.zeros(extra, _CROSSED)
        nobody["border"] = -1
        self._last = np.concatenate([self._last, nobody])
        self._open = np.concatenate([self._open, np.zeros((len(CLASSES), extra), bool)], axis=1)

    def tick(self, tick: Tick) -> None:
        """End blackouts by what was heard, then see who crossed."""
        if not self.told:
            return
        stations = tick.stations
        self._grow(stations.size - stations.first_vehicle)
        self._resolve()
        driven = self._driven
        was_m = driven.chainage_m
        step = driven.step(tick)
        for vehicle in step.left[self._open[:, step.left].any(0)].tolist():
            self._close(vehicle, float(was_m[vehicle]), driven.before_ns, "road")
        changed = np.concatenate([step.left, step.came])
        if len(changed):
            self._last["border"][changed] = -1
            self._fresh.last_ns[:, :, changed] = -NEVER
        self._cross(step, stations.home[stations.first_vehicle :])
        if tick.vehicle_zone is not None:
            self._see_zones(tick.vehicle_zone)

    def _resolve(self) -> None:
        """End the blackouts whose class was, or is certain to be, fresh for long enough."""
        class_, vehicle = np.nonzero(self._open)
        if not len(vehicle):
            return
        at = class_, self._last["entered"][vehicle], vehicle
        first_ns, until_ns = self._fresh.first_ns[at], self._fresh.last_ns[at] + self._tau_ns[class_]
        over = (until_ns - first_ns >= STAYS_NS) & (until_ns >= self._last["time_ns"][vehicle])
        for k in np.flatnonzero(over).tolist():
            self._note(int(class_[k]), int(vehicle[k]), float(self._fresh.first_m[at][k]), int(first_ns[k]), FRESH)

    def _cross(self, step: Step, home: np.ndarray) -> None:
        """Find who passed a border in this tick, and when."""
        driven, border_m = self._driven, self._border_m
        from_m, to_m = driven.before_m[step.on], driven.chainage_m[step.on]
        moved = np.flatnonzero(np.searchsorted(border_m, from_m) != np.searchsorted(border_m, to_m))
        for k in moved.tolist():
            vehicle, sign = int(step.on[k]), 1 if to_m[k] > from_m[k] else -1
            low_m, high_m = sorted((from_m[k], to_m[k]))
            passed = np.flatnonzero((border_m >= low_m) & (border_m < high_m)).tolist()
            for border in passed[::sign]:
                part = (border_m[border] - from_m[k]) / (to_m[k] - from_m[k])
                at_ns = driven.before_ns + round(float(part) * (driven.now_ns - driven.before_ns))
                self._close(vehicle, float(border_m[border]), at_ns, "border")
                entered = self._sides[border][sign > 0]
                who = driven.station_id[vehicle]
                self._last[vehicle] = (border, at_ns, entered, sign, home[vehicle], who)
                self._open[:, vehicle] = entered >= 0

    def _see_zones(self, zones: np.ndarray) -> None:
        """Note behind which borders there is a zone; ``zones`` as in :attr:`Tick.vehicle_zone`."""
        if len(self.zones) == 2 * len(CLASSES) * len(self._border_m):
            return
        crossed = np.flatnonzero(self._last["border"][: zones.shape[1]] >= 0)
        border, sign = self._last["border"][crossed], self._last["sign"][crossed]
        away_m = np.abs(self._driven.chainage_m[crossed] - self._border_m[border])
        for k, (name, within_m) in enumerate(CLASSES.items()):
            here = zones[base.CLASSES.index(name)][crossed] & (away_m <= within_m)
            self.zones.update((k, b, s) for b, s in zip(border[here].tolist(), sign[here].tolist(), strict=True))

    def _close(self, vehicle: int, at_m: float, at_ns: int, end: str) -> None:
        """Clip what is still open of a crossing."""
        for class_ in np.flatnonzero(self._open[:, vehicle]).tolist():
            self._note(class_, vehicle, at_m, at_ns, end)

    def _note(self, class_: int, vehicle: int, at_m: float, at_ns: int, end: str) -> None:
        self.crossings.append(self._crossing(class_, vehicle, at_m, at_ns, end))
        self._open[class_, vehicle] = False

    def _crossing(self, class_: int, vehicle: int, at_m: float, at_ns: int, end: str) -> Crossing:
        names, last = self.context.jurisdictions, self._last[vehicle]
        border, sign, home = int(last["border"]), int(last["sign"]), int(last["home"])
        return Crossing(
            _NAMES[class_], float(self._border_m[border]), names[last["entered"]], direction_name(sign),
            names[home] if home >= 0 else "", int(last["who"]), int(last["time_ns"]) / SECOND,
            sign * (at_m - float(self._border_m[border])), (at_ns - int(last["time_ns"])) / SECOND, end,
        )

    def merge(self, other: Blackout) -> None:
        """Add the other's crossings; those still open stay with their own accumulator."""
        self.crossings += other.crossings
        self.zones |= other.zones

    def all_crossings(self) -> list[Crossing]:
        """Every crossing so far by class, border, direction and time; open ones are clipped where they are now."""
        self._resolve()
        found = list(self.crossings)
        for class_, vehicle in zip(*(index.tolist() for index in np.nonzero(self._open)), strict=True):
            at_m = float(self._driven.chainage_m[vehicle])
            found.append(self._crossing(class_, vehicle, at_m, self._driven.now_ns, "run"))
        zones = {(_NAMES[c], float(self._border_m[border]), direction_name(sign)) for c, border, sign in self.zones}
        told = [one for one in found if (one.class_, one.border_m, one.direction) in zones]
        return sorted(told, key=lambda one: (one[0], one.border_m, one.direction, one.time_s, one.vehicle))

    def _groups(self) -> Iterator[tuple[dict[str, Any], list[Crossing]]]:
        """(names of rows, crossings) by class, entered jurisdiction and direction: all homes, then each."""
        groups: dict[tuple[str, str, str], list[Crossing]] = {}
        for one in self.all_crossings() if self.told else ():
            groups.setdefault((one.class_, one.entered, one.direction), []).append(one)
        for (class_, entered, direction), crossings in groups.items():
            borders = {one.border_m for one in crossings}
            for home in ("", *self.context.jurisdictions):
                chosen = [one for one in crossings if home in ("", one.home)]
                if chosen:
                    yield {
                        "link": "I2V", "message": class_, "jurisdiction": entered, "direction": direction,
                        "station_class": f"home {home}" if home else "",
                        "chainage_m": borders.copy().pop() if len(borders) == 1 else None,
                    }, chosen

    def rows(self) -> Iterator[Metric]:
        """Quantiles of distance and time, without a value below :data:`LEAST_CROSSINGS`, and the share clipped."""
        for names, chosen in self._groups():
            n = len(chosen)
            for metric, unit, values in _values(chosen):
                for share in QUANTILES:
                    value = signed_quantile(unit, values, share) if n >= LEAST_CROSSINGS else None
                    yield Metric(metric, unit, quantile=share, value=value, n=n, **names)
            clipped = sum(one.end != FRESH for one in chosen)
            yield Metric("blackout_censored", "ratio", value=clipped / n, n=n, **names)

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from."""
        for names, chosen in self._groups():
            for metric, unit, values in _values(chosen):
                yield of_signed(Metric(metric, unit, **names), values)

    def tables(self) -> dict[str, Rows]:
        """``crossings``: every crossing."""
        if not self.told:
            return {}
        return {"crossings": Rows(("class", *Crossing._fields[1:]), self.all_crossings())}


def _values(crossings: list[Crossing]) -> tuple[tuple[str, str, list[float]], ...]:
    """(metric, unit, values) of crossings."""
    return (
        ("blackout_m", SIGNED_METRES, [one.distance_m for one in crossings]),
        ("blackout_s", SIGNED_SECONDS, [one.duration_s for one in crossings]),
    )
