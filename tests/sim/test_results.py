"""Result folders: whole or not at all, nobody else's files lost, bytes that repeat."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from sim.metrics import Metric, build, collect
from sim.metrics.summary import summary_table
from sim.results import ResultError, ResultFolder, read, run_id
from sim.tables import METRIC_COLUMNS, Table, cell_text, csv_text
from tests.sim.metrics_factory import batch, context

ROWS = [
    Metric("prr", "ratio", "V2V", "BSM", distance_m=12.5, value=0.9, n=1000, lower=0.88, upper=0.92),
    Metric("prr", "ratio", "V2V", "BSM", "SH", distance_m=12.5, value=1.0, n=3),
    Metric("cbr_mean", "ratio", station_class="vehicle", value=1 / 3, n=7),
]


def write(out: Path, run: str = "a" * 16, force: bool = False, **summary: object) -> Path:
    with ResultFolder(out, run, force) as folder:
        folder.write_scenario("name: demo\nseed: 4\n")
        folder.write_metrics(ROWS)
        return folder.finish({"seed": 4, **summary})


def test_a_folder_read_back(tmp_path: Path) -> None:
    """By hand: files, columns, empty cells, selection."""
    result = read(write(tmp_path / "run", nothing=math.nan, shape=np.int64(3)))
    assert sorted(p.name for p in result.folder.iterdir()) == [
        "metrics.csv",
        "plots",
        "run.log",
        "scenario.yaml",
        "summary.json",
    ]
    table = result.table("metrics")
    assert tuple(table) == METRIC_COLUMNS and table.row_count == 3
    assert result.value(metric="prr", jurisdiction=None) == 0.9
    assert result.select(metric="prr", jurisdiction="SH")["n"].tolist() == [3]
    assert result.select(metric=["prr", "cbr_mean"]).row_count == 3
    assert math.isnan(result.value(metric="gap"))
    assert result.select(distance_m=None)["metric"].tolist() == ["cbr_mean"]
    assert np.isnan(table["lower"][1]) and table["lower"].dtype == float
    with pytest.raises(ResultError, match="2 rows"):
        result.value(metric="prr")
    with pytest.raises(ResultError, match="has no table 'speed'"):
        result.table("speed")
    with pytest.raises(KeyError, match="no column 'speed'"):
        result.select(speed=1)
    assert result.summary["nothing"] is None and result.summary["shape"] == 3
    assert result.summary["schema_version"] == 1 and result.summary["host"]["numpy"] == np.__version__
    assert result.scenario == {"name": "demo", "seed": 4} and result.corridor == {}


def test_only_the_summary_differs_between_equal_runs(tmp_path: Path) -> None:
    """Property: two runs of the same rows give the same bytes; clock and host stand in summary.json alone."""
    a, b = write(tmp_path / "a"), write(tmp_path / "b")
    for name in ("metrics.csv", "scenario.yaml", "run.log"):
        assert (a / name).read_bytes() == (b / name).read_bytes()
    assert b"\r" not in (a / "metrics.csv").read_bytes()
    assert "NaN" not in (a / "summary.json").read_text()


def test_cells() -> None:
    """By hand: what a value looks like in CSV."""
    given = [None, math.nan, math.inf, 0.1 + 0.2, 1e-12, -0.0, 5.0, np.float32(2.5), np.int8(3), True, "a,b"]
    assert [cell_text(v) for v in given] == ["", "", "", "0.3", "1e-12", "0", "5", "2.5", "3", "1", "a,b"]
    assert csv_text(["x", "name"], [[1, "a,b"]]) == 'x,name\n1,"a,b"\n'


def test_the_run_id_depends_on_scenario_seed_and_version_only() -> None:
    """Property: order of keys does not matter, everything else does."""
    one = run_id({"a": 1, "b": [2]}, 7, "0.1")
    assert one == run_id({"b": [2], "a": 1}, 7, "0.1") and len(one) == 16 and int(one, 16) >= 0
    assert (
        len(
            {
                one,
                run_id({"a": 1, "b": [3]}, 7, "0.1"),
                run_id({"a": 1, "b": [2]}, 8, "0.1"),
                run_id({"a": 1, "b": [2]}, 7, "0.2"),
            }
        )
        == 4
    )


def test_repeating_a_run_is_harmless_and_another_run_is_refused(tmp_path: Path) -> None:
    """By hand: same id: redone; other id: one clear line; force: replaced, the user's own files kept."""
    out = write(tmp_path / "run")
    (out / "notes.txt").write_text("mine")
    (out / "plots" / "old.png").write_text("stale")
    write(out)
    assert (out / "notes.txt").read_text() == "mine" and not list((out / "plots").iterdir())
    with pytest.raises(ResultError, match=f"holds another run \\({'a' * 16}, not {'b' * 16}\\)") as error:
        write(out, "b" * 16)
    assert "\n" not in str(error.value) and read(out).summary["run_id"] == "a" * 16
    write(out, "b" * 16, force=True)
    assert read(out).summary["run_id"] == "b" * 16 and (out / "notes.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_no_result_is_never_touched(tmp_path: Path) -> None:
    """By hand: not even with force."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years")
    for force in (False, True):
        with pytest.raises(ResultError, match="is not a result folder .it holds 'thesis.tex'."):
            ResultFolder(home, "a" * 16, force)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match="exists and is not a folder"):
        ResultFolder(tmp_path / "file", "a" * 16)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "home"]


def test_a_half_written_folder_is_redone(tmp_path: Path) -> None:
    """By hand: a broken summary, as a copied or killed run would leave it; and an empty folder."""
    out = write(tmp_path / "run")
    (out / "summary.json").write_text('{"schema_ver')
    with pytest.raises(ResultError, match="not a finished run"):
        read(out)
    write(out, "b" * 16)
    assert read(out).summary["run_id"] == "b" * 16
    (tmp_path / "empty").mkdir()
    assert read(write(tmp_path / "empty")).summary["seed"] == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_place_is_refused_before_the_run(tmp_path: Path) -> None:
    """By hand: no permission in the parent."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ResultError, match="cannot be written: Permission denied"):
            ResultFolder(tmp_path / "run", "a" * 16)
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_way_of_the_parent_is_refused_before_the_run(tmp_path: Path) -> None:
    """By hand: the parent of --out is a file."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResultError, match="cannot be written"):
        ResultFolder(tmp_path / "file" / "run", "a" * 16)


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """By hand: an exception in the middle; the earlier result stays as it was."""
    out = write(tmp_path / "run")
    before = (out / "summary.json").read_bytes()
    with pytest.raises(RuntimeError), ResultFolder(out, "a" * 16) as folder:
        folder.write_metrics([])
        raise RuntimeError
    assert (out / "summary.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_leaves_no_folder(tmp_path: Path, number: int) -> None:
    """By hand: killed while writing: nothing at --out; after SIGKILL the hidden remains go with the next
    run."""
    code = textwrap.dedent("""
        import sys, time
        from sim.results import ResultFolder
        with ResultFolder(sys.argv[1], "a" * 16) as folder:
            folder.write_metrics([])
            print("ready", flush=True)
            time.sleep(60)
    """)
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    process.wait(20)
    process.stdout.close()
    assert not (tmp_path / "run").exists()
    write(tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_finished_sibling_is_rescued(tmp_path: Path) -> None:
    """By hand: killed between the two renames: the complete hidden folder becomes the result again."""
    out = write(tmp_path / "run")
    out.rename(tmp_path / ".run.partial-999999999")
    with pytest.raises(ResultError, match="holds another run"):
        ResultFolder(out, "b" * 16)
    assert read(out).summary["run_id"] == "a" * 16


def test_files_asked_for_inside_the_folder_travel_with_it(tmp_path: Path) -> None:
    """By hand: a packet log at OUT/log.csv.gz is written to the sibling and arrives at OUT."""
    out = tmp_path / "run"
    with ResultFolder(out, "a" * 16) as folder:
        folder.place(out / "log.csv.gz").write_text("x")
        assert folder.place(tmp_path / "else.csv") == tmp_path / "else.csv"
        folder.write_metrics([])
        folder.finish({})
    assert (out / "log.csv.gz").read_text() == "x"


def test_a_newer_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    """By hand."""
    out = write(tmp_path / "run")
    summary = json.loads((out / "summary.json").read_text())
    (out / "summary.json").write_text(json.dumps({**summary, "schema_version": 2}))
    with pytest.raises(ResultError, match="schema_version 2 is newer than 1"):
        read(out)
    with pytest.raises(ResultError, match="no such folder"):
        read(tmp_path / "nowhere")


def test_a_table_with_a_short_line_is_named(tmp_path: Path) -> None:
    """By hand: file, line and counts."""
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ResultError, match=r"x.csv:3: has 1 cells, the header has 2"):
        Table.from_csv(tmp_path / "x.csv")


def test_the_table_for_planners(tmp_path: Path) -> None:
    """By hand: 9 of 10 received at 100 m; latency 6 ms; no word on coverage without probes, shares never
    rounded to 1."""
    kpis = build(context(), ["prr", "latency"])
    links = [{"distance_m": 100.0, "outcome": 5 if k == 0 else 0} for k in range(10)]
    for kpi in kpis.values():
        kpi.observe(batch([{}], links))
    rows, tables = collect(kpis)
    with ResultFolder(tmp_path / "run", "a" * 16) as folder:
        folder.write_scenario(
            "name: demo\nradio: {access: lte-v2x-mode4, channel: {v2v: winner-b1, environment_height_m: 1.0}}\n"
        )
        folder.write_metrics(
            [*rows, Metric("cbr_mean", "ratio", station_class="vehicle", value=0.99999, n=5)]
        )
        folder.finish(
            {"seed": 4, "duration_s": 10.0, "rsus": 6, "vehicles": {"total": 1200, "equipped": 300}}
        )
    text = summary_table(read(tmp_path / "run"))
    assert "V2V at 100 m BSM 90.0 % (n 10)" in text
    assert "V2V BSM 6.0 ms (9 applied)" in text
    assert "6 roadside units, 1,200 vehicles seen, 300 of them equipped" in text
    assert "lte-v2x-mode4, V2V winner-b1, environment height 1 m" in text
    assert "at vehicles mean above 99.9 %" in text
    assert "Coverage" not in text and "nan" not in text.lower()


def test_the_summary_says_no_data_where_there_is_none(tmp_path: Path) -> None:
    """By hand: gaps and latencies of a run whose pairs never met twice and whose messages never arrived."""
    pairs = {"message": "BSM", "link": "V2V"}
    with ResultFolder(tmp_path / "run", "a" * 16) as folder:
        folder.write_metrics(
            [
                Metric("gap", "ms", **pairs, quantile=0.95, value=100.0, n=3),
                Metric("gap_over_2.5T", "ratio", **pairs, distance_m=300.0, value=0.0, n=3),
                Metric("update_delay", "ms", **pairs, quantile=0.95, value=math.nan, n=0),
                Metric("latency", "ms", **pairs, quantile=0.95, value=math.nan, n=0),
                Metric("latency_delivered", "count", **pairs, value=0.0, n=0),
            ]
        )
        folder.finish({})
    text = summary_table(read(tmp_path / "run"))
    assert "p95 100 ms, longer than 2.5 periods 0.0 % of 3; update delay p95 no data" in text
    assert "V2V BSM no data (0 applied)" in text
    assert "nan" not in text.lower()
