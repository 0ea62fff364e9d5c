"""The table of facts on the Chinese sets, in forms that tests compare with; random values made from it.

Nothing here reads the project's modules: types, ranges and order come from ``tests/reference/cn_message_set.json``.
"""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "reference" / "cn_message_set.json").read_text(encoding="utf-8")
)
PROFILES = ("csae53-2020", "ydt3709-2020", "csae157-2020")
DAY_ONE = {
    "BSM": ("bsmFrame", "BasicSafetyMessage"), "MAP": ("mapFrame", "MapData"),
    "RSM": ("rsmFrame", "RoadsideSafetyMessage"), "SPAT": ("spatFrame", "SPAT"),
    "RSI": ("rsiFrame", "RoadSideInformation"),
}
"""Message -> alternative and type."""
DAY_TWO = {
    "TEST": "TestMsg", "RTCM": "RTCMcorrections", "RSC": "RoadsideCoordination", "C157-SSM": "SensorSharingMsg",
    "VIR": "VehIntentionAndRequest", "PAM": "PAMData", "PSM": "PersonalSafetyMessage", "C157-CPM": "CLPMM",
    "VPM": "VehiclePaymentMessage",
}
"""Message -> type; messageIds stand in the table of facts."""

Types = dict[str, dict[str, Any]]


@cache
def types_of(profile: str) -> Types:
    """All types of a profile by name, variants put in."""
    types = {}
    for entry in FACTS["types"]:
        if entry["phase"] == "I" or profile == "csae157-2020":
            types[entry["name"]] = {**entry.get("variants", {}).get(profile, entry), "name": entry["name"]}
    return types


def outer_types(profile: str) -> dict[str, str]:
    """Message -> type of its value."""
    day_one = {message: kind for message, (_, kind) in DAY_ONE.items()}
    return {**day_one, **DAY_TWO} if profile == "csae157-2020" else day_one


def as_facts(definition: dict[str, Any], types: Types) -> dict[str, Any]:
    """A definition as the compiler parsed it, in the form of :func:`expected`."""
    kind = definition["type"]
    facts: dict[str, Any] = {"kind": kind}
    if kind in ("SEQUENCE", "CHOICE"):
        members = definition["members"]
        split = members.index(None) if None in members else len(members)
        facts["extensible"] = None in members
        facts["fields"] = [_parsed_member(m, types) for m in members[:split]]
        facts["additions"] = [_parsed_member(m, types) for m in members[split + 1 :]]
    elif kind == "ENUMERATED":
        values = definition["values"]
        facts["extensible"] = None in values
        facts["values"] = [(v[0], v[1]) for v in values if v]
        facts["root_last"] = values[-1] is None or None not in values
    elif kind == "INTEGER":
        facts["range"] = [tuple(part) if part else part for part in definition["restricted-to"]]
    elif kind != "BOOLEAN":
        size = definition.get("size")
        if size is None:
            facts["size"] = None
        else:
            facts["size"] = (size[0], size[0]) if isinstance(size[0], int) else tuple(size[0])
            facts["size_extensible"] = size[1:] == [None]
        if kind == "SEQUENCE OF":
            facts["of"] = _parsed_type(definition["element"], types)
        if kind == "BIT STRING":
            facts["named_bits"] = [(name, int(bit)) for name, bit in definition["named-bits"]]
    return facts


def _parsed_member(member: dict[str, Any], types: Types) -> tuple[Any, ...]:
    return member["name"], _parsed_type(member, types), member.get("optional", False), "default" in member


def _parsed_type(member: dict[str, Any], types: Types) -> Any:
    return member["type"] if member["type"] in types else as_facts(member, types)


