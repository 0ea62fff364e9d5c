"""ASN.1 codecs of message sets: compiled once per process, encoding checked, decoding total.

Encoding is UPER through asn1tools. Its known faults are worked around here and in the modules themselves:
constraints are single ranges only, every range is checked before encoding, and strict decoding re-encodes and
compares, because asn1tools ignores trailing octets. What a message may cost a decoder is bounded (:mod:`rsu.bounded`).
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from rsu.bounded import TOO_BUSY, BoundedSpecification, one_message, reads_allowed
from rsu.quick import QuickFrame

Policy = Literal["lenient", "strict"]
Status = Literal["ok", "skipped", "error"]

MAX_INPUT_BYTES = 8192
"""Longest input a decoder looks at; the network layer carries 1400 octets (YD/T 3708-2020)."""


class EncodeError(ValueError):
    """A value that the message set does not allow; the text names member, value and rule."""


class DecodeError(ValueError):
    """Octets that are no message of the set; raised only where no :class:`Decoded` is returned."""


@dataclass(frozen=True)
class Decoded:
    """What became of received octets.

    ``status`` is ``ok``: all of it was read; ``skipped``: an extension the set does not know was skipped; ``error``:
    everything else. What is not ``ok`` has one line in ``error``. A skipped kind of message has neither ``message``
    nor ``value``. Where an extension *inside* a known message was skipped, both are there: what this set knows,
    with None or ``(None, None)`` at unknown enumerations and alternatives; unknown additions are left out.
    """

    status: Status
    message: str | None = None
    value: dict[str, Any] | None = None
    error: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is a value, whole or with unknown extensions skipped."""
        return self.value is not None


_PYTHON_TYPES: dict[str, tuple[type, str]] = {
    "INTEGER": (int, "whole number"), "BOOLEAN": (bool, "truth value"), "BIT STRING": (tuple, "(octets, bits)"),
    "IA5String": (str, "text"), "UTF8String": (str, "text"), "NumericString": (str, "text"),
}
"""ASN.1 kind -> Python type of its values and what to call it; open types make octet strings anything."""


