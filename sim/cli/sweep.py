"""``corridor sweep``: a campaign of many runs, resumed by the same command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import (
    SCHEMA_VERSION,
    add_json,
    add_loudness,
    add_verb,
    columns,
    print_json,
    remark,
    seed,
)

if TYPE_CHECKING:
    from sim.campaign.plan import Plan
    from sim.campaign.store import CampaignFolder

EXAMPLES = """
corridor sweep 03-one-border --vary traffic.equipped_ratio=0.3,0.6 --seeds 5 --jobs 2
corridor sweep my-campaign.yaml --dry-run
corridor sweep my-campaign.yaml --out results/layouts --dask tcp://127.0.0.1:8786
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "do a campaign: scenarios x candidates x layouts x parameters x seeds", EXAMPLES)
    parser.add_argument("source", nargs="+", metavar="CAMPAIGN|SCENARIO", help="a campaign file, or scenarios")
    parser.add_argument(
        "--vary", action="append", default=[], metavar="AXIS=V,V,...",
        help="layout, candidate or a key of the scenario with its values; repeatable",
    )
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
                        help="change one key in every run; repeatable")
    parser.add_argument("--seeds", type=int, metavar="N", help="runs of every variant (default 5)")
    parser.add_argument("--seed", type=seed, metavar="N", help="what the replications' seeds follow from (default 1)")
    parser.add_argument(
        "--until", metavar="TEXT",
        help="more seeds until a 95%% interval is narrow: 'prr link=V2V message=BSM distance_m=112.5 +- 0.01'",
    )
    parser.add_argument("--max-seeds", type=int, metavar="N", help="never more than this with --until (default 100)")
    parser.add_argument("--plots", action="store_true", help="draw the plots of every run")
    add_place(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the runs and the expected time, do nothing")
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where a campaign is computed and written."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the campaign (default: results/NAME)")
    parser.add_argument("--force", action="store_true", help="use a folder of another campaign or version")
    parser.add_argument("--jobs", type=jobs, metavar="N", help="worker processes (default: processors)")
    parser.add_argument("--dask", metavar="ADDRESS", help="compute on a Dask cluster, e.g. tcp://127.0.0.1:8786")
    parser.add_argument("--shard", metavar="I/N", help="do the I-th of N parts (default: the Slurm array task)")


def jobs(text: str) -> int:
    """A number of processes: 1 to 1024."""
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 to 1024")
    return int(text)


def act(args: argparse.Namespace) -> int:
    """Plan, then do or list."""
    from sim.campaign.shards import chosen_shard
    from sim.campaign.store import campaign_folder
    from sim.cli.campaigns import plan_from

    plan = plan_from(args)
    shard = chosen_shard(args.shard)
    if args.dry_run:
        out = args.out or Path("results") / plan.campaign.name
        return _listed(plan, campaign_folder(plan, out), args, shard)
    from sim.campaign.engine import run_campaign
    from sim.cli.campaigns import executor_of
    from sim.cli.progress import Progress

    def say(line: str) -> None:
        remark(line, quiet=args.quiet)

    say(f"{plan.campaign.name}: {len(plan.variants)} variants x {plan.replications()} seeds = {len(plan.runs)} runs")
    try:
        with Progress(plan.campaign.name, quiet=args.quiet) as progress:
            result = run_campaign(
                plan, args.out, executor=executor_of(args), jobs=args.jobs, progress=progress.update, remark=say,
                shard=shard, force=args.force,
            )
    except KeyboardInterrupt:
        say("finished runs are kept: the same command goes on, corridor collect derives tables from what there is")
        raise
    return finish(result, args, shard)


def finish(result: Any, args: argparse.Namespace, shard: tuple[int, int]) -> int:
    """Print what a campaign holds; 4 if runs of it failed."""
    from sim.cli.campaigns import document, summary_lines

    if args.json:
        print_json(document(result))
    else:
        print("\n".join(summary_lines(result)))
    remark(f"results in {result.folder.out}", quiet=args.quiet)
    if shard[1] > 1:
        remark(f"when all {shard[1]} parts are done: corridor collect {result.folder.out}", quiet=args.quiet)
    return 4 if result.failed() else 0


def _listed(plan: Plan, folder: CampaignFolder, args: argparse.Namespace, shard: tuple[int, int]) -> int:
    """``--dry-run``: every run (of this part) and the time all of them will take."""
    from sim.campaign.engine import duration_text
    from sim.campaign.estimate import estimate_campaign
    from sim.campaign.shards import runs_of_shard

    mine = runs_of_shard(plan, plan.runs, shard)
    cpu_s, wall_s, basis = estimate_campaign(plan, folder, args.jobs, mine)
    states = ["done" if folder.finished(run.run_id) else "to do" for run in mine]
    names = [plan.variants[run.variant].name for run in mine]
    if args.json:
        runs = [
            {"run_id": run.run_id, "variant": name, "replication": run.replication, "seed": run.seed, "state": state,
             "labels": plan.variants[run.variant].labels}
            for run, name, state in zip(mine, names, states, strict=True)
        ]
        print_json({
            "schema_version": SCHEMA_VERSION, "name": plan.campaign.name, "axes": plan.axes, "runs": runs,
            "expected_cpu_s": round(cpu_s, 1), "expected_wall_s": round(wall_s, 1), "basis": basis,
        })
        return 0
    rows = [
        (run.run_id, name, str(run.replication), str(run.seed), state)
        for run, name, state in zip(mine, names, states, strict=True)
    ]
    print(columns(rows, ("run id", "variant", "replication", "seed", "state")))
    print(f"expected: about {duration_text(cpu_s)} of CPU, {duration_text(wall_s)} here (from {basis})")
    if plan.campaign.until is not None:
        until = plan.campaign.until
        more = f"more seeds may follow, up to {until.max_seeds} of each variant"
        print(f"until {until.metric} +- {until.half_width:g}: {more}")
    return 0