def expected(entry: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of facts in the same form."""
    kind = entry["kind"]
    facts: dict[str, Any] = {"kind": kind}
    if kind in ("SEQUENCE", "CHOICE"):
        facts["extensible"] = entry["extensible"]
        facts["fields"] = [_expected_member(f) for f in entry["fields" if kind == "SEQUENCE" else "alternatives"]]
        facts["additions"] = [_expected_member(f) for f in entry.get("extension_additions", [])]
    elif kind == "ENUMERATED":
        facts["extensible"] = entry["extensible"]
        facts["values"] = [tuple(value) for value in entry["values"]]
        facts["root_last"] = True
    elif kind == "INTEGER":
        facts["range"] = [tuple(entry["range"]), *([None] if entry.get("range_extensible") else [])]
    elif kind != "BOOLEAN":
        facts["size"] = tuple(entry["size"]) if "size" in entry else None
        if "size" in entry:
            facts["size_extensible"] = entry["size_extensible"]
        if kind == "SEQUENCE OF":
            facts["of"] = entry["of"] if isinstance(entry["of"], str) else expected(entry["of"])
        if kind == "BIT STRING":
            facts["named_bits"] = [tuple(bit) for bit in entry["named_bits"]]
    return facts


def _expected_member(field: dict[str, Any]) -> tuple[Any, ...]:
    if field.get("open_type"):
        # Same bits as octets with a length, see the facts on framing.
        kind: Any = {"kind": "OCTET STRING", "size": None}
    else:
        kind = field["type"] if "type" in field else expected(field["inline"])
    return field["name"], kind, field.get("optional", False), False


def random_value(draw: random.Random, entry: dict[str, Any], types: Types) -> Any:
    """A random value of a type in asn1tools form: bounds often, optional members with half a chance, short lists."""
    kind = entry["kind"]
    if kind == "BOOLEAN":
        return draw.random() < 0.5
    if kind == "INTEGER":
        low, high = entry["range"]
        return draw.choice((low, high, draw.randint(low, high), draw.randint(low, high)))
    if kind == "ENUMERATED":
        return draw.choice(entry["values"])[0]
    if kind == "SEQUENCE":
        fields = [*entry["fields"], *entry.get("extension_additions", [])]
        kept = (f for f in fields if not f.get("optional") or draw.random() < 0.5)
        return {f["name"]: random_value(draw, inner(f, types), types) for f in kept}
    if kind == "CHOICE":
        chosen = draw.choice(entry["alternatives"])
        return chosen["name"], random_value(draw, inner(chosen, types), types)
    low, high = entry.get("size", (0, 3))
    long = max(low, min(high, 40)) if draw.random() < 0.05 else low
    size = draw.choice((low, min(high, low + draw.randint(0, 3)), long))
    if kind == "SEQUENCE OF":
        element = types[entry["of"]] if isinstance(entry["of"], str) else entry["of"]
        return [random_value(draw, element, types) for _ in range(size)]
    if kind == "OCTET STRING":
        return draw.randbytes(size)
    if kind == "IA5String":
        # The other codec takes DEL for no IA5 character.
        return "".join(chr(draw.randrange(127)) for _ in range(size))
    assert kind == "BIT STRING"
    return (draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size


def random_messages(profile: str, seed: int, count: int) -> list[tuple[str, dict[str, Any]]]:
    """``count`` messages of a profile, its kinds in turn."""
    draw, types = random.Random(seed), types_of(profile)
    kinds = list(outer_types(profile).items())
    chosen = [kinds[index % len(kinds)] for index in range(count)]
    return [(message, small_value(draw, kind, types)) for message, kind in chosen]


def small_value(draw: random.Random, kind: str, types: Types) -> Any:
    """A random value of a type with at most 700 parts: a decoder spends no more on a message than real ones need."""
    while True:
        value = random_value(draw, types[kind], types)
        if parts(value) <= 700:
            return value


def parts(value: Any) -> int:
    """Members, elements and characters of a value, counted through."""
    if isinstance(value, dict):
        return len(value) + sum(map(parts, value.values()))
    if isinstance(value, list):
        return len(value) + sum(map(parts, value))
    if isinstance(value, tuple):
        return 1 + parts(value[1])
    return len(value) if isinstance(value, str) else 1


def inner(field: dict[str, Any], types: Types) -> dict[str, Any]:
    """Entry behind a member of the table of facts."""
    return field.get("inline") or types[field["type"]]


def to_pycrate(entry: dict[str, Any], value: Any, types: Types) -> Any:
    """The other codec writes bit strings as (number, length)."""
    kind = entry["kind"]
    if kind == "SEQUENCE":
        fields = {f["name"]: f for f in [*entry["fields"], *entry.get("extension_additions", [])]}
        return {n: to_pycrate(inner(fields[n], types), v, types) for n, v in value.items()}
    if kind == "SEQUENCE OF":
        element = types[entry["of"]] if isinstance(entry["of"], str) else entry["of"]
        return [to_pycrate(element, part, types) for part in value]
    if kind == "CHOICE":
        chosen = next(a for a in entry["alternatives"] if a["name"] == value[0])
        return value[0], to_pycrate(inner(chosen, types), value[1], types)
    if kind == "BIT STRING":
        octets, size = value
        return int.from_bytes(octets, "big") >> (-size % 8), size
    return value
