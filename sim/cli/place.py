"""``corridor place``: where roadside units should stand so that a coverage target holds with few of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import add_json, add_loudness, add_scenario, add_verb, print_json, remark

EXAMPLES = """
corridor place 03-one-border --target "coverage(SPAT) >= 0.95" --seeds 3 --jobs 2
corridor place demo-zone --target "coverage(SPAT) >= 0.95" --target "coverage(RSI) >= 0.99" --no-verify
corridor place 03-one-border --target "coverage(RSI, direction=up) >= 0.9" --budget 1 --write units.yaml --check
"""
NOT_HELD, SOME_FAILED = 3, 4


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "propose where roadside units should stand, and verify it by simulation", EXAMPLES)
    add_scenario(parser)
    parser.add_argument(
        "--target", action="append", default=[], metavar="TEXT",
        help="'coverage(CLASS[, raw|useful][, jurisdiction=ID][, direction=up|down]) >= SHARE' with CLASS of SPAT, "
        "RSI, RSM; repeatable, all must hold",
    )
    parser.add_argument("--budget", type=int, metavar="N", help="at most so many units")
    parser.add_argument("--pole-spacing", type=float, default=50.0, metavar="M", help="candidate poles (default 50 m)")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds of model and simulation (default 5)")
    parser.add_argument("--verify", action=argparse.BooleanOptionalAction, default=True,
                        help="simulate the proposal and add units until the targets hold")
    parser.add_argument("--rounds", type=int, default=6, metavar="N", help="layouts simulated at most (default 6)")
    parser.add_argument("--by", choices=("lower", "mean"), default="lower",
                        help="what must reach the target: lower end of the 95%% interval (default), or mean")
    parser.add_argument("--check", action="store_true", help="exit code 3 when the targets do not hold")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: results/place-NAME-NUMBER)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the layout as YAML")
    parser.add_argument("--geojson", type=Path, metavar="FILE", help="write the layout as GeoJSON")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="language of the figure (default: en)")
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: processors)")
    parser.add_argument("--dask", metavar="ADDRESS", help="simulate on a Dask cluster, e.g. tcp://127.0.0.1:8786")
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Propose, print, write."""
    from sim.cli.campaigns import executor_of
    from sim.cli.progress import Progress
    from sim.layouts.place import report
    from sim.layouts.place.propose import propose
    from sim.layouts.place.verify import RunsFailed

    if args.jobs is not None and not 1 <= args.jobs <= 1024:
        raise ValueError(f"--jobs {args.jobs}: must be from 1 to 1024")
    try:
        with Progress("place", quiet=args.quiet) as progress:
            proposal = propose(
                args.scenario, args.target, args.overrides, seed=args.seed, budget=args.budget, seeds=args.seeds,
                spacing_m=args.pole_spacing, verify=args.verify, rounds=args.rounds, judge=args.by, out=args.out,
                jobs=args.jobs, executor=executor_of(args), progress=progress.update,
                remark=lambda line: remark(line, quiet=args.quiet),
            )
    except RunsFailed as error:
        remark(f"error: {error}")
        return SOME_FAILED
    from sim.plots.place import save_curve
    from sim.plots.style import font_remark

    if line := font_remark(args.language):
        remark(line, quiet=args.quiet)
    written = report.write(proposal, layout=args.write, geojson=args.geojson)
    if proposal.out is not None:
        written.append(save_curve(proposal, proposal.out / "place.png", args.language))
    if args.json:
        print_json(report.document(proposal))
    else:
        print(report.text(proposal), end="")
    for path in written:
        remark(f"wrote {path}", quiet=args.quiet)
    held = proposal.holds if proposal.holds is not None else proposal.choice.met and not args.verify
    return NOT_HELD if args.check and not held else 0
