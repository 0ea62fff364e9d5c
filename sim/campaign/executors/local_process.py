"""The parent's end of one worker process: start, talk without ever waiting, end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

import rsu
import sim
from sim.campaign.execute import half_written
from sim.campaign.executors.worker import LENGTH
from sim.campaign.leftovers import settle
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Task

LARGEST_ANSWER_BYTES = 1_000_000
KEPT_ERRORS_BYTES = 4_000
ENDING_S = 10.0
"""How long a process that closed its pipes may take to end by itself."""
_READ_BYTES = 65_536
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
"""One run uses one core and orders sets the same way everywhere."""


class WorkerError(Exception):
    """A worker that answers what no worker says."""


class WorkerProcess:
    """One worker process; at most one task at a time.

    The pipes do not block: :meth:`send` puts a task in line, :meth:`write` and :meth:`answers` move what can be moved.
    Raises OSError where no process can be started.
    """

    def __init__(self, folder: CampaignFolder) -> None:
        self.ready = False
        """Whether it has imported the program and takes tasks."""
        self.task: Task | None = None
        self.done_count = 0
        self._folder = folder
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._errors = bytearray()
        self._process = _started()
        self.pid = self._process.pid
        for pipe in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(pipe.fileno(), False)
        self._line_up(json.dumps(setup(folder)).encode())

    @property
    def stdin(self) -> IO[bytes]:
        """Pipe that tasks go into."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """Pipe that answers come from."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """Pipe of everything else the worker says."""
        assert self._process.stderr is not None
        return self._process.stderr

    @property
    def writing(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._outgoing)

    def send(self, task: Task, content: bytes) -> None:
        """Give it a task; ``content`` is the pickled task."""
        self.task = task
        self._errors.clear()
        self._line_up(content)

    def write(self) -> None:
        """Write what the pipe takes; a pipe without reader swallows it, its end shows elsewhere."""
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self.stdin.fileno(), self._outgoing[:_READ_BYTES])]
        except BlockingIOError:
            return
        except OSError:
            self._outgoing.clear()

    def answers(self) -> tuple[list[dict[str, Any]], bool]:
        """Answers that have come whole, and whether the pipe has ended. :class:`WorkerError` for anything else."""
        ended = _read_into(self._incoming, self.stdout)
        found = []
        while len(self._incoming) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._incoming)
            if length > LARGEST_ANSWER_BYTES:
                raise WorkerError(f"worker process {self.pid} sent something that is no answer")
            if len(self._incoming) < LENGTH.size + length:
                break
            content = bytes(self._incoming[LENGTH.size : LENGTH.size + length])
            del self._incoming[: LENGTH.size + length]
            try:
                answer = json.loads(content)
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise WorkerError(f"worker process {self.pid} sent something that is no answer")
            found.append(answer)
        return found, ended

    def read_errors(self) -> bool:
        """Take in what it says on stderr, of which the end is kept; whether the pipe has ended."""
        ended = _read_into(self._errors, self.stderr)
        del self._errors[: -KEPT_ERRORS_BYTES]
        return ended

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def wait(self) -> str:
        """Wait for the end of a process that is ending, killing it if it does not; how it ended, in words."""
        try:
            code = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.read_errors()
        self._close()
        if code >= 0:
            return f"with exit code {code}{self._last_words()}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            return f"by signal {-code}"
        return f"by signal {-code} ({name}){self._last_words() if name == 'SIGABRT' else ''}"

    def doom(self) -> None:
        """Tell the system to end it, without waiting until it has."""
        self._process.kill()

    def kill(self) -> None:
        """End it at once; its half-written files go."""
        self.doom()
        self._process.wait()
        self._close()

    def _last_words(self) -> str:
        """``: `` and the last line it said on stderr since it got its task; empty when it said nothing."""
        lines = [line.strip() for line in self._errors.decode(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1]}" if lines else ""

    def _line_up(self, content: bytes) -> None:
        self._outgoing += LENGTH.pack(len(content)) + content
        self.write()

    def _close(self) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()
        if self.task is not None:
            for path, target in half_written(self.task, self._folder, self.pid):
                settle(path, target)


def setup(folder: CampaignFolder) -> dict[str, Any]:
    """What a worker must know before it imports the program: JSON, because it has imported nothing yet."""
    return {
        "path": [os.path.abspath(place) for place in sys.path],
        "packages": {one.__name__: str(Path(str(one.__file__)).resolve().parent) for one in (rsu, sim)},
        "parent": os.getpid(),
        "parent_thread_stays": threading.current_thread() is threading.main_thread(),
        "out": str(folder.out),
        "fan_out": folder.fan_out,
        "part": folder.part,
    }


def _started() -> subprocess.Popen[bytes]:
    """The process, born deaf to Ctrl-C: it goes to the whole terminal group, and the parent decides."""
    if not sys.executable:
        raise OSError("no Python interpreter is known (sys.executable is empty)")
    command = [sys.executable, "-P", str(Path(__file__).with_name("worker.py").resolve())]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read_into(buffer: bytearray, pipe: IO[bytes]) -> bool:
    """Read once, which keeps a talkative worker from holding the parent; whether the pipe has ended."""
    try:
        piece = os.read(pipe.fileno(), _READ_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        return True
    buffer += piece
    return not piece
