"""One task of a campaign, done in this process, and what is said when it fails."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from pathlib import Path

import sim
from sim.campaign.store import CampaignFolder
from sim.campaign.task import RunTask, Task, TrafficTask
from sim.campaign.traffic import record_traffic, traffic_name
from sim.simulation import run

LONGEST_LINE = 600
"""Characters of an error's line; the middle of a longer one is left out."""
_NO_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM)
_DEEPEST_CHAIN = 10


def execute(task: Task, folder: CampaignFolder) -> None:
    """Do a task: its result folder or recording stands in the campaign's folder afterwards.

    Raises whatever the simulation raises, and ValueError where this process would compute something else than was
    planned, because it runs another version of the program.
    """
    if isinstance(task, TrafficTask):
        _refuse_other_version("traffic", task.name, traffic_name(task.loaded))
        record_traffic(task.loaded, folder.traffic_path(task.name))
    else:
        _refuse_other_version("run", task.run_id, task.loaded.run_id())
        recording = folder.traffic_path(task.traffic) if task.traffic else None
        run(task.loaded, folder.run_path(task.run_id), force=True, plots=task.plots, traffic_load=recording)


def half_written(task: Task, folder: CampaignFolder, pid: int) -> list[tuple[Path, Path]]:
    """Hidden names under which process ``pid`` writes a task, and the name of what is to come of them."""
    path = folder.run_path(task.run_id) if isinstance(task, RunTask) else folder.traffic_path(task.name)
    return [(path.with_name(f".{path.name}.partial-{old}{pid}"), path) for old in ("", "old-")]


def describe_error(error: BaseException, folder: CampaignFolder | None = None) -> tuple[str, bool]:
    """What went wrong in one line, and whether trying anything else is pointless.

    Pointless: no space or a read-only disk anywhere, or the campaign's ``folder`` may not be written (without
    ``folder``: any file).
    """
    return _bounded(_line(error)), any(_is_fatal(one, folder) for one in _chain(error))


def _refuse_other_version(what: str, planned: str, computed: str) -> None:
    if planned != computed:
        rule = f"is {computed} to the worker: it runs another version of the program (here {sim.__version__})"
        raise ValueError(f"{what} {planned} {rule}")


def _line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    if isinstance(error, MemoryError):
        return f"out of memory: {text}" if text else "out of memory"
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ValueError) and frames and _module(frames[-1].filename):
        return text or type(error).__name__
    place = next((frame for frame in reversed(frames) if _module(frame.filename)), None)
    where = f" ({_module(place.filename)}, line {place.lineno})" if place is not None else ""
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


def _module(filename: str) -> str:
    """``sim/engine.py`` for a file of the program, else an empty text."""
    root = Path(sim.__file__).parent.parent
    path = Path(filename)
    inside = path.is_relative_to(root / "sim") or path.is_relative_to(root / "rsu")
    return path.relative_to(root).as_posix() if inside else ""


def _bounded(line: str) -> str:
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those it came from: a folder that cannot be written is reported as a ResultError."""
    for _ in range(_DEEPEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _is_fatal(error: BaseException, folder: CampaignFolder | None) -> bool:
    if not isinstance(error, OSError):
        return False
    if error.errno in _NO_DISK:
        return True
    if error.errno not in _NOT_ALLOWED:
        return False
    if folder is None or error.filename is None:
        return True
    return Path(os.path.abspath(os.fsdecode(error.filename))).is_relative_to(folder.out)
