"""Access layer, error tables and message set exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.access import ACCESS
from sim.access.base import AccessLayer
from sim.link import LINK_TABLES
from sim.scenario.found import Found, not_a_class
from sim.scenario.radio_checks.second import WITHOUT_CARRIER, band_hz
from sim.scenario.schema import Scenario

BAND_HZ = (5.85e9, 5.925e9)
"""3GPP band 47 (5855-5925 MHz, TS 36.101 table 5.5G-1) with the lowest 5 MHz of the United States' former band."""


def names(config: Scenario) -> Iterator[Found]:
    """Access layer, error tables and message set exist."""
    link = config.radio.link
    for key, name in (("pssch_table", link.pssch_table), ("pscch_table", link.pscch_table)):
        if name not in LINK_TABLES:
            yield ("radio", "link", key), f"no such table; {did_you_mean(name, LINK_TABLES)}"
        elif config.radio.access == "lte-v2x-mode4" and (rule := not_of(name, "LTE", key)):
            yield ("radio", "link", key), rule
    access = config.radio.access
    if ":" in access:
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", access):
            yield ("radio", "access"), "must be a registered name or module:Class"
        elif rule := not_a_class(access, AccessLayer):
            yield ("radio", "access"), rule
    else:
        if access not in ACCESS:
            yield ("radio", "access"), f"no such access layer; {did_you_mean(access, ACCESS)}"
    wanted = config.standards.message_set
    if wanted is not None:
        from rsu.messages import MESSAGE_SETS

        if wanted not in MESSAGE_SETS:
            yield ("standards", "message_set"), f"no such message set; {did_you_mean(wanted, MESSAGE_SETS)}"


def not_of(name: str, system: str, key: str) -> str:
    """What keeps a table from being used for ``pssch_table`` or ``pscch_table`` of LTE or NR; empty if nothing does."""
    def kind(table: str) -> str:
        first = "802.11" if table.startswith("11") else "NR" if table.startswith("nr-") else "LTE"
        return f"{first} {'pscch_table' if 'pscch-' in table else 'pssch_table'}"

    wanted = f"{system} {key}"
    if kind(name) == wanted:
        return ""
    channel = "control" if key == "pscch_table" else "data"
    known = ", ".join(table for table in LINK_TABLES if kind(table) == wanted)
    return f"is not a table of the {system} {channel} channel; there are {known}"


def band(config: Scenario) -> Iterator[Found]:
    """The channel lies inside the band for road traffic, where the layer has a channel."""
    radio = config.radio
    if radio.access in WITHOUT_CARRIER:
        return
    low_hz, high_hz = band_hz(radio)
    if low_hz < BAND_HZ[0] or high_hz > BAND_HZ[1]:
        width = f"{low_hz / 1e6:g}-{high_hz / 1e6:g} MHz"
        yield ("radio", "carrier_hz"), f"the channel {width} lies outside {BAND_HZ[0] / 1e6:g}-{BAND_HZ[1] / 1e6:g} MHz"
