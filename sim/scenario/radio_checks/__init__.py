"""Cross-checks of the radio section, one file per access layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sim.scenario.found import Found
from sim.scenario.radio_checks import channel, dot11p, lte, names, nr, second, uu
from sim.scenario.schema import Scenario

ONE_RADIO: tuple[Callable[[Scenario], Iterator[Found]], ...] = (
    lte.pools, lte.mode4, nr.mode2, dot11p.dot11p, uu.path, channel.channel, names.names, names.band,
)
"""Each yields (key path, rule broken) of a scenario."""


def problems(config: Scenario) -> Iterator[Found]:
    """Everything wrong with the radio, and with the second one if there is one."""
    for check in ONE_RADIO:
        yield from check(config)
    if config.second_radio is None:
        return
    yield from second.second_radio(config)
    other = config.model_copy(update={"radio": config.second_radio.radio})
    for check in ONE_RADIO:
        for path, rule in check(other):
            yield (("second_radio", *path) if path[0] == "radio" else path), rule
