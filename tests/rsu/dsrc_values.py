"""Random values drawn from our own parsed types, and an independent codec's spelling of them."""

from __future__ import annotations

import random
from typing import Any

from rsu.codec import Schema

LONGEST_BYTES = 1400
"""Longer messages are no business of a receiver; it may refuse them for their effort."""
FREE_REGION = 10
"""Regional extensions from here on have no inner type in any module."""


class SchemaValues:
    """Values in asn1tools form of the types of a schema, without extensions; members outside the profile never.

    ``plain``: nothing regional, no control characters, bit strings of their root size only.
    """

    def __init__(self, schema: Schema, draw: random.Random, optional: float = 0.5, plain: bool = False) -> None:
        self.schema, self.draw, self.optional, self.plain = schema, draw, optional, plain

    def of(self, type_name: str) -> Any:
        """One value of a named type."""
        return self._of({"type": type_name})

    def _of(self, definition: dict[str, Any]) -> Any:
        definition = self.schema.resolve(definition)
        kind = definition["type"]
        if kind == "SEQUENCE":
            return {
                member["name"]: self._member(member)
                for member in definition["members"]
                if member and member["type"] != "OutsideProfile" and not self._left_out(member)
                and (not member.get("optional") or self.draw.random() < self.optional)
            }
        if kind == "SEQUENCE OF":
            return [self._of(definition["element"]) for _ in range(self._size(definition))]
        if kind == "CHOICE":
            members = [member for member in definition["members"] if member and not self._left_out(member)]
            return self._alternative(self.draw.choice(members))
        return getattr(self, "_" + kind.replace(" ", "_").lower())(definition)

    def _left_out(self, member: dict[str, Any]) -> bool:
        return self.plain and member["name"] in ("regional", "preemptPriorityData", "otherSize")

    def _member(self, member: dict[str, Any]) -> Any:
        return self.draw.randint(FREE_REGION, 255) if member["name"] == "regionId" else self._of(member)

    def _alternative(self, member: dict[str, Any]) -> tuple[str, Any]:
        if member["name"] == "otherSize":
            count = self.draw.choice((0, 1, 3, 7, 9, 12, 100))
            return "otherSize", [self.draw.random() < 0.5 for _ in range(count)]
        return member["name"], self._of(member)

    def _integer(self, definition: dict[str, Any]) -> int:
        low, high = definition["restricted-to"][0]
        return self.draw.choice((low, high, self.draw.randint(low, high), self.draw.randint(low, high)))

    def _boolean(self, definition: dict[str, Any]) -> bool:
        return self.draw.random() < 0.5

    def _enumerated(self, definition: dict[str, Any]) -> str:
        values = definition["values"]
        return self.draw.choice(values[: values.index(None)] if None in values else values)[0]

    def _bit_string(self, definition: dict[str, Any]) -> tuple[bytes, int]:
        size = definition["size"][0]
        return (self.draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size

    def _octet_string(self, definition: dict[str, Any]) -> bytes:
        size = self._size(definition) if definition.get("size") else self.draw.choice((1, 2, 2, 9, 130))
        return self.draw.randbytes(size)

    def _ia5string(self, definition: dict[str, Any]) -> str:
        letters = range(48, 58) if self.plain else range(127)
        return "".join(chr(self.draw.choice(letters)) for _ in range(self._size(definition)))

    def _size(self, definition: dict[str, Any]) -> int:
        bounds = definition["size"][0]
        if isinstance(bounds, int):
            return bounds
        low, high = bounds
        return min(high, low + self.draw.choice((0, 0, 0, 1, 2)))


def to_pycrate(schema: Schema, definition: dict[str, Any], value: Any, own_modules: bool) -> Any:
    """The value as pycrate writes it: bit strings as (number, length).

    ``own_modules``: as its own ETSI modules have it, with open types and one extensible bit string for vehicle lanes.
    """
    if own_modules and definition["type"] == "LaneAttributes-Vehicle":
        form, inner = value
        if form == "size8":
            return inner[0][0], 8
        return sum(bit << (len(inner) - 1 - place) for place, bit in enumerate(inner)), len(inner)
    name = definition["type"]
    definition = schema.resolve(definition)
    kind = definition["type"]
    if kind == "SEQUENCE":
        members = {member["name"]: member for member in definition["members"] if member}
        told = {n: to_pycrate(schema, members[n], inner, own_modules) for n, inner in value.items()}
        if own_modules and name == "RegionalExtension":
            told["regExtValue"] = ("_unk_004", told["regExtValue"])
        return told
    if kind == "SEQUENCE OF":
        return [to_pycrate(schema, definition["element"], inner, own_modules) for inner in value]
    if kind == "CHOICE":
        member = next(m for m in definition["members"] if m and m["name"] == value[0])
        return value[0], to_pycrate(schema, member, value[1], own_modules)
    if kind == "BIT STRING":
        octets, size = value
        return int.from_bytes(octets, "big") >> (-size % 8), size
    return value
