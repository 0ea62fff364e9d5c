"""``corridor explain``: what became of one frame."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import add_verb

EXAMPLES = """
corridor run tripoint --out results/tripoint --trace results/tripoint/trace.csv
corridor explain results/tripoint --frame 6000
corridor explain results/tripoint/trace.csv --frame 6000 --receiver 10000143
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "tell the story of one frame of a run", EXAMPLES)
    parser.add_argument("result", type=Path, metavar="RESULT", help="result folder, or a packet log (run --trace)")
    parser.add_argument("--frame", type=int, required=True, metavar="ID", help="id of the frame")
    parser.add_argument("--receiver", type=int, metavar="ID", help="only this receiver")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print the story."""
    from sim.explain import explain

    print(explain(args.result, args.frame, args.receiver))
    return 0
