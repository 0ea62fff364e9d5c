"""When a run warms up, measures and ends, in ticks of its traffic."""

from __future__ import annotations

from dataclasses import dataclass

from sim.clock import MS, ns_from_s
from sim.scenario.schema import Scenario

DRAIN_NS = 200 * MS
"""The radio goes on this long after the measured time, so that its frames can end (T2 is at most 100 ms)."""
CYCLE_WITHOUT_PLAN_S = 90.0
WARMUP_CYCLES = 3


@dataclass(frozen=True)
class Timeline:
    """Instants of one run, ns since t = 0, all on ticks."""

    tick_ns: int
    radio_from_ns: int
    from_ns: int
    """Begin of the measured time."""
    to_ns: int
    end_ns: int
    """Start of the last tick; frames of the measured time have ended by then."""

    @property
    def tick_count(self) -> int:
        """Traffic ticks from t = 0 to the end."""
        return self.end_ns // self.tick_ns + 1


def timeline_of(config: Scenario) -> Timeline:
    """The instants of a scenario: traffic warm-up, radio warm-up, measured time, drain."""
    tick_ns = ns_from_s(config.traffic.tick_s)

    def ticks(time_ns: int) -> int:
        return -(-time_ns // tick_ns) * tick_ns

    radio_from_ns = ticks(ns_from_s(traffic_warmup_s(config)))
    from_ns = radio_from_ns + ticks(ns_from_s(config.radio_warmup_s))
    to_ns = from_ns + ticks(ns_from_s(config.duration_s))
    return Timeline(tick_ns, radio_from_ns, from_ns, to_ns, to_ns + ticks(DRAIN_NS) + tick_ns)


def traffic_warmup_s(config: Scenario) -> float:
    """Traffic-only time before anything is counted: the file's, else three of the longest signal cycles."""
    if config.traffic_warmup_s is not None:
        return config.traffic_warmup_s
    cycles = [
        sum(phase.green_s + phase.yellow_s + phase.all_red_s for phase in node.phases) or CYCLE_WITHOUT_PLAN_S
        for node in config.corridor.nodes
    ]
    return WARMUP_CYCLES * max(cycles, default=0.0)
