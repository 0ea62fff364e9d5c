"""YAML with places: core schema, bounds, errors, and text that reads back unchanged."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rsu.document import MAX_FILE_BYTES, DocumentError, parse_document, read_document, write_document

CORE_SCHEMA = """\
A null: null
Booleans: [ true, True, false, FALSE ]
Integers: [ 0, 0o7, 0x3A, -19 ]
Floats: [ 0., -0.0, .5, +12e03, -2E+05 ]
Also floats: [ .inf, -.Inf, +.INF ]
"""


def error_of(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, "f.yaml")
    return str(caught.value)


def test_core_schema_of_the_specification() -> None:
    """Printed: YAML 1.2.2, example 10.9 (core tag resolution)."""
    data = parse_document(CORE_SCHEMA, "f.yaml").data
    assert data == {
        "A null": None,
        "Booleans": [True, True, False, False],
        "Integers": [0, 7, 58, -19],
        "Floats": [0.0, 0.0, 0.5, 12000.0, -200000.0],
        "Also floats": [math.inf, -math.inf, math.inf],
    }
    assert math.isnan(parse_document(".NAN", "f.yaml").data)


@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "1:30", "2026-06-01", "1_000", "0b1", "y"])
def test_words_of_yaml_1_1_are_text(word: str) -> None:
    """Printed: none of these match a core schema pattern of YAML 1.2.2, section 10.3.2."""
    assert parse_document(f"a: {word}", "f.yaml").data == {"a": word}


def test_places_of_keys_and_values() -> None:
    """By hand: lines and columns counted in the text."""
    document = parse_document("a: 1\nlist:\n  - x\n  - {b: 22, c: 3}\n", "f.yaml")
    assert document.where(("a",)) == "f.yaml:1:4"
    assert document.where(("list", 1, "c")) == "f.yaml:4:16"
    assert document.where(("list", 1, "c"), of_key=True) == "f.yaml:4:13"
    assert document.where(("list", 1, "missing")) == "f.yaml:4:5"


def test_all_duplicate_keys_are_reported_at_once() -> None:
    """By hand: two duplicates, each with both lines."""
    text = error_of("a: 1\nb: {x: 1, x: 2}\na: 3\n")
    assert text.splitlines() == [
        "f.yaml:2:11: b.x: duplicate key; first set in line 2",
        "f.yaml:3:1: a: duplicate key; first set in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\nb: 3\n", "f.yaml:2:2: not valid YAML"),
        ("\ta: 1\n", "f.yaml:1:1: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document"),
        ("? [1]\n: 2\n", "a key must be a word"),
        ("a: !!python/object:os.system x\n", "is not supported"),
        ("a: *b\n", "alias *b"),
        ("a: &a [*a]\n", "alias *a"),
        ("- " * 500, "nested deeper than"),
        ("[" * 500, "nested deeper than"),
    ],
)
def test_texts_that_are_refused(text: str, expected: str) -> None:
    """By hand: one refusal each, with its line."""
    assert expected in error_of(text)


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    """By hand: 10 levels of 9 aliases each would be 9^10 values."""
    lines = ["a0: &a0 x"]
    for level in range(1, 11):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    assert "aliases counted as often as used" in error_of("\n".join(lines))


def test_aliases_give_equal_but_separate_values() -> None:
    """By hand: changing one use leaves the other."""
    data = parse_document("a: &x {k: [1]}\nb: *x\n", "f.yaml").data
    data["a"]["k"].append(2)
    assert data["b"] == {"k": [1]}


def test_a_file_beyond_the_limit_or_not_utf8_is_refused(tmp_path) -> None:
    """By hand: one byte too many; one byte that is no UTF-8, in line 2."""
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(DocumentError, match="larger than"):
        read_document(large)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(DocumentError, match=r"latin.yaml:2:1: not UTF-8"):
        read_document(latin)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(allow_nan=False),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=12),
    st.sampled_from(
        ["no", "1:30", "1e3", "0x1", "~", "", "null", "2026-06-01", "<<", "=", " x", "a: b", "#"]
    ),
)
KEYS = st.text(alphabet="abcdefgh_0123456789", min_size=1, max_size=6)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_what_is_written_reads_back(data) -> None:
    """Property: reading what was written gives the same data, here and in a YAML 1.1 reader."""
    text = write_document({"data": data})
    assert parse_document(text, "f.yaml").data == {"data": data}
    assert yaml.safe_load(text)["data"] == data
