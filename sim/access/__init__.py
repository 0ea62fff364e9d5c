"""Access layers by name; a scenario may also name ``module:Class``."""

from __future__ import annotations

from typing import Any

from sim.plugin import resolve

ACCESS: dict[str, str] = {
    "lte-v2x-mode4": "sim.access.lte_mode4.layer:LteMode4",
    "nr-v2x-mode2": "sim.access.nr_mode2.layer:NrMode2",
    "ieee80211p": "sim.access.dot11p.layer:Dot11p",
    "uu": "sim.access.uu.layer:UuPath",
    "ideal": "sim.access.ideal:Ideal",
}


def access_class(name: str) -> type[Any]:
    """The class registered under ``name`` or found at ``module:Class``; ValueError if there is none."""
    return resolve(ACCESS.get(name, name), {} if name in ACCESS else ACCESS, "radio.access")
