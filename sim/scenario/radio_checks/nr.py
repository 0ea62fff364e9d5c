"""NR-V2X Mode 2: settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.found import Found
from sim.scenario.schema import Scenario


def mode2(config: Scenario) -> Iterator[Found]:
    """Nothing to say yet."""
    yield from ()
