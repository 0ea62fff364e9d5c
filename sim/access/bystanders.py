"""Receivers of frames that were never sent, or that an ideal radio delivers: everyone within a distance."""

from __future__ import annotations

import numpy as np

from sim.access.neighbours import Neighbours
from sim.frames import Kind, Outcome, Receptions
from sim.world.stations import Stations


def within(
    stations: Stations, sender: np.ndarray, time_ns: np.ndarray, distance_m: float, ring_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(row of sender, receiver slot, 3-D distance) of all active stations within ``distance_m`` at each time.

    Probes hear roadside units only. Rows with a negative sender have no receivers. One pass over all stations per
    sender: for few frames.
    """
    rows, receivers, distances = [], [], []
    everyone = np.flatnonzero(stations.active)
    for row, (slot, time) in enumerate(zip(sender.tolist(), time_ns.tolist(), strict=True)):
        if slot < 0:
            continue
        x, y = stations.position(everyone, time)
        own_x, own_y = stations.position(np.array([slot]), time)
        dx = x - own_x
        if ring_m:
            dx -= ring_m * np.rint(dx / ring_m)
        dz = stations.antenna_height_m[everyone] - stations.antenna_height_m[slot]
        distance = np.sqrt(dx**2 + (y - own_y) ** 2 + dz**2)
        near = (distance <= distance_m) & (everyone != slot)
        if stations.kind[slot] != Kind.RSU:
            near &= stations.kind[everyone] != Kind.PROBE
        rows.append(np.full(int(near.sum()), row, np.int64))
        receivers.append(everyone[near])
        distances.append(distance[near].astype(np.float32))
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    return np.concatenate(rows), np.concatenate(receivers), np.concatenate(distances)


def dropped_rows(
    dropped: list[tuple[np.ndarray, np.ndarray, np.ndarray]], stations: Stations, near: Neighbours, distance_m: float
) -> Receptions:
    """Frames (frame, slot or -1, time) that ended unsent, with every receiver within the distance at that time."""
    frame, slot, time = (np.concatenate([part[i] for part in dropped]) for i in range(3))
    time = np.maximum(time, stations.tick_start_ns)
    row, receiver, distance = within(stations, slot, time, distance_m, near.ring_m)
    lost = np.full(len(row), Outcome.NEVER_SENT, np.int8)
    nothing = np.full(len(row), np.nan, np.float32)
    minus = np.full(len(frame), -1, np.int64)
    return Receptions(
        frame, slot, time, time.copy(), np.zeros(len(frame), bool), row, receiver, distance, lost, lost.copy(), nothing,
        nothing.copy(), {"first_subchannel": minus, "subchannels": minus.copy(), "mcs": minus.copy()},
    )