class Schema:
    """Type definitions of a compiled module set: what the compiler has read, merged over modules."""

    def __init__(self, directories: tuple[Path, ...]) -> None:
        import asn1tools

        files = [str(path) for directory in directories for path in sorted(directory.glob("*.asn"))]
        if not files:
            raise ValueError(f"no .asn file in {', '.join(map(str, directories))}")
        parsed = asn1tools.parse_files(files)
        self.types: dict[str, dict[str, Any]] = {}
        for module in parsed.values():
            self.types.update(module["types"])
        self._members: dict[int, dict[str, dict[str, Any]]] = {}
        self._needed: dict[int, tuple[str, ...]] = {}
        self._names: dict[int, frozenset[str]] = {}
        self.specification = BoundedSpecification(asn1tools.compile_dict(parsed, "uper"))

    def resolve(self, definition: dict[str, Any]) -> dict[str, Any]:
        """The built-in type behind a reference, with its constraints."""
        while definition["type"] in self.types:
            definition = self.types[definition["type"]]
        return definition

    def misfit(self, value: Any, definition: dict[str, Any], path: str) -> str | None:
        """Path and rule of the first part of a value that has another form than its type, or None.

        Names, missing members and Python types are looked at, ranges and sizes are the compiler's to check. asn1tools
        drops unknown members silently, takes True for a number and names no member for a wrong enumeration.
        """
        definition = self.resolve(definition)
        kind = definition["type"]
        if kind == "SEQUENCE":
            return self._misfit_in_members(value, definition, path)
        if kind == "SEQUENCE OF":
            if not isinstance(value, (list, tuple)):
                return f"{path}: {value!r} is no list"
            element = definition["element"]
            found = (self.misfit(inner, element, f"{path}[{index}]") for index, inner in enumerate(value))
            return next((one for one in found if one), None)
        if kind == "CHOICE":
            if not isinstance(value, tuple) or len(value) != 2:
                return f"{path}: {value!r} is no (alternative, value)"
            member = self._members_of(definition).get(value[0])
            if member is None:
                return f"{path}: {value[0]!r} is no alternative here"
            return self.misfit(value[1], member, f"{path}.{value[0]}")
        if kind == "ENUMERATED":
            names = self._names_of(definition)
            return None if isinstance(value, str) and value in names else f"{path}: {value!r} is none of its names"
        wanted = _PYTHON_TYPES.get(kind)
        if wanted is None or (isinstance(value, wanted[0]) and isinstance(value, bool) == (kind == "BOOLEAN")):
            return None
        return f"{path}: {value!r} is no {wanted[1]}"

    def _misfit_in_members(self, value: Any, definition: dict[str, Any], path: str) -> str | None:
        if isinstance(value, tuple):
            return None  # an open type, which the framing puts together
        if not isinstance(value, dict):
            return f"{path}: {value!r} is no mapping of members"
        members = self._members_of(definition)
        for key, inner in value.items():
            if key not in members:
                return f"{path}.{key}: no such member in this message set"
            if found := self.misfit(inner, members[key], f"{path}.{key}"):
                return found
        missing = next((name for name in self._needed_of(definition) if name not in value), None)
        return None if missing is None else f"{path}.{missing}: is missing and must be there"

    def _members_of(self, definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
        # Definitions live as long as the schema, so their identity is a safe key.
        members = self._members.get(id(definition))
        if members is None:
            members = self._members[id(definition)] = {m["name"]: m for m in all_members(definition)}
        return members

    def _needed_of(self, definition: dict[str, Any]) -> tuple[str, ...]:
        """Members of the root that are neither optional nor have a default."""
        needed = self._needed.get(id(definition))
        if needed is None:
            members = definition["members"]
            root = members[: members.index(None)] if None in members else members
            needed = self._needed[id(definition)] = tuple(
                m["name"] for m in root if not m.get("optional") and "default" not in m
            )
        return needed

    def _names_of(self, definition: dict[str, Any]) -> frozenset[str]:
        names = self._names.get(id(definition))
        if names is None:
            names = self._names[id(definition)] = frozenset(one[0] for one in definition["values"] if one)
        return names


def all_members(definition: dict[str, Any]) -> list[dict[str, Any]]:
    """Members of a SEQUENCE or CHOICE in order: root, then additions; markers left out, groups opened."""
    members: list[dict[str, Any]] = []
    for member in definition["members"]:
        members += member if isinstance(member, list) else [member] if member else []
    return members


@cache
def load_schema(*directories: Path) -> Schema:
    """The schema of all ``.asn`` files in some folders, compiled once per process (0.3 s for a Day I set).

    Type names must be unique over the folders.
    """
    return Schema(directories)


class Codec:
    """Encoder and decoder of one message set; a framing says how messages are told apart on the wire.

    A framing provides ``messages``, :meth:`definition`, :meth:`_pack` and :meth:`_unpack`; range and name checks, total
    decoding and the strict policy are the same for all.
    """

    messages: tuple[str, ...] = ()
    """Names of the messages, unique over all sets where their meaning differs (``C157-SSM``)."""
    open_members: Mapping[str, tuple[str, Mapping[int, str]]] = {}
    """Members declared OCTET STRING whose values :meth:`encode` and :meth:`decode` open: name -> (member of the same
    SEQUENCE that tells the kind, its number -> type). Anything else in such a member stays octets."""

    def definition(self, message: str) -> tuple[Schema, dict[str, Any]]:
        """Schema and type of the value of one message, without its frame; EncodeError for an unknown name."""
        raise NotImplementedError

    def _pack(self, message: str, value: Any, check: bool) -> bytes:
        """Octets of a value; any exception becomes an :class:`EncodeError`."""
        raise NotImplementedError

    def _unpack(self, data: bytes) -> tuple[str | None, Any]:
        """(message, value) of octets, (None, None) for a kind the set does not know; any exception is an error."""
        raise NotImplementedError

    def _pack_quickly(self, message: str, value: Any) -> bytes | None:
        """Octets of a value without anything unusual (:mod:`rsu.quick`), None for any other."""
        return None

    def _unpack_quickly(self, data: bytes) -> tuple[str, Any] | None:
        """(message, value) of octets without anything unusual, None for any other."""
        return None

    def refuses(self, data: bytes) -> bool:
        """Whether :meth:`decode` is certain to give an error, under either policy; says nothing of why, and may say
        False of octets that it refuses all the same."""
        return False

    def encode(self, message: str, value: dict[str, Any], check: bool = True) -> bytes:
        """UPER octets of one message.

        ``value`` is the inner message in asn1tools form (dict by member name; CHOICE and BIT STRING as
        tuples). ``check=False`` skips range and member-name checks: only for values already known to be in
        range, because a number out of range is then cut to its field width.

        Raises :class:`EncodeError` naming the member and the rule.
        """
        if message not in self.messages:
            raise EncodeError(f"message: {message!r} is not one of {', '.join(self.messages)}")
        try:
            if check:
                octets = self._pack_quickly(message, value)
                if octets is not None:
                    return octets
                schema, definition = self.definition(message)
                if misfit := schema.misfit(value, definition, message):
                    raise EncodeError(misfit)
            return self._pack(message, value, check)
        except EncodeError:
            raise
        except Exception as error:
            raise EncodeError(f"{message}: {_one_line(error)}") from error

    def decode(self, data: bytes, policy: Policy = "lenient") -> Decoded:
        """Decode any octets; never raises for their content.

        ``strict`` also refuses trailing octets, values out of range, unknown nested extensions and any other
        input that does not re-encode to itself. ``lenient`` accepts what the decoder can read.
        """
        if policy not in ("lenient", "strict"):
            raise ValueError(f"policy: {policy!r} is neither 'lenient' nor 'strict'")
        if not isinstance(data, (bytes, bytearray, memoryview)):
            return Decoded("error", error=f"input is {type(data).__name__}, not octets")
        data = bytes(data)
        if not data:
            return Decoded("error", error="no octets")
        if len(data) > MAX_INPUT_BYTES:
            return Decoded("error", error=f"{len(data)} octets are more than {MAX_INPUT_BYTES}")
        # A collection of everything the process holds can take longer than the message and finds nothing in it.
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._decode(data, policy)
        finally:
            if collecting:
                gc.enable()

    def _decode(self, data: bytes, policy: Policy) -> Decoded:
        found = self._unpack_quickly(data)
        if found is not None and policy == "lenient":
            return Decoded("ok", *found)
        with one_message() as budget:
            try:
                message, value = found or self._unpack(data)
            except Exception as error:
                return Decoded("error", error=_one_line(error))
            if budget.spent:
                return Decoded("error", error=TOO_BUSY)
            if message is None:
                return Decoded("skipped", error="message kind unknown to this set (extension of the frame)")
            if policy == "strict" and (problem := self._not_canonical(message, value, data)):
                return Decoded("error", error=problem)
        if budget.skipped:
            return Decoded("skipped", message, value, f"extensions unknown to this set: {budget.skipped}")
        return Decoded("ok", message, value)

    def _not_canonical(self, message: str, value: Any, data: bytes) -> str:
        try:
            again = self._pack(message, value, True)
        except Exception as error:
            return f"does not re-encode: {_one_line(error)}"
        if len(again) < len(data) and data.startswith(again):
            return f"{len(data) - len(again)} trailing octets"
        return "" if again == data else "re-encoding differs"


class ChoiceCodec(Codec):
    """Framing of the Chinese sets: one outermost CHOICE whose alternatives are the messages.

    ``alternatives`` maps message names (``BSM``) to alternatives of the outermost CHOICE (``bsmFrame``).
    """

    def __init__(self, directory: Path, alternatives: dict[str, str], frame: str = "MessageFrame") -> None:
        self.directory = directory
        self.frame = frame
        self.alternatives = dict(alternatives)
        self.messages = tuple(alternatives)
        self._names = {alternative: message for message, alternative in alternatives.items()}
        self._quick_frame: QuickFrame | None = None

    @property
    def schema(self) -> Schema:
        """Parsed and compiled types; the first use compiles."""
        return load_schema(self.directory)

    def definition(self, message: str) -> tuple[Schema, dict[str, Any]]:
        """Schema and type of an alternative."""
        schema = self.schema
        members = schema.resolve({"type": self.frame})["members"]
        return schema, next(m for m in members if m and m["name"] == self.alternatives[message])

    @property
    def _quick(self) -> QuickFrame:
        if self._quick_frame is None:
            self._quick_frame = QuickFrame(self.schema.specification.types[self.frame]._type)
        return self._quick_frame

    def _pack_quickly(self, message: str, value: Any) -> bytes | None:
        if message not in self.alternatives:
            return None
        outer = (self.alternatives[message], value)
        return self._quick.encode(outer, message, lambda: self._pack_checked(message, value))

    def _unpack_quickly(self, data: bytes) -> tuple[str, Any] | None:
        found = self._quick.decode(data, reads_allowed(), lambda: self.schema.specification.decode(self.frame, data))
        return None if found is None else (self._names[found[0]], found[1])

    def refuses(self, data: bytes) -> bool:
        """See :meth:`Codec.refuses`; takes a fifth of the time of an error."""
        return self._quick.refuses(
            data, reads_allowed(), lambda: self.schema.specification.decode(self.frame, data)
        )

    def _pack_checked(self, message: str, value: Any) -> bytes:
        schema, definition = self.definition(message)
        if misfit := schema.misfit(value, definition, message):
            raise EncodeError(misfit)
        return self._pack(message, value, True)

    def _pack(self, message: str, value: Any, check: bool) -> bytes:
        outer = (self.alternatives[message], value)
        return bytes(self.schema.specification.encode(self.frame, outer, check_constraints=check))

    def _unpack(self, data: bytes) -> tuple[str | None, Any]:
        alternative, value = self.schema.specification.decode(self.frame, data)
        return (None, None) if alternative is None else (self._names[alternative], value)


def _one_line(error: Exception) -> str:
    """Error text without line breaks, bounded, never empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
