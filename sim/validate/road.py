"""One replication on a straight road or a ring: equal stations, periodic packets, any access layer in a plain loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.access.base import AccessLayer
from sim.clock import MS, ns_from_s, stream
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.validate.statistics import FINE_BIN_COUNT, FINE_BIN_M, OUTCOME_COUNT, Tally
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

TICK_NS = 100 * MS
FIRST_VEHICLE_ID = 10_000_000


@dataclass(frozen=True)
class Layout:
    """Where the vehicles are: ``count`` per lane on ``length_m`` of road."""

    count: int
    length_m: float
    ring: bool = True
    """A wrap-around road, so that there are no ends."""
    placement: Literal["jittered", "uniform", "even"] = "jittered"
    """``jittered``: one vehicle at a uniform place in each length / count; ``uniform``: independent places; ``even``:
    exact spacing."""
    lanes_m: tuple[float, ...] = (0.0,)
    """Lateral place of each lane."""
    speed_mps: float = 0.0
    """Every second vehicle drives up, the others down, at this constant speed (rings only)."""
    edge_m: float = 0.0
    """Receivers this close to an end of an open road are not counted."""

    def __post_init__(self) -> None:
        if not self.ring and self.speed_mps:
            raise ValueError("layout: speed_mps needs a ring, an open road would run empty")

    def stretched(self, factor: float) -> Layout:
        """The same density on a road so many times as long."""
        count = max(2, round(self.count * factor))
        return replace(self, count=count, length_m=self.length_m * count / self.count)


@dataclass(frozen=True)
class Trial:
    """Everything a replication depends on apart from its seed."""

    name: str
    access: str
    """A registered access layer or ``module:Class``."""
    radio: Radio
    layout: Layout
    packets_per_s: float
    size_bytes: int
    power_dbm: float
    gain_dbi: float = 0.0
    height_m: float = 1.5
    budget_ns: int = 100 * MS
    """Packet delay budget of the flow."""
    priority: int = 5
    warmup_s: float = 5.0
    """Not measured: sensing history fills, every vehicle has reselected several times."""
    measure_s: float = 8.0
    report_m: float = 520.0
    """Receivers up to here are counted; at most 2,100 m."""

    @property
    def period_ns(self) -> int:
        """Time between two packets of one vehicle."""
        return round(1e9 / self.packets_per_s)

    @property
    def vehicle_count(self) -> int:
        """Stations on the road."""
        return self.layout.count * len(self.layout.lanes_m)

    @property
    def ring_m(self) -> float:
        """Length of the ring; 0 on an open road."""
        return self.layout.length_m if self.layout.ring else 0.0

    def flow(self) -> Flow:
        """The one flow."""
        return Flow(0, "BSM", Kind.VEHICLE, self.period_ns, self.budget_ns, self.priority)

    def lasting(self, warmup_s: float, measure_s: float) -> Trial:
        """The same trial with other durations."""
        return replace(self, warmup_s=warmup_s, measure_s=measure_s)


LayerFactory = Callable[[Trial, Stations, int], AccessLayer]
"""(trial, stations, seed) -> access layer."""


def access_layer(trial: Trial, stations: Stations, seed: int) -> AccessLayer:
    """The layer that scenarios use, with the radio of ``trial``."""
    from sim.access import access_class

    layer: AccessLayer = access_class(trial.access)(
        trial.radio,
        [trial.flow()],
        stations,
        seed,
        ring_length_m=trial.ring_m or None,
        report_distance_m=trial.report_m + FINE_BIN_M,
    )
    return layer


def replicate(
    trial: Trial,
    seed: int,
    factory: LayerFactory = access_layer,
    check: Callable[[], None] = lambda: None,
) -> Tally:
    """Simulate one replication and count its packets after the warm-up; ``check`` is called once per tick.

    Equal (trial, seed) give equal counts. A packet counts if its transmission (or its drop) began in the measured time.
    """
    road = _Road(trial, seed)
    layer = factory(trial, road.stations, seed)
    tally = Tally()
    start_ns = ns_from_s(trial.warmup_s)
    end_ns = start_ns + ns_from_s(trial.measure_s)
    # Frames of the last measured period may wait for up to one period more.
    drain_ns = end_ns + 2 * trial.period_ns + TICK_NS
    for now_ns in range(0, drain_ns, TICK_NS):
        check()
        road.start_tick(now_ns)
        layer.stations_changed(road.stations)
        layer.submit(road.frames(now_ns, now_ns + TICK_NS))
        batch = layer.advance(now_ns + TICK_NS, road.stations)
        _count(tally, batch, road, start_ns, end_ns)
        if start_ns <= now_ns < end_ns:
            _, busy = layer.busy_ratio()
            tally.busy_sum += float(np.sum(busy))
            tally.busy_count += len(busy)
    tally.provenance = dict(layer.provenance())
    return tally


class _Road:
    """Vehicles, their places over time and their packets."""

    def __init__(self, trial: Trial, seed: int) -> None:
        self.trial, layout = trial, trial.layout
        self.count = trial.vehicle_count
        self.ring_m = trial.ring_m
        self.counted_bins = min(FINE_BIN_COUNT, math.floor(trial.report_m / FINE_BIN_M))
        lanes = len(layout.lanes_m)
        self.x_m = np.tile(_places(layout, seed), lanes)
        self.y_m = np.repeat(np.array(layout.lanes_m), layout.count)
        self.speed_mps = layout.speed_mps * np.where(np.arange(self.count) % 2 == 0, 1.0, -1.0)
        inner = (self.x_m >= layout.edge_m) & (self.x_m <= layout.length_m - layout.edge_m)
        self.counted = np.ones(self.count, bool) if layout.ring else inner
        phase = stream(seed, "validate", "phase").random(self.count)
        self.phase_ns = (phase * trial.period_ns).astype(np.int64)
        self.stations = self._stations()
        self._next_frame = 0
        self._still: np.ndarray | None = None

    def _stations(self) -> Stations:
        trial, stations = self.trial, Stations(0, 0, self.count)
        stations.ring_m = self.ring_m
        stations.station_id[:] = FIRST_VEHICLE_ID + np.arange(self.count)
        stations.active[:] = True
        stations.home[:] = 0
        stations.place[:] = 0
        stations.antenna_height_m[:] = trial.height_m
        stations.antenna_gain_dbi[:] = trial.gain_dbi
        stations.tx_power_dbm[:] = trial.power_dbm
        stations.y0_m[:] = stations.y1_m[:] = self.y_m
        return stations

    def start_tick(self, now_ns: int) -> None:
        """Places at both ends of the tick; a vehicle passes the ring's end within a tick only."""
        stations = self.stations
        stations.tick_start_ns, stations.tick_end_ns = now_ns, now_ns + TICK_NS
        place = self.x_m + self.speed_mps * (now_ns / 1e9)
        stations.x0_m = np.mod(place, self.ring_m) if self.ring_m else place
        stations.x1_m = stations.x0_m + self.speed_mps * (TICK_NS / 1e9)
        stations.chainage_m = stations.x0_m.copy()
        stations.changed = np.arange(self.count if now_ns == 0 else 0)

    def frames(self, start_ns: int, end_ns: int) -> Frames:
        """Packets generated in [start_ns, end_ns), in order of time."""
        period_ns = self.trial.period_ns
        first = -((self.phase_ns - start_ns) // period_ns)
        last = -((self.phase_ns - end_ns) // period_ns)
        count = last - first
        vehicle = np.repeat(np.arange(self.count), count)
        step = np.arange(len(vehicle)) - np.repeat(np.cumsum(count) - count, count)
        sequence = np.repeat(first, count) + step
        time_ns = self.phase_ns[vehicle] + sequence * period_ns
        order = np.lexsort((vehicle, time_ns))
        vehicle, sequence, time_ns = vehicle[order], sequence[order], time_ns[order]
        number = self._next_frame + np.arange(len(vehicle))
        self._next_frame += len(vehicle)
        zeros = np.zeros(len(vehicle), np.int64)
        return Frames(
            frame=number,
            sender=vehicle,
            sender_id=FIRST_VEHICLE_ID + vehicle,
            sequence=sequence,
            flow=zeros,
            stream=zeros.copy(),
            generated_ns=time_ns,
            ready_ns=time_ns.copy(),
            size_bytes=np.full(len(vehicle), self.trial.size_bytes, np.int64),
        )

    def fine_bins(self, senders: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
        """(frames, vehicles) int16 fine distance bin at the frame's start; FINE_BIN_COUNT: itself, out of range."""
        if np.any(self.speed_mps):
            return self._bins(senders, np.asarray(time_ns, np.float64)[:, None] / 1e9)
        if self._still is None:
            self._still = self._bins(np.arange(self.count), np.zeros((1, 1)))
        return self._still[senders]

    def _bins(self, senders: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        relative = (self.speed_mps[None, :] - self.speed_mps[senders][:, None]) * time_s
        dx = (self.x_m[None, :] - self.x_m[senders][:, None] + relative).astype(np.float32)
        if self.ring_m:
            dx -= np.float32(self.ring_m) * np.rint(dx * np.float32(1.0 / self.ring_m))
        if len(self.trial.layout.lanes_m) > 1:
            dy = (self.y_m[None, :] - self.y_m[senders][:, None]).astype(np.float32)
            dx = np.hypot(dx, dy)
        np.abs(dx, out=dx)
        dx *= np.float32(1.0 / FINE_BIN_M)
        bins = np.minimum(dx, np.float32(FINE_BIN_COUNT)).astype(np.int16)
        bins[bins >= self.counted_bins] = FINE_BIN_COUNT
        if not self.trial.layout.ring:
            bins[:, ~self.counted] = FINE_BIN_COUNT
        np.put_along_axis(bins, senders[:, None], FINE_BIN_COUNT, axis=1)
        return bins


def _places(layout: Layout, seed: int) -> np.ndarray:
    draws = stream(seed, "validate", "placement").random(layout.count)
    spacing_m = layout.length_m / layout.count
    if layout.placement == "uniform":
        return np.sort(draws) * layout.length_m
    shift = draws if layout.placement == "jittered" else 0.5
    places: np.ndarray = (np.arange(layout.count) + shift) * spacing_m
    return places


def _count(tally: Tally, batch: Receptions, road: _Road, start_ns: int, end_ns: int) -> None:
    """Add the frames of ``batch`` that started in [start_ns, end_ns)."""
    within = (batch.start_ns >= start_ns) & (batch.start_ns < end_ns)
    chosen = np.flatnonzero(within)
    if not len(chosen):
        return
    bins = road.fine_bins(batch.sender[chosen], batch.start_ns[chosen])
    sent = batch.sent[chosen]
    tally.frames += len(chosen)
    tally.unsent_frames += int(np.count_nonzero(~sent))
    present = np.bincount(bins.ravel(), minlength=FINE_BIN_COUNT + 1)[:FINE_BIN_COUNT]
    unsent = np.bincount(bins[~sent].ravel(), minlength=FINE_BIN_COUNT + 1)[:FINE_BIN_COUNT]
    place = np.full(len(batch.frame), -1)
    place[chosen] = np.arange(len(chosen))
    row = place[batch.row]
    inside = row >= 0
    inside[inside] = sent[row[inside]]
    row, receiver = row[inside], batch.receiver[inside]
    link_bins = bins[row, receiver].astype(np.int64)
    tally.present += present
    for counts, outcome in ((tally.data, batch.data_outcome), (tally.full, batch.outcome)):
        key = outcome[inside].astype(np.int64) * (FINE_BIN_COUNT + 1) + link_bins
        added = np.bincount(key, minlength=OUTCOME_COUNT * (FINE_BIN_COUNT + 1))
        added = added.reshape(OUTCOME_COUNT, FINE_BIN_COUNT + 1)[:, :FINE_BIN_COUNT]
        counts += added
        counts[Outcome.NEVER_SENT] += unsent
        counts[Outcome.SENSITIVITY] += present - unsent - added.sum(axis=0)
