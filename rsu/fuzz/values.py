"""Values of any message of any set, drawn from its parsed modules: random ones, and ones as dense as a type allows."""

from __future__ import annotations

import random
from typing import Any

from rsu.codec import Codec, Schema

Definition = dict[str, Any]

_DEEPEST = 12
_MOST_ELEMENTS = 600
_LETTERS = {"NumericString": "0123456789 ", "UTF8String": "aé界\U0001f6a6"}
_ASCII = "".join(map(chr, range(128)))


class Taste:
    """How values are drawn: chances of optional members and of additions, and how much of a size range is used.

    ``fill`` 0 takes shortest lists and texts, 1 longest ones, None mostly short ones; ``elements`` is about where a
    value stops growing.
    """

    def __init__(self, optional: float = 0.5, additions: float = 0.2, fill: float | None = None,
                 elements: int = _MOST_ELEMENTS) -> None:
        self.optional, self.additions, self.fill, self.elements = optional, additions, fill, elements


class Values:
    """Draws values in asn1tools form of one message of a codec."""

    def __init__(self, codec: Codec, message: str, draw: random.Random, taste: Taste | None = None) -> None:
        self.codec, self.message, self.draw, self.taste = codec, message, draw, taste or Taste()
        self.schema: Schema
        self.schema, self.definition = codec.definition(message)
        self._left = 0

    def message_value(self) -> Any:
        """One value; the header a codec compares is set right."""
        self._left = self.taste.elements
        value = self.of(self.definition)
        if "ItsPduHeader" in self.schema.types and isinstance(value, dict) and "header" in value:
            from rsu.messages.etsi.framing import header

            value["header"] = header(self.message, self.draw.getrandbits(32))
        return value

    def of(self, definition: Definition, depth: int = 0) -> Any:
        """One value of a type."""
        self._left -= 1
        definition = self.schema.resolve(definition)
        kind = definition["type"]
        if kind == "SEQUENCE":
            return self._sequence(definition, depth)
        if kind == "CHOICE":
            return self._choice(definition, depth)
        if kind == "SEQUENCE OF":
            return self._list(definition, depth)
        if kind == "INTEGER":
            return self._integer(definition)
        if kind == "ENUMERATED":
            root = definition["values"]
            named = [one for one in root if one] if self._chance(self.taste.additions) else _until_marker(root)
            return self.draw.choice(named)[0]
        if kind == "BOOLEAN":
            return self._chance(0.5)
        return None if kind == "NULL" else self._string(kind, definition)

    def _sequence(self, definition: Definition, depth: int) -> Definition:
        value: Definition = {}
        beyond = False
        for entry in definition["members"]:
            if entry is None:
                beyond = not beyond
                continue
            if beyond and not self._chance(self.taste.additions):
                continue
            for member in entry if isinstance(entry, list) else [entry]:
                spare = member.get("optional") or "default" in member
                if spare and (depth > _DEEPEST or self._left < 0 or not self._chance(self.taste.optional)):
                    continue
                value[member["name"]] = self.of(member, depth + 1)
        self._open(value, depth)
        return value

    def _open(self, value: Definition, depth: int) -> None:
        if set(value) == {"containerId", "containerData"}:
            value["containerId"] = self.draw.randint(6, 16)  # a CPM container whose content no codec opens
        for name, (selector, types) in self.codec.open_members.items():
            if name in value and value.get(selector) in types:
                value[name] = self.of({"type": types[value[selector]]}, depth + 1)

    def _choice(self, definition: Definition, depth: int) -> tuple[str, Any]:
        root = _until_marker(definition["members"])
        members = [one for entry in definition["members"] if entry
                   for one in (entry if isinstance(entry, list) else [entry])]
        known = members if self._chance(self.taste.additions) or not root else root
        chosen = known[0] if depth > _DEEPEST else self.draw.choice(known)
        return chosen["name"], self.of(chosen, depth + 1)

    def _list(self, definition: Definition, depth: int) -> list[Any]:
        low = lowest(definition)
        wanted = self._size(definition)
        made: list[Any] = []
        while len(made) < wanted and (len(made) < low or self._left > 0):
            made.append(self.of(definition["element"], depth + 1))
        return made

    def _integer(self, definition: Definition) -> int:
        low, high = integer_bounds(definition)
        return self.draw.choice((low, high, self.draw.randint(low, high), self.draw.randint(low, high)))

    def _string(self, kind: str, definition: Definition) -> Any:
        size = self._size(definition)
        if kind == "OCTET STRING":
            return self.draw.randbytes(size)
        if kind == "BIT STRING":
            return (self.draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size
        self._left -= size
        letters = definition.get("from")
        return "".join(self.draw.choices(_alphabet(letters) if letters else _LETTERS.get(kind, _ASCII), k=size))

    def _size(self, definition: Definition) -> int:
        low, high = size_bounds(definition)
        fill = self.taste.fill
        if fill is not None:
            return low + round(fill * (high - low))
        few = min(high, low + 3)
        return self.draw.choice((low, high, self.draw.randint(low, few), self.draw.randint(low, few)))

    def _chance(self, share: float) -> bool:
        return self.draw.random() < share


def integer_bounds(definition: Definition) -> tuple[int, int]:
    """Lowest and highest value of the root of an INTEGER, 32 bits where it has no bounds."""
    bounds = (definition.get("restricted-to") or [(-(1 << 31), (1 << 31) - 1)])[0]
    low, high = bounds if isinstance(bounds, tuple) else (bounds, bounds)
    return (low if isinstance(low, int) else -(1 << 31)), (high if isinstance(high, int) else (1 << 31) - 1)


def size_bounds(definition: Definition) -> tuple[int, int]:
    """Shortest and longest size of a string or list, 0..64 where it has no bounds."""
    size = (definition.get("size") or [(0, 64)])[0]
    low, high = size if isinstance(size, tuple) else (size, size)
    return (low if isinstance(low, int) else 0), (high if isinstance(high, int) else 64)


def lowest(definition: Definition) -> int:
    """Shortest size."""
    return size_bounds(definition)[0]


def _until_marker(entries: list[Any]) -> list[Any]:
    return entries[: entries.index(None)] if None in entries else entries


def _alphabet(letters: list[Any]) -> str:
    return "".join(
        "".join(map(chr, range(ord(one[0]), ord(one[1]) + 1))) if isinstance(one, tuple) else one for one in letters
    )
