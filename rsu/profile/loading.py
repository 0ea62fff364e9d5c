"""Reads profile files: names, ancestors, every problem with its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from rsu.profile.keys import BASES, GROUPS, KEYS
from rsu.profile.profile import ILLUSTRATIVE, KINDS, PROFILE_SCHEMA, UNKNOWN, Entry, Profile

Source = Mapping[str, Any] | str | Path
"""A file, or its content as plain data."""

DEEPEST = 20
"""So many profiles may inherit from each other in a row."""
_HEAD = {"schema", "name", "title", "title_zh", "note", "kind", "inherits", "keys"}
_FORM = "must be {value: ..., basis: ..., source: ...}, or unknown: true in place of the value"


class ProfileError(DocumentError):
    """Everything wrong with a profile or candidate file; one line per problem."""


class _Part(Document):
    """Part of another document; its problems name fields as counted from the top of that one."""

    prefix: KeyPath = ()

    def problem(self, path: KeyPath, rule: str, *, of_key: bool = False) -> Problem:
        """A problem with the value (or key) at ``path`` of this part."""
        return replace(super().problem(path, rule, of_key=of_key), field=dotted((*self.prefix, *path)))


def load_profile(source: Source, folders: Sequence[Path] = ()) -> Profile:
    """Read a profile and its ancestors.

    ``source``: plain data, a file, or a name found as ``NAME.yaml`` in ``folders``.
    Raises :class:`ProfileError` holding every problem of the file at fault.
    """
    return _profile(open_document(source, folders, "profile"), folders, ())


def referred(
    document: Document, path: KeyPath, wanted: Any, folders: Sequence[Path], below: tuple[str, ...] = ()
) -> Profile:
    """The profile that ``document`` refers to at ``path``, by name or in place.

    ``below`` are the names of the profiles that inherit from it. Raises :class:`ProfileError`.
    """
    if isinstance(wanted, Mapping):
        inner = _Part(wanted, document.name, _below(document.values, path), _below(document.keys, path))
        inner.prefix = (*getattr(document, "prefix", ()), *path)
        return _profile(inner, folders, below)
    if not isinstance(wanted, str) or not wanted:
        raise ProfileError([document.problem(path, "must be a profile's name or its content")])
    beside = Path(document.name).parent
    try:
        found = open_document(wanted, [beside, beside.parent / "profiles", *folders], "profile")
    except ProfileError as error:
        rules = [problem.rule for problem in error.problems if problem.where == wanted]
        raise ProfileError([document.problem(path, rules[0])] if rules else error.problems) from None
    return _profile(found, folders, below)


def open_document(source: Source, folders: Sequence[Path], what: str) -> Document:
    """The document of a mapping, a file, or a name to be looked up in ``folders``."""
    if isinstance(source, Mapping):
        return Document(source, what)
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        candidates = [path, *(folder / path for folder in folders if not path.is_absolute())]
    else:
        candidates = [folder / f"{source}.yaml" for folder in folders]
    for candidate in candidates:
        if _is_file(candidate):
            try:
                return read_document(candidate)
            except DocumentError as error:
                raise ProfileError(error.problems) from None
    if path.suffix in (".yaml", ".yml"):
        raise ProfileError([Problem(str(source), "", "", f"no such file of a {what}")])
    files = (file for folder in folders if folder.is_dir() for file in folder.glob("*.yaml"))
    names = sorted({file.stem for file in files if _begins(file, f"schema: {what}/")})
    hint = f"; {did_you_mean(str(source), names)}" if names else ""
    raise ProfileError([Problem(str(source), "", "", f"no such {what}{hint}")])


def mapping_of(document: Document, schema: str, known: set[str]) -> tuple[Mapping[str, Any], list[Problem]]:
    """The content of a document and what is wrong with its head: name, texts, keys that do not belong there.

    Raises :class:`ProfileError` where it is no mapping or of another schema: everything would look wrong.
    """
    data = document.data
    if not isinstance(data, Mapping):
        raise ProfileError([document.problem((), f"must be a mapping that begins 'schema: {schema}'")])
    if data.get("schema") != schema:
        raise ProfileError([document.problem(("schema",), f"must be {schema}")])
    problems = [
        document.problem((key,), f"unknown key; {did_you_mean(str(key), known)}", of_key=True)
        for key in data
        if key not in known
    ]
    if not isinstance(data.get("name"), str) or not data["name"].strip() or not data["name"].isprintable():
        problems.append(document.problem(("name",), "must be a short name"))
    for key in ("title", "title_zh", "note"):
        if not isinstance(data.get(key, ""), (str, type(None))):
            problems.append(document.problem((key,), "must be text"))
    return data, problems


def entry_of(
    document: Document, place: KeyPath, key: str, content: Any, *, set_in: str, also: Sequence[str] = (),
    by_others: bool = False,
) -> tuple[Entry | None, list[Problem]]:
    """The entry for ``key`` that stands at ``place``, or what is wrong with it; ``also``: further words allowed.

    ``by_others``: it may say that another profile set it, as profiles written out in full do.
    """
    if not isinstance(content, Mapping):
        return None, [document.problem(place, _FORM)]
    problems = [
        document.problem((*place, word), f"unknown key; {_FORM}", of_key=True)
        for word in content
        if word not in ("value", "unknown", "basis", "source", "set_in" if by_others else "value", *also)
    ]
    unknown = content.get("unknown")
    if unknown not in (None, True, False) or isinstance(unknown, int) and not isinstance(unknown, bool):
        problems.append(document.problem((*place, "unknown"), "must be true or false"))
    elif bool(unknown) == ("value" in content):
        problems.append(document.problem(place, _FORM))
    elif not unknown and (rule := KEYS[key].problem(content["value"])):
        problems.append(document.problem((*place, "value"), rule))
    problems += provenance_problems(document, place, content)
    named = content.get("set_in", set_in)
    if not isinstance(named, str):
        problems.append(document.problem((*place, "set_in"), "must be the name of a profile"))
    if problems:
        return None, problems
    value = UNKNOWN if unknown else KEYS[key].normal(content["value"])
    return Entry(value, content["basis"], content["source"], named, document.where(place)), []


def provenance_problems(document: Document, place: KeyPath, content: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with ``basis`` and ``source``."""
    problems = []
    basis, source = content.get("basis"), content.get("source")
    if not isinstance(basis, str) or basis not in BASES:
        problems.append(document.problem((*place, "basis"), "must be one of " + ", ".join(BASES)))
    if not isinstance(source, str) or not source.strip():
        problems.append(document.problem((*place, "source"), "must say where the value comes from"))
    return problems


