"""What a unit alone supplies: against a plain reimplementation, by hand, and against runs without the unit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.clock import MS, NEVER
from sim.metrics import Tick, build, collect
from sim.metrics.coverage import Coverage
from sim.metrics.sole_supplier import NOBODY, Supply
from sim.results import Result
from sim.simulation import run
from tests.sim.metrics_factory import context, probe_grid, stations

RSI = 1
TICK_NS = 100 * MS


@pytest.mark.parametrize("seed", range(5))
def test_supply_equals_a_table_over_all_units(seed: int) -> None:
    """Independent: for every unit the newest reception that does without it, kept in full, event by event; late
    receptions included."""
    chance = np.random.default_rng(seed)
    units, places, tau_ns = 6, 4, 30
    supply = Supply(places)
    without_ns = np.full((units, places), -NEVER, np.int64)
    newest_ns = np.full(places, -NEVER, np.int64)
    for now_ns in range(400):
        chosen = np.flatnonzero(chance.random(places) < 0.3)
        sender = int(chance.integers(-1, units))
        besides = np.where(chance.random(len(chosen)) < 0.4, chance.integers(0, units, len(chosen)), NOBODY)
        at_ns = now_ns - chance.integers(0, 25, len(chosen)) * (chance.random(len(chosen)) < 0.3)
        supply.received(chosen, at_ns, sender, besides)
        for place, time_ns, also in zip(chosen.tolist(), at_ns.tolist(), besides.tolist(), strict=True):
            newest_ns[place] = max(newest_ns[place], time_ns)
            for unit in range(units):
                if unit not in (sender, also):
                    without_ns[unit, place] = max(without_ns[unit, place], time_ns)
        fresh = now_ns - newest_ns <= tau_ns
        alone_now = fresh & (now_ns - without_ns > tau_ns)
        expected = {(p, u) for p in range(places) for u in range(units) if alone_now[u, p]}
        found = [
            (int(place), int(unit)) for alone, unit_of in supply.lost(np.arange(places), now_ns, tau_ns)
            for place, unit in zip(alone, unit_of, strict=True)
        ]
        assert len(found) == len(set(found)) and set(found) == expected


def test_a_place_is_lost_once_the_other_unit_has_fallen_silent() -> None:
    """By hand: unit 1 is heard in ticks 0 .. 9, unit 0 in tick 0 only, tau 0.5 s: of ticks 0 .. 9 unit 1 alone
    covers 5 .. 9, unit 0 none; the duplicate of tick 0 counts for both."""
    tau_s = {"SPAT": 1.0, "MAP": 5.0, "RSI": 0.5, "RSM": 0.5, "BSM": 0.3}
    about = replace(
        context(tau_s=tau_s), probes=probe_grid(1), units=("near", "far"), unit_operators=("SH", "")
    )
    kpis = build(about, ("coverage",))
    kpi = kpis["coverage"]
    assert isinstance(kpi, Coverage)
    zone, world, place = np.zeros((3, 1), bool), stations(0, probes=1), np.array([0])
    zone[RSI] = True
    for k in range(10):
        for sender in (1, 0) if k == 0 else (1,):
            time_ns, useful = np.array([k * TICK_NS - MS]), np.array([k < 8])
            kpi.received(RSI, place, time_ns, useful)
            kpi.suppliers.received(RSI, place, time_ns, useful, sender, None)
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world, zone))
    columns, rows = collect(kpis)[1]["suppliers"]
    whole = {row.unit: row for row in rows if not row.jurisdiction}
    assert columns[0] == "class" and [row.operator for row in whole.values()] == ["SH", ""]
    assert whole["far"].zone_s == pytest.approx(1.0)
    assert whole["far"].C_raw_lost == whole["far"].C_useful_lost == 0.5
    assert whole["near"].C_raw_lost == whole["near"].C_useful_lost == 0.0
    assert [(row.unit, row.jurisdiction, row.direction, row.C_raw_lost) for row in rows if row.jurisdiction] == [
        ("far", "SH", "up", 0.5)
    ]


SITES = (
    'layout.sites=[{"id":"S-1","at_m":556,"node":"S1","services":["SPAT","RSI","RSM"]},{"id":"R-1","at_m":300},'
    '{"id":"R-2","at_m":800},{"id":"R-3","at_m":1200}]'
)
TINY = ["duration_s=1", "radio_warmup_s=1.5", "traffic_warmup_s=5", "traffic.equipped_ratio=0.2"]
TINY += ["layout.rules=[]", SITES]


def losses(tmp_path: Path, overrides: list[str]) -> list[tuple[str, str, str, float, float]]:
    """(unit, class, measure, estimate from the intact run, loss of the run without the unit)."""
    intact = run(sim.load("03-one-border", overrides), tmp_path / "intact", plots=False)
    estimates = intact.table("suppliers").select(jurisdiction=None, direction=None)
    found = []
    for unit in sorted(set(estimates["unit"].tolist())):
        without = run(
            sim.load("03-one-border", [*overrides, f'layout.down=["{unit}"]']), tmp_path / unit, plots=False
        )
        for row in estimates.select(unit=unit).rows():
            for measure in ("C_raw", "C_useful"):
                class_ = str(row["class"])
                real = (covered_s(intact, class_, measure) - covered_s(without, class_, measure)) / row["zone_s"]
                found.append((unit, class_, measure, float(row[f"{measure}_lost"]), float(real)))
    return found


def covered_s(result: Result, class_: str, measure: str) -> float:
    """Zone seconds covered in one run."""
    cells = result.table("coverage").select(**{"class": class_})
    return float((cells[measure] * cells["zone_s"]).sum())


def test_estimate_is_exact_without_interference(tmp_path: Path) -> None:
    """Property: with a radio without interference nothing changes for the others when a unit is down, so the
    estimate of every unit, class and measure is what five full runs say. The node's unit sends no MAP, so that SPAT is
    of use through another unit's MAP only."""
    found = losses(tmp_path, [*TINY, "radio.access=ideal", "measure.max_distance_m=300"])
    for unit, class_, measure, estimate, real in found:
        assert estimate == pytest.approx(real, abs=1e-9), (unit, class_, measure)
    large = {(unit, class_, measure) for unit, class_, measure, estimate, _ in found if estimate > 0.2}
    assert ("R-1", "SPAT+MAP", "C_useful") in large and ("R-1", "SPAT+MAP", "C_raw") not in large
    assert ("R-3", "RSI", "C_raw") in large and ("S-1", "RSM", "C_useful") in large


@pytest.mark.slow
def test_estimate_is_close_with_interference(tmp_path: Path) -> None:
    """Property: over Mode 4 a silent unit leaves room and moves the others' choice of resources, nothing else: runs
    without each unit differ from the estimate by at most 0.03 of zone time, while losses go beyond 0.3."""
    found = losses(tmp_path, [*TINY, "layout.tx_power_dbm=-8"])
    worst = max(abs(estimate - real) for *_, estimate, real in found)
    assert worst <= 0.03, worst
    assert max(estimate for *_, estimate, _ in found) > 0.3
