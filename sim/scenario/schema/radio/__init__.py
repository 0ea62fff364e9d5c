"""Access layer, link level and propagation: every parameter stands in the file."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key
from sim.scenario.schema.radio.channel import Channel
from sim.scenario.schema.radio.dot11p import Dot11p
from sim.scenario.schema.radio.link import Link
from sim.scenario.schema.radio.lte import Mode4, Pool, split_pools
from sim.scenario.schema.radio.nr import Mode2
from sim.scenario.schema.radio.uu import Uu

__all__ = ["Channel", "Dot11p", "Link", "Mode2", "Mode4", "Pool", "Radio", "Uu"]


class Radio(Section):
    """One access layer on one carrier."""

    access: str = key("lte-v2x-mode4", "access layer: a registered name or module:Class")
    carrier_hz: float = key(
        5.915e9,
        "centre frequency",
        unit="Hz",
        gt=1e9,
        lt=1e10,
        source="5905-5925 MHz, MIIT radio doc. 203/2018",
    )
    bandwidth_mhz: Literal[10, 20, 30, 40] = key(
        20, "channel bandwidth", unit="MHz", source="MIIT radio doc. 203/2018; letter 113/2024"
    )
    pools: list[Pool] = key(split_pools, "transmit pools", min_length=1)
    mode4: Mode4 = key(Mode4, "LTE-V2X Mode 4")
    mode2: Mode2 = key(Mode2, "NR-V2X Mode 2")
    dot11p: Dot11p = key(Dot11p, "IEEE 802.11p")
    uu: Uu = key(Uu, "cellular path")
    link: Link = key(Link, "link level")
    channel: Channel = key(Channel, "propagation")
