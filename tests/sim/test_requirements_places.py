"""Verdicts of a jurisdiction stand on its own receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.requirements.loader import read_requirements
from sim.requirements.verdict import VariantVerdicts, verdicts
from tests.sim.requirements_factory import metric, requirements, write_campaign

LATENCY = '{metric: latency, op: "<=", value: 100, value_provenance: R2}'
GAPS = "{metric: gap_over_2.5T}"


def judged(folder: Path, *places: str, check: str = LATENCY, named: str = "latency") -> VariantVerdicts:
    """Verdicts on five equal seeds: the corridor fails, A passes, and so does every other place listed."""
    def row(value: float, place: str) -> tuple[Any, ...]:
        where = {"quantile": 0.99} if named == "latency" else {"distance_m": 300}
        return metric(named, value, 1000, link="V2V", message="BSM", jurisdiction=place, **where)

    good, bad = (50.0, 150.0) if named == "latency" else (0.001, 0.2)
    rows = [row(bad, ""), *(row(good, place) for place in places), *prr_of_both()]
    own = read_requirements([requirements(folder / "own.yaml", [check])]).rows
    return verdicts(write_campaign(folder / "c", {"a": [{"rows": rows}] * 5}), own).variants[0]


def prr_of_both() -> list[tuple[Any, ...]]:
    """Rows that make A and B places of the campaign."""
    return [metric("prr", 1.0, 10, link="V2V", message="BSM", jurisdiction=place, distance_m=12.5) for place in "AB"]


@pytest.mark.parametrize(("check", "named"), [(LATENCY, "latency"), (GAPS, "gap_over_2.5T")])
def test_a_place_is_judged_by_its_own_receivers(tmp_path: Path, check: str, named: str) -> None:
    """By hand: the corridor's 150 ms (or 20 % of long gaps) fail; the places have 50 ms (0.1 %) of their own and pass,
    without the mark of the corridor's figure."""
    found = judged(tmp_path, "A", "B", check=check, named=named)
    assert [found.of("X-1", place).state for place in ("", "A", "B")] == ["not met", "met", "met"]
    assert not any(found.of("X-1", place).whole_corridor for place in ("", "A", "B"))


@pytest.mark.parametrize(("check", "named"), [(LATENCY, "latency"), (GAPS, "gap_over_2.5T")])
def test_a_place_where_nothing_was_applied_has_no_data(tmp_path: Path, check: str, named: str) -> None:
    """By hand: told of A, so measured by place; B has no row, and the corridor's figure does not stand for it."""
    found = judged(tmp_path, "A", check=check, named=named)
    assert [found.of("X-1", place).state for place in ("", "A", "B")] == ["not met", "met", "no data"]
    assert not found.of("X-1", "B").whole_corridor


def test_without_rows_of_places_the_corridor_stands_for_them(tmp_path: Path) -> None:
    """By hand: rows of the whole corridor only; both places take it and say so."""
    found = judged(tmp_path)
    assert [found.of("X-1", place).state for place in ("", "A", "B")] == ["not met"] * 3
    assert [found.of("X-1", place).whole_corridor for place in ("", "A", "B")] == [False, True, True]
