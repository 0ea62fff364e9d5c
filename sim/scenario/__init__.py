"""Scenario files: schema, loading, cross-checks; ``load("demo-zone")`` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.errors import ScenarioError
    from sim.scenario.loader import LoadedScenario, load

__all__ = ["LoadedScenario", "ScenarioError", "load"]


def __getattr__(name: str) -> Any:
    """Import the loader (and pydantic) on first use only, so that ``corridor --help`` stays light."""
    if name in ("LoadedScenario", "load"):
        from sim.scenario import loader

        return getattr(loader, name)
    if name == "ScenarioError":
        from sim.scenario.errors import ScenarioError

        return ScenarioError
    raise AttributeError(f"module 'sim.scenario' has no attribute {name!r}")
