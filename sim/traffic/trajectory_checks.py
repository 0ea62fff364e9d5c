"""What a trajectory file must satisfy before it is replayed, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from pathlib import Path

import numpy as np

from sim.clock import SECOND
from sim.scenario.found import Found
from sim.scenario.schema import Scenario
from sim.traffic.tables import InputError, InputProblems
from sim.traffic.trajectory_files import Frame, read_frames
from sim.world.corridor import CorridorGeometry, WorldProblems
from sim.world.network import RoadNetwork
from sim.world.signals import Signals

LONGEST_GAP_STEPS = 2.0
"""A vehicle may be absent from the file for this many of its time steps, then its record has a hole."""
FASTEST_MPS = 100.0
"""No vehicle covers more between two samples; also the upper limit of the speed column (tables.py). Assumption."""
SPEED_FACTOR = 3.0
"""Speeds as written and as driven may differ by this factor on average without a warning; km/h would be 3.6."""
LEAST_COMPARED_MPS = 1.0
"""Below this mean speed the noise of positions outweighs the motion (assumption)."""
DEGREES_AROUND = 1.0
"""How far from the corridor's origin numbers may be longitudes and latitudes."""
TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True)
class FileFacts:
    """What one reading of a trajectory file tells; the step is the first difference between times."""

    first_s: float
    last_s: float
    step_s: float
    geographic: bool
    driven_mps: float
    """Mean of displacement over time, over all vehicles and steps."""
    written_mps: float
    """Mean of the speed column over the same steps."""

    def warnings(self) -> list[str]:
        """One line when the speed column cannot be the speed of the motion."""
        low, high = sorted((self.driven_mps, self.written_mps))
        if high < LEAST_COMPARED_MPS or high <= SPEED_FACTOR * low:
            return []
        return [
            f"traffic.file: vehicles move by {self.driven_mps:.1f} m/s on average, their speeds say "
            f"{self.written_mps:.1f} m/s (speeds must be in m/s)"
        ]


def looks_geographic(frame: Frame, corridor: CorridorGeometry) -> bool:
    """Whether the positions of a file are longitudes and latitudes, judged by its first vehicles.

    The format says so (CSV header), or, where it does not (SUMO FCD): all of them lie within ``DEGREES_AROUND`` of the
    corridor's origin and would stand farther off the road as plane coordinates.
    """
    if frame.geographic is not None:
        return frame.geographic
    a, b, _, _ = frame.columns()
    plane = corridor.plane
    off_deg = np.maximum(np.abs(a - plane.lon0_deg), np.abs(b - plane.lat0_deg))
    if not np.all(off_deg < DEGREES_AROUND):
        return False
    _, left_as_plane = corridor.project(a, b)
    _, left_as_degrees = corridor.project(*corridor.from_lonlat(a, b))
    return bool(np.max(np.abs(left_as_degrees)) < np.max(np.abs(left_as_plane)))


def on_plane(frame: Frame, corridor: CorridorGeometry, geographic: bool) -> tuple[np.ndarray, np.ndarray]:
    """(x_m, y_m) of a frame's vehicles."""
    a, b, _, _ = frame.columns()
    return corridor.from_lonlat(a, b) if geographic else (a, b)


def check_file(path: Path, corridor: CorridorGeometry) -> FileFacts:
    """Read a trajectory file once and make sure that it can be replayed.

    Raises InputError with up to 20 lines: values that are no numbers or outside their range, times that do not grow,
    ids twice at one time, holes of more than two steps, places far off the road, steps faster than ``FASTEST_MPS``.
    """
    problems = InputProblems(path)
    first = last = step = None
    geographic: bool | None = None
    seen: dict[str, float] = {}
    motion = _Motion(problems)
    for frame in read_frames(path, problems):
        time_s = frame.time_s
        if last is not None and not time_s > last:
            problems.add(frame.line, "time", f"{time_s:g}", f"must be later than {last:g}, the time before it")
            continue
        if last is not None and step is not None and time_s - last > LONGEST_GAP_STEPS * step + TIME_TOLERANCE_S:
            rule = f"at most {LONGEST_GAP_STEPS:g} steps of {step:g} s are allowed"
            gap = f"comes {time_s - last:g} s after the time before it"
            problems.add(frame.line, "time", f"{time_s:g}", f"{gap}, {rule}")
        elif last is not None and step is None:
            step = time_s - last
        if geographic is None and frame.samples:
            geographic = looks_geographic(frame, corridor)
        _check_ids(frame, seen, step, last, problems)
        x_m, y_m = on_plane(frame, corridor, bool(geographic))
        _check_places(frame, x_m, y_m, corridor, problems)
        motion.add(frame, x_m, y_m)
        first, last = (time_s if first is None else first), time_s
    problems.raise_if_any()
    if first is None or last is None or geographic is None:
        raise InputError(f"{path}:1: file: '' holds no vehicle")
    return FileFacts(first, last, step or 0.1, geographic, *motion.means_mps())


