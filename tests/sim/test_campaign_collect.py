"""Derived tables of a campaign: states of runs, means, merged quantiles, paired differences, cells; bad folders."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.campaign.collect import TABLES, collect, write_runs
from sim.campaign.figures import variant_figures
from sim.campaign.plan import campaign_of
from sim.campaign.rows import variant_rows
from sim.campaign.store import CampaignFolder, CampaignResult, read_campaign_folder
from sim.cli import main
from sim.metrics import Metric
from sim.metrics.histograms import collected, of_delays
from sim.metrics.statistics import DelayHistogram
from sim.simulation import run
from sim.tables import METRIC_COLUMNS, ResultError, Table, csv_text

POWERS = ("20", "17")
KEY = ("metric", "link", "message", "jurisdiction", "direction", "station_class", "distance_m", "quantile")
Values = Callable[[dict[str, str], int], list[Metric]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def digests(out: Path) -> dict[str, str]:
    return {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in TABLES}


class Distribution:
    """Stands for the KPIs of a run that told one set of delays."""

    def __init__(self, delays_ns: np.ndarray) -> None:
        self.delays = DelayHistogram()
        self.delays.add(delays_ns)

    def distributions(self) -> list[Any]:
        return [of_delays(Metric("latency", "ms", "V2V", "BSM"), self.delays)]

    def rows(self) -> list[Metric]:
        one = ("V2V", "BSM")
        return [
            *(Metric("latency", "ms", *one, quantile=q, value=self.delays.quantile_ms(q), n=self.delays.count)
              for q in (0.5, 0.95)),
            Metric("latency_mean", "ms", *one, value=self.delays.mean_ms(), n=self.delays.count),
            Metric("latency_max", "ms", *one, value=self.delays.max_ns / 1e6, n=self.delays.count),
        ]


def written(out: Path, axes: dict[str, list[str]], seeds: int, values: Values, order: int = 0) -> CampaignResult:
    """A campaign's folder whose runs hold given rows, written in a random order."""
    points: list[dict[str, str]] = [{}]
    for axis, labels in axes.items():
        points = [{**point, axis: label} for point in points for label in labels]
    runs = [[hashlib.sha256(f"{v} {s}".encode()).hexdigest()[:16], v, s, 100 + s]
            for s in range(seeds) for v in range(len(points))]
    document = {
        "schema": "sweep/1", "version": sim.__version__, "name": "drawn", "campaign": {}, "fan_out": False,
        "axes": axes,
        "baseline": {axis: labels[0] for axis, labels in axes.items()},
        "variants": [{"labels": point, "source": "x.yaml", "overrides": []} for point in points], "runs": runs,
    }
    out.mkdir(parents=True)
    for run_id, variant, replication, _ in random.Random(order).sample(runs, len(runs)):
        folder = out / "runs" / run_id
        folder.mkdir(parents=True)
        rows = values(points[variant], replication)
        (folder / "metrics.csv").write_text(csv_text(METRIC_COLUMNS, rows), encoding="utf-8")
        delays = drawn_delays(points[variant], replication)
        (folder / "histograms.csv").write_text(csv_text(*collected({"drawn": delays})), encoding="utf-8")  # type: ignore[dict-item]
        figures = {f"{row.metric}.{row.message}": row.value for row in rows if row.quantile is None}
        summary = {"schema_version": 1, "run_id": run_id, "version": sim.__version__, "key_figures": figures}
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    (out / "sweep.json").write_text(json.dumps(document), encoding="utf-8")
    return read_campaign_folder(out)


def drawn_delays(point: dict[str, str], replication: int) -> Distribution:
    generator = np.random.default_rng(replication)
    scale = (1 + replication) * (2 if point.get("power") == "17" else 1)
    return Distribution((generator.gamma(2, 5 * scale, 500 + 300 * replication) * 1e6).astype(np.int64))


