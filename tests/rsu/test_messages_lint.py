"""ASN.1 modules of all sets: nothing in them that the general codec is known to encode wrongly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "rsu" / "messages"
FILES = sorted(ROOT.glob("**/asn1/**/*.asn"))
DEFAULTS: dict[str, str] = {
    "etsi/asn1/denm/denm.asn": "validityDuration of 600 s is not sent (EN 302 637-3)",
}
"""File, relative to the messages folder, that needs DEFAULT on the wire -> reason."""

BANNED = (
    "UNION", "INTERSECTION", "EXCEPT", "COMPONENTS", "MIN", "MAX", "DEFAULT", "CLASS", "ANY", "CONTAINING",
)
KEYWORDS = ("SEQUENCE", "CHOICE", "INTEGER", "ENUMERATED", "BOOLEAN", "STRING", "OF", "SIZE", "SET", "NULL", "FROM")


def code_of(path: Path) -> str:
    """Text without comments and without the contents of quoted strings."""
    text = re.sub(r"--.*?(?:--|$)", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return re.sub(r'"[^"]*"', '""', text)


def faults_of(text: str) -> list[str]:
    """What the text holds that the compiler or this project does not take."""
    faults = []
    if not re.search(r"DEFINITIONS\s+AUTOMATIC TAGS\s*::=\s*BEGIN", text):
        faults.append("no automatic tags")
    for word in BANNED:
        if re.search(rf"(?<![\w-]){word}(?![\w-])", text):
            faults.append(word)
    if "|" in text:
        faults.append("union")
    if "^" in text:
        faults.append("intersection")
    if re.search(r"\)\s*\(", text):
        faults.append("two constraints in a row")
    for name in re.findall(r"(?<![\w-])([A-Z][\w-]*)\s*\(", text):
        if name not in KEYWORDS and name not in ("IA5String", "UTF8String", "NumericString", "VisibleString"):
            faults.append(f"constraint on reference {name}")
    if re.search(r"(?<![\w-])[A-Z][\w-]*\s*\{[^{}]*\}\s*::=", text):
        faults.append("parametrised type")
    return faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_avoids_what_the_compiler_gets_wrong(path: Path) -> None:
    """Property: automatic tags, one range per constraint, no DEFAULT without a reason in this file."""
    faults = faults_of(code_of(path))
    if path.relative_to(ROOT).as_posix() in DEFAULTS:
        faults.remove("DEFAULT")
    assert faults == []


def test_every_set_is_looked_at() -> None:
    """Property: the search finds the modules of the Chinese sets and no file twice."""
    assert len(FILES) > 30
    folders = {path.parent.name for path in FILES}
    assert {"csae53_2017", "csae53_2020", "csae157_2020", "day1", "shared", "ydt3709_2020"} <= folders


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        ("A ::= INTEGER (0 | 3..7)", "union"),
        ("A ::= INTEGER (0..255) (2..5)", "two constraints in a row"),
        ("A ::= B (2..5)", "constraint on reference B"),
        ("A ::= SEQUENCE { b B (2..5) }", "constraint on reference B"),
        ("A ::= SEQUENCE { b INTEGER (0..7) DEFAULT 3 }", "DEFAULT"),
        ("A {B} ::= SEQUENCE { b B }", "parametrised type"),
        ("A ::= INTEGER (0..MAX)", "MAX"),
    ],
)
def test_the_lint_finds_each_fault(definition: str, fault: str) -> None:
    """By hand: one fault each."""
    assert fault in faults_of(f"M DEFINITIONS AUTOMATIC TAGS ::= BEGIN {definition} END")
    assert faults_of(f"M DEFINITIONS ::= BEGIN {definition} END")[0] == "no automatic tags"


def test_the_lint_takes_what_is_right() -> None:
    """By hand: extension markers, sizes of lists and strings, named bits, additions."""
    right = (
        "A ::= SEQUENCE { a INTEGER (0..7, ...), b SEQUENCE (SIZE (1..4)) OF B OPTIONAL, ..., "
        "c BIT STRING { x(0), y(1) } (SIZE (2, ...)), d OCTET STRING (SIZE (8)), e CHOICE { f B, ... } }"
    )
    assert faults_of(f"M DEFINITIONS AUTOMATIC TAGS ::= BEGIN {right} END") == []
