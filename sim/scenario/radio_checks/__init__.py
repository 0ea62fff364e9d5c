"""Cross-checks of the radio section, one file per access layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sim.scenario.found import Found
from sim.scenario.radio_checks import channel, dot11p, lte, names, nr, uu
from sim.scenario.schema import Scenario

CHECKS: tuple[Callable[[Scenario], Iterator[Found]], ...] = (
    lte.pools, lte.mode4, nr.mode2, dot11p.dot11p, uu.path, channel.channel, names.names,
)
"""Each yields (key path, rule broken) of a scenario."""
