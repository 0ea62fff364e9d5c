"""Computes the tasks of a campaign on a Dask cluster (extra ``cluster``).

Workers share no disk with the campaign: a run comes back as one archive, a recording of traffic stays on the cluster
as a future that later runs depend on. Dask starts a task again elsewhere when its worker dies, and computes a lost
recording again by itself. One run at a time in each worker process.

Dask executes what it is sent: trusted networks only, see CLUSTER.md.
"""

from __future__ import annotations

import itertools
import pickle
import queue
import time
import uuid
import warnings
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sim.campaign.archive import ArchiveError, unpack
from sim.campaign.execute import describe_error
from sim.campaign.executors import cluster_worker
from sim.campaign.executors.cluster_client import CALL, ClusterError, connected
from sim.campaign.executors.cluster_workers import Workers
from sim.campaign.store import CampaignFolder
from sim.campaign.task import Ended, RunTask, Task, TrafficTask

CONNECT_S = 10.0
FETCH_S = 60.0
"""A result that takes longer to arrive is asked for again."""
_TICK_S = 0.5
_KEPT_RECORDINGS = 8
_CLOSE_S = 5.0
_ASK_S = 5.0
_STRAYED = 5


@dataclass(eq=False)
class _Job:
    """A task on the cluster, or held back until a worker can take it."""

    task: Task
    future: Any = None
    recording: _Recording | None = None
    allowed: frozenset[str] = frozenset()
    """Workers it may run on; empty = any."""
    strayed: int = 0
    """Times it met a worker that has not the program."""


@dataclass(eq=False)
class _Recording:
    """Traffic on the cluster: the future that holds it, and how many tasks need it."""

    future: Any
    allowed: frozenset[str] = frozenset()
    users: set[str] = field(default_factory=set)


