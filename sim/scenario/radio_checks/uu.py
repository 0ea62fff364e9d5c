"""Uu and the backhaul made of its parts: settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from rsu.document import KeyPath, did_you_mean
from sim.access.uu import INTERNET_TABLES, PEERING_TABLES, RADIO_TABLES
from sim.scenario.found import Found
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio.uu import Uu


def path(config: Scenario) -> Iterator[Found]:
    """Tables, their rows and columns exist; operators are those of the jurisdictions; delays stand in order."""
    backhaul = config.layout.backhaul
    if config.radio.access == "uu" or backhaul != "constant":
        over_radio = config.radio.access == "uu" or backhaul == "uu"
        yield from _settings(config, ("radio", "uu"), config.radio.uu, over_radio)
    if config.second_radio is not None and config.second_radio.radio.access == "uu":
        yield from _settings(config, ("second_radio", "radio", "uu"), config.second_radio.radio.uu, True)


def _settings(config: Scenario, here: KeyPath, settings: Uu, over_radio: bool) -> Iterator[Found]:
    if over_radio:
        yield from _radio(here, settings)
    yield from _column(here, settings, "peering_table", PEERING_TABLES, "peering")
    yield from _column(here, settings, "internet_table", INTERNET_TABLES, "internet_of")
    owners = [one.id for one in config.corridor.jurisdictions]
    if settings.operators and len(settings.operators) != len(owners):
        has = f"the corridor has {len(owners)} jurisdictions ({', '.join(owners)})"
        yield (*here, "operators"), f"names {len(settings.operators)} operators; {has}"


def _radio(here: KeyPath, settings: Uu) -> Iterator[Found]:
    from sim.access.uu.radio import RadioTable

    if settings.radio_table not in RADIO_TABLES:
        yield (*here, "radio_table"), f"no such table; {did_you_mean(settings.radio_table, RADIO_TABLES)}"
    else:
        try:
            RadioTable(settings, "UL"), RadioTable(settings, "DL")
        except ValueError:
            yield (*here, "mcs_table"), f"table {settings.radio_table} has no rows for it"
    if settings.lte_added_max_ms < settings.lte_added_min_ms:
        least = f"must be at least lte_added_min_ms ({settings.lte_added_min_ms:g})"
        yield (*here, "lte_added_max_ms"), least
    if settings.technology == "lte" and settings.lte_added_max_ms >= settings.discard_after_ms:
        yield (*here, "discard_after_ms"), f"must be above lte_added_max_ms ({settings.lte_added_max_ms:g})"


def _column(here: KeyPath, settings: Uu, key: str, tables: dict[str, str], column: str) -> Iterator[Found]:
    from sim.access.uu.tables import FOLDER, LatencyFile

    name, wanted = getattr(settings, key), getattr(settings, column)
    if name not in tables:
        yield (*here, key), f"no such table; {did_you_mean(name, tables)}"
        return
    known = LatencyFile(FOLDER / tables[name]).names()
    if wanted not in known:
        yield (*here, column), f"no such column in table {name}; {did_you_mean(wanted, known)}"
