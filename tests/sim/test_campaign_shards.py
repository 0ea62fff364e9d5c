"""Parts of a campaign: which runs, from where the number comes, and that the parts make the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.campaign.collect import collect
from sim.campaign.engine import run_campaign
from sim.campaign.execute import execute
from sim.campaign.plan import campaign_of
from sim.campaign.shards import WHOLE, chosen_shard, parse_shard, runs_of_shard, shard_bounds, shard_of_array
from sim.campaign.store import CampaignFolder, read_campaign_folder
from sim.campaign.task import Ended, Task
from tests.sim import executor_bench as bench

ARRAY = "SLURM_ARRAY_TASK_"


class InThisProcess:
    """The plainest executor: no second process to start."""

    capacity = 1

    def __init__(self, folder: CampaignFolder) -> None:
        self._folder, self._tasks = folder, list[Task]()

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def ended(self, timeout_s: float) -> list[Ended]:
        task = self._tasks.pop(0)
        execute(task, self._folder)
        return [Ended(task)]

    def close(self) -> None:
        self._tasks.clear()


def array(**values: int) -> dict[str, str]:
    """Environment of a Slurm array task."""
    return {ARRAY + name.upper(): str(value) for name, value in values.items()}


@pytest.mark.parametrize(("text", "shard"), [("0/1", (0, 1)), ("0/4", (0, 4)), ("3/4", (3, 4)), (" 7/12 ", (7, 12))])
def test_shards_as_written(text: str, shard: tuple[int, int]) -> None:
    """By hand."""
    assert parse_shard(text) == chosen_shard(text, array(id=1, count=2)) == shard


@pytest.mark.parametrize(
    "text", ["", "3", "1/", "/4", "4/4", "-1/4", "1/0", "0/0", "a/b", "1/2/3", "1.0/4", "²/4", "1/9999999"]
)
def test_no_shards(text: str) -> None:
    """By hand: one line that repeats what was given."""
    with pytest.raises(ValueError) as error:
        parse_shard(text)
    assert repr(text) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("values", "shard"), [
    ({}, WHOLE),
    ({"id": 3, "count": 4, "min": 0, "max": 3}, (3, 4)),
    ({"id": 1, "count": 4, "min": 1, "max": 4}, (0, 4)),
    ({"id": 4, "count": 4, "min": 1, "max": 4}, (3, 4)),
    ({"id": 14, "count": 8, "min": 0, "max": 14, "step": 2}, (7, 8)),
    ({"id": 7, "count": 1, "min": 7, "max": 7}, (0, 1)),
])
def test_slurm_arrays(values: dict[str, int], shard: tuple[int, int]) -> None:
    """By hand: arrays that begin at 0, at 1, with a step, and a single task that was submitted again."""
    assert chosen_shard(None, array(**values)) == shard


@pytest.mark.parametrize("values", [
    {"id": 9, "count": 3, "min": 1, "max": 9},
    {"id": 3, "count": 8, "min": 0, "max": 14, "step": 2},
    {"id": 3},
])
def test_slurm_arrays_that_cannot_be_numbered(values: dict[str, int]) -> None:
    """By hand: ``--array=1,5,9``, a task off the step, and no count: one line that names the way out."""
    with pytest.raises(ValueError, match="--shard I/N") as error:
        shard_of_array(array(**values))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("count", [0, 1, 7, 40, 1001])
@pytest.mark.parametrize("shards", [1, 2, 3, 8, 64])
def test_every_run_belongs_to_one_shard(count: int, shards: int) -> None:
    """Property: blocks follow each other without gap or overlap, and differ by one at most."""
    bounds = [shard_bounds(count, (index, shards)) for index in range(shards)]
    assert [first for first, _ in bounds] == [0, *(end for _, end in bounds[:-1])] and bounds[-1][1] == count
    sizes = [end - first for first, end in bounds]
    assert max(sizes) - min(sizes) <= 1


def test_shards_share_traffic() -> None:
    """Property: N parts record N - 1 traffics twice at most; every N-th run would record each N times."""
    plan = bench.tiny_plan(seeds=6, access=["ideal", "lte-v2x-mode4", "nr-v2x-mode2"])
    traffic = {run.run_id: plan.task(run).traffic for run in plan.runs}
    assert len(set(traffic.values())) == 6
    parts = [runs_of_shard(plan, plan.runs, (index, 4)) for index in range(4)]
    assert [run for part in parts for run in part] == plan.runs
    recorded = [len({traffic[run.run_id] for run in part}) for part in parts]
    dealt = [len({traffic[run.run_id] for run in plan.runs[index::4]}) for index in range(4)]
    assert sum(recorded) <= 6 + 3 < sum(dealt)


def test_shards_make_the_whole_campaign(tmp_path: Path) -> None:
    """Property: parts done side by side by processes that know nothing of each other give the tables of the whole."""
    words = ["sweep", str(bench.SCENARIO), "--vary", "radio.access=ideal", "--seeds", "4"]
    command = [*words, "--jobs", "1", "--out", str(tmp_path / "parts")]
    for process in [bench.started(*command, "--shard", f"{index}/2") for index in (1, 0)]:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert not (tmp_path / "parts/runs.csv").exists()
    campaign = read_campaign_folder(tmp_path / "parts")
    assert len(campaign.runs) == 4 and campaign.missing() == []
    collect(campaign)
    plan = campaign_of({**campaign.document["campaign"], "scenarios": [str(bench.SCENARIO)]})
    run_campaign(plan, tmp_path / "whole", executor=InThisProcess)
    assert bench.tables(tmp_path / "parts") == bench.tables(tmp_path / "whole") != {}
    assert [name for name in bench.hidden(tmp_path / "parts") if "lock" in name or "partial" in name] == []


def test_a_shard_does_its_own_runs_only(tmp_path: Path) -> None:
    """Property: what it leaves is left to others, and the whole campaign afterwards does the rest."""
    plan = bench.tiny_plan(seeds=3)
    part = run_campaign(plan, tmp_path, executor=InThisProcess, shard=(1, 3))
    mine = [run.run_id for run in runs_of_shard(plan, plan.runs, (1, 3))]
    assert [run.run_id for run in part.runs if run not in part.missing()] == mine and len(mine) == 1
    before = (tmp_path / "runs" / mine[0] / "summary.json").read_bytes()
    assert run_campaign(plan, tmp_path, executor=InThisProcess).missing() == []
    assert (tmp_path / "runs" / mine[0] / "summary.json").read_bytes() == before
