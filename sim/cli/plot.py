"""``corridor plot``: figures of a result folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, print_json, remark

FORMATS = ("png", "svg", "pdf")
EXAMPLES = """
corridor plot results/demo
corridor plot results/demo --out figures --format svg,pdf
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "draw the figures of a result folder", EXAMPLES)
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder written by corridor run")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: RESULT/plots)")
    parser.add_argument("--format", type=formats, default=["png"], metavar="LIST", help="png, svg, pdf (default: png)")
    add_json(parser)
    parser.set_defaults(act=act)


def formats(text: str) -> list[str]:
    """A list of picture formats, separated by commas."""
    wanted = [word.strip() for word in text.split(",")]
    for word in wanted:
        if word not in FORMATS:
            raise argparse.ArgumentTypeError(f"{word!r} must be one of {', '.join(FORMATS)}")
    return list(dict.fromkeys(wanted))


def act(args: argparse.Namespace) -> int:
    """Draw; print the path of each picture."""
    from sim.plots import draw

    files = [str(path) for path in draw(args.result, args.out or args.result / "plots", args.format)]
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, "files": files})
        return 0
    for file in files:
        print(file)
    if not files:
        remark("no figure: the run has no data for any")
    return 0
