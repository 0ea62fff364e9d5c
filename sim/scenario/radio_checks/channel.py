"""Propagation: settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.found import Found
from sim.scenario.schema import Scenario


def channel(config: Scenario) -> Iterator[Found]:
    """Nothing to say yet."""
    yield from ()
