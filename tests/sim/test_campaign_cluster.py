"""Campaigns on a Dask cluster: scheduler and workers are processes of their own, bound to the loopback address."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sim.campaign.archive import unpack
from sim.campaign.engine import run_campaign
from sim.campaign.execute import execute
from sim.campaign.executors import cluster_worker
from sim.campaign.executors.cluster import DaskExecutor
from sim.campaign.executors.cluster_client import ClusterError
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, Task, TrafficTask
from tests.sim import executor_bench as bench

NO_PROGRAM = "import sys\nsys.modules['sim'] = None\n"
PROGRAM = cluster_worker.program()
OTHER_VERSION = "import sim\nsim.__version__ = '0.0.0'\n"


class Cluster:
    """A scheduler and workers, each a process, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--port", "0", "--scheduler-file", str(folder / "scheduler.json"))
        deadline_s = time.monotonic() + 60
        while not (folder / "scheduler.json").exists():
            assert self.processes[0].poll() is None and time.monotonic() < deadline_s, "the scheduler does not start"
            time.sleep(0.05)
        self.address: str = json.loads((folder / "scheduler.json").read_text())["address"]

    def worker(self, preload: str = "", threads: int = 1) -> subprocess.Popen[bytes]:
        """Start a worker process; ``preload`` is Python it executes first."""
        words = ["--nthreads", str(threads), "--no-nanny", "--local-directory", str(self._folder)]
        if preload:
            path = self._folder / f"preload{len(self.processes)}.py"
            path.write_text(preload)
            words += ["--preload", str(path)]
        return self._start("worker", self.address, *words)

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def _start(self, kind: str, *words: str) -> subprocess.Popen[bytes]:
        module = f"distributed.cli.dask_{kind}"
        command = [sys.executable, "-m", module, *words, "--host", "127.0.0.1", "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(bench.ROOT)}
        with (self._folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers; tests that end workers leave at least one."""
    pytest.importorskip("distributed", reason="Dask distributed is not installed")
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.worker()
        started.worker()
        yield started
    finally:
        started.end()


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


def until(executor: DaskExecutor, condition: object, limit_s: float = 60.0) -> list[Ended]:
    """Listen until something holds."""
    ended, deadline_s = list[Ended](), time.monotonic() + limit_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        ended += executor.ended(0.1)
    return ended


def test_a_worker_killed_in_mid_campaign_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Independent: every table of the campaign equals, octet by octet, the one computed in this process.

    One of the two workers gets SIGKILL while both compute, and with it the recordings it holds are gone.
    """
    plan = bench.tiny_plan(3, ["ideal", "lte-v2x-mode4"], duration_s=2)
    victim = cluster.processes[1]
    killed_at: list[float] = []

    def progress(fraction: float, text: str) -> None:
        if fraction > 0 and not killed_at:
            victim.send_signal(signal.SIGKILL)
            killed_at.append(fraction)

    def make(folder: CampaignFolder) -> DaskExecutor:
        executor = DaskExecutor(folder, cluster.address)
        until(executor, lambda: executor.capacity == 2)
        return executor

    remarks: list[str] = []
    result = run_campaign(plan, tmp_path / "cluster", executor=make, progress=progress, remark=remarks.append)
    assert victim.wait() == -signal.SIGKILL and 0 < killed_at[0] <= 0.5
    assert result.missing() == [] and result.failed() == {} and remarks == []
    run_campaign(plan, tmp_path / "here", executor=InThisProcess)
    assert bench.tables(tmp_path / "cluster") == bench.tables(tmp_path / "here") != {}
    assert [name for name in bench.hidden(tmp_path / "cluster") if "partial" in name or "lock" in name] == []


def test_workers_need_no_file_of_ours(tmp_path: Path) -> None:
    """Independent: a run that replays a file the worker does not see, and traffic it did not record itself."""
    (tmp_path / "moves.csv").write_text("chainage\n101\n420\n")
    keys = {"traffic": {"model": "static", "file": str(tmp_path / "moves.csv")}}
    task = bench.tiny_plan(1, **keys).task(bench.tiny_plan(1, **keys).runs[0])
    data, loaded = (tmp_path / "moves.csv").read_bytes(), replace(task.loaded, data_file=Path("/nowhere/moves.csv"))
    assert task.traffic is not None and task.loaded.data_file == tmp_path / "moves.csv"
    traffic = cluster_worker.compute_traffic(
        PROGRAM, pickle.dumps(TrafficTask(task.traffic, loaded)), data
    )
    sent = pickle.dumps(replace(task, loaded=loaded))
    for recording in (traffic, None):
        outcome = cluster_worker.compute_run(PROGRAM, sent, recording, data)
        assert outcome["error"] is None and outcome["cpu_s"] > 0
        out = CampaignFolder(tmp_path / f"there{recording is None}")
        unpack(outcome["content"], out.run_path(task.run_id), task.run_id, [task.loaded.data_file])
        assert out.finished(task.run_id)
    execute(replace(task, traffic=None), CampaignFolder(tmp_path / "here"))
    names = {path.name for path in (tmp_path / "here/runs" / task.run_id).iterdir()}
    assert "moves.csv" in names == {path.name for path in out.run_path(task.run_id).iterdir()}
    here = bench.tables(tmp_path / "here")
    assert bench.tables(tmp_path / "thereFalse") == bench.tables(tmp_path / "thereTrue") == here != {}


def test_what_a_worker_refuses() -> None:
    """By hand: another version, a run that is another one here, traffic that failed: an outcome, no exception."""
    task = bench.run_tasks(bench.tiny_plan(1))[0]
    other = cluster_worker.compute_run("0.0.0", b"no pickle at all")
    assert other["refused"] and f"runs version {PROGRAM}, not 0.0.0" in other["error"]
    changed = cluster_worker.compute_run(PROGRAM, pickle.dumps(replace(task, run_id="0123456789abcdef")))
    assert not changed["refused"] and "another version" in changed["error"] and task.run_id in changed["error"]
    broken = cluster_worker.compute_traffic(PROGRAM, b"no pickle at all")
    after = cluster_worker.compute_run(PROGRAM, pickle.dumps(task), broken)
    assert after["of_traffic"] and after["error"].startswith("its traffic: UnpicklingError")
    assert all(one["content"] is None for one in (other, changed, broken, after))


def test_one_run_at_a_time_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: a worker with several threads simulates in one of them, since its memory was reckoned for one run."""
    inside, most = 0, 0

    def simulate(*_: object, **__: object) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        inside -= 1

    monkeypatch.setattr("sim.simulation.run", simulate)
    sent = pickle.dumps(bench.run_tasks(bench.tiny_plan(1))[0])
    threads = [threading.Thread(target=cluster_worker.compute_run, args=(PROGRAM, sent)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_workers_that_cannot_compute_this_get_no_tasks(cluster: Cluster, tmp_path: Path) -> None:
    """Property: with another version or without the program; one line each, every task ends well all the same."""
    plan = bench.tiny_plan(seeds=4)
    folder = CampaignFolder(tmp_path)
    with closing(DaskExecutor(folder, cluster.address)) as executor:
        bad = [cluster.worker(OTHER_VERSION), cluster.worker(NO_PROGRAM)]
        told: list[str] = []

        def both_told() -> bool:
            told.extend(executor.notices())
            return len(told) == 2

        for task in map(plan.task, plan.runs):
            executor.submit(task)
        ended = until(executor, both_told)
        ended += until(executor, lambda: not executor._jobs) if len(ended) < 4 else []
        assert [one.error for one in ended] == [None] * 4
        assert executor.capacity == 1 and executor.waiting_for == ""
        version, program = sorted(told, key=lambda line: "load" in line)
        assert "runs version 0.0.0+" in version and f"not {PROGRAM}" in version
        assert "cannot load the program" in program
        assert not any("\n" in line for line in told)
    for process in bad:
        assert process.poll() is None
        process.kill()
        process.wait()
    assert bench.names(folder) == sorted(run.run_id for run in plan.runs)


@pytest.mark.slow
def test_a_cluster_of_no_use(tmp_path: Path) -> None:
    """Property: refused before anything is computed, one line names both; a scheduler that halts, or ends."""
    pytest.importorskip("distributed", reason="Dask distributed is not installed")
    own = Cluster(tmp_path)
    try:
        executor = DaskExecutor(CampaignFolder(tmp_path / "out"), own.address)
        assert executor.capacity == 1
        own.worker(OTHER_VERSION)
        until(executor, lambda: executor.waiting_for)
        assert f"not {PROGRAM}" in executor.waiting_for
        executor.submit(bench.run_tasks(bench.tiny_plan(1))[0])
        assert executor.ended(0.5) == []
        with pytest.raises(ClusterError, match="0.0.0") as error:
            DaskExecutor(CampaignFolder(tmp_path / "out"), own.address)
        assert "\n" not in str(error.value) and own.address in str(error.value)
        own.processes[0].send_signal(signal.SIGSTOP)
        until(executor, lambda: "does not answer" in executor.waiting_for)
        own.processes[0].kill()
        (ended,) = until(executor, lambda: not executor._jobs)
        assert ended.fatal and ended.error is not None and "the scheduler is gone" in ended.error
        executor.close()
    finally:
        own.end()


def test_closing_frees_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """Property: a run of an hour of CPU is given up where it is; the next one does not wait for it."""
    folder = CampaignFolder(tmp_path)
    long = bench.run_tasks(bench.tiny_plan(1, ["lte-v2x-mode4"], duration_s=80_000))[0]
    executor = DaskExecutor(folder, cluster.address)
    executor.submit(long)
    client = executor._client
    until(executor, lambda: any(client.processing().values()))
    executor.ended(1.5)
    executor.close()
    with closing(DaskExecutor(folder, cluster.address)) as other:
        (ended,) = bench.drained(other, bench.run_tasks(bench.tiny_plan(1)))
    assert ended.error is None
    assert not folder.run_path(long.run_id).exists() and bench.hidden(tmp_path) == []


def test_traffic_forgotten_is_computed_again(cluster: Cluster, tmp_path: Path) -> None:
    """Property: a run finds its traffic whether or not anybody asked for it, and whether or not it was released."""
    plan = bench.tiny_plan(2)
    folder = CampaignFolder(tmp_path / "cluster")
    first, second = map(plan.task, plan.runs)
    assert first.traffic is not None
    with closing(DaskExecutor(folder, cluster.address)) as executor:
        (recorded,) = bench.drained(executor, [TrafficTask(first.traffic, first.loaded)])
        executor.forget_traffic(first.traffic)
        executor.forget_traffic("never heard of")
        ended = bench.drained(executor, [first, second])
    assert [one.error for one in (recorded, *ended)] == [None, None, None]
    assert not (tmp_path / "cluster/traffic").exists()
    for task in bench.run_tasks(plan):
        execute(task, CampaignFolder(tmp_path / "here"))
    assert bench.tables(tmp_path / "cluster") == bench.tables(tmp_path / "here") != {}


@pytest.mark.slow
def test_a_run_that_kills_every_worker(tmp_path: Path) -> None:
    """Property: Dask gives it up after four workers, which is one failed attempt of this run and of no other."""
    killer = "import os, sim.simulation\nsim.simulation.run = lambda *a, **k: os.kill(os.getpid(), 9)\n"
    own_path = tmp_path / "own"
    own_path.mkdir()
    own = Cluster(own_path)
    try:
        for _ in range(4):
            own.worker(killer)
        with closing(DaskExecutor(CampaignFolder(tmp_path / "out"), own.address)) as executor:
            executor.submit(bench.run_tasks(bench.tiny_plan(1))[0])
            (ended,) = until(executor, lambda: not executor._jobs)
            assert not ended.fatal and ended.error is not None and "4 worker processes" in ended.error
            until(executor, lambda: executor.waiting_for)
            assert f"no worker at {own.address}" in executor.waiting_for
            own.worker()
            (ended,) = bench.drained(executor, bench.run_tasks(bench.tiny_plan(1)))
            assert ended.error is None and executor.waiting_for == ""
    finally:
        own.end()


def test_a_full_disk_here_ends_the_campaign(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: what cannot be put into place is fatal and leaves nothing half-written."""
    import errno

    from sim.results import ResultFolder

    def full(self: ResultFolder, text: str) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ResultFolder, "finish_with", full)
    with closing(DaskExecutor(CampaignFolder(tmp_path), cluster.address)) as executor:
        (ended,) = bench.drained(executor, bench.run_tasks(bench.tiny_plan(1)))
    assert ended.fatal and ended.error is not None and "No space left" in ended.error
    assert bench.hidden(tmp_path) == [] and list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("address", [
    "tcp://127.0.0.1:1", "127.0.0.1:99999", "foo://127.0.0.1:8786", "nothing", "", "tls://127.0.0.1:8786",
])
def test_no_scheduler(address: str, tmp_path: Path) -> None:
    """By hand: one line that repeats the address."""
    pytest.importorskip("distributed", reason="Dask distributed is not installed")
    with pytest.raises(ClusterError) as error:
        DaskExecutor(CampaignFolder(tmp_path), address, timeout_s=0.3)
    assert "\n" not in str(error.value) and f"--dask {address!r}" in str(error.value).replace(
        f"--dask {address}:", f"--dask {address!r}:"
    )


def test_a_scheduler_that_never_speaks(tmp_path: Path) -> None:
    """By hand: something else listens at the address."""
    pytest.importorskip("distributed", reason="Dask distributed is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no scheduler answers within 0.3 s"):
            DaskExecutor(CampaignFolder(tmp_path), address, timeout_s=0.3)


def test_without_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: one line that says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'corridor-testbed\[cluster\]'"):
        DaskExecutor(CampaignFolder(tmp_path), "tcp://127.0.0.1:8786")
