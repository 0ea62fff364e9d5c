"""Whether the error tables of a run rest on the same kind of channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.link import LINK_TABLES

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.scenario.schema.radio import Radio


def data_table(radio: Radio) -> str:
    """Name of the error table of a radio's data, empty for layers without one."""
    by_access = {
        "lte-v2x-mode4": radio.link.pssch_table, "nr-v2x-mode2": radio.mode2.pssch_table,
        "ieee80211p": radio.dot11p.per_table,
    }
    return by_access.get(radio.access, "")


def table_warnings(config: Scenario) -> list[str]:
    """One line per table without fading: radios compared under different tables can change places."""
    radios = [config.radio, *([config.second_radio.radio] if config.second_radio else [])]
    names = dict.fromkeys(name for name in map(data_table, radios) if name in LINK_TABLES)
    return [
        f"error table {name} holds no fading; those of Mode 4 and 802.11p do by default: compare with care"
        for name in names if not LINK_TABLES[name].includes_fading
    ]
