"""What one jurisdiction fixes (profile), and which profile holds where (candidate)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsu.document import (
    Document,
    DocumentError,
    KeyPath,
    Place,
    Problem,
    did_you_mean,
    dotted,
    read_document,
)

if TYPE_CHECKING:
    from rsu.messages.base import MessageSet

PROFILE_SCHEMA = "profile/1"
CANDIDATE_SCHEMA = "candidate/1"
BASES = ("sourced", "computed", "memory", "assumption")
"""How a value is known: read in a source, computed from one, from memory, or assumed."""
EVERYWHERE = "*"
"""Stands for every jurisdiction a candidate does not name."""


class ProfileError(DocumentError):
    """Everything wrong with a profile or candidate file; one line per problem."""


@dataclass(frozen=True)
class Key:
    """What a profile key means and which values it takes."""

    meaning: str
    unit: str
    fits: Callable[[Any], bool]
    rule: str


def _number(low: float, high: float, unit: str, meaning: str) -> Key:
    def fits(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high

    return Key(meaning, unit, fits, f"must be a number from {low:g} to {high:g}")


def _integer(low: int, high: int, unit: str, meaning: str) -> Key:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return Key(meaning, unit, fits, f"must be a whole number from {low} to {high}")


def _word(meaning: str, choices: Sequence[str] = ()) -> Key:
    def fits(value: Any) -> bool:
        return isinstance(value, str) and bool(value) and (not choices or value in choices)

    return Key(meaning, "", fits, "must be one of " + ", ".join(choices) if choices else "must be a word")


_SITING = ("at_nodes", "arterial_spacing_m", "expressway_spacing_m", "rural_spacing_m", "rule")


def _is_siting(value: Any) -> bool:
    if not isinstance(value, Mapping) or not set(value) <= set(_SITING):
        return False
    spacings = [value[name] for name in _SITING if name.endswith("_m") and value.get(name) is not None]
    return (
        all(isinstance(s, (int, float)) and not isinstance(s, bool) and 10 < s <= 20_000 for s in spacings)
        and isinstance(value.get("at_nodes", True), bool)
        and isinstance(value.get("rule", ""), str)
    )


def _period(message: str) -> Key:
    return _number(20, 60_000, "ms", f"period of {message}")


KEYS: dict[str, Key] = {
    "access": _word("access layer"),
    "band": _word("frequency band in MHz, low-high"),
    "bandwidth_mhz": _number(5, 100, "MHz", "channel bandwidth"),
    "eirp_limit_rsu_dbm": _number(-20, 60, "dBm", "highest EIRP of a roadside unit"),
    "eirp_limit_obu_dbm": _number(-20, 60, "dBm", "highest EIRP of an on-board unit"),
    "network": _word("network layer"),
    "message_set": _word("message set"),
    "rates.bsm_period_ms": _period("BSM"),
    "rates.map_period_ms": _period("MAP"),
    "rates.spat_period_ms": _period("SPAT"),
    "rates.rsi_static_period_ms": _period("static RSI (signs)"),
    "rates.rsi_semi_static_period_ms": _period("semi-static RSI"),
    "rates.rsi_dynamic_period_ms": _period("dynamic RSI (events)"),
    "rates.rsm_period_ms": _period("RSM"),
    "security.envelope": _word("security envelope on the air"),
    "security.certificate_period_ms": _number(0, 60_000, "ms", "a full certificate at least this often"),
    "security.certificate_bytes_obu": _integer(0, 5000, "byte", "certificate of an on-board unit"),
    "security.certificate_bytes_rsu": _integer(0, 5000, "byte", "certificate of a roadside unit"),
    "datum": _word("datum of positions on the wire", ("WGS84", "CGCS2000", "GCJ-02")),
    "region_id": _integer(0, 65535, "", "RoadRegulatorID of its nodes (0 = test)"),
    "siting": Key(
        "spacing of roadside units by road class",
        "",
        _is_siting,
        "must be a mapping of " + ", ".join(_SITING) + " with spacings from 10 to 20000 m",
    ),
    "decode_policy": _word(
        "what a receiver does with trailing bytes and encodings that are not canonical", ("lenient", "strict")
    ),
}
"""Every key a profile may set; ``rates.`` and ``security.`` keys stand in a mapping of that name."""

GROUPS = ("rates", "security")


@dataclass(frozen=True)
class Entry:
    """One value with its provenance."""

    value: Any
    basis: str
    source: str
    set_in: str
    """Name of the profile that set it (an ancestor's, where inherited)."""


@dataclass(frozen=True)
class Profile:
    """What one jurisdiction fixes; keys it leaves open are absent."""

    name: str
    title: str = ""
    inherits: str | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """The value of ``key``, e.g. ``rates.map_period_ms``; ``ValueError`` if left open."""
        return self.entry(key).value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` if the profile leaves it open."""
        _known(key)
        return self.entries[key].value if key in self.entries else default

    def entry(self, key: str) -> Entry:
        """Value, basis and source of ``key``. Raises ``ValueError`` if unknown or left open."""
        _known(key)
        if key not in self.entries:
            raise ValueError(f"profile {self.name}: {key}: left open by this profile and its ancestors")
        return self.entries[key]

    def illustrative_keys(self) -> list[str]:
        """Keys whose value rests on memory or assumption: a figure that uses one says *illustrative*."""
        return [key for key, entry in self.entries.items() if entry.basis in ("memory", "assumption")]

    def plain(self) -> dict[str, Any]:
        """The profile as plain data, ancestors written out; :func:`load_profile` reads it back."""
        keys: dict[str, Any] = {}
        for key in KEYS:
            if key in self.entries:
                entry = self.entries[key]
                place, leaf = _slot(keys, key)
                place[leaf] = {
                    "value": _plain(entry.value),
                    "basis": entry.basis,
                    "source": entry.source,
                    "set_in": entry.set_in,
                }
        return {"schema": PROFILE_SCHEMA, "name": self.name, "title": self.title, "keys": keys}


@dataclass(frozen=True)
class Candidate:
    """Which profile holds in which jurisdiction."""

    name: str
    profiles: Mapping[str, Profile]
    """Jurisdiction id -> profile; ``"*"`` holds wherever no other entry does."""
    title: str = ""
    note: str = ""
    hazards: tuple[str, ...] = ()
    """Fragmentation hazards this candidate exercises on purpose, e.g. ``H12``."""

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
    def harmonised(self) -> bool:
        """One and the same profile everywhere."""
        return len({profile.name for profile in self.profiles.values()}) == 1

    def plain(self) -> dict[str, Any]:
        """The candidate as plain data with its profiles inlined; :func:`load_candidate` reads it back."""
        return {
            "schema": CANDIDATE_SCHEMA,
            "name": self.name,
            "title": self.title,
            "note": self.note,
            "hazards": list(self.hazards),
            "profiles": {place: profile.plain() for place, profile in self.profiles.items()},
        }


Source = Mapping[str, Any] | str | Path
"""A file, or its content as plain data."""


def speaking(profile: Profile, message_set: MessageSet) -> Profile:
    """The profile with another message set in place of its own.

    Where the set comes with another network layer than the profile's, its own network layer, security envelope,
    certificates and message periods go with it (``message_set.native``); radio, siting and the rest stay.
    """
    native = message_set.native
    entries = dict(profile.entries)

    def put(key: str, value: Any, source: str) -> None:
        entries[key] = Entry(value, "sourced", source, message_set.name)

    put("message_set", message_set.name, message_set.source)
    if profile.get("network") != native.network:
        put("network", native.network, native.source)
        put("security.envelope", native.envelope, native.source)
        put("security.certificate_period_ms", native.certificate_period_ms, native.source)
        put("security.certificate_bytes_obu", native.certificate_bytes_obu, native.source)
        put("security.certificate_bytes_rsu", native.certificate_bytes_rsu, native.source)
        entries = {key: entry for key, entry in entries.items() if not key.startswith("rates.")}
    return Profile(profile.name, profile.title, profile.inherits, {key: entries[key] for key in KEYS if key in entries})


def load_profile(source: Source, folders: Sequence[Path] = ()) -> Profile:
    """Read a profile and its ancestors.

    ``source``: plain data, a file, or a name found as ``NAME.yaml`` in ``folders``.
    Raises :class:`ProfileError` holding every problem of the file at fault.
    """
    return _profile(_open(source, folders, "profile"), folders, ())


def load_candidate(source: Source, folders: Sequence[Path] = ()) -> Candidate:
    """Read a candidate and its profiles; ``folders`` are searched for both (see :func:`load_profile`)."""
    document = _open(source, folders, "candidate")
    data = _mapping(document, CANDIDATE_SCHEMA, {"schema", "name", "title", "note", "hazards", "profiles"})
    problems = _head_problems(document, data)
    hazards = data.get("hazards") or []
    if not isinstance(hazards, list) or not all(isinstance(hazard, str) for hazard in hazards):
        problems.append(document.problem(("hazards",), "must be a list of words"))
    named = data.get("profiles")
    if not isinstance(named, Mapping) or not named:
        problems.append(
            document.problem(("profiles",), "must map jurisdictions ('*' = all others) to profiles")
        )
        named = {}
    profiles: dict[str, Profile] = {}
    for place, wanted in named.items():
        try:
            if not isinstance(wanted, (str, Mapping)):
                rule = "must be a profile's name or its content"
                raise ProfileError([document.problem(("profiles", place), rule)])
            profiles[place] = _referred(document, ("profiles", place), wanted, folders, ())
        except ProfileError as error:
            problems += error.problems
    if problems:
        raise ProfileError(problems)
    return Candidate(data["name"], profiles, data.get("title") or "", data.get("note") or "", tuple(hazards))


def _profile(document: Document, folders: Sequence[Path], below: tuple[str, ...]) -> Profile:
    """The profile in ``document``; ``below`` are the names of the profiles that inherit from it."""
    data = _mapping(document, PROFILE_SCHEMA, {"schema", "name", "title", "note", "inherits", "keys"})
    problems = _head_problems(document, data)
    if problems:
        raise ProfileError(problems)
    name, parent = data["name"], data.get("inherits")
    if name in below:
        chain = " -> ".join((*below, name))
        raise ProfileError([document.problem(("inherits",), f"profiles inherit in a circle: {chain}")])
    entries: dict[str, Entry] = {}
    if parent is not None:
        if not isinstance(parent, (str, Mapping)):
            raise ProfileError([document.problem(("inherits",), "must be a profile's name")])
        entries.update(_referred(document, ("inherits",), parent, folders, (*below, name)).entries)
    entries.update(_entries(document, data, name))
    ordered = {key: entries[key] for key in KEYS if key in entries}
    return Profile(name, data.get("title") or "", parent if isinstance(parent, str) else None, ordered)


def _entries(document: Document, data: Mapping[str, Any], name: str) -> dict[str, Entry]:
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    keys = data.get("keys")
    if keys is not None and not isinstance(keys, Mapping):
        raise ProfileError([document.problem(("keys",), "must be a mapping")])
    for path, content in _leaves(keys or {}):
        key, place = dotted(path), ("keys", *path)
        if key not in KEYS:
            problems.append(document.problem(place, f"unknown key; {did_you_mean(key, KEYS)}", of_key=True))
            continue
        problems += _entry_problems(document, place, key, content)
        if not problems:
            entries[key] = Entry(
                content["value"], content["basis"], content["source"], content.get("set_in", name)
            )
    if problems:
        raise ProfileError(problems)
    return entries


def _leaves(keys: Mapping[str, Any]) -> list[tuple[KeyPath, Any]]:
    found: list[tuple[KeyPath, Any]] = []
    for key, content in keys.items():
        if key in GROUPS and isinstance(content, Mapping):
            found += [((key, inner), value) for inner, value in content.items()]
        else:
            found.append(((key,), content))
    return found


def _entry_problems(document: Document, place: KeyPath, key: str, content: Any) -> list[Problem]:
    form = "must be {value: ..., basis: ..., source: ...}"
    if not isinstance(content, Mapping):
        return [document.problem(place, form)]
    problems = [
        document.problem((*place, word), f"unknown key; {form}", of_key=True)
        for word in content
        if word not in ("value", "basis", "source", "set_in")
    ]
    if "value" not in content:
        return [*problems, document.problem(place, form)]
    if not KEYS[key].fits(content["value"]):
        problems.append(document.problem((*place, "value"), KEYS[key].rule))
    if content.get("basis") not in BASES:
        problems.append(document.problem((*place, "basis"), "must be one of " + ", ".join(BASES)))
    source = content.get("source")
    if not isinstance(source, str) or not source.strip():
        problems.append(document.problem((*place, "source"), "must say where the value comes from"))
    return problems


def _head_problems(document: Document, data: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if not isinstance(data.get("name"), str) or not data["name"]:
        problems.append(document.problem(("name",), "must be a short name"))
    for key in ("title", "note"):
        if not isinstance(data.get(key, ""), (str, type(None))):
            problems.append(document.problem((key,), "must be text"))
    return problems


def _mapping(document: Document, schema: str, known: set[str]) -> Mapping[str, Any]:
    data = document.data
    if not isinstance(data, Mapping):
        raise ProfileError([document.problem((), f"must be a mapping that begins 'schema: {schema}'")])
    if data.get("schema") != schema:
        raise ProfileError([document.problem(("schema",), f"must be {schema}")])
    problems = [
        document.problem((key,), f"unknown key; {did_you_mean(key, known)}", of_key=True)
        for key in data
        if key not in known
    ]
    if problems:
        raise ProfileError(problems)
    return data


def _referred(
    document: Document,
    path: KeyPath,
    wanted: str | Mapping[str, Any],
    folders: Sequence[Path],
    below: tuple[str, ...],
) -> Profile:
    """The profile that ``document`` refers to at ``path``, by name or in place."""
    if isinstance(wanted, Mapping):
        inner = Document(wanted, document.name)
        inner.values = _below(document.values, path)
        inner.keys = _below(document.keys, path)
        return _profile(inner, folders, below)
    beside = Path(document.name).parent
    try:
        found = _open(wanted, [beside, beside.parent / "profiles", *folders], "profile")
    except ProfileError as error:
        rules = [problem.rule for problem in error.problems if problem.where == wanted]
        raise ProfileError([document.problem(path, rules[0])] if rules else error.problems) from None
    return _profile(found, folders, below)


def _open(source: Source, folders: Sequence[Path], what: str) -> Document:
    """The document of a mapping, a file, or a name to be looked up in ``folders``."""
    if isinstance(source, Mapping):
        return Document(source, what)
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        candidates = [path, *(folder / path for folder in folders if not path.is_absolute())]
    else:
        candidates = [folder / f"{source}.yaml" for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            try:
                return read_document(candidate)
            except DocumentError as error:
                raise ProfileError(error.problems) from None
    names = sorted({file.stem for folder in folders if folder.is_dir() for file in folder.glob("*.yaml")})
    hint = f"; {did_you_mean(str(source), names)}" if names else ""
    raise ProfileError([Problem(str(source), "", "", f"no such {what}{hint}")])


def _below(places: Mapping[KeyPath, Place], path: KeyPath) -> dict[KeyPath, Place]:
    """The places under ``path``, with their paths counted from there."""
    return {key[len(path) :]: place for key, place in places.items() if key[: len(path)] == path}


def _known(key: str) -> None:
    if key not in KEYS:
        raise ValueError(f"profile key {key!r}: unknown; {did_you_mean(key, KEYS)}")


def _slot(keys: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    group, _, leaf = key.rpartition(".")
    return (keys.setdefault(group, {}), leaf) if group else (keys, leaf)


def _plain(value: Any) -> Any:
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value
