"""Tasks computed on this machine by worker processes that each do many of them."""

from __future__ import annotations

import pickle
import selectors
import time
from collections import deque
from typing import Any

from sim.campaign.execute import describe_error
from sim.campaign.executors.local_cpus import usable_cpus
from sim.campaign.executors.local_process import WorkerError, WorkerProcess
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, Task

MAX_RESIDENT_BYTES = 1_500_000_000
"""A worker that holds more after a task is replaced."""
MAX_TASKS = 200
"""A worker is replaced after so many tasks."""
MAX_FAILED_STARTS = 3
LOOK_EVERY_S = 1.0
"""How often worker processes are looked at whose pipes say nothing."""


class LocalExecutor:
    """Worker processes on this machine, as many as ``jobs``; see :class:`sim.campaign.executors.base.Executor`.

    ``jobs`` defaults to the processors this process may use. Workers start when there is something to do and import
    the very program that runs here, whatever else of its name lies about. They are ordinary processes, so a script
    that uses this needs no ``__main__`` guard. To be used from one thread.

    A worker that dies costs the attempt it was at and is replaced. Where none can be started three times in a row,
    every task ends with what the last one said. ValueError for ``jobs`` below 1.
    """

    def __init__(self, folder: CampaignFolder, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise ValueError(f"--jobs {jobs}: must be at least 1")
        self._folder = folder
        self._jobs = usable_cpus() if jobs is None else jobs
        self._queue: deque[Task] = deque()
        self._workers: list[WorkerProcess] = []
        self._ended: list[Ended] = []
        self._failed_starts = 0
        self._broken: str | None = None
        self._closed = False
        self._selector = selectors.DefaultSelector()

    @property
    def capacity(self) -> int:
        """Tasks computed at once."""
        return self._jobs

    @property
    def process_ids(self) -> list[int]:
        """Process ids of the workers there are now."""
        return [worker.pid for worker in self._workers]

    def submit(self, task: Task) -> None:
        """Take a task; returns at once."""
        if self._closed:
            raise ValueError("the executor is closed")
        self._queue.append(task)
        self._feed()

    def ended(self, timeout_s: float) -> list[Ended]:
        """Attempts that ended; waits for the first at most ``timeout_s``, and not at all with nothing under way."""
        deadline_s = time.monotonic() + timeout_s
        self._handle(0.0)
        while not self._ended and self._under_way():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            if not self._handle(min(left_s, LOOK_EVERY_S)):
                self._look_after()
        found, self._ended = self._ended, []
        return found

    def close(self) -> None:
        """Kill the workers; what they were at leaves no trace."""
        self._closed = True
        self._queue.clear()
        for worker in self._workers:
            worker.doom()
        for worker in list(self._workers):
            self._forget(worker)
            worker.kill()
        self._selector.close()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _under_way(self) -> bool:
        return bool(self._queue) or any(worker.task is not None for worker in self._workers)

    def _feed(self) -> None:
        """Give tasks in line to idle workers; start workers while there are tasks for them."""
        for worker in self._workers:
            if self._queue and worker.ready and worker.task is None:
                self._give(worker, self._queue.popleft())
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._jobs and starting < len(self._queue) and self._broken is None:
            starting += self._start()
        if self._broken is not None:
            self._ended += [Ended(task, self._broken, fatal=True) for task in self._queue]
            self._queue.clear()

    def _give(self, worker: WorkerProcess, task: Task) -> None:
        try:
            content = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            line, _ = describe_error(error, self._folder)
            self._ended.append(Ended(task, f"cannot be given to a worker process: {line}"))
            return
        worker.send(task, content)
        self._watch_writing(worker)

    def _start(self) -> bool:
        try:
            worker = WorkerProcess(self._folder)
        except OSError as error:
            self._start_failed(describe_error(error)[0])
            return False
        self._workers.append(worker)
        self._selector.register(worker.stdout, selectors.EVENT_READ, (worker, "answers"))
        self._selector.register(worker.stderr, selectors.EVENT_READ, (worker, "errors"))
        self._watch_writing(worker)
        return True

    def _start_failed(self, line: str) -> None:
        """Try again, three times; then do with the workers there are, or give up where there are none."""
        self._failed_starts += 1
        if self._failed_starts < MAX_FAILED_STARTS:
            return
        self._failed_starts = 0
        ready_count = sum(worker.ready for worker in self._workers)
        if ready_count:
            self._jobs = ready_count
        else:
            self._broken = f"worker processes cannot start: {line}"

    def _watch_writing(self, worker: WorkerProcess) -> None:
        """Wait for room in the pipe of tasks only while something waits to be written."""
        watched = worker.stdin in self._selector.get_map()
        if worker.writing and not watched:
            self._selector.register(worker.stdin, selectors.EVENT_WRITE, (worker, "tasks"))
        elif watched and not worker.writing:
            self._selector.unregister(worker.stdin)

    def _handle(self, timeout_s: float) -> bool:
        """Wait for the pipes and do what they ask for; whether there was anything."""
        events = self._selector.select(timeout_s)
        for key, _ in events:
            worker, what = key.data
            if worker not in self._workers:
                continue
            if what == "tasks":
                worker.write()
                self._watch_writing(worker)
            elif what == "answers":
                self._hear(worker)
            elif worker.read_errors():
                self._selector.unregister(worker.stderr)
        self._feed()
        return bool(events)

    def _hear(self, worker: WorkerProcess) -> None:
        try:
            answers, ended = worker.answers()
        except WorkerError as error:
            self._forget(worker)
            worker.kill()
            self._lost(worker, str(error))
            return
        for answer in answers:
            if not worker.ready:
                worker.ready = True
                self._failed_starts = 0
            elif worker.task is not None:
                self._finished(worker, answer)
        if ended:
            self._gone(worker)

    def _finished(self, worker: WorkerProcess, answer: dict[str, Any]) -> None:
        task, worker.task = worker.task, None
        assert task is not None
        cpu_s = float(answer["cpu_s"])
        self._ended.append(Ended(task, answer["error"], bool(answer["fatal"]), cpu_s))
        worker.done_count += 1
        too_large = answer["resident_bytes"] > MAX_RESIDENT_BYTES
        if answer["spent"] or too_large or worker.done_count >= MAX_TASKS:
            self._forget(worker)
            worker.kill()

    def _look_after(self) -> None:
        """Notice processes that are gone although something else holds their pipes open."""
        for worker in [one for one in self._workers if one.has_ended()]:
            self._hear(worker)
            if worker in self._workers:
                self._gone(worker)

    def _gone(self, worker: WorkerProcess) -> None:
        if worker not in self._workers:
            return
        self._forget(worker)
        self._lost(worker, f"worker process ended {worker.wait()}")

    def _lost(self, worker: WorkerProcess, line: str) -> None:
        """Account for a worker that is no more."""
        if worker.task is not None:
            self._ended.append(Ended(worker.task, line))
            worker.task = None
        elif not worker.ready:
            self._start_failed(line)

    def _forget(self, worker: WorkerProcess) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        for pipe in (worker.stdin, worker.stdout, worker.stderr):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
