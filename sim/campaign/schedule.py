"""Which task comes next: traffic before the runs that replay it, three attempts each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from sim.campaign.executors.base import Executor
from sim.campaign.store import CampaignFolder, clear
from sim.campaign.task import Ended, RunTask, Task, TrafficTask

ATTEMPTS = 3
"""A task that fails so often is given up."""
WAIT_S = 0.25


class CampaignStopped(Exception):
    """Going on is pointless (full disk, folder gone); what is finished is kept."""

    exit_code = 1


@dataclass
class _Group:
    """Runs that replay one recording."""

    name: str
    waiting: deque[RunTask] = field(default_factory=deque)
    left: int = 0
    recorded: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Failure:
    """A run that was given up."""

    run_id: str
    attempts: int
    error: str


class Schedule:
    """Feeds an executor with the tasks of runs and hears how they end.

    Runs of one recording are done one after the other, so that few recordings lie on disk at a time; the next one is
    made while the last runs of the present one are under way. A recording that a single run needs is not made at all.
    """

    def __init__(
        self, folder: CampaignFolder, executor: Executor, tasks: Iterable[RunTask],
        done: Callable[[RunTask, Ended], None], remark: Callable[[str], None],
    ) -> None:
        self.folder, self.executor, self._done, self._remark = folder, executor, done, remark
        self.failures: list[Failure] = []
        self._attempts: dict[str, int] = {}
        self._groups: deque[_Group] = deque(self._grouped(tasks))
        self._by_name = {group.name: group for group in self._groups}
        self._again: deque[RunTask] = deque()
        self._submitted = 0

    def run(self, report: Callable[[], None]) -> list[Failure]:
        """Work until everything has ended; ``report`` is called several times a second.

        Raises :class:`CampaignStopped` where an attempt says that nothing else can succeed.
        """
        while self._submitted or self._groups or self._again:
            self._submit_more()
            for ended in self.executor.ended(WAIT_S):
                self._submitted -= 1
                self._take(ended)
            report()
        return self.failures

    def _grouped(self, tasks: Iterable[RunTask]) -> Iterable[_Group]:
        groups: dict[str, _Group] = {}
        for task in tasks:
            name = task.traffic or task.run_id
            groups.setdefault(name, _Group(name)).waiting.append(task)
        for group in groups.values():
            group.left = len(group.waiting)
            there = self.folder.traffic_path(group.name).is_file()
            if (group.left == 1 and not there) or group.waiting[0].traffic is None:
                group.waiting = deque(replace(task, traffic=None) for task in group.waiting)
                group.recorded = True
            else:
                group.recorded = there and not hasattr(self.executor, "forget_traffic")
        return groups.values()

    def _submit_more(self) -> None:
        room = 2 * max(1, self.executor.capacity)
        while self._submitted < room:
            task = self._next(room)
            if task is None:
                return
            self.executor.submit(task)
            self._submitted += 1

    def _next(self, ahead: int) -> Task | None:
        """The next task that can begin; a recording is asked for ``ahead`` runs before it is needed."""
        ready = 0
        for group in self._groups:
            if not group.recorded and not group.asked:
                group.asked = True
                return TrafficTask(group.name, group.waiting[0].loaded)
            ready += len(group.waiting)
            if ready >= ahead:
                break
        if self._again:
            return self._again.popleft()
        for group in self._groups:
            if group.recorded and group.waiting:
                task = group.waiting.popleft()
                if not group.waiting:
                    self._groups.remove(group)
                return task
        return None

    def _take(self, ended: Ended) -> None:
        task = ended.task
        if ended.fatal:
            raise CampaignStopped(ended.error or "the campaign cannot go on")
        error = ended.error
        if error is None and isinstance(task, RunTask) and not self.folder.finished(task.run_id):
            error = "left no complete result folder"
        if error is None:
            if isinstance(task, TrafficTask):
                self._by_name[task.name].recorded = True
            else:
                self._done(task, ended)
                self._one_less(task)
            return
        key = task.name if isinstance(task, TrafficTask) else task.run_id
        self._attempts[key] = tries = self._attempts.get(key, 0) + 1
        if isinstance(task, TrafficTask):
            self._traffic_failed(task, tries, error)
        elif tries < ATTEMPTS:
            self._remark(f"run {key}: attempt {tries} of {ATTEMPTS} failed: {error}")
            self._again.append(replace(task, traffic=None))
        else:
            self._given_up(task, tries, error)

    def _traffic_failed(self, task: TrafficTask, tries: int, error: str) -> None:
        group = self._by_name[task.name]
        if tries < ATTEMPTS:
            self._remark(f"traffic {task.name}: attempt {tries} of {ATTEMPTS} failed: {error}")
            group.asked = False
            return
        for run in list(group.waiting):
            self._given_up(run, tries, f"its traffic: {error}")
        self._groups.remove(group)

    def _given_up(self, task: RunTask, tries: int, error: str) -> None:
        self.failures.append(Failure(task.run_id, tries, error))
        self._remark(f"run {task.run_id}: given up after {tries} attempts: {error}")
        self._one_less(task)

    def _one_less(self, task: RunTask) -> None:
        """Drop a recording when its last run has ended."""
        from sim.campaign.traffic import traffic_name

        group = self._by_name.get(traffic_name(task.loaded)) or self._by_name[task.run_id]
        group.left -= 1
        if group.left == 0:
            forget = getattr(self.executor, "forget_traffic", None)
            if forget is not None:
                forget(group.name)
            clear([self.folder.traffic_path(group.name)])
