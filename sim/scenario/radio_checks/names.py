"""Access layer, error tables and message set exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.access import ACCESS
from sim.access.base import AccessLayer
from sim.link import LINK_TABLES
from sim.scenario.found import Found, not_a_class
from sim.scenario.schema import Scenario


def names(config: Scenario) -> Iterator[Found]:
    """Access layer, error tables and message set exist."""
    link = config.radio.link
    for key, name in (("pssch_table", link.pssch_table), ("pscch_table", link.pscch_table)):
        if name not in LINK_TABLES:
            yield ("radio", "link", key), f"no such table; {did_you_mean(name, LINK_TABLES)}"
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
