"""IEEE 802.11p: settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.link import LINK_TABLES
from sim.link.dot11p_rates import BANDWIDTH_MHZ, RATES
from sim.scenario.found import Found
from sim.scenario.schema import Scenario

CATEGORIES = ("vo", "vi", "be", "bk")


def dot11p(config: Scenario) -> Iterator[Found]:
    """Rates and tables exist, thresholds are in order; nothing if another radio is in use."""
    if config.radio.access != "ieee80211p":
        return
    settings = config.radio.dot11p
    here = ("radio", "dot11p")
    if config.radio.bandwidth_mhz != BANDWIDTH_MHZ:
        yield ("radio", "bandwidth_mhz"), f"must be {BANDWIDTH_MHZ}: IEEE 802.11p uses channels of 10 MHz"
    if settings.data_rate_mbps not in RATES:
        yield (*here, "data_rate_mbps"), f"must be one of {', '.join(f'{rate:g}' for rate in RATES)}"
    yield from _table(settings.per_table, settings.standard)
    if settings.energy_detection_dbm < settings.carrier_sense_dbm:
        rule = f"lies below carrier_sense_dbm {settings.carrier_sense_dbm:g}: the medium would be busy by noise alone"
        yield (*here, "energy_detection_dbm"), rule
    for name, least in (("aifsn", 1), ("contention_window", 0)):
        values: dict[str, int] = getattr(settings, name)
        for category in CATEGORIES:
            if category not in values:
                yield (*here, name), f"has no entry for {category}"
            elif not least <= values[category] <= 1023:
                yield (*here, name, category), f"must be from {least} to 1023"


def _table(name: str, standard: str) -> Iterator[Found]:
    here = ("radio", "dot11p", "per_table")
    known = [table for table in LINK_TABLES if table.startswith("11")]
    if name not in LINK_TABLES:
        yield here, f"no such table; {did_you_mean(name, known)}"
    elif not name.startswith(own := "11bd-" if standard == "802.11bd" else "11p-"):
        yield here, f"is not a table of {standard}; there are {', '.join(t for t in known if t.startswith(own))}"
