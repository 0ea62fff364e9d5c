"""What a campaign asks of those who compute its tasks."""

from __future__ import annotations

from typing import Protocol

from sim.campaign.task import Ended, Task


class Executor(Protocol):
    """Computes tasks side by side and puts their files into the campaign's folder.

    A finished :class:`~sim.campaign.task.RunTask` has its result folder at ``folder.run_path(run_id)``, a finished
    :class:`~sim.campaign.task.TrafficTask` its recording at ``folder.traffic_path(name)`` (or, on a cluster,
    wherever its own later runs find it). An attempt that fails, or whose process dies, ends as an
    :class:`~sim.campaign.task.Ended` with an error and costs no other task; who asks again is the campaign.
    """

    @property
    def capacity(self) -> int:
        """Tasks that can be computed at once; may change while a cluster grows or shrinks, at least 1."""

    def submit(self, task: Task) -> None:
        """Take a task; returns at once. The caller keeps at most twice the capacity submitted."""

    def ended(self, timeout_s: float) -> list[Ended]:
        """Attempts that ended since the last call, in any order; waits at most ``timeout_s`` for the first."""

    def close(self) -> None:
        """End at once: what is being computed is given up and leaves nothing half-written. May be called twice."""
