"""Random values of any type a message set has, made from its parsed modules."""

from __future__ import annotations

import random
from typing import Any

from rsu.codec import Schema, all_members
from rsu.messages import MESSAGE_SETS

KINDS = [(name, message) for name, one in MESSAGE_SETS.items() for message in one.codec.messages]
"""Every message of every set."""
MOST_BYTES = 1400


class Values:
    """Draws values: optional members and extension additions by chance, bounds often, lists mostly short."""

    def __init__(self, name: str, message: str, draw: random.Random) -> None:
        self.name, self.message, self.draw = name, message, draw
        self.codec = codec = MESSAGE_SETS[name].codec
        self.schema: Schema = codec.definition(message)[0]

    def message_value(self) -> Any:
        """A value of the message; header fields a codec compares are set right."""
        value = self.of(self.codec.definition(self.message)[1], 0)
        if "header" in value and "ItsPduHeader" in self.schema.types:
            from rsu.messages.etsi.framing import header

            value["header"] = header(self.message, self.draw.getrandbits(32))
        return value

    def octets(self) -> bytes:
        """A message of a length that a network carries; decoders refuse much longer ones."""
        while True:
            octets = MESSAGE_SETS[self.name].encode(self.message, self.message_value())
            if len(octets) <= MOST_BYTES:
                return octets

    def of(self, definition: dict[str, Any], depth: int) -> Any:
        definition = self.schema.resolve(definition)
        kind = definition["type"]
        if kind == "SEQUENCE":
            return self._sequence(definition, depth)
        if kind == "CHOICE":
            chosen = self.draw.choice(all_members(definition))
            return chosen["name"], self.of(chosen, depth + 1)
        if kind == "SEQUENCE OF":
            return [self.of(definition["element"], depth + 1) for _ in range(self._size(definition, depth))]
        if kind == "INTEGER":
            (low, high), *_ = definition.get("restricted-to") or [(-(2**31), 2**31)]
            return self.draw.choice((low, high, self.draw.randint(low, high), self.draw.randint(low, high)))
        if kind == "ENUMERATED":
            return self.draw.choice([entry for entry in definition["values"] if entry])[0]
        if kind == "BOOLEAN":
            return self.draw.random() < 0.5
        if kind == "NULL":
            return None
        size = self._size(definition, depth)
        if kind == "OCTET STRING":
            return self.draw.randbytes(size)
        if kind == "BIT STRING":
            return (self.draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size
        letters = {"NumericString": "0123456789 ", "UTF8String": "aé界\n\"\U0001f6a6"}.get(kind)
        return "".join(self.draw.choice(letters or [chr(n) for n in range(128)]) for _ in range(size))

    def _sequence(self, definition: dict[str, Any], depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        beyond = False
        for entry in definition["members"]:
            if entry is None:
                beyond = not beyond
                continue
            group = entry if isinstance(entry, list) else [entry]
            if beyond and self.draw.random() < 0.6:
                continue
            for member in group:
                if member.get("optional") and self.draw.random() < (0.5 if depth < 3 else 0.75):
                    continue
                value[member["name"]] = self.of(member, depth + 1)
        if set(value) == {"containerId", "containerData"}:
            value["containerId"] = self.draw.randint(6, 16)  # a CPM container of a kind that no version defines
        for name, (selector, types) in self.codec.open_members.items():
            if name in value and value.get(selector) in types:
                value[name] = self.of({"type": types[value[selector]]}, depth + 1)
        return value

    def _size(self, definition: dict[str, Any], depth: int) -> int:
        size = (definition.get("size") or [(0, 12)])[0]
        low, high = size if isinstance(size, tuple) else (size, size)
        if depth < 3 and self.draw.random() < 0.05:
            return min(high, 40)
        return self.draw.choice((low, min(high, low + 1), min(high, low + 2)))
