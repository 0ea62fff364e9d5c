"""``corridor validate``: the radio model against published curves."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from sim.cli.options import add_json, add_loudness, add_verb, remark

EXAMPLES = """
corridor validate tests/reference/cv2x_mode4_analytical --quick
corridor validate tests/reference/cv2x_mode4_analytical --quick --json
corridor validate tests/reference/cv2x_mode4_analytical --plot figures
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "compare the radio model with published curves", EXAMPLES)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of published curves (CSV files)")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw model against publication")
    parser.add_argument(
        "--precision",
        type=float,
        default=0.5,
        metavar="P",
        help="wanted 95 %% half width of each file's mean, percentage points (default: 0.5)",
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--quick", action="store_true", help="one short replication per setting")
    add_json(parser)
    add_loudness(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Run the comparison; 3 if a file is outside its tolerance."""
    from sim import validate

    return validate.main(
        args.folder,
        plot=args.plot,
        as_json=args.json,
        precision=args.precision,
        quick=args.quick,
        jobs=args.jobs,
        progress=partial(remark, quiet=args.quiet),
    )
