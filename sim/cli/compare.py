"""``corridor compare``: layouts side by side, with cost, failures and the order under each propagation model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_loudness, add_verb, columns, print_json, remark, seed

if TYPE_CHECKING:
    from sim.campaign.plan import Plan
    from sim.campaign.store import CampaignResult
    from sim.layouts.compare import Question

EXAMPLES = """
corridor compare demo-zone intersections --scenario demo-zone --dry-run
corridor compare expressway expressway-regional --scenario expressway --seeds 5 --jobs 2
corridor compare demo-zone my-layout.yaml --scenario demo-zone --propagation winner-b1 two-ray --failures none --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "compare layouts: coverage, gaps, latency, load, cost, failures, ranking", EXAMPLES)
    parser.add_argument("layouts", nargs="+", metavar="LAYOUT", help="layout files or shipped names; the first is what "
                        "the others are compared with")
    parser.add_argument("--scenario", required=True, metavar="SCENARIO", help="a YAML file, or a shipped name")
    parser.add_argument("--candidate", nargs="+", default=[], metavar="NAME", help="default: the scenario's")
    parser.add_argument("--propagation", nargs="+", default=[], metavar="MODEL", help="path losses between unit and "
                        "vehicle (default: the scenario's and the one that differs most from it)")
    parser.add_argument("--class", dest="class_", default="lowest", metavar="CLASS", help="message class that ranks: "
                        "SPAT+MAP, RSI, RSM, or the lowest of those with one zone in all layouts (default)")
    parser.add_argument("--failures", default="estimate", metavar="HOW", help="units out of service: estimate "
                        "(default; the worst one is simulated too), simulate (every unit) or none")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
                        help="change one key in every run; repeatable")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of every layout and model (default 5)")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="what the seeds follow from (default 1)")
    parser.add_argument("--plots", action=argparse.BooleanOptionalAction, default=True,
                        help="draw the figures of the comparison (default) or not")
    parser.add_argument("--language", nargs="+", choices=("en", "zh"), default=["en"],
                        help="of the figures (default en)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: results/compare-SCENARIO)")
    parser.add_argument("--force", action="store_true", help="use a folder of another campaign or version")
    parser.add_argument("--jobs", type=_jobs, metavar="N", help="worker processes (default: processors)")
    parser.add_argument("--dask", metavar="ADDRESS", help="compute on a Dask cluster, e.g. tcp://127.0.0.1:8786")
    parser.add_argument("--dry-run", action="store_true", help="list the runs and the expected time, do nothing")
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def _jobs(text: str) -> int:
    from sim.cli.sweep import jobs

    return jobs(text)


def act(args: argparse.Namespace) -> int:
    """Run what it takes, write tables and figures, print the summary."""
    from sim.layouts.compare import compare
    from sim.layouts.compare.tables import write_tables
    from sim.layouts.compare.words import document, summary_lines

    question = _question(args)
    out = args.out or Path("results") / question.name
    if args.dry_run:
        return _listed(question, out, args)
    answer = compare(question, out, lambda plan, folder: _do(plan, folder, args))
    for path in write_tables(answer, out):
        remark(f"wrote {path}", quiet=args.quiet)
    if args.plots:
        from sim.plots.compare import draw_comparison
        from sim.plots.style import font_remark

        if line := font_remark(*args.language):
            remark(line, quiet=args.quiet)
        for path in draw_comparison(answer, out / "plots", args.language):
            remark(f"wrote {path}", quiet=args.quiet)
    if args.json:
        print_json(document(answer))
    else:
        print("\n".join(summary_lines(answer)))
    remark(f"results in {out}", quiet=args.quiet)
    return 4 if answer.failed_runs() else 0


def _question(args: argparse.Namespace) -> Question:
    from sim.cli.campaigns import changes
    from sim.layouts.compare import Question

    return Question(
        tuple(args.layouts), args.scenario, tuple(args.candidate), tuple(args.propagation), args.seeds, args.seed,
        changes(args).get("set", {}), args.class_, args.failures,
    )


def _do(plan: Plan, folder: Path, args: argparse.Namespace) -> CampaignResult:
    from sim.campaign.engine import run_campaign
    from sim.cli.campaigns import executor_of
    from sim.cli.progress import Progress

    def say(line: str) -> None:
        remark(line, quiet=args.quiet)

    say(f"{plan.campaign.name}: {len(plan.variants)} variants x {plan.replications()} seeds = {len(plan.runs)} runs")
    with Progress(plan.campaign.name, quiet=args.quiet) as progress:
        return run_campaign(
            plan, folder, executor=executor_of(args), jobs=args.jobs, progress=progress.update, remark=say,
            force=args.force,
        )


def _listed(question: Question, out: Path, args: argparse.Namespace) -> int:
    """``--dry-run``: every run and the time all of it will take."""
    from sim.campaign.engine import duration_text
    from sim.campaign.estimate import estimate_campaign
    from sim.campaign.store import CampaignFolder
    from sim.layouts.compare import comparison_plan
    from sim.layouts.compare.answer import further_runs

    plan, folder = comparison_plan(question), CampaignFolder(out)
    cpu_s, wall_s, basis = estimate_campaign(plan, folder, args.jobs)
    further = further_runs(question, plan)
    factor = 1 + further / len(plan.runs)
    cpu_s, wall_s = cpu_s * factor, wall_s * factor
    rows = [
        (run.run_id, plan.variants[run.variant].name, str(run.replication), str(run.seed),
         "done" if folder.finished(run.run_id) else "to do")
        for run in plan.runs
    ]
    if args.json:
        keys = ("run_id", "variant", "replication", "seed", "state")
        print_json({
            "schema_version": SCHEMA_VERSION, "name": plan.campaign.name, "axes": plan.axes,
            "runs": [dict(zip(keys, row, strict=True)) for row in rows], "further_runs": further,
            "expected_cpu_s": round(cpu_s, 1), "expected_wall_s": round(wall_s, 1), "basis": basis,
        })
        return 0
    print(columns(rows, ("run id", "variant", "replication", "seed", "state")))
    if further:
        print(f"and {further} runs with a unit out of service, chosen when these are done")
    print(f"expected: about {duration_text(cpu_s)} of CPU, {duration_text(wall_s)} here (from {basis})")
    return 0
