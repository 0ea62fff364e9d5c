"""The smallest value of a type: mandatory members, shortest lists and texts, first alternatives, lowest numbers."""

from __future__ import annotations

from typing import Any

from rsu.codec import Schema, all_members
from rsu.messages.describe import root_members


def smallest_value(schema: Schema, definition: dict[str, Any]) -> Any:
    """A value of a type in asn1tools form; members a codec opens or compares are left to the caller."""
    definition = schema.resolve(definition)
    kind = definition["type"]
    if kind == "SEQUENCE":
        return {
            member["name"]: smallest_value(schema, member)
            for member in root_members(definition)
            if not member.get("optional") and "default" not in member
        }
    if kind == "CHOICE":
        first = all_members(definition)[0]
        return first["name"], smallest_value(schema, first)
    shortest = _shortest(definition)
    if kind == "SEQUENCE OF":
        return [smallest_value(schema, definition["element"]) for _ in range(shortest)]
    if kind == "INTEGER":
        return _lowest(definition)
    return {
        "ENUMERATED": lambda: definition["values"][0][0],
        "BOOLEAN": lambda: False,
        "NULL": lambda: None,
        "OCTET STRING": lambda: bytes(shortest),
        "BIT STRING": lambda: (bytes((shortest + 7) // 8), shortest),
    }.get(kind, lambda: "0" * shortest)()


def _shortest(definition: dict[str, Any]) -> int:
    size = (definition.get("size") or [0])[0]
    return int(size[0] if isinstance(size, tuple) else size)


def _lowest(definition: dict[str, Any]) -> int:
    bounds = (definition.get("restricted-to") or [0])[0]
    low = bounds[0] if isinstance(bounds, tuple) else bounds
    return low if isinstance(low, int) else 0