def drawn(point: dict[str, str], replication: int) -> list[Metric]:
    """A run's rows; seed 2 has one row more and one less."""
    better = 0.05 if point.get("power") == "17" else 0.0
    share = 0.5 + 0.1 * replication + better
    rows = [Metric("prr", "ratio", "V2V", "BSM", distance_m=112.5, value=share, n=10 * (1 + replication))]
    if replication == 2:
        rows.append(Metric("prr", "ratio", "V2V", "BSM", distance_m=137.5, value=0.25, n=4))
    else:
        rows.append(Metric("prr", "ratio", "V2V", "BSM", distance_m=162.5, value=0.125, n=4))
    rows.append(Metric("frames_sent", "count", "", "BSM", station_class="vehicle", value=100 + replication))
    rows.append(
        Metric("C_useful", "ratio", "I2V", "SPAT+MAP", "SH", "up", "probe", chainage_m=12.5, value=share, n=1)
    )
    return [*rows, *drawn_delays(point, replication).rows()]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    """Two powers under three seeds, run in reverse order and collected."""
    out = tmp_path_factory.mktemp("real") / "campaign"
    plan = campaign_of({
        "name": "small", "scenarios": ["03-one-border"], "seeds": 3,
        "set": {"duration_s": 1, "traffic_warmup_s": 5, "radio_warmup_s": 1},
        "vary": {"radio.link.tx_power_dbm": [20, 17]},
    })
    folder = CampaignFolder(out)
    for one in reversed(plan.runs):
        run(plan.task(one).loaded, folder.run_path(one.run_id), plots=False)
    folder.write_plan(plan)
    campaign = read_campaign_folder(out)
    assert collect(campaign).remarks == []
    return campaign


def test_means_are_those_of_the_runs(real: CampaignResult) -> None:
    """Independent: every mean and interval of rows that are no quantile, again with Python's statistics module and the
    printed t of two degrees of freedom."""
    told = rows_of(real.folder.out / "means.csv")
    for power in POWERS:
        found: dict[tuple[str, ...], list[float]] = {}
        for _, result in real.results(real.variant(**{"radio.link.tx_power_dbm": power}).index):
            for row in rows_of(result.folder / "metrics.csv"):
                if not row["chainage_m"] and not row["metric"].endswith("_max") and not row["quantile"]:
                    found.setdefault(tuple(row[name] for name in KEY), []).append(float(row["value"]))
        mine = {tuple(row[name] for name in KEY): row for row in told if row["radio.link.tx_power_dbm"] == power}
        assert set(found) <= set(mine) and len(found) > 1000
        for key, values in found.items():
            row = mine[key]
            assert int(row["n_seeds"]) == len(values)
            assert float(row["mean"]) == pytest.approx(statistics.fmean(values), rel=1e-8, abs=1e-12)
            if len(values) == 3:
                half = 4.3027 * statistics.stdev(values) / math.sqrt(3)
                assert float(row["upper"]) - float(row["mean"]) == pytest.approx(half, rel=1e-3, abs=1e-8)
            elif len(values) == 1:
                assert (row["lower"], row["upper"]) == ("", "")


def test_quantiles_are_those_of_all_seeds_together(real: CampaignResult) -> None:
    """Independent: the cells of all seeds written out value by value, and NumPy's inverted-CDF quantile of them."""
    table = variant_rows(real, 0)
    results = [result for _, result in real.results(0)]
    for metric, message, link in (("latency", "BSM", "V2V"), ("gap", "BSM", "V2V"), ("latency", "SPAT", "I2V")):
        cells = [
            pair.split(":") for result in results for row in rows_of(result.folder / "histograms.csv")
            if (row["metric"], row["message"], row["link"], row["jurisdiction"], row["station_class"])
                == (metric, message, link, "", "")
            for pair in row["cells"].split()
        ]
        values = np.repeat([int(cell) for cell, _ in cells], [int(count) for _, count in cells])
        cell = int(np.quantile(values, 0.95, method="inverted_cdf"))
        edge_ms = cell * 0.01 if cell <= 20_000 else 200 + (cell - 20_000)
        rows = table.select(
            metric=metric, message=message, link=link, quantile=0.95, jurisdiction="", station_class=""
        )
        (value,), (n,) = rows["mean"], rows["n"]
        assert value == pytest.approx(edge_ms) and n == len(values)


def test_quantiles_shown_for_a_variant_are_never_averaged(real: CampaignResult, tmp_path: Path) -> None:
    """Independent: what is shown is the merged quantile of ``variant_rows`` and not the mean of the summaries' figures;
    without the table it is left out, while means stay."""
    name, at = "latency.V2V.BSM.p50", {"metric": "latency", "link": "V2V", "message": "BSM", "quantile": 0.5}
    summaries = [result.summary["key_figures"] for _, result in real.results(0)]
    shown = dict(next(variant_figures(real))[1].values)
    assert shown[name].mean == pytest.approx(variant_rows(real, 0).select(**at)["mean"][0])
    assert abs(shown[name].mean - statistics.fmean(one[name] for one in summaries)) > 0.1
    assert shown["cbr_mean.vehicle"].mean == pytest.approx(
        statistics.fmean(one["cbr_mean.vehicle"] for one in summaries))
    assert set(shown) == {key for one in summaries for key in one}
    bare = tmp_path / "bare"
    shutil.copytree(real.folder.out, bare)
    (bare / "means.csv").unlink()
    rest = next(variant_figures(read_campaign_folder(bare)))[1].values
    assert set(rest) == {key for key in shown if ".p" not in key} and rest["cbr_mean.vehicle"].n == 3


