"""What the tests of executors share: tiny campaigns, radios that misbehave, a loop, and a look at what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sim.access.ideal import Ideal
from sim.campaign.executors.base import Executor
from sim.campaign.plan import Plan, campaign_of
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, RunTask, Task

ROOT = Path(__file__).resolve().parents[2]
MARKS = "MISBEHAVED"
"""Environment variable: a folder in which radios that misbehave once leave a mark."""
SCENARIO = Path(__file__).with_suffix(".yaml")
"""A run of a quarter of a CPU second."""


def tiny_plan(seeds: int = 2, access: Iterable[str] = ("ideal",), **keys: Any) -> Plan:
    """Runs of :data:`SCENARIO`, a variant per radio."""
    vary = {"radio.access": list(access)}
    return campaign_of({"name": "tiny", "scenarios": [str(SCENARIO)], "set": keys, "vary": vary, "seeds": seeds})


def run_tasks(plan: Plan) -> list[RunTask]:
    """The runs of a plan as tasks that compute their own traffic."""
    return [RunTask(task.run_id, task.loaded, None, task.plots) for task in map(plan.task, plan.runs)]


def drained(executor: Executor, tasks: Iterable[Task], limit_s: float = 100.0) -> list[Ended]:
    """Submit as a campaign does, at most twice the capacity at a time, and wait for all ends."""
    waiting, ended, submitted = list(tasks), [], 0
    count, deadline_s = len(waiting), time.monotonic() + limit_s
    while len(ended) < count:
        while waiting and submitted - len(ended) < 2 * executor.capacity:
            executor.submit(waiting.pop(0))
            submitted += 1
        ended += executor.ended(1.0)
        assert time.monotonic() < deadline_s, f"{count - len(ended)} of {count} tasks never ended"
    return ended


def tables(folder: Path) -> dict[str, bytes]:
    """Every CSV file below a folder by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.csv"))}


def hidden(folder: Path) -> list[str]:
    """Everything below a folder that is or lies in something hidden."""
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")))
    return [path.as_posix() for path in paths if any(part.startswith(".") for part in path.parts)]


def gone(pid: int, limit_s: float = 20.0) -> bool:
    """Whether a process, of this process's children or not, ends within a time; a zombie has ended."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def children(pid: int) -> list[int]:
    """Process ids of the living children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def started(*words: str, **rest: Any) -> subprocess.Popen[bytes]:
    """``corridor`` with some words in a process group of its own."""
    command = [sys.executable, "-m", "sim", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **rest}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)


def names(folder: CampaignFolder) -> list[str]:
    """Finished runs by their folders' names."""
    runs = folder.out / "runs"
    return sorted(path.name for path in runs.iterdir() if folder.finished(path.name)) if runs.is_dir() else []


def _first_time(what: str) -> bool:
    mark = Path(os.environ[MARKS]) / what
    if mark.exists():
        return False
    mark.write_text("")
    return True


class KilledOnce(Ideal):
    """A radio whose process is killed the first time."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        if _first_time("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().advance(*args, **rest)


class Crashing(Ideal):
    """A radio with a fault in its C code."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        import ctypes

        ctypes.string_at(0)
        return super().advance(*args, **rest)


class Leaving(Ideal):
    """A radio that ends its process without a word of Python's."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        sys.stderr.write("I had enough\n")
        sys.stderr.flush()
        os._exit(7)


class Exiting(Ideal):
    """A radio that calls ``sys.exit``."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        sys.exit("no radio today")


class Raising(Ideal):
    """A radio with a mistake."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        raise KeyError("frequency\nof another line")


class Greedy(Ideal):
    """A radio that asks for more memory than there is."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        raise MemoryError


class Talkative(Ideal):
    """A radio that prints much, reads standard input, and sends what looks like answers."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        print('{"ready": true}' * 20_000, flush=True)
        os.write(1, b"\0" * 100_000)
        assert sys.stdin.read() == ""
        return super().advance(*args, **rest)


class Slow(Ideal):
    """A radio that takes an hour."""

    def advance(self, *args: Any, **rest: Any) -> Any:
        time.sleep(3600)
        return super().advance(*args, **rest)
