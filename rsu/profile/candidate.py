"""Which profile holds where, what differs on purpose, and the same with some of it harmonised."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rsu.profile.hazards import HAZARDS, in_order
from rsu.profile.keys import EVERYWHERE, KEYS, RADIO_KEYS, SITE_KEYS, SPOKEN_KEYS
from rsu.profile.profile import ILLUSTRATIVE, Entry, Profile, frozen_value, plain_value
from rsu.profile.trust import Gateway, Relays, Trust

CANDIDATE_SCHEMA = "candidate/1"
SITES = ("scenario", "profiles")
ALLOTTED_MHZ = (5905.0, 5925.0)
"""What China allots to direct communication (MIIT radio document 203/2018)."""
NOT_LEGAL = "not a legal option in China"
WITHOUT = " - "
"""Stands in a name before each hazard that is harmonised."""


@dataclass(frozen=True)
class Difference:
    """One key in which a place differs on purpose, and the hazard that this exercises."""

    place: str
    key: str
    entry: Entry
    hazard: str

    def plain(self) -> dict[str, Any]:
        """The difference as plain data."""
        content = self.entry.plain()
        del content["set_in"]
        return {"key": self.key, **content, "hazard": self.hazard}


@dataclass(frozen=True)
class Candidate:
    """Which profile holds in which jurisdiction."""

    name: str
    profiles: Mapping[str, Profile]
    """Jurisdiction id -> profile in force there, differences applied; ``"*"`` holds wherever no other entry does."""
    title: str = ""
    note: str = ""
    hazards: tuple[str, ...] = ()
    """Fragmentation hazards this candidate exercises on purpose, e.g. ``H12``."""
    title_zh: str = ""
    base: Mapping[str, Profile] = field(default_factory=dict)
    """Jurisdiction id -> profile before the differences; empty stands for :attr:`profiles`."""
    common: Profile = None  # type: ignore[assignment]
    """What everybody falls back to; None stands for the profile of ``"*"``, else the first one."""
    differences: tuple[Difference, ...] = ()
    sites: str = SITES[0]
    """``profiles``: units stand by each place's ``siting`` key; ``scenario``: by the layout of the scenario."""
    trust: Trust = Trust()
    relays: Relays = Relays()
    gateway: Gateway | None = None

    def __post_init__(self) -> None:
        if not self.base:
            object.__setattr__(self, "base", dict(self.profiles))
        if self.common is None and self.base:
            common = self.base.get(EVERYWHERE) or next(iter(self.base.values()))
            object.__setattr__(self, "common", common)

    @staticmethod
    def built(
        name: str, base: Mapping[str, Profile], differences: Sequence[Difference] = (), **rest: Any
    ) -> Candidate:
        """A candidate from profiles and differences; ``rest`` are other fields of the class."""
        effective = applied(base, differences)
        return Candidate(name, effective, base=dict(base), differences=tuple(differences), **rest)

    def holds_in(self, jurisdiction: str) -> bool:
        """Whether some profile holds in ``jurisdiction``."""
        return jurisdiction in self.profiles or EVERYWHERE in self.profiles

    def profile(self, jurisdiction: str = EVERYWHERE) -> Profile:
        """The profile that holds in ``jurisdiction``. Raises ``ValueError`` if none does."""
        if not self.holds_in(jurisdiction):
            raise ValueError(
                f"candidate {self.name}: no profile holds in {jurisdiction!r} and there is no '*'"
            )
        return self.profiles.get(jurisdiction) or self.profiles[EVERYWHERE]

    @property
    def places(self) -> tuple[str, ...]:
        """The jurisdictions it names."""
        return tuple(place for place in self.profiles if place != EVERYWHERE)

    @property
    def one_speaker(self) -> bool:
        """Whether all places send and receive alike."""
        return len({profile.spoken() for profile in self.profiles.values()}) <= 1

    @property
    def harmonised(self) -> bool:
        """Whether nothing differs between places: neither speech, radio nor siting, nor who trusts and tells whom."""
        return not any(self.divided()) and self.trust.full and self.relays.complete

    @property
    def exercised(self) -> tuple[str, ...]:
        """Hazards listed, and those with which differences and rows are marked."""
        marked = {*self.hazards, *(one.hazard for one in self.differences)}
        marked |= {row.hazard for row in self.trust.rows} | {row.hazard for row in self.relays.rows}
        return in_order(marked)

    def divided(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Keys in which places differ and that matter to a run, with the value in each place."""
        by_site = SITE_KEYS if self.sites == "profiles" else ()
        for key in (*SPOKEN_KEYS, *RADIO_KEYS, *by_site):
            values = {place: profile.spoken_value(key) for place, profile in self.profiles.items()}
            if len({frozen_value(value) for value in values.values()}) > 1:
                yield key, values

    def without(self, hazards: Collection[str]) -> Candidate:
        """The candidate with these hazards harmonised, named ``S6 - H4 - H7``.

        Differences and rows marked with them go, and keys that are theirs (``Key.hazard``) become those of
        :attr:`common`, wherever a profile set them; region numbers become the scenario's (H12), lists on their way
        have arrived (H4b). A gateway between places that no longer differ goes as well.
        Raises ``ValueError`` for an unknown hazard.
        """
        unknown = [one for one in hazards if one not in HAZARDS]
        if unknown:
            raise ValueError(f"hazard {unknown[0]!r}: unknown; there are {', '.join(HAZARDS)}")
        gone = tuple(one for one in self.exercised if one in hazards)
        if not gone:
            return self
        base = {place: self._harmonised(profile, gone) for place, profile in self.base.items()}
        differences = tuple(one for one in self.differences if one.hazard not in gone)
        left = replace(
            self, name=WITHOUT.join((self.name, *gone)), profiles=applied(base, differences), base=base,
            differences=differences, hazards=tuple(one for one in self.hazards if one not in gone),
            trust=self.trust.without(gone), relays=self.relays.without(gone),
        )
        return replace(left, gateway=None) if left.gateway is not None and left.harmonised else left

    def _harmonised(self, profile: Profile, gone: Collection[str]) -> Profile:
        changed = {
            key: None if key == "region_id" else self.common.entries.get(key)
            for key, meaning in KEYS.items() if meaning.hazard in gone
        }
        return profile.with_entries(changed)

    def illustrative_items(self) -> list[str]:
        """Everything in force that rests on memory or assumption, one line each: keys by place, then rows.

        A key that a document fixes, while its number was not had, is among them where a run takes the default for it;
        so is a band outside the Chinese allocation, which makes a profile a point of reference.
        """
        places: dict[tuple[str, str, str], list[str]] = {}
        told = {(one.place, one.key) for one in self.differences}
        for place, profile in self.profiles.items():
            for key in profile.illustrative_keys():
                entry = profile.entries[key]
                if (place, key) not in told:
                    places.setdefault((entry.set_in, key, _ground(entry)), []).append(place)
            for key, entry in profile.entries.items():
                if entry.unknown and key in (*SPOKEN_KEYS, *RADIO_KEYS):
                    taken = plain_value(profile.effective(key))
                    ground = f"not known, {'left open' if taken is None else f'{taken} taken'}: {entry.source}"
                    places.setdefault((entry.set_in, key, ground), []).append(place)
        lines = self.outside_allocation() + [
            f"profile {name}: {key} ({', '.join(named)}): {ground}" for (name, key, ground), named in places.items()
        ]
        for one in self.differences:
            if one.entry.basis in ILLUSTRATIVE:
                value = "unknown" if one.entry.unknown else plain_value(one.entry.value)
                lines.append(f"difference {one.place}: {one.key} = {value} ({one.hazard}): {_ground(one.entry)}")
        return lines + self.illustrative_rows()

    def illustrative_rows(self) -> list[str]:
        """Trust, relays and gateway in force that rest on memory or assumption, one line each."""
        lines = []
        for row in self.trust.rows:
            if row.basis in ILLUSTRATIVE:
                pair = f"{_list(row.home)} of {_list(row.issuer)}: {row.state.kind}"
                lines.append(f"trust {pair}{_mark(row.hazard)}: {_ground(row)}")
        for relay in self.relays.rows:
            if relay.basis in ILLUSTRATIVE:
                pair = f"{_list(relay.sender)} to {_list(relay.receiver)}: {relay.state}"
                lines.append(f"relay {pair}{_mark(relay.hazard)}: {_ground(relay)}")
        if self.gateway is not None and self.gateway.basis in ILLUSTRATIVE:
            lines.append(f"gateway within {self.gateway.within_m:g} m: {_ground(self.gateway)}")
        return lines

    def outside_allocation(self) -> list[str]:
        """Profiles whose band is not within the Chinese allocation, one line each."""
        found = {}
        for profile in self.profiles.values():
            low, _, high = str(profile.get("band", "")).partition("-")
            try:
                inside = ALLOTTED_MHZ[0] <= float(low) and float(high) <= ALLOTTED_MHZ[1]
            except ValueError:
                continue
            if not inside:
                allotted = "-".join(f"{edge:g}" for edge in ALLOTTED_MHZ)
                found[profile.name] = f"profile {profile.name}: {low}-{high} MHz, {NOT_LEGAL} ({allotted} MHz allotted)"
        return list(found.values())

    def plain(self) -> dict[str, Any]:
        """The candidate as plain data with its profiles inlined; :func:`load_candidate` reads it back."""
        data: dict[str, Any] = {
            "schema": CANDIDATE_SCHEMA, "name": self.name, "title": self.title, "title_zh": self.title_zh,
            "note": self.note, "hazards": list(self.hazards), "sites": self.sites, "harmonised": self.common.plain(),
            "profiles": {place: profile.plain() for place, profile in self.base.items()},
            "differences": {}, "trust": [row.plain() for row in self.trust.rows],
            "relays": [row.plain() for row in self.relays.rows],
            "gateway": None if self.gateway is None else self.gateway.plain(),
        }
        for one in self.differences:
            data["differences"].setdefault(one.place, []).append(one.plain())
        if self.common == self.base.get(EVERYWHERE):
            del data["harmonised"]
        optional = ("title_zh", "differences", "trust", "relays", "gateway")
        return {word: value for word, value in data.items() if value or word not in optional}


def applied(base: Mapping[str, Profile], differences: Sequence[Difference]) -> dict[str, Profile]:
    """Profiles in force: differences of a place that ``base`` does not name apply to the profile of ``*``."""
    effective = dict(base)
    for one in differences:
        below = effective.get(one.place) or base[EVERYWHERE]
        effective[one.place] = below.with_entries({one.key: one.entry})
    return effective


def _ground(one: Any) -> str:
    return f"{one.basis}: {one.source}"


def _list(places: tuple[str, ...]) -> str:
    return ", ".join(places)


def _mark(hazard: str) -> str:
    return f" ({hazard})" if hazard else ""