def test_common_seeds_narrow_real_differences(real: CampaignResult) -> None:
    """Property: over rows with spread, the paired interval is narrower than the unpaired one for most, by far in the
    median; that 3 dB less deliver less is certain after three seeds."""
    told = [row for row in rows_of(real.folder.out / "differences.csv") if row["unpaired_half_width"]]
    assert {(row["axis"], row["against"]) for row in told} == {("radio.link.tx_power_dbm", "20")}
    pairs = np.array([[float(row["half_width"]), float(row["unpaired_half_width"])] for row in told])
    pairs = pairs[pairs[:, 1] > 0]
    assert len(pairs) > 500
    assert float((pairs[:, 0] < pairs[:, 1]).mean()) > 0.7 and float(np.median(pairs[:, 0] / pairs[:, 1])) < 0.5
    place = ("link", "message", "jurisdiction", "quantile")
    whole = {row["metric"]: row for row in told if [row[name] for name in place] == ["V2V", "BSM", "", ""]}
    assert float(whole["latency_delivered"]["upper"]) < 0
    assert float(whole["latency_delivered"]["half_width"]) < float(whole["latency_delivered"]["unpaired_half_width"])


def test_differences_are_those_of_pairs(real: CampaignResult) -> None:
    """Independent: run by run under one seed, subtracted by hand."""
    found: dict[tuple[str, ...], list[float]] = {}
    pairs = zip(real.results(1), real.results(0), strict=True)
    for (one, result), (other, base) in pairs:
        assert one.seed == other.seed
        sides = [
            {tuple(row[name] for name in KEY): float(row["value"]) for row in rows_of(side.folder / "metrics.csv")
             if not row["chainage_m"] and not row["quantile"] and not row["metric"].endswith("_max")}
            for side in (result, base)
        ]
        for key in sides[0].keys() & sides[1].keys():
            found.setdefault(key, []).append(sides[0][key] - sides[1][key])
    told = {tuple(row[name] for name in KEY): row for row in rows_of(real.folder.out / "differences.csv")}
    for key, values in found.items():
        assert float(told[key]["mean_difference"]) == pytest.approx(statistics.fmean(values), rel=1e-7, abs=1e-9)
        assert int(told[key]["n_seeds"]) == len(values)


def test_cells_of_the_road_stand_apart(real: CampaignResult) -> None:
    """Independent: the coverage table of each run, cell by cell."""
    told = rows_of(real.folder.out / "cells.csv")
    place = ("class", "jurisdiction", "direction", "chainage_m")
    found: dict[tuple[str, ...], list[float]] = {}
    for _, result in real.results(0):
        for row in rows_of(result.folder / "coverage.csv"):
            found.setdefault(tuple(row[name] for name in place), []).append(float(row["C_useful"]))
    mine = [row for row in told if row["metric"] == "C_useful" and row["radio.link.tx_power_dbm"] == "20"]
    assert {tuple(row[name] for name in place) for row in mine} == set(found)
    for row in mine:
        assert float(row["mean"]) == pytest.approx(statistics.fmean(found[tuple(row[name] for name in place)]))
    assert "chainage_m" not in rows_of(real.folder.out / "means.csv")[0]


def test_runs_csv_holds_what_the_summaries_say(real: CampaignResult) -> None:
    """Property: a line per planned run in the order of the plan, with the key figures and no time of anything."""
    told = rows_of(real.folder.out / "runs.csv")
    assert [row["run_id"] for row in told] == [one.run_id for one in real.runs]
    for row, one in zip(told, real.runs, strict=True):
        summary = json.loads((real.folder.run_path(one.run_id) / "summary.json").read_text(encoding="utf-8"))
        assert (row["state"], int(row["seed"]), int(row["replication"])) == ("done", one.seed, one.replication)
        for name, value in summary["key_figures"].items():
            assert float(row[name]) == pytest.approx(value, rel=1e-9)
        assert set(row) >= set(summary["key_figures"]) and not any(name.endswith("cpu_s") for name in row)


