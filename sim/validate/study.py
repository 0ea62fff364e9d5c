"""Replications of one trial until the interval is narrow enough; several trials on several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from sim.clock import stream
from sim.validate.result import Case
from sim.validate.road import Trial, replicate
from sim.validate.statistics import Tally, half_width, mean_ratio


@dataclass(frozen=True)
class Effort:
    """When to stop adding replications."""

    precision_points: float = 0.5
    """Wanted 95 % half-width of the mean delivery ratio, percentage points."""
    min_replications: int = 4
    max_replications: int = 60
    warmup_s: float | None = None
    """In place of the trial's own; likewise the next."""
    measure_s: float | None = None

    @property
    def said(self) -> str:
        """One line for the report."""
        if self.max_replications == 1:
            return f"one replication of {self.warmup_s:g} s unmeasured and {self.measure_s:g} s measured, no interval"
        return (
            f"at least {self.min_replications} replications of some seconds each (Trial.warmup_s, measure_s), "
            f"until the "
            f"95 % half-width of the mean is {self.precision_points:g} points, at most {self.max_replications}"
        )


def quick_effort() -> Effort:
    """One short replication, without an interval."""
    return Effort(float("inf"), 1, 1, 2.0, 2.0)


@dataclass(frozen=True)
class Task:
    """One trial and the bins of all files that share it."""

    key: str
    trial: Trial
    edges_m: tuple[np.ndarray, ...]


def tasks_of(cases: list[Case], effort: Effort) -> list[Task]:
    """One task per simulated setting, in order of first appearance."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.trial is not None:
            groups.setdefault(case.key, []).append(case)
    tasks = []
    for key, some in groups.items():
        # The one that reports furthest serves all.
        trials = [case.trial() for case in some if case.trial is not None]
        trial = max(trials, key=lambda one: one.report_m)
        if effort.measure_s is not None:
            trial = trial.lasting(effort.warmup_s or 0.0, effort.measure_s)
        edges = tuple(case.edges_m for case in some if case.edges_m is not None)
        tasks.append(Task(key, trial, edges))
    return tasks


def replication_seed(number: int) -> int:
    """Seed of replication ``number`` (0, 1, ...) of any trial."""
    return int(stream(2019, "validate", "replication", number).integers(0, 2**62))


def study(task: Task, effort: Effort, report: Callable[[str], None] = lambda text: None) -> list[Tally]:
    """Replications of one trial, until the mean ratio of every file that shares it is precise enough."""
    tallies: list[Tally] = []
    while len(tallies) < effort.max_replications:
        tallies.append(replicate(task.trial, replication_seed(len(tallies))))
        width = widest_half_width_points(task.edges_m, tallies)
        interval = "" if np.isnan(width) else f", mean +- {width:.2f} points"
        report(f"{task.trial.name}: replication {len(tallies)}{interval}")
        if len(tallies) >= effort.min_replications and not width > effort.precision_points:
            break
    return tallies


def widest_half_width_points(edges_m: tuple[np.ndarray, ...], tallies: list[Tally]) -> float:
    """95 % half-width of the mean ratio in points; the widest of the files; NaN for one replication."""
    means = np.array([[mean_ratio(tally, edges) for edges in edges_m] for tally in tallies])
    return float(np.max(half_width(means)) * 100.0)


def study_all(tasks: list[Task], effort: Effort, jobs: int, progress: Callable[[str], None]) -> dict[str, list[Tally]]:
    """Replications of every task by its key; equal results for any number of ``jobs``.

    KeyboardInterrupt stops the other processes before it is passed on.
    """
    results: dict[str, list[Tally]] = {}
    for done, (task, tallies) in enumerate(_studied(tasks, effort, jobs, progress), 1):
        results[task.key] = tallies
        progress(f"{done} of {len(tasks)} settings done: {task.trial.name}")
    return results


def _studied(
    tasks: list[Task], effort: Effort, jobs: int, progress: Callable[[str], None]
) -> Iterator[tuple[Task, list[Tally]]]:
    workers = min(jobs, len(tasks))
    if workers <= 1:
        for task in tasks:
            yield task, study(task, effort, progress)
        return
    # One thread each, else the linear algebra of the processes fights over the cores; read when NumPy is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupt_to_parent)
    # The most loaded settings first, so that none is left running alone at the end.
    order = sorted(tasks, key=lambda one: one.trial.vehicle_count * one.trial.packets_per_s, reverse=True)
    try:
        futures = {pool.submit(study, task, effort): task for task in order}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        raise
    pool.shutdown()


def _leave_interrupt_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
