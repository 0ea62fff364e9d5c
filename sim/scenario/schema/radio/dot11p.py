"""IEEE 802.11p / ITS-G5."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Dot11p(Section):
    """IEEE 802.11p in 10 MHz: EDCA outside the context of a BSS, carrier sense, reception, DCC."""

    standard: Literal["802.11p", "802.11bd"] = key("802.11p", "physical layer", source="IEEE 802.11-2020 clause 17")
