"""Worker processes of this machine: deaths, replacements, what they may say, and what is left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sim.campaign.execute import LONGEST_LINE, describe_error
from sim.campaign.executors import local as local_module
from sim.campaign.executors import local_process
from sim.campaign.executors.local import LocalExecutor
from sim.campaign.executors.local_cpus import usable_cpus
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, RunTask
from sim.results import ResultError, ResultFolder
from tests.sim import executor_bench as bench


@contextmanager
def executor(folder: Path, jobs: int = 1) -> Iterator[LocalExecutor]:
    """An executor on a campaign's folder."""
    with LocalExecutor(CampaignFolder(folder), jobs) as made:
        yield made


def misbehaving(*radios: str, seeds: int = 1) -> list[RunTask]:
    """Runs of radios of the bench."""
    return bench.run_tasks(bench.tiny_plan(seeds, [f"tests.sim.executor_bench:{radio}" for radio in radios]))


def by_run(ended: list[Ended]) -> dict[str, Ended]:
    """Ends by run id."""
    return {one.task.run_id: one for one in ended if isinstance(one.task, RunTask)}


@pytest.fixture(scope="module")
def good() -> list[RunTask]:
    """Four runs that nothing is wrong with."""
    return bench.run_tasks(bench.tiny_plan(4))


