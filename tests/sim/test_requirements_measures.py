"""Figures that checks take from coverage cells and from the layout, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.requirements.loader import read_requirements
from sim.requirements.verdict import CheckVerdict, verdicts
from tests.sim.requirements_factory import metric, prr_rows, requirements, write_campaign

CORRIDOR: dict[str, Any] = {
    "length_m": 2000,
    "jurisdictions": [{"id": "A", "spans": [[0, 1000]]}, {"id": "B", "spans": [[1000, 2000]]}],
    "borders": [{"chainage_m": 1000, "from": "A", "to": "B"}],
    "nodes": [{"id": "S1", "chainage_m": 500}, {"id": "S2", "chainage_m": 1500}],
    "rsus": [{"id": str(at), "chainage_m": at} for at in (480, 100, 900, 1200, 1800)],
}
"""Units every 380, 420, 300 and 600 m; a node at 20 m from a unit, one at 300 m."""


def check(folder: Path, text: str, place: str = "", messages: str = "RSI") -> CheckVerdict:
    """The only check of a file, in a place."""
    rows = read_requirements([requirements(folder.parent / "own.yaml", [text], "I2V", messages)]).rows
    return verdicts(folder, rows).variants[0].of("X-1", place).checks[0]


def value(found: CheckVerdict) -> float:
    """The figure that decides."""
    assert found.deciding is not None
    return found.deciding.judgement.value


def cells(useful: dict[tuple[str, float], float], name: str = "RSI") -> list[tuple[Any, ...]]:
    """Rows of coverage.csv by (direction, chainage)."""
    return [
        (name, "A" if at_m < 1000 else "B", direction, at_m, 5.0, 1.0, share)
        for (direction, at_m), share in useful.items()
    ]


@pytest.fixture
def layout_only(tmp_path: Path) -> Path:
    """Five runs that measured nothing; the layout stands in them."""
    scenario = {"corridor": {"jurisdictions": [{"id": "A"}, {"id": "B"}]},
                "layout": {"rules": [{}], "mast_height_m": 5.5,
                           "sites": [{"id": "x", "mast_height_m": 12.0}, {"id": "y"}]}}
    return write_campaign(tmp_path / "c", {"a": [{"rows": [], "corridor": CORRIDOR, "scenario": scenario}] * 5})


@pytest.mark.parametrize(
    ("stat", "place", "expected"),
    [("min", "", 300), ("p100", "", 600), ("mean", "", 425), ("p100", "A", 420), ("min", "B", 600)],
)
def test_spacing(layout_only: Path, stat: str, place: str, expected: float) -> None:
    """By hand: neighbours by road distance; within a jurisdiction both must stand there (not 900 to 1200)."""
    text = f'{{metric: rsu_spacing_m, stat: {stat}, op: "<=", value: 400, value_provenance: R2}}'
    found = check(layout_only, text, place)
    assert value(found) == expected
    assert found.state == ("met" if expected <= 400 else "not met")


def test_guangzhou_spacing_and_field_test_advice(layout_only: Path) -> None:
    """By hand: 300 to 600 m is outside 200 to 400 m and within 1.5 km; masts of 5.5 m are below 10 m."""
    rows = read_requirements(["infrastructure"]).chosen(["GZ-SPC", "CU-FT-SPC", "GZ-PRI"])
    found = verdicts(layout_only, rows).variants[0]
    assert [one.state for one in found.of("GZ-SPC").checks] == ["met", "not met"]
    assert [one.state for one in found.of("CU-FT-SPC").checks] == ["met", "not met"]
    assert found.of("GZ-PRI").state == "not met"
    assert value(found.of("GZ-PRI").checks[0]) == 0.5
    assert found.of("GZ-PRI", "A").state == "met"


@pytest.mark.parametrize(("stat", "expected"), [("min", 5.5), ("p100", 12.0)])
def test_masts(layout_only: Path, stat: str, expected: float) -> None:
    """By hand: rules and one site have the layout's 5.5 m, another site 12 m."""
    text = f'{{metric: mast_height_m, stat: {stat}, op: ">=", value: 10, value_provenance: R2}}'
    assert value(check(layout_only, text)) == expected


