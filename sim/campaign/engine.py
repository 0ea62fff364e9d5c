"""Does a campaign: what is not finished yet, then the tables over everything."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import sim
from sim.campaign.collect import MARKER, TABLES, collect
from sim.campaign.executors import EXECUTORS
from sim.campaign.executors.base import Executor
from sim.campaign.leftovers import clear_leftovers
from sim.campaign.locks import WriterLock
from sim.campaign.plan import Plan, PlannedRun
from sim.campaign.schedule import Failure, Schedule
from sim.campaign.schema import SWEEP_SCHEMA
from sim.campaign.shards import runs_of_shard
from sim.campaign.store import CampaignFolder, CampaignResult, campaign_folder, clear, read_campaign_folder
from sim.campaign.task import Ended, RunTask
from sim.campaign.until import next_replications, widths
from sim.plugin import resolve
from sim.results import ResultError, json_text, json_value
from sim.simulation import Report

MakeExecutor = Callable[[CampaignFolder], Executor]
Remark = Callable[[str], None]


def run_campaign(
    plan: Plan, out: str | Path | None = None, *, executor: MakeExecutor | None = None, jobs: int | None = None,
    progress: Report | None = None, remark: Remark | None = None, shard: tuple[int, int] = (0, 1), force: bool = False,
) -> CampaignResult:
    """Do every run of a campaign that is not finished, and derive its tables (definitions section 8).

    ``out`` defaults to ``results/<name>``; the same call resumes. ``executor`` makes whoever computes the runs
    (default: ``jobs`` worker processes, as many as processors). ``shard`` (index from 0, count) does a part of the
    runs and leaves the tables to ``collect``. ``progress(fraction, text)`` is called several times a second and may
    raise to end; ``remark(line)`` hears what is worth a line. A run that fails three times is given up, told in
    ``failed.json``, and the rest goes on.

    Raises :class:`sim.results.ResultError` where the folder cannot be used, :class:`CampaignStopped` where nothing
    can succeed any more (full disk); finished runs are kept whatever happens.
    """
    remark = remark or (lambda line: None)
    path = Path(out) if out is not None else Path("results") / plan.campaign.name
    part = "" if shard[1] == 1 else f"{shard[0]}-of-{shard[1]}"
    folder = campaign_folder(plan, path, part)
    check_folder(folder, plan, force=force, remark=remark)
    if plan.campaign.until is not None and shard[1] > 1:
        raise ResultError("until: seeds cannot continue in a shard, which does not see the runs of the others")
    with ExitStack() as stack:
        stack.enter_context(WriterLock(folder.out, shard, plan.identity()))
        if shard[1] == 1:
            clear_leftovers(folder)
        folder.write_plan(plan)
        make = executor or _local(jobs)
        work = _Work(plan, folder, make, progress or (lambda fraction, text: None), remark, shard)
        stack.callback(work.close)
        work.do(plan.runs)
        while plan.campaign.until is not None and work.go_on():
            pass
        work.close()
        clear([folder.traffic_path("").parent])  # recordings of one that was killed between its last run and this
        result = read_campaign_folder(folder.out)
        result.know(work.finished)
        if shard[1] == 1:
            for line in collect_if_new(result, progress):
                remark(line)
    return result


def collect_if_new(result: CampaignResult, progress: Report | None = None) -> list[str]:
    """Derive the tables unless they stand already for just these runs; a line for each run that is not in them."""
    finished = [run.run_id for run in result.runs if result.finished(run)]
    state = json.dumps([sim.__version__, result.document, finished, result.failed()])
    digest = hashlib.sha256(state.encode()).hexdigest()
    marker, out = result.folder.out / MARKER, result.folder.out
    try:
        same = marker.read_text(encoding="utf-8") == digest
    except OSError:
        same = False
    if same and all((out / name).is_file() for name in TABLES):
        return []
    report = None if progress is None else lambda share, text: progress(1.0, f"tables: {text}")
    remarks = collect(result, progress=report).remarks
    if not remarks:
        result.folder.write_text(MARKER, digest)
    return remarks


def check_folder(folder: CampaignFolder, plan: Plan, *, force: bool, remark: Remark) -> None:
    """Whether a campaign may use a folder: it is new, empty, or holds this campaign; a ResultError otherwise."""
    out = folder.out
    if not out.exists():
        return
    if not out.is_dir():
        raise ResultError(f"--out {out}: exists and is not a folder")
    names = {one.name for one in out.iterdir() if not one.name.startswith(".")}
    if "sweep.json" not in names:
        if names - {"traffic", "runs"}:
            raise ResultError(f"--out {out}: is no campaign's folder (it holds {min(names)!r}); choose another folder")
        return
    try:
        data = json_value(folder.sweep_path.read_bytes())
        schema, version, name = str(data["schema"]), str(data["version"]), str(data["name"])
        axes = list(data["axes"])
    except OSError as error:
        raise ResultError(f"--out {out}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        remark(f"{folder.sweep_path}: is broken and written anew; finished runs are kept")
        return
    if schema != SWEEP_SCHEMA:
        raise ResultError(f"--out {out}: sweep.json has schema {schema!r}, this program writes {SWEEP_SCHEMA!r}")
    if force:
        return
    if version != sim.__version__:
        raise ResultError(
            f"--out {out}: holds runs of version {version}, this is {sim.__version__}; choose another folder, or give "
            "--force to do them again (the old ones stay)"
        )
    if name != plan.campaign.name or axes != list(plan.axes):
        raise ResultError(
            f"--out {out}: holds the campaign {name!r} over {', '.join(axes)}, not {plan.campaign.name!r} over "
            f"{', '.join(plan.axes)}; choose another folder or give --force"
        )
    _tell_of_others(data, plan, remark)


def _tell_of_others(data: dict[str, Any], plan: Plan, remark: Remark) -> None:
    """A line on runs that the folder's plan had and this one has not: their files stay, the tables lose them."""
    ours = {run.run_id for run in plan.runs}
    try:
        others = sum(run_id not in ours for run_id, _, replication, _ in data["runs"]
                     if replication < plan.replications())
    except (KeyError, TypeError, ValueError):
        return
    if others:
        rule = "are not in this one: their folders stay, the tables leave them out"
        remark(f"{others} runs of the plan this folder had {rule}")


