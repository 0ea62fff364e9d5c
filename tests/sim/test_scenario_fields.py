"""The table of keys is the schema."""

from __future__ import annotations

import json
import subprocess
import sys

from pydantic import BaseModel

from sim.scenario.fields import field_rows, keys_at, places_of_key, reference_page
from sim.scenario.schema import Scenario
from sim.scenario.shipped import shipped_folder


def test_every_key_says_what_it_means_and_measured_ones_their_unit() -> None:
    """Property: no key without a meaning; a unit in the name stands in the unit column too."""
    units = {
        "_m": "m",
        "_s": "s",
        "_ms": "ms",
        "_mps": "m/s",
        "_db": "dB",
        "_dbm": "dBm",
        "_deg": "deg",
        "_hz": "Hz",
    }
    for row in field_rows():
        assert row.meaning, row.path
        suffix = "_" + row.path.rpartition("_")[2]
        if suffix in units:
            assert row.unit == units[suffix], row.path


def test_all_keys_of_the_schema_are_listed() -> None:
    """Independent: the same keys by walking pydantic's own JSON schema."""
    listed = {row.path.replace("[]", "") for row in field_rows()}
    schema = Scenario.model_json_schema(by_alias=True)

    def walk(node: dict, prefix: str) -> set[str]:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        found: set[str] = set()
        for name, inner in node.get("properties", {}).items():
            found |= {prefix + name} | walk(inner, f"{prefix}{name}.")
        for inner in [*node.get("anyOf", []), *node.get("allOf", []), *filter(None, [node.get("items")])]:
            found |= walk(inner, prefix)
        return found

    elsewhere = "second_radio."
    walked = walk(schema, "")
    as_radio = {path for path in walked if path.startswith(f"{elsewhere}radio.")}
    assert listed == walked - as_radio
    assert {path.removeprefix(elsewhere) for path in as_radio} == {
        path for path in walked if path.startswith("radio.")
    }


def test_the_json_schema_allows_names_in_place_of_layout_and_candidate() -> None:
    """By hand: both keys take a word or the content."""
    schema = Scenario.model_json_schema(by_alias=True)
    assert {"type": "string"} in schema["properties"]["layout"]["anyOf"]
    candidate = schema["$defs"]["Standards"]["properties"]["candidate"]
    assert candidate["anyOf"] == [{"type": "string"}, {"type": "object"}]
    json.dumps(schema)


def test_the_reference_page_is_current() -> None:
    """Snapshot: scenarios/REFERENCE.md is what `corridor fields --markdown` prints."""
    page = (shipped_folder() / "REFERENCE.md").read_text(encoding="utf-8")
    assert page == reference_page(field_rows())


def test_keys_and_places() -> None:
    """By hand: sections through lists and optional parts; a key and where it belongs."""
    assert keys_at(("corridor", "jurisdictions", 0, "spans", 1)) == [
        "from_m",
        "to_m",
        "from_point",
        "to_point",
    ]
    assert keys_at(("corridor", "datum")) == []
    assert "layout" in keys_at(()) and "schema" in keys_at(())
    assert places_of_key("spacing_m") == ["layout.rules[].spacing_m"]


def test_defaults_shown_are_the_defaults_used() -> None:
    """Independent: every number default is what a model built without it holds."""
    sections: dict[str, type[BaseModel]] = {}
    rows = {row.path: row for row in field_rows()}
    sections["radio.mode4"] = Scenario.model_fields["radio"].default_factory().mode4.__class__  # type: ignore[misc,union-attr,call-arg]
    for prefix, section in sections.items():
        built = section()
        for name in section.model_fields:
            value = getattr(built, name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert float(rows[f"{prefix}.{name}"].default) == value


def test_reading_the_schema_needs_no_simulator() -> None:
    """Property: the schema alone imports no numpy."""
    code = "import sys, sim.scenario.schema; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