def test_tables_do_not_depend_on_the_order_of_finishing(real: CampaignResult, tmp_path: Path) -> None:
    """Property: runs put in place in another order, tables derived again, twice: the same bytes."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for one in random.Random(4).sample(real.runs, len(real.runs)):
        shutil.copytree(real.folder.run_path(one.run_id), copy / "runs" / one.run_id)
    shutil.copy(real.folder.sweep_path, copy / "sweep.json")
    for _ in range(2):
        collect(read_campaign_folder(copy))
        assert digests(copy) == digests(real.folder.out)
    one, other = (written(tmp_path / str(k), {"power": list(POWERS)}, 4, drawn, order=k) for k in (1, 2))
    collect(one)
    collect(other)
    assert digests(one.folder.out) == digests(other.folder.out)


def test_rows_by_hand(tmp_path: Path) -> None:
    """By hand: three seeds with 0.5, 0.6, 0.7; a row of one seed only, a row of two, counts, a maximum, a cell."""
    campaign = written(tmp_path / "c", {"power": ["20"]}, 3, drawn)
    table = variant_rows(campaign, 0)
    (at_112,) = table.select(metric="prr", distance_m=112.5).rows()
    assert at_112["mean"] == pytest.approx(0.6) and at_112["n_seeds"] == 3 and at_112["n"] == 60
    assert at_112["upper"] - at_112["mean"] == pytest.approx(4.30265 * 0.1 / math.sqrt(3), rel=1e-5)
    (at_137,) = table.select(metric="prr", distance_m=137.5).rows()
    assert (at_137["mean"], at_137["n_seeds"]) == (0.25, 1) and math.isnan(at_137["lower"])
    assert table.select(metric="prr", distance_m=162.5)["n_seeds"].tolist() == [2]
    assert table["distance_m"][:3].tolist() == [112.5, 137.5, 162.5]
    (sent,) = table.select(metric="frames_sent").rows()
    assert sent["mean"] == 101 and math.isnan(sent["n"])
    delays = [drawn_delays({}, k).delays for k in range(3)]
    (most,) = table.select(metric="latency_max").rows()
    assert most["mean"] == pytest.approx(max(one.max_ns for one in delays) / 1e6) and math.isnan(most["upper"])
    for one in delays[1:]:
        delays[0].merge(one)
    assert table.select(metric="latency", quantile=0.95)["mean"] == pytest.approx(delays[0].quantile_ms(0.95))
    assert table.select(chainage_m=12.5)["mean"] == pytest.approx(0.6)


def test_a_quantile_whose_histogram_is_gone_is_unknown(tmp_path: Path) -> None:
    """Property: quantiles are never averaged; without one seed's histogram the row has no value, and the rest has."""
    campaign = written(tmp_path / "c", {"power": ["20"]}, 3, drawn)
    (campaign.folder.run_path(campaign.runs[1].run_id) / "histograms.csv").unlink()
    table = variant_rows(campaign, 0)
    assert np.isnan(table.select(metric="latency", quantile=0.5)["mean"]).all()
    assert table.select(metric="latency_mean")["n_seeds"] == 3


def test_each_axis_is_compared_with_all_others_equal(tmp_path: Path) -> None:
    """By hand: 2 x 3 variants; 3 pairs along the power, 4 along the layout; merged quantiles are subtracted."""
    axes = {"power": list(POWERS), "layout": ["a", "b", "c"]}
    campaign = written(tmp_path / "c", axes, 3, drawn)
    collect(campaign)
    told = [row for row in rows_of(campaign.folder.out / "differences.csv") if row["distance_m"] == "112.5"]
    assert [(r["axis"], r["against"], r["power"], r["layout"]) for r in told] == [
        ("power", "20", "17", "a"), ("power", "20", "17", "b"), ("power", "20", "17", "c"),
        ("layout", "a", "20", "b"), ("layout", "a", "20", "c"), ("layout", "a", "17", "b"), ("layout", "a", "17", "c"),
    ]
    assert float(told[0]["mean_difference"]) == pytest.approx(0.05) and float(told[0]["half_width"]) < 1e-9
    assert float(told[0]["unpaired_half_width"]) > 0.2
    assert float(told[3]["mean_difference"]) == 0
    pooled = []
    for power in ("17", "20"):
        pooled.append(drawn_delays({"power": power}, 0).delays)
        for k in (1, 2):
            pooled[-1].merge(drawn_delays({"power": power}, k).delays)
    (median,) = [
        row for row in rows_of(campaign.folder.out / "differences.csv")
        if (row["axis"], row["layout"], row["metric"], row["quantile"]) == ("power", "a", "latency", "0.5")
    ]
    expected = pooled[0].quantile_ms(0.5) - pooled[1].quantile_ms(0.5)
    assert float(median["mean_difference"]) == pytest.approx(expected)


