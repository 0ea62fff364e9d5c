"""Vehicles that follow a recorded file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sim.clock import SECOND, ns_from_s
from sim.scenario.schema import Scenario
from sim.traffic.attach import attach
from sim.traffic.base import TrafficBase
from sim.traffic.tables import InputProblems
from sim.traffic.trajectory_checks import LONGEST_GAP_STEPS, TIME_TOLERANCE_S, check_file, on_plane
from sim.traffic.trajectory_files import Frame, read_frames
from sim.world.network import RoadNetwork
from sim.world.signals import Signals


class TrajectoryTraffic(TrafficBase):
    """Replays a CSV (time, id, x, y or lon, lat, speed, heading, optional type) or SUMO FCD file.

    Times in s, x and y on the corridor's plane, lon and lat in the corridor's datum, speed in m/s, heading in degrees
    clockwise from north, -360 to 360. Positions in a CSV are centres of vehicles; those of SUMO are the middle of the
    front bumper, from which half the vehicle's length is taken off along its heading. The header of a CSV says whether
    positions are degrees; for FCD the first vehicles decide for the whole file
    (:func:`sim.traffic.trajectory_checks.looks_geographic`). On a ring x goes on growing. The first time in the file is
    the moment of ``start``. Between samples position and speed are linear, heading goes the shorter way. A vehicle
    appears at the first tick after its first sample and goes at its last. ``type`` names a class of the scenario,
    otherwise the class is drawn. After the end of the file (``duration_ns``) the road is empty. The whole file is read
    once at construction, in a stream: InputError lists up to 20 problems.
    """

    def __init__(self, config: Scenario, network: RoadNetwork, signals: Signals, seed: int) -> None:
        super().__init__(config, network, signals, seed)
        if self.config.file is None:
            raise ValueError("traffic.file: model trajectories needs a file")
        self._path = Path(self.config.file)
        self._front = self._path.suffix.lower() != ".csv"
        self._facts = facts = check_file(self._path, network.corridor)
        self._first_s, self._step_s = facts.first_s, facts.step_s
        self.duration_ns = ns_from_s(facts.last_s - facts.first_s)
        self._class_names = {c.name: i for i, c in enumerate(self.config.classes)}
        self._frames: Iterator[Frame] = iter(())
        self._loaded_s = -np.inf
        self._samples: dict[str, deque[tuple[float, np.ndarray, str]]] = {}
        self._slot_of: dict[str, int] = {}
        self._start_ns = 0

    def warnings(self) -> list[str]:
        """A speed column that does not fit the motion."""
        return self._facts.warnings()

    def start(self, now_ns: int) -> None:
        """Open the file and place everybody present at its first time."""
        self._start_ns = now_ns
        self._frames = read_frames(self._path, InputProblems(self._path))
        self._show(self._first_s)
        self.fleet.end_step(0.0)

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Go on in the file by one tick."""
        self.fleet.begin_step()
        self._show(self._first_s + (now_ns + tick_ns - self._start_ns) / SECOND)
        self.fleet.end_step(tick_ns / SECOND)

    def _show(self, time_s: float) -> None:
        self._load(time_s + LONGEST_GAP_STEPS * self._step_s)
        rows, gone = [], []
        for name, samples in self._samples.items():
            while len(samples) > 1 and samples[1][0] <= time_s + TIME_TOLERANCE_S:
                samples.popleft()
            begin_s, before, kind = samples[0]
            if begin_s > time_s + TIME_TOLERANCE_S:
                continue
            if len(samples) == 1 and begin_s < time_s - TIME_TOLERANCE_S:
                gone.append(name)
                continue
            after_s, after, _ = samples[min(1, len(samples) - 1)]
            part = (time_s - begin_s) / (after_s - begin_s) if after_s > begin_s else 0.0
            rows.append((name, kind, before, after, min(max(part, 0.0), 1.0)))
        for name in gone:
            del self._samples[name]
        self._remove(np.array([self._slot_of.pop(name) for name in gone if name in self._slot_of], np.int64))
        if rows:
            self._place(rows)

    def _place(self, rows: list[tuple[str, str, np.ndarray, np.ndarray, float]]) -> None:
        new = [(name, kind) for name, kind, *_ in rows if name not in self._slot_of]
        zeros = np.zeros(len(new), int)
        slots = self._add(self.new_numbers(len(new)), zeros, zeros, zeros.astype(float), zeros.astype(float))
        for slot, (name, kind) in zip(slots, new, strict=True):
            self._slot_of[name] = int(slot)
            if kind in self._class_names:
                self.population.set_class(self.fleet, np.array([slot]), self._class_names[kind])
        slots = np.array([self._slot_of[row[0]] for row in rows])
        before, after = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
        part = np.array([row[4] for row in rows])[:, None]
        now = before + part * (after - before)
        turn = (after[:, 3] - before[:, 3] + 180) % 360 - 180
        heading = (before[:, 3] + part[:, 0] * turn) % 360
        back_m = self.fleet.length_m[slots] / 2 if self._front else np.zeros(len(slots))
        x_m = now[:, 0] - back_m * np.sin(np.radians(heading))
        y_m = now[:, 1] - back_m * np.cos(np.radians(heading))
        attach(self.fleet, slots, self.network, x_m, y_m, heading)
        self.fleet.speed_mps[slots] = now[:, 2]

    def _load(self, until_s: float) -> None:
        while self._loaded_s < until_s + TIME_TOLERANCE_S:
            frame = next(self._frames, None)
            if frame is None:
                self._loaded_s = np.inf
                return
            self._loaded_s = frame.time_s
            places = on_plane(frame, self.network.corridor, self._facts.geographic)
            values = np.column_stack([*places, *frame.columns()[2:]])
            for sample, row in zip(frame.samples, values, strict=True):
                self._samples.setdefault(sample.id, deque()).append((frame.time_s, row, sample.type))
