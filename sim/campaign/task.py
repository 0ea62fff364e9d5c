"""Units of work of a campaign: a run, or the traffic that several runs replay."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.scenario.loader import LoadedScenario


@dataclass(frozen=True)
class TrafficTask:
    """Vehicles' movements of one (traffic, seed), computed once and replayed by every candidate."""

    name: str
    """File name without suffix below the campaign's ``traffic/``; see :func:`sim.campaign.traffic.traffic_name`."""
    loaded: LoadedScenario = field(repr=False)


@dataclass(frozen=True)
class RunTask:
    """One run; pickles, so that it goes to another process or machine as it is."""

    run_id: str
    loaded: LoadedScenario = field(repr=False)
    """The scenario under its seed."""
    traffic: str | None = None
    """Name of the recorded traffic it replays; none = it computes its own."""
    plots: bool = False


Task = TrafficTask | RunTask


@dataclass(frozen=True)
class Ended:
    """How one attempt at a task ended."""

    task: Task
    error: str | None = None
    """One line that says what went wrong; none = done."""
    fatal: bool = False
    """Whether trying anything else is pointless: the disk is full, the folder cannot be written."""
    cpu_s: float = 0.0