def test_a_worker_killed_in_mid_run_costs_one_attempt(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: SIGKILL comes while a run is under way; that attempt ends with the signal's name, a second one is
    done by another process, no other task notices."""
    monkeypatch.setenv(bench.MARKS, str(tmp_path))
    (unlucky,) = misbehaving("KilledOnce")
    with executor(tmp_path / "campaign", jobs=2) as workers:
        ended = by_run(bench.drained(workers, [unlucky, *good]))
        assert ended.pop(unlucky.run_id).error == "worker process ended by signal 9 (SIGKILL)"
        assert [one.error for one in ended.values()] == [None] * len(good)
        assert bench.hidden(tmp_path / "campaign") == []
        assert bench.drained(workers, [unlucky])[0].error is None


def test_deaths_of_every_kind_are_told_apart(tmp_path: Path, good: list[RunTask]) -> None:
    """By hand: fault in C, exit code with the last words, exception, sys.exit, no memory; one line each."""
    radios = ["Crashing", "Leaving", "Raising", "Exiting", "Greedy"]
    tasks = misbehaving(*radios)
    with executor(tmp_path) as workers:
        ended = by_run(bench.drained(workers, [*tasks, good[0]]))
        assert workers.capacity == 1 and len(workers.process_ids) == 1
    lines = [str(ended[task.run_id].error).partition(" (sim/")[0] for task in tasks]
    assert lines == [
        "worker process ended by signal 11 (SIGSEGV)",
        "worker process ended with exit code 7: I had enough",
        "KeyError: 'frequency\\nof another line'",
        "SystemExit: no radio today",
        "out of memory",
    ]
    assert ended[good[0].run_id].error is None
    assert bench.hidden(tmp_path) == []


def test_what_a_model_prints_disturbs_nobody(tmp_path: Path, good: list[RunTask]) -> None:
    """Property: half a megabyte on standard output, reads of standard input; the tables are those of a silent run."""
    (task,) = misbehaving("Talkative")
    with executor(tmp_path) as workers:
        ended = bench.drained(workers, [task, good[0]])
    assert [one.error for one in ended] == [None, None]
    quiet, loud = (tmp_path / "runs" / one.run_id for one in (good[0], task))
    assert bench.tables(loud) == bench.tables(quiet) != {}


def test_a_worker_that_answers_nonsense_is_replaced(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: an answer longer than any answer is never taken in."""
    monkeypatch.setattr(local_process, "LARGEST_ANSWER_BYTES", 50)
    with executor(tmp_path) as workers:
        (ended,) = bench.drained(workers, good[:1])
    assert ended.error is not None and "no answer" in ended.error


def test_close_ends_a_run_under_way_and_leaves_nothing(tmp_path: Path) -> None:
    """Property: a run of an hour is given up in a moment; process and hidden folder are gone, and so are the pipes."""
    descriptors = os.listdir("/proc/self/fd")
    with executor(tmp_path) as workers:
        workers.submit(misbehaving("Slow")[0])
        deadline_s = time.monotonic() + 60
        while not bench.hidden(tmp_path) and time.monotonic() < deadline_s:
            assert workers.ended(0.05) == []
        assert bench.hidden(tmp_path) != []
        (process_id,) = workers.process_ids
    assert not Path(f"/proc/{process_id}").exists()
    assert bench.names(CampaignFolder(tmp_path)) == bench.hidden(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)
    with pytest.raises(ValueError, match="closed"):
        workers.submit(misbehaving("Slow")[0])


@pytest.mark.slow
def test_workers_are_replaced_after_many_tasks_or_much_memory(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: one process per task where one task is many, and where every worker is too large; no descriptor, no
    process and no zombie is left."""
    before, seen = len(os.listdir("/proc/self/fd")), set()
    for name, bound, count in (("MAX_TASKS", 1, 2), ("MAX_RESIDENT_BYTES", 1_000_000, 1)):
        with monkeypatch.context() as patch, executor(tmp_path / name) as workers:
            patch.setattr(local_module, name, bound)
            for task in good[:count]:
                workers.submit(task)
                seen |= set(workers.process_ids)
                assert [one.error for one in workers.ended(60.0)] == [None]
                assert workers.process_ids == []
    assert len(seen) == 3
    assert len(os.listdir("/proc/self/fd")) == before
    assert not seen & set(bench.children(os.getpid()))


@pytest.mark.slow
def test_a_thousand_tasks_leave_no_descriptor_and_no_process(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: tasks that another version planned cost a worker little; after every hundred the parent has the same
    descriptors and one living child, and workers were replaced on the way."""
    monkeypatch.setattr(local_module, "MAX_TASKS", 400)
    counts, seen = set(), set()
    with executor(tmp_path) as workers:
        for hundred in range(10):
            tasks = [replace(good[0], run_id=f"{hundred:08d}{number:08d}") for number in range(100)]
            ended = bench.drained(workers, tasks)
            assert {one.task.run_id for one in ended if isinstance(one.task, RunTask)} == {t.run_id for t in tasks}
            assert all(one.error and "another version" in one.error for one in ended)
            counts.add((len(os.listdir("/proc/self/fd")), len(workers.process_ids)))
            seen |= set(workers.process_ids)
            assert set(bench.children(os.getpid())) >= set(workers.process_ids)
    assert len({descriptors for descriptors, alive in counts if alive}) == 1
    assert len(seen) == 3


def test_a_worker_keeps_its_process_and_its_memory(tmp_path: Path, good: list[RunTask]) -> None:
    """Property: four runs by one process, which after the first one grows by less than 20 MB."""
    sizes = []
    with executor(tmp_path) as workers:
        for task in good:
            bench.drained(workers, [task])
            (process_id,) = workers.process_ids
            pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
            sizes.append((process_id, pages * os.sysconf("SC_PAGE_SIZE")))
    assert len({process_id for process_id, _ in sizes}) == 1
    assert max(size for _, size in sizes) - sizes[0][1] < 20e6


def test_workers_that_cannot_start_end_the_campaign_with_their_last_words(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: three starts, no more; then every task ends, those that come later too."""
    starts = []

    def setup(folder: CampaignFolder) -> dict[str, object]:
        starts.append(folder)
        return {**original(folder), "packages": {"rsu": str(tmp_path / "nowhere" / "rsu")}}

    original = local_process.setup
    monkeypatch.setattr(local_process, "setup", setup)
    with executor(tmp_path / "campaign") as workers:
        ended = bench.drained(workers, good[:3])
        workers.submit(good[3])
        ended += workers.ended(0.0)
    assert len(starts) == 3 and len(ended) == 4
    for one in ended:
        assert one.fatal and one.error is not None and "\n" not in one.error
        assert one.error.startswith("worker processes cannot start: worker process ended with exit code 1: ")
        assert "FileNotFoundError" in one.error and "nowhere" in one.error


def test_no_process_to_be_had_is_told(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: the system refuses every new process."""

    def refused() -> subprocess.Popen[bytes]:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(local_process, "_started", refused)
    with executor(tmp_path, jobs=4) as workers:
        ended = bench.drained(workers, good)
    assert {one.error for one in ended} == {"worker processes cannot start: Resource temporarily unavailable"}
    assert all(one.fatal for one in ended)


def test_with_fewer_processes_than_wanted_the_work_goes_on(
    tmp_path: Path, good: list[RunTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Property: the system gives one process only; all runs are done by it, and the capacity says so."""
    original = local_process._started
    made: list[int] = []

    def once() -> subprocess.Popen[bytes]:
        if made:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        process = original()
        made.append(process.pid)
        return process

    monkeypatch.setattr(local_process, "_started", once)
    with executor(tmp_path, jobs=3) as workers:
        bench.drained(workers, good[:1])
        ended = bench.drained(workers, good[1:])
        assert (workers.capacity, workers.process_ids) == (1, made)
    assert [one.error for one in ended] == [None] * 3


FOREIGN = "raise SystemExit('a foreign sim was imported')\n"
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import sim
from sim.campaign.executors.local import LocalExecutor
from sim.campaign.plan import campaign_of
from sim.campaign.store import CampaignFolder
from sim.campaign.task import RunTask
sys.path[0] = ""
print(__name__, flush=True)
plan = campaign_of({{"name": "t", "scenarios": [{scenario!r}], "seeds": 1}})
task = plan.task(plan.runs[0])
with LocalExecutor(CampaignFolder("out"), 1) as workers:
    workers.submit(RunTask(task.run_id, task.loaded))
    (ended,) = workers.ended(60.0)
    print(ended.error)
    maps = open("/proc/%d/maps" % workers.process_ids[0]).read()
    print("multiarray" in maps, "ft2font" in maps or "_path" in maps)
"""


def test_a_script_without_guard_and_a_foreign_sim_in_the_folder(tmp_path: Path) -> None:
    """Property: the script runs once, the worker imports the program of the parent, and no drawing library."""
    (tmp_path / "sim.py").write_text(FOREIGN)
    (tmp_path / "rsu").mkdir()
    (tmp_path / "rsu" / "__init__.py").write_text(FOREIGN)
    (tmp_path / "script.py").write_text(SCRIPT.format(root=str(bench.ROOT), scenario=str(bench.SCENARIO)))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert (done.stdout, done.stderr) == ("__main__\nNone\nTrue False\n", "")


PARENT = """
import sys, threading
from sim.campaign.executors.local import LocalExecutor
from sim.campaign.store import CampaignFolder
from tests.sim import executor_bench as bench

def work():
    workers = LocalExecutor(CampaignFolder(sys.argv[1]), 1)
    workers.submit(bench.run_tasks(bench.tiny_plan(1, ["tests.sim.executor_bench:Slow"]))[0])
    while True:
        workers.ended(1.0)

if sys.argv[2] == "main":
    work()
threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("thread", ["main", "other"])
def test_workers_end_with_their_parent(tmp_path: Path, thread: str) -> None:
    """Property: the parent is killed in the middle of a run; its worker ends by itself.

    The system's signal ends it where the main thread started it, the end of its input where another one did.
    """
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), thread], cwd=bench.ROOT)
    try:
        deadline_s = time.monotonic() + 60
        while not bench.hidden(tmp_path) and time.monotonic() < deadline_s:
            time.sleep(0.02)
        (worker,) = bench.children(parent.pid)
    finally:
        parent.kill()
        parent.wait()
    assert bench.gone(worker)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    """Property: SIGINT to the whole group, as a terminal sends it: code 130, one line, no worker lives on, finished
    runs stay, nothing hidden stays."""
    campaign = tmp_path / "campaign.yaml"
    campaign.write_text(f"schema: campaign/1\nname: tiny\nscenarios: [{bench.SCENARIO}]\nseeds: 400\n")
    folder = CampaignFolder(tmp_path / "out")
    parent = bench.started("sweep", str(campaign), "--out", str(folder.out), "--jobs", "2", "-q")
    deadline_s = time.monotonic() + 60
    while len(bench.names(folder)) < 2 and parent.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.02)
    workers = bench.children(parent.pid)
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=60)
    assert (parent.returncode, errors.decode()) == (130, "error: interrupted\n")
    assert len(workers) == 2 and all(bench.gone(worker) for worker in workers)
    assert 2 <= len(bench.names(folder)) < 400
    assert [path for path in bench.hidden(folder.out) if "partial" in path] == []


def test_errors_are_one_bounded_line_and_full_disks_end_everything(tmp_path: Path) -> None:
    """By hand: what is fatal, and how lines look."""
    folder = CampaignFolder(tmp_path / "campaign")
    inside, outside = str(folder.out / "runs" / "x"), str(tmp_path / "elsewhere")
    for number, name, fatal in [
        (errno.ENOSPC, outside, True), (errno.EDQUOT, inside, True), (errno.EROFS, None, True),
        (errno.EACCES, inside, True), (errno.EPERM, inside, True), (errno.EACCES, outside, False),
        (errno.ENOENT, inside, False), (errno.EFBIG, inside, False),
    ]:
        error = OSError(number, os.strerror(number), name)
        place = f"{name}: " if name else ""
        assert describe_error(error, folder) == (f"{place}{os.strerror(number)}", fatal)
    assert describe_error(PermissionError(errno.EACCES, "Permission denied", outside))[1]
    assert describe_error(RuntimeError("a\n\n b\n"), folder) == ("RuntimeError: a; b", False)
    assert describe_error(RuntimeError(), folder) == ("RuntimeError", False)
    assert describe_error(MemoryError(), folder) == ("out of memory", False)
    assert len(describe_error(RuntimeError("x" * 10_000), folder)[0]) < LONGEST_LINE + 10


def test_a_folder_that_cannot_be_made_is_fatal_through_the_error_it_is_reported_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: the result folder reports a ResultError in place of the system's."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(ResultError) as caught:
        ResultFolder(tmp_path / "runs" / "x", "x")
    line, fatal = describe_error(caught.value, CampaignFolder(tmp_path))
    assert fatal and line == f"--out {tmp_path / 'runs' / 'x'}: cannot be written: No space left on device"


def written(place: Path, **files: str) -> None:
    """Files of a control group."""
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text)


def test_processors_follow_affinity_and_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: quotas of the own group and of those above it, both versions, none, and files that say nothing."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    own = tmp_path / "own"
    own.write_text("0::/job/step\n")
    two = tmp_path / "two"
    written(two / "job" / "step", cpu__max="max 100000\n")
    assert usable_cpus(two, own) == 8
    written(two / "job", cpu__max="250000 100000\n")
    assert usable_cpus(two, own) == 3
    written(two / "job" / "step", cpu__max="50000 100000\n")
    assert usable_cpus(two, own) == 1
    written(two / "job" / "step", cpu__max="many\n")
    assert usable_cpus(two, own) == 3
    own.write_text("4:memory:/a\n3:cpu,cpuacct:/docker/x\n0::/\n")
    one = tmp_path / "one"
    written(one / "cpu,cpuacct" / "docker" / "x", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    assert usable_cpus(one, own) == 2
    written(one / "cpu,cpuacct" / "docker" / "x", cpu__cfs_quota_us="-1")
    assert usable_cpus(one, own) == 8
    assert usable_cpus(tmp_path / "none", tmp_path / "none") == 8


@pytest.mark.parametrize("jobs", [0, -3])
def test_no_workers_at_all_are_refused(tmp_path: Path, jobs: int) -> None:
    """By hand."""
    with pytest.raises(ValueError, match=f"--jobs {jobs}: must be at least 1"):
        LocalExecutor(CampaignFolder(tmp_path), jobs)
