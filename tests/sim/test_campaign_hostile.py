"""What stands in a campaign's folder may be cut, changed or made up: one clear line, and tables never out of date."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.campaign.collect import TABLES, collect
from sim.campaign.engine import run_campaign
from sim.campaign.figures import variant_figures
from sim.campaign.plan import Plan, campaign_of
from sim.campaign.store import CampaignResult, read_campaign_folder
from sim.cli import main, report
from sim.results import ResultError

SMALL = {"duration_s": 0.3, "traffic_warmup_s": 1, "radio_warmup_s": 0.2}


def planned(**more: Any) -> Plan:
    data = {"name": "small", "scenarios": ["01-one-vehicle-one-rsu"], "seeds": 2, "set": SMALL}
    return campaign_of({**data, "vary": {"radio.link.tx_power_dbm": [20, 17]}, **more})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> CampaignResult:
    """Four real runs and their tables; tests work on copies."""
    return run_campaign(planned(), tmp_path_factory.mktemp("whole") / "c", jobs=1)


def copied(whole: CampaignResult, out: Path) -> Path:
    return Path(shutil.copytree(whole.folder.out, out / "copy"))


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def cut_at_a_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8", newline="\n")


def test_a_table_cut_at_the_end_of_a_line_is_noticed(whole: CampaignResult, tmp_path: Path) -> None:
    """By hand: without its last line, a table is a table; its size in the summary tells."""
    out = copied(whole, tmp_path)
    run = whole.runs[1].run_id
    cut_at_a_line(out / "runs" / run / "metrics.csv")
    found = collect(read_campaign_folder(out))
    assert found.states[run] == "missing" and found.count("done") == 3
    assert len(found.remarks) == 1 and f"runs/{run}/metrics.csv: has " in found.remarks[0]


def test_tables_follow_what_is_finished(whole: CampaignResult, tmp_path: Path) -> None:
    """Property: a run is lost, tables are derived without it, the campaign goes on: the tables are whole again."""
    out = copied(whole, tmp_path)
    (out / "runs" / whole.runs[2].run_id / "summary.json").write_text("{", encoding="utf-8")
    assert collect(read_campaign_folder(out)).count("done") == 3
    assert tables(out) != tables(whole.folder.out)
    run_campaign(planned(), out, jobs=1)
    assert tables(out) == tables(whole.folder.out)


def test_tables_follow_the_baseline(whole: CampaignResult, tmp_path: Path) -> None:
    """By hand: with another baseline the same runs make other differences."""
    out = copied(whole, tmp_path)
    run_campaign(planned(baseline={"radio.link.tx_power_dbm": 17}), out, jobs=1)
    rows = (out / "differences.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert rows and {row.split(",")[1] for row in rows} == {"17"}


def test_a_row_changed_in_place_is_told_by_the_campaign(whole: CampaignResult, tmp_path: Path) -> None:
    """By hand: the size is right, the row is none: the campaign says which file and line, each time it is asked."""
    out = copied(whole, tmp_path)
    path = out / "runs" / whole.runs[0].run_id / "metrics.csv"
    path.write_bytes(path.read_bytes().replace(b",", b";", 20))
    (out / ".collected").unlink()
    for _ in range(2):
        said: list[str] = []
        run_campaign(planned(), out, jobs=1, remark=said.append)
        assert sum(f"{path}:1: " in line for line in said) == 1


DEEP = "[" * 200_000
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "axes: a list": lambda d: d.update(axes=["scenario"]),
    "axes: a number": lambda d: d.update(axes=7),
    "axes: text": lambda d: d["axes"].update(scenario="x"),
    "axes: none": lambda d: d.update(axes={}),
    "baseline": lambda d: d.update(baseline=[]),
    "name": lambda d: d.update(name=5),
    "no variants": lambda d: d.update(variants=[]),
    "labels: a list": lambda d: d["variants"][0].update(labels=[]),
    "labels: no text": lambda d: d["variants"][0].update(labels={"scenario": [1]}),
    "run id": lambda d: d["runs"][0].__setitem__(0, "../../../../etc"),
    "variant below": lambda d: d["runs"][0].__setitem__(1, -1),
    "variant above": lambda d: d["runs"][0].__setitem__(1, 99),
    "replication": lambda d: d["runs"][0].__setitem__(2, "x"),
    "seed": lambda d: d["runs"][0].__setitem__(3, 1e300),
    "twins": lambda d: d.update(runs=[d["runs"][0]] * 3),
    "runs": lambda d: d.update(runs={}),
    "fan_out": lambda d: d.update(fan_out="yes"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_hostile_plan_is_one_line(
    whole: CampaignResult, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """Property: whatever is wrong with ``sweep.json`` is one line that names the file."""
    document = json.loads(whole.folder.sweep_path.read_text(encoding="utf-8"))
    change(document)
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ResultError, match="sweep.json: is broken: ") as caught:
        read_campaign_folder(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [DEEP, "", "{", "[1]", '{"schema": "sweep/2"}', "\udcff"])
def test_what_is_no_plan_at_all(tmp_path: Path, text: str) -> None:
    """Property: text that is no JSON, nested without end, or of another schema."""
    (tmp_path / "sweep.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ResultError, match="sweep.json: "):
        read_campaign_folder(tmp_path)


def test_hostile_summaries(whole: CampaignResult, tmp_path: Path) -> None:
    """By hand: nested without end, files that are a list, key figures that are none."""
    out = copied(whole, tmp_path)
    paths = [out / "runs" / run.run_id / "summary.json" for run in whole.runs]
    paths[0].write_text(DEEP, encoding="utf-8")
    for path, change in ((paths[1], {"files": ["x"]}), (paths[2], {"key_figures": {"a": "b,c", "d": {}, "e": 2}})):
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    found = collect(read_campaign_folder(out))
    assert [found.states[run.run_id] for run in whole.runs] == ["missing", "missing", "done", "done"]
    assert "is nested too deep" in found.remarks[0] and "files: must be sizes" in found.remarks[1]
    figures = [figures for _, figures in variant_figures(read_campaign_folder(out))]
    assert "a" not in figures[0].values and figures[0].values["e"].mean == 2


@pytest.mark.parametrize("told", [5, {}, {"attempts": float("nan"), "error": "x"}, {"attempts": 3, "error": [1]}])
def test_hostile_failures(
    whole: CampaignResult, tmp_path: Path, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Property: what is no failure is no failure, and JSON stays JSON."""
    out, gone = copied(whole, tmp_path), whole.runs[0].run_id
    shutil.rmtree(out / "runs" / gone)
    (out / "failed.json").write_text(json.dumps({gone: told}), encoding="utf-8")
    assert read_campaign_folder(out).failed() == {}
    assert main(["collect", str(out), "--json", "-q", "--runs-only"]) == 4
    assert json.loads(capsys.readouterr().out)["runs"] == {"planned": 4, "done": 3, "missing": 1, "failed": 0}


def test_a_read_only_disk_is_no_fault_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: the line names the file, the exit code is that of a folder that cannot be used."""
    assert report(OSError(errno.EROFS, "Read-only file system", "out/runs.csv")) == 2
    assert capsys.readouterr().err == "error: out/runs.csv: Read-only file system\n"
