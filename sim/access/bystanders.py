"""Receivers of frames that were never sent, or that an ideal radio delivers: everyone within a distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.access.neighbours import Neighbours, along, run_within
from sim.frames import Kind, Outcome, Receptions
from sim.world.stations import Stations


def within(
    stations: Stations, sender: np.ndarray, time_ns: np.ndarray, distance_m: float, ring_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row of sender, receiver slot, 3-D distance) of all active stations within ``distance_m`` at each time.

    Probes hear roadside units only. Rows with a negative sender have no receivers.
    """
    everyone = np.flatnonzero(stations.active)
    row = np.flatnonzero(sender >= 0)
    if not len(row) or not len(everyone):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    place = along(stations, everyone, everyone, ring_m)
    order = np.argsort(place, kind="stable")
    everyone, place = everyone[order], place[order]
    slack_m = float(np.hypot(stations.x1_m - stations.x0_m, stations.y1_m - stations.y0_m)[everyone].max())
    lo, count = run_within(along(stations, sender[row], everyone, ring_m), place, distance_m + slack_m, ring_m)
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    receiver = everyone[(np.repeat(lo, count) + step) % len(everyone)]
    row = np.repeat(row, count)
    near = (stations.kind[receiver] != Kind.PROBE) | (stations.kind[sender[row]] == Kind.RSU)
    near &= receiver != sender[row]
    row, receiver = row[near], receiver[near]
    distance = _distance(stations, sender[row], receiver, time_ns[row], ring_m)
    inside = distance <= distance_m
    return row[inside], receiver[inside], distance[inside].astype(np.float32)


def _distance(stations: Stations, a: np.ndarray, b: np.ndarray, time_ns: np.ndarray, ring_m: float) -> np.ndarray:
    ax, ay = stations.position(a, time_ns)
    bx, by = stations.position(b, time_ns)
    dx = bx - ax
    if ring_m:
        dx -= ring_m * np.rint(dx / ring_m)
    return np.sqrt(dx**2 + (by - ay) ** 2 + (stations.antenna_height_m[b] - stations.antenna_height_m[a]) ** 2)


def dropped_rows(
    dropped: Sequence[tuple[np.ndarray, ...]], stations: Stations, near: Neighbours, distance_m: float
) -> Receptions:
    """Frames (frame, slot, time, station present) that ended unsent, with every receiver within the distance then."""
    frame, slot, time, present = (np.concatenate([part[i] for part in dropped]) for i in range(4))
    time = np.maximum(time, stations.tick_start_ns)
    row, receiver, distance = within(stations, np.where(present, slot, -1), time, distance_m, near.ring_m)
    lost = np.full(len(row), Outcome.NEVER_SENT, np.int8)
    nothing = np.full(len(row), np.nan, np.float32)
    minus = np.full(len(frame), -1, np.int64)
    return Receptions(
        frame, slot, time, time.copy(), np.zeros(len(frame), bool), row, receiver, distance, lost, lost.copy(), nothing,
        nothing.copy(), {"first_subchannel": minus, "subchannels": minus.copy(), "mcs": minus.copy()},
    )