def _profile(document: Document, folders: Sequence[Path], below: tuple[str, ...]) -> Profile:
    """The profile in ``document``; ``below`` are the names of the profiles that inherit from it."""
    data, problems = mapping_of(document, PROFILE_SCHEMA, _HEAD)
    name, parent = data.get("name"), data.get("inherits")
    kind = data.get("kind", KINDS[0] if parent is None else KINDS[1])
    if kind not in KINDS:
        problems.append(document.problem(("kind",), "must be one of " + ", ".join(KINDS)))
    if isinstance(name, str) and name in below:
        chain = " -> ".join((*below, name))
        raise ProfileError([document.problem(("inherits",), f"profiles inherit in a circle: {chain}")])
    if len(below) > DEEPEST:
        raise ProfileError([document.problem(("inherits",), f"more than {DEEPEST} profiles inherit in a row")])
    entries: dict[str, Entry] = {}
    if parent is not None:
        try:
            entries.update(referred(document, ("inherits",), parent, folders, (*below, str(name))).entries)
        except ProfileError as error:
            problems += error.problems
    own, wrong = _entries(document, data.get("keys"), str(name), parent is None)
    problems += wrong
    if kind == "regional":
        problems += _illustrative_problems(document, data, str(name))
    if problems:
        raise ProfileError(problems)
    entries.update(own)
    ordered = {key: entries[key] for key in KEYS if key in entries}
    return Profile(
        data["name"], data.get("title") or "", parent if isinstance(parent, str) else None, ordered, kind,
        data.get("title_zh") or "", data.get("note") or "", document.name,
    )


def _illustrative_problems(document: Document, data: Mapping[str, Any], name: str) -> list[Problem]:
    """Values from memory and assumptions that a regional profile sets itself, whatever else is wrong with them."""
    hint = "put it among a candidate's differences"
    if "kind" not in data:
        hint += ", or say kind: national"
    rule = f"a regional profile holds sourced and computed values only; {hint}"
    keys = data.get("keys")
    return [
        document.problem(("keys", *path, "basis"), rule)
        for path, content in _leaves(keys if isinstance(keys, Mapping) else {})
        if isinstance(content, Mapping) and content.get("basis") in ILLUSTRATIVE
        and content.get("set_in", name) == name
    ]


def _entries(
    document: Document, keys: Any, name: str, by_others: bool
) -> tuple[dict[str, Entry], list[Problem]]:
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    if keys is not None and not isinstance(keys, Mapping):
        return {}, [document.problem(("keys",), "must be a mapping")]
    for path, content in _leaves(keys or {}):
        key, place = dotted(path), ("keys", *path)
        if key in GROUPS:
            problems.append(document.problem(place, "must be a mapping of keys"))
            continue
        if key not in KEYS:
            problems.append(document.problem(place, f"unknown key; {did_you_mean(key, KEYS)}", of_key=True))
            continue
        entry, wrong = entry_of(document, place, key, content, set_in=name, by_others=by_others)
        problems += wrong
        if entry is not None:
            entries[key] = entry
    return entries, problems


def _leaves(keys: Mapping[str, Any]) -> list[tuple[KeyPath, Any]]:
    found: list[tuple[KeyPath, Any]] = []
    for key, content in keys.items():
        if key in GROUPS and isinstance(content, Mapping):
            found += [((key, inner), value) for inner, value in content.items()]
        else:
            found.append(((key,), content))
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _begins(file: Path, words: str) -> bool:
    """Whether some line near the top of a file begins with these words."""
    try:
        with file.open(encoding="utf-8", errors="replace") as text:
            return any(line.startswith(words) for line in text.read(2000).splitlines())
    except OSError:
        return False


def _below(places: Mapping[KeyPath, Place], path: KeyPath) -> dict[KeyPath, Place]:
    """The places under ``path``, with their paths counted from there."""
    return {key[len(path) :]: place for key, place in places.items() if key[: len(path)] == path}