class _Work:
    """The rounds of one campaign and what it tells on the way."""

    def __init__(
        self, plan: Plan, folder: CampaignFolder, make: MakeExecutor, progress: Report, remark: Remark,
        shard: tuple[int, int],
    ) -> None:
        self.plan, self.folder, self.shard = plan, folder, shard
        self._make, self._progress, self._remark = make, progress, remark
        self._executor: Executor | None = None
        self._begun_s = time.monotonic()
        self._before = self._done = self._total = 0
        self.failures: dict[str, Failure] = {}
        self.finished: set[str] = set()

    def do(self, runs: list[PlannedRun]) -> None:
        """Do those of ``runs`` that belong to this shard and are not finished."""
        mine = runs_of_shard(self.plan, runs, self.shard)
        self.finished |= {run.run_id for run in mine if self.folder.finished(run.run_id)}
        todo = [run for run in mine if run.run_id not in self.finished]
        self._before += len(mine) - len(todo)
        self._total += len(mine)
        if self._before and not self._done:
            self._remark(f"{self._before} of {self._total} runs are finished already")
        if todo:
            if self._executor is None:
                self._executor = self._make(self.folder)
            tasks = (self.plan.task(run) for run in todo)
            schedule = Schedule(self.folder, self._executor, tasks, self._count, self._remark)
            failed = schedule.run(self._report)
            self.failures |= {one.run_id: one for one in failed}
        self._write_failures()

    def go_on(self) -> bool:
        """Whether the asked-for interval is still too wide; if so, one more round of seeds has been done."""
        until, now = self.plan.campaign.until, self.plan.replications()
        assert until is not None
        found, wanted = widths(until, read_campaign_folder(self.folder.out))
        wide = [one for one in found if one.half_width > until.half_width]
        if not wide:
            return False
        worst = max(wide, key=lambda one: one.half_width)
        width = f"half width {worst.half_width:.4g} after {worst.seeds} seeds"
        text = f"{worst.variant}: {width}, asked {until.half_width:g}"
        if now >= until.max_seeds:
            self._remark(f"until: not reached with {now} seeds; {text}")
            return False
        more = self.plan.extend(next_replications(until, now, wanted))
        self._remark(f"until: {text}; going on to {self.plan.replications()} seeds")
        self.folder.write_plan(self.plan)
        self.do(more)
        return True

    def close(self) -> None:
        """End the workers."""
        if self._executor is not None:
            self._tell()
            self._executor.close()
            self._executor = None
        for path in (self.folder.traffic_path("x").parent, self.folder.out / "traffic"):
            with suppress(OSError):  # holds recordings of a campaign that was ended, or is not there
                path.rmdir()

    def _tell(self) -> None:
        """Pass on what the executor has to say."""
        for line in getattr(self._executor, "notices", list)():
            self._remark(line)

    def _count(self, task: RunTask, ended: Ended) -> None:
        self._done += 1
        self.finished.add(task.run_id)

    def _report(self) -> None:
        self._tell()
        finished = self._before + self._done + len(self.failures)
        text = f"{finished}/{self._total} runs"
        elapsed_s = time.monotonic() - self._begun_s
        if self._done:
            rate = self._done / elapsed_s
            left_s = (self._total - finished) / rate
            text += f", {60 * rate:.3g} a minute, {duration_text(left_s)} left"
        waiting = getattr(self._executor, "waiting_for", "")
        self._progress(finished / max(1, self._total), f"{text}; {waiting}" if waiting else text)

    def _write_failures(self) -> None:
        """``failed.json``, or ``failed-I-of-N.json`` of a shard: runs that were given up; gone when there are none."""
        index, count = self.shard
        name = "failed.json" if count == 1 else f"failed-{index}-of-{count}.json"
        if self.failures:
            known = sorted(self.failures.values(), key=lambda one: one.run_id)
            told = {one.run_id: {"attempts": one.attempts, "error": one.error} for one in known}
            self.folder.write_text(name, json_text(told))
        else:
            (self.folder.out / name).unlink(missing_ok=True)


def duration_text(seconds: float) -> str:
    """A time as people say it: 40 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _local(jobs: int | None) -> MakeExecutor:
    def make(folder: CampaignFolder) -> Executor:
        executor: Executor = resolve(EXECUTORS["local"], {}, "executor")(folder, jobs)
        return executor

    return make
