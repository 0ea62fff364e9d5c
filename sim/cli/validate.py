"""``corridor validate``: the radio models against published curves and closed forms."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from sim.cli.options import add_json, add_loudness, add_verb, remark

EXAMPLES = """
corridor validate tests/reference/cv2x_mode4_analytical --quick
corridor validate tests/reference/cv2x_mode4_analytical --quick --json
corridor validate tests/reference --quick --report report.html
corridor validate tests/reference --family propagation
corridor validate --closed-form --quick
corridor validate tests/reference/dot11p_veins_sim --settings
corridor validate --anchor --plot plots
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "compare the radio models with published curves", EXAMPLES)
    parser.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help="folder of published files (CSV), searched through"
    )
    parser.add_argument("--family", metavar="NAME", help="only families whose name starts so (dot11p, uu, ...)")
    parser.add_argument("--closed-form", action="store_true", help="experiments with a known answer too")
    parser.add_argument(
        "--experiment", action="append", default=[], metavar="E", help="only this closed form (E1 ...); may be repeated"
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE_OR_DIR", help="page with overlaid curves: .html, .md, or a folder"
    )
    parser.add_argument(
        "--anchor", action="store_true", help="a published field test beside the model, and nothing else; no verdict"
    )
    parser.add_argument("--plot", type=Path, metavar="DIR", help="one picture per file")
    parser.add_argument(
        "--precision",
        type=float,
        default=0.5,
        metavar="P",
        help="wanted 95 %% half width of each file's mean, percentage points (default: 0.5)",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--quick", action="store_true", help="one short replication per setting")
    parser.add_argument(
        "--settings", action="store_true", help="print the settings of the files as scenarios, and simulate nothing"
    )
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Run the comparison; 3 if something is outside its tolerance."""
    from sim import validate

    return validate.main(
        args.folder,
        plot=args.plot,
        as_json=args.json,
        precision=args.precision,
        quick=args.quick,
        jobs=args.jobs,
        progress=partial(remark, quiet=args.quiet),
        family=args.family,
        closed_form=args.closed_form,
        experiments=args.experiment,
        report=args.report,
        settings=args.settings,
        anchor=args.anchor,
    )
