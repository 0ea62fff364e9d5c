"""One roadside sender and silent receivers around it: what noise and path loss alone do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.access import access_class
from sim.access.bench import TICK_NS, Traffic, move, place
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome, Receptions
from sim.scenario.schema.radio import Radio

FLOW = Flow(0, "RSM", Kind.RSU, 100 * MS, 100 * MS, 5)


def received(
    radio: Radio,
    size_bytes: int,
    x_m: np.ndarray,
    y_m: np.ndarray,
    ticks: int,
    *,
    power_dbm: float,
    gain_dbi: float = 0.0,
    sender_height_m: float = 1.5,
    height_m: float = 1.5,
    speed_mps: float = 0.0,
    seed: int = 1,
) -> np.ndarray:
    """Share of packets that each silent receiver at (x, y) got from a sender at the origin, one packet per 100 ms.

    Everybody moves on together at ``speed_mps``, so that shadowing changes and distances do not. The authors'
    convention: losses of the control channel do not count.
    """
    got, sent = np.zeros(len(x_m)), 0
    for batch in batches(
        radio,
        size_bytes,
        x_m,
        y_m,
        ticks,
        power_dbm=power_dbm,
        gain_dbi=gain_dbi,
        sender_height_m=sender_height_m,
        height_m=height_m,
        speed_mps=speed_mps,
        seed=seed,
    ):
        sent += int(batch.sent.sum())
        good = batch.data_outcome == Outcome.DELIVERED
        np.add.at(got, batch.receiver[good] - 1, 1.0)
    return got / max(1, sent)


def batches(
    radio: Radio,
    size_bytes: int,
    x_m: np.ndarray,
    y_m: np.ndarray,
    ticks: int,
    *,
    power_dbm: float,
    gain_dbi: float,
    sender_height_m: float,
    height_m: float,
    speed_mps: float,
    seed: int,
) -> Iterator[Receptions]:
    """What the layer says of every tick."""
    n = len(x_m) + 1
    kinds = np.full(n, Kind.PROBE, np.int8)
    kinds[0] = Kind.RSU
    stations = place(np.append(0.0, x_m), np.append(0.0, y_m), kinds, power_dbm=power_dbm, gain_dbi=gain_dbi)
    stations.antenna_height_m[:] = height_m
    stations.antenna_height_m[0] = sender_height_m
    stations.x1_m = stations.x0_m + speed_mps * (TICK_NS / 1e9)
    stations.changed = np.arange(n)
    furthest_m = float(np.hypot(x_m, y_m).max())
    layer = access_class(radio.access)(radio, [FLOW], stations, seed, report_distance_m=furthest_m + 10.0)
    traffic = Traffic([FLOW], {0: size_bytes}, seed)
    for tick in range(ticks + 2):
        if tick:
            move(stations, np.full(n, speed_mps))
        layer.stations_changed(stations)
        if tick < ticks:
            layer.submit(traffic.frames(stations))
        yield layer.advance(stations.tick_end_ns, stations)


def circles(distances_m: tuple[float, ...], each: int) -> tuple[np.ndarray, np.ndarray]:
    """So many places evenly on a circle of every distance, flat."""
    angle = np.tile(np.arange(each) * 2 * np.pi / each, len(distances_m))
    radius = np.repeat(np.array(distances_m), each)
    return radius * np.cos(angle), radius * np.sin(angle)
