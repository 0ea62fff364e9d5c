"""``corridor collect``: the tables of a campaign, derived anew from its finished runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_loudness, add_verb, print_json, remark

if TYPE_CHECKING:
    from sim.campaign.collect import Collected
    from sim.campaign.store import CampaignResult

EXAMPLES = """
corridor collect results/layouts
corridor collect results/layouts --json
corridor collect results/layouts --runs-only
"""
SOME_FAILED = 4
STATES = ("done", "missing", "failed")
SHOWN = 10
"""Failed runs that are named; the rest is counted."""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "derive the tables of a campaign from its finished runs", EXAMPLES)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of a campaign (corridor sweep)")
    parser.add_argument(
        "--runs-only", action="store_true",
        help="only runs.csv, from the summaries; means and differences stay as they are",
    )
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Write the tables; 4 if runs are missing or failed."""
    from sim.campaign.collect import TABLES, collect
    from sim.campaign.store import read_campaign_folder
    from sim.cli.progress import Progress

    campaign = read_campaign_folder(args.folder)
    with Progress(campaign.name, quiet=args.quiet) as progress:
        found = collect(campaign, progress=progress.update, full=not args.runs_only)
    tables = TABLES[:1] if args.runs_only else TABLES
    for text in found.remarks:
        remark(f"warning: {text}", quiet=args.quiet)
    if args.json:
        print_json(document(campaign, found, tables))
    else:
        print("\n".join(lines(campaign, found)))
    remark(f"{', '.join(tables)} in {campaign.folder.out}", quiet=args.quiet)
    return 0 if found.count("done") == len(campaign.runs) else SOME_FAILED


def document(campaign: CampaignResult, found: Collected, tables: tuple[str, ...]) -> dict[str, Any]:
    """What was found, as one JSON document."""
    done = {run_id for run_id, state in found.states.items() if state == "done"}
    return {
        "schema_version": SCHEMA_VERSION,
        "name": campaign.name,
        "folder": str(campaign.folder.out),
        "axes": campaign.axes,
        "runs": {"planned": len(campaign.runs), **{state: found.count(state) for state in STATES}},
        "variants": [
            {
                "labels": variant.labels,
                "planned": sum(run.variant == variant.index for run in campaign.runs),
                "done": sum(run.variant == variant.index and run.run_id in done for run in campaign.runs),
            }
            for variant in campaign.variants
        ],
        "failed": [{"run_id": run_id, **told} for run_id, told in found.failed.items()],
        "remarks": found.remarks,
        "tables": list(tables),
    }


def lines(campaign: CampaignResult, found: Collected) -> list[str]:
    """What was found, for people."""
    counts = ", ".join(f"{found.count(state)} {state}" for state in STATES)
    text = [f"{campaign.name}: {len(campaign.runs)} runs planned, {counts}"]
    for run_id, told in list(found.failed.items())[:SHOWN]:
        text.append(f"failed: {run_id} after {told.get('attempts')} attempts: {told.get('error')}")
    if len(found.failed) > SHOWN:
        text.append(f"failed: {len(found.failed) - SHOWN} more, see failed.json")
    return text
