"""A process that computes tasks one after the other; started by path, so it imports nothing of its package on top.

Frames come on standard input and go out on what was standard output: a length of 8 octets, then the content. The
first frame in is JSON (see :func:`sim.campaign.executors.local_process.setup`), every later one a pickled task; the
frames out are JSON: ``{"ready": true}`` once, then one answer per task.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import itertools
import json
import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

LENGTH = struct.Struct(">Q")
PARENT_GONE = 113
"""Exit code of a worker whose parent is gone; nobody is left to read it."""
_PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY_SCORE = "500"


def main() -> None:
    """Serve until standard input ends."""
    tasks_fd, answers_fd = _private_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    faulthandler.enable()
    setup = json.loads(_read_frame(tasks_fd))
    _die_with(int(setup["parent"]), bool(setup["parent_thread_stays"]))
    _be_killed_first()
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks_fd, waiting), daemon=True).start()
    sys.path[:] = setup["path"]
    for name, place in setup["packages"].items():
        _import_from(name, Path(place))
    _serve(waiting, answers_fd, setup)


def _serve(waiting: queue.SimpleQueue[bytes], answers_fd: int, setup: dict[str, Any]) -> None:
    """Compute what waits. Runs leave cycles behind, which Python would keep for long: they are collected after each
    (5 ms a run, as what the first run imported is frozen out of it)."""
    from sim.campaign.execute import describe_error, execute
    from sim.campaign.store import CampaignFolder

    folder = CampaignFolder(setup["out"], setup["fan_out"], setup["part"])
    _write_frame(answers_fd, {"ready": True})
    for number in itertools.count():
        content = waiting.get()
        started_s = time.process_time()
        error, fatal, spent = None, False, False
        try:
            execute(pickle.loads(content), folder)
        except BaseException as caught:
            error, fatal = describe_error(caught, folder)
            spent = isinstance(caught, MemoryError)
        gc.collect()
        if number == 0:
            gc.freeze()
        answer = {"error": error, "fatal": fatal, "cpu_s": time.process_time() - started_s}
        _write_frame(answers_fd, {**answer, "resident_bytes": resident_bytes(), "spent": spent})


def resident_bytes() -> int:
    """Memory of this process that is in use now; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _private_pipes() -> tuple[int, int]:
    """Standard input and output under new numbers; whoever prints or reads input now meets stderr and nothing."""
    tasks_fd, answers_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return tasks_fd, answers_fd


def _die_with(parent: int, parent_thread_stays: bool) -> None:
    """Ask Linux for a SIGKILL when the parent's starting thread ends, and leave if the parent is gone already.

    Elsewhere, and where that thread may end before its process, the end of standard input is the only sign.
    """
    if sys.platform.startswith("linux") and parent_thread_stays:
        try:
            import ctypes

            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        except (ImportError, OSError, AttributeError):
            pass
    if os.getppid() != parent:
        os._exit(PARENT_GONE)


def _be_killed_first() -> None:
    """Where memory runs out the system is to end a worker, never the campaign."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(_OUT_OF_MEMORY_SCORE)
    except OSError:
        pass


def _listen(tasks_fd: int, waiting: queue.SimpleQueue[bytes]) -> None:
    """Hand tasks over; end the process at once, in the middle of a task too, when the parent closes or dies."""
    try:
        while True:
            waiting.put(_read_frame(tasks_fd))
    finally:
        os._exit(PARENT_GONE)


def _import_from(name: str, folder: Path) -> None:
    """Import a package from this very folder, whatever of that name stands elsewhere on the path."""
    places = [str(folder)]
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=places)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _read_frame(file: int) -> bytes:
    (length,) = LENGTH.unpack(_read_exactly(file, LENGTH.size))
    return _read_exactly(file, length)


def _read_exactly(file: int, count: int) -> bytes:
    content = bytearray()
    while len(content) < count:
        piece = os.read(file, min(count - len(content), 1 << 20))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)


def _write_frame(file: int, answer: dict[str, Any]) -> None:
    content = json.dumps(answer).encode()
    left = memoryview(LENGTH.pack(len(content)) + content)
    while left:
        left = left[os.write(file, left) :]


if __name__ == "__main__":
    main()
