"""What a campaign asks of every executor, for every row of the table."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

import sim
from sim.campaign.executors import EXECUTORS
from sim.campaign.executors.base import Executor
from sim.campaign.plan import Plan
from sim.campaign.store import CampaignFolder
from sim.campaign.task import RunTask, TrafficTask
from tests.sim import executor_bench as bench

Make = Callable[[CampaignFolder], Executor]


def local(_: ExitStack) -> Make:
    """Two worker processes."""
    from sim.campaign.executors.local import LocalExecutor

    return lambda folder: LocalExecutor(folder, jobs=2)


def dask(stack: ExitStack) -> Make:
    """A scheduler and two workers inside this process: the contract, not the network, is at stake."""
    distributed = pytest.importorskip("distributed", reason="Dask distributed is not installed")
    cluster = stack.enter_context(distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp",
    ))
    module, _, name = EXECUTORS["dask"].partition(":")
    maker = getattr(importlib.import_module(module), name)
    return lambda folder: maker(folder, cluster.scheduler_address)


FACTORIES: dict[str, Callable[[ExitStack], Make]] = {"local": local, "dask": dask}


@pytest.fixture(scope="module", params=list(EXECUTORS))
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes an executor for a folder."""
    with ExitStack() as stack:
        yield FACTORIES[request.param](stack)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two runs of 0.25 CPU-s."""
    return bench.tiny_plan(seeds=2)


def test_runs_are_those_of_this_process(make: Make, plan: Plan, tmp_path: Path) -> None:
    """Independent: every CSV octet equals that of a plain run without any executor; a task ends once."""
    folder = CampaignFolder(tmp_path / "campaign")
    tasks = bench.run_tasks(plan)
    with closing(make(folder)) as executor:
        assert executor.capacity >= 1
        ended = bench.drained(executor, tasks)
        assert executor.ended(0.0) == []
    assert sorted(one.task.run_id for one in ended) == sorted(task.run_id for task in tasks)
    assert [one.error for one in ended] == [None, None] and all(one.cpu_s > 0 for one in ended)
    for task in tasks:
        sim.run(task.loaded, tmp_path / "plain" / task.run_id, plots=False)
        assert folder.finished(task.run_id)
    assert bench.tables(folder.out / "runs") == bench.tables(tmp_path / "plain") != {}
    assert bench.hidden(folder.out) == []


def test_runs_replay_the_traffic_recorded_before(make: Make, plan: Plan, tmp_path: Path) -> None:
    """Property: a run that replays equals one that computes its traffic itself."""
    folder = CampaignFolder(tmp_path / "campaign")
    run = plan.task(plan.runs[0])
    assert run.traffic is not None
    with closing(make(folder)) as executor:
        (recorded,) = bench.drained(executor, [TrafficTask(run.traffic, run.loaded)])
        (replayed,) = bench.drained(executor, [run])
    assert (recorded.error, replayed.error) == (None, None)
    sim.run(run.loaded, tmp_path / "plain" / run.run_id, plots=False)
    assert bench.tables(folder.out / "runs") == bench.tables(tmp_path / "plain") != {}


def test_a_failing_task_costs_no_other(make: Make, plan: Plan, tmp_path: Path) -> None:
    """Property: a mistake in a model, and a task that another version planned: one line each, the rest is done."""
    folder = CampaignFolder(tmp_path)
    good = bench.run_tasks(plan)
    bad = bench.run_tasks(bench.tiny_plan(1, ["tests.sim.executor_bench:Raising"]))[0]
    old = replace(good[0], run_id="0123456789abcdef")
    with closing(make(folder)) as executor:
        ended = {one.task.run_id: one for one in bench.drained(executor, [bad, old, *good])}
    assert [ended[task.run_id].error for task in good] == [None, None]
    assert bench.names(folder) == sorted(task.run_id for task in good)
    raised, foreign = ended[bad.run_id].error, ended[old.run_id].error
    assert raised is not None and "KeyError" in raised and "frequency" in raised
    assert foreign is not None and "another version" in foreign and good[0].run_id in foreign
    assert not any("\n" in text for text in (raised, foreign))
    assert not any(one.fatal for one in ended.values())
    assert bench.hidden(folder.out) == []


def test_closing_gives_up_at_once(make: Make, plan: Plan, tmp_path: Path) -> None:
    """Property: nothing half-written stays, whenever it comes and however often."""
    folder = CampaignFolder(tmp_path)
    executor = make(folder)
    task: RunTask = bench.run_tasks(plan)[0]
    executor.submit(task)
    executor.ended(0.1)
    executor.close()
    executor.close()
    assert bench.hidden(folder.out) == []
    assert folder.finished(task.run_id) or not folder.run_path(task.run_id).exists()
