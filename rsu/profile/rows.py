"""Reads what a candidate says beside its profiles: hazards, differences, trust, relays, gateway."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from rsu.document import Document, KeyPath, Problem, did_you_mean
from rsu.profile.candidate import Difference
from rsu.profile.hazards import HAZARDS
from rsu.profile.keys import EVERYWHERE, KEYS
from rsu.profile.loading import entry_of, provenance_problems
from rsu.profile.trust import RELAY_STATES, TRUST_STATES, Gateway, RelayRow, TrustRow, TrustState

_TRUST_FORM = "must be {home: [...], issuer: [...], state: ..., hazard: ..., basis: ..., source: ...}"
_RELAY_FORM = "must be {from: [...], to: [...], state: ..., hazard: ..., basis: ..., source: ...}"
_GATEWAY_FORM = "must be {within_m: ..., delay_ms: ..., basis: ..., source: ...}"


@dataclass
class RowReader:
    """Reads the rows of one candidate and gathers what is wrong with them."""

    document: Document
    name: str
    """Who sets what differs: the candidate as it is called before anything is harmonised."""
    places: Collection[str]
    """Places that the candidate's profiles name; with ``*`` any place may be named."""
    problems: list[Problem] = field(default_factory=list)
    hazards: tuple[str, ...] = ()

    def report(self, path: KeyPath, rule: str, *, of_key: bool = False) -> None:
        """One more problem at ``path``."""
        self.problems.append(self.document.problem(path, rule, of_key=of_key))

    def read_hazards(self, listed: Any) -> tuple[str, ...]:
        """The list ``hazards``; sets :attr:`hazards`, which rows may be marked with."""
        if listed is None:
            return ()
        if not isinstance(listed, (list, tuple)) or not all(isinstance(one, str) for one in listed):
            self.report(("hazards",), "must be a list of words")
            return ()
        for index, one in enumerate(listed):
            if one not in HAZARDS:
                self.report(("hazards", index), f"no such hazard; {did_you_mean(one, HAZARDS)}")
            elif one in listed[:index]:
                self.report(("hazards", index), "stands in the list twice")
        self.hazards = tuple(listed)
        return self.hazards

    def differences(self, data: Any) -> tuple[Difference, ...]:
        """``differences``: place -> rows of keys."""
        if data is None:
            return ()
        if not isinstance(data, Mapping):
            self.report(("differences",), "must map places to lists of differences")
            return ()
        found = []
        for place, rows in data.items():
            here: KeyPath = ("differences", place)
            if not self.is_place(place) or not {place, EVERYWHERE} & set(self.places):
                self.report(here, self.no_place(place), of_key=True)
                continue
            if not isinstance(rows, (list, tuple)):
                self.report(here, "must be a list of differences")
                continue
            first: dict[str, int] = {}
            for index, row in enumerate(rows):
                one = self.difference(str(place), row, (*here, index))
                if one is None:
                    continue
                if first.setdefault(one.key, index) != index:
                    self.report((*here, index, "key"), f"is set in difference {first[one.key]} already")
                found.append(one)
        return tuple(found)

    def difference(self, place: str, row: Any, here: KeyPath) -> Difference | None:
        """One difference, or None."""
        if not isinstance(row, Mapping):
            self.report(here, "must be {key: ..., value: ..., basis: ..., source: ..., hazard: ...}")
            return None
        hazard = self.hazard(row, here, required=True)
        key = row.get("key")
        if not isinstance(key, str) or key not in KEYS:
            self.report((*here, "key"), f"must be the key of a profile; {did_you_mean(str(key), KEYS)}")
            return None
        entry, wrong = entry_of(self.document, here, key, row, set_in=self.name, also=("key", "hazard"))
        self.problems += wrong
        return None if entry is None else Difference(place, key, entry, hazard)

    def trust(self, data: Any) -> tuple[TrustRow, ...]:
        """``trust``: rows of who has whose root in its list."""
        found = []
        for here, row in self.rows(data, "trust", _TRUST_FORM):
            self.words(row, here, ("home", "issuer", "state", "from_s", "tau_s"), _TRUST_FORM)
            home, issuer = self.pair(row, here, "home", "issuer")
            kind = self.choice(row, here, "state", TRUST_STATES)
            hazard = self.hazard(row, here, required=kind != "full")
            pending = kind == "pending"
            from_s = self.number(row, here, "from_s", only_if=pending, of="state pending", default=0.0)
            tau_s = self.number(row, here, "tau_s", only_if=pending, of="state pending", above=True)
            if home and issuer and kind:
                state = TrustState(kind, from_s, tau_s)
                found.append(TrustRow(home, issuer, state, hazard, _text(row, "basis"), _text(row, "source")))
        return tuple(found)

    def relays(self, data: Any) -> tuple[RelayRow, ...]:
        """``relays``: rows of which platform tells which."""
        found = []
        for here, row in self.rows(data, "relays", _RELAY_FORM):
            self.words(row, here, ("from", "to", "state", "delay_ms"), _RELAY_FORM)
            sender, receiver = self.pair(row, here, "from", "to")
            state = self.choice(row, here, "state", RELAY_STATES)
            hazard = self.hazard(row, here, required=state == "none")
            delay_ms = self.number(row, here, "delay_ms", only_if=state == "delay", of="state delay")
            if sender and receiver and state:
                ground = _text(row, "basis"), _text(row, "source")
                found.append(RelayRow(sender, receiver, state, delay_ms, hazard, *ground))
        return tuple(found)

    def gateway(self, data: Any, sides: int) -> Gateway | None:
        """``gateway``; ``sides``: how many places the candidate tells apart."""
        here: KeyPath = ("gateway",)
        if data is None:
            return None
        if not isinstance(data, Mapping):
            self.report(here, _GATEWAY_FORM)
            return None
        self.words(data, here, ("within_m", "delay_ms"), _GATEWAY_FORM, hazard=False)
        self.problems += provenance_problems(self.document, here, data)
        if sides < 2:
            self.report(here, "stands between places: the candidate must name two with profiles or differences")
        within_m = self.number(data, here, "within_m", above=True)
        delay_ms = self.number(data, here, "delay_ms", default=0.0)
        return Gateway(within_m, delay_ms, _text(data, "basis"), _text(data, "source"))

    def rows(self, data: Any, word: str, form: str) -> list[tuple[KeyPath, Mapping[str, Any]]]:
        """The rows of a list that are mappings, each with its path; their basis and source are checked."""
        if data is None:
            return []
        if not isinstance(data, (list, tuple)):
            self.report((word,), "must be a list of rows; each " + form)
            return []
        found: list[tuple[KeyPath, Mapping[str, Any]]] = []
        for index, row in enumerate(data):
            here: KeyPath = (word, index)
            if isinstance(row, Mapping):
                self.problems += provenance_problems(self.document, here, row)
                found.append((here, row))
            else:
                self.report(here, form)
        return found

    def words(
        self, row: Mapping[str, Any], here: KeyPath, known: tuple[str, ...], form: str, *, hazard: bool = True
    ) -> None:
        """Report keys that a row does not have."""
        for word in row:
            if word not in (*known, "basis", "source", *(("hazard",) if hazard else ())):
                self.report((*here, word), f"unknown key; {form}", of_key=True)

    def pair(
        self, row: Mapping[str, Any], here: KeyPath, one: str, other: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The two lists of places of a row, which must name two different places at least."""
        these, those = self.place_list(row, here, one), self.place_list(row, here, other)
        if these and those and len({*these, *those}) == 1 and EVERYWHERE not in these:
            self.report((*here, other), "must name another place: no row speaks of a place and itself")
        return these, those

    def place_list(self, row: Mapping[str, Any], here: KeyPath, word: str) -> tuple[str, ...]:
        """A list of places that the candidate knows, or nothing."""
        given = row.get(word)
        path = (*here, word)
        if isinstance(given, str):
            given = [given]
        if not isinstance(given, (list, tuple)) or not given or not all(isinstance(one, str) for one in given):
            self.report(path, "must be a list of places")
            return ()
        for index, one in enumerate(given):
            if not self.is_place(one):
                self.report((*path, index), self.no_place(one))
                return ()
        return tuple(dict.fromkeys(given))

    def is_place(self, place: Any) -> bool:
        """Whether a profile holds there, as far as the candidate alone can tell."""
        if not isinstance(place, str) or not place.strip() or not place.isprintable():
            return False
        return place in self.places or EVERYWHERE in self.places or place == EVERYWHERE

    def no_place(self, place: Any) -> str:
        """Why ``place`` is not one."""
        known = f"; {did_you_mean(str(place), self.places)}" if self.places else ""
        return f"no profile holds in a place of that name{known}"

    def choice(self, row: Mapping[str, Any], here: KeyPath, word: str, choices: tuple[str, ...]) -> str:
        """One of some words, or empty."""
        given = row.get(word)
        if isinstance(given, str) and given in choices:
            return given
        self.report((*here, word), "must be one of " + ", ".join(choices))
        return ""

    def hazard(self, row: Mapping[str, Any], here: KeyPath, *, required: bool) -> str:
        """The hazard a row is marked with; it must be one of those listed."""
        given = row.get("hazard")
        if given is None:
            if required:
                self.report((*here, "hazard"), "must say which hazard this exercises, one of those listed in hazards")
            return ""
        if not isinstance(given, str) or given not in HAZARDS:
            self.report((*here, "hazard"), f"no such hazard; {did_you_mean(str(given), HAZARDS)}")
            return ""
        if given not in self.hazards:
            self.report((*here, "hazard"), "must be listed in the candidate's hazards")
        return given

    def number(
        self, row: Mapping[str, Any], here: KeyPath, word: str, *, only_if: bool = True, of: str = "",
        default: float | None = None, above: bool = False,
    ) -> float:
        """A number from 0 (or above it) to 1e9; ``only_if`` the row may have it, and must if no default."""
        given = row.get(word)
        if not only_if:
            if given is not None:
                self.report((*here, word), f"belongs to {of} only")
            return 0.0
        if given is None and default is not None:
            return default
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not number or not 0 <= given <= 1e9 or (above and given == 0):  # type: ignore[operator]
            self.report((*here, word), f"must be a number {'above' if above else 'from'} 0 to 1e9")
            return 0.0
        return float(given)  # type: ignore[arg-type]


def _text(row: Mapping[str, Any], word: str) -> str:
    """A text that :func:`provenance_problems` has looked at."""
    return str(row.get(word))
