"""Requirements at borders: campaigns written by hand whose verdicts are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.requirements.loader import read_requirements
from sim.requirements.verdict import verdicts
from tests.sim.requirements_factory import metric, write_campaign

ROWS = ("XJ-ACC", "XJ-TRUST", "XJ-DLY", "XJ-WARN")


def run(decoded: float = 1.0, verified: float = 1.0, added_ms: float = 3.0, warned_m: float = 290.0) -> dict:
    """One seed: BSM between vehicles and RSI of units, at home and across."""
    rows = []
    for link, message in (("V2V", "BSM"), ("I2V", "RSI")):
        names = {"unit": "ratio", "link": link, "message": message, "station_class": "cross home"}
        rows += [metric("decoded_ratio", decoded, 500, **names), metric("verified_ratio", verified, 500, **names)]
        for where, value in (("same home", 50.0), ("cross home", 50.0 + added_ms)):
            rows.append(metric(
                "pair_latency_mean", value, 400, unit="ms", link=link, message=message, station_class=where
            ))
    for where, value in (("same home", 300.0), ("cross home", warned_m)):
        rows.append(metric("warning_m", value, 60, unit="m", link="I2V", station_class=where))
    return {"rows": rows}


def states(tmp_path: Path, seeds: list[dict]) -> dict[str, str]:
    """State of every row over the whole corridor."""
    write_campaign(tmp_path / "campaign", {"one": seeds})
    rows = [row for row in read_requirements().rows if row.id in ROWS]
    assert len(rows) == len(ROWS)
    (variant,) = verdicts(tmp_path / "campaign", rows).variants
    return {row: variant.of(row).state for row in ROWS}


def test_a_neighbour_that_is_understood_trusted_prompt_and_warned(tmp_path: Path) -> None:
    """By hand: six seeds with everything decoded and verified, 3 ms added, 290 of 300 m of warning: all met."""
    assert set(states(tmp_path, [run() for _ in range(6)]).values()) == {"met"}


@pytest.mark.parametrize(("changed", "row"), [
    ({"decoded": 0.5}, "XJ-ACC"), ({"verified": 0.9}, "XJ-TRUST"), ({"added_ms": 12.0}, "XJ-DLY"),
    ({"warned_m": 150.0}, "XJ-WARN"),
])
def test_each_fails_for_itself(tmp_path: Path, changed: dict, row: str) -> None:
    """By hand: what is below its limit in every seed is not met; the other three stay met."""
    found = states(tmp_path, [run(**changed) for _ in range(6)])
    assert found.pop(row) == "not met" and set(found.values()) == {"met"}


def test_nobody_from_elsewhere_is_no_data(tmp_path: Path) -> None:
    """By hand: seeds in which only stations of one home meet say nothing of neighbours."""
    seeds = [
        {"rows": [row for row in run()["rows"] if "cross home" not in row]} for _ in range(6)
    ]
    assert set(states(tmp_path, seeds).values()) == {"no data"}