def test_differences_take_common_replications_only(tmp_path: Path) -> None:
    """By hand: with seed 0 of one variant missing, seeds 1 and 2 make the pairs; the other variant's seed 0 is not in
    the merged quantile either."""
    campaign = written(tmp_path / "c", {"power": list(POWERS)}, 3, drawn)
    shutil.rmtree(campaign.folder.run_path(campaign.runs[1].run_id))
    campaign = read_campaign_folder(campaign.folder.out)
    found = collect(campaign)
    assert found.count("missing") == 1 and found.states[campaign.runs[1].run_id] == "missing"
    told = rows_of(campaign.folder.out / "differences.csv")
    (at_112,) = [row for row in told if row["distance_m"] == "112.5"]
    assert at_112["n_seeds"] == "2" and float(at_112["mean_difference"]) == pytest.approx(0.05)
    (tail,) = [row for row in told if (row["metric"], row["quantile"]) == ("latency", "0.95")]
    pooled = []
    for power in ("17", "20"):
        pooled.append(drawn_delays({"power": power}, 1).delays)
        pooled[-1].merge(drawn_delays({"power": power}, 2).delays)
    assert float(tail["mean_difference"]) == pytest.approx(pooled[0].quantile_ms(0.95) - pooled[1].quantile_ms(0.95))


def damage(campaign: CampaignResult) -> dict[str, str]:
    """Spoil all runs but the last; run id -> what the remark says."""
    ids = [one.run_id for one in campaign.runs]
    path = [campaign.folder.run_path(run_id) for run_id in ids]
    whole = (path[0] / "summary.json").read_text(encoding="utf-8")
    (path[0] / "summary.json").write_text(whole[:40], encoding="utf-8")
    (path[1] / "summary.json").write_text("[1, 2]", encoding="utf-8")
    (path[2] / "summary.json").write_text(
        (path[2] / "summary.json").read_text(encoding="utf-8").replace('"schema_version": 1', '"schema_version": 7'),
        encoding="utf-8",
    )
    (path[3] / "summary.json").write_text(whole, encoding="utf-8")
    (path[4] / "metrics.csv").unlink()
    (path[5] / "summary.json").write_bytes(b"\xff\xfe\x00{")
    return {
        ids[0]: "is broken", ids[1]: "is no summary", ids[2]: "has schema_version 7", ids[3]: f"is of run {ids[0]}",
        ids[4]: "is missing", ids[5]: "is broken",
    }


def test_unusable_folders_are_told_and_left_alone(tmp_path: Path) -> None:
    """Property: one line each that names the folder, counted as missing, nothing deleted, the rest collected."""
    campaign = written(tmp_path / "c", {"power": ["20"]}, 8, drawn)
    expected = damage(campaign)
    before = sorted(path.relative_to(tmp_path) for path in (tmp_path / "c" / "runs").rglob("*"))
    found = collect(read_campaign_folder(tmp_path / "c"))
    assert len(found.remarks) == len(expected)
    for line, (run_id, words) in zip(found.remarks, expected.items(), strict=True):
        assert line.startswith(f"runs/{run_id}/") and words in line and "\n" not in line
        assert line.endswith("the run counts as missing; the same sweep command does it again")
    assert (found.count("done"), found.count("missing")) == (2, 6)
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "c" / "runs").rglob("*")) == before
    (row,) = [row for row in rows_of(tmp_path / "c" / "means.csv") if row["distance_m"] == "112.5"]
    assert row["n_seeds"] == "2"
    states = [row["state"] for row in rows_of(tmp_path / "c" / "runs.csv")]
    assert states == ["missing"] * 6 + ["done"] * 2