class DaskExecutor:
    """Executor (:mod:`sim.campaign.executors.base`) over the Dask scheduler at ``address``.

    :class:`ClusterError`, one line, when Dask is not installed or no scheduler answers within ``timeout_s``. Workers
    may come and go at any time; one with another version of the program gets no tasks, see :meth:`notices`.
    """

    def __init__(self, folder: CampaignFolder, address: str, timeout_s: float = CONNECT_S) -> None:
        self.folder, self.address = folder, address
        self._client, self._quiet = connected(address, timeout_s)
        self._ended: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._held: deque[str] = deque()
        self._recordings: OrderedDict[str, _Recording] = OrderedDict()
        self._files: dict[str, Any] = {}
        self._failed: list[Ended] = []
        self._name, self._number = uuid.uuid4().hex[:12], itertools.count()
        self._workers = Workers(self._client, address)
        try:
            self._workers.look(wait_s=timeout_s)
            if self._workers.refused and not self._workers.usable:
                raise ClusterError(f"--dask {address}: {next(iter(self._workers.refused.values()))}")
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """Worker processes that take tasks; at least 1."""
        return max(1, len(self._workers.usable))

    @property
    def waiting_for(self) -> str:
        """What keeps everything waiting, in words; empty while there are workers."""
        return self._workers.waiting_for

    def notices(self) -> list[str]:
        """Lines worth telling that came up since the last call: a worker that is left out, and why."""
        return self._workers.notices()

    def submit(self, task: Task) -> None:
        """Send a task to the cluster."""
        key = f"{self._name}-{next(self._number)}"
        self._jobs[key] = _Job(task)
        self._send(key)

    def ended(self, timeout_s: float) -> list[Ended]:
        """Attempts that ended; waits at most ``timeout_s`` for the first."""
        end_s = time.monotonic() + timeout_s
        while True:
            found = []
            for key, future in self._arrived(min(_TICK_S, max(0.0, end_s - time.monotonic()))):
                job = self._jobs.get(key)
                if job is not None and job.future is future:
                    one = self._end(key, job)
                    found += [] if one is None else [one]
            self._look_after()
            found += self._failed
            self._failed = []
            if found or time.monotonic() >= end_s:
                return found

    def forget_traffic(self, name: str) -> None:
        """Release a recording that no further run needs."""
        self._recordings.pop(name, None)

    def close(self) -> None:
        """Cancel everything and leave the cluster; runs under way there end within seconds."""
        client, self._client = self._client, None
        if client is None:
            return
        jobs, self._jobs = self._jobs, {}
        with suppress(Exception):
            client.cancel([job.future for job in jobs.values() if job.future is not None], force=True)
        self._recordings.clear()
        self._files.clear()
        self._held.clear()
        jobs.clear()
        self._workers.close()
        with suppress(Exception):
            client.close(timeout=_CLOSE_S)
        self._quiet.undo()

    def _arrived(self, wait_s: float) -> list[tuple[str, Any]]:
        """Futures that are done; waits for the first."""
        found = []
        with suppress(queue.Empty):
            found.append(self._ended.get(timeout=wait_s) if wait_s > 0 else self._ended.get_nowait())
            while True:
                found.append(self._ended.get_nowait())
        return found

    def _send(self, key: str) -> None:
        """Send a task, or hold it while every worker there is has been refused."""
        job = self._jobs[key]
        allowed = self._workers.allowed()
        if allowed is None:
            self._held.append(key)
            return
        task, job.allowed = job.task, allowed
        try:
            data = self._file(task)
            if isinstance(task, TrafficTask):
                job.recording = self._record(task.name, task, data, allowed)
                job.future = self._put("corridor-recorded", "without_content", job.recording.future)
            else:
                if task.traffic is not None:
                    job.recording = self._recording_of(task.traffic, task, data, allowed)
                recording = job.recording.future if job.recording else None
                payload = pickle.dumps(task)
                job.future = self._put(
                    "corridor-run", "compute_run", cluster_worker.program(), payload, recording, data, allowed=allowed
                )
        except Exception as error:
            self._failed.append(self._over(key, self._lost() or self._in_words(error), fatal=bool(self._lost())))
            return
        if job.recording is not None:
            job.recording.users.add(key)
        self._watch(key, job.future)

    def _watch(self, key: str, future: Any) -> None:
        future.add_done_callback(lambda done: self._ended.put((key, future)))

    def _put(self, kind: str, function: str, *arguments: Any, allowed: frozenset[str] = frozenset()) -> Any:
        """The future of a function of :mod:`~sim.campaign.executors.cluster_worker`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._client.submit(
                eval, CALL, {}, {"function": function, "arguments": arguments}, pure=False,
                key=f"{kind}-{self._name}-{next(self._number)}", workers=sorted(allowed) or None,
            )

    def _record(self, name: str, task: Task, data: Any, allowed: frozenset[str]) -> _Recording:
        """Traffic computed on the cluster, in place of an earlier attempt at it."""
        payload = pickle.dumps(TrafficTask(name, task.loaded))
        future = self._put(
            "corridor-traffic", "compute_traffic", cluster_worker.program(), payload, data, allowed=allowed
        )
        self._recordings[name] = recording = _Recording(future, allowed)
        self._recordings.move_to_end(name)
        self._release_some()
        return recording

    def _recording_of(self, name: str, task: RunTask, data: Any, allowed: frozenset[str]) -> _Recording:
        """The recording a run replays; computed (again) if the cluster has none."""
        found = self._recordings.get(name)
        if found is None or found.future.status in ("error", "cancelled", "lost"):
            return self._record(name, task, data, allowed)
        self._recordings.move_to_end(name)
        return found

    def _release_some(self) -> None:
        """Bound the memory of the cluster: of recordings nobody uses at present, few are kept."""
        idle = [name for name, one in self._recordings.items() if not one.users]
        for name in idle[: max(0, len(self._recordings) - _KEPT_RECORDINGS)]:
            if name != next(reversed(self._recordings)):
                del self._recordings[name]

    def _file(self, task: Task) -> Any:
        """The future that holds the file a scenario replays; none if it replays none."""
        path = task.loaded.data_file
        if path is None:
            return None
        found = self._files.get(str(path))
        if found is None or found.status in ("error", "cancelled", "lost"):
            found = self._files[str(path)] = self._put("corridor-file", "same", path.read_bytes())
        return found

    def _end(self, key: str, job: _Job) -> Ended | None:
        """What became of a task whose future is done; none if it goes on."""
        lost = self._lost()
        if lost:
            return self._over(key, lost, fatal=True)
        try:
            outcome = job.future.result(timeout=FETCH_S)
        except TimeoutError:
            self._watch(key, job.future)
            return None
        except Exception as error:
            if isinstance(error, ImportError) and job.strayed < _STRAYED and not self._lost():
                job.strayed += 1
                self._workers.look(wait_s=_ASK_S, now=True)
                self._again(key, job)
                return None
            return self._over(key, self._lost() or self._in_words(error), fatal=bool(self._lost()))
        if outcome["refused"]:
            self._workers.refuse(outcome["worker"], outcome["error"])
            self._again(key, job)
            return None
        if outcome["of_traffic"] and job.recording is not None:
            self._drop(job.recording)
        why, fatal = outcome["error"], False
        if why is None and isinstance(job.task, RunTask):
            why, fatal = self._place(job.task, outcome["content"])
        return self._over(key, why, fatal, outcome["cpu_s"])

    def _place(self, task: RunTask, content: bytes) -> tuple[str | None, bool]:
        """Put a run that has arrived into the campaign's folder."""
        extra = [task.loaded.data_file] if task.loaded.data_file is not None else []
        try:
            unpack(content, self.folder.run_path(task.run_id), task.run_id, extra)
        except ArchiveError as error:
            return str(error), False
        except Exception as error:
            return describe_error(error, self.folder)
        return None, False

    def _over(self, key: str, error: str | None, fatal: bool = False, cpu_s: float = 0.0) -> Ended:
        job = self._jobs.pop(key)
        if job.recording is not None:
            job.recording.users.discard(key)
            if isinstance(job.task, TrafficTask) and error is not None:
                self._drop(job.recording)
        return Ended(job.task, error, fatal, cpu_s)

    def _drop(self, recording: _Recording) -> None:
        for name in [name for name, one in self._recordings.items() if one is recording]:
            del self._recordings[name]

    def _again(self, key: str, job: _Job) -> None:
        """Send a task anew that met, or can only meet, workers that do not count."""
        if job.recording is not None:
            job.recording.users.discard(key)
            self._drop(job.recording)
        job.future, job.recording = None, None
        self._send(key)

    def _look_after(self) -> None:
        """Follow the workers that come and go; everything has ended where the scheduler is gone."""
        lost = self._lost()
        if lost:
            self._failed += [self._over(key, lost, fatal=True) for key in list(self._jobs)]
            return
        if not self._workers.look():
            return
        held, self._held = self._held, deque()
        for key in held:
            if key in self._jobs:
                self._send(key)
        for key, job in list(self._jobs.items()):
            if job.future is not None and self._is_stranded(job):
                job.future.cancel(force=True)
                self._again(key, job)

    def _is_stranded(self, job: _Job) -> bool:
        """Whether all workers a task was meant for are gone."""
        sets = [job.allowed] + ([job.recording.allowed] if job.recording is not None else [])
        return any(allowed and not allowed & self._workers.usable for allowed in sets)

    def _lost(self) -> str:
        """One line when the scheduler is gone, else an empty text."""
        if self._client is not None and self._client.status == "running":
            return ""
        return f"--dask {self.address}: the scheduler is gone; the same command goes on with what is not finished"

    def _in_words(self, error: BaseException) -> str:
        """One line for a task that Dask could not complete."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        if isinstance(error, KilledWorker):
            died = error.allowed_failures + 1
            return f"cluster: {died} worker processes that took it died one after the other, the last {_address(error)}"
        if isinstance(error, CancelledError):
            return "cluster: the task was cancelled by the scheduler"
        if isinstance(error, ImportError):
            return f"cluster: a worker cannot load the program ({describe_error(error)[0]})"
        return f"cluster: {describe_error(error)[0]}"


def _address(error: Any) -> str:
    return str(getattr(error.last_worker, "address", error.last_worker))
