"""The access layer of a scenario: one radio, or two behind one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.access import access_class
from sim.access.base import AccessLayer
from sim.frames import Flow
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema import Scenario
    from sim.scenario.schema.radio import Radio


def build_access(
    config: Scenario, flows: list[Flow], stations: Stations, ring_length_m: float | None, scene: Scene | None = None
) -> AccessLayer:
    """The layer(s) that ``config`` names, over the same stations and shadowing; ValueError as they raise it."""
    report_m = max(config.measure.max_distance_m, 1.0)

    def layer(radio: Radio) -> AccessLayer:
        more: dict[str, Any] = {} if scene is None else {"scene": scene}
        made: AccessLayer = access_class(radio.access)(
            radio, flows, stations, config.seed, ring_length_m=ring_length_m, report_distance_m=report_m, **more
        )
        return made

    second = config.second_radio
    if second is None:
        return layer(config.radio)
    from sim.access.combined import Combined
    from sim.access.fitting import Fittings

    names = tuple(j.id for j in config.corridor.jurisdictions)
    layers = layer(config.radio), layer(second.radio)
    if second.same_channel:
        layers = _on_one_channel(*layers)
    return Combined(layers, Fittings(second, names, config.seed), (config.radio.access, second.radio.access))


def _on_one_channel(first: AccessLayer, second: AccessLayer) -> tuple[AccessLayer, AccessLayer]:
    """The two layers as sides of a shared channel, in their order; ValueError unless they are Mode 4 and 802.11p."""
    from sim.access.dot11p.layer import Dot11p
    from sim.access.lte_mode4.layer import LteMode4
    from sim.access.shared_channel import SharedChannel

    if isinstance(first, LteMode4) and isinstance(second, Dot11p):
        return SharedChannel(first, second).sides()
    if isinstance(first, Dot11p) and isinstance(second, LteMode4):
        lte, dot11p = SharedChannel(second, first).sides()
        return dot11p, lte
    raise ValueError("second_radio.same_channel: true is modelled for lte-v2x-mode4 with ieee80211p")
