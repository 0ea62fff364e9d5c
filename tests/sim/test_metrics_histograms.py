"""Histograms of a run: what the quantiles of several runs together are taken from."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.campaign.statistics import mean_interval
from sim.metrics import KPIS, Metric
from sim.metrics.histograms import (
    CELLS_PER_ROW,
    COLUMNS,
    KEY_COLUMNS,
    Histogram,
    Named,
    cells_of,
    collected,
    histograms_of,
    merged,
    of_delays,
    of_signed,
    signed_quantile,
    upper_edge,
)
from sim.metrics.statistics import DelayHistogram
from sim.results import OWN_NAMES, Result
from sim.tables import Table, csv_text

LATENCY = Metric("latency", "ms", "V2V", "BSM")


class Told:
    """A KPI that tells some histograms."""

    def __init__(self, *found: Named) -> None:
        self.found = found

    def distributions(self) -> tuple[Named, ...]:
        return self.found


def delays(values_ns: np.ndarray) -> DelayHistogram:
    out = DelayHistogram()
    out.add(np.asarray(values_ns, np.int64))
    return out


def through_csv(folder: Path, *found: Named) -> dict[tuple, Histogram]:
    """Written as a run does, and read back."""
    (folder / "histograms.csv").write_text(csv_text(*collected({"told": Told(*found)})), encoding="utf-8")  # type: ignore[dict-item]
    return histograms_of(Table.from_csv(folder / "histograms.csv"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """A run of the first phase with errors of positions, and one with requests and answers."""
    folder = tmp_path_factory.mktemp("runs")
    keys = {"03-one-border": ["duration_s=1", "traffic_warmup_s=5", "radio_warmup_s=1"], "04-day-two": []}
    return [sim.run(sim.load(name, changes), folder / name, plots=False) for name, changes in keys.items()]


def test_every_quantile_of_a_run_can_be_taken_again(runs: list[Result]) -> None:
    """Property: each quantile row of every KPI has its histogram, which gives the same value and count."""
    metrics = set()
    for run in runs:
        found = histograms_of(run.table("histograms"))
        for row in run.table("metrics").rows():
            if math.isnan(row["quantile"]) or math.isnan(row["value"]):
                continue
            *names, distance_m = (row[name] for name in KEY_COLUMNS)
            histogram = found[*map(str, names), None if math.isnan(distance_m) else float(distance_m)]
            assert histogram.quantile(float(row["quantile"])) == pytest.approx(row["value"], rel=1e-9), row
            assert histogram.n == row["n"], row
            metrics.add(str(row["metric"]))
    assert {"latency", "gap", "aoi", "update_delay", "cbr", "round_trip", "sense", "position_error"} <= metrics


def test_the_file_is_one_of_the_run_and_small(runs: list[Result]) -> None:
    """Property: a new run replaces it; it is smaller than the metrics; no cell is too long for a reader of CSV."""
    assert "histograms.csv" in OWN_NAMES
    for run in runs:
        path = run.folder / "histograms.csv"
        assert path.stat().st_size < (run.folder / "metrics.csv").stat().st_size
        with path.open(newline="", encoding="utf-8") as file:
            assert next(csv.reader(file)) == list(COLUMNS)
    longest = CELLS_PER_ROW * len(f"{DelayHistogram().cells.size}:{10**12} ")
    assert longest < csv.field_size_limit()


def test_quantiles_of_several_seeds_are_those_of_the_pooled_delays(tmp_path: Path) -> None:
    """Independent: NumPy's inverted-CDF quantile of all raw delays, less than a cell below; the mean of the seeds' own
    quantiles is something else."""
    generator = np.random.default_rng(5)
    raw = [generator.gamma(2, scale, count) * 1e6 for scale, count in ((5, 4000), (40, 300), (9, 2000))]
    raw_ns = [values.astype(np.int64) for values in raw]
    parts = []
    for k, values_ns in enumerate(raw_ns):
        (tmp_path / str(k)).mkdir()
        parts.append(through_csv(tmp_path / str(k), of_delays(LATENCY, delays(values_ns)))[*LATENCY[:7], None])
    pooled, together = np.concatenate(raw_ns), merged(parts)
    assert together.n == len(pooled) and together.largest == pytest.approx(pooled.max() / 1e6)
    for share in (0.5, 0.95, 0.99):
        expected_ms = float(np.quantile(pooled, share, method="inverted_cdf")) / 1e6
        assert expected_ms - 1e-9 <= together.quantile(share) < expected_ms + (0.01 if expected_ms <= 200 else 1.0)
        averaged = float(np.mean([part.quantile(share) for part in parts]))
        assert abs(averaged - expected_ms) > 0.02 * expected_ms
    assert together.quantile(1.0) == pytest.approx(pooled.max() / 1e6)


def test_the_interval_of_a_merged_quantile() -> None:
    """Distribution: 500 drawn campaigns of 10 seeds with 400 delays each, whose scale differs by 10 % between seeds.

    The merged median and 95th percentile +- t s / sqrt(n), s of the seeds' own quantiles, hold that of all delays there
    are in 95 % +- 3.
    """
    generator = np.random.default_rng(7)

    def drawn_ms(seeds: int, count: int) -> np.ndarray:
        return generator.gamma(2, 20, (seeds, count)) * np.exp(generator.normal(0, 0.1, (seeds, 1)))

    truth = np.quantile(drawn_ms(200_000, 10), (0.5, 0.95))
    held = np.zeros(2)
    for _ in range(500):
        seeds = []
        for values in drawn_ms(10, 400):
            cell, count = np.unique(np.ceil(values * 100).astype(np.int64), return_counts=True)
            seeds.append(Histogram("ms", cell, count, float(values.max())))
        for k, share in enumerate((0.5, 0.95)):
            half = mean_interval([one.quantile(share) for one in seeds]).half_width
            held[k] += abs(merged(seeds).quantile(share) - truth[k]) <= half
    assert (np.abs(held / 500 - 0.95) < 0.03).all(), held


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(st.lists(st.integers(0, 15_000_000_000), max_size=30), min_size=1, max_size=4), st.floats(0.001, 1))
def test_merging_is_adding_to_one_histogram(seeds: list[list[int]], share: float) -> None:
    """Property: merged histograms give what one accumulator that saw everything gives, beyond its last cell too."""
    parts, whole = [], DelayHistogram()
    for values in seeds:
        one = delays(np.array(values))
        whole.merge(one)
        used = np.flatnonzero(one.cells)
        parts.append(Histogram("ms", used, one.cells[used], one.max_ns / 1e6))
    together = merged(parts)
    np.testing.assert_equal(together.quantile(share), whole.quantile_ms(share))
    assert together.n == whole.count
    assert list(merged(parts[::-1]).cell) == list(together.cell)


def test_a_long_histogram_continues_in_further_rows(tmp_path: Path) -> None:
    """By hand: 4,500 cells are three rows of the same names, and one histogram again."""
    one = delays(np.arange(1, 4501) * 10_000)
    rows = collected({"told": Told(of_delays(LATENCY, one))}).rows  # type: ignore[dict-item]
    assert [len(str(row[-1]).split()) for row in rows] == [2000, 2000, 500]
    back = through_csv(tmp_path, of_delays(LATENCY, one))
    assert list(back) == [("latency", "ms", "V2V", "BSM", "", "", "", None)]
    assert next(iter(back.values())).quantile(0.5) == one.quantile_ms(0.5) == 22.5


def test_cells_have_the_edges_of_their_unit() -> None:
    """By hand: 0.01 ms up to 200 ms, then 1 ms, the rest; steps of 0.001; 0.01 m up to 200 m, the rest."""
    assert [upper_edge("ms", cell, 99.0) for cell in (0, 1, 20_000, 20_001, 30_000)] == [0, 0.01, 200, 201, 10_200]
    assert upper_edge("ms", 30_001, 12_345.6) == 12_345.6
    assert upper_edge("ratio", 190, 0.4) == 0.19
    assert upper_edge("m", 150, 9.0) == 1.5 and upper_edge("m", 20_000, 321.0) == 321.0


def test_what_is_no_histogram_is_refused() -> None:
    """Property: other text than pairs, and units that do not fit together, are a ValueError; none merge to nothing."""
    for text in ("1:2 3", "a:1", "-1:4", "1:-4"):
        with pytest.raises(ValueError):
            cells_of(text)
    one = np.array([1])
    with pytest.raises(ValueError, match="ms and ratio cannot be merged"):
        merged([Histogram("ratio", one, one, 1.0), Histogram("ms", one, one, 1.0)])
    assert merged([]).n == 0 and math.isnan(merged([]).quantile(0.5))


@pytest.mark.parametrize(("unit", "step"), [("m signed", 0.1), ("s signed", 0.01)])
def test_values_around_zero(unit: str, step: float, tmp_path: Path) -> None:
    """Independent: NumPy's inverted-CDF quantile of drawn values of both signs, less than a cell below, also of two
    halves merged from CSV; by hand: what lies beyond the last cell is told exactly."""
    drawn = np.random.default_rng(3).normal(0, 100 * step, 500)
    names = Metric("one", unit), Metric("two", unit)
    halves = through_csv(tmp_path, of_signed(names[0], list(drawn[:200])), of_signed(names[1], list(drawn[200:])))
    together = merged(halves.values())
    for share in (0.05, 0.5, 0.95):
        expected = float(np.quantile(drawn, share, method="inverted_cdf"))
        for found in (together.quantile(share), signed_quantile(unit, list(drawn), share)):
            assert expected - 1e-9 <= found < expected + step
    assert together.quantile(1.0) == pytest.approx(drawn.max())
    assert signed_quantile(unit, [-3e9, 5e9], 1.0) == 5e9


def test_every_kpi_with_quantiles_tells_its_histograms() -> None:
    """Property: of the shipped table, those that write quantile rows."""
    silent = {name for name, kpi in KPIS.items() if not hasattr(kpi, "distributions")}
    assert silent <= {"prr", "coverage", "generation", "opportunities"}
