"""Error of told positions, and rates of generation: by hand, and against the laws they must follow."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.clock import MS
from sim.frames import Kind
from sim.metrics import Tick
from sim.metrics.generation import GenerationRate
from sim.metrics.position import PositionError
from tests.sim.metrics_factory import batch, context, stations


def position_rows(kpi: PositionError) -> dict:
    return {(r.metric, r.quantile, r.jurisdiction): (r.value, r.n) for r in kpi.rows()}


def test_errors_by_hand() -> None:
    """By hand: 100 vehicles with errors of 0.01 .. 1 m, the first 50 in SH, the rest in JS; nearest-rank quantiles."""
    world = stations(100)
    world.place[50:] = 1
    kpi = PositionError(context())
    errors_m = np.arange(1, 101) / 100
    kpi.tick(Tick(0, 100 * MS, world, position_error_m=(np.arange(100), errors_m)))
    found = position_rows(kpi)
    assert [found["position_error", share, ""][0] for share in (0.5, 0.95, 0.99)] == pytest.approx([0.5, 0.95, 0.99])
    assert found["position_error", 0.5, "SH"] == (pytest.approx(0.25), 50)
    assert found["position_error_mean", None, "JS"][0] == pytest.approx(0.755)
    assert found["position_error_max", None, ""][0] == 1.0


def test_quantiles_follow_the_rayleigh_law() -> None:
    """Distribution: errors of 1 m per axis are Rayleigh: p50 1.1774 m, p95 2.4477 m, p99 3.0349 m (closed form
    sqrt(-2 ln(1 - p))); 200,000 drawn errors agree within 4 standard errors; far errors share the last cell."""
    rng = np.random.default_rng(5)
    errors_m = np.hypot(*rng.standard_normal((2, 200_000)))
    world = stations(1)
    kpi = PositionError(context())
    for part in np.split(errors_m, 10):
        kpi.tick(Tick(0, 100 * MS, world, position_error_m=(np.zeros(len(part), int), part)))
    found = position_rows(kpi)
    for share in (0.5, 0.95, 0.99):
        law_m = math.sqrt(-2 * math.log(1 - share))
        density = law_m * (1 - share)
        error_m = math.sqrt(share * (1 - share) / len(errors_m)) / density
        assert abs(found["position_error", share, ""][0] - law_m) < 4 * error_m + 0.01
    kpi.tick(Tick(0, 100 * MS, world, position_error_m=(np.zeros(400_000, int), np.full(400_000, 987.0))))
    assert position_rows(kpi)["position_error", 0.99, ""][0] == 987.0


def rate_rows(kpi: GenerationRate) -> dict:
    return {(r.message, r.station_class, r.jurisdiction): (r.value, r.n) for r in kpi.rows()}


def test_rates_by_hand() -> None:
    """By hand: in ten ticks two vehicles are there for 1 s each and generate 30 BSM: 30 / 2 s = 15 Hz.
    Two units send SPAT, one 20 and one 10, each SPAT in two parts: 30 messages over 2 x 10 s = 1.5 Hz."""
    kpi = GenerationRate(context())
    world = stations(2, rsus=1)
    for number in range(10):
        kpi.tick(Tick(number * 100 * MS, 100 * MS, world))
    bsm = [{"generated_ns": k * 33 * MS, "sender": 1 + k % 2, "message": 0} for k in range(30)]
    spat = [
        {"generated_ns": k * 500 * MS, "sender": unit, "sender_kind": Kind.RSU, "message": 1}
        for unit, count in ((0, 20), (7, 10)) for k in range(count) for _part in range(2)
    ]
    for frames in (bsm, spat[::2], spat[1::2]):
        kpi.observe(batch(frames, []))
    found = rate_rows(kpi)
    assert found["BSM", "vehicle", ""] == (pytest.approx(15.0), 30)
    assert found["SPAT", "rsu", ""] == (pytest.approx(1.5), 30)
    assert found["SPAT", "rsu", "SH"] == (pytest.approx(1.5), 30)
    assert ("SPAT", "vehicle", "") not in found and ("BSM", "rsu", "") not in found


def test_many_instants_are_counted_once_each() -> None:
    """Property: a thousand messages of one unit in two parts each count a thousand, though few instants are kept."""
    kpi = GenerationRate(replace(context(), end_ns=100_000 * MS))
    frames = [{"generated_ns": k * 100 * MS, "sender_kind": Kind.RSU, "message": 1} for k in range(1000)]
    for begin in range(0, 1000, 10):
        for _part in range(2):
            kpi.observe(batch(frames[begin : begin + 10], []))
    assert rate_rows(kpi)["SPAT", "rsu", ""] == (10.0, 1000)
    assert max(len(instants) for instants in kpi._instants.values()) <= 257


def test_a_run_tells_errors_only_with_an_error_model(tmp_path: Path) -> None:
    """Property: with `gnss: exact` there is no row of position errors (no data, never met); with the model of 1 m per
    axis there is. By hand: BSM at 10 Hz; the one unit tells a dynamic event every 100 ms close by, so that no gap is
    longer than 100 ms."""
    results = {}
    for model in ("exact", "gauss-markov"):
        wanted = ["duration_s=1", f"gnss.model={model}", "measure.probes=false"]
        loaded = sim.load("01-one-vehicle-one-rsu", wanted)
        results[model] = sim.run(loaded, tmp_path / model, plots=False)
    assert not results["exact"].select(metric="position_error").row_count
    found = results["gauss-markov"].select(metric="position_error", jurisdiction="", quantile=0.5)
    assert 0.0 < found["value"][0] < 4.0 and found["station_class"][0] == "vehicle"
    for result in results.values():
        for message, station_class in (("BSM", "vehicle"), ("RSI", "rsu")):
            rate = result.value(
                metric="generation_rate", message=message, station_class=station_class, jurisdiction=""
            )
            assert rate == pytest.approx(10.0)
        of_rsi = {"link": "I2V", "message": "RSI", "jurisdiction": ""}
        assert result.value(metric="gap_max", **of_rsi) == pytest.approx(100.0)
        assert result.value(metric="gap_over_2.5T", **of_rsi) == 0.0
