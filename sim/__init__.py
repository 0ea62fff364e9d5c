"""The bench: corridor, traffic, radio, clock, metrics, results (``import sim; sim.run(sim.load("demo-zone"))``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
SCENARIO_SCHEMA = "corridor/1"

if TYPE_CHECKING:
    from sim.simulation import run
    from sim.scenario import load

__all__ = ["SCENARIO_SCHEMA", "__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    """Load ``run`` and ``load`` on first use, so that ``corridor --help`` stays light."""
    if name == "run":
        from sim.simulation import run

        return run
    if name == "load":
        from sim.scenario import load

        return load
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