def test_covered_cells(tmp_path: Path) -> None:
    """By hand: of eight cells seven hold a fresh message 95 % of the time: 0.875; all four of B: 1."""
    useful = {("up", 25.0 * k): 1.0 for k in range(36, 44)} | {("up", 900.0): 0.949}
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": [], "coverage": cells(useful)}] * 5})
    text = "{metric: covered_cells}"
    assert value(check(folder, text)) == 0.875
    assert value(check(folder, text, "B")) == 1.0
    assert check(folder, text, messages="RSM").state == "no data"
    assert check(folder, text, messages="DENM").findings[0].item.what == "I2V RSI"


def test_undecodable_messages_fail_in_cells_not_in_reception(tmp_path: Path) -> None:
    """By hand: everything is received and nothing applied: reception is met, coverage is not, and so the row is not."""
    rows = prr_rows(1.0, 1000, "I2V", "RSI")
    useful = {("up", 25.0 * k): 0.0 for k in range(20)}
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows, "coverage": cells(useful)}] * 5})
    own = requirements(tmp_path / "o.yaml", ["{metric: prr, at_range_m: 150}", "{metric: covered_cells}"], "I2V", "RSI")
    found = verdicts(folder, read_requirements([own]).rows).variants[0].of("X-1")
    assert [one.state for one in found.checks] == ["met", "not met"] and found.state == "not met"


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ([(up, at) for up in ("up",) for at in (950.0, 975.0, 1000.0, 1025.0)], 100),
        ([("up", 950.0), ("up", 1000.0), ("down", 1000.0)], 25),
        ([("up", 300.0), ("up", 325.0)], 0),
        ([], 0),
    ],
)
def test_hole_at_the_border(tmp_path: Path, bad: list[tuple[str, float]], expected: float) -> None:
    """By hand: cells of 25 m in a row, joined across the border; not across a good cell, a direction, or 500 m away."""
    useful = {(d, 25.0 * k): 1.0 for d in ("up", "down") for k in range(80)} | dict.fromkeys(bad, 0.2)
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": [], "coverage": cells(useful), "corridor": CORRIDOR}] * 5})
    found = check(folder, '{metric: border_hole, op: "<=", value: 75, value_provenance: P}')
    assert value(found) == expected and found.state == ("met" if expected <= 75 else "not met")


def test_no_zone_near_the_border_is_no_data(tmp_path: Path) -> None:
    """By hand: cells end 600 m before the border; without any border there is nothing to judge either."""
    useful = {("up", 25.0 * k): 1.0 for k in range(16)}
    text = '{metric: border_hole, op: "<=", value: 75, value_provenance: P}'
    for number, borders in enumerate((CORRIDOR["borders"], [])):
        run = {"rows": [], "coverage": cells(useful), "corridor": {**CORRIDOR, "borders": borders}}
        folder = write_campaign(tmp_path / str(number), {"a": [run] * 5})
        assert check(folder, text).state == "no data"


def test_pairs_within_a_range(tmp_path: Path) -> None:
    """By hand: coverage of pairs is taken at the range asked for, by jurisdiction."""
    where = {"unit": "ratio", "link": "V2V", "message": "BSM"}
    rows = [
        metric("C_useful", 0.99, 50_000, distance_m=150, **where),
        metric("C_useful", 0.5, 50_000, distance_m=300, **where),
        metric("C_useful", 0.2, 50_000, distance_m=150, jurisdiction="B", **where),
    ]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    found = {}
    for at_m in (150, 300):
        own = requirements(tmp_path / "own.yaml", [f"{{metric: pair_coverage, at_range_m: {at_m}}}"])
        found[at_m] = verdicts(folder, read_requirements([own]).rows).variants[0]
    assert [found[150].of("X-1").state, found[300].of("X-1").state] == ["met", "not met"]
    assert found[150].of("X-1", "B").state == "not met"


def test_copies_stand_beside_losses_that_ask_for_repetition(tmp_path: Path) -> None:
    """By hand: 10 % lost, and what two and three independent copies would leave; only where the limit asks for it."""
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": prr_rows(0.9, 1000, "I2V", "RSM")}] * 5})
    text = '{{metric: prr, at_range_m: 10, op: ">", value: {}, value_provenance: R2}}'
    beside = check(folder, text.format(0.999), messages="RSM").findings[0].item.beside
    assert beside == pytest.approx({"loss_ratio": 0.1, "loss_ratio_of_2_copies": 0.01, "loss_ratio_of_3_copies": 0.001})
    assert list(check(folder, text.format(0.9), messages="RSM").findings[0].item.beside) == ["loss_ratio"]
