"""Order of tasks, attempts, and what is given up, with an executor of a dozen lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.campaign.plan import Plan, campaign_of
from sim.campaign.schedule import ATTEMPTS, CampaignStopped, Failure, Schedule
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, RunTask, Task, TrafficTask
from sim.results import SCHEMA_VERSION

TINY = "01-one-vehicle-one-rsu"


class Paper:
    """Pretends to compute: two tasks at a time, the newest first; ``wrong`` says what fails."""

    def __init__(self, folder: CampaignFolder, wrong: Callable[[Task, int], Ended | None] | None = None) -> None:
        self.folder, self.wrong = folder, wrong or (lambda task, tries: None)
        self.held: list[Task] = []
        self.begun: list[Task] = []
        self.tries: Counter[str] = Counter()
        self.most_held = self.most_recordings = 0
        self.capacity = 2

    def submit(self, task: Task) -> None:
        self.held.append(task)
        self.most_held = max(self.most_held, len(self.held))

    def ended(self, timeout_s: float) -> list[Ended]:
        task = self.held.pop()
        self.begun.append(task)
        key = task.run_id if isinstance(task, RunTask) else task.name
        self.tries[key] += 1
        found = self.wrong(task, self.tries[key])
        if found is not None:
            return [found]
        if isinstance(task, TrafficTask):
            path = self.folder.traffic_path(task.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"recording")
            self.most_recordings = max(self.most_recordings, len(list(path.parent.iterdir())))
        else:
            if task.traffic is not None:
                assert self.folder.traffic_path(task.traffic).is_file()
            finish(self.folder, task.run_id)
        return [Ended(task, cpu_s=1.0)]

    def close(self) -> None:
        pass


def finish(folder: CampaignFolder, run_id: str) -> None:
    """A folder that looks finished."""
    path = folder.run_path(run_id)
    path.mkdir(parents=True)
    (path / "metrics.csv").write_text("metric\n", encoding="utf-8")
    text = json.dumps({"schema_version": SCHEMA_VERSION, "run_id": run_id})
    (path / "summary.json").write_text(text, encoding="utf-8")


def plan_of(seeds: int = 6, variants: int = 3) -> Plan:
    vary = {"radio.link.tx_power_dbm": list(range(10, 10 + variants))}
    return campaign_of({"name": "paper", "scenarios": [TINY], "vary": vary, "seeds": seeds})


def worked(plan: Plan, folder: CampaignFolder, paper: Paper) -> tuple[list[Failure], list[str], list[str]]:
    done: list[str] = []
    said: list[str] = []
    tasks = (plan.task(run) for run in plan.runs)
    schedule = Schedule(folder, paper, tasks, lambda task, ended: done.append(task.run_id), said.append)
    return schedule.run(lambda: None), done, said


def test_every_run_once_and_traffic_once_per_seed(tmp_path: Path) -> None:
    """Property: each run is done once, each recording made once, before its runs; at most three lie on disk at a time
    and none in the end; never more than twice the capacity is submitted."""
    plan, folder = plan_of(), CampaignFolder(tmp_path)
    paper = Paper(folder)
    failures, done, _ = worked(plan, folder, paper)
    assert failures == [] and sorted(done) == sorted(run.run_id for run in plan.runs)
    kinds = Counter(type(task).__name__ for task in paper.begun)
    assert kinds == {"RunTask": 18, "TrafficTask": 6}
    names = {task.name for task in paper.begun if isinstance(task, TrafficTask)}
    assert names == {task.traffic for task in paper.begun if isinstance(task, RunTask)} and len(names) == 6
    assert paper.most_held <= 4 and paper.most_recordings <= 3
    assert list((tmp_path / "traffic").iterdir()) == []


def test_a_single_run_of_a_traffic_records_nothing(tmp_path: Path) -> None:
    """Property: with one variant nothing is replayed."""
    plan, folder = plan_of(variants=1), CampaignFolder(tmp_path)
    paper = Paper(folder)
    worked(plan, folder, paper)
    assert all(isinstance(task, RunTask) and task.traffic is None for task in paper.begun) and len(paper.begun) == 6


def test_a_recording_left_by_an_earlier_session_is_used(tmp_path: Path) -> None:
    """Property: the first seed's recording stands already."""
    plan, folder = plan_of(seeds=1), CampaignFolder(tmp_path)
    name = plan.task(plan.runs[0]).traffic
    assert name is not None
    folder.traffic_path(name).parent.mkdir()
    folder.traffic_path(name).write_bytes(b"recording")
    paper = Paper(folder)
    worked(plan, folder, paper)
    assert not any(isinstance(task, TrafficTask) for task in paper.begun)


def test_a_failed_attempt_costs_one_attempt(tmp_path: Path) -> None:
    """By hand: the fourth run fails once; it is done at its second attempt, on traffic of its own."""
    plan, folder = plan_of(), CampaignFolder(tmp_path)
    victim = plan.runs[3].run_id

    def wrong(task: Task, tries: int) -> Ended | None:
        bad = isinstance(task, RunTask) and task.run_id == victim and tries == 1
        return Ended(task, error="worker process ended by signal 9") if bad else None

    paper = Paper(folder, wrong)
    failures, done, said = worked(plan, folder, paper)
    assert failures == [] and len(done) == 18 and paper.tries[victim] == 2
    assert said == [f"run {victim}: attempt 1 of {ATTEMPTS} failed: worker process ended by signal 9"]
    last = [task for task in paper.begun if isinstance(task, RunTask) and task.run_id == victim][-1]
    assert isinstance(last, RunTask) and last.traffic is None


def test_what_fails_three_times_is_given_up_and_the_rest_goes_on(tmp_path: Path) -> None:
    """By hand: one run never works, and one recording: its three runs are given up with it."""
    plan, folder = plan_of(), CampaignFolder(tmp_path)
    victim, recording = plan.runs[0].run_id, plan.task(plan.runs[-1]).traffic
    assert recording is not None

    def wrong(task: Task, tries: int) -> Ended | None:
        key = task.run_id if isinstance(task, RunTask) else task.name
        return Ended(task, error="boom") if key in (victim, recording) else None

    paper = Paper(folder, wrong)
    failures, done, _ = worked(plan, folder, paper)
    lost = {run.run_id for run in plan.runs if run.replication == 5}
    assert {one.run_id for one in failures} == lost | {victim} and len(done) == 14
    assert all(one.attempts == ATTEMPTS for one in failures)
    assert paper.tries[victim] == paper.tries[recording] == ATTEMPTS


def test_a_run_without_a_complete_folder_is_not_done(tmp_path: Path) -> None:
    """Property: an executor that says *done* and leaves nothing is not believed."""
    plan, folder = plan_of(seeds=1, variants=1), CampaignFolder(tmp_path)
    failures, done, said = worked(plan, folder, Paper(folder, lambda task, tries: Ended(task)))
    assert done == [] and len(failures) == 1 and "left no complete result folder" in said[0]


def test_a_full_disk_stops_everything(tmp_path: Path) -> None:
    """By hand: a fatal error ends the campaign at once with its own line."""
    plan, folder = plan_of(), CampaignFolder(tmp_path)
    paper = Paper(folder, lambda task, tries: Ended(task, error="runs/x: No space left on device", fatal=True))
    with pytest.raises(CampaignStopped, match="No space left on device"):
        worked(plan, folder, paper)
    assert len(paper.begun) == 1