@pytest.mark.parametrize("name", ["metrics.csv", "histograms.csv"])
def test_a_truncated_table_is_told(tmp_path: Path, name: str) -> None:
    """Property: the run is left out of the means with a line that names file and line; reading it alone is an error."""
    campaign = written(tmp_path / "c", {"power": ["20"]}, 3, drawn)
    path = campaign.folder.run_path(campaign.runs[1].run_id) / name
    path.write_bytes(path.read_bytes()[:-7])
    found = collect(campaign)
    assert len(found.remarks) == 1 and f"{path}:" in found.remarks[0] and "mid-line" in found.remarks[0]
    (row,) = [row for row in rows_of(tmp_path / "c" / "means.csv") if row["distance_m"] == "112.5"]
    assert row["n_seeds"] == "2"
    with pytest.raises(ResultError, match="mid-line"):
        variant_rows(campaign, 0)
    for text in ("prr,ratio,V2V\n", "a,b\n", ",".join(["x"] * 14) + "\n"):
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n" + text, encoding="utf-8")
        with pytest.raises(ResultError, match=f"{name}:2: is no"):
            variant_rows(campaign, 0)


def test_runs_of_other_figures_share_their_columns(tmp_path: Path) -> None:
    """By hand: a figure that one run lacks is an empty cell; one that only a later run has stands behind the one it
    followed."""
    campaign = written(tmp_path / "c", {"power": ["20"]}, 3, drawn)
    for one, figures in zip(campaign.runs, ({"a": 1, "d": 2.5}, {"a": 1, "b": None, "c": 3, "d": 4}, {}), strict=True):
        path = campaign.folder.run_path(one.run_id) / "summary.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "key_figures": figures}), encoding="utf-8")
    write_runs(campaign)
    lines = (tmp_path / "c" / "runs.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",", 5)[-1] for line in lines] == ["a,b,c,d", "1,,,2.5", "1,,3,4", ",,,"]


def test_an_axis_called_like_a_column_is_told_apart(tmp_path: Path) -> None:
    """By hand: an axis "message" becomes the column "axis message"; labels with commas are quoted."""
    campaign = written(tmp_path / "c", {"message": ["a, b", "c"]}, 2, drawn)
    collect(campaign)
    for name in TABLES:
        table = Table.from_csv(tmp_path / "c" / name)
        assert {str(label) for label in table["axis message"]} <= {"a, b", "c"}


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: exit 0 when all is done, 4 when runs are missing or were given up; JSON says which."""
    campaign = written(tmp_path / "c", {"power": list(POWERS)}, 2, drawn)
    assert main(["collect", str(tmp_path / "c")]) == 0
    assert "drawn: 4 runs planned, 4 done, 0 missing, 0 failed" in capsys.readouterr().out
    gone, broken = campaign.runs[0].run_id, campaign.runs[3].run_id
    for run_id in (gone, broken):
        shutil.rmtree(campaign.folder.run_path(run_id))
    told = {gone: {"attempts": 3, "error": "ValueError: no"}}
    (tmp_path / "c" / "failed.json").write_text(json.dumps(told), encoding="utf-8")
    assert main(["collect", str(tmp_path / "c"), "--json", "-q"]) == 4
    streams = capsys.readouterr()
    document = json.loads(streams.out)
    assert streams.err == "" and document["schema_version"] == 1
    assert document["runs"] == {"planned": 4, "done": 2, "missing": 1, "failed": 1}
    assert document["failed"] == [{"run_id": gone, "attempts": 3, "error": "ValueError: no"}]
    assert [one["done"] for one in document["variants"]] == [1, 1]
    assert main(["collect", str(tmp_path / "c"), "--runs-only"]) == 4
    assert f"failed: {gone} after 3 attempts: ValueError: no" in capsys.readouterr().out
    states = [row["state"] for row in rows_of(tmp_path / "c" / "runs.csv")]
    assert states == ["failed", "done", "done", "missing"]


def test_a_folder_that_cannot_be_collected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: one line and exit code 2; a table that cannot be written leaves nothing half-written."""
    assert main(["collect", str(tmp_path / "none")]) == 2
    assert main(["collect", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("error: ") for line in lines)
    written(tmp_path / "c", {"power": ["20"]}, 2, drawn)
    (tmp_path / "c" / "means.csv").mkdir()
    assert main(["collect", str(tmp_path / "c"), "-q"]) == 2
    assert "means.csv" in capsys.readouterr().err
    assert not list((tmp_path / "c").glob(".*partial*"))
    assert (tmp_path / "c" / "means.csv").is_dir()
