"""``corridor run``: one run of one scenario."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import add_json, add_loudness, add_scenario, add_verb, print_json, remark

EXAMPLES = """
corridor run demo-zone
corridor run tripoint --seed 3 --out results/tripoint
corridor run demo-zone --set standards.message_set=etsi-its --pcap demo.pcapng --pcap-at vehicle-12
corridor run demo-zone --set duration_s=10 --set traffic.equipped_ratio=0.6 --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "run one scenario and print its KPIs", EXAMPLES)
    add_scenario(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="result folder (default: results/NAME-RUN_ID)")
    parser.add_argument("--force", action="store_true", help="replace a result folder of another run")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write the packet log (.csv, .csv.gz, .parquet)")
    parser.add_argument("--pcap", type=Path, metavar="FILE", help="capture the packets of chosen stations (.pcapng)")
    parser.add_argument(
        "--pcap-at", action="append", default=[], metavar="STATION",
        help="a station to capture at: a roadside unit's id or vehicle-N; repeatable (default: every roadside unit)",
    )
    parser.add_argument("--traffic-save", type=Path, metavar="FILE", help="store the vehicles' movements")
    parser.add_argument("--traffic-load", type=Path, metavar="FILE", help="replay stored movements")
    add_json(parser)
    add_loudness(parser, "say first what the scenario amounts to")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Load, run, print."""
    from sim.cli.progress import Progress
    from sim.scenario import load

    loaded = load(args.scenario, args.overrides, args.seed)
    run_id = loaded.run_id()
    remark(f"{loaded.name}: seed {loaded.config.seed}, run {run_id}", quiet=args.quiet)
    if args.verbose:
        from sim.scenario.facts import facts_text

        remark(facts_text(loaded))
    from sim.metrics.summary import summary_table
    from sim.simulation import run

    options: dict[str, Any] = {}
    for key in ("traffic_save", "traffic_load", "pcap"):
        if getattr(args, key) is not None:
            options[key] = getattr(args, key)
    if args.pcap_at:
        if args.pcap is None:
            raise ValueError("--pcap-at: needs --pcap FILE")
        options["pcap_at"] = args.pcap_at
    with Progress(loaded.name, quiet=args.quiet) as progress:
        result = run(loaded, out=args.out, force=args.force, trace=args.trace, progress=progress.update, **options)
    for warning in result.summary.get("warnings", ()):
        remark(f"warning: {warning}", quiet=args.quiet)
    if args.json:
        print_json(result.summary)
    else:
        print(summary_table(result), end="")
    remark(f"results in {result.folder}", quiet=args.quiet)
    return 0
