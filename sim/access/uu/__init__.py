"""Uu: the cellular path from sender to receivers, as parts that a roadside unit's backhaul uses as well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RadioSetting:
    """What a radio latency table was made for: its loads are vehicles per km and lane of such a road."""

    file: str
    lanes: int
    """Lanes of both directions."""
    site_distance_m: float
    packet_bytes: int
    bandwidth_mhz: float


RADIO_TABLES: dict[str, RadioSetting] = {
    "nr-20mhz-30khz": RadioSetting("nr_radio_20mhz_30khz.csv", 6, 1732.0, 300, 20.0),
}
INTERNET_TABLES: dict[str, str] = {"coll-perales-2022": "internet_rtt.csv"}
PEERING_TABLES: dict[str, str] = {"giotsas-2021": "peering_rtt.csv"}
"""Latency tables by name -> file in ``tables/``."""
