"""A straight road with a border, vehicles that drive along it, and units they hear, for metrics at borders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.clock import MS, SECOND
from sim.frames import Kind, Outcome
from sim.metrics import Context, Kpi, Tick
from sim.metrics.base import Border, EventPath
from sim.scenario.schema.messages import Measure
from sim.world.stations import Stations
from tests.sim.metrics_factory import batch

TICK_NS = 100 * MS
MESSAGES = ("BSM", "SPAT", "RSI")
RSI, SPAT = 2, 1


def road(borders_m: tuple[float, ...] = (500.0,), events: tuple[EventPath, ...] = (), **context: Any) -> Context:
    """SH below the first border, then JS, SH ...; no warm-up."""
    borders = tuple(Border(at, k % 2, 1 - k % 2) for k, at in enumerate(borders_m))
    made = Context(
        MESSAGES, ("SH", "JS"), 0, 100 * SECOND, Measure(), services={m: m for m in MESSAGES}, borders=borders,
        events=events,
    )
    return replace(made, **context)


@dataclass
class Car:
    """One vehicle; it is there from the first to the last second, at ``at_m`` at the first."""

    at_m: float
    speed_mps: float
    home: int = 0
    first_s: float = 0.0
    last_s: float = 1e9

    def where_m(self, time_s: float) -> float:
        return self.at_m + self.speed_mps * (time_s - self.first_s)


Heard = tuple[float, int, int, int]
"""(time in s, vehicle, message, unit): applied then; unit 0 stands in SH, unit 1 in JS."""


def drive(
    kpi: Kpi, cars: list[Car], heard: list[Heard], end_s: float, *, border_m: float = 500.0,
    zone: Callable[[float], bool] = lambda at: True, outcome: Outcome = Outcome.DELIVERED,
) -> None:
    """Moves the cars tick by tick and tells the KPI what they applied; ``zone``: where every class is wanted."""
    stations = Stations(2, 0, len(cars))
    stations.station_id[:2], stations.active[:2] = (0, 1), True
    for k in range(round(end_s * SECOND / TICK_NS)):
        begin_s, after_s = k * TICK_NS / SECOND, (k + 1) * TICK_NS / SECOND
        stations.tick_start_ns, stations.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        for number, car in enumerate(cars):
            slot = 2 + number
            stations.active[slot] = car.first_s <= begin_s + 1e-9 and begin_s < car.last_s
            stations.station_id[slot] = 10_000_000 + number if stations.active[slot] else -1
            stations.x0_m[slot], stations.x1_m[slot] = car.where_m(begin_s), car.where_m(after_s)
            stations.chainage_m[slot], stations.direction[slot] = car.where_m(begin_s), np.sign(car.speed_mps)
            stations.home[slot], stations.place[slot] = car.home, int(car.where_m(begin_s) >= border_m)
        inside = np.array([zone(at) for at in stations.chainage_m[2:]]) & stations.active[2:]
        kpi.tick(Tick(k * TICK_NS, TICK_NS, stations, vehicle_zone=np.tile(inside, (3, 1))))
        now = [one for one in heard if begin_s <= one[0] < after_s]
        if now:
            kpi.observe(_batch(now, stations, outcome))


def _batch(heard: list[Heard], stations: Stations, outcome: Outcome) -> Any:
    frames = [
        {"message": message, "sender": unit, "sender_kind": Kind.RSU, "generated_ns": round(at_s * SECOND) - 6 * MS}
        for at_s, _, message, unit in heard
    ]
    made = batch(frames, [
        {"row": k, "receiver": 2 + vehicle, "outcome": outcome} for k, (_, vehicle, _, _) in enumerate(heard)
    ])
    made.messages = MESSAGES
    made.stations = stations
    made.sender_place = np.array([unit for *_, unit in heard], np.int16)
    return made
