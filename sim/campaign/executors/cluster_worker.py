"""What a Dask worker does for a campaign: one task at a time in each worker process.

Arguments and outcomes are plain bytes and mappings, so that two versions of the program can at least tell each other
that they differ. Nothing is read from or written to a disk that others see.
"""

from __future__ import annotations

import atexit
import functools
import gc
import hashlib
import os
import pickle
import platform
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import rsu
import sim

Outcome = dict[str, Any]
"""``worker`` (its address), ``refused`` (another version of the program), ``error`` (a line or none), ``of_traffic``
(whether it is the traffic's), ``cpu_s``, ``content`` (bytes)."""

_ONE_AT_A_TIME = threading.Lock()
_KEPT_FILES = 4
_CHECK_S = 1.0
_CODE = (".py", ".csv", ".asn", ".json")
_NOT_CODE = ("_scenarios",)
"""Scenarios come with the task."""
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


class GivenUp(Exception):
    """Nobody waits for the result any more."""


@functools.cache
def program() -> str:
    """Version and digest of the code and tables this process computes with: ``0.1.0+1a2b3c4d``.

    The version alone would let a worker with an older checkout compute something else.
    """
    digest = hashlib.sha256()
    for package in (Path(sim.__file__).parent, Path(rsu.__file__).parent):
        for path in sorted(package.rglob("*")):
            inside = path.relative_to(package)
            if path.suffix in _CODE and inside.parts[0] not in _NOT_CODE:
                digest.update(f"{package.name}/{inside.as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return f"{sim.__version__}+{digest.hexdigest()[:8]}"


def facts() -> dict[str, str]:
    """What may make results of two machines differ, or the program refuse."""
    import numpy

    return {
        "program": program(), "python": platform.python_version(), "numpy": numpy.__version__,
        "host": socket.gethostname(),
    }


def same(content: bytes) -> bytes:
    """The bytes of a file, which workers then hand to each other."""
    return content


def without_content(outcome: Outcome) -> Outcome:
    """An outcome for the one who asked, its content left on the cluster."""
    return {**outcome, "content": None}


def compute_traffic(wanted: str, payload: bytes, data: bytes | None = None) -> Outcome:
    """Record traffic; ``content`` is the recording. ``payload`` is a pickled TrafficTask.

    ``wanted`` is the :func:`program` that must compute it.
    """

    def work() -> bytes:
        from sim.campaign.traffic import record_traffic, traffic_name

        task = pickle.loads(payload)
        loaded = _with_data(task.loaded, data)
        _refuse_other("traffic", task.name, traffic_name(loaded))
        path = _scratch() / "traffic" / f"{task.name}.npz"
        if not path.is_file():
            record_traffic(loaded, path)
        content = path.read_bytes()
        _keep_few(path)
        return content

    return _outcome(wanted, work)


def compute_run(
    wanted: str, payload: bytes, traffic: Outcome | None = None, data: bytes | None = None
) -> Outcome:
    """Simulate one run; ``content`` is its packed result folder. ``payload`` is a pickled RunTask.

    ``traffic`` is the outcome of :func:`compute_traffic`; without it the run computes its own.
    """
    if traffic is not None and traffic["error"] is not None:
        why = traffic["error"] if traffic["refused"] else f"its traffic: {traffic['error']}"
        return {**without_content(traffic), "of_traffic": True, "error": why}

    def work() -> bytes:
        from sim.campaign.archive import pack
        from sim.simulation import run

        task = pickle.loads(payload)
        loaded = _with_data(task.loaded, data)
        _refuse_other("run", task.run_id, loaded.run_id())
        recording = None
        if traffic is not None:
            recording = _as_file("traffic", f"{task.traffic}.npz", traffic["content"])
        with tempfile.TemporaryDirectory(prefix="run-", dir=_scratch()) as temporary:
            out = Path(temporary) / task.run_id
            run(loaded, out, plots=task.plots, traffic_load=recording, progress=_while_wanted())
            return pack(out, without=[loaded.data_file.name] if loaded.data_file is not None else [])

    return _outcome(wanted, work)


def _refuse_other(what: str, planned: str, computed: str) -> None:
    """A program of the same version number may still have been changed."""
    if planned != computed:
        raise ValueError(f"{what} {planned} is {computed} to the worker: it runs another version of the program")


def _outcome(wanted: str, work: Callable[[], bytes]) -> Outcome:
    outcome: Outcome = {
        "worker": _address(), "refused": False, "error": None, "of_traffic": False, "cpu_s": 0.0, "content": None,
    }
    if program() != wanted:
        why = f"on {socket.gethostname()} runs version {program()}, not {wanted}"
        return {**outcome, "refused": True, "error": why}
    with _ONE_AT_A_TIME:
        started_s = time.thread_time()
        try:
            outcome["content"] = work()
        except Exception as error:
            from sim.campaign.execute import describe_error

            outcome["error"] = f"{describe_error(error)[0]} (worker {outcome['worker']} on {socket.gethostname()})"
        outcome["cpu_s"] = time.thread_time() - started_s
        gc.collect()  # runs leave cycles, and a worker does many
    return outcome


@functools.cache
def _scratch() -> Path:
    """A folder of this process, gone with it; in the worker's own folder, which Dask clears after a kill."""
    base = None
    try:
        from distributed import get_worker

        base = get_worker().local_directory
    except (ImportError, ValueError):
        pass
    path = Path(tempfile.mkdtemp(prefix="corridor-", dir=base))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _as_file(room: str, name: str, content: bytes) -> Path:
    """Bytes as a file of this process, written once and kept while few others are."""
    from sim.whole import written_whole

    path = _scratch() / room / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial:
            partial.write_bytes(content)
    _keep_few(path)
    return path


def _keep_few(used: Path) -> None:
    os.utime(used)
    files = sorted(used.parent.iterdir(), key=lambda path: (path == used, path.stat().st_mtime_ns))
    for path in files[:-_KEPT_FILES]:
        path.unlink()


def _with_data(loaded: Any, data: bytes | None) -> Any:
    """The scenario with the file it replays in place on this machine."""
    if data is None or loaded.data_file is None:
        return loaded
    digest = hashlib.sha256(data).hexdigest()[:16]
    path = _scratch() / f"data-{digest}" / loaded.data_file.name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return replace(loaded, data_file=path)


def _address() -> str:
    try:
        from distributed import get_worker

        return str(get_worker().address)
    except (ImportError, ValueError):
        return "local"


def _while_wanted() -> Callable[[float, str], None]:
    """Called with a run's progress: ends it when its task has been cancelled, so that the worker is free again."""
    try:
        from distributed.worker import get_worker, thread_state

        key, tasks = thread_state.key, get_worker().state.tasks
    except (ImportError, ValueError, AttributeError):
        return lambda fraction, text: None
    next_s = time.monotonic() + _CHECK_S

    def check(fraction: float, text: str) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + _CHECK_S
            task = tasks.get(key)
            if task is None or task.state == "cancelled":
                raise GivenUp("nobody waits for it any more")

    return check
