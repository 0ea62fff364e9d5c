"""``corridor explain``: what became of one frame."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, print_json

EXAMPLES = """
corridor run tripoint --out results/tripoint --trace results/tripoint/trace.csv
corridor explain results/tripoint
corridor explain results/tripoint/trace.csv --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "tell the story of one frame of a run", EXAMPLES)
    parser.add_argument("result", type=Path, metavar="RESULT", help="result folder, or a packet log (run --trace)")
    parser.add_argument("--frame", type=int, metavar="ID", help="id of the frame (default: the first packet lost)")
    parser.add_argument("--receiver", type=int, metavar="ID", help="only this receiver")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print the story."""
    from sim.explain import explanation

    found = explanation(args.result, args.frame, args.receiver)
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, **found.plain()})
    else:
        print(found.text)
    return 0
