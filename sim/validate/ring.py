"""One replication of a setting: vehicles on a wrap-around road, the access layer driven by a plain loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.access.base import AccessLayer
from sim.clock import MS, ns_from_s, stream
from sim.frames import Frames, Outcome, Receptions
from sim.validate.setting import ANTENNA_HEIGHT_M, Setting
from sim.validate.statistics import FINE_BIN_COUNT, FINE_BIN_M, OUTCOME_COUNT, Tally
from sim.world.stations import Stations

TICK_NS = 100 * MS
FIRST_VEHICLE_ID = 10_000_000

LayerFactory = Callable[[Setting, Stations, int, "Plan"], AccessLayer]
"""(setting, stations, seed, plan) -> access layer."""


@dataclass(frozen=True)
class Plan:
    """How long one replication lasts and how its vehicles stand."""

    warmup_s: float = 5.0
    """Not measured: the sensing history fills (1 s) and every vehicle has reselected several times."""
    measure_s: float = 8.0
    placement: Literal["jittered", "uniform"] = "jittered"
    """``jittered``: one vehicle at a uniform place in each 1/beta metres (the density of the published
    model, without its empty bins between multiples of 1/beta); ``uniform``: independent places."""
    speed_mps: float = 30.0
    """Every second vehicle drives up, the others down, at this constant speed."""
    decorrelation_m: float = 1.0
    """Of shadowing: so short that packets are shadowed independently, as in the published model. With 25 m a
    road of some kilometres holds too few independent values to tell a sensitivity loss to 0.5 points."""
    ring_factor: float = 1.0
    """Length of the road over that of the setting."""
    report_m: float = 520.0
    """Receivers up to here are counted; at most 2,100 m."""


def access_layer(setting: Setting, stations: Stations, seed: int, plan: Plan) -> AccessLayer:
    """The C-V2X Mode 4 layer that scenarios use, with the radio of ``setting``."""
    from sim.access.lte_mode4.layer import LteMode4

    radio = setting.radio(plan.decorrelation_m)
    return LteMode4(radio, [setting.flow()], stations, seed, report_distance_m=plan.report_m + FINE_BIN_M)


def replicate(
    setting: Setting,
    seed: int,
    plan: Plan,
    factory: LayerFactory = access_layer,
    check: Callable[[], None] = lambda: None,
) -> Tally:
    """Simulate one replication and count its packets after the warm-up; ``check`` is called once per tick.

    Equal (setting, seed, plan) give equal counts.
    """
    road = _Road(setting, seed, plan)
    layer = factory(setting, road.stations, seed, plan)
    tally = Tally()
    start_ns = ns_from_s(plan.warmup_s)
    end_ns = start_ns + ns_from_s(plan.measure_s)
    # Frames of the last measured period may wait for up to one period more.
    drain_ns = end_ns + 2 * setting.period_ns + TICK_NS
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
    return tally


class _Road:
    """Vehicles, their places over time and their packets."""

    def __init__(self, setting: Setting, seed: int, plan: Plan) -> None:
        self.setting = setting
        self.count = round(setting.vehicle_count * plan.ring_factor)
        self.ring_m = self.count / setting.vehicles_per_m
        self.counted_bins = math.floor(plan.report_m / FINE_BIN_M)
        places = stream(seed, "validate", "placement").random(self.count)
        if plan.placement == "jittered":
            self.x_m = (np.arange(self.count) + places) / setting.vehicles_per_m
        else:
            self.x_m = np.sort(places) * self.ring_m
        self.speed_mps = plan.speed_mps * np.where(np.arange(self.count) % 2 == 0, 1.0, -1.0)
        phase = stream(seed, "validate", "phase").random(self.count)
        self.phase_ns = (phase * setting.period_ns).astype(np.int64)
        self.stations = self._stations()
        self._next_frame = 0

    def _stations(self) -> Stations:
        stations = Stations(0, 0, self.count)
        stations.ring_m = self.ring_m
        stations.station_id[:] = FIRST_VEHICLE_ID + np.arange(self.count)
        stations.active[:] = True
        stations.home[:] = 0
        stations.place[:] = 0
        stations.antenna_height_m[:] = ANTENNA_HEIGHT_M
        stations.antenna_gain_dbi[:] = 0.0
        stations.tx_power_dbm[:] = self.setting.tx_power_dbm
        return stations

    def start_tick(self, now_ns: int) -> None:
        """Places at both ends of the tick; a vehicle passes the ring's end within a tick only."""
        stations = self.stations
        stations.tick_start_ns, stations.tick_end_ns = now_ns, now_ns + TICK_NS
        stations.x0_m = np.mod(self.x_m + self.speed_mps * (now_ns / 1e9), self.ring_m)
        stations.x1_m = stations.x0_m + self.speed_mps * (TICK_NS / 1e9)
        stations.chainage_m = stations.x0_m.copy()
        stations.changed = np.arange(self.count if now_ns == 0 else 0)

    def frames(self, start_ns: int, end_ns: int) -> Frames:
        """Packets generated in [start_ns, end_ns), in order of time."""
        period_ns = self.setting.period_ns
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
            size_bytes=np.full(len(vehicle), self.setting.size_bytes, np.int64),
        )

    def fine_bins(self, senders: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
        """(frames, vehicles) fine distance bin at the frame's start; FINE_BIN_COUNT: itself, out of range."""
        travelled = np.asarray(time_ns, np.float64)[:, None] / 1e9 * self.speed_mps[None, :]
        x_m = self.x_m[None, :] + travelled
        own_m = np.take_along_axis(x_m, senders[:, None], axis=1)
        gap_m = np.mod(x_m - own_m, self.ring_m)
        distance_m = np.minimum(gap_m, self.ring_m - gap_m)
        bins = (distance_m / FINE_BIN_M).astype(np.int64)
        bins[bins >= self.counted_bins] = FINE_BIN_COUNT
        np.put_along_axis(bins, senders[:, None], FINE_BIN_COUNT, axis=1)
        return bins


def _count(tally: Tally, batch: Receptions, road: _Road, start_ns: int, end_ns: int) -> None:
    """Add the frames of ``batch`` that started in [start_ns, end_ns)."""
    chosen = np.flatnonzero((batch.start_ns >= start_ns) & (batch.start_ns < end_ns))
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
    link_bins = bins[row, receiver]
    tally.present += present
    for counts, outcome in ((tally.data, batch.data_outcome), (tally.full, batch.outcome)):
        key = outcome[inside].astype(np.int64) * (FINE_BIN_COUNT + 1) + link_bins
        added = np.bincount(key, minlength=OUTCOME_COUNT * (FINE_BIN_COUNT + 1))
        added = added.reshape(OUTCOME_COUNT, FINE_BIN_COUNT + 1)[:, :FINE_BIN_COUNT]
        counts += added
        counts[Outcome.NEVER_SENT] += unsent
        counts[Outcome.SENSITIVITY] += present - unsent - added.sum(axis=0)
