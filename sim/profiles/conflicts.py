"""Conflicts between documents, found by reading their bounds against one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rsu.profile import Entry, Profile
from sim.profiles.bounds import bound, is_empty, meet, only_value, satisfies
from sim.profiles.sheet import Sheet, further_national

NONE, ONE_VALUE, DIFFERENT, SHARED, CONVERT, OUTSIDE = "none", "one value", "different", "shared", "convert", "outside"
"""No value satisfies both; just one does; two words that exclude each other; one region number, or none, in two places;
two datums, with positions passed from one to the other; a value in use outside a bound."""

RELATED: tuple[tuple[str, str], ...] = (("bounds.sign_rate_hz", "bounds.dynamic_lane_rate_hz"),)
"""Bounds under different names that one message has to satisfy: a dynamic lane is shown by a sign."""

EXCLUSIVE = (
    "access", "network", "message_set", "datum", "feed_datum", "map_datum", "security.envelope", "security.suite",
    "security.root", "channel.send_obu", "channel.send_rsu", "node_ids",
)
"""Keys under which two different words do not get along."""


DATUM_PAIRS = (("datum", "map_datum"), ("datum", "platform.datum"), ("map_datum", "platform.datum"))
"""Datums between which positions pass: road data and platforms feed what is said on the air."""


@dataclass(frozen=True)
class Statement:
    """What one document says about one key, and where it holds."""

    key: str
    text: str
    basis: str
    source: str
    places: tuple[str, ...]
    """Columns of the sheet in which it holds."""


@dataclass(frozen=True)
class Conflict:
    """Two statements that do not go together."""

    kind: str
    first: Statement
    second: Statement
    common: str = ""
    """What satisfies both, where a single value does."""

    def keys(self) -> tuple[str, ...]:
        """The key, or both where they differ."""
        return tuple(dict.fromkeys((self.first.key, self.second.key)))


def conflicts(sheet: Sheet) -> tuple[Conflict, ...]:
    """Every conflict among the columns of a sheet, by key.

    Bounds of the shipped national profiles that build upon the national column are read with it.
    """
    return (
        *bound_conflicts(sheet), *word_conflicts(sheet), *shared_regions(sheet), *datum_conflicts(sheet),
        *values_outside(sheet),
    )


def bound_conflicts(sheet: Sheet) -> Iterator[Conflict]:
    """Pairs of bounds that no value, or one value only, satisfies."""
    stated = _statements(_profiles(sheet), lambda key: key.startswith("bounds."))
    for first, second in combinations(stated, 2):
        related = {(first.key, second.key), (second.key, first.key)} & set(RELATED)
        if first.key == second.key or related:
            common = meet(bound(first.text), bound(second.text))
            single = only_value(common)
            if is_empty(common):
                yield Conflict(NONE, first, second)
            elif single is not None and first.text != second.text:
                yield Conflict(ONE_VALUE, first, second, f"{single:g}")


def word_conflicts(sheet: Sheet) -> Iterator[Conflict]:
    """Pairs of different datums, envelopes, message sets, roots and the like."""
    stated = _statements({column.place: column.profile for column in sheet.columns}, lambda key: key in EXCLUSIVE)
    for first, second in combinations(stated, 2):
        if first.key == second.key and first.text != second.text:
            yield Conflict(DIFFERENT, first, second)


def shared_regions(sheet: Sheet) -> Iterator[Conflict]:
    """Pairs of places whose profiles give their nodes the same region number, or none."""
    set_by = [
        _statement("region_id", entry, (column.place,)) for column in sheet.places
        if (entry := column.profile.entries.get("region_id")) is not None and not entry.unknown
    ]
    for first, second in combinations(set_by, 2):
        if first.text == second.text:
            yield Conflict(SHARED, first, second)


def datum_conflicts(sheet: Sheet) -> Iterator[Conflict]:
    """Datums of one place that differ between the air, its road data and its platform."""
    seen: set[Conflict] = set()
    stated = _statements({column.place: column.profile for column in sheet.columns}, lambda key: "datum" in key)
    for first, second in combinations(stated, 2):
        meet_somewhere = set(first.places) & set(second.places)
        if (first.key, second.key) in DATUM_PAIRS and first.text != second.text and meet_somewhere:
            seen.add(Conflict(CONVERT, first, second))
    yield from sorted(seen, key=lambda one: one.keys())


def values_outside(sheet: Sheet) -> Iterator[Conflict]:
    """Values in use outside a bound: a place's own against its own bounds, the national one's against every place's."""
    common = sheet.columns[0]
    for column in sheet.columns:
        for source in (column,) if column is common else (column, common):
            for key, (measured, read) in _IN_USE.items():
                entry, limit = source.profile.entries.get(read), column.profile.entries.get(key)
                if entry is None or entry.unknown or limit is None or limit.unknown:
                    continue
                number = measured(entry.value)
                if number is not None and not satisfies(number, bound(str(limit.value))):
                    value = Statement(read, f"{number:g}", entry.basis, entry.source, (source.place,))
                    yield Conflict(OUTSIDE, value, _statement(key, limit, (column.place,)))


def _rate_hz(period_ms: Any) -> float | None:
    return 1000.0 / period_ms


def _motorway_km(siting: Any) -> float | None:
    spacing_m = siting.get("expressway_spacing_m") if isinstance(siting, Mapping) else None
    return None if spacing_m is None else spacing_m / 1000.0


_IN_USE = {
    "bounds.safety_rate_hz": (_rate_hz, "rates.bsm_period_ms"),
    "bounds.sign_rate_hz": (_rate_hz, "rates.rsi_static_period_ms"),
    "bounds.spacing_expressway_km": (_motorway_km, "siting"),
}
"""Bound -> (what of a value it limits, in the bound's unit; key of the value)."""


def _profiles(sheet: Sheet) -> dict[str, Profile]:
    named = {column.place: column.profile for column in sheet.columns}
    return named | {profile.name: profile for profile in further_national(sheet)}


def _statements(profiles: Mapping[str, Profile], wanted: Any) -> list[Statement]:
    """Distinct statements in order of key: one said once and inherited elsewhere counts once, with all its places."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    entries: dict[tuple[str, str, str, str], Entry] = {}
    for place, profile in profiles.items():
        for key, entry in profile.entries.items():
            if wanted(key) and not entry.unknown:
                one = (key, _text(entry.value), entry.source, entry.set_in)
                found.setdefault(one, []).append(place)
                entries[one] = entry
    order = sorted(found, key=lambda one: one[0])
    return [_statement(one[0], entries[one], tuple(found[one])) for one in order]


def _statement(key: str, entry: Entry, places: tuple[str, ...]) -> Statement:
    return Statement(key, _text(entry.value), entry.basis, entry.source, places)


def _text(value: Any) -> str:
    return str(value)
