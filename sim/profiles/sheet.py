"""The comparison sheet: every key of the profiles of several places beside the national one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsu.document import did_you_mean
from rsu.profile import KEYS, Candidate, Entry, Profile, ProfileError, load_candidate, load_profile
from sim.scenario.shipped import shipped_files, shipped_folder

SAME, DIFFER, UNSET, UNKNOWN = "same", "differ", "unset", "unknown"
STATES = (SAME, DIFFER, UNSET, UNKNOWN)
"""State of a cell relative to the national column: equal; not equal, or fixed where that one is open; fixed by
nobody; fixed by a document whose value was not had."""


@dataclass(frozen=True)
class Column:
    """One profile of the sheet."""

    place: str
    """Jurisdiction, or the profile's name where profiles are compared as such."""
    profile: Profile
    own: frozenset[str]
    """Who speaks for this column itself: its profile and the candidate; what others set is inherited."""


@dataclass(frozen=True)
class Cell:
    """What one column says about one key."""

    key: str
    state: str
    value: Any = None
    basis: str = ""
    """``sourced``, ``computed``, ``memory`` or ``assumption``; empty where unset."""
    source: str = ""
    set_in: str = ""
    """Profile or candidate that says so."""
    inherited: bool = False
    """Taken over from an ancestor."""
    added: bool = False
    """Fixed here where the national one leaves the key open."""
    hazard: str = ""
    """Hazard of the candidate's difference, where the value comes from one."""


@dataclass(frozen=True)
class Row:
    """One key across all columns; ``cells`` in the order of the sheet's columns, the national one first."""

    key: str
    cells: tuple[Cell, ...]

    @property
    def states(self) -> frozenset[str]:
        """States of the places (without the national column)."""
        return frozenset(cell.state for cell in self.cells[1:])


@dataclass(frozen=True)
class Sheet:
    """Keys by columns."""

    name: str
    title: str
    columns: tuple[Column, ...]
    """The national one first."""
    rows: tuple[Row, ...]
    candidate: Candidate | None = None
    """The candidate it shows, if it shows one."""
    title_zh: str = ""

    @property
    def places(self) -> tuple[Column, ...]:
        """The columns that are compared with the national one."""
        return self.columns[1:]

    def cell(self, key: str, place: str) -> Cell:
        """One cell; ``ValueError`` if there is no such key or column."""
        names = [column.place for column in self.columns]
        rows = {row.key: row for row in self.rows}
        if key not in rows or place not in names:
            raise ValueError(f"sheet {self.name}: no cell {key!r}, {place!r}; columns: {', '.join(names)}")
        return rows[key].cells[names.index(place)]

    def only(self, states: Sequence[str]) -> tuple[Row, ...]:
        """Rows in which some place has one of these states; all rows if none is named."""
        return tuple(row for row in self.rows if not states or row.states & set(states))


def sheet_of_candidate(candidate: Candidate) -> Sheet:
    """A candidate's places beside the profile everybody falls back to."""
    common = candidate.common
    columns = (
        Column(common.name, common, frozenset({common.name})),
        *(
            Column(place, profile, frozenset({profile.name, candidate.name}))
            for place, profile in candidate.profiles.items()
        ),
    )
    hazards = {(one.place, one.key): one.hazard for one in candidate.differences}
    return Sheet(candidate.name, candidate.title, columns, _rows(columns, hazards), candidate, candidate.title_zh)


def sheet_of_profiles(profiles: Sequence[Profile], against: Profile | None = None) -> Sheet:
    """Profiles beside ``against``; without it beside the nearest ancestor that all share, else beside the first.

    Raises ``ValueError`` where nothing is left to compare.
    """
    common = against or _shared_ancestor(profiles) or profiles[0]
    others = [profile for profile in profiles if profile.name != common.name]
    if not others:
        raise ValueError(f"profile {common.name}: nothing to compare it with; name a second profile")
    columns = tuple(Column(one.name, one, frozenset({one.name})) for one in (common, *others))
    name = " ".join(profile.name for profile in others)
    title = "; ".join(one.profile.title for one in columns if one.profile.title)
    title_zh = "；".join(one.profile.title_zh or one.profile.title for one in columns if one.profile.title)
    return Sheet(name, title, columns, _rows(columns, {}), title_zh=title_zh)


def profile_named(name: str) -> Profile:
    """A profile by file or shipped name. Raises :class:`rsu.profile.ProfileError` naming the nearest."""
    return load_profile(name, _folders())


def candidate_named(name: str) -> Candidate:
    """A candidate by file or shipped name. Raises :class:`rsu.profile.ProfileError` naming the nearest."""
    try:
        return load_candidate(name, _folders())
    except ProfileError as error:
        if Path(name).suffix not in (".yaml", ".yml") and all(one.where == name for one in error.problems):
            raise ValueError(f"no such candidate: {name}; {did_you_mean(name, shipped_files('candidates'))}") from None
        raise


def ancestors(profile: Profile) -> Iterator[Profile]:
    """Parent, grandparent and so on, as far as they can be read by name."""
    seen = {profile.name}
    while profile.inherits and profile.inherits not in seen:
        seen.add(profile.inherits)
        try:
            profile = profile_named(profile.inherits)
        except ProfileError:
            return
        yield profile


def further_national(sheet: Sheet) -> tuple[Profile, ...]:
    """Shipped national profiles that build upon the sheet's national one and are no column of it.

    Their bounds are read with it when conflicts are looked for: what a second phase asks for meets local rules too.
    """
    common, named = sheet.columns[0].profile, {column.profile.name for column in sheet.columns}
    shipped = [profile_named(name) for name in shipped_files("profiles") if name not in named]
    return tuple(
        profile for profile in shipped if profile.kind == "national" and profile.inherits
        and common.name in _lineage(profile)
    )


def _rows(columns: Sequence[Column], hazards: Mapping[tuple[str, str], str]) -> tuple[Row, ...]:
    common = columns[0].profile
    return tuple(
        Row(key, tuple(_cell(key, column, common, hazards.get((column.place, key), "")) for column in columns))
        for key in KEYS
    )


def _cell(key: str, column: Column, common: Profile, hazard: str) -> Cell:
    entry, reference = column.profile.entries.get(key), common.entries.get(key)
    if entry is None:
        return Cell(key, UNSET)
    rest = (entry.basis, entry.source, entry.set_in, entry.set_in not in column.own)
    added = reference is None
    if entry.unknown:
        return Cell(key, UNKNOWN, None, *rest, added=added)
    state = SAME if reference is not None and _equal(entry, reference) else DIFFER
    return Cell(key, state, entry.value, *rest, added=added, hazard=hazard)


def _equal(entry: Entry, other: Entry) -> bool:
    return not other.unknown and _plain(entry.value) == _plain(other.value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _lineage(profile: Profile) -> frozenset[str]:
    return frozenset(one.name for one in ancestors(profile))


def _shared_ancestor(profiles: Sequence[Profile]) -> Profile | None:
    """The nearest profile from which all descend; one that is itself compared counts as its own ancestor."""
    first = profiles[0]
    line = [first, *ancestors(first)] if len(profiles) > 1 else list(ancestors(first))
    for one in line:
        if all(one.name == other.name or one.name in _lineage(other) for other in profiles):
            return one
    return None


def _folders() -> list[Path]:
    folder = shipped_folder()
    return [folder / "profiles", folder / "candidates"]
