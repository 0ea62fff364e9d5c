"""A plain loop that drives an access layer without a scenario: stations that move straight on, periodic messages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.access.base import AccessLayer
from sim.clock import MS, hashed_uniform, stream_key
from sim.frames import Flow, Frames, Kind, Receptions
from sim.world.stations import Stations

TICK_NS = 100 * MS


def place(
    x_m: np.ndarray, y_m: np.ndarray, kind: np.ndarray | None = None, ring_m: float = 0.0, power_dbm: float = 23.0,
    gain_dbi: float = 3.0, height_m: float = 1.5,
) -> Stations:
    """Stations at rest, all active, at time 0: RSUs, then probes, then vehicles (kinds must come in this order)."""
    n = len(x_m)
    kinds = np.full(n, Kind.VEHICLE, np.int8) if kind is None else np.asarray(kind, np.int8)
    counts = [int((kinds == k).sum()) for k in (Kind.RSU, Kind.PROBE, Kind.VEHICLE)]
    expected = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], counts)
    if np.any(kinds != expected):
        raise ValueError("kind: stations must come as RSUs, probes, vehicles")
    stations = Stations(*counts)
    stations.active[:] = True
    stations.station_id[:] = np.arange(n) + np.repeat([0, 1_000_000, 10_000_000], counts)
    stations.x0_m[:] = stations.x1_m[:] = stations.chainage_m[:] = x_m
    stations.y0_m[:] = stations.y1_m[:] = y_m
    stations.tx_power_dbm[:], stations.antenna_gain_dbi[:], stations.antenna_height_m[:] = power_dbm, gain_dbi, height_m
    stations.ring_m = ring_m
    stations.tick_start_ns, stations.tick_end_ns = 0, TICK_NS
    return stations


def move(stations: Stations, speed_mps: np.ndarray) -> None:
    """Begin the next tick of 100 ms along x; on a ring, places stay within one turn at the start of a tick."""
    stations.tick_start_ns = stations.tick_end_ns
    stations.tick_end_ns += TICK_NS
    stations.x0_m[:], stations.y0_m[:] = stations.x1_m, stations.y1_m
    if stations.ring_m:
        stations.x0_m %= stations.ring_m
    stations.x1_m = stations.x0_m + speed_mps * (TICK_NS / 1e9)
    stations.chainage_m[:] = stations.x0_m
    stations.changed = np.empty(0, np.int64)


class Traffic:
    """Frames of periodic flows: every station of the flow's kind, at a random phase of its own."""

    def __init__(self, flows: list[Flow], sizes: dict[int, int], seed: int, start_ns: int = 0) -> None:
        self.flows, self.sizes, self.start_ns = flows, sizes, start_ns
        self._key = stream_key(seed, "bench", "phase")
        self._frame = 0
        self._sequence: dict[int, np.ndarray] = {}

    def frames(self, stations: Stations) -> Frames:
        """Frames ready within the stations' current tick."""
        parts = []
        begin, end = stations.tick_start_ns, stations.tick_end_ns
        for flow in self.flows:
            slots = np.flatnonzero(stations.active & (stations.kind == flow.sender))
            phase = hashed_uniform(self._key, stations.station_id[slots], np.array(flow.index)) * flow.period_ns
            first = self.start_ns + phase.astype(np.int64)
            turn = np.maximum(0, -((first - begin) // flow.period_ns))
            ready = first + turn * flow.period_ns
            while len(slots := slots[ready < end]):
                turn, first, ready = turn[ready < end], first[ready < end], ready[ready < end]
                parts.append(self._rows(stations, flow, slots, ready, turn))
                turn = turn + 1
                ready = first + turn * flow.period_ns
        return Frames.concatenate(parts)

    def _rows(
        self, stations: Stations, flow: Flow, slots: np.ndarray, ready: np.ndarray, turn: np.ndarray
    ) -> Frames:
        n = len(slots)
        number = self._frame + np.arange(n)
        self._frame += n
        sequence = turn * 64 + flow.index
        return Frames(
            number, slots, stations.station_id[slots], sequence, np.full(n, flow.index), np.zeros(n, np.int64), ready,
            ready.copy(), np.full(n, self.sizes[flow.index]),
        )


def run(
    layer: AccessLayer, stations: Stations, traffic: Traffic, ticks: int, speed_mps: np.ndarray | float = 0.0,
    step_ns: int = TICK_NS,
) -> Iterator[Receptions]:
    """Drive ``layer`` for so many ticks, asking it every ``step_ns``; its batches as they come."""
    speed = np.broadcast_to(np.asarray(speed_mps, np.float64), stations.x0_m.shape)
    for tick in range(ticks):
        if tick:
            move(stations, speed)
        else:
            stations.x1_m = stations.x0_m + speed * (TICK_NS / 1e9)
        layer.stations_changed(stations)
        layer.submit(traffic.frames(stations))
        now = stations.tick_start_ns
        while now < stations.tick_end_ns:
            now = min(now + step_ns, stations.tick_end_ns)
            yield layer.advance(now, stations)
