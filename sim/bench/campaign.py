"""What a campaign costs beside its runs: ``python -m sim.bench.campaign``.

Runs are real; the folders of *resume* and *collect* are copies of one real result under other run ids. CPU seconds of
this process and of all its workers; nothing here is asserted in a test.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCENARIO = "03-one-border"
POWERS_DBM = (20.0, 20.5, 21.0, 21.5)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints one figure a line, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m sim.bench.campaign", description="What a campaign costs.")
    parser.add_argument("--runs", type=int, default=24, help="runs of the overhead (default 24; 0 leaves it out)")
    parser.add_argument("--duration-s", type=float, default=10.0, help="measured time of each of them (default 10)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--resume", type=int, default=2000, help="finished runs to resume over (default 2000)")
    parser.add_argument("--collect", type=int, default=10_000, help="summaries to collect (default 10000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        parts = {
            "overhead": lambda: overhead(Path(folder) / "overhead", args.runs, args.duration_s, args.jobs),
            "resume": lambda: resumed(Path(folder) / "resume", args.resume),
            "collect": lambda: collected(Path(folder) / "collect", args.collect),
        }
        wanted = {"overhead": args.runs, "resume": args.resume, "collect": args.collect}
        figures = {name: part() for name, part in parts.items() if wanted[name]}
    if args.json:
        print(json.dumps({"schema_version": 1, **figures}, indent=1))
    else:
        for name, found in figures.items():
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items()))
    return 0


def overhead(out: Path, runs: int, duration_s: float, jobs: int) -> dict[str, Any]:
    """CPU of a whole campaign over the sum of the same runs done one after the other in one process."""
    from sim.campaign.engine import run_campaign
    from sim.campaign.plan import campaign_of
    from sim.simulation import run

    plan = campaign_of({
        "name": "bench", "scenarios": [SCENARIO], "set": {"duration_s": duration_s},
        "vary": {"radio.link.tx_power_dbm": list(POWERS_DBM)}, "seeds": -(-runs // len(POWERS_DBM)),
    })
    alone = _sample(plan.runs, 12)
    begin_s = time.process_time()
    for one in alone:
        run(plan.task(one).loaded, out.parent / "alone" / one.run_id, plots=False)
    each_s = (time.process_time() - begin_s) / len(alone)
    before_mb = _peak_mb()
    wall_s, own_s, theirs_s = time.perf_counter(), time.process_time(), _children_s()
    run_campaign(plan, out, jobs=jobs)
    parent_s, workers_s = time.process_time() - own_s, _children_s() - theirs_s
    sum_s = each_s * len(plan.runs)
    return {
        "runs": len(plan.runs), "cpu_s_each_alone": round(each_s, 2), "cpu_s_sum_alone": round(sum_s, 1),
        "cpu_s_parent": round(parent_s, 2), "cpu_s_workers": round(workers_s, 1),
        "overhead_ratio": round((parent_s + workers_s) / sum_s - 1, 4),
        "wall_s_times_jobs_over_sum": round((time.perf_counter() - wall_s) * jobs / sum_s, 3),
        "parent_peak_mb_before": before_mb, "parent_peak_mb_after": _peak_mb(),
    }


def resumed(out: Path, runs: int) -> dict[str, Any]:
    """A campaign whose runs are all finished, asked for again: first with its tables to derive, then without."""
    from sim.campaign.engine import run_campaign

    plan, first_s = _timed(lambda: _copied(out, runs))
    _, derived_s = _timed(lambda: run_campaign(plan, out))
    plan, planned_s = _timed(lambda: _plan(runs))
    _, again_s = _timed(lambda: run_campaign(plan, out))
    return {
        "runs": runs, "cpu_s_tables": round(derived_s, 2), "cpu_s_plan": round(planned_s, 2),
        "cpu_s_again": round(planned_s + again_s, 2), "peak_mb": _peak_mb(), "cpu_s_preparing": round(first_s, 1),
    }


def collected(out: Path, runs: int) -> dict[str, Any]:
    """``runs.csv`` over many summaries."""
    from sim.campaign.collect import write_runs
    from sim.campaign.store import read_campaign_folder

    _copied(out, runs)
    _, cpu_s = _timed(lambda: write_runs(read_campaign_folder(out)))
    lines = (out / "runs.csv").read_text(encoding="utf-8").count("\n")
    return {"runs": runs, "lines": lines, "cpu_s": round(cpu_s, 2), "peak_mb": _peak_mb()}


def _plan(runs: int) -> Any:
    from sim.campaign.plan import campaign_of

    powers = [round(10 + 0.01 * k, 2) for k in range(max(1, runs // 10))]
    return campaign_of({
        "name": "many", "scenarios": ["01-one-vehicle-one-rsu"], "set": {"duration_s": 1},
        "vary": {"radio.link.tx_power_dbm": powers}, "seeds": 10,
    })


def _copied(out: Path, runs: int) -> Any:
    """A folder that holds a plan and a finished run for each of its runs, all copies of one."""
    from sim.campaign.store import CampaignFolder
    from sim.simulation import run

    plan = _plan(runs)
    folder = CampaignFolder(out, fan_out=len(plan.runs) > 10_000)
    run(plan.task(plan.runs[0]).loaded, out.parent / "one", force=True, plots=False)
    summary = (out.parent / "one" / "summary.json").read_text(encoding="utf-8")
    for one in plan.runs:
        path = folder.run_path(one.run_id)
        path.mkdir(parents=True)
        for table in (out.parent / "one").glob("*.csv"):
            shutil.copyfile(table, path / table.name)
        (path / "summary.json").write_text(summary.replace(plan.runs[0].run_id, one.run_id), encoding="utf-8")
    folder.write_plan(plan)
    return plan


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin_s = time.process_time()
    found = work()
    return found, time.process_time() - begin_s


def _sample(rows: Sequence[Any], count: int) -> list[Any]:
    step = max(1, len(rows) // count)
    return list(rows[::step])[:count]


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


if __name__ == "__main__":
    raise SystemExit(main())
