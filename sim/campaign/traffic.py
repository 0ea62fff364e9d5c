"""Traffic computed once per (traffic, seed) and replayed by every run that meets it."""

from __future__ import annotations

from pathlib import Path

from sim.scenario.loader import LoadedScenario
from sim.timeline import timeline_of
from sim.traffic.recording import traffic_key


def traffic_name(loaded: LoadedScenario) -> str:
    """Name of the recording a run replays: equal for runs that meet the same vehicles for the same time."""
    return f"{traffic_key(loaded.config, loaded.config.seed)}-{timeline_of(loaded.config).tick_count}"


def record_traffic(loaded: LoadedScenario, path: Path) -> None:
    """Move the vehicles of a scenario from t = 0 to its end, without radio, and store where they were.

    The file appears whole or not at all. OSError where it cannot be written.
    """
    from sim.world.build import World

    times = timeline_of(loaded.config)
    path.parent.mkdir(parents=True, exist_ok=True)
    with World(loaded, traffic_save=path) as world:
        world.start(0)
        for tick in range(times.tick_count):
            world.step(tick * times.tick_ns, (tick + 1) * times.tick_ns)
