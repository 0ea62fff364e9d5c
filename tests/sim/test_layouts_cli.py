"""``corridor layout`` and what ``corridor list`` says about rules and layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """(code, stdout, stderr) of one command."""
    code = main(words)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_the_table_of_units_and_costs(capsys: Any) -> None:
    """By hand: the arterial's signals J1 and J2, their sensors, counts, and costs that name their sources."""
    code, text, remarks = outcome(capsys, "layout", "demo-zone")
    assert (code, remarks) == (0, "")
    lines = text.splitlines()
    assert lines[0].split() == ["unit", "chainage_m", "side", "jurisdiction", "node", "mast_m", "services", "rule"]
    (row,) = [line for line in lines if line.startswith("ZJ-01864")]
    assert row.split()[:11] == [
        "ZJ-01864", "1864.2", "right", "ZJ", "J1", "5.5", "MAP", "SPAT", "RSI", "RSM", "+",
    ]
    assert "31 units, 8 of them at signals (ZJ 7, JS 13, SH 11)" in lines
    assert any(line.startswith("total over 10 years") for line in lines)
    assert "(order of magnitude; rests on assumptions where marked; no discounting, no taxes)" in lines


def test_json_is_stable(capsys: Any) -> None:
    """Property: one document with the keys promised, no NaN, positions in the datum asked for."""
    documents = []
    for datum in ("wgs84", "gcj02"):
        code, text, _ = outcome(capsys, "layout", "tripoint", "--json", "--datum", datum, "--set", "layout.down=[SH-A]")
        assert code == 0
        documents.append(json.loads(text))
    plain, shifted = documents
    assert list(plain) == [
        "schema_version", "scenario", "layout", "note", "datum", "units", "counts", "rules_without_units", "cost",
    ]
    assert plain["counts"] == {"all": 5, "at_nodes": 1, "down": 1, "by_jurisdiction": {"SH": 2, "JS": 2, "ZJ": 1}}
    assert [unit["in_service"] for unit in plain["units"]] == [False, True, True, True, True]
    assert 0.003 < shifted["units"][0]["lon"] - plain["units"][0]["lon"] < 0.006
    assert {"capital_cny", "per_year_cny", "total_cny", "items", "assumptions", "by_jurisdiction_cny", "label"} <= set(
        plain["cost"]
    )


def test_files_come_back_as_layouts(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: both files, named from where we are, give the units they were written from."""
    monkeypatch.chdir(tmp_path)
    words = ["layout", "expressway", "--layout", "regional"]
    code, _, remarks = outcome(capsys, *words, "--geojson", "u.geojson", "--yaml", "u.yaml", "--datum", "gcj02")
    assert code == 0 and remarks.splitlines() == [
        "wrote u.geojson", "wrote u.yaml", "note: Shanghai 400 m (assumption) places no unit on this corridor",
        "note: jiangsu-expressway on an arterial (assumption) places no unit on this corridor",
        "note: deqing-rural on an arterial (assumption) places no unit on this corridor",
    ]
    told = [json.loads(outcome(capsys, *words, "--json")[1])["units"]]
    for file in ("u.geojson", "u.yaml"):
        told.append(json.loads(outcome(capsys, "layout", "expressway", "--layout", file, "--json")[1])["units"])
    for units in told[1:]:
        assert [unit["id"] for unit in units] == [unit["id"] for unit in told[0]]
        for key in ("lon", "lat"):
            assert [unit[key] for unit in units] == pytest.approx([unit[key] for unit in told[0]], abs=2e-9)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["u.geojson", "u.yaml"]


def test_a_file_that_cannot_be_written_leaves_nothing(capsys: Any, tmp_path: Path) -> None:
    """By hand: one line, exit code 2, no part of a file."""
    target = tmp_path / "none" / "u.geojson"
    code, text, errors = outcome(capsys, "layout", "tripoint", "--geojson", str(target))
    assert code == 2 and text == "" and errors.startswith("error: ") and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mistakes_on_the_command_line(capsys: Any) -> None:
    """By hand: unknown layout and unknown unit, each with the nearest name."""
    code, _, errors = outcome(capsys, "layout", "demo-zone", "--layout", "intersection")
    assert code == 2 and "no such layout; did you mean 'intersections'?" in errors
    code, _, errors = outcome(capsys, "layout", "demo-zone", "--set", "layout.down=[ZJ-01865]")
    assert code == 2 and "layout.down.0: ZJ-01865: no such unit; did you mean 'ZJ-01864'?" in errors


def test_rules_and_layouts_are_listed_with_their_sources(capsys: Any) -> None:
    """By hand: every published rule with source and what is ours; every layout says what it is."""
    _, text, _ = outcome(capsys, "list", "siting-rules")
    assert "jiangsu-expressway" in text and "every 250 m (200-300), right, mast 5.5 m" in text
    assert "none between junctions up to 300 m apart, 1/2/4 units at a junction by size" in text
    _, text, _ = outcome(capsys, "list", "layouts", "--json")
    layouts = {item["name"]: item["what"] for item in json.loads(text)["layouts"]}
    assert all(layouts.values()) and "Guangzhou pilot zone" in layouts["guangzhou-300"]
