"""Uu: radio access network, transport, core, server, peering."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Uu(Section):
    """The cellular path and the backhaul of roadside units."""

    peering: Literal["local", "remote"] = key(
        "local", "where operators meet", source="Coll-Perales et al., IEEE TVT 2022, DOI 10.1109/TVT.2022.3224614"
    )
