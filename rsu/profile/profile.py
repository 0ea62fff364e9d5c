"""What one place fixes: values with their provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rsu.document import did_you_mean
from rsu.profile.keys import BASES, KEYS, SPOKEN_KEYS, SUITES

if TYPE_CHECKING:
    from rsu.messages.base import MessageSet

PROFILE_SCHEMA = "profile/1"
KINDS = ("national", "regional")
ILLUSTRATIVE = BASES[2:]
"""Bases that make a figure *illustrative*."""


class _Unknown:
    """The one object :data:`UNKNOWN`."""

    def __repr__(self) -> str:
        return "unknown"

    def __reduce__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> _Unknown:
        return self

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self


UNKNOWN = _Unknown()
"""Value of an entry whose place fixes the key, while the number could not be had."""


@dataclass(frozen=True)
class Entry:
    """One value with its provenance."""

    value: Any
    """:data:`UNKNOWN` where the place fixes the key but the number was not had."""
    basis: str
    source: str
    set_in: str
    """Name of the profile that set it, an ancestor's where inherited; or of the candidate, for a difference."""
    where: str = field(default="", compare=False)
    """``file:line:column``, where it was read from a file."""

    @property
    def unknown(self) -> bool:
        """Whether the number was not had."""
        return self.value is UNKNOWN

    def plain(self) -> dict[str, Any]:
        """The entry as plain data."""
        value = {"unknown": True} if self.unknown else {"value": plain_value(self.value)}
        return {**value, "basis": self.basis, "source": self.source, "set_in": self.set_in}


@dataclass(frozen=True)
class Profile:
    """What one jurisdiction fixes; keys it leaves open are absent."""

    name: str
    title: str = ""
    inherits: str | None = field(default=None, compare=False)
    """Name of the profile whose keys it takes over; they stand among :attr:`entries`."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    kind: str = KINDS[0]
    """``national``, or ``regional``: the deviations of one place, all of them sourced or computed."""
    title_zh: str = ""
    note: str = ""
    where: str = field(default="", compare=False)
    """The file it was read from."""

    def value(self, key: str) -> Any:
        """The value of ``key``, e.g. ``rates.map_period_ms``; ``ValueError`` if left open or unknown."""
        entry = self.entry(key)
        if entry.unknown:
            raise ValueError(f"profile {self.name}: {key}: fixed, but not known ({entry.source})")
        return entry.value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, or ``default`` if the profile leaves it open or it is unknown."""
        _known(key)
        entry = self.entries.get(key)
        return default if entry is None or entry.unknown else entry.value

    def entry(self, key: str) -> Entry:
        """Value, basis and source of ``key``. Raises ``ValueError`` if unknown to us or left open."""
        _known(key)
        if key not in self.entries:
            raise ValueError(f"profile {self.name}: {key}: left open by this profile and its ancestors")
        return self.entries[key]

    def effective(self, key: str) -> Any:
        """The value of ``key`` with what holds where nobody sets it (``Key.default``) filled in.

        ``feed_datum`` follows ``datum``, ``security.suite`` the envelope, ``security.suites`` the suite.
        """
        found = self.get(key)
        if found is not None:
            return found
        if key == "feed_datum":
            return self.effective("datum")
        if key == "security.suite":
            return SUITES.get(self.get("security.envelope", ""), "ecdsa-p256")
        if key == "security.suites":
            return (self.effective("security.suite"),)
        return KEYS[key].default

    def spoken(self) -> tuple[Any, ...]:
        """What decides how stations speak and listen, as one hashable value: equal for places that are one speaker.

        A region's number does not count (it tells places apart, and must), whether there is one does.
        """
        return tuple(frozen_value(self.spoken_value(key)) for key in SPOKEN_KEYS)

    def spoken_value(self, key: str) -> Any:
        """:meth:`effective`, any number of a region taken as the same."""
        value = self.effective(key)
        return (value if value == "absent" else "a number") if key == "region_id" else value

    def illustrative_keys(self) -> list[str]:
        """Keys whose value rests on memory or assumption: a figure that uses one says *illustrative*."""
        return [key for key, entry in self.entries.items() if entry.basis in ILLUSTRATIVE]

    def with_entries(self, changed: Mapping[str, Entry | None]) -> Profile:
        """The profile with other entries; None takes one out."""
        entries = {**self.entries, **changed}
        kept = {key: one for key in KEYS if (one := entries.get(key)) is not None}
        return self if kept == self.entries else replace(self, entries=kept)

    def plain(self) -> dict[str, Any]:
        """The profile as plain data, ancestors written out; :func:`load_profile` reads it back."""
        keys: dict[str, Any] = {}
        for key in KEYS:
            if key in self.entries:
                group, _, leaf = key.rpartition(".")
                place = keys.setdefault(group, {}) if group else keys
                place[leaf] = self.entries[key].plain()
        texts = {"title_zh": self.title_zh, "note": self.note}
        head = {"schema": PROFILE_SCHEMA, "name": self.name, "title": self.title}
        return {**head, **{word: text for word, text in texts.items() if text}, "kind": self.kind, "keys": keys}


def speaking(profile: Profile, message_set: MessageSet) -> Profile:
    """The profile with another message set in place of its own.

    Where the set comes with another network layer than the profile's, its own network layer, security envelope,
    certificates and message periods go with it (``message_set.native``); radio, siting and the rest stay.
    """
    native = message_set.native

    def put(value: Any, source: str) -> Entry:
        return Entry(value, "sourced", source, message_set.name)

    changed: dict[str, Entry | None] = {"message_set": put(message_set.name, message_set.source)}
    if profile.get("network") != native.network:
        changed |= {key: None for key in KEYS if key.startswith("rates.")}
        changed |= {"security.suite": None, "security.suites": None}
        changed |= {
            "network": put(native.network, native.source),
            "security.envelope": put(native.envelope, native.source),
            "security.certificate_period_ms": put(native.certificate_period_ms, native.source),
            "security.certificate_bytes_obu": put(native.certificate_bytes_obu, native.source),
            "security.certificate_bytes_rsu": put(native.certificate_bytes_rsu, native.source),
        }
    return profile.with_entries(changed)


def plain_value(value: Any) -> Any:
    """A value as YAML and JSON have it: lists for tuples, words for keys."""
    if isinstance(value, Mapping):
        return {str(key): plain_value(inner) for key, inner in value.items()}
    return [plain_value(one) for one in value] if isinstance(value, (list, tuple)) else value


def frozen_value(value: Any) -> Any:
    """A value that can be hashed and compared."""
    if isinstance(value, Mapping):
        return tuple(sorted((str(key), frozen_value(inner)) for key, inner in value.items()))
    return tuple(frozen_value(one) for one in value) if isinstance(value, (list, tuple)) else value


def _known(key: str) -> None:
    if key not in KEYS:
        raise ValueError(f"profile key {key!r}: unknown; {did_you_mean(key, KEYS)}")
