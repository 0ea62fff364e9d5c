"""A campaign as a whole: resuming, growing, rounds of seeds, and folders that cannot be used.

Runs are pretended: a folder with one figure drawn from the seed, so that what should come out is known.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.campaign.engine import run_campaign
from sim.campaign.plan import Plan, campaign_of
from sim.campaign.store import CampaignFolder, CampaignResult, read_campaign_folder
from sim.campaign.task import Ended, Task, TrafficTask
from sim.metrics.base import Metric
from sim.metrics.statistics import t_quantile_975
from sim.results import ResultError, ResultFolder
from sim.tables import METRIC_COLUMNS

TINY = "01-one-vehicle-one-rsu"
SIGMA = 0.02


class Drawn:
    """Pretends to compute: a PRR of 0.9 with the power's effect and a normal error of :data:`SIGMA` per seed."""

    begun = 0

    def __init__(self, folder: CampaignFolder) -> None:
        self.folder, self.held, self.closed = folder, list[Task](), False

    capacity = 1

    def submit(self, task: Task) -> None:
        self.held.append(task)

    def ended(self, timeout_s: float) -> list[Ended]:
        task = self.held.pop(0)
        if isinstance(task, TrafficTask):
            path = self.folder.traffic_path(task.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"recording")
            return [Ended(task)]
        Drawn.begun += 1
        config = task.loaded.config
        value = 0.9 + 0.01 * (config.radio.link.tx_power_dbm - 20) + error(config.seed)
        with ResultFolder(self.folder.run_path(task.run_id), task.run_id, force=True) as target:
            target.write_scenario(task.loaded.resolved_yaml())
            target.write_metrics([Metric("prr", "ratio", "V2V", "BSM", distance_m=112.5, value=value, n=100)])
            target.finish({"seed": config.seed, "name": "drawn", "key_figures": {"prr": value}})
        return [Ended(task)]

    def close(self) -> None:
        self.closed = True


def error(seed: int) -> float:
    return float(SIGMA * np.random.default_rng(seed).standard_normal())


def plan_of(**changes: Any) -> Plan:
    data: dict[str, Any] = {
        "name": "drawn", "scenarios": [TINY], "vary": {"radio.link.tx_power_dbm": [20, 23]}, "seeds": 4,
    }
    return campaign_of({**data, **changes})


def done(plan: Plan, out: Path, **options: Any) -> tuple[CampaignResult, int, list[str]]:
    """(result, runs that were computed, remarks)."""
    said: list[str] = []
    before = Drawn.begun
    result = run_campaign(plan, out, executor=Drawn, remark=said.append, **options)
    return result, Drawn.begun - before, said


