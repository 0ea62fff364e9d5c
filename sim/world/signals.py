"""Fixed-time traffic signals: what each phase shows when, and until when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import simpy

from sim.clock import NEVER, ns_from_s
from sim.scenario.schema.corridor import Corridor, PhasePlan, SignalNode
from sim.world.corridor import Problem, WorldProblems
from sim.world.network import APPROACHES, RoadNetwork

DEFAULT_CYCLE_S = 90.0
DEFAULT_YELLOW_S, DEFAULT_ALL_RED_S = 3.0, 2.0
DEFAULT_MAIN_WEIGHT = 4 / 3
"""Default plan: green of a main approach over green of an arm (assumption)."""


class Light(IntEnum):
    """What a phase shows; all-red is RED."""

    RED = 0
    YELLOW = 1
    GREEN = 2


@dataclass(frozen=True)
class Switch:
    """One change of one phase, published by :meth:`Signals.run`."""

    time_ns: int
    node: int
    phase_id: int
    light: Light
    end_ns: int


def default_plan(approaches: list[str]) -> list[PhasePlan]:
    """Split phasing, one stage per approach, cycle 90 s (assumption); greens in whole seconds."""
    lost_s = len(approaches) * (DEFAULT_YELLOW_S + DEFAULT_ALL_RED_S)
    weights = [DEFAULT_MAIN_WEIGHT if name in APPROACHES[:2] else 1.0 for name in approaches]
    unit_s = (DEFAULT_CYCLE_S - lost_s) / sum(weights)
    greens = [float(int(weight * unit_s)) for weight in weights]
    greens[0] += DEFAULT_CYCLE_S - lost_s - sum(greens)
    return [
        PhasePlan(approaches=[name], green_s=green, yellow_s=DEFAULT_YELLOW_S, all_red_s=DEFAULT_ALL_RED_S)
        for name, green in zip(approaches, greens, strict=True)
    ]


class SignalController:
    """The fixed-time plan of one node; phase ids are 1..4 for up, down, arm_right, arm_left.

    A phase that is green in two consecutive stages stays green in between.
    """

    def __init__(self, node: int, config: SignalNode, approaches: list[str]) -> None:
        self.node = node
        self.plan = list(config.phases) or default_plan(approaches)
        self.phase_ids = [APPROACHES.index(name) + 1 for name in approaches]
        self.offset_ns = ns_from_s(config.offset_s)
        self.cycle_ns = sum(
            ns_from_s(s.green_s) + ns_from_s(s.yellow_s) + ns_from_s(s.all_red_s) for s in self.plan
        )
        self._starts: dict[int, np.ndarray] = {}
        self._lights: dict[int, np.ndarray] = {}
        for phase_id in self.phase_ids:
            self._starts[phase_id], self._lights[phase_id] = self._timeline(APPROACHES[phase_id - 1])
        self._rows = {
            phase_id: (starts.tolist(), [Light(light) for light in self._lights[phase_id].tolist()])
            for phase_id, starts in self._starts.items()
        }

    def _timeline(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(start within the cycle, light) of each interval of one approach, equal neighbours joined."""
        rows: list[tuple[int, Light]] = []
        at = 0
        for stage, after in zip(self.plan, self.plan[1:] + self.plan[:1], strict=True):
            green = name in stage.approaches
            stays = green and name in after.approaches
            lights = (
                (stage.green_s, Light.GREEN if green else Light.RED),
                (stage.yellow_s, Light.GREEN if stays else Light.YELLOW if green else Light.RED),
                (stage.all_red_s, Light.GREEN if stays else Light.RED),
            )
            for seconds, light in lights:
                if seconds > 0 and (not rows or rows[-1][1] != light):
                    rows.append((at, light))
                at += ns_from_s(seconds)
        if len(rows) > 1 and rows[0][1] == rows[-1][1]:
            rows = rows[1:]
        return np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.int8)

    def state_at(self, phase_id: int, time_ns: int) -> tuple[Light, int]:
        """(light, end_ns): what the phase shows at ``time_ns`` and when that ends (``NEVER`` if it does not).

        A change at ``time_ns`` counts as done. Raises ValueError for a phase the node does not have.
        """
        rows = self._rows.get(phase_id)
        if rows is None:
            raise ValueError(f"phase_id: {phase_id} is not one of {self.phase_ids}")
        starts, lights = rows
        if len(starts) == 1:
            return lights[0], NEVER
        cycle, within = divmod(time_ns - self.offset_ns, self.cycle_ns)
        after = bisect_right(starts, within)
        end = starts[after] if after < len(starts) else starts[0] + self.cycle_ns
        return lights[after - 1], cycle * self.cycle_ns + self.offset_ns + end

    def states_at(self, phase_id: int, time_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(light int8, end_ns int64) for an array of times."""
        if phase_id not in self._starts:
            raise ValueError(f"phase_id: {phase_id} is not one of {self.phase_ids}")
        starts, lights = self._starts[phase_id], self._lights[phase_id]
        time = np.asarray(time_ns, np.int64)
        if len(starts) == 1:
            return np.full(time.shape, lights[0]), np.full(time.shape, NEVER, np.int64)
        cycle, within = np.divmod(time - self.offset_ns, self.cycle_ns)
        last = np.searchsorted(starts, within, side="right") - 1
        ends = np.append(starts[1:], starts[0] + self.cycle_ns)
        before_first = last < 0
        end = np.where(before_first, starts[0], ends[last])
        return lights[last], cycle * self.cycle_ns + self.offset_ns + end

    def green_ratio(self, phase_id: int) -> float:
        """Share of the cycle in which the phase is green."""
        return self._light_ns(phase_id, Light.GREEN) / self.cycle_ns

    def next_green_ns(self, phase_id: int, time_ns: int) -> int:
        """When the phase is next green (``time_ns`` if it is), ``NEVER`` if it never is."""
        for _ in range(4):
            light, end_ns = self.state_at(phase_id, time_ns)
            if light == Light.GREEN or end_ns == NEVER:
                return time_ns if light == Light.GREEN else NEVER
            time_ns = end_ns
        return NEVER

    def _light_ns(self, phase_id: int, light: Light) -> int:
        starts, lights = self._starts[phase_id], self._lights[phase_id]
        lengths = np.diff(np.append(starts, starts[0] + self.cycle_ns))
        return int(lengths[lights == light].sum())


class Signals:
    """All controllers of a network; listeners hear every switch while :meth:`run` runs."""

    def __init__(self, network: RoadNetwork) -> None:
        config = network.corridor.config
        found = signal_problems(config)
        if found:
            raise WorldProblems(found)
        self.network = network
        self.controllers = [
            SignalController(i, node, [a.name for a in network.approaches_of(i)])
            for i, node in enumerate(config.nodes)
        ]
        self.listeners: list[Callable[[Switch], None]] = []

    @property
    def longest_cycle_ns(self) -> int:
        """Cycle time of the slowest controller, 0 without signals."""
        return max((c.cycle_ns for c in self.controllers), default=0)

    def lights_at(self, time_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """(light int8, end_ns int64), one row per ``network.approaches``."""
        rows = [self.controllers[a.node].state_at(a.phase_id, time_ns) for a in self.network.approaches]
        return np.array([r[0] for r in rows], np.int8), np.array([r[1] for r in rows], np.int64)

    def run(self, env: simpy.Environment) -> None:
        """Start one process per node that switches its lights and tells the listeners (env time in ns)."""
        for controller in self.controllers:
            env.process(self._switch(env, controller))

    def _switch(
        self, env: simpy.Environment, controller: SignalController
    ) -> Generator[simpy.Event, Any, None]:
        while True:
            now_ns = int(env.now)
            ends = []
            for phase_id in controller.phase_ids:
                light, end_ns = controller.state_at(phase_id, now_ns)
                changed = now_ns == 0 or controller.state_at(phase_id, now_ns - 1)[1] == now_ns
                if changed:
                    for listener in self.listeners:
                        listener(Switch(now_ns, controller.node, phase_id, light, end_ns))
                ends.append(end_ns)
            if min(ends) >= NEVER:
                return
            yield env.timeout(min(ends) - now_ns)


def signal_problems(config: Corridor) -> list[Problem]:
    """What is wrong with the plans: unknown or twice named approaches, no green, conflicting approaches at once."""
    problems: list[Problem] = []
    existing = [name for name in APPROACHES if name in config.directions or name.startswith("arm")]
    for i, node in enumerate(config.nodes):
        served: set[str] = set()
        for j, stage in enumerate(node.phases):
            path = ("corridor", "nodes", i, "phases", j, "approaches")
            for name in stage.approaches:
                if name not in APPROACHES:
                    problems.append((path, f"{name!r} is not one of {', '.join(APPROACHES)}"))
                elif name not in existing:
                    problems.append(
                        (
                            path,
                            f"{name!r} does not exist here, the road has {', '.join(config.directions)} only",
                        )
                    )
            moving = [name for name in APPROACHES if name in stage.approaches and name in existing]
            served.update(moving)
            reason = _conflict(node, moving)
            if reason:
                problems.append((path, f"{' and '.join(moving)} may not move at once: {reason}"))
        missing = [name for name in existing if name not in served]
        if node.phases and missing:
            problems.append((("corridor", "nodes", i, "phases"), f"{', '.join(missing)} never gets green"))
    return problems


def _conflict(node: SignalNode, moving: list[str]) -> str:
    """Why these approaches collide, empty if they do not. Traffic does not yield, so streams must not cross."""
    mains = [name for name in moving if name in ("up", "down")]
    arms = [name for name in moving if name.startswith("arm")]
    if mains and arms:
        return "main road and side arms cross"
    if len(mains) == 2 and node.arms.main_left_ratio > 0:
        return f"left turns from the main road (main_left_ratio {node.arms.main_left_ratio:g}) cross oncoming traffic"
    if len(arms) == 2 and node.arms.turn_left_ratio > 0:
        return (
            f"left turns from the arms (turn_left_ratio {node.arms.turn_left_ratio:g}) cross oncoming traffic"
        )
    return ""
