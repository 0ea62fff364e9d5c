"""Figures about the standards themselves: what is harmonised, what is open, which documents are cited."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rsu.profile import Profile
from sim.profiles.sheet import DIFFER, SAME, STATES, UNKNOWN, UNSET, Row, Sheet

_NUMBERED = re.compile(
    r"\b(?:(?:TS|EN) \d{3} \d{3}(?:-\d)*"
    r"|SAE J\d{4}(?:/\d)?(?:-(?:19|20)\d{2})?"
    r"|(?:(?:GB|YD|GM|JT)/T|GB|T/(?:CSAE|ITS)|DB\d{2,4}(?:/T)?|IEEE) \d[\d.]*\d(?:-(?:19|20)\d{2})?)"
)
_CLAUSE = re.compile(r" (?:chapter )?\d+(?:\.\d+)*$")
_YEAR = re.compile(r"(?:19|20)\d{2}")
_NAMED = re.compile(r"\b(guide|specification|document \d+/\d{4}|order|report|rules|text)\b", re.IGNORECASE)


@dataclass(frozen=True)
class PlaceCounts:
    """How the keys of one place compare with the national column."""

    place: str
    states: dict[str, int]
    """State -> keys; the sum is the number of keys of the sheet."""
    inherited: int
    """Keys taken over from an ancestor (part of ``same``, ``differ`` or ``unknown``)."""
    own: int
    """Keys the place fixes itself."""
    added: int
    """Of those, keys that the national column leaves open."""
    bases: dict[str, int]
    """Basis -> keys with a value."""


@dataclass(frozen=True)
class Agreement:
    """Keys of the sheet by how the places stand to one another."""

    harmonised: int
    """Fixed, and equal everywhere."""
    divergent: int
    """Fixed in several ways, or by some places only."""
    unknown: int
    """Fixed somewhere by a document that could not be read."""
    unset: int
    """Fixed nowhere."""
    in_one_place: int
    """Of the divergent ones, those that one place alone fixes: other keys rather than other values."""

    @property
    def share(self) -> float | None:
        """Harmonised keys among those fixed by anyone; ``None`` if nobody fixes any."""
        fixed = self.harmonised + self.divergent + self.unknown
        return self.harmonised / fixed if fixed else None


@dataclass(frozen=True)
class Cited:
    """A document that a profile's values rest on."""

    name: str
    year: int | None
    keys: int
    """Values of the profile that name it."""


def place_counts(sheet: Sheet) -> tuple[PlaceCounts, ...]:
    """The counts of every place, in the order of the columns."""
    found = []
    for index, column in enumerate(sheet.columns[1:], 1):
        cells = [row.cells[index] for row in sheet.rows]
        counted = Counter(cell.state for cell in cells)
        fixed = [cell for cell in cells if cell.state != UNSET]
        own = [cell for cell in fixed if not cell.inherited]
        found.append(PlaceCounts(
            column.place, {state: counted[state] for state in STATES}, len(fixed) - len(own), len(own),
            sum(cell.added for cell in own),
            dict(sorted(Counter(cell.basis for cell in fixed if cell.state != UNKNOWN).items())),
        ))
    return tuple(found)


def agreement(sheet: Sheet) -> Agreement:
    """How many keys all places share, how many they do not."""
    kinds = Counter(_kind(row) for row in sheet.rows)
    alone = sum(_kind(row) == DIFFER and _fixing(row) == 1 for row in sheet.rows)
    return Agreement(kinds[SAME], kinds[DIFFER], kinds[UNKNOWN], kinds[UNSET], alone)


def documents(profile: Profile, own_only: bool = True) -> tuple[Cited, ...]:
    """Documents named by sourced and computed values, by name; ``own_only``: without what is inherited."""
    found: Counter[tuple[str, int | None]] = Counter()
    for entry in profile.entries.values():
        if entry.basis in ("sourced", "computed") and (entry.set_in == profile.name or not own_only):
            found.update(set(cited(entry.source)))
    return tuple(Cited(name, year, count) for (name, year), count in sorted(found.items(), key=lambda one: one[0][0]))


def cited(source: str) -> Iterable[tuple[str, int | None]]:
    """(name, year or ``None``) of every document a text of provenance names.

    Numbered standards are found anywhere in it. A document without a number is the part before a colon that calls
    itself guide, specification, document, order, report, rules or text.
    """
    numbered = [match[0] for match in _NUMBERED.finditer(source)]
    for name in numbered:
        year = _YEAR.search(name.rpartition("-")[2]) if "-" in name else None
        yield name, int(year[0]) if year else None
    for part in source.split(";"):
        head = _CLAUSE.sub("", part.partition(":")[0].partition(" (")[0].partition(", in force")[0].strip())
        if _NAMED.search(head) and not _NUMBERED.search(head):
            year = _YEAR.search(head)
            yield head, int(year[0]) if year else None


def _kind(row: Row) -> str:
    """State of a key across the places."""
    if UNKNOWN in row.states:
        return UNKNOWN
    if row.states == {UNSET}:
        return UNSET
    values = {repr(cell.value) for cell in row.cells[1:]}
    return SAME if len(values) == 1 and UNSET not in row.states else DIFFER


def _fixing(row: Row) -> int:
    return sum(cell.state != UNSET for cell in row.cells[1:])