def tables(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.csv"))}


def test_the_same_call_resumes(tmp_path: Path) -> None:
    """Property: what is finished is not done again, what is half-written or broken is; tables end the same."""
    plan = plan_of()
    result, begun, _ = done(plan, tmp_path)
    assert begun == 8 and result.states() == {"done": 8, "failed": 0, "missing": 0}
    wanted = tables(tmp_path)
    assert "runs.csv" in wanted and "means.csv" in wanted and len(wanted) >= 11
    assert done(plan_of(), tmp_path)[1] == 0
    paths = [result.folder.run_path(run.run_id) for run in plan.runs]
    (paths[0] / "summary.json").unlink()
    (paths[1] / "summary.json").write_text((paths[1] / "summary.json").read_text()[:40])
    (paths[2] / "summary.json").write_bytes(b"\xff\xfe\x00")
    (paths[3] / "metrics.csv").unlink()
    with (paths[7] / "metrics.csv").open("r+") as file:
        file.truncate(30)
    shutil.rmtree(paths[4])
    other = json.loads((paths[5] / "summary.json").read_text())
    (paths[5] / "summary.json").write_text(json.dumps({**other, "run_id": "0" * 16}))
    (paths[6] / "summary.json").write_text(json.dumps({**other, "run_id": paths[6].name, "schema_version": 99}))
    _, begun, said = done(plan_of(), tmp_path)
    assert begun == 8 and tables(tmp_path) == wanted
    assert not any("finished already" in line for line in said)


def test_a_campaign_grows(tmp_path: Path) -> None:
    """Property: more seeds and more values keep the runs there are; another name or other axes do not fit."""
    done(plan_of(), tmp_path)
    assert done(plan_of(seeds=5), tmp_path)[1] == 2
    assert done(plan_of(seeds=5, vary={"radio.link.tx_power_dbm": [20, 23, 21.5]}), tmp_path)[1] == 5
    with pytest.raises(ResultError, match="holds the campaign 'drawn' over .*choose another folder or give --force"):
        done(plan_of(name="another"), tmp_path)
    with pytest.raises(ResultError, match="not 'drawn' over scenario, duration_s"):
        done(plan_of(vary={"duration_s": [1]}), tmp_path)
    assert done(plan_of(name="another"), tmp_path, force=True)[1] == 0


def test_a_folder_of_another_version_or_schema(tmp_path: Path) -> None:
    """By hand: one line each, and nothing in the folder changes."""
    done(plan_of(), tmp_path)
    path = tmp_path / "sweep.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    version = f"holds runs of version 9.9, this is {sim.__version__}"
    for change, says in (({"version": "9.9"}, version), ({"schema": "sweep/9"}, "'sweep/9'")):
        path.write_text(json.dumps({**document, **change}), encoding="utf-8")
        before = tables(tmp_path)
        with pytest.raises(ResultError, match=says) as caught:
            done(plan_of(), tmp_path)
        assert "\n" not in str(caught.value) and tables(tmp_path) == before
    path.write_text("{ torn", encoding="utf-8")
    _, begun, said = done(plan_of(), tmp_path)
    assert begun == 0 and any("is broken and written anew" in line for line in said)


def test_folders_that_are_somebody_elses(tmp_path: Path) -> None:
    """By hand: a file, and a folder of other things."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="exists and is not a folder"):
        done(plan_of(), tmp_path / "file")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("")
    with pytest.raises(ResultError, match=r"is no campaign's folder \(it holds 'a.jpg'\)"):
        done(plan_of(), tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_seeds_continue_until_the_interval_is_narrow(tmp_path: Path) -> None:
    """Independent: the half width of each variant's t-interval, computed here from the drawn errors, is at most the one
    asked for, and with the replications of the round before it was not."""
    until: dict[str, Any] = {"metric": "prr", "link": "V2V", "message": "BSM", "distance_m": 112.5, "half_width": 0.008}
    result, begun, said = done(plan_of(until=until), tmp_path)
    seeds = [run.seed for run in result.runs if run.variant == 0]
    errors = np.array([error(seed) for seed in seeds])

    def half(count: int) -> float:
        return t_quantile_975(count - 1) * float(errors[:count].std(ddof=1)) / math.sqrt(count)

    count = len(seeds)
    assert half(count) <= 0.008 and half(4) > 0.008 and begun == 2 * count
    assert 15 < count < 60  # (1.96 * 0.02 / 0.008)^2 = 24
    assert all("going on to" in line for line in said if line.startswith("until"))
    assert sorted({run.replication for run in result.runs}) == list(range(count))
    assert done(plan_of(until=until), tmp_path)[1] == 0


def test_a_width_out_of_reach_ends_at_the_most_seeds(tmp_path: Path) -> None:
    """By hand: 6 seeds are not enough; the campaign says so and ends."""
    until: dict[str, Any] = {"metric": "prr", "link": "V2V", "message": "BSM", "distance_m": 112.5}
    until |= {"half_width": 0.0001, "max_seeds": 6}
    result, begun, said = done(plan_of(until=until), tmp_path)
    assert begun == 12 and any(line.startswith("until: not reached with 6 seeds") for line in said)
    with pytest.raises(ResultError, match="no run of .* has a row metric=pr, link=V2V"):
        done(plan_of(name="x", until={**until, "metric": "pr"}), tmp_path / "typo")
    with pytest.raises(ResultError, match="cannot continue in a shard"):
        done(plan_of(until=until), tmp_path / "part", shard=(0, 2))


def test_a_plan_read_back_is_the_plan(tmp_path: Path) -> None:
    """Property: ``sweep.json`` holds variants, axes, baseline and runs; hostile ids are refused."""
    plan = plan_of()
    done(plan, tmp_path)
    back = read_campaign_folder(tmp_path)
    assert back.runs == plan.runs and back.axes == plan.axes and back.baseline == plan.baseline
    assert [one.labels for one in back.variants] == [one.labels for one in plan.variants]
    assert back.varying == ["radio.link.tx_power_dbm"]
    assert back.variant(**{"radio.link.tx_power_dbm": "23"}).index == 1
    with pytest.raises(ResultError, match="2 variants have"):
        back.variant(scenario=TINY)
    path = tmp_path / "sweep.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["runs"][0][0] = "../../../../etc"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ResultError, match="is broken"):
        read_campaign_folder(tmp_path)


def test_many_runs_are_fanned_out(tmp_path: Path) -> None:
    """By hand: with more than 10,000 runs to come, folders stand under two digits."""
    until: dict[str, Any] = {"metric": "prr", "link": "V2V", "message": "BSM", "distance_m": 112.5, "half_width": 0.5}
    until["max_seeds"] = 5001
    result, _, _ = done(plan_of(seeds=2, until=until), tmp_path)
    run = result.runs[0].run_id
    assert (tmp_path / "runs" / run[:2] / run / "summary.json").is_file()
    assert [result for _, result in read_campaign_folder(tmp_path).results(0)]


def test_a_campaign_grows_beyond_any_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: finished runs stay where they are and are not done again, however many come to them."""
    monkeypatch.setattr("sim.campaign.store.FAN_OUT_ABOVE", 10)
    assert done(plan_of(seeds=4), tmp_path)[1] == 8
    assert done(plan_of(seeds=6), tmp_path)[1] == 4
    result, begun, _ = done(plan_of(seeds=6), tmp_path / "new")
    assert begun == 12 and result.folder.fan_out and tables(tmp_path / "new")["means.csv"]


def test_a_smaller_plan_says_what_it_leaves_out(tmp_path: Path) -> None:
    """By hand: one of two powers less; the runs stay, the tables are about the rest."""
    result, _, _ = done(plan_of(), tmp_path)
    _, begun, said = done(plan_of(vary={"radio.link.tx_power_dbm": [20, 21.5]}), tmp_path)
    assert begun == 4 and any(line.startswith("4 runs of the plan this folder had") for line in said)
    assert all(result.folder.finished(run.run_id) for run in result.runs)
    again = done(plan_of(vary={"radio.link.tx_power_dbm": [20, 21.5]}), tmp_path)
    assert not any("this folder had" in line for line in again[2])


def test_recordings_of_a_killed_campaign_go(tmp_path: Path) -> None:
    """By hand: recordings and locks that were left are gone once all is done; a part clears its own place only."""
    for part in ("", "0-of-2", "1-of-2"):
        (tmp_path / "traffic" / part).mkdir(parents=True, exist_ok=True)
        (tmp_path / "traffic" / part / "left.npz").write_bytes(b"recording")
    (tmp_path / ".writer-1-of-2.lock").write_text("{}")
    done(plan_of(), tmp_path, shard=(0, 2))
    left = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.npz"))]
    assert left == ["traffic/1-of-2/left.npz", "traffic/left.npz"]
    done(plan_of(), tmp_path)
    assert not (tmp_path / "traffic").exists() and not list(tmp_path.glob(".writer*"))


def test_columns_of_pretended_runs_are_those_of_real_ones() -> None:
    """Property: a row made here has a cell for every column of metrics.csv."""
    assert len(Metric("prr", "ratio")) == len(METRIC_COLUMNS)
