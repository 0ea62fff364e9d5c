"""Replications of one setting until the interval is narrow enough; several settings on several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace

import numpy as np

from sim.clock import stream
from sim.validate.compare import edges_of, mean_pdr
from sim.validate.curves import Curve
from sim.validate.ring import Plan, replicate
from sim.validate.setting import Setting
from sim.validate.statistics import Tally, half_width

QUICK = Plan(warmup_s=2.0, measure_s=2.0)


@dataclass(frozen=True)
class Effort:
    """When to stop adding replications."""

    precision_points: float = 0.5
    """Wanted 95 % half-width of the mean PDR, percentage points."""
    min_replications: int = 4
    max_replications: int = 60
    plan: Plan = Plan()


def quick_effort() -> Effort:
    """One short replication, without an interval."""
    return Effort(float("inf"), 1, 1, QUICK)


def replication_seed(number: int) -> int:
    """Seed of replication ``number`` (0, 1, ...) of any setting."""
    return int(stream(2019, "validate", "replication", number).integers(0, 2**62))


def study(curves: list[Curve], effort: Effort, report: Callable[[str], None] = lambda text: None) -> list[Tally]:
    """Replications of the one setting all ``curves`` share, until each curve's mean PDR is precise enough."""
    setting = curves[0].setting
    furthest_m = max(float(edges_of(curve).max()) for curve in curves)
    plan = replace(effort.plan, report_m=max(effort.plan.report_m, furthest_m))
    tallies: list[Tally] = []
    while len(tallies) < effort.max_replications:
        tallies.append(replicate(setting, replication_seed(len(tallies)), plan))
        width = widest_half_width_points(curves, tallies)
        interval = "" if np.isnan(width) else f", mean PDR +- {width:.2f} points"
        report(f"{setting.name}: replication {len(tallies)}{interval}")
        if len(tallies) >= effort.min_replications and not width > effort.precision_points:
            break
    return tallies


def widest_half_width_points(curves: list[Curve], tallies: list[Tally]) -> float:
    """95 % half-width of the mean PDR in points; the widest of the curves; NaN for one replication."""
    means = np.array([[mean_pdr(curve, tally) for curve in curves] for tally in tallies])
    return float(np.max(half_width(means)) * 100.0)


def study_all(
    groups: dict[Setting, list[Curve]], effort: Effort, jobs: int, progress: Callable[[str], None]
) -> dict[Setting, list[Tally]]:
    """Replications of every setting; equal results for any number of ``jobs``.

    KeyboardInterrupt stops the other processes before it is passed on.
    """
    results: dict[Setting, list[Tally]] = {}
    for done, (setting, tallies) in enumerate(_studied(groups, effort, jobs, progress), 1):
        results[setting] = tallies
        progress(f"{done} of {len(groups)} settings done: {setting.name}")
    return results


def _studied(
    groups: dict[Setting, list[Curve]], effort: Effort, jobs: int, progress: Callable[[str], None]
) -> Iterator[tuple[Setting, list[Tally]]]:
    workers = min(jobs, len(groups))
    if workers <= 1:
        for setting, curves in groups.items():
            yield setting, study(curves, effort, progress)
        return
    # One thread each, else the linear algebra of the processes fights over the cores; read when NumPy is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupt_to_parent)
    # The most loaded settings first, so that none is left running alone at the end.
    order = sorted(groups, key=lambda one: one.vehicle_count * one.packets_per_s, reverse=True)
    try:
        futures = {pool.submit(study, groups[setting], effort): setting for setting in order}
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
