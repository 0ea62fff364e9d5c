"""``corridor sweep`` and what it shares with other verbs: plans from arguments, lists, exit codes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.campaigns import plan_from, until_of
from sim.scenario import load
from sim.scenario.fields import reference_page, rows_of
from sim.scenario.shipped import shipped_files, shipped_folder

TINY = "01-one-vehicle-one-rsu"
SHORT = ["--set", "duration_s=1", "--set", "traffic_warmup_s=1", "--set", "radio_warmup_s=0"]
FEW = ["--seeds", "2", "--jobs", "1"]


def test_the_campaign_reference_is_current() -> None:
    """Snapshot: scenarios/campaigns/REFERENCE.md is what ``corridor fields --of campaign --markdown`` prints."""
    from sim.campaign.schema import Campaign

    page = (shipped_folder() / "campaigns" / "REFERENCE.md").read_text(encoding="utf-8")
    assert page == reference_page(rows_of(Campaign), "campaign", "campaign/1")


@pytest.mark.parametrize("name", sorted(shipped_files("campaigns")))
def test_shipped_campaigns_load(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Property: each shipped campaign has a dry run that lists its runs and the time they take."""
    assert main(["sweep", name, "--dry-run", "--json", "--out", str(tmp_path / "out")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["expected_cpu_s"] > 0 and {run["state"] for run in document["runs"]} == {"to do"}
    assert not (tmp_path / "out").exists()


def test_a_sweep_from_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: two powers by two seeds; table on stdout, remarks on stderr; the same command finds everything done."""
    out = tmp_path / "out"
    words = ["sweep", TINY, "--vary", "radio.link.tx_power_dbm=10,20", *SHORT, *FEW, "--out", str(out)]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "4 done" in told.out and "10 " in told.out and "2 variants x 2 seeds = 4 runs" in told.err
    lines = (out / "runs.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5 and lines[0].startswith("run_id,scenario,radio.link.tx_power_dbm,replication,seed,state")
    assert main([*words, "--json"]) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert document["runs"] == {"done": 4, "failed": 0, "missing": 0} and "4 of 4 runs are finished already" in told.err
    assert [one["labels"]["radio.link.tx_power_dbm"] for one in document["variants"]] == ["10", "20"]
    assert main([*words, "--dry-run"]) == 0
    assert capsys.readouterr().out.count(" done") == 4
    assert main([*words, "--dry-run", "--json", "--shard", "1/4"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["runs"]
    assert (listed["replication"], type(listed["seed"]), listed["state"]) == (0, int, "done")


def test_runs_that_always_fail_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """By hand: somebody's own access layer raises; three attempts each, exit code 4, the other variant is done."""
    (tmp_path / "my_radio.py").write_text(
        "from sim.access.ideal import Ideal\n\n\nclass Broken(Ideal):\n    def submit(self, frames):\n"
        "        raise RuntimeError('antenna fell off')\n",
        encoding="utf-8",
    )
    words = ["sweep", TINY, "--vary", "radio.access=ideal,my_radio:Broken", *SHORT, *FEW, "--out", "out"]
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-m", "sim", *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, text=True,
        capture_output=True, timeout=300,
    )
    assert done.returncode == 4, done.stderr
    assert "2 done, 2 failed" in done.stdout and done.stdout.count("antenna fell off") == 2
    failed = json.loads((tmp_path / "out" / "failed.json").read_text(encoding="utf-8"))
    assert {told["attempts"] for told in failed.values()} == {3} and len(failed) == 2
    states = [line.split(",")[5] for line in (tmp_path / "out" / "runs.csv").read_text().splitlines()[1:]]
    assert sorted(states) == ["done", "done", "failed", "failed"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([TINY, "--vary", "layot=a"], "vary.layot: is no axis"),
        ([TINY, "--vary", "duration_s"], "--vary duration_s: must be AXIS=VALUE,VALUE,..."),
        ([TINY, "--vary", "duration_s="], "the product of the axes is empty"),
        ([TINY, "--vary", "duration_s=1", "--vary", "duration_s=2"], "an axis stands more than once"),
        ([TINY, "--max-seeds", "4"], "--max-seeds: needs --until"),
        ([TINY, "--until", "prr < 1"], "must be 'METRIC [column=value ...] +- HALF_WIDTH'"),
        ([TINY, "--seeds", "0"], "seeds: 0"),
        (["no-such-scenario"], "no such file and no shipped scenario of that name"),
        (["radios", "--vary", "duration_s=1"], "is a campaign file, which names its scenarios and axes itself"),
        ([TINY, "--shard", "4/4"], "--shard"),
        ([TINY, "--shard", "4/4", "--dry-run"], "--shard"),
        ([TINY, "--jobs", "2", "--dask", "tcp://127.0.0.1:1"], "--jobs"),
    ],
)
def test_bad_arguments_are_lines(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: each mistake is a line on stderr, exit code 2, and nothing is written."""
    assert main(["sweep", *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert any(line.startswith("error: ") and says in line for line in told.err.splitlines()), told.err
    assert told.out == "" and not (tmp_path / "out").exists()


def test_until_in_words() -> None:
    """By hand: columns and numbers."""
    assert until_of("prr link=V2V message=BSM distance_m=112.5 +- 0.01", 40) == {
        "metric": "prr", "link": "V2V", "message": "BSM", "distance_m": 112.5, "half_width": 0.01, "max_seeds": 40,
    }
    assert until_of("cbr_mean station_class=vehicle+-0.02", None) == {
        "metric": "cbr_mean", "station_class": "vehicle", "half_width": 0.02,
    }


def test_the_name_of_a_sweep_from_arguments(tmp_path: Path) -> None:
    """By hand: scenario and axes, so that two sweeps have two folders, also where a file has a Chinese name."""
    args = argparse.Namespace(
        source=[TINY], vary=["radio.link.tx_power_dbm=10,20"], overrides=[], seeds=1, seed=None, plots=False,
        until=None, max_seeds=None,
    )
    assert plan_from(args).campaign.name == "01-one-vehicle-one-rsu-by-radio.link.tx_power_dbm"
    names = []
    for stem in ("测试", "测验", "_x"):
        path = tmp_path / f"{stem}.yaml"
        path.write_text(load(TINY).resolved_yaml(), encoding="utf-8")
        args.source, args.vary = [str(path)], []
        names.append(plan_from(args).campaign.name)
    assert len(set(names)) == 3 and all(name.isascii() for name in names)
