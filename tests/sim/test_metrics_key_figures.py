"""Key figures of a run: which, under which names, from which rows."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

import sim
from sim.metrics import Metric
from sim.metrics.key_figures import FIGURES, figure_name, key_figures
from sim.results import read
from sim.tables import METRIC_COLUMNS, Table, csv_text


def prr(distance_m: float, value: float, n: int, place: str = "", message: str = "BSM", link: str = "V2V") -> Metric:
    return Metric("prr", "ratio", link, message, place, distance_m=distance_m, value=value, n=n)


def test_reception_is_pooled_around_its_distance() -> None:
    """By hand: the two bins around 100 m hold 90 of 100 and 10 of 300: 0.25; bins farther away do not count."""
    rows = [prr(62.5, 1, 50), prr(87.5, 0.9, 100), prr(112.5, 1 / 30, 300), prr(137.5, 0, 50), prr(287.5, 0.5, 8)]
    found = key_figures([*rows, prr(87.5, 0, 500, place="SH"), prr(312.5, 0.9, 0)])
    assert found == pytest.approx({"prr.V2V.BSM@100": 0.25, "prr.V2V.BSM@300": 0.5})


def test_wide_bins_are_pooled_by_their_own_width() -> None:
    """By hand: with bins of 50 m those of 75 and 125 m lie around 100 m."""
    rows = [prr(75, 1, 10), prr(125, 0, 30), prr(175, 0, 1000)]
    assert key_figures(rows, bin_m=50) == {"prr.V2V.BSM@100": 0.25}
    assert key_figures(rows) == {}


def test_names_say_which_row_it_is() -> None:
    """By hand: one name of each kind, in the order of the rows."""
    rows = [
        Metric("latency", "ms", "I2V", "CAM", quantile=0.99, value=7.5, n=3),
        Metric("latency", "ms", "I2V", "CAM", quantile=0.95, value=7.0, n=3),
        Metric("latency_max", "ms", "I2V", "CAM", value=9.0, n=3),
        Metric("latency_delivered", "count", "I2V", "CAM", value=3),
        Metric("gap_over_2.5T", "ratio", "V2V", "CAM", distance_m=300, value=0.01, n=9),
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", station_class="probe", value=0.8, n=6),
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", station_class="home SH", value=0.6, n=6),
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", "SH", station_class="probe", value=0.7, n=6),
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", "", "up", "probe", value=0.5, n=6),
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", "", "up", "probe", chainage_m=12.5, value=0.4, n=1),
        Metric("vehicle_coverage", "ratio", "I2V", "RSI", station_class="vehicle", value=0.9, n=6),
        Metric("vehicle_coverage", "ratio", "I2V", "RSI", station_class="vehicle, home SH", value=0.3, n=6),
        Metric("cbr", "ratio", station_class="rsu", quantile=0.95, value=0.2, n=5),
        Metric("cbr_mean", "ratio", station_class="vehicle", value=0.1, n=5),
        Metric("round_trip", "ms", quantile=0.5, value=210.0, n=4),
        Metric("round_trip_answered", "ratio", value=0.75, n=4),
    ]
    assert key_figures(rows) == {
        "latency.I2V.CAM.p99": 7.5, "latency_delivered.I2V.CAM": 3, "gap_over_2.5T.V2V.CAM@300": 0.01,
        "C_useful.I2V.SPAT+MAP": 0.8, "vehicle_coverage.I2V.RSI": 0.9, "cbr.rsu.p95": 0.2, "cbr_mean.vehicle": 0.1,
        "round_trip.p50": 210.0, "round_trip_answered": 0.75,
    }
    assert list(key_figures(rows))[:2] == ["latency.I2V.CAM.p99", "latency_delivered.I2V.CAM"]


def test_a_figure_without_data_is_left_out() -> None:
    """Property: an empty or NaN value is no figure, never 0."""
    assert key_figures([Metric("cbr_mean", "ratio", station_class="rsu", value=v) for v in (None, math.nan)]) == {}
    assert key_figures([]) == {}


def test_figures_of_a_real_run(tmp_path: Path) -> None:
    """Property: rows read back give the figures in the summary; no two rows share a name; every message has one."""
    keys = ["duration_s=1", "standards.message_set=etsi-its"]
    result = sim.run(sim.load("02-short-straight-road", keys), tmp_path / "run", plots=False)
    told = read(result.folder).summary["key_figures"]
    assert key_figures(result.table()) == pytest.approx(told, rel=1e-8)
    assert 24 <= len(told) <= 120 and all(isinstance(value, (int, float)) for value in told.values())
    table = result.select(jurisdiction="", direction="", chainage_m=None)
    rows = [Metric(*(None if v != v else v for v in row.values())) for row in table.rows()]
    chosen = [r for r in rows if r.quantile in FIGURES.get(r.metric, ()) and "home" not in r.station_class]
    assert max(Counter(map(figure_name, chosen)).values()) == 1
    sent = {str(m) for m in result.select(metric="latency_sent")["message"]}
    assert "CAM" in sent and sent == {name.split(".")[2] for name in told if name.startswith("latency_sent")}


def test_a_table_gives_what_its_rows_give(tmp_path: Path) -> None:
    """Property: empty cells of a file are None of a row."""
    rows = [prr(87.5, 0.5, 10), Metric("latency_sent", "count", "V2V", "BSM", value=17)]
    (tmp_path / "metrics.csv").write_text(csv_text(METRIC_COLUMNS, rows), encoding="utf-8")
    assert key_figures(Table.from_csv(tmp_path / "metrics.csv")) == key_figures(rows)
