"""``corridor fragment``: what harmonising is worth, from the runs to tables, figures and a verdict."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_loudness, add_verb, columns, print_json, remark, seed

if TYPE_CHECKING:
    from sim.campaign.plan import Plan
    from sim.campaign.store import CampaignResult
    from sim.fragment import Findings, Question, Study

EXAMPLES = """
corridor fragment tripoint --seeds 5 --dry-run
corridor fragment tripoint --candidates S0 S1 S2 --attribute none --seeds 2 --json
corridor fragment tripoint --candidates S0 S6 G --attribute S6 --hazards H4 H7 H13 --seeds 5 --jobs 2
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    from sim.cli.sweep import add_place

    parser = add_verb(verbs, name, "what harmonising is worth: candidates compared, losses attributed", EXAMPLES)
    parser.add_argument("scenario", metavar="SCENARIO", help="a YAML file, or a shipped name")
    parser.add_argument("--candidates", nargs="+", metavar="NAME", help="candidate files or shipped names (default: S0 "
                        "to S6, R1 to R5 and G)")
    parser.add_argument("--against", metavar="NAME", help="what the others are compared with (default: S0, "
                        "else the first)")
    parser.add_argument("--attribute", metavar="NAME", help="candidate whose loss is attributed to its hazards "
                        "(default: the S candidate with the highest number), or none")
    parser.add_argument("--hazards", nargs="+", default=[], metavar="H", help="hazards that share the loss, at most 8; "
                        "the others stay at work (default: all that change anything)")
    parser.add_argument("--weight", action="append", default=[], metavar="CLASS=W", help="weight of a class in the "
                        "overall loss, e.g. 'I2V RSI=2' (default 1, V2I 0); repeatable")
    parser.add_argument("--decision-weights", type=Path, metavar="FILE", help="weights of the decision matrix")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
                        help="change one key in every run; repeatable")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of every variant (default 5)")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="what the seeds follow from (default 1)")
    parser.add_argument("--plots", action=argparse.BooleanOptionalAction, default=True, help="draw the figures "
                        "(default) or not")
    parser.add_argument("--lang", nargs="+", choices=("en", "zh"), default=["en"], help="of the figures; the first one "
                        "also of the summary (default en)")
    add_place(parser)
    parser.add_argument("--dry-run", action="store_true", help="list the runs and the expected time, do nothing")
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Run what it takes, write tables and figures, print the summary; 4 if runs are missing."""
    from sim.campaign.shards import chosen_shard
    from sim.fragment import findings, study_of

    question = question_from(args)
    out, shard = args.out or Path("results") / question.name, chosen_shard(args.shard)
    study = study_of(question)
    if args.dry_run:
        return _listed(study, out, args, shard)
    campaign = _do(study.plan, out, args, shard)
    if shard[1] > 1:
        return _part_done(campaign, args, shard)
    found = findings(study, campaign)
    _write(found, out, args)
    if args.json:
        from sim.fragment.document import document

        print_json(document(found))
    else:
        from sim.fragment.words import summary_lines

        print("\n".join(summary_lines(found, args.lang[0])))
    remark(f"results in {out}", quiet=args.quiet)
    return 4 if found.failed_runs() else 0


def question_from(args: argparse.Namespace) -> Question:
    """What the arguments ask."""
    from sim.cli.campaigns import changes
    from sim.fragment import NONE, Question, last_of_family, shipped_family

    candidates = tuple(args.candidates or shipped_family())
    if not candidates:
        raise ValueError("fragment: none of the family of candidates is shipped; name some with --candidates")
    against = args.against or ("S0" if "S0" in candidates else candidates[0])
    attribute = args.attribute or last_of_family(candidates)
    return Question(
        args.scenario, candidates, against, attribute, () if attribute == NONE else tuple(args.hazards), args.seeds,
        args.seed, changes(args).get("set", {}), dict(map(_weight, args.weight)), args.decision_weights,
    )


def _weight(text: str) -> tuple[str, float]:
    name, equals, value = text.rpartition("=")
    try:
        return name.strip(), float(value if equals else "")
    except ValueError:
        raise ValueError(f"--weight {text}: must be CLASS=NUMBER") from None


def _do(plan: Plan, folder: Path, args: argparse.Namespace, shard: tuple[int, int]) -> CampaignResult:
    from sim.campaign.engine import run_campaign
    from sim.cli.campaigns import executor_of
    from sim.cli.progress import Progress

    def say(line: str) -> None:
        remark(line, quiet=args.quiet)

    say(f"{plan.campaign.name}: {len(plan.variants)} variants x {plan.replications()} seeds = {len(plan.runs)} runs")
    try:
        with Progress(plan.campaign.name, quiet=args.quiet) as progress:
            return run_campaign(
                plan, folder, executor=executor_of(args), jobs=args.jobs, progress=progress.update, remark=say,
                force=args.force, shard=shard,
            )
    except KeyboardInterrupt:
        say("finished runs are kept: the same command goes on")
        raise


def _part_done(campaign: CampaignResult, args: argparse.Namespace, shard: tuple[int, int]) -> int:
    remark(f"part {shard[0]} of {shard[1]} done in {campaign.folder.out}", quiet=args.quiet)
    remark("when all parts are done, the same command without --shard writes the tables", quiet=args.quiet)
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, "shard": list(shard), "runs": campaign.states()})
    return 4 if campaign.failed() else 0


def _write(found: Findings, out: Path, args: argparse.Namespace) -> None:
    from sim.fragment.document import write_document
    from sim.fragment.tables import write_tables

    paths = [*write_tables(found, out), write_document(found, out)]
    if args.plots:
        from sim.fragment.drawing import draw_study

        paths += draw_study(found, out / "plots", args.lang, lambda line: remark(line, quiet=args.quiet))
    for path in paths:
        remark(f"wrote {path}", quiet=args.quiet)


def _listed(study: Study, out: Path, args: argparse.Namespace, shard: tuple[int, int]) -> int:
    """``--dry-run``: every run of this part, what it judges, and the time all of them will take."""
    from sim.campaign.engine import duration_text
    from sim.campaign.estimate import estimate_campaign
    from sim.campaign.shards import runs_of_shard
    from sim.campaign.store import campaign_folder

    plan, folder = study.plan, campaign_folder(study.plan, out)
    mine = runs_of_shard(plan, plan.runs, shard)
    cpu_s, wall_s, basis = estimate_campaign(plan, folder, args.jobs, mine)
    views = {label: [name for name, place in study.places.items() if place.variant == label and place.view]
             for label in plan.axes["standards"]}
    rows = [
        (run.run_id, label, str(len(views[label])), str(run.replication), str(run.seed),
         "done" if folder.finished(run.run_id) else "to do")
        for run in mine for label in [plan.variants[run.variant].labels["standards"]]
    ]
    if args.json:
        keys = ("run_id", "candidate", "views", "replication", "seed", "state")
        print_json({
            "schema_version": SCHEMA_VERSION, "name": plan.campaign.name, "candidates": list(study.candidates),
            "hazards": list(study.hazards), "views": views, "runs": [dict(zip(keys, row, strict=True)) for row in rows],
            "expected_cpu_s": round(cpu_s, 1), "expected_wall_s": round(wall_s, 1), "basis": basis,
        })
        return 0
    print(columns(rows, ("run id", "candidate", "views", "replication", "seed", "state")))
    subsets = f", {len(study.removed)} subsets of {', '.join(study.hazards)}" if study.hazards else ""
    print(f"{len(study.candidates)} candidates{subsets}: {len(plan.variants)} radio runs a seed")
    print(f"expected: about {duration_text(cpu_s)} of CPU, {duration_text(wall_s)} here (from {basis})")
    for line in study.remarks:
        print(line)
    return 0
