"""The ASN.1 modules of profile csae53-2020 against the table of type facts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rsu.codec import Schema
from rsu.messages import MESSAGE_SETS

FACTS = json.loads(
    (Path(__file__).parents[1] / "reference" / "cn_message_set.json").read_text(encoding="utf-8")
)
DAY_ONE = {entry["name"]: entry for entry in FACTS["types"] if entry["phase"] == "I"}
CODEC = MESSAGE_SETS["csae53-2020"].codec
FILES = sorted(CODEC.directory.glob("*.asn"))


def as_facts(definition: dict[str, Any]) -> dict[str, Any]:
    """A parsed definition in the form of the table of facts."""
    kind = definition["type"]
    facts: dict[str, Any] = {"kind": kind}
    if kind in ("SEQUENCE", "CHOICE"):
        members = definition["members"]
        root = members[: members.index(None)] if None in members else members
        facts["extensible"] = None in members
        facts["additions"] = len(members) - len(root) - facts["extensible"]
        facts["fields"] = [
            (m["name"], member_type(m), m.get("optional", False), "default" in m) for m in root
        ]
    elif kind == "ENUMERATED":
        values = definition["values"]
        facts["extensible"] = None in values
        facts["values"] = [(v[0], v[1]) for v in values if v]
        facts["root_last"] = values[-1] is None or None not in values
    elif kind == "INTEGER":
        facts["range"] = definition["restricted-to"]
    else:
        size = definition["size"]
        facts["size"] = (size[0], size[0]) if isinstance(size[0], int) else tuple(size[0])
        facts["size_extensible"] = size[1:] == [None]
        if kind == "SEQUENCE OF":
            facts["of"] = definition["element"]["type"]
        if kind == "BIT STRING":
            facts["named_bits"] = [(name, int(bit)) for name, bit in definition["named-bits"]]
    return facts


def member_type(member: dict[str, Any]) -> Any:
    return member["type"] if member["type"] in DAY_ONE else as_facts(member)


def expected(entry: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of facts in the same form."""
    kind = entry["kind"]
    facts: dict[str, Any] = {"kind": kind}
    if kind in ("SEQUENCE", "CHOICE"):
        fields = entry["fields"] if kind == "SEQUENCE" else entry["alternatives"]
        facts["extensible"] = entry["extensible"]
        facts["additions"] = len(entry.get("extension_additions", []))
        facts["fields"] = [
            (f["name"], f["type"] if "type" in f else expected(f["inline"]), f.get("optional", False), False)
            for f in fields
        ]
    elif kind == "ENUMERATED":
        facts["extensible"] = entry["extensible"]
        facts["values"] = [tuple(value) for value in entry["values"]]
        facts["root_last"] = True
    elif kind == "INTEGER":
        facts["range"] = [tuple(entry["range"])]
    else:
        facts["size"] = tuple(entry["size"])
        facts["size_extensible"] = entry["size_extensible"]
        if kind == "SEQUENCE OF":
            facts["of"] = entry["of"]
        if kind == "BIT STRING":
            facts["named_bits"] = [tuple(bit) for bit in entry["named_bits"]]
    return facts


@pytest.fixture(scope="module")
def schema() -> Schema:
    return CODEC.schema


def test_the_modules_hold_exactly_the_day_one_types(schema: Schema) -> None:
    """Independent: no type missing, none extra (162 in the table of facts)."""
    assert set(schema.types) == set(DAY_ONE)
    assert len(DAY_ONE) == 162


@pytest.mark.parametrize("name", sorted(DAY_ONE))
def test_type_equals_the_facts(schema: Schema, name: str) -> None:
    """Independent: order, optionality, ranges, sizes, extension markers and names as in the facts."""
    assert as_facts(schema.types[name]) == expected(DAY_ONE[name])


@pytest.mark.parametrize("name", sorted(n for n, e in DAY_ONE.items() if e["kind"] == "INTEGER"))
def test_compiled_integers_have_the_width_and_bounds_of_the_facts(schema: Schema, name: str) -> None:
    """Independent: both bounds take ceil(log2(count)) bits and their neighbours are refused."""
    low, high = DAY_ONE[name]["range"]
    width = (high - low).bit_length()
    padding = -width % 8
    octets = (width + 7) // 8
    spec = schema.specification
    assert spec.encode(name, low, check_constraints=True) == bytes(octets)
    assert spec.encode(name, high, check_constraints=True) == ((high - low) << padding).to_bytes(
        octets, "big"
    )
    for outside in (low - 1, high + 1):
        with pytest.raises(Exception, match="Expected an integer between"):
            spec.encode(name, outside, check_constraints=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_modules_avoid_what_the_compiler_gets_wrong(path: Path) -> None:
    """Property: no unions, no stacked constraints, no DEFAULT, no components-of, automatic tags."""
    text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    assert "DEFINITIONS AUTOMATIC TAGS ::= BEGIN" in text
    assert not re.search(r"\||\bUNION\b|\bDEFAULT\b|\bCOMPONENTS\b|\bEXCEPT\b|\bMIN\b|\bMAX\b", text)
    constraints = re.sub(r"\{[^{}]*\}", "{}", text)
    assert not re.search(r"\)\s*\(", constraints), "two constraints in a row"
    references = "|".join(re.escape(name) for name in DAY_ONE)
    assert not re.search(rf"(?<![\w-])({references})\s*\(", constraints), "constraint on a reference"