class _Motion:
    """Compares each vehicle's places with the ones before: too far is a problem, all of them give the mean speeds."""

    def __init__(self, problems: InputProblems) -> None:
        self._problems = problems
        self._before: dict[str, tuple[float, float, float, float]] = {}
        self._driven_m = self._written_m = self._time_s = 0.0

    def add(self, frame: Frame, x_m: np.ndarray, y_m: np.ndarray) -> None:
        """Take in the next frame of the file."""
        for sample, x, y in zip(frame.samples, x_m.tolist(), y_m.tolist(), strict=True):
            before = self._before.get(sample.id)
            self._before[sample.id] = (frame.time_s, x, y, sample.speed_mps)
            if before is None or not frame.time_s > before[0]:
                continue
            passed_s, moved_m = frame.time_s - before[0], hypot(x - before[1], y - before[2])
            if moved_m > FASTEST_MPS * passed_s:
                rule = f"moves {moved_m:.0f} m in {passed_s:g} s; at most {FASTEST_MPS:g} m/s are allowed"
                self._problems.add(sample.line, "position", f"{sample.a:g}, {sample.b:g}", rule)
            self._time_s += passed_s
            self._driven_m += moved_m
            self._written_m += passed_s * (before[3] + sample.speed_mps) / 2

    def means_mps(self) -> tuple[float, float]:
        """(driven, written) over all steps, 0 without any."""
        time_s = self._time_s or 1.0
        return self._driven_m / time_s, self._written_m / time_s


def _check_ids(
    frame: Frame, seen: dict[str, float], step: float | None, last: float | None, problems: InputProblems
) -> None:
    here: set[str] = set()
    for sample in frame.samples:
        if sample.id in here:
            problems.add(sample.line, "id", sample.id, f"stands twice at time {frame.time_s:g}")
        here.add(sample.id)
        before = seen.get(sample.id)
        if before is not None and before != last and step is not None:
            gap_s = frame.time_s - before
            if gap_s > LONGEST_GAP_STEPS * step + TIME_TOLERANCE_S:
                rule = f"at most {LONGEST_GAP_STEPS:g} steps of {step:g} s may be missing"
                problems.add(sample.line, "id", sample.id, f"was last seen at {before:g}, {gap_s:g} s ago, {rule}")
        seen[sample.id] = frame.time_s


def _check_places(
    frame: Frame, x_m: np.ndarray, y_m: np.ndarray, corridor: CorridorGeometry, problems: InputProblems
) -> None:
    good = np.isfinite(x_m) & np.isfinite(y_m)
    _, left = corridor.project(np.where(good, x_m, 0.0), np.where(good, y_m, 0.0))
    limit_m = corridor.config.max_offset_m
    for i in np.flatnonzero(good & (np.abs(left) > limit_m)):
        sample = frame.samples[i]
        rule = f"lies {abs(left[i]):.0f} m off the road, at most {limit_m:g} m is allowed"
        problems.add(sample.line, "position", f"{sample.a:g}, {sample.b:g}", rule)


def recording_problems(config: Scenario, corridor: CorridorGeometry, file: Path | None) -> Iterator[Found]:
    """What a scenario that replays ``file`` cannot do with it: (key path, rule broken).

    Everything :func:`check_file` refuses, and a file that ends before warm-ups and measured time do.
    """
    if config.traffic.model != "trajectories" or file is None:
        return
    here = ("traffic", "file")
    try:
        facts = check_file(file, corridor)
        cycle_s = Signals(RoadNetwork(corridor)).longest_cycle_ns / SECOND
    except InputError as error:
        yield from ((here, line) for line in str(error).splitlines())
        return
    except WorldProblems:
        return
    warmup_s = 3 * cycle_s if config.traffic_warmup_s is None else config.traffic_warmup_s
    needed_s = warmup_s + config.radio_warmup_s + config.duration_s
    held_s = facts.last_s - facts.first_s
    if held_s < needed_s - TIME_TOLERANCE_S:
        parts = f"warm-ups {warmup_s:g} and {config.radio_warmup_s:g} s, measured {config.duration_s:g} s"
        yield here, f"holds {held_s:g} s, the run needs {needed_s:g} s ({parts})"
